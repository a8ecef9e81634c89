/* special_gamma.c - zeta, polygamma, incomplete gamma and beta functions and
 * some integrals (numbers of formulas: Abramowitz and Stegun). Values outside
 * of their domains are TensorFlow's. */
#include <complex.h>
#include <float.h>
#include <math.h>

#include "kernels/approx.h"
#include "kernels/special.h"

/* ---- zeta(x, q) = the sum over k >= 0 of (q + k)^-x: terms until q is
 * large, and Euler and Maclaurin's formula (23.1.30) for the rest */

static double zeta_rest(double x, double q) {
  static const double b[] = {/* B_2j / (2j)! */
                             1.0 / 12,
                             -1.0 / 720,
                             1.0 / 30240,
                             -1.0 / 1209600,
                             1.0 / 47900160,
                             -691.0 / 1307674368000,
                             1.0 / 74724249600,
                             -3617.0 / 10670622842880000,
                             43867.0 / 5109094217170944000};
  double power = pow(q, -x), sum = power * q / (x - 1) + power / 2;
  double factor = x * power / q;
  for (int j = 0; j < 9; j++) {
    sum += b[j] * factor;
    factor *= (x + 2 * j + 1) * (x + 2 * j + 2) / (q * q);
  }
  return sum;
}

double ht_zeta(double x, double q) {
  double sum = 0;
  if (x == 1) return INFINITY;
  if (!(x > 1) || isnan(q) || q < -1e7) return NAN; /* or endless */
  if (q <= 0) {
    if (q == floor(q)) return x == floor(x) && fmod(x, 2) == 0 ? INFINITY : NAN;
    if (x != floor(x)) return NAN; /* a power of a number below 0 */
  }
  for (; q < 10; q++) {
    double term = pow(q, -x);
    sum += term;
    if (q > 0 && term < sum * DBL_EPSILON / 1024) return sum;
  }
  return isinf(q) ? sum : sum + zeta_rest(x, q);
}

/* 6.4.10 */
double ht_polygamma(double n, double x) {
  if (n == 0) return ht_digamma(x);
  if (n != floor(n) || n < 0) return NAN;
  double v = exp(ht_lgamma(n + 1)) * ht_zeta(n + 1, x);
  return fmod(n, 2) == 0 ? -v : v;
}

/* ---- P(a, x), Q(a, x) and their derivatives in a */

/* A value and its derivative in a, without the factor x^a e^-x / Gamma(a). */
typedef struct part {
  double value, slope;
} part;

/* P: 6.5.29, the sum of x^k / (a (a+1) ... (a+k)). */
static part lower(double a, double x) {
  double term = 1 / a, slope = -term / a;
  part p = {term, slope};
  for (int k = 1; k < 20000; k++) {
    double f = x / (a + k);
    slope = slope * f - term * f / (a + k);
    term *= f;
    p.value += term;
    p.slope += slope;
    if (term < p.value * DBL_EPSILON / 4 &&
        fabs(slope) < fabs(p.slope) * DBL_EPSILON / 4)
      break;
  }
  return p;
}

/* Q: the convergents of the continued fraction 6.5.31, and of them the
 * derivatives. p, q: numerator and denominator. */
static part upper(double a, double x) {
  double y = 1 - a, z = x + y + 1;
  double p[2] = {1, x + 1}, q[2] = {x, z * x};
  double dp[2] = {0, 0}, dq[2] = {0, -x};
  part r = {p[1] / q[1], -p[1] * dq[1] / (q[1] * q[1])};
  for (int c = 1; c < 20000; c++) {
    y += 1;
    z += 2;
    double yc = y * c, pk = p[1] * z - p[0] * yc, qk = q[1] * z - q[0] * yc;
    double dpk = dp[1] * z - p[1] - dp[0] * yc + p[0] * c;
    double dqk = dq[1] * z - q[1] - dq[0] * yc + q[0] * c;
    p[0] = p[1], p[1] = pk, q[0] = q[1], q[1] = qk;
    dp[0] = dp[1], dp[1] = dpk, dq[0] = dq[1], dq[1] = dqk;
    if (qk != 0) {
      part now = {pk / qk, (dpk - pk / qk * dqk) / qk};
      double change = fabs(now.value - r.value) / fabs(now.value);
      double turn = fabs(now.slope - r.slope);
      r = now;
      if (change <= DBL_EPSILON && turn <= fabs(r.slope) * DBL_EPSILON) break;
    }
    if (fabs(pk) > 1e100)
      for (int i = 0; i < 2; i++)
        p[i] *= 1e-100, q[i] *= 1e-100, dp[i] *= 1e-100, dq[i] *= 1e-100;
  }
  return r;
}

static bool by_series(double a, double x) { return x <= 1 || x <= a; }

static double gamma_factor(double a, double x) {
  return exp(a * log(x) - x - ht_lgamma(a));
}

double ht_igamma(double a, double x) {
  if (isnan(a) || isnan(x) || x < 0 || a <= 0) return NAN;
  if (x == 0) return 0;
  if (isinf(x)) return isinf(a) ? NAN : 1;
  if (isinf(a)) return 0;
  if (by_series(a, x)) return lower(a, x).value * gamma_factor(a, x);
  return 1 - upper(a, x).value * gamma_factor(a, x);
}

double ht_igammac(double a, double x) {
  if (isnan(a) || isnan(x) || x < 0 || a <= 0) return NAN;
  if (x == 0) return 1;
  if (isinf(x)) return isinf(a) ? NAN : 0;
  if (isinf(a)) return 1;
  if (by_series(a, x)) return 1 - lower(a, x).value * gamma_factor(a, x);
  return upper(a, x).value * gamma_factor(a, x);
}

/* dP/da over x^a e^-x / Gamma(a). */
static double slope_in_a(double a, double x) {
  double rise = log(x) - ht_digamma(a);
  part p = by_series(a, x) ? lower(a, x) : upper(a, x);
  double slope = p.slope + p.value * rise;
  return by_series(a, x) ? slope : -slope;
}

double ht_igamma_grad_a(double a, double x) {
  if (isnan(a) || isnan(x) || x < 0 || a <= 0) return NAN;
  if (x == 0) return 0;
  return slope_in_a(a, x) * gamma_factor(a, x);
}

/* The variate at a fixed P moves by -dP/da over the density. */
double ht_random_gamma_grad(double a, double x) {
  if (isnan(a) || isnan(x) || x < 0 || a <= 0) return NAN;
  if (x == 0) return 0;
  return -slope_in_a(a, x) * x;
}

/* ---- the incomplete beta function: the continued fraction 26.5.8, by
 * Lentz's method */

static double beta_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < tiny ? tiny : d);
  double h = d;
  for (int m = 1; m < 20000; m++) {
    double step[2] = {
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
    double change = 1;
    for (int i = 0; i < 2; i++) {
      d = 1 + step[i] * d;
      c = 1 + step[i] / c;
      d = 1 / (fabs(d) < tiny ? tiny : d);
      c = fabs(c) < tiny ? tiny : c;
      h *= c * d;
      change = c * d;
    }
    if (fabs(change - 1) <= DBL_EPSILON) break;
  }
  return h;
}

double ht_betainc(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return NAN;
  if (x == 0 || x == 1) return x;
  double factor = exp(ht_lgamma(a + b) - ht_lgamma(a) - ht_lgamma(b) +
                      a * log(x) + b * log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return factor * beta_fraction(a, b, x) / a;
  return 1 - factor * beta_fraction(b, a, 1 - x) / b;
}

/* ---- integrals */

/* Dawson's: Rybicki, Computers in Physics 3 (1989), with step 0.2; near 0 the
 * series. */
double ht_dawsn(double x) {
  const double h = 0.2;
  double a = fabs(x), sum = 0;
  if (isnan(x)) return x;
  if (a > 1e8) return isinf(x) ? 0 : 0.5 / x;
  if (a < 0.2) {
    double term = x;
    for (int k = 1; k < 20; k++) {
      sum += term;
      term *= -2 * x * x / (2 * k + 1);
    }
    return sum;
  }
  double middle = 2 * floor(a / (2 * h)) + 1;
  for (int k = -40; k <= 40; k++) {
    double n = middle + 2 * k, d = a - n * h;
    sum += exp(-d * d) / n;
  }
  return copysign(sum / sqrt(M_PI), x);
}

/* Ei of x > 0, 5.1.10; above 40 the expansion 5.1.51. */
double ht_expint(double x) {
  const double euler = 0.57721566490153286061;
  if (!(x >= 0)) return NAN;
  if (x == 0) return -INFINITY;
  if (isinf(x)) return x;
  double sum = 0, term = 1;
  if (x > 40) {
    for (int k = 1; term > DBL_EPSILON / 4 && k < x; k++)
      sum += term, term *= k / x;
    return (sum + term) * exp(x) / x;
  }
  for (int k = 1; k < 500 && (k < 5 || term > sum * 1e-18); k++) {
    term *= x / k;
    sum += term / k;
  }
  return euler + log(x) + sum;
}

/* C(x) and S(x): the series 7.3.11 and 7.3.13, or the continued fraction of
 * the complementary error function (7.1.14) at sqrt(pi)/2 (1 - i) x. */
void ht_fresnel(double x, double *cosine, double *sine) {
  double a = fabs(x), q = M_PI / 2 * a * a, term = a;
  double sum[2] = {0, 0};
  if (a < 1.6) {
    for (int k = 0; k < 60; k++) {
      double v = term / (2 * k + 1);
      sum[k % 2] += k % 4 < 2 ? v : -v;
      term *= q / (k + 1);
    }
  } else if (a > 1e8) {
    sum[0] = sum[1] = 0.5;
  } else {
    double _Complex b = 1 - 2 * q * I, c = 1e300, d = 1 / b, h = d;
    for (int k = 1; k < 1000; k++) {
      double n = -(double)(2 * k - 1) * (2 * k);
      b += 4;
      d = 1 / (n * d + b);
      c = b + n / c;
      h *= c * d;
      if (cabs(c * d - 1) <= DBL_EPSILON) break;
    }
    double _Complex e = (cos(q) + sin(q) * I) * h * (a - a * I);
    double _Complex v = (0.5 + 0.5 * I) * (1 - e);
    sum[0] = creal(v), sum[1] = cimag(v);
  }
  *cosine = isnan(x) ? x : copysign(sum[0], x);
  *sine = isnan(x) ? x : copysign(sum[1], x);
}

/* Li_2(z) for -1 <= z <= 1/2: a series in -log(1 - z) with Bernoulli's
 * numbers (Debye's). */
static double dilogarithm(double z) {
  static const double b[] = {/* B_2j / (2j + 1)! */
                             1.0 / 36,
                             -1.0 / 3600,
                             1.0 / 211680,
                             -1.0 / 10886400,
                             1.0 / 526901760,
                             -691.0 / 16999766784000,
                             1.0 / 1120863744000,
                             -3617.0 / 181400588328960000,
                             43867.0 / 97072790126247936000.0};
  double u = -log1p(-z), sum = u - u * u / 4, power = u;
  for (int j = 0; j < 9; j++) {
    power *= u * u;
    sum += b[j] * power;
  }
  return sum;
}

/* Li_2(1 - x), 27.7.1 to 27.7.5. */
double ht_spence(double x) {
  double z = 1 - x, sixth = M_PI * M_PI / 6;
  if (!(x >= 0)) return NAN;
  if (x == 0) return sixth;
  if (x < 0.5) return sixth - log(x) * log1p(-x) - dilogarithm(x);
  if (x <= 2) return dilogarithm(z);
  double l = log(-z);
  return -sixth - l * l / 2 - dilogarithm(1 / z);
}
