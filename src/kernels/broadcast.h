/*
 * broadcast.h - elementwise work over up to three broadcast operands: axes are
 * collapsed, rows of equal strides go to a kernel, large work to all threads.
 */
#ifndef HT_KERNELS_BROADCAST_H
#define HT_KERNELS_BROADCAST_H

#include "tensor/tensor.h"

enum { HT_MAX_OPERANDS = 3, HT_DTYPES = 24 };

/*
 * z[i] = f(x[0][i], x[1][i], ...) for n elements; where step[k] is 0, operand
 * k is the one value x[k][0]. For n > 1 at least one step is 1. p is a
 * parameter of the op (alpha, tolerance).
 */
typedef void ht_row_fn(void *z, const void *const *x, const int *step, size_t n,
                       double p);

/* One operation: a row function per dtype of its operands. half and bfloat16
 * go through the one of float where they have none. */
typedef struct ht_kernel {
  ht_row_fn *of[HT_DTYPES];
} ht_kernel;

bool ht_kernel_has(const ht_kernel *k, ht_dtype t);

/*
 * Runs the kernel over n operands of dtype t, broadcast to z's shape (which
 * the caller computed). Where z's dtype is not t, z holds what the kernel
 * writes for t (bool for comparisons). A dtype that it lacks is the caller's
 * mistake: nothing happens.
 */
void ht_kernel_run(const ht_kernel *k, ht_dtype t, int n,
                   const ht_tensor *const *x, double p, ht_tensor *z);

/* z = x, broadcast to z's shape; of any dtype (strings and objects: the bare
 * pointers, the caller sees to their lives). */
void ht_broadcast_copy(const ht_tensor *x, ht_tensor *z);
/* z = c ? t : e, broadcast to z's shape; c is bool, the others of z's dtype. */
void ht_broadcast_select(const ht_tensor *c, const ht_tensor *t,
                         const ht_tensor *e, ht_tensor *z);

#endif
