/* plan.h - what a call takes. */
#ifndef HT_API_PLAN_H
#define HT_API_PLAN_H

#include "api/module.h"

/* Bytes that tensors hold at the worst moment of a call on `batch` rows of
 * zeros, or of a call and its gradients. */
ht_status ht_function_measure(ht_function *f, int64_t batch, bool back,
                              uint64_t *peak) HT_MUST_CHECK;

#endif
