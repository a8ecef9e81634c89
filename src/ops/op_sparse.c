/* op_sparse.c - sparse tensors: shapes, order, empty rows, dense forms. */
#include <stdlib.h>
#include <string.h>

#include "ops/sparse.h"
#include "ops/strings.h"

/* ---- SparseFillEmptyRows */

typedef struct fill {
  ht_sparse s;
  int64_t rows, empty;
  int64_t *next; /* per row: where its next entry goes */
} fill;

/* How many entries each row has, then where each row begins. */
static ht_status count_rows(fill *f) {
  if (f->rows < INT64_MAX) f->next = ht_scratch(f->rows + 1, sizeof *f->next);
  if (!f->next) return ht_fail(HT_NO_MEMORY, "no memory for empty rows");
  for (int64_t k = 0; k < f->s.n; k++) f->next[f->s.at[k * f->s.rank]]++;
  int64_t at = 0;
  for (int64_t r = 0; r < f->rows; r++) {
    int64_t n = f->next[r];
    f->next[r] = at;
    f->empty += n == 0;
    at += n ? n : 1;
  }
  f->next[f->rows] = at;
  return HT_SUCCESS;
}

static ht_status fill_outputs(ht_call *c, const fill *f) {
  ht_shape entries = ht_shape_1(f->s.n + f->empty), rows = ht_shape_1(f->rows);
  ht_shape indices = ht_shape_2(f->s.n + f->empty, f->s.rank);
  ht_shape inputs = ht_shape_1(f->s.n);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  HT_TRY(ht_out_elements(c, 1, 1, &entries));
  if (c->in[1]->dtype == HT_STRING)
    HT_TRY(ht_string_keep(&c->out[1], c->in[3]));
  HT_TRY(ht_out(c, 2, HT_BOOL, &rows));
  return ht_out(c, 3, HT_INT64, &inputs);
}

static void fill_rows(ht_call *c, fill *f) {
  int64_t *at = ht_i64(&c->out[0]), *reverse = ht_i64(&c->out[3]);
  size_t row = (size_t)f->s.rank * sizeof *at;
  bool *empty = ht_bool(&c->out[2]);
  int64_t total = f->s.n + f->empty;
  memset(empty, 1, (size_t)f->rows);
  for (int64_t k = 0; k < f->s.n; k++) {
    int64_t r = f->s.at[k * f->s.rank], to = f->next[r]++;
    memcpy(at + to * f->s.rank, f->s.at + k * f->s.rank, row);
    ht_copy_element(&c->out[1], to, f->s.values, k);
    reverse[k] = to;
    empty[r] = false;
  }
  for (int64_t r = 0; r < f->rows && total; r++)
    if (empty[r]) {
      int64_t to = f->next[r];
      memset(at + to * f->s.rank, 0, row);
      at[to * f->s.rank] = r;
      ht_copy_element(&c->out[1], to, c->in[3], 0);
    }
}

static ht_status fill_empty_rows(ht_call *c) {
  fill f = {0};
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &f.s));
  HT_TRY(ht_need_rank(c, 3, 0));
  HT_TRY(ht_need_dtype(c, 3, c->in[1]->dtype));
  if (f.s.rank < 1)
    return ht_fail(HT_USAGE, "op '%s' wants a shape of at least one dimension",
                   c->op->name);
  f.rows = f.s.shape.dim[0];
  HT_TRY(count_rows(&f));
  ht_status st = fill_outputs(c, &f);
  if (st.code == HT_OK) fill_rows(c, &f);
  free(f.next);
  return st;
}

/* d_values[i] = g[reverse[i]], d_default = what nobody took of g. */
static ht_status fill_gradient(const ht_tensor *reverse, const ht_tensor *g,
                               ht_tensor *values, ht_wide *rest) {
  int64_t n = ht_count(g);
  bool *taken = calloc((size_t)n + 1, 1);
  if (!taken) return ht_fail(HT_NO_MEMORY, "no memory for a gradient");
  for (int64_t i = 0; i < ht_count(reverse); i++) {
    int64_t k = ht_i64(reverse)[i];
    if (k < 0 || k >= n) {
      free(taken);
      return ht_fail(HT_USAGE, "a reverse index lies outside the gradient");
    }
    taken[k] = true;
    ht_copy_element(values, i, g, k);
  }
  *rest = 0;
  for (int64_t k = 0; k < n; k++)
    if (!taken[k]) *rest += ht_wide_at(g, k);
  free(taken);
  return HT_SUCCESS;
}

static ht_status fill_grad_op(ht_call *c) {
  ht_wide rest;
  HT_TRY(ht_need_dtype(c, 0, HT_INT64));
  HT_TRY(ht_need_numbers(c, 1));
  HT_TRY(ht_out(c, 0, c->in[1]->dtype, &c->in[0]->shape));
  HT_TRY(ht_out(c, 1, c->in[1]->dtype, &HT_SCALAR));
  HT_TRY(fill_gradient(c->in[0], c->in[1], &c->out[0], &rest));
  ht_wide_set(&c->out[1], 0, rest);
  return HT_SUCCESS;
}

static ht_status fill_back(ht_back *b) {
  const ht_tensor *g = &b->dout[1].dense;
  ht_tensor values, first;
  ht_wide rest;
  if (g->dtype == HT_INVALID) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, g->dtype, &b->in[1].shape, &values));
  HT_TRY(ht_back_new(b, g->dtype, &HT_SCALAR, &first));
  HT_TRY(fill_gradient(&b->out[3], g, &values, &rest));
  ht_wide_set(&first, 0, rest);
  HT_TRY(ht_give(b, 1, &values));
  return ht_give(b, 3, &first);
}

/* ---- SparseReshape */

static ht_status reshaped(const ht_call *c, const ht_shape *from,
                          ht_shape *to) {
  int64_t total = ht_shape_count(from), known = 1;
  int open = -1;
  HT_TRY(ht_check_count(to));
  for (int d = 0; d < to->rank; d++) {
    if (to->dim[d] >= 0) known *= to->dim[d];
    if (to->dim[d] < 0 && open >= 0)
      return ht_fail(HT_USAGE, "op '%s': two dimensions are -1", c->op->name);
    if (to->dim[d] < 0) open = d;
  }
  if (open >= 0) to->dim[open] = known ? total / known : 0;
  if (ht_shape_count(to) == total) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': %lld elements do not fit the new shape",
                 c->op->name, (long long)total);
}

static ht_status sparse_reshape(ht_call *c) {
  ht_sparse s;
  ht_shape to;
  HT_TRY(ht_sparse_from(c, 0, -1, 1, &s));
  HT_TRY(ht_shape_from(c->in[2], true, &to));
  HT_TRY(reshaped(c, &s.shape, &to));
  ht_shape indices = ht_shape_2(s.n, to.rank);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  for (int64_t k = 0; k < s.n; k++) {
    int64_t flat = 0;
    for (int d = 0; d < s.rank; d++)
      flat = flat * s.shape.dim[d] + s.at[k * s.rank + d];
    for (int d = to.rank - 1; d >= 0; d--) {
      ht_i64(&c->out[0])[k * to.rank + d] = flat % to.dim[d];
      flat /= to.dim[d];
    }
  }
  return ht_out_shape(c, 1, &to);
}

/* ---- SparseToDense: indices may be a scalar, a vector or a matrix */

/* The flat place of entry k in shape, -1 outside. */
static int64_t place(const ht_tensor *indices, int64_t k,
                     const ht_shape *shape) {
  int64_t flat = 0;
  for (int d = 0; d < shape->rank; d++) {
    int64_t at = ht_int_at(indices, k * shape->rank + d);
    if (at < 0 || at >= shape->dim[d]) return -1;
    flat = flat * shape->dim[d] + at;
  }
  return flat;
}

static ht_status put_entries(ht_call *c, const ht_shape *shape, int64_t n) {
  bool check = ht_attr_bool(c->attrs, "validate_indices");
  bool one = c->in[2]->shape.rank == 0;
  int64_t before = -1;
  for (int64_t k = 0; k < n; k++) {
    int64_t at = place(c->in[0], k, shape);
    if (at < 0 || (check && at <= before))
      return ht_fail(HT_USAGE,
                     "op '%s': index %lld lies outside, is repeated "
                     "or out of order",
                     c->op->name, (long long)k);
    before = at;
    ht_copy_element(&c->out[0], at, c->in[2], one ? 0 : k);
  }
  return HT_SUCCESS;
}

static ht_status sparse_to_dense(ht_call *c) {
  ht_shape shape;
  HT_TRY(ht_shape_from(c->in[1], false, &shape));
  int rank = c->in[0]->shape.rank;
  int64_t n = rank ? c->in[0]->shape.dim[0] : 1;
  int64_t width = rank == 2 ? c->in[0]->shape.dim[1] : 1;
  bool fits = rank <= 2 && width == shape.rank &&
              (c->in[2]->shape.rank == 0 || ht_count(c->in[2]) == n);
  if (!fits || c->in[0]->dtype != c->in[1]->dtype)
    return ht_fail(HT_USAGE, "op '%s': indices, shape and values do not fit",
                   c->op->name);
  HT_TRY(ht_need_scalar(c, 3));
  HT_TRY(ht_need_dtype(c, 3, c->in[2]->dtype));
  HT_TRY(ht_out_elements(c, 0, 2, &shape));
  if (c->in[2]->dtype == HT_STRING)
    HT_TRY(ht_string_keep(&c->out[0], c->in[3]));
  for (int64_t i = 0; i < ht_shape_count(&shape); i++)
    ht_copy_element(&c->out[0], i, c->in[3], 0);
  return put_entries(c, &shape, n);
}

static ht_status to_dense_back(ht_back *b) {
  const ht_tensor *g = &b->dout[0].dense;
  bool one = b->in[2].shape.rank == 0;
  int64_t n = b->in[0].shape.rank ? b->in[0].shape.dim[0] : 1;
  ht_wide all = 0, taken = 0;
  ht_tensor values, rest;
  HT_TRY(ht_back_new(b, g->dtype, &b->in[2].shape, &values));
  HT_TRY(ht_back_new(b, g->dtype, &b->in[3].shape, &rest));
  for (int64_t i = 0; i < ht_count(g); i++) all += ht_wide_at(g, i);
  for (int64_t k = 0; k < n; k++) {
    ht_wide v = ht_wide_at(g, place(&b->in[0], k, &g->shape));
    taken += v;
    if (!one) ht_wide_set(&values, k, v);
  }
  if (one) ht_wide_set(&values, 0, taken);
  ht_wide_set(&rest, 0, all - taken);
  HT_TRY(ht_give(b, 2, &values));
  return ht_give(b, 3, &rest);
}

/* ---- SparseReorder */

static ht_status order_of(ht_pool *pool, const ht_sparse *s, ht_tensor *order) {
  ht_shape shape = ht_shape_1(s->n);
  HT_TRY(ht_tensor_new(pool, HT_INT64, &shape, order));
  return ht_sparse_order(s, ht_i64(order));
}

static ht_status reorder(ht_call *c) {
  ht_sparse s;
  ht_tensor order;
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  HT_TRY(ht_out(c, 0, HT_INT64, &c->in[0]->shape));
  HT_TRY(ht_out_elements(c, 1, 1, &c->in[1]->shape));
  HT_TRY(order_of(c->run->pool, &s, &order));
  for (int64_t k = 0; k < s.n; k++) {
    int64_t from = ht_i64(&order)[k];
    memcpy(ht_i64(&c->out[0]) + k * s.rank, s.at + from * s.rank,
           (size_t)s.rank * sizeof *s.at);
    ht_copy_element(&c->out[1], k, s.values, from);
  }
  ht_tensor_drop(&order);
  return HT_SUCCESS;
}

static ht_status reorder_back(ht_back *b) {
  const ht_tensor *g = &b->dout[1].dense;
  ht_tensor order, values;
  if (g->dtype == HT_INVALID) return HT_SUCCESS;
  ht_sparse s = {.at = ht_i64(&b->in[0]),
                 .n = b->in[0].shape.dim[0],
                 .rank = (int)b->in[0].shape.dim[1]};
  HT_TRY(ht_back_new(b, g->dtype, &g->shape, &values));
  HT_TRY(order_of(b->run->pool, &s, &order));
  for (int64_t k = 0; k < s.n; k++)
    ht_copy_element(&values, ht_i64(&order)[k], g, k);
  ht_tensor_drop(&order);
  return ht_give(b, 1, &values);
}

/* ---- SparseConcat, SparseSlice */

static ht_status concat_shape(ht_call *c, ht_sparse *parts, int n, int axis,
                              ht_shape *shape) {
  *shape = parts[0].shape;
  for (int i = 1; i < n; i++)
    for (int d = 0; d < shape->rank; d++) {
      if (parts[i].rank != shape->rank)
        return ht_fail(HT_USAGE, "op '%s': ranks differ", c->op->name);
      if (d != axis && parts[i].shape.dim[d] != shape->dim[d])
        return ht_fail(HT_USAGE, "op '%s': shapes differ", c->op->name);
      if (d == axis) shape->dim[d] += parts[i].shape.dim[d];
    }
  return HT_SUCCESS;
}

/* All entries one after the other, then in order. */
static ht_status concat_entries(ht_call *c, const ht_sparse *parts, int n,
                                int axis, ht_tensor *joined) {
  int rank = parts[0].rank;
  int64_t at = 0, offset = 0;
  for (int i = 0; i < n; i++) {
    for (int64_t k = 0; k < parts[i].n; k++, at++) {
      int64_t *to = ht_i64(joined) + at * rank;
      memcpy(to, parts[i].at + k * rank, (size_t)rank * sizeof *to);
      to[axis] += offset;
    }
    offset += parts[i].shape.dim[axis];
  }
  ht_tensor order;
  ht_sparse all = {.at = ht_i64(joined), .n = at, .rank = rank};
  HT_TRY(order_of(c->run->pool, &all, &order));
  for (int64_t k = 0; k < at; k++) {
    int64_t from = ht_i64(&order)[k], i = 0;
    memcpy(ht_i64(&c->out[0]) + k * rank, all.at + from * rank,
           (size_t)rank * sizeof *all.at);
    while (from >= parts[i].n) from -= parts[i++].n;
    ht_copy_element(&c->out[1], k, parts[i].values, from);
  }
  ht_tensor_drop(&order);
  return HT_SUCCESS;
}

static ht_status concat_with(ht_call *c, ht_sparse *parts, int n) {
  int axis;
  ht_shape shape;
  int64_t total = 0;
  for (int i = 0; i < n; i++) {
    HT_TRY(ht_sparse_from(c, i, n + i, 2 * n + i, &parts[i]));
    total += parts[i].n;
  }
  HT_TRY(
      ht_axis_from(ht_attr_int(c->attrs, "concat_dim"), parts[0].rank, &axis));
  HT_TRY(concat_shape(c, parts, n, axis, &shape));
  ht_shape indices = ht_shape_2(total, shape.rank), one = ht_shape_1(total);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  HT_TRY(ht_out_elements(c, 1, n, &one));
  for (int i = 1; i < n && c->in[n]->dtype == HT_STRING; i++)
    HT_TRY(ht_string_keep(&c->out[1], c->in[n + i]));
  HT_TRY(ht_out_shape(c, 2, &shape));
  ht_tensor joined;
  HT_TRY(ht_tensor_new(c->run->pool, HT_INT64, &indices, &joined));
  ht_status st = concat_entries(c, parts, n, axis, &joined);
  ht_tensor_drop(&joined);
  return st;
}

static ht_status concat(ht_call *c) {
  int n = c->n_in / 3;
  if (n < 1) return ht_fail(HT_USAGE, "op '%s': nothing to join", c->op->name);
  ht_sparse *parts = calloc((size_t)n, sizeof *parts);
  if (!parts) return ht_fail(HT_NO_MEMORY, "no memory to join");
  ht_status st = concat_with(c, parts, n);
  free(parts);
  return st;
}

static bool in_slice(const int64_t *at, const ht_tensor *start,
                     const ht_shape *size) {
  for (int d = 0; d < size->rank; d++) {
    int64_t x = at[d] - ht_i64(start)[d];
    if (x < 0 || x >= size->dim[d]) return false;
  }
  return true;
}

static ht_status slice_shape(const ht_call *c, const ht_sparse *s,
                             ht_shape *shape) {
  HT_TRY(ht_need_same_shape(c, 3, 4));
  HT_TRY(ht_need_same_shape(c, 2, 3));
  HT_TRY(ht_shape_from(c->in[4], false, shape));
  for (int d = 0; d < s->rank; d++) {
    int64_t start = ht_i64(c->in[3])[d];
    if (start < 0)
      return ht_fail(HT_USAGE, "op '%s': negative start", c->op->name);
    int64_t room = s->shape.dim[d] - start;
    if (room < 0) room = 0;
    if (shape->dim[d] > room) shape->dim[d] = room;
  }
  return HT_SUCCESS;
}

static ht_status slice(ht_call *c) {
  ht_sparse s;
  ht_shape shape;
  int64_t n = 0;
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  HT_TRY(slice_shape(c, &s, &shape));
  for (int64_t k = 0; k < s.n; k++)
    n += in_slice(s.at + k * s.rank, c->in[3], &shape);
  ht_shape indices = ht_shape_2(n, s.rank), one = ht_shape_1(n);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  HT_TRY(ht_out_elements(c, 1, 1, &one));
  int64_t *to = ht_i64(&c->out[0]);
  n = 0;
  for (int64_t k = 0; k < s.n; k++) {
    if (!in_slice(s.at + k * s.rank, c->in[3], &shape)) continue;
    for (int d = 0; d < s.rank; d++)
      *to++ = s.at[k * s.rank + d] - ht_i64(c->in[3])[d];
    ht_copy_element(&c->out[1], n++, s.values, k);
  }
  return ht_out_shape(c, 2, &shape);
}

static ht_status slice_back(ht_back *b) {
  const ht_tensor *g = &b->dout[1].dense;
  ht_shape shape;
  ht_tensor values;
  int64_t n = 0;
  if (g->dtype == HT_INVALID) return HT_SUCCESS;
  HT_TRY(ht_shape_from(&b->out[2], false, &shape));
  HT_TRY(ht_back_zeros(b, g->dtype, &b->in[1].shape, &values));
  for (int64_t k = 0; k < b->in[0].shape.dim[0]; k++)
    if (in_slice(ht_i64(&b->in[0]) + k * shape.rank, &b->in[3], &shape))
      ht_copy_element(&values, k, g, n++);
  return ht_give(b, 1, &values);
}

#define THREE "l[3,2]{0,0,0,2,2,1}"

const ht_op ht_ops_sparse[] = {
    {
        .name = "SparseConcat",
        .inputs = "indices:N*int64 values:N*T shapes:N*int64",
        .outputs = "output_indices:int64 output_values:T output_shape:int64",
        .attrs = "concat_dim:int N:int T:type",
        .doc = "Joins sparse tensors along a dimension, entries in order.",
        .samples = "(" THREE " l[1,2]{1,0}) (f[3] f[1]) "
                   "(l[2]{3,3} l[2]{3,4}) concat_dim=1;"
                   "(" THREE " l[1,2]{1,0}) (s[3]{'a','b','c'} s[1]{'d'}) "
                   "(l[2]{3,3} l[2]{2,3}) concat_dim=-2",
        .forward = concat,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseFillEmptyRows",
        .inputs = "indices:int64 values:T dense_shape:int64 default_value:T",
        .outputs = "output_indices:int64 output_values:T "
                   "empty_row_indicator:bool reverse_index_map:int64",
        .attrs = "T:type",
        .doc = "Gives rows without an entry the default.",
        .samples = THREE " f[3] l[2]{4,3} f[]{7};" THREE
                         " s[3]{'a','b','c'} l[2]{3,3} s[]{''};"
                         "l[3,2]{2,1,0,0,2,0} d[3] l[2]{3,2} d[];"
                         "l[0,2] f[0] l[2]{2,3} f[]{1};"
                         "l[2,2]{0,0,1,0} l[2] l[2]{2,1} l[]{-1};"
                         "l[0,2] f[0] l[2]{0,3} f[]{1}",
        .forward = fill_empty_rows,
        .gradient = fill_back,
        .keep = HT_KEEP_OUT(3),
    },
    {
        .name = "SparseFillEmptyRowsGrad",
        .inputs = "reverse_index_map:int64 grad_values:T",
        .outputs = "d_values:T d_default_value:T",
        .attrs = "T:type",
        .doc = "The gradient of SparseFillEmptyRows.",
        .samples = "l[3]{0,3,1} f[5]; l[0] d[2]",
        .forward = fill_grad_op,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseReorder",
        .inputs = "input_indices:int64 input_values:T input_shape:int64",
        .outputs = "output_indices:int64 output_values:T",
        .attrs = "T:type",
        .doc = "Entries in the order of their indices.",
        .samples = "l[4,2]{1,1,0,2,1,0,0,0} f[4] l[2]{2,3};"
                   "l[3,1]{2,0,1} s[3]{'a','b','c'} l[1]{3};"
                   "l[0,2] d[0] l[2]{2,3}",
        .forward = reorder,
        .gradient = reorder_back,
        .keep = HT_KEEP_IN(0),
    },
    {
        .name = "SparseReshape",
        .inputs = "input_indices:int64 input_shape:int64 new_shape:int64",
        .outputs = "output_indices:int64 output_shape:int64",
        .attrs = "",
        .doc = "The indices that entries have in another shape.",
        .samples = THREE " l[2]{3,4} l[2]{4,3};" THREE
                         " l[2]{3,4} l[3]{2,-1,3}; l[0,2] l[2]{0,3} l[1]{0};"
                         "l[2,1]{1,5} l[1]{6} l[2]{-1,2}",
        .forward = sparse_reshape,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseSlice",
        .inputs = "indices:int64 values:T shape:int64 start:int64 size:int64",
        .outputs = "output_indices:int64 output_values:T output_shape:int64",
        .attrs = "T:type",
        .doc = "The entries inside a box.",
        .samples = THREE " f[3] l[2]{3,3} l[2]{0,1} l[2]{3,2};" THREE
                         " s[3]{'a','b','c'} l[2]{3,3} l[2]{1,0} l[2]{9,9}",
        .forward = slice,
        .gradient = slice_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(3) | HT_KEEP_OUT(2),
    },
    {
        .name = "SparseToDense",
        .inputs = "sparse_indices:Tindices output_shape:Tindices "
                  "sparse_values:T default_value:T",
        .outputs = "dense:T",
        .attrs = "validate_indices:bool=true T:type Tindices:type",
        .doc = "The dense tensor, with the default where no entry is.",
        .samples = THREE
        " l[2]{3,3} f[3] f[]{9};"
        "i[2]{1,3} i[1]{4} s[2]{'a','b'} s[]{'-'};"
        "l[]{2} l[1]{4} i[]{5} i[]{0};" THREE " l[2]{3,3} d[3] d[]{1};"
        "i[2]{3,3} i[1]{4} i[2]{1,2} i[]{0} "
        "validate_indices=false; l[0,2] l[2]{2,2} f[0] f[];" THREE
        " l[2]{3,3} h[3] h[]{9};" THREE " l[2]{3,3} g[3] g[]{9};" THREE
        " l[2]{3,3} c[3] c[]{9}",
        .forward = sparse_to_dense,
        .gradient = to_dense_back,
        .keep = HT_KEEP_IN(0),
    },
    {0},
};
