/* backend_dnnl.c - oneDNN, where configure found it. */
#include "config.h"

#ifdef HAVE_DNNL
#include <dnnl.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "kernels/backend.h"

/* oneDNN takes as many threads as OpenMP offers outside a parallel region;
 * how it cuts would then depend on their number. */
int ht_dnnl_alone(void) {
#ifdef _OPENMP
  int n = omp_in_parallel() ? 1 : omp_get_max_threads();
  if (n != 1) omp_set_num_threads(1);
  return n;
#else
  return 1;
#endif
}

void ht_dnnl_back(int n) {
#ifdef _OPENMP
  if (n != 1) omp_set_num_threads(n);
#else
  (void)n;
#endif
}

/* Up to here OpenBLAS is as fast, and the first product needs no 20 ms to
 * compile kernels for it: a head on an embedding never asks for more. */
static const double small = 1 << 19;

void ht_backend_gemm_f(const ht_gemm *g, const float *a, const float *b,
                       float *c) {
  if ((double)g->m * (double)g->n * (double)g->k <= small) {
    ht_blas_gemm_f(g, a, b, c);
    return;
  }
  int threads = ht_dnnl_alone();
  dnnl_sgemm(g->ta ? 'T' : 'N', g->tb ? 'T' : 'N', g->m, g->n, g->k, 1, a,
             g->lda, b, g->ldb, g->add, c, g->ldc);
  ht_dnnl_back(threads);
}

const char *ht_backend_name(void) { return "oneDNN"; }
#else
/* A file with nothing in it is no C. */
extern int ht_backend_dnnl_unused;
#endif
