/* convert_attr.c - attributes of nodes out of messages. */
#include <string.h>

#include "hub/source.h"

static ht_string string_of(const ProtobufCBinaryData *b) {
  return (ht_string){b->len ? (const char *)b->data : "", b->len};
}

static ht_status set_tensor(ht_source *s, const Tensorflow__TensorProto *p,
                            ht_attr_value *v) {
  HT_TRY(ht_tensor_of_proto(s, p, &v->tensor));
  return ht_source_keep(s, &v->tensor);
}

typedef Tensorflow__NameAttrList__AttrEntry func_entry;
typedef Tensorflow__NodeDef__AttrEntry node_entry;
_Static_assert(offsetof(func_entry, key) == offsetof(node_entry, key) &&
                   offsetof(func_entry, value) == offsetof(node_entry, value),
               "entries of both maps are read as one type");

static ht_status set_func(ht_source *s, const Tensorflow__NameAttrList *p,
                          ht_attr_value *v) {
  ht_attrs *attrs;
  HT_NEW(attrs, &s->model->arena, 1);
  /* Entries of the two maps have the same layout: key, value. */
  HT_TRY(ht_attrs_of_proto(
      s, p->n_attr, (Tensorflow__NodeDef__AttrEntry *const *)p->attr, attrs));
  v->func = (ht_attr_func){p->name, attrs};
  return HT_SUCCESS;
}

static ht_status read_single(ht_source *s, const Tensorflow__AttrValue *p,
                             ht_attr *a) {
  HT_NEW(a->value, &s->model->arena, 1);
  a->n = 1;
  switch (p->value_case) {
    case TENSORFLOW__ATTR_VALUE__VALUE_S:
      a->kind = HT_ATTR_STRING;
      a->value->s = string_of(&p->s);
      return HT_SUCCESS;
    case TENSORFLOW__ATTR_VALUE__VALUE_I:
      a->kind = HT_ATTR_INT;
      a->value->i = p->i;
      return HT_SUCCESS;
    case TENSORFLOW__ATTR_VALUE__VALUE_F:
      a->kind = HT_ATTR_FLOAT;
      a->value->f = (double)p->f;
      return HT_SUCCESS;
    case TENSORFLOW__ATTR_VALUE__VALUE_B:
      a->kind = HT_ATTR_BOOL;
      a->value->b = p->b != 0;
      return HT_SUCCESS;
    case TENSORFLOW__ATTR_VALUE__VALUE_TYPE:
      a->kind = HT_ATTR_TYPE;
      a->value->type = ht_dtype_of((int)p->type);
      return HT_SUCCESS;
    case TENSORFLOW__ATTR_VALUE__VALUE_SHAPE:
      a->kind = HT_ATTR_SHAPE;
      a->value->shape = ht_shape_of_proto(p->shape);
      return HT_SUCCESS;
    case TENSORFLOW__ATTR_VALUE__VALUE_TENSOR:
      a->kind = HT_ATTR_TENSOR;
      return set_tensor(s, p->tensor, a->value);
    case TENSORFLOW__ATTR_VALUE__VALUE_FUNC:
      a->kind = HT_ATTR_FUNC;
      return set_func(s, p->func, a->value);
    case TENSORFLOW__ATTR_VALUE__VALUE_PLACEHOLDER:
      a->kind = HT_ATTR_PLACEHOLDER;
      a->value->s = (ht_string){p->placeholder, strlen(p->placeholder)};
      return HT_SUCCESS;
    default: return ht_fail(HT_UNSUPPORTED, "an attribute without value");
  }
}

typedef Tensorflow__AttrValue__ListValue list_value;

static size_t list_size(const list_value *p, ht_attr_kind *kind) {
  const struct {
    size_t n;
    ht_attr_kind kind;
  } part[] = {{p->n_s, HT_ATTR_STRING},      {p->n_i, HT_ATTR_INT},
              {p->n_f, HT_ATTR_FLOAT},       {p->n_b, HT_ATTR_BOOL},
              {p->n_type, HT_ATTR_TYPE},     {p->n_shape, HT_ATTR_SHAPE},
              {p->n_tensor, HT_ATTR_TENSOR}, {p->n_func, HT_ATTR_FUNC}};
  *kind = HT_ATTR_INT;
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (part[i].n) {
      *kind = part[i].kind;
      return part[i].n;
    }
  return 0;
}

static ht_status read_element(ht_source *s, const list_value *p, ht_attr *a,
                              int i) {
  ht_attr_value *v = &a->value[i];
  switch (a->kind) {
    case HT_ATTR_STRING: v->s = string_of(&p->s[i]); break;
    case HT_ATTR_INT: v->i = p->i[i]; break;
    case HT_ATTR_FLOAT: v->f = (double)p->f[i]; break;
    case HT_ATTR_BOOL: v->b = p->b[i] != 0; break;
    case HT_ATTR_TYPE: v->type = ht_dtype_of((int)p->type[i]); break;
    case HT_ATTR_SHAPE: v->shape = ht_shape_of_proto(p->shape[i]); break;
    case HT_ATTR_TENSOR: return set_tensor(s, p->tensor[i], v);
    case HT_ATTR_FUNC: return set_func(s, p->func[i], v);
    case HT_ATTR_PLACEHOLDER: break;
  }
  return HT_SUCCESS;
}

static ht_status read_list(ht_source *s, const list_value *p, ht_attr *a) {
  a->list = true;
  a->n = (int)list_size(p, &a->kind);
  HT_NEW(a->value, &s->model->arena, a->n);
  for (int i = 0; i < a->n; i++) HT_TRY(read_element(s, p, a, i));
  return HT_SUCCESS;
}

/* Hints that no op reads, some of them long. */
static bool is_hint(const char *name) {
  return name[0] == '_' && strcmp(name, "_gradient_op_type") != 0;
}

ht_status ht_attrs_of_proto(ht_source *s, size_t n,
                            Tensorflow__NodeDef__AttrEntry *const *attr,
                            ht_attrs *out) {
  *out = (ht_attrs){0};
  HT_NEW(out->attr, &s->model->arena, n);
  for (size_t i = 0; i < n; i++) {
    const Tensorflow__AttrValue *p = attr[i]->value;
    if (is_hint(attr[i]->key) || !p) continue;
    ht_attr *a = &out->attr[out->n];
    a->name = attr[i]->key;
    bool list = p->value_case == TENSORFLOW__ATTR_VALUE__VALUE_LIST;
    ht_status st = list ? read_list(s, p->list, a) : read_single(s, p, a);
    if (st.code == HT_NO_MEMORY) return st;
    if (st.code == HT_OK)
      out->n++;
    else
      *a = (ht_attr){0};
  }
  return HT_SUCCESS;
}
