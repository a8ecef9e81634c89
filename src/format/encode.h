/*
 * encode.h - pixels to files of images, with the settings of TensorFlow's
 * encoders. A format whose library was not there when hubtune was built is
 * refused by name.
 */
#ifndef HT_FORMAT_ENCODE_H
#define HT_FORMAT_ENCODE_H

#include "format/image.h"

/* Bytes of a file, malloc'ed; the caller frees them. */
typedef struct ht_encoded {
  unsigned char *p;
  size_t n, capacity;
} ht_encoded;

/* level: zlib's, 0 to 9, or -1 for the usual one. 1 to 4 channels of 8 or 16
 * bits. */
ht_status ht_png_write(const ht_image *image, int level,
                       ht_encoded *out) HT_MUST_CHECK;

typedef struct ht_jpeg_settings {
  int quality; /* 0 to 100 */
  bool progressive, optimized;
  bool rough_chroma; /* colours at half the resolution */
  bool centimetres;  /* of the density, else inches */
  int x_density, y_density;
} ht_jpeg_settings;

/* 1 (grey) or 3 channels of 8 bits. */
ht_status ht_jpeg_write(const ht_image *image, const ht_jpeg_settings *s,
                        ht_encoded *out) HT_MUST_CHECK;

#endif
