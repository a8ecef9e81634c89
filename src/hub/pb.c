/* pb.c - see pb.h. */
#include "hub/pb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

ht_status ht_pb_push_(ht_arena *arena, void ***array, size_t *n, void *item) {
  bool full = (*n & (*n - 1)) == 0; /* 0 or a power of two */
  if (full) {
    void **bigger;
    HT_NEW(bigger, arena, *n ? 2 * *n : 1);
    if (*n) memcpy(bigger, *array, *n * sizeof **array);
    *array = bigger;
  }
  (*array)[(*n)++] = item;
  return HT_SUCCESS;
}

ht_status ht_pb_text(ht_arena *arena, char **out, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  HT_NEW(*out, arena, n + 1);
  va_start(args, format);
  vsnprintf(*out, (size_t)n + 1, format, args);
  va_end(args);
  return HT_SUCCESS;
}

ht_status ht_pb_strings(ht_arena *arena, size_t *n, char ***array,
                        const char *s) {
  char *copy;
  HT_TRY(ht_pb_text(arena, &copy, "%s", s));
  return ht_pb_push_(arena, (void ***)array, n, copy);
}

ht_status ht_pb_shape(ht_arena *arena, const ht_shape *shape,
                      Tensorflow__TensorShapeProto **out) {
  HT_PB(*out, arena, tensorflow__tensor_shape_proto__init);
  (*out)->unknown_rank = shape->rank < 0;
  for (int i = 0; i < shape->rank; i++) {
    Tensorflow__TensorShapeProto__Dim *d;
    HT_PB(d, arena, tensorflow__tensor_shape_proto__dim__init);
    d->size = shape->dim[i];
    HT_TRY(HT_PB_PUSH(arena, *out, dim, d));
  }
  return HT_SUCCESS;
}

static ht_status strings_of(ht_arena *arena, const ht_tensor *t,
                            Tensorflow__TensorProto *p) {
  size_t n = (size_t)ht_count(t);
  HT_NEW(p->string_val, arena, n + 1);
  p->n_string_val = n;
  for (size_t i = 0; i < n; i++) {
    p->string_val[i].data = (uint8_t *)ht_str(t)[i].p;
    p->string_val[i].len = ht_str(t)[i].n;
  }
  return HT_SUCCESS;
}

ht_status ht_pb_tensor(ht_arena *arena, const ht_tensor *t,
                       Tensorflow__TensorProto **out) {
  HT_PB(*out, arena, tensorflow__tensor_proto__init);
  (*out)->dtype = (Tensorflow__DataType)t->dtype;
  HT_TRY(ht_pb_shape(arena, &t->shape, &(*out)->tensor_shape));
  HT_TRY(ht_tensor_keep(arena, t));
  if (t->dtype == HT_STRING) return strings_of(arena, t, *out);
  if (ht_dtype_pointers(t->dtype))
    return ht_fail(HT_UNSUPPORTED, "a constant of dtype '%s' cannot be written",
                   ht_dtype_name(t->dtype));
  (*out)->tensor_content.data = t->data;
  (*out)->tensor_content.len = ht_tensor_bytes(t);
  return HT_SUCCESS;
}

/* ---- attributes */

static ht_status value_of(ht_arena *arena, const ht_attr *a,
                          Tensorflow__AttrValue *out);

static ht_status func_of(ht_arena *arena, const ht_attr_func *f,
                         Tensorflow__NameAttrList **out) {
  HT_PB(*out, arena, tensorflow__name_attr_list__init);
  HT_TRY(ht_pb_text(arena, &(*out)->name, "%s", f->name));
  for (int i = 0; f->attrs && i < f->attrs->n; i++) {
    Tensorflow__NameAttrList__AttrEntry *e;
    HT_PB(e, arena, tensorflow__name_attr_list__attr_entry__init);
    HT_PB(e->value, arena, tensorflow__attr_value__init);
    HT_TRY(ht_pb_text(arena, &e->key, "%s", f->attrs->attr[i].name));
    HT_TRY(value_of(arena, &f->attrs->attr[i], e->value));
    HT_TRY(HT_PB_PUSH(arena, *out, attr, e));
  }
  return HT_SUCCESS;
}

static ProtobufCBinaryData bytes_of(ht_string s) {
  return (ProtobufCBinaryData){s.n, (uint8_t *)s.p};
}

static ht_status scalar_of(ht_arena *arena, const ht_attr *a,
                           Tensorflow__AttrValue *out) {
  const ht_attr_value *v = a->value;
  switch (a->kind) {
    case HT_ATTR_STRING:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_S;
      out->s = bytes_of(v->s);
      break;
    case HT_ATTR_INT:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_I;
      out->i = v->i;
      break;
    case HT_ATTR_FLOAT:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_F;
      out->f = (float)v->f;
      break;
    case HT_ATTR_BOOL:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_B;
      out->b = v->b;
      break;
    case HT_ATTR_TYPE:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_TYPE;
      out->type = (Tensorflow__DataType)v->type;
      break;
    case HT_ATTR_SHAPE:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_SHAPE;
      return ht_pb_shape(arena, &v->shape, &out->shape);
    case HT_ATTR_TENSOR:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_TENSOR;
      return ht_pb_tensor(arena, &v->tensor, &out->tensor);
    case HT_ATTR_FUNC:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_FUNC;
      return func_of(arena, &v->func, &out->func);
    case HT_ATTR_PLACEHOLDER:
      out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_PLACEHOLDER;
      return ht_pb_text(arena, &out->placeholder, "%.*s", (int)v->s.n, v->s.p);
  }
  return HT_SUCCESS;
}

/* The plain members of a list; those that are messages follow below. */
#define FILL(field, expr)                                 \
  do {                                                    \
    HT_NEW(list->field, arena, a->n + 1);                 \
    list->n_##field = (size_t)a->n;                       \
    for (int i = 0; i < a->n; i++) list->field[i] = expr; \
  } while (0)

static ht_status list_item(ht_arena *arena, ht_attr_kind kind,
                           const ht_attr_value *v,
                           Tensorflow__AttrValue__ListValue *list) {
  Tensorflow__TensorShapeProto *shape;
  Tensorflow__TensorProto *tensor;
  Tensorflow__NameAttrList *func;
  if (kind == HT_ATTR_SHAPE) {
    HT_TRY(ht_pb_shape(arena, &v->shape, &shape));
    return HT_PB_PUSH(arena, list, shape, shape);
  }
  if (kind == HT_ATTR_TENSOR) {
    HT_TRY(ht_pb_tensor(arena, &v->tensor, &tensor));
    return HT_PB_PUSH(arena, list, tensor, tensor);
  }
  HT_TRY(func_of(arena, &v->func, &func));
  return HT_PB_PUSH(arena, list, func, func);
}

static ht_status list_of(ht_arena *arena, const ht_attr *a,
                         Tensorflow__AttrValue__ListValue *list) {
  switch (a->kind) {
    case HT_ATTR_STRING: FILL(s, bytes_of(a->value[i].s)); break;
    case HT_ATTR_INT: FILL(i, a->value[i].i); break;
    case HT_ATTR_FLOAT: FILL(f, (float)a->value[i].f); break;
    case HT_ATTR_BOOL: FILL(b, a->value[i].b); break;
    case HT_ATTR_TYPE:
      FILL(type, (Tensorflow__DataType)a->value[i].type);
      break;
    default:
      for (int i = 0; i < a->n; i++)
        HT_TRY(list_item(arena, a->kind, &a->value[i], list));
  }
  return HT_SUCCESS;
}

static ht_status value_of(ht_arena *arena, const ht_attr *a,
                          Tensorflow__AttrValue *out) {
  if (!a->list) return scalar_of(arena, a, out);
  out->value_case = TENSORFLOW__ATTR_VALUE__VALUE_LIST;
  HT_PB(out->list, arena, tensorflow__attr_value__list_value__init);
  return list_of(arena, a, out->list);
}

ht_status ht_pb_node(ht_arena *arena, const char *op, const char *name,
                     Tensorflow__NodeDef **out) {
  HT_PB(*out, arena, tensorflow__node_def__init);
  HT_TRY(ht_pb_text(arena, &(*out)->op, "%s", op));
  return ht_pb_text(arena, &(*out)->name, "%s", name);
}

ht_status ht_pb_input(ht_arena *arena, Tensorflow__NodeDef *node,
                      const char *input) {
  return ht_pb_strings(arena, &node->n_input, &node->input, input);
}

ht_status ht_pb_attr(ht_arena *arena, Tensorflow__NodeDef *node,
                     const char *name, const ht_attr *value) {
  Tensorflow__NodeDef__AttrEntry *e;
  HT_PB(e, arena, tensorflow__node_def__attr_entry__init);
  HT_PB(e->value, arena, tensorflow__attr_value__init);
  HT_TRY(ht_pb_text(arena, &e->key, "%s", name));
  HT_TRY(value_of(arena, value, e->value));
  return HT_PB_PUSH(arena, node, attr, e);
}

static ht_status attr_1(ht_arena *arena, Tensorflow__NodeDef *node,
                        const char *name, ht_attr_kind kind, ht_attr_value v) {
  ht_attr a = {name, kind, false, 1, &v};
  return ht_pb_attr(arena, node, name, &a);
}

ht_status ht_pb_attr_type(ht_arena *arena, Tensorflow__NodeDef *node,
                          const char *name, ht_dtype type) {
  return attr_1(arena, node, name, HT_ATTR_TYPE, (ht_attr_value){.type = type});
}

ht_status ht_pb_attr_int(ht_arena *arena, Tensorflow__NodeDef *node,
                         const char *name, int64_t value) {
  return attr_1(arena, node, name, HT_ATTR_INT, (ht_attr_value){.i = value});
}

ht_status ht_pb_attr_shape(ht_arena *arena, Tensorflow__NodeDef *node,
                           const char *name, const ht_shape *value) {
  return attr_1(arena, node, name, HT_ATTR_SHAPE,
                (ht_attr_value){.shape = *value});
}

ht_status ht_pb_attr_string(ht_arena *arena, Tensorflow__NodeDef *node,
                            const char *name, const char *value) {
  char *copy;
  HT_TRY(ht_pb_text(arena, &copy, "%s", value));
  return attr_1(arena, node, name, HT_ATTR_STRING,
                (ht_attr_value){.s = {copy, strlen(copy)}});
}

ht_status ht_pb_attr_func(ht_arena *arena, Tensorflow__NodeDef *node,
                          const char *name, const char *function) {
  return attr_1(arena, node, name, HT_ATTR_FUNC,
                (ht_attr_value){.func = {function, NULL}});
}

ht_status ht_pb_attr_types(ht_arena *arena, Tensorflow__NodeDef *node,
                           const char *name, int n, const ht_dtype *type) {
  ht_attr_value *v;
  HT_NEW(v, arena, n + 1);
  for (int i = 0; i < n; i++) v[i].type = type[i];
  ht_attr a = {name, HT_ATTR_TYPE, true, n, v};
  return ht_pb_attr(arena, node, name, &a);
}

ht_status ht_pb_const(ht_arena *arena, const char *name, const ht_tensor *value,
                      Tensorflow__NodeDef **out) {
  HT_TRY(ht_pb_node(arena, "Const", name, out));
  HT_TRY(ht_pb_attr_type(arena, *out, "dtype", value->dtype));
  return attr_1(arena, *out, "value", HT_ATTR_TENSOR,
                (ht_attr_value){.tensor = *value});
}

/* ---- bytes */

ht_status ht_pb_pack(ht_arena *arena, const ProtobufCMessage *message,
                     ProtobufCBinaryData *out) {
  out->len = protobuf_c_message_get_packed_size(message);
  HT_NEW(out->data, arena, out->len + 1);
  protobuf_c_message_pack(message, out->data);
  return HT_SUCCESS;
}

ht_status ht_pb_write(const char *path, const ProtobufCMessage *message) {
  ht_arena arena = {0};
  ProtobufCBinaryData bytes;
  ht_status st = ht_pb_pack(&arena, message, &bytes);
  if (st.code == HT_OK && bytes.len > INT32_MAX)
    st = ht_fail(HT_UNSUPPORTED, "'%s' would be larger than 2 GB", path);
  if (st.code == HT_OK) st = ht_file_write(path, bytes.data, bytes.len);
  ht_arena_free(&arena);
  return st;
}
