/* image.c - tells images apart and hands them to their readers. */
#include "format/image.h"

#include <stdlib.h>
#include <string.h>

ht_image_kind ht_image_kind_of(const void *data, size_t n) {
  if (n > 3 && !memcmp(data, "\xff\xd8\xff", 3)) return HT_JPEG;
  if (n > 8 && !memcmp(data, "\x89PNG\r\n\x1a\n", 8)) return HT_PNG;
  return HT_NO_IMAGE;
}

ht_status ht_image_read(const void *data, size_t n, const ht_image_want *want,
                        ht_image *out) {
  *out = (ht_image){0};
  ht_image_kind kind = ht_image_kind_of(data, n);
  if (kind == HT_NO_IMAGE)
    return ht_fail(HT_UNSUPPORTED, "image is neither JPEG nor PNG");
  ht_status st = kind == HT_JPEG ? ht_jpeg_read(data, n, want, out)
                                 : ht_png_read(data, n, want, out);
  if (st.code == HT_OK) return st;
  free(out->pixels);
  out->pixels = NULL;
  return st;
}

ht_status ht_image_room(ht_image *out) {
  int64_t pixel = out->channels * out->bits / 8;
  if (out->width < 1 || out->height < 1 || pixel < 1 ||
      out->width > HT_IMAGE_MAX / pixel ||
      out->height > HT_IMAGE_MAX / (out->width * pixel))
    return ht_fail(HT_CORRUPT, "image of %lld x %lld pixels is refused",
                   (long long)out->width, (long long)out->height);
  out->pixels = calloc((size_t)(out->width * out->height), (size_t)pixel);
  return out->pixels ? HT_SUCCESS
                     : ht_fail(HT_NO_MEMORY, "no memory for an image");
}
