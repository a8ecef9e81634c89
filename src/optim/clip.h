/* clip.h - the global norm of all gradients. */
#ifndef HT_OPTIM_CLIP_H
#define HT_OPTIM_CLIP_H

#include "optim/optimizer.h"

/*
 * Sums the repeated rows of every gradient, then, with limit > 0, finds the
 * norm of all gradients together and the scale min(1, limit / norm) that
 * ht_optimizer_step applies (1 without a limit; the norm is then not
 * computed and 0). A norm that is not finite gives HT_NUMERIC.
 */
ht_status ht_clip(ht_optimizer *o, double limit, double *norm,
                  double *scale) HT_MUST_CHECK;

#endif
