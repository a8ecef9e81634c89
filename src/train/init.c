/* init.c - see init.h. */
#include "train/init.h"

#include <string.h>

#include "base/file.h"
#include "train/checkpoint.h"
#include "train/joint.h"

const char *ht_init_run(const ht_train_options *o) {
  return o->begin ? o->begin : o->init_from;
}

/* ---- settings */

static ht_status take_module(const ht_train_options *from,
                             ht_train_options *o) {
  if (o->n_module) return HT_SUCCESS;
  o->module = from->module;
  o->n_module = from->n_module;
  o->preprocess = from->preprocess;
  o->n_preprocess = from->n_preprocess;
  o->apply = from->apply;
  o->n_apply = from->n_apply;
  o->connect = from->connect;
  o->n_connect = from->n_connect;
  if (!o->n_argument) o->argument = from->argument;
  if (!o->n_argument) o->n_argument = from->n_argument;
  if (!o->signature && !o->call) {
    o->signature = from->signature;
    o->call = from->call;
  }
  if (!o->tags) o->tags = from->tags;
  if (!o->output) o->output = from->output;
  return HT_SUCCESS;
}

ht_status ht_init_options(ht_train_options *o, ht_arena *arena) {
  ht_train_options from = {0};
  ht_trained_note note;
  if (!o->init_from) return HT_SUCCESS;
  const char *path = ht_path_join(arena, o->init_from, "config.json");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(path))
    return ht_fail(HT_USAGE, "'--init-from': '%s' is no run", o->init_from);
  HT_TRY(ht_train_read(path, arena, &from));
  HT_TRY(ht_prepare_read_note(o->init_from, arena, &note));
  HT_TRY(ht_joint_given_in(&from, note.folder, arena));
  if (strcmp(o->head, "linear") == 0) o->head = from.head;
  return take_module(&from, o);
}

/* ---- classes */

static ht_status merge(const ht_trained_note *old, ht_labels *labels) {
  const char **name;
  int n = old->n;
  HT_NEW(name, &labels->arena, old->n + labels->n + 1);
  for (int i = 0; i < old->n; i++) {
    name[i] = ht_arena_string(&labels->arena, old->name[i]);
    if (!name[i]) return ht_fail(HT_NO_MEMORY, "no memory for labels");
  }
  for (int i = 0; i < labels->n; i++) {
    bool known = false;
    for (int k = 0; k < old->n && !known; k++)
      known = strcmp(old->name[k], labels->name[i]) == 0;
    if (!known) name[n++] = labels->name[i];
  }
  labels->name = name;
  labels->n = n;
  return HT_SUCCESS;
}

ht_status ht_init_labels(const char *run, ht_labels *labels) {
  ht_arena arena = {0};
  ht_trained_note old;
  ht_status st = ht_prepare_read_note(run, &arena, &old);
  if (st.code == HT_OK && old.task != labels->task)
    st = ht_fail(HT_USAGE, "'--init-from': '%s' was trained for another task",
                 run);
  if (st.code == HT_OK && labels->task != HT_TASK_REGRESS)
    st = merge(&old, labels);
  ht_arena_free(&arena);
  return st;
}

/* ---- weights */

ht_status ht_init_weights(const char *run, ht_composed *c) {
  ht_arena arena = {0};
  ht_trained_note old;
  const ht_layer *last = c->n_layers ? &c->layer[c->n_layers - 1] : NULL;
  ht_status st = ht_prepare_read_note(run, &arena, &old);
  if (st.code == HT_OK)
    st = ht_checkpoint_begin(run, old.step, &c->model->store,
                             last ? last->kernel : NULL,
                             last ? last->bias : NULL);
  ht_arena_free(&arena);
  return ht_within(st, "'--init-from'");
}
