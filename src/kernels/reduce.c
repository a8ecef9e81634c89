/*
 * reduce.c - see reduce.h.
 *
 * Neighbouring axes that are both reduced or both kept are one. Each reduced
 * run is then a reduction of [outer][length][inner]; long ones are cut into
 * pieces whose results are reduced again.
 */
#include "kernels/reduce.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"

enum { LANES = 16, PIECE = 1 << 15, COLUMNS = 1 << 12, TYPES = 24 };

/* z[0..cols) = the rows of x reduced, rows >= 1. */
typedef void rows_fn(const void *x, size_t rows, size_t stride, size_t cols,
                     void *z);
/* z[0] = x[0..n) reduced, n >= 1. */
typedef void line_fn(const void *x, size_t n, void *z);
/* z[0..n) = the result over no elements. */
typedef void empty_fn(void *z, size_t n);

typedef struct {
  rows_fn *rows;
  line_fn *line;
  empty_fn *empty;
} reducer;

/* JOIN(a, b) is the operation; a running value is `a`. */
#define REDUCER(wide, name, type, nothing, JOIN)                           \
  wide static void name##_rows(const void *vx, size_t rows, size_t stride, \
                               size_t cols, void *vz) {                    \
    typedef type T;                                                        \
    const T *x = vx;                                                       \
    T *z = vz;                                                             \
    memcpy(z, x, cols * sizeof *z);                                        \
    for (size_t r = 1; r < rows; r++) {                                    \
      const T *row = x + r * stride;                                       \
      for (size_t i = 0; i < cols; i++) z[i] = (T)JOIN(z[i], row[i]);      \
    }                                                                      \
  }                                                                        \
  wide static void name##_line(const void *vx, size_t n, void *vz) {       \
    typedef type T;                                                        \
    const T *x = vx;                                                       \
    T lane[LANES], a;                                                      \
    size_t i = LANES;                                                      \
    if (n < 2 * LANES) {                                                   \
      a = x[0];                                                            \
      for (i = 1; i < n; i++) a = (T)JOIN(a, x[i]);                        \
      *(T *)vz = a;                                                        \
      return;                                                              \
    }                                                                      \
    memcpy(lane, x, sizeof lane);                                          \
    for (; i + LANES <= n; i += LANES)                                     \
      for (int k = 0; k < LANES; k++)                                      \
        lane[k] = (T)JOIN(lane[k], x[i + (size_t)k]);                      \
    for (int half = LANES / 2; half; half /= 2)                            \
      for (int k = 0; k < half; k++)                                       \
        lane[k] = (T)JOIN(lane[k], lane[k + half]);                        \
    a = lane[0];                                                           \
    for (; i < n; i++) a = (T)JOIN(a, x[i]);                               \
    *(T *)vz = a;                                                          \
  }                                                                        \
  static void name##_empty(void *vz, size_t n) {                           \
    typedef type T;                                                        \
    T *z = vz;                                                             \
    for (size_t i = 0; i < n; i++) z[i] = (T)(nothing);                    \
  }
#define OF(name) \
  { name##_rows, name##_line, name##_empty }

#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#define WRAP_PLUS(a, b) ((uint64_t)(a) + (uint64_t)(b))
#define WRAP_TIMES(a, b) ((uint64_t)(a) * (uint64_t)(b))
#define GREATER(a, b) ((a) != (a) || (a) > (b) ? (a) : (b))
#define LESSER(a, b) ((a) != (a) || (a) < (b) ? (a) : (b))
#define INT_GREATER(a, b) ((a) > (b) ? (a) : (b))
#define INT_LESSER(a, b) ((a) < (b) ? (a) : (b))
#define OR(a, b) ((a) | (b))
#define AND(a, b) ((a) & (b))

#define REAL_REDUCERS(wide, s, type)               \
  REDUCER(wide, sum_##s, type, 0, PLUS)            \
  REDUCER(wide, prod_##s, type, 1, TIMES)          \
  REDUCER(wide, max_##s, type, -INFINITY, GREATER) \
  REDUCER(wide, min_##s, type, INFINITY, LESSER)
#define INT_REDUCERS(s, type, lowest, highest)  \
  REDUCER(, sum_##s, type, 0, WRAP_PLUS)        \
  REDUCER(, prod_##s, type, 1, WRAP_TIMES)      \
  REDUCER(, max_##s, type, lowest, INT_GREATER) \
  REDUCER(, min_##s, type, highest, INT_LESSER)
#define COMPLEX_REDUCERS(s, type)   \
  REDUCER(, sum_##s, type, 0, PLUS) \
  REDUCER(, prod_##s, type, 1, TIMES)

REAL_REDUCERS(HT_WIDE, f, float)
REAL_REDUCERS(HT_WIDE, d, double)
INT_REDUCERS(i8, int8_t, INT8_MIN, INT8_MAX)
INT_REDUCERS(i16, int16_t, INT16_MIN, INT16_MAX)
INT_REDUCERS(i32, int32_t, INT32_MIN, INT32_MAX)
INT_REDUCERS(i64, int64_t, INT64_MIN, INT64_MAX)
INT_REDUCERS(u8, uint8_t, 0, UINT8_MAX)
INT_REDUCERS(u16, uint16_t, 0, UINT16_MAX)
INT_REDUCERS(u32, uint32_t, 0, UINT32_MAX)
INT_REDUCERS(u64, uint64_t, 0, UINT64_MAX)
COMPLEX_REDUCERS(c, float _Complex)
COMPLEX_REDUCERS(z, double _Complex)
REDUCER(, max_b, bool, 0, OR)
REDUCER(, min_b, bool, 1, AND)

#define INTS(op)                                        \
  [HT_INT8] = OF(op##_i8), [HT_INT16] = OF(op##_i16),   \
  [HT_INT32] = OF(op##_i32), [HT_INT64] = OF(op##_i64), \
  [HT_UINT8] = OF(op##_u8), [HT_UINT16] = OF(op##_u16), \
  [HT_UINT32] = OF(op##_u32), [HT_UINT64] = OF(op##_u64)
#define REALS(op) [HT_FLOAT] = OF(op##_f), [HT_DOUBLE] = OF(op##_d)
#define COMPLEX(op) [HT_COMPLEX64] = OF(op##_c), [HT_COMPLEX128] = OF(op##_z)

static const reducer reducers[HT_REDUCTIONS][TYPES] = {
    [HT_REDUCE_SUM] = {REALS(sum), COMPLEX(sum), INTS(sum)},
    [HT_REDUCE_PROD] = {REALS(prod), COMPLEX(prod), INTS(prod)},
    [HT_REDUCE_MAX] = {REALS(max), INTS(max), [HT_BOOL] = OF(max_b)},
    [HT_REDUCE_MIN] = {REALS(min), INTS(min), [HT_BOOL] = OF(min_b)},
};

static bool narrow(ht_dtype t) { return t == HT_HALF || t == HT_BFLOAT16; }

bool ht_reduce_has(ht_reduction op, ht_dtype t) {
  if (narrow(t)) t = HT_FLOAT;
  return (unsigned)t < TYPES && reducers[op][t].rows;
}

/* ---- one reduced run */

typedef struct {
  const reducer *fn;
  size_t size;
  int64_t outer, length, inner;
  int64_t rows, pieces; /* of a piece; pieces along the length */
  int64_t cols, blocks; /* of a block; blocks along the inner axis */
  const char *x;
  char *z; /* [outer][pieces][inner] */
} job;

static void run_unit(const job *j, int64_t unit) {
  int64_t block = unit % j->blocks, rest = unit / j->blocks;
  int64_t piece = rest % j->pieces, o = rest / j->pieces;
  int64_t row = piece * j->rows, col = block * j->cols;
  int64_t rows = j->length - row, cols = j->inner - col;
  if (rows > j->rows) rows = j->rows;
  if (cols > j->cols) cols = j->cols;
  const char *x =
      j->x + (size_t)((o * j->length + row) * j->inner + col) * j->size;
  char *z = j->z + (size_t)((o * j->pieces + piece) * j->inner + col) * j->size;
  if (j->inner == 1)
    j->fn->line(x, (size_t)rows, z);
  else
    j->fn->rows(x, (size_t)rows, (size_t)j->inner, (size_t)cols, z);
}

static void run_units(size_t from, size_t to, void *arg) {
  for (size_t k = from; k < to; k++) run_unit(arg, (int64_t)k);
}

static void run_job(const job *j) {
  double work = (double)j->rows * (double)j->cols;
  ht_parallel((size_t)(j->outer * j->pieces * j->blocks), ht_grain(work),
              run_units, (void *)j);
}

/* [outer][length][inner] -> [outer][inner]. */
static ht_status reduce_run(ht_pool *pool, ht_dtype t, job j, char *z) {
  j.cols = j.inner < COLUMNS ? j.inner : COLUMNS;
  j.blocks = (j.inner + j.cols - 1) / j.cols;
  j.rows = j.inner == 1 ? PIECE : PIECE / j.cols > 16 ? PIECE / j.cols : 16;
  if (j.length <= 2 * j.rows) {
    j.rows = j.length;
    j.pieces = 1;
    j.z = z;
    run_job(&j);
    return HT_SUCCESS;
  }
  ht_tensor part;
  j.pieces = (j.length + j.rows - 1) / j.rows;
  ht_shape shape = {3, {j.outer, j.pieces, j.inner}};
  HT_TRY(ht_tensor_new(pool, t, &shape, &part));
  j.z = part.data;
  run_job(&j);
  job again = {.fn = j.fn,
               .size = j.size,
               .outer = j.outer,
               .length = j.pieces,
               .inner = j.inner,
               .x = part.data};
  ht_status st = reduce_run(pool, t, again, z);
  ht_tensor_drop(&part);
  return st;
}

/* ---- all axes */

typedef struct {
  int64_t dim[HT_MAX_RANK];
  bool reduced[HT_MAX_RANK];
  int n;
} runs;

static runs merge_axes(const ht_shape *s, const bool *reduced) {
  runs r = {.n = 0};
  for (int i = 0; i < s->rank; i++) {
    if (s->dim[i] == 1) continue;
    if (r.n && r.reduced[r.n - 1] == reduced[i]) {
      r.dim[r.n - 1] *= s->dim[i];
    } else {
      r.dim[r.n] = s->dim[i];
      r.reduced[r.n++] = reduced[i];
    }
  }
  return r;
}

/* Takes the last reduced run out of r; false where there is none. */
static bool take_run(runs *r, job *j) {
  int k = r->n - 1;
  while (k >= 0 && !r->reduced[k]) k--;
  if (k < 0) return false;
  j->outer = j->inner = 1;
  for (int i = 0; i < k; i++) j->outer *= r->dim[i];
  for (int i = k + 1; i < r->n; i++) j->inner *= r->dim[i];
  j->length = r->dim[k];
  r->dim[r->n = k] = j->inner;
  if (k > 0 && !r->reduced[k - 1])
    r->dim[k - 1] *= j->inner;
  else if (j->inner > 1)
    r->reduced[r->n++] = false;
  return true;
}

/* Run after run, the last first, until `out` holds the result. */
static ht_status reduce_axes(ht_pool *pool, const reducer *fn,
                             const ht_tensor *x, runs *r, ht_tensor *out) {
  ht_tensor from = ht_tensor_share(x);
  ht_status st = HT_SUCCESS;
  job j = {.fn = fn, .size = ht_dtype_size(x->dtype)};
  while (st.code == HT_OK && take_run(r, &j)) {
    ht_tensor to;
    ht_shape shape = ht_shape_2(j.outer, j.inner);
    st = ht_tensor_new(pool, x->dtype, &shape, &to);
    if (st.code != HT_OK) break;
    j.x = from.data;
    st = reduce_run(pool, x->dtype, j, to.data);
    ht_tensor_drop(&from);
    from = to;
  }
  if (st.code == HT_OK) *out = ht_tensor_shaped(&from, &out->shape);
  ht_tensor_drop(&from);
  return st;
}

static ht_status reduce_wide(ht_pool *pool, ht_reduction op, const ht_tensor *x,
                             const bool *reduced, const ht_shape *shape,
                             ht_tensor *out) {
  const reducer *fn = &reducers[op][x->dtype];
  *out = (ht_tensor){.dtype = x->dtype, .shape = *shape};
  if (!ht_count(x)) {
    HT_TRY(ht_tensor_new(pool, x->dtype, shape, out));
    fn->empty(out->data, (size_t)ht_count(out));
    return HT_SUCCESS;
  }
  runs r = merge_axes(&x->shape, reduced);
  return reduce_axes(pool, fn, x, &r, out);
}

static void convert(ht_tensor *wide, ht_tensor *thin, bool to_wide) {
  uint16_t *h = thin->data;
  float *f = wide->data;
  bool half = thin->dtype == HT_HALF;
  for (int64_t i = 0; i < ht_count(thin); i++)
    if (to_wide)
      f[i] = half ? ht_half_to_float(h[i]) : ht_bfloat16_to_float(h[i]);
    else
      h[i] = half ? ht_float_to_half(f[i]) : ht_float_to_bfloat16(f[i]);
}

ht_status ht_reduce(ht_pool *pool, ht_reduction op, const ht_tensor *x,
                    const bool *reduced, const ht_shape *shape,
                    ht_tensor *out) {
  if (!ht_reduce_has(op, x->dtype))
    return ht_fail(HT_UNSUPPORTED, "no reduction of dtype '%s'",
                   ht_dtype_name(x->dtype));
  if (!narrow(x->dtype)) return reduce_wide(pool, op, x, reduced, shape, out);
  ht_tensor wide, sum = {0}, thin = *x;
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &x->shape, &wide));
  convert(&wide, &thin, true);
  ht_status st = reduce_wide(pool, op, &wide, reduced, shape, &sum);
  ht_tensor_drop(&wide);
  if (st.code == HT_OK) st = ht_tensor_new(pool, x->dtype, shape, out);
  if (st.code == HT_OK) convert(&sum, out, false);
  ht_tensor_drop(&sum);
  return st;
}

ht_around ht_around_axis(const ht_shape *s, int axis) {
  ht_around a = {1, s->dim[axis], 1};
  for (int i = 0; i < axis; i++) a.outer *= s->dim[i];
  for (int i = axis + 1; i < s->rank; i++) a.inner *= s->dim[i];
  return a;
}
