/* binary.c - see binary.h. An expression is written once, of a and b of type
 * T. */
#include "kernels/binary.h"

#include <complex.h>
#include <string.h>
#include <tgmath.h>

#include "kernels/real.h"

#define CONJ(v)                          \
  _Generic((v), float _Complex           \
           : (conjf)(v), double _Complex \
           : (conj)(v), default          \
           : (v))

/* Three loops: both move, one of them stands still. */
#define ROW(wide, name, type, out, expr)                                  \
  wide static void name(void *vz, const void *const *vx, const int *step, \
                        size_t n, double parameter) {                     \
    typedef type T;                                                       \
    const T *x = vx[0], *y = vx[1];                                       \
    out *z = vz;                                                          \
    const T p = (T)parameter;                                             \
    (void)p;                                                              \
    if (step[0] && step[1]) {                                             \
      for (size_t i = 0; i < n; i++) {                                    \
        const T a = x[i], b = y[i];                                       \
        z[i] = (out)(expr);                                               \
      }                                                                   \
    } else if (step[0]) {                                                 \
      const T b = y[0];                                                   \
      for (size_t i = 0; i < n; i++) {                                    \
        const T a = x[i];                                                 \
        z[i] = (out)(expr);                                               \
      }                                                                   \
    } else {                                                              \
      const T a = x[0];                                                   \
      for (size_t i = 0; i < n; i++) {                                    \
        const T b = y[i];                                                 \
        z[i] = (out)(expr);                                               \
      }                                                                   \
    }                                                                     \
  }

#define REAL_ROWS(name, expr)                \
  ROW(HT_WIDE, name##_f, float, float, expr) \
  ROW(HT_WIDE, name##_d, double, double, expr)
#define COMPLEX_ROWS(name, expr)                        \
  ROW(, name##_c, float _Complex, float _Complex, expr) \
  ROW(, name##_z, double _Complex, double _Complex, expr)
#define SIGNED_ROWS(name, expr)             \
  ROW(, name##_i8, int8_t, int8_t, expr)    \
  ROW(, name##_i16, int16_t, int16_t, expr) \
  ROW(, name##_i32, int32_t, int32_t, expr) \
  ROW(, name##_i64, int64_t, int64_t, expr)
#define UNSIGNED_ROWS(name, expr)             \
  ROW(, name##_u8, uint8_t, uint8_t, expr)    \
  ROW(, name##_u16, uint16_t, uint16_t, expr) \
  ROW(, name##_u32, uint32_t, uint32_t, expr) \
  ROW(, name##_u64, uint64_t, uint64_t, expr)
#define REALS_OF(name) [HT_FLOAT] = name##_f, [HT_DOUBLE] = name##_d
#define COMPLEX_OF(name) [HT_COMPLEX64] = name##_c, [HT_COMPLEX128] = name##_z
#define INTS_OF(name)                                                        \
  [HT_INT8] = name##_i8, [HT_INT16] = name##_i16, [HT_INT32] = name##_i32,   \
  [HT_INT64] = name##_i64, [HT_UINT8] = name##_u8, [HT_UINT16] = name##_u16, \
  [HT_UINT32] = name##_u32, [HT_UINT64] = name##_u64

#define REAL(name, expr) \
  REAL_ROWS(name, expr)  \
  const ht_kernel ht_k_##name = {{REALS_OF(name)}};
#define REAL_COMPLEX(name, expr) \
  REAL_ROWS(name, expr)          \
  COMPLEX_ROWS(name, expr)       \
  const ht_kernel ht_k_##name = {{REALS_OF(name), COMPLEX_OF(name)}};
#define INT(name, signed_expr, expr) \
  SIGNED_ROWS(name, signed_expr)     \
  UNSIGNED_ROWS(name, expr)          \
  const ht_kernel ht_k_##name = {{INTS_OF(name)}};
#define REAL_INT(name, expr, signed_expr, unsigned_expr) \
  REAL_ROWS(name, expr)                                  \
  SIGNED_ROWS(name, signed_expr)                         \
  UNSIGNED_ROWS(name, unsigned_expr)                     \
  const ht_kernel ht_k_##name = {{REALS_OF(name), INTS_OF(name)}};
#define NUMBER(name, expr, complex_expr, signed_expr, unsigned_expr) \
  REAL_ROWS(name, expr)                                              \
  COMPLEX_ROWS(name, complex_expr)                                   \
  SIGNED_ROWS(name, signed_expr)                                     \
  UNSIGNED_ROWS(name, unsigned_expr)                                 \
  const ht_kernel ht_k_##name = {                                    \
      {REALS_OF(name), COMPLEX_OF(name), INTS_OF(name)}};

/* Integers wrap: arithmetic in W, cut to the type. */
typedef uint64_t W;
#define WRAPPED(op) ((W)a op(W) b)

NUMBER(add, a + b, a + b, WRAPPED(+), WRAPPED(+))
NUMBER(sub, a - b, a - b, WRAPPED(-), WRAPPED(-))
NUMBER(mul, a *b, a *b, WRAPPED(*), WRAPPED(*))
NUMBER(squared_difference, (a - b) * (a - b), (a - b) * CONJ(a - b),
       WRAPPED(-) * WRAPPED(-), WRAPPED(-) * WRAPPED(-))

/* -1 apart, where the least integer has no negative. */
#define QUOTIENT (b == 0 ? 0 : b == -1 ? (T)(0 - (W)a) : a / b)
#define REMAINDER (b == 0 || b == -1 ? 0 : a % b)
NUMBER(div, a / b, a / b, QUOTIENT, b ? a / b : 0)
REAL_INT(truncate_div, trunc(a / b), QUOTIENT, b ? a / b : 0)
REAL_INT(truncate_mod, fmod(a, b), REMAINDER, b ? a % b : 0)

static inline int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return (int64_t)(0 - (W)a);
  return a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
}
static inline int64_t floor_remainder(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
#define FLOOR_REMAINDER(r) ((r) != 0 && ((r) < 0) != (b < 0) ? (r) + b : (r))
REAL_INT(floor_div, floor(a / b), floor_quotient(a, b), b ? a / b : 0)
REAL_INT(floor_mod, FLOOR_REMAINDER(fmod(a, b)), floor_remainder(a, b),
         b ? a % b : 0)

/* NaN wins. */
REAL_INT(maximum, a != a || a > b ? a : b, a > b ? a : b, a > b ? a : b)
REAL_INT(minimum, a != a || a < b ? a : b, a < b ? a : b, a < b ? a : b)

static W int_power(W a, W b) {
  W z = 1;
  for (; b; b >>= 1, a *= a)
    if (b & 1) z *= a;
  return z;
}
NUMBER(pow, pow(a, b), pow(a, b), int_power((W)a, (W)b), int_power(a, b))
REAL_COMPLEX(div_no_nan, b == 0 ? 0 : a / b)
REAL_COMPLEX(mul_no_nan, b == 0 ? 0 : a * b)
REAL_COMPLEX(xdivy, a == 0 ? 0 : a / b)
REAL_COMPLEX(xlogy, a == 0 ? 0 : a * log(b))
#define LOG1P(v) \
  _Generic((v), float : log1pf(v), double : (log1p)(v), default : log(1 + v))
REAL_COMPLEX(xlog1py, a == 0 ? 0 : a * LOG1P(b))
REAL(atan2, atan2(a, b))
REAL(next_after, nextafter(a, b))
REAL(same, a == b ? 1 : 0)
REAL(keep_where, b != 0 ? a : 0)

/* Shifts by less than nothing or by the width and more are cut. */
#define WIDTH ((int)(8 * sizeof(T)))
#define SHIFT ((int)(b < 1 ? 0 : b < (T)WIDTH ? b : (T)(WIDTH - 1)))
INT(left_shift, (W)a << SHIFT, (W)a << SHIFT)
INT(right_shift, a >> SHIFT, a >> SHIFT)
INT(bitwise_and, a &b, a &b)
INT(bitwise_or, a | b, a | b)
INT(bitwise_xor, a ^ b, a ^ b)

ROW(, logical_and_b, bool, bool, a &b)
ROW(, logical_or_b, bool, bool, a | b)
const ht_kernel ht_k_logical_and = {{[HT_BOOL] = logical_and_b}};
const ht_kernel ht_k_logical_or = {{[HT_BOOL] = logical_or_b}};

/* ---- comparisons */

static inline int compare_strings(ht_string a, ht_string b) {
  size_t n = a.n < b.n ? a.n : b.n;
  int order = n ? memcmp(a.p, b.p, n) : 0;
  return order ? order : (a.n > b.n) - (a.n < b.n);
}

#define TEST_ROWS(name, expr)                \
  ROW(HT_WIDE, name##_f, float, bool, expr)  \
  ROW(HT_WIDE, name##_d, double, bool, expr) \
  ROW(, name##_i8, int8_t, bool, expr)       \
  ROW(, name##_i16, int16_t, bool, expr)     \
  ROW(, name##_i32, int32_t, bool, expr)     \
  ROW(, name##_i64, int64_t, bool, expr)     \
  ROW(, name##_u8, uint8_t, bool, expr)      \
  ROW(, name##_u16, uint16_t, bool, expr)    \
  ROW(, name##_u32, uint32_t, bool, expr)    \
  ROW(, name##_u64, uint64_t, bool, expr)
#define ORDER(name, expr) \
  TEST_ROWS(name, expr)   \
  const ht_kernel ht_k_##name = {{REALS_OF(name), INTS_OF(name)}};

#define STRING_ROW(name, expr)                                                 \
  static void name(void *vz, const void *const *vx, const int *step, size_t n, \
                   double p) {                                                 \
    const ht_string *x = vx[0], *y = vx[1];                                    \
    bool *z = vz;                                                              \
    (void)p;                                                                   \
    for (size_t i = 0; i < n; i++) {                                           \
      const ht_string a = step[0] ? x[i] : *x, b = step[1] ? y[i] : *y;        \
      z[i] = (expr);                                                           \
    }                                                                          \
  }
#define EQUALITY(name, expr, string_expr)      \
  TEST_ROWS(name, expr)                        \
  ROW(, name##_b, bool, bool, expr)            \
  ROW(, name##_c, float _Complex, bool, expr)  \
  ROW(, name##_z, double _Complex, bool, expr) \
  STRING_ROW(name##_s, string_expr)            \
  const ht_kernel ht_k_##name = {              \
      {REALS_OF(name), COMPLEX_OF(name),       \
       INTS_OF(name), [HT_BOOL] = name##_b, [HT_STRING] = name##_s}};

EQUALITY(equal, a == b, a.n == b.n && compare_strings(a, b) == 0)
EQUALITY(not_equal, a != b, a.n != b.n || compare_strings(a, b) != 0)
ORDER(less, a < b)
ORDER(less_equal, a <= b)
ORDER(greater, a > b)
ORDER(greater_equal, a >= b)
ORDER(approximate_equal, (a > b ? a - b : b - a) < p)

/* ---- derivatives */

/* Of a = dz and b: y. */
#define GRAD_2(name, expr)     \
  REAL_ROWS(g_##name, expr)    \
  COMPLEX_ROWS(g_##name, expr) \
  const ht_kernel ht_g_##name = {{REALS_OF(g_##name), COMPLEX_OF(g_##name)}};

/* Of g = dz, a = x and b = y. */
#define ROW_3(wide, name, type, expr)                                     \
  wide static void name(void *vz, const void *const *vx, const int *step, \
                        size_t n, double p) {                             \
    typedef type T;                                                       \
    const T *w = vx[0], *x = vx[1], *y = vx[2];                           \
    T *z = vz;                                                            \
    size_t dw = step[0] != 0, dx = step[1] != 0, dy = step[2] != 0;       \
    (void)p;                                                              \
    if (dw && dx && dy) {                                                 \
      for (size_t i = 0; i < n; i++) {                                    \
        const T g = w[i], a = x[i], b = y[i];                             \
        (void)a, (void)b;                                                 \
        z[i] = (T)(expr);                                                 \
      }                                                                   \
      return;                                                             \
    }                                                                     \
    for (size_t i = 0; i < n; i++) {                                      \
      const T g = w[i * dw], a = x[i * dx], b = y[i * dy];                \
      (void)a, (void)b;                                                   \
      z[i] = (T)(expr);                                                   \
    }                                                                     \
  }
#define GRAD_3(name, expr)                   \
  ROW_3(HT_WIDE, g_##name##_f, float, expr)  \
  ROW_3(HT_WIDE, g_##name##_d, double, expr) \
  const ht_kernel ht_g_##name = {{REALS_OF(g_##name)}};
#define GRAD_3_BOTH(name, expr, complex_expr)          \
  ROW_3(HT_WIDE, g_##name##_f, float, expr)            \
  ROW_3(HT_WIDE, g_##name##_d, double, expr)           \
  ROW_3(, g_##name##_c, float _Complex, complex_expr)  \
  ROW_3(, g_##name##_z, double _Complex, complex_expr) \
  const ht_kernel ht_g_##name = {{REALS_OF(g_##name), COMPLEX_OF(g_##name)}};
#define GRAD_3_COMPLEX(name, expr) GRAD_3_BOTH(name, expr, expr)

GRAD_2(mul, a *CONJ(b))
GRAD_2(div_x, a / CONJ(b))
GRAD_3_COMPLEX(div_y, g *(CONJ(-a / b / b)))
GRAD_3(floor_mod_y, -g *floor(a / b))
GRAD_3(maximum_x, a >= b ? g : 0)
GRAD_3(maximum_y, a >= b ? 0 : g)
GRAD_3(minimum_x, a <= b ? g : 0)
GRAD_3(minimum_y, a <= b ? 0 : g)
GRAD_3_BOTH(pow_x, g *b *pow(a, b - 1), g *CONJ(b) * pow(CONJ(a), CONJ(b) - 1))
GRAD_3_BOTH(pow_y, g *b *(a > 0 ? log(a) : 0), /* b: z */
            a == 0 ? 0 : g * CONJ(b) * log(CONJ(a)))
GRAD_3_COMPLEX(squared_difference_x, g * 2 * (a - b))
GRAD_3_COMPLEX(squared_difference_y, g * 2 * (b - a))
GRAD_3_COMPLEX(div_no_nan_y, b == 0 ? 0 : g * (CONJ(-a / b / b)))
/* TensorFlow conjugates none of these. */
GRAD_3_COMPLEX(xdivy_x, a == 0 ? 0 : g / b)
GRAD_3_COMPLEX(xdivy_y, a == 0 ? 0 : g * (-a / (b * b)))
GRAD_3_COMPLEX(xlogy_x, a == 0 ? 0 : g * log(b))
GRAD_3_COMPLEX(xlog1py_x, a == 0 ? 0 : g * LOG1P(b))
GRAD_3_COMPLEX(xlog1py_y, a == 0 ? 0 : g * (a / (b + 1)))
/* Of atan2(a, b). */
GRAD_3(atan2_y, g *b / (a * a + b * b))
GRAD_3(atan2_x, -g *a / (a * a + b * b))
