/* structure_args.c - arguments of functions, and type specs as their dense
 * parts (python/framework/type_spec.py and the specs of each class). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/source.h"

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for a function's interface");
}

/* ---- type specs */

static ht_status add_part(ht_arena *arena, ht_ports *out, const char *name,
                          ht_dtype dtype, ht_shape shape) {
  if (!name) return no_memory();
  HT_GROW(out->port, out->n, out->capacity, arena);
  out->port[out->n++] = (ht_port){name, NULL, dtype, shape, out->n_tensors};
  out->n_tensors++;
  return HT_SUCCESS;
}

/* Element i of a spec's state, a tuple; NULL where there is none. */
static const ht_structured *state_at(const Tensorflow__TypeSpecProto *p,
                                     size_t i) {
  const ht_structured *s = p->type_state;
  bool tuple =
      s && s->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE;
  return tuple && i < s->tuple_value->n_values ? s->tuple_value->values[i]
                                               : NULL;
}

static ht_shape shape_at(const Tensorflow__TypeSpecProto *p, size_t i) {
  const ht_structured *v = state_at(p, i);
  bool shape = v && v->kind_case ==
                        TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SHAPE_VALUE;
  return shape ? ht_shape_of_proto(v->tensor_shape_value)
               : (ht_shape){.rank = -1};
}

static ht_dtype dtype_at(const Tensorflow__TypeSpecProto *p, size_t i) {
  const ht_structured *v = state_at(p, i);
  bool dtype = v && v->kind_case ==
                        TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_DTYPE_VALUE;
  return dtype ? ht_dtype_of((int)v->tensor_dtype_value) : HT_INVALID;
}

static ht_status add_sparse(ht_arena *arena, const Tensorflow__TypeSpecProto *p,
                            const char *path, ht_ports *out) {
  int rank = shape_at(p, 0).rank;
  HT_TRY(add_part(arena, out, ht_arena_printf(arena, "%s_indices", path),
                  HT_INT64, ht_shape_2(-1, rank)));
  HT_TRY(add_part(arena, out, ht_arena_printf(arena, "%s_values", path),
                  dtype_at(p, 1), ht_shape_1(-1)));
  return add_part(arena, out, ht_arena_printf(arena, "%s_dense_shape", path),
                  HT_INT64, ht_shape_1(rank));
}

/* Flat values, then row splits from the outermost in. */
static ht_status add_ragged(ht_arena *arena, const Tensorflow__TypeSpecProto *p,
                            const char *path, ht_ports *out) {
  const ht_structured *v = state_at(p, 2);
  int64_t ragged =
      v && v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_INT64_VALUE
          ? v->int64_value
          : 1;
  ht_shape shape = shape_at(p, 0), flat = {.rank = -1};
  if (ragged < 0 || ragged > HT_MAX_RANK || shape.rank > HT_MAX_RANK) {
    out->unknown = true;
    return HT_SUCCESS;
  }
  if (shape.rank > ragged) {
    flat.rank = shape.rank - (int)ragged;
    flat.dim[0] = ragged ? -1 : shape.dim[0];
    for (int i = 1; i < flat.rank; i++) flat.dim[i] = shape.dim[i + ragged];
  }
  ht_dtype splits = dtype_at(p, 3) == HT_INT32 ? HT_INT32 : HT_INT64;
  for (int i = 0; i <= ragged; i++)
    HT_TRY(add_part(arena, out,
                    ht_arena_printf(arena, "%s_component_%d", path, i),
                    i ? splits : dtype_at(p, 1), i ? ht_shape_1(-1) : flat));
  return HT_SUCCESS;
}

/* A class that nobody here knows: so many tensors of some dtype. */
static ht_status add_unknown(ht_arena *arena,
                             const Tensorflow__TypeSpecProto *p,
                             const char *path, ht_ports *out) {
  if (p->num_flat_components <= 0 || p->num_flat_components > 1024) {
    out->unknown = true;
    return HT_SUCCESS;
  }
  for (int i = 0; i < p->num_flat_components; i++)
    HT_TRY(add_part(arena, out,
                    ht_arena_printf(arena, "%s_component_%d", path, i),
                    HT_INVALID, (ht_shape){.rank = -1}));
  return HT_SUCCESS;
}

ht_status ht_structure_type_spec(ht_arena *arena,
                                 const Tensorflow__TypeSpecProto *p,
                                 const char *path, ht_ports *out) {
  if (!*path) path = "default";
  switch (p->type_spec_class) {
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__SPARSE_TENSOR_SPEC:
      return add_sparse(arena, p, path, out);
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__RAGGED_TENSOR_SPEC:
      return add_ragged(arena, p, path, out);
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__VARIABLE_SPEC:
      return add_part(arena, out, path, HT_RESOURCE, HT_SCALAR);
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__DATA_DATASET_SPEC:
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__OPTIONAL_SPEC:
    case TENSORFLOW__TYPE_SPEC_PROTO__TYPE_SPEC_CLASS__TENSOR_ARRAY_SPEC:
      return add_part(arena, out, path, HT_VARIANT, HT_SCALAR);
    default: return add_unknown(arena, p, path, out);
  }
}

/* ---- arguments */

/* Python's inspect.FullArgSpec, of a method without self. */
typedef struct arg_spec {
  ht_structured *const *name;
  size_t n_names;
  const char *rest;               /* *args, NULL: none */
  ht_structured *const *fallback; /* of the last n_fallbacks names */
  size_t n_fallbacks;
  const Tensorflow__DictValue *keyword_fallback;
} arg_spec;

static const char *text_of(const ht_structured *v) {
  return v && v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_STRING_VALUE
             ? v->string_value
             : NULL;
}

static void sequence_of(const ht_structured *v, ht_structured *const **item,
                        size_t *n) {
  *n = 0;
  if (v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE) {
    *item = v->list_value->values;
    *n = v->list_value->n_values;
  } else if (v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE) {
    *item = v->tuple_value->values;
    *n = v->tuple_value->n_values;
  }
}

static void read_spec_part(const char *key, const ht_structured *v,
                           arg_spec *out) {
  if (!v) return;
  if (strcmp(key, "args") == 0)
    sequence_of(v, &out->name, &out->n_names);
  else if (strcmp(key, "varargs") == 0)
    out->rest = text_of(v);
  else if (strcmp(key, "defaults") == 0)
    sequence_of(v, &out->fallback, &out->n_fallbacks);
  else if (strcmp(key, "kwonlydefaults") == 0 &&
           v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_DICT_VALUE)
    out->keyword_fallback = v->dict_value;
}

static arg_spec read_spec(const Tensorflow__FunctionSpec *p) {
  arg_spec out = {0};
  const ht_structured *v = p ? p->fullargspec : NULL;
  if (!v ||
      v->kind_case != TENSORFLOW__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE)
    return out;
  for (size_t i = 0; i < v->named_tuple_value->n_values; i++)
    read_spec_part(v->named_tuple_value->values[i]->key,
                   v->named_tuple_value->values[i]->value, &out);
  const char *first = out.n_names ? text_of(out.name[0]) : NULL;
  if (first && (p->is_method || strcmp(first, "self") == 0)) {
    out.name++;
    out.n_names--;
  }
  return out;
}

static const char *positional_name(ht_arena *arena, const arg_spec *spec,
                                   size_t i, const ht_structured *v) {
  const char *name = i < spec->n_names ? text_of(spec->name[i]) : NULL;
  if (name) return name;
  if (spec->rest)
    return ht_arena_printf(arena, "%s/%zu", spec->rest, i - spec->n_names);
  bool tensor =
      v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE;
  if (tensor && *v->tensor_spec_value->name) return v->tensor_spec_value->name;
  return ht_arena_printf(arena, "args_%zu", i);
}

static const ht_structured *fallback_of(const arg_spec *spec,
                                        const char *name) {
  for (size_t k = 0; k < spec->n_fallbacks && k < spec->n_names; k++) {
    const char *last = text_of(spec->name[spec->n_names - 1 - k]);
    if (last && strcmp(last, name) == 0)
      return spec->fallback[spec->n_fallbacks - 1 - k];
  }
  const Tensorflow__DictValue *d = spec->keyword_fallback;
  for (size_t k = 0; d && k < d->n_fields; k++)
    if (strcmp(d->fields[k]->key, name) == 0) return d->fields[k]->value;
  return NULL;
}

static ht_status mark_usual(ht_arena *arena, const arg_spec *spec,
                            ht_ports *out) {
  for (int i = 0; i < out->n_bound; i++) {
    const ht_structured *v = fallback_of(spec, out->bound[i].name);
    const char *text;
    if (!v) continue;
    HT_TRY(ht_structure_print(arena, v, &text));
    out->bound[i].usual = strcmp(text, out->bound[i].value) == 0;
  }
  return HT_SUCCESS;
}

ht_status ht_structure_arguments(ht_arena *arena,
                                 const ht_structured *canonical,
                                 const Tensorflow__FunctionSpec *spec,
                                 ht_ports *out) {
  ht_structured *const *part = NULL, *const *arg = NULL;
  size_t n_parts = 0, n = 0;
  arg_spec names = read_spec(spec);
  if (canonical) sequence_of(canonical, &part, &n_parts);
  if (n_parts != 2) {
    out->unknown = true;
    return HT_SUCCESS;
  }
  sequence_of(part[0], &arg, &n);
  for (size_t i = 0; i < n; i++) {
    const char *name = positional_name(arena, &names, i, arg[i]);
    if (!name) return no_memory();
    HT_TRY(ht_structure_ports(arena, arg[i], name, out));
  }
  bool keywords =
      part[1]->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_DICT_VALUE;
  if (keywords && part[1]->dict_value->n_fields)
    HT_TRY(ht_structure_fields(arena, part[1]->dict_value, out));
  return mark_usual(arena, &names, out);
}
