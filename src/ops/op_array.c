/*
 * op_array.c - TensorArrays of version 3: what loops of version 1 read from
 * and write into (core/kernels/tensor_array_ops.cc of TensorFlow states what
 * each op does).
 *
 * A handle names one array, which writes change in place; the flow, a float
 * that says nothing, puts reads after writes. Elements keep their traces, so
 * neither needs a gradient. An element may be read again, whatever
 * clear_after_read says.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/list.h"

typedef struct array {
  ht_object object; /* class array_class */
  ht_list *list;
  bool dynamic, identical; /* it grows; all elements have one shape */
  bool adds;               /* it holds gradients: writes are added */
  char *source;            /* of gradients: whose they are */
  struct array *gradients; /* of this array, for one source after another */
} array;

static void release_array(ht_object *object) {
  array *a = (array *)object;
  if (a->list) ht_object_drop(&a->list->object);
  if (a->gradients) ht_object_drop(&a->gradients->object);
  free(a->source);
  free(a);
}

static const ht_object_class array_class = {.name = "tensor array",
                                            .release = release_array};
static const ht_shape any_shape = {.rank = -1};

static ht_shape shape_attr(const ht_call *c, const char *name) {
  const ht_attr *a = ht_attr_find(c->attrs, name);
  return a && a->kind == HT_ATTR_SHAPE && a->n ? a->value->shape : any_shape;
}

static ht_status array_input(const ht_call *c, array **out) {
  const ht_tensor *t = c->in[0];
  ht_object *o =
      t->dtype == HT_RESOURCE && ht_count(t) == 1 ? ht_obj(t)[0] : NULL;
  if (!o || o->class != &array_class)
    return ht_fail(HT_USAGE, "op '%s' wants a tensor array", c->op->name);
  *out = (array *)o;
  return HT_SUCCESS;
}

/* The flow of input `in` goes on as output `out`. */
static void pass_flow(ht_call *c, int out, int in) {
  ht_out_share(c, out, in);
  c->out[out].trace = 0;
}

static ht_status new_array(array **out) {
  array *a = calloc(1, sizeof *a);
  if (!a) return ht_fail(HT_NO_MEMORY, "no memory for a tensor array");
  a->object = (ht_object){&array_class, 1};
  *out = a;
  return HT_SUCCESS;
}

static ht_status array_forward(ht_call *c) {
  array *a = NULL;
  ht_shape s = shape_attr(c, "element_shape");
  HT_TRY(ht_need_scalar(c, 0));
  HT_TRY(ht_out(c, 0, HT_RESOURCE, &HT_SCALAR));
  HT_TRY(new_array(&a));
  ht_obj(&c->out[0])[0] = &a->object;
  a->dynamic = ht_attr_bool(c->attrs, "dynamic_size");
  a->identical = ht_attr_bool(c->attrs, "identical_element_shapes");
  HT_TRY(ht_list_new(ht_attr_type(c->attrs, "dtype"), &s,
                     ht_int_at(c->in[0], 0), &a->list));
  return ht_out_zeros(c, 1, HT_FLOAT, &HT_SCALAR);
}

/* ---- arrays of gradients */

static bool has_source(const array *a, ht_string source) {
  return a->source && strlen(a->source) == source.n &&
         !memcmp(a->source, source.p, source.n);
}

/* Zeros where `of` has elements: what is never written has no gradient. */
static ht_status new_gradients(ht_call *c, const array *of, array *a) {
  ht_string source = ht_attr_string(c->attrs, "source");
  a->adds = true;
  a->source = strndup(source.p ? source.p : "", source.n);
  if (!a->source) return ht_fail(HT_NO_MEMORY, "no memory for a tensor array");
  HT_TRY(ht_list_new(of->list->dtype, &of->list->shape, of->list->n, &a->list));
  for (int64_t i = 0; i < of->list->n; i++)
    if (of->list->element[i].dtype)
      HT_TRY(ht_tensor_zeros(c->run->pool, of->list->dtype,
                             &of->list->element[i].shape,
                             &a->list->element[i]));
  return HT_SUCCESS;
}

/* The array of gradients for a source, which is made when first asked for. */
static ht_status gradient_forward(ht_call *c) {
  array *of = NULL, *found = NULL;
  ht_string source = ht_attr_string(c->attrs, "source");
  HT_TRY(array_input(c, &of));
  for (found = of->gradients; found; found = found->gradients)
    if (has_source(found, source)) break;
  if (!found) {
    HT_TRY(new_array(&found));
    ht_status st = new_gradients(c, of, found);
    if (st.code != HT_OK) {
      ht_object_drop(&found->object);
      return st;
    }
    found->gradients = of->gradients;
    of->gradients = found;
  }
  HT_TRY(ht_out(c, 0, HT_RESOURCE, &HT_SCALAR));
  ht_obj(&c->out[0])[0] = ht_object_share(&found->object);
  pass_flow(c, 1, 1);
  return HT_SUCCESS;
}

static ht_status added_gradient(ht_back *b) {
  for (int i = 0; i < 2; i++) {
    ht_tensor g = ht_tensor_share(&b->dout[0].dense);
    g.trace = 0;
    if (ht_wants(b, i))
      HT_TRY(ht_give(b, i, &g));
    else
      ht_tensor_drop(&g);
  }
  return HT_SUCCESS;
}

static ht_status add_to(ht_call *c, ht_tensor *element, const ht_tensor *x) {
  const ht_tensor *in[] = {element, x};
  ht_tensor sum = {0};
  ht_status st = ht_shape_equal(&element->shape, &x->shape)
                     ? ht_apply(c->run, "AddV2", "", 2, in, 1, &sum)
                     : ht_fail(HT_USAGE, "gradients of unequal shapes");
  if (st.code == HT_OK && c->run->record)
    st = c->run->record(c->run, c, added_gradient, 2, in, 1, &sum);
  if (st.code != HT_OK) {
    ht_tensor_drop(&sum);
    return st;
  }
  ht_tensor_drop(element);
  *element = sum;
  return HT_SUCCESS;
}

/* ---- writing */

/* Room for n elements. */
static ht_status grow(array *a, int64_t n) {
  if (n <= a->list->n || (a->dynamic && !a->adds))
    return ht_list_grow(a->list, n);
  return ht_fail(HT_USAGE, "index %lld of a tensor array of %lld",
                 (long long)(n - 1), (long long)a->list->n);
}

/* An array of equal shapes learns theirs from the first. */
static ht_status learn_shape(array *a, const ht_tensor *t) {
  if (a->identical && t->dtype && a->list->shape.rank < 0)
    a->list->shape = t->shape;
  return ht_list_accepts(a->list, t);
}

static ht_status unset(const array *a, int64_t i) {
  if (a->adds || !a->list->element[i].dtype) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "element %lld of a tensor array was written before",
                 (long long)i);
}

static ht_status put(ht_call *c, array *a, int64_t i, const ht_tensor *x) {
  if (a->list->element[i].dtype) return add_to(c, &a->list->element[i], x);
  a->list->element[i] = ht_tensor_share(x);
  return HT_SUCCESS;
}

/* Adds pieces of t to an array of gradients: its rows at `index`, or as many
 * for each element as `rows` says. */
static ht_status add_pieces(ht_call *c, array *a, const ht_tensor *t,
                            const ht_tensor *index, const int64_t *rows) {
  ht_list *pieces = NULL;
  int64_t n = index ? ht_count(index) : a->list->n;
  HT_TRY(ht_list_new(a->list->dtype, &any_shape, n, &pieces));
  ht_status st = ht_list_cut(c, t, pieces, rows);
  for (int64_t i = 0; i < n && st.code == HT_OK; i++)
    st = put(c, a, index ? ht_int_at(index, i) : i, &pieces->element[i]);
  ht_object_drop(&pieces->object);
  return st;
}

static ht_status index_of(const ht_call *c, int64_t *out) {
  HT_TRY(ht_need_scalar(c, 1));
  *out = ht_int_at(c->in[1], 0);
  return *out >= 0 ? HT_SUCCESS
                   : ht_fail(HT_USAGE, "index %lld of a tensor array",
                             (long long)*out);
}

static ht_status write_forward(ht_call *c) {
  array *a = NULL;
  int64_t i;
  HT_TRY(array_input(c, &a));
  HT_TRY(index_of(c, &i));
  HT_TRY(grow(a, i + 1));
  HT_TRY(learn_shape(a, c->in[2]));
  HT_TRY(unset(a, i));
  HT_TRY(put(c, a, i, c->in[2]));
  pass_flow(c, 0, 3);
  return HT_SUCCESS;
}

static ht_status scatter_forward(ht_call *c) {
  array *a = NULL;
  int64_t least = 0, most = -1;
  HT_TRY(array_input(c, &a));
  for (int64_t i = 0; i < ht_count(c->in[1]); i++) {
    int64_t k = ht_int_at(c->in[1], i);
    if (k > most) most = k;
    if (k < least) least = k;
  }
  HT_TRY(grow(a, most + 1));
  if (a->adds && least >= 0 && c->in[2]->shape.rank > 0 &&
      c->in[2]->shape.dim[0] == ht_count(c->in[1]))
    HT_TRY(add_pieces(c, a, c->in[2], c->in[1], NULL));
  else
    HT_TRY(ht_list_scatter(c, c->in[2], c->in[1], a->list));
  if (most >= 0) HT_TRY(learn_shape(a, &a->list->element[most]));
  pass_flow(c, 0, 3);
  return HT_SUCCESS;
}

static ht_status split_forward(ht_call *c) {
  array *a = NULL;
  HT_TRY(array_input(c, &a));
  HT_TRY(ht_list_lengths(c, 1, 2));
  int64_t n = ht_count(c->in[2]);
  HT_TRY(grow(a, n));
  if (n != a->list->n)
    return ht_fail(HT_USAGE, "%lld lengths for a tensor array of %lld",
                   (long long)n, (long long)a->list->n);
  for (int64_t i = 0; i < n; i++) HT_TRY(unset(a, i));
  HT_TRY(a->adds ? add_pieces(c, a, c->in[1], NULL, ht_i64(c->in[2]))
                 : ht_list_cut(c, c->in[1], a->list, ht_i64(c->in[2])));
  pass_flow(c, 0, 3);
  return HT_SUCCESS;
}

/* ---- reading */

static ht_status read_forward(ht_call *c) {
  array *a = NULL;
  int64_t i;
  HT_TRY(array_input(c, &a));
  HT_TRY(index_of(c, &i));
  if (i >= a->list->n)
    return ht_fail(HT_USAGE, "index %lld of a tensor array of %lld",
                   (long long)i, (long long)a->list->n);
  return ht_list_element(c, 0, a->list, i, &any_shape);
}

static ht_status gather_forward(ht_call *c) {
  array *a = NULL;
  ht_shape s = shape_attr(c, "element_shape");
  HT_TRY(array_input(c, &a));
  return ht_list_stack(c, a->list, c->in[1], &s);
}

static ht_status concat_forward(ht_call *c) {
  array *a = NULL;
  HT_TRY(array_input(c, &a));
  return ht_list_concat(c, a->list);
}

static ht_status size_forward(ht_call *c) {
  array *a = NULL;
  HT_TRY(array_input(c, &a));
  HT_TRY(ht_out(c, 0, HT_INT32, &HT_SCALAR));
  ht_i32(&c->out[0])[0] = (int32_t)a->list->n;
  return HT_SUCCESS;
}

static ht_status close_forward(ht_call *c) {
  array *a = NULL;
  return array_input(c, &a);
}

#define ARRAY(array_name, ins, outs, attributes, text, function)             \
  {                                                                          \
    .name = array_name, .inputs = ins, .outputs = outs, .attrs = attributes, \
    .doc = text, .samples = "@loops_of_version_1_run_as_in_tensorflow",      \
    .forward = function, .gradient = ht_gradient_in_forward,                 \
    .flags = HT_OP_STATEFUL                                                  \
  }

const ht_op ht_ops_array[] = {
    ARRAY("TensorArrayV3", "size:int32", "handle:resource flow:float",
          "dtype:type element_shape:shape=<unknown shape> "
          "dynamic_size:bool=false clear_after_read:bool=true "
          "identical_element_shapes:bool=false tensor_array_name:string=''",
          "An array of tensors not yet written.", array_forward),
    ARRAY("TensorArrayGradV3", "handle:resource flow_in:float",
          "grad_handle:resource flow_out:float", "source:string",
          "The array of gradients of an array.", gradient_forward),
    ARRAY("TensorArrayWriteV3",
          "handle:resource index:int32 value:T flow_in:float", "flow_out:float",
          "T:type", "Sets one element of an array.", write_forward),
    ARRAY("TensorArrayReadV3", "handle:resource index:int32 flow_in:float",
          "value:dtype", "dtype:type", "One element of an array.",
          read_forward),
    ARRAY("TensorArrayGatherV3", "handle:resource indices:int32 flow_in:float",
          "value:dtype", "dtype:type element_shape:shape=<unknown shape>",
          "Some elements along a new first axis.", gather_forward),
    ARRAY("TensorArrayScatterV3",
          "handle:resource indices:int32 value:T flow_in:float",
          "flow_out:float", "T:type", "Sets elements to the rows of a tensor.",
          scatter_forward),
    ARRAY("TensorArrayConcatV3", "handle:resource flow_in:float",
          "value:dtype lengths:int64",
          "dtype:type element_shape_except0:shape=<unknown shape>",
          "All elements joined along their first axis.", concat_forward),
    ARRAY("TensorArraySplitV3",
          "handle:resource value:T lengths:int64 flow_in:float",
          "flow_out:float", "T:type",
          "Sets all elements to pieces of a tensor.", split_forward),
    ARRAY("TensorArraySizeV3", "handle:resource flow_in:float", "size:int32",
          "", "The number of elements.", size_forward),
    ARRAY("TensorArrayCloseV3", "handle:resource", "", "",
          "Ends an array; it is let go with its last user.", close_forward),
    {0},
};
