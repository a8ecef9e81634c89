/* resize.c - resampling of images, see resize.h. */
#include "kernels/resize.h"

#include <string.h>

#include "base/parallel.h"
#include "kernels/approx.h"
#include "kernels/real.h"

typedef struct job {
  const ht_resize *r;
  const float *from;
  float *to;
} job;

HT_INLINE void add_scaled(int64_t n, float w, const float *restrict x,
                          float *restrict y) {
  for (int64_t c = 0; c < n; c++) y[c] += w * x[c];
}

/* One line of the result; `back`: from there to where it came from. */
HT_INLINE void line(const ht_resize *r, int64_t at, bool back,
                    const float *from, float *to) {
  int64_t image = at / r->y.n, i = at % r->y.n, n = r->channels;
  for (int64_t j = 0; j < r->x.n; j++)
    for (int64_t a = 0; a < r->y.taps; a++) {
      int64_t row = image * r->y.in + r->y.at[i * r->y.taps + a];
      float wy = r->y.weight[i * r->y.taps + a];
      for (int64_t b = 0; b < r->x.taps; b++) {
        int64_t in = (row * r->x.in + r->x.at[j * r->x.taps + b]) * n;
        int64_t out = (at * r->x.n + j) * n;
        float w = wy * r->x.weight[j * r->x.taps + b];
        if (back)
          add_scaled(n, w, from + out, to + in);
        else
          add_scaled(n, w, from + in, to + out);
      }
    }
}

HT_WIDE static void forward(size_t from, size_t to, void *arg) {
  const job *j = arg;
  size_t row = (size_t)(j->r->x.n * j->r->channels);
  memset(j->to + from * row, 0, (to - from) * row * sizeof(float));
  for (size_t i = from; i < to; i++)
    line(j->r, (int64_t)i, false, j->from, j->to);
}

HT_WIDE static void back(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const ht_resize *r = j->r;
  size_t image = (size_t)(r->y.in * r->x.in * r->channels);
  memset(j->to + from * image, 0, (to - from) * image * sizeof(float));
  for (size_t i = from; i < to; i++)
    for (int64_t k = 0; k < r->y.n; k++)
      line(r, (int64_t)i * r->y.n + k, true, j->from, j->to);
}

static double line_work(const ht_resize *r) {
  return (double)r->x.n * (double)r->channels * (double)r->y.taps *
         (double)r->x.taps;
}

void ht_resize_forward(const ht_resize *r, const float *x, float *out) {
  job j = {r, x, out};
  ht_parallel((size_t)(r->batch * r->y.n), ht_grain(line_work(r)), forward, &j);
}

void ht_resize_back(const ht_resize *r, const float *dy, float *dx) {
  job j = {r, dy, dx};
  ht_parallel((size_t)r->batch, ht_grain(line_work(r) * (double)r->y.n), back,
              &j);
}

/* ---- nearest pixels, back */

typedef struct nearest {
  const ht_resize *r;
  ht_dtype t;
  const void *from;
  void *to;
} nearest;

#define NEAREST(T, W)                                                     \
  static void nearest_##T(const nearest *j, int64_t image) {              \
    const ht_resize *r = j->r;                                            \
    int64_t n = r->channels;                                              \
    const T *dy = (const T *)j->from + image * r->y.n * r->x.n * n;       \
    T *dx = (T *)j->to + image * r->y.in * r->x.in * n;                   \
    memset(dx, 0, (size_t)(r->y.in * r->x.in * n) * sizeof *dx);          \
    for (int64_t i = 0; i < r->y.n; i++)                                  \
      for (int64_t k = 0; k < r->x.n; k++, dy += n) {                     \
        T *to = dx + (r->y.at[i] * r->x.in + r->x.at[k]) * n;             \
        for (int64_t c = 0; c < n; c++) to[c] = (T)((W)to[c] + (W)dy[c]); \
      }                                                                   \
  }
NEAREST(float, float)
NEAREST(double, double)
NEAREST(int32_t, uint32_t)
NEAREST(int8_t, uint32_t)
NEAREST(uint8_t, uint32_t)

static void nearest_back(size_t from, size_t to, void *arg) {
  const nearest *j = arg;
  for (int64_t i = (int64_t)from; i < (int64_t)to; i++) switch (j->t) {
      case HT_FLOAT: nearest_float(j, i); break;
      case HT_DOUBLE: nearest_double(j, i); break;
      case HT_INT32: nearest_int32_t(j, i); break;
      case HT_INT8: nearest_int8_t(j, i); break;
      default: nearest_uint8_t(j, i); break;
    }
}

void ht_resize_nearest_back(const ht_resize *r, ht_dtype t, const void *dy,
                            void *dx) {
  nearest j = {r, t, dy, dx};
  ht_parallel((size_t)r->batch, ht_grain(line_work(r) * (double)r->y.n),
              nearest_back, &j);
}

/* ---- bytes: along y into a row, then along x */

HT_INLINE void add_bytes(int64_t n, float w, const uint8_t *restrict x,
                         float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += w * (float)x[i];
}

HT_INLINE void along_x(const ht_resize *r, float scale, float offset,
                       const float *row, float *out) {
  int64_t n = r->channels;
  for (int64_t j = 0; j < r->x.n; j++, out += n)
    for (int64_t c = 0; c < n; c++) {
      float sum = 0;
      for (int64_t b = 0; b < r->x.taps; b++) {
        int64_t tap = j * r->x.taps + b;
        sum += r->x.weight[tap] * row[r->x.at[tap] * n + c];
      }
      out[c] = sum * scale + offset;
    }
}

HT_WIDE static void bytes(const ht_resize *r, const uint8_t *x, float scale,
                          float offset, float *row, float *out) {
  int64_t n = r->x.in * r->channels;
  for (int64_t i = 0; i < r->y.n; i++) {
    memset(row, 0, (size_t)n * sizeof *row);
    for (int64_t a = 0; a < r->y.taps; a++) {
      int64_t tap = i * r->y.taps + a;
      if (r->y.weight[tap] != 0)
        add_bytes(n, r->y.weight[tap], x + r->y.at[tap] * n, row);
    }
    along_x(r, scale, offset, row, out + i * r->x.n * r->channels);
  }
}

void ht_resize_bytes(const ht_resize *r, const uint8_t *x, float scale,
                     float offset, float *row, float *out) {
  bytes(r, x, scale, offset, row, out);
}
