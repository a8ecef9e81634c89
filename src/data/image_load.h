/* image_load.h - from one image, a file or pixels, to the numbers that a
 * model takes. */
#ifndef HT_DATA_IMAGE_LOAD_H
#define HT_DATA_IMAGE_LOAD_H

#include "data/augment.h"
#include "format/image.h"
#include "kernels/resize.h"
#include "tensor/tensor.h"

/* What a model takes of an image. */
typedef struct ht_image_spec {
  int64_t height, width;
  int channels; /* 1, 3 or 4 */
  ht_resize_method method;
  float low, high; /* what black and white become */
  ht_dtype dtype;  /* HT_FLOAT, or HT_UINT8: rounded */
  ht_augment augment;
} ht_image_spec;

/* Positions and weights for images of one size. */
typedef struct ht_image_taps {
  int64_t height, width; /* of the image; 0: none yet */
  ht_resize r;
  void *memory;
} ht_image_taps;
void ht_image_taps_free(ht_image_taps *taps);

/* Decodes a file's bytes upright, with the channels of the spec. */
ht_status ht_image_decode(const ht_image_spec *spec, const void *data, size_t n,
                          ht_image *out) HT_MUST_CHECK;

/*
 * Resizes to [height, width, channels] floats in the range low .. high, as
 * tf.image.resize (version 2, without antialiasing) does. Taps are kept for
 * the next image of that size.
 */
ht_status ht_image_fit(const ht_image_spec *spec, const ht_image *image,
                       ht_image_taps *taps, float *out) HT_MUST_CHECK;

/* To the nearest bytes. */
void ht_image_round(const float *from, int64_t n, uint8_t *to);

#endif
