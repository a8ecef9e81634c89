/*
 * op_state.c - placeholders, constants, identities and variables.
 *
 * Handles are resource tensors of one element that point to an ht_variable;
 * v1 reference variables are handles too, which the plan reads where a value
 * is wanted. Assignments of a training run are staged until its update.
 */
#include <string.h>

#include "kernels/broadcast.h"
#include "kernels/rows.h"
#include "ops/places.h"

static ht_status no_op_forward(ht_call *c) {
  (void)c;
  return HT_SUCCESS;
}

static ht_status placeholder_forward(ht_call *c) {
  return ht_fail(HT_USAGE, "placeholder '%s' was not fed", c->node);
}

/* One value passed on with its trace: nothing to record. */
static ht_status identity_forward(ht_call *c) {
  for (int i = 0; i < c->n_out; i++) c->out[i] = ht_tensor_share(c->in[i]);
  return HT_SUCCESS;
}

static ht_status stop_gradient_forward(ht_call *c) {
  ht_out_share(c, 0, 0);
  return HT_SUCCESS;
}

static ht_status const_forward(ht_call *c) {
  const ht_attr *a = ht_attr_find(c->attrs, "value");
  if (!a || a->kind != HT_ATTR_TENSOR)
    return ht_fail(HT_CORRUPT, "constant '%s' has no value", c->node);
  c->out[0] = ht_tensor_share(&a->value->tensor);
  return HT_SUCCESS;
}

static ht_status prevent_gradient(ht_back *b) {
  ht_string s = ht_attr_string(b->attrs, "message");
  return ht_fail(HT_UNSUPPORTED, "gradient refused by the module: %.*s",
                 (int)s.n, s.p ? s.p : "");
}

static ht_status check_numerics_forward(ht_call *c) {
  const ht_tensor *t = c->in[0];
  int64_t n = ht_count(t);
  for (int64_t i = 0; i < n; i++) {
    double v = ht_real_at(t, i);
    if (v - v == 0) continue;
    ht_string s = ht_attr_string(c->attrs, "message");
    return ht_fail(HT_NUMERIC, "tensor had %s values: %.*s",
                   v != v ? "NaN" : "Inf", (int)s.n, s.p ? s.p : "");
  }
  return identity_forward(c);
}

static ht_status ensure_shape_forward(ht_call *c) {
  const ht_attr *a = ht_attr_find(c->attrs, "shape");
  char found[HT_SHAPE_TEXT], wanted[HT_SHAPE_TEXT];
  if (a && a->kind == HT_ATTR_SHAPE &&
      !ht_shape_fits(&c->in[0]->shape, &a->value->shape))
    return ht_fail(HT_USAGE, "shape %s where %s is required",
                   ht_shape_text(&c->in[0]->shape, found),
                   ht_shape_text(&a->value->shape, wanted));
  return identity_forward(c);
}

/* ---- handles */

static ht_status variable_of(const ht_call *c, ht_variable **out) {
  const ht_tensor *t = c->in[0];
  ht_object *o =
      t->dtype == HT_RESOURCE && ht_count(t) == 1 ? ht_obj(t)[0] : NULL;
  if (!o || o->class != &ht_variable_class)
    return ht_fail(HT_USAGE, "op '%s' wants a variable, found %s", c->op->name,
                   o ? o->class->name : ht_dtype_name(t->dtype));
  *out = (ht_variable *)o;
  return HT_SUCCESS;
}

static ht_status out_handle(ht_call *c, ht_object *object) {
  HT_TRY(ht_out(c, 0, HT_RESOURCE, &HT_SCALAR));
  ht_obj(&c->out[0])[0] = ht_object_share(object);
  return HT_SUCCESS;
}

/* The name under which state is shared: shared_name, or the node's. */
static const char *shared_name(const ht_call *c, char name[256]) {
  ht_string s = ht_attr_string(c->attrs, "shared_name");
  if (!s.n || s.n > 255) return c->node;
  memcpy(name, s.p, s.n);
  name[s.n] = 0;
  return name;
}

static ht_status var_handle_forward(ht_call *c) {
  char text[256];
  const char *name = shared_name(c, text);
  ht_store *store = c->run->store;
  ht_object *o = store ? ht_store_find(store, name) : NULL;
  if (!o && store) o = ht_store_find(store, c->node);
  if (o) return out_handle(c, o);
  if (!store) return ht_fail(HT_USAGE, "no variables in this run");
  const ht_attr *shape = ht_attr_find(c->attrs, "shape");
  ht_shape any = {.rank = -1};
  bool typed = shape && shape->kind == HT_ATTR_SHAPE;
  ht_variable *v;
  HT_TRY(ht_store_add_variable(store, name, NULL,
                               ht_attr_type(c->attrs, "dtype"),
                               typed ? &shape->value->shape : &any, &v));
  return out_handle(c, &v->object);
}

static ht_status read_forward(ht_call *c) {
  ht_variable *v;
  HT_TRY(variable_of(c, &v));
  HT_TRY(ht_variable_read(v, &c->out[0]));
  c->out[0].trace = 0;
  return c->run->trace_variable(c->run, v, &c->out[0]);
}

static ht_status initialized_forward(ht_call *c) {
  ht_variable *v;
  HT_TRY(variable_of(c, &v));
  HT_TRY(ht_out(c, 0, HT_BOOL, &HT_SCALAR));
  ht_bool(&c->out[0])[0] = v->value.dtype || v->staged.dtype;
  return HT_SUCCESS;
}

static ht_status variable_shape_forward(ht_call *c) {
  ht_variable *v;
  HT_TRY(variable_of(c, &v));
  const ht_shape *s = v->staged.dtype  ? &v->staged.shape
                      : v->value.dtype ? &v->value.shape
                                       : &v->shape;
  ht_shape n = ht_shape_1(s->rank);
  ht_dtype type = ht_attr_type(c->attrs, "out_type");
  HT_TRY(ht_out(c, 0, type, &n));
  for (int i = 0; i < s->rank; i++)
    if (type == HT_INT64)
      ht_i64(&c->out[0])[i] = s->dim[i];
    else
      ht_i32(&c->out[0])[i] = (int32_t)s->dim[i];
  return HT_SUCCESS;
}

/* The reference that v1 assignments hand on. */
static void out_reference(ht_call *c) {
  if (c->n_out) c->out[0] = ht_tensor_share(c->in[0]);
}

static ht_status assign_forward(ht_call *c) {
  ht_variable *v;
  HT_TRY(variable_of(c, &v));
  ht_tensor value = ht_tensor_share(c->in[1]);
  HT_TRY(ht_variable_assign(v, &value, c->run->training));
  out_reference(c);
  return HT_SUCCESS;
}

/* v = op(v, in[1]) by the table's elementwise op. */
static ht_status assign_by(ht_call *c, const char *op) {
  ht_variable *v;
  ht_tensor old, value = {0};
  HT_TRY(variable_of(c, &v));
  HT_TRY(ht_variable_read(v, &old));
  const ht_tensor *in[] = {&old, c->in[1]};
  ht_status st = ht_apply(c->run, op, "", 2, in, 1, &value);
  ht_tensor_drop(&old);
  HT_TRY(st);
  HT_TRY(ht_variable_assign(v, &value, c->run->training));
  out_reference(c);
  return HT_SUCCESS;
}

static ht_status assign_add_forward(ht_call *c) {
  return assign_by(c, "AddV2");
}
static ht_status assign_sub_forward(ht_call *c) { return assign_by(c, "Sub"); }

/* ---- rows of a variable */

static ht_status check_ids(const ht_tensor *ids, int64_t rows) {
  int64_t n = ht_count(ids);
  for (int64_t i = 0; i < n; i++) {
    int64_t k = ht_int_at(ids, i);
    if (k < 0 || k >= rows)
      return ht_fail(HT_USAGE, "indices[%lld] = %lld is not in [0, %lld)",
                     (long long)i, (long long)k, (long long)rows);
  }
  return HT_SUCCESS;
}

static ht_status copy_rows(ht_call *c, const ht_variable *v,
                           const ht_tensor *value, const ht_shape *shape) {
  const ht_tensor *ids = c->in[1];
  HT_TRY(ht_out(c, 0, v->dtype, shape));
  if (!ht_count(&c->out[0])) return HT_SUCCESS;
  size_t row = ht_tensor_bytes(value) / (size_t)value->shape.dim[0];
  ht_k_gather_rows(value->data, row, ids->data, ids->dtype == HT_INT64,
                   (size_t)ht_count(ids), c->out[0].data);
  return HT_SUCCESS;
}

/* Texts are not copied by their bytes. */
static ht_status copy_texts(ht_call *c, const ht_tensor *value) {
  const ht_tensor *in[] = {value, c->in[1]};
  return ht_apply(c->run, "Gather", "", 2, in, 1, c->out);
}

/* Lazily updated rows: caught up in place in training, else as copies. */
static ht_status gather_rows(ht_call *c, ht_variable *v, const ht_tensor *value,
                             const ht_shape *shape) {
  bool lazy = v->rows && value == &v->value;
  if (ht_dtype_pointers(value->dtype)) return copy_texts(c, value);
  if (lazy && c->run->training)
    HT_TRY(v->rows->touch(v->rows->state, v, c->in[1]));
  if (!lazy || c->run->training) return copy_rows(c, v, value, shape);
  HT_TRY(v->rows->copy_rows(v->rows->state, v, c->in[1], &c->out[0]));
  c->out[0].shape = *shape;
  return HT_SUCCESS;
}

/* The variable stands in the record as an outline with its leaf's trace. */
static ht_status record_gather(ht_call *c, ht_variable *v,
                               const ht_tensor *value) {
  ht_tensor params = ht_tensor_outline(value);
  params.trace = 0;
  HT_TRY(c->run->trace_variable(c->run, v, &params));
  const ht_tensor *in[] = {&params, c->in[1]};
  return c->run->record(c->run, c, c->op->gradient, 2, in, 1, c->out);
}

static ht_status resource_gather_forward(ht_call *c) {
  ht_variable *v;
  HT_TRY(variable_of(c, &v));
  const ht_tensor *value = v->staged.dtype ? &v->staged : &v->value;
  if (!value->dtype || value->shape.rank < 1)
    return ht_fail(HT_USAGE, "variable '%s' has no rows to gather", v->name);
  if (ht_attr_int(c->attrs, "batch_dims") != 0)
    return ht_fail(HT_UNSUPPORTED, "op 'ResourceGather' with batch_dims");
  const ht_shape *ids = &c->in[1]->shape;
  ht_shape shape = *ids;
  shape.rank = ids->rank + value->shape.rank - 1;
  if (shape.rank > HT_MAX_RANK || !ht_dtype_integer(c->in[1]->dtype))
    return ht_fail(HT_USAGE, "op 'ResourceGather' cannot use these indices");
  for (int i = 1; i < value->shape.rank; i++)
    shape.dim[ids->rank + i - 1] = value->shape.dim[i];
  HT_TRY(check_ids(c->in[1], value->shape.dim[0]));
  HT_TRY(gather_rows(c, v, value, &shape));
  return record_gather(c, v, value);
}

static ht_status as_int64(ht_back *b, const ht_tensor *ids, ht_tensor *out) {
  ht_shape n = ht_shape_1(ht_count(ids));
  HT_TRY(ht_back_new(b, HT_INT64, &n, out));
  for (int64_t i = 0; i < n.dim[0]; i++) ht_i64(out)[i] = ht_int_at(ids, i);
  return HT_SUCCESS;
}

static ht_status resource_gather_gradient(ht_back *b) {
  ht_tensor ids, values = ht_tensor_share(&b->dout[0].dense);
  ht_status st = as_int64(b, &b->in[1], &ids);
  if (st.code != HT_OK) {
    ht_tensor_drop(&values);
    return st;
  }
  return ht_give_rows(b, 0, &ids, &values);
}

/* One number stands for all updates of rows. */
static ht_status spread_updates(const ht_call *c, const ht_shape *of,
                                ht_tensor *out) {
  ht_shape s = c->in[1]->shape;
  if (c->in[2]->shape.rank || of->rank < 1 ||
      s.rank + of->rank - 1 > HT_MAX_RANK) {
    *out = ht_tensor_share(c->in[2]);
    return HT_SUCCESS;
  }
  for (int i = 1; i < of->rank; i++) s.dim[s.rank++] = of->dim[i];
  HT_TRY(ht_tensor_new(c->run->pool, c->in[2]->dtype, &s, out));
  ht_broadcast_copy(c->in[2], out);
  return c->in[2]->dtype == HT_STRING ? ht_string_keep(out, c->in[2])
                                      : HT_SUCCESS;
}

/* Slices of the variable op= updates. rows: the indices are numbers of rows,
 * else coordinates [..., depth]. */
static ht_status scatter_slices(ht_call *c, ht_scatter_kind kind, bool rows) {
  ht_variable *v;
  ht_tensor old, value = {0}, updates = {0};
  ht_shape column = c->in[1]->shape;
  if (rows && column.rank == HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "indices beyond rank %d", HT_MAX_RANK);
  if (rows) column.dim[column.rank++] = 1;
  HT_TRY(variable_of(c, &v));
  HT_TRY(ht_variable_read(v, &old));
  ht_tensor ids = ht_tensor_shaped(c->in[1], &column);
  ht_status st = ht_tensor_copy(c->run->pool, &old, &value);
  value.trace = 0;
  if (rows && st.code == HT_OK) st = spread_updates(c, &old.shape, &updates);
  if (st.code == HT_OK)
    st = ht_places_scatter(c->run->pool, kind, &ids, rows ? &updates : c->in[2],
                           false, &value);
  ht_tensor_drop(&updates);
  ht_tensor_drop(&old);
  ht_tensor_drop(&ids);
  if (st.code != HT_OK) ht_tensor_drop(&value);
  HT_TRY(st);
  HT_TRY(ht_variable_assign(v, &value, c->run->training));
  out_reference(c);
  return HT_SUCCESS;
}

#define SCATTERS(name, kind)                            \
  static ht_status nd_##name##_forward(ht_call *c) {    \
    return scatter_slices(c, HT_SCATTER_##kind, false); \
  }                                                     \
  SCATTERS_ROWS(name, kind)
#define SCATTERS_ROWS(name, kind)                         \
  static ht_status scatter_##name##_forward(ht_call *c) { \
    return scatter_slices(c, HT_SCATTER_##kind, true);    \
  }
SCATTERS(update, SET)
SCATTERS(add, ADD)
SCATTERS(sub, SUB)
SCATTERS(max, MAX)
SCATTERS(min, MIN)
SCATTERS_ROWS(mul, MUL)
SCATTERS_ROWS(div, DIV)

/* var -= alpha * delta: what an exported training signature holds. */
static ht_status apply_sgd_forward(ht_call *c) {
  ht_variable *v;
  ht_tensor old, step = {0}, value = {0};
  HT_TRY(variable_of(c, &v));
  const ht_tensor *product[] = {c->in[1], c->in[2]};
  HT_TRY(ht_apply(c->run, "Mul", "", 2, product, 1, &step));
  ht_status st = ht_variable_read(v, &old);
  const ht_tensor *in[] = {&old, &step};
  if (st.code == HT_OK) st = ht_apply(c->run, "Sub", "", 2, in, 1, &value);
  ht_tensor_drop(&step);
  HT_TRY(st);
  ht_tensor_drop(&old);
  HT_TRY(ht_variable_assign(v, &value, c->run->training));
  out_reference(c);
  return HT_SUCCESS;
}

static ht_status assert_forward(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_BOOL));
  HT_TRY(ht_need_scalar(c, 0));
  if (ht_bool(c->in[0])[0]) return HT_SUCCESS;
  for (int i = 1; i < c->n_in; i++)
    if (c->in[i]->dtype == HT_STRING && ht_count(c->in[i]))
      return ht_fail(HT_USAGE, "assertion failed: %.*s",
                     (int)ht_str(c->in[i])[0].n, ht_str(c->in[i])[0].p);
  return ht_fail(HT_USAGE, "assertion failed");
}

#define PASS                                                       \
  .forward = identity_forward, .gradient = ht_gradient_in_forward, \
  .flags = HT_OP_ROWS

#define SLICES(title, text, function)                                        \
  {                                                                          \
    .name = title, .inputs = "ref:resource indices:Tindices updates:T",      \
    .outputs = "", .attrs = SLICE_ATTRS "true bad_indices_policy:string=''", \
    .doc = text, .samples = "@slices_of_a_variable_are_assigned",            \
    .forward = function, .gradient = ht_no_gradient, .flags = HT_OP_STATEFUL \
  }
#define REF_SLICES(title, text, function, locking)                             \
  {                                                                            \
    .name = title, .inputs = "ref:Ref(T) indices:Tindices updates:T",          \
    .outputs = "output_ref:Ref(T)",                                            \
    .attrs = SLICE_ATTRS locking " bad_indices_policy:string=''", .doc = text, \
    .samples = "@slices_of_a_variable_are_assigned", .forward = function,      \
    .gradient = ht_no_gradient, .flags = HT_OP_STATEFUL | HT_OP_HANDLES        \
  }
#define RESOURCE_ROWS(title, text, function)                              \
  {                                                                       \
    .name = title,                                                        \
    .inputs = "resource:resource indices:Tindices updates:dtype",         \
    .outputs = "", .attrs = "dtype:type Tindices:type", .doc = text,      \
    .samples = "@slices_of_a_variable_are_assigned", .forward = function, \
    .gradient = ht_no_gradient, .flags = HT_OP_STATEFUL                   \
  }
#define REF_ROWS(title, text, function)                                        \
  {                                                                            \
    .name = title, .inputs = "ref:Ref(T) indices:Tindices updates:T",          \
    .outputs = "output_ref:Ref(T)", .attrs = SLICE_ATTRS "false", .doc = text, \
    .samples = "@slices_of_a_variable_are_assigned", .forward = function,      \
    .gradient = ht_no_gradient, .flags = HT_OP_STATEFUL | HT_OP_HANDLES        \
  }
#define SLICE_ATTRS "T:type Tindices:type use_locking:bool="

const ht_op ht_ops_state[] = {
    SLICES("ResourceScatterNdUpdate", "Sets slices of a variable.",
           nd_update_forward),
    SLICES("ResourceScatterNdAdd", "Adds to slices of a variable.",
           nd_add_forward),
    SLICES("ResourceScatterNdSub", "Subtracts from slices of a variable.",
           nd_sub_forward),
    SLICES("ResourceScatterNdMax", "Raises slices of a variable.",
           nd_max_forward),
    SLICES("ResourceScatterNdMin", "Lowers slices of a variable.",
           nd_min_forward),
    RESOURCE_ROWS("ResourceScatterMax", "Raises rows of a variable.",
                  scatter_max_forward),
    RESOURCE_ROWS("ResourceScatterMin", "Lowers rows of a variable.",
                  scatter_min_forward),
    RESOURCE_ROWS("ResourceScatterMul", "Multiplies rows of a variable.",
                  scatter_mul_forward),
    RESOURCE_ROWS("ResourceScatterDiv", "Divides rows of a variable.",
                  scatter_div_forward),
    REF_ROWS("ScatterMax", "Raises rows of a variable.", scatter_max_forward),
    REF_ROWS("ScatterMin", "Lowers rows of a variable.", scatter_min_forward),
    REF_ROWS("ScatterMul", "Multiplies rows of a variable.",
             scatter_mul_forward),
    REF_ROWS("ScatterDiv", "Divides rows of a variable.", scatter_div_forward),
    REF_SLICES("ScatterNdUpdate", "Sets slices of a variable.",
               nd_update_forward, "true"),
    REF_SLICES("ScatterNdAdd", "Adds to slices of a variable.", nd_add_forward,
               "false"),
    REF_SLICES("ScatterNdSub", "Subtracts from slices of a variable.",
               nd_sub_forward, "false"),
    {
        .name = "NoOp",
        .inputs = "",
        .outputs = "",
        .attrs = "",
        .doc = "Does nothing: holds control edges together.",
        .samples = "@control_edges_order_effects",
        .forward = no_op_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ControlTrigger",
        .inputs = "",
        .outputs = "",
        .attrs = "",
        .doc = "Does nothing: waits for control edges.",
        .samples = "@control_edges_order_effects",
        .forward = no_op_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Placeholder",
        .inputs = "",
        .outputs = "output:dtype",
        .attrs = "dtype:type shape:shape=<unknown shape>",
        .doc = "A value that has to be fed.",
        .samples = "@an_unfed_placeholder_is_refused",
        .forward = placeholder_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "PlaceholderV2",
        .inputs = "",
        .outputs = "output:dtype",
        .attrs = "dtype:type shape:shape",
        .doc = "A value that has to be fed.",
        .samples = "@an_unfed_placeholder_is_refused",
        .forward = placeholder_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "PlaceholderWithDefault",
        .inputs = "input:dtype",
        .outputs = "output:dtype",
        .attrs = "dtype:type shape:shape",
        .doc = "Its input, unless another value is fed.",
        .samples = "f[2,3] shape=<?,3>",
        PASS,
    },
    {
        .name = "Const",
        .inputs = "",
        .outputs = "output:dtype",
        .attrs = "value:tensor dtype:type",
        .doc = "A value that stands in the graph.",
        .samples = "@a_constant_is_its_value",
        .forward = const_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Identity",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "Its input.",
        .samples = "f[2,3]; i[0]; s[2]{'a','b'}",
        PASS,
    },
    {
        .name = "RefIdentity",
        .inputs = "input:Ref(T)",
        .outputs = "output:Ref(T)",
        .attrs = "T:type",
        .doc = "Its reference.",
        .samples = "@references_pass_through",
        .forward = identity_forward,
        .gradient = ht_gradient_in_forward,
        .flags = HT_OP_HANDLES,
    },
    {
        .name = "IdentityN",
        .inputs = "input:list:T",
        .outputs = "output:list:T",
        .attrs = "T:list(type)",
        .doc = "Its inputs.",
        .samples = "(f[2] i[3])",
        PASS,
    },
    {
        .name = "Snapshot",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "Its input.",
        .samples = "f[2,3] !grad=0", /* TensorFlow registers no gradient */
        PASS,
    },
    {
        .name = "GuaranteeConst",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "Its input, which does not change.",
        .samples = "f[2,3]; s[2]; i[]",
        .forward = stop_gradient_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "StopGradient",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "Its input, as a constant to differentiation.",
        .samples = "f[2,3]; d[]",
        .forward = stop_gradient_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "PreventGradient",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "T:type message:string=''",
        .doc = "Its input; refuses to be differentiated.",
        .samples = "f[2,3] message='no' !grad=0", /* the gradient is an error */
        .forward = stop_gradient_forward,
        .gradient = prevent_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "CheckNumerics",
        .inputs = "tensor:T",
        .outputs = "output:T",
        .attrs = "T:type message:string",
        .doc = "Its input, refused where a value is not finite.",
        .samples = "f[2,3] message='x'",
        .forward = check_numerics_forward,
        .gradient = ht_gradient_in_forward,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "CheckNumericsV2",
        .inputs = "tensor:T",
        .outputs = "output:T",
        .attrs = "T:type message:string",
        .doc = "Its input, refused where a value is not finite.",
        .samples = "f[2,3] message='x'; d[] message=''",
        .forward = check_numerics_forward,
        .gradient = ht_gradient_in_forward,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "EnsureShape",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "shape:shape T:type",
        .doc = "Its input, refused where the shape is another.",
        .samples = "f[2,3] shape=<?,3>",
        .forward = ensure_shape_forward,
        .gradient = ht_gradient_in_forward,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "Assert",
        .inputs = "condition:bool data:list:T",
        .outputs = "",
        .attrs = "T:list(type) summarize:int=3",
        .doc = "Fails where the condition is false.",
        .samples = "@a_false_assertion_fails",
        .forward = assert_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "VarHandleOp",
        .inputs = "",
        .outputs = "resource:resource",
        .attrs = "container:string='' shared_name:string='' dtype:type "
                 "shape:shape allowed_devices:list(string)=[]",
        .doc = "The handle of a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = var_handle_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_READS,
    },
    {
        .name = "VariableV2",
        .inputs = "",
        .outputs = "ref:Ref(dtype)",
        .attrs = "shape:shape dtype:type container:string='' "
                 "shared_name:string=''",
        .doc = "A variable of TensorFlow 1, by reference.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = var_handle_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_READS | HT_OP_HANDLES,
    },
    {
        .name = "Variable",
        .inputs = "",
        .outputs = "ref:Ref(dtype)",
        .attrs = "shape:shape dtype:type container:string='' "
                 "shared_name:string=''",
        .doc = "A variable of TensorFlow 1, by reference.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = var_handle_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_READS | HT_OP_HANDLES,
    },
    {
        .name = "ReadVariableOp",
        .inputs = "resource:resource",
        .outputs = "value:dtype",
        .attrs = "dtype:type",
        .doc = "The value of a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = read_forward,
        .gradient = ht_gradient_in_forward,
        .flags = HT_OP_STATEFUL | HT_OP_READS,
    },
    {
        .name = "VarIsInitializedOp",
        .inputs = "resource:resource",
        .outputs = "is_initialized:bool",
        .attrs = "",
        .doc = "Whether a variable has a value.",
        .samples = "@variables_are_read_and_assigned",
        .forward = initialized_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_READS,
    },
    {
        .name = "IsVariableInitialized",
        .inputs = "ref:Ref(dtype)",
        .outputs = "is_initialized:bool",
        .attrs = "dtype:type",
        .doc = "Whether a variable has a value.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = initialized_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_READS | HT_OP_HANDLES,
    },
    {
        .name = "VariableShape",
        .inputs = "input:resource",
        .outputs = "output:out_type",
        .attrs = "out_type:type=DT_INT32",
        .doc = "The shape of a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = variable_shape_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_READS,
    },
    {
        .name = "AssignVariableOp",
        .inputs = "resource:resource value:dtype",
        .outputs = "",
        .attrs = "dtype:type validate_shape:bool=false",
        .doc = "Sets a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = assign_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "AssignAddVariableOp",
        .inputs = "resource:resource value:dtype",
        .outputs = "",
        .attrs = "dtype:type",
        .doc = "Adds to a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = assign_add_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "AssignSubVariableOp",
        .inputs = "resource:resource value:dtype",
        .outputs = "",
        .attrs = "dtype:type",
        .doc = "Subtracts from a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = assign_sub_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "Assign",
        .inputs = "ref:Ref(T) value:T",
        .outputs = "output_ref:Ref(T)",
        .attrs = "T:type validate_shape:bool=true use_locking:bool=true",
        .doc = "Sets a variable.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = assign_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_HANDLES,
    },
    {
        .name = "AssignAdd",
        .inputs = "ref:Ref(T) value:T",
        .outputs = "output_ref:Ref(T)",
        .attrs = "T:type use_locking:bool=false",
        .doc = "Adds to a variable.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = assign_add_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_HANDLES,
    },
    {
        .name = "AssignSub",
        .inputs = "ref:Ref(T) value:T",
        .outputs = "output_ref:Ref(T)",
        .attrs = "T:type use_locking:bool=false",
        .doc = "Subtracts from a variable.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = assign_sub_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_HANDLES,
    },
    {
        .name = "ResourceGather",
        .inputs = "resource:resource indices:Tindices",
        .outputs = "output:dtype",
        .attrs = "batch_dims:int=0 validate_indices:bool=true dtype:type "
                 "Tindices:type",
        .doc = "Rows of a variable; its gradient is rows.",
        .samples = "@gathered_rows_of_a_variable_have_row_gradients",
        .forward = resource_gather_forward,
        .gradient = resource_gather_gradient,
        .keep = HT_KEEP_IN(1),
        .flags = HT_OP_STATEFUL | HT_OP_READS,
    },
    {
        .name = "ResourceScatterUpdate",
        .inputs = "resource:resource indices:Tindices updates:dtype",
        .outputs = "",
        .attrs = "dtype:type Tindices:type",
        .doc = "Sets rows of a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = scatter_update_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "ResourceScatterAdd",
        .inputs = "resource:resource indices:Tindices updates:dtype",
        .outputs = "",
        .attrs = "dtype:type Tindices:type",
        .doc = "Adds to rows of a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = scatter_add_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "ResourceScatterSub",
        .inputs = "resource:resource indices:Tindices updates:dtype",
        .outputs = "",
        .attrs = "dtype:type Tindices:type",
        .doc = "Subtracts from rows of a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = scatter_sub_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "ScatterUpdate",
        .inputs = "ref:Ref(T) indices:Tindices updates:T",
        .outputs = "output_ref:Ref(T)",
        .attrs = "T:type Tindices:type use_locking:bool=true",
        .doc = "Sets rows of a variable.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = scatter_update_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_HANDLES,
    },
    {
        .name = "ScatterAdd",
        .inputs = "ref:Ref(T) indices:Tindices updates:T",
        .outputs = "output_ref:Ref(T)",
        .attrs = "T:type Tindices:type use_locking:bool=false",
        .doc = "Adds to rows of a variable.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = scatter_add_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_HANDLES,
    },
    {
        .name = "ScatterSub",
        .inputs = "ref:Ref(T) indices:Tindices updates:T",
        .outputs = "output_ref:Ref(T)",
        .attrs = "T:type Tindices:type use_locking:bool=false",
        .doc = "Subtracts from rows of a variable.",
        .samples = "@references_are_read_where_they_are_used",
        .forward = scatter_sub_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_HANDLES,
    },
    {
        .name = "ResourceApplyGradientDescent",
        .inputs = "var:resource alpha:T delta:T",
        .outputs = "",
        .attrs = "T:type use_locking:bool=false",
        .doc = "A step of gradient descent on a variable.",
        .samples = "@variables_are_read_and_assigned",
        .forward = apply_sgd_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {
        .name = "DestroyResourceOp",
        .inputs = "resource:resource",
        .outputs = "",
        .attrs = "ignore_lookup_error:bool=true",
        .doc = "Nothing: state lives as long as the model.",
        .samples = "@variables_are_read_and_assigned",
        .forward = no_op_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "DisableCopyOnRead",
        .inputs = "resource:resource",
        .outputs = "",
        .attrs = "",
        .doc = "Nothing: reads never copy.",
        .samples = "@variables_are_read_and_assigned",
        .forward = no_op_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
