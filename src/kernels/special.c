/* special.c - rows of special functions and of the products of a cotangent
 * with their derivatives, see special.h. All are computed in double. */
#include "kernels/special.h"

#include <math.h>

#include "kernels/approx.h"

#define ROW(name, type, expr)                                                  \
  static void name(void *vz, const void *const *vx, const int *step, size_t n, \
                   double parameter) {                                         \
    const type *x0 = vx[0];                                                    \
    type *z = vz;                                                              \
    (void)parameter;                                                           \
    for (size_t i = 0; i < n; i++) {                                           \
      const double x = (double)x0[step[0] ? i : 0];                            \
      z[i] = (type)(expr);                                                     \
    }                                                                          \
  }
#define ROW_2(name, type, expr)                                                \
  static void name(void *vz, const void *const *vx, const int *step, size_t n, \
                   double parameter) {                                         \
    const type *x0 = vx[0], *x1 = vx[1];                                       \
    type *z = vz;                                                              \
    (void)parameter;                                                           \
    for (size_t i = 0; i < n; i++) {                                           \
      const double x = (double)x0[step[0] ? i : 0];                            \
      const double y = (double)x1[step[1] ? i : 0];                            \
      z[i] = (type)(expr);                                                     \
    }                                                                          \
  }
#define ROW_3(name, type, expr)                                                \
  static void name(void *vz, const void *const *vx, const int *step, size_t n, \
                   double parameter) {                                         \
    const type *x0 = vx[0], *x1 = vx[1], *x2 = vx[2];                          \
    type *z = vz;                                                              \
    (void)parameter;                                                           \
    for (size_t i = 0; i < n; i++) {                                           \
      const double d = (double)x0[step[0] ? i : 0];                            \
      const double x = (double)x1[step[1] ? i : 0];                            \
      const double y = (double)x2[step[2] ? i : 0];                            \
      (void)x, (void)y;                                                        \
      z[i] = (type)(expr);                                                     \
    }                                                                          \
  }
#define KERNEL(row, prefix, name, expr)                                  \
  row(prefix##name##_f, float, expr) row(prefix##name##_d, double, expr) \
      const ht_kernel ht_##prefix##name = {                              \
          {[HT_FLOAT] = prefix##name##_f, [HT_DOUBLE] = prefix##name##_d}};
#define F(name, expr) KERNEL(ROW, k_, name, expr)
#define F_2(name, expr) KERNEL(ROW_2, k_, name, expr)
#define G(name, expr) KERNEL(ROW_3, g_, name, expr) /* of d, x and y */

static double i0(double x) { return exp(fabs(x)) * ht_bessel_ie(0, x); }
static double i1(double x) { return exp(fabs(x)) * ht_bessel_ie(1, x); }
static double k0(double x) { return exp(-x) * ht_bessel_ke(0, x); }
static double k1(double x) { return exp(-x) * ht_bessel_ke(1, x); }
/* Below 0, and Y1 at 0, as TensorFlow has them. */
static double y0_above(double x) {
  return x > 0 || isnan(x) ? y0(x) : -INFINITY;
}
static double y1_above(double x) {
  return x > 0 ? y1(x) : x < 0 ? -INFINITY : NAN;
}
static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

static double fresnel(double x, bool sine) {
  double v[2];
  ht_fresnel(x, &v[0], &v[1]);
  return v[sine];
}

F(bessel_i0, i0(x))
F(bessel_i0e, ht_bessel_ie(0, x))
F(bessel_i1, i1(x))
F(bessel_i1e, ht_bessel_ie(1, x))
F(bessel_j0, j0(x))
F(bessel_j1, j1(x))
F(bessel_k0, k0(x))
F(bessel_k0e, ht_bessel_ke(0, x))
F(bessel_k1, k1(x))
F(bessel_k1e, ht_bessel_ke(1, x))
F(bessel_y0, y0_above(x))
F(bessel_y1, y1_above(x))
F(dawsn, ht_dawsn(x))
F(expint, ht_expint(x))
F(fresnel_cos, fresnel(x, false))
F(fresnel_sin, fresnel(x, true))
F(spence, ht_spence(x))

G(bessel_i0, d *i1(x))
G(bessel_i0e, d *(ht_bessel_ie(1, x) - sign(x) * y))
G(bessel_i1, d *(x == 0 ? 0.5 : i0(x) - y / x))
G(bessel_i1e, d *(x == 0 ? 0.5 : ht_bessel_ie(0, x) - y * (sign(x) + 1 / x)))
G(bessel_j0, -d *j1(x))
G(bessel_j1, d *(x == 0 ? 0.5 : j0(x) - y / x))
G(bessel_k0, -d *k1(x))
G(bessel_k0e, d *(y - ht_bessel_ke(1, x)))
G(bessel_k1, d *(-k0(x) - y / x))
G(bessel_k1e, d *(y *(1 - 1 / x) - ht_bessel_ke(0, x)))
G(bessel_y0, -d *y1(x))
G(bessel_y1, d *(y0(x) - y / x))
G(dawsn, d *(1 - 2 * x * y))
G(expint, d *exp(x) / x)
G(fresnel_cos, d *cos(M_PI / 2 * x * x))
G(fresnel_sin, d *sin(M_PI / 2 * x * x))
G(spence, d *(x == 1 ? -1 : log(x) / (1 - x)))

F_2(zeta, ht_zeta(x, y))
F_2(polygamma, ht_polygamma(x, y))
F_2(igamma, ht_igamma(x, y))
F_2(igammac, ht_igammac(x, y))
F_2(igamma_grad_a, ht_igamma_grad_a(x, y))
F_2(random_gamma_grad, ht_random_gamma_grad(x, y))

G(zeta, -d *x *ht_zeta(x + 1, y))
G(polygamma, d *ht_polygamma(x + 1, y))
G(igamma, d *exp(-y + (x - 1) * log(y) - ht_lgamma(x)))
G(igamma_a, d *ht_igamma_grad_a(x, y))

KERNEL(ROW_3, k_, betainc, ht_betainc(d, x, y))
KERNEL(ROW_3, g_, betainc,
       exp((d - 1) * log(y) + (x - 1) * log1p(-y) + ht_lgamma(d + x) -
           ht_lgamma(d) - ht_lgamma(x)))
