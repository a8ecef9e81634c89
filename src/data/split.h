/* split.h - a validation part that stays the same. */
#ifndef HT_DATA_SPLIT_H
#define HT_DATA_SPLIT_H

#include "data/dataset.h"

/* A hash of what a column holds of an example. */
uint64_t ht_column_hash(const ht_column *column, int64_t example);
/* How many different values (by hash) a column has; -1 without memory. */
int64_t ht_column_distinct(const ht_column *column);

/* How to cut. */
typedef struct ht_split_options {
  double fraction; /* that is held back, in (0,1) */
  uint64_t seed;
  const char *group; /* "COL", or "COL=REGEX": what it finds there; NULL */
  const ht_column *hashed; /* a column that is judged by ... */
  const uint64_t *digest;  /* ... digest[2 i], [2 i + 1]; or NULL */
} ht_split_options;

/*
 * Cuts the examples in two by a hash of their content (and the seed): equal
 * examples, or those of one group, stay on one side, the order of the file
 * does not matter, and one more example moves few others. valid gets
 * fraction * n of them (rounded, at least one; then whole groups), both lists
 * ascend and live in the arena.
 */
typedef struct ht_split {
  int64_t *train, *valid;
  int64_t n_train, n_valid;
} ht_split;
ht_status ht_split_make(const ht_dataset *data, const ht_split_options *options,
                        ht_arena *arena, ht_split *out) HT_MUST_CHECK;

#endif
