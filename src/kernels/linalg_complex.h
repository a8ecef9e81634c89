/*
 * linalg_complex.h - factors of one square matrix [n,n] of complex numbers,
 * row-major; LAPACK does the work. False: the matrix has none.
 */
#ifndef HT_KERNELS_LINALG_COMPLEX_H
#define HT_KERNELS_LINALG_COMPLEX_H

#include <stdbool.h>
#include <stdint.h>

typedef double _Complex ht_pair;

/* z = op(x) op(y), adjoint where ax, ay. */
void ht_pair_multiply(int64_t n, const ht_pair *x, bool ax, const ht_pair *y,
                      bool ay, ht_pair *z);
/* x = a^-1 b; a is destroyed. */
bool ht_pair_solve(int64_t n, ht_pair *a, const ht_pair *b, ht_pair *x);
/* Both factors in place of a, row i of whose product is row p[i] of a. */
bool ht_pair_lu(int64_t n, ht_pair *a, int64_t *p);
/* Eigenvalues e, and vectors as the columns of v. real: a is, and values stand
 * as on the diagonal of its real Schur form; else by magnitude. */
bool ht_pair_eigen(int64_t n, bool real, const ht_pair *a, ht_pair *e,
                   ht_pair *v);
/* The root r r = a of eigenvalues right of the imaginary axis. */
bool ht_pair_root(int64_t n, const ht_pair *a, ht_pair *r);
/* x of r' x + x r' = d, r' the transpose. */
bool ht_pair_sylvester(int64_t n, const ht_pair *r, const ht_pair *d,
                       ht_pair *x);

#endif
