/*
 * binary.h - functions of two operands with broadcasting, comparisons, and
 * the products of a cotangent with their derivatives. See broadcast.h.
 */
#ifndef HT_KERNELS_BINARY_H
#define HT_KERNELS_BINARY_H

#include "kernels/broadcast.h"

/* z = f(x, y), by TensorFlow's name. Integer division by zero gives 0: the
 * caller refuses it before. */
extern const ht_kernel ht_k_add, ht_k_atan2, ht_k_bitwise_and, ht_k_bitwise_or,
    ht_k_bitwise_xor, ht_k_div, ht_k_div_no_nan, ht_k_floor_div, ht_k_floor_mod,
    ht_k_left_shift, ht_k_logical_and, ht_k_logical_or, ht_k_maximum,
    ht_k_minimum, ht_k_mul, ht_k_mul_no_nan, ht_k_next_after, ht_k_pow,
    ht_k_right_shift, ht_k_squared_difference, ht_k_sub, ht_k_truncate_div,
    ht_k_truncate_mod, ht_k_xdivy, ht_k_xlog1py, ht_k_xlogy;
/* z = x where y is not 0, else 0. */
extern const ht_kernel ht_k_keep_where;
/* z = 1 where x = y, else 0. */
extern const ht_kernel ht_k_same;

/* To bool. approximate_equal: |x - y| < p. */
extern const ht_kernel ht_k_approximate_equal, ht_k_equal, ht_k_greater,
    ht_k_greater_equal, ht_k_less, ht_k_less_equal, ht_k_not_equal;

/* dx or dy of operands (dz, y) or (dz, x, y), as the file says. */
extern const ht_kernel ht_g_mul, ht_g_div_x, ht_g_div_y, ht_g_floor_mod_y,
    ht_g_maximum_x, ht_g_maximum_y, ht_g_minimum_x, ht_g_minimum_y, ht_g_pow_x,
    ht_g_pow_y, ht_g_squared_difference_x, ht_g_squared_difference_y,
    ht_g_div_no_nan_y, ht_g_xdivy_x, ht_g_xdivy_y, ht_g_xlogy_x, ht_g_xlog1py_x,
    ht_g_xlog1py_y, ht_g_atan2_y, ht_g_atan2_x;

#endif
