/* image_webp.c - WebP through libwebp. */
#include "config.h"
#include "format/image.h"

#ifdef HAVE_WEBP
#include <webp/decode.h>

ht_status ht_webp_read(const void *data, size_t n, ht_image *out) {
  WebPBitstreamFeatures f;
  if (WebPGetFeatures(data, n, &f) != VP8_STATUS_OK)
    return ht_fail(HT_CORRUPT, "bad WebP: its header is broken");
  if (f.has_animation)
    return ht_fail(HT_UNSUPPORTED, "WebP is animated: no single image");
  *out = (ht_image){.height = f.height, .width = f.width, .bits = 8};
  out->channels = f.has_alpha ? 4 : 3;
  HT_TRY(ht_image_room(out));
  int row = f.width * out->channels;
  size_t size = (size_t)row * (size_t)f.height;
  uint8_t *done = f.has_alpha
                      ? WebPDecodeRGBAInto(data, n, out->pixels, size, row)
                      : WebPDecodeRGBInto(data, n, out->pixels, size, row);
  return done ? HT_SUCCESS
              : ht_fail(HT_CORRUPT, "bad WebP: its data are broken");
}

#else

ht_status ht_webp_read(const void *data, size_t n, ht_image *out) {
  (void)data, (void)n, (void)out;
  return ht_fail(HT_UNSUPPORTED, "WebP needs hubtune built with libwebp");
}

#endif
