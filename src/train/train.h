/*
 * train.h - fine-tuning a module: what to do, and what is told meanwhile.
 */
#ifndef HT_TRAIN_TRAIN_H
#define HT_TRAIN_TRAIN_H

#include "base/text.h"
#include "train/compose.h"

/* Every setting of a training, named as on the command line (cli.md). */
typedef struct ht_train_options {
  const char *data, *out;
  const char *text, *image, *label, *weight_column, *task;
  const char *valid, *test;
  const char *signature, *call, *output, *mode, *tags;
  const char *trainable_variables; /* a regular expression */
  const char *head, *head_init, *loss, *class_weights;
  const char *optimizer, *schedule, *augment, *log;
  const char *image_size, *image_range, *image_resize, *group, *bn;
  const char **module, **preprocess; /* "HANDLE", "NAME=HANDLE" */
  const char **apply, **connect;     /* "NAME=MODULE", "INPUT=OUTPUT" */
  const char **input, **argument;    /* "NAME=COLUMN", "NAME=VALUE" */
  int n_module, n_preprocess, n_apply, n_connect, n_input, n_argument;
  double valid_split, dropout, label_smoothing, l1, l2;
  double lr, module_lr, weight_decay; /* negative: the default */
  const char *init_from; /* a run whose weights are the first ones */
  const char *begin;     /* the same; not a setting: a stage of this run */
  const char **assert;   /* "METRIC>=X" */
  int n_assert;
  int64_t head_first; /* epochs of the head alone */
  const char *rates;  /* rates.h; NULL: lr */
  double momentum, clip_norm;
  bool trainable, nesterov, no_module_losses, no_shuffle, resume, tensorboard,
      profile, no_cache;
  bool open; /* nothing is said of how to train: recipe.h chooses; set by who
                asks for it, cleared by ht_train_set */
  int64_t warmup, batch, accumulate, epochs, steps, seed, patience;
  int64_t save_every, keep;
  int64_t skip_broken, max_bad, retreats;
} ht_train_options;

typedef enum ht_setting_type {
  HT_SET_TEXT,
  HT_SET_LIST, /* of texts; the count follows in n_<name> */
  HT_SET_REAL,
  HT_SET_RATE, /* a number, or a text in the place of the count */
  HT_SET_INT,
  HT_SET_FLAG
} ht_setting_type;

/* A setting, with its place in ht_train_options. */
typedef struct ht_setting {
  const char *name; /* "valid-split" */
  ht_setting_type type;
  size_t offset, count_offset;
  const char *standard; /* the default as text, NULL: none */
  const char *doc;
} ht_setting;
const ht_setting *ht_train_settings(int *n);

void ht_train_defaults(ht_train_options *o);
/* Sets one by its name and the text of its value (NULL for a flag, or to
 * empty a list). Texts are
 * copied. Unknown names and bad values are HT_USAGE. */
ht_status ht_train_set(ht_train_options *o, ht_arena *arena, const char *name,
                       const char *value) HT_MUST_CHECK;
/* Fails where there is no such setting, naming the nearest. */
ht_status ht_train_known(const char *name) HT_MUST_CHECK;
/* Appends the value as text: nothing where it is not set, items of a list
 * with ',' between. */
ht_status ht_train_get(const ht_train_options *o, const char *name,
                       ht_text *out) HT_MUST_CHECK;
/* All settings as a JSON object, null where not set, and back; what is wrong
 * with a file is told with its line. */
ht_status ht_train_json(const ht_train_options *o, ht_text *out) HT_MUST_CHECK;
ht_status ht_train_write(const ht_train_options *o,
                         const char *path) HT_MUST_CHECK;
ht_status ht_train_read(const char *path, ht_arena *arena,
                        ht_train_options *o) HT_MUST_CHECK;

/* ---- progress */

typedef enum ht_event_type {
  HT_EVENT_NOTE,  /* text: what the user should know */
  HT_EVENT_STEP,  /* step, loss, lr */
  HT_EVENT_EPOCH, /* epoch, loss, seconds, rate, metrics */
  HT_EVENT_SAVED, /* text: where */
  HT_EVENT_TEST   /* loss, metrics on the test data, at the end */
} ht_event_type;

typedef struct ht_event {
  ht_event_type type;
  int64_t step, n_steps, epoch;     /* from 1; n_steps of the whole training */
  double loss, lr, seconds, rate;   /* rate: examples a second */
  const struct ht_scorecard *valid; /* NULL: no validation data; at the end
                                       of the test data */
  const char *text;
  const char *best_metric; /* NULL: no best epoch yet */
  double best;
} ht_event;

/* Gets every event; false asks to stop, which saves first. */
typedef struct ht_watcher {
  bool (*event)(void *arg, const ht_event *e);
  void *arg;
} ht_watcher;

struct ht_trained;

/*
 * Writes RUN/model: `trained` answers as the best weights do. The exporter is
 * handed in, so that training knows no format.
 */
typedef struct ht_exporter {
  ht_status (*write)(void *arg, const struct ht_trained *trained,
                     const char *folder);
  void *arg;
} ht_exporter;

/*
 * Fine-tunes as the options say, into o->out. With o->resume goes on where
 * the last checkpoint stands, to the same weights bit for bit. HT_STOPPED
 * when the watcher asked to; HT_NUMERIC when the loss is not finite (the last
 * good checkpoint stays). watcher and exporter may be NULL.
 */
ht_status ht_train(const ht_train_options *o, const ht_watcher *watcher,
                   const ht_exporter *exporter) HT_MUST_CHECK;
/* What it would do, without doing it: the settings as JSON with everything
 * decided, from module and data, that was left open. o->out may be NULL. */
ht_status ht_train_decide(const ht_train_options *o, const ht_watcher *watcher,
                          ht_text *json) HT_MUST_CHECK;
/* The same with a module that is open, stays the caller's and ends with the
 * last weights; exports nothing. */
ht_status ht_train_model(ht_model *model, const ht_train_options *o,
                         const ht_watcher *watcher) HT_MUST_CHECK;

/* ---- what was trained */

/* A run folder, open: the module with its best weights, head and labels. */
typedef struct ht_trained {
  ht_arena arena;
  const char *run; /* its folder; NULL: it is in training */
  int64_t step;    /* of a run: that of its best weights */
  ht_train_options options;
  ht_model *model;
  bool owns_model;
  ht_labels labels;
  ht_composed composed;
  void (*notice)(void *arg, const char *text); /* NULL: nobody is told */
  void *notice_arg;
} ht_trained;

ht_status ht_trained_open(const char *run, ht_trained *out) HT_MUST_CHECK;
void ht_trained_close(ht_trained *t);

/* Answers and metrics on labelled data, columns as in training. */
ht_status ht_trained_eval(ht_trained *t, const char *data,
                          struct ht_scorecard *out) HT_MUST_CHECK;
/* Scores of examples: in[i] per input of the composed model; [n, width]. */
ht_status ht_trained_predict(ht_trained *t, const ht_tensor *const *in,
                             ht_tensor *scores) HT_MUST_CHECK;

#endif
