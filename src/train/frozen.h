/*
 * frozen.h - the module's output computed once for every example, where
 * nothing that training changes or draws reaches it.
 */
#ifndef HT_TRAIN_FROZEN_H
#define HT_TRAIN_FROZEN_H

#include "train/compose.h"
#include "train/feed.h"

/* Features by example; a column, so that batches are gathered as usual. */
typedef struct ht_frozen {
  ht_column column;
} ht_frozen;

/* A module's output is not kept beyond this many bytes. */
#define HT_FROZEN_MAX ((int64_t)4 << 30)

/*
 * Runs all examples of the feed through the module, in batches of fixed size
 * in file order. *out is NULL, and *why says the reason, where that would not
 * be what each step computes: the module trains or draws, its output mixes
 * examples (tried on a sample in another order), or is too large.
 */
ht_status ht_frozen_make(ht_composed *c, const ht_feed *feed, ht_frozen **out,
                         const char **why) HT_MUST_CHECK;
void ht_frozen_free(ht_frozen *f);

#endif
