/*
 * joint.h - several modules trained as one: side by side, their outputs
 * joined for the head, or one feeding another; each applied any number of
 * times.
 *
 * A module has a name, that of its folder or NAME of "NAME=HANDLE"; its
 * inputs are NAME/input, its variables are found under NAME/ in checkpoints.
 * Applied once more it has the name of that application, and the variables
 * and tables of the first.
 */
#ifndef HT_TRAIN_JOINT_H
#define HT_TRAIN_JOINT_H

#include "train/train.h"

/* What is read elsewhere: modules and preprocessors that are relative paths and
 * lie under the folder that they were given in are named from there. */
ht_status ht_joint_given_in(ht_train_options *o, const char *folder,
                            ht_arena *arena) HT_MUST_CHECK;

/* Opens all of o->module as one model; one alone is just opened. With
 * `training` the graphs tagged "train", too. */
ht_status ht_joint_open(const ht_train_options *o, bool training,
                        ht_model **out) HT_MUST_CHECK;

/* One application: member of a joined model and the scope of its inputs and
 * options, "title/", or "" where it is the only one. */
typedef struct ht_module_use {
  const char *scope;
  int member;
} ht_module_use;

/* The applications that the options ask for, a module's first before those of
 * o->apply. */
ht_status ht_joint_applications(const ht_train_options *o, ht_arena *arena,
                                ht_module_use **out, int *n) HT_MUST_CHECK;

/* What follows "NAME." or "NAME/" in a text, "" where it is the name alone;
 * NULL: it is not for that application. */
const char *ht_joint_meant(const ht_module_use *a, const char *text);

/* An input of `to` that is an answer of `from`; empty names leave it to what
 * is called alike. */
typedef struct ht_connection {
  const char *text; /* as it was said */
  int to, from;     /* applications */
  const char *input, *output;
} ht_connection;
ht_status ht_joint_connections(const ht_train_options *o,
                               const ht_module_use *application, int n,
                               ht_arena *arena,
                               ht_connection **out) HT_MUST_CHECK;

/* The callables of a joined model: each module's, chosen as the options say
 * ("NAME.value", separated by commas, is for one of them), and their outputs
 * side by side, float [n, width]. */
ht_status ht_joint_choose(const ht_train_options *o, ht_model *model,
                          bool training, ht_design *d) HT_MUST_CHECK;

#endif
