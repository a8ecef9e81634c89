/* linalg_steps.c - see linalg_steps.h. */
#include "ops/linalg_steps.h"

#include <math.h>
#include <string.h>

#include "kernels/linalg.h"

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
static double *room_of(const ht_lin_step *s, int i) {
  int64_t side = greater(greater(s->m, s->n), s->k);
  return s->room + i * side * side;
}

/* ---- Cholesky */

ht_status ht_lin_cholesky(const ht_lin_step *s) {
  memcpy(s->out[0], s->in[0], (size_t)(s->n * s->n) * sizeof(double));
  if (ht_mat_cholesky(s->n, s->out[0])) return HT_SUCCESS;
  return no_factors("is not positive definite");
}

/* L, dL */
ht_status ht_lin_cholesky_back(const ht_lin_step *s) {
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

ht_status ht_lin_inverse(const ht_lin_step *s) {
  int64_t n = s->n;
  double *a = room_of(s, 0), *eye = room_of(s, 1);
  memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
  identity(n, eye);
  if (ht_mat_solve(n, n, a, s->adjoint, eye, s->out[0])) return HT_SUCCESS;
  return no_factors(SINGULAR);
}

/* B = A^-1, dB */
ht_status ht_lin_inverse_back(const ht_lin_step *s) {
  int64_t n = s->n;
  double *mid = room_of(s, 0);
  bool a = s->adjoint;
  ht_mat_multiply(n, n, n, s->in[1], a, s->in[0], !a, mid);
  ht_mat_multiply(n, n, n, s->in[0], !a, mid, false, s->out[0]);
  scale(n * n, -1, s->out[0]);
  return HT_SUCCESS;
}

ht_status ht_lin_log_det(const ht_lin_step *s) {
  double *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (ht_mat_log_det(s->n, a, s->out[0], s->out[1])) return HT_SUCCESS;
  return no_factors("cannot be factored");
}

ht_status ht_lin_det(const ht_lin_step *s) {
  double sign, log_abs, *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (!ht_mat_log_det(s->n, a, &sign, &log_abs))
    return no_factors("cannot be factored");
  s->out[0][0] = sign == 0 ? 0 : sign * exp(log_abs);
  return HT_SUCCESS;
}

/* A, d log |A| (flag: det A, and d det A) */
ht_status ht_lin_det_back(const ht_lin_step *s) {
  int64_t n = s->n;
  double *a = room_of(s, 0), *eye = room_of(s, 1);
  memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
  identity(n, eye);
  if (!ht_mat_solve(n, n, a, true, eye, s->out[0])) return no_factors(SINGULAR);
  scale(n * n, s->flag ? s->in[1][0] * s->in[2][0] : s->in[1][0], s->out[0]);
  return HT_SUCCESS;
}

/* ---- solving */

ht_status ht_lin_solve(const ht_lin_step *s) {
  double *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (ht_mat_solve(s->n, s->k, a, s->adjoint, s->in[1], s->out[0]))
    return HT_SUCCESS;
  return no_factors(SINGULAR);
}

/* The gradient of A from that of b and x. */
static void give_matrix(const ht_lin_step *s, const double *db, const double *x,
                        double *da) {
  if (s->adjoint)
    ht_mat_multiply(s->n, s->n, s->k, x, false, db, true, da);
  else
    ht_mat_multiply(s->n, s->n, s->k, db, false, x, true, da);
  scale(s->n * s->n, -1, da);
}

/* A, x, dx: gradients of A and b */
ht_status ht_lin_solve_back(const ht_lin_step *s) {
  double *a = room_of(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (!ht_mat_solve(s->n, s->k, a, !s->adjoint, s->in[2], s->out[1]))
    return no_factors(SINGULAR);
  give_matrix(s, s->out[1], s->in[1], s->out[0]);
  return HT_SUCCESS;
}

ht_status ht_lin_triangular(const ht_lin_step *s) {
  if (ht_mat_triangular(s->n, s->k, s->in[0], s->lower, s->adjoint, s->in[1],
                        s->out[0]))
    return HT_SUCCESS;
  return no_factors(SINGULAR);
}

ht_status ht_lin_triangular_back(const ht_lin_step *s) {
  if (!ht_mat_triangular(s->n, s->k, s->in[0], s->lower, !s->adjoint, s->in[2],
                         s->out[1]))
    return no_factors(SINGULAR);
  give_matrix(s, s->out[1], s->in[1], s->out[0]);
  keep_triangle(s->n, s->lower, s->out[0]);
  return HT_SUCCESS;
}

/* ---- eigenvalues of symmetric matrices */

ht_status ht_lin_eigen(const ht_lin_step *s) {
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
ht_status ht_lin_eigen_back(const ht_lin_step *s) {
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

ht_status ht_lin_qr(const ht_lin_step *s) {
  int64_t cols = s->flag ? s->m : lesser(s->m, s->n);
  if (ht_mat_qr(s->m, s->n, cols, s->in[0], s->out[0], s->out[1]))
    return HT_SUCCESS;
  return no_factors("cannot be factored");
}

/* x [rows,n] = x R^-T, by way of the transpose. */
static bool divide_by_r(const ht_lin_step *s, int64_t rows, double *x) {
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
ht_status ht_lin_qr_back(const ht_lin_step *s) {
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

ht_status ht_lin_svd(const ht_lin_step *s) {
  double *u = s->adjoint ? s->out[1] : NULL, *v = u ? s->out[2] : NULL;
  if (ht_mat_svd(s->m, s->n, s->flag, s->in[0], s->out[0], u, v))
    return HT_SUCCESS;
  return no_factors("has no singular values that could be found");
}

/* A, ds: of the values alone */
ht_status ht_lin_svd_back(const ht_lin_step *s) {
  int64_t m = s->m, n = s->n, p = lesser(m, n);
  double *values = room_of(s, 0), *u = room_of(s, 1), *v = room_of(s, 2);
  if (!ht_mat_svd(m, n, false, s->in[0], values, u, v))
    return no_factors("has no singular values that could be found");
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < p; j++) u[i * p + j] *= s->in[1][j];
  ht_mat_multiply(m, n, p, u, false, v, true, s->out[0]);
  return HT_SUCCESS;
}
