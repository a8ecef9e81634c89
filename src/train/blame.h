/* blame.h - why a step's loss is no number: which op, which records. */
#ifndef HT_TRAIN_BLAME_H
#define HT_TRAIN_BLAME_H

#include "data/dataset.h"
#include "train/step.h"

/* A step that failed, borrowed. */
typedef struct ht_failed_step {
  const ht_stepper *stepper;
  ht_plan *plan;
  int64_t t; /* from 1 */
  int n_in;
  const ht_tensor *const *in;
  const ht_dataset *data;
  const int64_t *index; /* of the examples, n of them */
  int64_t n;
} ht_failed_step;

/* Runs it again, and each example alone, and adds to the failure (HT_NUMERIC)
 * the first node that makes a NaN and the records whose loss is none. */
ht_status ht_blame(const ht_failed_step *f, ht_status st) HT_MUST_CHECK;

#endif
