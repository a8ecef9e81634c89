/*
 * drop_words.h - texts whose words are left out at random (Iyyer et al., "Deep
 * unordered composition rivals syntactic methods for text classification",
 * ACL 2015): what happens to a text depends on the seed, the epoch and the
 * example alone.
 */
#ifndef HT_DATA_DROP_WORDS_H
#define HT_DATA_DROP_WORDS_H

#include "tensor/tensor.h"

/*
 * Replaces the strings [n] of `texts`, which are the examples index[0..n-1],
 * by those without some words: each goes with probability p. Words are what
 * white space separates; a text that would lose all of them stays whole.
 */
ht_status ht_drop_words(ht_tensor *texts, double p, uint64_t seed,
                        int64_t epoch, const int64_t *index) HT_MUST_CHECK;

#endif
