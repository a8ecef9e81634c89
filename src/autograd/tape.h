/*
 * tape.h - reverse-mode differentiation over what ran.
 *
 * The executor records each application one of whose inputs is traced; a
 * traced value carries its number in ht_tensor.trace. Backward walks the
 * records in reverse and hands cotangents to the ops' gradient rules. The
 * tape knows no op by name. Since values carry their trace, loops, function
 * calls and containers of tensors need nothing special: their bodies are
 * recorded as they run.
 */
#ifndef HT_AUTOGRAD_TAPE_H
#define HT_AUTOGRAD_TAPE_H

#include "ops/op.h"

/* Makes a tape; the gradients it returns live on after it. */
ht_tape *ht_tape_new(void);
void ht_tape_free(ht_tape *tape);
/* Forgets all records, traces and gradients, keeping memory for the next. */
void ht_tape_reset(ht_tape *tape);

/* Whether an application with these inputs has to be recorded. */
bool ht_tape_wants(const ht_op *op, int n_in, const ht_tensor *const *in);

/*
 * Records an application that has run, keeping of it what op->keep says, and
 * gives the floating outputs their traces. `gradient` NULL: the op's own
 * (then missing rules are refused, by name, when a cotangent reaches them).
 */
ht_status ht_tape_record(ht_tape *tape, const ht_call *call,
                         ht_gradient_fn *gradient, int n_in,
                         const ht_tensor *const *in, int n_out,
                         ht_tensor *out) HT_MUST_CHECK;

/* A leaf: gives `value` the trace of v in this tape. */
ht_status ht_tape_leaf(ht_tape *tape, ht_variable *v,
                       ht_tensor *value) HT_MUST_CHECK;
/* A leaf that is no variable: an input whose gradient is wanted. */
ht_status ht_tape_watch(ht_tape *tape, ht_tensor *value) HT_MUST_CHECK;

/*
 * Walks back from y[0..n) with cotangents dy[i] (dy NULL or a dy[i] of dtype
 * HT_INVALID: ones). Untraced y are passed over. Once per recording: records
 * are consumed.
 */
ht_status ht_tape_backward(ht_tape *tape, ht_run *run, int n,
                           const ht_tensor *y,
                           const ht_tensor *dy) HT_MUST_CHECK;

/* The gradient of a variable after backward; all HT_INVALID where none
 * arrived. The caller drops it. Rows keep repeated indices. */
ht_status ht_tape_gradient(ht_tape *tape, const ht_variable *v,
                           ht_cotangent *out) HT_MUST_CHECK;
/* The gradient of a watched value, dense; HT_INVALID where none arrived. */
ht_status ht_tape_gradient_of(ht_tape *tape, const ht_tensor *value,
                              ht_tensor *out) HT_MUST_CHECK;

/* Ones of a floating dtype. */
ht_status ht_ones(ht_pool *pool, ht_dtype dtype, const ht_shape *shape,
                  ht_tensor *out) HT_MUST_CHECK;
void ht_cotangent_drop(ht_cotangent *c);
/* total += g, dense or rows; takes over g. Both are of `shape`. */
ht_status ht_cotangent_add(ht_pool *pool, ht_cotangent *total, ht_cotangent *g,
                           const ht_shape *shape) HT_MUST_CHECK;
/* Sums g over the axes along which `shape` was broadcast to it. */
ht_status ht_sum_to_shape(ht_pool *pool, ht_tensor *g,
                          const ht_shape *shape) HT_MUST_CHECK;
/* Rows become dense, of shape `like`; dense stays. */
ht_status ht_cotangent_dense(ht_pool *pool, ht_cotangent *c,
                             const ht_shape *like) HT_MUST_CHECK;
/* Rows with each index once, in the order of first arrival; duplicates are
 * summed in the order of arrival. */
ht_status ht_cotangent_unique(ht_pool *pool, ht_cotangent *c) HT_MUST_CHECK;

#endif
