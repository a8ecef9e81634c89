/* linalg.c - see linalg.h. LAPACK counts columns first: a matrix of ours is
 * its transpose there. */
#ifndef NUMBER
#include "kernels/linalg.h"

#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/matmul.h"

/* Threads are ours: see backend_blas.c. */
static void one_thread(void) { openblas_set_num_threads(1); }
static void prepare(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, one_thread);
}

static void *room(int64_t n, size_t size) {
  return malloc((size_t)(n > 0 ? n : 1) * size);
}

/* A matrix for LAPACK, whose columns are `rows` of ours. One is to spare: zgemv
 * of OpenBLAS (0.3.21) reads the element after the last of a strided vector. */
static void *matrix_room(int64_t rows, int64_t cols, size_t size) {
  return room((rows + 1) * cols, size);
}

/* LAPACK may iterate on NaN and infinity for ever. */
static bool all_finite(const void *a, size_t bytes) {
  const double *x = a;
  for (size_t i = 0; i < bytes / sizeof *x; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

void ht_mat_multiply(int64_t m, int64_t n, int64_t k, const double *a, bool ta,
                     const double *b, bool tb, double *c) {
  ht_gemm g = {.ta = ta,
               .tb = tb,
               .m = m,
               .n = n,
               .k = k,
               .lda = ta ? m : k,
               .ldb = tb ? k : n,
               .ldc = n};
  ht_gemm_run(HT_DOUBLE, &g, a, b, c);
}

void ht_pair_multiply(int64_t m, int64_t n, int64_t k, const ht_pair *a,
                      bool ta, const ht_pair *b, bool tb, ht_pair *c) {
  const ht_pair one = 1, none = 0;
  prepare();
  if (k <= 0) memset(c, 0, (size_t)(m * n) * sizeof *c);
  if (m > 0 && n > 0 && k > 0)
    cblas_zgemm(CblasRowMajor, ta ? CblasConjTrans : CblasNoTrans,
                tb ? CblasConjTrans : CblasNoTrans, (int)m, (int)n, (int)k,
                &one, a, (int)(ta ? m : k), b, (int)(tb ? k : n), &none, c,
                (int)n);
}

#define EACH "kernels/linalg.c"
#include "kernels/linalg_each.h"

#else

/* The Fortran interface, which OpenBLAS brings along. */
void LAPACK(potrf, potrf)(const char *uplo, const int *n, NUMBER *a,
                          const int *lda, int *info);
void LAPACK(getrf, getrf)(const int *m, const int *n, NUMBER *a, const int *lda,
                          int *pivot, int *info);
void LAPACK(getrs, getrs)(const char *trans, const int *n, const int *nrhs,
                          const NUMBER *a, const int *lda, const int *pivot,
                          NUMBER *b, const int *ldb, int *info);
void LAPACK(syevd, heevd)(const char *job, const char *uplo, const int *n,
                          NUMBER *a, const int *lda, double *w, NUMBER *work,
                          const int *lwork,
                          RWORK(double *rwork, const int *lrwork) int *iwork,
                          const int *liwork, int *info);
void LAPACK(geqrf, geqrf)(const int *m, const int *n, NUMBER *a, const int *lda,
                          NUMBER *tau, NUMBER *work, const int *lwork,
                          int *info);
void LAPACK(orgqr, ungqr)(const int *m, const int *n, const int *k, NUMBER *a,
                          const int *lda, const NUMBER *tau, NUMBER *work,
                          const int *lwork, int *info);
void LAPACK(gesdd, gesdd)(const char *job, const int *m, const int *n,
                          NUMBER *a, const int *lda, double *s, NUMBER *u,
                          const int *ldu, NUMBER *vt, const int *ldvt,
                          NUMBER *work, const int *lwork,
                          RWORK(double *rwork) int *iwork, int *info);

/* to [cols,rows] = the transpose of from [rows,cols], or its conjugate. */
static void NAME(transpose)(int64_t rows, int64_t cols, bool conjugate,
                            const NUMBER *from, NUMBER *to) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) {
      NUMBER v = from[i * cols + j];
      to[j * rows + i] = conjugate ? CONJ(v) : v;
    }
}

bool MAT(cholesky)(int64_t n, NUMBER *a) {
  int size = (int)n, info = 0;
  prepare();
  if (n) LAPACK(potrf, potrf)("U", &size, a, &size, &info);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++) a[i * n + j] = 0;
  return info == 0;
}

bool MAT(solve)(int64_t n, int64_t k, NUMBER *a, bool adjoint, const NUMBER *b,
                NUMBER *x) {
  int size = (int)n, sides = (int)k, info = 0;
  int *pivot = room(n, sizeof *pivot);
  NUMBER *columns = room(n * k, sizeof *columns);
  bool good = pivot && columns;
  prepare();
  if (good && n && k) {
    LAPACK(getrf, getrf)(&size, &size, a, &size, pivot, &info);
    NAME(transpose)(n, k, adjoint, b, columns);
    if (!info) LAPACK(getrs, getrs)
    (adjoint ? "N" : "T", &size, &sides, a, &size, pivot, columns, &size,
     &info);
    NAME(transpose)(k, n, adjoint, columns, x);
  }
  free(pivot);
  free(columns);
  return good && info == 0;
}

bool MAT(log_det)(int64_t n, NUMBER *a, NUMBER *sign, NUMBER *log_abs) {
  int side = (int)n, info = 0;
  int *pivot = room(n, sizeof *pivot);
  *sign = 1;
  *log_abs = 0;
  if (!pivot) return false;
  prepare();
  if (n) LAPACK(getrf, getrf)(&side, &side, a, &side, pivot, &info);
  for (int64_t i = 0; i < n; i++) {
    NUMBER d = a[i * n + i];
    double size = SIZE_OF(d);
    if (pivot[i] != i + 1) *sign = -*sign;
    *sign = size == 0 ? 0 : *sign * (d / size);
    *log_abs += log(size);
  }
  free(pivot);
  return info >= 0;
}

bool MAT(triangular)(int64_t n, int64_t k, const NUMBER *t, bool lower,
                     bool adjoint, const NUMBER *b, NUMBER *x) {
  bool down = lower != adjoint; /* rows from the first to the last */
  for (int64_t step = 0; step < n; step++) {
    int64_t i = down ? step : n - 1 - step;
    NUMBER *row = x + i * k, d = t[i * n + i];
    memmove(row, b + i * k, (size_t)k * sizeof *row);
    for (int64_t p = down ? 0 : i + 1; p < (down ? i : n); p++) {
      NUMBER w = adjoint ? CONJ(t[p * n + i]) : t[i * n + p];
      for (int64_t c = 0; c < k; c++) row[c] -= w * x[p * k + c];
    }
    if (d == 0) return false;
    for (int64_t c = 0; c < k; c++) row[c] /= adjoint ? CONJ(d) : d;
  }
  return true;
}

/* ---- eigenvalues of self-adjoint matrices */

static bool NAME(values_of)(const char *job, int n, NUMBER *a, double *e) {
  int info = 0, lwork = -1, liwork = -1, lrwork = -1, least;
  double many = 0;
  NUMBER best;
  LAPACK(syevd, heevd)
  (job, "U", &n, a, &n, e, &best, &lwork, RWORK(&many, &lrwork) & least,
   &liwork, &info);
  lwork = (int)REAL_OF(best);
  liwork = least;
  lrwork = (int)many; /* of complex matrices */
  (void)lrwork;
  NUMBER *work = room(lwork, sizeof *work);
  double *rwork = room((int64_t)many, sizeof *rwork);
  int *iwork = room(liwork, sizeof *iwork);
  bool good = work && rwork && iwork;
  if (good) LAPACK(syevd, heevd)
  (job, "U", &n, a, &n, e, work, &lwork, RWORK(rwork, &lrwork) iwork, &liwork,
   &info);
  free(work);
  free(rwork);
  free(iwork);
  return good && info == 0;
}

bool MAT(self_adjoint)(int64_t n, NUMBER *a, NUMBER *e, NUMBER *v) {
  if (!n) return true;
  if (!all_finite(a, (size_t)(n * n) * sizeof *a)) return false;
  double *values = room(n, sizeof *values);
  prepare();
  bool good = values && NAME(values_of)(v ? "V" : "N", (int)n, a, values);
  for (int64_t i = 0; good && i < n; i++) e[i] = values[i];
  if (good && v) NAME(transpose)(n, n, true, a, v);
  free(values);
  return good;
}

/* ---- orthogonal and triangular factors */

/* The factors in place, and then Q, in `columns` [cols,m]. */
static bool NAME(reflect)(int m, int n, int cols, NUMBER *columns, NUMBER *r,
                          NUMBER *tau) {
  int least = m < n ? m : n, lwork = 64 * (m + n + 1), info = 0;
  NUMBER *work = room(lwork, sizeof *work);
  if (!work) return false;
  LAPACK(geqrf, geqrf)(&m, &n, columns, &m, tau, work, &lwork, &info);
  for (int i = 0; i < cols; i++)
    for (int j = 0; j < n; j++)
      r[i * n + j] = j >= i ? columns[(int64_t)j * m + i] : 0;
  if (!info && cols) LAPACK(orgqr, ungqr)
  (&m, &cols, &least, columns, &m, tau, work, &lwork, &info);
  free(work);
  return info == 0;
}

bool MAT(qr)(int64_t m, int64_t n, int64_t cols, const NUMBER *a, NUMBER *q,
             NUMBER *r) {
  int64_t wide = n > cols ? n : cols;
  NUMBER *columns = calloc((size_t)((wide + 1) * m) + 1, sizeof *columns);
  NUMBER *tau = room(wide, sizeof *tau);
  bool good = columns && tau;
  prepare();
  if (good && m && n) {
    NAME(transpose)(m, n, false, a, columns);
    good = NAME(reflect)((int)m, (int)n, (int)cols, columns, r, tau);
    NAME(transpose)(cols, m, false, columns, q);
  }
  free(columns);
  free(tau);
  return good;
}

/* ---- singular values */

/* Of the transpose [n,m], whose left vectors are our right ones. */
static bool NAME(decompose)(const char *job, int m, int n, int p, NUMBER *a,
                            double *s, NUMBER *left, NUMBER *right) {
  int info = 0, lwork = -1;
  int64_t least = m < n ? m : n, most = m < n ? n : m;
  NUMBER best;
  double *rwork =
      room(least * (5 * least + 7 + 2 * (least + most)), sizeof *rwork);
  int *iwork = room(8 * least, sizeof *iwork);
  if (rwork && iwork) LAPACK(gesdd, gesdd)
  (job, &n, &m, a, &n, s, left, &n, right, &p, &best, &lwork,
   RWORK(rwork) iwork, &info);
  lwork = rwork && iwork ? (int)REAL_OF(best) : 1;
  NUMBER *work = room(lwork + most, sizeof *work);
  bool good = rwork && iwork && work;
  if (good) LAPACK(gesdd, gesdd)
  (job, &n, &m, a, &n, s, left, &n, right, &p, work, &lwork, RWORK(rwork) iwork,
   &info);
  free(work);
  free(rwork);
  free(iwork);
  return good && info == 0;
}

static void NAME(fill_nan)(NUMBER *x, int64_t n) {
  for (int64_t i = 0; x && i < n; i++) x[i] = NAN;
}

/* TensorFlow answers NaN where the matrix is not finite. */
bool MAT(svd)(int64_t m, int64_t n, bool full, const NUMBER *a, NUMBER *s,
              NUMBER *u, NUMBER *v) {
  int64_t p = m < n ? m : n, left = full ? n : p, right = full ? m : p;
  if (!all_finite(a, (size_t)(m * n) * sizeof *a)) {
    NAME(fill_nan)(s, p);
    NAME(fill_nan)(u, m * right);
    NAME(fill_nan)(v, n * left);
    return true;
  }
  double *values = room(p, sizeof *values);
  NUMBER *copy = matrix_room(m, n, sizeof *copy);
  NUMBER *l = matrix_room(u ? left : 0, n, sizeof *l);
  NUMBER *r = matrix_room(u ? m : 0, right, sizeof *r);
  bool good = values && copy && l && r;
  prepare();
  if (good && p) {
    memcpy(copy, a, (size_t)(m * n) * sizeof *copy);
    good = NAME(decompose)(!u     ? "N"
                           : full ? "A"
                                  : "S",
                           (int)m, (int)n, (int)right, copy, values, l, r);
    for (int64_t i = 0; i < p; i++) s[i] = values[i];
    if (u) {
      NAME(transpose)(left, n, true, l, v);
      memcpy(u, r, (size_t)(m * right) * sizeof *u);
    }
  }
  free(values);
  free(copy);
  free(l);
  free(r);
  return good;
}

#endif
