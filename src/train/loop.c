/* loop.c - the training loop: the whole story in one file. */
#include "train/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "train/blame.h"
#include "train/checkpoint.h"
#include "train/step.h"

/* Beside the inputs go weight and label. */
enum {
  MAX_INPUTS = 256,
  MAX_VALUES = MAX_INPUTS + 2,
  JUDGE_BATCH = 256,
  FIRST = 32,
  WORSE = 10
};

bool ht_loop_tell(ht_loop *loop, const ht_event *e) {
  if (loop->watcher && loop->watcher->event &&
      !loop->watcher->event(loop->watcher->arg, e))
    loop->stop = true;
  return !loop->stop;
}

/* ---- a batch */

typedef struct batch {
  ht_tensor value[MAX_VALUES]; /* inputs (or frozen), weight, label */
  const ht_tensor *in[MAX_VALUES];
  int n_in;
  int64_t *index; /* of its examples */
  int64_t n;
} batch;

static void drop_batch(batch *b) {
  for (int i = 0; i < b->n_in; i++) ht_tensor_drop(&b->value[i]);
  free(b->index);
  *b = (batch){0};
}

/* Of values made before, in which broken examples have no part. */
static ht_status fill_frozen(const ht_feed *feed, const ht_frozen *frozen,
                             ht_pool *pool, batch *b) {
  int64_t n = 0;
  for (int64_t i = 0; i < b->n; i++)
    if (!ht_feed_broken(feed, b->index[i])) b->index[n++] = b->index[i];
  b->n = n;
  if (frozen->cut.n_values > MAX_INPUTS)
    return ht_fail(HT_UNSUPPORTED, "more than %d inputs", MAX_INPUTS);
  HT_TRY(ht_frozen_gather(frozen, pool, b->index, n, b->value));
  b->n_in = frozen->cut.n_values;
  return HT_SUCCESS;
}

static ht_status fill_parts(const ht_composed *c, const ht_feed *feed,
                            const ht_frozen *frozen, ht_pool *pool,
                            int64_t epoch, batch *b) {
  if (feed->n_inputs > MAX_INPUTS)
    return ht_fail(HT_UNSUPPORTED, "more than %d inputs", MAX_INPUTS);
  if (frozen) {
    HT_TRY(fill_frozen(feed, frozen, pool, b));
  } else {
    HT_TRY(ht_feed_inputs(feed, pool, epoch, b->index, &b->n, b->value));
    b->n_in = feed->n_inputs;
  }
  if (c->design.weighted) {
    HT_TRY(ht_feed_weight(feed, pool, b->index, b->n, &b->value[b->n_in]));
    b->n_in++;
  }
  HT_TRY(ht_feed_label(feed, pool, b->index, b->n, &b->value[b->n_in]));
  b->n_in++;
  for (int i = 0; i < b->n_in; i++) b->in[i] = &b->value[i];
  return HT_SUCCESS;
}

/* The batch may be left with fewer examples, or none: broken images are taken
 * out. */
static ht_status fill_batch(const ht_composed *c, const ht_feed *feed,
                            const ht_frozen *frozen, ht_pool *pool,
                            int64_t epoch, const int64_t *index, int64_t n,
                            batch *b) {
  *b = (batch){.n = n};
  b->index = malloc((size_t)n * sizeof *index);
  if (!b->index) return ht_fail(HT_NO_MEMORY, "no memory for a batch");
  memcpy(b->index, index, (size_t)n * sizeof *index);
  ht_status st = fill_parts(c, feed, frozen, pool, epoch, b);
  if (st.code != HT_OK) drop_batch(b);
  return st;
}

/* Images of the next step are read while this one is computed. */
static ht_status expect_next(const ht_loop *loop) {
  const int64_t *index;
  int64_t n = ht_order_peek(&loop->order, &index);
  if (loop->frozen) return HT_SUCCESS;
  return ht_feed_expect(loop->train, loop->order.epoch, index, n);
}

/* ---- a step */

static int64_t parts_of(const ht_loop *loop, int64_t n) {
  int64_t asked = loop->options->accumulate, found = loop->at.parts;
  int64_t parts = found > asked ? found : asked;
  return parts < n ? parts : n;
}

/* *updated: weights may have changed, whether it went well or not. */
static ht_status compute(ht_loop *loop, const batch *b, double *loss,
                         double *factor, bool *updated) {
  ht_composed *c = loop->composed;
  ht_stepper s = {.store = &c->model->store,
                  .folder = c->model->folder,
                  .optimizer = loop->optimizer,
                  .schedule = loop->schedule,
                  .tape = loop->tape,
                  .pool = loop->pool,
                  .profile = loop->profile,
                  .clip_norm = loop->options->clip_norm,
                  .seed = (uint64_t)loop->options->seed,
                  .parts = parts_of(loop, b->n),
                  .n = b->n};
  ht_failed_step f = {.stepper = &s,
                      .plan = loop->frozen ? loop->frozen->cut.after : c->train,
                      .t = loop->at.step + 1,
                      .n_in = b->n_in,
                      .in = b->in,
                      .data = &loop->train->data,
                      .index = b->index,
                      .n = b->n};
  ht_status st = ht_step(&s, f.plan, f.t, b->n_in, b->in, loss, factor);
  *updated = s.updated;
  return ht_blame(&f, st);
}

static void tell_parts(ht_loop *loop, int64_t n) {
  char line[128];
  snprintf(line, sizeof line,
           "a batch of %lld does not fit into --max-memory: it goes through in "
           "%lld parts (--accumulate)",
           (long long)n, (long long)parts_of(loop, n));
  ht_loop_tell(loop, &(ht_event){.type = HT_EVENT_NOTE, .text = line});
}

/* What does not fit into --max-memory goes through in twice as many parts,
 * from there on. */
static ht_status compute_fitting(ht_loop *loop, const batch *b, double *loss,
                                 double *factor) {
  int64_t before = parts_of(loop, b->n), parts = before;
  for (;;) {
    bool updated;
    ht_status st = compute(loop, b, loss, factor, &updated);
    if (st.code == HT_OK && parts > before) tell_parts(loop, b->n);
    if (st.code != HT_NO_MEMORY || !ht_memory_limited() || updated ||
        parts >= b->n)
      return st;
    loop->at.parts = parts < 1 ? 2 : 2 * parts;
    parts = parts_of(loop, b->n);
  }
}

/* *n becomes the number of examples that could be used. */
static ht_status step(ht_loop *loop, const int64_t *index, int64_t *n,
                      double *loss, double *factor) {
  batch b;
  HT_TRY(fill_batch(loop->composed, loop->train, loop->frozen, loop->pool,
                    loop->order.epoch, index, *n, &b));
  *n = b.n;
  ht_status st = expect_next(loop);
  if (st.code == HT_OK && b.n) st = compute_fitting(loop, &b, loss, factor);
  drop_batch(&b);
  return st;
}

/* Those of the first examples, by which later losses are judged. */
static int64_t first_steps(const ht_loop *loop) {
  return (FIRST + loop->options->batch - 1) / loop->options->batch;
}

/* A mean loss far above that of the first steps is not learning. */
static bool diverges(const ht_loop *loop, double *begin, double *mean) {
  int64_t n = first_steps(loop);
  if (loop->at.step < n) n = loop->at.step;
  *begin = loop->at.begin / (double)n;
  *mean = loop->at.loss / (double)loop->at.examples;
  return loop->may_retreat && *begin > 0 && *mean > WORSE * *begin;
}

static ht_status check_progress(const ht_loop *loop) {
  double begin, mean;
  if (!diverges(loop, &begin, &mean)) return HT_SUCCESS;
  return ht_fail(HT_NUMERIC,
                 "training diverges: the loss of epoch %lld is %g, that of the "
                 "first steps was %g",
                 (long long)loop->at.epoch, mean, begin);
}

static void tell_step(ht_loop *loop, double loss, double lr) {
  ht_event e = {.type = HT_EVENT_STEP,
                .step = loop->at.step,
                .n_steps = loop->n_steps,
                .epoch = loop->at.epoch + 1,
                .loss = loss,
                .lr = lr,
                .best = loop->at.best};
  if (loop->valid && loop->at.best_step)
    e.best_metric = ht_score_told(loop->composed->design.labels->task, &e.best);
  ht_loop_tell(loop, &e);
}

static ht_status one_step(ht_loop *loop, const int64_t *index, int64_t n) {
  double loss = 0, factor = 0, start = ht_now();
  HT_TRY(step(loop, index, &n, &loss, &factor));
  loop->seconds += ht_now() - start;
  loop->at.step++;
  loop->at.loss += loss * (double)n;
  if (loop->at.step <= first_steps(loop)) loop->at.begin += loss;
  loop->at.examples += n;
  if (n) tell_step(loop, loss, loop->lr * factor);
  double begin, mean;
  int64_t every = loop->options->save_every;
  bool due = every > 0 && loop->at.step % every == 0;
  if (!loop->stop && !due) return HT_SUCCESS;
  return ht_checkpoint_save(loop, due && !diverges(loop, &begin, &mean));
}

/* ---- judging */

typedef struct judge {
  ht_composed *c;
  const ht_frozen *frozen;
  ht_pool *pool;
  ht_answers *answers;
} judge;

static ht_status judge_rows(const judge *j, const batch *b, int64_t from,
                            int64_t n) {
  ht_tensor rows[MAX_VALUES], out[2];
  const ht_tensor *in[MAX_VALUES], *label = &rows[b->n_in - 1];
  const ht_tensor *weight = j->c->design.weighted ? label - 1 : NULL;
  ht_model *m = j->c->model;
  ht_run run = ht_run_make(j->pool, &m->store, m->folder);
  ht_step_rows(b->n_in, b->in, b->n, from, n, rows);
  for (int i = 0; i < b->n_in; i++) in[i] = &rows[i];
  ht_plan *plan = j->frozen ? j->frozen->cut.after : j->c->eval;
  ht_status st = ht_plan_run(plan, &run, b->n_in, in, 2, out);
  if (st.code == HT_OK) {
    st = ht_answers_add(j->answers, &out[0], label, weight,
                        ht_real_at(&out[1], 0));
    ht_tensor_drop(&out[0]);
    ht_tensor_drop(&out[1]);
  }
  for (int i = 0; i < b->n_in; i++) ht_tensor_drop(&rows[i]);
  return st;
}

/* Of large examples (images) a few at a time: what stands between layers is
 * larger still. Fewer where they do not fit into memory. */
static ht_status judge_batch(const judge *j, const batch *b) {
  enum { LARGE = 1 << 16, FEW = 16 };
  size_t bytes = 0;
  for (int i = 0; i < b->n_in - 1; i++) bytes += ht_tensor_bytes(b->in[i]);
  int64_t each = bytes / (size_t)b->n < LARGE ? b->n : FEW;
  for (int64_t from = 0, n; from < b->n; from += n) {
    n = b->n - from < each ? b->n - from : each;
    ht_status st = judge_rows(j, b, from, n);
    if (st.code == HT_NO_MEMORY && ht_memory_limited() && n > 1) {
      each = (n + 1) / 2;
      n = 0;
      continue;
    }
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

static ht_status judge_all(const judge *j, const ht_feed *feed,
                           const int64_t *index, int64_t n) {
  int64_t chosen[JUDGE_BATCH];
  for (int64_t from = 0; from < n; from += JUDGE_BATCH) {
    batch b;
    int64_t m = n - from < JUDGE_BATCH ? n - from : JUDGE_BATCH;
    for (int64_t i = 0; i < m; i++)
      chosen[i] = index ? index[from + i] : from + i;
    HT_TRY(fill_batch(j->c, feed, j->frozen, j->pool, HT_UNCHANGED, chosen, m,
                      &b));
    ht_status st = b.n ? judge_batch(j, &b) : HT_SUCCESS;
    drop_batch(&b);
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

ht_status ht_judge_answers(ht_composed *c, const ht_feed *feed,
                           const int64_t *index, int64_t n,
                           const ht_frozen *frozen, ht_answers *out) {
  judge j = {c, frozen, ht_pool_new(), out};
  ht_answers_open(out, c->design.labels->task, c->width);
  ht_status st = j.pool ? judge_all(&j, feed, index, n)
                        : ht_fail(HT_NO_MEMORY, "no memory to judge");
  ht_pool_free(j.pool);
  if (st.code != HT_OK) ht_answers_free(out);
  return st;
}

ht_status ht_judge(ht_composed *c, const ht_feed *feed, const int64_t *index,
                   int64_t n, const ht_frozen *frozen, ht_scorecard *out) {
  ht_answers a;
  *out = (ht_scorecard){0};
  ht_status st = ht_judge_answers(c, feed, index, n, frozen, &a);
  if (st.code == HT_OK) st = ht_score(&a, out);
  ht_answers_free(&a);
  return st;
}

ht_status ht_loop_judge(const ht_loop *loop, ht_scorecard *out) {
  int64_t n = loop->valid_index ? loop->n_valid : loop->valid->data.n;
  return ht_judge(loop->composed, loop->valid, loop->valid_index, n,
                  loop->frozen_valid, out);
}

/* ---- an epoch's end */

/* Of equal scores, which small validation data often give, the one of less
 * loss is better. */
static bool improves(const ht_progress *at, double score, double loss) {
  if (!at->best_step || score > at->best) return true;
  return score == at->best && loss < at->best_loss;
}

static ht_status note_best(ht_loop *loop, const ht_scorecard *s) {
  double score = ht_score_main(s);
  loop->at.without++;
  if (!improves(&loop->at, score, s->loss)) return HT_SUCCESS;
  loop->at.best = score;
  loop->at.best_loss = s->loss;
  loop->at.best_step = loop->at.step;
  loop->at.without = 0;
  return ht_checkpoint_best(loop);
}

static ht_status finish_epoch(ht_loop *loop) {
  ht_scorecard s = {0};
  ht_progress *at = &loop->at;
  ht_status st = HT_SUCCESS;
  if (loop->valid) st = ht_loop_judge(loop, &s);
  at->epoch++;
  ht_event e = {.type = HT_EVENT_EPOCH,
                .step = at->step,
                .n_steps = loop->n_steps,
                .epoch = at->epoch,
                .seconds = loop->seconds,
                .loss = at->loss / (double)at->examples,
                .rate = (double)at->examples / loop->seconds,
                .valid = loop->valid ? &s : NULL};
  if (st.code == HT_OK) ht_loop_tell(loop, &e);
  if (st.code == HT_OK) st = check_progress(loop);
  at->loss = 0;
  at->examples = 0;
  loop->seconds = 0;
  if (st.code == HT_OK && loop->valid) st = note_best(loop, &s);
  ht_scorecard_free(&s);
  if (st.code == HT_OK) st = ht_checkpoint_save(loop, true);
  return st;
}

static bool finished(const ht_loop *loop) {
  int64_t patience = loop->options->patience;
  if (loop->stop || loop->at.step >= loop->n_steps) return true;
  return loop->valid && patience > 0 && loop->at.without >= patience;
}

/* Without validation data the last weights are the best. */
static ht_status finish(ht_loop *loop) {
  if (loop->stop)
    return ht_fail(HT_STOPPED, "stopped at step %lld",
                   (long long)loop->at.step);
  if (loop->at.examples) HT_TRY(finish_epoch(loop));
  if (loop->valid || loop->at.best_step == loop->at.step) return HT_SUCCESS;
  loop->at.best_step = loop->at.step;
  HT_TRY(ht_checkpoint_best(loop));
  return ht_checkpoint_save(loop, true);
}

ht_status ht_loop_run(ht_loop *loop) {
  while (!finished(loop)) {
    const int64_t *index;
    double start = ht_now();
    int64_t n = ht_order_next(&loop->order, &index);
    loop->seconds += ht_now() - start;
    if (n) HT_TRY(one_step(loop, index, n));
    if (!n && loop->at.examples) HT_TRY(finish_epoch(loop));
  }
  return finish(loop);
}
