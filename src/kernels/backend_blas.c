/* backend_blas.c - OpenBLAS: all of double, and float without oneDNN. */
#include <cblas.h>
#include <pthread.h>

#include "config.h"
#include "kernels/backend.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Threads are ours (ht_parallel): OpenBLAS must not bring its own. It knows
 * only a setting for the whole process, which is set once. */
static void one_thread(void) { openblas_set_num_threads(1); }

static enum CBLAS_TRANSPOSE op(bool t) { return t ? CblasTrans : CblasNoTrans; }

void ht_backend_gemm_d(const ht_gemm *g, const double *a, const double *b,
                       double *c) {
  pthread_once(&once, one_thread);
  cblas_dgemm(CblasRowMajor, op(g->ta), op(g->tb), (int)g->m, (int)g->n,
              (int)g->k, 1, a, (int)g->lda, b, (int)g->ldb, g->add, c,
              (int)g->ldc);
}

#ifndef HAVE_DNNL
void ht_backend_gemm_f(const ht_gemm *g, const float *a, const float *b,
                       float *c) {
  pthread_once(&once, one_thread);
  cblas_sgemm(CblasRowMajor, op(g->ta), op(g->tb), (int)g->m, (int)g->n,
              (int)g->k, 1, a, (int)g->lda, b, (int)g->ldb, g->add, c,
              (int)g->ldc);
}

const char *ht_backend_name(void) { return "OpenBLAS"; }
#endif
