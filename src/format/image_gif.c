/* image_gif.c - the first frame of a GIF through giflib; what the frame does
 * not cover is black, as TensorFlow has it. */
#include "config.h"
#include "format/image.h"

#ifdef HAVE_GIF
#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
  const uint8_t *p;
  size_t n;
} source;

static int take(GifFileType *gif, GifByteType *to, int n) {
  source *s = gif->UserData;
  size_t k = n < 0 ? 0 : (size_t)n < s->n ? (size_t)n : s->n;
  if (k) memcpy(to, s->p, k);
  s->p += k;
  s->n -= k;
  return (int)k;
}

static ht_status gif_failure(int code) {
  const char *text = GifErrorString(code);
  return ht_fail(HT_CORRUPT, "bad GIF: %s", text ? text : "it is broken");
}

static void put_line(const GifFileType *gif, const ColorMapObject *map, int y,
                     const GifByteType *line, ht_image *out) {
  const GifImageDesc *d = &gif->Image;
  uint8_t *to = out->pixels;
  for (int x = 0; x < d->Width; x++) {
    int64_t row = d->Top + y, column = d->Left + x;
    if (row < 0 || row >= out->height || column < 0 || column >= out->width)
      continue;
    if (line[x] >= map->ColorCount) continue;
    const GifColorType *c = &map->Colors[line[x]];
    uint8_t *pixel = to + (row * out->width + column) * 3;
    pixel[0] = c->Red;
    pixel[1] = c->Green;
    pixel[2] = c->Blue;
  }
}

static ht_status read_lines(GifFileType *gif, GifByteType *line,
                            ht_image *out) {
  static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
  const GifImageDesc *d = &gif->Image;
  const ColorMapObject *map = d->ColorMap ? d->ColorMap : gif->SColorMap;
  if (!map) return ht_fail(HT_CORRUPT, "bad GIF: it has no colours");
  for (int pass = 0; pass < (d->Interlace ? 4 : 1); pass++)
    for (int y = d->Interlace ? first[pass] : 0; y < d->Height;
         y += d->Interlace ? step[pass] : 1) {
      if (DGifGetLine(gif, line, d->Width) == GIF_ERROR)
        return gif_failure(gif->Error);
      put_line(gif, map, y, line, out);
    }
  return HT_SUCCESS;
}

static ht_status read_frame(GifFileType *gif, ht_image *out) {
  if (DGifGetImageDesc(gif) == GIF_ERROR) return gif_failure(gif->Error);
  *out = (ht_image){gif->SHeight, gif->SWidth, 3, 8, NULL};
  HT_TRY(ht_image_room(out));
  if (gif->Image.Width < 1 || gif->Image.Height < 1)
    return ht_fail(HT_CORRUPT, "bad GIF: its first frame is empty");
  GifByteType *line = malloc((size_t)gif->Image.Width);
  if (!line) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  ht_status st = read_lines(gif, line, out);
  free(line);
  return st;
}

static ht_status skip_extension(GifFileType *gif) {
  int code;
  GifByteType *block;
  if (DGifGetExtension(gif, &code, &block) == GIF_ERROR)
    return gif_failure(gif->Error);
  while (block)
    if (DGifGetExtensionNext(gif, &block) == GIF_ERROR)
      return gif_failure(gif->Error);
  return HT_SUCCESS;
}

static ht_status read_records(GifFileType *gif, ht_image *out) {
  for (;;) {
    GifRecordType type;
    if (DGifGetRecordType(gif, &type) == GIF_ERROR)
      return gif_failure(gif->Error);
    if (type == IMAGE_DESC_RECORD_TYPE) return read_frame(gif, out);
    if (type != EXTENSION_RECORD_TYPE)
      return ht_fail(HT_CORRUPT, "bad GIF: it has no frame");
    HT_TRY(skip_extension(gif));
  }
}

ht_status ht_gif_read(const void *data, size_t n, ht_image *out) {
  int code = 0;
  source s = {data, n};
  GifFileType *gif = DGifOpen(&s, take, &code);
  if (!gif) return gif_failure(code);
  ht_status st = read_records(gif, out);
  DGifCloseFile(gif, &code);
  return st;
}

#else

ht_status ht_gif_read(const void *data, size_t n, ht_image *out) {
  (void)data, (void)n, (void)out;
  return ht_fail(HT_UNSUPPORTED, "GIF needs hubtune built with giflib");
}

#endif
