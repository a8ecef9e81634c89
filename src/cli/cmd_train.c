/* cmd_train.c - hubtune train: fine-tunes a module. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fetching.h"
#include "cli/progress.h"

#define FIELD_FLAG bool
#define FIELD_TEXT const char *
#define FIELD_CHOICE const char *
#define FIELD_INT int64_t
#define FIELD_REAL double
#define FIELD_LIST option_list

typedef struct settings {
#define SETTING(id, name, argument, help, kind, low, high) FIELD_##kind id;
#include "cli/train_options.def"
#undef SETTING
  const char *config;
  bool frozen, print_config;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
#define SETTING(id, name, argument, help, kind, low, high) \
  {name, argument, help, OPTION_##kind, AT(id), 0, low, high},
#include "cli/train_options.def"
#undef SETTING
    {"frozen", NULL,
     "train the head alone, which is the default once anything is said of how "
     "to train",
     OPTION_FLAG, AT(frozen)},
    {"config", "F.json",
     "settings to begin with: RUN/config.json or what --print-config wrote; "
     "the command line counts more",
     OPTION_TEXT, AT(config)},
    {"print-config", NULL,
     "write all settings with everything decided that was left open, and do "
     "nothing",
     OPTION_FLAG, AT(print_config)},
    {0}};
#undef AT

enum {
  FROZEN,
  CONFIG,
  PRINT_CONFIG,
  CONFIG_ROWS
}; /* at the end: no settings of the library */

static int n_settings(void) {
  return (int)(sizeof options / sizeof *options) - 1 - CONFIG_ROWS;
}

/* The library's defaults; a negative number there means: not set. */
static void set_defaults(void *p) {
  for (int i = 0; i < n_settings(); i++) {
    const option *o = &options[i];
    void *at = (char *)p + o->offset;
    const char *text = ht_training_default(o->name);
    double x = text ? strtod(text, NULL) : -1;
    if (o->kind == OPTION_INT)
      *(int64_t *)at = x < 0 ? OPTION_UNSET : (int64_t)x;
    if (o->kind == OPTION_REAL) *(double *)at = x < 0 ? NAN : x;
    if (o->kind == OPTION_TEXT || o->kind == OPTION_CHOICE)
      *(const char **)at = text && x < 0 ? NULL : text;
  }
}

/* Hands on what the command line says; lists in the place of the file's. */
static ht_status hand_on(ht_training *t, const option *o, const void *at) {
  char text[64];
  ht_status st = {HT_OK, NULL};
  switch (o->kind) {
    case OPTION_FLAG:
      return ht_training_set(t, o->name, *(const bool *)at ? "true" : "false");
    case OPTION_TEXT:
    case OPTION_CHOICE:
      return ht_training_set(t, o->name, *(const char *const *)at);
    case OPTION_INT:
      snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)at);
      return ht_training_set(t, o->name, text);
    case OPTION_REAL:
      snprintf(text, sizeof text, "%.17g", *(const double *)at);
      return ht_training_set(t, o->name, text);
    case OPTION_LIST:
      st = ht_training_set(t, o->name, NULL);
      for (int i = 0; i < ((const option_list *)at)->n && st.code == HT_OK; i++)
        st = ht_training_set(t, o->name, ((const option_list *)at)->value[i]);
  }
  return st;
}

/* The file first, then the command line. */
static ht_status configure(ht_training *t, const invocation *c) {
  const settings *s = c->settings;
  ht_status st = {HT_OK, NULL};
  if (s->config) st = ht_training_read(t, s->config);
  for (int i = 0; i < n_settings() && st.code == HT_OK; i++)
    if (c->given[i])
      st = hand_on(t, &options[i], (const char *)s + options[i].offset);
  if (st.code == HT_OK && s->frozen)
    st = ht_training_set(t, "trainable", "false");
  return st;
}

/* ---- what is shown meanwhile */

typedef struct view {
  progress bar;
  const invocation *c;
  int64_t batch;
} view;

/* One number of several classes is enough, with its balance. */
static void put_metrics(FILE *out, const ht_news *n) {
  static const char *const spared[] = {"top_5", "precision", "recall"};
  for (int i = 0; i < n->n_metrics; i++) {
    bool spare = false;
    for (int k = 0; k < 3; k++) spare |= strcmp(n->metric[i], spared[k]) == 0;
    if (!spare) fprintf(out, "  %s %.4f", n->metric[i], n->value[i]);
  }
}

/* Figures of an epoch, or of the test. */
static void show_figures(view *v, const ht_news *n) {
  char *line = NULL;
  size_t size;
  FILE *out = open_memstream(&line, &size);
  if (!out) return;
  if (n->type == HT_NEWS_EPOCH)
    fprintf(out, "epoch %lld", (long long)n->epoch);
  else
    fputs("test", out);
  fprintf(out, "  loss %.4f", n->loss);
  put_metrics(out, n);
  if (n->type == HT_NEWS_EPOCH)
    fprintf(out, "  %.0f examples/s  %.1f s", n->examples_per_second,
            n->seconds);
  bool whole = fclose(out) == 0;
  progress_clear(&v->bar);
  if (whole) remark(v->c, "%s", line);
  free(line);
}

static void show_step(view *v, const ht_news *n) {
  char what[64], loss[32], best[64];
  snprintf(what, sizeof what, "step %lld/%lld", (long long)n->step,
           (long long)n->n_steps);
  snprintf(loss, sizeof loss, "loss %.4f", n->loss);
  if (n->best_metric)
    snprintf(best, sizeof best, "best %s %.4f", n->best_metric, n->best);
  progress_show(&v->bar,
                &(progress_state){.what = what,
                                  .done = n->step * v->batch,
                                  .total = n->n_steps * v->batch,
                                  .unit = "examples",
                                  .loss = loss,
                                  .best = n->best_metric ? best : NULL});
}

static bool tell(void *arg, const ht_news *n) {
  view *v = arg;
  switch (n->type) {
    case HT_NEWS_NOTE:
      progress_clear(&v->bar);
      remark(v->c, "%s", n->text);
      break;
    case HT_NEWS_STEP: show_step(v, n); break;
    case HT_NEWS_EPOCH:
    case HT_NEWS_TEST: show_figures(v, n); break;
    case HT_NEWS_SAVED:
      if (v->c->common->verbose) {
        progress_clear(&v->bar);
        remark(v->c, "saved %s", n->text);
      }
      break;
  }
  return signals_noted() == 0;
}

/* The handle of "NAME=HANDLE"; addresses may have "=" too, but after "/". */
static const char *handle_of(const char *text) {
  const char *equals = text + strcspn(text, "=/:.?");
  return *equals == '=' && equals > text ? equals + 1 : text;
}

static int check(const settings *s) {
  bool out = s->out || s->print_config;
  bool module = s->module.n || s->init_from;
  if (!s->config && (!module || !s->data || !out))
    return wrong_use("train needs --module, --data and --out");
  if (s->trainable && s->frozen)
    return wrong_use("either --trainable or --frozen, not both");
  if (s->signature && s->call)
    return wrong_use("either --signature or --call, not both");
  return DONE;
}

static ht_status fetch_all(const invocation *c, const option_list *list) {
  ht_status st = {HT_OK, NULL};
  for (int i = 0; i < list->n && st.code == HT_OK; i++)
    st = fetch_before(c, handle_of(list->value[i]));
  return st;
}

static ht_status fetch_modules(const invocation *c) {
  const settings *s = c->settings;
  signals_subject(s->module.n == 1 ? s->module.value[0] : "the module");
  ht_status st = fetch_all(c, &s->module);
  return st.code == HT_OK ? fetch_all(c, &s->preprocess) : st;
}

static ht_status print_config(ht_training *t, view *v) {
  char *json;
  ht_status st = ht_training_decide(t, tell, v, &json);
  progress_clear(&v->bar);
  if (st.code == HT_OK) fputs(json, stdout);
  free(json);
  return st;
}

static ht_status train(ht_training *t, view *v) {
  char *batch = NULL, *out = NULL;
  ht_status st = ht_training_get(t, "batch", &batch);
  if (st.code == HT_OK) st = ht_training_get(t, "out", &out);
  v->batch = batch ? strtoll(batch, NULL, 10) : 1;
  if (st.code == HT_OK) st = ht_training_run(t, tell, v);
  progress_clear(&v->bar);
  if (st.code == HT_OK)
    remark(v->c, "model: %s/model, report: %s/report.html", out, out);
  free(batch);
  free(out);
  return st;
}

static int run(const invocation *c) {
  const settings *s = c->settings;
  ht_training *t = NULL;
  view v = {.c = c};
  int wrong = check(s);
  if (wrong) return wrong;
  ht_status st = ht_training_new(&t);
  if (st.code == HT_OK) st = configure(t, c);
  if (st.code == HT_OK) st = fetch_modules(c);
  if (st.code == HT_OK) signals_note();
  progress_start(&v.bar, c->common->quiet);
  if (st.code == HT_OK) st = ht_training_threads(t, (int)c->common->threads);
  if (st.code == HT_OK)
    st = s->print_config ? print_config(t, &v) : train(t, &v);
  progress_clear(&v.bar);
  int status = st.code == HT_OK ? DONE : failed(st);
  if (st.code == HT_STOPPED && !s->print_config)
    remark(c, "the same command with --resume goes on from there");
  ht_training_free(t);
  return status;
}

const action do_train = {
    .text =
        "Trains a head on a module's output, and with --trainable the module "
        "itself. Needs --module, --data and --out.\n\n"
        "DATA is .csv, .tsv, .jsonl, fastText text ('__label__x text'), a "
        "folder of class folders with texts or images, .npz, .h5 or "
        ".tfrecord. Fields of .csv may stand in quotes; in .tsv a quote is a "
        "character like others, and a field ends at a tab.\n\n"
        "RUN gets model/ (a SavedModel, the best by validation, with "
        "signatures for TF Serving), report.html, model_card.md, checkpoints/, "
        "log.jsonl, log.csv and config.json, with --tensorboard events/, too. "
        "Ctrl-C saves a checkpoint "
        "and stops; --resume goes on from there to the same weights as if "
        "nothing had happened.\n\n"
        "What is left open is decided from module and data, and told. Where "
        "nothing is said of how to train (as '--module M --data D --out R' "
        "alone), all of it is chosen: whether the module trains, rates, "
        "dropout, epochs, and a part that is held back to end them by. "
        "--print-config writes the decisions as JSON, which --config takes.\n\n"
        "Examples:\n"
        "  hubtune train --module nnlm --data reviews.csv --text review "
        "--label stars --out run\n"
        "  hubtune train --preprocess bert_preprocess --module bert --data "
        "reviews.csv --trainable --out run",
    .options = options,
    .set_defaults = set_defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
