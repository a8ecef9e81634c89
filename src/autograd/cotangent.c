/* cotangent.c - sums of gradients, dense and as rows, see tape.h. */
#include <complex.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"
#include "base/parallel.h"
#include "kernels/real.h"

enum { GRAIN = 1 << 15 };

void ht_cotangent_drop(ht_cotangent *c) {
  ht_tensor_drop(&c->dense);
  ht_tensor_drop(&c->indices);
  ht_tensor_drop(&c->values);
}

/* y += x for n elements, by dtype. */
static void add_half(uint16_t *y, const uint16_t *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    y[i] = ht_float_to_half(ht_half_to_float(y[i]) + ht_half_to_float(x[i]));
}

static void add_bfloat16(uint16_t *y, const uint16_t *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    y[i] = ht_float_to_bfloat16(ht_bfloat16_to_float(y[i]) +
                                ht_bfloat16_to_float(x[i]));
}

#define ADD(type)                                \
  do {                                           \
    type *restrict a = y;                        \
    const type *restrict b = x;                  \
    for (size_t i = 0; i < n; i++) a[i] += b[i]; \
  } while (0)

HT_WIDE static void add_into(ht_dtype dtype, void *y, const void *x, size_t n) {
  switch (dtype) {
    case HT_FLOAT: ADD(float); break;
    case HT_DOUBLE: ADD(double); break;
    case HT_COMPLEX64: ADD(float _Complex); break;
    case HT_COMPLEX128: ADD(double _Complex); break;
    case HT_HALF: add_half(y, x, n); break;
    case HT_BFLOAT16: add_bfloat16(y, x, n); break;
    default: break;
  }
}

typedef struct add_job {
  ht_dtype dtype;
  size_t size;
  char *y;
  const char *x;
} add_job;

static void add_range(size_t from, size_t to, void *arg) {
  const add_job *j = arg;
  add_into(j->dtype, j->y + from * j->size, j->x + from * j->size, to - from);
}

static void add_tensor(ht_tensor *y, const ht_tensor *x) {
  add_job job = {y->dtype, ht_dtype_size(y->dtype), y->data, x->data};
  ht_parallel((size_t)ht_count(y), GRAIN, add_range, &job);
}

ht_status ht_ones(ht_pool *pool, ht_dtype dtype, const ht_shape *shape,
                  ht_tensor *out) {
  HT_TRY(ht_tensor_zeros(pool, dtype, shape, out));
  int64_t n = ht_count(out);
  for (int64_t i = 0; i < n; i++) switch (dtype) {
      case HT_FLOAT: ht_f(out)[i] = 1; break;
      case HT_DOUBLE: HT_DATA(double, out)[i] = 1; break;
      case HT_COMPLEX64: HT_DATA(float _Complex, out)[i] = 1; break;
      case HT_COMPLEX128: HT_DATA(double _Complex, out)[i] = 1; break;
      case HT_HALF: HT_DATA(uint16_t, out)[i] = 0x3c00; break;
      case HT_BFLOAT16: HT_DATA(uint16_t, out)[i] = 0x3f80; break;
      default: break;
    }
  return HT_SUCCESS;
}

/* ---- rows */

ht_status ht_cotangent_dense(ht_pool *pool, ht_cotangent *c,
                             const ht_shape *like) {
  if (!c->values.dtype) return HT_SUCCESS;
  ht_tensor dense;
  HT_TRY(ht_tensor_zeros(pool, c->values.dtype, like, &dense));
  int64_t n = ht_count(&c->indices), rows = like->dim[0];
  size_t row = rows ? ht_tensor_bytes(&dense) / (size_t)rows : 0;
  size_t cols = row / ht_dtype_size(dense.dtype);
  for (int64_t i = 0; i < n; i++) {
    int64_t k = ht_i64(&c->indices)[i];
    if (k < 0 || k >= rows) continue; /* a rule checked its indices already */
    add_into(dense.dtype, (char *)dense.data + (size_t)k * row,
             (char *)c->values.data + (size_t)i * row, cols);
  }
  ht_cotangent_drop(c);
  c->dense = dense;
  return HT_SUCCESS;
}

static ht_status append_rows(ht_pool *pool, ht_cotangent *total,
                             const ht_cotangent *g) {
  ht_cotangent sum = {0};
  ht_shape shape = total->values.shape;
  int64_t a = ht_count(&total->indices), b = ht_count(&g->indices);
  shape.dim[0] = a + b;
  HT_TRY(ht_tensor_new(pool, total->values.dtype, &shape, &sum.values));
  ht_shape n = ht_shape_1(a + b);
  ht_status st = ht_tensor_new(pool, HT_INT64, &n, &sum.indices);
  if (st.code != HT_OK) {
    ht_cotangent_drop(&sum);
    return st;
  }
  size_t first = ht_tensor_bytes(&total->values);
  memcpy(sum.values.data, total->values.data, first);
  memcpy((char *)sum.values.data + first, g->values.data,
         ht_tensor_bytes(&g->values));
  memcpy(sum.indices.data, total->indices.data, (size_t)a * 8);
  memcpy(ht_i64(&sum.indices) + a, g->indices.data, (size_t)b * 8);
  ht_cotangent_drop(total);
  *total = sum;
  return HT_SUCCESS;
}

ht_status ht_cotangent_add(ht_pool *pool, ht_cotangent *total, ht_cotangent *g,
                           const ht_shape *shape) {
  ht_status st = HT_SUCCESS;
  if (!total->dense.dtype && !total->values.dtype) {
    *total = *g;
    *g = (ht_cotangent){0};
    return st;
  }
  if (total->values.dtype && g->values.dtype) {
    st = append_rows(pool, total, g);
  } else {
    st = ht_cotangent_dense(pool, total, shape);
    if (st.code == HT_OK) st = ht_cotangent_dense(pool, g, shape);
    if (st.code == HT_OK) st = ht_tensor_own(pool, &total->dense);
    if (st.code == HT_OK) add_tensor(&total->dense, &g->dense);
  }
  ht_cotangent_drop(g);
  return st;
}

/* first[i] = the position where index i of the list stood first; returns the
 * number of distinct ones. `table` has slots (a power of two) of zeros. */
static int64_t find_firsts(const int64_t *id, int64_t n, int64_t *place,
                           uint32_t *table, size_t slots) {
  int64_t distinct = 0;
  for (int64_t i = 0; i < n; i++) {
    size_t h = (size_t)id[i] * 0x9e3779b97f4a7c15u >> 20 & (slots - 1);
    while (table[h] && id[table[h] - 1] != id[i]) h = (h + 1) & (slots - 1);
    if (table[h]) {
      place[i] = place[table[h] - 1];
    } else {
      table[h] = (uint32_t)i + 1;
      place[i] = distinct++;
    }
  }
  return distinct;
}

static ht_status merge_rows(ht_pool *pool, ht_cotangent *c,
                            const int64_t *place, int64_t distinct) {
  int64_t n = ht_count(&c->indices);
  ht_shape shape = c->values.shape, ids = ht_shape_1(distinct);
  shape.dim[0] = distinct;
  ht_cotangent sum = {0};
  HT_TRY(ht_tensor_zeros(pool, c->values.dtype, &shape, &sum.values));
  ht_status st = ht_tensor_new(pool, HT_INT64, &ids, &sum.indices);
  if (st.code != HT_OK) {
    ht_cotangent_drop(&sum);
    return st;
  }
  size_t row = ht_tensor_bytes(&c->values) / (size_t)n;
  size_t cols = row / ht_dtype_size(c->values.dtype);
  for (int64_t i = 0; i < n; i++) {
    ht_i64(&sum.indices)[place[i]] = ht_i64(&c->indices)[i];
    add_into(sum.values.dtype, (char *)sum.values.data + (size_t)place[i] * row,
             (char *)c->values.data + (size_t)i * row, cols);
  }
  ht_cotangent_drop(c);
  *c = sum;
  return HT_SUCCESS;
}

ht_status ht_cotangent_unique(ht_pool *pool, ht_cotangent *c) {
  int64_t n = c->values.dtype ? ht_count(&c->indices) : 0;
  if (n < 2) return HT_SUCCESS;
  if (n > INT32_MAX) return ht_fail(HT_UNSUPPORTED, "too many gradient rows");
  size_t slots = 16;
  while (slots < (size_t)n * 2) slots *= 2;
  uint32_t *table = calloc(slots, sizeof *table);
  int64_t *place = malloc((size_t)n * sizeof *place);
  ht_status st =
      table && place ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for rows");
  if (st.code == HT_OK) {
    int64_t distinct = find_firsts(ht_i64(&c->indices), n, place, table, slots);
    if (distinct < n) st = merge_rows(pool, c, place, distinct);
  }
  free(table);
  free(place);
  return st;
}

/* ---- broadcasting */

/* Collapses the axes of g into runs that are summed and runs that are kept:
 * dim[k] with summed[k]; returns their number. */
static int collapse(const ht_shape *g, const ht_shape *shape, int64_t *dim,
                    bool *summed) {
  int runs = 0;
  for (int i = 0; i < g->rank; i++) {
    int k = i - (g->rank - shape->rank);
    bool sum = k < 0 || (shape->dim[k] == 1 && g->dim[i] != 1);
    if (runs && (summed[runs - 1] == sum || g->dim[i] == 1)) {
      dim[runs - 1] *= g->dim[i];
    } else {
      dim[runs] = g->dim[i];
      summed[runs++] = sum;
    }
  }
  return runs;
}

typedef struct sum_job {
  ht_dtype dtype;
  size_t size;
  int runs;
  const int64_t *dim;
  const bool *summed;
} sum_job;

/* y += the sums of x over the summed runs from `level` on. */
static void sum_runs(const sum_job *j, int level, const char *x, char *y) {
  size_t inner_x = j->size, inner_y = j->size;
  for (int k = level + 1; k < j->runs; k++) {
    inner_x *= (size_t)j->dim[k];
    if (!j->summed[k]) inner_y *= (size_t)j->dim[k];
  }
  bool last = level + 1 >= j->runs;
  if (last && !j->summed[level]) {
    add_into(j->dtype, y, x, (size_t)j->dim[level]);
    return;
  }
  for (int64_t i = 0; i < j->dim[level]; i++) {
    const char *from = x + (size_t)i * inner_x;
    char *to = j->summed[level] ? y : y + (size_t)i * inner_y;
    if (last)
      add_into(j->dtype, to, from, 1);
    else
      sum_runs(j, level + 1, from, to);
  }
}

/* Sums of the last run of floats, where rounding would pile up, go through
 * double. */
static void sum_tail(const float *x, float *y, int64_t rows, int64_t cols) {
  for (int64_t i = 0; i < rows; i++) {
    double s = 0;
    for (int64_t k = 0; k < cols; k++) s += (double)x[i * cols + k];
    y[i] = (float)s;
  }
}

ht_status ht_sum_to_shape(ht_pool *pool, ht_tensor *g, const ht_shape *shape) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (ht_shape_equal(&g->shape, shape)) return HT_SUCCESS;
  ht_shape both;
  ht_status fits = ht_shape_broadcast(&g->shape, shape, &both);
  if (fits.code != HT_OK || !ht_shape_equal(&both, &g->shape))
    return ht_fail(HT_CORRUPT, "a gradient of shape %s for a value of shape %s",
                   ht_shape_text(&g->shape, a), ht_shape_text(shape, b));
  ht_tensor sum;
  int64_t dim[HT_MAX_RANK];
  bool summed[HT_MAX_RANK];
  HT_TRY(ht_tensor_zeros(pool, g->dtype, shape, &sum));
  sum_job job = {g->dtype, ht_dtype_size(g->dtype), 0, dim, summed};
  job.runs = collapse(&g->shape, shape, dim, summed);
  bool tail = job.runs == 1 || (job.runs == 2 && !summed[0]);
  if (g->dtype == HT_FLOAT && tail && summed[job.runs - 1])
    sum_tail(ht_f(g), ht_f(&sum), job.runs == 2 ? dim[0] : 1,
             dim[job.runs - 1]);
  else if (ht_count(g))
    sum_runs(&job, 0, g->data, sum.data);
  ht_tensor_drop(g);
  *g = sum;
  return HT_SUCCESS;
}
