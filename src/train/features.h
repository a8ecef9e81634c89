/*
 * features.h - values of a frozen part, kept in the user's cache for other
 * runs: $XDG_CACHE_HOME/hubtune/features/KEY/SEGMENT.h5, a row for each
 * example. A segment appears when it is whole; one that is damaged is removed
 * and its examples are computed again.
 */
#ifndef HT_TRAIN_FEATURES_H
#define HT_TRAIN_FEATURES_H

#include "tensor/tensor.h"

typedef struct ht_features {
  const char *key;        /* what made the values: a name for a folder */
  const char *about;      /* the same for people: the module */
  const uint64_t *digest; /* of example i: [2 i], [2 i + 1] */
  int64_t n;              /* examples */
  int n_values;
  ht_tensor *value; /* float [n, ...] each */
  bool *found;      /* per example: its rows are there */
  void (*notice)(void *arg, const char *text); /* may be NULL */
  void *arg;
} ht_features;

/* Fills rows that the cache has and marks them as found. */
ht_status ht_features_load(ht_features *f) HT_MUST_CHECK;
/* Writes the rows from .. to-1 that were not found as a new segment. */
ht_status ht_features_store(const ht_features *f, int64_t from,
                            int64_t to) HT_MUST_CHECK;

/* What the cache keeps: for each key what it is, seconds since it was last
 * written. false stops. */
ht_status ht_features_each(ht_cache_fn *tell, void *arg) HT_MUST_CHECK;
ht_status ht_features_clear(void) HT_MUST_CHECK;

#endif
