/* prepare.h - what the settings mean: texts looked up and checked. */
#ifndef HT_TRAIN_PREPARE_H
#define HT_TRAIN_PREPARE_H

#include "data/split.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/feed.h"
#include "train/train.h"

/* Which columns feed what, and how images become numbers. *images and the
 * options must outlive it. */
ht_mapping_choice ht_prepare_mapping(const ht_train_options *o,
                                     const ht_model *model,
                                     ht_image_choice *images);

/* The split that the settings ask for. Images are told apart by what their
 * files hold, not by their paths. */
ht_status ht_prepare_split(const ht_train_options *o, const ht_feed *feed,
                           ht_arena *arena, ht_split *out) HT_MUST_CHECK;

/* What can be said to be wrong before anything is opened. */
ht_status ht_prepare_check(const ht_train_options *o) HT_MUST_CHECK;

ht_status ht_prepare_model(const ht_train_options *o,
                           ht_model **out) HT_MUST_CHECK;
ht_status ht_prepare_task(const char *name, ht_task *out) HT_MUST_CHECK;
/* How many classes --head-init fixes; 0: none. */
ht_status ht_prepare_classes(const ht_train_options *o, int *n) HT_MUST_CHECK;
/* Callables, head and its given weights (references of the caller's). */
ht_status ht_prepare_design(const ht_train_options *o, ht_model *model,
                            ht_design *out) HT_MUST_CHECK;
/* Completes the design once the labels are known: labels and loss. */
ht_status ht_prepare_labels(const ht_train_options *o, const ht_labels *labels,
                            ht_design *design) HT_MUST_CHECK;
/* Marks the module's variables that train. */
ht_status ht_prepare_tuned(const ht_train_options *o,
                           ht_model *model) HT_MUST_CHECK;
ht_status ht_prepare_optimizer(const ht_train_options *o,
                               const ht_optimizer_kind **kind,
                               ht_hyper *hyper) HT_MUST_CHECK;
ht_status ht_prepare_schedule(const ht_train_options *o, int64_t total,
                              ht_schedule *out) HT_MUST_CHECK;

/* Which examples train and which validate, by --valid-split and --group.
 * Images are told apart by what their files hold, not by their paths. */
ht_status ht_prepare_split(const ht_train_options *o, const ht_feed *feed,
                           ht_arena *arena, ht_split *out) HT_MUST_CHECK;

/* Writes RUN/trained.json: which weights are the best, what the answers mean
 * and the shape of the features; and reads it back. */
typedef struct ht_trained_note {
  int64_t step;
  ht_task task;
  const char **name; /* of classes */
  int n;             /* classes, or numbers */
  char separator;    /* of sets of labels in one text; 0: none */
  ht_shape features;
  const char *label;  /* the column of labels in training */
  const char *folder; /* where relative paths of its settings begin; NULL: not
                         known */
} ht_trained_note;
ht_status ht_prepare_note(const char *run, const ht_trained *t,
                          const char *label, int64_t step) HT_MUST_CHECK;
ht_status ht_prepare_read_note(const char *run, ht_arena *arena,
                               ht_trained_note *out) HT_MUST_CHECK;

#endif
