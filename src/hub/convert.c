/* convert.c - shapes, tensors and attributes out of messages. */
#include <string.h>

#include "hub/source.h"

/* Constants that a short list of values is spread over, all together. */
static const size_t MAX_GROWN = (size_t)4 << 30;

ht_dtype ht_dtype_of(int type) {
  if (type > 100) type -= 100; /* references */
  return ht_dtype_size((ht_dtype)type) ? (ht_dtype)type : HT_INVALID;
}

ht_shape ht_shape_of_proto(const Tensorflow__TensorShapeProto *p) {
  ht_shape s = {.rank = -1};
  if (!p || p->unknown_rank || p->n_dim > HT_MAX_RANK) return s;
  s.rank = (int)p->n_dim;
  for (int i = 0; i < s.rank; i++)
    s.dim[i] = p->dim[i]->size < 0 ? -1 : p->dim[i]->size;
  return s;
}

static ht_status value_shape(const Tensorflow__TensorShapeProto *p,
                             ht_shape *out) {
  *out = p ? ht_shape_of_proto(p) : HT_SCALAR;
  if (out->rank < 0)
    return ht_fail(HT_UNSUPPORTED,
                   "a constant without shape, or of more "
                   "than %d dimensions",
                   HT_MAX_RANK);
  for (int i = 0; i < out->rank; i++)
    if (out->dim[i] < 0)
      return ht_fail(HT_CORRUPT, "a constant of a shape not fully known");
  return HT_SUCCESS;
}

/* The typed list that holds values of a dtype. */
typedef struct value_list {
  const void *p;
  size_t n;     /* elements */
  size_t width; /* bytes of an element of the list */
  size_t per;   /* elements of the list for one of the tensor */
} value_list;

static value_list list_of(const Tensorflow__TensorProto *p, ht_dtype t) {
#define LIST(field, per) \
  (value_list) { p->field, p->n_##field, sizeof *p->field, per }
  switch (t) {
    case HT_FLOAT: return LIST(float_val, 1);
    case HT_DOUBLE: return LIST(double_val, 1);
    case HT_INT32:
    case HT_INT16:
    case HT_INT8:
    case HT_UINT8:
    case HT_UINT16: return LIST(int_val, 1);
    case HT_INT64: return LIST(int64_val, 1);
    case HT_BOOL: return LIST(bool_val, 1);
    case HT_HALF:
    case HT_BFLOAT16: return LIST(half_val, 1);
    case HT_UINT32: return LIST(uint32_val, 1);
    case HT_UINT64: return LIST(uint64_val, 1);
    case HT_COMPLEX64: return LIST(scomplex_val, 2);
    case HT_COMPLEX128: return LIST(dcomplex_val, 2);
    default: return (value_list){0};
  }
#undef LIST
}

static void put_value(char *to, size_t size, const value_list *v, size_t i) {
  const char *from = (const char *)v->p + i * v->per * v->width;
  if (v->width == sizeof(protobuf_c_boolean) && size == 1) {
    protobuf_c_boolean b;
    memcpy(&b, from, sizeof b);
    *to = b != 0;
  } else {
    memcpy(to, from, size); /* the low bytes, little endian */
  }
}

/* Values in their list; the last repeats. None: zeros. */
static void spread(const value_list *v, ht_tensor *t) {
  size_t size = ht_dtype_size(t->dtype), n = (size_t)ht_count(t);
  size_t have = v->per ? v->n / v->per : 0;
  char *to = t->data;
  if (!have) {
    memset(to, 0, n * size);
    return;
  }
  for (size_t i = 0; i < n && i < have; i++)
    put_value(to + i * size, size, v, i);
  for (size_t i = have; i < n; i++)
    memcpy(to + i * size, to + (have - 1) * size, size);
}

static ht_status fill_numbers(const Tensorflow__TensorProto *p, ht_tensor *t) {
  size_t bytes = ht_tensor_bytes(t);
  if (!bytes) return HT_SUCCESS;
  if (!p->tensor_content.len) {
    value_list v = list_of(p, t->dtype);
    spread(&v, t);
    return HT_SUCCESS;
  }
  if (p->tensor_content.len != bytes)
    return ht_fail(HT_CORRUPT, "a constant of %zu bytes, wanted %zu",
                   p->tensor_content.len, bytes);
  memcpy(t->data, p->tensor_content.data, bytes);
  for (size_t i = 0; t->dtype == HT_BOOL && i < bytes; i++)
    ((char *)t->data)[i] = ((char *)t->data)[i] != 0;
  return HT_SUCCESS;
}

static ht_status fill_strings(const Tensorflow__TensorProto *p, ht_tensor *t) {
  size_t n = (size_t)ht_count(t), have = p->n_string_val;
  for (size_t i = 0; have && i < n; i++) {
    const ProtobufCBinaryData *s = &p->string_val[i < have ? i : have - 1];
    if (s->len)
      HT_TRY(ht_string_set(t, (int64_t)i, (const char *)s->data, s->len));
  }
  return HT_SUCCESS;
}

/* Whether the values are in the file one by one, so that it bounds them. */
static bool given_in_full(const Tensorflow__TensorProto *p, ht_dtype t,
                          size_t count) {
  if (t == HT_STRING) return p->n_string_val >= count;
  value_list v = list_of(p, t);
  return p->tensor_content.len || (v.per && v.n / v.per >= count);
}

static ht_status charge(ht_source *s, const Tensorflow__TensorProto *p,
                        ht_dtype dtype, const ht_shape *shape) {
  size_t bytes = ht_dtype_size(dtype);
  for (int i = 0; i < shape->rank; i++)
    if (__builtin_mul_overflow(bytes, (size_t)shape->dim[i], &bytes))
      return ht_fail(HT_CORRUPT, "a constant of too many elements");
  if (given_in_full(p, dtype, bytes / ht_dtype_size(dtype))) return HT_SUCCESS;
  if (bytes > MAX_GROWN - s->grown)
    return ht_fail(HT_CORRUPT,
                   "constants of more than %zu MB that the file "
                   "does not hold",
                   MAX_GROWN >> 20);
  s->grown += bytes;
  return HT_SUCCESS;
}

ht_status ht_tensor_of_proto(ht_source *s, const Tensorflow__TensorProto *p,
                             ht_tensor *out) {
  ht_dtype dtype = ht_dtype_of((int)p->dtype);
  ht_shape shape;
  *out = (ht_tensor){0};
  if (dtype == HT_INVALID || dtype == HT_RESOURCE || dtype == HT_VARIANT)
    return ht_fail(HT_UNSUPPORTED, "a constant of dtype %d", (int)p->dtype);
  HT_TRY(value_shape(p->tensor_shape, &shape));
  HT_TRY(charge(s, p, dtype, &shape));
  HT_TRY(ht_tensor_new(NULL, dtype, &shape, out));
  ht_status st =
      dtype == HT_STRING ? fill_strings(p, out) : fill_numbers(p, out);
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

const Tensorflow__AttrValue *ht_node_attr(const Tensorflow__NodeDef *node,
                                          const char *name) {
  for (size_t i = 0; i < node->n_attr; i++)
    if (strcmp(node->attr[i]->key, name) == 0) return node->attr[i]->value;
  return NULL;
}
