/* log.h - RUN/log.jsonl: a line per step and per epoch, one for the test
 * at the end; RUN/log.csv: a row per epoch. */
#ifndef HT_TRAIN_LOG_H
#define HT_TRAIN_LOG_H

#include "train/loop.h"

typedef struct ht_log ht_log;

/* Opens log and table; of existing ones the lines up to `at` stay (all are
 * dropped at step 0). */
ht_status ht_log_open(const char *path, const char *table,
                      const ht_progress *at, ht_log **out) HT_MUST_CHECK;
/* Opens it for lines after those there are. */
ht_status ht_log_append(const char *path, ht_log **out) HT_MUST_CHECK;
void ht_log_close(ht_log *log);

/* Writes an event's line, if it has one. */
ht_status ht_log_write(ht_log *log, const ht_event *e) HT_MUST_CHECK;

#endif
