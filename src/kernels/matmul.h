/* matmul.h - matrix products on raw pointers, float and double. */
#ifndef HT_KERNELS_MATMUL_H
#define HT_KERNELS_MATMUL_H

#include "kernels/epilogue.h"
#include "tensor/tensor.h"

/*
 * C[m,n] = op(A)[m,k] op(B)[k,n], row-major. lda, ldb, ldc: elements from one
 * stored row to the next. ta: A is stored [k,m]; tb: B is stored [n,k].
 * With k = 0, C becomes zero.
 */
typedef struct ht_gemm {
  bool ta, tb;
  bool add; /* C += */
  int64_t m, n, k, lda, ldb, ldc;
} ht_gemm;

/* In the calling thread alone. `t` is HT_FLOAT or HT_DOUBLE. */
void ht_gemm_run(ht_dtype t, const ht_gemm *g, const void *a, const void *b,
                 void *c);
/* Cut by size over threads: the same bits on any number of them. */
void ht_matmul(ht_dtype t, const ht_gemm *g, const void *a, const void *b,
               void *c);

/* The same, then what e says of C's columns (NULL: nothing; floats only). */
void ht_matmul_with(ht_dtype t, const ht_gemm *g, const ht_epilogue *e,
                    const void *a, const void *b, void *c);

/*
 * Products over batch axes: item (i_0 .. i_r-1) of A starts i . a_step
 * elements after the first; steps may be 0 (broadcast).
 */
typedef struct ht_batch {
  int rank;
  int64_t dim[2 * HT_MAX_RANK];
  int64_t a_step[2 * HT_MAX_RANK], b_step[2 * HT_MAX_RANK];
  int64_t c_step[2 * HT_MAX_RANK];
} ht_batch;

void ht_batch_matmul(ht_dtype t, const ht_batch *batch, const ht_gemm *g,
                     const void *a, const void *b, void *c);

/* The library behind, for reports: "oneDNN" or "OpenBLAS". */
const char *ht_backend_name(void);

#endif
