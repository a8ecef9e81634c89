/*
 * image_bmp.c - uncompressed BMP: palettes of 1, 4 and 8 bits, 24 and 32
 * bits a pixel (Microsoft, BITMAPFILEHEADER and BITMAPINFOHEADER). No packaged
 * library reads it alone.
 */
#include <string.h>

#include "format/image.h"

enum { FILE_HEADER = 14, INFO_HEADER = 40, MASKS = 3 };

typedef struct bmp {
  const uint8_t *p;
  size_t n, pixels, palette; /* offsets */
  int64_t width, height;
  int bits, palette_entry; /* bytes of an entry */
  uint32_t colors;
  bool top_down, plain;
} bmp;

static uint32_t number(const bmp *b, size_t at, int bytes) {
  uint32_t v = 0;
  for (int i = 0; i < bytes; i++) v |= (uint32_t)b->p[at + (size_t)i] << 8 * i;
  return v;
}

static ht_status bad(const char *what) {
  return ht_fail(HT_CORRUPT, "bad BMP: %s", what);
}

/* The masks of 32 bits have to be those of plain BMP. */
static bool plain_masks(const bmp *b) {
  size_t at = FILE_HEADER + INFO_HEADER;
  return b->bits == 32 && b->n >= at + 12 && number(b, at, 4) == 0xff0000 &&
         number(b, at + 4, 4) == 0xff00 && number(b, at + 8, 4) == 0xff;
}

static ht_status read_info(bmp *b, uint32_t header) {
  int32_t height = (int32_t)number(b, 22, 4);
  uint32_t compression = number(b, 30, 4);
  b->width = (int32_t)number(b, 18, 4);
  b->top_down = height < 0;
  b->height = height < 0 ? -(int64_t)height : height;
  b->bits = (int)number(b, 28, 2);
  b->colors = number(b, 46, 4);
  b->palette = FILE_HEADER + (size_t)header;
  b->palette_entry = 4;
  if (compression != 0 && !(compression == MASKS && plain_masks(b)))
    return ht_fail(HT_UNSUPPORTED, "BMP is compressed");
  return HT_SUCCESS;
}

/* The header of OS/2, with 16 bits for each size. */
static void read_core(bmp *b) {
  b->width = number(b, 18, 2);
  b->height = number(b, 20, 2);
  b->bits = (int)number(b, 24, 2);
  b->palette = 26;
  b->palette_entry = 3;
}

static ht_status read_header(bmp *b) {
  if (b->n < 26) return bad("it is cut off");
  uint32_t header = number(b, 14, 4);
  b->pixels = number(b, 10, 4);
  if (header != 12 && (header < INFO_HEADER || header > 256))
    return bad("its header is of no known kind");
  if (b->n < FILE_HEADER + (size_t)header) return bad("it is cut off");
  if (header == 12)
    read_core(b);
  else
    HT_TRY(read_info(b, header));
  if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 24 &&
      b->bits != 32)
    return ht_fail(HT_UNSUPPORTED, "BMP has %d bits a pixel", b->bits);
  uint32_t most = b->bits <= 8 ? 1u << b->bits : 0;
  if (!b->colors || b->colors > most) b->colors = most;
  if (!b->plain &&
      b->n < b->palette + (size_t)b->colors * (size_t)b->palette_entry)
    return bad("its palette is cut off");
  return HT_SUCCESS;
}

/* Blue comes first. */
static void put(const uint8_t *bgr, uint8_t *to) {
  for (int c = 0; c < 3; c++) to[c] = bgr[2 - c];
}

/* Whole bytes as they are. */
static void copy_row(const bmp *b, const uint8_t *row, uint8_t *to) {
  int bytes = b->bits / 8;
  memcpy(to, row, (size_t)(b->width * bytes));
  for (int64_t x = 0; bytes > 1 && x < b->width; x++)
    put(row + x * bytes, to + x * bytes);
}

static ht_status read_row(const bmp *b, const uint8_t *row, uint8_t *to) {
  for (int64_t x = 0; x < b->width; x++, to += 3) {
    if (b->bits >= 24) {
      put(row + x * (b->bits / 8), to);
      continue;
    }
    int in_byte = 8 / b->bits, shift = 8 - b->bits * (int)(x % in_byte + 1);
    uint32_t i = (uint32_t)(row[x / in_byte] >> shift) & ((1u << b->bits) - 1);
    if (i >= b->colors) return bad("a colour is missing");
    put(b->p + b->palette + i * (uint32_t)b->palette_entry, to);
  }
  return HT_SUCCESS;
}

ht_status ht_bmp_read(const void *data, size_t n, bool plain, ht_image *out) {
  bmp b = {.p = data, .n = n, .plain = plain};
  HT_TRY(read_header(&b));
  if (plain && b.bits < 8)
    return ht_fail(HT_UNSUPPORTED, "BMP has %d bits a pixel", b.bits);
  *out = (ht_image){b.height, b.width, plain ? b.bits / 8 : 3, 8, NULL};
  HT_TRY(ht_image_room(out));
  size_t row = ((size_t)b.width * (size_t)b.bits + 31) / 32 * 4;
  if (b.pixels > n || (n - b.pixels) / row < (size_t)b.height)
    return bad("it is cut off");
  for (int64_t y = 0; y < b.height; y++) {
    int64_t at = b.top_down ? y : b.height - 1 - y;
    const uint8_t *from = b.p + b.pixels + (size_t)at * row;
    uint8_t *to = (uint8_t *)out->pixels + y * b.width * out->channels;
    if (plain)
      copy_row(&b, from, to);
    else
      HT_TRY(read_row(&b, from, to));
  }
  return HT_SUCCESS;
}
