/* epilogue.h - what follows a product or convolution while its result is in
 * cache: a factor and a bias for each channel, an activation. */
#ifndef HT_KERNELS_EPILOGUE_H
#define HT_KERNELS_EPILOGUE_H

#include <stdint.h>

typedef enum ht_activation { HT_LINEAR, HT_RELU, HT_RELU6 } ht_activation;

/* y = activation(y * scale[c] + bias[c]), channels last. NULL: 1 and 0. */
typedef struct ht_epilogue {
  const float *scale, *bias;
  ht_activation activation;
} ht_epilogue;

/* On rows of `n` values, which are channels 0..n-1. */
void ht_epilogue_rows(const ht_epilogue *e, int64_t rows, int64_t n,
                      int64_t stride, float *y);

#endif
