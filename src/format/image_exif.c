/*
 * image_exif.c - which way up a JPEG is: tag 0x0112 of the TIFF directory in
 * its APP1 segment (Exif 2.32, 4.5.4 and 4.6.4).
 */
#include <stdlib.h>
#include <string.h>

#include "format/image.h"

enum { ORIENTATION = 0x0112, SHORT = 3 };

typedef struct tiff {
  const uint8_t *p;
  size_t n;
  bool big; /* byte order */
} tiff;

static unsigned number(const tiff *t, size_t at, int bytes) {
  unsigned v = 0;
  if (at > t->n || t->n - at < (size_t)bytes) return 0;
  for (int i = 0; i < bytes; i++)
    v |= (unsigned)t->p[at + (size_t)i] << 8 * (t->big ? bytes - 1 - i : i);
  return v;
}

static int orientation_of(const uint8_t *p, size_t n) {
  tiff t = {p, n, n > 0 && p[0] == 'M'};
  size_t at = number(&t, 4, 4);
  unsigned entries = number(&t, at, 2);
  for (unsigned i = 0; i < entries && at + 2 + 12 * i < n; i++) {
    size_t entry = at + 2 + 12 * (size_t)i;
    if (number(&t, entry, 2) != ORIENTATION) continue;
    unsigned v = number(&t, entry + 8, 2);
    return number(&t, entry + 2, 2) == SHORT && v >= 1 && v <= 8 ? (int)v : 1;
  }
  return 1;
}

int ht_jpeg_orientation(const void *data, size_t n) {
  const uint8_t *p = data;
  if (ht_image_kind_of(data, n) != HT_JPEG) return 1;
  for (size_t at = 2; n - at > 4 && p[at] == 0xff;) {
    size_t size = (size_t)p[at + 2] << 8 | p[at + 3];
    if (p[at + 1] == 0xda || size < 2 || size > n - at - 2) break;
    const uint8_t *body = p + at + 4;
    if (p[at + 1] == 0xe1 && size > 8 && !memcmp(body, "Exif\0\0", 6))
      return orientation_of(body + 6, size - 8);
    at += 2 + size;
  }
  return 1;
}

ht_status ht_image_upright(ht_image *image, int orientation) {
  static const struct {
    bool swap, down, left; /* axes change places; from the end of an axis */
  } turn[9] = {{0},       {0},       {0, 0, 1}, {0, 1, 1}, {0, 1, 0},
               {1, 0, 0}, {1, 1, 0}, {1, 1, 1}, {1, 0, 1}};
  ht_image out = *image;
  bool swap = turn[orientation].swap;
  if (orientation <= 1) return HT_SUCCESS;
  if (swap) {
    out.height = image->width;
    out.width = image->height;
  }
  HT_TRY(ht_image_room(&out));
  size_t pixel = (size_t)(image->channels * image->bits / 8);
  for (int64_t i = 0; i < out.height; i++)
    for (int64_t j = 0; j < out.width; j++) {
      int64_t y = swap ? j : i, x = swap ? i : j;
      if (turn[orientation].down) y = image->height - 1 - y;
      if (turn[orientation].left) x = image->width - 1 - x;
      memcpy((char *)out.pixels + (size_t)(i * out.width + j) * pixel,
             (char *)image->pixels + (size_t)(y * image->width + x) * pixel,
             pixel);
    }
  free(image->pixels);
  *image = out;
  return HT_SUCCESS;
}
