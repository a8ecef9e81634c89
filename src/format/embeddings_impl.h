/* embeddings_impl.h - inside of a reader of word vectors, for embeddings*.c
 * alone. */
#ifndef HT_FORMAT_EMBEDDINGS_IMPL_H
#define HT_FORMAT_EMBEDDINGS_IMPL_H

#include <zlib.h>

#include "base/map.h"
#include "base/text.h"
#include "format/embeddings.h"

enum { HT_EMBEDDINGS_MAX_DIM = 1 << 16 };

/* A file being read, through a window of its bytes. */
typedef struct ht_vectors_reader {
  const char *path;
  const ht_embeddings_options *options;
  ht_embeddings *out;
  gzFile file;
  char *window; /* malloc; `n` bytes from `at` on are not taken yet */
  size_t at, n;
  bool ended;        /* the file has no more */
  int64_t bytes;     /* of the file, compressed; 0: not known */
  const char *unit;  /* what is counted: "line" or "word" */
  int64_t number;    /* of the line or word, from 1 */
  int64_t announced; /* words, by the first line; -1: not said */
  ht_arena scratch;  /* of `seen` */
  ht_map seen;       /* word -> its number */
} ht_vectors_reader;

/* Fills the window up; r->n < wanted only where the file ends. wanted is at
 * most HT_EMBEDDINGS_WINDOW. */
enum { HT_EMBEDDINGS_WINDOW = 1 << 20 };
ht_status ht_vectors_fill(ht_vectors_reader *r, size_t wanted) HT_MUST_CHECK;

/* "what: 'path', line 7". */
ht_status ht_vectors_wrong(const ht_vectors_reader *r,
                           const char *what) HT_MUST_CHECK;

/* Room for the vector of the next word, which ht_vectors_word then adds. */
ht_status ht_vectors_room(ht_vectors_reader *r, float **vector) HT_MUST_CHECK;
ht_status ht_vectors_word(ht_vectors_reader *r, const char *word,
                          size_t n) HT_MUST_CHECK;

/* Whether all words that are wanted have been read. */
bool ht_vectors_enough(const ht_vectors_reader *r);

ht_status ht_vectors_lines(ht_vectors_reader *r) HT_MUST_CHECK;
/* Whether what stands in the window, a word and its vector, is binary. */
bool ht_vectors_are_binary(const ht_vectors_reader *r);
ht_status ht_vectors_binary(ht_vectors_reader *r) HT_MUST_CHECK;

#endif
