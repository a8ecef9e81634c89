/*
 * attr_text.h - attributes as text: "axis=1 T=float strides=[1,2,2,1]
 * padding='SAME' shape=<2,?,3>", as samples, builders and gradient rules
 * write them, and the defaults of an op row, "keep_dims:bool=false".
 */
#ifndef HT_OPS_ATTR_TEXT_H
#define HT_OPS_ATTR_TEXT_H

#include "ops/op.h"

/*
 * Reads attributes from text; what it makes lives in the arena. A bare word
 * is a dtype, true or false; `<unknown shape>` is a shape of unknown rank, `<>`
 * that of a scalar. The kind is that of the text: "1" is an integer until
 * ht_attrs_complete knows better.
 */
ht_status ht_attrs_parse(const char *text, ht_arena *arena,
                         ht_attrs *out) HT_MUST_CHECK;

/*
 * *out = what is given and, for the rest, the defaults of the row. Integers
 * become floats and empty lists lists of the kind that the row declares;
 * attributes that the row does not know are passed on as they are. One without
 * value and default is left out: ht_attrs_check names it.
 */
ht_status ht_attrs_complete(const ht_op *op, const ht_attrs *given,
                            ht_arena *arena, ht_attrs *out) HT_MUST_CHECK;

/* Fails where an attribute of the row has no value, or one of another kind. */
ht_status ht_attrs_check(const ht_op *op, const ht_attrs *attrs) HT_MUST_CHECK;

/* Adds an attribute; a later one of the same name hides nothing: the caller
 * adds what is not there. `capacity` counts as in HT_GROW. */
ht_status ht_attrs_add(ht_attrs *attrs, int *capacity, ht_arena *arena,
                       const ht_attr *attr) HT_MUST_CHECK;

/* One attribute that a row declares: "keep_dims:bool=false". */
typedef struct ht_attr_spec {
  const char *name; /* not terminated: n_name bytes */
  size_t n_name;
  ht_attr_kind kind;
  bool list;
  const char *value; /* the default's text, NULL: there is none */
} ht_attr_spec;

/* Steps through a row's attributes: false at the end (or at what is no
 * attribute). *at starts as op->attrs. */
bool ht_attr_spec_next(const char **at, ht_attr_spec *spec);

#endif
