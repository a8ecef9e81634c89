/* export_structure.c - Python structures as messages (struct.proto). */
#include "hub/export_internal.h"

static ht_status made(ht_arena *a, Tensorflow__StructuredValue__KindCase kind,
                      ht_sv **out) {
  HT_PB(*out, a, tensorflow__structured_value__init);
  (*out)->kind_case = kind;
  return HT_SUCCESS;
}

ht_status ht_sv_none(ht_arena *a, ht_sv **out) {
  HT_TRY(made(a, TENSORFLOW__STRUCTURED_VALUE__KIND_NONE_VALUE, out));
  HT_PB((*out)->none_value, a, tensorflow__none_value__init);
  return HT_SUCCESS;
}

ht_status ht_sv_bool(ht_arena *a, bool v, ht_sv **out) {
  HT_TRY(made(a, TENSORFLOW__STRUCTURED_VALUE__KIND_BOOL_VALUE, out));
  (*out)->bool_value = v;
  return HT_SUCCESS;
}

ht_status ht_sv_string(ht_arena *a, const char *v, ht_sv **out) {
  HT_TRY(made(a, TENSORFLOW__STRUCTURED_VALUE__KIND_STRING_VALUE, out));
  return ht_pb_text(a, &(*out)->string_value, "%s", v);
}

ht_status ht_sv_spec(ht_arena *a, const ht_port *port, ht_sv **out) {
  HT_TRY(made(a, TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE, out));
  Tensorflow__TensorSpecProto *spec;
  HT_PB(spec, a, tensorflow__tensor_spec_proto__init);
  HT_TRY(ht_pb_text(a, &spec->name, "%s", port->name));
  HT_TRY(ht_pb_shape(a, &port->shape, &spec->shape));
  spec->dtype = (Tensorflow__DataType)port->dtype;
  (*out)->tensor_spec_value = spec;
  return HT_SUCCESS;
}

ht_status ht_sv_sequence(ht_arena *a, bool tuple, int n, ht_sv *const *v,
                         ht_sv **out) {
  ht_sv **values;
  HT_NEW(values, a, n + 1);
  for (int i = 0; i < n; i++) values[i] = v[i];
  if (tuple) {
    HT_TRY(made(a, TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE, out));
    HT_PB((*out)->tuple_value, a, tensorflow__tuple_value__init);
    (*out)->tuple_value->values = values;
    (*out)->tuple_value->n_values = (size_t)n;
    return HT_SUCCESS;
  }
  HT_TRY(made(a, TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE, out));
  HT_PB((*out)->list_value, a, tensorflow__list_value__init);
  (*out)->list_value->values = values;
  (*out)->list_value->n_values = (size_t)n;
  return HT_SUCCESS;
}

ht_status ht_sv_dict(ht_arena *a, int n, const char *const *key,
                     ht_sv *const *v, ht_sv **out) {
  HT_TRY(made(a, TENSORFLOW__STRUCTURED_VALUE__KIND_DICT_VALUE, out));
  HT_PB((*out)->dict_value, a, tensorflow__dict_value__init);
  for (int i = 0; i < n; i++) {
    Tensorflow__DictValue__FieldsEntry *e;
    HT_PB(e, a, tensorflow__dict_value__fields_entry__init);
    HT_TRY(ht_pb_text(a, &e->key, "%s", key[i]));
    e->value = v[i];
    HT_TRY(HT_PB_PUSH(a, (*out)->dict_value, fields, e));
  }
  return HT_SUCCESS;
}

ht_status ht_sv_ports(ht_arena *a, const ht_port *port, int n, ht_sv **out) {
  const char **key;
  ht_sv **spec;
  if (n == 1) return ht_sv_spec(a, port, out);
  HT_NEW(key, a, n + 1);
  HT_NEW(spec, a, n + 1);
  for (int i = 0; i < n; i++) {
    key[i] = port[i].name;
    HT_TRY(ht_sv_spec(a, &port[i], &spec[i]));
  }
  return ht_sv_dict(a, n, key, spec, out);
}
