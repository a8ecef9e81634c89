/* resume.c - reads checkpoints, see checkpoint.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "hub/checkpoint_read.h"
#include "optim/rows.h"
#include "train/checkpoint.h"
#include "train/checkpoint_keys.h"

static ht_status module_digest(const ht_model *model, uint64_t *digest) {
  ht_arena arena = {0};
  char *data, *path;
  size_t n;
  ht_status st = HT_SUCCESS;
  *digest = 0;
  /* The index of the variables holds the checksum of each. */
  path = ht_path_join(&arena, model->folder ? model->folder : "",
                      "variables/variables.index");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (ht_path_exists(path)) {
    st = ht_file_read(path, (size_t)1 << 30, &arena, &data, &n);
    if (st.code == HT_OK) *digest = ht_hash(data, n);
  }
  ht_arena_free(&arena);
  return st;
}

/* Of all that it was joined of. */
ht_status ht_checkpoint_module(const ht_model *model, uint64_t *digest) {
  if (!model->n_members) return module_digest(model, digest);
  *digest = 0;
  for (int i = 0; i < model->n_members; i++) {
    uint64_t one;
    HT_TRY(module_digest(model->member[i].model, &one));
    *digest = *digest * 31 + one;
  }
  return HT_SUCCESS;
}

/* Settings that may differ when a run goes on. */
static bool is_free(const char *name) {
  const char *names[] = {"out",   "resume",   "save-every", "keep",
                         "log",   "patience", "test",       "epochs",
                         "steps", "no-cache", "retreats",   "assert"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

static void add_setting(ht_text *t, const ht_train_options *o,
                        const ht_setting *s) {
  ht_text_printf(t, "%s=", s->name);
  if (ht_train_get(o, s->name, t).code != HT_OK) t->failed = true;
  ht_text_add(t, "\n");
}

ht_status ht_checkpoint_settings(const ht_train_options *o, uint64_t *digest) {
  int n;
  ht_text t = {0};
  const ht_setting *s = ht_train_settings(&n);
  /* The end of training shapes these schedules. */
  bool shaped = strcmp(o->schedule, "constant") != 0;
  for (int i = 0; i < n; i++) {
    bool ends = !strcmp(s[i].name, "epochs") || !strcmp(s[i].name, "steps");
    if (!is_free(s[i].name) || (shaped && ends)) add_setting(&t, o, &s[i]);
  }
  ht_status st = ht_text_check(&t);
  if (st.code == HT_OK) *digest = ht_hash(t.p, t.n);
  ht_text_free(&t);
  return st;
}

/* Appends to `out` how a setting differs. */
static bool differs(const ht_train_options *was, const ht_train_options *now,
                    const ht_setting *s, ht_text *out) {
  ht_text before = {0}, after = {0};
  bool known = ht_train_get(was, s->name, &before).code == HT_OK &&
               ht_train_get(now, s->name, &after).code == HT_OK;
  const char *a = before.n ? before.p : "", *b = after.n ? after.p : "";
  bool differs = known && strcmp(a, b) != 0;
  bool asked = *a && (!s->standard || strcmp(a, s->standard) != 0);
  if (differs)
    ht_text_printf(out, "%s --%s %s", asked ? "with" : "without", s->name,
                   asked ? a : b);
  ht_text_free(&before);
  ht_text_free(&after);
  return differs;
}

ht_status ht_checkpoint_differs(const ht_train_options *now, const char *config,
                                ht_status st) {
  int n;
  ht_arena arena = {0};
  ht_text how = {0};
  ht_train_options was;
  const ht_setting *s = ht_train_settings(&n);
  char message[HT_MESSAGE_MAX];
  ht_status_copy(st, message);
  ht_train_defaults(&was);
  bool read = ht_train_read(config, &arena, &was).code == HT_OK;
  for (int i = 0; read && i < n; i++)
    if (!is_free(s[i].name) && differs(&was, now, &s[i], &how)) break;
  st = ht_fail(st.code, "%s%s%s", message, how.n ? ", " : "",
               how.n ? how.p : "");
  ht_text_free(&how);
  ht_arena_free(&arena);
  return st;
}

/* ---- reading */

static ht_status get_int(ht_bundle *b, const char *key, int64_t *out) {
  ht_tensor t;
  HT_TRY(ht_checkpoint_read(b, key, &t));
  bool good = t.dtype == HT_INT64 && ht_count(&t) == 1;
  if (good) *out = ht_i64(&t)[0];
  ht_tensor_drop(&t);
  return good ? HT_SUCCESS : ht_fail(HT_CORRUPT, "'%s' is not one int64", key);
}

static ht_status get_real(ht_bundle *b, const char *key, double *out) {
  ht_tensor t;
  HT_TRY(ht_checkpoint_read(b, key, &t));
  bool good = t.dtype == HT_DOUBLE && ht_count(&t) == 1;
  if (good) *out = HT_DATA(double, &t)[0];
  ht_tensor_drop(&t);
  return good ? HT_SUCCESS : ht_fail(HT_CORRUPT, "'%s' is not one double", key);
}

/* An entry of a variable, *out HT_INVALID where there is none. */
static ht_status get_of(ht_bundle *b, const char *group, const ht_variable *v,
                        const char *part, ht_tensor *out) {
  ht_arena arena = {0};
  *out = (ht_tensor){0};
  const char *key = ht_key(&arena, group, v, part);
  if (!key) return ht_fail(HT_NO_MEMORY, "no memory for a checkpoint");
  const ht_bundle_entry *e = ht_bundle_find(b, key);
  ht_status st = e ? ht_checkpoint_tensor(b, e, out) : HT_SUCCESS;
  ht_arena_free(&arena);
  return st;
}

static ht_status get_variable(ht_bundle *b, ht_variable *v) {
  ht_tensor t;
  HT_TRY(get_of(b, "model", v, NULL, &t));
  if (!t.dtype) return HT_SUCCESS;
  v->changed = true;
  return ht_variable_assign(v, &t, false);
}

static ht_status put_rows(ht_variable *v, const ht_tensor *index,
                          const ht_tensor *w) {
  int64_t n = ht_count(index), rows = v->value.shape.dim[0];
  size_t row = rows ? ht_tensor_bytes(&v->value) / (size_t)rows : 0;
  if (index->dtype != HT_INT64 || w->dtype != v->dtype ||
      ht_tensor_bytes(w) != (size_t)n * row)
    return ht_fail(HT_CORRUPT, "the rows of '%s' do not fit it", v->name);
  HT_TRY(ht_tensor_own(NULL, &v->value));
  for (int64_t i = 0; i < n; i++) {
    int64_t k = ht_i64(index)[i];
    if (k < 0 || k >= rows)
      return ht_fail(HT_CORRUPT, "the rows of '%s' do not fit it", v->name);
    memcpy((char *)v->value.data + (size_t)k * row,
           (char *)w->data + (size_t)i * row, row);
  }
  v->changed = true;
  return HT_SUCCESS;
}

static ht_status get_rows(ht_bundle *b, ht_variable *v) {
  ht_tensor index, w = {0};
  HT_TRY(get_of(b, "rows", v, "index", &index));
  if (!index.dtype || v->value.shape.rank < 1) return HT_SUCCESS;
  ht_status st = get_of(b, "rows", v, "w", &w);
  if (st.code == HT_OK) st = put_rows(v, &index, &w);
  ht_tensor_drop(&index);
  ht_tensor_drop(&w);
  return st;
}

static ht_status weights_from(ht_bundle *b, ht_store *store) {
  for (int i = 0; i < store->n_variables; i++) {
    HT_TRY(get_variable(b, store->variable[i]));
    HT_TRY(get_rows(b, store->variable[i]));
  }
  return HT_SUCCESS;
}

/* Where t has fewer columns than v, those of v stay that it has not: classes
 * that are new. */
static ht_status widen(const ht_variable *v, ht_tensor *t) {
  const ht_shape *have = &v->value.shape, *got = &t->shape;
  ht_tensor wide;
  int last = have->rank - 1;
  if (t->dtype != HT_FLOAT || v->dtype != HT_FLOAT || last < 0 ||
      got->rank != have->rank || got->dim[last] >= have->dim[last] ||
      memcmp(got->dim, have->dim, (size_t)last * sizeof *got->dim) != 0)
    return HT_SUCCESS;
  int64_t n = have->dim[last], m = got->dim[last];
  HT_TRY(ht_tensor_copy(NULL, &v->value, &wide));
  for (int64_t i = 0; i < ht_count(t) / m; i++)
    memcpy(ht_f(&wide) + i * n, ht_f(t) + i * m, (size_t)m * sizeof(float));
  ht_tensor_drop(t);
  *t = wide;
  return HT_SUCCESS;
}

static ht_status begin_variable(ht_bundle *b, ht_variable *v, bool grows,
                                int *n) {
  ht_tensor t;
  HT_TRY(get_of(b, "model", v, NULL, &t));
  if (!t.dtype) return get_rows(b, v);
  if (grows) {
    ht_status st = widen(v, &t);
    if (st.code != HT_OK) ht_tensor_drop(&t);
    HT_TRY(st);
  }
  ++*n;
  v->changed = true;
  return ht_variable_assign(v, &t, false);
}

static ht_status begin_from(ht_bundle *b, const char *run, ht_store *store,
                            const ht_variable *kernel,
                            const ht_variable *bias) {
  int n = 0;
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    HT_TRY(begin_variable(b, v, v == kernel || v == bias, &n));
  }
  if (n) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "'%s' has no variable of this module or head", run);
}

ht_status ht_checkpoint_begin(const char *run, int64_t step, ht_store *store,
                              const ht_variable *kernel,
                              const ht_variable *bias) {
  char path[4096];
  ht_bundle *b;
  snprintf(path, sizeof path, "%s/checkpoints/best-%lld", run, (long long)step);
  HT_TRY(ht_checkpoint_open(path, &b));
  ht_status st = begin_from(b, run, store, kernel, bias);
  ht_bundle_close(b);
  return st;
}

ht_status ht_checkpoint_weights(const char *run, int64_t step,
                                ht_store *store) {
  char path[4096];
  ht_bundle *b;
  snprintf(path, sizeof path, "%s/checkpoints/best-%lld", run, (long long)step);
  HT_TRY(ht_checkpoint_open(path, &b));
  ht_status st = weights_from(b, store);
  ht_bundle_close(b);
  return st;
}

/* ---- the optimizer */

static ht_status read_state(ht_bundle *b, const ht_variable *v,
                            ht_rows_state *s) {
  ht_tensor start;
  *s = (ht_rows_state){0};
  HT_TRY(get_of(b, "rows", v, "start", &start));
  if (start.dtype == HT_INT64 && ht_count(&start) == 1)
    s->start = ht_i64(&start)[0];
  ht_tensor_drop(&start);
  ht_status st = get_of(b, "rows", v, "index", &s->index);
  if (st.code == HT_OK) st = get_of(b, "rows", v, "last", &s->last);
  if (st.code == HT_OK) st = get_of(b, "rows", v, "w", &s->w);
  if (st.code == HT_OK) st = get_of(b, "rows", v, "m", &s->m);
  if (st.code == HT_OK) st = get_of(b, "rows", v, "v", &s->v);
  if (st.code != HT_OK) ht_rows_state_drop(s);
  return st;
}

static ht_status resume_rows(const ht_optimizer *o, ht_tuned *t,
                             const ht_rows_state *s) {
  ht_lag *lag;
  ht_drift drift = o->kind->drift(&o->hyper);
  HT_TRY(ht_lag_new(&drift, &lag));
  ht_status st = ht_optimizer_replay(o, t->lr, lag);
  if (st.code != HT_OK || s->start < 0 || s->start > o->step) {
    ht_lag_free(lag);
    HT_TRY(st);
    return ht_fail(HT_CORRUPT, "the rows of '%s' begin at no step",
                   t->variable->name);
  }
  HT_TRY(ht_rows_new(o, t->variable, lag, s->start, &t->rows));
  return ht_rows_load(t->rows, s);
}

static ht_status check_slot(const ht_tuned *t, const ht_tensor *slot) {
  if (!slot->dtype || (slot->dtype == t->variable->dtype &&
                       ht_shape_equal(&slot->shape, &t->variable->value.shape)))
    return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "a slot of '%s' does not fit it",
                 t->variable->name);
}

static ht_status resume_slot(ht_bundle *b, const ht_tuned *t, const char *name,
                             ht_tensor *slot) {
  if (!name) return HT_SUCCESS;
  HT_TRY(get_of(b, "optimizer", t->variable, name, slot));
  HT_TRY(check_slot(t, slot));
  return slot->dtype ? ht_tensor_own(NULL, slot) : HT_SUCCESS;
}

static ht_status resume_tuned(ht_bundle *b, const ht_optimizer *o,
                              ht_tuned *t) {
  ht_rows_state s;
  HT_TRY(resume_slot(b, t, o->kind->slot_m, &t->m));
  HT_TRY(resume_slot(b, t, o->kind->slot_v, &t->v));
  HT_TRY(read_state(b, t->variable, &s));
  ht_status st = s.index.dtype ? resume_rows(o, t, &s) : HT_SUCCESS;
  ht_rows_state_drop(&s);
  return st;
}

static ht_status resume_reached(ht_bundle *b, ht_optimizer *o) {
  ht_tensor t;
  HT_TRY(ht_checkpoint_read(b, HT_KEY_REACHED, &t));
  bool good = t.dtype == HT_BOOL && ht_count(&t) == o->n_tuned;
  for (int i = 0; good && i < o->n_tuned; i++)
    o->tuned[i].reached = ht_bool(&t)[i];
  ht_tensor_drop(&t);
  return good ? HT_SUCCESS
              : ht_fail(HT_CORRUPT, "other variables were trained");
}

static ht_status resume_history(ht_bundle *b, ht_optimizer *o) {
  ht_tensor t;
  HT_TRY(ht_checkpoint_read(b, HT_KEY_FACTOR, &t));
  ht_status st = t.dtype == HT_FLOAT && t.shape.rank == 1
                     ? ht_optimizer_history(o, ht_f(&t), ht_count(&t))
                     : ht_fail(HT_CORRUPT, "the schedule is no vector");
  ht_tensor_drop(&t);
  return st;
}

static ht_status resume_optimizer(ht_bundle *b, ht_optimizer *o) {
  HT_TRY(resume_history(b, o));
  HT_TRY(resume_reached(b, o));
  for (int i = 0; i < o->n_tuned; i++) HT_TRY(resume_tuned(b, o, &o->tuned[i]));
  return HT_SUCCESS;
}

/* ---- the loop */

static ht_status check_same(ht_bundle *b, const ht_loop *loop) {
  int64_t module, settings;
  uint64_t ours;
  HT_TRY(get_int(b, HT_KEY_MODULE, &module));
  HT_TRY(get_int(b, HT_KEY_SETTINGS, &settings));
  HT_TRY(ht_checkpoint_module(loop->composed->model, &ours));
  if ((uint64_t)module != ours)
    return ht_fail(HT_USAGE, "cannot resume '%s': the module has changed",
                   loop->options->out);
  HT_TRY(ht_checkpoint_settings(loop->options, &ours));
  if ((uint64_t)settings != ours)
    return ht_fail(HT_USAGE,
                   "cannot resume '%s': it was started with other settings",
                   loop->options->out);
  return HT_SUCCESS;
}

static ht_status resume_progress(ht_bundle *b, ht_loop *loop) {
  ht_progress *at = &loop->at;
  int64_t epoch, next;
  HT_TRY(get_int(b, HT_KEY_STEP, &at->step));
  HT_TRY(get_int(b, HT_KEY_EPOCH, &at->epoch));
  HT_TRY(get_int(b, HT_KEY_EXAMPLES, &at->examples));
  HT_TRY(get_int(b, HT_KEY_BEST_STEP, &at->best_step));
  HT_TRY(get_int(b, HT_KEY_WITHOUT, &at->without));
  HT_TRY(get_int(b, HT_KEY_SAVES, &at->saves));
  HT_TRY(get_int(b, HT_KEY_REGULAR, &at->regular));
  HT_TRY(get_real(b, HT_KEY_BEGIN, &at->begin));
  HT_TRY(get_int(b, HT_KEY_PARTS, &at->parts));
  HT_TRY(get_real(b, HT_KEY_LOSS, &at->loss));
  HT_TRY(get_real(b, HT_KEY_BEST, &at->best));
  HT_TRY(get_real(b, HT_KEY_BEST_LOSS, &at->best_loss));
  HT_TRY(get_int(b, HT_KEY_ORDER_EPOCH, &epoch));
  HT_TRY(get_int(b, HT_KEY_ORDER_NEXT, &next));
  return ht_order_seek(&loop->order, epoch, next);
}

/* A step on broken images alone is one of the loop, but updates nothing. */
static ht_status check_steps(const ht_optimizer *o, int64_t step) {
  if (o->step <= step) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "the optimizer is ahead of the loop");
}

static ht_status resume_all(ht_bundle *b, ht_loop *loop) {
  ht_store *store = &loop->composed->model->store;
  HT_TRY(check_same(b, loop));
  for (int i = 0; i < store->n_variables; i++)
    HT_TRY(get_variable(b, store->variable[i]));
  HT_TRY(resume_optimizer(b, loop->optimizer));
  HT_TRY(resume_progress(b, loop));
  return check_steps(loop->optimizer, loop->at.step);
}

/* The newest checkpoint's name, from the file that TensorFlow reads, too. */
static ht_status newest(const char *run, ht_arena *arena, char **prefix) {
  char *data, *path = ht_path_join(arena, run, "checkpoints/checkpoint");
  size_t n;
  long long number;
  *prefix = NULL;
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(path)) return HT_SUCCESS;
  HT_TRY(ht_file_read(path, 1 << 20, arena, &data, &n));
  if (sscanf(data, "model_checkpoint_path: \"ckpt-%lld\"", &number) != 1)
    return ht_fail(HT_CORRUPT, "'%s' names no checkpoint", path);
  *prefix = ht_arena_printf(arena, "%s/checkpoints/ckpt-%lld", run, number);
  return *prefix ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

ht_status ht_checkpoint_resume(ht_loop *loop, bool *found) {
  ht_arena arena = {0};
  ht_bundle *b = NULL;
  char *prefix = NULL;
  ht_status st = newest(loop->options->out, &arena, &prefix);
  *found = prefix != NULL;
  if (st.code == HT_OK && prefix) st = ht_checkpoint_open(prefix, &b);
  if (st.code == HT_OK && prefix)
    st = ht_within(resume_all(b, loop), "checkpoint '%s'", prefix);
  ht_bundle_close(b);
  ht_arena_free(&arena);
  return st;
}

/* ---- going back */

static ht_status read_number(const char *prefix, const char *key,
                             int64_t *out) {
  ht_bundle *b;
  HT_TRY(ht_checkpoint_open(prefix, &b));
  ht_status st = get_int(b, key, out);
  ht_bundle_close(b);
  return ht_within(st, "checkpoint '%s'", prefix);
}

ht_status ht_checkpoint_last_regular(const char *run, int64_t *number,
                                     int64_t *step) {
  ht_arena arena = {0};
  char *prefix = NULL;
  *number = *step = 0;
  ht_status st = newest(run, &arena, &prefix);
  if (st.code == HT_OK && prefix)
    st = read_number(prefix, HT_KEY_REGULAR, number);
  if (st.code == HT_OK && *number) {
    prefix = ht_arena_printf(&arena, "%s/checkpoints/ckpt-%lld", run,
                             (long long)*number);
    st = prefix ? read_number(prefix, HT_KEY_STEP, step)
                : ht_fail(HT_NO_MEMORY, "no memory for a path");
  }
  ht_arena_free(&arena);
  return st;
}

/* ---- the state alone */

static ht_status read_all(ht_bundle *b, ht_store *store, ht_optimizer *o,
                          int64_t *step) {
  for (int i = 0; i < store->n_variables; i++)
    HT_TRY(get_variable(b, store->variable[i]));
  HT_TRY(resume_optimizer(b, o));
  HT_TRY(get_int(b, HT_KEY_STEP, step));
  return check_steps(o, *step);
}

ht_status ht_checkpoint_read_state(const char *prefix, ht_store *store,
                                   ht_optimizer *o, int64_t *step) {
  ht_bundle *b;
  HT_TRY(ht_checkpoint_open(prefix, &b));
  ht_status st = read_all(b, store, o, step);
  ht_bundle_close(b);
  return ht_within(st, "checkpoint '%s'", prefix);
}
