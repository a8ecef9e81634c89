/* embeddings.c - see embeddings.h. */
#include "format/embeddings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/map.h"
#include "base/text.h"

enum { MAX_DIM = 1 << 16, MAX_LINE = 1 << 24, CHUNK = 1 << 16 };

typedef struct reader {
  gzFile file;
  const char *path;
  ht_text line;
  int64_t number; /* of the line, from 1 */
  ht_map seen;
} reader;

static ht_status wrong(const reader *r, const char *what) {
  return ht_fail(HT_CORRUPT, "%s: '%s', line %lld", what, r->path,
                 (long long)r->number);
}

/* The next line without its end; *more false at the end of the file. */
static ht_status next_line(reader *r, bool *more) {
  char chunk[CHUNK];
  ht_text_reset(&r->line);
  r->number++;
  *more = false;
  while (gzgets(r->file, chunk, sizeof chunk)) {
    size_t n = strlen(chunk);
    *more = true;
    ht_text_bytes(&r->line, chunk, n);
    HT_TRY(ht_text_check(&r->line));
    if (n && chunk[n - 1] == '\n') break;
  }
  int error;
  const char *message = gzerror(r->file, &error);
  if (error != Z_OK && error != Z_STREAM_END) return wrong(r, message);
  char *p = r->line.p;
  while (r->line.n && strchr("\r\n \t", p[r->line.n - 1])) p[--r->line.n] = 0;
  return HT_SUCCESS;
}

static int count_fields(const char *p) {
  int n = 0;
  for (p += strspn(p, " \t"); *p; p += strspn(p, " \t"), n++)
    p += strcspn(p, " \t");
  return n;
}

/* "words dimensions": what a header looks like. */
static bool is_header(const char *line, int64_t *n, int *dim) {
  char *end;
  long long words = strtoll(line, &end, 10);
  if (end == line || (*end != ' ' && *end != '\t')) return false;
  char *last;
  long long dims = strtoll(end, &last, 10);
  if (last == end || *last || words < 1 || dims < 1 || dims > MAX_DIM)
    return false;
  *n = words;
  *dim = (int)dims;
  return true;
}

/* The start of the vector: `dim` fields from the end of the line. */
static char *vector_of(char *line, size_t n, int dim) {
  char *p = line + n;
  for (int i = 0; i < dim; i++) {
    while (p > line && p[-1] != ' ' && p[-1] != '\t') p--;
    if (p == line) return NULL;
    if (i < dim - 1)
      while (p > line && (p[-1] == ' ' || p[-1] == '\t')) p--;
  }
  return p;
}

static ht_status reserve(ht_embeddings *e) {
  if (e->n < e->capacity) return HT_SUCCESS;
  int64_t more = e->capacity ? e->capacity * 2 : 1024;
  size_t bytes;
  if (__builtin_mul_overflow((size_t)more, (size_t)e->dim * sizeof(float),
                             &bytes))
    return ht_fail(HT_NO_MEMORY, "too many word vectors");
  float *vector = realloc(e->vector, bytes);
  if (!vector) return ht_fail(HT_NO_MEMORY, "no memory for word vectors");
  e->vector = vector;
  const char **word = realloc(e->word, (size_t)more * sizeof *word);
  if (!word) return ht_fail(HT_NO_MEMORY, "no memory for words");
  e->word = word;
  e->capacity = more;
  return HT_SUCCESS;
}

static ht_status add_line(reader *r, ht_embeddings *e) {
  char *vector = vector_of(r->line.p, r->line.n, e->dim);
  if (!vector) return wrong(r, "a vector is too short");
  HT_TRY(reserve(e));
  float *to = e->vector + e->n * e->dim;
  char *p = vector;
  for (int i = 0; i < e->dim; i++) {
    char *end;
    to[i] = strtof(p, &end);
    if (end == p || !isfinite(to[i])) return wrong(r, "not a number");
    p = end;
  }
  char *end = vector;
  while (end > r->line.p && (end[-1] == ' ' || end[-1] == '\t')) end--;
  size_t n = (size_t)(end - r->line.p);
  if (!n) return wrong(r, "a vector without a word");
  if (!ht_utf8_valid(r->line.p, n, NULL)) return wrong(r, "not UTF-8");
  char *word = ht_arena_bytes(&e->arena, r->line.p, n);
  if (!word) return ht_fail(HT_NO_MEMORY, "no memory for words");
  if (ht_map_get(&r->seen, word)) return wrong(r, "a word stands twice");
  HT_TRY(ht_map_put(&r->seen, word, word));
  e->word[e->n++] = word;
  return HT_SUCCESS;
}

static ht_status read_lines(reader *r, ht_embeddings *e) {
  bool more;
  int64_t expected = -1;
  HT_TRY(next_line(r, &more));
  if (!more) return ht_fail(HT_CORRUPT, "'%s' is empty", r->path);
  if (is_header(r->line.p, &expected, &e->dim)) {
    HT_TRY(next_line(r, &more));
  } else {
    e->dim = count_fields(r->line.p) - 1;
    if (e->dim < 1 || e->dim > MAX_DIM) return wrong(r, "not a word vector");
  }
  for (; more;) {
    if (r->line.n) HT_TRY(add_line(r, e));
    HT_TRY(next_line(r, &more));
  }
  if (!e->n) return ht_fail(HT_CORRUPT, "'%s' has no word vectors", r->path);
  if (expected >= 0 && expected != e->n)
    return ht_fail(HT_CORRUPT, "'%s' announces %lld words and has %lld",
                   r->path, (long long)expected, (long long)e->n);
  return HT_SUCCESS;
}

ht_status ht_embeddings_read(const char *path, ht_embeddings *out) {
  *out = (ht_embeddings){0};
  reader r = {.path = path, .line = {.max = MAX_LINE}};
  r.seen.arena = &out->arena;
  r.file = gzopen(path, "rb");
  if (!r.file) return ht_fail_errno("cannot read", path);
  gzbuffer(r.file, 1 << 18);
  ht_status st = read_lines(&r, out);
  gzclose(r.file);
  ht_text_free(&r.line);
  if (st.code != HT_OK) ht_embeddings_free(out);
  return st;
}

void ht_embeddings_free(ht_embeddings *e) {
  free(e->vector);
  free(e->word);
  ht_arena_free(&e->arena);
  *e = (ht_embeddings){0};
}
