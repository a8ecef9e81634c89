/*
 * fused.h - rows for what plans make of several steps. They stand in no graph
 * and are not in the table.
 */
#ifndef HT_OPS_FUSED_H
#define HT_OPS_FUSED_H

#include "kernels/norm.h"
#include "ops/op.h"

/* HT_RELU of "Relu", HT_RELU6 of "Relu6"; HT_LINEAR: no activation. */
ht_activation ht_activation_of(const ht_op *op);

/* FusedBatchNorm* with an activation behind it: inputs, attributes and outputs
 * are those of FusedBatchNormV3. NULL for HT_LINEAR. */
const ht_op *ht_op_norm_with(ht_activation activation);

/* FusedBatchNorm* without output 0: its statistics, for the ops below. */
extern const ht_op ht_op_norm_statistics;

/* Six inputs are floats, and 1 to 4 (scale, offset, mean and variance) have a
 * value for each channel. */
ht_status ht_norm_need(const ht_call *c, int64_t channels) HT_MUST_CHECK;
/* The axes of data in the layout that the attributes name. */
ht_channels ht_norm_channels(const ht_attrs *attrs, const ht_shape *s);
/* scale / sqrt(variance + epsilon) by channel. */
ht_status ht_norm_factors(ht_pool *pool, const ht_attrs *norm,
                          const ht_tensor *scale, const ht_tensor *variance,
                          ht_tensor *a) HT_MUST_CHECK;

/* What a normalisation needs to pass a cotangent back. */
typedef struct ht_norm_slopes {
  ht_channels s;
  ht_scaling by; /* with the activation behind it */
  const float *variance;
  double epsilon;
  bool training;      /* by the batch */
  const double *sums; /* of ht_channel_slopes */
} ht_norm_slopes;
/* Gives inputs 0, 1 and 2 (data, scale, offset) what d, the cotangent of the
 * result, comes to. dx: room for that of the data, which may be where d is;
 * taken over. */
ht_status ht_norm_give(ht_back *b, const ht_norm_slopes *p, const float *d,
                       ht_tensor *dx) HT_MUST_CHECK;

/*
 * A normalisation by the batch, the sum with another value and an activation,
 * in one. Inputs: data, scale, offset, mean and variance of the batch, the
 * other value. `prepared` is an ht_norm_add_parts of the plan's.
 */
typedef struct ht_norm_add_parts {
  const ht_attrs *norm;
  ht_activation activation;
} ht_norm_add_parts;
extern const ht_op ht_op_norm_add;

/*
 * A normalisation by the batch, an activation and the convolution that alone
 * reads it, in one. Inputs: data, scale, offset, mean and variance of the
 * batch (outputs 3 and 4 of the statistics), filter. The attributes are those
 * of the convolution; `prepared` is an ht_norm_conv_parts of the plan's.
 */
typedef struct ht_norm_conv_parts {
  const ht_attrs *norm;
  ht_activation activation;
  bool depthwise;
  void *conv; /* what the convolution had prepared; taken over */
} ht_norm_conv_parts;
extern const ht_op ht_op_norm_conv;

/* A convolution of floats, channels last, and the bias that alone reads it.
 * Inputs: data, filter, bias; attributes and `prepared` are Conv2D's. */
extern const ht_op ht_op_conv_bias;

/* The geometry of a convolution over images. */
struct ht_conv;
ht_status ht_conv_geometry(const ht_attrs *attrs, bool depthwise,
                           const ht_shape *x, const ht_shape *f,
                           struct ht_conv *c) HT_MUST_CHECK;

/*
 * A convolution (Conv2D or DepthwiseConv2dNative; c->in: data, filter) with an
 * epilogue, into out[0]; for floats whose channels are last (*done false, and
 * nothing happened, for others). c->prepared is that of the convolution.
 */
ht_status ht_conv_with(ht_call *c, bool depthwise, const ht_epilogue *e,
                       bool *done) HT_MUST_CHECK;

#endif
