/* resize.h - resampling of images along both axes, channels last. */
#ifndef HT_KERNELS_RESIZE_H
#define HT_KERNELS_RESIZE_H

#include "tensor/tensor.h"

/* Of each of n output positions: `taps` input positions and weights. */
typedef struct ht_axis_taps {
  int64_t n, in, taps;
  const int64_t *at; /* [n, taps], within [0, in) */
  const float *weight;
} ht_axis_taps;

typedef struct ht_resize {
  ht_axis_taps y, x;
  int64_t batch, channels;
} ht_resize;

/* out [batch, y.n, x.n, channels] of float x of size y.in, x.in. */
void ht_resize_forward(const ht_resize *r, const float *x, float *out);
/* The transpose: dx from dy. */
void ht_resize_back(const ht_resize *r, const float *dy, float *dx);

#endif
