/* trainer.c - training a net by its symbols: steps on batches of arrays. */
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "api/net.h"
#include "base/clock.h"
#include "base/parallel.h"
#include "data/batch.h"
#include "optim/rows.h"
#include "train/checkpoint.h"
#include "train/prepare.h"
#include "train/step.h"

struct ht_trainer {
  ht_net *net;
  ht_arena arena;
  ht_callable *callable; /* inputs -> loss */
  ht_plan *plan;
  ht_train_options options;
  ht_stepper stepper; /* optimizer NULL: not begun */
  const ht_tensor **in;
  int64_t step;
};

static ht_status make_plan(ht_trainer *t) {
  ht_body *body = &t->callable->body;
  ht_dtype dtype = t->callable->output[0].dtype;
  if (dtype != HT_FLOAT && dtype != HT_DOUBLE)
    return ht_fail(HT_USAGE, "the loss is %s, not float or double",
                   ht_dtype_name(dtype));
  body->target = t->net->update;
  body->n_targets = t->net->n_updates;
  HT_NEW(t->in, &t->arena, body->n_args + 1);
  t->stepper.pool = t->net->face.model->pool;
  t->stepper.store = &t->net->face.model->store;
  t->stepper.tape = ht_tape_new();
  if (!t->stepper.tape) return ht_fail(HT_NO_MEMORY, "no memory for a tape");
  return ht_plan_new(body, NULL, &t->plan);
}

ht_status ht_trainer_new(ht_net *net, int n_in, const ht_named *input,
                         ht_symbol loss, ht_trainer **out) {
  ht_named answer = {"loss", loss};
  *out = NULL;
  ht_trainer *t = calloc(1, sizeof *t);
  if (!t) return ht_fail(HT_NO_MEMORY, "no memory for a trainer");
  t->net = net;
  ht_train_defaults(&t->options);
  ht_status st =
      ht_net_callable(net, "training", n_in, input, 1, &answer, &t->callable);
  if (st.code == HT_OK) st = make_plan(t);
  if (st.code == HT_OK)
    *out = t;
  else
    ht_trainer_free(t);
  return st;
}

void ht_trainer_free(ht_trainer *t) {
  if (!t) return;
  ht_optimizer *o = t->stepper.optimizer;
  for (int i = 0; o && i < o->n_tuned; i++)
    if (o->tuned[i].rows) {
      ht_status kept = ht_rows_settle(o->tuned[i].rows);
      (void)kept; /* fails without memory alone */
    }
  ht_optimizer_free(o);
  ht_tape_free(t->stepper.tape);
  ht_plan_free(t->plan);
  ht_arena_free(&t->arena);
  free(t);
}

/* ---- settings */

ht_status ht_trainer_set(ht_trainer *t, const char *name, const char *value) {
  static const char *const known[] = {
      "optimizer", "lr",       "module-lr", "momentum",  "nesterov",
      "clip-norm", "schedule", "warmup",    "batch",     "weight-decay",
      "epochs",    "steps",    "seed",      "no-shuffle"};
  if (t->stepper.optimizer)
    return ht_fail(HT_USAGE, "setting '%s' comes after the first step", name);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i], name) == 0)
      return ht_train_set(&t->options, &t->arena, name, value);
  return ht_fail(HT_USAGE, "'%s' is no setting of a trainer", name);
}

static ht_status add_variables(ht_trainer *t) {
  ht_optimizer *o = t->stepper.optimizer;
  const ht_store *store = t->stepper.store;
  double lr = o->hyper.lr, module_lr = t->options.module_lr;
  if (module_lr < 0) module_lr = lr / 10;
  ht_net_mark(t->net);
  HT_TRY(ht_step_untune(t->plan, t->stepper.store));
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    if (v->tuned) HT_TRY(ht_optimizer_add(o, v, v->scope ? module_lr : lr));
  }
  if (o->n_tuned) return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "nothing to train: the loss depends on no trainable "
                 "variable");
}

static ht_status check_options(const ht_train_options *o) {
  if (o->batch < 1 || o->epochs < 1 || o->steps < 0 || o->warmup < 0)
    return ht_fail(HT_USAGE,
                   "'batch' and 'epochs' must be at least 1, 'steps' and "
                   "'warmup' not negative");
  if (!(o->clip_norm >= 0))
    return ht_fail(HT_USAGE, "'clip-norm' must not be negative");
  return HT_SUCCESS;
}

static ht_status make_optimizer(ht_trainer *t, int64_t total) {
  const ht_optimizer_kind *kind;
  ht_hyper hyper;
  const ht_train_options *o = &t->options;
  ht_optimizer **optimizer = &t->stepper.optimizer;
  HT_TRY(check_options(o));
  HT_TRY(ht_prepare_optimizer(o, &kind, &hyper));
  HT_TRY(ht_prepare_schedule(o, total, &t->stepper.schedule));
  if (!total && strcmp(o->schedule, "constant") != 0)
    return ht_fail(HT_USAGE, "schedule '%s' needs to know 'steps'",
                   o->schedule);
  t->stepper.clip_norm = o->clip_norm;
  t->stepper.seed = (uint64_t)o->seed;
  HT_TRY(ht_optimizer_new(kind, &hyper, optimizer));
  ht_status st = add_variables(t);
  if (st.code == HT_OK) return st;
  ht_optimizer_free(*optimizer);
  *optimizer = NULL;
  return st;
}

/* total: steps of the whole training, 0: not known. */
static ht_status begin(ht_trainer *t, int64_t total) {
  ht_threads_set(t->net->face.threads);
  if (!t->stepper.optimizer) return make_optimizer(t, total);
  if (total) t->stepper.schedule.total = total;
  return HT_SUCCESS;
}

/* ---- steps */

static ht_status step(ht_trainer *t, const ht_arrays *batch, double *loss,
                      double *factor) {
  int n = ht_callable_feeds(t->callable);
  memset(t->in, 0, (size_t)n * sizeof *t->in);
  HT_TRY(ht_callable_feed(t->callable, batch, t->in));
  HT_TRY(ht_step(&t->stepper, t->plan, t->step + 1, n, t->in, loss, factor));
  t->step++;
  return HT_SUCCESS;
}

ht_status ht_trainer_step(ht_trainer *t, const ht_arrays *batch, double *loss) {
  double value, factor;
  HT_TRY(begin(t, t->options.steps));
  HT_TRY(step(t, batch, &value, &factor));
  if (loss) *loss = value;
  return HT_SUCCESS;
}

/* A step that is told of; *more: whether to go on. */
static ht_status told_step(ht_trainer *t, const ht_arrays *batch, int64_t epoch,
                           ht_news_fn *tell, void *arg, double *loss) {
  double factor;
  HT_TRY(step(t, batch, loss, &factor));
  ht_news news = {.type = HT_NEWS_STEP,
                  .step = t->step,
                  .n_steps = t->stepper.schedule.total,
                  .epoch = epoch,
                  .loss = *loss,
                  .lr = t->stepper.optimizer->hyper.lr * factor};
  if (!tell || tell(arg, &news)) return HT_SUCCESS;
  return ht_fail(HT_STOPPED, "stopped at step %lld", (long long)t->step);
}

ht_status ht_trainer_run(ht_trainer *t, ht_batch_fn *next, ht_news_fn *tell,
                         void *arg) {
  double loss;
  HT_TRY(begin(t, t->options.steps));
  while (!t->options.steps || t->step < t->options.steps) {
    const ht_arrays *batch = NULL;
    HT_TRY(next(arg, t->step + 1, &batch));
    if (!batch) break;
    HT_TRY(told_step(t, batch, 1, tell, arg, &loss));
  }
  return HT_SUCCESS;
}

/* ---- arrays of examples */

typedef struct fitting {
  ht_trainer *t;
  const ht_arrays *examples;
  ht_order order;
  ht_news_fn *tell;
  void *arg;
  int64_t n, per_epoch;
} fitting;

static ht_status count_examples(fitting *f) {
  int n = ht_arrays_count(f->examples);
  f->n = -1;
  for (int i = 0; i < n; i++) {
    const ht_tensor *t = &ht_arrays_at(f->examples, i)->t;
    int64_t rows = t->shape.rank ? t->shape.dim[0] : -1;
    if (rows < 1 || (f->n >= 0 && rows != f->n))
      return ht_fail(HT_USAGE, "array '%s' has not a row for each example",
                     ht_arrays_name(f->examples, i));
    f->n = rows;
  }
  return f->n > 0 ? HT_SUCCESS : ht_fail(HT_USAGE, "no examples");
}

static ht_status gather(const fitting *f, const int64_t *index, int64_t n,
                        ht_arrays **out) {
  HT_TRY(ht_arrays_new(out));
  for (int i = 0; i < ht_arrays_count(f->examples); i++) {
    ht_column column = {.name = ht_arrays_name(f->examples, i),
                        .value = ht_arrays_at(f->examples, i)->t,
                        .n = f->n};
    ht_tensor rows;
    ht_array *a = NULL;
    HT_TRY(ht_batch_gather(f->t->stepper.pool, &column, index, n, &rows));
    HT_TRY(ht_array_wrap(&rows, &a));
    HT_TRY(ht_arrays_put(*out, column.name, a));
  }
  return HT_SUCCESS;
}

static ht_status fit_batch(fitting *f, const int64_t *index, int64_t n,
                           double *loss) {
  ht_arrays *batch = NULL;
  ht_status st = gather(f, index, n, &batch);
  if (st.code == HT_OK)
    st = told_step(f->t, batch, f->order.epoch + 1, f->tell, f->arg, loss);
  ht_arrays_free(batch);
  return st;
}

static bool tell_epoch(const fitting *f, int64_t epoch, double loss, int64_t n,
                       double seconds) {
  ht_news news = {.type = HT_NEWS_EPOCH,
                  .step = f->t->step,
                  .n_steps = f->t->stepper.schedule.total,
                  .epoch = epoch,
                  .loss = loss / (double)n,
                  .seconds = seconds,
                  .examples_per_second = (double)n / seconds};
  return !f->tell || f->tell(f->arg, &news);
}

/* The rest of an epoch. */
static ht_status fit_epoch(fitting *f, int64_t total) {
  double sum = 0, start = ht_now();
  int64_t done = 0, epoch = f->order.epoch + 1;
  while (f->t->step < total) {
    const int64_t *index;
    double loss;
    int64_t n = ht_order_next(&f->order, &index);
    if (!n) break;
    HT_TRY(fit_batch(f, index, n, &loss));
    sum += loss * (double)n;
    done += n;
  }
  if (!done || tell_epoch(f, epoch, sum, done, ht_now() - start))
    return HT_SUCCESS;
  return ht_fail(HT_STOPPED, "stopped at step %lld", (long long)f->t->step);
}

/* A restored training goes on in the middle of its epoch. */
static ht_status fit(fitting *f) {
  const ht_train_options *o = &f->t->options;
  f->per_epoch = (f->n + o->batch - 1) / o->batch;
  int64_t total = o->steps ? o->steps : o->epochs * f->per_epoch;
  HT_TRY(begin(f->t, total));
  HT_TRY(ht_order_open(NULL, f->n, o->batch, !o->no_shuffle, (uint64_t)o->seed,
                       &f->order));
  HT_TRY(ht_order_seek(&f->order, f->t->step / f->per_epoch,
                       f->t->step % f->per_epoch * o->batch));
  while (f->t->step < total) HT_TRY(fit_epoch(f, total));
  return HT_SUCCESS;
}

ht_status ht_trainer_fit(ht_trainer *t, const ht_arrays *examples,
                         ht_news_fn *tell, void *arg) {
  fitting f = {.t = t, .examples = examples, .tell = tell, .arg = arg};
  HT_TRY(check_options(&t->options));
  HT_TRY(count_examples(&f));
  ht_status st = fit(&f);
  ht_order_close(&f.order);
  return st;
}

/* ---- checkpoints */

ht_status ht_trainer_save(ht_trainer *t, const char *prefix) {
  HT_TRY(begin(t, t->options.steps));
  return ht_checkpoint_write_state(prefix, t->stepper.store,
                                   t->stepper.optimizer, t->step);
}

ht_status ht_trainer_restore(ht_trainer *t, const char *prefix) {
  if (t->step)
    return ht_fail(HT_USAGE, "a checkpoint is restored before the first step");
  HT_TRY(begin(t, t->options.steps));
  return ht_checkpoint_read_state(prefix, t->stepper.store,
                                  t->stepper.optimizer, &t->step);
}
