/*
 * interface.h - what an op row's interface says of one application: the
 * dtypes of inputs and outputs, which attributes follow from the inputs, and
 * where a named output stands.
 */
#ifndef HT_OPS_INTERFACE_H
#define HT_OPS_INTERFACE_H

#include "ops/attr_text.h"

enum { HT_MAX_ARGS = 1 << 16 }; /* flattened inputs or outputs of a node */

/*
 * *out = given and the attributes that follow from n_in inputs of these
 * dtypes: types ("x:T"), numbers ("x:N*T") and type lists ("x:list:T"). Do so
 * before ht_attrs_complete, so that no default stands in the way. Fails where
 * inputs contradict each other, their number, or what is given. HT_INVALID
 * among the dtypes: not known, nothing follows from it.
 */
ht_status ht_attrs_infer_types(const ht_op *op, int n_in,
                               const ht_dtype *in_dtype, const ht_attrs *given,
                               ht_arena *arena, ht_attrs *out) HT_MUST_CHECK;

/* Text, inference, defaults and the check in one: what ht_apply and the
 * builder do. */
ht_status ht_attrs_bind(const ht_op *op, const char *text, int n_in,
                        const ht_dtype *in_dtype, ht_arena *arena,
                        ht_attrs *out) HT_MUST_CHECK;

/*
 * The flattened outputs (or inputs) of an op with complete attributes: *n of
 * them, the first `max` dtypes in dtype (which may be NULL). Ref(T) counts
 * as T; a dtype that we do not have is HT_INVALID.
 */
ht_status ht_op_outputs(const ht_op *op, const ht_attrs *attrs, int max,
                        ht_dtype *dtype, int *n) HT_MUST_CHECK;
ht_status ht_op_inputs(const ht_op *op, const ht_attrs *attrs, int max,
                       ht_dtype *dtype, int *n) HT_MUST_CHECK;

/* The flattened outputs that belong to the output argument of that name:
 * [*first, *first + *n); false where the op has none such. */
bool ht_op_output_named(const ht_op *op, const ht_attrs *attrs,
                        const char *name, int *first, int *n);

#endif
