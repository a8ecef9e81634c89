/* compose.c - see compose.h. */
#include "train/compose.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "train/head.h"

enum { MAX_ARGUMENTS = 4096 };

static ht_status add_placeholders(ht_composed *c) {
  HT_NEW(c->placeholder, &c->arena, c->n_inputs + 1);
  for (int i = 0; i < c->n_inputs; i++) {
    const ht_port *p = c->input[i];
    char name[64];
    snprintf(name, sizeof name, "input_%d", i);
    c->placeholder[i] =
        ht_build_placeholder(&c->builder, name, p->dtype, &p->shape);
  }
  return ht_builder_status(&c->builder);
}

/* ---- the module */

/* The placeholder for a port of another trace of the same callable. */
static ht_status placeholder_of(const ht_composed *c, const ht_port *port,
                                ht_ref *out) {
  for (int i = 0; i < c->n_inputs; i++) {
    *out = c->placeholder[i];
    if (strcmp(c->input[i]->name, port->name) == 0) return HT_SUCCESS;
  }
  return ht_fail(HT_UNSUPPORTED,
                 "input '%s' of the training variant is missing in inference",
                 port->name);
}

/* The graph that training or inference is of. */
static const ht_model *variant_of(const ht_composed *c, bool training) {
  return training && c->design.variant ? c->design.variant : c->model;
}

static ht_status apply_module(ht_composed *c, const ht_callable *call,
                              bool training, ht_ref *out) {
  const ht_port **input;
  const ht_body *body;
  ht_ref in[MAX_ARGUMENTS];
  int n;
  HT_TRY(ht_callable_inputs(call, &c->arena, &input, &n));
  if (n > MAX_ARGUMENTS) return ht_fail(HT_UNSUPPORTED, "too many inputs");
  for (int i = 0; i < n; i++) HT_TRY(placeholder_of(c, input[i], &in[i]));
  body = &call->body;
  if (training)
    HT_TRY(ht_model_training_body(variant_of(c, true), call, &c->arena, &body));
  *out = ht_build_apply(&c->builder, training ? "training" : "module", body,
                        call->capture, call, n, in);
  return ht_builder_status(&c->builder);
}

ht_ref ht_compose_features(ht_builder *b, ht_ref module,
                           const ht_port *output) {
  ht_ref y = {module.node, output->index};
  bool narrow = output->dtype != HT_FLOAT && ht_dtype_floating(output->dtype);
  return narrow ? ht_build_1(b, "Cast", y, "DstT=float") : y;
}

/* The output called "default", or else the only one of float, or of any
 * floating type; or NULL. */
static const ht_port *output_of(const ht_callable *call, bool any) {
  const ht_port *only = NULL;
  int n = 0;
  for (int i = 0; i < call->n_outputs; i++) {
    const ht_port *p = &call->output[i];
    if (strcmp(p->name, "default") == 0) return p;
    bool fits = any ? ht_dtype_floating(p->dtype) : p->dtype == HT_FLOAT;
    if (fits && !n++) only = p;
  }
  return n == 1 ? only : NULL;
}

ht_status ht_compose_output(const ht_callable *call, const char *name,
                            const ht_port **out) {
  if (name) return ht_callable_output(call, name, out);
  *out = output_of(call, false);
  if (!*out) *out = output_of(call, true);
  if (*out) return HT_SUCCESS;
  ht_text list = {0};
  for (int i = 0; i < call->n_outputs; i++)
    ht_text_printf(&list, "%s%s", i ? ", " : "", call->output[i].name);
  ht_status st = ht_fail(HT_USAGE, "output of '%s' must be chosen: it has %s",
                         call->name, list.n ? list.p : "none");
  ht_text_free(&list);
  return st;
}

static ht_status add_module(ht_composed *c, const ht_callable *call, int which,
                            ht_ref *features) {
  ht_ref module;
  HT_TRY(ht_compose_output(call, c->design.output, &c->output[which]));
  HT_TRY(apply_module(c, call, which == 1, &module));
  *features = ht_compose_features(&c->builder, module, c->output[which]);
  return HT_SUCCESS;
}

/* ---- plans */

/* With inputs and then, where examples are judged by their `label` (node -1:
 * they are not), weight and label as feeds. */
static ht_status make_body(ht_composed *c, ht_ref label, int n_rets,
                           const ht_ref *rets, ht_body *body) {
  int n = c->n_inputs;
  *body = (ht_body){.graph = c->builder.graph, .n_rets = n_rets};
  HT_NEW(body->arg, &c->arena, n + 2);
  HT_NEW(body->ret, &c->arena, n_rets + 1);
  memcpy(body->arg, c->placeholder, (size_t)n * sizeof *body->arg);
  memcpy(body->ret, rets, (size_t)n_rets * sizeof *rets);
  if (label.node >= 0 && c->weight.node >= 0) body->arg[n++] = c->weight;
  if (label.node >= 0) body->arg[n++] = label;
  body->n_args = n;
  return HT_SUCCESS;
}

static ht_status plan_inputs(ht_composed *c, ht_ref label, int n_rets,
                             const ht_ref *rets, ht_plan **out) {
  ht_body body;
  HT_TRY(make_body(c, label, n_rets, rets, &body));
  return ht_plan_new(&body, NULL, out);
}

static ht_status learn_features(ht_composed *c,
                                const ht_tensor *const *sample) {
  ht_tensor out;
  char text[HT_SHAPE_TEXT];
  ht_run run = ht_run_make(NULL, &c->model->store, c->model->folder);
  HT_TRY(plan_inputs(c, (ht_ref){-1, 0}, 1, &c->features[0], &c->embed));
  if (c->design.features) {
    c->feature_shape = *c->design.features;
    return HT_SUCCESS;
  }
  HT_TRY(ht_plan_run(c->embed, &run, c->n_inputs, sample, 1, &out));
  c->feature_shape = out.shape;
  ht_dtype dtype = out.dtype;
  ht_tensor_drop(&out);
  if (dtype != HT_FLOAT || c->feature_shape.rank < 1)
    return ht_fail(HT_USAGE,
                   "output '%s' is %s %s: a head needs float [n, ...]",
                   c->output[0]->name, ht_dtype_name(dtype),
                   ht_shape_text(&c->feature_shape, text));
  return HT_SUCCESS;
}

static ht_status make_plans(ht_composed *c) {
  ht_ref answers[2] = {c->scores, c->loss[0]};
  HT_TRY(make_body(c, c->label, 1, &c->loss[1], &c->train_body));
  HT_TRY(make_body(c, c->label, 2, answers, &c->eval_body));
  HT_TRY(ht_plan_new(&c->train_body, NULL, &c->train));
  HT_TRY(ht_plan_new(&c->eval_body, NULL, &c->eval));
  return plan_inputs(c, (ht_ref){-1, 0}, 1, answers, &c->predict);
}

/* ---- the loss */

static ht_status add_label(ht_composed *c) {
  const ht_labels *labels = c->design.labels;
  ht_shape one = ht_shape_1(-1), many = ht_shape_2(-1, labels->n);
  bool classes = labels->task == HT_TASK_CLASSIFY;
  c->label =
      ht_build_placeholder(&c->builder, "label", classes ? HT_INT64 : HT_FLOAT,
                           classes ? &one : &many);
  if (c->design.weighted)
    c->weight = ht_build_placeholder(&c->builder, "weight", HT_FLOAT, &one);
  return ht_builder_status(&c->builder);
}

/* Of each example, that of its class. */
static ht_ref class_weights(ht_composed *c) {
  ht_ref none = {-1, 0};
  ht_builder *b = &c->builder;
  ht_tensor table;
  ht_shape n = ht_shape_1(c->width);
  if (!c->design.class_weight) return none;
  if (ht_tensor_new(NULL, HT_FLOAT, &n, &table).code != HT_OK) return none;
  memcpy(table.data, c->design.class_weight, ht_tensor_bytes(&table));
  ht_ref in[3] = {ht_build_const(b, "class_weights", &table), c->label,
                  ht_build_int32s(b, -1, (int32_t[]){0})};
  ht_tensor_drop(&table);
  return ht_build(b, "GatherV2", "example_weights", 3, in, "");
}

/* The weight of each example: its own times that of its class, as in Keras
 * (data_adapter.py, train_step). */
static ht_ref example_weights(ht_composed *c) {
  ht_ref of_class = class_weights(c);
  if (c->weight.node < 0) return of_class;
  if (of_class.node < 0) return c->weight;
  return ht_build_2(&c->builder, "Mul", c->weight, of_class, "");
}

static ht_ref module_losses(ht_composed *c, bool training, ht_ref loss) {
  const ht_model *m = variant_of(c, training);
  for (int i = 0; i < m->n_regularization && c->design.module_losses; i++) {
    const ht_tensor *capture =
        m->regularization_capture ? m->regularization_capture[i] : NULL;
    ht_ref r = ht_build_apply(&c->builder, "regularization",
                              &m->regularization[i], capture, NULL, 0, NULL);
    loss = ht_build_2(&c->builder, "AddV2", loss, r, "");
  }
  return loss;
}

static ht_ref add_loss(ht_composed *c, bool training, ht_ref output) {
  ht_loss_parts parts = {
      .output = output,
      .label = c->label,
      .classes = c->design.labels->task == HT_TASK_CLASSIFY,
      .width = c->width,
      .smoothing = c->design.smoothing,
      .weight = example_weights(c),
  };
  ht_ref loss = ht_loss_build(&c->builder, c->design.loss, &parts);
  return ht_head_penalty(c, module_losses(c, training, loss));
}

static ht_status check_loss(const ht_composed *c) {
  const ht_labels *labels = c->design.labels;
  bool numbers = labels->task == HT_TASK_REGRESS;
  if (c->design.loss->of_classes == numbers)
    return ht_fail(HT_USAGE, "loss '%s' does not fit labels that are %s",
                   c->design.loss->name, numbers ? "numbers" : "classes");
  if (c->width != labels->n)
    return ht_fail(HT_USAGE,
                   "the output has %d values for %d %s: add a head (--head "
                   "linear)",
                   c->width, labels->n, numbers ? "numbers" : "classes");
  return HT_SUCCESS;
}

/* Whether steps run something else than inference does. */
static bool trains_apart(const ht_design *d) {
  bool updates = d->variant && d->variant->n_update_ops;
  return d->training != d->inference || (updates && !d->training->function);
}

static ht_status build_all(ht_composed *c, const ht_tensor *const *sample) {
  const ht_design *d = &c->design;
  HT_TRY(add_placeholders(c));
  HT_TRY(add_label(c));
  HT_TRY(add_module(c, d->inference, 0, &c->features[0]));
  c->features[1] = c->features[0];
  if (trains_apart(d)) HT_TRY(add_module(c, d->training, 1, &c->features[1]));
  HT_TRY(learn_features(c, sample));
  HT_TRY(ht_head_make(c));
  HT_TRY(check_loss(c));
  ht_ref answer = ht_head_apply(c, c->features[0], false);
  c->scores = d->loss->scores(&c->builder, answer);
  c->loss[0] = add_loss(c, false, answer);
  c->loss[1] = add_loss(c, true, ht_head_apply(c, c->features[1], true));
  HT_TRY(ht_builder_status(&c->builder));
  return make_plans(c);
}

ht_status ht_compose(ht_model *model, const ht_design *design,
                     const ht_tensor *const *sample, ht_composed *out) {
  *out = (ht_composed){.model = model, .design = *design, .weight = {-1, 0}};
  ht_status st = ht_builder_init(&out->builder, &out->arena, &model->library,
                                 &model->store);
  if (st.code == HT_OK)
    st = ht_callable_inputs(design->inference, &out->arena, &out->input,
                            &out->n_inputs);
  if (st.code == HT_OK) st = build_all(out, sample);
  if (st.code != HT_OK) ht_composed_free(out);
  return st;
}

ht_status ht_compose_scores(ht_composed *c, const ht_ref *in, ht_ref *scores) {
  const ht_callable *call = c->design.inference;
  ht_ref module = ht_build_apply(&c->builder, "module", &call->body,
                                 call->capture, call, c->n_inputs, in);
  ht_ref features = ht_compose_features(&c->builder, module, c->output[0]);
  ht_ref answer = ht_head_apply(c, features, false);
  *scores = c->design.loss->scores(&c->builder, answer);
  return ht_builder_status(&c->builder);
}

void ht_composed_free(ht_composed *c) {
  ht_plan_free(c->train);
  ht_plan_free(c->eval);
  ht_plan_free(c->predict);
  ht_plan_free(c->embed);
  ht_arena_free(&c->arena);
  *c = (ht_composed){0};
}
