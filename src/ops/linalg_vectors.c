/* linalg_vectors.c - values with vectors, and QR: known up to signs or phases,
 * see linalg_steps.h. */
#ifndef NUMBER
#include <math.h>
#include <string.h>

#include "ops/linalg_steps.h"

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

static ht_status no_values(const char *what) {
  return ht_fail(HT_USAGE, "a matrix has no %s values that could be found",
                 what);
}

#define EACH "ops/linalg_vectors.c"
#include "kernels/linalg_each.h"

#define RULE(name) const ht_lin_rule ht_lin_##name = {name##_d, name##_z}
RULE(eigen);
RULE(eigen_back);
RULE(qr);
RULE(qr_back);
RULE(svd);
RULE(svd_back);
RULE(svd_vectors_back);

#else

/* ---- eigenvalues of self-adjoint matrices */

/* Near 1/x, but finite at 0. */
static NUMBER NAME(reciprocal)(NUMBER x) { return x / (x * x + 1e-20); }

static ht_status NAME(eigen)(const ht_lin_step *s) {
  NUMBER *a = ht_lin_room(s, 0);
  memcpy(a, s->in[0], (size_t)(s->n * s->n) * sizeof *a);
  if (MAT(self_adjoint)(s->n, a, s->out[0], s->flag ? s->out[1] : NULL))
    return HT_SUCCESS;
  return no_values("eigen");
}

/* The input counts by its lower triangle alone. */
static void NAME(fold_lower)(int64_t n, NUMBER *g) {
  for (int64_t i = 0; i < n; i++) {
    g[i * n + i] = REAL_OF(g[i * n + i]);
    for (int64_t j = 0; j < i; j++) {
      g[i * n + j] += CONJ(g[j * n + i]);
      g[j * n + i] = 0;
    }
  }
}

/* A, e, v, de, dv (flag: there are vectors) */
static ht_status NAME(eigen_back)(const ht_lin_step *s) {
  int64_t n = s->n;
  NUMBER *mid = ht_lin_room(s, 0), *left = ht_lin_room(s, 1);
  NUMBER *v = ht_lin_room(s, 2), *a = ht_lin_room(s, 3), *e = ht_lin_room(s, 4);
  const NUMBER *de = s->in[3];
  memset(mid, 0, (size_t)(n * n) * sizeof *mid);
  if (s->flag) {
    memcpy(v, s->in[2], (size_t)(n * n) * sizeof *v);
    memcpy(e, s->in[1], (size_t)n * sizeof *e);
    MAT(multiply)(n, n, n, v, true, s->in[4], false, mid);
  } else {
    memcpy(a, s->in[0], (size_t)(n * n) * sizeof *a);
    if (!MAT(self_adjoint)(n, a, e, v)) return no_values("eigen");
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      if (i == j)
        mid[i * n + j] = de[i];
      else
        mid[i * n + j] *= NAME(reciprocal)(e[j] - e[i]);
    }
  MAT(multiply)(n, n, n, v, false, mid, false, left);
  MAT(multiply)(n, n, n, left, false, v, true, s->out[0]);
  NAME(fold_lower)(n, s->out[0]);
  return HT_SUCCESS;
}

/* ---- QR (flag: full) */

static ht_status NAME(qr)(const ht_lin_step *s) {
  int64_t cols = s->flag ? s->m : lesser(s->m, s->n);
  if (MAT(qr)(s->m, s->n, cols, s->in[0], s->out[0], s->out[1]))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a matrix cannot be factored");
}

/* x [rows,n] = x R'^-1, by way of the conjugate transpose. */
static bool NAME(divide_by_r)(const ht_lin_step *s, int64_t n, const NUMBER *r,
                              int64_t rows, NUMBER *x) {
  NUMBER *turned = ht_lin_room(s, 4), *solved = ht_lin_room(s, 5);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < n; j++) turned[j * rows + i] = CONJ(x[i * n + j]);
  if (!MAT(triangular)(n, rows, r, false, false, turned, solved)) return false;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < n; j++) x[i * n + j] = CONJ(solved[j * rows + i]);
  return true;
}

/* g [m,n] of q [m,n], r [n,n] and their cotangents. */
static ht_status NAME(deep_back)(const ht_lin_step *s, int64_t n,
                                 const NUMBER *q, const NUMBER *r,
                                 const NUMBER *dq, const NUMBER *dr,
                                 NUMBER *g) {
  int64_t m = s->m;
  NUMBER *qdq = ht_lin_room(s, 0), *rdr = ht_lin_room(s, 1);
  NUMBER *low = ht_lin_room(s, 2), *rest = ht_lin_room(s, 3);
  MAT(multiply)(n, n, m, q, true, dq, false, qdq);
  MAT(multiply)(n, n, n, r, false, dr, true, rdr);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      low[i * n + j] = j > i ? 0
                             : qdq[i * n + j] - CONJ(qdq[j * n + i]) +
                                   rdr[i * n + j] - CONJ(rdr[j * n + i]);
  for (int64_t i = 0; i < n; i++) { /* the phase of r's diagonal is kept */
    NUMBER turn = rdr[i * n + i] + qdq[i * n + i];
    qdq[i * n + i] += turn - REAL_OF(turn);
  }
  bool good = NAME(divide_by_r)(s, n, r, n, low);
  for (int64_t i = 0; i < n * n; i++) low[i] += dr[i];
  MAT(multiply)(m, n, n, q, false, low, false, g);
  MAT(multiply)(m, n, n, q, false, qdq, false, rest);
  for (int64_t i = 0; i < m * n; i++) rest[i] = dq[i] - rest[i];
  good = good && NAME(divide_by_r)(s, n, r, m, rest);
  for (int64_t i = 0; i < m * n; i++) g[i] += rest[i];
  return good ? HT_SUCCESS : ht_fail(HT_USAGE, "a matrix is singular");
}

/* Columns from .. from+count of x [rows,n] to y [rows,count], or back. */
static void NAME(columns)(int64_t rows, int64_t n, int64_t from, int64_t count,
                          bool back, NUMBER *x, NUMBER *y) {
  for (int64_t i = 0; i < rows; i++) {
    NUMBER *a = x + i * n + from, *b = y + i * count;
    memcpy(back ? a : b, back ? b : a, (size_t)count * sizeof *a);
  }
}

/* q, r, dq, dr, A = [X Y]: of wide matrices those of X = q [r's first m
 * columns], to whose dq Y adds, and of Y = q [the others]. */
static ht_status NAME(qr_back)(const ht_lin_step *s) {
  int64_t m = s->m, n = s->n, more = n - m;
  if (more <= 0)
    return NAME(deep_back)(s, n, s->in[0], s->in[1], s->in[2], s->in[3],
                           s->out[0]);
  NUMBER *r = ht_lin_room(s, 6), *dr = ht_lin_room(s, 7);
  NUMBER *y = ht_lin_room(s, 8), *dv = ht_lin_room(s, 9);
  NUMBER *dq = ht_lin_room(s, 10), *g = ht_lin_room(s, 11);
  const NUMBER *given = s->in[2];
  NAME(columns)(m, n, 0, m, false, s->in[1], r);
  NAME(columns)(m, n, 0, m, false, s->in[3], dr);
  NAME(columns)(m, n, m, more, false, s->in[3], dv);
  NAME(columns)(m, n, m, more, false, s->in[4], y);
  MAT(multiply)(m, m, more, y, false, dv, true, dq);
  for (int64_t i = 0; i < m * m; i++) dq[i] += given[i];
  HT_TRY(NAME(deep_back)(s, m, s->in[0], r, dq, dr, g));
  NAME(columns)(m, n, 0, m, true, s->out[0], g);
  MAT(multiply)(m, more, m, s->in[0], false, dv, false, y);
  NAME(columns)(m, n, m, more, true, s->out[0], y);
  return HT_SUCCESS;
}

/* ---- singular values (adjoint: with vectors; flag: full) */

static ht_status NAME(svd)(const ht_lin_step *s) {
  NUMBER *u = s->adjoint ? s->out[1] : NULL, *v = u ? s->out[2] : NULL;
  if (MAT(svd)(s->m, s->n, s->flag, s->in[0], s->out[0], u, v))
    return HT_SUCCESS;
  return no_values("singular");
}

/* A, ds: of the values alone */
static ht_status NAME(svd_back)(const ht_lin_step *s) {
  int64_t m = s->m, n = s->n, p = lesser(m, n);
  NUMBER *values = ht_lin_room(s, 0), *u = ht_lin_room(s, 1);
  NUMBER *v = ht_lin_room(s, 2);
  const NUMBER *ds = s->in[1];
  if (!MAT(svd)(m, n, false, s->in[0], values, u, v))
    return no_values("singular");
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < p; j++) u[i * p + j] *= ds[j];
  MAT(multiply)(m, n, p, u, false, v, true, s->out[0]);
  return HT_SUCCESS;
}

/* What stands between u and v' for a square matrix, of ugu = u' du and
 * vgv = v' dv. */
static void NAME(svd_core)(int64_t p, const NUMBER *s, const NUMBER *ds,
                           const NUMBER *ugu, const NUMBER *vgv, NUMBER *core) {
  for (int64_t i = 0; i < p; i++) {
    NUMBER turn = CONJ(vgv[i * p + i]) - vgv[i * p + i];
    core[i * p + i] = ds[i] + 0.5 * NAME(reciprocal)(s[i]) * turn;
    for (int64_t j = 0; j < p; j++) {
      if (i == j) continue;
      NUMBER f = NAME(reciprocal)(s[j] * s[j] - s[i] * s[i]);
      NUMBER u = ugu[i * p + j] - CONJ(ugu[j * p + i]);
      NUMBER v = vgv[i * p + j] - CONJ(vgv[j * p + i]);
      core[i * p + j] = f * (u * s[j] + s[i] * v);
    }
  }
}

/* What v's part outside of the rows of the matrix adds: dv' - dv'v v' and,
 * where v [n,n] is full with one column more, less v' dv of that column. */
static void NAME(svd_outside)(const ht_lin_step *st, int64_t p, int64_t n,
                              const NUMBER *s, const NUMBER *v,
                              const NUMBER *dv, const NUMBER *last,
                              const NUMBER *dlast, NUMBER *rows) {
  NUMBER *inside = ht_lin_room(st, 6), *product = ht_lin_room(st, 7);
  MAT(multiply)(p, p, n, dv, true, v, false, inside);
  MAT(multiply)(p, n, p, inside, false, v, true, product);
  for (int64_t i = 0; i < p; i++) {
    NUMBER by = NAME(reciprocal)(s[i]), along = 0;
    for (int64_t k = 0; last && k < n; k++)
      along += CONJ(v[k * p + i]) * dlast[k];
    for (int64_t j = 0; j < n; j++) {
      NUMBER d = CONJ(dv[j * p + i]) - product[i * n + j];
      if (last) d -= along * CONJ(last[j]);
      rows[i * n + j] += by * d;
    }
  }
}

/* s, u, v, ds, du, dv; of tall matrices that of A' = v diag(s) u'. */
static ht_status NAME(svd_vectors_back)(const ht_lin_step *st) {
  bool tall = st->m > st->n;
  int64_t p = lesser(st->m, st->n), n = tall ? st->m : st->n;
  int64_t wide = st->flag ? n : p; /* columns of v */
  const NUMBER *s = st->in[0], *u = st->in[tall ? 2 : 1];
  NUMBER *v = ht_lin_room(st, 0), *dv = ht_lin_room(st, 1);
  NUMBER *ugu = ht_lin_room(st, 2), *vgv = ht_lin_room(st, 3);
  NUMBER *core = ht_lin_room(st, 4), *rows = ht_lin_room(st, 5);
  NUMBER *last = ht_lin_room(st, 8), *dlast = ht_lin_room(st, 9);
  NUMBER *g = ht_lin_room(st, 10), *out = st->out[0];
  NAME(columns)(n, wide, 0, p, false, st->in[tall ? 1 : 2], v);
  NAME(columns)(n, wide, 0, p, false, st->in[tall ? 4 : 5], dv);
  MAT(multiply)(p, p, p, u, true, st->in[tall ? 5 : 4], false, ugu);
  MAT(multiply)(p, p, n, v, true, dv, false, vgv);
  NAME(svd_core)(p, s, st->in[3], ugu, vgv, core);
  MAT(multiply)(p, n, p, core, false, v, true, rows);
  if (wide > p) {
    NAME(columns)(n, wide, p, 1, false, st->in[tall ? 1 : 2], last);
    NAME(columns)(n, wide, p, 1, false, st->in[tall ? 4 : 5], dlast);
  }
  if (n > p)
    NAME(svd_outside)(st, p, n, s, v, dv, wide > p ? last : NULL, dlast, rows);
  MAT(multiply)(p, n, p, u, false, rows, false, g);
  for (int64_t i = 0; i < p; i++)
    for (int64_t j = 0; j < n; j++) {
      NUMBER d = g[i * n + j];
      if (tall)
        out[j * p + i] = CONJ(d);
      else
        out[i * n + j] = d;
    }
  return HT_SUCCESS;
}

#endif
