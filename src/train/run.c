/* run.c - a run: its stages, going back, and what is made of it at the end;
 * see train.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "train/assert.h"
#include "train/events.h"
#include "train/init.h"
#include "train/log.h"
#include "train/once.h"
#include "train/recipe.h"
#include "train/retreat.h"
#include "train/standard_input.h"

/* ---- after the training: the best weights */

static ht_status append_log(const ht_train_options *o, const ht_event *e,
                            ht_arena *arena) {
  ht_log *log;
  const char *path = o->log ? o->log : ht_path_join(arena, o->out, "log.jsonl");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_log_append(path, &log));
  ht_status st = ht_log_write(log, e);
  ht_log_close(log);
  return st;
}

static ht_status append_events(const ht_train_options *o, const ht_event *e,
                               ht_arena *arena) {
  ht_events *events;
  if (!o->tensorboard) return HT_SUCCESS;
  const char *folder = ht_path_join(arena, o->out, "events");
  if (!folder) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_events_open(folder, &events));
  ht_status st = ht_events_write(events, e);
  ht_events_close(events);
  return st;
}

static ht_status test(ht_trained *trained, const ht_train_options *o,
                      const ht_watcher *watcher) {
  ht_scorecard card;
  HT_TRY(ht_trained_eval(trained, o->test, &card));
  ht_event e = {.type = HT_EVENT_TEST,
                .step = trained->step,
                .loss = card.loss,
                .valid = &card};
  ht_status st = append_log(o, &e, &trained->arena);
  if (st.code == HT_OK) st = append_events(o, &e, &trained->arena);
  if (st.code == HT_OK && watcher && watcher->event)
    watcher->event(watcher->arg, &e);
  ht_scorecard_free(&card);
  return st;
}

/* From the run folder, so that what is tested and exported is what was
 * saved. */
static ht_status finish_run(const ht_train_options *o,
                            const ht_watcher *watcher,
                            const ht_exporter *exporter) {
  ht_trained trained;
  ht_status st = HT_SUCCESS;
  HT_TRY(ht_trained_open(o->out, &trained));
  char *folder = ht_path_join(&trained.arena, o->out, "model");
  if (!folder) st = ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (st.code == HT_OK) st = ht_report_write(&trained, o->out, ht_assert_check);
  if (st.code == HT_OK && exporter)
    st = exporter->write(exporter->arg, &trained, folder);
  if (st.code == HT_OK && o->test) st = test(&trained, o, watcher);
  ht_trained_close(&trained);
  return st;
}

/* Said before any work, not after all of it. */
static ht_status check_test(const ht_train_options *o) {
  if (!o->test || ht_path_exists(o->test)) return HT_SUCCESS;
  return ht_fail_errno("cannot read", o->test);
}

static bool has_checkpoints(const char *run) {
  ht_arena arena = {0};
  char *path = ht_path_join(&arena, run, "checkpoints");
  bool there = path && ht_path_exists(path);
  ht_arena_free(&arena);
  return there;
}

static ht_status count_retreats(const char *run, int *n) {
  ht_arena arena = {0};
  ht_ease *ease;
  ht_status st = ht_retreat_read(run, &arena, &ease, n);
  ht_arena_free(&arena);
  return st;
}

/* The state before what went wrong, or the failure itself where it has gone
 * wrong too often. */
static ht_status go_back(const ht_train_options *o, ht_status why, int n,
                         const ht_watcher *watcher) {
  char text[HT_MESSAGE_MAX], line[HT_MESSAGE_MAX + 100];
  int64_t from;
  ht_status_copy(why, text);
  if (n >= o->retreats)
    return ht_fail(HT_NUMERIC,
                   n ? "%s; %d retreats to lower rates did not help: say "
                       "a far lower --lr"
                     : "%s",
                   text, n);
  HT_TRY(ht_retreat(o->out, &from));
  snprintf(line, sizeof line,
           "%s: back to step %lld, rates are a tenth from there (retreat %d of "
           "%lld)",
           text, (long long)from, n + 1, (long long)o->retreats);
  ht_event e = {.type = HT_EVENT_NOTE, .text = line};
  if (watcher && watcher->event && !watcher->event(watcher->arg, &e))
    return ht_fail(HT_STOPPED, "stopped");
  return HT_SUCCESS;
}

/* Takes the model over: after a retreat it is read anew. */
static ht_status train_on(const ht_train_options *asked, ht_model *model,
                          const ht_watcher *watcher) {
  ht_train_options o = *asked;
  for (bool again = false;; again = true) {
    int n;
    ht_status st = count_retreats(o.out, &n);
    if (st.code == HT_OK)
      st = ht_train_once(model, &o, watcher, n < o.retreats, again);
    ht_model_free(model); /* its memory is of use to what follows */
    if (st.code != HT_NUMERIC || !has_checkpoints(o.out)) return st;
    HT_TRY(go_back(&o, st, n, watcher));
    o.resume = true;
    HT_TRY(ht_prepare_model(&o, &model));
  }
}

/* The head alone, as a run in RUN/head, which is done once. */
static ht_status train_head(const ht_train_options *asked,
                            const ht_watcher *watcher, const char *folder) {
  ht_arena arena = {0};
  ht_train_options o = *asked;
  char *note = ht_path_join(&arena, folder, "trained.json");
  bool done = note && ht_path_exists(note);
  ht_arena_free(&arena);
  if (done) return HT_SUCCESS;
  o.out = folder;
  o.trainable = false;
  o.trainable_variables = o.test = o.log = NULL;
  o.epochs = o.head_first;
  o.head_first = o.steps = 0;
  o.tensorboard = o.profile = false;
  return ht_train(&o, watcher, NULL);
}

/* Takes the model over. */
static ht_status train_stages(const ht_train_options *asked, ht_model *model,
                              const ht_watcher *watcher) {
  ht_arena arena = {0};
  ht_train_options o = *asked;
  if (!o.head_first) return train_on(&o, model, watcher);
  char *folder = ht_path_join(&arena, o.out, "head");
  ht_status st = folder ? train_head(&o, watcher, folder)
                        : ht_fail(HT_NO_MEMORY, "no memory for a path");
  o.begin = folder;
  if (st.code == HT_OK)
    st = train_on(&o, model, watcher);
  else
    ht_model_free(model);
  ht_arena_free(&arena);
  return st;
}

static ht_status train_model(const ht_train_options *o, ht_model *model,
                             const ht_watcher *watcher,
                             const ht_exporter *exporter) {
  ht_status st = train_stages(o, model, watcher);
  if (st.code == HT_OK && (exporter || o->test))
    st = finish_run(o, watcher, exporter);
  return st;
}

static void say(void *arg, const char *text) {
  const ht_watcher *w = arg;
  ht_event e = {.type = HT_EVENT_NOTE, .text = text};
  if (w && w->event) (void)w->event(w->arg, &e);
}

static ht_status train_held(const ht_train_options *asked, ht_model *model,
                            const ht_watcher *watcher,
                            const ht_exporter *exporter) {
  ht_train_options o = *asked;
  ht_arena arena = {0};
  char *kept;
  ht_status st = ht_standard_input_keep(&o, watcher, &arena, &kept);
  if (st.code == HT_OK)
    st = ht_recipe(&o, model, say, (void *)(uintptr_t)watcher);
  if (st.code == HT_OK)
    st = train_model(&o, model, watcher, exporter);
  else
    ht_model_free(model);
  if (st.code != HT_OK) ht_standard_input_drop(o.out, kept);
  ht_arena_free(&arena);
  return st;
}

static ht_status train_in(const ht_train_options *o, const ht_watcher *watcher,
                          const ht_exporter *exporter) {
  ht_model *model;
  int held = -1;
  HT_TRY(ht_prepare_check(o));
  HT_TRY(check_test(o));
  HT_TRY(ht_prepare_model(o, &model));
  ht_status st = ht_folder_make(o->out);
  if (st.code == HT_OK) st = ht_folder_hold(o->out, &held);
  if (st.code != HT_OK) {
    ht_model_free(model);
    return st;
  }
  st = train_held(o, model, watcher, exporter);
  if (st.code != HT_OK) rmdir(o->out);
  close(held);
  return st;
}

/* One process at a time in a run; a failure leaves no empty folder. */
ht_status ht_train(const ht_train_options *asked, const ht_watcher *watcher,
                   const ht_exporter *exporter) {
  ht_arena arena = {0};
  ht_train_options o = *asked;
  ht_status st = ht_init_options(&o, &arena);
  if (st.code == HT_OK) st = train_in(&o, watcher, exporter);
  ht_arena_free(&arena);
  return st;
}
