/*
 * norm_conv.h - normalisation, activation and convolution in one pass over the
 * images, so that what stands between them never leaves the cache.
 */
#ifndef HT_KERNELS_NORM_CONV_H
#define HT_KERNELS_NORM_CONV_H

#include "kernels/conv.h"
#include "kernels/norm.h"

/* Floats, channels last: y = conv(activation(scaled z), f). */
typedef struct ht_norm_conv {
  ht_conv_place at;
  const ht_conv *c;
  ht_scaling by;
  const float *z, *f;
  /* Backward: g is d loss / d y. Made are df, dy (behind the convolution, in
   * front of the activation; NULL: not wanted) and, with dy, sums [2, cin] as
   * ht_channel_slopes makes them. */
  const float *g;
  float *df, *dy;
  double *sums;
} ht_norm_conv;

ht_status ht_norm_conv_forward(const ht_norm_conv *n, float *y) HT_MUST_CHECK;
ht_status ht_norm_conv_back(const ht_norm_conv *n) HT_MUST_CHECK;

#endif
