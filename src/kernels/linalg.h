/*
 * linalg.h - factors of one dense matrix, row-major, of doubles (ht_mat_) or
 * complex numbers (ht_pair_); LAPACK does the work. A' is the conjugate
 * transpose of A. False: the matrix has none (it is singular, not positive
 * definite, or an iteration did not end).
 */
#ifndef HT_KERNELS_LINALG_H
#define HT_KERNELS_LINALG_H

#include <complex.h>

#include "tensor/tensor.h"

typedef double _Complex ht_pair;

/*
 * multiply: C[m,n] = op(A) op(B), all packed; `a` is stored [k,m] where ta, `b`
 *   [n,k] where tb: op is then the conjugate transpose.
 * cholesky: the lower triangle L with L L' = A, of the lower triangle of A
 *   [n,n]; in place, zeros above.
 * solve: x [n,k] = op(A)^-1 b by elimination with pivots; a [n,n] is destroyed.
 * log_det: log |det A| and its sign (or phase); a is destroyed.
 * triangular: x [n,k] = op(T)^-1 b, of the lower or upper triangle of t [n,n].
 * self_adjoint: ascending eigenvalues e [n] and vectors as the columns of v
 *   [n,n] (NULL: none) of the lower triangle of a, which is destroyed.
 * qr: a [m,n] = q r; q [m,cols], r [cols,n], cols the lesser of m and n, or m.
 * svd: a [m,n] = u diag(s) v'; s descending, u [m,p] and v [n,p] (full: [m,m]
 *   and [n,n]), p the lesser of m and n; u and v NULL: only s.
 */
#define HT_LINALG(T, NAME)                                                    \
  void NAME##_multiply(int64_t m, int64_t n, int64_t k, const T *a, bool ta,  \
                       const T *b, bool tb, T *c);                            \
  bool NAME##_cholesky(int64_t n, T *a);                                      \
  bool NAME##_solve(int64_t n, int64_t k, T *a, bool adjoint, const T *b,     \
                    T *x);                                                    \
  bool NAME##_log_det(int64_t n, T *a, T *sign, T *log);                      \
  bool NAME##_triangular(int64_t n, int64_t k, const T *t, bool lower,        \
                         bool adjoint, const T *b, T *x);                     \
  bool NAME##_self_adjoint(int64_t n, T *a, T *e, T *v);                      \
  bool NAME##_qr(int64_t m, int64_t n, int64_t cols, const T *a, T *q, T *r); \
  bool NAME##_svd(int64_t m, int64_t n, bool full, const T *a, T *s, T *u,    \
                  T *v);
HT_LINALG(double, ht_mat)
HT_LINALG(ht_pair, ht_pair)

#endif
