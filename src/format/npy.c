/* npy.c - reading arrays, see npy.h. */
#include "format/npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "format/npy_header.h"
#include "format/varint.h"

enum { HEADER_MAX = 1 << 16 };
static const char magic[] = "\x93NUMPY";

void ht_npy_free(ht_npy *a) {
  free(a->data);
  free(a->offset);
  *a = (ht_npy){0};
}

static ht_status no_memory(const char *name) {
  return ht_fail(HT_NO_MEMORY, "no memory for array '%s'", name);
}

static ht_status pull(ht_npy_source *s, void *to, size_t n) {
  if (n > s->left)
    return ht_fail(HT_CORRUPT, "array '%s' is cut short", s->name);
  s->left -= n;
  return n ? s->pull(s->arg, to, n) : HT_SUCCESS;
}

static ht_status read_header(ht_npy_source *s, ht_npy_header *h) {
  unsigned char start[12] = {0};
  HT_TRY(pull(s, start, 8));
  if (memcmp(start, magic, 6) != 0)
    return ht_fail(HT_CORRUPT, "'%s' is no array of numpy's", s->name);
  if (start[6] < 1 || start[6] > 3)
    return ht_fail(HT_UNSUPPORTED, "array '%s' has version %d of the format",
                   s->name, start[6]);
  HT_TRY(pull(s, start + 8, start[6] == 1 ? 2 : 4));
  ht_cursor length = {start + 8, 4, false};
  uint32_t n = ht_cursor_fixed32(&length);
  if (n > HEADER_MAX)
    return ht_fail(HT_CORRUPT, "the header of array '%s' is damaged", s->name);
  char *text = calloc(n + 1, 1);
  if (!text) return no_memory(s->name);
  ht_status st = pull(s, text, n);
  if (st.code == HT_OK) st = ht_npy_header_parse(text, s->name, h);
  free(text);
  return st;
}

/* ---- elements as they should be */

static void swap(char *p, size_t n, size_t unit) {
  for (char *end = p + n; p < end; p += unit)
    for (size_t i = 0; i < unit / 2; i++) {
      char byte = p[i];
      p[i] = p[unit - 1 - i];
      p[unit - 1 - i] = byte;
    }
}

/* Row-major from column-major: walks the target, keeping the source's place. */
static void transpose(const ht_npy_header *h, const char *from, char *to) {
  int64_t index[HT_NPY_MAX_RANK] = {0}, step[HT_NPY_MAX_RANK], at = 0;
  for (int d = 0; d < h->rank; d++)
    step[d] = d ? step[d - 1] * h->dim[d - 1] : 1;
  for (int64_t i = 0; i < h->count; i++, to += h->width) {
    memcpy(to, from + (size_t)at * h->width, h->width);
    for (int d = h->rank - 1; d >= 0; d--) {
      at += step[d];
      if (++index[d] < h->dim[d]) break;
      at -= step[d] * h->dim[d];
      index[d] = 0;
    }
  }
}

static size_t utf8(uint32_t c, char *to) {
  if (c < 0x80) return *to = (char)c, 1;
  int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
  to[0] = (char)(lead[more] | c >> 6 * more);
  for (int i = 1; i <= more; i++)
    to[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
  return (size_t)more + 1;
}

/* One element of UTF-32 to UTF-8 (never longer); SIZE_MAX: no such
 * character. NULs at the end are padding. */
static size_t narrow(const char *from, size_t width, char *to) {
  size_t n = 0, letters = width / 4;
  uint32_t c;
  for (; letters; letters--) {
    memcpy(&c, from + 4 * (letters - 1), 4);
    if (c) break;
  }
  for (size_t i = 0; i < letters; i++) {
    memcpy(&c, from + 4 * i, 4);
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return SIZE_MAX;
    n += utf8(c, to + n);
  }
  return n;
}

static size_t trim(const char *from, size_t width, char *to) {
  while (width && !from[width - 1]) width--;
  memmove(to, from, width);
  return width;
}

/* Packs fixed-width strings in place. */
static ht_status pack_strings(const ht_npy_header *h, const char *name,
                              ht_npy *a) {
  a->offset = calloc((size_t)a->count + 1, sizeof *a->offset);
  if (!a->offset) return no_memory(name);
  size_t n = 0;
  for (int64_t i = 0; i < a->count; i++) {
    const char *from = a->data + (size_t)i * h->width;
    size_t got = h->kind == 'U' ? narrow(from, h->width, a->data + n)
                                : trim(from, h->width, a->data + n);
    if (got == SIZE_MAX)
      return ht_fail(HT_CORRUPT, "array '%s' holds what is no character", name);
    n += got;
    a->offset[i + 1] = (int64_t)n;
  }
  a->size = n;
  return HT_SUCCESS;
}

static ht_status arrange(const ht_npy_header *h, const char *name, ht_npy *a) {
  size_t unit = h->kind == 'U' ? 4 : h->kind == 'c' ? h->width / 2 : h->width;
  if (h->swapped && h->kind != 'S') swap(a->data, a->size, unit);
  if (h->fortran && h->rank > 1) {
    char *to = malloc(a->size + 1);
    if (!to) return no_memory(name);
    transpose(h, a->data, to);
    free(a->data);
    a->data = to;
  }
  if (a->dtype == HT_STRING) return pack_strings(h, name, a);
  for (size_t i = 0; a->dtype == HT_BOOL && i < a->size; i++)
    a->data[i] = a->data[i] != 0;
  return HT_SUCCESS;
}

/* The file's size does not bound what takes no room in it. */
enum { MOST_EMPTY = 1 << 20 };

static ht_status read_data(ht_npy_source *s, const ht_npy_header *h,
                           ht_npy *a) {
  if (__builtin_mul_overflow((size_t)h->count, h->width, &a->size) ||
      a->size > s->left)
    return ht_fail(HT_CORRUPT, "array '%s' is cut short", s->name);
  if (!h->width && h->count > MOST_EMPTY)
    return ht_fail(HT_CORRUPT, "array '%s' has %lld strings of no bytes",
                   s->name, (long long)h->count);
  a->dtype = ht_npy_dtype(h->kind, h->width);
  a->rank = h->rank;
  memcpy(a->dim, h->dim, sizeof a->dim);
  a->count = h->count;
  a->data = malloc(a->size + 1);
  if (!a->data) return no_memory(s->name);
  HT_TRY(pull(s, a->data, a->size));
  return arrange(h, s->name, a);
}

ht_status ht_npy_pull(ht_npy_source *source, ht_npy *out) {
  ht_npy_header h;
  *out = (ht_npy){0};
  HT_TRY(read_header(source, &h));
  ht_status st = read_data(source, &h, out);
  if (st.code != HT_OK) ht_npy_free(out);
  return st;
}

/* ---- files */

typedef struct {
  FILE *f;
  const char *path;
} file_source;

static ht_status pull_file(void *arg, void *to, size_t n) {
  file_source *s = arg;
  if (fread(to, 1, n, s->f) == n) return HT_SUCCESS;
  if (ferror(s->f)) return ht_fail_errno("cannot read", s->path);
  return ht_fail(HT_CORRUPT, "array '%s' is cut short", s->path);
}

ht_status ht_npy_read(const char *path, ht_npy *out) {
  struct stat st;
  file_source file = {fopen(path, "rbe"), path};
  *out = (ht_npy){0};
  if (!file.f) return ht_fail_errno("cannot read", path);
  ht_npy_source source = {pull_file, &file, path, 0};
  bool regular = fstat(fileno(file.f), &st) == 0 && S_ISREG(st.st_mode);
  if (regular) source.left = (size_t)st.st_size;
  ht_status result = regular ? ht_npy_pull(&source, out)
                             : ht_fail(HT_IO, "'%s' is no regular file", path);
  fclose(file.f);
  return result;
}
