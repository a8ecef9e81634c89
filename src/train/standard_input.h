/* standard_input.h - training data that come through a pipe. */
#ifndef HT_TRAIN_STANDARD_INPUT_H
#define HT_TRAIN_STANDARD_INPUT_H

#include "train/train.h"

/*
 * Where the data are "-", keeps them as RUN/data.TYPE, which then are the
 * data: the report reads them again, and a resumed run finds them there.
 * *kept (in the arena) is their path, NULL where the data are a file.
 */
ht_status ht_standard_input_keep(ht_train_options *o, const ht_watcher *watcher,
                                 ht_arena *arena, char **kept) HT_MUST_CHECK;
/* Takes them away again after a failure, unless a run needs them. */
void ht_standard_input_drop(const char *out, const char *kept);

#endif
