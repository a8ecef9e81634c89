/* image_gif.c - the frames of a GIF through giflib, as TensorFlow has them: of
 * the size of the largest, over the frame before, the first over black. */
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

/* A walk over the file: it measures, or fills. */
typedef struct walk {
  GifFileType *gif;
  int64_t width, height, frames, most; /* of all, up to `most` */
  int clear;   /* the colour that shows what was before, -1: none */
  uint8_t *to; /* pixels of the frame, NULL: measure */
} walk;

static ht_status put_line(const walk *w, const ColorMapObject *map, int y,
                          const GifByteType *line) {
  const GifImageDesc *d = &w->gif->Image;
  for (int x = 0; x < d->Width; x++) {
    int64_t row = d->Top + y, column = d->Left + x;
    if (row >= w->height || column >= w->width || line[x] == w->clear) continue;
    if (line[x] >= map->ColorCount)
      return ht_fail(HT_CORRUPT, "bad GIF: a colour is missing");
    const GifColorType *c = &map->Colors[line[x]];
    uint8_t *pixel = w->to + (row * w->width + column) * 3;
    pixel[0] = c->Red;
    pixel[1] = c->Green;
    pixel[2] = c->Blue;
  }
  return HT_SUCCESS;
}

static ht_status read_lines(const walk *w, GifByteType *line) {
  static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
  const GifImageDesc *d = &w->gif->Image;
  const ColorMapObject *map = d->ColorMap ? d->ColorMap : w->gif->SColorMap;
  if (!map) return ht_fail(HT_CORRUPT, "bad GIF: it has no colours");
  for (int pass = 0; pass < (d->Interlace ? 4 : 1); pass++)
    for (int y = d->Interlace ? first[pass] : 0; y < d->Height;
         y += d->Interlace ? step[pass] : 1) {
      if (DGifGetLine(w->gif, line, d->Width) == GIF_ERROR)
        return gif_failure(w->gif->Error);
      HT_TRY(put_line(w, map, y, line));
    }
  return HT_SUCCESS;
}

/* Over a copy of the frame before. */
static ht_status fill_frame(walk *w) {
  size_t frame = (size_t)(w->height * w->width * 3);
  if (w->frames) memcpy(w->to, w->to - frame, frame);
  GifByteType *line = malloc((size_t)w->gif->Image.Width);
  if (!line) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  ht_status st = read_lines(w, line);
  free(line);
  w->to += frame;
  return st;
}

static ht_status measure_frame(walk *w) {
  const GifImageDesc *d = &w->gif->Image;
  int size;
  GifByteType *block;
  if (d->Width > w->width) w->width = d->Width;
  if (d->Height > w->height) w->height = d->Height;
  if (DGifGetCode(w->gif, &size, &block) == GIF_ERROR)
    return gif_failure(w->gif->Error);
  while (block)
    if (DGifGetCodeNext(w->gif, &block) == GIF_ERROR)
      return gif_failure(w->gif->Error);
  return HT_SUCCESS;
}

static ht_status read_frame(walk *w) {
  if (DGifGetImageDesc(w->gif) == GIF_ERROR) return gif_failure(w->gif->Error);
  const GifImageDesc *d = &w->gif->Image;
  if (d->Width < 1 || d->Height < 1 || d->Left < 0 || d->Top < 0)
    return ht_fail(HT_CORRUPT, "bad GIF: a frame is empty");
  HT_TRY(w->to ? fill_frame(w) : measure_frame(w));
  w->frames++;
  w->clear = -1;
  return HT_SUCCESS;
}

static ht_status read_extension(walk *w) {
  int code;
  GifByteType *block;
  GraphicsControlBlock control;
  if (DGifGetExtension(w->gif, &code, &block) == GIF_ERROR)
    return gif_failure(w->gif->Error);
  if (block && code == GRAPHICS_EXT_FUNC_CODE &&
      DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
    w->clear = control.TransparentColor;
  while (block)
    if (DGifGetExtensionNext(w->gif, &block) == GIF_ERROR)
      return gif_failure(w->gif->Error);
  return HT_SUCCESS;
}

static ht_status read_record(walk *w, bool *end) {
  GifRecordType type;
  if (DGifGetRecordType(w->gif, &type) == GIF_ERROR)
    return gif_failure(w->gif->Error);
  *end = type == TERMINATE_RECORD_TYPE;
  if (*end) return HT_SUCCESS;
  return type == IMAGE_DESC_RECORD_TYPE ? read_frame(w) : read_extension(w);
}

/* A file that breaks off behind whole frames ends there. */
static ht_status read_records(walk *w) {
  for (bool end = false; !end && (!w->to || w->frames < w->most);) {
    ht_status st = read_record(w, &end);
    if (st.code == HT_CORRUPT && w->frames && !w->to) break;
    HT_TRY(st);
  }
  return w->frames ? HT_SUCCESS
                   : ht_fail(HT_CORRUPT, "bad GIF: it has no frame");
}

static ht_status walk_file(const void *data, size_t n, walk *w) {
  int code = 0;
  source s = {data, n};
  w->frames = 0;
  w->clear = -1;
  w->gif = DGifOpen(&s, take, &code);
  if (!w->gif) return gif_failure(code);
  ht_status st = read_records(w);
  DGifCloseFile(w->gif, &code);
  return st;
}

ht_status ht_gif_read(const void *data, size_t n, int64_t most, ht_image *out,
                      int64_t *frames) {
  walk w = {.most = most};
  HT_TRY(walk_file(data, n, &w));
  if (w.frames < most) w.most = w.frames;
  *frames = w.frames;
  *out = (ht_image){w.height * w.most, w.width, 3, 8, NULL};
  HT_TRY(ht_image_room(out));
  w.to = out->pixels;
  return walk_file(data, n, &w);
}

#else

ht_status ht_gif_read(const void *data, size_t n, int64_t most, ht_image *out,
                      int64_t *frames) {
  (void)data, (void)n, (void)most, (void)out, (void)frames;
  return ht_fail(HT_UNSUPPORTED, "GIF needs hubtune built with giflib");
}

#endif
