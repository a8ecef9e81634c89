/* rates.h - learning rates by the names of variables. */
#ifndef HT_TRAIN_RATES_H
#define HT_TRAIN_RATES_H

#include "tensor/variable.h"

/*
 * "PATTERN=RATE,...": a variable takes the first rate whose pattern fits its
 * name or its checkpoint key; in patterns, * stands for any letters and ? for
 * one; "head" is whatever the new layers have.
 */
ht_status ht_rates_check(const char *rates) HT_MUST_CHECK;
/* *rate stays where no pattern fits. */
ht_status ht_rates_find(const char *rates, const ht_variable *v, bool head,
                        double *rate) HT_MUST_CHECK;
/* Fails where a pattern fits none of n variables, of which the first n_head
 * are the head's. */
ht_status ht_rates_used(const char *rates, ht_variable *const *v, int n,
                        int n_head) HT_MUST_CHECK;

#endif
