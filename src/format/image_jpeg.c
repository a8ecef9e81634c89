/* image_jpeg.c - JPEG through libjpeg, whose failures come as jumps: they end
 * in this file. */
#include "config.h"
#include "format/image.h"

#ifdef HAVE_JPEG
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after stdio.h, which they need */
#include <jpeglib.h>

#include <jerror.h>

typedef struct reader {
  struct jpeg_decompress_struct d;
  struct jpeg_error_mgr errors;
  jmp_buf back;
  bool cut_off; /* an early end is no failure */
  char message[JMSG_LENGTH_MAX];
  unsigned char *row; /* of four colours of print, or wider than a part */
} reader;

static void fail(j_common_ptr common) {
  reader *r = common->client_data;
  common->err->format_message(common, r->message);
  longjmp(r->back, 1);
}

static void warn(j_common_ptr common, int level) {
  reader *r = common->client_data;
  if (level < 0 && common->err->msg_code == JWRN_JPEG_EOF && !r->cut_off)
    fail(common);
}

static ht_status jpeg_failure(const reader *r) {
  return ht_fail(HT_CORRUPT, "bad JPEG: %s", r->message);
}

static ht_status choose(reader *r, const ht_image_want *want, ht_image *out) {
  struct jpeg_decompress_struct *d = &r->d;
  int own = d->num_components == 1 ? 1 : 3;
  out->channels = want->channels ? want->channels : own;
  out->bits = 8;
  if (out->channels != 1 && out->channels != 3)
    return ht_fail(HT_USAGE, "JPEG has no %d channels", out->channels);
  bool print =
      d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK;
  if (print && out->channels == 1)
    return ht_fail(HT_UNSUPPORTED, "JPEG for print has no grey channel");
  d->out_color_space = print                ? JCS_CMYK
                       : out->channels == 1 ? JCS_GRAYSCALE
                                            : JCS_RGB;
  d->scale_num = 1;
  d->scale_denom = (unsigned)(want->ratio > 0 ? want->ratio : 1);
  d->dct_method = want->exact_dct ? JDCT_ISLOW : JDCT_IFAST;
  d->do_fancy_upsampling = !want->rough_chroma;
  return HT_SUCCESS;
}

/* Four colours of print to three of light. */
static void light(const unsigned char *cmyk, int64_t n, bool inverted,
                  unsigned char *rgb) {
  for (int64_t i = 0; i < n; i++) {
    int k = cmyk[4 * i + 3];
    for (int c = 0; c < 3; c++) {
      int v = cmyk[4 * i + c];
      int value = inverted ? k * v / 255 : (255 - k) * (255 - v) / 255;
      rgb[3 * i + c] = (unsigned char)value;
    }
  }
}

/* ---- a part of an image */

static ht_status check_window(const reader *r, const int32_t *w) {
  if (w[0] < 0 || w[1] < 0 || w[2] <= 0 || w[3] <= 0 ||
      (int64_t)w[0] + w[2] > (int64_t)r->d.output_height ||
      (int64_t)w[1] + w[3] > (int64_t)r->d.output_width)
    return ht_fail(HT_USAGE, "the window leaves the image");
#ifndef LIBJPEG_TURBO_VERSION
  return ht_fail(HT_UNSUPPORTED, "parts of JPEG need libjpeg-turbo");
#else
  if (r->d.out_color_space == JCS_CMYK)
    return ht_fail(HT_UNSUPPORTED, "JPEG for print is read whole alone");
  return HT_SUCCESS;
#endif
}

/* Whole blocks of columns are read; what stands left of the window is cut. */
static void read_window(reader *r, const int32_t *w, ht_image *out) {
#ifdef LIBJPEG_TURBO_VERSION
  JDIMENSION left = (JDIMENSION)w[1], width = (JDIMENSION)w[3];
  jpeg_crop_scanline(&r->d, &left, &width);
  if (w[0]) jpeg_skip_scanlines(&r->d, (JDIMENSION)w[0]);
  size_t bytes = (size_t)out->width * (size_t)out->channels;
  for (int32_t y = 0; y < w[2]; y++) {
    JSAMPROW row = r->row;
    if (!jpeg_read_scanlines(&r->d, &row, 1)) break;
    memcpy((unsigned char *)out->pixels + (size_t)y * bytes,
           row + ((size_t)w[1] - left) * (size_t)out->channels, bytes);
  }
#else
  (void)r, (void)w, (void)out;
#endif
}

static void read_rows(reader *r, ht_image *out) {
  size_t bytes = (size_t)out->width * (size_t)out->channels;
  while (r->d.output_scanline < r->d.output_height) {
    unsigned char *to =
        (unsigned char *)out->pixels + r->d.output_scanline * bytes;
    JSAMPROW row = r->row ? r->row : to;
    if (!jpeg_read_scanlines(&r->d, &row, 1)) break;
    if (r->row) light(r->row, out->width, r->d.saw_Adobe_marker, to);
  }
}

static ht_status read_image(reader *r, const void *data, size_t n,
                            const ht_image_want *want, ht_image *out) {
  if (setjmp(r->back)) return jpeg_failure(r);
  jpeg_create_decompress(&r->d);
  jpeg_mem_src(&r->d, data, n);
  jpeg_read_header(&r->d, TRUE);
  HT_TRY(choose(r, want, out));
  jpeg_calc_output_dimensions(&r->d);
  out->width = r->d.output_width;
  out->height = r->d.output_height;
  if (want->window) {
    HT_TRY(check_window(r, want->window));
    out->height = want->window[2];
    out->width = want->window[3];
  }
  HT_TRY(ht_image_room(out));
  if (want->window || r->d.out_color_space == JCS_CMYK) {
    r->row = malloc((size_t)r->d.output_width * 4);
    if (!r->row) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  }
  jpeg_start_decompress(&r->d);
  if (want->window)
    read_window(r, want->window, out);
  else
    read_rows(r, out);
  return HT_SUCCESS;
}

ht_status ht_jpeg_read(const void *data, size_t n, const ht_image_want *want,
                       ht_image *out) {
  reader *r = calloc(1, sizeof *r);
  if (!r) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  r->d.err = jpeg_std_error(&r->errors);
  r->errors.error_exit = fail;
  r->errors.emit_message = warn;
  r->d.client_data = r;
  r->cut_off = want->cut_off;
  ht_status st = read_image(r, data, n, want, out);
  jpeg_destroy_decompress(&r->d);
  free(r->row);
  free(r);
  return st;
}

#else

ht_status ht_jpeg_read(const void *data, size_t n, const ht_image_want *want,
                       ht_image *out) {
  (void)data, (void)n, (void)want, (void)out;
  return ht_fail(HT_UNSUPPORTED, "JPEG needs hubtune built with libjpeg");
}

#endif
