/* norm.h - statistics and scaling by channel, for batch normalisation with an
 * activation after it. */
#ifndef HT_KERNELS_NORM_H
#define HT_KERNELS_NORM_H

#include "kernels/epilogue.h"
#include "tensor/tensor.h"

/* Floats [outer, channels, inner]: inner is 1 where channels are last. */
typedef struct ht_channels {
  int64_t outer, channels, inner;
} ht_channels;

/* y = activation((x - mean[c]) a[c] + b[c]). */
typedef struct ht_scaling {
  const float *mean, *a, *b;
  ht_activation activation;
} ht_scaling;

/* mean[c] and variance[c] (of the population) of x. Moments of fixed parts,
 * merged in order; each part is read once from memory. */
ht_status ht_channel_moments(ht_pool *pool, const ht_channels *s,
                             const float *x, double *mean,
                             double *variance) HT_MUST_CHECK;
/* sum[c] of d and, after all of those, of d (x - mean[c]), where d is dy that
 * passes back through the activation. */
ht_status ht_channel_slopes(ht_pool *pool, const ht_channels *s,
                            const ht_scaling *by, const float *x,
                            const float *dy, double *sum) HT_MUST_CHECK;

/* The same where y is what the activation (not HT_LINEAR) made of a sum with
 * other values; channels are last. What passes back is dy[0], plus dy[1]
 * unless that is NULL. d, which may be dy[0], is written. */
ht_status ht_channel_gated_slopes(ht_pool *pool, const ht_channels *s,
                                  const ht_scaling *by, const float *x,
                                  const float *y, const float *const dy[2],
                                  float *d, double *sum) HT_MUST_CHECK;

void ht_channel_scale(const ht_channels *s, const ht_scaling *by,
                      const float *x, float *y);
/* The same with `plus` added before the activation. */
void ht_channel_scale_add(const ht_channels *s, const ht_scaling *by,
                          const float *x, const float *plus, float *y);
/* dx = (d - c0[c]) by->a[c] + (x - mean[c]) c1[c]; dx may be dy. */
void ht_channel_back(const ht_channels *s, const ht_scaling *by,
                     const float *c0, const float *c1, const float *x,
                     const float *dy, float *dx);

#endif
