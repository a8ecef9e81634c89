/* export_run.c - see export_run.h. */
#include "train/export_run.h"

#include <string.h>

#include "base/file.h"
#include "hub/export.h"
#include "train/card.h"
#include "train/export_bytes.h"
#include "train/export_examples.h"
#include "train/export_warmup.h"
#include "train/feed_images.h"
#include "train/head.h"
#include "train/prepare.h"

enum { MOST_WAYS = 3 };

/* One of the signatures, and what its inputs are: its own, or features of the
 * examples that it takes. */
typedef struct served {
  ht_export_method method;
  const ht_port *port;
  int n_ports;
  ht_string text; /* of a request that strings are wanted in */
} served;

typedef struct work {
  ht_trained *t;
  ht_arena arena;
  ht_port *input, output[2];
  ht_ref scores[2], classes[2]; /* inference, training */
  ht_port file, examples;       /* inputs of signatures beside the first */
  served way[MOST_WAYS];
  int n_ways;
  ht_variable **variable;
  int n_variables;
  ht_text labels, warmup;
  ht_export_extra *extra;
  int n_extras, extra_capacity;
} work;

static bool regresses(const work *w) {
  return w->t->labels.task == HT_TASK_REGRESS;
}

/* ---- the interface */

/* Signatures of TensorFlow take names of Python arguments. */
const char *ht_served_name(const ht_composed *c, int i, ht_arena *arena) {
  const char *whole = c->input[i]->name, *slash = strrchr(whole, '/');
  const char *last = slash ? slash + 1 : whole;
  bool unique = slash != NULL;
  for (int k = 0; k < c->n_inputs && unique; k++) {
    const char *other = strrchr(c->input[k]->name, '/');
    other = other ? other + 1 : c->input[k]->name;
    unique = k == i || strcmp(other, last) != 0;
  }
  if (!slash || unique) return last;
  char *joined = ht_arena_string(arena, whole);
  for (char *p = joined; p && (p = strchr(p, '/'));) *p = '_';
  return joined;
}

static ht_status make_ports(work *w) {
  const ht_composed *c = &w->t->composed;
  HT_NEW(w->input, &w->arena, c->n_inputs + 1);
  for (int i = 0; i < c->n_inputs; i++) {
    w->input[i] = *c->input[i];
    w->input[i].name = ht_served_name(c, i, &w->arena);
    if (!w->input[i].name) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  }
  ht_shape shape = ht_shape_2(-1, c->width);
  const char *name = regresses(w) ? "outputs" : "scores";
  w->output[0] = (ht_port){.name = name, .dtype = HT_FLOAT, .shape = shape};
  w->output[1] =
      (ht_port){.name = "classes", .dtype = HT_STRING, .shape = shape};
  return HT_SUCCESS;
}

/* ---- the graph: scores and the names of classes beside them */

static ht_status names_tensor(const ht_labels *labels, ht_tensor *out) {
  ht_shape s = ht_shape_2(1, labels->n);
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &s, out));
  for (int i = 0; i < labels->n; i++) {
    ht_status st =
        ht_string_set(out, i, labels->name[i], strlen(labels->name[i]));
    if (st.code == HT_OK) continue;
    ht_tensor_drop(out);
    return st;
  }
  return HT_SUCCESS;
}

/* The row of names, once per example. */
static ht_status class_names(work *w, ht_ref scores, ht_ref *out) {
  ht_builder *b = &w->t->composed.builder;
  ht_tensor names;
  HT_TRY(names_tensor(&w->t->labels, &names));
  ht_ref row = ht_build_const(b, "class_names", &names);
  ht_tensor_drop(&names);
  static const int32_t zero = 0, one = 1;
  ht_ref cut[] = {ht_build_1(b, "Shape", scores, ""),
                  ht_build_int32s(b, 1, &zero), ht_build_int32s(b, 1, &one),
                  ht_build_int32s(b, 1, &one)};
  ht_ref n = ht_build(b, "StridedSlice", NULL, 4, cut, "shrink_axis_mask=1");
  ht_ref copies[] = {n, ht_build_int32s(b, -1, &one)};
  ht_ref multiples = ht_build(b, "Pack", NULL, 2, copies, "");
  *out = ht_build_2(b, "Tile", row, multiples, "");
  return ht_builder_status(b);
}

static ht_status build_answers(work *w) {
  ht_composed *c = &w->t->composed;
  w->scores[0] = c->scores;
  ht_ref answer = ht_head_apply(c, c->features[1], true);
  w->scores[1] = c->design.loss->scores(&c->builder, answer);
  HT_TRY(ht_builder_status(&c->builder));
  for (int k = 0; k < 2 && !regresses(w); k++)
    HT_TRY(class_names(w, w->scores[k], &w->classes[k]));
  return HT_SUCCESS;
}

static ht_status body_of(work *w, int which, int n_rets, ht_body *out) {
  ht_composed *c = &w->t->composed;
  *out = (ht_body){.graph = c->builder.graph,
                   .arg = c->placeholder,
                   .n_args = c->n_inputs,
                   .n_rets = n_rets};
  HT_NEW(out->ret, &w->arena, n_rets);
  out->ret[0] = w->scores[which];
  if (n_rets > 1) out->ret[1] = w->classes[which];
  return HT_SUCCESS;
}

/* ---- the signatures beside the first */

static const ht_string some_text = {"a text", 6};

/* One black pixel, as PNG. */
static const ht_string some_image = {
    "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122"
    "\000\000\000\001\000\000\000\001\010\000\000\000\000\072\176\233"
    "\125\000\000\000\012\111\104\101\124\170\234\143\140\000\000\000"
    "\002\000\001\110\257\244\161\000\000\000\000\111\105\116\104\256"
    "\102\140\202",
    67};

static served *next_way(work *w, const char *name) {
  served *out = &w->way[w->n_ways++];
  *out = (served){.method = {.name = name, .output = w->output},
                  .text = some_text};
  out->method.n_outputs = regresses(w) ? 1 : 2;
  return out;
}

/* A graph of its own, from one input of strings. */
static ht_status take_strings(work *w, served *way, ht_port *input,
                              const char *name) {
  ht_composed *c = &w->t->composed;
  ht_body *body = &way->method.inference;
  ht_shape any = ht_shape_1(-1);
  *input = (ht_port){.name = name, .dtype = HT_STRING, .shape = any};
  way->method.input = input;
  way->method.n_inputs = 1;
  *body = (ht_body){
      .graph = c->builder.graph, .n_args = 1, .n_rets = way->method.n_outputs};
  HT_NEW(body->arg, &w->arena, 1);
  HT_NEW(body->ret, &w->arena, 2);
  body->arg[0] = ht_build_placeholder(&c->builder, name, HT_STRING, &any);
  return ht_builder_status(&c->builder);
}

static ht_status answer(work *w, served *way, const ht_ref *value) {
  ht_body *body = &way->method.inference;
  HT_TRY(ht_compose_scores(&w->t->composed, value, &body->ret[0]));
  if (regresses(w)) return HT_SUCCESS;
  return class_names(w, body->ret[0], &body->ret[1]);
}

/* What the images become must be known. */
bool ht_served_files(const ht_trained *t, ht_image_spec *spec) {
  const ht_composed *c = &t->composed;
  ht_image_choice choice;
  (void)ht_prepare_mapping(&t->options, t->model, &choice);
  return c->n_inputs == 1 && ht_port_takes_images(c->input[0]) &&
         ht_image_spec_make(c->input[0], &choice, spec).code == HT_OK;
}

/* Images as the bytes of their files. */
static ht_status add_bytes(work *w, const ht_image_spec *spec) {
  served *way = next_way(w, "serving_bytes");
  ht_ref images;
  HT_TRY(take_strings(w, way, &w->file, "image_bytes"));
  way->port = &w->file;
  way->n_ports = 1;
  way->text = some_image;
  HT_TRY(ht_build_decoding(&w->t->composed.builder, spec,
                           way->method.inference.arg[0], &images));
  return answer(w, way, &images);
}

/* Examples whose features are the inputs of the first signature, or the file
 * of an image (tensorflow/python/saved_model/signature_constants.py has the
 * names). TF Serving's regress gives one number. */
static ht_status add_examples(work *w, const ht_image_spec *spec) {
  ht_composed *c = &w->t->composed;
  ht_ref *value;
  const ht_port *port = spec ? &w->file : w->input;
  int n = spec ? 1 : c->n_inputs;
  if (!ht_examples_carry(port, n) || (regresses(w) && c->width != 1))
    return HT_SUCCESS;
  served *way = next_way(w, regresses(w) ? "regress" : "classify");
  way->method.method = regresses(w) ? "tensorflow/serving/regress"
                                    : "tensorflow/serving/classify";
  HT_TRY(take_strings(w, way, &w->examples, "inputs"));
  way->port = port;
  way->n_ports = n;
  if (spec) way->text = some_image;
  HT_NEW(value, &w->arena, n);
  HT_TRY(ht_build_examples(&c->builder, port, n, way->method.inference.arg[0],
                           value));
  if (spec) HT_TRY(ht_build_decoding(&c->builder, spec, value[0], &value[0]));
  return answer(w, way, value);
}

/* The TF1 Hub format has the first alone. */
static ht_status add_ways(work *w, bool hub1) {
  const ht_composed *c = &w->t->composed;
  ht_image_spec spec;
  served *first = next_way(w, "serving_default");
  first->method.input = first->port = w->input;
  first->method.n_inputs = first->n_ports = c->n_inputs;
  HT_TRY(body_of(w, 0, first->method.n_outputs, &first->method.inference));
  if (hub1) return HT_SUCCESS;
  bool files = ht_served_files(w->t, &spec);
  if (files) HT_TRY(add_bytes(w, &spec));
  return add_examples(w, files ? &spec : NULL);
}

/* ---- what belongs to it */

static ht_status add_variables(work *w, const ht_body *body) {
  ht_variable **found, **all;
  int n;
  HT_TRY(ht_plan_variables(body, NULL, &w->t->model->store, &w->arena, &found,
                           &n));
  HT_NEW(all, &w->arena, w->n_variables + n + 1);
  if (w->n_variables)
    memcpy(all, w->variable, (size_t)w->n_variables * sizeof *all);
  for (int i = 0; i < n; i++) {
    bool known = false;
    for (int k = 0; k < w->n_variables; k++) known |= all[k] == found[i];
    if (!known) all[w->n_variables++] = found[i];
  }
  w->variable = all;
  return HT_SUCCESS;
}

/* ---- files beside it */

static ht_status add_file(work *w, const char *name, const void *data,
                          size_t n) {
  if (!n) return HT_SUCCESS;
  HT_GROW(w->extra, w->n_extras, w->extra_capacity, &w->arena);
  w->extra[w->n_extras++] = (ht_export_extra){name, data, n};
  return HT_SUCCESS;
}

static ht_status copy_file(work *w, const char *name, const char *path) {
  char *data;
  size_t n;
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(path)) return HT_SUCCESS;
  HT_TRY(ht_file_read(path, (size_t)64 << 20, &w->arena, &data, &n));
  return add_file(w, name, data, n);
}

static ht_status add_papers(work *w) {
  ht_licence *licence;
  int n;
  HT_TRY(ht_licences(w->t, &w->arena, &licence, &n));
  for (int i = 0; i < n; i++)
    HT_TRY(copy_file(w, licence[i].name, licence[i].path));
  return copy_file(w, HT_CARD_NAME,
                   ht_path_join(&w->arena, w->t->run, HT_CARD_NAME));
}

static ht_status add_labels(work *w) {
  for (int i = 0; i < w->t->labels.n && !regresses(w); i++)
    ht_text_printf(&w->labels, "%s\n", w->t->labels.name[i]);
  HT_TRY(ht_text_check(&w->labels));
  return add_file(w, "labels.txt", w->labels.p, w->labels.n);
}

/* Whether the model takes what the requests hold: a server does not start
 * with a model that fails. */
static ht_status warms_up(work *w, bool *good) {
  enum { MOST = 256 };
  ht_tensor value[MOST] = {0}, scores;
  const ht_tensor *in[MOST] = {0};
  int n = 0, wanted = w->t->composed.n_inputs;
  *good = false;
  if (wanted > MOST) return HT_SUCCESS;
  ht_status st = {HT_OK, NULL};
  for (; n < wanted && st.code == HT_OK; n++) {
    in[n] = &value[n];
    st = ht_warmup_value(&w->input[n], some_text, &value[n]);
  }
  if (st.code == HT_OK) st = ht_trained_predict(w->t, in, &scores);
  *good = st.code == HT_OK;
  if (*good) ht_tensor_drop(&scores);
  for (int i = 0; i < n; i++) ht_tensor_drop(&value[i]);
  return st.code == HT_NO_MEMORY || st.code == HT_IO ? st : HT_SUCCESS;
}

static ht_status add_warmup(work *w) {
  bool good;
  HT_TRY(warms_up(w, &good));
  if (!good) return HT_SUCCESS;
  for (int i = 0; i < w->n_ways; i++) {
    const served *way = &w->way[i];
    ht_warmup request = {&way->method, way->port, way->n_ports, way->text};
    HT_TRY(ht_warmup_add(&request, &w->warmup));
  }
  return add_file(w, "tf_serving_warmup_requests", w->warmup.p, w->warmup.n);
}

/* ---- all together */

/* The TF1 Hub format has the first signature, and the same as "default". */
static ht_status write_hub1(work *w, ht_export *x, const char *out,
                            bool replace) {
  ht_export_method signature[2] = {w->way[0].method, *x->call};
  ht_port answer = w->output[0];
  answer.name = signature[1].name = "default";
  signature[1].output = &answer;
  x->signature = signature;
  x->n_signatures = 2;
  return ht_export_hub1(x, out, replace);
}

static ht_status write_saved_model(work *w, ht_export *x, const char *out,
                                   bool replace) {
  ht_export_method signature[MOST_WAYS];
  for (int i = 0; i < w->n_ways; i++) signature[i] = w->way[i].method;
  x->signature = signature;
  x->n_signatures = w->n_ways;
  return ht_export_saved_model(x, out, replace);
}

/* Signatures are inference in every graph; so the update operations of a TF1
 * training graph are those of `default` alone. */
static ht_status write(work *w, const char *out, bool hub1, bool replace) {
  ht_composed *c = &w->t->composed;
  ht_model *m = w->t->model;
  ht_export_method call = {.name = "__call__",
                           .input = w->input,
                           .output = w->output,
                           .n_inputs = c->n_inputs,
                           .n_outputs = 1};
  HT_TRY(body_of(w, 0, 1, &call.inference));
  HT_TRY(body_of(w, 1, 1, &call.training));
  HT_TRY(add_variables(w, &call.inference));
  HT_TRY(add_variables(w, &call.training));
  ht_export x = {.model = m,
                 .builder = &c->builder,
                 .call = &call,
                 .variable = w->variable,
                 .n_variables = w->n_variables,
                 .loss = m->regularization,
                 .loss_capture = m->regularization_capture,
                 .n_losses = m->n_regularization,
                 .training = c->design.variant,
                 .extra = w->extra,
                 .n_extras = w->n_extras};
  return hub1 ? write_hub1(w, &x, out, replace)
              : write_saved_model(w, &x, out, replace);
}

static ht_status export_all(work *w, const char *out, bool hub1, bool replace) {
  HT_TRY(make_ports(w));
  HT_TRY(build_answers(w));
  HT_TRY(add_ways(w, hub1));
  HT_TRY(add_labels(w));
  HT_TRY(add_papers(w));
  if (!hub1) HT_TRY(add_warmup(w));
  return write(w, out, hub1, replace);
}

ht_status ht_export_trained(ht_trained *t, const char *out, bool hub1,
                            bool replace) {
  work w = {.t = t};
  ht_status st = export_all(&w, out, hub1, replace);
  ht_text_free(&w.labels);
  ht_text_free(&w.warmup);
  ht_arena_free(&w.arena);
  return st;
}
