/* linalg_steps.c - factors that are unique, see linalg_steps.h. */
#ifndef NUMBER
#include "ops/linalg_steps.h"

#include <math.h>
#include <string.h>

static ht_status no_factors(const char *what) {
  return ht_fail(HT_USAGE, "a matrix %s", what);
}
#define SINGULAR "is singular"

#define EACH "ops/linalg_steps.c"
#include "kernels/linalg_each.h"

#define RULE(name) const ht_lin_rule ht_lin_##name = {name##_d, name##_z}
RULE(cholesky);
RULE(cholesky_back);
RULE(inverse);
RULE(inverse_back);
RULE(log_det);
RULE(det);
RULE(det_back);
RULE(solve);
RULE(solve_back);
RULE(triangular);
RULE(triangular_back);

#else

/* ---- small things */

static void NAME(scale)(int64_t n, NUMBER by, NUMBER *x) {
  for (int64_t i = 0; i < n; i++) x[i] *= by;
}

static void NAME(identity)(int64_t n, NUMBER *x) {
  memset(x, 0, (size_t)(n * n) * sizeof *x);
  for (int64_t i = 0; i < n; i++) x[i * n + i] = 1;
}

/* Keeps one triangle (with the diagonal). */
static void NAME(keep_triangle)(int64_t n, bool lower, NUMBER *x) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      if (lower ? j > i : j < i) x[i * n + j] = 0;
}

/* ---- Cholesky */

static ht_status NAME(cholesky)(const ht_lin_step *s) {
  memcpy(s->out[0], s->in[0], (size_t)(s->n * s->n) * sizeof(NUMBER));
  if (MAT(cholesky)(s->n, s->out[0])) return HT_SUCCESS;
  return no_factors("is not positive definite");
}

/* L, dL */
static ht_status NAME(cholesky_back)(const ht_lin_step *s) {
  int64_t n = s->n;
  NUMBER *eye = ht_lin_room(s, 0), *inverse = ht_lin_room(s, 1);
  NUMBER *mid = ht_lin_room(s, 2), *left = ht_lin_room(s, 3), *g = s->out[0];
  NAME(identity)(n, eye);
  if (!MAT(triangular)(n, n, s->in[0], true, false, eye, inverse))
    return no_factors(SINGULAR);
  MAT(multiply)(n, n, n, s->in[0], true, s->in[1], false, mid);
  for (int64_t i = 0; i < n; i++) mid[i * n + i] *= 0.5;
  NAME(keep_triangle)(n, true, mid);
  MAT(multiply)(n, n, n, inverse, true, mid, false, left);
  MAT(multiply)(n, n, n, left, false, inverse, false, mid);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      g[i * n + j] = 0.5 * (mid[i * n + j] + CONJ(mid[j * n + i]));
  return HT_SUCCESS;
}

/* ---- inverses and determinants */

static ht_status NAME(inverse)(const ht_lin_step *s) {
  int64_t n = s->n;
  NUMBER *a = ht_lin_room(s, 0), *eye = ht_lin_room(s, 1);
  memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
  NAME(identity)(n, eye);
  if (MAT(solve)(n, n, a, s->adjoint, eye, s->out[0])) return HT_SUCCESS;
  return no_factors(SINGULAR);
}

/* B = A^-1, dB */
static ht_status NAME(inverse_back)(const ht_lin_step *s) {
  int64_t n = s->n;
  NUMBER *mid = ht_lin_room(s, 0);
  bool a = s->adjoint;
  MAT(multiply)(n, n, n, s->in[1], a, s->in[0], !a, mid);
  MAT(multiply)(n, n, n, s->in[0], !a, mid, false, s->out[0]);
  NAME(scale)(n * n, -1, s->out[0]);
  return HT_SUCCESS;
}

static ht_status NAME(log_det)(const ht_lin_step *s) {
  NUMBER *a = ht_lin_room(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (MAT(log_det)(s->n, a, s->out[0], s->out[1])) return HT_SUCCESS;
  return no_factors("cannot be factored");
}

static ht_status NAME(det)(const ht_lin_step *s) {
  NUMBER sign, log_abs, *a = ht_lin_room(s, 0), *det = s->out[0];
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (!MAT(log_det)(s->n, a, &sign, &log_abs))
    return no_factors("cannot be factored");
  *det = sign == 0 ? 0 : sign * exp(REAL_OF(log_abs));
  return HT_SUCCESS;
}

/* A, d log |A| (flag: det A, and d det A) */
static ht_status NAME(det_back)(const ht_lin_step *s) {
  int64_t n = s->n;
  NUMBER *a = ht_lin_room(s, 0), *eye = ht_lin_room(s, 1);
  const NUMBER *first = s->in[1], *second = s->in[2];
  memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
  NAME(identity)(n, eye);
  if (!MAT(solve)(n, n, a, true, eye, s->out[0])) return no_factors(SINGULAR);
  NAME(scale)(n * n, s->flag ? *first * *second : *first, s->out[0]);
  return HT_SUCCESS;
}

/* ---- solving */

static ht_status NAME(solve)(const ht_lin_step *s) {
  NUMBER *a = ht_lin_room(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (MAT(solve)(s->n, s->k, a, s->adjoint, s->in[1], s->out[0]))
    return HT_SUCCESS;
  return no_factors(SINGULAR);
}

/* The gradient of A from that of b and x. */
static void NAME(give_matrix)(const ht_lin_step *s, const NUMBER *db,
                              const NUMBER *x, NUMBER *da) {
  if (s->adjoint)
    MAT(multiply)(s->n, s->n, s->k, x, false, db, true, da);
  else
    MAT(multiply)(s->n, s->n, s->k, db, false, x, true, da);
  NAME(scale)(s->n * s->n, -1, da);
}

/* A, x, dx: gradients of A and b */
static ht_status NAME(solve_back)(const ht_lin_step *s) {
  NUMBER *a = ht_lin_room(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (!MAT(solve)(s->n, s->k, a, !s->adjoint, s->in[2], s->out[1]))
    return no_factors(SINGULAR);
  NAME(give_matrix)(s, s->out[1], s->in[1], s->out[0]);
  return HT_SUCCESS;
}

static ht_status NAME(triangular)(const ht_lin_step *s) {
  if (MAT(triangular)(s->n, s->k, s->in[0], s->lower, s->adjoint, s->in[1],
                      s->out[0]))
    return HT_SUCCESS;
  return no_factors(SINGULAR);
}

static ht_status NAME(triangular_back)(const ht_lin_step *s) {
  if (!MAT(triangular)(s->n, s->k, s->in[0], s->lower, !s->adjoint, s->in[2],
                       s->out[1]))
    return no_factors(SINGULAR);
  NAME(give_matrix)(s, s->out[1], s->in[1], s->out[0]);
  NAME(keep_triangle)(s->n, s->lower, s->out[0]);
  return HT_SUCCESS;
}

#endif
