/* checkpoint.c - writes checkpoints, see checkpoint.h. */
#include "train/checkpoint.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/checkpoint_write.h"
#include "optim/rows.h"
#include "train/checkpoint_keys.h"
#include "train/init.h"

/* What is to be written; tensors are dropped at the end. */
typedef struct items {
  ht_arena arena;
  ht_checkpoint_item *item;
  ht_tensor **value;
  int n, item_capacity, value_capacity;
} items;

static ht_status keep(items *s, ht_tensor *t, const char *key) {
  ht_tensor *kept;
  int n = s->n;
  HT_GROW(s->item, n, s->item_capacity, &s->arena);
  HT_GROW(s->value, n, s->value_capacity, &s->arena);
  HT_NEW(kept, &s->arena, 1);
  char *name = ht_arena_string(&s->arena, key);
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a checkpoint");
  *kept = *t;
  *t = (ht_tensor){0};
  s->value[n] = kept;
  s->item[n] = (ht_checkpoint_item){.key = name, .value = kept};
  s->n++;
  return HT_SUCCESS;
}

/* Takes over t, also when it fails. */
static ht_status put(items *s, ht_tensor *t, const char *key) {
  ht_status st = keep(s, t, key);
  if (st.code != HT_OK) ht_tensor_drop(t);
  return st;
}

static ht_status put_int(items *s, int64_t value, const char *key) {
  ht_tensor t;
  HT_TRY(ht_scalar_int64(value, &t));
  return put(s, &t, key);
}

static ht_status put_real(items *s, double value, const char *key) {
  ht_tensor t;
  ht_shape scalar = HT_SCALAR;
  HT_TRY(ht_tensor_new(NULL, HT_DOUBLE, &scalar, &t));
  HT_DATA(double, &t)[0] = value;
  return put(s, &t, key);
}

static ht_status put_of(items *s, ht_tensor *t, const char *group,
                        const ht_variable *v, const char *part) {
  if (!t->dtype) return HT_SUCCESS;
  const char *key = ht_key(&s->arena, group, v, part);
  if (key) return put(s, t, key);
  ht_tensor_drop(t);
  return ht_fail(HT_NO_MEMORY, "no memory for a checkpoint");
}

static ht_status write_items(items *s, const ht_loop *loop, const char *kind,
                             int64_t number) {
  char *path = ht_arena_printf(&s->arena, "%s/checkpoints/%s-%lld",
                               loop->options->out, kind, (long long)number);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a checkpoint");
  return ht_checkpoint_write(path, s->item, s->n);
}

static void free_items(items *s) {
  for (int i = 0; i < s->n; i++) ht_tensor_drop(s->value[i]);
  ht_arena_free(&s->arena);
}

/* ---- weights */

static ht_rows *rows_of(const ht_optimizer *o, const ht_variable *v) {
  for (int i = 0; i < o->n_tuned; i++)
    if (o->tuned[i].variable == v) return o->tuned[i].rows;
  return NULL;
}

/* Only the rows that were touched, up to date; without decay the others are
 * the module's own, unless training began elsewhere. */
static ht_status put_changed_rows(items *s, const ht_rows *rows,
                                  const ht_variable *v) {
  ht_rows_state state;
  ht_tensor w;
  HT_TRY(ht_rows_save(rows, &state));
  ht_status st = v->rows->copy_rows(v->rows->state, v, &state.index, &w);
  if (st.code == HT_OK) st = put_of(s, &w, "rows", v, "w");
  if (st.code == HT_OK) st = put_of(s, &state.index, "rows", v, "index");
  ht_rows_state_drop(&state);
  return st;
}

static ht_status put_weights(items *s, const ht_loop *loop) {
  const ht_store *store = &loop->composed->model->store;
  for (int i = 0; i < store->n_variables; i++) {
    const ht_variable *v = store->variable[i];
    const ht_rows *rows = rows_of(loop->optimizer, v);
    ht_tensor t;
    if (!v->changed) continue;
    if (rows && !ht_rows_decay(rows) && !ht_init_run(loop->options)) {
      HT_TRY(put_changed_rows(s, rows, v));
      continue;
    }
    HT_TRY(ht_variable_final(v, &t));
    HT_TRY(put_of(s, &t, "model", v, NULL));
  }
  return HT_SUCCESS;
}

ht_status ht_checkpoint_best(const ht_loop *loop) {
  items s = {0};
  ht_status st = put_weights(&s, loop);
  if (st.code == HT_OK) st = write_items(&s, loop, "best", loop->at.step);
  free_items(&s);
  return st;
}

/* ---- everything */

static ht_status put_rows(items *s, const ht_tuned *t) {
  ht_rows_state state;
  const ht_variable *v = t->variable;
  HT_TRY(ht_rows_save(t->rows, &state));
  ht_tensor start = {0};
  ht_status st = ht_scalar_int64(state.start, &start);
  if (st.code == HT_OK) st = put_of(s, &start, "rows", v, "start");
  if (st.code == HT_OK) st = put_of(s, &state.index, "rows", v, "index");
  if (st.code == HT_OK) st = put_of(s, &state.last, "rows", v, "last");
  if (st.code == HT_OK) st = put_of(s, &state.w, "rows", v, "w");
  if (st.code == HT_OK) st = put_of(s, &state.m, "rows", v, "m");
  if (st.code == HT_OK) st = put_of(s, &state.v, "rows", v, "v");
  ht_rows_state_drop(&state);
  return st;
}

static ht_status put_slots(items *s, const ht_optimizer *o, const ht_tuned *t) {
  ht_tensor m = t->m, v = t->v;
  if (m.dtype) m = ht_tensor_share(&t->m);
  if (v.dtype) v = ht_tensor_share(&t->v);
  ht_status st = put_of(s, &m, "optimizer", t->variable, o->kind->slot_m);
  if (st.code == HT_OK)
    st = put_of(s, &v, "optimizer", t->variable, o->kind->slot_v);
  ht_tensor_drop(&m);
  ht_tensor_drop(&v);
  return st;
}

static ht_status put_optimizer(items *s, const ht_optimizer *o) {
  ht_shape steps = ht_shape_1(o->step), tuned = ht_shape_1(o->n_tuned);
  ht_tensor factor, reached;
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &steps, &factor));
  if (o->step) memcpy(factor.data, o->factor, ht_tensor_bytes(&factor));
  HT_TRY(put(s, &factor, HT_KEY_FACTOR));
  HT_TRY(ht_tensor_new(NULL, HT_BOOL, &tuned, &reached));
  for (int i = 0; i < o->n_tuned; i++)
    ht_bool(&reached)[i] = o->tuned[i].reached;
  HT_TRY(put(s, &reached, HT_KEY_REACHED));
  for (int i = 0; i < o->n_tuned; i++) {
    if (o->tuned[i].rows) HT_TRY(put_rows(s, &o->tuned[i]));
    HT_TRY(put_slots(s, o, &o->tuned[i]));
  }
  return HT_SUCCESS;
}

static ht_status put_variables(items *s, const ht_store *store,
                               const ht_optimizer *o) {
  for (int i = 0; i < store->n_variables; i++) {
    const ht_variable *v = store->variable[i];
    if (!v->changed || rows_of(o, v)) continue;
    if (!v->value.dtype) continue;
    ht_tensor t = ht_tensor_share(&v->value);
    HT_TRY(put_of(s, &t, "model", v, NULL));
  }
  return HT_SUCCESS;
}

static ht_status put_progress(items *s, const ht_loop *loop) {
  const ht_progress *at = &loop->at;
  uint64_t module, settings;
  HT_TRY(ht_checkpoint_module(loop->composed->model, &module));
  HT_TRY(ht_checkpoint_settings(loop->options, &settings));
  HT_TRY(put_int(s, at->step, HT_KEY_STEP));
  HT_TRY(put_int(s, at->epoch, HT_KEY_EPOCH));
  HT_TRY(put_int(s, at->examples, HT_KEY_EXAMPLES));
  HT_TRY(put_int(s, at->best_step, HT_KEY_BEST_STEP));
  HT_TRY(put_int(s, at->without, HT_KEY_WITHOUT));
  HT_TRY(put_int(s, at->saves, HT_KEY_SAVES));
  HT_TRY(put_int(s, at->regular, HT_KEY_REGULAR));
  HT_TRY(put_real(s, at->begin, HT_KEY_BEGIN));
  HT_TRY(put_int(s, at->parts, HT_KEY_PARTS));
  HT_TRY(put_int(s, loop->order.epoch, HT_KEY_ORDER_EPOCH));
  HT_TRY(put_int(s, loop->order.next, HT_KEY_ORDER_NEXT));
  HT_TRY(put_int(s, (int64_t)loop->options->seed, HT_KEY_SEED));
  HT_TRY(put_int(s, (int64_t)module, HT_KEY_MODULE));
  HT_TRY(put_int(s, (int64_t)settings, HT_KEY_SETTINGS));
  HT_TRY(put_real(s, at->loss, HT_KEY_LOSS));
  HT_TRY(put_real(s, at->best, HT_KEY_BEST));
  return put_real(s, at->best_loss, HT_KEY_BEST_LOSS);
}

/* ---- which checkpoints there are */

/* The number in "ckpt-N.index" and the like; -1: some other file. */
static int64_t number_in(const char *name, const char *kind) {
  size_t n = strlen(kind);
  char *end;
  if (strncmp(name, kind, n) != 0 || name[n] != '-') return -1;
  long long step = strtoll(name + n + 1, &end, 10);
  return end > name + n + 1 && *end == '.' ? step : -1;
}

static bool is_index(const char *name) {
  return strcmp(ht_path_extension(name), ".index") == 0;
}

static int descending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

/* The numbers of the checkpoints to keep, newest first. */
static ht_status kept_numbers(const ht_loop *loop, char **name, int n,
                              ht_arena *arena, int64_t **step, int *n_steps) {
  int64_t keep = loop->options->keep > 0 ? loop->options->keep : 1;
  *n_steps = 0;
  HT_NEW(*step, arena, n + 1);
  for (int i = 0; i < n; i++) {
    int64_t s = number_in(name[i], "ckpt");
    if (s >= 0 && s <= loop->at.saves && is_index(name[i]))
      (*step)[(*n_steps)++] = s;
  }
  qsort(*step, (size_t)*n_steps, sizeof **step, descending);
  if (*n_steps <= keep) return HT_SUCCESS;
  int64_t regular = loop->at.regular;
  bool there = false;
  for (int i = 0; i < *n_steps; i++)
    there |= i >= keep && (*step)[i] == regular;
  *n_steps = (int)keep;
  if (there) (*step)[(*n_steps)++] = regular;
  return HT_SUCCESS;
}

static ht_status write_state(const char *folder, const int64_t *step, int n,
                             ht_arena *arena) {
  ht_text t = {0};
  ht_text_printf(&t, "model_checkpoint_path: \"ckpt-%lld\"\n",
                 (long long)step[0]);
  for (int i = n - 1; i >= 0; i--)
    ht_text_printf(&t, "all_model_checkpoint_paths: \"ckpt-%lld\"\n",
                   (long long)step[i]);
  ht_status st = ht_text_check(&t);
  char *path = ht_path_join(arena, folder, "checkpoint");
  if (!path) st = ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (st.code == HT_OK) st = ht_file_write(path, t.p, t.n);
  ht_text_free(&t);
  return st;
}

static void remove_others(const ht_loop *loop, const char *folder, char **name,
                          int n, ht_arena *arena, const int64_t *step,
                          int n_steps) {
  for (int i = 0; i < n; i++) {
    int64_t s = number_in(name[i], "ckpt"), best = number_in(name[i], "best");
    bool keep = best >= 0 ? best == loop->at.best_step : s < 0;
    for (int k = 0; k < n_steps && !keep && s >= 0; k++) keep = step[k] == s;
    char *path = keep ? NULL : ht_path_join(arena, folder, name[i]);
    if (path) (void)unlink(path); /* tried again at the next save */
  }
}

static ht_status turn_over(const ht_loop *loop, ht_arena *arena) {
  char **name;
  int64_t *step;
  int n, n_steps;
  char *folder = ht_path_join(arena, loop->options->out, "checkpoints");
  if (!folder) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_folder_list(folder, arena, &name, &n));
  HT_TRY(kept_numbers(loop, name, n, arena, &step, &n_steps));
  HT_TRY(write_state(folder, step, n_steps, arena));
  remove_others(loop, folder, name, n, arena, step, n_steps);
  return HT_SUCCESS;
}

static bool is_finite(const ht_tensor *t) {
  bool single = t->dtype == HT_FLOAT, wide = t->dtype == HT_DOUBLE;
  int64_t n = single || wide ? ht_count(t) : 0;
  for (int64_t i = 0; i < n; i++)
    if (single ? !isfinite(ht_f(t)[i]) : !isfinite(HT_DATA(double, t)[i]))
      return false;
  return true;
}

static ht_status check_finite(const items *s) {
  for (int i = 0; i < s->n; i++)
    if (!is_finite(s->value[i]))
      return ht_fail(HT_NUMERIC, "'%s' is not finite", s->item[i].key);
  return HT_SUCCESS;
}

ht_status ht_checkpoint_save(ht_loop *loop, bool regular) {
  items s = {0};
  int64_t before = loop->at.regular;
  loop->at.saves++;
  if (regular) loop->at.regular = loop->at.saves;
  ht_status st =
      put_variables(&s, &loop->composed->model->store, loop->optimizer);
  if (st.code == HT_OK) st = put_optimizer(&s, loop->optimizer);
  if (st.code == HT_OK) st = check_finite(&s);
  if (st.code == HT_OK) st = put_progress(&s, loop);
  if (st.code == HT_OK) st = write_items(&s, loop, "ckpt", loop->at.saves);
  if (st.code == HT_OK) st = turn_over(loop, &s.arena);
  free_items(&s);
  if (st.code != HT_OK) loop->at.regular = before;
  return ht_within(st, "saving step %lld", (long long)loop->at.step);
}

ht_status ht_checkpoint_write_state(const char *prefix, const ht_store *store,
                                    const ht_optimizer *o, int64_t step) {
  items s = {0};
  ht_status st = put_variables(&s, store, o);
  if (st.code == HT_OK) st = put_optimizer(&s, o);
  if (st.code == HT_OK) st = put_int(&s, step, HT_KEY_STEP);
  if (st.code == HT_OK) st = ht_checkpoint_write(prefix, s.item, s.n);
  free_items(&s);
  return st;
}

/* ---- going back */

/* Names one checkpoint, 0: none, as the newest. */
static ht_status point_to(const char *folder, int64_t number, ht_arena *arena) {
  char *path = ht_path_join(arena, folder, "checkpoint");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (number) return write_state(folder, &number, 1, arena);
  return unlink(path) == 0 || errno == ENOENT
             ? HT_SUCCESS
             : ht_fail_errno("cannot remove", path);
}

static ht_status remove_after(const char *folder, int64_t number,
                              ht_arena *arena) {
  char **name;
  int n;
  HT_TRY(ht_folder_list(folder, arena, &name, &n));
  for (int i = 0; i < n; i++) {
    if (number_in(name[i], "ckpt") <= number) continue;
    char *path = ht_path_join(arena, folder, name[i]);
    if (path) (void)unlink(path); /* no longer named anyhow */
  }
  return HT_SUCCESS;
}

static ht_status rewind_in(const char *run, ht_arena *arena, int64_t *step) {
  int64_t regular = 0;
  char *folder = ht_path_join(arena, run, "checkpoints");
  if (!folder) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_checkpoint_last_regular(run, &regular, step));
  HT_TRY(point_to(folder, regular, arena));
  return remove_after(folder, regular, arena);
}

ht_status ht_checkpoint_rewind(const char *run, int64_t *step) {
  ht_arena arena = {0};
  ht_status st = rewind_in(run, &arena, step);
  ht_arena_free(&arena);
  return st;
}
