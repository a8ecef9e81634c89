/* step.c - see step.h. */
#include "train/step.h"

#include <math.h>

#include "optim/clip.h"

ht_status ht_reduce_gradients(ht_optimizer *o) {
  (void)o;
  return HT_SUCCESS;
}

ht_status ht_step_untune(const ht_plan *plan, ht_store *store) {
  ht_arena arena = {0};
  ht_variable **reached;
  int n;
  ht_status st = ht_plan_reached(plan, 0, store, &arena, &reached, &n);
  for (int i = 0; st.code == HT_OK && i < store->n_variables; i++) {
    bool found = false;
    for (int k = 0; k < n && !found; k++)
      found = reached[k] == store->variable[i];
    store->variable[i]->tuned &= found;
  }
  ht_arena_free(&arena);
  return st;
}

static ht_status forward(ht_plan *plan, ht_run *run, int n_in,
                         const ht_tensor *const *in, ht_tensor *loss) {
  HT_TRY(ht_plan_run(plan, run, n_in, in, 1, loss));
  bool real = loss->dtype == HT_FLOAT || loss->dtype == HT_DOUBLE;
  if (real && ht_count(loss) == 1) return HT_SUCCESS;
  ht_tensor_drop(loss);
  return ht_fail(HT_CORRUPT, "the loss is not one number");
}

static ht_status check_finite(double loss, int64_t t) {
  if (isfinite(loss)) return HT_SUCCESS;
  return ht_fail(HT_NUMERIC, "the loss is %s at step %lld",
                 isnan(loss) ? "NaN" : "infinite", (long long)t);
}

static void drop_gradients(ht_optimizer *o) {
  for (int i = 0; i < o->n_tuned; i++)
    ht_cotangent_drop(&o->tuned[i].gradient);
}

/* Adds those of the tape to what is there of the parts before. */
static ht_status take_gradients(ht_stepper *s) {
  ht_optimizer *o = s->optimizer;
  for (int i = 0; i < o->n_tuned; i++) {
    ht_tuned *t = &o->tuned[i];
    ht_cotangent g;
    HT_TRY(ht_tape_gradient(s->tape, t->variable, &g));
    HT_TRY(ht_cotangent_add(NULL, &t->gradient, &g, &t->variable->value.shape));
  }
  ht_tape_reset(s->tape);
  return HT_SUCCESS;
}

static ht_status update(ht_stepper *s, int64_t t, double factor) {
  double norm, scale;
  HT_TRY(ht_reduce_gradients(s->optimizer));
  ht_status st = ht_clip(s->optimizer, s->clip_norm, &norm, &scale);
  HT_TRY(ht_within(st, "step %lld", (long long)t));
  return ht_optimizer_step(s->optimizer, factor, scale);
}

/* ---- a batch, whole or in parts */

void ht_step_rows(int n_in, const ht_tensor *const *in, int64_t all,
                  int64_t from, int64_t n, ht_tensor *out) {
  for (int i = 0; i < n_in; i++) {
    bool whole = n == all || !in[i]->shape.rank || in[i]->shape.dim[0] != all;
    out[i] = whole ? ht_tensor_share(in[i]) : ht_tensor_rows(in[i], from, n);
  }
}

/* Follows `share` of the loss; *value += that share of it. */
static ht_status learn(ht_stepper *s, ht_plan *plan, ht_run *run, int n_in,
                       const ht_tensor *const *in, double share,
                       double *value) {
  ht_tensor loss, seed;
  HT_TRY(forward(plan, run, n_in, in, &loss));
  double part = ht_real_at(&loss, 0);
  *value += share * part;
  ht_status st = check_finite(part, (int64_t)run->step);
  if (st.code == HT_OK)
    st = ht_tensor_new(NULL, loss.dtype, &loss.shape, &seed);
  if (st.code == HT_OK) {
    if (loss.dtype == HT_DOUBLE)
      HT_DATA(double, &seed)[0] = share;
    else
      ht_f(&seed)[0] = (float)share;
    st = ht_tape_backward(s->tape, run, 1, &loss, &seed);
    ht_tensor_drop(&seed);
  }
  ht_tensor_drop(&loss);
  return st.code == HT_OK ? take_gradients(s) : st;
}

/* The loss is a mean over examples, so each part counts by its number of
 * them. A part draws numbers of its own. */
static ht_status learn_parts(ht_stepper *s, ht_plan *plan, ht_run *run,
                             int n_in, const ht_tensor *const *in,
                             double *value) {
  enum { MOST = 257 };
  static const uint64_t PART_SEED = UINT64_C(0x9e3779b97f4a7c15);
  ht_tensor rows[MOST];
  const ht_tensor *at[MOST];
  int64_t each = (s->n + s->parts - 1) / s->parts;
  ht_status st = HT_SUCCESS;
  if (n_in > MOST) return ht_fail(HT_UNSUPPORTED, "too many inputs for parts");
  for (int64_t from = 0; from < s->n && st.code == HT_OK; from += each) {
    int64_t n = s->n - from < each ? s->n - from : each;
    run->seed = s->seed + (uint64_t)(from / each) * PART_SEED;
    ht_step_rows(n_in, in, s->n, from, n, rows);
    for (int i = 0; i < n_in; i++) at[i] = &rows[i];
    st = learn(s, plan, run, n_in, at, (double)n / (double)s->n, value);
    for (int i = 0; i < n_in; i++) ht_tensor_drop(&rows[i]);
    ht_tape_reset(s->tape);
  }
  return st;
}

ht_status ht_step(ht_stepper *s, ht_plan *plan, int64_t t, int n_in,
                  const ht_tensor *const *in, double *loss, double *factor) {
  ht_run run = ht_run_make(s->pool, s->store, s->folder);
  run.tape = s->tape;
  run.training = true;
  run.profile = s->profile;
  run.seed = s->seed;
  run.step = (uint64_t)t;
  *factor = ht_schedule_factor(&s->schedule, t);
  *loss = 0;
  ht_status st = s->parts > 1 && s->n > 1
                     ? learn_parts(s, plan, &run, n_in, in, loss)
                     : learn(s, plan, &run, n_in, in, 1, loss);
  s->updated = st.code == HT_OK;
  if (st.code == HT_OK) st = update(s, t, *factor);
  drop_gradients(s->optimizer);
  ht_tape_reset(s->tape);
  if (st.code == HT_OK)
    ht_store_commit(s->store);
  else
    ht_store_rollback(s->store);
  return st;
}
