/* matmul.c - matrix products cut over threads, see matmul.h. */
#include "kernels/matmul.h"

#include <string.h>

#include "base/parallel.h"
#include "kernels/backend.h"

static void clear(size_t size, const ht_gemm *g, char *c) {
  for (int64_t i = 0; i < g->m; i++)
    memset(c + (size_t)(i * g->ldc) * size, 0, (size_t)g->n * size);
}

/* BLAS wants leading dimensions of at least a row, also where there is one
 * row only and they say nothing. */
static int64_t at_least(int64_t ld, int64_t row) { return ld < row ? row : ld; }

void ht_gemm_run(ht_dtype t, const ht_gemm *g, const void *a, const void *b,
                 void *c) {
  if (g->m <= 0 || g->n <= 0) return;
  if (g->k <= 0) {
    if (!g->add) clear(ht_dtype_size(t), g, c);
    return;
  }
  ht_gemm fit = *g;
  fit.lda = at_least(g->lda, g->ta ? g->m : g->k);
  fit.ldb = at_least(g->ldb, g->tb ? g->k : g->n);
  fit.ldc = at_least(g->ldc, g->n);
  if (t == HT_FLOAT)
    ht_backend_gemm_f(&fit, a, b, c);
  else
    ht_backend_gemm_d(&fit, a, b, c);
}

/* ---- one product, cut into blocks of C */

typedef struct blocks {
  const ht_gemm *g;
  const ht_epilogue *e;
  ht_dtype t;
  const char *a, *b;
  char *c;
  int64_t rows, cols; /* of a block */
  int64_t across;     /* blocks side by side */
} blocks;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void run_block(const blocks *p, int64_t k) {
  int64_t i = k / p->across * p->rows, j = k % p->across * p->cols;
  int64_t size = (int64_t)ht_dtype_size(p->t);
  ht_gemm g = *p->g;
  g.m = least(p->rows, g.m - i);
  g.n = least(p->cols, g.n - j);
  ht_gemm_run(p->t, &g, p->a + (g.ta ? i : i * g.lda) * size,
              p->b + (g.tb ? j * g.ldb : j) * size,
              p->c + (i * g.ldc + j) * size);
  if (!p->e) return;
  ht_epilogue e = *p->e;
  if (e.scale) e.scale += j;
  if (e.bias) e.bias += j;
  ht_epilogue_rows(&e, g.m, g.n, g.ldc, (float *)(void *)p->c + i * g.ldc + j);
}

static void run_blocks(size_t from, size_t to, void *arg) {
  for (size_t k = from; k < to; k++) run_block(arg, (int64_t)k);
}

static int64_t half_of(int64_t n, int64_t unit) {
  return ((n + 1) / 2 + unit - 1) / unit * unit;
}

/* Blocks of at least some milliseconds' work, else of the whole: packing and
 * starting threads have to pay. */
static void choose_blocks(blocks *p) {
  enum { ENOUGH = 16, WORK = 4 << 20 };
  const ht_gemm *g = p->g;
  p->rows = g->m;
  p->cols = g->n;
  int64_t n = 1;
  while (n < ENOUGH || p->rows > 1024 || p->cols > 2048) {
    double work = (double)p->rows * (double)p->cols * (double)g->k;
    if (work < 2.0 * WORK) break;
    if (p->rows >= p->cols && p->rows > 48)
      p->rows = half_of(p->rows, 24);
    else if (p->cols > 64)
      p->cols = half_of(p->cols, 32);
    else
      break;
    n = ((g->m + p->rows - 1) / p->rows) * ((g->n + p->cols - 1) / p->cols);
  }
  p->across = (g->n + p->cols - 1) / p->cols;
}

void ht_matmul(ht_dtype t, const ht_gemm *g, const void *a, const void *b,
               void *c) {
  ht_matmul_with(t, g, NULL, a, b, c);
}

void ht_matmul_with(ht_dtype t, const ht_gemm *g, const ht_epilogue *e,
                    const void *a, const void *b, void *c) {
  if (g->m <= 0 || g->n <= 0) return;
  blocks p = {.g = g, .e = e, .t = t, .a = a, .b = b, .c = c};
  choose_blocks(&p);
  int64_t down = (g->m + p.rows - 1) / p.rows;
  ht_parallel((size_t)(down * p.across), 1, run_blocks, &p);
}

/* ---- many products */

typedef struct items {
  const ht_batch *batch;
  const ht_gemm *g;
  ht_dtype t;
  const char *a, *b;
  char *c;
  bool whole; /* each item is cut by itself */
} items;

static void run_item(const items *p, int64_t k) {
  const ht_batch *batch = p->batch;
  int64_t a = 0, b = 0, c = 0, size = (int64_t)ht_dtype_size(p->t);
  for (int d = batch->rank - 1; d >= 0; d--) {
    int64_t i = k % batch->dim[d];
    k /= batch->dim[d];
    a += i * batch->a_step[d];
    b += i * batch->b_step[d];
    c += i * batch->c_step[d];
  }
  void (*run)(ht_dtype, const ht_gemm *, const void *, const void *, void *) =
      p->whole ? ht_matmul : ht_gemm_run;
  run(p->t, p->g, p->a + a * size, p->b + b * size, p->c + c * size);
}

static void run_items(size_t from, size_t to, void *arg) {
  for (size_t k = from; k < to; k++) run_item(arg, (int64_t)k);
}

void ht_batch_matmul(ht_dtype t, const ht_batch *batch, const ht_gemm *g,
                     const void *a, const void *b, void *c) {
  int64_t n = 1;
  for (int d = 0; d < batch->rank; d++) n *= batch->dim[d];
  items p = {batch, g, t, a, b, c, n < 4};
  if (p.whole) {
    run_items(0, (size_t)n, &p);
    return;
  }
  double work = (double)g->m * (double)g->n * (double)(g->k + 1);
  double grain = (1 << 20) / (work + 1);
  ht_parallel((size_t)n, grain < 1 ? 1 : (size_t)grain, run_items, &p);
}
