/* attr.c - see attr.h. Nodes have few attributes: a linear search is the
 * fastest. */
#include "ops/attr.h"

#include <string.h>

const ht_attr *ht_attr_find(const ht_attrs *attrs, const char *name) {
  for (int i = 0; i < attrs->n; i++)
    if (strcmp(attrs->attr[i].name, name) == 0) return &attrs->attr[i];
  return NULL;
}

static const ht_attr_value *value_of(const ht_attrs *attrs, const char *name,
                                     ht_attr_kind kind) {
  static const ht_attr_value zero;
  const ht_attr *a = ht_attr_find(attrs, name);
  return a && a->kind == kind && !a->list ? a->value : &zero;
}

int64_t ht_attr_int(const ht_attrs *attrs, const char *name) {
  return value_of(attrs, name, HT_ATTR_INT)->i;
}

double ht_attr_float(const ht_attrs *attrs, const char *name) {
  return value_of(attrs, name, HT_ATTR_FLOAT)->f;
}

bool ht_attr_bool(const ht_attrs *attrs, const char *name) {
  return value_of(attrs, name, HT_ATTR_BOOL)->b;
}

ht_dtype ht_attr_type(const ht_attrs *attrs, const char *name) {
  return value_of(attrs, name, HT_ATTR_TYPE)->type;
}

ht_string ht_attr_string(const ht_attrs *attrs, const char *name) {
  return value_of(attrs, name, HT_ATTR_STRING)->s;
}

bool ht_attr_is(const ht_attrs *attrs, const char *name, const char *value) {
  ht_string s = ht_attr_string(attrs, name);
  return s.n == strlen(value) && memcmp(s.p ? s.p : "", value, s.n) == 0;
}

int ht_attr_length(const ht_attrs *attrs, const char *name) {
  const ht_attr *a = ht_attr_find(attrs, name);
  return a && a->list ? a->n : 0;
}

int64_t ht_attr_int_at(const ht_attrs *attrs, const char *name, int i) {
  const ht_attr *a = ht_attr_find(attrs, name);
  bool there = a && a->list && a->kind == HT_ATTR_INT && i >= 0 && i < a->n;
  return there ? a->value[i].i : 0;
}
