/* assert.h - what has to be true of a model before it is exported. */
#ifndef HT_TRAIN_ASSERT_H
#define HT_TRAIN_ASSERT_H

#include "train/report.h"

/* "METRIC>=X" with >=, >, <= or <; METRIC is "loss" or one that the task has.
 * Whether it can be read at all. */
ht_status ht_assert_parse(const char *text) HT_MUST_CHECK;
/* Whether the task has the metrics, before it is trained. */
ht_status ht_assert_known(const ht_train_options *o,
                          ht_task task) HT_MUST_CHECK;
/* All of the trained model's assertions (its settings' "assert") on what a
 * report judged; HT_UNMET where one does not hold. */
ht_status ht_assert_check(const ht_report *report) HT_MUST_CHECK;
/* Whether they held when the run ended, which is what RUN/model tells: what
 * was not good enough for that is not exported later, either. */
ht_status ht_assert_held(const ht_trained *trained) HT_MUST_CHECK;

#endif
