/* resize_taps.c - positions and weights of resampling as TensorFlow has them,
 * see resize.h. */
#include <math.h>

#include "kernels/resize.h"

ht_axis ht_axis_make(int64_t in, int64_t out, bool corners, bool half) {
  float scale = corners && out > 1 ? (float)(in - 1) / (float)(out - 1)
                                   : (float)in / (float)out;
  return (ht_axis){in, out, corners, half, scale};
}

static int64_t clamp(int64_t i, int64_t n) {
  return i < 0 ? 0 : i >= n ? n - 1 : i;
}

int64_t ht_axis_width(ht_resize_method m, const ht_axis *a) {
  if (m != HT_AREA) return m == HT_NEAREST ? 1 : m == HT_BILINEAR ? 2 : 4;
  return (int64_t)ceilf(a->scale) + 2;
}

static float position(const ht_axis *a, int64_t i) {
  return a->half ? ((float)i + 0.5f) * a->scale - 0.5f : (float)i * a->scale;
}

static void nearest(const ht_axis *a, int64_t i, int64_t *at, float *weight) {
  float p = a->half ? ((float)i + 0.5f) * a->scale : (float)i * a->scale;
  at[0] = clamp((int64_t)(a->corners ? roundf(p) : floorf(p)), a->in);
  weight[0] = 1;
}

static void bilinear(const ht_axis *a, int64_t i, int64_t *at, float *weight) {
  float p = position(a, i), low = floorf(p);
  at[0] = clamp((int64_t)low, a->in);
  at[1] = clamp((int64_t)ceilf(p), a->in);
  weight[1] = p - low;
  weight[0] = 1 - weight[1];
}

/* Keys' kernel (IEEE Trans. ASSP 29, 1981), with a as TensorFlow chooses it,
 * at distances d and 1 + d. */
static float keys_near(float a, float d) {
  return ((a + 2) * d - (a + 3)) * d * d + 1;
}
static float keys_far(float a, float d) {
  d += 1;
  return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/* Distances are rounded to 1/1024, as in TensorFlow's table. */
static void bicubic(const ht_axis *a, int64_t i, int64_t *at, float *weight) {
  float p = position(a, i), low = floorf(p), k = a->half ? -0.5f : -0.75f;
  float d = (float)lrintf((p - low) * 1024) / 1024, sum = 0;
  const float w[4] = {keys_far(k, d), keys_near(k, d), keys_near(k, 1 - d),
                      keys_far(k, 1 - d)};
  for (int t = 0; t < 4; t++) {
    int64_t want = (int64_t)low - 1 + t;
    at[t] = clamp(want, a->in);
    weight[t] = a->half && at[t] != want ? 0 : w[t];
    sum += weight[t];
  }
  if (a->half && fabsf(sum) > 1e-30f)
    for (int t = 0; t < 4; t++) weight[t] /= sum;
}

/* By how much each input element lies under the output element. */
static void area(const ht_axis *a, int64_t taps, int64_t i, int64_t *at,
                 float *weight) {
  float from = (float)i * a->scale, to = (float)(i + 1) * a->scale;
  int64_t first = (int64_t)floorf(from), end = (int64_t)ceilf(to);
  for (int64_t t = 0; t < taps; t++) {
    float low = (float)(first + t), high = low + 1;
    float w = (high < to ? high : to) - (low > from ? low : from);
    at[t] = clamp(first + t, a->in);
    weight[t] = first + t < end && w > 0 ? w / a->scale : 0;
  }
}

void ht_axis_fill(ht_resize_method m, const ht_axis *a, int64_t *at,
                  float *weight) {
  int64_t n = ht_axis_width(m, a);
  for (int64_t i = 0; i < a->out; i++, at += n, weight += n)
    if (m == HT_NEAREST)
      nearest(a, i, at, weight);
    else if (m == HT_BILINEAR)
      bilinear(a, i, at, weight);
    else if (m == HT_BICUBIC)
      bicubic(a, i, at, weight);
    else
      area(a, n, i, at, weight);
}
