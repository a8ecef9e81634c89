/* image_load.c - see image_load.h. */
#include "data/image_load.h"

#include <stdlib.h>

void ht_image_taps_free(ht_image_taps *t) {
  free(t->memory);
  *t = (ht_image_taps){0};
}

ht_status ht_image_decode(const ht_image_spec *spec, const void *data, size_t n,
                          ht_image *out) {
  ht_image_want want = {.channels = spec->channels, .upright = true};
  /* A JPEG has no alpha, and one for print no grey. */
  bool jpeg = ht_image_kind_of(data, n) == HT_JPEG;
  if (jpeg && spec->channels == 4)
    return ht_fail(HT_UNSUPPORTED, "JPEG has no alpha");
  return ht_image_read(data, n, &want, out);
}

/* Area resampling in TensorFlow knows no half pixels, the others do. */
static ht_axis axis_of(const ht_image_spec *spec, int64_t in, int64_t out) {
  return ht_axis_make(in, out, false, spec->method != HT_AREA);
}

static ht_status make_taps(const ht_image_spec *spec, const ht_image *image,
                           ht_image_taps *t) {
  ht_axis y = axis_of(spec, image->height, spec->height);
  ht_axis x = axis_of(spec, image->width, spec->width);
  int64_t ny = ht_axis_width(spec->method, &y);
  int64_t nx = ht_axis_width(spec->method, &x);
  size_t taps = (size_t)(ny * y.out + nx * x.out);
  ht_image_taps_free(t);
  size_t row = (size_t)image->width * (size_t)spec->channels;
  t->memory =
      calloc(1, taps * (sizeof(int64_t) + sizeof(float)) + row * sizeof(float));
  if (!t->memory) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  int64_t *at = t->memory;
  float *weight = (float *)(at + taps);
  ht_axis_fill(spec->method, &y, at, weight);
  t->r.y = (ht_axis_taps){y.out, y.in, ny, at, weight};
  at += ny * y.out;
  weight += ny * y.out;
  ht_axis_fill(spec->method, &x, at, weight);
  t->r.x = (ht_axis_taps){x.out, x.in, nx, at, weight};
  t->r.batch = 1;
  t->r.channels = spec->channels;
  t->height = image->height;
  t->width = image->width;
  return HT_SUCCESS;
}

ht_status ht_image_fit(const ht_image_spec *spec, const ht_image *image,
                       ht_image_taps *t, float *out) {
  if (t->height != image->height || t->width != image->width)
    HT_TRY(make_taps(spec, image, t));
  float *row = (float *)(t->r.x.weight + t->r.x.n * t->r.x.taps);
  float scale = (spec->high - spec->low) / 255;
  ht_resize_bytes(&t->r, image->pixels, scale, spec->low, row, out);
  return HT_SUCCESS;
}

void ht_image_round(const float *from, int64_t n, uint8_t *to) {
  for (int64_t i = 0; i < n; i++) {
    float v = from[i] + 0.5f;
    to[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
  }
}
