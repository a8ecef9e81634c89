/* decisions.h - what a training will do, in words, before it does it. */
#ifndef HT_TRAIN_DECISIONS_H
#define HT_TRAIN_DECISIONS_H

#include "train/loop.h"

/* What was decided from settings and data; borrowed. */
typedef struct ht_decisions {
  const ht_trained *trained;
  const ht_loop *loop;
  int64_t n_train, n_valid;
} ht_decisions;

/* Says a line for each: columns, task, examples, head and loss, what trains
 * and at which rates, and how long. */
void ht_decisions_tell(const ht_decisions *d, ht_notice_fn *say, void *arg);

/* The same as settings: what was left open is what was decided. */
ht_status ht_decisions_settings(const ht_decisions *d, ht_arena *arena,
                                ht_train_options *out) HT_MUST_CHECK;

#endif
