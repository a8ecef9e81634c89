/* export_run.c - see export_run.h. */
#include "train/export_run.h"

#include <string.h>

#include "base/text.h"
#include "hub/export.h"
#include "train/export_bytes.h"
#include "train/feed_images.h"
#include "train/head.h"
#include "train/prepare.h"

typedef struct work {
  ht_trained *t;
  ht_arena arena;
  ht_port *input, output[2];
  ht_ref scores[2], classes[2]; /* inference, training */
  ht_export_method bytes;       /* of images as files; name NULL: none */
  ht_port file;
  ht_variable **variable;
  int n_variables;
} work;

static bool regresses(const work *w) {
  return w->t->labels.task == HT_TASK_REGRESS;
}

/* ---- the interface */

/* A path's last part where no other input ends so, else all of it joined by
 * "_": signatures of TensorFlow take names of Python arguments. */
static ht_status input_name(work *w, int i, const char **out) {
  const ht_composed *c = &w->t->composed;
  const char *whole = c->input[i]->name, *slash = strrchr(whole, '/');
  *out = slash ? slash + 1 : whole;
  bool unique = slash != NULL;
  for (int k = 0; k < c->n_inputs && unique; k++) {
    const char *other = strrchr(c->input[k]->name, '/');
    other = other ? other + 1 : c->input[k]->name;
    unique = k == i || strcmp(other, *out) != 0;
  }
  if (!slash || unique) return HT_SUCCESS;
  char *joined = ht_arena_string(&w->arena, whole);
  if (!joined) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  for (char *p = joined; (p = strchr(p, '/'));) *p = '_';
  *out = joined;
  return HT_SUCCESS;
}

static ht_status make_ports(work *w) {
  const ht_composed *c = &w->t->composed;
  HT_NEW(w->input, &w->arena, c->n_inputs + 1);
  for (int i = 0; i < c->n_inputs; i++) {
    w->input[i] = *c->input[i];
    HT_TRY(input_name(w, i, &w->input[i].name));
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

/* ---- images as the bytes of their files */

/* The one input that takes images; what they become must be known. */
static bool takes_files(const work *w, ht_image_spec *spec) {
  const ht_composed *c = &w->t->composed;
  ht_image_choice choice;
  (void)ht_prepare_mapping(&w->t->options, w->t->model, &choice);
  return c->n_inputs == 1 && ht_port_takes_images(c->input[0]) &&
         ht_image_spec_make(c->input[0], &choice, spec).code == HT_OK;
}

/* A second signature, which takes files. */
static ht_status build_bytes(work *w) {
  ht_composed *c = &w->t->composed;
  ht_body *body = &w->bytes.inference;
  ht_image_spec spec;
  ht_shape any = ht_shape_1(-1);
  ht_ref images;
  if (!takes_files(w, &spec)) return HT_SUCCESS;
  int n_rets = regresses(w) ? 1 : 2;
  *body = (ht_body){.graph = c->builder.graph, .n_args = 1, .n_rets = n_rets};
  HT_NEW(body->arg, &w->arena, 1);
  HT_NEW(body->ret, &w->arena, n_rets);
  body->arg[0] =
      ht_build_placeholder(&c->builder, "image_bytes", HT_STRING, &any);
  HT_TRY(ht_build_decoding(&c->builder, &spec, body->arg[0], &images));
  HT_TRY(ht_compose_scores(c, &images, &body->ret[0]));
  if (n_rets > 1) HT_TRY(class_names(w, body->ret[0], &body->ret[1]));
  w->file = (ht_port){.name = "image_bytes", .dtype = HT_STRING, .shape = any};
  w->bytes.name = "serving_bytes";
  w->bytes.input = &w->file;
  w->bytes.output = w->output;
  w->bytes.n_inputs = 1;
  w->bytes.n_outputs = n_rets;
  return HT_SUCCESS;
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

static ht_status labels_file(const work *w, ht_text *text) {
  for (int i = 0; i < w->t->labels.n && !regresses(w); i++)
    ht_text_printf(text, "%s\n", w->t->labels.name[i]);
  return ht_text_check(text);
}

static ht_status write(work *w, const ht_text *labels, const char *out,
                       bool hub1, bool replace) {
  ht_composed *c = &w->t->composed;
  ht_model *m = w->t->model;
  int n_rets = regresses(w) ? 1 : 2;
  ht_export_method call = {.name = "__call__",
                           .input = w->input,
                           .output = w->output,
                           .n_inputs = c->n_inputs,
                           .n_outputs = 1};
  HT_TRY(body_of(w, 0, 1, &call.inference));
  HT_TRY(body_of(w, 1, 1, &call.training));
  HT_TRY(add_variables(w, &call.inference));
  HT_TRY(add_variables(w, &call.training));
  ht_export_method signature[2] = {call, hub1 ? call : w->bytes};
  HT_TRY(body_of(w, 0, n_rets, &signature[0].inference));
  HT_TRY(body_of(w, 1, n_rets, &signature[0].training));
  signature[0].n_outputs = n_rets;
  signature[0].name = "serving_default";
  /* Serving is inference in every graph; so the update operations of a TF1
   * training graph are those of `default` alone. */
  signature[0].training = (ht_body){0};
  ht_port answer = w->output[0];
  answer.name = "default";
  if (hub1) {
    signature[1].name = "default";
    signature[1].output = &answer;
  }
  ht_export_extra extra = {"labels.txt", labels->p, labels->n};
  ht_export x = {.model = m,
                 .builder = &c->builder,
                 .call = &call,
                 .signature = signature,
                 .n_signatures = signature[1].name ? 2 : 1,
                 .variable = w->variable,
                 .n_variables = w->n_variables,
                 .loss = m->regularization,
                 .loss_capture = m->regularization_capture,
                 .n_losses = m->n_regularization,
                 .training = c->design.variant,
                 .extra = &extra,
                 .n_extras = labels->n > 0};
  return hub1 ? ht_export_hub1(&x, out, replace)
              : ht_export_saved_model(&x, out, replace);
}

ht_status ht_export_trained(ht_trained *t, const char *out, bool hub1,
                            bool replace) {
  work w = {.t = t};
  ht_text labels = {0};
  ht_status st = make_ports(&w);
  if (st.code == HT_OK) st = build_answers(&w);
  if (st.code == HT_OK && !hub1) st = build_bytes(&w);
  if (st.code == HT_OK) st = labels_file(&w, &labels);
  if (st.code == HT_OK) st = write(&w, &labels, out, hub1, replace);
  ht_text_free(&labels);
  ht_arena_free(&w.arena);
  return st;
}
