/* assign.h - a module's variables from a checkpoint that is not its own. */
#ifndef HT_HUB_ASSIGN_H
#define HT_HUB_ASSIGN_H

#include "hub/model.h"

/*
 * Gives every variable of a module the value that a checkpoint has under the
 * variable's name, transformed by each of `map` in turn: "REGEX=REPLACEMENT"
 * rewrites the first match, where there is one; \1 is a group.
 *
 * checkpoint: the prefix of a TensorBundle (tf.train.Saver,
 * tf.train.Checkpoint, a SavedModel's variables/variables), its .index file, or
 * a folder with a file `checkpoint` that names the latest. Names are those
 * that inspections show, keys before names, in the checkpoint with or without
 * the ending of tf.train.Checkpoint's keys. A `save_counter` may be missing.
 * Fails where a variable is missing, or of another dtype or shape; the module's
 * values are then mixed and not to be used.
 */
ht_status ht_model_assign(ht_model *model, const char *checkpoint, int n_maps,
                          const char *const *map) HT_MUST_CHECK;

#endif
