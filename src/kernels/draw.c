/* draw.c - see draw.h. */
#include <math.h>

#include "kernels/draw.h"

#include "kernels/approx.h"
#include "kernels/random.h"

/* Numbers of a block, the last first. */
typedef struct buffer {
  double v[2];
  int left;
} buffer;

static double uniform(ht_philox *g, buffer *b) {
  if (!b->left) {
    uint32_t r[4];
    ht_philox_next(g, r);
    for (int k = 0; k < 2; k++)
      b->v[k] = ht_uniform_double(r[2 * k], r[2 * k + 1]);
    b->left = 2;
  }
  return b->v[--b->left];
}

static double normal(ht_philox *g, buffer *b) {
  if (!b->left) {
    uint32_t r[4];
    ht_philox_next(g, r);
    ht_normal_pair_double(r, b->v);
    b->left = 2;
  }
  return b->v[--b->left];
}

/* Marsaglia and Tsang, ACM Trans. Math. Software 26 (2000); below 1 by the
 * power of a uniform number. */
double ht_draw_gamma(ht_philox g, double alpha) {
  buffer normals = {.left = 0}, uniforms = {.left = 0};
  if (alpha == 1) return -log1p(-uniform(&g, &uniforms));
  double d = alpha + (alpha < 1 ? 2.0 / 3 : -1.0 / 3);
  double c = 1.0 / 3 / sqrt(d);
  if (!(d > 0)) return NAN;
  for (;;) {
    double x = normal(&g, &normals), v = 1 + c * x;
    if (v <= 0) continue;
    v = v * v * v;
    double u = uniform(&g, &uniforms);
    if (u >= 1 - 0.0331 * (x * x) * (x * x) &&
        log(u) >= 0.5 * x * x + d * (1 - v + log(v)))
      continue;
    double y = d * v;
    return alpha < 1 ? y * pow(uniform(&g, &uniforms), 1 / alpha) : y;
  }
}

/* Knuth, The Art of Computer Programming 2, 3.4.1: below a rate of 10. */
static double by_products(ht_philox g, double rate) {
  buffer b = {.left = 0};
  double end = exp(-rate), product = 1, n = 0;
  for (;; n++) {
    product *= uniform(&g, &b);
    if (!(product > end)) return n;
  }
}

/* Hoermann, Insurance: Mathematics and Economics 12 (1993), PTRS. */
static double by_rejection(ht_philox g, double rate) {
  buffer uniforms = {.left = 0};
  double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
  double inverse = 1.1239 + 1.1328 / (b - 3.4);
  for (;;) {
    double u = uniform(&g, &uniforms) - 0.5, v = uniform(&g, &uniforms);
    double shifted = 0.5 - fabs(u);
    double k = floor((2 * a / shifted + b) * u + rate + 0.43);
    if (shifted >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k;
    if (k < 0 || (shifted < 0.013 && v > shifted)) continue;
    double s = log(v * inverse / (a / (shifted * shifted) + b));
    if (s <= -rate + k * log(rate) - ht_lgamma(k + 1)) return k;
  }
}

double ht_draw_poisson(ht_philox g, double rate) {
  if (!isfinite(rate) || rate < 0) return NAN;
  return rate < 10 ? by_products(g, rate) : by_rejection(g, rate);
}

/* Gaps between successes, until they are past the last trial. */
static double by_gaps(ht_philox g, double count, double p) {
  buffer b = {.left = 0};
  double sum = 0, n = 0;
  for (;; n++) {
    sum += ceil(log(uniform(&g, &b)) / log1p(-p));
    if (!(sum <= count)) return n;
  }
}

/* log k! beyond Stirling's first terms. */
static double stirling_tail(double k) {
  double square = (k + 1) * (k + 1);
  if (k <= 9)
    return ht_lgamma(k + 1) - (k + 0.5) * log(k + 1) + (k + 1) -
           0.5 * log(2 * M_PI);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

/* log of how likely k of count are, against the likeliest, m. */
static double against_mode(double k, double m, double count, double odds) {
  return (m + 0.5) * log((m + 1) / (odds * (count - m + 1))) +
         (count + 1) * log((count - m + 1) / (count - k + 1)) +
         (k + 0.5) * log(odds * (count - k + 1) / (k + 1)) + stirling_tail(m) +
         stirling_tail(count - m) - stirling_tail(k) - stirling_tail(count - k);
}

/* Hoermann, J. Statistical Computation and Simulation 46 (1993), BTRS. */
static double by_box(ht_philox g, double count, double p) {
  buffer uniforms = {.left = 0};
  double spread = sqrt(count * p * (1 - p)), b = 1.15 + 2.53 * spread;
  double a = -0.0873 + 0.0248 * b + 0.01 * p, m = floor((count + 1) * p);
  double alpha = (2.83 + 5.1 / b) * spread;
  for (;;) {
    double u = uniform(&g, &uniforms) - 0.5, v = uniform(&g, &uniforms);
    double shifted = 0.5 - fabs(u);
    double k = floor((2 * a / shifted + b) * u + count * p + 0.5);
    if (shifted >= 0.07 && v <= 0.92 - 4.2 / b) return k;
    if (k < 0 || k > count) continue;
    v = log(v * alpha / (a / (shifted * shifted) + b));
    if (v <= against_mode(k, m, count, p / (1 - p))) return k;
  }
}

double ht_draw_binomial(ht_philox g, uint64_t k, double count, double p,
                        bool large) {
  ht_philox_skip(&g, k * (large ? 256 : 42));
  return large ? by_box(g, count, p) : by_gaps(g, count, p);
}
