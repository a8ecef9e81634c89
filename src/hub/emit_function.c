/* emit_function.c - bodies as functions of a library, and calls of them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "graph/raise.h"
#include "hub/emit_internal.h"

/* What a variable holds: without it TensorFlow knows no gradient of one that
 * a loop or a branch captures. */
static ht_status handle_data(ht_arena *arena, const ht_tensor *handle,
                             Tensorflow__OpDef__ArgDef *a) {
  ht_object *o = handle->dtype == HT_RESOURCE ? ht_obj(handle)[0] : NULL;
  Tensorflow__ResourceHandleProto__DtypeAndShape *data;
  if (!o || o->class != &ht_variable_class) return HT_SUCCESS;
  const ht_variable *v = (const ht_variable *)o;
  HT_PB(data, arena, tensorflow__resource_handle_proto__dtype_and_shape__init);
  data->dtype = (Tensorflow__DataType)v->dtype;
  HT_TRY(ht_pb_shape(arena, v->value.dtype ? &v->value.shape : &v->shape,
                     &data->shape));
  return HT_PB_PUSH(arena, a, handle_data, data);
}

ht_status ht_emit_arg(ht_arena *arena, size_t *n,
                      Tensorflow__OpDef__ArgDef ***args, const char *name,
                      ht_dtype type, const ht_tensor *captured) {
  Tensorflow__OpDef__ArgDef *a;
  HT_PB(a, arena, tensorflow__op_def__arg_def__init);
  HT_TRY(ht_pb_text(arena, &a->name, "%s", name));
  a->type = (Tensorflow__DataType)type;
  if (captured) HT_TRY(handle_data(arena, captured, a));
  return ht_pb_push_(arena, (void ***)args, n, a);
}

/* Names of arguments: lower case letters, digits and "_". */
static ht_status argument_name(ht_emission *m, const char *wanted, char **out) {
  HT_TRY(ht_pb_text(m->e->arena, out, "%s%s",
                    isalpha((unsigned char)*wanted) ? "" : "arg_", wanted));
  for (char *p = *out; *p; p++)
    *p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '_';
  for (size_t i = 0; i < m->def->signature->n_input_arg; i++)
    if (strcmp(m->def->signature->input_arg[i]->name, *out) == 0)
      return ht_pb_text(m->e->arena, out, "%s_%d", *out, m->e->serial++);
  return HT_SUCCESS;
}

ht_status ht_emission_argument(ht_emission *m, const char *wanted,
                               ht_dtype type, const ht_tensor *captured,
                               const char **name) {
  char *text;
  HT_TRY(argument_name(m, wanted, &text));
  *name = text;
  return ht_emit_arg(m->e->arena, &m->def->signature->n_input_arg,
                     &m->def->signature->input_arg, text, type, captured);
}

/* ---- functions */

static ht_status push_return(ht_arena *arena, Tensorflow__FunctionDef *def,
                             char *name, ht_dtype type,
                             const ht_tensor *captured, const char *value) {
  Tensorflow__FunctionDef__RetEntry *ret;
  HT_TRY(ht_emit_arg(arena, &def->signature->n_output_arg,
                     &def->signature->output_arg, name, type, captured));
  HT_PB(ret, arena, tensorflow__function_def__ret_entry__init);
  ret->key = name;
  HT_TRY(ht_pb_text(arena, &ret->value, "%s", value));
  return HT_PB_PUSH(arena, def, ret, ret);
}

static ht_status add_return(ht_emission *m, int i) {
  const char *text;
  char *name;
  HT_TRY(ht_pb_text(m->e->arena, &name, "output_%d", i));
  m->out->ret_name[i] = name;
  m->out->ret_type[i] = ht_graph_dtype(m->graph, m->body->ret[i]);
  HT_TRY(ht_emission_ref(m, m->body->ret[i], true, &text));
  HT_TRY(ht_emission_finish(m));
  return push_return(m->e->arena, m->def, name, m->out->ret_type[i], NULL,
                     text);
}

/* A node run for its effect is a control output. */
static ht_status add_effect(ht_emission *m, int node) {
  ht_arena *arena = m->e->arena;
  Tensorflow__FunctionDef__ControlRetEntry *ret;
  const char *name = m->graph->node[node].name;
  for (size_t i = 0; i < m->def->n_control_ret; i++)
    if (strcmp(m->def->control_ret[i]->value, name) == 0) return HT_SUCCESS;
  HT_TRY(ht_graph_bind(m->graph, node));
  HT_TRY(ht_emission_want(m, node));
  HT_TRY(ht_emission_finish(m));
  HT_PB(ret, arena, tensorflow__function_def__control_ret_entry__init);
  HT_TRY(ht_pb_text(arena, &ret->key, "%s", name));
  HT_TRY(ht_pb_text(arena, &ret->value, "%s", name));
  HT_TRY(HT_PB_PUSH(arena, m->def, control_ret, ret));
  return ht_pb_strings(arena, &m->def->signature->n_control_output,
                       &m->def->signature->control_output, name);
}

/* Calls inside have effects too (batch norm averages): control outputs. */
static ht_status add_call_effects(ht_emission *m) {
  for (int i = 0; i < m->graph->n_nodes; i++)
    if (m->seen[i] && m->graph->node[i].application) HT_TRY(add_effect(m, i));
  return HT_SUCCESS;
}

static ht_status user_name(ht_emission *m, int i, const char *name) {
  ht_arena *arena = m->e->arena;
  Tensorflow__FunctionDef__ArgAttrEntry *entry;
  Tensorflow__FunctionDef__ArgAttrs__AttrEntry *attr;
  HT_PB(entry, arena, tensorflow__function_def__arg_attr_entry__init);
  HT_PB(entry->value, arena, tensorflow__function_def__arg_attrs__init);
  HT_PB(attr, arena, tensorflow__function_def__arg_attrs__attr_entry__init);
  HT_PB(attr->value, arena, tensorflow__attr_value__init);
  entry->key = (uint32_t)i;
  HT_TRY(ht_pb_text(arena, &attr->key, "_user_specified_name"));
  attr->value->value_case = TENSORFLOW__ATTR_VALUE__VALUE_S;
  char *text;
  HT_TRY(ht_pb_text(arena, &text, "%s", name));
  attr->value->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
  HT_TRY(HT_PB_PUSH(arena, entry->value, attr, attr));
  return HT_PB_PUSH(arena, m->def, arg_attr, entry);
}

/* Captured arguments of the body come after the explicit ones. */
static ht_status add_arguments(ht_emission *m, const ht_tensor *capture,
                               const char *const *arg_name) {
  const ht_body *body = m->body;
  int explicit = 0;
  for (int i = 0; i < body->n_args; i++) {
    char fallback[24];
    if (capture && capture[i].dtype) continue;
    snprintf(fallback, sizeof fallback, "arg_%d", explicit);
    const char *name = arg_name ? arg_name[explicit] : fallback;
    HT_TRY(ht_emission_argument(m, name,
                                ht_graph_dtype(body->graph, body->arg[i]), NULL,
                                &m->arg_text[i]));
    HT_TRY(user_name(m, explicit, name));
    explicit ++;
  }
  m->out->n_inputs = explicit;
  for (int i = 0; i < body->n_args; i++)
    if (capture && capture[i].dtype)
      HT_TRY(ht_emission_captured(m, &capture[i], "captured", &m->arg_text[i]));
  return HT_SUCCESS;
}

/* A body that is a function of the module: called as it is. */
static ht_status library_function(ht_emitter *e, const ht_body *body,
                                  const ht_tensor *capture, ht_emitted *f) {
  f->name = ht_emitter_name(e, body->graph->library, body->graph->name);
  if (!f->name)
    return ht_fail(HT_CORRUPT, "function '%s' is of no module that is written",
                   body->graph->name);
  for (int i = 0; i < body->n_args; i++) {
    if (!capture || !capture[i].dtype) {
      f->n_inputs++;
      continue;
    }
    HT_GROW(f->captured, f->n_captured, f->captured_capacity, e->arena);
    f->captured[f->n_captured++] = capture[i];
  }
  for (int i = 0; i < body->n_rets; i++) {
    f->ret_name[i] = body->graph->ret_name[i];
    f->ret_type[i] = ht_graph_dtype(body->graph, body->ret[i]);
  }
  return HT_SUCCESS;
}

static ht_status emit_body(ht_emission *m, const ht_tensor *capture,
                           const char *const *arg_name,
                           const ht_emitted *like) {
  HT_TRY(add_arguments(m, capture, arg_name));
  for (int i = 0; like && i < like->n_captured; i++) {
    const char *name;
    HT_TRY(ht_emission_captured(m, &like->captured[i], "captured", &name));
  }
  for (int i = 0; i < m->body->n_rets; i++) HT_TRY(add_return(m, i));
  for (int i = 0; i < m->body->n_targets; i++)
    HT_TRY(add_effect(m, m->body->target[i]));
  return add_call_effects(m);
}

/* `like` (may be NULL): a function whose captures come first. */
static ht_status new_function(ht_emitter *e, const char *hint,
                              const ht_body *body, const ht_tensor *capture,
                              const char *const *arg_name,
                              const ht_emitted *like, ht_emitted *f) {
  ht_emission m = {.e = e, .body = body, .out = f};
  HT_TRY(ht_graph_raise_all(body->graph, &m.graph));
  char *name;
  do {
    HT_TRY(ht_pb_text(e->arena, &name, "__inference_%s_%d", hint, e->serial++));
  } while (ht_map_get(&e->taken, name));
  HT_TRY(ht_map_put(&e->taken, name, e));
  HT_PB(m.def, e->arena, tensorflow__function_def__init);
  HT_PB(m.def->signature, e->arena, tensorflow__op_def__init);
  m.def->signature->name = name;
  m.def->signature->is_stateful = true;
  f->name = name;
  f->def = m.def;
  HT_NEW(m.arg_text, e->arena, body->n_args + 1);
  HT_NEW(m.seen, e->arena, m.graph->n_nodes + 1);
  HT_TRY(emit_body(&m, capture, arg_name, like));
  return HT_PB_PUSH(e->arena, e->library, function, m.def);
}

/* ---- functions that the module's file does not hold: of raised loops and
 * conditionals */

static ht_status raised_function(ht_emission *m, const char *name,
                                 const ht_emitted *like, ht_emitted **out) {
  ht_graph *g;
  ht_body *body;
  HT_TRY(ht_library_find(m->graph->library, name, &g));
  if (!g) return ht_fail(HT_CORRUPT, "there is no function '%s'", name);
  HT_NEW(body, m->e->arena, 1);
  HT_NEW(*out, m->e->arena, 1);
  HT_TRY(ht_body_of_function(g, body));
  HT_NEW((*out)->ret_name, m->e->arena, body->n_rets + 1);
  HT_NEW((*out)->ret_type, m->e->arena, body->n_rets + 1);
  return new_function(m->e, "raised", body, NULL, NULL, like, *out);
}

/* The captures that only the other function has: not used here. */
static ht_status take_captures(ht_emitter *e, ht_emitted *f,
                               const ht_emitted *from) {
  for (int i = f->n_captured; i < from->n_captured; i++) {
    char *name;
    HT_GROW(f->captured, f->n_captured, f->captured_capacity, e->arena);
    f->captured[f->n_captured++] = from->captured[i];
    HT_TRY(ht_pb_text(e->arena, &name, "captured_%d", e->serial++));
    HT_TRY(ht_emit_arg(e->arena, &f->def->signature->n_input_arg,
                       &f->def->signature->input_arg, name,
                       from->captured[i].dtype, &from->captured[i]));
  }
  return HT_SUCCESS;
}

/* A loop's body gives back what it captured. */
static ht_status return_captures(ht_emitter *e, ht_emitted *f) {
  for (int i = 0; i < f->n_captured; i++) {
    char *name;
    HT_TRY(ht_pb_text(e->arena, &name, "captured_output_%d", i));
    HT_TRY(push_return(e->arena, f->def, name, f->captured[i].dtype,
                       &f->captured[i],
                       f->def->signature->input_arg[f->n_inputs + i]->name));
  }
  return HT_SUCCESS;
}

ht_status ht_emission_functions(ht_emission *m, const ht_node *n,
                                ht_emitted *out[2]) {
  int made = 0;
  out[0] = out[1] = NULL;
  for (int i = 0; i < n->attrs.n && made < 2; i++) {
    const ht_attr *a = &n->attrs.attr[i];
    if (a->kind != HT_ATTR_FUNC || a->list ||
        ht_emitter_name(m->e, m->graph->library, a->value->func.name))
      continue;
    HT_TRY(raised_function(m, a->value->func.name, out[0], &out[made]));
    made++;
  }
  if (made < 2) return HT_SUCCESS;
  HT_TRY(take_captures(m->e, out[0], out[1]));
  bool loop = strcmp(n->op_name, "While") == 0; /* condition and body */
  return loop ? return_captures(m->e, out[1]) : HT_SUCCESS;
}

ht_status ht_emit(ht_emitter *e, const char *hint, const ht_body *body,
                  const ht_tensor *capture, const char *const *arg_name,
                  ht_emitted **out) {
  for (size_t i = 0; i < e->n_done; i++)
    if (e->done[i]->body == body) {
      *out = e->done[i];
      return HT_SUCCESS;
    }
  ht_emitted *f;
  HT_NEW(f, e->arena, 1);
  f->body = body;
  f->n_rets = body->n_rets;
  HT_NEW(f->ret_name, e->arena, body->n_rets + 1);
  HT_NEW(f->ret_type, e->arena, body->n_rets + 1);
  if (body->graph->name)
    HT_TRY(library_function(e, body, capture, f));
  else
    HT_TRY(new_function(e, hint, body, capture, arg_name, NULL, f));
  *out = f;
  return ht_pb_push_(e->arena, (void ***)&e->done, &e->n_done, f);
}

ht_status ht_emit_call(ht_emitter *e, const char *name, const ht_emitted *f,
                       int n_in, const ht_dtype *in_type, const char *const *in,
                       const char *const *captured, Tensorflow__NodeDef **out) {
  ht_dtype *type;
  HT_NEW(type, e->arena, n_in + f->n_captured + 1);
  HT_TRY(ht_pb_node(e->arena, "StatefulPartitionedCall", name, out));
  for (int i = 0; i < n_in; i++) {
    type[i] = in_type[i];
    HT_TRY(ht_pb_input(e->arena, *out, in[i]));
  }
  for (int i = 0; i < f->n_captured; i++) {
    type[n_in + i] = f->captured[i].dtype;
    HT_TRY(ht_pb_input(e->arena, *out, captured[i]));
  }
  HT_TRY(ht_pb_attr_types(e->arena, *out, "Tin", n_in + f->n_captured, type));
  HT_TRY(ht_pb_attr_types(e->arena, *out, "Tout", f->n_rets, f->ret_type));
  return ht_pb_attr_func(e->arena, *out, "f", f->name);
}
