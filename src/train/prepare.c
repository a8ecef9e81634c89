/* prepare.c - see prepare.h. */
#include "train/prepare.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "kernels/regex.h"
#include "train/assert.h"
#include "train/head_init.h"
#include "train/joint.h"

/* ---- names */

static ht_status unknown(const char *what, const char *name,
                         const char *const *all, int n) {
  ht_text list = {0};
  for (int i = 0; i < n; i++)
    ht_text_printf(&list, "%s%s", i ? ", " : "", all[i]);
  ht_status st = ht_fail(HT_USAGE, "unknown %s '%s': there are %s", what, name,
                         list.p ? list.p : "none");
  ht_text_free(&list);
  return st;
}

enum { MAX_NAMES = 64 };

static ht_status find_optimizer(const char *name,
                                const ht_optimizer_kind **out) {
  int n;
  const char *names[MAX_NAMES];
  const ht_optimizer_kind *all = ht_optimizer_all(&n);
  for (int i = 0; i < n; i++) names[i] = all[i].name;
  *out = ht_optimizer_find(name);
  return *out ? HT_SUCCESS : unknown("optimizer", name, names, n);
}

static ht_status find_loss(const char *name, const ht_loss **out) {
  int n;
  const char *names[MAX_NAMES];
  const ht_loss *all = ht_loss_all(&n);
  for (int i = 0; i < n; i++) names[i] = all[i].name;
  *out = ht_loss_find(name);
  return *out ? HT_SUCCESS : unknown("loss", name, names, n);
}

static ht_status find_schedule(const char *name, const ht_schedule_kind **out) {
  int n;
  const char *names[MAX_NAMES];
  const ht_schedule_kind *all = ht_schedule_all(&n);
  for (int i = 0; i < n; i++) names[i] = all[i].name;
  *out = ht_schedule_find(name);
  return *out ? HT_SUCCESS : unknown("schedule", name, names, n);
}

ht_status ht_prepare_task(const char *name, ht_task *out) {
  static const char *const names[] = {"classify", "multilabel", "regress"};
  static const ht_task tasks[] = {HT_TASK_CLASSIFY, HT_TASK_MULTILABEL,
                                  HT_TASK_REGRESS};
  *out = HT_TASK_AUTO;
  for (int i = 0; name && i < 3; i++)
    if (strcmp(name, names[i]) == 0) *out = tasks[i];
  return !name || *out ? HT_SUCCESS : unknown("task", name, names, 3);
}

/* ---- checks */

static bool trains_module(const ht_train_options *o) {
  return o->trainable || o->trainable_variables;
}

static ht_status in_range(const char *name, double x, double below) {
  if (x >= 0 && x < below) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "'--%s' must be in [0,%g), not %g", name, below, x);
}

static ht_status check_names(const ht_train_options *o) {
  const ht_optimizer_kind *optimizer;
  const ht_schedule_kind *schedule;
  const ht_loss *loss;
  ht_task task;
  static const char *const modes[] = {"training", "inference"};
  HT_TRY(find_optimizer(o->optimizer, &optimizer));
  HT_TRY(find_schedule(o->schedule, &schedule));
  if (strcmp(o->loss, "auto") != 0) HT_TRY(find_loss(o->loss, &loss));
  static const char *const bns[] = {"frozen", "update"};
  if (o->mode && strcmp(o->mode, modes[0]) && strcmp(o->mode, modes[1]))
    return unknown("mode", o->mode, modes, 2);
  if (o->bn && strcmp(o->bn, bns[0]) && strcmp(o->bn, bns[1]))
    return unknown("way of batch normalisation", o->bn, bns, 2);
  if (o->bn && o->mode)
    return ht_fail(HT_USAGE, "'--bn' and '--mode' exclude each other");
  return ht_prepare_task(o->task, &task);
}

static ht_status check_images(const ht_train_options *o) {
  ht_augment a;
  if (o->skip_broken < 0)
    return ht_fail(HT_USAGE, "'--skip-broken' must not be negative");
  return ht_augment_parse(o->augment, 0, &a);
}

ht_status ht_prepare_check(const ht_train_options *o) {
  if (!o->data) return ht_fail(HT_USAGE, "no training data: say --data");
  if (!o->out) return ht_fail(HT_USAGE, "no folder for the run: say --out");
  if ((o->valid && strcmp(o->valid, "-") == 0) ||
      (o->test && strcmp(o->test, "-") == 0))
    return ht_fail(HT_USAGE, "only '--data' can be standard input");
  if (o->rates && o->module_lr >= 0)
    return ht_fail(HT_USAGE,
                   "'--lr PATTERN=RATE' and '--module-lr' exclude each other");
  for (int i = 0; i < o->n_assert; i++) HT_TRY(ht_assert_parse(o->assert[i]));
  if (o->head_first > 0 && !trains_module(o))
    return ht_fail(HT_USAGE, "'--head-first' needs '--trainable'");
  if (o->head_first > 0 && strcmp(o->head, "none") == 0)
    return ht_fail(HT_USAGE, "'--head-first' needs a head");
  if (o->max_bad < 0)
    return ht_fail(HT_USAGE, "'--max-bad' must not be negative");
  HT_TRY(check_names(o));
  HT_TRY(check_images(o));
  HT_TRY(in_range("dropout", o->dropout, 1));
  HT_TRY(in_range("label-smoothing", o->label_smoothing, 1));
  HT_TRY(in_range("clip-norm", o->clip_norm, 1e30));
  HT_TRY(in_range("l1", o->l1, 1e30));
  return in_range("l2", o->l2, 1e30);
}

ht_mapping_choice ht_prepare_mapping(const ht_train_options *o,
                                     const ht_model *model,
                                     ht_image_choice *images) {
  *images = (ht_image_choice){.size = o->image_size,
                              .range = o->image_range,
                              .resize = o->image_resize,
                              .skip = o->skip_broken,
                              .model = model};
  return (ht_mapping_choice){.text = o->text,
                             .image = o->image,
                             .label = o->label,
                             .weight = o->weight_column,
                             .input = o->input,
                             .n_input = o->n_input,
                             .max_bad = o->max_bad,
                             .images = images};
}

ht_status ht_prepare_split(const ht_train_options *o, const ht_feed *feed,
                           ht_arena *arena, ht_split *out) {
  ht_split_options how = {
      .fraction = o->valid_split, .seed = (uint64_t)o->seed, .group = o->group};
  ht_images *images = ht_feed_images(feed);
  if (images && !how.group) {
    uint64_t *digest;
    HT_NEW(digest, arena, 2 * feed->data.n);
    HT_TRY(ht_images_digest(images, digest));
    how.hashed = ht_images_column(images);
    how.digest = digest;
  }
  return ht_split_make(&feed->data, &how, arena, out);
}

/* ---- the module */

/* With frozen batch normalisation the steps run what inference does. */
static bool is_training(const ht_train_options *o) {
  if (o->bn) return strcmp(o->bn, "update") == 0;
  return o->mode ? strcmp(o->mode, "training") == 0 : trains_module(o);
}

/* The graph that steps run: of TF1, that with the tag train, unless tags
 * were asked for. */
static ht_status open_training(const ht_train_options *o, ht_model *model,
                               ht_model **out) {
  *out = model;
  if (o->tags || !is_training(o) || model->format == HT_FORMAT_SM2 ||
      !ht_model_has_tags(model, "train"))
    return HT_SUCCESS;
  return ht_model_open_variant(model, "train", out);
}

ht_status ht_prepare_model(const ht_train_options *o, ht_model **out) {
  *out = NULL;
  if (!o->n_module) return ht_fail(HT_USAGE, "no module: say --module");
  ht_model *model, *training;
  HT_TRY(ht_joint_open(o, is_training(o), &model));
  ht_status st =
      model->n_members ? HT_SUCCESS : open_training(o, model, &training);
  if (st.code == HT_OK)
    *out = model;
  else
    ht_model_free(model);
  return st;
}

static ht_status bound_arguments(const ht_train_options *o, ht_arena *arena,
                                 ht_bound_argument **out) {
  HT_NEW(*out, arena, o->n_argument + 1);
  for (int i = 0; i < o->n_argument; i++) {
    char *text = ht_arena_string(arena, o->argument[i]);
    char *equals = text ? strchr(text, '=') : NULL;
    if (!equals)
      return ht_fail(HT_USAGE, "'--argument' wants NAME=VALUE, not '%s'",
                     o->argument[i]);
    *equals = 0;
    (*out)[i] = (ht_bound_argument){.name = text, .value = equals + 1};
  }
  return HT_SUCCESS;
}

static ht_status choose(const ht_train_options *o, ht_model *model,
                        ht_design *d) {
  ht_bound_argument *argument;
  if (model->n_members) return ht_joint_choose(o, model, is_training(o), d);
  HT_TRY(bound_arguments(o, &model->arena, &argument));
  ht_call_choice choice = {.signature = o->signature,
                           .call = o->call,
                           .output = o->output,
                           .argument = argument,
                           .n_arguments = o->n_argument};
  if (is_training(o) && !o->signature && !o->call &&
      ht_model_trains_by_call(model))
    choice.call = "";
  HT_TRY(ht_model_choose(model, &choice, &d->inference));
  d->training = d->inference;
  if (!is_training(o)) return HT_SUCCESS;
  ht_model *variant;
  HT_TRY(open_training(o, model, &variant));
  d->variant = variant;
  choice.training = 1;
  return ht_model_choose(variant, &choice, &d->training);
}

static bool is_file(const char *init) {
  return strcmp(init, "glorot") != 0 && strcmp(init, "zeros") != 0;
}

ht_status ht_prepare_classes(const ht_train_options *o, int *n) {
  ht_tensor kernel, bias;
  *n = 0;
  if (!is_file(o->head_init)) return HT_SUCCESS;
  HT_TRY(ht_head_init_read(o->head_init, &kernel, &bias));
  *n = (int)bias.shape.dim[0];
  ht_tensor_drop(&kernel);
  ht_tensor_drop(&bias);
  return HT_SUCCESS;
}

ht_status ht_prepare_design(const ht_train_options *o, ht_model *model,
                            ht_design *out) {
  *out = (ht_design){
      .output = o->output,
      .head = o->head,
      .init = o->head_init,
      .dropout = o->dropout,
      .smoothing = o->label_smoothing,
      .l1 = o->l1,
      .l2 = o->l2,
      .module_losses = !o->no_module_losses,
      .seed = (uint64_t)o->seed,
  };
  HT_TRY(choose(o, model, out));
  if (!is_file(o->head_init)) return HT_SUCCESS;
  if (strcmp(o->head, "linear") != 0)
    return ht_fail(HT_USAGE, "weights from '%s' need a linear head",
                   o->head_init);
  return ht_head_init_read(o->head_init, &out->kernel, &out->bias);
}

ht_status ht_prepare_labels(const ht_train_options *o, const ht_labels *labels,
                            ht_design *design) {
  const char *name = o->loss;
  if (strcmp(name, "auto") == 0)
    name = labels->task == HT_TASK_CLASSIFY     ? "softmax"
           : labels->task == HT_TASK_MULTILABEL ? "sigmoid"
                                                : "mse";
  design->labels = labels;
  design->weighted = o->weight_column != NULL;
  return find_loss(name, &design->loss);
}

/* ---- what trains */

static bool matches(const ht_regex *re, const ht_variable *v) {
  size_t bounds[2];
  char scoped[1024];
  int n = snprintf(scoped, sizeof scoped, "%s%s", v->scope ? v->scope : "",
                   v->name);
  if (v->scope && n < (int)sizeof scoped &&
      ht_regex_find(re, scoped, strlen(scoped), bounds, NULL))
    return true;
  const char *key = v->key ? v->key : v->name;
  return ht_regex_find(re, key, strlen(key), bounds, NULL) ||
         ht_regex_find(re, v->name, strlen(v->name), bounds, NULL);
}

ht_status ht_prepare_tuned(const ht_train_options *o, ht_model *model) {
  const char *pattern = o->trainable_variables;
  ht_regex *re = NULL;
  int n = 0;
  if (pattern) HT_TRY(ht_regex_new(pattern, strlen(pattern), &re));
  for (int i = 0; i < model->store.n_variables; i++) {
    ht_variable *v = model->store.variable[i];
    v->tuned =
        re ? ht_dtype_floating(v->dtype) && v->value.dtype && matches(re, v)
           : o->trainable && v->trainable;
    n += v->tuned;
  }
  ht_regex_free(re);
  if (n || !trains_module(o)) return HT_SUCCESS;
  return re ? ht_fail(HT_USAGE, "no variable's name has '%s' in it", pattern)
            : ht_fail(HT_USAGE, "no variable of the module is trainable");
}

ht_status ht_prepare_optimizer(const ht_train_options *o,
                               const ht_optimizer_kind **kind,
                               ht_hyper *hyper) {
  HT_TRY(find_optimizer(o->optimizer, kind));
  *hyper = (*kind)->defaults;
  if (o->lr >= 0) hyper->lr = o->lr;
  if (o->weight_decay >= 0) hyper->weight_decay = o->weight_decay;
  hyper->momentum = o->momentum;
  hyper->nesterov = o->nesterov;
  return HT_SUCCESS;
}

ht_status ht_prepare_schedule(const ht_train_options *o, int64_t total,
                              ht_schedule *out) {
  *out = (ht_schedule){.warmup = o->warmup, .total = total};
  return find_schedule(o->schedule, &out->kind);
}

/* ---- trained.json */

static json_object *names_json(const ht_labels *labels) {
  json_object *names = json_object_new_array();
  for (int i = 0; labels->name && i < labels->n; i++)
    json_object_array_add(names, json_object_new_string(labels->name[i]));
  return names;
}

static json_object *shape_json(const ht_shape *shape) {
  json_object *dims = json_object_new_array();
  for (int i = 0; i < shape->rank; i++)
    json_object_array_add(dims, json_object_new_int64(i ? shape->dim[i] : -1));
  return dims;
}

ht_status ht_prepare_note(const char *run, const ht_trained *t,
                          const char *label, int64_t step) {
  static const char *const tasks[] = {"auto", "classify", "multilabel",
                                      "regress"};
  ht_arena arena = {0};
  json_object *o = json_object_new_object();
  json_object_object_add(o, "step", json_object_new_int64(step));
  json_object_object_add(o, "task",
                         json_object_new_string(tasks[t->labels.task]));
  json_object_object_add(o, "values", json_object_new_int(t->labels.n));
  json_object_object_add(o, "classes", names_json(&t->labels));
  json_object_object_add(o, "separator",
                         json_object_new_int(t->labels.separator));
  json_object_object_add(o, "features", shape_json(&t->composed.feature_shape));
  json_object_object_add(o, "label",
                         label ? json_object_new_string(label) : NULL);
  char *here = realpath(".", NULL);
  json_object_object_add(o, "folder",
                         here ? json_object_new_string(here) : NULL);
  free(here);
  const char *text = json_object_to_json_string_ext(
      o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
  const char *path = ht_path_join(&arena, run, "trained.json");
  ht_status st = path ? ht_file_write(path, text, strlen(text))
                      : ht_fail(HT_NO_MEMORY, "no memory for a path");
  json_object_put(o);
  ht_arena_free(&arena);
  return st;
}

static ht_status read_names(json_object *array, ht_arena *arena,
                            ht_trained_note *out) {
  size_t n = json_object_array_length(array);
  if (!n) return HT_SUCCESS;
  HT_NEW(out->name, arena, n);
  for (size_t i = 0; i < n; i++) {
    json_object *item = json_object_array_get_idx(array, i);
    out->name[i] = ht_arena_string(arena, json_object_get_string(item));
    if (!out->name[i]) return ht_fail(HT_NO_MEMORY, "no memory for names");
  }
  return (int)n == out->n ? HT_SUCCESS
                          : ht_fail(HT_CORRUPT, "classes are missing");
}

static bool read_shape(json_object *array, ht_shape *out) {
  size_t n = json_object_array_length(array);
  if (n < 1 || n > HT_MAX_RANK) return false;
  out->rank = (int)n;
  for (size_t i = 0; i < n; i++)
    out->dim[i] = json_object_get_int64(json_object_array_get_idx(array, i));
  return true;
}

static ht_status read_note(json_object *o, ht_arena *arena,
                           ht_trained_note *out) {
  json_object *step, *task, *values, *classes, *features, *separator, *label,
      *folder;
  if (!json_object_object_get_ex(o, "step", &step) ||
      !json_object_object_get_ex(o, "task", &task) ||
      !json_object_object_get_ex(o, "values", &values) ||
      !json_object_object_get_ex(o, "classes", &classes) ||
      !json_object_object_get_ex(o, "features", &features) ||
      !json_object_object_get_ex(o, "separator", &separator) ||
      !json_object_is_type(classes, json_type_array) ||
      !json_object_is_type(features, json_type_array) ||
      !read_shape(features, &out->features))
    return ht_fail(HT_CORRUPT, "it is not what a training writes");
  out->step = json_object_get_int64(step);
  out->n = json_object_get_int(values);
  out->separator = (char)json_object_get_int(separator);
  if (json_object_object_get_ex(o, "label", &label) && label)
    out->label = ht_arena_string(arena, json_object_get_string(label));
  if (json_object_object_get_ex(o, "folder", &folder) && folder)
    out->folder = ht_arena_string(arena, json_object_get_string(folder));
  HT_TRY(ht_prepare_task(json_object_get_string(task), &out->task));
  return read_names(classes, arena, out);
}

ht_status ht_prepare_read_note(const char *run, ht_arena *arena,
                               ht_trained_note *out) {
  char *data, *path = ht_path_join(arena, run, "trained.json");
  size_t n;
  *out = (ht_trained_note){0};
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(path))
    return ht_fail(HT_USAGE, "'%s' holds no finished training", run);
  HT_TRY(ht_file_read(path, (size_t)1 << 28, arena, &data, &n));
  json_object *o = json_tokener_parse(data);
  ht_status st = json_object_is_type(o, json_type_object)
                     ? read_note(o, arena, out)
                     : ht_fail(HT_CORRUPT, "no JSON object");
  json_object_put(o);
  return ht_within(st, "'%s'", path);
}
