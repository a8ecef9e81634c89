/*
 * fused.h - rows for what plans make of several steps. They stand in no graph
 * and are not in the table.
 */
#ifndef HT_OPS_FUSED_H
#define HT_OPS_FUSED_H

#include "kernels/epilogue.h"
#include "ops/op.h"

/* HT_RELU of "Relu", HT_RELU6 of "Relu6"; HT_LINEAR: no activation. */
ht_activation ht_activation_of(const ht_op *op);

/* FusedBatchNorm* with an activation behind it: inputs, attributes and outputs
 * are those of FusedBatchNormV3. NULL for HT_LINEAR. */
const ht_op *ht_op_norm_with(ht_activation activation);

/*
 * A convolution (Conv2D or DepthwiseConv2dNative; c->in: data, filter) with an
 * epilogue, into out[0]; for floats whose channels are last (*done false, and
 * nothing happened, for others). c->prepared is that of the convolution.
 */
ht_status ht_conv_with(ht_call *c, bool depthwise, const ht_epilogue *e,
                       bool *done) HT_MUST_CHECK;

#endif
