/*
 * embeddings.h - word vectors as other programs write them:
 *   word2vec text, fastText .vec   a line "words dimensions", then a line for
 *                                  each word
 *   GloVe                          those lines alone
 *   word2vec binary                the line "words dimensions", then for each
 *                                  word its bytes, a space and float32s,
 *                                  little-endian (word2vec.c, `-binary 1`)
 * Each also compressed by gzip.
 */
#ifndef HT_FORMAT_EMBEDDINGS_H
#define HT_FORMAT_EMBEDDINGS_H

#include "base/arena.h"

typedef struct ht_embeddings {
  ht_arena arena;    /* of the words */
  const char **word; /* n of them, in the order of the file; by malloc */
  float *vector;     /* [n][dim], by malloc */
  int64_t n, capacity;
  int dim;
} ht_embeddings;

typedef struct ht_embeddings_options {
  int64_t max_words; /* the first ones; 0: all */
} ht_embeddings_options;

/*
 * Reads a file in one pass: nothing but words and vectors is held. Words of
 * lines may hold spaces, the vector being the last `dim` fields. Fails, with
 * the number of the line or of the word, where a row is longer or shorter
 * than the first, holds what is no finite number, where a word is not UTF-8
 * or stands twice, and where the file ends early. Whom ht_watch_bytes named
 * is told of it.
 */
ht_status ht_embeddings_read(const char *path,
                             const ht_embeddings_options *options,
                             ht_embeddings *out) HT_MUST_CHECK;
void ht_embeddings_free(ht_embeddings *e);

#endif
