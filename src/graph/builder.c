/* builder.c - see builder.h. */
#include "graph/builder.h"

#include <stdio.h>
#include <string.h>

#include "ops/interface.h"

enum { MAX_INPUTS = 256, MAX_NAME = 512 };
static const ht_ref nowhere = {-1, 0};

ht_status ht_builder_init(ht_builder *b, ht_arena *arena, ht_library *library,
                          ht_store *store) {
  *b = (ht_builder){.store = store};
  return ht_graph_new(arena, library, NULL, &b->graph);
}

ht_status ht_builder_status(const ht_builder *b) {
  if (!b->failed) return HT_SUCCESS;
  return ht_fail(b->code, "%s", b->message);
}

ht_ref ht_build_fail(ht_builder *b, ht_status st) {
  if (!b->failed) {
    b->failed = true;
    b->code = st.code;
    ht_status_copy(st, b->message);
  }
  return nowhere;
}

/* scope + name, made unique by _1, _2, ... as TensorFlow does. */
static ht_status unique_name(ht_builder *b, const char *name, char **out) {
  char text[MAX_NAME];
  for (int k = 0; k < INT32_MAX; k++) {
    snprintf(text, sizeof text, k ? "%s%s_%d" : "%s%s", b->scope, name, k);
    if (ht_graph_find(b->graph, text) < 0) break;
  }
  *out = ht_arena_string(b->graph->arena, text);
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a name");
}

/* "node" or "node:k". */
static ht_status ref_text(ht_builder *b, ht_ref r, const char **out) {
  const char *name = b->graph->node[r.node].name;
  *out = r.out ? ht_arena_printf(b->graph->arena, "%s:%d", name, r.out) : name;
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a name");
}

/* Adds a node whose fields but name and inputs are filled. */
static ht_status add(ht_builder *b, ht_node *node, const char *name, int n_in,
                     const ht_ref *in, ht_ref *out) {
  char *unique;
  HT_TRY(unique_name(b, name, &unique));
  node->name = unique;
  HT_NEW(node->input, b->graph->arena, n_in + 1);
  for (int i = 0; i < n_in; i++)
    HT_TRY(ref_text(b, in[i], &node->input[node->n_input++]));
  out->out = 0;
  HT_TRY(ht_graph_add(b->graph, node, &out->node));
  return ht_graph_bind(b->graph, out->node);
}

static ht_status build(ht_builder *b, const char *op_name, const char *name,
                       int n_in, const ht_ref *in, const char *attrs,
                       ht_ref *out) {
  ht_dtype type[MAX_INPUTS];
  const ht_op *op = ht_op_find(op_name);
  if (!op) return ht_fail(HT_UNSUPPORTED, "op '%s' is not supported", op_name);
  if (n_in > MAX_INPUTS) return ht_fail(HT_UNSUPPORTED, "too many inputs");
  for (int i = 0; i < n_in; i++) {
    if (in[i].node < 0 || in[i].node >= b->graph->n_nodes)
      return ht_fail(HT_USAGE, "input %d of op '%s' is no value", i, op_name);
    type[i] = ht_graph_dtype(b->graph, in[i]);
  }
  ht_node node = {.op_name = op->name};
  HT_TRY(ht_attrs_bind(op, attrs ? attrs : "", n_in, type, b->graph->arena,
                       &node.attrs));
  return add(b, &node, name ? name : op_name, n_in, in, out);
}

ht_ref ht_build(ht_builder *b, const char *op, const char *name, int n_in,
                const ht_ref *in, const char *attrs) {
  ht_ref out = nowhere;
  if (b->failed) return out;
  ht_status st = build(b, op, name, n_in, in, attrs, &out);
  return st.code == HT_OK ? out : ht_build_fail(b, st);
}

ht_ref ht_build_1(ht_builder *b, const char *op, ht_ref x, const char *attrs) {
  return ht_build(b, op, NULL, 1, &x, attrs);
}

ht_ref ht_build_2(ht_builder *b, const char *op, ht_ref x, ht_ref y,
                  const char *attrs) {
  ht_ref in[] = {x, y};
  return ht_build(b, op, NULL, 2, in, attrs);
}

/* ---- attributes that text cannot hold */

ht_ref ht_build_node(ht_builder *b, ht_status st, ht_node *node,
                     const char *name, int n_in, const ht_ref *in) {
  ht_ref out = nowhere;
  if (b->failed) return out;
  if (st.code == HT_OK) st = add(b, node, name, n_in, in, &out);
  return st.code == HT_OK ? out : ht_build_fail(b, st);
}

static ht_status attr_list(ht_builder *b, ht_attrs *attrs, int n) {
  attrs->n = 0;
  HT_NEW(attrs->attr, b->graph->arena, n);
  return HT_SUCCESS;
}

static ht_status attr_put(ht_builder *b, ht_attrs *attrs, const char *name,
                          ht_attr_kind kind, const ht_attr_value *value) {
  ht_attr *a = &attrs->attr[attrs->n++];
  *a = (ht_attr){.name = name, .kind = kind, .n = 1};
  HT_NEW(a->value, b->graph->arena, 1);
  *a->value = *value;
  return HT_SUCCESS;
}

static ht_status placeholder(ht_builder *b, const char *name, ht_dtype dtype,
                             const ht_shape *shape, ht_ref *out) {
  ht_node node = {.op_name = "Placeholder"};
  HT_TRY(attr_list(b, &node.attrs, 2));
  HT_TRY(attr_put(b, &node.attrs, "dtype", HT_ATTR_TYPE,
                  &(ht_attr_value){.type = dtype}));
  HT_TRY(attr_put(b, &node.attrs, "shape", HT_ATTR_SHAPE,
                  &(ht_attr_value){.shape = *shape}));
  return add(b, &node, name, 0, NULL, out);
}

ht_ref ht_build_placeholder(ht_builder *b, const char *name, ht_dtype dtype,
                            const ht_shape *shape) {
  ht_ref out = nowhere;
  if (b->failed) return out;
  ht_status st = placeholder(b, name, dtype, shape, &out);
  return st.code == HT_OK ? out : ht_build_fail(b, st);
}

static ht_status constant(ht_builder *b, const char *name, const ht_tensor *t,
                          ht_ref *out) {
  ht_node node = {.op_name = "Const"};
  HT_TRY(attr_list(b, &node.attrs, 2));
  HT_TRY(attr_put(b, &node.attrs, "dtype", HT_ATTR_TYPE,
                  &(ht_attr_value){.type = t->dtype}));
  ht_tensor kept = *t;
  kept.trace = 0;
  HT_TRY(ht_tensor_keep(b->graph->arena, t));
  HT_TRY(attr_put(b, &node.attrs, "value", HT_ATTR_TENSOR,
                  &(ht_attr_value){.tensor = kept}));
  return add(b, &node, name, 0, NULL, out);
}

ht_ref ht_build_const(ht_builder *b, const char *name, const ht_tensor *value) {
  ht_ref out = nowhere;
  if (b->failed) return out;
  ht_status st = constant(b, name ? name : "Const", value, &out);
  return st.code == HT_OK ? out : ht_build_fail(b, st);
}

ht_ref ht_build_float(ht_builder *b, float value) {
  ht_tensor t;
  ht_status st = ht_scalar_float(value, &t);
  if (st.code != HT_OK) return ht_build_fail(b, st);
  ht_ref out = ht_build_const(b, NULL, &t);
  ht_tensor_drop(&t);
  return out;
}

ht_ref ht_build_int32s(ht_builder *b, int n, const int32_t *values) {
  ht_tensor t;
  ht_shape s = n < 0 ? HT_SCALAR : ht_shape_1(n);
  ht_status st = ht_tensor_new(NULL, HT_INT32, &s, &t);
  if (st.code != HT_OK) return ht_build_fail(b, st);
  memcpy(t.data, values, ht_tensor_bytes(&t));
  ht_ref out = ht_build_const(b, NULL, &t);
  ht_tensor_drop(&t);
  return out;
}

/* ---- state and modules */

static ht_status share_variable(ht_object *object, const char *name,
                                const ht_tensor *initial, bool trainable,
                                ht_variable **out) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  ht_variable *v = (ht_variable *)object;
  if (object->class != &ht_variable_class || v->scope)
    return ht_fail(HT_USAGE, "'%s' is a module's already", name);
  if (v->dtype != initial->dtype || !ht_shape_equal(&v->shape, &initial->shape))
    return ht_fail(HT_USAGE,
                   "variable '%s' is %s %s in another graph, not "
                   "%s %s",
                   name, ht_dtype_name(v->dtype), ht_shape_text(&v->shape, a),
                   ht_dtype_name(initial->dtype),
                   ht_shape_text(&initial->shape, b));
  v->trainable |= trainable;
  v->tuned = v->trainable;
  *out = v;
  return HT_SUCCESS;
}

static ht_status new_variable(ht_builder *b, const char *name,
                              ht_tensor *initial, bool trainable,
                              ht_variable **v) {
  ht_object *object = ht_store_find(b->store, name);
  if (object) return share_variable(object, name, initial, trainable, v);
  HT_TRY(ht_store_add_variable(b->store, name, name, initial->dtype,
                               &initial->shape, v));
  (*v)->trainable = (*v)->tuned = trainable;
  (*v)->changed = true; /* from no checkpoint */
  return ht_variable_assign(*v, initial, false);
}

static ht_status variable(ht_builder *b, const char *name, ht_tensor *initial,
                          bool trainable, ht_variable **v, ht_ref *out) {
  ht_node node = {.op_name = "VarHandleOp"};
  char *full;
  HT_TRY(unique_name(b, name, &full));
  HT_TRY(new_variable(b, full, initial, trainable, v));
  HT_TRY(attr_list(b, &node.attrs, 3));
  HT_TRY(attr_put(b, &node.attrs, "dtype", HT_ATTR_TYPE,
                  &(ht_attr_value){.type = (*v)->dtype}));
  HT_TRY(attr_put(b, &node.attrs, "shape", HT_ATTR_SHAPE,
                  &(ht_attr_value){.shape = (*v)->shape}));
  HT_TRY(attr_put(b, &node.attrs, "shared_name", HT_ATTR_STRING,
                  &(ht_attr_value){.s = {full, strlen(full)}}));
  return add(b, &node, name, 0, NULL, out);
}

ht_ref ht_build_variable(ht_builder *b, const char *name, ht_tensor *initial,
                         bool trainable, ht_variable **out) {
  ht_ref handle = nowhere;
  ht_variable *v = NULL;
  ht_status st = HT_SUCCESS;
  if (!b->failed) st = variable(b, name, initial, trainable, &v, &handle);
  ht_tensor_drop(initial);
  if (out) *out = v;
  return st.code == HT_OK ? handle : ht_build_fail(b, st);
}

ht_ref ht_build_read(ht_builder *b, ht_ref handle) {
  char text[MAX_NAME + 32];
  if (b->failed) return nowhere;
  const ht_node *node = &b->graph->node[handle.node];
  snprintf(text, sizeof text, "%s/Read/ReadVariableOp",
           node->name + (strncmp(node->name, b->scope, strlen(b->scope)) == 0
                             ? strlen(b->scope)
                             : 0));
  char dtype[40];
  snprintf(dtype, sizeof dtype, "dtype=%s",
           ht_dtype_name(ht_attr_type(&node->attrs, "dtype")));
  return ht_build(b, "ReadVariableOp", text, 1, &handle, dtype);
}

static ht_status apply(ht_builder *b, const char *name,
                       const ht_application *application, int n_in,
                       const ht_ref *in, ht_ref *out) {
  ht_application *a;
  HT_NEW(a, b->graph->arena, 1);
  *a = *application;
  ht_node node = {.op_name = "Apply", .application = a};
  return add(b, &node, name, n_in, in, out);
}

ht_ref ht_build_apply(ht_builder *b, const char *name, const ht_body *body,
                      const ht_tensor *capture, const void *source, int n_in,
                      const ht_ref *in) {
  ht_ref out = nowhere;
  if (b->failed) return out;
  ht_application a = {body, capture, source};
  ht_status st = apply(b, name, &a, n_in, in, &out);
  return st.code == HT_OK ? out : ht_build_fail(b, st);
}
