/* export_run.h - what was trained, as a module of TensorFlow. */
#ifndef HT_TRAIN_EXPORT_RUN_H
#define HT_TRAIN_EXPORT_RUN_H

#include "data/image_load.h"
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

/* The name of input i in the signatures: a path's last part where no other
 * input ends so, else all of it joined by "_". NULL: no memory. */
const char *ht_served_name(const ht_composed *c, int i, ht_arena *arena);
/* Whether the one input takes images, so that there is the signature
 * serving_bytes, of the input image_bytes (string [n]: files). */
bool ht_served_files(const ht_trained *t, ht_image_spec *spec);

#endif
