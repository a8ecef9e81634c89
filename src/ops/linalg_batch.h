/*
 * linalg_batch.h - a step on one matrix (linalg_steps.h), run for each of a
 * batch: operands are widened, the step runs, results are rounded.
 */
#ifndef HT_OPS_LINALG_BATCH_H
#define HT_OPS_LINALG_BATCH_H

#include "ops/linalg_steps.h"

typedef struct ht_lin_batch {
  ht_lin_step s;
  ht_lin_fn *fn;
  bool pairs;     /* numbers of the step are complex128, else double */
  bool broadcast; /* all operands are matrices, some of smaller batches */
  ht_shape lead;  /* of the batch */
  int n_in, n_out;
  const ht_tensor *in[HT_LIN_OPERANDS]; /* NULL: the step takes none there */
  ht_tensor *out[HT_LIN_OPERANDS];
  ht_tensor wide_in[HT_LIN_OPERANDS], wide_out[HT_LIN_OPERANDS];
} ht_lin_batch;

/* A batch of matrices like x: of its shape and kind of numbers. */
ht_lin_batch ht_lin_batch_of(const ht_tensor *x, const ht_lin_rule *rule);
/* The next operand. */
void ht_lin_reads(ht_lin_batch *b, const ht_tensor *t);
void ht_lin_writes(ht_lin_batch *b, ht_tensor *t);
ht_status ht_lin_run(ht_pool *pool, ht_lin_batch *b) HT_MUST_CHECK;

/* The shape of x without its last two dimensions, with n (a, then b). */
ht_shape ht_lin_tail(const ht_shape *x, int n, int64_t a, int64_t b);
/* Input 0 has matrices of floats or complex numbers, square ones. */
ht_status ht_lin_check(const ht_call *c, bool square) HT_MUST_CHECK;
/* Runs a gradient of input 0 and gives it. */
ht_status ht_lin_give_first(ht_back *b, ht_lin_batch *w) HT_MUST_CHECK;
/* The same of values (output 0) and, with `compute_v`, vectors (output 1) of
 * matrices: operands are input, outputs and their cotangents. */
ht_status ht_lin_give_eigen(ht_back *b, ht_lin_batch *w) HT_MUST_CHECK;
/* The cotangent of output i, or zeros where none arrives. */
ht_status ht_lin_arrived(ht_back *b, int i, ht_tensor *out) HT_MUST_CHECK;

#endif
