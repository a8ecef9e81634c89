/* linalg_complex.c - see linalg_complex.h. LAPACK counts columns first: a
 * matrix of ours is its transpose there. */
#include "kernels/linalg_complex.h"

#include <cblas.h>
#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void dgeev_(const char *left, const char *right, const int *n, double *a,
            const int *lda, double *re, double *im, double *vl, const int *ldvl,
            double *vr, const int *ldvr, double *work, const int *lwork,
            int *info);
void zgeev_(const char *left, const char *right, const int *n, ht_pair *a,
            const int *lda, ht_pair *w, ht_pair *vl, const int *ldvl,
            ht_pair *vr, const int *ldvr, ht_pair *work, const int *lwork,
            double *rwork, int *info);
void zgees_(const char *job, const char *sort, void *select, const int *n,
            ht_pair *a, const int *lda, int *sdim, ht_pair *w, ht_pair *vs,
            const int *ldvs, ht_pair *work, const int *lwork, double *rwork,
            int *bwork, int *info);
void ztrsyl_(const char *ta, const char *tb, const int *sign, const int *m,
             const int *n, const ht_pair *a, const int *lda, const ht_pair *b,
             const int *ldb, ht_pair *c, const int *ldc, double *scale,
             int *info);

static ht_pair *squares(int64_t n, int count) {
  return calloc((size_t)(n * n * count) + 1, sizeof(ht_pair));
}

static bool all_finite(const ht_pair *a, int64_t n) {
  for (int64_t i = 0; i < n * n; i++)
    if (!isfinite(creal(a[i])) || !isfinite(cimag(a[i]))) return false;
  return true;
}

static void turn(int64_t n, const ht_pair *from, ht_pair *to) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) to[j * n + i] = from[i * n + j];
}

static void swap_rows(int64_t n, ht_pair *a, int64_t i, int64_t k, int64_t *p) {
  int64_t held = p[i];
  p[i] = p[k];
  p[k] = held;
  if (i != k) cblas_zswap((int)n, a + i * n, 1, a + k * n, 1);
}

/* Pivots are the greatest by magnitude; LAPACK's by the sum of both parts. */
bool ht_pair_lu(int64_t n, ht_pair *a, int64_t *p) {
  for (int64_t i = 0; i < n; i++) p[i] = i;
  for (int64_t i = 0; i < n; i++) {
    int64_t best = i;
    for (int64_t r = i + 1; r < n; r++)
      if (cabs(a[r * n + i]) > cabs(a[best * n + i])) best = r;
    if (a[best * n + i] == 0) return false;
    swap_rows(n, a, i, best, p);
    for (int64_t r = i + 1; r < n; r++) {
      ht_pair by = -(a[r * n + i] /= a[i * n + i]);
      cblas_zaxpy((int)(n - i - 1), &by, a + i * n + i + 1, 1,
                  a + r * n + i + 1, 1);
    }
  }
  return true;
}

/* ---- eigenvalues */

/* Vectors of a pair of values stand as real and imaginary parts. */
static void join_parts(int n, const double *re, const double *im,
                       const double *columns, ht_pair *e, ht_pair *v) {
  for (int j = 0; j < n; j++) {
    e[j] = re[j] + im[j] * I;
    int k = im[j] < 0 ? j - 1 : j;
    for (int i = 0; i < n; i++)
      v[i * n + j] =
          columns[k * n + i] +
          (im[j] == 0 ? 0 : (im[j] < 0 ? -I : I) * columns[(k + 1) * n + i]);
  }
}

static bool eigen_real(int n, const ht_pair *a, ht_pair *e, ht_pair *v) {
  int info = -1, lwork = 8 * n, one = 1;
  size_t square = (size_t)n * (size_t)n;
  double *columns = malloc((2 * square + (size_t)(10 * n)) * sizeof *columns);
  if (!columns) return false;
  double *vectors = columns + square, *re = vectors + square, *im = re + n;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) columns[j * n + i] = creal(a[i * n + j]);
  dgeev_("N", "V", &n, columns, &n, re, im, NULL, &one, vectors, &n, im + n,
         &lwork, &info);
  if (!info) join_parts(n, re, im, vectors, e, v);
  free(columns);
  return info == 0;
}

/* By magnitude, as Eigen sorts them. */
static void sort_values(int n, ht_pair *e, ht_pair *columns) {
  for (int i = 0; i < n; i++) {
    int k = i;
    for (int j = i + 1; j < n; j++)
      if (cabs(e[j]) < cabs(e[k])) k = j;
    ht_pair held = e[i];
    e[i] = e[k];
    e[k] = held;
    cblas_zswap(n, columns + i * n, 1, columns + k * n, 1);
  }
}

static bool eigen_complex(int n, const ht_pair *a, ht_pair *e, ht_pair *v) {
  int info = -1, lwork = 4 * n, one = 1;
  ht_pair *room = squares(n, 2), *work = malloc((size_t)lwork * sizeof *work);
  double *more = malloc((size_t)(2 * n) * sizeof *more);
  if (room && work && more) {
    turn(n, a, room);
    zgeev_("N", "V", &n, room, &n, e, NULL, &one, room + n * n, &n, work,
           &lwork, more, &info);
    sort_values(n, e, room + n * n);
    turn(n, room + n * n, v);
  }
  free(room);
  free(work);
  free(more);
  return info == 0;
}

bool ht_pair_eigen(int64_t n, bool real, const ht_pair *a, ht_pair *e,
                   ht_pair *v) {
  if (!n) return true;
  if (!all_finite(a, n)) return false;
  return real ? eigen_real((int)n, a, e, v) : eigen_complex((int)n, a, e, v);
}

/* ---- roots, by the Schur form (Bjorck and Hammarling, "A Schur method for
 * the square root of a matrix", 1983) */

/* Columns first: t becomes the triangle, q the vectors. */
static bool schur(int n, ht_pair *t, ht_pair *q) {
  int info = -1, lwork = 4 * n, found;
  ht_pair *work = malloc((size_t)(5 * n) * sizeof *work);
  double *more = malloc((size_t)n * sizeof *more);
  if (work && more)
    zgees_("V", "N", NULL, &n, t, &n, &found, work + 4 * n, q, &n, work, &lwork,
           more, NULL, &info);
  free(work);
  free(more);
  return info == 0;
}

/* Columns first, and in place. */
static void root_of_triangle(int64_t n, ht_pair *t) {
  for (int64_t j = 0; j < n; j++) {
    t[j * n + j] = csqrt(t[j * n + j]);
    for (int64_t i = j - 1; i >= 0; i--) {
      ht_pair sum = t[j * n + i];
      for (int64_t k = i + 1; k < j; k++) sum -= t[k * n + i] * t[j * n + k];
      ht_pair both = t[i * n + i] + t[j * n + j];
      t[j * n + i] = sum == 0 ? 0 : sum / both;
    }
  }
}

/* m = q m q^H or, `back`, q^H m q; columns first. */
static void change_basis(int n, bool back, const ht_pair *q, ht_pair *m,
                         ht_pair *mid) {
  const ht_pair one = 1, none = 0;
  cblas_zgemm(CblasColMajor, back ? CblasConjTrans : CblasNoTrans, CblasNoTrans,
              n, n, n, &one, q, n, m, n, &none, mid, n);
  cblas_zgemm(CblasColMajor, CblasNoTrans, back ? CblasNoTrans : CblasConjTrans,
              n, n, n, &one, mid, n, q, n, &none, m, n);
}

bool ht_pair_root(int64_t n, const ht_pair *a, ht_pair *r) {
  ht_pair *t = squares(n, 3), *q = t + n * n;
  bool good = !n || (t && all_finite(a, n));
  if (good && n) {
    turn(n, a, t);
    good = schur((int)n, t, q);
  }
  if (good && n) {
    root_of_triangle(n, t);
    change_basis((int)n, false, q, t, q + n * n);
    turn(n, t, r);
  }
  free(t);
  return good;
}

bool ht_pair_sylvester(int64_t n, const ht_pair *r, const ht_pair *d,
                       ht_pair *x) {
  int side = (int)n, plus = 1, info = 0;
  double scale = 1;
  ht_pair *t = squares(n, 4), *q = t + n * n, *c = q + n * n;
  bool good = !n || (t && all_finite(r, n));
  if (good && n) {
    memcpy(t, r, (size_t)(n * n) * sizeof *t); /* its transpose there */
    turn(n, d, c);
    good = schur(side, t, q);
  }
  if (good && n) {
    change_basis(side, true, q, c, c + n * n);
    ztrsyl_("N", "N", &plus, &side, &side, t, &side, t, &side, c, &side, &scale,
            &info);
    good = info == 0 && scale > 0;
    cblas_zdscal(side * side, 1 / scale, c, 1);
    change_basis(side, false, q, c, c + n * n);
    turn(n, c, x);
  }
  free(t);
  return good;
}
