/*
 * loop.h - the training loop and all of its state: what a checkpoint holds is
 * what stands here.
 */
#ifndef HT_TRAIN_LOOP_H
#define HT_TRAIN_LOOP_H

#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/feed.h"
#include "train/frozen.h"
#include "train/metrics.h"
#include "train/train.h"

/* Where training stands. Everything here is saved. */
typedef struct ht_progress {
  int64_t step;      /* steps made */
  int64_t epoch;     /* epochs finished */
  double loss;       /* sum over the examples of this epoch */
  int64_t examples;  /* of this epoch */
  double best;       /* by validation; -inf: none yet */
  double best_loss;  /* of it */
  int64_t best_step; /* 0: none */
  int64_t without;   /* epochs since the best */
  int64_t saves;     /* checkpoints written */
  int64_t regular;   /* the last to go back to: one of a good state,
                        that a run nobody interrupts writes, too; 0: none */
  double begin;      /* sum of the losses of the first steps */
  int64_t parts;     /* of a batch that does not fit into memory; 0: as asked */
} ht_progress;

typedef struct ht_loop {
  const ht_train_options *options;
  const ht_watcher *watcher;
  ht_composed *composed;
  ht_optimizer *optimizer;
  ht_schedule schedule;
  const ht_feed *train, *valid; /* valid NULL: no validation */
  const int64_t *valid_index;   /* NULL: all of it */
  int64_t n_valid;
  ht_order order;
  ht_frozen *frozen, *frozen_valid; /* values made once; NULL: none */
  int64_t n_steps;                  /* of the whole training */
  double lr;                        /* of the head */
  ht_progress at;
  ht_tape *tape;
  ht_pool *pool;
  ht_profile *profile; /* NULL: not asked for */
  double seconds;      /* of this epoch's steps; at first, of all that the first
                          epoch needed before */
  bool stop;           /* the watcher asked to */
  bool may_retreat;    /* divergence is a failure: it can be mended */
} ht_loop;

/* Trains until the end, early stopping, or a request to stop (HT_STOPPED).
 * Checkpoints are written on the way. */
ht_status ht_loop_run(ht_loop *loop) HT_MUST_CHECK;

/* The validation data judged by the weights as they are now. */
ht_status ht_loop_judge(const ht_loop *loop, ht_scorecard *out) HT_MUST_CHECK;
/* Any data judged by a composed model. index NULL: all examples. */
ht_status ht_judge(ht_composed *c, const ht_feed *feed, const int64_t *index,
                   int64_t n, const ht_frozen *frozen,
                   ht_scorecard *out) HT_MUST_CHECK;
/* The answers themselves; freed by ht_answers_free. */
ht_status ht_judge_answers(ht_composed *c, const ht_feed *feed,
                           const int64_t *index, int64_t n,
                           const ht_frozen *frozen,
                           ht_answers *out) HT_MUST_CHECK;

/* Tells the watcher; false: stop. */
bool ht_loop_tell(ht_loop *loop, const ht_event *e);

#endif
