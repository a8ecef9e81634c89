/*
 * linalg_steps.h - factors of matrices and their gradients, a step on one
 * matrix each, in double or complex128. Gradients follow TensorFlow's (python/
 * ops/linalg_grad.py; the formulas: Giles, "Collected matrix derivative results
 * for forward and reverse mode algorithmic differentiation", 2008; of vectors:
 * Townsend, "Differentiating the Singular Value Decomposition", 2016; Wan and
 * Zhang, "Automatic differentiation for complex valued SVD", 2019; Roberts and
 * Roberts, "QR and LQ Decomposition Matrix Backpropagation Algorithms", 2020).
 */
#ifndef HT_OPS_LINALG_STEPS_H
#define HT_OPS_LINALG_STEPS_H

#include "kernels/linalg.h"
#include "ops/op.h"

enum { HT_LIN_OPERANDS = 6, HT_LIN_ROOMS = 12 };

/* One matrix of a batch; numbers are doubles or pairs. */
typedef struct ht_lin_step {
  int64_t m, n, k; /* of the matrix [m,n]; columns of a right-hand side */
  bool adjoint, lower, flag;
  void *in[HT_LIN_OPERANDS], *out[HT_LIN_OPERANDS];
  void *rooms;  /* HT_LIN_ROOMS squares of the greatest of m, n and k */
  size_t bytes; /* of a number */
} ht_lin_step;
/* The part of the scratch memory that matrix i of a step may use. */
void *ht_lin_room(const ht_lin_step *s, int i);
typedef ht_status ht_lin_fn(const ht_lin_step *s);

/* A step on real and on complex matrices; without the first it takes all
 * matrices as complex. */
typedef struct ht_lin_rule {
  ht_lin_fn *of_reals, *of_pairs;
} ht_lin_rule;

/* A: L, A^-1, (sign, log |det|), det. */
extern const ht_lin_rule ht_lin_cholesky, ht_lin_inverse, ht_lin_log_det,
    ht_lin_det;
/* (A, b): x of A x = b; `adjoint`: of A' x = b. */
extern const ht_lin_rule ht_lin_solve, ht_lin_triangular;
/* A: (e, v), v where `flag`; (q, r), full where `flag`; (s, u, v), the vectors
 * where `adjoint`, full where `flag`. */
extern const ht_lin_rule ht_lin_eigen, ht_lin_qr, ht_lin_svd;

/* (L, dL), (A^-1, d): dA. */
extern const ht_lin_rule ht_lin_cholesky_back, ht_lin_inverse_back;
/* (A, d log |det|), or where `flag` (A, det, d det): dA. */
extern const ht_lin_rule ht_lin_det_back;
/* (A, x, dx): (dA, db). */
extern const ht_lin_rule ht_lin_solve_back, ht_lin_triangular_back;
/* (A, e, v, de, dv): dA. (q, r, dq, dr, A): dA. */
extern const ht_lin_rule ht_lin_eigen_back, ht_lin_qr_back;
/* (A, ds): dA, of the values alone. (s, u, v, ds, du, dv): dA. */
extern const ht_lin_rule ht_lin_svd_back, ht_lin_svd_vectors_back;

#endif
