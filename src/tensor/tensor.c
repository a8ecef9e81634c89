/* tensor.c - tensors over buffers, see tensor.h. */
#include "tensor/tensor.h"

#include <string.h>

#include "base/parallel.h"
#include "tensor/buffer.h"

static ht_status checked_bytes(ht_dtype dtype, const ht_shape *s,
                               size_t *bytes) {
  size_t n = ht_dtype_size(dtype);
  char text[HT_SHAPE_TEXT];
  if (!n) return ht_fail(HT_UNSUPPORTED, "no tensors of dtype %d", (int)dtype);
  if (s->rank < 0 || s->rank > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "a tensor of rank %d: at most %d", s->rank,
                   HT_MAX_RANK);
  bool empty = false;
  for (int i = 0; i < s->rank; i++) {
    if (s->dim[i] < 0)
      return ht_fail(HT_CORRUPT, "negative dimension in shape %s",
                     ht_shape_text(s, text));
    empty |= s->dim[i] == 0;
  }
  for (int i = 0; i < s->rank && !empty; i++)
    if (__builtin_mul_overflow(n, (size_t)s->dim[i], &n) || n > SIZE_MAX / 4)
      return ht_fail(HT_NO_MEMORY, "shape %s is too large",
                     ht_shape_text(s, text));
  *bytes = empty ? 0 : n;
  return HT_SUCCESS;
}

ht_status ht_tensor_new(ht_pool *pool, ht_dtype dtype, const ht_shape *shape,
                        ht_tensor *out) {
  size_t bytes = 0;
  ht_tensor t = {.dtype = dtype, .shape = *shape};
  HT_TRY(checked_bytes(dtype, shape, &bytes));
  HT_TRY(ht_buffer_new(pool, dtype, bytes, &t.buffer));
  t.data = t.buffer->data;
  *out = t;
  return HT_SUCCESS;
}

ht_status ht_tensor_zeros(ht_pool *pool, ht_dtype dtype, const ht_shape *shape,
                          ht_tensor *out) {
  HT_TRY(ht_tensor_new(pool, dtype, shape, out));
  if (!ht_dtype_pointers(dtype))
    ht_parallel_zeros(out->data, ht_tensor_bytes(out));
  return HT_SUCCESS;
}

ht_tensor ht_tensor_share(const ht_tensor *t) {
  if (t->buffer) ht_buffer_share(t->buffer);
  return *t;
}

void ht_tensor_drop(ht_tensor *t) {
  if (t->buffer) ht_buffer_drop(t->buffer);
  *t = (ht_tensor){0};
}

int64_t ht_count(const ht_tensor *t) { return ht_shape_count(&t->shape); }

size_t ht_tensor_bytes(const ht_tensor *t) {
  return (size_t)ht_count(t) * ht_dtype_size(t->dtype);
}

ht_tensor ht_tensor_shaped(const ht_tensor *t, const ht_shape *shape) {
  ht_tensor out = ht_tensor_share(t);
  out.shape = *shape;
  return out;
}

ht_tensor ht_tensor_rows(const ht_tensor *t, int64_t from, int64_t n) {
  ht_tensor out = ht_tensor_share(t);
  size_t row =
      t->shape.dim[0] ? ht_tensor_bytes(t) / (size_t)t->shape.dim[0] : 0;
  out.shape.dim[0] = n;
  out.data = (char *)t->data + (size_t)from * row;
  return out;
}

static ht_status copy_strings(ht_tensor *to, const ht_tensor *from) {
  size_t total = 0;
  int64_t n = ht_count(from);
  for (int64_t i = 0; i < n; i++) total += ht_str(from)[i].n;
  char *p = ht_string_room(to, total);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for strings");
  for (int64_t i = 0; i < n; i++) {
    ht_string s = ht_str(from)[i];
    if (s.n) memcpy(p, s.p, s.n);
    ht_str(to)[i] = (ht_string){p, s.n};
    p += s.n;
  }
  return HT_SUCCESS;
}

ht_status ht_tensor_copy(ht_pool *pool, const ht_tensor *t, ht_tensor *out) {
  ht_tensor copy;
  HT_TRY(ht_tensor_new(pool, t->dtype, &t->shape, &copy));
  copy.trace = t->trace;
  ht_status st = HT_SUCCESS;
  if (t->dtype == HT_STRING)
    st = copy_strings(&copy, t);
  else if (ht_dtype_pointers(t->dtype))
    for (int64_t i = 0; i < ht_count(t); i++)
      ht_obj(&copy)[i] = ht_object_share(ht_obj(t)[i]);
  else
    memcpy(copy.data, t->data, ht_tensor_bytes(t));
  if (st.code == HT_OK)
    *out = copy;
  else
    ht_tensor_drop(&copy);
  return st;
}

ht_status ht_tensor_own(ht_pool *pool, ht_tensor *t) {
  ht_tensor copy;
  if (t->buffer && ht_buffer_unique(t->buffer)) return HT_SUCCESS;
  HT_TRY(ht_tensor_copy(pool, t, &copy));
  ht_tensor_drop(t);
  *t = copy;
  return HT_SUCCESS;
}

ht_tensor ht_tensor_outline(const ht_tensor *t) {
  return (ht_tensor){.dtype = t->dtype, .shape = t->shape, .trace = t->trace};
}

static void drop_buffer(void *buffer) { ht_buffer_drop(buffer); }

ht_status ht_tensor_keep(ht_arena *arena, const ht_tensor *t) {
  if (!t->buffer) return HT_SUCCESS;
  HT_TRY(ht_arena_defer(arena, drop_buffer, t->buffer));
  ht_buffer_share(t->buffer);
  return HT_SUCCESS;
}

int64_t ht_int_at(const ht_tensor *t, int64_t i) {
  switch (t->dtype) {
    case HT_INT64: return ht_i64(t)[i];
    case HT_INT32: return ht_i32(t)[i];
    case HT_UINT8: return HT_DATA(uint8_t, t)[i];
    case HT_INT8: return HT_DATA(int8_t, t)[i];
    case HT_INT16: return HT_DATA(int16_t, t)[i];
    case HT_UINT16: return HT_DATA(uint16_t, t)[i];
    case HT_UINT32: return HT_DATA(uint32_t, t)[i];
    case HT_UINT64: return (int64_t)HT_DATA(uint64_t, t)[i];
    case HT_BOOL: return ht_bool(t)[i];
    default: return 0;
  }
}

double ht_real_at(const ht_tensor *t, int64_t i) {
  switch (t->dtype) {
    case HT_FLOAT: return (double)ht_f(t)[i];
    case HT_DOUBLE: return HT_DATA(double, t)[i];
    case HT_HALF: return (double)ht_half_to_float(HT_DATA(uint16_t, t)[i]);
    case HT_BFLOAT16:
      return (double)ht_bfloat16_to_float(HT_DATA(uint16_t, t)[i]);
    case HT_UINT64: return (double)HT_DATA(uint64_t, t)[i];
    default: return (double)ht_int_at(t, i);
  }
}

static ht_status scalar(ht_dtype dtype, const void *v, ht_tensor *out) {
  HT_TRY(ht_tensor_new(NULL, dtype, &HT_SCALAR, out));
  memcpy(out->data, v, ht_dtype_size(dtype));
  return HT_SUCCESS;
}

ht_status ht_scalar_int64(int64_t v, ht_tensor *out) {
  return scalar(HT_INT64, &v, out);
}

ht_status ht_scalar_float(float v, ht_tensor *out) {
  return scalar(HT_FLOAT, &v, out);
}

ht_status ht_scalar_string(const char *p, size_t n, ht_tensor *out) {
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &HT_SCALAR, out));
  ht_status st = ht_string_set(out, 0, p, n);
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}
