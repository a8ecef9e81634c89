/* encode_png.c - PNG through libpng, whose failures come as jumps: they end in
 * this file. */
#include "config.h"
#include "format/encode.h"

#ifdef HAVE_PNG
#include <png.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
  png_structp png;
  png_infop info;
  ht_encoded *out;
  char message[160];
} writer;

static void fail(png_structp png, png_const_charp text) {
  writer *w = png_get_error_ptr(png);
  strncpy(w->message, text, sizeof w->message - 1);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png, (void)text;
}

static void put(png_structp png, png_bytep from, size_t n) {
  ht_encoded *out = ((writer *)png_get_io_ptr(png))->out;
  if (out->n + n > out->capacity) {
    size_t more = 2 * (out->n + n) + 1024;
    unsigned char *p = realloc(out->p, more);
    if (!p) png_error(png, "there is no memory");
    out->p = p;
    out->capacity = more;
  }
  memcpy(out->p + out->n, from, n);
  out->n += n;
}

static void flush(png_structp png) { (void)png; }

static ht_status write_image(writer *w, const ht_image *image, int level) {
  static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                              PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  size_t row = (size_t)(image->width * image->channels * image->bits / 8);
  if (setjmp(png_jmpbuf(w->png)))
    return ht_fail(HT_USAGE, "no PNG of this image: %s", w->message);
  png_set_write_fn(w->png, w, put, flush);
  png_set_compression_level(w->png, level);
  png_set_compression_mem_level(w->png, 9);
  png_set_IHDR(w->png, w->info, (png_uint_32)image->width,
               (png_uint_32)image->height, image->bits,
               types[image->channels - 1], PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w->png, w->info);
  uint16_t little = 1;
  if (image->bits == 16 && *(char *)&little) png_set_swap(w->png);
  for (int64_t y = 0; y < image->height; y++)
    png_write_row(w->png, (png_const_bytep)image->pixels + (size_t)y * row);
  png_write_end(w->png, NULL);
  return HT_SUCCESS;
}

ht_status ht_png_write(const ht_image *image, int level, ht_encoded *out) {
  writer w = {.out = out};
  *out = (ht_encoded){0};
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, fail, ignore);
  if (!w.png) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  w.info = png_create_info_struct(w.png);
  ht_status st = w.info ? write_image(&w, image, level)
                        : ht_fail(HT_NO_MEMORY, "no memory for an image");
  png_destroy_write_struct(&w.png, w.info ? &w.info : NULL);
  return st;
}

#else

ht_status ht_png_write(const ht_image *image, int level, ht_encoded *out) {
  (void)image, (void)level;
  *out = (ht_encoded){0};
  return ht_fail(HT_UNSUPPORTED, "PNG needs hubtune built with libpng");
}

#endif
