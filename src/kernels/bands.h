/*
 * bands.h - the lines of an image cut into bands, so that what one call reads
 * and makes stays in cache.
 */
#ifndef HT_KERNELS_BANDS_H
#define HT_KERNELS_BANDS_H

#include "kernels/conv.h"

/* A convolution of some lines of one image: lines are counted along axis 1,
 * those of axis 0 and 2 are whole. */
typedef struct ht_band {
  ht_conv c;       /* batch 1, its pads those at the band's edges */
  int64_t in, out; /* its first line of the input, of the output */
} ht_band;

/* Output lines of a band; all of them: the image is small, or not of two
 * dimensions. */
int64_t ht_band_lines(const ht_conv *c);

/* The output lines from .. to-1 and the input lines that they read. False:
 * there are none. */
bool ht_band_of_output(const ht_conv *c, int64_t from, int64_t to,
                       ht_band *out);

/* The input lines from .. to-1 and the output lines that read them. */
bool ht_band_of_input(const ht_conv *c, int64_t from, int64_t to, ht_band *out);

#endif
