/* pool.h - pooling over windows, channels last: of float and double, and the
 * maximum of int64 and uint64. */
#ifndef HT_KERNELS_POOL_H
#define HT_KERNELS_POOL_H

#include "kernels/window.h"

typedef struct ht_pooling {
  ht_dtype t; /* HT_FLOAT, HT_DOUBLE; the maximum: HT_INT64, HT_UINT64 */
  ht_window w;
  int64_t channels;
  bool mean; /* else the maximum */
} ht_pooling;

/* y [batch, out.., channels]. Padding counts for nothing. */
void ht_pool_forward(const ht_pooling *p, const void *x, void *y);
/* dx from dy (x for the maximum alone: the first one takes all). */
void ht_pool_back(const ht_pooling *p, const void *x, const void *dy, void *dx);
/* at[..] = where in the image each maximum was: the flat index of its
 * element within the image, or, with_batch, within x. */
void ht_pool_argmax(const ht_pooling *p, const void *x, bool with_batch,
                    int64_t *at);

#endif
