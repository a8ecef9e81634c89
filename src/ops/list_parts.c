/*
 * list_parts.c - elements of a list joined and cut, see list.h. Only this is
 * recorded on the tape: an element itself keeps its trace while it is held.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/list.h"

/* What is known of a shape from two declarations. */
static void refine(ht_shape *known, const ht_shape *more) {
  if (known->rank < 0) *known = *more;
  for (int i = 0; i < known->rank && i < more->rank; i++)
    if (known->dim[i] < 0) known->dim[i] = more->dim[i];
}

/* The shape of every element: declared ones and those that are set. */
static ht_status full_shape(const ht_list *list, const ht_shape *declared,
                            ht_shape *out) {
  char text[HT_SHAPE_TEXT];
  *out = list->shape;
  refine(out, declared);
  for (int64_t i = 0; i < list->n; i++)
    if (list->element[i].dtype) refine(out, &list->element[i].shape);
  bool known = out->rank >= 0;
  for (int i = 0; i < out->rank; i++) known &= out->dim[i] >= 0;
  if (!known)
    return ht_fail(HT_USAGE, "the elements' shape %s is not fully known",
                   ht_shape_text(out, text));
  return HT_SUCCESS;
}

ht_status ht_list_accepts(const ht_list *list, const ht_tensor *t) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (t->dtype == list->dtype && ht_shape_fits(&t->shape, &list->shape))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a list of %s %s cannot hold %s %s",
                 ht_dtype_name(list->dtype), ht_shape_text(&list->shape, a),
                 ht_dtype_name(t->dtype), ht_shape_text(&t->shape, b));
}

/* ---- joining */

ht_status ht_list_element(ht_call *c, int k, const ht_list *list, int64_t i,
                          const ht_shape *declared) {
  ht_shape s;
  if (list->element[i].dtype) {
    c->out[k] = ht_tensor_share(&list->element[i]);
    return HT_SUCCESS;
  }
  HT_TRY(full_shape(list, declared, &s));
  return ht_out_zeros(c, k, list->dtype, &s);
}

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

static ht_status join(ht_call *c, ht_dtype dtype, const ht_shape *whole,
                      int64_t n, const ht_tensor **at) {
  HT_TRY(ht_out(c, 0, dtype, whole));
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

ht_status ht_list_stack(ht_call *c, const ht_list *list, const ht_tensor *index,
                        const ht_shape *declared) {
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
    if (st.code == HT_OK) st = join(c, list->dtype, &whole, n, at);
    ht_tensor_drop(&zeros);
  }
  free(at);
  return st;
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

ht_status ht_list_concat(ht_call *c, const ht_list *list) {
  ht_shape whole;
  HT_TRY(concat_lengths(c, list, &whole));
  const ht_tensor **at = malloc(((size_t)list->n + 1) * sizeof *at);
  if (!at) return ht_fail(HT_NO_MEMORY, "no memory for a list");
  for (int64_t i = 0; i < list->n; i++) at[i] = &list->element[i];
  ht_status st = join(c, list->dtype, &whole, list->n, at);
  free(at);
  return st;
}

/* ---- cutting */

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

static void element_of(const ht_tensor *t, ht_shape *s) {
  *s = (ht_shape){.rank = t->shape.rank - 1};
  memcpy(s->dim, t->shape.dim + 1, (size_t)s->rank * sizeof *s->dim);
}

ht_status ht_list_cut(ht_call *c, const ht_tensor *t, ht_list *list,
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

ht_status ht_list_lengths(const ht_call *c, int value, int lengths) {
  const ht_tensor *t = c->in[value], *l = c->in[lengths];
  HT_TRY(ht_need_min_rank(c, value, 1));
  HT_TRY(ht_need_rank(c, lengths, 1));
  HT_TRY(ht_need_dtype(c, lengths, HT_INT64));
  int64_t left = t->shape.dim[0];
  for (int64_t i = 0; i < ht_count(l); i++) {
    int64_t rows = ht_i64(l)[i];
    if (rows < 0 || rows > left) left = -1;
    if (left < 0) break;
    left -= rows;
  }
  return left ? ht_fail(HT_USAGE, "lengths do not add up to the rows")
              : HT_SUCCESS;
}

/* Element i of a cut tensor goes to position index[i] of `to`. */
static ht_status place(const ht_list *pieces, const ht_tensor *index,
                       ht_list *to) {
  for (int64_t i = 0; i < pieces->n; i++) {
    int64_t k = ht_int_at(index, i);
    if (k < 0 || k >= to->n)
      return ht_fail(HT_USAGE, "index %lld of a list of %lld", (long long)k,
                     (long long)to->n);
    ht_tensor_drop(&to->element[k]);
    to->element[k] = ht_tensor_share(&pieces->element[i]);
  }
  return HT_SUCCESS;
}

ht_status ht_list_scatter(ht_call *c, const ht_tensor *t,
                          const ht_tensor *index, ht_list *to) {
  ht_list *pieces;
  if (t->shape.rank < 1 || t->shape.dim[0] != ht_count(index))
    return ht_fail(HT_USAGE, "rows of a tensor for %lld indices",
                   (long long)ht_count(index));
  HT_TRY(ht_list_new(t->dtype, &to->shape, t->shape.dim[0], &pieces));
  ht_status st = ht_list_cut(c, t, pieces, NULL);
  if (st.code == HT_OK) st = place(pieces, index, to);
  ht_object_drop(&pieces->object);
  return st;
}
