/* structure.c - nested Python values of a function's interface, flattened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "hub/source.h"

typedef Tensorflow__DictValue__FieldsEntry field;

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for a function's interface");
}

static int by_key(const void *a, const void *b) {
  return strcmp((*(field *const *)a)->key, (*(field *const *)b)->key);
}

static ht_status sorted_fields(ht_arena *arena, const Tensorflow__DictValue *d,
                               field ***out) {
  HT_NEW(*out, arena, d->n_fields);
  if (d->n_fields) memcpy(*out, d->fields, d->n_fields * sizeof **out);
  qsort(*out, d->n_fields, sizeof **out, by_key);
  return HT_SUCCESS;
}

/* ---- printing */

static void print(ht_arena *arena, const ht_structured *v, ht_text *t);

static void print_list(ht_arena *arena, size_t n, ht_structured *const *v,
                       ht_text *t) {
  for (size_t i = 0; i < n; i++) {
    if (i) ht_text_add(t, ", ");
    print(arena, v[i], t);
  }
}

static void print_dict(ht_arena *arena, const Tensorflow__DictValue *d,
                       ht_text *t) {
  field **f;
  ht_text_add(t, "{");
  if (sorted_fields(arena, d, &f).code != HT_OK) t->failed = true;
  for (size_t i = 0; !t->failed && i < d->n_fields; i++) {
    ht_text_printf(t, "%s'%s': ", i ? ", " : "", f[i]->key);
    print(arena, f[i]->value, t);
  }
  ht_text_add(t, "}");
}

/* The shortest digits that give the number back, as Python's repr. */
static void print_float(double f, ht_text *t) {
  char s[32];
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(s, sizeof s, "%.*g", digits, f);
    if (strtod(s, NULL) == f) break;
  }
  ht_text_add(t, s);
  if (!strpbrk(s, ".en")) ht_text_add(t, ".0");
}

static void print_named(ht_arena *arena, const Tensorflow__NamedTupleValue *v,
                        ht_text *t) {
  ht_text_printf(t, "%s(", v->name);
  for (size_t i = 0; i < v->n_values; i++) {
    ht_text_printf(t, "%s%s=", i ? ", " : "", v->values[i]->key);
    print(arena, v->values[i]->value, t);
  }
  ht_text_add(t, ")");
}

static void print_shape(const Tensorflow__TensorShapeProto *p, ht_text *t) {
  char s[HT_SHAPE_TEXT];
  ht_shape shape = ht_shape_of_proto(p);
  ht_text_add(t, ht_shape_text(&shape, s));
}

static void print(ht_arena *arena, const ht_structured *v, ht_text *t) {
  switch (v ? v->kind_case : TENSORFLOW__STRUCTURED_VALUE__KIND_NONE_VALUE) {
    case TENSORFLOW__STRUCTURED_VALUE__KIND_NONE_VALUE:
      ht_text_add(t, "None");
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_FLOAT64_VALUE:
      print_float(v->float64_value, t);
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_INT64_VALUE:
      ht_text_printf(t, "%lld", (long long)v->int64_value);
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_STRING_VALUE:
      ht_text_printf(t, "'%s'", v->string_value);
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_BOOL_VALUE:
      ht_text_add(t, v->bool_value ? "True" : "False");
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SHAPE_VALUE:
      print_shape(v->tensor_shape_value, t);
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_DTYPE_VALUE:
      ht_text_add(t, ht_dtype_name(ht_dtype_of((int)v->tensor_dtype_value)));
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE:
      ht_text_add(t, "[");
      print_list(arena, v->list_value->n_values, v->list_value->values, t);
      ht_text_add(t, "]");
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE:
      ht_text_add(t, "(");
      print_list(arena, v->tuple_value->n_values, v->tuple_value->values, t);
      ht_text_add(t, v->tuple_value->n_values == 1 ? ",)" : ")");
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_DICT_VALUE:
      print_dict(arena, v->dict_value, t);
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE:
      print_named(arena, v->named_tuple_value, t);
      break;
    default: ht_text_add(t, "?");
  }
}

ht_status ht_structure_print(ht_arena *arena, const ht_structured *v,
                             const char **out) {
  ht_text t = {.max = 1 << 20};
  print(arena, v, &t);
  ht_status st = ht_text_check(&t);
  if (st.code == HT_OK) {
    *out = ht_arena_string(arena, t.p ? t.p : "");
    if (!*out) st = no_memory();
  }
  ht_text_free(&t);
  return st;
}

/* ---- ports */

static ht_status add_port(ht_arena *arena, ht_ports *out, const char *name,
                          ht_dtype dtype, ht_shape shape) {
  if (!name) return no_memory();
  HT_GROW(out->port, out->n, out->capacity, arena);
  out->port[out->n++] =
      (ht_port){*name ? name : "default", NULL, dtype, shape, out->n_tensors};
  out->n_tensors++;
  return HT_SUCCESS;
}

static ht_status add_bound(ht_arena *arena, const ht_structured *v,
                           const char *path, ht_ports *out) {
  HT_GROW(out->bound, out->n_bound, out->bound_capacity, arena);
  ht_bound_argument *b = &out->bound[out->n_bound++];
  b->name = path;
  return ht_structure_print(arena, v, &b->value);
}

static const char *under(ht_arena *arena, const char *path, const char *name) {
  return *path ? ht_arena_printf(arena, "%s/%s", path, name)
               : ht_arena_string(arena, name);
}

static ht_status add_list(ht_arena *arena, size_t n, ht_structured *const *v,
                          const char *path, ht_ports *out) {
  for (size_t i = 0; i < n; i++) {
    char number[24];
    snprintf(number, sizeof number, "%zu", i);
    const char *name = under(arena, path, number);
    if (!name) return no_memory();
    HT_TRY(ht_structure_ports(arena, v[i], name, out));
  }
  return HT_SUCCESS;
}

static ht_status add_dict(ht_arena *arena, const Tensorflow__DictValue *d,
                          const char *path, ht_ports *out) {
  field **f;
  HT_TRY(sorted_fields(arena, d, &f));
  for (size_t i = 0; i < d->n_fields; i++) {
    const char *name = under(arena, path, f[i]->key);
    if (!name) return no_memory();
    HT_TRY(ht_structure_ports(arena, f[i]->value, name, out));
  }
  return HT_SUCCESS;
}

static ht_status add_named(ht_arena *arena,
                           const Tensorflow__NamedTupleValue *v,
                           const char *path, ht_ports *out) {
  for (size_t i = 0; i < v->n_values; i++) {
    const char *name = under(arena, path, v->values[i]->key);
    if (!name) return no_memory();
    HT_TRY(ht_structure_ports(arena, v->values[i]->value, name, out));
  }
  return HT_SUCCESS;
}

/* Whether nothing in it is a tensor: then it is bound as a whole. */
static bool is_plain(const ht_structured *v) {
  if (!v) return true;
  size_t n = 0;
  ht_structured *const *item = NULL;
  switch (v->kind_case) {
    case TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE:
      n = v->list_value->n_values;
      item = v->list_value->values;
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE:
      n = v->tuple_value->n_values;
      item = v->tuple_value->values;
      break;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_DICT_VALUE:
      for (size_t i = 0; i < v->dict_value->n_fields; i++)
        if (!is_plain(v->dict_value->fields[i]->value)) return false;
      return true;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE:
      for (size_t i = 0; i < v->named_tuple_value->n_values; i++)
        if (!is_plain(v->named_tuple_value->values[i]->value)) return false;
      return true;
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE:
    case TENSORFLOW__STRUCTURED_VALUE__KIND_BOUNDED_TENSOR_SPEC_VALUE:
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TYPE_SPEC_VALUE: return false;
    default: return true;
  }
  for (size_t i = 0; i < n; i++)
    if (!is_plain(item[i])) return false;
  return true;
}

ht_status ht_structure_fields(ht_arena *arena, const Tensorflow__DictValue *d,
                              ht_ports *out) {
  return add_dict(arena, d, "", out);
}

ht_status ht_structure_ports(ht_arena *arena, const ht_structured *v,
                             const char *path, ht_ports *out) {
  if (is_plain(v)) return add_bound(arena, v, path, out);
  switch (v->kind_case) {
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE:
      return add_port(arena, out, path,
                      ht_dtype_of((int)v->tensor_spec_value->dtype),
                      ht_shape_of_proto(v->tensor_spec_value->shape));
    case TENSORFLOW__STRUCTURED_VALUE__KIND_BOUNDED_TENSOR_SPEC_VALUE:
      return add_port(arena, out, path,
                      ht_dtype_of((int)v->bounded_tensor_spec_value->dtype),
                      ht_shape_of_proto(v->bounded_tensor_spec_value->shape));
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TYPE_SPEC_VALUE:
      return ht_structure_type_spec(arena, v->type_spec_value, path, out);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE:
      return add_list(arena, v->list_value->n_values, v->list_value->values,
                      path, out);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE:
      return add_list(arena, v->tuple_value->n_values, v->tuple_value->values,
                      path, out);
    case TENSORFLOW__STRUCTURED_VALUE__KIND_DICT_VALUE:
      return add_dict(arena, v->dict_value, path, out);
    default: return add_named(arena, v->named_tuple_value, path, out);
  }
}
