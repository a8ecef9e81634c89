/* linalg.c - see linalg.h. LAPACK counts columns first: a matrix of ours is
 * its transpose there. */
#include "kernels/linalg.h"

#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/matmul.h"

/* The Fortran interface, which OpenBLAS brings along. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info);
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivot,
             int *info);
void dgetrs_(const char *trans, const int *n, const int *nrhs, const double *a,
             const int *lda, const int *pivot, double *b, const int *ldb,
             int *info);
void dsyevd_(const char *job, const char *uplo, const int *n, double *a,
             const int *lda, double *w, double *work, const int *lwork,
             int *iwork, const int *liwork, int *info);
void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau,
             double *work, const int *lwork, int *info);
void dorgqr_(const int *m, const int *n, const int *k, double *a,
             const int *lda, const double *tau, double *work, const int *lwork,
             int *info);
void dgesdd_(const char *job, const int *m, const int *n, double *a,
             const int *lda, double *s, double *u, const int *ldu, double *vt,
             const int *ldvt, double *work, const int *lwork, int *iwork,
             int *info);

/* Threads are ours: see backend_blas.c. */
static void one_thread(void) { openblas_set_num_threads(1); }
static void prepare(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, one_thread);
}

static void *room(int64_t n, size_t size) {
  return malloc((size_t)(n > 0 ? n : 1) * size);
}

/* to [cols,rows] = the transpose of from [rows,cols]. */
static void transpose(int64_t rows, int64_t cols, const double *from,
                      double *to) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) to[j * rows + i] = from[i * cols + j];
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

bool ht_mat_cholesky(int64_t n, double *a) {
  int size = (int)n, info = 0;
  prepare();
  if (n) dpotrf_("U", &size, a, &size, &info);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++) a[i * n + j] = 0;
  return info == 0;
}

bool ht_mat_solve(int64_t n, int64_t k, double *a, bool adjoint,
                  const double *b, double *x) {
  int size = (int)n, sides = (int)k, info = 0;
  int *pivot = room(n, sizeof *pivot);
  double *columns = room(n * k, sizeof *columns);
  bool good = pivot && columns;
  prepare();
  if (good && n && k) {
    dgetrf_(&size, &size, a, &size, pivot, &info);
    transpose(n, k, b, columns);
    if (!info)
      dgetrs_(adjoint ? "N" : "T", &size, &sides, a, &size, pivot, columns,
              &size, &info);
    transpose(k, n, columns, x);
  }
  free(pivot);
  free(columns);
  return good && info == 0;
}

bool ht_mat_log_det(int64_t n, double *a, double *sign, double *log_abs) {
  int size = (int)n, info = 0;
  int *pivot = room(n, sizeof *pivot);
  *sign = 1;
  *log_abs = 0;
  if (!pivot) return false;
  prepare();
  if (n) dgetrf_(&size, &size, a, &size, pivot, &info);
  for (int64_t i = 0; i < n; i++) {
    double d = a[i * n + i];
    if (pivot[i] != i + 1) *sign = -*sign;
    *sign = d == 0 ? 0 : d < 0 ? -*sign : *sign;
    *log_abs += log(fabs(d));
  }
  free(pivot);
  return info >= 0;
}

bool ht_mat_triangular(int64_t n, int64_t k, const double *t, bool lower,
                       bool adjoint, const double *b, double *x) {
  bool down = lower != adjoint; /* rows from the first to the last */
  for (int64_t step = 0; step < n; step++) {
    int64_t i = down ? step : n - 1 - step;
    double *row = x + i * k;
    memmove(row, b + i * k, (size_t)k * sizeof *row);
    for (int64_t p = down ? 0 : i + 1; p < (down ? i : n); p++) {
      double w = adjoint ? t[p * n + i] : t[i * n + p];
      for (int64_t c = 0; c < k; c++) row[c] -= w * x[p * k + c];
    }
    if (t[i * n + i] == 0) return false;
    for (int64_t c = 0; c < k; c++) row[c] /= t[i * n + i];
  }
  return true;
}

/* LAPACK may iterate on NaN and infinity for ever. */
static bool all_finite(const double *a, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(a[i])) return false;
  return true;
}

bool ht_mat_eigen(int64_t n, double *a, double *e, double *v) {
  int size = (int)n, info = 0, lwork = -1, liwork = -1, least;
  double best;
  const char *job = v ? "V" : "N";
  if (!n) return true;
  if (!all_finite(a, n * n)) return false;
  prepare();
  dsyevd_(job, "U", &size, a, &size, e, &best, &lwork, &least, &liwork, &info);
  lwork = (int)best;
  liwork = least;
  double *work = room(lwork, sizeof *work);
  int *iwork = room(liwork, sizeof *iwork);
  if (work && iwork)
    dsyevd_(job, "U", &size, a, &size, e, work, &lwork, iwork, &liwork, &info);
  bool good = work && iwork && info == 0;
  if (v) transpose(n, n, a, v);
  free(work);
  free(iwork);
  return good;
}

/* The factors in place, and then Q, in `columns` [cols,m]. */
static bool reflect(int m, int n, int cols, double *columns, double *r,
                    double *tau) {
  int least = m < n ? m : n, lwork = 64 * (m + n + 1), info = 0;
  double *work = room(lwork, sizeof *work);
  if (!work) return false;
  dgeqrf_(&m, &n, columns, &m, tau, work, &lwork, &info);
  for (int i = 0; i < cols; i++)
    for (int j = 0; j < n; j++)
      r[i * n + j] = j >= i ? columns[(int64_t)j * m + i] : 0;
  if (!info && cols)
    dorgqr_(&m, &cols, &least, columns, &m, tau, work, &lwork, &info);
  free(work);
  return info == 0;
}

bool ht_mat_qr(int64_t m, int64_t n, int64_t cols, const double *a, double *q,
               double *r) {
  int64_t wide = n > cols ? n : cols;
  double *columns = calloc((size_t)(wide * m) + 1, sizeof *columns);
  double *tau = room(wide, sizeof *tau);
  bool good = columns && tau;
  prepare();
  if (good && m && n) {
    transpose(m, n, a, columns);
    good = reflect((int)m, (int)n, (int)cols, columns, r, tau);
    transpose(cols, m, columns, q);
  }
  free(columns);
  free(tau);
  return good;
}

/* Of the transpose [n,m], whose left vectors are our right ones. */
static bool decompose(const char *job, int m, int n, int p, double *a,
                      double *s, double *left, double *right) {
  int info = 0, lwork = -1;
  double best;
  int *iwork = room(8 * (int64_t)(m < n ? m : n), sizeof *iwork);
  if (!iwork) return false;
  dgesdd_(job, &n, &m, a, &n, s, left, &n, right, &p, &best, &lwork, iwork,
          &info);
  lwork = (int)best;
  double *work = room(lwork, sizeof *work);
  if (work)
    dgesdd_(job, &n, &m, a, &n, s, left, &n, right, &p, work, &lwork, iwork,
            &info);
  bool good = work && info == 0;
  free(work);
  free(iwork);
  return good;
}

static void fill_nan(double *x, int64_t n) {
  for (int64_t i = 0; x && i < n; i++) x[i] = NAN;
}

/* TensorFlow answers NaN where the matrix is not finite. */
bool ht_mat_svd(int64_t m, int64_t n, bool full, const double *a, double *s,
                double *u, double *v) {
  int64_t p = m < n ? m : n, left = full ? n : p, right = full ? m : p;
  if (!all_finite(a, m * n)) {
    fill_nan(s, p);
    fill_nan(u, m * right);
    fill_nan(v, n * left);
    return true;
  }
  double *copy = room(m * n, sizeof *copy);
  double *l = room(u ? n * left : 1, sizeof *l);
  double *r = room(u ? m * right : 1, sizeof *r);
  bool good = copy && l && r;
  prepare();
  if (good && p) {
    memcpy(copy, a, (size_t)(m * n) * sizeof *copy);
    good = decompose(!u     ? "N"
                     : full ? "A"
                            : "S",
                     (int)m, (int)n, (int)right, copy, s, l, r);
    if (u) {
      transpose(left, n, l, v);
      memcpy(u, r, (size_t)(m * right) * sizeof *u);
    }
  }
  free(copy);
  free(l);
  free(r);
  return good;
}
