/*
 * linalg_steps.h - factors of matrices and their gradients, a step on one
 * matrix each, in double. Gradients follow TensorFlow's (python/ops/
 * linalg_grad.py; the formulas: Giles, "Collected matrix derivative results
 * for forward and reverse mode algorithmic differentiation", 2008).
 */
#ifndef HT_OPS_LINALG_STEPS_H
#define HT_OPS_LINALG_STEPS_H

#include "ops/op.h"

enum { HT_LIN_OPERANDS = 6 };

/* One matrix of a batch. */
typedef struct ht_lin_step {
  int64_t m, n, k; /* of the matrix [m,n]; columns of a right-hand side */
  bool adjoint, lower, flag;
  double *in[HT_LIN_OPERANDS], *out[HT_LIN_OPERANDS];
  double *room; /* 8 squares of the greatest of m, n and k */
} ht_lin_step;
typedef ht_status ht_lin_fn(const ht_lin_step *s);

/* A: L, A^-1, (sign, log |det|), det. */
ht_lin_fn ht_lin_cholesky, ht_lin_inverse, ht_lin_log_det, ht_lin_det;
/* (A, b): x of A x = b; `adjoint`: of A' x = b. */
ht_lin_fn ht_lin_solve, ht_lin_triangular;
/* A: (e, v), v where `flag`; (q, r), full where `flag`; (s, u, v), the vectors
 * where `adjoint`, full where `flag`. */
ht_lin_fn ht_lin_eigen, ht_lin_qr, ht_lin_svd;

/* (L, dL), (A^-1, d): dA. */
ht_lin_fn ht_lin_cholesky_back, ht_lin_inverse_back;
/* (A, d log |det|), or where `flag` (A, det, d det): dA. */
ht_lin_fn ht_lin_det_back;
/* (A, x, dx): (dA, db). */
ht_lin_fn ht_lin_solve_back, ht_lin_triangular_back;
/* (A, e, v, de, dv): dA. (q, r, dq, dr): dA. (A, ds): dA. */
ht_lin_fn ht_lin_eigen_back, ht_lin_qr_back, ht_lin_svd_back;

#endif
