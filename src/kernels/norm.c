/* norm.c - statistics and scaling by channel, see norm.h. */
#include "kernels/norm.h"

#include <string.h>

#include "base/parallel.h"
#include "kernels/approx.h"
#include "kernels/real.h"

enum { PLAIN, SQUARES, SLOPES, GATED, GATED_TWO };

typedef struct job {
  const ht_channels *s;
  ht_scaling by; /* of slopes and lines */
  int what;
  const float *x, *dy, *c0, *c1, *plus, *gate, *late;
  float *y;     /* of GATED: d */
  double *part; /* per chunk: channels, twice or more */
  int64_t chunk;
} job;

enum { BLOCK = 32, LANES = 16, STRIP = 64 };

/* dy behind the activation that made y, or takes it: the same gate. */
HT_INLINE float gated(ht_activation kind, float y, float dy) {
  if (kind == HT_LINEAR) return dy;
  return y > 0 && (kind != HT_RELU6 || y < 6) ? dy : 0;
}

/* dy behind the activation of y = (x - m) a + b. */
HT_INLINE float behind(ht_activation kind, float x, float m, float a, float b,
                       float dy) {
  return gated(kind, (x - m) * a + b, dy);
}

HT_INLINE float in_front(ht_activation kind, float y) {
  if (kind == HT_LINEAR) return y;
  y = y < 0 ? 0 : y;
  return kind == HT_RELU6 && y > 6 ? 6 : y;
}

/* ---- channels last: rows of channels. A block is summed in float, blocks in
 * double, so that no number of rows costs digits. */

/* `w` channels from c on; a constant where it is inlined, so that the sums stay
 * in registers. PLAIN and SQUARES add to one, the others d to one and
 * d (x - m) to two. */
HT_INLINE void strip_sums(const job *j, int what, ht_activation kind,
                          const float *means, int64_t row, int64_t rows,
                          int64_t c, int64_t w, double *one, double *two) {
  int64_t n = j->s->channels;
  float s1[STRIP] = {0}, s2[STRIP] = {0}, m[STRIP] = {0}, a[STRIP] = {0},
        b[STRIP] = {0};
  for (int64_t i = 0; i < w; i++) {
    if (what != PLAIN) m[i] = means[c + i];
    if (what == SLOPES && kind != HT_LINEAR)
      a[i] = j->by.a[c + i], b[i] = j->by.b[c + i];
  }
  for (int64_t r = row; r < row + rows; r++) {
    const float *x = j->x + r * n + c;
    const float *dy = what >= SLOPES ? j->dy + r * n + c : x;
    const float *gate = what >= GATED ? j->gate + r * n + c : x;
    const float *late = what == GATED_TWO ? j->late + r * n + c : x;
    float *to = what >= GATED ? j->y + r * n + c : NULL;
#pragma GCC ivdep /* d may stand where dy does */
    for (int64_t i = 0; i < w; i++) {
      float d = x[i] - m[i];
      if (what == PLAIN) s1[i] += x[i];
      if (what == SQUARES) s1[i] += d * d;
      if (what < SLOPES) continue;
      float all = what == GATED_TWO ? dy[i] + late[i] : dy[i];
      float g = what >= GATED ? gated(kind, gate[i], all)
                              : behind(kind, x[i], m[i], a[i], b[i], all);
      if (what >= GATED) to[i] = g;
      s1[i] += g;
      s2[i] += g * d;
    }
  }
  for (int64_t i = 0; i < w; i++) one[c + i] += (double)s1[i];
  if (what >= SLOPES)
    for (int64_t i = 0; i < w; i++) two[c + i] += (double)s2[i];
}

HT_INLINE void block_sums(const job *j, int what, ht_activation kind,
                          const float *means, int64_t row, int64_t rows,
                          double *one, double *two) {
  int64_t n = j->s->channels, c = 0;
  for (; c + STRIP <= n; c += STRIP)
    strip_sums(j, what, kind, means, row, rows, c, STRIP, one, two);
  for (; c + LANES <= n; c += LANES)
    strip_sums(j, what, kind, means, row, rows, c, LANES, one, two);
  if (c < n) strip_sums(j, what, kind, means, row, rows, c, n - c, one, two);
}

HT_INLINE void rows_sums(const job *j, int what, ht_activation kind,
                         const float *means, int64_t from, int64_t to,
                         double *one, double *two) {
  for (int64_t r = from; r < to; r += BLOCK)
    block_sums(j, what, kind, means, r, to - r < BLOCK ? to - r : BLOCK, one,
               two);
}

HT_WIDE static void plain_rows(const job *j, int64_t from, int64_t to,
                               double *sum) {
  rows_sums(j, PLAIN, HT_LINEAR, NULL, from, to, sum, NULL);
}

HT_WIDE static void squares_rows(const job *j, const float *means, int64_t from,
                                 int64_t to, double *sum) {
  rows_sums(j, SQUARES, HT_LINEAR, means, from, to, sum, NULL);
}

HT_WIDE static void slopes_rows(const job *j, int64_t from, int64_t to,
                                double *one, double *two) {
  const float *m = j->by.mean;
  if (j->by.activation == HT_RELU6)
    rows_sums(j, SLOPES, HT_RELU6, m, from, to, one, two);
  else if (j->by.activation == HT_RELU)
    rows_sums(j, SLOPES, HT_RELU, m, from, to, one, two);
  else
    rows_sums(j, SLOPES, HT_LINEAR, m, from, to, one, two);
}

HT_INLINE void gated_of(const job *j, ht_activation kind, int64_t from,
                        int64_t to, double *one, double *two) {
  if (j->what == GATED)
    rows_sums(j, GATED, kind, j->by.mean, from, to, one, two);
  else
    rows_sums(j, GATED_TWO, kind, j->by.mean, from, to, one, two);
}

HT_WIDE static void gated_rows(const job *j, int64_t from, int64_t to,
                               double *one, double *two) {
  if (j->by.activation == HT_RELU6)
    gated_of(j, HT_RELU6, from, to, one, two);
  else
    gated_of(j, HT_RELU, from, to, one, two);
}

/* Merges the mean and the sum of squares around it of `rows` rows into those
 * of `seen` (Chan, Golub, LeVeque 1979). */
static void merge(int64_t n, double seen, double rows, const double *mean,
                  const double *square, double *to_mean, double *to_square) {
  double all = seen + rows, share = rows / all;
  for (int64_t c = 0; c < n; c++) {
    double d = mean[c] - to_mean[c];
    to_mean[c] += d * share;
    to_square[c] += square[c] + d * d * seen * share;
  }
}

enum { MOMENT_ARRAYS = 5 }; /* mean, square; of a block: mean, square, float */

/* Moments of rows, in parts that stay in cache between their two passes. */
static void rows_moments(const job *j, int64_t from, int64_t to, double *part) {
  enum { CACHED = 1 << 15 };
  int64_t n = j->s->channels, rows = CACHED / n + 1;
  double *mean = part + 2 * n, *square = part + 3 * n;
  float *means = (float *)(void *)(part + 4 * n);
  memset(part, 0, (size_t)(2 * n) * sizeof *part);
  for (int64_t r = from; r < to; r += rows) {
    int64_t m = to - r < rows ? to - r : rows;
    memset(mean, 0, (size_t)(2 * n) * sizeof *mean);
    plain_rows(j, r, r + m, mean);
    for (int64_t c = 0; c < n; c++)
      means[c] = (float)(mean[c] / (double)m), mean[c] = (double)means[c];
    squares_rows(j, means, r, r + m, square);
    merge(n, (double)(r - from), (double)m, mean, square, part, part + n);
  }
}

static void run_chunks(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = j->s->channels;
  for (size_t k = from; k < to; k++) {
    int64_t first = (int64_t)k * j->chunk, end = first + j->chunk;
    if (end > j->s->outer) end = j->s->outer;
    double *part = j->part + (int64_t)k * MOMENT_ARRAYS * n;
    if (j->what < SLOPES) {
      rows_moments(j, first, end, part);
      continue;
    }
    memset(part, 0, (size_t)(2 * n) * sizeof *part);
    (j->what == SLOPES ? slopes_rows : gated_rows)(j, first, end, part,
                                                   part + n);
  }
}

/* Chunks of rows; their results are added, or merged, in order. */
static ht_status sum_rows(ht_pool *pool, job *j, double *one, double *two) {
  int64_t n = j->s->channels, grain = (int64_t)ht_grain((double)n / 2);
  int64_t least = (j->s->outer + 63) / 64;
  j->chunk = grain < least ? least : grain;
  int64_t chunks = (j->s->outer + j->chunk - 1) / j->chunk;
  ht_shape shape = ht_shape_2(chunks, MOMENT_ARRAYS * n);
  ht_tensor parts;
  HT_TRY(ht_tensor_new(pool, HT_DOUBLE, &shape, &parts));
  j->part = parts.data;
  ht_parallel((size_t)chunks, 1, run_chunks, j);
  memset(one, 0, (size_t)n * sizeof *one);
  memset(two, 0, (size_t)n * sizeof *two);
  for (int64_t k = 0; k < chunks; k++) {
    const double *p = j->part + k * MOMENT_ARRAYS * n;
    int64_t seen = k * j->chunk, left = j->s->outer - seen;
    if (j->what < SLOPES)
      merge(n, (double)seen, (double)(left < j->chunk ? left : j->chunk), p,
            p + n, one, two);
    for (int64_t i = 0; j->what >= SLOPES && i < n; i++)
      one[i] += p[i], two[i] += p[n + i];
  }
  ht_tensor_drop(&parts);
  return HT_SUCCESS;
}

/* ---- channels before others: runs of one channel */

HT_INLINE void run_sums(int what, ht_activation kind, int64_t n, const float *x,
                        const float *dy, float m, float a, float b,
                        double *sum) {
  float one[LANES] = {0}, two[LANES] = {0};
  for (int64_t i = 0; i < n; i += LANES)
    for (int l = 0; l < LANES && i + l < n; l++) {
      float v = x[i + l], d = v - m;
      if (what == PLAIN) one[l] += v;
      if (what == SQUARES) one[l] += d * d;
      if (what != SLOPES) continue;
      float g = behind(kind, v, m, a, b, dy[i + l]);
      one[l] += g;
      two[l] += g * d;
    }
  for (int l = 0; l < LANES; l++) {
    sum[0] += (double)one[l];
    sum[1] += (double)two[l];
  }
}

HT_WIDE static void channel_run(const job *j, int what, int64_t at, int64_t n,
                                int64_t c, float mean, double *sum) {
  const float *x = j->x + at, *dy = what == SLOPES ? j->dy + at : x;
  ht_activation kind = j->by.activation;
  float a = 0, b = 0;
  if (what == SLOPES && kind != HT_LINEAR) a = j->by.a[c], b = j->by.b[c];
  if (what == PLAIN)
    run_sums(PLAIN, HT_LINEAR, n, x, dy, mean, a, b, sum);
  else if (what == SQUARES)
    run_sums(SQUARES, HT_LINEAR, n, x, dy, mean, a, b, sum);
  else
    run_sums(SLOPES, kind, n, x, dy, mean, a, b, sum);
}

static void channel_sums(const job *j, int what, int64_t c, float mean,
                         double *sum) {
  enum { RUN = BLOCK * LANES };
  const ht_channels *s = j->s;
  sum[0] = sum[1] = 0;
  for (int64_t o = 0; o < s->outer; o++)
    for (int64_t i = 0; i < s->inner; i += RUN)
      channel_run(j, what, (o * s->channels + c) * s->inner + i,
                  s->inner - i < RUN ? s->inner - i : RUN, c, mean, sum);
}

static void run_channels(size_t from, size_t to, void *arg) {
  const job *j = arg;
  double sum[2], *one = j->part, *two = j->part + j->s->channels;
  double n = (double)j->s->outer * (double)j->s->inner;
  for (size_t c = from; c < to; c++) {
    if (j->what == SLOPES) {
      channel_sums(j, SLOPES, (int64_t)c, j->by.mean[c], sum);
      one[c] = sum[0], two[c] = sum[1];
      continue;
    }
    channel_sums(j, PLAIN, (int64_t)c, 0, sum);
    float mean = (float)(sum[0] / n);
    one[c] = (double)mean;
    channel_sums(j, SQUARES, (int64_t)c, mean, sum);
    two[c] = sum[0];
  }
}

/* one and two: n values each, one after the other where inner is not 1. */
static ht_status sums(ht_pool *pool, job *j, double *one, double *two) {
  if (j->s->inner == 1) return sum_rows(pool, j, one, two);
  ht_shape shape = ht_shape_2(2, j->s->channels);
  ht_tensor both;
  size_t bytes = (size_t)j->s->channels * sizeof(double);
  HT_TRY(ht_tensor_new(pool, HT_DOUBLE, &shape, &both));
  j->part = both.data;
  double each = (double)j->s->outer * (double)j->s->inner;
  ht_parallel((size_t)j->s->channels, ht_grain(each / 2), run_channels, j);
  memcpy(one, j->part, bytes);
  memcpy(two, j->part + j->s->channels, bytes);
  ht_tensor_drop(&both);
  return HT_SUCCESS;
}

/* Nothing has no moments: NaN. */
ht_status ht_channel_moments(ht_pool *pool, const ht_channels *s,
                             const float *x, double *mean, double *variance) {
  job j = {.s = s, .what = SQUARES, .x = x};
  double n = (double)s->outer * (double)s->inner;
  HT_TRY(sums(pool, &j, mean, variance));
  for (int64_t c = 0; c < s->channels; c++) {
    variance[c] /= n;
    if (n < 1) mean[c] = variance[c];
  }
  return HT_SUCCESS;
}

ht_status ht_channel_slopes(ht_pool *pool, const ht_channels *s,
                            const ht_scaling *by, const float *x,
                            const float *dy, double *sum) {
  job j = {.s = s, .by = *by, .what = SLOPES, .x = x, .dy = dy};
  return sums(pool, &j, sum, sum + s->channels);
}

ht_status ht_channel_gated_slopes(ht_pool *pool, const ht_channels *s,
                                  const ht_scaling *by, const float *x,
                                  const float *y, const float *const dy[2],
                                  float *d, double *sum) {
  job j = {.s = s,
           .by = *by,
           .what = dy[1] ? GATED_TWO : GATED,
           .x = x,
           .dy = dy[0],
           .late = dy[1],
           .gate = y,
           .y = d};
  return sum_rows(pool, &j, sum, sum + s->channels);
}

/* ---- scaling: a line is a row of channels, or a run of one channel */

enum { FORWARD, FORWARD_ADD, BACK };

HT_INLINE float line_value(const job *j, ht_activation kind, int way,
                           int64_t at, int64_t c) {
  float m = j->by.mean[c], a = j->by.a[c], x = j->x[at];
  if (way == FORWARD) return in_front(kind, (x - m) * a + j->by.b[c]);
  if (way == FORWARD_ADD)
    return in_front(kind, (x - m) * a + j->by.b[c] + j->plus[at]);
  float b = kind == HT_LINEAR ? 0 : j->by.b[c];
  float d = behind(kind, x, m, a, b, j->dy[at]);
  return (d - j->c0[c]) * a + (x - m) * j->c1[c];
}

HT_INLINE void line(const job *j, ht_activation kind, int way, int64_t i) {
  int64_t n = j->s->inner == 1 ? j->s->channels : j->s->inner;
  float *y = j->y + i * n; /* may be where dy is */
  if (j->s->inner == 1)
#pragma GCC ivdep
    for (int64_t c = 0; c < n; c++)
      y[c] = line_value(j, kind, way, i * n + c, c);
  else
#pragma GCC ivdep
    for (int64_t k = 0; k < n; k++)
      y[k] = line_value(j, kind, way, i * n + k, i % j->s->channels);
}

HT_INLINE void lines_of(const job *j, ht_activation kind, int way, size_t from,
                        size_t to) {
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) line(j, kind, way, i);
}

HT_INLINE void lines(const job *j, int way, size_t from, size_t to) {
  if (j->by.activation == HT_RELU6)
    lines_of(j, HT_RELU6, way, from, to);
  else if (j->by.activation == HT_RELU)
    lines_of(j, HT_RELU, way, from, to);
  else
    lines_of(j, HT_LINEAR, way, from, to);
}

HT_WIDE static void forward_lines(size_t from, size_t to, void *arg) {
  lines(arg, FORWARD, from, to);
}

HT_WIDE static void add_lines(size_t from, size_t to, void *arg) {
  lines(arg, FORWARD_ADD, from, to);
}

HT_WIDE static void back_lines(size_t from, size_t to, void *arg) {
  lines(arg, BACK, from, to);
}

static void run_lines(const ht_channels *s, job *j, ht_range_fn *fn) {
  bool rows = s->inner == 1;
  int64_t n = rows ? s->outer : s->outer * s->channels;
  double each = (double)(rows ? s->channels : s->inner);
  j->s = s;
  if (n) ht_parallel((size_t)n, ht_grain(each), fn, j);
}

void ht_channel_scale(const ht_channels *s, const ht_scaling *by,
                      const float *x, float *y) {
  job j = {.by = *by, .x = x, .y = y};
  run_lines(s, &j, forward_lines);
}

void ht_channel_scale_add(const ht_channels *s, const ht_scaling *by,
                          const float *x, const float *plus, float *y) {
  job j = {.by = *by, .x = x, .plus = plus, .y = y};
  run_lines(s, &j, add_lines);
}

void ht_channel_back(const ht_channels *s, const ht_scaling *by,
                     const float *c0, const float *c1, const float *x,
                     const float *dy, float *dx) {
  job j = {.by = *by, .x = x, .dy = dy, .c0 = c0, .c1 = c1, .y = dx};
  run_lines(s, &j, back_lines);
}
