/* train.c - trainings, told to the public. */
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "train/export_run.h"
#include "train/metrics.h"
#include "train/train.h"

struct ht_training {
  int threads;
  ht_arena arena;
  ht_train_options options;
};

ht_status ht_training_new(ht_training **out) {
  *out = calloc(1, sizeof **out);
  if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for a training");
  ht_train_defaults(&(*out)->options);
  (*out)->options.open = true;
  return HT_SUCCESS;
}

void ht_training_free(ht_training *t) {
  if (!t) return;
  ht_arena_free(&t->arena);
  free(t);
}

ht_status ht_training_set(ht_training *t, const char *name, const char *value) {
  return ht_train_set(&t->options, &t->arena, name, value);
}

ht_status ht_training_threads(ht_training *t, int threads) {
  t->threads = threads;
  return HT_SUCCESS;
}

ht_status ht_training_read(ht_training *t, const char *path) {
  return ht_train_read(path, &t->arena, &t->options);
}

ht_status ht_training_get(const ht_training *t, const char *name,
                          char **value) {
  ht_text text = {0};
  *value = NULL;
  HT_TRY(ht_train_get(&t->options, name, &text));
  *value = strdup(text.p ? text.p : "");
  ht_text_free(&text);
  return *value ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a setting");
}

const char *ht_training_default(const char *name) {
  int n;
  const ht_setting *s = ht_train_settings(&n);
  for (int i = 0; i < n; i++)
    if (strcmp(s[i].name, name) == 0) return s[i].standard;
  return NULL;
}

/* Who is told, and how the internal events are put. */
typedef struct telling {
  ht_news_fn *tell;
  void *arg;
} telling;

static bool on_event(void *arg, const ht_event *e) {
  telling *t = arg;
  ht_news news = {.type = (ht_news_type)e->type,
                  .step = e->step,
                  .n_steps = e->n_steps,
                  .epoch = e->epoch,
                  .loss = e->loss,
                  .lr = e->lr,
                  .seconds = e->seconds,
                  .examples_per_second = e->rate,
                  .text = e->text,
                  .best_metric = e->best_metric,
                  .best = e->best};
  if (e->valid) {
    news.n_metrics = e->valid->n_values;
    news.metric = (const char *const *)e->valid->name;
    news.value = e->valid->value;
  }
  return t->tell(t->arg, &news);
}

static ht_status write_model(void *arg, const ht_trained *trained,
                             const char *folder) {
  (void)arg;
  return ht_export_trained((ht_trained *)trained, folder, false, true);
}

_Static_assert((int)HT_NEWS_SAVED == (int)HT_EVENT_SAVED,
               "the public kinds of news are the internal events");

ht_status ht_training_run(ht_training *t, ht_news_fn *tell, void *arg) {
  telling to = {tell, arg};
  ht_watcher watcher = {on_event, &to};
  ht_exporter exporter = {write_model, NULL};
  ht_threads_set(t->threads);
  return ht_train(&t->options, tell ? &watcher : NULL, &exporter);
}

ht_status ht_training_decide(ht_training *t, ht_news_fn *tell, void *arg,
                             char **json) {
  telling to = {tell, arg};
  ht_watcher watcher = {on_event, &to};
  ht_text text = {0};
  *json = NULL;
  ht_threads_set(t->threads);
  ht_status st = ht_train_decide(&t->options, tell ? &watcher : NULL, &text);
  if (st.code == HT_OK && !(*json = strdup(text.p)))
    st = ht_fail(HT_NO_MEMORY, "no memory for the settings");
  ht_text_free(&text);
  return st;
}
