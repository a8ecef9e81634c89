/*
 * op_list.c - TensorLists (value semantics, copied on write; core/kernels/
 * list_kernels.h of TensorFlow states what each op does).
 *
 * An element keeps its trace while it is in a list. Only ops that join or
 * cut elements are recorded: stack, unstack, gather, scatter, concat, split.
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

/* What is known of a shape from two declarations. */
static void refine(ht_shape *known, const ht_shape *more) {
  if (known->rank < 0) *known = *more;
  for (int i = 0; i < known->rank && i < more->rank; i++)
    if (known->dim[i] < 0) known->dim[i] = more->dim[i];
}

/* The shape of every element: declared ones and those that are set. */
static ht_status full_shape(const ht_list *list, const ht_tensor *declared,
                            ht_shape *out) {
  char text[HT_SHAPE_TEXT];
  *out = list->shape;
  if (declared) {
    ht_shape s;
    HT_TRY(element_shape(declared, &s));
    refine(out, &s);
  }
  for (int64_t i = 0; i < list->n; i++)
    if (list->element[i].dtype) refine(out, &list->element[i].shape);
  bool known = out->rank >= 0;
  for (int i = 0; i < out->rank; i++) known &= out->dim[i] >= 0;
  if (!known)
    return ht_fail(HT_USAGE, "the elements' shape %s is not fully known",
                   ht_shape_text(out, text));
  return HT_SUCCESS;
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

static ht_status check_element(const ht_list *list, const ht_tensor *t) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (t->dtype == list->dtype && ht_shape_fits(&t->shape, &list->shape))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a list of %s %s cannot hold %s %s",
                 ht_dtype_name(list->dtype), ht_shape_text(&list->shape, a),
                 ht_dtype_name(t->dtype), ht_shape_text(&t->shape, b));
}

static ht_status push_forward(ht_call *c) {
  const ht_list *list;
  ht_list *longer;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(check_element(list, c->in[1]));
  if (list->max >= 0 && list->n >= list->max)
    return ht_fail(HT_USAGE, "the list of %lld is full", (long long)list->max);
  HT_TRY(ht_list_copy(list, list->n + 1, &longer));
  longer->element[list->n] = ht_tensor_share(c->in[1]);
  return ht_list_output(c, 0, longer);
}

/* Element i as output k; one that was never set is zeros. */
static ht_status out_element(ht_call *c, int k, const ht_list *list, int64_t i,
                             const ht_tensor *declared) {
  ht_shape s;
  if (list->element[i].dtype) {
    c->out[k] = ht_tensor_share(&list->element[i]);
    return HT_SUCCESS;
  }
  HT_TRY(full_shape(list, declared, &s));
  return ht_out_zeros(c, k, list->dtype, &s);
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
  HT_TRY(check_element(list, c->in[2]));
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

/* ---- joining elements */

/* Copies count(part) elements of `from`, from element `at`, to a part. */
static ht_status copy_part(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                           int64_t from_at, int64_t n) {
  size_t size = ht_dtype_size(from->dtype);
  if (from->dtype == HT_STRING) HT_TRY(ht_string_keep(to, from));
  if (from->dtype == HT_VARIANT || from->dtype == HT_RESOURCE)
    for (int64_t i = 0; i < n; i++)
      ht_obj(to)[to_at + i] = ht_object_share(ht_obj(from)[from_at + i]);
  else
    memcpy((char *)to->data + (size_t)to_at * size,
           (char *)from->data + (size_t)from_at * size, (size_t)n * size);
  return HT_SUCCESS;
}

/* Each input's gradient is its piece of the output's, in order. */
static ht_status joined_gradient(ht_back *b) {
  int64_t at = 0;
  for (int i = 0; i < b->n_in; i++) {
    int64_t n = ht_count(&b->in[i]);
    if (ht_wants(b, i)) {
      ht_tensor g;
      HT_TRY(ht_back_new(b, b->in[i].dtype, &b->in[i].shape, &g));
      ht_status st = copy_part(&g, 0, &b->dout[0].dense, at, n);
      if (st.code != HT_OK) {
        ht_tensor_drop(&g);
        return st;
      }
      HT_TRY(ht_give(b, i, &g));
    }
    at += n;
  }
  return HT_SUCCESS;
}

/* The input's gradient is made of the outputs', zeros where none came. */
static ht_status cut_gradient(ht_back *b) {
  ht_tensor g;
  int64_t at = 0;
  HT_TRY(ht_back_zeros(b, b->in[0].dtype, &b->in[0].shape, &g));
  for (int i = 0; i < b->n_out; i++) {
    int64_t n = ht_count(&b->out[i]);
    if (b->dout[i].dense.dtype) {
      ht_status st = copy_part(&g, at, &b->dout[i].dense, 0, n);
      if (st.code != HT_OK) {
        ht_tensor_drop(&g);
        return st;
      }
    }
    at += n;
  }
  return ht_give(b, 0, &g);
}

/* Elements at `index` (NULL: all, in order); unset ones point to zeros. */
static ht_status element_pointers(const ht_list *list, const ht_tensor *index,
                                  const ht_tensor *zeros,
                                  const ht_tensor **at) {
  int64_t n = index ? ht_count(index) : list->n;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = index ? ht_int_at(index, i) : i;
    if (k < 0 || k >= list->n)
      return ht_fail(HT_USAGE, "index %lld of a list of %lld", (long long)k,
                     (long long)list->n);
    at[i] = list->element[k].dtype ? &list->element[k] : zeros;
  }
  return HT_SUCCESS;
}

static ht_status join(ht_call *c, const ht_shape *whole, int64_t n,
                      const ht_tensor **at) {
  HT_TRY(ht_out(
      c, 0, n ? at[0]->dtype : ht_attr_type(c->attrs, "element_dtype"), whole));
  int64_t to = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t count = ht_count(at[i]);
    if (to + count > ht_count(&c->out[0]))
      return ht_fail(HT_USAGE, "elements of a list differ in shape");
    HT_TRY(copy_part(&c->out[0], to, at[i], 0, count));
    to += count;
  }
  if (to != ht_count(&c->out[0]))
    return ht_fail(HT_USAGE, "elements of a list differ in shape");
  return c->run->record(c->run, c, joined_gradient, (int)n, at, 1, c->out);
}

static ht_status stack_elements(ht_call *c, const ht_list *list,
                                const ht_tensor *index,
                                const ht_tensor *declared) {
  int64_t n = index ? ht_count(index) : list->n;
  ht_shape s, whole;
  HT_TRY(full_shape(list, declared, &s));
  if (s.rank >= HT_MAX_RANK) return ht_fail(HT_UNSUPPORTED, "rank too high");
  whole = (ht_shape){.rank = s.rank + 1, .dim = {n}};
  memcpy(whole.dim + 1, s.dim, (size_t)s.rank * sizeof *s.dim);
  ht_tensor zeros;
  const ht_tensor **at = malloc(((size_t)n + 1) * sizeof *at);
  if (!at) return ht_fail(HT_NO_MEMORY, "no memory for a list");
  ht_status st = ht_tensor_zeros(c->run->pool, list->dtype, &s, &zeros);
  if (st.code == HT_OK) {
    st = element_pointers(list, index, &zeros, at);
    if (st.code == HT_OK) st = join(c, &whole, n, at);
    ht_tensor_drop(&zeros);
  }
  free(at);
  return st;
}

static ht_status stack_forward(ht_call *c) {
  const ht_list *list;
  HT_TRY(ht_list_input(c, 0, &list));
  int64_t n = ht_attr_int(c->attrs, "num_elements");
  if (n >= 0 && n != list->n)
    return ht_fail(HT_USAGE, "a list of %lld elements, %lld are wanted",
                   (long long)list->n, (long long)n);
  return stack_elements(c, list, NULL, c->in[1]);
}

static ht_status gather_forward(ht_call *c) {
  const ht_list *list;
  HT_TRY(ht_list_input(c, 0, &list));
  return stack_elements(c, list, c->in[1], c->in[2]);
}

static ht_status concat_lengths(ht_call *c, const ht_list *list,
                                ht_shape *whole) {
  ht_shape n = ht_shape_1(list->n);
  HT_TRY(ht_out(c, 1, HT_INT64, &n));
  for (int64_t i = 0; i < list->n; i++) {
    const ht_tensor *e = &list->element[i];
    if (!e->dtype || e->shape.rank < 1)
      return ht_fail(HT_USAGE, "element %lld of a list cannot be joined",
                     (long long)i);
    if (!i) *whole = e->shape;
    if (i) whole->dim[0] += e->shape.dim[0];
    ht_i64(&c->out[1])[i] = e->shape.dim[0];
  }
  if (!list->n) {
    *whole = list->shape.rank > 0 ? list->shape : ht_shape_1(0);
    for (int i = 0; i < whole->rank; i++)
      if (whole->dim[i] < 0 || !i) whole->dim[i] = 0;
  }
  return HT_SUCCESS;
}

static ht_status concat_forward(ht_call *c) {
  const ht_list *list;
  ht_shape whole;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(concat_lengths(c, list, &whole));
  const ht_tensor **at = malloc(((size_t)list->n + 1) * sizeof *at);
  if (!at) return ht_fail(HT_NO_MEMORY, "no memory for a list");
  for (int64_t i = 0; i < list->n; i++) at[i] = &list->element[i];
  ht_status st = join(c, &whole, list->n, at);
  free(at);
  return st;
}

/* ---- cutting a tensor */

static void element_of(const ht_tensor *t, ht_shape *s) {
  *s = (ht_shape){.rank = t->shape.rank - 1};
  memcpy(s->dim, t->shape.dim + 1, (size_t)s->rank * sizeof *s->dim);
}

/* Elements of `list` = consecutive pieces of t; recorded. */
static ht_status cut(ht_call *c, const ht_tensor *t, ht_list *list,
                     const int64_t *rows) {
  int64_t at = 0;
  for (int64_t i = 0; i < list->n; i++) {
    ht_tensor *e = &list->element[i];
    ht_shape s;
    element_of(t, &s);
    if (rows) {
      s = t->shape;
      s.dim[0] = rows[i];
    }
    HT_TRY(ht_tensor_new(c->run->pool, t->dtype, &s, e));
    HT_TRY(copy_part(e, 0, t, at, ht_count(e)));
    at += ht_count(e);
  }
  return c->run->record(c->run, c, cut_gradient, 1, &t, (int)list->n,
                        list->element);
}

static ht_status from_tensor_forward(ht_call *c) {
  ht_shape s;
  ht_list *list;
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(element_shape(c->in[1], &s));
  HT_TRY(ht_list_new(c->in[0]->dtype, &s, c->in[0]->shape.dim[0], &list));
  ht_status st = cut(c, c->in[0], list, NULL);
  if (st.code == HT_OK) return ht_list_output(c, 0, list);
  ht_object_drop(&list->object);
  return st;
}

static ht_status split_forward(ht_call *c) {
  ht_shape s;
  ht_list *list;
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(ht_need_rank(c, 2, 1));
  HT_TRY(ht_need_dtype(c, 2, HT_INT64));
  HT_TRY(element_shape(c->in[1], &s));
  int64_t n = ht_count(c->in[2]), sum = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t rows = ht_i64(c->in[2])[i];
    if (rows < 0 || rows > c->in[0]->shape.dim[0] - sum)
      return ht_fail(HT_USAGE, "lengths do not add up to the rows");
    sum += rows;
  }
  if (sum != c->in[0]->shape.dim[0])
    return ht_fail(HT_USAGE, "lengths do not add up to the rows");
  HT_TRY(ht_list_new(c->in[0]->dtype, &s, n, &list));
  ht_status st = cut(c, c->in[0], list, ht_i64(c->in[2]));
  if (st.code == HT_OK) return ht_list_output(c, 0, list);
  ht_object_drop(&list->object);
  return st;
}

/* Element i of a cut tensor goes to position index[i] of `to`. */
static ht_status place(ht_call *c, const ht_list *cut_list, ht_list *to) {
  for (int64_t i = 0; i < cut_list->n; i++) {
    int64_t k = ht_int_at(c->in[1], i);
    if (k < 0 || k >= to->n)
      return ht_fail(HT_USAGE, "index %lld of a list of %lld", (long long)k,
                     (long long)to->n);
    ht_tensor_drop(&to->element[k]);
    to->element[k] = ht_tensor_share(&cut_list->element[i]);
  }
  return HT_SUCCESS;
}

static ht_status scatter_into(ht_call *c, ht_list *to) {
  ht_list *pieces;
  HT_TRY(ht_need_min_rank(c, 0, 1));
  if (c->in[0]->shape.dim[0] != ht_count(c->in[1]))
    return ht_fail(HT_USAGE, "%lld rows for %lld indices",
                   (long long)c->in[0]->shape.dim[0],
                   (long long)ht_count(c->in[1]));
  HT_TRY(ht_list_new(c->in[0]->dtype, &to->shape, c->in[0]->shape.dim[0],
                     &pieces));
  ht_status st = cut(c, c->in[0], pieces, NULL);
  if (st.code == HT_OK) st = place(c, pieces, to);
  ht_object_drop(&pieces->object);
  return st;
}

static ht_status scatter_output(ht_call *c, ht_list *to) {
  ht_status st = scatter_into(c, to);
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
  return scatter_output(c, to);
}

static ht_status scatter_existing_forward(ht_call *c) {
  const ht_list *list;
  ht_list *to;
  HT_TRY(ht_list_input(c, 0, &list));
  HT_TRY(ht_list_copy(list, room_for(c->in[2], list->n), &to));
  ht_call shifted = *c; /* its inputs are tensor and indices, one later */
  shifted.in = c->in + 1;
  return scatter_output(&shifted, to);
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
