/*
 * export_objects.c - the object graph of a TF2 SavedModel, by which
 * tf.saved_model.load and hub.KerasLayer see it.
 *
 * root: variables, trainable_variables, regularization_losses (lists),
 * __call__, signatures, and a list of the tables so that saving it again
 * reaches them. The checkpoint's own graph names only what has a value.
 */
#include <stdlib.h>
#include <string.h>

#include "hub/export_internal.h"
#include "hub/source.h"

typedef Tensorflow__TrackableObjectGraph__TrackableObject trackable;
typedef Tensorflow__TrackableObjectGraph__TrackableObject__ObjectReference edge;

typedef struct objects {
  ht_writer *w;
  ht_arena *a;
  Tensorflow__SavedObjectGraph *graph;
  Tensorflow__TrackableObjectGraph *saved; /* the checkpoint's */
  int *saved_id;                           /* per capture */
} objects;

static ht_status new_object(objects *o, Tensorflow__SavedObject **out,
                            int *id) {
  HT_PB(*out, o->a, tensorflow__saved_object__init);
  *id = (int)o->graph->n_nodes;
  return HT_PB_PUSH(o->a, o->graph, nodes, *out);
}

static ht_status make_edge(ht_arena *a, int to, const char *name, edge **out) {
  HT_PB(
      *out, a,
      tensorflow__trackable_object_graph__trackable_object__object_reference__init);
  (*out)->node_id = to;
  return ht_pb_text(a, &(*out)->local_name, "%s", name);
}

static ht_status link_object(objects *o, int from, const char *name, int to) {
  edge *e;
  HT_TRY(make_edge(o->a, to, name, &e));
  return HT_PB_PUSH(o->a, o->graph->nodes[from], children, e);
}

static ht_status depends(objects *o, int from, const char *name, int to) {
  edge *e;
  HT_TRY(make_edge(o->a, to, name, &e));
  return HT_PB_PUSH(o->a, o->graph->nodes[from], dependencies, e);
}

static ht_status user_object(objects *o, const char *identifier, int *id) {
  Tensorflow__SavedObject *object;
  HT_TRY(new_object(o, &object, id));
  object->kind_case = TENSORFLOW__SAVED_OBJECT__KIND_USER_OBJECT;
  HT_PB(object->user_object, o->a, tensorflow__saved_user_object__init);
  HT_PB(object->user_object->version, o->a, tensorflow__version_def__init);
  object->user_object->version->producer = 1;
  object->user_object->version->min_consumer = 1;
  return ht_pb_text(o->a, &object->user_object->identifier, "%s", identifier);
}

/* ---- captures */

static ht_status variable_object(objects *o, ht_out_capture *c) {
  Tensorflow__SavedObject *object;
  const ht_variable *v = c->variable;
  HT_TRY(new_object(o, &object, &c->object));
  object->kind_case = TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE;
  HT_PB(object->variable, o->a, tensorflow__saved_variable__init);
  object->variable->dtype = (Tensorflow__DataType)v->dtype;
  object->variable->trainable = v->trainable;
  HT_TRY(ht_pb_shape(o->a, v->value.dtype ? &v->value.shape : &v->shape,
                     &object->variable->shape));
  return ht_pb_text(o->a, &object->variable->name, "%s", c->node);
}

static ht_status constant_object(objects *o, ht_out_capture *c) {
  Tensorflow__SavedObject *object;
  if (c->asset >= 0) {
    c->object = o->w->asset[c->asset].object;
    return HT_SUCCESS;
  }
  HT_TRY(new_object(o, &object, &c->object));
  object->kind_case = TENSORFLOW__SAVED_OBJECT__KIND_CONSTANT;
  HT_PB(object->constant, o->a, tensorflow__saved_constant__init);
  return ht_pb_text(o->a, &object->constant->operation, "%s", c->node);
}

static ht_status asset_object(objects *o, int i) {
  Tensorflow__SavedObject *object;
  HT_TRY(new_object(o, &object, &o->w->asset[i].object));
  object->kind_case = TENSORFLOW__SAVED_OBJECT__KIND_ASSET;
  HT_PB(object->asset, o->a, tensorflow__saved_asset__init);
  object->asset->asset_file_def_index = i;
  return HT_SUCCESS;
}

/* ---- functions */

static ht_status concrete(objects *o, const char *name, int n_bound,
                          const int32_t *bound, ht_sv *input, ht_sv *output) {
  Tensorflow__SavedObjectGraph__ConcreteFunctionsEntry *e;
  HT_PB(e, o->a,
        tensorflow__saved_object_graph__concrete_functions_entry__init);
  HT_PB(e->value, o->a, tensorflow__saved_concrete_function__init);
  HT_TRY(ht_pb_text(o->a, &e->key, "%s", name));
  HT_NEW(e->value->bound_inputs, o->a, n_bound + 1);
  for (int i = 0; i < n_bound; i++) e->value->bound_inputs[i] = bound[i];
  e->value->n_bound_inputs = (size_t)n_bound;
  e->value->canonicalized_input_signature = input;
  e->value->output_signature = output;
  return HT_PB_PUSH(o->a, o->graph, concrete_functions, e);
}

static ht_status concrete_of(objects *o, const ht_emitted *f, ht_sv *input,
                             ht_sv *output) {
  int32_t *bound;
  HT_NEW(bound, o->a, f->n_captured + 1);
  for (int i = 0; i < f->n_captured; i++)
    bound[i] = o->w->capture[ht_writer_find(o->w, &f->captured[i])].object;
  return concrete(o, f->name, f->n_captured, bound, input, output);
}

/* FullArgSpec(args, defaults=False for the last of them when `training`). */
static ht_status arg_spec(objects *o, bool inputs, bool training,
                          Tensorflow__FunctionSpec **out) {
  static const char *const names[] = {
      "args",       "varargs",        "varkw",      "defaults",
      "kwonlyargs", "kwonlydefaults", "annotations"};
  ht_sv *args[2], *value[7], *no, *yes;
  int n = 0;
  if (inputs) HT_TRY(ht_sv_string(o->a, "inputs", &args[n++]));
  if (training) HT_TRY(ht_sv_string(o->a, "training", &args[n++]));
  HT_TRY(ht_sv_none(o->a, &no));
  HT_TRY(ht_sv_bool(o->a, false, &yes));
  for (int i = 0; i < 7; i++) value[i] = no;
  HT_TRY(ht_sv_sequence(o->a, false, n, args, &value[0]));
  if (training) HT_TRY(ht_sv_sequence(o->a, true, 1, &yes, &value[3]));
  HT_TRY(ht_sv_sequence(o->a, false, 0, NULL, &value[4]));
  HT_TRY(ht_sv_dict(o->a, 0, NULL, NULL, &value[6]));
  Tensorflow__NamedTupleValue *tuple;
  HT_PB(tuple, o->a, tensorflow__named_tuple_value__init);
  HT_TRY(ht_pb_text(o->a, &tuple->name, "FullArgSpec"));
  for (int i = 0; i < 7; i++) {
    Tensorflow__PairValue *pair;
    HT_PB(pair, o->a, tensorflow__pair_value__init);
    HT_TRY(ht_pb_text(o->a, &pair->key, "%s", names[i]));
    pair->value = value[i];
    HT_TRY(HT_PB_PUSH(o->a, tuple, values, pair));
  }
  HT_PB(*out, o->a, tensorflow__function_spec__init);
  HT_PB((*out)->fullargspec, o->a, tensorflow__structured_value__init);
  (*out)->fullargspec->kind_case =
      TENSORFLOW__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE;
  (*out)->fullargspec->named_tuple_value = tuple;
  return ht_sv_none(o->a, &(*out)->input_signature);
}

static ht_status function_object(objects *o, const char *const *name, int n,
                                 bool inputs, bool training, int *id) {
  Tensorflow__SavedObject *object;
  HT_TRY(new_object(o, &object, id));
  object->kind_case = TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION;
  HT_PB(object->function, o->a, tensorflow__saved_function__init);
  for (int i = 0; i < n; i++)
    HT_TRY(ht_pb_strings(o->a, &object->function->n_concrete_functions,
                         &object->function->concrete_functions, name[i]));
  return arg_spec(o, inputs, training, &object->function->function_spec);
}

/* (args, kwargs) as TensorFlow writes a canonical signature. */
static ht_status canonical(objects *o, int n, ht_sv *const *args, ht_sv **out) {
  ht_sv *pair[2];
  HT_TRY(ht_sv_sequence(o->a, true, n, args, &pair[0]));
  HT_TRY(ht_sv_dict(o->a, 0, NULL, NULL, &pair[1]));
  return ht_sv_sequence(o->a, true, 2, pair, out);
}

/* A function without arguments that yields `output`. */
static ht_status plain_function(objects *o, const char *name, int n_bound,
                                const int32_t *bound, ht_sv *output, int *id) {
  ht_sv *input;
  HT_TRY(canonical(o, 0, NULL, &input));
  HT_TRY(concrete(o, name, n_bound, bound, input, output));
  return function_object(o, &name, 1, false, false, id);
}

static ht_status table_object(objects *o, ht_out_capture *c) {
  Tensorflow__SavedObject *object;
  const ht_out_asset *asset = c->asset >= 0 ? &o->w->asset[c->asset] : NULL;
  HT_TRY(new_object(o, &object, &c->object));
  object->kind_case = TENSORFLOW__SAVED_OBJECT__KIND_RESOURCE;
  HT_PB(object->resource, o->a, tensorflow__saved_resource__init);
  HT_TRY(ht_write_table_functions(o->w, c));
  int32_t bound[2] = {c->object, asset ? asset->object : 0};
  ht_port handle = {.name = "", .dtype = HT_RESOURCE};
  ht_port one = {.name = "", .dtype = HT_INT32};
  ht_sv *made, *done;
  int create, initialize, destroy;
  HT_TRY(ht_sv_spec(o->a, &handle, &made));
  HT_TRY(ht_sv_spec(o->a, &one, &done));
  HT_TRY(plain_function(o, c->create, 0, NULL, made, &create));
  HT_TRY(plain_function(o, c->initialize, asset ? 2 : 1, bound, done,
                        &initialize));
  HT_TRY(plain_function(o, c->destroy, 0, NULL, done, &destroy));
  HT_TRY(link_object(o, c->object, "_create_resource", create));
  HT_TRY(link_object(o, c->object, "_initialize", initialize));
  HT_TRY(link_object(o, c->object, "_destroy_resource", destroy));
  HT_TRY(depends(o, c->object, "_create_resource", create));
  if (asset) HT_TRY(link_object(o, c->object, "_filename", asset->object));
  return HT_SUCCESS;
}

static ht_status capture_objects(objects *o) {
  for (int i = 0; i < o->w->n_assets; i++) HT_TRY(asset_object(o, i));
  for (int i = 0; i < o->w->n_captures; i++) {
    ht_out_capture *c = &o->w->capture[i];
    HT_TRY(c->variable ? variable_object(o, c)
           : c->table  ? table_object(o, c)
                       : constant_object(o, c));
  }
  return HT_SUCCESS;
}

/* ---- the root's children */

static ht_status list_of(objects *o, const char *name, int *id) {
  HT_TRY(user_object(o, "trackable_list_wrapper", id));
  return link_object(o, 0, name, *id);
}

static ht_status append(objects *o, int list, int item) {
  char index[24];
  snprintf(index, sizeof index, "%zu", o->graph->nodes[list]->n_children);
  return link_object(o, list, index, item);
}

static ht_status variable_lists(objects *o) {
  int all, trainable, tables;
  HT_TRY(list_of(o, "variables", &all));
  HT_TRY(list_of(o, "trainable_variables", &trainable));
  HT_TRY(list_of(o, "_tables", &tables));
  for (int i = 0; i < o->w->n_captures; i++) {
    const ht_out_capture *c = &o->w->capture[i];
    if (c->variable) HT_TRY(append(o, all, c->object));
    if (c->variable && c->variable->trainable)
      HT_TRY(append(o, trainable, c->object));
    if (c->table) HT_TRY(append(o, tables, c->object));
  }
  return HT_SUCCESS;
}

static ht_status losses(objects *o) {
  int list;
  HT_TRY(list_of(o, "regularization_losses", &list));
  for (int i = 0; i < o->w->n_losses; i++) {
    const ht_emitted *f = o->w->loss[i];
    ht_port scalar = {.name = "", .dtype = HT_FLOAT};
    ht_sv *input, *output;
    int id;
    HT_TRY(canonical(o, 0, NULL, &input));
    HT_TRY(ht_sv_spec(o->a, &scalar, &output));
    HT_TRY(concrete_of(o, f, input, output));
    HT_TRY(function_object(o, &f->name, 1, false, false, &id));
    HT_TRY(append(o, list, id));
  }
  return HT_SUCCESS;
}

static ht_status call_function(objects *o) {
  const ht_out_method *m = &o->w->call;
  const char *name[2];
  bool training = m->f[1] != NULL;
  int id;
  if (!m->f[0]) return HT_SUCCESS;
  for (int k = 0; k <= training; k++) {
    ht_sv *args[2], *input, *output;
    int n = m->method->n_inputs > 0;
    if (n) HT_TRY(ht_sv_ports(o->a, m->input, m->method->n_inputs, &args[0]));
    if (training) HT_TRY(ht_sv_bool(o->a, k, &args[n++]));
    HT_TRY(canonical(o, n, args, &input));
    HT_TRY(ht_sv_ports(o->a, m->output, m->method->n_outputs, &output));
    HT_TRY(concrete_of(o, m->f[k], input, output));
    name[k] = m->f[k]->name;
  }
  HT_TRY(function_object(o, name, 1 + training, m->method->n_inputs > 0,
                         training, &id));
  return link_object(o, 0, "__call__", id);
}

static ht_status signature_object(objects *o, const ht_out_method *m, int map) {
  Tensorflow__SavedObject *object;
  Tensorflow__SavedBareConcreteFunction *bare;
  int id, n = m->method->n_inputs, n_out = m->method->n_outputs;
  const char **key;
  ht_sv **spec, *pair[2], *input, *output;
  HT_NEW(key, o->a, n + n_out + 1);
  HT_NEW(spec, o->a, n + n_out + 1);
  for (int i = 0; i < n + n_out; i++) {
    const ht_port *p = i < n ? &m->input[i] : &m->output[i - n];
    key[i] = p->name;
    HT_TRY(ht_sv_spec(o->a, p, &spec[i]));
  }
  HT_TRY(ht_sv_sequence(o->a, true, 0, NULL, &pair[0]));
  HT_TRY(ht_sv_dict(o->a, n, key, spec, &pair[1]));
  HT_TRY(ht_sv_sequence(o->a, true, 2, pair, &input));
  HT_TRY(ht_sv_dict(o->a, n_out, key + n, spec + n, &output));
  HT_TRY(concrete_of(o, m->f[0], input, output));
  HT_TRY(new_object(o, &object, &id));
  object->kind_case = TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION;
  HT_PB(bare, o->a, tensorflow__saved_bare_concrete_function__init);
  object->bare_concrete_function = bare;
  HT_TRY(ht_pb_text(o->a, &bare->concrete_function_name, "%s", m->f[0]->name));
  for (int i = 0; i < n; i++)
    HT_TRY(ht_pb_strings(o->a, &bare->n_argument_keywords,
                         &bare->argument_keywords, key[i]));
  bare->allowed_positional_arguments = n == 1;
  return link_object(o, map, m->method->name, id);
}

static ht_status signatures(objects *o) {
  int map;
  HT_TRY(user_object(o, "signature_map", &map));
  HT_TRY(link_object(o, 0, "signatures", map));
  for (int i = 0; i < o->w->x->n_signatures; i++)
    HT_TRY(signature_object(o, &o->w->signature[i], map));
  return HT_SUCCESS;
}

/* ---- custom gradients of the module: functions that capture values */

static ht_status gradient_bound(objects *o, ht_source *s, int id, int32_t *to) {
  const ht_saved_object *from = ht_object_at(s, id);
  Tensorflow__SavedObject *object;
  ht_tensor value;
  if (from &&
      from->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_CAPTURED_TENSOR) {
    HT_TRY(new_object(o, &object, to));
    object->kind_case = from->kind_case;
    HT_PB(object->captured_tensor, o->a, tensorflow__captured_tensor__init);
    object->captured_tensor->name = from->captured_tensor->name;
    const char *written =
        ht_emitter_name(&o->w->e, &s->model->library,
                        from->captured_tensor->concrete_function);
    return ht_pb_text(o->a, &object->captured_tensor->concrete_function, "%s",
                      written ? written
                              : from->captured_tensor->concrete_function);
  }
  HT_TRY(ht_object_value(s, id, &value));
  *to = o->w->capture[ht_writer_find(o->w, &value)].object;
  return HT_SUCCESS;
}

static ht_status gradient_object(objects *o, const ht_model *m,
                                 const char *name) {
  ht_source *s = m->source;
  const Tensorflow__SavedConcreteFunction *f = ht_map_get(&s->concrete, name);
  const char *written = ht_emitter_name(&o->w->e, &m->library, name);
  int32_t *bound;
  if (!f || !written || !ht_source_gradient(s, name)) return HT_SUCCESS;
  HT_NEW(bound, o->a, f->n_bound_inputs + 1);
  for (size_t k = 0; k < f->n_bound_inputs; k++)
    HT_TRY(gradient_bound(o, s, f->bound_inputs[k], &bound[k]));
  return concrete(o, written, (int)f->n_bound_inputs, bound,
                  f->canonicalized_input_signature, f->output_signature);
}

static ht_status gradient_objects(objects *o) {
  for (int i = 0; i < o->w->n_modules; i++) {
    const ht_model *m = o->w->module[i];
    for (int k = 0; m->source && k < m->source->concrete.n; k++)
      HT_TRY(gradient_object(o, m, m->source->concrete.entry[k].key));
  }
  return HT_SUCCESS;
}

/* ---- the checkpoint's graph: root -> variables -> "i" -> a value */

static ht_status saved_object(objects *o, trackable **out, int *id) {
  HT_PB(*out, o->a, tensorflow__trackable_object_graph__trackable_object__init);
  HT_PB((*out)->has_checkpoint_values, o->a, tensorflow__bool_value__init);
  *id = (int)o->saved->n_nodes;
  return HT_PB_PUSH(o->a, o->saved, nodes, *out);
}

static ht_status saved_link(objects *o, int from, const char *name, int to) {
  edge *e;
  HT_TRY(make_edge(o->a, to, name, &e));
  return HT_PB_PUSH(o->a, o->saved->nodes[from], children, e);
}

static ht_status saved_value(objects *o, const ht_out_capture *c, int index,
                             const char **key, int *id) {
  trackable *object;
  Tensorflow__TrackableObjectGraph__TrackableObject__SerializedTensor *t;
  char *text;
  HT_TRY(saved_object(o, &object, id));
  object->has_checkpoint_values->value = true;
  HT_PB(
      t, o->a,
      tensorflow__trackable_object_graph__trackable_object__serialized_tensor__init);
  HT_TRY(ht_pb_text(o->a, &t->name, "VARIABLE_VALUE"));
  HT_TRY(ht_pb_text(o->a, &t->full_name, "%s", c->node));
  HT_TRY(ht_pb_text(o->a, &text, "variables/%d/.ATTRIBUTES/VARIABLE_VALUE",
                    index));
  t->checkpoint_key = text;
  *key = text;
  return HT_PB_PUSH(o->a, object, attributes, t);
}

static ht_status saved_lists(objects *o, const char **key) {
  trackable *object;
  int root, all, trainable, n = 0, n_trainable = 0;
  char index[24];
  HT_TRY(saved_object(o, &object, &root));
  object->has_checkpoint_values->value = true;
  HT_TRY(saved_object(o, &object, &all));
  object->has_checkpoint_values->value = true;
  HT_TRY(saved_object(o, &object, &trainable));
  object->has_checkpoint_values->value = true;
  HT_TRY(saved_link(o, root, "variables", all));
  HT_TRY(saved_link(o, root, "trainable_variables", trainable));
  for (int i = 0; i < o->w->n_captures; i++) {
    const ht_out_capture *c = &o->w->capture[i];
    int id;
    if (!c->variable) continue;
    HT_TRY(saved_value(o, c, n, &key[i], &id));
    snprintf(index, sizeof index, "%d", n++);
    HT_TRY(saved_link(o, all, index, id));
    if (!c->variable->trainable) continue;
    snprintf(index, sizeof index, "%d", n_trainable++);
    HT_TRY(saved_link(o, trainable, index, id));
  }
  return HT_SUCCESS;
}

ht_status ht_write_objects(ht_writer *w, const char **key,
                           ProtobufCBinaryData *trackable_graph) {
  objects o = {.w = w, .a = &w->arena};
  int root;
  HT_PB(o.graph, o.a, tensorflow__saved_object_graph__init);
  HT_PB(o.saved, o.a, tensorflow__trackable_object_graph__init);
  HT_TRY(user_object(&o, "_generic_user_object", &root));
  HT_TRY(capture_objects(&o));
  HT_TRY(variable_lists(&o));
  HT_TRY(losses(&o));
  HT_TRY(call_function(&o));
  HT_TRY(signatures(&o));
  HT_TRY(gradient_objects(&o));
  w->meta->object_graph_def = o.graph;
  HT_TRY(saved_lists(&o, key));
  return ht_pb_pack(o.a, &o.saved->base, trackable_graph);
}
