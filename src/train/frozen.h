/*
 * frozen.h - what is the same for an example at every step, computed once:
 * values between the part of a plan that nothing trained reaches and the
 * rest (plan_cut.h).
 */
#ifndef HT_TRAIN_FROZEN_H
#define HT_TRAIN_FROZEN_H

#include "graph/plan_cut.h"
#include "train/compose.h"
#include "train/feed.h"

typedef struct ht_frozen {
  ht_cut cut;
  ht_column *column; /* per value of the cut: a row for each example */
  int64_t *place;    /* per example of the feed its row, -1: it has none */
  int64_t n, found;  /* rows; of them read from the cache */
} ht_frozen;

/* Values are not kept beyond this many bytes. */
#define HT_FROZEN_MAX ((int64_t)4 << 30)

typedef struct ht_frozen_work {
  ht_composed *composed;
  const ht_body *body; /* of the composed model: train_body or eval_body */
  const ht_feed *feed;
  const int64_t *index; /* examples that are needed; NULL: all */
  int64_t n;
  bool cache; /* values may be kept for other runs */
  void (*notice)(void *arg, const char *text); /* may be NULL */
  void *arg;
} ht_frozen_work;

/*
 * Computes them, in batches of fixed size in the order of the examples, or
 * reads them from the cache. *out is NULL, and *why says the reason, where
 * that would not be what each step computes: the module trains or draws from
 * its inputs on, its output mixes examples (tried on a sample in another
 * order), or is too large.
 */
ht_status ht_frozen_make(const ht_frozen_work *work, ht_frozen **out,
                         const char **why) HT_MUST_CHECK;
void ht_frozen_free(ht_frozen *f); /* NULL is fine */

/* The values of n examples as tensors, cut.n_values of them. Examples must
 * have rows. */
ht_status ht_frozen_gather(const ht_frozen *f, ht_pool *pool,
                           const int64_t *index, int64_t n,
                           ht_tensor *out) HT_MUST_CHECK;

#endif
