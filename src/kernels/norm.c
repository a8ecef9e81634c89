/* norm.c - statistics and scaling by channel, see norm.h. */
#include "kernels/norm.h"

#include <string.h>

#include "base/parallel.h"
#include "kernels/approx.h"
#include "kernels/real.h"

enum { PLAIN, SQUARES, SLOPES };

typedef struct job {
  const ht_channels *s;
  int what;
  const float *x, *dy, *mean, *a, *b, *k;
  float *y;
  double *sum; /* per chunk: channels, twice for slopes */
  int64_t chunk;
} job;

enum { BLOCK = 32, LANES = 16, STRIP = 64 };

/* What is summed of an element. */
HT_INLINE float term(int what, float x, float m, float d) {
  return what == PLAIN ? x : what == SQUARES ? (x - m) * (x - m) : d * (x - m);
}

/* ---- channels last: rows of channels. A block is summed in float, blocks in
 * double, so that no number of rows costs digits. */

HT_INLINE void strip_sums(const job *j, int what, int64_t row, int64_t rows,
                          int64_t c, double *sum) {
  int64_t n = j->s->channels, w = n - c < STRIP ? n - c : STRIP;
  float one[STRIP] = {0}, two[STRIP] = {0}, mean[STRIP] = {0};
  if (what != PLAIN) memcpy(mean, j->mean + c, (size_t)w * sizeof *mean);
  for (int64_t r = row; r < row + rows; r++) {
    const float *x = j->x + r * n + c;
    const float *d = what == SLOPES ? j->dy + r * n + c : x;
    for (int64_t i = 0; i < w; i++) one[i] += term(what, x[i], mean[i], d[i]);
    if (what == SLOPES)
      for (int64_t i = 0; i < w; i++) two[i] += d[i];
  }
  if (what != SLOPES) {
    for (int64_t i = 0; i < w; i++) sum[c + i] += (double)one[i];
    return;
  }
  for (int64_t i = 0; i < w; i++) sum[c + i] += (double)two[i];
  for (int64_t i = 0; i < w; i++) sum[n + c + i] += (double)one[i];
}

HT_INLINE void block_sums(const job *j, int what, int64_t row, int64_t rows,
                          double *sum) {
  for (int64_t c = 0; c < j->s->channels; c += STRIP)
    strip_sums(j, what, row, rows, c, sum);
}

HT_WIDE static void chunk_sums(const job *j, int64_t from, int64_t to,
                               double *sum) {
  for (int64_t r = from; r < to; r += BLOCK) {
    int64_t rows = to - r < BLOCK ? to - r : BLOCK;
    if (j->what == PLAIN)
      block_sums(j, PLAIN, r, rows, sum);
    else if (j->what == SQUARES)
      block_sums(j, SQUARES, r, rows, sum);
    else
      block_sums(j, SLOPES, r, rows, sum);
  }
}

static int64_t per_chunk(const job *j) {
  return j->s->channels * (j->what == SLOPES ? 2 : 1);
}

static void run_chunks(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = per_chunk(j);
  for (size_t k = from; k < to; k++) {
    int64_t first = (int64_t)k * j->chunk, end = first + j->chunk;
    double *sum = j->sum + (int64_t)k * n;
    memset(sum, 0, (size_t)n * sizeof *sum);
    chunk_sums(j, first, end < j->s->outer ? end : j->s->outer, sum);
  }
}

static ht_status sum_rows(ht_pool *pool, job *j, double *sum) {
  int64_t n = per_chunk(j), grain = (int64_t)ht_grain((double)n / 2);
  int64_t least = (j->s->outer + 63) / 64;
  j->chunk = grain < least ? least : grain;
  int64_t chunks = (j->s->outer + j->chunk - 1) / j->chunk;
  ht_shape shape = ht_shape_2(chunks, n);
  ht_tensor parts;
  HT_TRY(ht_tensor_new(pool, HT_DOUBLE, &shape, &parts));
  j->sum = parts.data;
  ht_parallel((size_t)chunks, 1, run_chunks, j);
  memset(sum, 0, (size_t)n * sizeof *sum);
  for (int64_t k = 0; k < chunks; k++)
    for (int64_t i = 0; i < n; i++) sum[i] += j->sum[k * n + i];
  ht_tensor_drop(&parts);
  return HT_SUCCESS;
}

/* ---- channels before others: runs of one channel */

HT_INLINE void run_sums(int what, int64_t n, const float *x, const float *d,
                        float mean, double *sum) {
  float one[LANES] = {0}, two[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) {
      one[l] += term(what, x[i + l], mean, d[i + l]);
      if (what == SLOPES) two[l] += d[i + l];
    }
  for (int l = 0; i < n; i++, l++) {
    one[l] += term(what, x[i], mean, d[i]);
    two[l] += d[i];
  }
  for (int l = 0; l < LANES; l++) {
    sum[0] += (double)one[l];
    sum[1] += (double)two[l];
  }
}

HT_WIDE static void channel_run(const job *j, int64_t at, int64_t n, float mean,
                                double *sum) {
  const float *x = j->x + at, *d = j->what == SLOPES ? j->dy + at : x;
  if (j->what == PLAIN)
    run_sums(PLAIN, n, x, d, mean, sum);
  else if (j->what == SQUARES)
    run_sums(SQUARES, n, x, d, mean, sum);
  else
    run_sums(SLOPES, n, x, d, mean, sum);
}

static void sum_channel(const job *j, int64_t c) {
  enum { RUN = BLOCK * LANES };
  const ht_channels *s = j->s;
  double sum[2] = {0, 0};
  float mean = j->mean ? j->mean[c] : 0;
  for (int64_t o = 0; o < s->outer; o++)
    for (int64_t i = 0; i < s->inner; i += RUN)
      channel_run(j, (o * s->channels + c) * s->inner + i,
                  s->inner - i < RUN ? s->inner - i : RUN, mean, sum);
  bool slopes = j->what == SLOPES;
  j->sum[c] = sum[slopes];
  if (slopes) j->sum[s->channels + c] = sum[0];
}

static void run_channels(size_t from, size_t to, void *arg) {
  for (size_t c = from; c < to; c++) sum_channel(arg, (int64_t)c);
}

static ht_status sums(ht_pool *pool, job *j, double *sum) {
  if (j->s->inner == 1) return sum_rows(pool, j, sum);
  j->sum = sum;
  double each = (double)j->s->outer * (double)j->s->inner;
  ht_parallel((size_t)j->s->channels, ht_grain(each / 2), run_channels, j);
  return HT_SUCCESS;
}

ht_status ht_channel_sums(ht_pool *pool, const ht_channels *s, const float *x,
                          double *sum) {
  job j = {.s = s, .what = PLAIN, .x = x};
  return sums(pool, &j, sum);
}

ht_status ht_channel_squares(ht_pool *pool, const ht_channels *s,
                             const float *x, const float *mean, double *sum) {
  job j = {.s = s, .what = SQUARES, .x = x, .mean = mean};
  return sums(pool, &j, sum);
}

ht_status ht_channel_slopes(ht_pool *pool, const ht_channels *s, const float *x,
                            const float *mean, const float *dy, double *sum) {
  job j = {.s = s, .what = SLOPES, .x = x, .mean = mean, .dy = dy};
  return sums(pool, &j, sum);
}

/* ---- scaling: a line is a row of channels, or a run of one channel */

HT_INLINE void scale_row(const job *j, int64_t at) {
  const float *x = j->x + at;
  float *y = j->y + at;
  for (int64_t c = 0; c < j->s->channels; c++)
    y[c] = (x[c] - j->mean[c]) * j->a[c] + j->b[c];
}

HT_INLINE void back_row(const job *j, int64_t at) {
  const float *x = j->x + at, *d = j->dy + at;
  float *y = j->y + at;
  for (int64_t c = 0; c < j->s->channels; c++)
    y[c] = (d[c] - j->b[c]) * j->a[c] + (x[c] - j->mean[c]) * j->k[c];
}

HT_INLINE void scale_run(const job *j, int64_t at, int64_t c) {
  const float *x = j->x + at, m = j->mean[c], a = j->a[c], b = j->b[c];
  float *y = j->y + at;
  for (int64_t i = 0; i < j->s->inner; i++) y[i] = (x[i] - m) * a + b;
}

HT_INLINE void back_run(const job *j, int64_t at, int64_t c) {
  const float *x = j->x + at, *d = j->dy + at;
  float *y = j->y + at, m = j->mean[c], a = j->a[c], b = j->b[c], k = j->k[c];
  for (int64_t i = 0; i < j->s->inner; i++)
    y[i] = (d[i] - b) * a + (x[i] - m) * k;
}

HT_WIDE static void lines(size_t from, size_t to, void *arg) {
  const job *j = arg;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++)
    if (j->s->inner == 1 && j->dy)
      back_row(j, i * j->s->channels);
    else if (j->s->inner == 1)
      scale_row(j, i * j->s->channels);
    else if (j->dy)
      back_run(j, i * j->s->inner, i % j->s->channels);
    else
      scale_run(j, i * j->s->inner, i % j->s->channels);
}

static void run_lines(const ht_channels *s, job *j) {
  bool rows = s->inner == 1;
  int64_t n = rows ? s->outer : s->outer * s->channels;
  double each = (double)(rows ? s->channels : s->inner);
  j->s = s;
  if (n) ht_parallel((size_t)n, ht_grain(each), lines, j);
}

void ht_channel_scale(const ht_channels *s, const float *x, const float *mean,
                      const float *a, const float *b, float *y) {
  job j = {.x = x, .mean = mean, .a = a, .b = b, .y = y};
  run_lines(s, &j);
}

void ht_channel_back(const ht_channels *s, const float *x, const float *dy,
                     const float *mean, const float *a, const float *k,
                     const float *b, float *dx) {
  job j = {.x = x, .dy = dy, .mean = mean, .a = a, .k = k, .b = b, .y = dx};
  run_lines(s, &j);
}
