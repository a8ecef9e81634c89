/* op_sparse_math.c - arithmetic on sparse tensors. */
#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/broadcast.h"
#include "ops/sparse.h"

static ht_status need_real(const ht_call *c, int i) {
  ht_dtype t = c->in[i]->dtype;
  return t == HT_FLOAT || t == HT_DOUBLE ? HT_SUCCESS : ht_no_dtype(c, t);
}

static int64_t flat_of(const ht_sparse *s, int64_t k) {
  int64_t flat = 0;
  for (int d = 0; d < s->rank; d++)
    flat = flat * s->shape.dim[d] + s->at[k * s->rank + d];
  return flat;
}

/* ---- SparseTensorDenseMatMul: y[row] += value * b[col] for each entry */

typedef struct product {
  const ht_tensor *at;        /* int64 [n,2] */
  int row, col;               /* which column of `at` is which */
  int64_t n, width;           /* entries, columns of y */
  int64_t step_row, step_col; /* of b: from column of a, from column of y */
  bool conj_a, conj_b;
} product;

/* Of numbers T; CONJ: of complex ones the conjugate, which adjoint sides and
 * gradients want. */
#define AXPY(name, T, CONJ)                                                    \
  static void multiply_##name(const product *p, const void *va,                \
                              const void *vb, void *vy) {                      \
    const T *value = va, *b = vb;                                              \
    for (int64_t k = 0; k < p->n; k++) {                                       \
      const T *x = b + ht_i64(p->at)[2 * k + p->col] * p->step_row;            \
      T *to = (T *)vy + ht_i64(p->at)[2 * k + p->row] * p->width;              \
      T v = p->conj_a ? CONJ(value[k]) : value[k];                             \
      if (p->step_col == 1 && !p->conj_b)                                      \
        for (int64_t j = 0; j < p->width; j++) to[j] += v * x[j];              \
      else                                                                     \
        for (int64_t j = 0; j < p->width; j++)                                 \
          to[j] +=                                                             \
              v * (p->conj_b ? CONJ(x[j * p->step_col]) : x[j * p->step_col]); \
    }                                                                          \
  }                                                                            \
  /* d value[k] = g[row] . b[col] */                                           \
  static void dots_##name(const product *p, const void *vg, const void *vb,    \
                          void *out) {                                         \
    const T *g = vg, *b = vb;                                                  \
    for (int64_t k = 0; k < p->n; k++) {                                       \
      const T *x = b + ht_i64(p->at)[2 * k + p->col] * p->step_row;            \
      const T *y = g + ht_i64(p->at)[2 * k + p->row] * p->width;               \
      T sum = 0;                                                               \
      for (int64_t j = 0; j < p->width; j++)                                   \
        sum += y[j] *                                                          \
               (p->conj_b ? x[j * p->step_col] : CONJ(x[j * p->step_col]));    \
      ((T *)out)[k] = p->conj_a ? CONJ(sum) : sum;                             \
    }                                                                          \
  }                                                                            \
  /* d b[col] += value * g[row], laid out as b is. */                          \
  static void spread_##name(const product *p, const void *va, const void *vg,  \
                            void *db) {                                        \
    const T *value = va, *g = vg;                                              \
    for (int64_t k = 0; k < p->n; k++) {                                       \
      T *x = (T *)db + ht_i64(p->at)[2 * k + p->col] * p->step_row;            \
      const T *y = g + ht_i64(p->at)[2 * k + p->row] * p->width;               \
      T v = p->conj_a ? value[k] : CONJ(value[k]);                             \
      for (int64_t j = 0; j < p->width; j++)                                   \
        x[j * p->step_col] += p->conj_b ? CONJ(v * y[j]) : v * y[j];           \
    }                                                                          \
  }

#define ITSELF(v) (v)
AXPY(f, float, ITSELF)
AXPY(d, double, ITSELF)
AXPY(c, float _Complex, conjf)
AXPY(z, double _Complex, conj)

typedef struct kernels {
  void (*multiply)(const product *p, const void *value, const void *b, void *y);
  void (*dots)(const product *p, const void *g, const void *b, void *out);
  void (*spread)(const product *p, const void *value, const void *g, void *db);
} kernels;

static const kernels kernels_of[HT_DTYPES] = {
    [HT_FLOAT] = {multiply_f, dots_f, spread_f},
    [HT_DOUBLE] = {multiply_d, dots_d, spread_d},
    [HT_COMPLEX64] = {multiply_c, dots_c, spread_c},
    [HT_COMPLEX128] = {multiply_z, dots_z, spread_z},
};

static product product_of(const ht_attrs *attrs, const ht_tensor *at,
                          const ht_shape *b) {
  bool adjoint_a = ht_attr_bool(attrs, "adjoint_a");
  bool adjoint_b = ht_attr_bool(attrs, "adjoint_b");
  ht_dtype t = ht_attr_type(attrs, "T");
  bool pairs = t == HT_COMPLEX64 || t == HT_COMPLEX128;
  return (product){.at = at,
                   .row = adjoint_a,
                   .col = !adjoint_a,
                   .n = at->shape.dim[0],
                   .width = b->dim[adjoint_b ? 0 : 1],
                   .step_row = adjoint_b ? 1 : b->dim[1],
                   .step_col = adjoint_b ? b->dim[1] : 1,
                   .conj_a = adjoint_a && pairs,
                   .conj_b = adjoint_b && pairs};
}

/* Runs fn with indices of int64. */
static ht_status with_long_indices(ht_call *c, ht_forward_fn *fn) {
  ht_tensor at;
  const ht_tensor *in[] = {&at, c->in[1], c->in[2], c->in[3]};
  ht_call inner = *c;
  inner.in = in;
  HT_TRY(ht_as_int64(c->run->pool, c->in[0], &at));
  ht_status st = fn(&inner);
  ht_tensor_drop(&at);
  return st;
}

static ht_status matmul_long(ht_call *c) {
  ht_sparse a;
  const kernels *k = &kernels_of[c->in[1]->dtype];
  if (!k->multiply) return ht_no_dtype(c, c->in[1]->dtype);
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &a));
  HT_TRY(ht_need_rank(c, 3, 2));
  HT_TRY(ht_need_dtype(c, 3, c->in[1]->dtype));
  const ht_shape *b = &c->in[3]->shape;
  product p = product_of(c->attrs, c->in[0], b);
  bool adjoint_b = ht_attr_bool(c->attrs, "adjoint_b");
  if (a.rank != 2 || a.shape.dim[p.col] != b->dim[adjoint_b ? 1 : 0])
    return ht_fail(HT_USAGE, "op '%s': the inner dimensions differ",
                   c->op->name);
  ht_shape out = ht_shape_2(a.shape.dim[p.row], p.width);
  HT_TRY(ht_out_zeros(c, 0, c->in[1]->dtype, &out));
  k->multiply(&p, c->in[1]->data, c->in[3]->data, c->out[0].data);
  return HT_SUCCESS;
}

static ht_status dense_matmul(ht_call *c) {
  return with_long_indices(c, matmul_long);
}

static ht_status matmul_gradients(ht_back *b, const ht_tensor *at) {
  const ht_tensor *g = &b->dout[0].dense;
  const kernels *k = &kernels_of[g->dtype];
  product p = product_of(b->attrs, at, &b->in[3].shape);
  ht_tensor d;
  if (ht_wants(b, 1)) {
    HT_TRY(ht_back_new(b, g->dtype, &b->in[1].shape, &d));
    k->dots(&p, g->data, b->in[3].data, d.data);
    HT_TRY(ht_give(b, 1, &d));
  }
  if (!ht_wants(b, 3)) return HT_SUCCESS;
  HT_TRY(ht_back_zeros(b, g->dtype, &b->in[3].shape, &d));
  k->spread(&p, b->in[1].data, g->data, d.data);
  return ht_give(b, 3, &d);
}

static ht_status dense_matmul_back(ht_back *b) {
  ht_tensor at;
  HT_TRY(ht_as_int64(b->run->pool, &b->in[0], &at));
  ht_status st = matmul_gradients(b, &at);
  ht_tensor_drop(&at);
  return st;
}

/* ---- SparseReduceSum, SparseReduceMax */

typedef struct reduction {
  int64_t stride[HT_MAX_RANK]; /* in the output; 0 where it is reduced */
  ht_shape out;
} reduction;

static ht_status reduction_of(const ht_shape *s, const ht_tensor *axes,
                              bool keep, reduction *r) {
  bool reduced[HT_MAX_RANK] = {false};
  *r = (reduction){0};
  for (int64_t i = 0; i < ht_count(axes); i++) {
    int axis;
    HT_TRY(ht_axis_from(ht_int_at(axes, i), s->rank, &axis));
    reduced[axis] = true;
  }
  bool all = ht_count(axes) == 0;
  int64_t stride = 1;
  for (int d = s->rank - 1; d >= 0; d--) {
    if (all || reduced[d]) continue;
    r->stride[d] = stride;
    stride *= s->dim[d];
  }
  for (int d = 0; d < s->rank; d++) {
    bool gone = all || reduced[d];
    if (gone && !keep) continue;
    r->out.dim[r->out.rank++] = gone ? 1 : s->dim[d];
  }
  return HT_SUCCESS;
}

static int64_t target(const reduction *r, const int64_t *at, int rank) {
  int64_t to = 0;
  for (int d = 0; d < rank; d++) to += at[d] * r->stride[d];
  return to;
}

static ht_status reduce(ht_call *c, bool max) {
  ht_sparse s;
  reduction r;
  HT_TRY(ht_need_numbers(c, 1));
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  HT_TRY(reduction_of(&s.shape, c->in[3], ht_attr_bool(c->attrs, "keep_dims"),
                      &r));
  HT_TRY(ht_out_zeros(c, 0, c->in[1]->dtype, &r.out));
  bool *seen = calloc((size_t)ht_count(&c->out[0]) + 1, 1);
  if (!seen) return ht_fail(HT_NO_MEMORY, "no memory for a reduction");
  for (int64_t k = 0; k < s.n; k++) {
    int64_t to = target(&r, s.at + k * s.rank, s.rank);
    ht_wide v = ht_wide_at(s.values, k), old = ht_wide_at(&c->out[0], to);
    if (max) v = seen[to] && creall(old) > creall(v) ? old : v;
    ht_wide_set(&c->out[0], to, max ? v : old + v);
    seen[to] = true;
  }
  free(seen);
  return HT_SUCCESS;
}

static ht_status reduce_sum(ht_call *c) { return reduce(c, false); }
static ht_status reduce_max(ht_call *c) { return reduce(c, true); }

static ht_status reduce_sum_back(ht_back *b) {
  const ht_tensor *g = &b->dout[0].dense;
  ht_shape shape;
  reduction r;
  ht_tensor dv;
  HT_TRY(ht_shape_from(&b->in[2], false, &shape));
  HT_TRY(reduction_of(&shape, &b->in[3], false, &r));
  HT_TRY(ht_back_new(b, g->dtype, &b->in[1].shape, &dv));
  for (int64_t k = 0; k < ht_count(&dv); k++)
    ht_copy_element(&dv, k, g,
                    target(&r, ht_i64(&b->in[0]) + k * shape.rank, shape.rank));
  return ht_give(b, 1, &dv);
}

/* ---- SparseSoftmax: over the entries that share all but the last index */

static int64_t group_end(const int64_t *at, int64_t n, int rank, int64_t k) {
  int64_t end = k + 1;
  while (end < n && memcmp(at + end * rank, at + k * rank,
                           (size_t)(rank - 1) * sizeof *at) == 0)
    end++;
  return end;
}

static ht_status softmax(ht_call *c) {
  ht_sparse s;
  HT_TRY(need_real(c, 1));
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  if (s.rank < 2)
    return ht_fail(HT_USAGE, "op '%s' wants at least two dimensions",
                   c->op->name);
  HT_TRY(ht_out_like(c, 0, 1));
  for (int64_t k = 0, end; k < s.n; k = end) {
    double max = -INFINITY, sum = 0;
    end = group_end(s.at, s.n, s.rank, k);
    for (int64_t i = k; i < end; i++) max = fmax(max, ht_real_at(s.values, i));
    for (int64_t i = k; i < end; i++) sum += exp(ht_real_at(s.values, i) - max);
    for (int64_t i = k; i < end; i++)
      ht_wide_set(&c->out[0], i, exp(ht_real_at(s.values, i) - max) / sum);
  }
  return HT_SUCCESS;
}

static ht_status softmax_back(ht_back *b) {
  const ht_tensor *g = &b->dout[0].dense, *y = &b->out[0];
  int rank = (int)b->in[0].shape.dim[1];
  ht_tensor dv;
  HT_TRY(ht_back_new(b, g->dtype, &g->shape, &dv));
  for (int64_t k = 0, end; k < ht_count(g); k = end) {
    double dot = 0;
    end = group_end(ht_i64(&b->in[0]), ht_count(g), rank, k);
    for (int64_t i = k; i < end; i++)
      dot += ht_real_at(g, i) * ht_real_at(y, i);
    for (int64_t i = k; i < end; i++)
      ht_wide_set(&dv, i, (ht_real_at(g, i) - dot) * ht_real_at(y, i));
  }
  return ht_give(b, 1, &dv);
}

/* ---- SparseAdd: both sides in order, merged; small sums are left out, what
 * one side has alone never is */

static int64_t merge(const ht_sparse *a, const ht_sparse *b, double thresh,
                     ht_tensor *at, ht_tensor *values) {
  int64_t i = 0, j = 0, n = 0;
  while (i < a->n || j < b->n) {
    int order = i == a->n ? 1 : j == b->n ? -1 : ht_sparse_compare(a, i, b, j);
    const int64_t *from =
        order <= 0 ? a->at + i * a->rank : b->at + j * b->rank;
    ht_wide v = order <= 0 ? ht_wide_at(a->values, i) : 0;
    if (order >= 0) v += ht_wide_at(b->values, j);
    i += order <= 0;
    j += order >= 0;
    if (order == 0 && !(thresh <= (double)cabsl(v))) continue;
    if (at) {
      memcpy(ht_i64(at) + n * a->rank, from, (size_t)a->rank * sizeof *from);
      ht_wide_set(values, n, v);
    }
    n++;
  }
  return n;
}

static ht_status sparse_add(ht_call *c) {
  ht_sparse a, b;
  HT_TRY(ht_need_numbers(c, 1));
  HT_TRY(ht_need_dtype(c, 4, c->in[1]->dtype));
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &a));
  HT_TRY(ht_sparse_from(c, 3, 4, 5, &b));
  HT_TRY(ht_need_scalar(c, 6));
  if (!ht_shape_equal(&a.shape, &b.shape))
    return ht_fail(HT_USAGE, "op '%s' wants equal shapes", c->op->name);
  double thresh = ht_real_at(c->in[6], 0);
  int64_t n = merge(&a, &b, thresh, NULL, NULL);
  ht_shape indices = ht_shape_2(n, a.rank), values = ht_shape_1(n);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  HT_TRY(ht_out(c, 1, c->in[1]->dtype, &values));
  merge(&a, &b, thresh, &c->out[0], &c->out[1]);
  return ht_out_shape(c, 2, &a.shape);
}

static ht_status give_side(ht_back *b, int i, const ht_sparse *sum) {
  const ht_tensor *g = &b->dout[1].dense;
  ht_sparse side = {
      .at = ht_i64(&b->in[i]), .n = b->in[i].shape.dim[0], .rank = sum->rank};
  ht_tensor dv;
  HT_TRY(ht_back_zeros(b, g->dtype, &b->in[i + 1].shape, &dv));
  for (int64_t k = 0, j = 0; k < side.n; k++) {
    while (j < sum->n && ht_sparse_compare(sum, j, &side, k) < 0) j++;
    if (j < sum->n && ht_sparse_compare(sum, j, &side, k) == 0)
      ht_copy_element(&dv, k, g, j);
  }
  return ht_give(b, i + 1, &dv);
}

static ht_status sparse_add_back(ht_back *b) {
  if (b->dout[1].dense.dtype == HT_INVALID) return HT_SUCCESS;
  ht_sparse sum = {.at = ht_i64(&b->out[0]),
                   .n = b->out[0].shape.dim[0],
                   .rank = (int)b->out[0].shape.dim[1]};
  HT_TRY(give_side(b, 0, &sum));
  return give_side(b, 3, &sum);
}

/* ---- SparseTensorDenseAdd */

static ht_status add_long(ht_call *c) {
  ht_sparse a;
  HT_TRY(ht_need_numbers(c, 1));
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &a));
  HT_TRY(ht_need_dtype(c, 3, c->in[1]->dtype));
  if (!ht_shape_equal(&a.shape, &c->in[3]->shape))
    return ht_fail(HT_USAGE, "op '%s' wants equal shapes", c->op->name);
  HT_TRY(ht_out_like(c, 0, 3));
  memcpy(c->out[0].data, c->in[3]->data, ht_tensor_bytes(c->in[3]));
  for (int64_t k = 0; k < a.n; k++) {
    int64_t to = flat_of(&a, k);
    ht_wide_set(&c->out[0], to,
                ht_wide_at(&c->out[0], to) + ht_wide_at(a.values, k));
  }
  return HT_SUCCESS;
}

static ht_status dense_add(ht_call *c) {
  return with_long_indices(c, add_long);
}

static ht_status dense_add_back(ht_back *b) {
  const ht_tensor *g = &b->dout[0].dense;
  ht_sparse a = {.rank = g->shape.rank, .shape = g->shape};
  ht_tensor at, dv, whole = ht_tensor_share(g);
  HT_TRY(ht_back_new(b, g->dtype, &b->in[1].shape, &dv));
  HT_TRY(ht_as_int64(b->run->pool, &b->in[0], &at));
  a.at = ht_i64(&at);
  for (int64_t k = 0; k < ht_count(&dv); k++)
    ht_copy_element(&dv, k, g, flat_of(&a, k));
  ht_tensor_drop(&at);
  HT_TRY(ht_give(b, 1, &dv));
  return ht_give(b, 3, &whole);
}

#define FOUR "l[4,2]{0,0,0,2,1,1,2,0}"
#define INTS "i[4,2]{0,0,0,2,1,1,2,0}"
#define A FOUR " f[4] l[2]{3,3} "

const ht_op ht_ops_sparse_math[] = {
    {
        .name = "SparseAdd",
        .inputs = "a_indices:int64 a_values:T a_shape:int64 b_indices:int64 "
                  "b_values:T b_shape:int64 thresh:Treal",
        .outputs = "sum_indices:int64 sum_values:T sum_shape:int64",
        .attrs = "T:type Treal:type",
        .doc = "The sum of two sparse tensors, small sums of two left out.",
        .samples = A
        "l[3,2]{0,0,1,0,2,2} f[3] l[2]{3,3} f[]{0};" A
        "l[2,2]{0,0,1,1} f[2] l[2]{3,3} f[]{0.5};" FOUR
        " d[4] l[2]{3,3} l[0,2] d[0] l[2]{3,3} d[]{0};" FOUR
        " l[4] l[2]{3,3} l[3,2]{0,0,1,0,2,2} l[3] l[2]{3,3} "
        "l[]{2}; " FOUR " i[4] l[2]{3,3} l[3,2]{0,0,1,0,2,2} i[3] l[2]{3,3} "
        "i[]{0}; " FOUR " c[4] l[2]{3,3} l[3,2]{0,0,1,0,2,2} c[3] l[2]{3,3} "
        "f[]{1}",
        .forward = sparse_add,
        .gradient = sparse_add_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(3) | HT_KEEP_OUT(0),
    },
    {
        .name = "SparseReduceMax",
        .inputs = "input_indices:int64 input_values:T input_shape:int64 "
                  "reduction_axes:int32",
        .outputs = "output:T",
        .attrs = "keep_dims:bool=false T:type",
        .doc = "The largest entries along axes, 0 where there is none.",
        .samples = A "i[]{1}; " A "i[1]{0} keep_dims=true; " A "i[2]{0,-1}",
        .forward = reduce_max,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseReduceSum",
        .inputs = "input_indices:int64 input_values:T input_shape:int64 "
                  "reduction_axes:int32",
        .outputs = "output:T",
        .attrs = "keep_dims:bool=false T:type",
        .doc = "The sums of entries along axes.",
        .samples = A "i[]{1}; " A "i[1]{-2} keep_dims=true; " A
                     "i[2]{0,1};" FOUR " d[4] l[2]{3,3} i[1]{0}",
        .forward = reduce_sum,
        .gradient = reduce_sum_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(2) | HT_KEEP_IN(3),
    },
    {
        .name = "SparseSoftmax",
        .inputs = "sp_indices:int64 sp_values:T sp_shape:int64",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "Softmax over the entries of each row.",
        .samples = A "; " FOUR " d[4] l[2]{3,3}; " FOUR
                     " f[4]{1000,1001,-5,0} l[2]{3,3}",
        .forward = softmax,
        .gradient = softmax_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "SparseTensorDenseAdd",
        .inputs = "a_indices:Tindices a_values:T a_shape:Tindices b:T",
        .outputs = "output:T",
        .attrs = "T:type Tindices:type",
        .doc = "A sparse tensor added to a dense one.",
        .samples =
            A "f[3,3]; " FOUR " d[4] l[2]{3,3} d[3,3];" FOUR
              " h[4] l[2]{3,3} h[3,3];" FOUR " g[4] l[2]{3,3} g[3,3];" FOUR
              " i[4] l[2]{3,3} i[3,3];" FOUR " l[4] l[2]{3,3} l[3,3];" FOUR
              " u[4] l[2]{3,3} u[3,3];" FOUR " c[4] l[2]{3,3} c[3,3];" INTS
              " d[4] i[2]{3,3} d[3,3]",
        .forward = dense_add,
        .gradient = dense_add_back,
        .keep = HT_KEEP_IN(0),
    },
    {
        .name = "SparseTensorDenseMatMul",
        .inputs = "a_indices:Tindices a_values:T a_shape:int64 b:T",
        .outputs = "product:T",
        .attrs = "T:type Tindices:type=int64 adjoint_a:bool=false "
                 "adjoint_b:bool=false",
        .doc = "A sparse matrix times a dense one.",
        .samples =
            FOUR " f[4] l[2]{3,4} f[4,2]; " FOUR
                 " d[4] l[2]{3,4} d[3,2] adjoint_a=true; " FOUR
                 " d[4] l[2]{3,4} d[2,4] adjoint_b=true; " FOUR
                 " f[4] l[2]{3,4} f[5,3] adjoint_a=true "
                 "adjoint_b=true; l[0,2] f[0] l[2]{2,3} f[3,2]; " FOUR
                 " h[4] l[2]{3,4} h[4,2]; " FOUR " i[4] l[2]{3,4} i[4,2]; " INTS
                 " d[4] l[2]{3,4} d[4,2]; " FOUR " c[4] l[2]{3,4} c[4,2]; " FOUR
                 " z[4] l[2]{3,4} z[3,2] adjoint_a=true; " INTS
                 " z[4] l[2]{3,4} z[2,4] adjoint_b=true; " FOUR
                 " c[4] l[2]{3,4} c[5,3] adjoint_a=true adjoint_b=true",
        .forward = dense_matmul,
        .gradient = dense_matmul_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(3),
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {0},
};
