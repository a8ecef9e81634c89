/* image_png.c - PNG through libpng, whose failures come as jumps: they end in
 * this file. */
#include "config.h"
#include "format/image.h"

#ifdef HAVE_PNG
#include <png.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  const unsigned char *data;
  size_t n, at;
  png_structp png;
  png_infop info;
  png_bytep *row;
  bool widen; /* 8 bits become 16 */
  char message[160];
} reader;

static void fail(png_structp png, png_const_charp text) {
  reader *r = png_get_error_ptr(png);
  strncpy(r->message, text, sizeof r->message - 1);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png, (void)text;
}

static void take(png_structp png, png_bytep to, size_t n) {
  reader *r = png_get_io_ptr(png);
  if (n > r->n - r->at) png_error(png, "the file is cut off");
  memcpy(to, r->data + r->at, n);
  r->at += n;
}

/* Alpha is kept, made or dropped, bits are made 8 or 16, colours grey or not:
 * in the order in which TensorFlow asks for it. */
static void choose(reader *r, const ht_image_want *want, ht_image *out) {
  png_structp p = r->png;
  int type = png_get_color_type(p, r->info);
  int depth = png_get_bit_depth(p, r->info);
  bool clear = png_get_valid(p, r->info, PNG_INFO_tRNS) != 0;
  bool alpha = type & PNG_COLOR_MASK_ALPHA,
       grey = !(type & PNG_COLOR_MASK_COLOR);
  bool palette = type == PNG_COLOR_TYPE_PALETTE;
  int own = palette ? (clear ? 4 : 3) : png_get_channels(p, r->info);
  out->channels = want->channels ? want->channels : own;
  out->bits = want->wide ? 16 : 8;
  if (out->channels % 2 == 0 && !alpha && clear) png_set_tRNS_to_alpha(p);
  if (out->channels % 2 == 0 && !alpha && !clear)
    png_set_add_alpha(p, (1u << depth) - 1, PNG_FILLER_AFTER);
  if (out->channels % 2 && (alpha || clear)) png_set_strip_alpha(p);
  if (depth > 8 && !want->wide) png_set_strip_16(p);
  r->widen = depth <= 8 && want->wide;
  png_set_packing(p);
  png_set_interlace_handling(p);
  if (want->wide) png_set_swap(p);
  if (palette) png_set_palette_to_rgb(p);
  if (grey && depth < 8) png_set_expand_gray_1_2_4_to_8(p);
  if (out->channels < 3 && !grey) png_set_rgb_to_gray(p, 1, 0.299, 0.587);
  if (out->channels >= 3 && grey) png_set_gray_to_rgb(p);
  png_read_update_info(p, r->info);
}

/* In place, from the last channel on: v becomes 257 v. */
static void widen(ht_image *out) {
  int64_t n = out->width * out->channels;
  for (int64_t y = 0; y < out->height; y++) {
    uint16_t *row = (uint16_t *)out->pixels + y * n;
    const uint8_t *bytes = (const uint8_t *)row;
    for (int64_t i = n - 1; i >= 0; i--) {
      unsigned v = bytes[i];
      row[i] = (uint16_t)(v * 257);
    }
  }
}

static ht_status rows_of(reader *r, ht_image *out) {
  size_t bytes = (size_t)(out->width * out->channels * out->bits / 8);
  if (png_get_rowbytes(r->png, r->info) > bytes)
    return ht_fail(HT_CORRUPT, "PNG does not fit %d channels", out->channels);
  r->row = malloc((size_t)out->height * sizeof *r->row);
  if (!r->row) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  for (int64_t y = 0; y < out->height; y++)
    r->row[y] = (png_bytep)out->pixels + (size_t)y * bytes;
  return HT_SUCCESS;
}

static ht_status read_image(reader *r, const ht_image_want *want,
                            ht_image *out) {
  if (setjmp(png_jmpbuf(r->png)))
    return ht_fail(HT_CORRUPT, "bad PNG: %s", r->message);
  png_set_read_fn(r->png, r, take);
  png_read_info(r->png, r->info);
  out->width = png_get_image_width(r->png, r->info);
  out->height = png_get_image_height(r->png, r->info);
  choose(r, want, out);
  HT_TRY(ht_image_room(out));
  HT_TRY(rows_of(r, out));
  png_read_image(r->png, r->row);
  png_read_end(r->png, r->info);
  if (r->widen) widen(out);
  return HT_SUCCESS;
}

ht_status ht_png_read(const void *data, size_t n, const ht_image_want *want,
                      ht_image *out) {
  reader r = {.data = data, .n = n};
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, fail, ignore);
  if (!r.png) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  r.info = png_create_info_struct(r.png);
  ht_status st = r.info ? read_image(&r, want, out)
                        : ht_fail(HT_NO_MEMORY, "no memory for an image");
  png_destroy_read_struct(&r.png, r.info ? &r.info : NULL, NULL);
  free(r.row);
  return st;
}

#else

ht_status ht_png_read(const void *data, size_t n, const ht_image_want *want,
                      ht_image *out) {
  (void)data, (void)n, (void)want, (void)out;
  return ht_fail(HT_UNSUPPORTED, "PNG needs hubtune built with libpng");
}

#endif
