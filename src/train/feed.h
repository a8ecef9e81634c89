/* feed.h - from the columns of a data set to a model's inputs. */
#ifndef HT_TRAIN_FEED_H
#define HT_TRAIN_FEED_H

#include "data/batch.h"
#include "data/labels.h"
#include "hub/model.h"

/* Which column feeds which input, as the command line says. */
typedef struct ht_mapping_choice {
  const char *text, *image, *label; /* columns; NULL: found by name */
  const char *const *input;         /* "NAME=COLUMN" */
  int n_input;
} ht_mapping_choice;

typedef struct ht_feed {
  ht_dataset data;
  const ht_column **column; /* per input */
  const ht_port *const *input;
  int n_inputs;
  const ht_column *label; /* NULL: none */
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

/* Examples index[0..n-1]: one tensor per input, of its dtype and rank. */
ht_status ht_feed_inputs(const ht_feed *feed, ht_pool *pool,
                         const int64_t *index, int64_t n,
                         ht_tensor *out) HT_MUST_CHECK;
/* Their targets: int64 [n], or float [n, width]. */
ht_status ht_feed_label(const ht_feed *feed, ht_pool *pool,
                        const int64_t *index, int64_t n,
                        ht_tensor *out) HT_MUST_CHECK;

#endif
