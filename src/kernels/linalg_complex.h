/*
 * linalg_complex.h - factors of one square matrix [n,n] whose numbers are
 * complex even where the matrix is real, see linalg.h.
 */
#ifndef HT_KERNELS_LINALG_COMPLEX_H
#define HT_KERNELS_LINALG_COMPLEX_H

#include "kernels/linalg.h"

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
