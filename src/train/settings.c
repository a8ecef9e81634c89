/* settings.c - the settings of a training, a row each, see train.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/rates.h"
#include "train/train.h"

#define AT(field) offsetof(ht_train_options, field), 0
#define LIST(field) \
  offsetof(ht_train_options, field), offsetof(ht_train_options, n_##field)

static const ht_setting settings[] = {
    {"module", HT_SET_LIST, LIST(module), NULL,
     "HANDLE or NAME=HANDLE of a module"},
    {"preprocess", HT_SET_LIST, LIST(preprocess), NULL,
     "HANDLE of a module that prepares its inputs; NAME=HANDLE for one of "
     "several"},
    {"apply", HT_SET_LIST, LIST(apply), NULL,
     "NAME=MODULE: once more, as NAME, with the same weights"},
    {"connect", HT_SET_LIST, LIST(connect), NULL,
     "NAME.input=NAME.output: one module feeds another"},
    {"data", HT_SET_TEXT, AT(data), NULL, "training examples"},
    {"out", HT_SET_TEXT, AT(out), NULL, "the run's folder"},
    {"text", HT_SET_TEXT, AT(text), NULL, "column of texts"},
    {"image", HT_SET_TEXT, AT(image), NULL, "column of images"},
    {"input", HT_SET_LIST, LIST(input), NULL, "NAME=COLUMN of an input"},
    {"label", HT_SET_TEXT, AT(label), NULL, "column of labels"},
    {"task", HT_SET_TEXT, AT(task), NULL,
     "classify, multilabel or regress; default: from the labels"},
    {"valid", HT_SET_TEXT, AT(valid), NULL, "validation examples"},
    {"valid-split", HT_SET_REAL, AT(valid_split), "0",
     "share of the data held back for validation"},
    {"group", HT_SET_TEXT, AT(group), NULL,
     "COL or COL=REGEX: where equal, examples stay on one side"},
    {"test", HT_SET_TEXT, AT(test), NULL, "examples for a last test"},
    {"signature", HT_SET_TEXT, AT(signature), NULL, "signature to call"},
    {"call", HT_SET_TEXT, AT(call), NULL, "callable to call"},
    {"argument", HT_SET_LIST, LIST(argument), NULL,
     "NAME=VALUE of a Python argument"},
    {"output", HT_SET_TEXT, AT(output), NULL, "what feeds the head"},
    {"mode", HT_SET_TEXT, AT(mode), NULL,
     "training or inference variant for the steps"},
    {"bn", HT_SET_TEXT, AT(bn), NULL, "batch normalisation: frozen or update"},
    {"trainable", HT_SET_FLAG, AT(trainable), "false",
     "train the module's variables, too"},
    {"trainable-variables", HT_SET_TEXT, AT(trainable_variables), NULL,
     "train those whose name this expression finds"},
    {"tags", HT_SET_TEXT, AT(tags), NULL, "graph of the module"},
    {"head", HT_SET_TEXT, AT(head), "linear", "linear, mlp:N,N or none"},
    {"head-init", HT_SET_TEXT, AT(head_init), "glorot",
     "glorot, zeros or an .npz of kernel and bias"},
    {"dropout", HT_SET_REAL, AT(dropout), "0", "before each dense layer"},
    {"loss", HT_SET_TEXT, AT(loss), "auto",
     "softmax, sigmoid, mse, mae or huber"},
    {"init-from", HT_SET_TEXT, AT(init_from), NULL,
     "a run to train on from; new classes are added to its own"},
    {"label-smoothing", HT_SET_REAL, AT(label_smoothing), "0", NULL},
    {"weight-column", HT_SET_TEXT, AT(weight_column), NULL,
     "column of how much each example counts"},
    {"class-weights", HT_SET_TEXT, AT(class_weights), NULL, "balanced"},
    {"optimizer", HT_SET_TEXT, AT(optimizer), "adam",
     "sgd, adam, adamw, adagrad or rmsprop"},
    {"lr", HT_SET_RATE, offsetof(ht_train_options, lr),
     offsetof(ht_train_options, rates), "-1",
     "learning rate, or PATTERN=RATE,...; default: Keras's"},
    {"module-lr", HT_SET_REAL, AT(module_lr), "-1",
     "of the module's variables; default: a tenth of --lr"},
    {"momentum", HT_SET_REAL, AT(momentum), "0", "of sgd and rmsprop"},
    {"nesterov", HT_SET_FLAG, AT(nesterov), "false", NULL},
    {"weight-decay", HT_SET_REAL, AT(weight_decay), "-1",
     "decoupled; default: Keras's"},
    {"clip-norm", HT_SET_REAL, AT(clip_norm), "0",
     "global norm of the gradient"},
    {"l1", HT_SET_REAL, AT(l1), "0", "on the head's kernels"},
    {"l2", HT_SET_REAL, AT(l2), "0", "on the head's kernels"},
    {"no-module-losses", HT_SET_FLAG, AT(no_module_losses), "false",
     "leave out the module's regularization losses"},
    {"schedule", HT_SET_TEXT, AT(schedule), "constant",
     "constant, linear or cosine"},
    {"warmup", HT_SET_INT, AT(warmup), "0", "steps of rising learning rate"},
    {"batch", HT_SET_INT, AT(batch), "32", "examples a step"},
    {"accumulate", HT_SET_INT, AT(accumulate), "1",
     "parts of a batch, whose gradients are summed"},
    {"epochs", HT_SET_INT, AT(epochs), "10", NULL},
    {"steps", HT_SET_INT, AT(steps), "0", "stop after so many steps"},
    {"seed", HT_SET_INT, AT(seed), "0", NULL},
    {"no-shuffle", HT_SET_FLAG, AT(no_shuffle), "false", NULL},
    {"patience", HT_SET_INT, AT(patience), "0",
     "stop after so many epochs without improvement"},
    {"image-size", HT_SET_TEXT, AT(image_size), NULL,
     "N or HEIGHTxWIDTH where the module does not say"},
    {"image-range", HT_SET_TEXT, AT(image_range), NULL,
     "LOW,HIGH of black and white; default 0,1, of bytes 0,255"},
    {"image-resize", HT_SET_TEXT, AT(image_resize), "bilinear",
     "bilinear, area, bicubic or nearest"},
    {"skip-broken", HT_SET_INT, AT(skip_broken), "10",
     "go on past so many images that cannot be read"},
    {"max-bad", HT_SET_INT, AT(max_bad), "0",
     "go on past so many records that cannot be read"},
    {"no-cache", HT_SET_FLAG, AT(no_cache), "false",
     "keep nothing for other runs"},
    {"augment", HT_SET_TEXT, AT(augment), NULL,
     "flip,crop,zoom,rotation,color"},
    {"save-every", HT_SET_INT, AT(save_every), "0",
     "steps between checkpoints; default: an epoch"},
    {"keep", HT_SET_INT, AT(keep), "3", "checkpoints to keep"},
    {"head-first", HT_SET_INT, AT(head_first), "0",
     "epochs of the head alone before the module trains, too"},
    {"assert", HT_SET_LIST, LIST(assert), NULL,
     "METRIC>=X, without which no model is written"},
    {"retreats", HT_SET_INT, AT(retreats), "3",
     "go back to a good state at a tenth of the rates so often"},
    {"resume", HT_SET_FLAG, AT(resume), "false",
     "go on from the last checkpoint"},
    {"tensorboard", HT_SET_FLAG, AT(tensorboard), "false",
     "write RUN/events for TensorBoard"},
    {"profile", HT_SET_FLAG, AT(profile), "false",
     "time by kind of op; a Chrome trace in RUN/trace.json"},
    {"log", HT_SET_TEXT, AT(log), NULL, "log file; default RUN/log.jsonl"},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

const ht_setting *ht_train_settings(int *n) {
  *n = N_SETTINGS;
  return settings;
}

/* Those that say what is trained on which data and what is written; the others
 * shape the training. */
static bool shapes(const char *name) {
  static const char *const others[] = {
      "module",      "data",          "out",         "text",
      "image",       "weight-column", "input",       "label",
      "task",        "valid",         "test",        "signature",
      "call",        "argument",      "output",      "tags",
      "seed",        "image-size",    "image-range", "image-resize",
      "skip-broken", "max-bad",       "no-cache",    "save-every",
      "keep",        "assert",        "retreats",    "resume",
      "tensorboard", "profile",       "log"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strcmp(name, others[i]) == 0) return false;
  return true;
}

static void *field(const ht_train_options *o, size_t offset) {
  return (char *)(uintptr_t)o + offset;
}

static ht_status bad_value(const ht_setting *s, const char *value,
                           const char *wanted) {
  return ht_fail(HT_USAGE, "'--%s' wants %s, not '%s'", s->name, wanted, value);
}

static ht_status add_to_list(ht_train_options *o, ht_arena *arena,
                             const ht_setting *s, char *text) {
  const char ***list = field(o, s->offset), **longer;
  int *n = field(o, s->count_offset);
  HT_NEW(longer, arena, *n + 1);
  if (*n) memcpy(longer, *list, (size_t)*n * sizeof *longer);
  longer[(*n)++] = text;
  *list = longer;
  return HT_SUCCESS;
}

static ht_status set_text(ht_train_options *o, ht_arena *arena,
                          const ht_setting *s, const char *value) {
  char *text = ht_arena_string(arena, value);
  if (!text) return ht_fail(HT_NO_MEMORY, "no memory for the settings");
  if (s->type == HT_SET_LIST) return add_to_list(o, arena, s, text);
  *(const char **)field(o, s->offset) = text;
  return HT_SUCCESS;
}

static ht_status set_rate(ht_train_options *o, ht_arena *arena,
                          const ht_setting *s, const char *value) {
  const char **rates = field(o, s->count_offset);
  double x, *rate = field(o, s->offset);
  *rates = NULL;
  if (value && ht_parse_double(value, &x) && x >= 0 && isfinite(x)) {
    *rate = x;
    return HT_SUCCESS;
  }
  if (!value || !strchr(value, '='))
    return bad_value(s, value ? value : "", "a number or PATTERN=RATE,...");
  HT_TRY(ht_rates_check(value));
  *rates = ht_arena_string(arena, value);
  return *rates ? HT_SUCCESS
                : ht_fail(HT_NO_MEMORY, "no memory for the settings");
}

static ht_status set_value(ht_train_options *o, ht_arena *arena,
                           const ht_setting *s, const char *value) {
  switch (s->type) {
    case HT_SET_FLAG:
      if (value && strcmp(value, "true") && strcmp(value, "false"))
        return bad_value(s, value, "true or false");
      *(bool *)field(o, s->offset) = !value || strcmp(value, "true") == 0;
      return HT_SUCCESS;
    case HT_SET_REAL:
      if (!value || !ht_parse_double(value, field(o, s->offset)))
        return bad_value(s, value ? value : "", "a number");
      return HT_SUCCESS;
    case HT_SET_RATE: return set_rate(o, arena, s, value);
    case HT_SET_INT:
      if (!value || !ht_parse_int(value, field(o, s->offset)))
        return bad_value(s, value ? value : "", "a whole number");
      return HT_SUCCESS;
    case HT_SET_LIST:
      if (value) return set_text(o, arena, s, value);
      *(int *)field(o, s->count_offset) = 0;
      return HT_SUCCESS;
    default:
      if (!value) return bad_value(s, "", "a value");
      return set_text(o, arena, s, value);
  }
}

static ht_status find(const char *name, const ht_setting **out) {
  const char *names[N_SETTINGS];
  for (int i = 0; i < N_SETTINGS; i++) {
    *out = &settings[i];
    names[i] = settings[i].name;
    if (strcmp(names[i], name) == 0) return HT_SUCCESS;
  }
  const char *near = ht_nearest(name, names, N_SETTINGS);
  return near ? ht_fail(HT_USAGE, "unknown setting '%s': perhaps '%s'", name,
                        near)
              : ht_fail(HT_USAGE, "unknown setting '%s'", name);
}

ht_status ht_train_known(const char *name) {
  const ht_setting *s;
  return find(name, &s);
}

ht_status ht_train_set(ht_train_options *o, ht_arena *arena, const char *name,
                       const char *value) {
  const ht_setting *s;
  HT_TRY(find(name, &s));
  if (shapes(name)) o->open = false;
  return set_value(o, arena, s, value);
}

ht_status ht_train_get(const ht_train_options *o, const char *name,
                       ht_text *out) {
  const ht_setting *s;
  HT_TRY(find(name, &s));
  const void *at = field(o, s->offset);
  if (s->type == HT_SET_RATE && *(const char **)field(o, s->count_offset))
    ht_text_add(out, *(const char **)field(o, s->count_offset));
  else if (s->type == HT_SET_REAL || s->type == HT_SET_RATE)
    ht_text_printf(out, "%.17g", *(const double *)at);
  if (s->type == HT_SET_INT)
    ht_text_printf(out, "%lld", (long long)*(const int64_t *)at);
  if (s->type == HT_SET_FLAG)
    ht_text_add(out, *(const bool *)at ? "true" : "false");
  if (s->type == HT_SET_TEXT && *(const char *const *)at)
    ht_text_add(out, *(const char *const *)at);
  int n = s->type == HT_SET_LIST ? *(int *)field(o, s->count_offset) : 0;
  for (int i = 0; i < n; i++)
    ht_text_printf(out, "%s%s", i ? "," : "",
                   (*(const char *const *const *)at)[i]);
  return ht_text_check(out);
}

void ht_train_defaults(ht_train_options *o) {
  *o = (ht_train_options){0};
  for (int i = 0; i < N_SETTINGS; i++) {
    const ht_setting *s = &settings[i];
    if (!s->standard) continue;
    if (s->type == HT_SET_TEXT)
      *(const char **)field(o, s->offset) = s->standard;
    if (s->type == HT_SET_REAL || s->type == HT_SET_RATE)
      *(double *)field(o, s->offset) = strtod(s->standard, NULL);
    if (s->type == HT_SET_INT)
      *(int64_t *)field(o, s->offset) = strtoll(s->standard, NULL, 10);
  }
}
