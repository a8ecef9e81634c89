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

static ht_status take_gradients(ht_stepper *s) {
  ht_optimizer *o = s->optimizer;
  for (int i = 0; i < o->n_tuned; i++)
    HT_TRY(
        ht_tape_gradient(s->tape, o->tuned[i].variable, &o->tuned[i].gradient));
  ht_tape_reset(s->tape);
  return HT_SUCCESS;
}

static ht_status update(ht_stepper *s, int64_t t, double factor) {
  double norm, scale;
  HT_TRY(take_gradients(s));
  HT_TRY(ht_reduce_gradients(s->optimizer));
  ht_status st = ht_clip(s->optimizer, s->clip_norm, &norm, &scale);
  HT_TRY(ht_within(st, "step %lld", (long long)t));
  return ht_optimizer_step(s->optimizer, factor, scale);
}

static ht_status learn(ht_stepper *s, ht_plan *plan, ht_run *run, int n_in,
                       const ht_tensor *const *in, double factor,
                       double *value) {
  ht_tensor loss;
  HT_TRY(forward(plan, run, n_in, in, &loss));
  *value = ht_real_at(&loss, 0);
  ht_status st = check_finite(*value, (int64_t)run->step);
  if (st.code == HT_OK) st = ht_tape_backward(s->tape, run, 1, &loss, NULL);
  ht_tensor_drop(&loss);
  if (st.code == HT_OK) st = update(s, (int64_t)run->step, factor);
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
  ht_status st = learn(s, plan, &run, n_in, in, *factor, loss);
  ht_tape_reset(s->tape);
  if (st.code == HT_OK)
    ht_store_commit(s->store);
  else
    ht_store_rollback(s->store);
  return st;
}
