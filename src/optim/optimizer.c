/* optimizer.c - applies an update rule to variables, see optimizer.h. */
#include "optim/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"
#include "optim/rows.h"

bool ht_optimizer_has_m(const ht_optimizer *o) {
  return o->kind->slot_m &&
         (!o->kind->m_with_momentum || o->hyper.momentum > 0);
}

bool ht_optimizer_has_v(const ht_optimizer *o) {
  return o->kind->slot_v != NULL;
}

static bool below_one(double x) { return x >= 0 && x < 1; }

static ht_status check_hyper(const ht_hyper *h) {
  if (!(h->lr >= 0 && h->lr < 1e30))
    return ht_fail(HT_USAGE,
                   "the learning rate must be from 0 to below 1e30, not %g",
                   h->lr);
  if (!below_one(h->momentum) || !below_one(h->beta1) || !below_one(h->beta2) ||
      !below_one(h->rho))
    return ht_fail(HT_USAGE, "momentum, betas and rho must be in [0,1)");
  if (!(h->weight_decay >= 0 && h->epsilon >= 0 && h->start >= 0))
    return ht_fail(HT_USAGE, "weight decay and epsilon must not be negative");
  return HT_SUCCESS;
}

static ht_status check_decay(const ht_hyper *h, double lr) {
  if (lr * h->weight_decay < 1) return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "learning rate times weight decay must be below 1: %g * %g",
                 lr, h->weight_decay);
}

ht_status ht_optimizer_new(const ht_optimizer_kind *kind, const ht_hyper *hyper,
                           ht_optimizer **out) {
  *out = NULL;
  HT_TRY(check_hyper(hyper));
  ht_optimizer *o = calloc(1, sizeof *o);
  if (!o) return ht_fail(HT_NO_MEMORY, "no memory for the optimizer");
  o->kind = kind;
  o->hyper = *hyper;
  *out = o;
  return HT_SUCCESS;
}

void ht_optimizer_free(ht_optimizer *o) {
  if (!o) return;
  for (int i = 0; i < o->n_tuned; i++) {
    ht_tuned *t = &o->tuned[i];
    ht_cotangent_drop(&t->gradient);
    ht_tensor_drop(&t->m);
    ht_tensor_drop(&t->v);
    ht_rows_free(t->rows);
  }
  free(o->tuned);
  free(o->factor);
  free(o);
}

ht_status ht_optimizer_add(ht_optimizer *o, ht_variable *v, double lr) {
  HT_TRY(check_decay(&o->hyper, lr));
  if (v->dtype != HT_FLOAT && v->dtype != HT_DOUBLE)
    return ht_fail(HT_UNSUPPORTED,
                   "variable '%s' is %s: only float and double ones can be "
                   "trained",
                   v->name, ht_dtype_name(v->dtype));
  if (!v->value.dtype)
    return ht_fail(HT_CORRUPT, "variable '%s' has no value", v->name);
  if (o->n_tuned == o->capacity) {
    int n = o->capacity * 2 + 16;
    ht_tuned *p = realloc(o->tuned, (size_t)n * sizeof *p);
    if (!p) return ht_fail(HT_NO_MEMORY, "no memory for the optimizer");
    o->tuned = p;
    o->capacity = n;
  }
  o->tuned[o->n_tuned++] = (ht_tuned){.variable = v, .lr = lr};
  v->tuned = true;
  return HT_SUCCESS;
}

/* ---- the history of the schedule */

static ht_status room_for_factors(ht_optimizer *o, int64_t n) {
  if (n <= o->factor_capacity) return HT_SUCCESS;
  size_t more = (size_t)n + (size_t)n / 2 + 1024;
  float *p = realloc(o->factor, more * sizeof *p);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for the optimizer");
  o->factor = p;
  o->factor_capacity = (int64_t)more;
  return HT_SUCCESS;
}

ht_status ht_optimizer_history(ht_optimizer *o, const float *factor,
                               int64_t n) {
  HT_TRY(room_for_factors(o, n));
  memcpy(o->factor, factor, (size_t)n * sizeof *factor);
  o->step = n;
  return HT_SUCCESS;
}

ht_status ht_optimizer_replay(const ht_optimizer *o, double lr, ht_lag *lag) {
  for (int64_t t = 1; t <= o->step; t++) {
    ht_rule r;
    ht_rule_at(&o->hyper, HT_FLOAT, lr * (double)o->factor[t - 1], t, &r);
    double keep = 1 - r.weight_decay * r.lr;
    HT_TRY(ht_lag_step(lag, o->kind->alpha(&r), keep));
  }
  return HT_SUCCESS;
}

/* ---- dense updates */

static ht_status make_slot(const ht_tuned *t, bool wanted, double start,
                           ht_tensor *slot) {
  if (!wanted || slot->dtype) return HT_SUCCESS;
  const ht_variable *v = t->variable;
  HT_TRY(ht_tensor_zeros(NULL, v->dtype, &v->value.shape, slot));
  int64_t n = start != 0 ? ht_count(slot) : 0;
  for (int64_t i = 0; i < n; i++)
    if (v->dtype == HT_DOUBLE)
      HT_DATA(double, slot)[i] = start;
    else
      ht_f(slot)[i] = (float)start;
  return HT_SUCCESS;
}

ht_status ht_tuned_slots(const ht_optimizer *o, ht_tuned *t) {
  HT_TRY(make_slot(t, ht_optimizer_has_m(o), 0, &t->m));
  return make_slot(t, ht_optimizer_has_v(o), o->hyper.start, &t->v);
}

typedef struct update_job {
  ht_update_fn *update;
  const ht_rule *rule;
  size_t size; /* of an element */
  char *w, *m, *v;
  const char *g;
} update_job;

static void update_range(size_t from, size_t to, void *arg) {
  const update_job *j = arg;
  size_t at = from * j->size;
  j->update(j->rule, to - from, j->w + at, j->m ? j->m + at : NULL,
            j->v ? j->v + at : NULL, j->g ? j->g + at : NULL);
}

static void update_all(update_job *job, ht_tuned *t) {
  ht_tensor *w = &t->variable->value;
  job->size = ht_dtype_size(w->dtype);
  job->w = w->data;
  ht_parallel((size_t)ht_count(w), HT_RANGE_WORK / 2, update_range, job);
  t->variable->changed = true;
}

static ht_status dense_step(const ht_optimizer *o, ht_tuned *t,
                            const ht_rule *rule) {
  ht_tensor *w = &t->variable->value, *g = &t->gradient.dense;
  HT_TRY(ht_cotangent_dense(NULL, &t->gradient, &w->shape));
  if (!g->dtype) HT_TRY(ht_tensor_zeros(NULL, w->dtype, &w->shape, g));
  HT_TRY(ht_tuned_slots(o, t));
  HT_TRY(ht_tensor_own(NULL, w));
  update_job job = {.update = ht_update_of(o->kind, w->dtype),
                    .rule = rule,
                    .m = t->m.data,
                    .v = t->v.data,
                    .g = g->data};
  update_all(&job, t);
  return HT_SUCCESS;
}

/* ---- rows */

static void notice(const ht_optimizer *o, const char *what,
                   const ht_variable *v) {
  char text[HT_MESSAGE_MAX];
  if (!o->notice) return;
  snprintf(text, sizeof text, "variable '%s' %s", v->name, what);
  o->notice(o->notice_arg, text);
}

/* A lag that knows all steps so far. Where none can be made (unusual decay
 * rates), *out is NULL and updates stay dense. */
static ht_status make_lag(const ht_optimizer *o, const ht_tuned *t,
                          ht_lag **out) {
  ht_drift drift = o->kind->drift(&o->hyper);
  ht_status st = ht_lag_new(&drift, out);
  if (st.code == HT_UNSUPPORTED) {
    notice(o, "is updated whole at every step: its moments die out too slowly",
           t->variable);
    return HT_SUCCESS;
  }
  HT_TRY(st);
  return ht_optimizer_replay(o, t->lr, *out);
}

/* Until its first gradient a variable only decays, dense, so that all rows
 * stand at the step made last. */
static ht_status start_rows(const ht_optimizer *o, ht_tuned *t) {
  ht_lag *lag = NULL;
  HT_TRY(make_lag(o, t, &lag));
  if (!lag) return HT_SUCCESS;
  return ht_rows_new(o, t->variable, lag, o->step, &t->rows);
}

static ht_status end_rows(const ht_optimizer *o, ht_tuned *t) {
  notice(o, "has a dense gradient: all of it is updated at every step",
         t->variable);
  HT_TRY(ht_rows_finish(t->rows, &t->m, &t->v));
  ht_rows_free(t->rows);
  t->rows = NULL;
  return HT_SUCCESS;
}

/* A variable that no gradient has ever reached. */
static ht_status unreached_step(ht_tuned *t, const ht_rule *rule) {
  ht_tensor *w = &t->variable->value;
  if (rule->weight_decay == 0) return HT_SUCCESS;
  HT_TRY(ht_tensor_own(NULL, w));
  update_job job = {.update = ht_decay_of(w->dtype), .rule = rule};
  update_all(&job, t);
  return HT_SUCCESS;
}

static ht_status step_one(const ht_optimizer *o, ht_tuned *t, double factor,
                          double scale) {
  ht_rule rule;
  ht_dtype dtype = t->variable->dtype;
  ht_rule_at(&o->hyper, dtype, t->lr * factor, o->step + 1, &rule);
  rule.scale = dtype == HT_DOUBLE ? scale : (double)(float)scale;
  bool rows = t->gradient.values.dtype, dense = t->gradient.dense.dtype;
  if (rows && !t->reached && dtype == HT_FLOAT) HT_TRY(start_rows(o, t));
  if (dense && t->rows) HT_TRY(end_rows(o, t));
  t->reached |= rows || dense;
  if (!t->reached) return unreached_step(t, &rule);
  ht_status st = t->rows ? ht_rows_step(t->rows, &rule, &t->gradient)
                         : dense_step(o, t, &rule);
  ht_cotangent_drop(&t->gradient);
  return st;
}

ht_status ht_optimizer_step(ht_optimizer *o, double factor, double scale) {
  float kept = (float)factor;
  HT_TRY(room_for_factors(o, o->step + 1));
  for (int i = 0; i < o->n_tuned; i++)
    HT_TRY(step_one(o, &o->tuned[i], (double)kept, scale));
  o->factor[o->step++] = kept;
  return HT_SUCCESS;
}
