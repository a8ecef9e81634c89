/* resize.h - resampling of images along both axes, channels last. */
#ifndef HT_KERNELS_RESIZE_H
#define HT_KERNELS_RESIZE_H

#include "tensor/tensor.h"

typedef enum ht_resize_method {
  HT_NEAREST,
  HT_BILINEAR,
  HT_BICUBIC,
  HT_AREA
} ht_resize_method;

/* How positions of one axis, `out` of them, lie over `in` others. */
typedef struct ht_axis {
  int64_t in, out;
  bool corners; /* the outer pixels' centres fall on each other */
  bool half;    /* a pixel's centre lies at 1/2 */
  float scale;
} ht_axis;
ht_axis ht_axis_make(int64_t in, int64_t out, bool corners, bool half);

/* Of each of n output positions: `taps` input positions and weights. */
typedef struct ht_axis_taps {
  int64_t n, in, taps;
  const int64_t *at; /* [n, taps], within [0, in) */
  const float *weight;
} ht_axis_taps;

/* Input positions that an output position looks at, and all of them with their
 * weights, [out, width] each. */
int64_t ht_axis_width(ht_resize_method method, const ht_axis *axis);
void ht_axis_fill(ht_resize_method method, const ht_axis *axis, int64_t *at,
                  float *weight);

typedef struct ht_resize {
  ht_axis_taps y, x;
  int64_t batch, channels;
} ht_resize;

/* out [batch, y.n, x.n, channels] of float x of size y.in, x.in. */
void ht_resize_forward(const ht_resize *r, const float *x, float *out);
/*
 * One image of bytes [y.in, x.in, channels] in the calling thread, each result
 * times `scale` plus `offset`. row: room for x.in * channels floats.
 */
void ht_resize_bytes(const ht_resize *r, const uint8_t *x, float scale,
                     float offset, float *row, float *out);
/* The transpose: dx from dy. */
void ht_resize_back(const ht_resize *r, const float *dy, float *dx);
/* The same of the nearest pixels, which have no weights: float, double, int32,
 * int8 or uint8; integers wrap. */
void ht_resize_nearest_back(const ht_resize *r, ht_dtype t, const void *dy,
                            void *dx);

#endif
