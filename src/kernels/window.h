/* window.h - the geometry that convolutions and pooling share. */
#ifndef HT_KERNELS_WINDOW_H
#define HT_KERNELS_WINDOW_H

#include "tensor/tensor.h"

/*
 * A window of size[] taps, step[] elements apart, moved by stride[] over
 * in[] elements before which stand pad[] that do not exist. Three spatial
 * axes; images have 1 in the first. Data is [batch, in0, in1, in2, channels].
 */
typedef struct ht_window {
  int64_t batch, in[3], out[3], size[3], stride[3], step[3], pad[3];
} ht_window;

static inline int64_t ht_window_pixels(const int64_t n[3]) {
  return n[0] * n[1] * n[2];
}

/* Output element i of an axis sees taps from *from below *to. */
static inline void ht_window_taps(const ht_window *w, int axis, int64_t i,
                                  int64_t *from, int64_t *to) {
  int64_t first = i * w->stride[axis] - w->pad[axis], step = w->step[axis];
  *from = first < 0 ? (-first + step - 1) / step : 0;
  int64_t room = w->in[axis] - first;
  *to = room <= 0 ? 0 : (room + step - 1) / step;
  if (*to > w->size[axis]) *to = w->size[axis];
  if (*from > *to) *from = *to;
}

/* The input element under tap 0 of output element i; may be negative. */
static inline int64_t ht_window_first(const ht_window *w, int axis, int64_t i) {
  return i * w->stride[axis] - w->pad[axis];
}

#endif
