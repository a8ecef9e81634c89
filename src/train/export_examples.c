/* export_examples.c - see export_examples.h. */
#include "train/export_examples.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

ht_dtype ht_feature_dtype(ht_dtype dtype) {
  switch (dtype) {
    case HT_STRING: return HT_STRING;
    case HT_FLOAT:
    case HT_DOUBLE: return HT_FLOAT;
    case HT_INT32:
    case HT_INT64:
    case HT_UINT8:
    case HT_BOOL: return HT_INT64;
    default: return HT_INVALID;
  }
}

bool ht_examples_carry(const ht_port *port, int n) {
  for (int i = 0; i < n; i++) {
    const ht_shape *s = &port[i].shape;
    if (!ht_feature_dtype(port[i].dtype) || s->rank < 1) return false;
    for (int k = 1; k < s->rank; k++)
      if (s->dim[k] < 0) return false;
  }
  return n > 0;
}

static ht_ref no_strings(ht_builder *b) {
  ht_tensor t;
  ht_shape none = ht_shape_1(0);
  ht_status st = ht_tensor_new(NULL, HT_STRING, &none, &t);
  if (st.code != HT_OK) return ht_build_fail(b, st);
  ht_ref r = ht_build_const(b, "none", &t);
  ht_tensor_drop(&t);
  return r;
}

static ht_ref keys(ht_builder *b, const ht_port *port, int n) {
  ht_tensor t;
  ht_shape shape = ht_shape_1(n);
  ht_status st = ht_tensor_new(NULL, HT_STRING, &shape, &t);
  if (st.code != HT_OK) return ht_build_fail(b, st);
  for (int i = 0; i < n && st.code == HT_OK; i++)
    st = ht_string_set(&t, i, port[i].name, strlen(port[i].name));
  ht_ref r = st.code == HT_OK ? ht_build_const(b, "features", &t)
                              : ht_build_fail(b, st);
  ht_tensor_drop(&t);
  return r;
}

/* An empty default: the feature has to be there. */
static ht_ref required(ht_builder *b, ht_dtype dtype) {
  ht_tensor t;
  ht_shape none = ht_shape_1(0);
  ht_status st = ht_tensor_new(NULL, dtype, &none, &t);
  if (st.code != HT_OK) return ht_build_fail(b, st);
  ht_ref r = ht_build_const(b, "required", &t);
  ht_tensor_drop(&t);
  return r;
}

/* Types and shapes of the features, all of a fixed size. */
static ht_status parse_attrs(const ht_port *port, int n, ht_text *out) {
  ht_text_add(out,
              "num_sparse=0 sparse_types=[] ragged_value_types=[] "
              "ragged_split_types=[] Tdense=[");
  for (int i = 0; i < n; i++)
    ht_text_printf(out, "%s%s", i ? "," : "",
                   ht_dtype_name(ht_feature_dtype(port[i].dtype)));
  ht_text_add(out, "] dense_shapes=[");
  for (int i = 0; i < n; i++) {
    ht_text_add(out, i ? ",<" : "<");
    for (int k = 1; k < port[i].shape.rank; k++)
      ht_text_printf(out, "%s%lld", k > 1 ? "," : "",
                     (long long)port[i].shape.dim[k]);
    ht_text_add(out, ">");
  }
  ht_text_add(out, "]");
  return ht_text_check(out);
}

static ht_ref cast(ht_builder *b, ht_ref x, ht_dtype to) {
  char attrs[64];
  if (ht_feature_dtype(to) == to) return x;
  snprintf(attrs, sizeof attrs, "DstT=%s", ht_dtype_name(to));
  return ht_build_1(b, "Cast", x, attrs);
}

ht_status ht_build_examples(ht_builder *b, const ht_port *port, int n,
                            ht_ref serialized, ht_ref *value) {
  enum { BEFORE = 5 };
  ht_text attrs = {0};
  ht_ref *in;
  HT_NEW(in, b->graph->arena, BEFORE + n);
  in[0] = serialized;
  in[1] = in[2] = in[4] = no_strings(b);
  in[3] = keys(b, port, n);
  for (int i = 0; i < n; i++)
    in[BEFORE + i] = required(b, ht_feature_dtype(port[i].dtype));
  ht_status st = parse_attrs(port, n, &attrs);
  if (st.code == HT_OK) {
    ht_ref parsed =
        ht_build(b, "ParseExampleV2", NULL, BEFORE + n, in, attrs.p);
    for (int i = 0; i < n; i++)
      value[i] = cast(b, (ht_ref){parsed.node, i}, port[i].dtype);
    st = ht_builder_status(b);
  }
  ht_text_free(&attrs);
  return st;
}
