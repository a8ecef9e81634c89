/* feed.h - from the columns of a data set to a model's inputs. */
#ifndef HT_TRAIN_FEED_H
#define HT_TRAIN_FEED_H

#include "data/batch.h"
#include "data/images.h"
#include "data/labels.h"
#include "hub/model.h"

/* Which column feeds which input, as the command line says. */
typedef struct ht_mapping_choice {
  const char *text, *image, *label; /* columns; NULL: found by name */
  const char *const *input;         /* "NAME=COLUMN" */
  int n_input;
  const char *weight; /* the column that weighs labelled examples; NULL: all
                         count the same */
  bool must_weigh;    /* it has to be there; else its lack is told */
  int64_t max_bad;    /* records that may be skipped */
  const struct ht_image_choice *images; /* NULL: the usual */
} ht_mapping_choice;

/* How images become numbers: texts as the settings of a training have them,
 * NULL where nothing is said. */
typedef struct ht_image_choice {
  const char *size, *range, *resize, *augment;
  uint64_t seed;         /* of the augmentation */
  int64_t skip;          /* so many may be broken */
  const ht_model *model; /* that may say a size; or NULL */
  void (*notice)(void *arg, const char *text); /* told what is skipped */
  void *arg;
} ht_image_choice;

typedef struct ht_feed {
  ht_dataset data;
  const ht_column **column; /* per input */
  ht_images **images;       /* per input, NULL: not of images */
  const ht_port *const *input;
  int n_inputs;
  const ht_column *label; /* NULL: none */
  const float *weight;    /* per example; NULL: all are 1 */
  ht_targets targets;
  bool encoded;
} ht_feed;

/* Reads a data set and finds the column of every input. `labelled`: the label
 * must be there too. `input` is borrowed. */
ht_status ht_feed_open(const char *path, const ht_callable *call,
                       const ht_port *const *input, int n_inputs,
                       const ht_mapping_choice *choice, bool labelled,
                       ht_feed *out) HT_MUST_CHECK;
ht_status ht_feed_encode(ht_feed *feed, const ht_labels *labels) HT_MUST_CHECK;
void ht_feed_close(ht_feed *feed);

/*
 * Examples index[0..*n-1]: one tensor per input, of its dtype and rank. Those
 * with broken images are taken out of `index`, which may leave none; images
 * are augmented as in that epoch (HT_UNCHANGED: not at all).
 */
ht_status ht_feed_inputs(const ht_feed *feed, ht_pool *pool, int64_t epoch,
                         int64_t *index, int64_t *n,
                         ht_tensor *out) HT_MUST_CHECK;
/* Begins with images that will be asked for next, in the background. */
ht_status ht_feed_expect(const ht_feed *feed, int64_t epoch,
                         const int64_t *index, int64_t n) HT_MUST_CHECK;
/* A few examples of the right shapes; images are black. */
ht_status ht_feed_sample(const ht_feed *feed, ht_tensor *out) HT_MUST_CHECK;
/* Whether an image of that example was found broken. */
bool ht_feed_broken(const ht_feed *feed, int64_t example);
/* The first input of images, NULL: there is none. */
ht_images *ht_feed_images(const ht_feed *feed);
/* Bytes of an example's inputs as the model takes them, without texts. */
int64_t ht_feed_example_bytes(const ht_feed *feed);
/* How much they count, float [n]. */
ht_status ht_feed_weight(const ht_feed *feed, ht_pool *pool,
                         const int64_t *index, int64_t n,
                         ht_tensor *out) HT_MUST_CHECK;
/* Their targets: int64 [n], or float [n, width]. */
ht_status ht_feed_label(const ht_feed *feed, ht_pool *pool,
                        const int64_t *index, int64_t n,
                        ht_tensor *out) HT_MUST_CHECK;

#endif
