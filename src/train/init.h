/* init.h - training on from what another run came to. */
#ifndef HT_TRAIN_INIT_H
#define HT_TRAIN_INIT_H

#include "train/prepare.h"

/* Where the weights come from; NULL: from the module alone. */
const char *ht_init_run(const ht_train_options *o);

/* Module, signature and head of that run where the settings name no module
 * or no other head; texts in the arena. */
ht_status ht_init_options(ht_train_options *o, ht_arena *arena) HT_MUST_CHECK;

/* The classes of that run before those that are new. */
ht_status ht_init_labels(const char *run, ht_labels *labels) HT_MUST_CHECK;

/* Its weights; of the last layer the columns of its classes. */
ht_status ht_init_weights(const char *run, ht_composed *c) HT_MUST_CHECK;

#endif
