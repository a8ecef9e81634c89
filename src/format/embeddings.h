/* embeddings.h - word vectors as text: word2vec and fastText's .vec (a first
 * line "words dimensions"), GloVe (none); each also compressed by gzip. */
#ifndef HT_FORMAT_EMBEDDINGS_H
#define HT_FORMAT_EMBEDDINGS_H

#include "base/arena.h"

typedef struct ht_embeddings {
  ht_arena arena;    /* of the words */
  const char **word; /* n of them, in the order of the file */
  float *vector;     /* [n][dim], by malloc */
  int64_t n, capacity;
  int dim;
} ht_embeddings;

/*
 * Reads a file. Words may hold spaces: the last `dim` fields of a line are
 * the vector. Fails with the line's number where a vector is short, or holds
 * what is no number, or a word stands twice.
 */
ht_status ht_embeddings_read(const char *path,
                             ht_embeddings *out) HT_MUST_CHECK;
void ht_embeddings_free(ht_embeddings *e);

#endif
