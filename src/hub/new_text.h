/*
 * new_text.h - writes a text embedding module: sentences in, the combined
 * vectors of their words out.
 */
#ifndef HT_HUB_NEW_TEXT_H
#define HT_HUB_NEW_TEXT_H

#include "hub/model.h"

typedef struct ht_text_embedding {
  /* The words and their vectors [n][dim] ... */
  const char *const *word;
  const float *vector;
  int64_t n;
  int dim;
  /* ... or texts to take the words from: those that occur min_count times,
   * with vectors drawn from normal(0, 0.1). */
  const ht_tensor *texts; /* strings */
  int64_t min_count;
  uint64_t seed;
  int64_t oov;          /* buckets of unknown words, zeros at first; 0: they
                           are passed over */
  const char *combiner; /* "sqrtn", "mean", "sum" */
  bool lowercase, strip_punctuation, trainable;
  bool hub1; /* the TF1 Hub format */
} ht_text_embedding;

/*
 * Writes the module to a folder that must not exist. A sentence is split at
 * white space, its words are looked up, their vectors combined; a sentence
 * without words is zeros (hub-library.md, 7.2). *words (may be NULL) = the
 * size of the vocabulary.
 */
ht_status ht_new_text_embedding(const ht_text_embedding *spec, const char *out,
                                int64_t *words) HT_MUST_CHECK;

#endif
