/* schedule.h - the learning rate over the steps, a row per schedule. */
#ifndef HT_OPTIM_SCHEDULE_H
#define HT_OPTIM_SCHEDULE_H

#include "base/status.h"

typedef struct ht_schedule_kind {
  const char *name, *doc;
  double (*factor)(double progress); /* progress in [0,1) after warm-up */
} ht_schedule_kind;

/* From the step after `from` on, rates are `factor` times what they were. */
typedef struct ht_ease {
  int64_t from;
  double factor;
} ht_ease;

typedef struct ht_schedule {
  const ht_schedule_kind *kind;
  int64_t warmup; /* steps in which the rate rises linearly to its base */
  int64_t total;  /* steps of the whole training */
  const ht_ease *ease;
  int n_ease;
} ht_schedule;

const ht_schedule_kind *ht_schedule_find(const char *name);
const ht_schedule_kind *ht_schedule_all(int *n);

/* What the base rate is multiplied by in step t (from 1): t / warmup while
 * warming up, then factor((t - 1 - warmup) / (total - warmup)); and times what
 * eases it. */
double ht_schedule_factor(const ht_schedule *s, int64_t t);

#endif
