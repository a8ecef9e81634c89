/* export_run.h - what was trained, as a module of TensorFlow. */
#ifndef HT_TRAIN_EXPORT_RUN_H
#define HT_TRAIN_EXPORT_RUN_H

#include "train/train.h"

/*
 * Module and head together: __call__ (training and inference) and the
 * signature serving_default with the module's inputs and the outputs scores
 * (float [n, classes]) and classes (string, the same shape), or, for
 * regression, outputs. hub1: the TF1 Hub format, with the same signature also
 * as "default".
 */
ht_status ht_export_trained(ht_trained *t, const char *out, bool hub1,
                            bool replace) HT_MUST_CHECK;

#endif
