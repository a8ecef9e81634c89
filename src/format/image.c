/* image.c - tells images apart, hands them to their readers, and makes of
 * their channels those that are wanted. */
#include "format/image.h"

#include <stdlib.h>
#include <string.h>

ht_image_kind ht_image_kind_of(const void *data, size_t n) {
  const char *p = data;
  if (n > 3 && !memcmp(p, "\xff\xd8\xff", 3)) return HT_JPEG;
  if (n > 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8)) return HT_PNG;
  if (n > 6 && (!memcmp(p, "GIF87a", 6) || !memcmp(p, "GIF89a", 6)))
    return HT_GIF;
  if (n > 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4))
    return HT_WEBP;
  if (n > 2 && !memcmp(p, "BM", 2)) return HT_BMP;
  return HT_NO_IMAGE;
}

/* ITU-R BT.601, as the libraries of JPEG and PNG have it. */
static uint8_t grey_of(const uint8_t *rgb) {
  return (uint8_t)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
}

static void convert(const uint8_t *from, int n_from, uint8_t *to, int n_to) {
  if (n_to < 3) to[0] = n_from < 3 ? from[0] : grey_of(from);
  for (int c = 0; n_to >= 3 && c < 3; c++) to[c] = from[n_from < 3 ? 0 : c];
  if (n_to % 2 == 0) to[n_to - 1] = n_from % 2 ? 255 : from[n_from - 1];
}

/* Colours become grey and grey colours, alpha is dropped or made opaque. */
static ht_status set_channels(ht_image *image, int channels) {
  ht_image out = *image;
  out.channels = channels;
  if (!channels || channels == image->channels) return HT_SUCCESS;
  HT_TRY(ht_image_room(&out));
  const uint8_t *from = image->pixels;
  uint8_t *to = out.pixels;
  for (int64_t i = 0; i < image->height * image->width; i++)
    convert(from + i * image->channels, image->channels, to + i * channels,
            channels);
  free(image->pixels);
  *image = out;
  return HT_SUCCESS;
}

static ht_status read_kind(const void *data, size_t n,
                           const ht_image_want *want, ht_image *out) {
  ht_status st;
  int64_t frames;
  switch (ht_image_kind_of(data, n)) {
    case HT_JPEG: return ht_jpeg_read(data, n, want, out);
    case HT_PNG: return ht_png_read(data, n, want, out);
    case HT_GIF: st = ht_gif_read(data, n, 1, out, &frames); break;
    case HT_BMP: st = ht_bmp_read(data, n, want->plain, out); break;
    case HT_WEBP: st = ht_webp_read(data, n, out); break;
    default:
      return ht_fail(HT_UNSUPPORTED,
                     "image is none of JPEG, PNG, GIF, BMP and WebP");
  }
  return st.code == HT_OK ? set_channels(out, want->channels) : st;
}

ht_status ht_image_read(const void *data, size_t n, const ht_image_want *want,
                        ht_image *out) {
  *out = (ht_image){0};
  ht_status st = read_kind(data, n, want, out);
  if (st.code == HT_OK && want->upright)
    st = ht_image_upright(out, ht_jpeg_orientation(data, n));
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
