/*
 * op_list.c - TensorLists (value semantics, copied on write; core/kernels/
 * list_kernels.h of TensorFlow states what each op does).
 *
 * An element keeps its trace while it is in a list.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/list.h"

/* An element shape as ops give it: a vector, or a scalar -1 for unknown. */
static ht_status element_shape(const ht_tensor *t, ht_shape *out) {
  if (t->shape.rank == 0 && ht_int_at(t, 0) < 0) {
    *out = (ht_shape){.rank = -1};
    return HT_SUCCESS;
  }
  return ht_shape_from(t, true, out);
}

static ht_status index_in(const ht_call *c, int i, int64_t n, int64_t *out) {
  HT_TRY(ht_need_scalar(c, i));
  *out = ht_int_at(c->in[i], 0);
  if (*out < 0 || *out >= n)
    return ht_fail(HT_USAGE, "index %lld of a list of %lld", (long long)*out,
                   (long long)n);
  return HT_SUCCESS;
}

static ht_status reserve_forward(ht_call *c) {
  ht_shape s;
  ht_list *list;
  HT_TRY(element_shape(c->in[0], &s));
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_list_new(ht_attr_type(c->attrs, "element_dtype"), &s,
                     ht_int_at(c->in[1], 0), &list));
  return ht_list_output(c, 0, list);
}

static ht_status empty_forward(ht_call *c) {
  ht_shape s;
  ht_list *list;
  HT_TRY(element_shape(c->in[0], &s));
  HT_TRY(ht_list_new(ht_attr_type(c->attrs, "element_dtype"), &s, 0, &list));
  list->max = ht_count(c->in[1]) == 1 ? ht_int_at(c->in[1], 0) : -1;
  return ht_list_output(c, 0, list);
}

static ht_status push_forward(ht_call *c) {
  const ht_list *list;
  ht_list *longer;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(ht_list_accepts(list, c->in[1]));
  if (list->max >= 0 && list->n >= list->max)
    return ht_fail(HT_USAGE, "the list of %lld is full", (long long)list->max);
  HT_TRY(ht_list_copy(list, list->n + 1, &longer));
  longer->element[list->n] = ht_tensor_share(c->in[1]);
  return ht_list_output(c, 0, longer);
}

/* Element i as output k, of a shape declared by an input. */
static ht_status out_element(ht_call *c, int k, const ht_list *list, int64_t i,
                             const ht_tensor *declared) {
  ht_shape s;
  HT_TRY(element_shape(declared, &s));
  return ht_list_element(c, k, list, i, &s);
}

static ht_status pop_forward(ht_call *c) {
  const ht_list *list;
  ht_list *shorter;
  HT_TRY(ht_list_input(c, 0, &list));
  if (!list->n) return ht_fail(HT_USAGE, "the list is empty");
  HT_TRY(out_element(c, 1, list, list->n - 1, c->in[1]));
  HT_TRY(ht_list_copy(list, list->n - 1, &shorter));
  return ht_list_output(c, 0, shorter);
}

static ht_status get_forward(ht_call *c) {
  const ht_list *list;
  int64_t i;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(index_in(c, 1, list->n, &i));
  return out_element(c, 0, list, i, c->in[2]);
}

static ht_status set_forward(ht_call *c) {
  const ht_list *list;
  ht_list *changed;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(ht_list_accepts(list, c->in[2]));
  int64_t i = ht_int_at(c->in[1], 0), n = list->n;
  bool resize = ht_attr_bool(c->attrs, "resize_if_index_out_of_bounds");
  if (resize && i >= n && i < INT32_MAX) n = i + 1;
  HT_TRY(index_in(c, 1, n, &i));
  HT_TRY(ht_list_copy(list, n, &changed));
  ht_tensor_drop(&changed->element[i]);
  changed->element[i] = ht_tensor_share(c->in[2]);
  return ht_list_output(c, 0, changed);
}

static ht_status length_forward(ht_call *c) {
  const ht_list *list;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(ht_out(c, 0, HT_INT32, &HT_SCALAR));
  ht_i32(&c->out[0])[0] = (int32_t)list->n;
  return HT_SUCCESS;
}

static ht_status resize_forward(ht_call *c) {
  const ht_list *list;
  ht_list *other;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_list_copy(list, ht_int_at(c->in[1], 0), &other));
  return ht_list_output(c, 0, other);
}

static ht_status element_shape_forward(ht_call *c) {
  const ht_list *list;
  HT_TRY(ht_list_input(c, 0, &list));
  bool wide = ht_attr_type(c->attrs, "shape_type") == HT_INT64;
  int rank = list->shape.rank;
  ht_shape n = rank < 0 ? HT_SCALAR : ht_shape_1(rank);
  HT_TRY(ht_out(c, 0, wide ? HT_INT64 : HT_INT32, &n));
  for (int i = 0; i < (rank < 0 ? 1 : rank); i++) {
    int64_t d = rank < 0 ? -1 : list->shape.dim[i];
    if (wide)
      ht_i64(&c->out[0])[i] = d;
    else
      ht_i32(&c->out[0])[i] = (int32_t)d;
  }
  return HT_SUCCESS;
}

/* ---- joining and cutting */

static ht_status stack(ht_call *c, const ht_list *list, const ht_tensor *index,
                       const ht_tensor *declared) {
  ht_shape s;
  HT_TRY(element_shape(declared, &s));
  return ht_list_stack(c, list, index, &s);
}

static ht_status stack_forward(ht_call *c) {
  const ht_list *list;
  HT_TRY(ht_list_input(c, 0, &list));
  int64_t n = ht_attr_int(c->attrs, "num_elements");
  if (n >= 0 && n != list->n)
    return ht_fail(HT_USAGE, "a list of %lld elements, %lld are wanted",
                   (long long)list->n, (long long)n);
  return stack(c, list, NULL, c->in[1]);
}

static ht_status gather_forward(ht_call *c) {
  const ht_list *list;
  HT_TRY(ht_list_input(c, 0, &list));
  return stack(c, list, c->in[1], c->in[2]);
}

static ht_status concat_forward(ht_call *c) {
  const ht_list *list;
  HT_TRY(ht_list_input(c, 0, &list));
  return ht_list_concat(c, list);
}

static ht_status from_tensor_forward(ht_call *c) {
  ht_shape s;
  ht_list *list;
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(element_shape(c->in[1], &s));
  HT_TRY(ht_list_new(c->in[0]->dtype, &s, c->in[0]->shape.dim[0], &list));
  ht_status st = ht_list_cut(c, c->in[0], list, NULL);
  if (st.code == HT_OK) return ht_list_output(c, 0, list);
  ht_object_drop(&list->object);
  return st;
}

static ht_status split_forward(ht_call *c) {
  ht_shape s;
  ht_list *list;
  HT_TRY(element_shape(c->in[1], &s));
  HT_TRY(ht_list_lengths(c, 0, 2));
  HT_TRY(ht_list_new(c->in[0]->dtype, &s, ht_count(c->in[2]), &list));
  ht_status st = ht_list_cut(c, c->in[0], list, ht_i64(c->in[2]));
  if (st.code == HT_OK) return ht_list_output(c, 0, list);
  ht_object_drop(&list->object);
  return st;
}

static ht_status scatter_output(ht_call *c, int i, ht_list *to) {
  ht_status st = ht_list_scatter(c, c->in[i], c->in[i + 1], to);
  if (st.code == HT_OK) return ht_list_output(c, 0, to);
  ht_object_drop(&to->object);
  return st;
}

/* At least n, and room for the largest index. */
static int64_t room_for(const ht_tensor *index, int64_t n) {
  for (int64_t i = 0; i < ht_count(index); i++)
    if (ht_int_at(index, i) >= n) n = ht_int_at(index, i) + 1;
  return n;
}

static ht_status scatter_forward(ht_call *c) {
  ht_shape s;
  ht_list *to;
  int64_t n = c->n_in > 3 ? ht_int_at(c->in[3], 0) : -1;
  HT_TRY(element_shape(c->in[2], &s));
  if (n < 0) n = room_for(c->in[1], 0);
  HT_TRY(ht_list_new(c->in[0]->dtype, &s, n, &to));
  return scatter_output(c, 0, to);
}

static ht_status scatter_existing_forward(ht_call *c) {
  const ht_list *list;
  ht_list *to;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(ht_list_copy(list, room_for(c->in[2], list->n), &to));
  return scatter_output(c, 1, to);
}

#define LIST(list_name, ins, outs, attributes, text, function)              \
  {                                                                         \
    .name = list_name, .inputs = ins, .outputs = outs, .attrs = attributes, \
    .doc = text, .samples = "@lists_hold_what_was_put_in",                  \
    .forward = function, .gradient = ht_gradient_in_forward                 \
  }
#define ELEMENT "element_dtype:type"
#define SHAPED "element_dtype:type shape_type:type"

const ht_op ht_ops_list[] = {
    LIST("EmptyTensorList", "element_shape:shape_type max_num_elements:int32",
         "handle:variant", SHAPED, "A list without elements.", empty_forward),
    LIST("TensorListReserve", "element_shape:shape_type num_elements:int32",
         "handle:variant", SHAPED, "A list of elements not yet set.",
         reserve_forward),
    LIST("TensorListPushBack", "input_handle:variant tensor:element_dtype",
         "output_handle:variant", ELEMENT, "The list with one more element.",
         push_forward),
    LIST("TensorListPopBack", "input_handle:variant element_shape:int32",
         "output_handle:variant tensor:element_dtype", ELEMENT,
         "The list without its last element, and that.", pop_forward),
    LIST("TensorListGetItem",
         "input_handle:variant index:int32 element_shape:int32",
         "item:element_dtype", ELEMENT, "An element of a list.", get_forward),
    LIST("TensorListSetItem",
         "input_handle:variant index:int32 item:element_dtype",
         "output_handle:variant",
         ELEMENT " resize_if_index_out_of_bounds:bool=false",
         "The list with one element replaced.", set_forward),
    LIST("TensorListLength", "input_handle:variant", "length:int32", "",
         "The number of elements.", length_forward),
    LIST("TensorListResize", "input_handle:variant size:int32",
         "output_handle:variant", "", "The list cut or with unset elements.",
         resize_forward),
    LIST("TensorListElementShape", "input_handle:variant",
         "element_shape:shape_type", "shape_type:type",
         "The declared shape of elements.", element_shape_forward),
    LIST("TensorListStack", "input_handle:variant element_shape:int32",
         "tensor:element_dtype", ELEMENT " num_elements:int=-1",
         "All elements along a new first axis.", stack_forward),
    LIST("TensorListGather",
         "input_handle:variant indices:int32 element_shape:int32",
         "values:element_dtype", ELEMENT,
         "Some elements along a new first axis.", gather_forward),
    LIST("TensorListConcat", "input_handle:variant",
         "tensor:element_dtype lengths:int64",
         ELEMENT " element_shape:shape=<unknown shape>",
         "All elements joined along their first axis.", concat_forward),
    LIST("TensorListConcatV2",
         "input_handle:variant element_shape:shape_type leading_dims:int64",
         "tensor:element_dtype lengths:int64", SHAPED,
         "All elements joined along their first axis.", concat_forward),
    LIST("TensorListFromTensor",
         "tensor:element_dtype element_shape:shape_type",
         "output_handle:variant", SHAPED, "A list of the rows of a tensor.",
         from_tensor_forward),
    LIST("TensorListSplit",
         "tensor:element_dtype element_shape:shape_type lengths:int64",
         "output_handle:variant", SHAPED,
         "A list of pieces along the first axis.", split_forward),
    LIST("TensorListScatter",
         "tensor:element_dtype indices:int32 element_shape:shape_type",
         "output_handle:variant", SHAPED,
         "A list with the rows of a tensor at given places.", scatter_forward),
    LIST("TensorListScatterV2",
         "tensor:element_dtype indices:int32 element_shape:shape_type "
         "num_elements:int32",
         "output_handle:variant", SHAPED,
         "A list with the rows of a tensor at given places.", scatter_forward),
    LIST("TensorListScatterIntoExistingList",
         "input_handle:variant tensor:element_dtype indices:int32",
         "output_handle:variant", ELEMENT,
         "The list with the rows of a tensor put at given places.",
         scatter_existing_forward),
    {0},
};
