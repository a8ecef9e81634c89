/*
 * pass.h - changes to the steps of a plan that leave its results as they are.
 *
 * Passes run once a plan's steps are known and before it is settled where
 * values are let go. A step that nothing reads any more is dropped after
 * them. What a pass makes lives in the plan's arena.
 */
#ifndef HT_GRAPH_PASS_H
#define HT_GRAPH_PASS_H

#include "graph/plan_steps.h"
#include "kernels/epilogue.h"

/* How often each value is read (by steps that count, or by the caller): an
 * array by value in the plan's arena. */
ht_status ht_pass_readers(ht_plan *p, int **readers) HT_MUST_CHECK;
/* All readers of value `from` read `to` instead. */
void ht_pass_redirect(ht_plan *p, int from, int to);
/* The step that makes a value; NULL where it is fed or constant. */
ht_step *ht_pass_maker(const ht_plan *p, int value);
/* A step that may be taken out of its place: it always runs, and nothing
 * waits for it. */
bool ht_pass_plain(const ht_step *s);
bool ht_pass_is(const ht_step *s, const char *op); /* NULL: no */
/* Of floats (attribute T): fused kernels know no other type. */
bool ht_pass_float(const ht_step *s);

bool ht_pass_channels_last(const ht_step *s); /* of images */

/* Normalisation by the batch, of floats, with its statistics as outputs. */
bool ht_pass_batch_norm(const ht_step *s);
/* The activation that ht_pass_norm put behind it; HT_LINEAR: none. */
ht_activation ht_pass_norm_activation(const ht_step *norm);

/* Readers of an Identity read what it reads. */
ht_status ht_pass_identity(ht_plan *p) HT_MUST_CHECK;
/* Batch normalisation and the Relu or Relu6 that alone reads it: one step. */
ht_status ht_pass_norm(ht_plan *p) HT_MUST_CHECK;
/* Pad before a convolution without padding: the convolution's own. */
ht_status ht_pass_pad(ht_plan *p) HT_MUST_CHECK;
/* A convolution and the bias that alone reads it: one step. */
ht_status ht_pass_bias(ht_plan *p) HT_MUST_CHECK;
/* A convolution, the normalisation by fixed averages or bias that alone reads
 * it, and the activation after that: one step. */
ht_status ht_pass_conv(ht_plan *p) HT_MUST_CHECK;

/* Normalisation by the batch and the convolution that alone reads it. */
ht_status ht_pass_norm_conv(ht_plan *p) HT_MUST_CHECK;

/* Normalisation by the batch, the sum that alone reads it and the activation
 * after that: one step. */
ht_status ht_pass_norm_add(ht_plan *p) HT_MUST_CHECK;

/* Sets plan->rows. */
ht_status ht_pass_rows(ht_plan *p) HT_MUST_CHECK;

#endif
