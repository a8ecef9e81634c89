/*
 * unary.c - see unary.h. An expression is written once, of v (and dy) of
 * type T; <tgmath.h> picks the function of the type.
 */
#include "kernels/unary.h"

#include <complex.h>
#include <tgmath.h>

#include "kernels/approx.h"
#include "kernels/real.h"

/* Vectorisable where there is such a version. */
#define EXP(v) _Generic((v), float : ht_exp_f(v), default : exp(v))
#define SIGMOID(v) \
  _Generic((v), float : ht_sigmoid_f(v), default : 1 / (1 + exp(-(v))))
#define TANH(v) _Generic((v), float : ht_tanh_f(v), default : tanh(v))
#define CONJ(v)                          \
  _Generic((v), float _Complex           \
           : (conjf)(v), double _Complex \
           : (conj)(v), default          \
           : (v))

#define ROW(wide, name, type, out, expr)                                  \
  wide static void name(void *vz, const void *const *vx, const int *step, \
                        size_t n, double parameter) {                     \
    typedef type T;                                                       \
    const type *x = vx[0];                                                \
    out *z = vz;                                                          \
    const T p = (T)parameter;                                             \
    (void)p, (void)step;                                                  \
    for (size_t i = 0; i < n; i++) {                                      \
      const type v = x[i];                                                \
      z[i] = (out)(expr);                                                 \
    }                                                                     \
  }

/* Gradients: dy and v have one shape. */
#define GRAD_ROW(wide, name, type, expr)                                  \
  wide static void name(void *vz, const void *const *vx, const int *step, \
                        size_t n, double parameter) {                     \
    typedef type T;                                                       \
    const type *x = vx[1], *g = vx[0];                                    \
    type *z = vz;                                                         \
    const T p = (T)parameter;                                             \
    size_t dx = step[1] ? 1 : 0, dg = step[0] ? 1 : 0;                    \
    (void)p;                                                              \
    if (dx && dg) {                                                       \
      for (size_t i = 0; i < n; i++) {                                    \
        const type v = x[i], dy = g[i];                                   \
        z[i] = (type)(expr);                                              \
      }                                                                   \
      return;                                                             \
    }                                                                     \
    for (size_t i = 0; i < n; i++) {                                      \
      const type v = x[i * dx], dy = g[i * dg];                           \
      z[i] = (type)(expr);                                                \
    }                                                                     \
  }

#define REALS_OF(name) [HT_FLOAT] = name##_f, [HT_DOUBLE] = name##_d
#define COMPLEX_OF(name) [HT_COMPLEX64] = name##_c, [HT_COMPLEX128] = name##_z
#define INTS_OF(name)                                                        \
  [HT_INT8] = name##_i8, [HT_INT16] = name##_i16, [HT_INT32] = name##_i32,   \
  [HT_INT64] = name##_i64, [HT_UINT8] = name##_u8, [HT_UINT16] = name##_u16, \
  [HT_UINT32] = name##_u32, [HT_UINT64] = name##_u64

#define REAL_ROWS(name, expr)                \
  ROW(HT_WIDE, name##_f, float, float, expr) \
  ROW(HT_WIDE, name##_d, double, double, expr)
#define COMPLEX_ROWS(name, expr)                        \
  ROW(, name##_c, float _Complex, float _Complex, expr) \
  ROW(, name##_z, double _Complex, double _Complex, expr)
#define INT_ROWS(name, expr)                  \
  ROW(, name##_i8, int8_t, int8_t, expr)      \
  ROW(, name##_i16, int16_t, int16_t, expr)   \
  ROW(, name##_i32, int32_t, int32_t, expr)   \
  ROW(, name##_i64, int64_t, int64_t, expr)   \
  ROW(, name##_u8, uint8_t, uint8_t, expr)    \
  ROW(, name##_u16, uint16_t, uint16_t, expr) \
  ROW(, name##_u32, uint32_t, uint32_t, expr) \
  ROW(, name##_u64, uint64_t, uint64_t, expr)

#define REAL(name, expr) \
  REAL_ROWS(name, expr)  \
  const ht_kernel ht_k_##name = {{REALS_OF(name)}};
#define REAL_COMPLEX(name, expr) \
  REAL_ROWS(name, expr)          \
  COMPLEX_ROWS(name, expr)       \
  const ht_kernel ht_k_##name = {{REALS_OF(name), COMPLEX_OF(name)}};
#define REAL_INT(name, expr, int_expr) \
  REAL_ROWS(name, expr)                \
  INT_ROWS(name, int_expr)             \
  const ht_kernel ht_k_##name = {{REALS_OF(name), INTS_OF(name)}};
#define NUMBER(name, expr, int_expr) \
  REAL_ROWS(name, expr)              \
  COMPLEX_ROWS(name, expr)           \
  INT_ROWS(name, int_expr)           \
  const ht_kernel ht_k_##name = {    \
      {REALS_OF(name), INTS_OF(name), COMPLEX_OF(name)}};

/* Integers wrap: arithmetic in uint64_t, cut to the type. */
NUMBER(neg, -v, 0 - (uint64_t)v)
NUMBER(square, v *v, (uint64_t)v *(uint64_t)v)
REAL_INT(abs, fabs(v), v < 1 && v != 0 ? 0 - (uint64_t)v : (uint64_t)v)
REAL_ROWS(sign, v != v ? v : (T)((v > 0) - (v < 0)))
COMPLEX_ROWS(sign, v == 0 ? 0 : v * (1 / cabs(v)))
INT_ROWS(sign, (v > 0) - (v < 1 && v != 0))
const ht_kernel ht_k_sign = {{REALS_OF(sign), INTS_OF(sign), COMPLEX_OF(sign)}};
REAL_INT(relu, v != v ? v : v > 0 ? v : 0, v > 0 ? v : 0)
REAL_INT(relu6,
         v != v  ? v
         : v > 6 ? 6
         : v > 0 ? v
                 : 0,
         v > 6   ? 6
         : v > 0 ? v
                 : 0)
NUMBER(scale, v *p, v *p)

REAL_COMPLEX(exp, EXP(v))
REAL_COMPLEX(expm1, _Generic((v), float
                             : expm1f(v), double
                             : (expm1)(v), default
                             : exp(v) - 1))
REAL_COMPLEX(log, log(v))
REAL_COMPLEX(log1p, _Generic((v), float
                             : log1pf(v), double
                             : (log1p)(v), default
                             : log(1 + v)))
REAL_COMPLEX(sqrt, sqrt(v))
REAL_COMPLEX(rsqrt, 1 / sqrt(v))
REAL_COMPLEX(reciprocal, 1 / v)
REAL_COMPLEX(sigmoid, SIGMOID(v))
REAL_COMPLEX(tanh, TANH(v))
REAL_COMPLEX(sin, sin(v))
REAL_COMPLEX(cos, cos(v))
REAL_COMPLEX(tan, tan(v))
REAL_COMPLEX(asin, asin(v))
REAL_COMPLEX(acos, acos(v))
REAL_COMPLEX(atan, atan(v))
REAL_COMPLEX(sinh, sinh(v))
REAL_COMPLEX(cosh, cosh(v))
REAL_COMPLEX(asinh, asinh(v))
REAL_COMPLEX(acosh, acosh(v))
REAL_COMPLEX(atanh, atanh(v))
REAL_COMPLEX(conj, CONJ(v))

REAL(floor, floor(v))
REAL(ceil, ceil(v))
REAL(erf, erf(v))
REAL(erfc, erfc(v))
REAL(erfinv, ht_erfinv(v))
REAL(ndtri, ht_ndtri(v))
REAL(lgamma, ht_lgamma(v))
REAL(digamma, ht_digamma(v))
REAL_INT(rint, rint(v), v)
REAL(leaky_relu, v > 0 ? v : v * p)
REAL(elu, v < 0 ? (T)expm1(v) : v)
/* Klambauer et al., "Self-normalizing neural networks", 2017. */
#define SELU_SCALE ((T)1.0507009873554804934193349852946)
#define SELU_ALPHA ((T)1.7580993408473768599402175208123) /* times scale */
REAL(selu, v < 0 ? SELU_ALPHA * (T)expm1(v) : SELU_SCALE * v)
REAL(softplus, (v > 0 ? v : 0) + log1p(EXP(-fabs(v))))
REAL(softsign, v / (1 + fabs(v)))

INT_ROWS(invert, ~v)
const ht_kernel ht_k_invert = {{INTS_OF(invert)}};
ROW(, logical_not_b, bool, bool, !v)
const ht_kernel ht_k_logical_not = {{[HT_BOOL] = logical_not_b}};

/* To bool. */
#define TEST(name, expr)                     \
  ROW(HT_WIDE, name##_f, float, bool, expr)  \
  ROW(HT_WIDE, name##_d, double, bool, expr) \
  const ht_kernel ht_k_##name = {{REALS_OF(name)}};
TEST(is_nan, v != v)
TEST(is_inf, fabs(v) == (T)INFINITY)
TEST(is_finite, v - v == 0)

/* ---- derivatives */

#define GRAD_REAL_ROWS(name, expr)          \
  GRAD_ROW(HT_WIDE, name##_gf, float, expr) \
  GRAD_ROW(HT_WIDE, name##_gd, double, expr)
#define GRAD_REALS_OF(name) [HT_FLOAT] = name##_gf, [HT_DOUBLE] = name##_gd
#define GRAD(name, expr)     \
  GRAD_REAL_ROWS(name, expr) \
  const ht_kernel ht_g_##name = {{GRAD_REALS_OF(name)}};
#define GRAD_LONG(name, expr)                  \
  GRAD_REAL_ROWS(name, expr)                   \
  GRAD_ROW(HT_WIDE, name##_gl, int64_t, expr)  \
  GRAD_ROW(HT_WIDE, name##_gy, uint64_t, expr) \
  const ht_kernel ht_g_##name = {              \
      {GRAD_REALS_OF(name), [HT_INT64] = name##_gl, [HT_UINT64] = name##_gy}};
#define GRAD_COMPLEX(name, expr)                        \
  GRAD_REAL_ROWS(name, expr)                            \
  GRAD_ROW(, name##_gc, float _Complex, expr)           \
  GRAD_ROW(, name##_gz, double _Complex, expr)          \
  const ht_kernel ht_g_##name = {                       \
      {GRAD_REALS_OF(name), [HT_COMPLEX64] = name##_gc, \
       [HT_COMPLEX128] = name##_gz}};

GRAD(abs, v != v ? v : dy * (T)((v > 0) - (v < 0)))
GRAD_COMPLEX(square, dy *(CONJ(v) * 2))
GRAD_COMPLEX(log, dy / CONJ(v))
GRAD_COMPLEX(log1p, dy / (1 + CONJ(v)))
GRAD_COMPLEX(expm1, dy *EXP(CONJ(v)))
GRAD_COMPLEX(sin, dy *cos(CONJ(v)))
GRAD_COMPLEX(cos, -dy *sin(CONJ(v)))
GRAD_COMPLEX(sinh, dy *cosh(CONJ(v)))
GRAD_COMPLEX(cosh, dy *sinh(CONJ(v)))
GRAD_COMPLEX(tan, dy / (cos(CONJ(v)) * cos(CONJ(v))))
GRAD_COMPLEX(asin, dy / sqrt(1 - CONJ(v) * CONJ(v)))
GRAD_COMPLEX(acos, -dy / sqrt(1 - CONJ(v) * CONJ(v)))
GRAD_COMPLEX(atan, dy / (1 + CONJ(v) * CONJ(v)))
GRAD_COMPLEX(atanh, dy / (1 - CONJ(v) * CONJ(v)))
GRAD(erf, dy *(T)M_2_SQRTPI *EXP(-v *v))
GRAD(erfc, -dy *(T)M_2_SQRTPI *EXP(-v *v))
GRAD(lgamma, dy *(T)ht_digamma(v))
GRAD(digamma, dy *(T)ht_trigamma(v))
GRAD(leaky_relu, v > 0 ? dy : dy * p)
GRAD(softplus, dy / (EXP(-v) + 1))
GRAD(softsign, dy / ((1 + fabs(v)) * (1 + fabs(v))))

GRAD_COMPLEX(exp, dy *CONJ(v))
GRAD_COMPLEX(sqrt, dy *(T)0.5 / CONJ(v))
GRAD_COMPLEX(rsqrt, dy *(T)-0.5 * (CONJ(v) * CONJ(v) * CONJ(v)))
GRAD_COMPLEX(reciprocal, -dy *(CONJ(v) * CONJ(v)))
GRAD_COMPLEX(sigmoid, dy *CONJ(v) * (1 - CONJ(v)))
GRAD_COMPLEX(tanh, dy *(1 - CONJ(v) * CONJ(v)))
GRAD_LONG(relu, v > 0 ? dy : 0)
GRAD_LONG(relu6, v > 0 && v < 6 ? dy : 0)
GRAD(elu, v < 0 ? dy * (v + 1) : dy)
GRAD(selu, v < 0 ? dy * (v + SELU_ALPHA) : dy * SELU_SCALE)
GRAD_COMPLEX(asinh, dy / cosh(CONJ(v)))
GRAD_COMPLEX(acosh, dy / sinh(CONJ(v)))
GRAD(erfinv, dy *(T)0.88622692545275801365 * EXP(v * v))
GRAD(ndtri, dy *(T)2.50662827463100050242 * EXP(v * v * (T)0.5))

/* ---- second derivatives, of operands (g, dy, v) */

#define SECOND_ROW(wide, name, type, expr)                                \
  wide static void name(void *vz, const void *const *vx, const int *step, \
                        size_t n, double parameter) {                     \
    typedef type T;                                                       \
    const type *u = vx[0], *w = vx[1], *x = vx[2];                        \
    type *z = vz;                                                         \
    const size_t du = step[0] != 0, dw = step[1] != 0, dx = step[2] != 0; \
    (void)parameter;                                                      \
    for (size_t i = 0; i < n; i++) {                                      \
      const T g = u[i * du], dy = w[i * dw], v = x[i * dx];               \
      z[i] = (T)(expr);                                                   \
    }                                                                     \
  }
#define SECOND_REAL_ROWS(name, expr)          \
  SECOND_ROW(HT_WIDE, name##_hf, float, expr) \
  SECOND_ROW(HT_WIDE, name##_hd, double, expr)
#define SECOND(name, expr)        \
  SECOND_REAL_ROWS(name, expr)    \
  const ht_kernel ht_h_##name = { \
      {[HT_FLOAT] = name##_hf, [HT_DOUBLE] = name##_hd}};
#define SECOND_COMPLEX(name, expr)                            \
  SECOND_REAL_ROWS(name, expr)                                \
  SECOND_ROW(, name##_hc, float _Complex, expr)               \
  SECOND_ROW(, name##_hz, double _Complex, expr)              \
  const ht_kernel ht_h_##name = {{[HT_FLOAT] = name##_hf,     \
                                  [HT_DOUBLE] = name##_hd,    \
                                  [HT_COMPLEX64] = name##_hc, \
                                  [HT_COMPLEX128] = name##_hz}};
/* Of complex numbers TensorFlow conjugates now dy, now g. */
SECOND_COMPLEX(sigmoid, g *CONJ(dy) * (1 - 2 * CONJ(v)))
SECOND_COMPLEX(tanh, -2 * g * CONJ(dy) * CONJ(v))
SECOND_COMPLEX(sqrt, (T)-0.5 * CONJ(g) * dy / (CONJ(v) * CONJ(v)))
SECOND_COMPLEX(rsqrt, (T)-1.5 * CONJ(g) * dy * CONJ(v) * CONJ(v))
SECOND_COMPLEX(reciprocal, -2 * CONJ(g) * dy * CONJ(v))
SECOND(elu, v < 0 ? g * dy : 0)
SECOND(softplus, g *dy / (EXP(-v) + 2 + EXP(v)))
SECOND(softsign, -2 * g * dy * (T)((v > 0) - (v < 0)) /
                     ((1 + fabs(v)) * (1 + fabs(v)) * (1 + fabs(v))))
