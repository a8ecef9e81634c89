/* segment.c - see segment.h. */
#include "kernels/segment.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"

enum { GRAIN = 1 << 14 };

static double scale_of(ht_segment_kind kind, int64_t n) {
  if (kind == HT_SEGMENT_MEAN) return 1.0 / (double)n;
  return kind == HT_SEGMENT_SQRTN ? 1.0 / sqrt((double)n) : 1;
}

#define LOOP for (int64_t d = 0; d < dim; d++)

typedef float _Complex complex64;
typedef double _Complex complex128;
#define LESS(a, b) ((a) < (b))
#define UNORDERED(a, b) false

/* Reduces one segment: the first row is taken, the others join it. Arithmetic
 * is in W: integers wrap. BELOW compares. */
#define REDUCE(T, W, LOW, HIGH, BELOW)                                \
  static void fill_##T(const ht_segments *s, T *restrict out) {       \
    int64_t dim = s->dim;                                             \
    T value = s->kind == HT_SEGMENT_PROD ? 1 : 0;                     \
    if (s->identity && s->kind == HT_SEGMENT_MAX) value = LOW;        \
    if (s->identity && s->kind == HT_SEGMENT_MIN) value = HIGH;       \
    LOOP out[d] = value;                                              \
  }                                                                   \
  static void join_##T(ht_segment_kind kind, T *restrict out,         \
                       const T *restrict x, int64_t dim) {            \
    if (kind == HT_SEGMENT_MAX)                                       \
      LOOP out[d] = BELOW(out[d], x[d]) ? x[d] : out[d];              \
    else if (kind == HT_SEGMENT_MIN)                                  \
      LOOP out[d] = BELOW(x[d], out[d]) ? x[d] : out[d];              \
    else if (kind == HT_SEGMENT_PROD)                                 \
      LOOP out[d] = (T)((W)out[d] * (W)x[d]);                         \
    else                                                              \
      LOOP out[d] = (T)((W)out[d] + (W)x[d]);                         \
  }                                                                   \
  static void weighted_##T(T *restrict out, const T *restrict x, T w, \
                           bool first, int64_t dim) {                 \
    if (first)                                                        \
      LOOP out[d] = (T)((W)w * (W)x[d]);                              \
    else                                                              \
      LOOP out[d] = (T)((W)out[d] + (W)w * (W)x[d]);                  \
  }                                                                   \
  static void scale_##T(T *restrict out, T by, int64_t dim) {         \
    LOOP out[d] = (T)((W)out[d] * (W)by);                             \
  }                                                                   \
  static void segment_##T(const ht_segments *s, int64_t k) {          \
    T *out = (T *)s->out + k * s->dim;                                \
    int64_t from = s->start[k], to = s->start[k + 1];                 \
    if (from == to) {                                                 \
      fill_##T(s, out);                                               \
      return;                                                         \
    }                                                                 \
    for (int64_t i = from; i < to; i++) {                             \
      int64_t row = s->row ? s->row[i] : i;                           \
      const T *x = (const T *)s->data + row * s->dim;                 \
      if (s->weight)                                                  \
        weighted_##T(out, x, (T)s->weight[row], i == from, s->dim);   \
      else if (i == from)                                             \
        memcpy(out, x, (size_t)s->dim * sizeof *x);                   \
      else                                                            \
        join_##T(s->kind, out, x, s->dim);                            \
    }                                                                 \
    if (s->kind == HT_SEGMENT_SQRTN)                                  \
      scale_##T(out, (T)scale_of(s->kind, to - from), s->dim);        \
    if (s->kind == HT_SEGMENT_MEAN)                                   \
      for (int64_t d = 0; d < s->dim; d++) out[d] /= (T)(to - from);  \
  }

REDUCE(float, float, -FLT_MAX, FLT_MAX, LESS)
REDUCE(double, double, -DBL_MAX, DBL_MAX, LESS)
REDUCE(int32_t, uint32_t, INT32_MIN, INT32_MAX, LESS)
REDUCE(int64_t, uint64_t, INT64_MIN, INT64_MAX, LESS)
REDUCE(uint64_t, uint64_t, 0, UINT64_MAX, LESS)
REDUCE(complex64, complex64, 0, 0, UNORDERED)
REDUCE(complex128, complex128, 0, 0, UNORDERED)

HT_WIDE static void reduce_range(size_t from, size_t to, void *arg) {
  const ht_segments *s = arg;
  for (int64_t k = (int64_t)from; k < (int64_t)to; k++) switch (s->dtype) {
      case HT_FLOAT: segment_float(s, k); break;
      case HT_DOUBLE: segment_double(s, k); break;
      case HT_INT32: segment_int32_t(s, k); break;
      case HT_UINT64: segment_uint64_t(s, k); break;
      case HT_COMPLEX64: segment_complex64(s, k); break;
      case HT_COMPLEX128: segment_complex128(s, k); break;
      default: segment_int64_t(s, k); break;
    }
}

void ht_segments_reduce(const ht_segments *s) {
  if (!s->n || !s->dim) return;
  int64_t work = (s->start[s->n] + s->n) / s->n * s->dim + 1;
  size_t grain = work >= GRAIN ? 1 : (size_t)(GRAIN / work);
  ht_segments copy = *s;
  ht_parallel((size_t)s->n, grain, reduce_range, &copy);
}

void ht_group(const int64_t *group, int64_t n, int64_t groups, int64_t *start,
              int64_t *order) {
  memset(start, 0, (size_t)(groups + 1) * sizeof *start);
  for (int64_t i = 0; i < n; i++)
    if (group[i] >= 0 && group[i] < groups) start[group[i] + 1]++;
  for (int64_t g = 0; g < groups; g++) start[g + 1] += start[g];
  for (int64_t i = 0; i < n; i++)
    if (group[i] >= 0 && group[i] < groups) order[start[group[i]]++] = i;
  for (int64_t g = groups; g > 0; g--) start[g] = start[g - 1];
  start[0] = 0;
}

/* ---- gradients: `a` and `b` are [n_segments, dim] of counts and products */

#define BACK(T)                                                            \
  static void spread_##T(const ht_segment_back *b, const T *a) {           \
    int64_t dim = b->dim;                                                  \
    for (int64_t i = 0; i < b->rows; i++) {                                \
      T *x = (T *)b->ddata + i * dim;                                      \
      int64_t s = b->id[i];                                                \
      bool inside = s >= 0 && s < b->n_segments;                           \
      const T *g = (const T *)b->dout + (inside ? s : 0) * dim;            \
      if (!inside)                                                         \
        memset(x, 0, (size_t)dim * sizeof *x);                             \
      else if (a)                                                          \
        LOOP x[d] = g[d] / a[s];                                           \
      else                                                                 \
        memcpy(x, g, (size_t)dim * sizeof *x);                             \
    }                                                                      \
  }                                                                        \
  static void count_##T(const ht_segment_back *b, T *a) {                  \
    for (int64_t i = 0; i < b->rows; i++)                                  \
      if (b->id[i] >= 0 && b->id[i] < b->n_segments) a[b->id[i]] += 1;     \
  }                                                                        \
  /* Ties of an extreme share its gradient. */                             \
  static void extreme_##T(const ht_segment_back *b, T *a) {                \
    int64_t dim = b->dim;                                                  \
    const T *x = b->data, *y = b->out, *g = b->dout;                       \
    T *dx = b->ddata;                                                      \
    for (int pass = 0; pass < 2; pass++)                                   \
      for (int64_t i = 0; i < b->rows; i++) {                              \
        int64_t s = b->id[i];                                              \
        bool inside = s >= 0 && s < b->n_segments;                         \
        LOOP {                                                             \
          bool hit = inside && x[i * dim + d] == y[s * dim + d];           \
          if (!pass && hit) a[s * dim + d] += 1;                           \
          if (pass)                                                        \
            dx[i * dim + d] = hit ? g[s * dim + d] / a[s * dim + d] : 0;   \
        }                                                                  \
      }                                                                    \
  }                                                                        \
  /* Of a product: the others' product; a single zero hides them. */       \
  static void product_##T(const ht_segment_back *b, T *a, T *p) {          \
    int64_t dim = b->dim;                                                  \
    const T *x = b->data, *y = b->out, *g = b->dout;                       \
    T *dx = b->ddata;                                                      \
    for (int64_t k = 0; k < b->n_segments * dim; k++) p[k] = 1;            \
    for (int pass = 0; pass < 2; pass++)                                   \
      for (int64_t i = 0; i < b->rows; i++) {                              \
        int64_t s = b->id[i];                                              \
        bool inside = s >= 0 && s < b->n_segments;                         \
        LOOP {                                                             \
          int64_t k = inside ? s * dim + d : 0;                            \
          T v = x[i * dim + d];                                            \
          if (!pass && inside && v == 0) a[k] += 1;                        \
          if (!pass && inside && v != 0) p[k] *= v;                        \
          if (!pass) continue;                                             \
          bool some = inside && a[k] * (a[k] - 1) == 0;                    \
          T rest = v == 0 ? p[k] : y[k] / v;                               \
          if (!some) rest = 0;                                             \
          dx[i * dim + d] = rest == 0 ? 0 : g[k] * rest;                   \
        }                                                                  \
      }                                                                    \
  }                                                                        \
  static ht_status back_##T(const ht_segment_back *b) {                    \
    size_t cells = (size_t)(b->n_segments * b->dim);                       \
    bool mean = b->kind == HT_SEGMENT_MEAN;                                \
    if (b->kind == HT_SEGMENT_SUM) return spread_##T(b, NULL), HT_SUCCESS; \
    size_t n = mean ? (size_t)b->n_segments : cells;                       \
    T *a = calloc(2 * n + 1, sizeof *a);                                   \
    if (!a) return ht_fail(HT_NO_MEMORY, "no memory for a gradient");      \
    if (mean) {                                                            \
      count_##T(b, a);                                                     \
      spread_##T(b, a);                                                    \
    } else if (b->kind == HT_SEGMENT_PROD) {                               \
      product_##T(b, a, a + n);                                            \
    } else {                                                               \
      extreme_##T(b, a);                                                   \
    }                                                                      \
    free(a);                                                               \
    return HT_SUCCESS;                                                     \
  }

BACK(float)
BACK(double)
BACK(complex64)
BACK(complex128)

ht_status ht_segments_back(const ht_segment_back *b) {
  switch (b->dtype) {
    case HT_FLOAT: return back_float(b);
    case HT_COMPLEX64: return back_complex64(b);
    case HT_COMPLEX128: return back_complex128(b);
    default: return back_double(b);
  }
}
