/* sparse.c - see sparse.h. */
#include "ops/sparse.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

ht_status ht_check_count(const ht_shape *shape) {
  int64_t n = 1;
  for (int d = 0; d < shape->rank; d++)
    if (shape->dim[d] >= 0 && __builtin_mul_overflow(n, shape->dim[d], &n))
      return ht_fail(HT_USAGE, "a sparse tensor of too many elements");
  return HT_SUCCESS;
}

static ht_status check_inside(const ht_call *c, const ht_sparse *s) {
  for (int64_t k = 0; k < s->n; k++)
    for (int d = 0; d < s->rank; d++)
      if (s->at[k * s->rank + d] < 0 ||
          s->at[k * s->rank + d] >= s->shape.dim[d])
        return ht_fail(HT_USAGE, "op '%s': sparse entry %lld lies outside",
                       c->op->name, (long long)k);
  return HT_SUCCESS;
}

ht_status ht_sparse_from(const ht_call *c, int i, int v, int s,
                         ht_sparse *out) {
  HT_TRY(ht_need_dtype(c, i, HT_INT64));
  HT_TRY(ht_need_rank(c, i, 2));
  HT_TRY(ht_need_rank(c, s, 1));
  HT_TRY(ht_shape_from(c->in[s], false, &out->shape));
  HT_TRY(ht_check_count(&out->shape));
  out->at = ht_i64(c->in[i]);
  out->n = c->in[i]->shape.dim[0];
  out->rank = out->shape.rank;
  out->values = v < 0 ? NULL : c->in[v];
  if (v >= 0) HT_TRY(ht_need_rank(c, v, 1));
  if (c->in[i]->shape.dim[1] != out->rank ||
      (v >= 0 && c->in[v]->shape.dim[0] != out->n))
    return ht_fail(HT_USAGE,
                   "op '%s': indices, values and shape of a sparse "
                   "tensor do not fit",
                   c->op->name);
  return check_inside(c, out);
}

int ht_sparse_compare(const ht_sparse *x, int64_t a, const ht_sparse *y,
                      int64_t b) {
  const int64_t *p = x->at + a * x->rank, *q = y->at + b * y->rank;
  for (int d = 0; d < x->rank; d++)
    if (p[d] != q[d]) return p[d] < q[d] ? -1 : 1;
  return 0;
}

static int by_index(const void *a, const void *b, void *sparse) {
  int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  int order = ht_sparse_compare(sparse, i, sparse, j);
  return order ? order : (i > j) - (i < j);
}

ht_status ht_sparse_order(const ht_sparse *x, int64_t *order) {
  bool sorted = true;
  for (int64_t k = 0; k < x->n; k++) {
    order[k] = k;
    if (k && ht_sparse_compare(x, k - 1, x, k) > 0) sorted = false;
  }
  ht_sparse copy = *x;
  if (!sorted) qsort_r(order, (size_t)x->n, sizeof *order, by_index, &copy);
  return HT_SUCCESS;
}

void ht_copy_element(ht_tensor *y, int64_t to, const ht_tensor *x,
                     int64_t from) {
  size_t size = ht_dtype_size(x->dtype);
  memcpy((char *)y->data + (size_t)to * size,
         (const char *)x->data + (size_t)from * size, size);
}

ht_status ht_out_elements(ht_call *c, int i, int k, const ht_shape *shape) {
  ht_dtype dtype = c->in[k]->dtype;
  if (dtype == HT_RESOURCE || dtype == HT_VARIANT) return ht_no_dtype(c, dtype);
  HT_TRY(ht_out(c, i, dtype, shape));
  if (dtype == HT_STRING) return ht_string_keep(&c->out[i], c->in[k]);
  return HT_SUCCESS;
}

ht_status ht_out_shape(ht_call *c, int i, const ht_shape *shape) {
  ht_shape one = ht_shape_1(shape->rank);
  HT_TRY(ht_out(c, i, HT_INT64, &one));
  for (int d = 0; d < shape->rank; d++) ht_i64(&c->out[i])[d] = shape->dim[d];
  return HT_SUCCESS;
}

ht_status ht_as_int64(ht_pool *pool, const ht_tensor *t, ht_tensor *out) {
  if (t->dtype == HT_INT64) {
    *out = ht_tensor_share(t);
    return HT_SUCCESS;
  }
  if (t->dtype != HT_INT32 && t->dtype != HT_INT16)
    return ht_fail(HT_USAGE,
                   "ids, indices and splits are int16, int32 or int64");
  HT_TRY(ht_tensor_new(pool, HT_INT64, &t->shape, out));
  for (int64_t i = 0; i < ht_count(t); i++) ht_i64(out)[i] = ht_int_at(t, i);
  return HT_SUCCESS;
}

ht_wide ht_wide_at(const ht_tensor *t, int64_t i) {
  switch (t->dtype) {
    case HT_COMPLEX64: return HT_DATA(float _Complex, t)[i];
    case HT_COMPLEX128: return HT_DATA(double _Complex, t)[i];
    case HT_UINT64: return (long double)HT_DATA(uint64_t, t)[i];
    case HT_FLOAT:
    case HT_DOUBLE:
    case HT_HALF:
    case HT_BFLOAT16: return (long double)ht_real_at(t, i);
    default: return (long double)ht_int_at(t, i);
  }
}

/* v modulo 2^64, as the bits of an integer of any width. */
static uint64_t wrapped(long double v) {
  const long double whole = 18446744073709551616.0L;
  v = fmodl(v, whole);
  return (uint64_t)(v < 0 ? v + whole : v);
}

static void set_integer(ht_tensor *t, int64_t i, uint64_t bits) {
  switch (ht_dtype_size(t->dtype)) {
    case 1: HT_DATA(uint8_t, t)[i] = (uint8_t)bits; break;
    case 2: HT_DATA(uint16_t, t)[i] = (uint16_t)bits; break;
    case 4: HT_DATA(uint32_t, t)[i] = (uint32_t)bits; break;
    default: HT_DATA(uint64_t, t)[i] = bits;
  }
}

void ht_wide_set(ht_tensor *t, int64_t i, ht_wide v) {
  long double real = creall(v);
  switch (t->dtype) {
    case HT_FLOAT: ht_f(t)[i] = (float)real; break;
    case HT_DOUBLE: HT_DATA(double, t)[i] = (double)real; break;
    case HT_HALF:
      HT_DATA(uint16_t, t)[i] = ht_float_to_half((float)real);
      break;
    case HT_BFLOAT16:
      HT_DATA(uint16_t, t)[i] = ht_float_to_bfloat16((float)real);
      break;
    case HT_COMPLEX64: HT_DATA(float _Complex, t)[i] = (float _Complex)v; break;
    case HT_COMPLEX128:
      HT_DATA(double _Complex, t)[i] = (double _Complex)v;
      break;
    default: set_integer(t, i, wrapped(real));
  }
}

ht_status ht_need_numbers(const ht_call *c, int i) {
  ht_dtype t = c->in[i]->dtype;
  bool yes = ht_dtype_floating(t) || ht_dtype_integer(t);
  return yes ? HT_SUCCESS : ht_no_dtype(c, t);
}

void ht_set_int(ht_tensor *t, int64_t i, int64_t v) {
  if (t->dtype == HT_INT32)
    ht_i32(t)[i] = (int32_t)v;
  else
    ht_i64(t)[i] = v;
}
