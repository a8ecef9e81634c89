/* backend_blas.c - OpenBLAS: all of double, small products of float, and
 * without oneDNN every product of float. */
#include <cblas.h>
#include <pthread.h>

#include "config.h"
#include "kernels/backend.h"

/* Ends OpenBLAS's threads until something asks for them again. Exported since
 * its first release with threads, but in no header; of another BLAS, NULL. */
extern int blas_thread_shutdown_(void) __attribute__((weak));

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Threads are ours (ht_parallel): OpenBLAS must not bring its own. It knows
 * only a setting for the whole process, which is set once. */
static void one_thread(void) {
  if (openblas_get_num_threads() != 1) openblas_set_num_threads(1);
}

void ht_take_process(void) {
  pthread_once(&once, one_thread);
  if (blas_thread_shutdown_) blas_thread_shutdown_();
}

static enum CBLAS_TRANSPOSE op(bool t) { return t ? CblasTrans : CblasNoTrans; }

void ht_backend_gemm_d(const ht_gemm *g, const double *a, const double *b,
                       double *c) {
  pthread_once(&once, one_thread);
  cblas_dgemm(CblasRowMajor, op(g->ta), op(g->tb), (int)g->m, (int)g->n,
              (int)g->k, 1, a, (int)g->lda, b, (int)g->ldb, g->add, c,
              (int)g->ldc);
}

void ht_blas_gemm_f(const ht_gemm *g, const float *a, const float *b,
                    float *c) {
  pthread_once(&once, one_thread);
  cblas_sgemm(CblasRowMajor, op(g->ta), op(g->tb), (int)g->m, (int)g->n,
              (int)g->k, 1, a, (int)g->lda, b, (int)g->ldb, g->add, c,
              (int)g->ldc);
}

#ifndef HAVE_DNNL
void ht_backend_gemm_f(const ht_gemm *g, const float *a, const float *b,
                       float *c) {
  ht_blas_gemm_f(g, a, b, c);
}

const char *ht_backend_name(void) { return "OpenBLAS"; }
#endif
