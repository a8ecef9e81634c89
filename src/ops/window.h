/* window.h - the geometry of convolutions and pooling from attributes. */
#ifndef HT_OPS_WINDOW_H
#define HT_OPS_WINDOW_H

#include "kernels/window.h"
#include "ops/attr.h"

/* How data of an op lies: spatial axes (2 or 3), channels before or after. */
typedef struct ht_layout {
  int spatial;
  bool channels_first;
} ht_layout;

ht_layout ht_layout_from(const ht_attrs *attrs, int spatial);
int64_t ht_layout_channels(const ht_layout *l, const ht_shape *s);
/* The shape of data with these pixels and channels. */
ht_shape ht_layout_shape(const ht_layout *l, int64_t batch,
                         const int64_t pixels[3], int64_t channels);

/*
 * Attributes strides, dilations (where there are any), padding and
 * explicit_paddings, for data of shape `in` and a window of size[3] (1 in
 * front where there are two axes): fills all of w.
 */
ht_status ht_window_from(const ht_attrs *attrs, const ht_layout *l,
                         const ht_shape *in, const int64_t size[3],
                         ht_window *w) HT_MUST_CHECK;
/* The same with the strides given, one per axis of the data. */
ht_status ht_window_strided(const ht_attrs *attrs, const ht_layout *l,
                            const ht_shape *in, const int64_t size[3],
                            const int64_t *strides, ht_window *w) HT_MUST_CHECK;

/* x with channels last (shared where it is so already), and back. */
ht_status ht_channels_last(ht_pool *pool, const ht_layout *l,
                           const ht_tensor *x, ht_tensor *out) HT_MUST_CHECK;
ht_status ht_channels_back(ht_pool *pool, const ht_layout *l,
                           ht_tensor *x) HT_MUST_CHECK;

#endif
