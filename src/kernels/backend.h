/* backend.h - the library that multiplies matrices, for src/kernels alone:
 * oneDNN where it was found when configuring, else OpenBLAS. */
#ifndef HT_KERNELS_BACKEND_H
#define HT_KERNELS_BACKEND_H

#include "kernels/matmul.h"

/* C = op(A) op(B), plus C where g->add, in the calling thread alone. */
void ht_backend_gemm_f(const ht_gemm *g, const float *a, const float *b,
                       float *c);
void ht_backend_gemm_d(const ht_gemm *g, const double *a, const double *b,
                       double *c);

/* The same product by OpenBLAS, which is always there. */
void ht_blas_gemm_f(const ht_gemm *g, const float *a, const float *b, float *c);

/* oneDNN in this thread alone, and as it was before. */
int ht_dnnl_alone(void);
void ht_dnnl_back(int threads);

#endif
