/* attr.h - attributes of a node, by name and type. */
#ifndef HT_OPS_ATTR_H
#define HT_OPS_ATTR_H

#include "tensor/tensor.h"

typedef enum ht_attr_kind {
  HT_ATTR_STRING, /* bytes */
  HT_ATTR_INT,
  HT_ATTR_FLOAT,
  HT_ATTR_BOOL,
  HT_ATTR_TYPE,
  HT_ATTR_SHAPE,
  HT_ATTR_TENSOR,
  HT_ATTR_FUNC,
  HT_ATTR_PLACEHOLDER /* in a function: bound by the call's attribute */
} ht_attr_kind;

struct ht_attrs;

typedef struct ht_attr_func {
  const char *name;
  const struct ht_attrs *attrs;
} ht_attr_func;

typedef union ht_attr_value {
  ht_string s; /* also the name of a placeholder */
  int64_t i;
  double f;
  bool b;
  ht_dtype type;
  ht_shape shape;
  ht_tensor tensor; /* borrowed from the attribute */
  ht_attr_func func;
} ht_attr_value;

typedef struct ht_attr {
  const char *name;
  ht_attr_kind kind;
  bool list;
  int n;               /* values: 1, or the length of the list */
  ht_attr_value *value;
} ht_attr;

/* All attributes of a node. Those at their default are filled in from the op
 * row when the node is bound to it, so readers never give defaults. */
typedef struct ht_attrs {
  ht_attr *attr;
  int n;
} ht_attrs;

const ht_attr *ht_attr_find(const ht_attrs *attrs, const char *name);

/* The value, or zero ("" , HT_INVALID, ...) where there is none of the kind. */
int64_t ht_attr_int(const ht_attrs *attrs, const char *name);
double ht_attr_float(const ht_attrs *attrs, const char *name);
bool ht_attr_bool(const ht_attrs *attrs, const char *name);
ht_dtype ht_attr_type(const ht_attrs *attrs, const char *name);
ht_string ht_attr_string(const ht_attrs *attrs, const char *name);
bool ht_attr_is(const ht_attrs *attrs, const char *name, const char *value);
/* Lists: how many, and element i of an integer list. */
int ht_attr_length(const ht_attrs *attrs, const char *name);
int64_t ht_attr_int_at(const ht_attrs *attrs, const char *name, int i);

#endif
