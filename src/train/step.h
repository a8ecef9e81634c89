/* step.h - one step of training: forward, backward, update. */
#ifndef HT_TRAIN_STEP_H
#define HT_TRAIN_STEP_H

#include "graph/plan.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

/* What a step needs, borrowed. */
typedef struct ht_stepper {
  ht_store *store;
  const char *folder; /* of the module, may be NULL */
  ht_optimizer *optimizer;
  ht_schedule schedule;
  ht_tape *tape;
  ht_pool *pool;
  ht_profile *profile; /* NULL: nobody asks for times */
  double clip_norm; /* 0: none */
  uint64_t seed;
  /* A batch of n examples goes through in so many parts, whose gradients are
   * summed (0 or 1: whole). What looks at a batch as such, as batch
   * normalisation, looks at each part. */
  int64_t parts, n;
  bool updated; /* out: the update has begun, and cannot be done again */
} ht_stepper;

/*
 * Examples from .. from + n - 1 of values of `all` examples; what has no row
 * for each goes whole. out[i] are references of the caller's.
 */
void ht_step_rows(int n_in, const ht_tensor *const *in, int64_t all,
                  int64_t from, int64_t n, ht_tensor *out);

/*
 * Step t (from 1): runs the plan on n_in values to a loss, one float, and
 * follows its gradient. Either all of the step's changes count or, where it
 * fails, none; a loss that is not finite is HT_NUMERIC. *factor is what the
 * schedule multiplied the learning rate by.
 */
ht_status ht_step(ht_stepper *s, ht_plan *plan, int64_t t, int n_in,
                  const ht_tensor *const *in, double *loss,
                  double *factor) HT_MUST_CHECK;

/* Variables that the plan's loss cannot depend on are not tuned any more:
 * weight decay would shrink them, and TensorFlow leaves them alone. */
ht_status ht_step_untune(const ht_plan *plan, ht_store *store) HT_MUST_CHECK;

/* Between backward and update: where gradients of several processes will be
 * summed. There is one process. */
ht_status ht_reduce_gradients(ht_optimizer *o) HT_MUST_CHECK;

#endif
