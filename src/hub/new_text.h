/*
 * new_text.h - writes a text embedding module: sentences in, the combined
 * vectors of their words out.
 */
#ifndef HT_HUB_NEW_TEXT_H
#define HT_HUB_NEW_TEXT_H

#include "format/embeddings.h"
#include "hub/model.h"

enum { HT_MAX_NGRAMS = 8, HT_MAX_PART = 16 };

typedef struct ht_text_embedding {
  /* Words and their vectors, which are taken ... */
  ht_embeddings *given;
  /* ... or texts to take the words from: those that occur min_count times,
   * the max_words (0: all) most frequent ones, with vectors drawn from
   * normal(0, stddev). */
  const ht_tensor *texts; /* strings */
  int64_t min_count, max_words;
  double stddev;
  uint64_t seed;
  int dim;
  int64_t oov;             /* buckets of unknown words, zeros at first; 0: they
                              are passed over */
  const char *combiner;    /* "sqrtn", "mean", "sum" */
  const char *punctuation; /* "keep", "strip": taken away, "split": each sign a
                              word */
  const char *split;       /* at "white" space, at "space" alone, or at
                              "each-space", empty words counting */
  bool doubles;            /* vectors of doubles, else floats */
  bool lowercase;
  bool mask_digits; /* every digit is read as 0 */
  int ngrams; /* 1 .. HT_MAX_NGRAMS: runs of up to so many words are words of
                 their own */
  int min_part, max_part; /* parts of words of so many characters are words,
                             too; 0: none */
  bool tokens;            /* words in, a vector each out, nothing split */
  bool trainable;
  bool hub1; /* the TF1 Hub format */
} ht_text_embedding;

/*
 * Writes the module to a folder that must not exist. A sentence is split, its
 * words are looked up, their vectors combined; a sentence without words is
 * zeros (hub-library.md, 7.2). Split at each space and of doubles it answers
 * as the modules of tensorflow_hub's exporter for TF2 do (7.3). *words (may be
 * NULL) = the size of the vocabulary.
 */
ht_status ht_new_text_embedding(const ht_text_embedding *spec, const char *out,
                                int64_t *words) HT_MUST_CHECK;

#endif
