/* weights.h - how much each example counts, by a column of the data. */
#ifndef HT_TRAIN_WEIGHTS_H
#define HT_TRAIN_WEIGHTS_H

#include "data/dataset.h"

/*
 * The column's numbers, one an example ([n] or [n, 1]), as float [n] in the
 * data set's arena. Fails where one is negative or not finite, or all are 0.
 */
ht_status ht_weights_read(ht_dataset *data, const char *column,
                          const float **out) HT_MUST_CHECK;

#endif
