/* special.h - the special functions that libm lacks, in double, and rows of
 * them over floats and doubles. */
#ifndef HT_KERNELS_SPECIAL_H
#define HT_KERNELS_SPECIAL_H

#include "kernels/broadcast.h"

/* y = f(x), by TensorFlow's name in lower case. */
extern const ht_kernel ht_k_bessel_i0, ht_k_bessel_i0e, ht_k_bessel_i1,
    ht_k_bessel_i1e, ht_k_bessel_j0, ht_k_bessel_j1, ht_k_bessel_k0,
    ht_k_bessel_k0e, ht_k_bessel_k1, ht_k_bessel_k1e, ht_k_bessel_y0,
    ht_k_bessel_y1, ht_k_dawsn, ht_k_expint, ht_k_fresnel_cos, ht_k_fresnel_sin,
    ht_k_spence;
/* dx = dy f', of operands (dy, x, y). */
extern const ht_kernel ht_g_bessel_i0, ht_g_bessel_i0e, ht_g_bessel_i1,
    ht_g_bessel_i1e, ht_g_bessel_j0, ht_g_bessel_j1, ht_g_bessel_k0,
    ht_g_bessel_k0e, ht_g_bessel_k1, ht_g_bessel_k1e, ht_g_bessel_y0,
    ht_g_bessel_y1, ht_g_dawsn, ht_g_expint, ht_g_fresnel_cos, ht_g_fresnel_sin,
    ht_g_spence;

/* z = f(x, y): Hurwitz's zeta, polygamma of order x, the regularized
 * incomplete gamma functions of order x, the derivative of the lower one in
 * x, and of a Gamma(x) variate y in x. */
extern const ht_kernel ht_k_zeta, ht_k_polygamma, ht_k_igamma, ht_k_igammac,
    ht_k_igamma_grad_a, ht_k_random_gamma_grad;
/* Of operands (dz, x, y): dy of zeta, polygamma, igamma; dx of igamma. */
extern const ht_kernel ht_g_zeta, ht_g_polygamma, ht_g_igamma, ht_g_igamma_a;
/* The regularized incomplete beta function I_x(a, b) of (a, b, x), and its
 * slope in x. */
extern const ht_kernel ht_k_betainc, ht_g_betainc;

/* In special_bessel.c and special_gamma.c, see there. */
double ht_bessel_ie(int order, double x);
double ht_bessel_ke(int order, double x);
double ht_zeta(double x, double q);
double ht_polygamma(double n, double x);
double ht_igamma(double a, double x);
double ht_igammac(double a, double x);
double ht_igamma_grad_a(double a, double x);
double ht_random_gamma_grad(double a, double x);
double ht_betainc(double a, double b, double x);
double ht_dawsn(double x);
double ht_expint(double x);
void ht_fresnel(double x, double *cosine, double *sine);
double ht_spence(double x);

#endif
