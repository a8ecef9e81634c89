/*
 * example.h - features of tf.Example and of the context of
 * tf.SequenceExample records. Records are read where they lie: a feature is
 * found as a span of bytes, its list is counted, then copied (strings point
 * into the record).
 */
#ifndef HT_OPS_EXAMPLE_H
#define HT_OPS_EXAMPLE_H

#include "ops/sparse.h"
#include "ops/strings.h"

/* ---- the wire format of protocol buffers, as far as they need it */

typedef struct ht_field {
  int number, wire; /* wire type 0, 1, 2 or 5 */
  uint64_t value;   /* of type 0 */
  ht_string bytes;  /* of types 1, 2 and 5 */
} ht_field;

/* Takes a number off s; false where there is none. */
bool ht_varint_next(ht_string *s, uint64_t *v);
/* Takes the next field off s; false at the end, or (s->n > 0) at bytes that
 * are no field. */
bool ht_field_next(ht_string *s, ht_field *f);

typedef struct ht_elements {
  ht_tensor *out; /* NULL: only counted */
  int64_t at, n;  /* where they start in out, elements so far */
  int64_t max;    /* room in out */
} ht_elements;

/* Walks the list of a Feature. A feature without a list has no elements. */
ht_status ht_feature_walk(ht_string feature, ht_dtype t,
                          ht_elements *l) HT_MUST_CHECK;

/* ---- what is wanted, and where it stands in each record */

typedef struct ht_want {
  ht_string key;
  ht_dtype type;
  ht_shape shape; /* of a dense feature */
  const ht_tensor *missing;
} ht_want;

/* The attributes of an op that tell types and shapes. */
typedef struct ht_parse_names {
  const char *sparse, *dense, *ragged, *splits, *shapes;
} ht_parse_names;

/* Outputs from 0 on: sparse indices, values and shapes, dense values, ragged
 * values and splits. */
typedef struct ht_parse {
  ht_call *call;
  const ht_parse_names *names;
  const ht_tensor *records;
  int64_t batch;
  bool single; /* one record, without a batch dimension */
  int n_sparse, n_dense, n_ragged, n;
  ht_want *want;      /* sparse, dense, ragged ones */
  ht_string *feature; /* [batch, n]; p NULL: not in the record */
  const ht_attr *splits;
} ht_parse;

/* Prepares for in[0], the records, and so many features; the caller sets the
 * keys of p->want. Ends with ht_parse_close, also on failure. */
ht_status ht_parse_start(ht_call *c, const ht_parse_names *names, ht_parse *p,
                         int64_t sparse, int64_t dense,
                         int64_t ragged) HT_MUST_CHECK;
void ht_parse_close(ht_parse *p);
/* Types, shapes and defaults, which stand from in[first_default] on. */
ht_status ht_parse_wants(ht_parse *p, int first_default) HT_MUST_CHECK;
/* The types of n wanted features from `first` on. */
ht_status ht_parse_types(ht_parse *p, const char *attr, int first,
                         int n) HT_MUST_CHECK;
/* Sets the span of each wanted feature: those of map entries in field
 * `number` of every record, {1: entry{1: key, 2: value}}. */
ht_status ht_parse_find(ht_parse *p, int number) HT_MUST_CHECK;
/* Finds the features of field 1 and fills their outputs. */
ht_status ht_parse_features(ht_parse *p) HT_MUST_CHECK;

#endif
