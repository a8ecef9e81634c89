/*
 * unary.h - functions of one operand, and the products of a cotangent with
 * their derivatives. Loops over rows, see broadcast.h.
 */
#ifndef HT_KERNELS_UNARY_H
#define HT_KERNELS_UNARY_H

#include "kernels/broadcast.h"

/* y = f(x), by TensorFlow's name in lower case. */
extern const ht_kernel ht_k_abs, ht_k_acos, ht_k_acosh, ht_k_asin, ht_k_asinh,
    ht_k_atan, ht_k_atanh, ht_k_ceil, ht_k_conj, ht_k_cos, ht_k_cosh,
    ht_k_digamma, ht_k_elu, ht_k_erf, ht_k_erfc, ht_k_erfinv, ht_k_exp,
    ht_k_expm1, ht_k_floor, ht_k_invert, ht_k_is_finite, ht_k_is_inf,
    ht_k_is_nan, ht_k_leaky_relu, ht_k_lgamma, ht_k_log, ht_k_log1p,
    ht_k_logical_not, ht_k_ndtri, ht_k_neg, ht_k_reciprocal, ht_k_relu,
    ht_k_relu6, ht_k_rint, ht_k_rsqrt, ht_k_selu, ht_k_sigmoid, ht_k_sign,
    ht_k_sin, ht_k_sinh, ht_k_softplus, ht_k_softsign, ht_k_sqrt, ht_k_square,
    ht_k_tan, ht_k_tanh;
/* y = x times p. */
extern const ht_kernel ht_k_scale;

/* dx = dy f', of operands (dy, x). */
extern const ht_kernel ht_g_abs, ht_g_acos, ht_g_asin, ht_g_atan, ht_g_atanh,
    ht_g_cos, ht_g_cosh, ht_g_digamma, ht_g_erf, ht_g_erfc, ht_g_expm1,
    ht_g_leaky_relu, ht_g_lgamma, ht_g_log, ht_g_log1p, ht_g_sin, ht_g_sinh,
    ht_g_softplus, ht_g_softsign, ht_g_square, ht_g_tan;
/* The same, of operands (dy, y). */
extern const ht_kernel ht_g_acosh, ht_g_asinh, ht_g_elu, ht_g_erfinv, ht_g_exp,
    ht_g_ndtri, ht_g_reciprocal, ht_g_relu, ht_g_relu6, ht_g_rsqrt, ht_g_selu,
    ht_g_sigmoid, ht_g_sqrt, ht_g_tanh;

/* d/dv of those gradients: of operands (g, dy, v), v being x or y as there. */
extern const ht_kernel ht_h_elu, ht_h_reciprocal, ht_h_rsqrt, ht_h_sigmoid,
    ht_h_softplus, ht_h_softsign, ht_h_sqrt, ht_h_tanh;

#endif
