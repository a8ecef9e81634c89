/* recipe.h - how to train, where nobody said it. */
#ifndef HT_TRAIN_RECIPE_H
#define HT_TRAIN_RECIPE_H

#include "train/train.h"

/*
 * Where o->open (no setting was given that shapes a training; settings.c
 * lists the others), chooses by module and data, which are read once for that:
 * whether the module trains, rates, dropout, epochs, and what is held back to
 * end them by. `say` is told what and why. Any setting of the user's,
 * `--frozen` too, leaves all of them as they are.
 */
ht_status ht_recipe(ht_train_options *o, ht_model *model,
                    void (*say)(void *arg, const char *text),
                    void *arg) HT_MUST_CHECK;

#endif
