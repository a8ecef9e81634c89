/*
 * linalg.h - factors of one dense matrix, row-major and in double; LAPACK
 * does the work. False: the matrix has none (it is singular, not positive
 * definite, or an iteration did not end).
 */
#ifndef HT_KERNELS_LINALG_H
#define HT_KERNELS_LINALG_H

#include "tensor/tensor.h"

/* C[m,n] = op(A) op(B), all packed; `a` is stored [k,m] where ta, `b` [n,k]
 * where tb. */
void ht_mat_multiply(int64_t m, int64_t n, int64_t k, const double *a, bool ta,
                     const double *b, bool tb, double *c);

/* The lower triangle L with L L' = A, of the lower triangle of A [n,n]; in
 * place, zeros above. */
bool ht_mat_cholesky(int64_t n, double *a);
/* x [n,k] = op(A)^-1 b by elimination with pivots; a [n,n] is destroyed. */
bool ht_mat_solve(int64_t n, int64_t k, double *a, bool transpose,
                  const double *b, double *x);
/* log |det A| and its sign; a is destroyed. */
bool ht_mat_log_det(int64_t n, double *a, double *sign, double *log);
/* x [n,k] = op(T)^-1 b, of the lower or upper triangle of t [n,n]. */
bool ht_mat_triangular(int64_t n, int64_t k, const double *t, bool lower,
                       bool transpose, const double *b, double *x);
/* Ascending eigenvalues e [n] and vectors as the columns of v [n,n] (NULL:
 * none) of the lower triangle of a, which is destroyed. */
bool ht_mat_eigen(int64_t n, double *a, double *e, double *v);
/* a [m,n] = q r; q [m,cols], r [cols,n], cols the lesser of m and n, or m. */
bool ht_mat_qr(int64_t m, int64_t n, int64_t cols, const double *a, double *q,
               double *r);
/* a [m,n] = u diag(s) v'; s descending, u [m,p] and v [n,p] (full: [m,m] and
 * [n,n]), p the lesser of m and n; u and v NULL: only s. */
bool ht_mat_svd(int64_t m, int64_t n, bool full, const double *a, double *s,
                double *u, double *v);

#endif
