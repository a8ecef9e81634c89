/*
 * retreat.h - going back to the last good state at a lower rate.
 *
 * RUN/checkpoints/retreats has a line "FROM FACTOR" for each: after step
 * FROM, where training went back to, rates are FACTOR times what they were.
 * So rates follow from the step alone, and a run that is killed and resumed
 * ends like one that was not.
 */
#ifndef HT_TRAIN_RETREAT_H
#define HT_TRAIN_RETREAT_H

#include "base/arena.h"
#include "optim/schedule.h"

/* What eases the rates of a run, in the arena; nothing: *n is 0. */
ht_status ht_retreat_read(const char *run, ht_arena *arena, ht_ease **ease,
                          int *n) HT_MUST_CHECK;

/* Makes the last regular checkpoint (else the very beginning) the state to
 * resume from, at a tenth of the rates; *from is its step. */
ht_status ht_retreat(const char *run, int64_t *from) HT_MUST_CHECK;

#endif
