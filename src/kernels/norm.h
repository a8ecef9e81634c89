/* norm.h - statistics and scaling by channel, for batch normalisation. */
#ifndef HT_KERNELS_NORM_H
#define HT_KERNELS_NORM_H

#include "tensor/tensor.h"

/* Floats [outer, channels, inner]: inner is 1 where channels are last. */
typedef struct ht_channels {
  int64_t outer, channels, inner;
} ht_channels;

/* sum[c] of x; of (x - mean[c])^2. Sums of fixed chunks, in order. */
ht_status ht_channel_sums(ht_pool *pool, const ht_channels *s, const float *x,
                          double *sum) HT_MUST_CHECK;
ht_status ht_channel_squares(ht_pool *pool, const ht_channels *s,
                             const float *x, const float *mean,
                             double *sum) HT_MUST_CHECK;
/* sum[c] of dy and, after all of those, of dy (x - mean[c]). */
ht_status ht_channel_slopes(ht_pool *pool, const ht_channels *s, const float *x,
                            const float *mean, const float *dy,
                            double *sum) HT_MUST_CHECK;

/* y = (x - mean[c]) a[c] + b[c]. */
void ht_channel_scale(const ht_channels *s, const float *x, const float *mean,
                      const float *a, const float *b, float *y);
/* dx = (dy - b[c]) a[c] + (x - mean[c]) k[c]. */
void ht_channel_back(const ht_channels *s, const float *x, const float *dy,
                     const float *mean, const float *a, const float *k,
                     const float *b, float *dx);

#endif
