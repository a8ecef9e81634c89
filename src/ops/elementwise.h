/* elementwise.h - kernels of src/kernels/broadcast.h as ops and gradients. */
#ifndef HT_OPS_ELEMENTWISE_H
#define HT_OPS_ELEMENTWISE_H

#include "kernels/broadcast.h"
#include "ops/op.h"

/* The shape that n tensors broadcast to. */
ht_status ht_broadcast_all(int n, const ht_tensor *const *x,
                           ht_shape *out) HT_MUST_CHECK;

/* *z = kernel(x...), a new tensor of dtype `out` and the broadcast shape. All
 * operands have one dtype. */
ht_status ht_elementwise(ht_pool *pool, const ht_kernel *k, int n,
                         const ht_tensor *const *x, double p, ht_dtype out,
                         ht_tensor *z) HT_MUST_CHECK;

/* A scalar of any number type. */
ht_status ht_number(ht_pool *pool, ht_dtype t, double value,
                    ht_tensor *out) HT_MUST_CHECK;

/* out[0] = kernel(in...): of the dtype of the inputs, or bool. */
ht_status ht_elementwise_call(ht_call *c, const ht_kernel *k,
                              double p) HT_MUST_CHECK;
ht_status ht_elementwise_test(ht_call *c, const ht_kernel *k,
                              double p) HT_MUST_CHECK;

/* Gives kernel(x...) to input i, where it is wanted. */
ht_status ht_elementwise_give(ht_back *b, int i, const ht_kernel *k, int n,
                              const ht_tensor *const *x,
                              double p) HT_MUST_CHECK;

/* Whether rows arrive that are rows of input i, too: it has the shape of
 * output 0. */
bool ht_rows_arrive(const ht_back *b, int i);
/* Gives kernel(rows), or kernel(rows, y) where y is a scalar, to input i. */
ht_status ht_elementwise_give_rows(ht_back *b, int i, const ht_kernel *k,
                                   const ht_tensor *y) HT_MUST_CHECK;

/* Gives the cotangent of output 0 itself, or its negative: also as rows, of
 * ops with HT_OP_ROWS_GRAD. */
ht_status ht_give_same(ht_back *b, int i) HT_MUST_CHECK;
ht_status ht_give_negative(ht_back *b, int i) HT_MUST_CHECK;

#endif
