/* new_text_impl.h - a text embedding module while it is made, for new_text*.c
 * alone. */
#ifndef HT_HUB_NEW_TEXT_IMPL_H
#define HT_HUB_NEW_TEXT_IMPL_H

#include "graph/builder.h"
#include "hub/new_text.h"

typedef struct ht_new_text_work {
  const ht_text_embedding *spec;
  ht_arena arena;
  ht_store store;
  ht_builder b;
  ht_model model; /* what the exporter takes versions and assets from */
  char *folder;   /* of the vocabulary file */
  const char *const *word;
  int64_t n;
} ht_new_text_work;

/* The words of sentences, as a sparse matrix of strings. */
typedef struct ht_text_words {
  ht_ref sentences, indices, words, shape;
} ht_text_words;

/* Adds nodes from sentences to words: what the module does first. */
ht_text_words ht_build_words(ht_new_text_work *w);

ht_ref ht_build_int64(ht_builder *b, int64_t value);

/* x[i] of a vector, or x[:,0] of a matrix. */
ht_ref ht_build_column_0(ht_builder *b, ht_ref x, bool matrix);

/* w->word = the words of the texts, the most frequent first. */
ht_status ht_learn_words(ht_new_text_work *w) HT_MUST_CHECK;

#endif
