/* once.h - one training without what stands around it in a run. */
#ifndef HT_TRAIN_ONCE_H
#define HT_TRAIN_ONCE_H

#include "train/train.h"

/* As ht_train_model. may_retreat: divergence is HT_NUMERIC, since it can be
 * mended; again: after a retreat, when the decisions are told already. */
ht_status ht_train_once(ht_model *model, const ht_train_options *o,
                        const ht_watcher *watcher, bool may_retreat,
                        bool again) HT_MUST_CHECK;

#endif
