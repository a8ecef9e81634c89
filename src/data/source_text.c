/* source_text.c - the bytes of text sources, their lines and their cells. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/source.h"

static ht_status no_memory(const ht_reading *r) {
  return ht_fail(HT_NO_MEMORY, "no memory for '%s'", r->path);
}

/* ---- loading */

static ht_status grow(ht_reading *r, size_t *capacity) {
  if (*capacity - r->n > 1) return HT_SUCCESS;
  if (*capacity > r->max)
    return ht_fail(HT_UNSUPPORTED, "'%s' has more than %zu bytes", r->path,
                   r->max);
  size_t more = *capacity ? *capacity * 2 : 1 << 20;
  char *p = realloc(r->text, more);
  if (!p) return no_memory(r);
  r->text = p;
  *capacity = more;
  return HT_SUCCESS;
}

/* zlib hands plain files through as they are. */
static ht_status read_gz(ht_reading *r, gzFile f) {
  size_t capacity = 0;
  int error;
  gzbuffer(f, 1 << 18);
  for (;;) {
    HT_TRY(grow(r, &capacity));
    size_t room = capacity - r->n - 1;
    int got =
        gzread(f, r->text + r->n, room < 1 << 30 ? (unsigned)room : 1 << 30);
    const char *why = gzerror(f, &error);
    if (got < 0 || (error != Z_OK && error != Z_STREAM_END))
      return ht_fail(HT_CORRUPT, "cannot read '%s': %s", r->path,
                     error == Z_ERRNO ? strerror(errno) : why);
    if (got == 0) break;
    r->n += (size_t)got;
  }
  r->text[r->n] = 0;
  return HT_SUCCESS;
}

static ht_status read_bytes(ht_reading *r) {
  bool input = strcmp(r->path, "-") == 0;
  int fd = input ? dup(STDIN_FILENO) : open(r->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ht_fail_errno("cannot read", r->path);
  gzFile f = gzdopen(fd, "rb");
  if (!f) {
    close(fd);
    return no_memory(r);
  }
  ht_status st = read_gz(r, f);
  gzclose(f);
  return st;
}

/* Where carriage returns alone end lines (old Mac programs, and Excel's "CSV
 * (Macintosh)"), newlines do. */
static void end_lines(ht_reading *r) {
  if (memchr(r->text, '\n', r->n)) return;
  for (char *p = r->text; (p = memchr(p, '\r', r->n - (size_t)(p - r->text)));)
    *p++ = '\n';
}

ht_status ht_reading_load(ht_reading *r) {
  ht_status st = read_bytes(r);
  if (st.code == HT_OK) st = ht_reading_decode(r);
  if (st.code == HT_OK) end_lines(r);
  if (st.code == HT_OK)
    st = ht_buffer_wrap(r->text, r->n, free, r->text, &r->blob.buffer);
  if (st.code != HT_OK) {
    free(r->text);
    return st;
  }
  r->blob.dtype = HT_UINT8;
  if (r->n >= 3 && memcmp(r->text, "\xef\xbb\xbf", 3) == 0) {
    r->text += 3; /* byte order mark */
    r->n -= 3;
  }
  return HT_SUCCESS;
}

/* ---- bad records */

void ht_reading_tell(const ht_reading *r, const char *format, ...) {
  char text[HT_MESSAGE_MAX];
  va_list args;
  if (!r->options->notice) return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  r->options->notice(r->options->arg, text);
}

ht_status ht_reading_bad(ht_reading *r, ht_status st) {
  enum { NAMED = 10 };
  if (st.code != HT_CORRUPT || !r->options->max_bad) return st;
  if (r->out->n_bad == r->options->max_bad)
    return ht_fail(HT_CORRUPT, "%s, after %lld bad records that were skipped",
                   st.msg, (long long)r->out->n_bad);
  if (++r->out->n_bad <= NAMED) ht_reading_tell(r, "skipped: %s", st.msg);
  if (r->out->n_bad == NAMED + 1)
    ht_reading_tell(r, "'%s': more bad records are skipped without a word",
                    r->path);
  return HT_SUCCESS;
}

ht_status ht_reading_line(ht_reading *r, int64_t example, long line) {
  if (!r->options->lines) return HT_SUCCESS;
  HT_GROW(r->out->line, example, r->line_capacity, &r->out->arena);
  r->out->line[example] = line;
  return HT_SUCCESS;
}

bool ht_line_next(char **p, size_t *n, char **line, size_t *line_n) {
  if (!*n) return false;
  char *end = memchr(*p, '\n', *n);
  size_t length = end ? (size_t)(end - *p) : *n, all = length + (end != NULL);
  *line = *p;
  *line_n = length && (*p)[length - 1] == '\r' ? length - 1 : length;
  *p += all;
  *n -= all;
  (*line)[*line_n] = 0; /* after the last line stands a NUL already */
  return true;
}

/* ---- cells */

ht_status ht_cells_add(ht_cells *c, const char *p, size_t n) {
  if (c->n == c->capacity) {
    int64_t more = c->capacity ? 2 * c->capacity : 256;
    ht_string *q = realloc(c->cell, (size_t)more * sizeof *q);
    if (!q) return ht_fail(HT_NO_MEMORY, "no memory for a column");
    c->cell = q;
    c->capacity = more;
  }
  c->cell[c->n++] = (ht_string){p, n};
  return HT_SUCCESS;
}

void ht_cells_free(ht_cells *c) {
  free(c->cell);
  *c = (ht_cells){0};
}

ht_status ht_cells_strings(ht_reading *r, const char *name, const ht_cells *c,
                           int64_t from, const int64_t *splits) {
  ht_shape shape = ht_shape_1(c->n - from);
  ht_tensor t;
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &shape, &t));
  ht_status st = ht_string_keep(&t, &r->blob);
  if (st.code != HT_OK) {
    ht_tensor_drop(&t);
    return st;
  }
  if (c->n > from)
    memcpy(t.data, c->cell + from, (size_t)(c->n - from) * sizeof *c->cell);
  return ht_reading_add(r, name, &t, splits);
}

/* 007 is a name, not a number; so is nan. */
bool ht_cell_number(const ht_string *s, bool *integer, double *value) {
  int64_t i;
  size_t sign = s->n && s->p[0] == '-';
  if (!s->n || strlen(s->p) != s->n || s->n > 64) return false;
  if (s->n > sign + 1 && s->p[sign] == '0' && s->p[sign + 1] >= '0' &&
      s->p[sign + 1] <= '9')
    return false;
  if (ht_parse_int(s->p, &i)) {
    *value = (double)i;
    return *integer = true;
  }
  *integer = false;
  return ht_parse_double(s->p, value) && isfinite(*value);
}

static ht_dtype guess(const ht_cells *c, int64_t from) {
  bool integer, all = true;
  double value;
  for (int64_t i = from; i < c->n; i++) {
    if (!ht_cell_number(&c->cell[i], &integer, &value)) return HT_STRING;
    all &= integer;
  }
  return all ? HT_INT64 : HT_FLOAT;
}

ht_status ht_cells_guess(ht_reading *r, const char *name, const ht_cells *c,
                         int64_t from) {
  if (!ht_reading_wants(r, name)) return HT_SUCCESS;
  ht_dtype dtype = guess(c, from);
  if (dtype == HT_STRING) return ht_cells_strings(r, name, c, from, NULL);
  ht_shape shape = ht_shape_1(c->n - from);
  ht_tensor t;
  HT_TRY(ht_tensor_new(NULL, dtype, &shape, &t));
  for (int64_t i = from; i < c->n; i++) {
    bool integer, number;
    double value = 0;
    number = dtype == HT_INT64
                 ? ht_parse_int(c->cell[i].p, &ht_i64(&t)[i - from])
                 : ht_cell_number(&c->cell[i], &integer, &value);
    if (number && dtype == HT_FLOAT) ht_f(&t)[i - from] = (float)value;
  }
  return ht_reading_add(r, name, &t, NULL);
}

ht_status ht_splits_make(ht_arena *arena, const int64_t *length, int64_t n,
                         int64_t **out) {
  HT_NEW(*out, arena, n + 1);
  for (int64_t i = 0; i < n; i++) (*out)[i + 1] = (*out)[i] + length[i];
  return HT_SUCCESS;
}
