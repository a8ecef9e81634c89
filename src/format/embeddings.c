/* embeddings.c - what text and binary vectors share, see embeddings.h. */
#include "format/embeddings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/watch.h"
#include "format/embeddings_impl.h"

ht_status ht_vectors_wrong(const ht_vectors_reader *r, const char *what) {
  return ht_fail(HT_CORRUPT, "%s: '%s', %s %lld", what, r->path, r->unit,
                 (long long)r->number);
}

/* ---- the window */

ht_status ht_vectors_fill(ht_vectors_reader *r, size_t wanted) {
  if (r->n >= wanted || r->ended) return HT_SUCCESS;
  memmove(r->window, r->window + r->at, r->n);
  r->at = 0;
  while (r->n < HT_EMBEDDINGS_WINDOW) {
    int got = gzread(r->file, r->window + r->n,
                     (unsigned)(HT_EMBEDDINGS_WINDOW - r->n));
    int error;
    const char *message = gzerror(r->file, &error);
    if (got < 0 || (error != Z_OK && error != Z_STREAM_END)) {
      const char *colon = strrchr(message, ':'); /* zlib puts the path first */
      const char *why = colon ? colon + 2 : message;
      return ht_fail(HT_CORRUPT, "cannot read '%s': %s", r->path,
                     error == Z_ERRNO ? strerror(errno) : why);
    }
    r->n += (size_t)got;
    if (!got) {
      r->ended = true;
      break;
    }
  }
  r->window[r->n] = 0;
  return ht_tell_bytes("read", gzoffset(r->file), r->bytes);
}

/* ---- words and vectors */

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

ht_status ht_vectors_room(ht_vectors_reader *r, float **vector) {
  HT_TRY(reserve(r->out));
  *vector = r->out->vector + r->out->n * r->out->dim;
  return HT_SUCCESS;
}

static ht_status twice(const ht_vectors_reader *r, const char *word,
                       int64_t first) {
  return ht_fail(HT_CORRUPT,
                 "the word '%.100s' stands twice: '%s', %ss %lld "
                 "and %lld",
                 word, r->path, r->unit, (long long)first,
                 (long long)r->number);
}

ht_status ht_vectors_word(ht_vectors_reader *r, const char *p, size_t n) {
  ht_embeddings *e = r->out;
  if (!n) return ht_vectors_wrong(r, "a vector without a word");
  if (memchr(p, 0, n)) return ht_vectors_wrong(r, "a word has a NUL in it");
  if (!ht_utf8_valid(p, n, NULL)) return ht_vectors_wrong(r, "not UTF-8");
  char *word = ht_arena_bytes(&e->arena, p, n);
  if (!word) return ht_fail(HT_NO_MEMORY, "no memory for words");
  intptr_t first = (intptr_t)ht_map_get(&r->seen, word);
  if (first) return twice(r, word, first);
  HT_TRY(ht_map_put(&r->seen, word, (void *)(intptr_t)r->number));
  e->word[e->n++] = word;
  return HT_SUCCESS;
}

bool ht_vectors_enough(const ht_vectors_reader *r) {
  return r->options->max_words && r->out->n >= r->options->max_words;
}

/* ---- the file */

/* "words dimensions" and nothing else. */
static bool is_header(const char *line, int64_t *n, int *dim) {
  char *end, *last;
  long long words = strtoll(line, &end, 10);
  if (end == line || (*end != ' ' && *end != '\t')) return false;
  long long dims = strtoll(end, &last, 10);
  if (last == end || words < 1 || dims < 1 || dims > HT_EMBEDDINGS_MAX_DIM)
    return false;
  last += strspn(last, " \t\r");
  if (*last != '\n') return false;
  *n = words;
  *dim = (int)dims;
  return true;
}

/* The first bytes of a model of fastText (fasttext.cc). */
static bool is_fasttext_model(const ht_vectors_reader *r) {
  return r->n >= 4 && memcmp(r->window, "\xba\x16\x4f\x2f", 4) == 0;
}

static ht_status take_header(ht_vectors_reader *r) {
  r->announced = -1;
  HT_TRY(ht_vectors_fill(r, 1));
  if (!r->n) return ht_fail(HT_CORRUPT, "'%s' is empty", r->path);
  if (is_fasttext_model(r))
    return ht_fail(HT_UNSUPPORTED,
                   "'%s' is a whole model of fastText: give its .vec file",
                   r->path);
  if (r->n >= 3 && memcmp(r->window, "\xef\xbb\xbf", 3) == 0) {
    r->at += 3; /* byte order mark */
    r->n -= 3;
  }
  if (!is_header(r->window + r->at, &r->announced, &r->out->dim))
    return HT_SUCCESS;
  char *start = r->window + r->at;
  size_t line = (size_t)((char *)memchr(start, '\n', r->n) - start) + 1;
  r->at += line;
  r->n -= line;
  return HT_SUCCESS;
}

static ht_status read_all(ht_vectors_reader *r) {
  HT_TRY(take_header(r));
  bool header = r->announced >= 0;
  bool binary = header && ht_vectors_are_binary(r);
  r->unit = binary ? "word" : "line";
  r->number = header && !binary ? 1 : 0;
  HT_TRY(binary ? ht_vectors_binary(r) : ht_vectors_lines(r));
  int64_t n = r->out->n;
  if (!n) return ht_fail(HT_CORRUPT, "'%s' has no word vectors", r->path);
  if (header && n != r->announced && !ht_vectors_enough(r))
    return ht_fail(HT_CORRUPT, "'%s' announces %lld words and has %lld",
                   r->path, (long long)r->announced, (long long)n);
  return HT_SUCCESS;
}

static ht_status open_file(ht_vectors_reader *r) {
  struct stat s;
  r->window = malloc(HT_EMBEDDINGS_WINDOW + 1);
  if (!r->window) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", r->path);
  if (stat(r->path, &s) != 0) return ht_fail_errno("cannot read", r->path);
  if (S_ISREG(s.st_mode)) r->bytes = s.st_size;
  r->file = gzopen(r->path, "rb");
  if (!r->file) return ht_fail_errno("cannot read", r->path);
  gzbuffer(r->file, 1 << 18);
  return HT_SUCCESS;
}

ht_status ht_embeddings_read(const char *path,
                             const ht_embeddings_options *options,
                             ht_embeddings *out) {
  static const ht_embeddings_options plain = {0};
  *out = (ht_embeddings){0};
  ht_vectors_reader r = {.path = path,
                         .options = options ? options : &plain,
                         .out = out,
                         .unit = "line"};
  r.seen.arena = &r.scratch;
  ht_status st = open_file(&r);
  if (st.code == HT_OK) st = read_all(&r);
  if (r.file) gzclose(r.file);
  free(r.window);
  ht_arena_free(&r.scratch);
  if (st.code != HT_OK) ht_embeddings_free(out);
  return st;
}

void ht_embeddings_free(ht_embeddings *e) {
  free(e->vector);
  free(e->word);
  ht_arena_free(&e->arena);
  *e = (ht_embeddings){0};
}
