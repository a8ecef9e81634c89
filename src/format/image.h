/*
 * image.h - files of images to pixels: JPEG and PNG as TensorFlow's decoders
 * give them, WebP, GIF (the first frame) and BMP. A format whose library was
 * not there when hubtune was built is refused by name.
 */
#ifndef HT_FORMAT_IMAGE_H
#define HT_FORMAT_IMAGE_H

#include "base/status.h"

enum { HT_IMAGE_MAX = 1 << 28 }; /* bytes of pixels */

typedef struct ht_image_want {
  int channels;          /* 1 to 4; 0: those of the file */
  bool wide;             /* 16 bits a channel (of PNG; others have 8) */
  int ratio;             /* JPEG: made smaller by 1, 2, 4 or 8 */
  bool rough_chroma;     /* JPEG: colours are repeated, not interpolated */
  bool exact_dct;        /* JPEG: the slower integer transform */
  bool cut_off;          /* JPEG: a file without its end is taken */
  bool plain;            /* BMP: the file's own numbers, of a palette those of
                            colours, of 32 bits four channels */
  bool upright;          /* turned as the file's EXIF orientation says */
  const int32_t *window; /* JPEG: top, left, height and width of a part, NULL:
                            all. Colours at its right edge are not blended with
                            what lies outside, as in TensorFlow */
} ht_image_want;

typedef struct ht_image {
  int64_t height, width;
  int channels, bits; /* 8 or 16 of each channel */
  void *pixels;       /* [height, width, channels], malloc'ed */
} ht_image;

typedef enum ht_image_kind {
  HT_NO_IMAGE,
  HT_JPEG,
  HT_PNG,
  HT_GIF,
  HT_BMP,
  HT_WEBP
} ht_image_kind;
ht_image_kind ht_image_kind_of(const void *data, size_t n);

/* Reads n bytes of any kind; the caller frees the pixels. */
ht_status ht_image_read(const void *data, size_t n, const ht_image_want *want,
                        ht_image *out) HT_MUST_CHECK;

/* For this folder: the formats. Those after PNG give 3 channels, or 4 where
 * the file has alpha. */
ht_status ht_jpeg_read(const void *data, size_t n, const ht_image_want *want,
                       ht_image *out) HT_MUST_CHECK;
ht_status ht_png_read(const void *data, size_t n, const ht_image_want *want,
                      ht_image *out) HT_MUST_CHECK;
/* The first `most` frames, one below the other; *frames: how many there are. */
ht_status ht_gif_read(const void *data, size_t n, int64_t most, ht_image *out,
                      int64_t *frames) HT_MUST_CHECK;
ht_status ht_bmp_read(const void *data, size_t n, bool plain,
                      ht_image *out) HT_MUST_CHECK;
ht_status ht_webp_read(const void *data, size_t n, ht_image *out) HT_MUST_CHECK;
/* Pixels, all 0, for what the image says of itself. */
ht_status ht_image_room(ht_image *out) HT_MUST_CHECK;

/* The EXIF orientation of a JPEG, 1 to 8; 1 where it does not say. */
int ht_jpeg_orientation(const void *data, size_t n);
/* Turns and mirrors, so that an image of that orientation stands upright. */
ht_status ht_image_upright(ht_image *image, int orientation) HT_MUST_CHECK;

#endif
