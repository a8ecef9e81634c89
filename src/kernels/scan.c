/* scan.c - where extremes stand, and running sums, see reduce.h. */
#include <complex.h>
#include <float.h>
#include <math.h>

#include "base/parallel.h"
#include "kernels/real.h"
#include "kernels/reduce.h"

typedef struct {
  const ht_tensor *x;
  const ht_around *a;
  bool greatest, exclusive, reverse;
  void *z;
} job;

/* Along the axis from column k = outer * inner + inner index. */
#define START(T, data)                                                \
  ((const T *)(data) + (int64_t)k / a->inner * a->length * a->inner + \
   (int64_t)k % a->inner)

#define ARG(name, type, lowest, highest)                               \
  static void name(size_t from, size_t to, void *arg) {                \
    const job *j = arg;                                                \
    const ht_around *a = j->a;                                         \
    int64_t *index = j->z;                                             \
    for (size_t k = from; k < to; k++) {                               \
      const type *x = START(type, j->x->data);                         \
      type best = j->greatest ? (type)(lowest) : (type)(highest);      \
      index[k] = 0;                                                    \
      for (int64_t i = 0; i < a->length; i++) {                        \
        type v = x[i * a->inner];                                      \
        if (j->greatest ? v > best : v < best) best = v, index[k] = i; \
      }                                                                \
    }                                                                  \
  }
ARG(arg_f, float, -FLT_MAX, FLT_MAX)
ARG(arg_d, double, -DBL_MAX, DBL_MAX)
ARG(arg_i8, int8_t, INT8_MIN, INT8_MAX)
ARG(arg_i16, int16_t, INT16_MIN, INT16_MAX)
ARG(arg_i32, int32_t, INT32_MIN, INT32_MAX)
ARG(arg_i64, int64_t, INT64_MIN, INT64_MAX)
ARG(arg_u8, uint8_t, 0, UINT8_MAX)
ARG(arg_u16, uint16_t, 0, UINT16_MAX)
ARG(arg_u32, uint32_t, 0, UINT32_MAX)
ARG(arg_u64, uint64_t, 0, UINT64_MAX)
ARG(arg_b, bool, 0, 1)

static void arg_narrow(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const ht_around *a = j->a;
  int64_t *index = j->z;
  bool half = j->x->dtype == HT_HALF;
  for (size_t k = from; k < to; k++) {
    const uint16_t *x = START(uint16_t, j->x->data);
    float best = j->greatest ? -FLT_MAX : FLT_MAX;
    index[k] = 0;
    for (int64_t i = 0; i < a->length; i++) {
      uint16_t bits = x[i * a->inner];
      float v = half ? ht_half_to_float(bits) : ht_bfloat16_to_float(bits);
      if (j->greatest ? v > best : v < best) best = v, index[k] = i;
    }
  }
}

static ht_range_fn *const arg_of[] = {
    [HT_FLOAT] = arg_f,         [HT_DOUBLE] = arg_d,   [HT_INT8] = arg_i8,
    [HT_INT16] = arg_i16,       [HT_INT32] = arg_i32,  [HT_INT64] = arg_i64,
    [HT_UINT8] = arg_u8,        [HT_UINT16] = arg_u16, [HT_UINT32] = arg_u32,
    [HT_UINT64] = arg_u64,      [HT_BOOL] = arg_b,     [HT_HALF] = arg_narrow,
    [HT_BFLOAT16] = arg_narrow,
};

bool ht_arg_extreme(const ht_tensor *x, const ht_around *a, bool greatest,
                    int64_t *index) {
  if (x->dtype >= (int)(sizeof arg_of / sizeof *arg_of) || !arg_of[x->dtype])
    return false;
  job j = {.x = x, .a = a, .greatest = greatest, .z = index};
  ht_parallel((size_t)(a->outer * a->inner), ht_grain((double)a->length),
              arg_of[x->dtype], &j);
  return true;
}

/* ---- running sums */

/* log(e^a + e^b) without overflow. */
static inline double log_add(double a, double b) {
  double m = a > b ? a : b;
  if (m == -INFINITY) return m;
  if (isnan(a) || isnan(b)) return NAN;
  return m == INFINITY ? m : m + log(exp(a - m) + exp(b - m));
}

/* ACC: the type of the running value. */
#define SCAN(name, type, ACC, nothing, JOIN)                          \
  static void name(size_t from, size_t to, void *arg) {               \
    const job *j = arg;                                               \
    const ht_around *a = j->a;                                        \
    int64_t first = j->reverse ? a->length - 1 : 0;                   \
    int64_t step = j->reverse ? -a->inner : a->inner;                 \
    for (size_t k = from; k < to; k++) {                              \
      const type *x = START(type, j->x->data) + first * a->inner;     \
      type *z = (type *)START(type, j->z) + first * a->inner;         \
      ACC s = (nothing);                                              \
      for (int64_t i = 0; i < a->length; i++, x += step, z += step) { \
        ACC before = s;                                               \
        s = (ACC)JOIN(s, *x);                                         \
        *z = (type)(j->exclusive ? before : s);                       \
      }                                                               \
    }                                                                 \
  }
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#define WRAP_PLUS(a, b) ((a) + (uint64_t)(b))
#define WRAP_TIMES(a, b) ((a) * (uint64_t)(b))
#define INT_SCANS(s, type)                    \
  SCAN(sum_##s, type, uint64_t, 0, WRAP_PLUS) \
  SCAN(prod_##s, type, uint64_t, 1, WRAP_TIMES)
#define FLOAT_SCANS(s, type, ACC)   \
  SCAN(sum_##s, type, ACC, 0, PLUS) \
  SCAN(prod_##s, type, ACC, 1, TIMES)
FLOAT_SCANS(f, float, float)
FLOAT_SCANS(d, double, double)
FLOAT_SCANS(c, float _Complex, float _Complex)
FLOAT_SCANS(z, double _Complex, double _Complex)
INT_SCANS(i8, int8_t)
INT_SCANS(i16, int16_t)
INT_SCANS(i32, int32_t)
INT_SCANS(i64, int64_t)
INT_SCANS(u8, uint8_t)
INT_SCANS(u16, uint16_t)
INT_SCANS(u32, uint32_t)
INT_SCANS(u64, uint64_t)
SCAN(log_f, float, double, -INFINITY, log_add)
SCAN(log_d, double, double, -INFINITY, log_add)

#define OF(op)                                                             \
  {                                                                        \
    [HT_FLOAT] = op##_f, [HT_DOUBLE] = op##_d, [HT_COMPLEX64] = op##_c,    \
    [HT_COMPLEX128] = op##_z, [HT_INT8] = op##_i8, [HT_INT16] = op##_i16,  \
    [HT_INT32] = op##_i32, [HT_INT64] = op##_i64, [HT_UINT8] = op##_u8,    \
    [HT_UINT16] = op##_u16, [HT_UINT32] = op##_u32, [HT_UINT64] = op##_u64 \
  }
static ht_range_fn *const scan_of[][24] = {
    [HT_SCAN_SUM] = OF(sum),
    [HT_SCAN_PROD] = OF(prod),
    [HT_SCAN_LOGSUMEXP] = {[HT_FLOAT] = log_f, [HT_DOUBLE] = log_d},
};

bool ht_scan_run(ht_scan op, const ht_tensor *x, const ht_around *a,
                 bool exclusive, bool reverse, ht_tensor *z) {
  ht_range_fn *fn = (unsigned)x->dtype < 24 ? scan_of[op][x->dtype] : NULL;
  if (!fn) return false;
  job j = {
      .x = x, .a = a, .exclusive = exclusive, .reverse = reverse, .z = z->data};
  ht_parallel((size_t)(a->outer * a->inner), ht_grain((double)a->length), fn,
              &j);
  return true;
}
