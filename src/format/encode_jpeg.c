/* encode_jpeg.c - JPEG through libjpeg, whose failures come as jumps: they end
 * in this file. */
#include "config.h"
#include "format/encode.h"

#ifdef HAVE_JPEG
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after stdio.h, which they need */
#include <jpeglib.h>

typedef struct writer {
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr errors;
  jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  unsigned char *p; /* libjpeg's, by malloc */
  unsigned long n;
} writer;

static void fail(j_common_ptr common) {
  writer *w = common->client_data;
  common->err->format_message(common, w->message);
  longjmp(w->back, 1);
}

static void ignore(j_common_ptr common, int level) {
  (void)common, (void)level;
}

static void choose(struct jpeg_compress_struct *c, const ht_image *image,
                   const ht_jpeg_settings *s) {
  c->image_width = (JDIMENSION)image->width;
  c->image_height = (JDIMENSION)image->height;
  c->input_components = image->channels;
  c->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(c);
  if (s->optimized) c->optimize_coding = TRUE;
  c->density_unit = s->centimetres ? 2 : 1;
  c->X_density = (UINT16)s->x_density;
  c->Y_density = (UINT16)s->y_density;
  jpeg_set_quality(c, s->quality, TRUE);
  if (s->progressive) jpeg_simple_progression(c);
  if (image->channels == 3 && !s->rough_chroma)
    c->comp_info[0].h_samp_factor = c->comp_info[0].v_samp_factor = 1;
}

static ht_status write_image(writer *w, const ht_image *image,
                             const ht_jpeg_settings *s) {
  size_t row = (size_t)(image->width * image->channels);
  if (setjmp(w->back))
    return ht_fail(HT_USAGE, "no JPEG of this image: %s", w->message);
  jpeg_create_compress(&w->c);
  jpeg_mem_dest(&w->c, &w->p, &w->n);
  choose(&w->c, image, s);
  jpeg_start_compress(&w->c, TRUE);
  for (int64_t y = 0; y < image->height; y++) {
    JSAMPROW line = (JSAMPROW)image->pixels + (size_t)y * row;
    jpeg_write_scanlines(&w->c, &line, 1);
  }
  jpeg_finish_compress(&w->c);
  return HT_SUCCESS;
}

ht_status ht_jpeg_write(const ht_image *image, const ht_jpeg_settings *s,
                        ht_encoded *out) {
  *out = (ht_encoded){0};
  writer *w = calloc(1, sizeof *w); /* not on the stack that jumps leave */
  if (!w) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  w->c.err = jpeg_std_error(&w->errors);
  w->errors.error_exit = fail;
  w->errors.emit_message = ignore;
  w->c.client_data = w;
  ht_status st = write_image(w, image, s);
  jpeg_destroy_compress(&w->c);
  if (st.code == HT_OK)
    *out = (ht_encoded){w->p, w->n, w->n};
  else
    free(w->p);
  free(w);
  return st;
}

#else

ht_status ht_jpeg_write(const ht_image *image, const ht_jpeg_settings *s,
                        ht_encoded *out) {
  (void)image, (void)s;
  *out = (ht_encoded){0};
  return ht_fail(HT_UNSUPPORTED, "JPEG needs hubtune built with libjpeg");
}

#endif
