/*
 * joint.h - several modules trained as one: side by side, their outputs
 * joined for the head.
 *
 * A module has a name, that of its folder or NAME of "NAME=HANDLE"; its
 * inputs are NAME/input, its variables are found under NAME/ in checkpoints.
 */
#ifndef HT_TRAIN_JOINT_H
#define HT_TRAIN_JOINT_H

#include "train/train.h"

/* Opens all of o->module as one model; one alone is just opened. With
 * `training` the graphs tagged "train", too. */
ht_status ht_joint_open(const ht_train_options *o, bool training,
                        ht_model **out) HT_MUST_CHECK;

/* The callables of a joined model: each module's, chosen as the options say
 * ("NAME.value", separated by commas, is for one of them), and their outputs
 * side by side, float [n, width]. */
ht_status ht_joint_choose(const ht_train_options *o, ht_model *model,
                          bool training, ht_design *d) HT_MUST_CHECK;

#endif
