/* special_bessel.c - modified Bessel functions of orders 0 and 1, times
 * exp(-|x|) and exp(x) (Abramowitz and Stegun, chapter 9). */
#include <float.h>
#include <math.h>

#include "kernels/special.h"

/* I: the power series 9.6.10, whose terms have one sign, or for large x the
 * expansion 9.7.1. */
double ht_bessel_ie(int order, double x) {
  double a = fabs(x), sum = 1, term = 1;
  double sign = order && x < 0 ? -1 : 1;
  if (isnan(x)) return x;
  if (isinf(x)) return 0;
  if (a < 30) {
    double q = a * a / 4;
    for (int k = 1; term > sum * DBL_EPSILON / 4; k++) {
      term *= q / ((double)k * (k + order));
      sum += term;
    }
    return sign * sum * exp(-a) * (order ? a / 2 : 1);
  }
  double mu = 4 * order;
  for (int k = 1; fabs(term) > DBL_EPSILON / 4 && k < 60; k++) {
    term *= -(mu - (2 * k - 1) * (2 * k - 1)) / (k * 8 * a);
    sum += term;
  }
  return sign * sum / sqrt(2 * M_PI * a);
}

/*
 * K: the integral 9.6.24 of exp(-x (cosh t - 1)) cosh(order t) over t > 0 by
 * the trapezoidal rule. The integrand is analytic in |Im t| < pi/2 and dies
 * twice exponentially, so the rule's error is that of exp(-pi^2 / h).
 */
double ht_bessel_ke(int order, double x) {
  if (isnan(x)) return x;
  if (x <= 0) return INFINITY; /* TensorFlow's choice below 0 */
  if (isinf(x)) return 0;
  double h = x > 1 ? 0.25 / sqrt(x) : 0.25, sum = 0.5;
  for (int k = 1;; k++) {
    double t = k * h, s = sinh(t / 2), e = 2 * x * s * s;
    double term = exp(-e) * (order ? cosh(t) : 1);
    sum += term;
    if (e > 1 && term < sum * DBL_EPSILON / 16) break;
  }
  return sum * h;
}
