/*
 * checkpoint.h - all of a training's state in RUN/checkpoints, as
 * TensorBundles that tf.train.load_checkpoint reads.
 *
 * ckpt-N holds everything needed to go on: changed variables
 * (model/NAME; rows/NAME/... of lazily updated tables, as they are), slots
 * (optimizer/NAME/SLOT), the schedule so far and where the loop stands
 * (loop/...). best-STEP holds weights alone. A file named `checkpoint` names
 * the newest, as TensorFlow does; it is replaced only once the new one is
 * whole, and what it no longer names is removed after that.
 */
#ifndef HT_TRAIN_CHECKPOINT_H
#define HT_TRAIN_CHECKPOINT_H

#include "train/loop.h"

/* Writes the weights as they are now to best-STEP. */
ht_status ht_checkpoint_best(const ht_loop *loop) HT_MUST_CHECK;

/* Writes ckpt-N, then removes all but the newest `keep` and the last regular
 * one: of a good state, that a run which nobody interrupts writes, too. Weights
 * that are not finite are HT_NUMERIC, and nothing is written. */
ht_status ht_checkpoint_save(ht_loop *loop, bool regular) HT_MUST_CHECK;

/* Puts the newest checkpoint's state into a loop that has just been made.
 * *found false: there is none. */
ht_status ht_checkpoint_resume(ht_loop *loop, bool *found) HT_MUST_CHECK;
/* A failure to do so, with the first setting that is another than in the
 * run's file of settings, as they were asked for. */
ht_status ht_checkpoint_differs(const ht_train_options *now, const char *config,
                                ht_status st);

/*
 * Makes the last regular checkpoint the newest, and removes those after it;
 * where there is none, all of them. *step is where that one stands, 0 at the
 * beginning.
 */
ht_status ht_checkpoint_rewind(const char *run, int64_t *step) HT_MUST_CHECK;

/* The number of the last regular checkpoint, 0: there is none, and the step
 * at which it stands. */
ht_status ht_checkpoint_last_regular(const char *run, int64_t *number,
                                     int64_t *step) HT_MUST_CHECK;

/* Puts the weights of best-STEP into the model's variables. */
ht_status ht_checkpoint_weights(const char *run, int64_t step,
                                ht_store *store) HT_MUST_CHECK;

/* The same for a training that begins there: kernel and bias of the last
 * layer (or NULL) may have more classes, whose weights stay. */
ht_status ht_checkpoint_begin(const char *run, int64_t step, ht_store *store,
                              const ht_variable *kernel,
                              const ht_variable *bias) HT_MUST_CHECK;

/*
 * The state of an optimizer and of the store that its variables are in, at
 * any prefix, after `step` steps: what a net's training saves. Restored into
 * an optimizer with the same variables.
 */
ht_status ht_checkpoint_write_state(const char *prefix, const ht_store *store,
                                    const ht_optimizer *o,
                                    int64_t step) HT_MUST_CHECK;
ht_status ht_checkpoint_read_state(const char *prefix, ht_store *store,
                                   ht_optimizer *o,
                                   int64_t *step) HT_MUST_CHECK;

/* What distinguishes the module and the settings that matter. */
ht_status ht_checkpoint_module(const ht_model *model,
                               uint64_t *digest) HT_MUST_CHECK;
ht_status ht_checkpoint_settings(const ht_train_options *o,
                                 uint64_t *digest) HT_MUST_CHECK;

#endif
