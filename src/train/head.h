/* head.h - new layers put on a module's output. */
#ifndef HT_TRAIN_HEAD_H
#define HT_TRAIN_HEAD_H

#include "train/compose.h"

/* Makes the variables of c->design.head for c->feature_shape; sets width. */
ht_status ht_head_make(ht_composed *c) HT_MUST_CHECK;
/* The head's answer to features; `training`: with dropout. */
ht_ref ht_head_apply(ht_composed *c, ht_ref features, bool training);
/* loss + l1 sum |w| + l2 sum w^2 over the head's kernels. */
ht_ref ht_head_penalty(ht_composed *c, ht_ref loss);

#endif
