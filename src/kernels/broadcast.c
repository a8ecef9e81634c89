/* broadcast.c - see broadcast.h. */
#include "kernels/broadcast.h"

#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"

enum { BLOCK = 256, GRAIN = 1 << 14 };

/* The collapsed loop: `inner` elements in a row, outer axes around it. */
typedef struct {
  ht_row_fn *fn;
  ht_row_fn *narrow; /* set: operands are half or bfloat16, fn of float */
  ht_dtype dtype;
  int n, rank; /* operands, outer axes */
  int64_t dim[HT_MAX_RANK];
  int64_t stride[HT_MAX_OPERANDS][HT_MAX_RANK]; /* in elements */
  int64_t inner;
  int step[HT_MAX_OPERANDS];
  const char *x[HT_MAX_OPERANDS];
  char *z;
  size_t size[HT_MAX_OPERANDS], z_size; /* of an element */
  double p;
} loop;

bool ht_kernel_has(const ht_kernel *k, ht_dtype t) {
  if ((unsigned)t >= HT_DTYPES) return false;
  bool narrow = t == HT_HALF || t == HT_BFLOAT16;
  return k->of[t] || (narrow && k->of[HT_FLOAT]);
}

/* Which operands move along axis i of the result, a bit each. */
static unsigned moving(int n, const ht_tensor *const *x, const ht_shape *z,
                       int i) {
  unsigned mask = 0;
  for (int k = 0; k < n; k++) {
    int axis = i - (z->rank - x[k]->shape.rank);
    if (axis >= 0 && x[k]->shape.dim[axis] != 1) mask |= 1u << k;
  }
  return mask;
}

/* Axes of length 1 vanish, neighbours along which the same operands move
 * become one; the last is the row. */
static void collapse(loop *l, const ht_tensor *const *x, const ht_shape *z) {
  unsigned mask[HT_MAX_RANK];
  int64_t dim[HT_MAX_RANK];
  int runs = 0;
  for (int i = 0; i < z->rank; i++) {
    if (z->dim[i] == 1) continue;
    unsigned m = moving(l->n, x, z, i);
    if (runs && mask[runs - 1] == m) {
      dim[runs - 1] *= z->dim[i];
    } else {
      mask[runs] = m;
      dim[runs++] = z->dim[i];
    }
  }
  l->rank = runs ? runs - 1 : 0;
  l->inner = runs ? dim[runs - 1] : 1;
  for (int k = 0; k < l->n; k++) {
    int64_t stride = 1;
    l->step[k] = runs ? mask[runs - 1] >> k & 1 : 0;
    if (l->step[k]) stride = l->inner;
    for (int i = l->rank - 1; i >= 0; i--) {
      bool moves = mask[i] >> k & 1;
      l->dim[i] = dim[i];
      l->stride[k][i] = moves ? stride : 0;
      if (moves) stride *= dim[i];
    }
  }
}

static void widen(ht_dtype t, const uint16_t *x, float *y, size_t n) {
  if (t == HT_HALF)
    for (size_t i = 0; i < n; i++) y[i] = ht_half_to_float(x[i]);
  else
    for (size_t i = 0; i < n; i++) y[i] = ht_bfloat16_to_float(x[i]);
}

static void narrow(ht_dtype t, const float *x, uint16_t *y, size_t n) {
  if (t == HT_HALF)
    for (size_t i = 0; i < n; i++) y[i] = ht_float_to_half(x[i]);
  else
    for (size_t i = 0; i < n; i++) y[i] = ht_float_to_bfloat16(x[i]);
}

/* A row of half or bfloat16: through float, block by block. */
static void run_narrow(const loop *l, char *z, const void *const *x, size_t n) {
  float block[HT_MAX_OPERANDS][BLOCK], out[BLOCK];
  const void *at[HT_MAX_OPERANDS];
  for (size_t from = 0; from < n; from += BLOCK) {
    size_t m = n - from < BLOCK ? n - from : BLOCK;
    for (int k = 0; k < l->n; k++) {
      const uint16_t *p = x[k];
      widen(l->dtype, p + (l->step[k] ? from : 0), block[k],
            l->step[k] ? m : 1);
      at[k] = block[k];
    }
    if (l->z_size != l->size[0]) {
      l->fn(z + from * l->z_size, at, l->step, m, l->p);
      continue;
    }
    l->fn(out, at, l->step, m, l->p);
    narrow(l->dtype, out, (uint16_t *)z + from, m);
  }
}

static void run_row(const loop *l, const int64_t *index, int64_t from,
                    int64_t n, char *z) {
  const void *x[HT_MAX_OPERANDS];
  for (int k = 0; k < l->n; k++) {
    int64_t at = l->step[k] ? from : 0;
    for (int i = 0; i < l->rank; i++) at += index[i] * l->stride[k][i];
    x[k] = l->x[k] + (size_t)at * l->size[k];
  }
  if (l->narrow)
    run_narrow(l, z, x, (size_t)n);
  else
    l->fn(z, x, l->step, (size_t)n, l->p);
}

/* Elements from..to of the result. */
static void run_range(size_t from, size_t to, void *arg) {
  const loop *l = arg;
  int64_t index[HT_MAX_RANK] = {0};
  int64_t row = (int64_t)from / l->inner, at = (int64_t)from % l->inner;
  for (int i = l->rank - 1; i >= 0; i--) {
    index[i] = row % l->dim[i];
    row /= l->dim[i];
  }
  for (int64_t left = (int64_t)(to - from); left > 0;) {
    int64_t n = l->inner - at < left ? l->inner - at : left;
    run_row(l, index, at, n, l->z + ((int64_t)to - left) * (int64_t)l->z_size);
    left -= n;
    at = 0;
    for (int i = l->rank - 1; i >= 0 && ++index[i] == l->dim[i]; i--)
      index[i] = 0;
  }
}

void ht_kernel_run(const ht_kernel *k, ht_dtype t, int n,
                   const ht_tensor *const *x, double p, ht_tensor *z) {
  int64_t count = ht_count(z);
  if (!count || !ht_kernel_has(k, t)) return;
  loop l = {.fn = k->of[t],
            .dtype = t,
            .n = n,
            .z = z->data,
            .z_size = ht_dtype_size(z->dtype),
            .p = p};
  if (!l.fn) l.fn = l.narrow = k->of[HT_FLOAT];
  for (int i = 0; i < n; i++) {
    l.x[i] = x[i]->data;
    l.size[i] = ht_dtype_size(x[i]->dtype);
  }
  collapse(&l, x, &z->shape);
  ht_parallel((size_t)count, GRAIN, run_range, &l);
}

/* ---- copies */

#define COPY_ROW(name, type)                                                   \
  static void name(void *vz, const void *const *vx, const int *step, size_t n, \
                   double p) {                                                 \
    const type *x = vx[0];                                                     \
    type *z = vz;                                                              \
    (void)p;                                                                   \
    if (step[0])                                                               \
      memcpy(z, x, n * sizeof *z);                                             \
    else                                                                       \
      for (size_t i = 0; i < n; i++) z[i] = *x;                                \
  }
typedef struct {
  uint64_t half[2];
} pair;
COPY_ROW(copy_1, uint8_t)
COPY_ROW(copy_2, uint16_t)
COPY_ROW(copy_4, uint32_t)
COPY_ROW(copy_8, uint64_t)
COPY_ROW(copy_16, pair)

/* The one of five functions for elements of that size. */
static void run_by_size(ht_row_fn *const fn[5], int n,
                        const ht_tensor *const *x, ht_tensor *z) {
  size_t size = ht_dtype_size(z->dtype);
  int which = 0;
  while (which < 4 && (size_t)1 << which < size) which++;
  ht_kernel k = {{0}};
  k.of[z->dtype] = fn[which];
  ht_kernel_run(&k, z->dtype, n, x, 0, z);
}

void ht_broadcast_copy(const ht_tensor *x, ht_tensor *z) {
  static ht_row_fn *const copies[] = {copy_1, copy_2, copy_4, copy_8, copy_16};
  run_by_size(copies, 1, &x, z);
}

#define SELECT_ROW(name, type)                                                 \
  HT_WIDE static void name(void *vz, const void *const *vx, const int *step,   \
                           size_t n, double p) {                               \
    const uint8_t *c = vx[0];                                                  \
    const type *t = vx[1], *e = vx[2];                                         \
    type *z = vz;                                                              \
    size_t dc = step[0] != 0, dt = step[1] != 0, de = step[2] != 0;            \
    (void)p;                                                                   \
    if (dc && dt && de)                                                        \
      for (size_t i = 0; i < n; i++) z[i] = c[i] ? t[i] : e[i];                \
    else if (!dc && *c)                                                        \
      for (size_t i = 0; i < n; i++) z[i] = t[i * dt];                         \
    else                                                                       \
      for (size_t i = 0; i < n; i++) z[i] = c[i * dc] ? t[i * dt] : e[i * de]; \
  }
SELECT_ROW(select_1, uint8_t)
SELECT_ROW(select_2, uint16_t)
SELECT_ROW(select_4, uint32_t)
SELECT_ROW(select_8, uint64_t)
SELECT_ROW(select_16, pair)

void ht_broadcast_select(const ht_tensor *c, const ht_tensor *t,
                         const ht_tensor *e, ht_tensor *z) {
  static ht_row_fn *const selects[] = {select_1, select_2, select_4, select_8,
                                       select_16};
  const ht_tensor *x[] = {c, t, e};
  run_by_size(selects, 3, x, z);
}
