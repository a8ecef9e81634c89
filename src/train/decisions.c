/* decisions.c - see decisions.h. */
#include "train/decisions.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *plural(int64_t n) { return n == 1 ? "" : "s"; }

/* Appends to a line; what does not fit is cut off. */
static void add(char line[HT_MESSAGE_MAX], const char *format, ...)
    HT_PRINTF(2, 3);
static void add(char line[HT_MESSAGE_MAX], const char *format, ...) {
  size_t n = strlen(line);
  va_list args;
  va_start(args, format);
  vsnprintf(line + n, HT_MESSAGE_MAX - n, format, args);
  va_end(args);
}

static bool has_empty(const ht_labels *l) {
  for (int i = 0; l->name && i < l->n; i++)
    if (!*l->name[i]) return true;
  return false;
}

static void tell_columns(const ht_decisions *d, char *line) {
  const ht_feed *f = d->loop->train;
  add(line, "data: ");
  for (int i = 0; i < f->n_inputs; i++)
    add(line, "'%s' feeds '%s', ", f->column[i]->name, f->input[i]->name);
  const char *label = f->label ? f->label->name : "";
  const ht_labels *l = &d->trained->labels;
  if (l->task == HT_TASK_REGRESS)
    add(line, "'%s' is regressed on (%d number%s)", label, l->n, plural(l->n));
  else
    add(line, "'%s' is the label: %s%d classes", label,
        l->task == HT_TASK_MULTILABEL ? "any of " : "one of ", l->n);
  if (has_empty(l)) add(line, ", of which the empty text is one");
  if (f->weight)
    add(line, ", '%s' is how much each counts",
        d->loop->options->weight_column);
}

static void tell_examples(const ht_decisions *d, char *line) {
  const ht_train_options *o = d->loop->options;
  add(line, "examples: %lld to train, ", (long long)d->n_train);
  if (!d->loop->valid)
    add(line, "none to validate: the last weights are kept");
  else
    add(line, "%lld to validate: the best epoch is kept",
        (long long)d->n_valid);
  if (d->loop->valid && o->patience > 0)
    add(line, ", and %lld without a better one end%s it",
        (long long)o->patience, o->patience == 1 ? "s" : "");
}

static void tell_model(const ht_decisions *d, char *line) {
  const ht_composed *c = &d->trained->composed;
  const char *output = c->output[0] ? c->output[0]->name : "features";
  add(line, "model: output '%s' of the module, ", output);
  if (c->n_layers)
    add(line, "%d value%s, a head of %d dense layer%s, ",
        (int)c->feature_shape.dim[c->feature_shape.rank - 1],
        plural(c->feature_shape.dim[c->feature_shape.rank - 1]), c->n_layers,
        plural(c->n_layers));
  add(line, "loss %s", c->design.loss->name);
}

typedef struct group {
  int variables;
  int64_t weights;
  double low, high; /* rates */
} group;

static void count(const ht_decisions *d, group *head, group *module) {
  const ht_composed *c = &d->trained->composed;
  const ht_optimizer *o = d->loop->optimizer;
  for (int i = 0; i < o->n_tuned; i++) {
    bool layer = i < 2 * c->n_layers; /* the head's come first */
    group *g = layer ? head : module;
    g->variables++;
    g->weights += ht_count(&o->tuned[i].variable->value);
    double lr = o->tuned[i].lr;
    if (g->variables == 1 || lr < g->low) g->low = lr;
    if (g->variables == 1 || lr > g->high) g->high = lr;
  }
}

static void tell_group(char *line, const char *name, const group *g) {
  if (!g->variables) return;
  add(line, " %d variable%s of the %s (%lld weights) at %g", g->variables,
      plural(g->variables), name, (long long)g->weights, g->low);
  if (g->high > g->low) add(line, " to %g", g->high);
  add(line, ",");
}

static void tell_training(const ht_decisions *d, char *line) {
  group head = {0}, module = {0};
  const ht_loop *l = d->loop;
  count(d, &head, &module);
  add(line, "training:");
  tell_group(line, "head", &head);
  tell_group(line, "module", &module);
  add(line, " by %s, %lld step%s of %lld", l->optimizer->kind->name,
      (long long)l->n_steps, plural(l->n_steps), (long long)l->options->batch);
  if (l->frozen)
    add(line, "; %s runs once per example",
        module.variables ? "the module up to what trains" : "the module");
  if (l->frozen && l->frozen->found)
    add(line, ", %lld of %lld read from the cache", (long long)l->frozen->found,
        (long long)l->frozen->n);
}

void ht_decisions_tell(const ht_decisions *d, ht_notice_fn *say, void *arg) {
  static void (*const part[])(const ht_decisions *, char *) = {
      tell_columns, tell_examples, tell_model, tell_training};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    char line[HT_MESSAGE_MAX] = "";
    part[i](d, line);
    say(arg, line);
  }
}

/* ---- the settings that say the same */

static const char *task_name(ht_task task) {
  return task == HT_TASK_REGRESS      ? "regress"
         : task == HT_TASK_MULTILABEL ? "multilabel"
                                      : "classify";
}

/* A column of the data for each input; what has a default needs none. */
static ht_status decide_inputs(const ht_feed *f, ht_arena *arena,
                               ht_train_options *out) {
  HT_NEW(out->input, arena, f->n_inputs + 1);
  out->n_input = 0;
  for (int i = 0; i < f->n_inputs; i++) {
    const char *column = f->column[i]->name;
    if (ht_dataset_find(&f->data, column) != f->column[i]) continue;
    char *text = ht_arena_printf(arena, "%s=%s", f->input[i]->name, column);
    if (!text) return ht_fail(HT_NO_MEMORY, "no memory for the settings");
    out->input[out->n_input++] = text;
  }
  return HT_SUCCESS;
}

static ht_status copy_name(ht_arena *arena, const char *name,
                           const char **out) {
  *out = ht_arena_string(arena, name);
  return *out ? HT_SUCCESS
              : ht_fail(HT_NO_MEMORY, "no memory for the settings");
}

ht_status ht_decisions_settings(const ht_decisions *d, ht_arena *arena,
                                ht_train_options *out) {
  const ht_loop *l = d->loop;
  const ht_composed *c = &d->trained->composed;
  const ht_hyper *hyper = &l->optimizer->hyper;
  *out = *l->options;
  HT_TRY(decide_inputs(l->train, arena, out));
  if (l->train->label)
    HT_TRY(copy_name(arena, l->train->label->name, &out->label));
  if (!out->output && c->output[0])
    HT_TRY(copy_name(arena, c->output[0]->name, &out->output));
  out->task = task_name(d->trained->labels.task);
  out->loss = c->design.loss->name;
  if (!out->rates) out->lr = hyper->lr;
  out->weight_decay = hyper->weight_decay;
  if (!out->rates && out->module_lr < 0) out->module_lr = hyper->lr / 10;
  return HT_SUCCESS;
}
