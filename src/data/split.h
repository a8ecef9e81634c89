/* split.h - a validation part that stays the same. */
#ifndef HT_DATA_SPLIT_H
#define HT_DATA_SPLIT_H

#include "data/dataset.h"

/*
 * Cuts the examples in two by a hash of their content (and `seed`): equal
 * examples stay on one side, the order of the file does not matter, and one
 * more example moves few others. valid gets fraction * n of them (rounded,
 * at least one; then whole groups of equal examples), both lists ascend and
 * live in the arena. fraction in (0,1).
 */
typedef struct ht_split {
  int64_t *train, *valid;
  int64_t n_train, n_valid;
} ht_split;
ht_status ht_split_make(const ht_dataset *data, double fraction, uint64_t seed,
                        ht_arena *arena, ht_split *out) HT_MUST_CHECK;

#endif
