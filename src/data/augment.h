/*
 * augment.h - images changed at random: what happens to one depends on the
 * seed, the epoch and the example alone.
 */
#ifndef HT_DATA_AUGMENT_H
#define HT_DATA_AUGMENT_H

#include "base/status.h"

/* How much of each; 0: none. */
typedef struct ht_augment {
  bool any, flip;  /* left and right, every second time */
  double crop;     /* a window of at least 1 - crop of each side */
  double zoom;     /* by a factor from 1 - zoom to 1 + zoom */
  double rotation; /* by at most so many degrees */
  double color;    /* brightness, contrast and saturation by 1 +- color */
  uint64_t seed;
} ht_augment;

/* Reads "flip,crop:0.1,color"; amounts that are left out are crop 0.2, zoom
 * 0.2, rotation 20 and color 0.2. */
ht_status ht_augment_parse(const char *text, uint64_t seed,
                           ht_augment *out) HT_MUST_CHECK;

/* One image [height, width, channels] in the range low .. high. What lies
 * outside of the image repeats its edge. */
typedef struct ht_augment_shape {
  int64_t height, width, channels;
  float low, high;
} ht_augment_shape;
void ht_augment_apply(const ht_augment *a, const ht_augment_shape *shape,
                      int64_t epoch, int64_t example, const float *image,
                      float *out);

#endif
