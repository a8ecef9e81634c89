/* feed.c - see feed.h. */
#include "train/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/feed_images.h"
#include "train/weights.h"

/* ---- which column */

static bool same_port(const ht_callable *call, const ht_port *port,
                      const char *name, size_t n) {
  char text[256];
  const ht_port *found;
  if (n >= sizeof text) return false;
  memcpy(text, name, n);
  text[n] = 0;
  if (ht_callable_input(call, text, &found).code == HT_OK) return found == port;
  char *dot = strchr(text, '.'); /* "module.input" is "module/input" */
  if (!dot) return false;
  *dot = '/';
  return strcmp(text, port->name) == 0;
}

/* The column that "NAME=COLUMN" gives to a port, NULL: none does. */
static const char *asked_for(const ht_callable *call, const ht_port *port,
                             const ht_mapping_choice *choice) {
  for (int i = 0; i < choice->n_input; i++) {
    const char *equals = strchr(choice->input[i], '=');
    if (equals && same_port(call, port, choice->input[i],
                            (size_t)(equals - choice->input[i])))
      return equals + 1;
  }
  if (port->dtype == HT_STRING && choice->text) return choice->text;
  if (port->dtype != HT_STRING && choice->image) return choice->image;
  return NULL;
}

static const ht_column *only_other(const ht_dataset *data,
                                   const ht_column *label, const char *weight) {
  const ht_column *found = NULL;
  for (int i = 0; i < data->n_columns; i++) {
    const ht_column *c = &data->column[i];
    if (c == label || (weight && strcmp(c->name, weight) == 0)) continue;
    if (found) return NULL;
    found = c;
  }
  return found;
}

/* What the graph takes where nothing is fed, at every step. */
static ht_status default_column(ht_feed *f, const ht_callable *call, int i) {
  const ht_tensor *value = ht_port_default(call, f->input[i]);
  ht_column *column;
  if (!value) return HT_SUCCESS;
  HT_NEW(column, &f->data.arena, 1);
  *column = (ht_column){.name = "its default", .value = *value, .whole = true};
  f->column[i] = column;
  return HT_SUCCESS;
}

static ht_status find_column(ht_feed *f, const ht_callable *call, int i,
                             const ht_mapping_choice *choice) {
  const ht_port *port = f->input[i];
  const char *name = asked_for(call, port, choice);
  const char *last = strrchr(port->name, '/');
  if (name) return ht_dataset_column(&f->data, name, &f->column[i]);
  f->column[i] = ht_dataset_find(&f->data, port->name);
  if (!f->column[i] && last) f->column[i] = ht_dataset_find(&f->data, last + 1);
  if (f->column[i] || f->n_inputs > 1) goto found;
  static const char *const usual[] = {"text", "image", "image/encoded"};
  for (int k = 0; k < 3 && !f->column[i]; k++)
    if ((port->dtype == HT_STRING) == (k == 0))
      f->column[i] = ht_dataset_find(&f->data, usual[k]);
  if (!f->column[i])
    f->column[i] = only_other(&f->data, f->label, choice->weight);
found:
  if (!f->column[i]) HT_TRY(default_column(f, call, i));
  if (f->column[i]) return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "no column of '%s' for input '%s': say --input %s=COLUMN",
                 f->data.path, port->name, port->name);
}

static ht_status no_such_input(ht_feed *f, const ht_callable *call,
                               const char *text, size_t n) {
  const ht_port *port;
  const char *name = ht_arena_bytes(&f->data.arena, text, n);
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  HT_TRY(ht_callable_named(call, name, &port)); /* fails with those there are */
  return ht_fail(HT_USAGE, "'%s': no input '%s'", call->name, name);
}

/* Every "NAME=COLUMN" has to be for an input there is. */
static ht_status check_asked(ht_feed *f, const ht_callable *call,
                             const ht_mapping_choice *choice) {
  for (int i = 0; i < choice->n_input; i++) {
    const char *text = choice->input[i], *equals = strchr(text, '=');
    bool found = false;
    if (!equals)
      return ht_fail(HT_USAGE, "'--input' wants NAME=COLUMN, not '%s'", text);
    for (int k = 0; k < f->n_inputs && !found; k++)
      found = same_port(call, f->input[k], text, (size_t)(equals - text));
    if (!found) return no_such_input(f, call, text, (size_t)(equals - text));
  }
  return HT_SUCCESS;
}

static ht_status open_images(ht_feed *f, int i,
                             const ht_mapping_choice *choice) {
  const ht_column *c = f->column[i];
  if (!ht_port_takes_images(f->input[i]) || !ht_column_is_images(c))
    return HT_SUCCESS;
  return ht_feed_images_open(f->input[i], c, f->data.path, choice->images,
                             &f->data.arena, &f->images[i]);
}

static ht_status find_label(ht_feed *f, const ht_mapping_choice *choice,
                            bool labelled) {
  const char *name = choice->label ? choice->label : "label";
  f->label = choice->label ? ht_dataset_find(&f->data, name)
                           : ht_dataset_label(&f->data);
  if (f->label || !labelled) return HT_SUCCESS;
  return ht_dataset_column(&f->data, name, &f->label);
}

static ht_status find_weight(ht_feed *f, const ht_mapping_choice *choice) {
  const char *name = choice->weight;
  if (choice->must_weigh || ht_dataset_find(&f->data, name))
    return ht_weights_read(&f->data, name, &f->weight);
  if (!choice->images || !choice->images->notice) return HT_SUCCESS;
  char line[HT_MESSAGE_MAX];
  snprintf(line, sizeof line,
           "'%s' has no column '%s': its examples all count the same",
           f->data.path, name);
  choice->images->notice(choice->images->arg, line);
  return HT_SUCCESS;
}

static ht_status map_columns(ht_feed *f, const ht_callable *call,
                             const ht_mapping_choice *choice, bool labelled) {
  HT_TRY(check_asked(f, call, choice));
  HT_TRY(find_label(f, choice, labelled));
  if (labelled && choice->weight) HT_TRY(find_weight(f, choice));
  HT_NEW(f->column, &f->data.arena, f->n_inputs + 1);
  HT_NEW(f->images, &f->data.arena, f->n_inputs + 1);
  for (int i = 0; i < f->n_inputs; i++) {
    HT_TRY(find_column(f, call, i, choice));
    HT_TRY(open_images(f, i, choice));
  }
  return HT_SUCCESS;
}

ht_status ht_feed_open(const char *path, const ht_callable *call,
                       const ht_port *const *input, int n_inputs,
                       const ht_mapping_choice *choice, bool labelled,
                       ht_feed *out) {
  ht_read_options options = {.text = choice->text,
                             .image = choice->image,
                             .label = choice->label,
                             .labelled = labelled,
                             .lines = labelled,
                             .max_bad = choice->max_bad};
  if (choice->images) {
    options.notice = choice->images->notice;
    options.arg = choice->images->arg;
  }
  *out = (ht_feed){.input = input, .n_inputs = n_inputs};
  HT_TRY(ht_dataset_read(path, &options, &out->data));
  ht_status st = map_columns(out, call, choice, labelled);
  if (st.code != HT_OK) ht_feed_close(out);
  return st;
}

ht_status ht_feed_encode(ht_feed *f, const ht_labels *labels) {
  if (f->encoded) ht_targets_free(&f->targets);
  f->encoded = false;
  HT_TRY(ht_within(ht_labels_encode(labels, f->label, &f->targets), "'%s'",
                   f->data.path));
  f->encoded = true;
  return HT_SUCCESS;
}

void ht_feed_close(ht_feed *f) {
  for (int i = 0; f->images && i < f->n_inputs; i++)
    ht_images_free(f->images[i]);
  if (f->encoded) ht_targets_free(&f->targets);
  ht_dataset_free(&f->data);
  *f = (ht_feed){0};
}

/* ---- values */

static ht_status cast_element(ht_dtype to, double x, int64_t k, int64_t i,
                              void *data) {
  switch (to) {
    case HT_FLOAT: ((float *)data)[i] = (float)x; break;
    case HT_DOUBLE: ((double *)data)[i] = x; break;
    case HT_INT32: ((int32_t *)data)[i] = (int32_t)k; break;
    case HT_INT64: ((int64_t *)data)[i] = k; break;
    case HT_UINT8: ((uint8_t *)data)[i] = (uint8_t)k; break;
    case HT_BOOL: ((bool *)data)[i] = k != 0; break;
    default:
      return ht_fail(HT_UNSUPPORTED, "numbers of a column cannot become '%s'",
                     ht_dtype_name(to));
  }
  return HT_SUCCESS;
}

/* A column's numbers as those of the port: whole numbers may become floats,
 * floats nothing but floats. */
static ht_status cast(ht_pool *pool, ht_dtype to, ht_tensor *t) {
  ht_tensor out;
  if (t->dtype == to || t->dtype == HT_STRING || to == HT_STRING)
    return HT_SUCCESS;
  bool whole = ht_dtype_integer(t->dtype) || t->dtype == HT_BOOL;
  if (!whole && !ht_dtype_floating(to)) return HT_SUCCESS;
  HT_TRY(ht_tensor_new(pool, to, &t->shape, &out));
  int64_t n = ht_count(t);
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < n && st.code == HT_OK; i++)
    st = whole ? cast_element(to, (double)ht_int_at(t, i), ht_int_at(t, i), i,
                              out.data)
               : cast_element(to, ht_real_at(t, i), 0, i, out.data);
  ht_tensor_drop(t);
  *t = out;
  return st;
}

/* [n] becomes [n, 1] where the port wants that. */
static void fit_rank(const ht_port *port, ht_tensor *t) {
  const ht_shape *want = &port->shape;
  if (want->rank != t->shape.rank + 1 || want->rank > HT_MAX_RANK) return;
  if (want->dim[want->rank - 1] > 1) return;
  t->shape.dim[t->shape.rank++] = 1;
}

static ht_status input_of(const ht_feed *f, ht_pool *pool, int i,
                          const int64_t *index, int64_t n, ht_tensor *out) {
  HT_TRY(ht_batch_gather(pool, f->column[i], index, n, out));
  ht_status st = cast(pool, f->input[i]->dtype, out);
  fit_rank(f->input[i], out);
  if (st.code == HT_OK) st = ht_port_check(f->input[i], out);
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

/* ---- images */

static void keep_rows(const bool *good, int64_t n, ht_tensor *t) {
  size_t row = ht_tensor_bytes(t) / (size_t)n;
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!good[i]) continue;
    memmove((char *)t->data + (size_t)kept++ * row,
            (char *)t->data + (size_t)i * row, row);
  }
  t->shape.dim[0] = kept;
}

/* Reads the images; good[i] stays true where all of an example are. */
static ht_status read_images(const ht_feed *f, int64_t epoch,
                             const int64_t *index, int64_t n, bool *good,
                             ht_tensor *out) {
  bool *read = malloc((size_t)n + 1);
  if (!read) return ht_fail(HT_NO_MEMORY, "no memory for a batch");
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < f->n_inputs && st.code == HT_OK; i++) {
    if (!f->images[i]) continue;
    st = ht_images_read(f->images[i], epoch, index, n, read, &out[i]);
    for (int64_t k = 0; st.code == HT_OK && k < n; k++) good[k] &= read[k];
  }
  free(read);
  return st;
}

static ht_status take_images(const ht_feed *f, int64_t epoch, int64_t *index,
                             int64_t *n, ht_tensor *out) {
  int64_t kept = 0;
  bool *good = malloc((size_t)*n + 1);
  if (!good) return ht_fail(HT_NO_MEMORY, "no memory for a batch");
  memset(good, true, (size_t)*n + 1);
  ht_status st = read_images(f, epoch, index, *n, good, out);
  for (int i = 0; i < f->n_inputs; i++)
    if (st.code == HT_OK && f->images[i]) keep_rows(good, *n, &out[i]);
  for (int64_t k = 0; k < *n; k++)
    if (good[k]) index[kept++] = index[k];
  if (st.code == HT_OK) *n = kept;
  free(good);
  return st;
}

ht_images *ht_feed_images(const ht_feed *f) {
  for (int i = 0; i < f->n_inputs; i++)
    if (f->images[i]) return f->images[i];
  return NULL;
}

int64_t ht_feed_example_bytes(const ht_feed *f) {
  int64_t bytes = 0;
  for (int i = 0; i < f->n_inputs; i++) {
    const ht_column *c = f->column[i];
    int64_t each = (int64_t)ht_dtype_size(f->input[i]->dtype);
    if (f->images[i]) {
      const ht_image_spec *s = ht_images_spec(f->images[i]);
      bytes += s->height * s->width * s->channels * each;
    } else if (!c->whole && !ht_dtype_pointers(f->input[i]->dtype)) {
      bytes += ht_count(&c->value) / f->data.n * each;
    }
  }
  return bytes;
}

bool ht_feed_broken(const ht_feed *f, int64_t example) {
  for (int i = 0; i < f->n_inputs; i++)
    if (f->images[i] && ht_images_broken(f->images[i], example)) return true;
  return false;
}

ht_status ht_feed_expect(const ht_feed *f, int64_t epoch, const int64_t *index,
                         int64_t n) {
  for (int i = 0; i < f->n_inputs; i++)
    if (f->images[i]) HT_TRY(ht_images_expect(f->images[i], epoch, index, n));
  return HT_SUCCESS;
}

/* ---- batches */

static ht_status fill_inputs(const ht_feed *f, ht_pool *pool, int64_t epoch,
                             int64_t *index, int64_t *n, ht_tensor *out) {
  if (ht_feed_images(f)) HT_TRY(take_images(f, epoch, index, n, out));
  for (int i = 0; i < f->n_inputs; i++)
    if (!f->images[i]) HT_TRY(input_of(f, pool, i, index, *n, &out[i]));
  return HT_SUCCESS;
}

ht_status ht_feed_inputs(const ht_feed *f, ht_pool *pool, int64_t epoch,
                         int64_t *index, int64_t *n, ht_tensor *out) {
  memset(out, 0, (size_t)f->n_inputs * sizeof *out);
  ht_status st = fill_inputs(f, pool, epoch, index, n, out);
  for (int i = 0; st.code != HT_OK && i < f->n_inputs; i++)
    ht_tensor_drop(&out[i]);
  return st;
}

static ht_status sample_of(const ht_feed *f, int i, int64_t n, ht_tensor *out) {
  const int64_t index[2] = {0, 1};
  if (!f->images[i]) return input_of(f, NULL, i, index, n, out);
  const ht_image_spec *s = ht_images_spec(f->images[i]);
  ht_shape shape = {4, {n, s->height, s->width, s->channels}};
  return ht_tensor_zeros(NULL, s->dtype, &shape, out);
}

ht_status ht_feed_sample(const ht_feed *f, ht_tensor *out) {
  ht_status st = HT_SUCCESS;
  memset(out, 0, (size_t)f->n_inputs * sizeof *out);
  for (int i = 0; i < f->n_inputs && st.code == HT_OK; i++)
    st = sample_of(f, i, f->data.n < 2 ? f->data.n : 2, &out[i]);
  for (int i = 0; st.code != HT_OK && i < f->n_inputs; i++)
    ht_tensor_drop(&out[i]);
  return st;
}

ht_status ht_feed_label(const ht_feed *f, ht_pool *pool, const int64_t *index,
                        int64_t n, ht_tensor *out) {
  const ht_column *c = &f->targets.column;
  if (c->splits)
    return ht_batch_multihot(pool, c, f->targets.n_classes, index, n, out);
  return ht_batch_gather(pool, c, index, n, out);
}

ht_status ht_feed_weight(const ht_feed *f, ht_pool *pool, const int64_t *index,
                         int64_t n, ht_tensor *out) {
  ht_shape shape = ht_shape_1(n);
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &shape, out));
  for (int64_t i = 0; i < n; i++)
    ht_f(out)[i] = f->weight ? f->weight[index[i]] : 1;
  return HT_SUCCESS;
}
