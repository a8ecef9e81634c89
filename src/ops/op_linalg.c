/*
 * op_linalg.c - factors of matrices and what is made of them. Every op and
 * every gradient is a step on one matrix in double, run for each of a batch;
 * gradients follow TensorFlow's (python/ops/linalg_grad.py; the formulas:
 * Giles, "Collected matrix derivative results for forward and reverse mode
 * algorithmic differentiation", 2008).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cast.h"
#include "kernels/linalg.h"
#include "ops/op.h"

enum { OPERANDS = 6 };

/* One matrix of a batch. */
typedef struct step {
  int64_t m, n, k; /* of the matrix [m,n]; columns of a right-hand side */
  bool adjoint, lower, flag;
  double *in[OPERANDS], *out[OPERANDS];
  double *room; /* 8 times the greater of m and n, squared, and k as much */
} step;
typedef ht_status step_fn(const step *s);

static ht_status no_factors(const char *what) {
  return ht_fail(HT_USAGE, "a matrix %s", what);
}
#define SINGULAR "is singular"

/* ---- small things */

static void scale(int64_t n, double by, double *x) {
  for (int64_t i = 0; i < n; i++) x[i] *= by;
}

static void identity(int64_t n, double *x) {
  memset(x, 0, (size_t)(n * n) * sizeof *x);
  for (int64_t i = 0; i < n; i++) x[i * n + i] = 1;
}

/* Keeps one triangle (with the diagonal). */
static void keep_triangle(int64_t n, bool lower, double *x) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      if (lower ? j > i : j < i) x[i * n + j] = 0;
}

static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

/* The part of the scratch memory that matrix i may use. */
static double *room_of(const step *s, int i) {
  int64_t side = greater(greater(s->m, s->n), s->k);
  return s->room + i * side * side;
}

/* ---- Cholesky */

static ht_status cholesky(const step *s) {
  memcpy(s->out[0], s->in[0], (size_t)(s->n * s->n) * sizeof(double));
  if (ht_mat_cholesky(s->n, s->out[0])) return HT_SUCCESS;
  return no_factors("is not positive definite");
}

/* L, dL */
static ht_status cholesky_back(const step *s) {
  int64_t n = s->n;
  double *eye = room_of(s, 0), *inverse = room_of(s, 1), *mid = room_of(s, 2);
  double *left = room_of(s, 3), *g = s->out[0];
  identity(n, eye);
  if (!ht_mat_triangular(n, n, s->in[0], true, false, eye, inverse))
    return no_factors(SINGULAR);
  ht_mat_multiply(n, n, n, s->in[0], true, s->in[1], false, mid);
  for (int64_t i = 0; i < n; i++) mid[i * n + i] *= 0.5;
  keep_triangle(n, true, mid);
  ht_mat_multiply(n, n, n, inverse, true, mid, false, left);
  ht_mat_multiply(n, n, n, left, false, inverse, false, mid);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      g[i * n + j] = 0.5 * (mid[i * n + j] + mid[j * n + i]);
  return HT_SUCCESS;
}

/* ---- inverses and determinants */

static ht_status inverse(const step *s) {
  int64_t n = s->n;
  double *a = room_of(s, 0), *eye = room_of(s, 1);
  memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
  identity(n, eye);
  if (ht_mat_solve(n, n, a, s->adjoint, eye, s->out[0])) return HT_SUCCESS;
  return no_factors(SINGULAR);
}

/* B = A^-1, dB */
static ht_status inverse_back(const step *s) {
  int64_t n = s->n;
  double *mid = room_of(s, 0);
  bool a = s->adjoint;
  ht_mat_multiply(n, n, n, s->in[1], a, s->in[0], !a, mid);
  ht_mat_multiply(n, n, n, s->in[0], !a, mid, false, s->out[0]);
  scale(n * n, -1, s->out[0]);
  return HT_SUCCESS;
}

static ht_status log_det(const step *s) {
  double *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (ht_mat_log_det(s->n, a, s->out[0], s->out[1])) return HT_SUCCESS;
  return no_factors("cannot be factored");
}

static ht_status det(const step *s) {
  double sign, log_abs, *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (!ht_mat_log_det(s->n, a, &sign, &log_abs))
    return no_factors("cannot be factored");
  s->out[0][0] = sign == 0 ? 0 : sign * exp(log_abs);
  return HT_SUCCESS;
}

/* A, d log |A| (flag: det A, and d det A) */
static ht_status det_back(const step *s) {
  int64_t n = s->n;
  double *a = room_of(s, 0), *eye = room_of(s, 1);
  memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
  identity(n, eye);
  if (!ht_mat_solve(n, n, a, true, eye, s->out[0])) return no_factors(SINGULAR);
  scale(n * n, s->flag ? s->in[1][0] * s->in[2][0] : s->in[1][0], s->out[0]);
  return HT_SUCCESS;
}

/* ---- solving */

static ht_status solve(const step *s) {
  double *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (ht_mat_solve(s->n, s->k, a, s->adjoint, s->in[1], s->out[0]))
    return HT_SUCCESS;
  return no_factors(SINGULAR);
}

/* The gradient of A from that of b and x. */
static void give_matrix(const step *s, const double *db, const double *x,
                        double *da) {
  if (s->adjoint)
    ht_mat_multiply(s->n, s->n, s->k, x, false, db, true, da);
  else
    ht_mat_multiply(s->n, s->n, s->k, db, false, x, true, da);
  scale(s->n * s->n, -1, da);
}

/* A, x, dx: gradients of A and b */
static ht_status solve_back(const step *s) {
  double *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (!ht_mat_solve(s->n, s->k, a, !s->adjoint, s->in[2], s->out[1]))
    return no_factors(SINGULAR);
  give_matrix(s, s->out[1], s->in[1], s->out[0]);
  return HT_SUCCESS;
}

static ht_status triangular(const step *s) {
  if (ht_mat_triangular(s->n, s->k, s->in[0], s->lower, s->adjoint, s->in[1],
                        s->out[0]))
    return HT_SUCCESS;
  return no_factors(SINGULAR);
}

static ht_status triangular_back(const step *s) {
  if (!ht_mat_triangular(s->n, s->k, s->in[0], s->lower, !s->adjoint, s->in[2],
                         s->out[1]))
    return no_factors(SINGULAR);
  give_matrix(s, s->out[1], s->in[1], s->out[0]);
  keep_triangle(s->n, s->lower, s->out[0]);
  return HT_SUCCESS;
}

/* ---- eigenvalues of symmetric matrices */

static ht_status eigen(const step *s) {
  double *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (ht_mat_eigen(s->n, a, s->out[0], s->flag ? s->out[1] : NULL))
    return HT_SUCCESS;
  return no_factors("has no eigenvalues that could be found");
}

/* The input counts by its lower triangle alone. */
static void fold_lower(int64_t n, double *g) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      g[i * n + j] += g[j * n + i];
      g[j * n + i] = 0;
    }
}

/* A, e, v, de, dv (flag: there are vectors) */
static ht_status eigen_back(const step *s) {
  int64_t n = s->n;
  double *mid = room_of(s, 0), *left = room_of(s, 1), *v = room_of(s, 2);
  double *a = room_of(s, 3), *e = room_of(s, 4);
  memset(mid, 0, (size_t)(n * n) * sizeof *mid);
  if (s->flag) {
    memcpy(v, s->in[2], (size_t)(n * n) * sizeof *v);
    memcpy(e, s->in[1], (size_t)n * sizeof *e);
    ht_mat_multiply(n, n, n, v, true, s->in[4], false, mid);
  } else {
    memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
    if (!ht_mat_eigen(n, a, e, v))
      return no_factors("has no eigenvalues that could be found");
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      double gap = e[j] - e[i];
      mid[i * n + j] *= i == j ? 0 : gap / (gap * gap + 1e-20);
      if (i == j) mid[i * n + j] = s->in[3][i];
    }
  ht_mat_multiply(n, n, n, v, false, mid, false, left);
  ht_mat_multiply(n, n, n, left, false, v, true, s->out[0]);
  fold_lower(n, s->out[0]);
  return HT_SUCCESS;
}

/* ---- QR (flag: full) */

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

static ht_status qr(const step *s) {
  int64_t cols = s->flag ? s->m : lesser(s->m, s->n);
  if (ht_mat_qr(s->m, s->n, cols, s->in[0], s->out[0], s->out[1]))
    return HT_SUCCESS;
  return no_factors("cannot be factored");
}

/* x [rows,n] = x R^-T, by way of the transpose. */
static bool divide_by_r(const step *s, int64_t rows, double *x) {
  int64_t n = s->n;
  double *turned = room_of(s, 6), *solved = room_of(s, 7);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < n; j++) turned[j * rows + i] = x[i * n + j];
  if (!ht_mat_triangular(n, rows, s->in[1], false, false, turned, solved))
    return false;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < n; j++) x[i * n + j] = solved[j * rows + i];
  return true;
}

/* q [m,n], r [n,n], dq, dr */
static ht_status qr_back(const step *s) {
  int64_t m = s->m, n = s->n;
  const double *q = s->in[0], *r = s->in[1], *dq = s->in[2], *dr = s->in[3];
  double *qdq = room_of(s, 0), *rdr = room_of(s, 1), *low = room_of(s, 2);
  double *rest = room_of(s, 3), *g = s->out[0];
  ht_mat_multiply(n, n, m, q, true, dq, false, qdq);
  ht_mat_multiply(n, n, n, r, false, dr, true, rdr);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      low[i * n + j] = j > i ? 0
                             : qdq[i * n + j] - qdq[j * n + i] +
                                   rdr[i * n + j] - rdr[j * n + i];
  if (!divide_by_r(s, n, low)) return no_factors(SINGULAR);
  for (int64_t i = 0; i < n * n; i++) low[i] += dr[i];
  ht_mat_multiply(m, n, n, q, false, low, false, g);
  ht_mat_multiply(m, n, n, q, false, qdq, false, rest);
  for (int64_t i = 0; i < m * n; i++) rest[i] = dq[i] - rest[i];
  if (!divide_by_r(s, m, rest)) return no_factors(SINGULAR);
  for (int64_t i = 0; i < m * n; i++) g[i] += rest[i];
  return HT_SUCCESS;
}

/* ---- singular values (adjoint: with vectors; flag: full) */

static ht_status svd(const step *s) {
  double *u = s->adjoint ? s->out[1] : NULL, *v = u ? s->out[2] : NULL;
  if (ht_mat_svd(s->m, s->n, s->flag, s->in[0], s->out[0], u, v))
    return HT_SUCCESS;
  return no_factors("has no singular values that could be found");
}

/* A, ds: of the values alone */
static ht_status svd_back(const step *s) {
  int64_t m = s->m, n = s->n, p = lesser(m, n);
  double *values = room_of(s, 0), *u = room_of(s, 1), *v = room_of(s, 2);
  if (!ht_mat_svd(m, n, false, s->in[0], values, u, v))
    return no_factors("has no singular values that could be found");
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < p; j++) u[i * p + j] *= s->in[1][j];
  ht_mat_multiply(m, n, p, u, false, v, true, s->out[0]);
  return HT_SUCCESS;
}

/* ---- batches */

typedef struct batch {
  step s;
  step_fn *fn;
  int64_t items;
  int n_in, n_out;
  const ht_tensor *in[OPERANDS];
  ht_tensor *out[OPERANDS];
  ht_tensor wide_in[OPERANDS], wide_out[OPERANDS];
} batch;

static ht_status run_items(batch *b, double *room) {
  for (int64_t i = 0; i < b->items; i++) {
    step s = b->s;
    s.room = room;
    for (int k = 0; k < b->n_in; k++)
      if (b->in[k])
        s.in[k] = HT_DATA(double, &b->wide_in[k]) +
                  i * (ht_count(b->in[k]) / b->items);
    for (int k = 0; k < b->n_out; k++)
      s.out[k] = HT_DATA(double, &b->wide_out[k]) +
                 i * (ht_count(b->out[k]) / b->items);
    HT_TRY(b->fn(&s));
  }
  return HT_SUCCESS;
}

static ht_status run_wide(ht_pool *pool, batch *b) {
  int64_t side = greater(greater(b->s.m, b->s.n), b->s.k);
  for (int k = 0; k < b->n_in; k++) {
    if (!b->in[k]) continue;
    HT_TRY(ht_tensor_new(pool, HT_DOUBLE, &b->in[k]->shape, &b->wide_in[k]));
    ht_cast_run(b->in[k], false, &b->wide_in[k]);
  }
  for (int k = 0; k < b->n_out; k++)
    HT_TRY(
        ht_tensor_zeros(pool, HT_DOUBLE, &b->out[k]->shape, &b->wide_out[k]));
  if (side > 1 << 20) return ht_fail(HT_NO_MEMORY, "no memory for a matrix");
  double *room = calloc((size_t)(8 * side * side) + 1, sizeof *room);
  if (!room) return ht_fail(HT_NO_MEMORY, "no memory for a matrix");
  ht_status st = b->items ? run_items(b, room) : HT_SUCCESS;
  free(room);
  for (int k = 0; k < b->n_out && st.code == HT_OK; k++)
    ht_cast_run(&b->wide_out[k], false, b->out[k]);
  return st;
}

static ht_status run_batch(ht_pool *pool, batch *b) {
  ht_status st = run_wide(pool, b);
  for (int k = 0; k < OPERANDS; k++) {
    ht_tensor_drop(&b->wide_in[k]);
    ht_tensor_drop(&b->wide_out[k]);
  }
  return st;
}

/* A batch of matrices of shape x. */
static batch batch_of(const ht_shape *x, step_fn *fn) {
  batch b = {.fn = fn, .items = 1};
  b.s.m = x->dim[x->rank - 2];
  b.s.n = x->dim[x->rank - 1];
  for (int i = 0; i < x->rank - 2; i++) b.items *= x->dim[i];
  return b;
}

static void reads(batch *b, const ht_tensor *t) { b->in[b->n_in++] = t; }
static void writes(batch *b, ht_tensor *t) { b->out[b->n_out++] = t; }

/* ---- forward */

static ht_status check(const ht_call *c, bool square) {
  const ht_tensor *x = c->in[0];
  if (x->dtype != HT_FLOAT && x->dtype != HT_DOUBLE)
    return ht_no_dtype(c, x->dtype);
  HT_TRY(ht_need_min_rank(c, 0, 2));
  if (square &&
      x->shape.dim[x->shape.rank - 1] != x->shape.dim[x->shape.rank - 2])
    return ht_fail(HT_USAGE, "op '%s' wants square matrices", c->op->name);
  return HT_SUCCESS;
}

static ht_shape tail(const ht_shape *x, int n, int64_t a, int64_t b) {
  ht_shape s = *x;
  s.rank = x->rank - 2 + n;
  if (n > 0) s.dim[s.rank - n] = a;
  if (n > 1) s.dim[s.rank - 1] = b;

  return s;
}

static ht_status same_shape_out(ht_call *c, step_fn *fn) {
  HT_TRY(check(c, true));
  batch b = batch_of(&c->in[0]->shape, fn);
  b.s.adjoint = ht_attr_bool(c->attrs, "adjoint");
  HT_TRY(ht_out_like(c, 0, 0));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  return run_batch(c->run->pool, &b);
}

static ht_status cholesky_forward(ht_call *c) {
  return same_shape_out(c, cholesky);
}
static ht_status inverse_forward(ht_call *c) {
  return same_shape_out(c, inverse);
}

/* One or two numbers of each matrix. */
static ht_status det_out(ht_call *c, step_fn *fn) {
  HT_TRY(check(c, true));
  batch b = batch_of(&c->in[0]->shape, fn);
  ht_shape s = tail(&c->in[0]->shape, 0, 0, 0);
  reads(&b, c->in[0]);
  for (int i = 0; i < c->n_out; i++) {
    HT_TRY(ht_out(c, i, c->in[0]->dtype, &s));
    writes(&b, &c->out[i]);
  }
  return run_batch(c->run->pool, &b);
}

static ht_status det_forward(ht_call *c) { return det_out(c, det); }
static ht_status log_det_forward(ht_call *c) { return det_out(c, log_det); }

static ht_status solve_out(ht_call *c, step_fn *fn) {
  const ht_shape *x = &c->in[0]->shape, *y = &c->in[1]->shape;
  HT_TRY(check(c, true));
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  HT_TRY(ht_need_min_rank(c, 1, 2));
  batch b = batch_of(x, fn);
  ht_shape lead = tail(x, 0, 0, 0), other = tail(y, 0, 0, 0);
  if (!ht_shape_equal(&lead, &other) || y->dim[y->rank - 2] != b.s.n)
    return ht_fail(HT_USAGE, "op '%s': matrix and right side do not agree",
                   c->op->name);
  b.s.k = y->dim[y->rank - 1];
  b.s.adjoint = ht_attr_bool(c->attrs, "adjoint");
  b.s.lower = ht_attr_bool(c->attrs, "lower");
  HT_TRY(ht_out_like(c, 0, 1));
  reads(&b, c->in[0]);
  reads(&b, c->in[1]);
  writes(&b, &c->out[0]);
  return run_batch(c->run->pool, &b);
}

static ht_status solve_forward(ht_call *c) { return solve_out(c, solve); }
static ht_status triangular_forward(ht_call *c) {
  return solve_out(c, triangular);
}

static ht_status eigen_forward(ht_call *c) {
  HT_TRY(check(c, true));
  batch b = batch_of(&c->in[0]->shape, eigen);
  ht_shape e = tail(&c->in[0]->shape, 1, b.s.n, 0), none = ht_shape_1(0);
  b.s.flag = ht_attr_bool(c->attrs, "compute_v");
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &e));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, b.s.flag ? &c->in[0]->shape : &none));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  if (b.s.flag) writes(&b, &c->out[1]);
  return run_batch(c->run->pool, &b);
}

static ht_status qr_forward(ht_call *c) {
  HT_TRY(check(c, false));
  batch b = batch_of(&c->in[0]->shape, qr);
  b.s.flag = ht_attr_bool(c->attrs, "full_matrices");
  int64_t cols = b.s.flag ? b.s.m : lesser(b.s.m, b.s.n);
  ht_shape q = tail(&c->in[0]->shape, 2, b.s.m, cols);
  ht_shape r = tail(&c->in[0]->shape, 2, cols, b.s.n);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &q));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, &r));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  writes(&b, &c->out[1]);
  return run_batch(c->run->pool, &b);
}

static ht_status svd_forward(ht_call *c) {
  HT_TRY(check(c, false));
  const ht_shape *x = &c->in[0]->shape;
  batch b = batch_of(x, svd);
  int64_t p = lesser(b.s.m, b.s.n);
  b.s.adjoint = ht_attr_bool(c->attrs, "compute_uv");
  b.s.flag = ht_attr_bool(c->attrs, "full_matrices");
  ht_shape s = tail(x, 1, p, 0), none = ht_shape_1(0);
  ht_shape u = tail(x, 2, b.s.m, b.s.flag ? b.s.m : p);
  ht_shape v = tail(x, 2, b.s.n, b.s.flag ? b.s.n : p);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, b.s.adjoint ? &u : &none));
  HT_TRY(ht_out(c, 2, c->in[0]->dtype, b.s.adjoint ? &v : &none));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  if (b.s.adjoint) writes(&b, &c->out[1]);
  if (b.s.adjoint) writes(&b, &c->out[2]);
  return run_batch(c->run->pool, &b);
}

/* ---- backward */

/* Runs a gradient of input 0 and gives it. */
static ht_status give_first(ht_back *b, batch *w) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  writes(w, &g);
  ht_status st = run_batch(b->run->pool, w);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

/* The cotangent of output i, or zeros where none arrives. */
static ht_status arrived(ht_back *b, int i, ht_tensor *out) {
  if (b->dout[i].dense.dtype) {
    *out = ht_tensor_share(&b->dout[i].dense);
    return HT_SUCCESS;
  }
  return ht_back_zeros(b, b->out[i].dtype, &b->out[i].shape, out);
}

static ht_status from_output(ht_back *b, step_fn *fn) {
  batch w = batch_of(&b->in[0].shape, fn);
  w.s.adjoint = ht_attr_bool(b->attrs, "adjoint");
  reads(&w, &b->out[0]);
  reads(&w, &b->dout[0].dense);
  return give_first(b, &w);
}

static ht_status cholesky_gradient(ht_back *b) {
  return from_output(b, cholesky_back);
}
static ht_status inverse_gradient(ht_back *b) {
  return from_output(b, inverse_back);
}

static ht_status det_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, det_back);
  w.s.flag = true;
  reads(&w, &b->in[0]);
  reads(&w, &b->out[0]);
  reads(&w, &b->dout[0].dense);
  return give_first(b, &w);
}

/* The sign has no slope. */
static ht_status log_det_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, det_back);
  if (!b->dout[1].dense.dtype) return HT_SUCCESS;
  reads(&w, &b->in[0]);
  reads(&w, &b->dout[1].dense);
  return give_first(b, &w);
}

static ht_status solve_gradients(ht_back *b, step_fn *fn) {
  batch w = batch_of(&b->in[0].shape, fn);
  ht_tensor da = {0}, db = {0};
  w.s.k = b->in[1].shape.dim[b->in[1].shape.rank - 1];
  w.s.adjoint = ht_attr_bool(b->attrs, "adjoint");
  w.s.lower = ht_attr_bool(b->attrs, "lower");
  reads(&w, &b->in[0]);
  reads(&w, &b->out[0]);
  reads(&w, &b->dout[0].dense);
  ht_status st = ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &da);
  if (st.code == HT_OK)
    st = ht_back_new(b, b->in[1].dtype, &b->in[1].shape, &db);
  writes(&w, &da);
  writes(&w, &db);
  if (st.code == HT_OK) st = run_batch(b->run->pool, &w);
  if (st.code == HT_OK) st = ht_give(b, 0, &da);
  if (st.code == HT_OK) st = ht_give(b, 1, &db);
  ht_tensor_drop(&da);
  ht_tensor_drop(&db);
  return st;
}

static ht_status solve_gradient(ht_back *b) {
  return solve_gradients(b, solve_back);
}
static ht_status triangular_gradient(ht_back *b) {
  return solve_gradients(b, triangular_back);
}

static ht_status eigen_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, eigen_back);
  ht_tensor de, dv = {0};
  w.s.flag = ht_attr_bool(b->attrs, "compute_v");
  HT_TRY(arrived(b, 0, &de));
  ht_status st = w.s.flag ? arrived(b, 1, &dv) : HT_SUCCESS;
  if (st.code == HT_OK) {
    reads(&w, &b->in[0]);
    reads(&w, &b->out[0]);
    reads(&w, w.s.flag ? &b->out[1] : NULL);
    reads(&w, &de);
    reads(&w, w.s.flag ? &dv : NULL);
    st = give_first(b, &w);
  }
  ht_tensor_drop(&de);
  ht_tensor_drop(&dv);
  return st;
}

static ht_status qr_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, qr_back);
  ht_tensor dq, dr;
  if (w.s.m < w.s.n ||
      (w.s.m > w.s.n && ht_attr_bool(b->attrs, "full_matrices")))
    return ht_fail(HT_UNSUPPORTED,
                   "op 'Qr' has no gradient for wide matrices "
                   "or full factors");
  HT_TRY(arrived(b, 0, &dq));
  ht_status st = arrived(b, 1, &dr);
  if (st.code == HT_OK) {
    reads(&w, &b->out[0]);
    reads(&w, &b->out[1]);
    reads(&w, &dq);
    reads(&w, &dr);
    st = give_first(b, &w);
    ht_tensor_drop(&dr);
  }
  ht_tensor_drop(&dq);
  return st;
}

static ht_status svd_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, svd_back);
  if (b->dout[1].dense.dtype || b->dout[2].dense.dtype)
    if (ht_attr_bool(b->attrs, "compute_uv"))
      return ht_fail(HT_UNSUPPORTED,
                     "op 'Svd' has a gradient of the values alone");
  if (!b->dout[0].dense.dtype) return HT_SUCCESS;
  reads(&w, &b->in[0]);
  reads(&w, &b->dout[0].dense);
  return give_first(b, &w);
}

#define SPD                                                              \
  "f[3,3]{4,1,0.5,1,3,0.25,0.5,0.25,2}; d[2,2,2]{2,0.5,0.5,1,5,9,-1,3};" \
  "f[1,1]{4}; f[0,0]; f[0,3,3]"
#define SQUARE                                                           \
  "f[3,3]; d[2,4,4]; f[2,1,2,2]{1,2,3,4,0,1,1,0}; f[1,1]{-2}; f[0,3,3];" \
  "d[3,3]{1e-3,0,2e-3,0,5e3,1,4,0,1}"
#define EACH(title, ins, outs, attributes, text, cases, fwd, back, kept) \
  {                                                                      \
    .name = title, .inputs = ins, .outputs = outs, .attrs = attributes,  \
    .doc = text, .samples = cases, .forward = fwd, .gradient = back,     \
    .keep = kept, .flags = HT_OP_IN_FLOAT                                \
  }

/* Vectors are known up to their sign, which libraries choose differently:
 * only values are compared (!outputs=1), and no gradient of vectors. */
const ht_op ht_ops_linalg[] = {
    EACH("Cholesky", "input:T", "output:T", "T:type",
         "The lower factor of positive definite matrices.", SPD,
         cholesky_forward, cholesky_gradient, HT_KEEP_OUT(0)),
    EACH("MatrixInverse", "input:T", "output:T", "adjoint:bool=false T:type",
         "The inverse of matrices.",
         SQUARE "; d[3,3] adjoint=true; f[2,2,2] adjoint=true", inverse_forward,
         inverse_gradient, HT_KEEP_OUT(0)),
    EACH("MatrixDeterminant", "input:T", "output:T", "T:type",
         "The determinant of matrices.", SQUARE "; d[0,0] !grad=0", det_forward,
         det_gradient, HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("LogMatrixDeterminant", "input:T", "sign:T log_abs_determinant:T",
         "T:type", "Sign and logarithm of the determinant of matrices.", SQUARE,
         log_det_forward, log_det_gradient, HT_KEEP_IN(0)),
    EACH("MatrixSolve", "matrix:T rhs:T", "output:T",
         "adjoint:bool=false T:type", "Solves systems of linear equations.",
         "f[3,3] f[3,2]; d[2,4,4] d[2,4,1]; d[3,3] d[3,2] adjoint=true;"
         "f[2,2] f[2,0] !grad=0; f[0,2,2] f[0,2,1]",
         solve_forward, solve_gradient, HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("MatrixTriangularSolve", "matrix:T rhs:T", "output:T",
         "lower:bool=true adjoint:bool=false T:type",
         "Solves systems of linear equations of triangular matrices.",
         "f[3,3](1,2) f[3,2]; d[2,4,4](1,2) d[2,4,1] lower=false;"
         "d[3,3](1,2) d[3,2] adjoint=true; f[3,3](1,2) f[3,2] lower=false "
         "adjoint=true; f[1,1]{2} f[1,3]",
         triangular_forward, triangular_gradient,
         HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("SelfAdjointEigV2", "input:T", "e:T v:T", "compute_v:bool=true T:type",
         "Eigenvalues and vectors of symmetric matrices.",
         "f[3,3]{4,1,0.5,1,3,0.25,0.5,0.25,2} compute_v=false !outputs=1;"
         "d[2,4,4] compute_v=false !outputs=1; f[3,3] !outputs=1 !grad=0;"
         "d[2,3,3] !outputs=1 !grad=0 !differences=1; f[1,1]{-3} compute_v=false !outputs=1",
         eigen_forward, eigen_gradient,
         HT_KEEP_IN(0) | HT_KEEP_OUT(0) | HT_KEEP_OUT(1)),
    EACH("Qr", "input:T", "q:T r:T", "full_matrices:bool=false T:type",
         "Orthogonal and triangular factors of matrices.",
         "f[3,3]; d[2,4,3]; d[5,2]; f[2,4] !grad=0;"
         "f[4,2] full_matrices=true !grad=0; d[3,3] full_matrices=true",
         qr_forward, qr_gradient, HT_KEEP_OUT(0) | HT_KEEP_OUT(1)),
    EACH("Svd", "input:T", "s:T u:T v:T",
         "compute_uv:bool=true full_matrices:bool=false T:type",
         "Singular values and vectors of matrices.",
         "f[3,3] compute_uv=false !outputs=1; d[2,4,3] compute_uv=false !outputs=1;"
         "d[2,5] compute_uv=false !outputs=1; f[3,2] !outputs=1 !grad=0;"
         "d[2,3] full_matrices=true !outputs=1 !grad=0",
         svd_forward, svd_gradient, HT_KEEP_IN(0)),
    {0},
};
