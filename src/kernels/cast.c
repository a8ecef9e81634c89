/* cast.c - see cast.h. Eleven plain types are cast directly; the others go
 * through float or double, block by block. */
#include "kernels/cast.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"

enum { BLOCK = 256, GRAIN = 1 << 14, TYPES = 24 };

typedef void cast_fn(const void *x, void *z, size_t n);

/* Floats out of range: as cvttsd2si gives them. */
static inline int64_t to_int64(double v) {
  return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}
static inline int32_t to_int32(double v) {
  return v > -0x1p31 - 1 && v < 0x1p31 ? (int32_t)v : INT32_MIN;
}
static inline uint64_t to_uint64(double v) {
  if (v < 0x1p63) return (uint64_t)to_int64(v);
  return v < 0x1p64 ? (uint64_t)v : 0;
}

#define CAST(wide, name, from, to, expr)                      \
  wide static void name(const void *vx, void *vz, size_t n) { \
    const from *x = vx;                                       \
    to *z = vz;                                               \
    for (size_t i = 0; i < n; i++) {                          \
      const from v = x[i];                                    \
      z[i] = (to)(expr);                                      \
    }                                                         \
  }

#define TO_ALL(s, from, WIDE)        \
  CAST(WIDE, s##_f, from, float, v)  \
  CAST(WIDE, s##_d, from, double, v) \
  CAST(, s##_b, from, bool, v != 0)
#define INT_TO_ALL(s, from)                \
  TO_ALL(s, from, )                        \
  CAST(, s##_i8, from, int8_t, v)          \
  CAST(, s##_i16, from, int16_t, v)        \
  CAST(HT_WIDE, s##_i32, from, int32_t, v) \
  CAST(, s##_i64, from, int64_t, v)        \
  CAST(, s##_u8, from, uint8_t, v)         \
  CAST(, s##_u16, from, uint16_t, v)       \
  CAST(, s##_u32, from, uint32_t, v)       \
  CAST(, s##_u64, from, uint64_t, v)
#define REAL_TO_ALL(s, from)                                 \
  TO_ALL(s, from, HT_WIDE)                                   \
  CAST(, s##_i8, from, int8_t, to_int32((double)v))          \
  CAST(, s##_i16, from, int16_t, to_int32((double)v))        \
  CAST(HT_WIDE, s##_i32, from, int32_t, to_int32((double)v)) \
  CAST(, s##_i64, from, int64_t, to_int64((double)v))        \
  CAST(, s##_u8, from, uint8_t, to_int32((double)v))         \
  CAST(, s##_u16, from, uint16_t, to_int32((double)v))       \
  CAST(, s##_u32, from, uint32_t, to_int64((double)v))       \
  CAST(, s##_u64, from, uint64_t, to_uint64((double)v))

REAL_TO_ALL(f, float)
REAL_TO_ALL(d, double)
INT_TO_ALL(i8, int8_t)
INT_TO_ALL(i16, int16_t)
INT_TO_ALL(i32, int32_t)
INT_TO_ALL(i64, int64_t)
INT_TO_ALL(u8, uint8_t)
INT_TO_ALL(u16, uint16_t)
INT_TO_ALL(u32, uint32_t)
INT_TO_ALL(u64, uint64_t)
INT_TO_ALL(b, bool)

#define FROM(s)                                                       \
  {                                                                   \
    [HT_FLOAT] = s##_f, [HT_DOUBLE] = s##_d, [HT_BOOL] = s##_b,       \
    [HT_INT8] = s##_i8, [HT_INT16] = s##_i16, [HT_INT32] = s##_i32,   \
    [HT_INT64] = s##_i64, [HT_UINT8] = s##_u8, [HT_UINT16] = s##_u16, \
    [HT_UINT32] = s##_u32, [HT_UINT64] = s##_u64                      \
  }
static cast_fn *const plain[TYPES][TYPES] = {
    [HT_FLOAT] = FROM(f),    [HT_DOUBLE] = FROM(d),   [HT_BOOL] = FROM(b),
    [HT_INT8] = FROM(i8),    [HT_INT16] = FROM(i16),  [HT_INT32] = FROM(i32),
    [HT_INT64] = FROM(i64),  [HT_UINT8] = FROM(u8),   [HT_UINT16] = FROM(u16),
    [HT_UINT32] = FROM(u32), [HT_UINT64] = FROM(u64),
};

/* The plain type that stands for t inside a block. */
static ht_dtype plain_of(ht_dtype t) {
  if (t == HT_HALF || t == HT_BFLOAT16 || t == HT_COMPLEX64) return HT_FLOAT;
  return t == HT_COMPLEX128 ? HT_DOUBLE : t;
}

bool ht_cast_has(ht_dtype from, ht_dtype to) {
  from = plain_of(from);
  to = plain_of(to);
  return (unsigned)from < TYPES && (unsigned)to < TYPES && plain[from][to];
}

static bool is_complex(ht_dtype t) {
  return t == HT_COMPLEX64 || t == HT_COMPLEX128;
}

/* Part 0 (real) or 1 of n elements, as the plain type. */
static void open_block(ht_dtype t, const char *x, int part, size_t n, void *z) {
  const uint16_t *h = (const uint16_t *)x;
  const float *c = (const float *)x;
  const double *d = (const double *)x;
  float *f = z;
  double *g = z;
  for (size_t i = 0; i < n; i++) switch (t) {
      case HT_HALF: f[i] = ht_half_to_float(h[i]); break;
      case HT_BFLOAT16: f[i] = ht_bfloat16_to_float(h[i]); break;
      case HT_COMPLEX64: f[i] = c[2 * i + (size_t)part]; break;
      default: g[i] = d[2 * i + (size_t)part];
    }
}

static void close_block(ht_dtype t, const void *x, int part, size_t n,
                        char *z) {
  uint16_t *h = (uint16_t *)z;
  float *c = (float *)z;
  double *d = (double *)z;
  const float *f = x;
  const double *g = x;
  for (size_t i = 0; i < n; i++) switch (t) {
      case HT_HALF: h[i] = ht_float_to_half(f[i]); break;
      case HT_BFLOAT16: h[i] = ht_float_to_bfloat16(f[i]); break;
      case HT_COMPLEX64: c[2 * i + (size_t)part] = f[i]; break;
      default: d[2 * i + (size_t)part] = g[i];
    }
}

/* Clears the digits of plain floats that dtype `to` has no room for. */
static void cut_digits(ht_dtype from, ht_dtype to, void *x, size_t n) {
  int digits = to == HT_BFLOAT16 ? 7 : to == HT_HALF ? 10 : 23;
  int have = from == HT_FLOAT ? 23 : 52;
  if (have <= digits) return;
  uint64_t mask = ~(((uint64_t)1 << (have - digits)) - 1);
  uint32_t *f = x;
  uint64_t *d = x;
  for (size_t i = 0; i < n; i++)
    if (from == HT_FLOAT)
      f[i] &= (uint32_t)mask;
    else
      d[i] &= mask;
}

typedef struct {
  ht_dtype from, to;
  const char *x;
  char *z;
  bool truncate;
} job;

static void cast_part(const job *j, int part, size_t at, size_t n) {
  double in[BLOCK] = {0}, out[BLOCK];
  ht_dtype a = plain_of(j->from), b = plain_of(j->to);
  const char *x = j->x + at * ht_dtype_size(j->from);
  char *z = j->z + at * ht_dtype_size(j->to);
  bool there = part == 0 || is_complex(j->from);
  if (there && a != j->from)
    open_block(j->from, x, part, n, in);
  else if (there)
    memcpy(in, x, n * ht_dtype_size(a));
  bool cuts = j->truncate && (a == HT_FLOAT || a == HT_DOUBLE) &&
              ht_dtype_floating(j->to);
  if (cuts) cut_digits(a, j->to, in, n);
  plain[a][b](in, b == j->to ? (void *)z : out, n);
  if (b != j->to) close_block(j->to, out, part, n, z);
}

/* To bool: a complex number is not 0 where one of its parts is not. */
static void cast_range(size_t from, size_t to, void *arg) {
  const job *j = arg;
  ht_dtype a = plain_of(j->from), b = plain_of(j->to);
  if (a == j->from && b == j->to && !j->truncate) {
    plain[a][b](j->x + from * ht_dtype_size(a), j->z + from * ht_dtype_size(b),
                to - from);
    return;
  }
  for (size_t at = from; at < to; at += BLOCK) {
    size_t n = to - at < BLOCK ? to - at : BLOCK;
    cast_part(j, 0, at, n);
    if (is_complex(j->to)) cast_part(j, 1, at, n);
  }
}

void ht_cast_run(const ht_tensor *x, bool truncate, ht_tensor *z) {
  job j = {x->dtype, z->dtype, x->data, z->data, truncate};
  if (ht_cast_has(x->dtype, z->dtype))
    ht_parallel((size_t)ht_count(x), GRAIN, cast_range, &j);
}
