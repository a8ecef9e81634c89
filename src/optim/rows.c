/* rows.c - lazily updated tables, see rows.h. */
#include "optim/rows.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"

enum { BLOCK_ROWS = 256, WORK_PER_ELEMENT = 16 };

/* What is known of each row of the table. */
typedef struct mark {
  uint32_t slot; /* 1 + its place in the order of first touch, 0: untouched */
  uint32_t last; /* the step its weights and slots stand at */
} mark;

/* A row to be worked on. */
typedef struct job {
  float *w, *m, *v;
  const float *g;
  uint32_t last;
} job;

struct ht_rows {
  ht_row_source source;
  ht_variable *variable;
  ht_lag *lag;
  ht_update_fn *update;
  double (*alpha)(const ht_rule *r);
  bool has_m, has_v;
  float start_v;
  int64_t n_rows, start;
  size_t dim;
  mark *mark;
  int64_t *touched; /* row by slot */
  size_t n_touched, touched_capacity;
  float **block; /* slots of BLOCK_ROWS rows: m then v of each */
  size_t n_blocks, block_capacity;
  job *job;
  size_t n_jobs, job_capacity;
};

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for the optimizer's rows");
}

static bool grow(void **p, size_t n, size_t size, size_t *capacity) {
  if (n <= *capacity) return true;
  size_t bigger = n + n / 2 + 64;
  void *q = realloc(*p, bigger * size);
  if (!q) return false;
  *p = q;
  *capacity = bigger;
  return true;
}

/* ---- slots */

static size_t slot_floats(const ht_rows *r) {
  return ((size_t)r->has_m + (size_t)r->has_v) * r->dim;
}

static float *slot_m(const ht_rows *r, uint32_t slot) {
  if (!r->has_m || !slot) return NULL;
  size_t i = slot - 1;
  return r->block[i / BLOCK_ROWS] + i % BLOCK_ROWS * slot_floats(r);
}

static float *slot_v(const ht_rows *r, uint32_t slot) {
  if (!r->has_v || !slot) return NULL;
  size_t i = slot - 1;
  return r->block[i / BLOCK_ROWS] + i % BLOCK_ROWS * slot_floats(r) +
         (r->has_m ? r->dim : 0);
}

static void fill(float *p, size_t n, float value) {
  for (size_t i = 0; i < n; i++) p[i] = value;
}

static ht_status add_block(ht_rows *r) {
  if (!grow((void **)&r->block, r->n_blocks + 1, sizeof *r->block,
            &r->block_capacity))
    return no_memory();
  float *p = malloc(BLOCK_ROWS * slot_floats(r) * sizeof *p);
  if (!p) return no_memory();
  r->block[r->n_blocks++] = p;
  return HT_SUCCESS;
}

/* Gives a row its slot. */
static ht_status add_slot(ht_rows *r, int64_t row) {
  size_t i = r->n_touched;
  if (!grow((void **)&r->touched, i + 1, sizeof *r->touched,
            &r->touched_capacity))
    return no_memory();
  if (slot_floats(r) && i / BLOCK_ROWS == r->n_blocks) HT_TRY(add_block(r));
  r->touched[i] = row;
  r->n_touched++;
  uint32_t slot = (uint32_t)i + 1;
  r->mark[row].slot = slot;
  if (r->has_m) memset(slot_m(r, slot), 0, r->dim * sizeof(float));
  if (r->has_v) fill(slot_v(r, slot), r->dim, r->start_v);
  return HT_SUCCESS;
}

/* ---- one row */

static float *weights(const ht_rows *r, int64_t row) {
  return ht_f(&r->variable->value) + (size_t)row * r->dim;
}

/* w (anywhere), moved by what the row has missed; slots as they are. */
static void move_row(const ht_rows *r, const mark *k, float *w) {
  ht_missed missed;
  if (k->last == ht_lag_steps(r->lag)) return;
  ht_lag_at(r->lag, k->last, &missed);
  ht_lag_move(r->lag, &missed, r->dim, w, slot_m(r, k->slot),
              slot_v(r, k->slot));
}

static void catch_up(const ht_rows *r, const job *j) {
  ht_missed missed;
  if (j->last == ht_lag_steps(r->lag)) return;
  ht_lag_at(r->lag, j->last, &missed);
  ht_lag_move(r->lag, &missed, r->dim, j->w, j->m, j->v);
  if (j->m) ht_lag_decay(&missed.m, r->dim, j->m);
  if (j->v) ht_lag_decay(&missed.v, r->dim, j->v);
}

/* ---- many rows */

typedef struct work {
  const ht_rows *rows;
  const ht_rule *rule; /* NULL: only catch up */
} work;

static void work_range(size_t from, size_t to, void *arg) {
  const work *a = arg;
  const ht_rows *r = a->rows;
  for (size_t i = from; i < to; i++) {
    const job *j = &r->job[i];
    catch_up(r, j);
    if (a->rule) r->update(a->rule, r->dim, j->w, j->m, j->v, j->g);
  }
}

static void do_jobs(const ht_rows *r, const ht_rule *rule) {
  work a = {r, rule};
  ht_parallel(r->n_jobs, ht_grain((double)r->dim * WORK_PER_ELEMENT),
              work_range, &a);
}

/* A row's mark moves to step `now`; what it needs becomes a job. */
static ht_status add_job(ht_rows *r, int64_t row, int64_t now, const float *g) {
  mark *k = &r->mark[row];
  if (!k->slot) HT_TRY(add_slot(r, row));
  r->job[r->n_jobs++] = (job){weights(r, row), slot_m(r, k->slot),
                              slot_v(r, k->slot), g, k->last};
  k->last = (uint32_t)now;
  return HT_SUCCESS;
}

static ht_status room_for_jobs(ht_rows *r, size_t n) {
  r->n_jobs = 0;
  if (!grow((void **)&r->job, n, sizeof *r->job, &r->job_capacity))
    return no_memory();
  return ht_tensor_own(NULL, &r->variable->value);
}

/* ---- readers */

static ht_status check_id(const ht_rows *r, int64_t row) {
  if (row >= 0 && row < r->n_rows) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "row %lld of variable '%s' is outside [0,%lld)",
                 (long long)row, r->variable->name, (long long)r->n_rows);
}

/* The first access to the pages of a row is a write: a page that was read
 * first is replaced when it is written, and that stops every thread. */
static void own_row(const ht_rows *r, int64_t row) {
  enum { PAGE = 4096 };
  atomic_char *p = (atomic_char *)(void *)weights(r, row);
  size_t n = r->dim * sizeof(float);
  for (size_t i = 0; i < n; i += PAGE) atomic_fetch_or(p + i, 0);
  if (n) atomic_fetch_or(p + n - 1, 0);
}

static ht_status touch(void *state, ht_variable *v, const ht_tensor *ids) {
  (void)v;
  ht_rows *r = state;
  int64_t n = ht_count(ids), now = ht_lag_steps(r->lag);
  HT_TRY(room_for_jobs(r, (size_t)n));
  for (int64_t i = 0; i < n; i++) {
    int64_t row = ht_int_at(ids, i);
    HT_TRY(check_id(r, row));
    const mark *k = &r->mark[row];
    if (!k->slot) own_row(r, row);
    if (k->last == now || (!k->slot && !ht_lag_decays(r->lag))) continue;
    HT_TRY(add_job(r, row, now, NULL));
  }
  do_jobs(r, NULL);
  return HT_SUCCESS;
}

typedef struct copy {
  const ht_rows *rows;
  const ht_tensor *ids;
  float *out;
} copy;

static void copy_range(size_t from, size_t to, void *arg) {
  const copy *c = arg;
  const ht_rows *r = c->rows;
  for (size_t i = from; i < to; i++) {
    int64_t row = ht_int_at(c->ids, (int64_t)i);
    float *w = c->out + i * r->dim;
    memcpy(w, weights(r, row), r->dim * sizeof *w);
    move_row(r, &r->mark[row], w);
  }
}

static ht_status copy_rows(void *state, const ht_variable *v,
                           const ht_tensor *ids, ht_tensor *out) {
  const ht_rows *r = state;
  int64_t n = ht_count(ids);
  for (int64_t i = 0; i < n; i++) HT_TRY(check_id(r, ht_int_at(ids, i)));
  ht_shape shape = v->value.shape;
  shape.dim[0] = n;
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &shape, out));
  copy c = {r, ids, ht_f(out)};
  ht_parallel((size_t)n, ht_grain((double)r->dim * WORK_PER_ELEMENT),
              copy_range, &c);
  return HT_SUCCESS;
}

typedef struct all {
  const ht_rows *rows;
  float *out;
} all;

static void all_range(size_t from, size_t to, void *arg) {
  const all *a = arg;
  for (size_t row = from; row < to; row++)
    move_row(a->rows, &a->rows->mark[row], a->out + row * a->rows->dim);
}

/* Brings a copy of the whole table up to date. */
static void move_all(const ht_rows *r, float *w) {
  all a = {r, w};
  ht_parallel((size_t)r->n_rows, ht_grain((double)r->dim * WORK_PER_ELEMENT),
              all_range, &a);
}

static bool anything_pending(const ht_rows *r) {
  int64_t now = ht_lag_steps(r->lag);
  if (ht_lag_decays(r->lag)) return true;
  for (size_t i = 0; i < r->n_touched; i++)
    if (r->mark[r->touched[i]].last != now) return true;
  return false;
}

static ht_status copy_all(void *state, const ht_variable *v, ht_tensor *out) {
  const ht_rows *r = state;
  if (!anything_pending(r)) {
    *out = ht_tensor_share(&v->value);
    return HT_SUCCESS;
  }
  HT_TRY(ht_tensor_copy(NULL, &v->value, out));
  move_all(r, ht_f(out));
  return HT_SUCCESS;
}

/* ---- life */

ht_status ht_rows_new(const ht_optimizer *o, ht_variable *v, ht_lag *lag,
                      int64_t start, ht_rows **out) {
  *out = NULL;
  ht_rows *r = calloc(1, sizeof *r);
  int64_t n = v->value.shape.rank > 0 ? v->value.shape.dim[0] : 0;
  mark *marks = calloc(n > 0 ? (size_t)n : 1, sizeof *marks);
  if (!r || !marks || n >= UINT32_MAX) {
    free(r);
    free(marks);
    ht_lag_free(lag);
    return no_memory();
  }
  *r = (ht_rows){
      .source = {r, touch, copy_rows, copy_all},
      .variable = v,
      .lag = lag,
      .update = ht_update_of(o->kind, HT_FLOAT),
      .alpha = o->kind->alpha,
      .has_m = ht_optimizer_has_m(o),
      .has_v = ht_optimizer_has_v(o),
      .start_v = (float)o->hyper.start,
      .n_rows = n,
      .dim = n ? (size_t)(ht_count(&v->value) / n) : 0,
      .mark = marks,
      .start = start,
  };
  for (int64_t i = 0; start && i < n; i++) marks[i].last = (uint32_t)start;
  v->rows = &r->source;
  *out = r;
  return HT_SUCCESS;
}

void ht_rows_free(ht_rows *r) {
  if (!r) return;
  if (r->variable->rows == &r->source) r->variable->rows = NULL;
  for (size_t i = 0; i < r->n_blocks; i++) free(r->block[i]);
  ht_lag_free(r->lag);
  free(r->block);
  free(r->mark);
  free(r->touched);
  free(r->job);
  free(r);
}

int64_t ht_rows_touched(const ht_rows *r) { return (int64_t)r->n_touched; }

bool ht_rows_decay(const ht_rows *r) { return ht_lag_decays(r->lag); }

ht_status ht_rows_step(ht_rows *r, const ht_rule *rule,
                       const ht_cotangent *gradient) {
  int64_t n = gradient->values.dtype ? ht_count(&gradient->indices) : 0;
  int64_t now = ht_lag_steps(r->lag) + 1;
  HT_TRY(room_for_jobs(r, (size_t)n));
  for (int64_t i = 0; i < n; i++) {
    int64_t row = ht_i64(&gradient->indices)[i];
    if (row < 0 || row >= r->n_rows) continue; /* as in a dense gradient */
    HT_TRY(add_job(r, row, now, ht_f(&gradient->values) + (size_t)i * r->dim));
  }
  do_jobs(r, rule);
  r->variable->changed = true;
  double keep = 1 - rule->weight_decay * rule->lr;
  return ht_lag_step(r->lag, r->alpha(rule), keep);
}

/* ---- from rows to dense */

static ht_status dense_slot(const ht_rows *r, bool has, float start,
                            ht_tensor *out) {
  *out = (ht_tensor){0};
  if (!has) return HT_SUCCESS;
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &r->variable->value.shape, out));
  fill(ht_f(out), (size_t)ht_count(out), start);
  return HT_SUCCESS;
}

static void copy_slot(const ht_rows *r, int64_t row, const float *from,
                      const ht_tensor *to) {
  if (!from) return;
  memcpy(ht_f(to) + (size_t)row * r->dim, from, r->dim * sizeof *from);
}

static void finish_untouched(ht_rows *r) {
  mark now = {0, (uint32_t)ht_lag_steps(r->lag)};
  if (!ht_lag_decays(r->lag)) return;
  for (int64_t row = 0; row < r->n_rows; row++) {
    if (r->mark[row].slot) continue;
    move_row(r, &r->mark[row], weights(r, row));
    r->mark[row] = now;
  }
}

ht_status ht_rows_settle(ht_rows *r) {
  HT_TRY(room_for_jobs(r, r->n_touched));
  for (size_t i = 0; i < r->n_touched; i++)
    HT_TRY(add_job(r, r->touched[i], ht_lag_steps(r->lag), NULL));
  do_jobs(r, NULL);
  finish_untouched(r);
  return HT_SUCCESS;
}

ht_status ht_rows_finish(ht_rows *r, ht_tensor *m, ht_tensor *v) {
  HT_TRY(dense_slot(r, r->has_m, 0, m));
  HT_TRY(dense_slot(r, r->has_v, r->start_v, v));
  HT_TRY(ht_rows_settle(r));
  for (size_t i = 0; i < r->n_touched; i++) {
    copy_slot(r, r->touched[i], slot_m(r, (uint32_t)i + 1), m);
    copy_slot(r, r->touched[i], slot_v(r, (uint32_t)i + 1), v);
  }
  return HT_SUCCESS;
}

/* ---- checkpoints */

void ht_rows_state_drop(ht_rows_state *s) {
  ht_tensor_drop(&s->index);
  ht_tensor_drop(&s->last);
  ht_tensor_drop(&s->w);
  ht_tensor_drop(&s->m);
  ht_tensor_drop(&s->v);
}

static ht_status make_state(const ht_rows *r, ht_rows_state *s) {
  ht_shape n = ht_shape_1((int64_t)r->n_touched);
  ht_shape rows = r->variable->value.shape;
  rows.dim[0] = n.dim[0];
  HT_TRY(ht_tensor_new(NULL, HT_INT64, &n, &s->index));
  HT_TRY(ht_tensor_new(NULL, HT_INT64, &n, &s->last));
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &rows, &s->w));
  if (r->has_m) HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &rows, &s->m));
  if (r->has_v) HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &rows, &s->v));
  return HT_SUCCESS;
}

ht_status ht_rows_save(const ht_rows *r, ht_rows_state *s) {
  *s = (ht_rows_state){.start = r->start};
  ht_status st = make_state(r, s);
  if (st.code != HT_OK) {
    ht_rows_state_drop(s);
    return st;
  }
  for (size_t i = 0; i < r->n_touched; i++) {
    int64_t row = r->touched[i];
    uint32_t slot = (uint32_t)i + 1;
    ht_i64(&s->index)[i] = row;
    ht_i64(&s->last)[i] = r->mark[row].last;
    copy_slot(r, (int64_t)i, weights(r, row), &s->w);
    copy_slot(r, (int64_t)i, slot_m(r, slot), &s->m);
    copy_slot(r, (int64_t)i, slot_v(r, slot), &s->v);
  }
  return HT_SUCCESS;
}

static ht_status check_state(const ht_rows *r, const ht_rows_state *s) {
  ht_shape rows = r->variable->value.shape;
  int64_t n = ht_count(&s->index);
  rows.dim[0] = n;
  bool good = s->index.dtype == HT_INT64 && s->last.dtype == HT_INT64 &&
              ht_count(&s->last) == n && s->w.dtype == HT_FLOAT &&
              ht_shape_equal(&s->w.shape, &rows);
  if (r->has_m)
    good = good && s->m.dtype == HT_FLOAT && ht_shape_equal(&s->m.shape, &rows);
  if (r->has_v)
    good = good && s->v.dtype == HT_FLOAT && ht_shape_equal(&s->v.shape, &rows);
  if (good) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "the checkpoint's rows of '%s' do not fit it",
                 r->variable->name);
}

static void load_row(const ht_rows *r, size_t i, const ht_rows_state *s,
                     int64_t row) {
  size_t bytes = r->dim * sizeof(float);
  uint32_t slot = r->mark[row].slot;
  memcpy(weights(r, row), ht_f(&s->w) + i * r->dim, bytes);
  if (r->has_m) memcpy(slot_m(r, slot), ht_f(&s->m) + i * r->dim, bytes);
  if (r->has_v) memcpy(slot_v(r, slot), ht_f(&s->v) + i * r->dim, bytes);
}

ht_status ht_rows_load(ht_rows *r, const ht_rows_state *s) {
  HT_TRY(check_state(r, s));
  HT_TRY(ht_tensor_own(NULL, &r->variable->value));
  int64_t n = ht_count(&s->index);
  for (int64_t i = 0; i < n; i++) {
    int64_t row = ht_i64(&s->index)[i], last = ht_i64(&s->last)[i];
    HT_TRY(check_id(r, row));
    if (r->mark[row].slot || last < r->start || last > ht_lag_steps(r->lag))
      return ht_fail(HT_CORRUPT, "row %lld of '%s' in the checkpoint is wrong",
                     (long long)row, r->variable->name);
    HT_TRY(add_slot(r, row));
    r->mark[row].last = (uint32_t)last;
    load_row(r, (size_t)i, s, row);
  }
  r->variable->changed = true;
  return HT_SUCCESS;
}
