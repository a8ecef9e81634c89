/* train.c - from options to a trained run folder, see train.h. */
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ops/profile.h"
#include "optim/rows.h"
#include "train/assert.h"
#include "train/checkpoint.h"
#include "train/decisions.h"
#include "train/events.h"
#include "train/init.h"
#include "train/log.h"
#include "train/once.h"
#include "train/prepare.h"
#include "train/rates.h"
#include "train/recipe.h"
#include "train/retreat.h"
#include "train/step.h"

/* Everything of one training. */
typedef struct training {
  const ht_train_options *o;
  ht_train_options decided; /* the same with nothing left open */
  const ht_watcher *watcher;
  ht_watcher log_first; /* the loop's */
  ht_trained trained;   /* options, module, labels and composed model */
  ht_feed train, valid;
  ht_split split;
  int64_t *all; /* the examples to train on: all, or split.train */
  float *class_weight;
  ht_optimizer *optimizer;
  ht_frozen *frozen, *frozen_valid;
  ht_loop loop;
  double prepared; /* seconds: reading, and the module's output made once */
  ht_log *log;
  ht_events *events; /* NULL: none wanted */
  ht_status logged;  /* the first failure to write either */
  char log_message[HT_MESSAGE_MAX];
  bool may_retreat;
  bool again; /* after a retreat: all is told already */
} training;

/* ---- events */

static ht_status write_down(training *t, const ht_event *e) {
  HT_TRY(ht_log_write(t->log, e));
  if (!t->events) return HT_SUCCESS;
  HT_TRY(ht_events_write(t->events, e));
  if (e->type != HT_EVENT_EPOCH) return HT_SUCCESS;
  return ht_events_weights(t->events, t->optimizer, e->step);
}

/* The loop's watcher: the log first, then the caller's. */
static bool watch(void *arg, const ht_event *e) {
  training *t = arg;
  if (t->log && t->logged.code == HT_OK) {
    t->logged = write_down(t, e);
    if (t->logged.code != HT_OK) {
      ht_status_copy(t->logged, t->log_message);
      return false;
    }
  }
  return !t->watcher || !t->watcher->event ||
         t->watcher->event(t->watcher->arg, e);
}

static void note(void *arg, const char *text) {
  ht_event e = {.type = HT_EVENT_NOTE, .text = text};
  (void)watch(arg, &e);
}

static void notef(training *t, const char *format, const char *text) {
  char line[HT_MESSAGE_MAX];
  snprintf(line, sizeof line, format, text);
  note(t, line);
}

/* ---- data */

/* `trains`: the training examples. */
static ht_status open_feed(training *t, const char *path,
                           const ht_callable *call, bool trains, ht_feed *out) {
  ht_trained *d = &t->trained;
  const ht_port **input;
  int n;
  ht_image_choice images;
  ht_mapping_choice choice = ht_prepare_mapping(t->o, d->model, &images);
  images.seed = (uint64_t)t->o->seed;
  images.augment = trains ? t->o->augment : NULL;
  choice.must_weigh = trains;
  images.notice = note;
  images.arg = t;
  HT_TRY(ht_callable_inputs(call, &d->arena, &input, &n));
  return ht_feed_open(path, call, input, n, &choice, true, out);
}

static ht_status choose_examples(training *t) {
  ht_trained *d = &t->trained;
  double part = t->o->valid_split;
  if (part < 0 || part >= 1)
    return ht_fail(HT_USAGE, "'--valid-split' must be in [0,1), not %g", part);
  if (part > 0 && t->o->valid)
    return ht_fail(HT_USAGE, "'--valid' and '--valid-split' exclude another");
  if (t->o->group && !(part > 0))
    return ht_fail(HT_USAGE, "'--group' needs '--valid-split'");
  if (part > 0) return ht_prepare_split(t->o, &t->train, &d->arena, &t->split);
  t->split.n_train = t->train.data.n;
  HT_NEW(t->split.train, &d->arena, t->split.n_train);
  for (int64_t i = 0; i < t->split.n_train; i++) t->split.train[i] = i;
  return HT_SUCCESS;
}

static ht_status open_data(training *t, const ht_callable *call) {
  const ht_train_options *o = t->o;
  ht_labels *labels = &t->trained.labels;
  ht_task task;
  int fixed;
  HT_TRY(open_feed(t, o->data, call, true, &t->train));
  HT_TRY(ht_prepare_task(o->task, &task));
  HT_TRY(ht_prepare_classes(o, &fixed));
  HT_TRY(ht_labels_learn(t->train.label, task, fixed, labels));
  HT_TRY(ht_assert_known(o, labels->task));
  if (ht_init_run(o)) HT_TRY(ht_init_labels(ht_init_run(o), labels));
  HT_TRY(ht_feed_encode(&t->train, labels));
  if (o->augment && !ht_feed_images(&t->train))
    return ht_fail(HT_USAGE, "'--augment' changes images, '%s' has none",
                   o->data);
  HT_TRY(choose_examples(t));
  if (!o->valid) return HT_SUCCESS;
  HT_TRY(open_feed(t, o->valid, call, false, &t->valid));
  return ht_feed_encode(&t->valid, labels);
}

static ht_status balance(training *t, const float **weight) {
  const char *how = t->o->class_weights;
  *weight = NULL;
  if (!how) return HT_SUCCESS;
  if (strcmp(how, "balanced") != 0)
    return ht_fail(HT_USAGE, "'--class-weights' wants balanced, not '%s'", how);
  if (t->trained.labels.task != HT_TASK_CLASSIFY)
    return ht_fail(HT_USAGE, "'--class-weights' needs one class an example");
  HT_NEW(t->class_weight, &t->trained.arena, t->trained.labels.n);
  *weight = t->class_weight;
  return ht_labels_balance(&t->trained.labels, &t->train.targets,
                           t->split.train, t->split.n_train, t->class_weight);
}

/* ---- model */

static ht_status compose(training *t, const ht_design *design) {
  ht_tensor sample[256];
  const ht_tensor *at[256];
  ht_trained *d = &t->trained;
  if (t->train.n_inputs > 256) return ht_fail(HT_UNSUPPORTED, "many inputs");
  HT_TRY(ht_feed_sample(&t->train, sample));
  for (int i = 0; i < t->train.n_inputs; i++) at[i] = &sample[i];
  ht_status st = ht_compose(d->model, design, at, &d->composed);
  for (int i = 0; i < t->train.n_inputs; i++) ht_tensor_drop(&sample[i]);
  return st;
}

/* One variable at its rate. */
static ht_status add_variable(training *t, ht_variable *v, bool head,
                              double lr) {
  if (t->o->rates) HT_TRY(ht_rates_find(t->o->rates, v, head, &lr));
  return ht_optimizer_add(t->optimizer, v, lr);
}

static ht_status check_rates(training *t, int n_head) {
  const ht_optimizer *o = t->optimizer;
  ht_variable **v;
  if (!t->o->rates || o->n_tuned == n_head) return HT_SUCCESS;
  HT_NEW(v, &t->trained.arena, o->n_tuned + 1);
  for (int i = 0; i < o->n_tuned; i++) v[i] = o->tuned[i].variable;
  return ht_rates_used(t->o->rates, v, o->n_tuned, n_head);
}

static ht_status add_variables(training *t) {
  const ht_train_options *o = t->o;
  ht_composed *c = &t->trained.composed;
  ht_store *store = &t->trained.model->store;
  double lr = t->optimizer->hyper.lr;
  double module_lr = o->module_lr >= 0 ? o->module_lr : lr / 10;
  HT_TRY(ht_step_untune(c->train, store));
  for (int i = 0; i < c->n_layers; i++) {
    HT_TRY(add_variable(t, c->layer[i].kernel, true, lr));
    HT_TRY(add_variable(t, c->layer[i].bias, true, lr));
  }
  int head = t->optimizer->n_tuned;
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    bool layer = false;
    for (int k = 0; k < head; k++)
      layer |= t->optimizer->tuned[k].variable == v;
    if (v->tuned && !layer) HT_TRY(add_variable(t, v, false, module_lr));
  }
  if (t->optimizer->n_tuned) return check_rates(t, head);
  return ht_fail(HT_USAGE,
                 "nothing to train: no head, and no variable of the "
                 "module that the loss depends on is trainable");
}

static ht_status make_optimizer(training *t) {
  const ht_optimizer_kind *kind;
  ht_hyper hyper;
  HT_TRY(ht_prepare_optimizer(t->o, &kind, &hyper));
  HT_TRY(ht_optimizer_new(kind, &hyper, &t->optimizer));
  t->optimizer->notice = note;
  t->optimizer->notice_arg = t;
  return add_variables(t);
}

/* Validation runs another plan over other examples. */
static ht_status freeze_valid(training *t, const ht_frozen_work *train) {
  const char *why;
  ht_frozen_work w = *train;
  bool part = t->o->valid_split > 0;
  w.body = &t->trained.composed.eval_body;
  w.feed = part ? &t->train : &t->valid;
  w.index = part ? t->split.valid : NULL;
  w.n = part ? t->split.n_valid : t->valid.data.n;
  if (!part && !t->o->valid) return HT_SUCCESS;
  return ht_frozen_make(&w, &t->frozen_valid, &why);
}

static ht_status make_frozen(training *t) {
  const char *why = "images are augmented";
  bool trains = t->o->trainable || t->o->trainable_variables;
  ht_composed *c = &t->trained.composed;
  ht_frozen_work w = {.composed = c,
                      .body = &c->train_body,
                      .feed = &t->train,
                      .index = t->split.train,
                      .n = t->split.n_train,
                      .cache = !t->o->no_cache && !ht_init_run(t->o),
                      .notice = note,
                      .arg = t};
  if (!t->o->augment) HT_TRY(ht_frozen_make(&w, &t->frozen, &why));
  if (!t->frozen && !trains && why)
    notef(t, "the module runs at every step: %s", why);
  return freeze_valid(t, &w);
}

/* ---- the loop */

static ht_status count_steps(training *t, int64_t *n_steps) {
  const ht_train_options *o = t->o;
  if (o->batch < 1 || o->epochs < 1 || o->steps < 0 || o->warmup < 0)
    return ht_fail(HT_USAGE,
                   "'--batch' and '--epochs' must be at least 1, "
                   "'--steps' and '--warmup' not negative");
  int64_t each = (t->split.n_train + o->batch - 1) / o->batch;
  if (o->epochs > INT32_MAX)
    return ht_fail(HT_USAGE, "'--epochs' is too large");
  *n_steps = o->steps ? o->steps : o->epochs * each;
  return *n_steps < UINT32_MAX ? HT_SUCCESS
                               : ht_fail(HT_USAGE, "too many steps");
}

static ht_status make_loop(training *t) {
  const ht_train_options *o = t->o;
  ht_loop *l = &t->loop;
  *l = (ht_loop){
      .options = o,
      .watcher = &t->log_first,
      .composed = &t->trained.composed,
      .optimizer = t->optimizer,
      .train = &t->train,
      .frozen = t->frozen,
      .lr = o->rates ? t->optimizer->tuned[0].lr : t->optimizer->hyper.lr,
      .at = {.best = -INFINITY},
      .seconds = t->prepared,
      .may_retreat = t->may_retreat,
  };
  if (o->valid) l->valid = &t->valid, l->frozen_valid = t->frozen_valid;
  if (o->valid_split > 0) {
    l->valid = &t->train;
    l->valid_index = t->split.valid;
    l->n_valid = t->split.n_valid;
    l->frozen_valid = t->frozen_valid;
  }
  HT_TRY(count_steps(t, &l->n_steps));
  HT_TRY(ht_prepare_schedule(o, l->n_steps, &l->schedule));
  HT_TRY(ht_order_open(t->split.train, t->split.n_train, o->batch,
                       !o->no_shuffle, (uint64_t)o->seed, &l->order));
  l->pool = ht_pool_new();
  l->tape = ht_tape_new();
  if (o->profile) l->profile = ht_profile_new();
  return l->pool && l->tape ? HT_SUCCESS
                            : ht_fail(HT_NO_MEMORY, "no memory to train");
}

/* ---- the run folder */

static ht_status in_run(training *t, const char *name, char **out) {
  *out = ht_path_join(&t->trained.arena, t->o->out, name);
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

static ht_status open_run(training *t) {
  const ht_train_options *o = t->o;
  char *checkpoints;
  HT_TRY(in_run(t, "checkpoints", &checkpoints));
  if (ht_path_exists(checkpoints) && !o->resume)
    return ht_fail(HT_USAGE,
                   "'%s' holds a run: say --resume to go on, or remove it",
                   o->out);
  HT_TRY(ht_folder_make(checkpoints));
  HT_TRY(ht_folder_sweep(o->out));
  return ht_folder_sweep(checkpoints);
}

/* A run that is not gone on with keeps its settings. */
static ht_status resume(training *t) {
  bool found;
  char *config;
  HT_TRY(in_run(t, "config.json", &config));
  if (t->o->resume) {
    ht_status st = ht_checkpoint_resume(&t->loop, &found);
    if (st.code == HT_USAGE) st = ht_checkpoint_differs(t->o, config, st);
    HT_TRY(st);
  }
  return ht_train_write(t->o, config);
}

/* The settings as an indented block, which Markdown shows as it is. */
static ht_status start_events(training *t) {
  ht_text text = {0};
  char *data, *rest = NULL, *events, *config;
  size_t n;
  HT_TRY(in_run(t, "events", &events));
  HT_TRY(in_run(t, "config.json", &config));
  HT_TRY(ht_events_open(events, &t->events));
  HT_TRY(ht_file_read(config, 1 << 20, &t->trained.arena, &data, &n));
  for (char *line = strtok_r(data, "\n", &rest); line;
       line = strtok_r(NULL, "\n", &rest))
    ht_text_printf(&text, "    %s\n", line);
  ht_status st = ht_text_check(&text);
  if (st.code == HT_OK) st = ht_events_text(t->events, "config", text.p);
  ht_text_free(&text);
  return st;
}

static ht_status start_log(training *t) {
  char *path, *table;
  HT_TRY(in_run(t, "log.jsonl", &path));
  HT_TRY(in_run(t, "log.csv", &table));
  HT_TRY(
      ht_log_open(t->o->log ? t->o->log : path, table, &t->loop.at, &t->log));
  return t->o->tensorboard ? start_events(t) : HT_SUCCESS;
}

/* The caller's model keeps the weights of the last step. */
static ht_status settle(training *t) {
  for (int i = 0; i < t->optimizer->n_tuned; i++)
    if (t->optimizer->tuned[i].rows)
      HT_TRY(ht_rows_settle(t->optimizer->tuned[i].rows));
  return HT_SUCCESS;
}

/* Says what was decided; the loop goes by that. */
static ht_status decide(training *t) {
  int64_t valid = !t->loop.valid        ? 0
                  : t->loop.valid_index ? t->loop.n_valid
                                        : t->valid.data.n;
  ht_decisions d = {&t->trained, &t->loop, t->split.n_train, valid};
  if (!t->again) ht_decisions_tell(&d, note, t);
  HT_TRY(ht_decisions_settings(&d, &t->trained.arena, &t->decided));
  t->loop.options = &t->decided;
  return HT_SUCCESS;
}

/* Where the time went, a note a line; and all of it as a trace. */
static ht_status tell_profile(training *t) {
  ht_text text = {0};
  ht_profile_table(t->loop.profile, &text);
  for (char *line = text.p, *end; line && *line; line = end + 1) {
    end = strchr(line, '\n');
    *end = 0;
    note(t, line);
  }
  ht_text_reset(&text);
  ht_profile_trace(t->loop.profile, &text);
  char *path;
  ht_status st = ht_text_check(&text);
  if (st.code == HT_OK) st = in_run(t, "trace.json", &path);
  if (st.code == HT_OK) st = ht_file_write(path, text.p, text.n);
  ht_text_free(&text);
  return st;
}

static ht_status run_loop(training *t) {
  ht_ease *ease;
  HT_TRY(resume(t));
  HT_TRY(ht_retreat_read(t->o->out, &t->trained.arena, &ease,
                         &t->loop.schedule.n_ease));
  t->loop.schedule.ease = ease;
  HT_TRY(start_log(t));
  ht_status st = ht_loop_run(&t->loop);
  if (st.code == HT_OK && t->loop.profile) st = tell_profile(t);
  if (t->logged.code != HT_OK)
    return ht_fail(t->logged.code, "%s", t->log_message);
  return st;
}

/* Everything before anything is written. `freeze`: what runs once per example
 * is run. */
static ht_status prepare(training *t, bool freeze) {
  ht_design design;
  const float *weight;
  ht_trained *d = &t->trained;
  HT_TRY(ht_prepare_design(t->o, d->model, &design));
  double start = ht_now();
  HT_TRY(open_data(t, design.inference));
  t->prepared = ht_now() - start;
  HT_TRY(balance(t, &weight));
  design.class_weight = weight;
  HT_TRY(ht_prepare_tuned(t->o, d->model));
  HT_TRY(ht_prepare_labels(t->o, &d->labels, &design));
  ht_status st = compose(t, &design);
  ht_tensor_drop(&design.kernel);
  ht_tensor_drop(&design.bias);
  HT_TRY(st);
  if (ht_init_run(t->o))
    HT_TRY(ht_init_weights(ht_init_run(t->o), &d->composed));
  HT_TRY(make_optimizer(t));
  start = ht_now();
  if (freeze) HT_TRY(make_frozen(t));
  t->prepared += ht_now() - start;
  return make_loop(t);
}

static ht_status train(training *t) {
  HT_TRY(prepare(t, true));
  HT_TRY(open_run(t));
  HT_TRY(decide(t));
  HT_TRY(run_loop(t));
  HT_TRY(settle(t));
  return ht_prepare_note(t->o->out, &t->trained, t->decided.label,
                         t->loop.at.best_step);
}

static void free_training(training *t) {
  ht_log_close(t->log);
  ht_events_close(t->events);
  ht_tape_free(t->loop.tape);
  ht_order_close(&t->loop.order);
  ht_optimizer_free(t->optimizer);
  ht_frozen_free(t->frozen);
  ht_frozen_free(t->frozen_valid);
  ht_pool_free(t->loop.pool);
  ht_profile_free(t->loop.profile);
  ht_feed_close(&t->train);
  ht_feed_close(&t->valid);
  ht_trained_close(&t->trained);
}

static void open_training(training *t, const ht_train_options *o,
                          ht_model *model, const ht_watcher *watcher) {
  *t = (training){.o = o, .watcher = watcher, .log_first = {watch, t}};
  t->trained.options = *o;
  t->trained.model = model;
}

/* Within --max-memory a batch is cut by itself. */
static ht_status advise(const training *t, ht_status st) {
  char why[HT_MESSAGE_MAX];
  if (st.code != HT_NO_MEMORY || ht_memory_limited() ||
      t->trained.options.batch < 2)
    return st;
  ht_status_copy(st, why);
  return ht_fail(HT_NO_MEMORY, "%s; a smaller --batch than %lld needs less",
                 why, (long long)t->trained.options.batch);
}

ht_status ht_train_once(ht_model *model, const ht_train_options *o,
                        const ht_watcher *watcher, bool may_retreat,
                        bool again) {
  training t;
  HT_TRY(ht_prepare_check(o));
  open_training(&t, o, model, watcher);
  t.may_retreat = may_retreat;
  t.again = again;
  ht_status st = advise(&t, train(&t));
  free_training(&t);
  return st;
}

ht_status ht_train_model(ht_model *model, const ht_train_options *o,
                         const ht_watcher *watcher) {
  return ht_train_once(model, o, watcher, false, false);
}

/* ---- what it would do */

static ht_status decide_settings(training *t, const char *out, ht_text *json) {
  HT_TRY(prepare(t, false));
  HT_TRY(decide(t));
  t->decided.out = out;
  return ht_train_json(&t->decided, json);
}

ht_status ht_train_decide(const ht_train_options *asked,
                          const ht_watcher *watcher, ht_text *json) {
  training t;
  ht_model *model;
  ht_train_options o = *asked;
  ht_arena arena = {0};
  if (!o.out) o.out = ""; /* nothing is written */
  ht_status st = ht_init_options(&o, &arena);
  if (st.code == HT_OK) st = ht_prepare_check(&o);
  if (st.code == HT_OK) st = ht_prepare_model(&o, &model);
  if (st.code == HT_OK) {
    open_training(&t, &o, model, watcher);
    st = ht_recipe(&o, model, note, &t);
    t.trained.options = o;
    if (st.code == HT_OK) st = decide_settings(&t, asked->out, json);
    free_training(&t);
    ht_model_free(model);
  }
  ht_arena_free(&arena);
  return st;
}
