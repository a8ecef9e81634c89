/* report_image.c - images in a report, see report.h: uncompressed bitmaps of
 * 24 bits a pixel, in the page itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/report.h"

enum { SIDE = 64 };

static void base64(ht_text *page, const unsigned char *p, size_t n) {
  static const char digit[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < n; i += 3) {
    size_t left = n - i;
    unsigned v = (unsigned)p[i] << 16;
    if (left > 1) v |= (unsigned)p[i + 1] << 8;
    if (left > 2) v |= p[i + 2];
    char four[4] = {digit[v >> 18], digit[v >> 12 & 63],
                    left > 1 ? digit[v >> 6 & 63] : '=',
                    left > 2 ? digit[v & 63] : '='};
    ht_text_bytes(page, four, 4);
  }
}

static void put(unsigned char *to, uint32_t value, int n) {
  for (int i = 0; i < n; i++) to[i] = (unsigned char)(value >> (8 * i));
}

/* The header of a bitmap whose rows go from top to bottom. */
static void header(unsigned char to[54], int width, int height, int stride) {
  memset(to, 0, 54);
  memcpy(to, "BM", 2);
  put(to + 2, (uint32_t)(54 + stride * height), 4);
  put(to + 10, 54, 4);
  put(to + 14, 40, 4);
  put(to + 18, (uint32_t)width, 4);
  put(to + 22, (uint32_t)-height, 4);
  put(to + 26, 1, 2);
  put(to + 28, 24, 2);
}

/* The mean of the source pixels that one pixel of the thumbnail covers. */
static double area(const ht_tensor *t, int64_t y, int64_t x, int channel,
                   int height, int width) {
  int64_t h = t->shape.dim[1], w = t->shape.dim[2], c = t->shape.dim[3];
  int64_t y1 = (y + 1) * h / height, x1 = (x + 1) * w / width;
  double sum = 0;
  int64_t n = 0;
  for (int64_t i = y * h / height; i < y1; i++)
    for (int64_t j = x * w / width; j < x1; j++, n++)
      sum += ht_real_at(t, (i * w + j) * c + (c < 3 ? 0 : channel));
  return n ? sum / (double)n : 0;
}

static void pixels(const ht_tensor *t, const ht_image_spec *spec, int height,
                   int width, int stride, unsigned char *to) {
  double low = (double)spec->low, high = (double)spec->high;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int k = 0; k < 3; k++) { /* blue, green, red */
        double v = (area(t, y, x, 2 - k, height, width) - low) / (high - low);
        to[y * stride + x * 3 + k] =
            (unsigned char)lround(255 * fmin(1, fmax(0, v)));
      }
}

static void draw(ht_text *page, const ht_tensor *t, const ht_image_spec *spec) {
  static const int most = SIDE;
  unsigned char bitmap[54 + SIDE * (SIDE * 3 + 3)] = {0};
  int64_t h = t->shape.dim[1], w = t->shape.dim[2], longest = h > w ? h : w;
  int height = (int)(longest > most ? (h * most + longest - 1) / longest : h);
  int width = (int)(longest > most ? (w * most + longest - 1) / longest : w);
  int stride = (width * 3 + 3) / 4 * 4;
  if (height < 1 || width < 1 || t->shape.dim[3] < 1) return;
  header(bitmap, width, height, stride);
  pixels(t, spec, height, width, stride, bitmap + 54);
  ht_text_printf(page,
                 "<img alt=\"\" width=\"%d\" height=\"%d\" "
                 "src=\"data:image/bmp;base64,",
                 width, height);
  base64(page, bitmap, (size_t)(54 + stride * height));
  ht_text_add(page, "\"> ");
}

ht_status ht_report_thumbnail(ht_text *page, const ht_report *r, int k,
                              int64_t example) {
  ht_images *images = r->feed.images[k];
  ht_tensor pixel;
  bool good;
  HT_TRY(ht_images_read(images, HT_UNCHANGED, &example, 1, &good, &pixel));
  if (good && pixel.shape.rank == 4) draw(page, &pixel, ht_images_spec(images));
  ht_tensor_drop(&pixel);
  char *path = ht_images_path(images, example);
  if (path) ht_html_text(page, path, -1);
  free(path);
  return HT_SUCCESS;
}
