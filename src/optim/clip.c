/* clip.c - see clip.h. */
#include "optim/clip.h"

#include <math.h>
#include <stdlib.h>

#include "base/parallel.h"
#include "kernels/real.h"

enum { CHUNK = 1 << 14 };

typedef struct square_job {
  const ht_tensor *g;
  double *sum; /* per chunk */
} square_job;

/* Eight partial sums, so that the order is fixed and the loop is wide. */
#define SQUARE_SUM(name, type)                             \
  HT_WIDE static double name(const type *g, size_t n) {    \
    double part[8] = {0}, sum = 0;                         \
    size_t i = 0;                                          \
    for (; i + 8 <= n; i += 8)                             \
      for (int k = 0; k < 8; k++)                          \
        part[k] += (double)g[i + k] * (double)g[i + k];    \
    for (; i < n; i++) sum += (double)g[i] * (double)g[i]; \
    for (int k = 0; k < 8; k++) sum += part[k];            \
    return sum;                                            \
  }
SQUARE_SUM(square_sum_f, float)
SQUARE_SUM(square_sum_d, double)

static void square_range(size_t from, size_t to, void *arg) {
  const square_job *j = arg;
  j->sum[from / CHUNK] =
      j->g->dtype == HT_DOUBLE
          ? square_sum_d(HT_DATA(double, j->g) + from, to - from)
          : square_sum_f(ht_f(j->g) + from, to - from);
}

static ht_status squares(const ht_tensor *g, double *total) {
  size_t n = (size_t)ht_count(g), chunks = n / CHUNK + 1;
  double *sum = calloc(chunks, sizeof *sum);
  if (!sum) return ht_fail(HT_NO_MEMORY, "no memory for the gradient's norm");
  square_job job = {g, sum};
  ht_parallel(n, CHUNK, square_range, &job);
  for (size_t i = 0; i < chunks; i++) *total += sum[i];
  free(sum);
  return HT_SUCCESS;
}

ht_status ht_clip(ht_optimizer *o, double limit, double *norm, double *scale) {
  double total = 0;
  *norm = 0;
  *scale = 1;
  for (int i = 0; i < o->n_tuned; i++) {
    ht_cotangent *g = &o->tuned[i].gradient;
    HT_TRY(ht_cotangent_unique(NULL, g));
    if (limit <= 0) continue;
    if (g->dense.dtype) HT_TRY(squares(&g->dense, &total));
    if (g->values.dtype) HT_TRY(squares(&g->values, &total));
  }
  if (limit <= 0) return HT_SUCCESS;
  if (!isfinite(total))
    return ht_fail(HT_NUMERIC, "the norm of the gradient is not finite");
  *norm = sqrt(total);
  if (*norm > limit) *scale = limit / *norm;
  return HT_SUCCESS;
}
