/* layer.c - a module with one way to be called, as hub.KerasLayer has it. */
#include "api/layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "api/net.h"
#include "base/parallel.h"

/* ---- options */

static ht_status copy_text(ht_arena *arena, const char **text) {
  if (!*text) return HT_SUCCESS;
  *text = ht_arena_string(arena, *text);
  return *text ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a layer");
}

static ht_status copy_shapes(ht_layer *l) {
  ht_output_shape *shape;
  HT_NEW(shape, &l->arena, l->o.n_output_shapes + 1);
  for (int i = 0; i < l->o.n_output_shapes; i++) {
    const ht_output_shape *from = &l->o.output_shape[i];
    int64_t *dim;
    if (from->rank < 0 || from->rank >= HT_MAX_RANK)
      return ht_fail(HT_USAGE, "an output shape of %d dimensions", from->rank);
    HT_NEW(dim, &l->arena, from->rank + 1);
    for (int k = 0; k < from->rank; k++) dim[k] = from->dim[k];
    shape[i] = (ht_output_shape){from->output, from->rank, dim};
    HT_TRY(copy_text(&l->arena, &shape[i].output));
  }
  l->o.output_shape = shape;
  return HT_SUCCESS;
}

static ht_status copy_options(ht_layer *l, const ht_layer_options *o) {
  const char **argument, **text[] = {&l->o.name, &l->o.tags, &l->o.call,
                                     &l->o.signature, &l->o.output_key};
  if (o) l->o = *o;
  for (size_t i = 0; i < sizeof text / sizeof *text; i++)
    HT_TRY(copy_text(&l->arena, text[i]));
  HT_NEW(argument, &l->arena, l->o.n_arguments + 1);
  for (int i = 0; i < l->o.n_arguments; i++) {
    argument[i] = l->o.argument[i];
    HT_TRY(copy_text(&l->arena, &argument[i]));
  }
  l->o.argument = argument;
  l->trainable = l->o.trainable;
  return copy_shapes(l);
}

/* What hub.KerasLayer lets be said together (keras_layer.py, __init__). */
static ht_status check_options(const ht_layer *l) {
  const ht_layer_options *o = &l->o;
  if (o->call && o->signature)
    return ht_fail(HT_USAGE,
                   "a layer calls '%s' or has signature '%s', not both",
                   o->call, o->signature);
  if (o->output_key && o->signature_outputs_as_dict)
    return ht_fail(HT_USAGE,
                   "either output_key or signature_outputs_as_dict, not both");
  if (o->signature && !o->output_key && !o->signature_outputs_as_dict)
    return ht_fail(HT_USAGE,
                   "when using a signature, either output_key or "
                   "signature_outputs_as_dict=true should be set");
  if (!o->signature && o->signature_outputs_as_dict)
    return ht_fail(HT_USAGE,
                   "signature_outputs_as_dict is only for signatures");
  return HT_SUCCESS;
}

static void format_defaults(ht_layer *l) {
  if (l->module->model->format != HT_FORMAT_HUB1) return;
  if (!l->o.signature) l->o.signature = "default";
  if (!l->o.output_key && !l->o.signature_outputs_as_dict)
    l->o.output_key = "default";
}

/* ---- what is called */

static ht_choice choice_of(const ht_layer *l, bool training) {
  bool call = !l->o.signature;
  return (ht_choice){.signature = l->o.signature,
                     .call = call ? l->o.call ? l->o.call : "" : NULL,
                     .training = training && l->trainable,
                     .n_arguments = l->o.n_arguments,
                     .argument = l->o.argument};
}

static ht_status not_callable(const ht_model *m) {
  char names[400] = "";
  size_t n = 0;
  for (int i = 0; i < m->n_callables; i++)
    if (m->callable[i].signature && n < sizeof names)
      n += (size_t)snprintf(names + n, sizeof names - n, "%s'%s'",
                            n ? ", " : "", m->callable[i].name);
  if (!n)
    return ht_fail(HT_USAGE,
                   "the module is not callable and has no signatures");
  return ht_fail(HT_USAGE,
                 "the module is not callable: name one of its signatures, %s",
                 names);
}

static bool is_callable(const ht_model *m) {
  for (int i = 0; i < m->n_callables; i++)
    if (!m->callable[i].signature &&
        strcmp(m->callable[i].name, "__call__") == 0)
      return true;
  return false;
}

static ht_status check_call(ht_layer *l) {
  ht_model *m = l->module->model;
  ht_choice choice = choice_of(l, false);
  const ht_callable *c;
  if (!l->o.signature && !l->o.call && !is_callable(m)) return not_callable(m);
  HT_TRY(ht_choice_find(m, &choice, 0, NULL, &l->arena, &c));
  if (!l->o.output_key) return HT_SUCCESS;
  const ht_port *port;
  return ht_callable_output(c, l->o.output_key, &port);
}

/* ---- making */

static ht_status make(const char *handle, ht_module *module,
                      const ht_layer_options *options, ht_layer *l) {
  HT_TRY(copy_options(l, options));
  if (module && l->o.tags)
    return ht_fail(HT_USAGE,
                   "tags choose the graph of a handle: this module is open");
  l->module = module;
  if (!module) {
    ht_module_options open = {.tags = l->o.tags};
    l->handle = handle;
    HT_TRY(copy_text(&l->arena, &l->handle));
    HT_TRY(ht_module_open(handle, &open, &l->module));
    l->own = true;
  }
  format_defaults(l);
  HT_TRY(check_options(l));
  return check_call(l);
}

static ht_status make_layer(const char *handle, ht_module *module,
                            const ht_layer_options *options, ht_layer **out) {
  ht_layer *l = calloc(1, sizeof *l);
  *out = NULL;
  if (!l) return ht_fail(HT_NO_MEMORY, "no memory for a layer");
  ht_status st = make(handle, module, options, l);
  if (st.code == HT_OK)
    *out = l;
  else
    ht_layer_free(l);
  return st;
}

ht_status ht_layer_new(const char *handle, const ht_layer_options *options,
                       ht_layer **out) {
  return make_layer(handle, NULL, options, out);
}

ht_status ht_layer_of(ht_module *module, const ht_layer_options *options,
                      ht_layer **out) {
  return make_layer(NULL, module, options, out);
}

void ht_layer_free(ht_layer *l) {
  if (!l) return;
  if (l->own) ht_module_free(l->module);
  ht_arena_free(&l->arena);
  free(l);
}

ht_module *ht_layer_module(ht_layer *l) { return l->module; }
void ht_layer_train(ht_layer *l, bool trainable) { l->trainable = trainable; }
bool ht_layer_trainable(const ht_layer *l) { return l->trainable; }

/* ---- weights and losses */

static ht_status add_weight(ht_layer *l, const ht_variable *v, bool trains) {
  const ht_module_info *info;
  HT_TRY(ht_module_inspect(l->module, &info));
  for (int i = 0; i < info->n_variables; i++) {
    const ht_variable_info *w = &info->variable[i];
    if (!v->key || !ht_variable_called(v, w->key)) continue;
    for (int k = 0; k < l->n_weights; k++)
      if (strcmp(l->weight[k].key, w->key) == 0) return HT_SUCCESS;
    l->weight[l->n_weights] = *w;
    l->weight[l->n_weights++].trainable = trains;
    l->n_listed += trains;
    return HT_SUCCESS;
  }
  return HT_SUCCESS;
}

/* Those that the object lists; false: it has no list. */
static ht_status add_list(ht_layer *l, const char *list, bool trains,
                          bool *found) {
  ht_model *m = l->module->model;
  const char *object = l->o.call ? l->o.call : "";
  ht_variable **v;
  int n;
  HT_TRY(ht_model_listed(m, object, list, &l->arena, &v, &n));
  if (n < 0) HT_TRY(ht_model_listed(m, "", list, &l->arena, &v, &n));
  *found = n >= 0;
  for (int i = 0; i < n; i++) HT_TRY(add_weight(l, v[i], trains));
  return HT_SUCCESS;
}

/* A module without lists trains what it marks. */
static ht_status add_all(ht_layer *l, bool trains) {
  const ht_module_info *info;
  HT_TRY(ht_module_inspect(l->module, &info));
  for (int i = 0; i < info->n_variables; i++) {
    const ht_variable_info *w = &info->variable[i];
    if (w->trainable != trains) continue;
    l->weight[l->n_weights++] = *w;
    l->n_listed += trains;
  }
  return HT_SUCCESS;
}

static ht_status find_weights(ht_layer *l) {
  bool found[2];
  const ht_module_info *info;
  HT_TRY(ht_module_inspect(l->module, &info));
  HT_NEW(l->weight, &l->arena, info->n_variables + 1);
  HT_TRY(add_list(l, "trainable_variables", true, &found[0]));
  HT_TRY(add_list(l, "variables", false, &found[1]));
  if (found[0] || found[1]) return HT_SUCCESS;
  HT_TRY(add_all(l, true));
  return add_all(l, false);
}

ht_status ht_layer_weights(ht_layer *l, const ht_variable_info **weight,
                           int *n_trainable, int *n) {
  if (!l->weight) HT_TRY(find_weights(l));
  *weight = l->weight;
  *n = l->n_weights;
  *n_trainable = l->trainable ? l->n_listed : 0;
  return HT_SUCCESS;
}

static ht_status loss_value(ht_model *m, int i, double *out) {
  ht_plan *plan;
  ht_tensor y = {0};
  const ht_tensor *capture =
      m->regularization_capture ? m->regularization_capture[i] : NULL;
  ht_run run = ht_run_make(m->pool, &m->store, m->folder);
  HT_TRY(ht_plan_new(&m->regularization[i], capture, &plan));
  ht_status st = ht_plan_run(plan, &run, 0, NULL, 1, &y);
  ht_plan_free(plan);
  if (st.code == HT_OK) *out = ht_real_at(&y, 0);
  ht_tensor_drop(&y);
  return st;
}

ht_status ht_layer_losses(ht_layer *l, const double **loss, int *n) {
  ht_model *m = l->module->model;
  ht_threads_set(l->module->threads);
  if (!l->loss) HT_NEW(l->loss, &l->arena, m->n_regularization + 1);
  for (int i = 0; i < m->n_regularization; i++) {
    l->loss[i] = 0;
    if (l->trainable) HT_TRY(loss_value(m, i, &l->loss[i]));
  }
  *loss = l->loss;
  *n = m->n_regularization;
  return HT_SUCCESS;
}

/* ---- shapes */

/* What was said of an output; NULL: nothing. */
static const ht_output_shape *said_of(const ht_layer *l, const char *output) {
  for (int i = 0; i < l->o.n_output_shapes; i++) {
    const ht_output_shape *s = &l->o.output_shape[i];
    bool same = !s->output || (output && strcmp(s->output, output) == 0);
    if (same && s->rank) return s;
  }
  return NULL;
}

static ht_shape with_batch(const ht_output_shape *s, int64_t batch) {
  ht_shape shape = {.rank = s->rank + 1};
  shape.dim[0] = batch;
  for (int i = 0; i < s->rank; i++) shape.dim[i + 1] = s->dim[i];
  return shape;
}

static ht_status check_shape(const ht_port *port, const ht_shape *said) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (ht_shape_meets(&port->shape, said)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "output '%s' is %s, output_shape says %s",
                 port->name, ht_shape_text(&port->shape, a),
                 ht_shape_text(said, b));
}

/* Every shape is of an output, one without a name of the only one. */
static ht_status check_shapes(const ht_layer *l, const ht_callable *c) {
  const char *key = l->o.output_key;
  for (int i = 0; i < l->o.n_output_shapes; i++) {
    const ht_output_shape *s = &l->o.output_shape[i];
    const ht_port *port;
    ht_shape shape = with_batch(s, -1);
    if (!s->output && !key && c->n_outputs != 1)
      return ht_fail(HT_USAGE,
                     "output_shape has one shape, '%s' has %d outputs", c->name,
                     c->n_outputs);
    HT_TRY(ht_callable_output(c, s->output ? s->output : key, &port));
    if (s->rank) HT_TRY(check_shape(port, &shape));
  }
  return HT_SUCCESS;
}

ht_status ht_layer_output_shape(ht_layer *l, const char *output, int64_t batch,
                                int *rank, int64_t dim[8]) {
  ht_choice choice = choice_of(l, false);
  const ht_callable *c;
  const ht_port *port;
  *rank = -1;
  HT_TRY(ht_choice_find(l->module->model, &choice, 0, NULL, &l->arena, &c));
  HT_TRY(check_shapes(l, c));
  HT_TRY(ht_callable_output(c, output ? output : l->o.output_key, &port));
  const ht_output_shape *said = said_of(l, port->name);
  ht_shape shape = said ? with_batch(said, batch) : port->shape;
  if (!said && shape.rank > 0 && shape.dim[0] < 0) shape.dim[0] = batch;
  *rank = shape.rank;
  for (int i = 0; i < shape.rank; i++) dim[i] = shape.dim[i];
  return HT_SUCCESS;
}

/* ---- calls */

/* Its result, with the shape that was said. */
static ht_symbol result_of(ht_layer *l, ht_net *net, ht_symbol y) {
  char attrs[400], text[HT_SHAPE_TEXT];
  const char *key = l->o.output_key;
  const ht_output_shape *said = said_of(l, key);
  if (key) y = ht_net_output(net, y, key);
  if (l->o.signature_outputs_as_dict) y.output = -1;
  if (!said || y.output < 0) return y;
  ht_shape shape = with_batch(said, -1);
  ht_shape_text(&shape, text);
  text[0] = '<';
  text[strlen(text) - 1] = '>';
  snprintf(attrs, sizeof attrs, "shape=%s", text);
  return ht_net_op(net, "EnsureShape", attrs, HT_SYMBOLS(y));
}

ht_symbol ht_layer_call(ht_layer *l, ht_net *net, bool training, int n,
                        const ht_named *input) {
  ht_choice choice = choice_of(l, training);
  const ht_callable *c;
  ht_status st =
      ht_choice_find(l->module->model, &choice, 0, NULL, &l->arena, &c);
  if (st.code == HT_OK) st = check_shapes(l, c);
  if (st.code != HT_OK) return ht_net_latch(net, st);
  ht_net_follow(net, l->module, l->o.name, &l->trainable);
  return result_of(l, net, ht_net_apply(net, l->module, &choice, n, input));
}

/* Takes over all outputs; gives the one that is asked for. */
static ht_status choose_output(ht_arrays *all, const char *key,
                               ht_arrays **out) {
  ht_array *a = NULL;
  ht_status st = ht_arrays_new(out);
  const ht_array *found = ht_arrays_find(all, key);
  if (st.code == HT_OK) {
    ht_tensor t = ht_tensor_share(&found->t);
    st = ht_array_wrap(&t, &a);
  }
  if (st.code == HT_OK) st = ht_arrays_put(*out, key, a);
  ht_arrays_free(all);
  return st;
}

static ht_status check_values(const ht_layer *l, const ht_callable *c,
                              const ht_arrays *out) {
  HT_TRY(check_shapes(l, c));
  for (int i = 0; i < ht_arrays_count(out); i++) {
    ht_port port = {.name = ht_arrays_name(out, i)};
    const ht_output_shape *said = said_of(l, port.name);
    port.shape = ht_arrays_at(out, i)->t.shape;
    if (!said) continue;
    ht_shape shape = with_batch(said, -1);
    HT_TRY(check_shape(&port, &shape));
  }
  return HT_SUCCESS;
}

static ht_status run_callable(ht_layer *l, const ht_callable *c,
                              const ht_arrays *inputs, ht_arrays **out) {
  const char *key = l->o.output_key;
  ht_function *f;
  ht_arrays *all = NULL;
  HT_TRY(ht_function_of(l->module, c, &f));
  ht_status st = ht_function_run(f, inputs, &all);
  ht_function_free(f);
  HT_TRY(st);
  *out = all;
  if (key && c->n_outputs > 1) HT_TRY(choose_output(all, key, out));
  return check_values(l, c, *out);
}

ht_status ht_layer_run(ht_layer *l, bool training, const ht_arrays *inputs,
                       ht_arrays **outputs) {
  ht_choice choice = choice_of(l, training);
  const char **name;
  const ht_callable *c;
  ht_model *m;
  int n = inputs ? ht_arrays_count(inputs) : 0;
  *outputs = NULL;
  HT_NEW(name, &l->arena, n + 1);
  for (int i = 0; i < n; i++) name[i] = ht_arrays_name(inputs, i);
  HT_TRY(ht_choice_graph(l->module->model, &choice, &m));
  HT_TRY(ht_choice_find(m, &choice, n, name, &l->arena, &c));
  ht_status st = run_callable(l, c, inputs, outputs);
  if (st.code == HT_OK) return st;
  ht_arrays_free(*outputs);
  *outputs = NULL;
  return st;
}
