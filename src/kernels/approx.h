/*
 * approx.h - elementary functions of floats without branches or calls, so
 * that loops over them become vector code, and a few that libm lacks.
 */
#ifndef HT_KERNELS_APPROX_H
#define HT_KERNELS_APPROX_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define HT_INLINE static inline __attribute__((always_inline, unused))

HT_INLINE float ht_power_of_two(int32_t k) {
  uint32_t bits = (uint32_t)(k + 127) << 23;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

/*
 * exp, to two units in the last place: x = k ln 2 + r with |r| <= ln 2 / 2,
 * e^r by its Taylor polynomial of degree 7 (remainder below 6e-9), 2^k in two
 * factors so that neither overflows. Cody and Waite's split of ln 2.
 */
HT_INLINE float ht_exp_f(float x) {
  const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds */
  float c = x > 89.0f ? 89.0f : x;
  c = c < -104.0f ? -104.0f : c;
  c = x == x ? c : 0.0f;
  float k = (c * 1.44269504088896341f + shift) - shift;
  float r = (c - k * 0.693359375f) + k * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  int32_t n = (int32_t)k, half = n >> 1;
  float y = p * ht_power_of_two(half) * ht_power_of_two(n - half);
  return x == x ? y : x;
}

HT_INLINE float ht_sigmoid_f(float x) { return 1.0f / (1.0f + ht_exp_f(-x)); }

/* tanh: its Taylor series below 1/2, 1 - 2/(e^2x + 1) above. */
HT_INLINE float ht_tanh_f(float x) {
  float a = fabsf(x), s = x * x;
  float big = 1.0f - 2.0f / (ht_exp_f(2.0f * a) + 1.0f);
  float p = 21844.0f / 6081075;
  p = p * s - 1382.0f / 155925;
  p = p * s + 62.0f / 2835;
  p = p * s - 17.0f / 315;
  p = p * s + 2.0f / 15;
  p = p * s - 1.0f / 3;
  float small = x + x * s * p;
  return a < 0.5f ? small : copysignf(big, x);
}

/* psi(x): reflection, upward recurrence, asymptotic series (Abramowitz and
 * Stegun 6.3.5, 6.3.7, 6.3.18). NaN at the poles. */
static inline double ht_digamma(double x) {
  double y = 0;
  if (x <= 0) {
    if (x == floor(x)) return x == 0 ? -INFINITY : NAN;
    y = -M_PI / tan(M_PI * x);
    x = 1 - x;
  }
  for (; x < 10; x++) y -= 1 / x;
  double s = 1 / (x * x);
  double p =
      1.0 / 12 -
      s * (1.0 / 120 -
           s * (1.0 / 252 -
                s * (1.0 / 240 -
                     s * (1.0 / 132 - s * (691.0 / 32760 - s * (1.0 / 12))))));
  return y + log(x) - 0.5 / x - s * p;
}

/* psi'(x) for x > 0 (6.4.6, 6.4.12); infinite at the poles, NaN between. */
static inline double ht_trigamma(double x) {
  double y = 0;
  if (x <= 0) return x == floor(x) ? INFINITY : NAN;
  for (; x < 12; x++) y += 1 / (x * x);
  double s = 1 / (x * x);
  double p =
      1.0 / 6 -
      s * (1.0 / 30 -
           s * (1.0 / 42 - s * (1.0 / 30 - s * (5.0 / 66 - s * 691.0 / 2730))));
  return y + 1 / x + s / 2 + s / x * p;
}

/* The inverse of erfc for 0 < q <= 1: a start from the asymptotic form, then
 * Halley's iteration. */
static inline double ht_erfc_inverse(double q) {
  double w = -log(q * (2 - q)), a = 2 / (M_PI * 0.147) - w / 2;
  double x = sqrt(sqrt(a * a + w / 0.147) - a);
  for (int i = 0; i < 4; i++) {
    double t = (erfc(x) - q) / (-2 / sqrt(M_PI) * exp(-x * x));
    if (!isfinite(t)) break;
    x -= t / (1 + x * t);
  }
  return x;
}

static inline double ht_erfinv(double x) {
  if (!(fabs(x) <= 1)) return NAN;
  if (fabs(x) == 1) return x > 0 ? INFINITY : -INFINITY;
  if (x == 0) return x;
  double q = 1 - fabs(x), y = ht_erfc_inverse(q);
  if (q > 0.5) { /* 1 - |x| lost digits: polish with erf */
    double t = (erf(y) - fabs(x)) / (2 / sqrt(M_PI) * exp(-y * y));
    y -= t / (1 + y * t);
  }
  return x > 0 ? y : -y;
}

/* The inverse of the standard normal distribution function. */
static inline double ht_ndtri(double p) {
  if (!(p >= 0 && p <= 1)) return NAN;
  if (p == 0) return -INFINITY;
  if (p == 1) return INFINITY;
  if (p > 0.25 && p < 0.75) return M_SQRT2 * ht_erfinv(2 * p - 1);
  double x = M_SQRT2 * ht_erfc_inverse(2 * (p < 0.5 ? p : 1 - p));
  return p < 0.5 ? -x : x;
}

static inline double ht_lgamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

#endif
