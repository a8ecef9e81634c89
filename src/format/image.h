/*
 * image.h - JPEG and PNG files to pixels, as TensorFlow's decoders give them.
 * Built without libjpeg or libpng, such a file is refused by name.
 */
#ifndef HT_FORMAT_IMAGE_H
#define HT_FORMAT_IMAGE_H

#include "base/status.h"

enum { HT_IMAGE_MAX = 1 << 28 }; /* bytes of pixels */

typedef struct ht_image_want {
  int channels;      /* 1 to 4; 0: those of the file */
  bool wide;         /* 16 bits a channel (of PNG; JPEG has 8) */
  int ratio;         /* JPEG: made smaller by 1, 2, 4 or 8 */
  bool rough_chroma; /* JPEG: colours are repeated, not interpolated */
  bool exact_dct;    /* JPEG: the slower integer transform */
  bool cut_off;      /* JPEG: a file without its end is taken */
} ht_image_want;

typedef struct ht_image {
  int64_t height, width;
  int channels, bits; /* 8 or 16 of each channel */
  void *pixels;       /* [height, width, channels], malloc'ed */
} ht_image;

typedef enum ht_image_kind { HT_NO_IMAGE, HT_JPEG, HT_PNG } ht_image_kind;
ht_image_kind ht_image_kind_of(const void *data, size_t n);

/* Reads n bytes of either kind; the caller frees the pixels. */
ht_status ht_image_read(const void *data, size_t n, const ht_image_want *want,
                        ht_image *out) HT_MUST_CHECK;

/* For this folder: the two formats. */
ht_status ht_jpeg_read(const void *data, size_t n, const ht_image_want *want,
                       ht_image *out) HT_MUST_CHECK;
ht_status ht_png_read(const void *data, size_t n, const ht_image_want *want,
                      ht_image *out) HT_MUST_CHECK;
/* Pixels for what the image says of itself. */
ht_status ht_image_room(ht_image *out) HT_MUST_CHECK;

#endif
