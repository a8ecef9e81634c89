/* plan_run.c - one pass over the steps of a plan, see plan.h. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/tape.h"
#include "graph/plan_steps.h"
#include "ops/profile.h"

/* The values of one run. */
struct ht_frame {
  ht_tensor *value;     /* by number; constants stay empty */
  const ht_tensor **at; /* by number: where the value stands */
  bool *dead;           /* by step */
  const ht_tensor **in; /* of the step at hand */
};

static void free_frame(ht_frame *f) {
  if (!f) return;
  free(f->value);
  free(f->at);
  free(f->dead);
  free(f->in);
  free(f);
}

static int widest(const ht_plan *p) {
  int n = 1;
  for (int i = 0; i < p->n_steps; i++)
    if (p->step[i].n_in > n) n = p->step[i].n_in;
  return n;
}

static ht_frame *new_frame(const ht_plan *p) {
  size_t n = (size_t)p->n_values + 1;
  ht_frame *f = calloc(1, sizeof *f);
  if (!f) return NULL;
  f->value = calloc(n, sizeof *f->value);
  f->at = calloc(n, sizeof *f->at);
  f->dead = calloc((size_t)p->n_steps + 1, sizeof *f->dead);
  f->in = calloc((size_t)widest(p), sizeof *f->in);
  if (!f->value || !f->at || !f->dead || !f->in) {
    free_frame(f);
    return NULL;
  }
  for (int v = 0; v < p->n_values; v++)
    f->at[v] = p->value[v].constant ? p->value[v].constant : &f->value[v];
  return f;
}

/* A plan keeps the frame of its last run; a run inside a run gets another. */
static ht_status take_frame(ht_plan *p, ht_frame **out) {
  *out = atomic_exchange(&p->frame, NULL);
  if (!*out) *out = new_frame(p);
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a run");
}

static void give_frame(ht_plan *p, ht_frame *f) {
  for (int v = 0; v < p->n_values; v++)
    if (f->value[v].buffer) ht_tensor_drop(&f->value[v]);
  free_frame(atomic_exchange(&p->frame, f));
}

static bool dies(const ht_step *s, const ht_frame *f) {
  if (!s->may_die) return false;
  for (int i = 0; i < s->n_guards; i++)
    if (f->dead[s->guard[i]]) return true;
  if (s->op->flags & HT_OP_DEAD_IN) return false;
  for (int i = 0; i < s->n_in; i++)
    if (f->in[i]->dead) return true;
  return false;
}

/* Nodes of a module name its state and its files, also where the module is
 * one of several in a graph. */
static ht_status forward_at_home(const ht_step *s, ht_call *c) {
  ht_run *run = c->run;
  if (!s->home || !s->home->store) return ht_op_forward(c);
  ht_store *store = run->store;
  const char *folder = run->folder;
  run->store = s->home->store;
  run->folder = s->home->folder;
  ht_status st = ht_op_forward(c);
  run->store = store;
  run->folder = folder;
  return st;
}

static bool has_nan(const ht_tensor *t) {
  if (!t->data || !ht_dtype_floating(t->dtype)) return false;
  int64_t n = ht_count(t);
  for (int64_t i = 0; i < n; i++)
    if (isnan(ht_real_at(t, i))) return true;
  return false;
}

static ht_status find_nan(const ht_step *s, const ht_call *c) {
  for (int i = 0; i < s->n_in; i++)
    if (has_nan(c->in[i])) return HT_SUCCESS;
  for (int i = 0; i < s->n_out; i++)
    if (has_nan(&c->out[i]))
      return ht_fail(HT_NUMERIC, "%s gives a NaN", s->op->name);
  return HT_SUCCESS;
}

static ht_status run_step(const ht_step *s, ht_frame *f, ht_run *run) {
  ht_call c = {
      .op = s->op,
      .node = s->node,
      .attrs = s->attrs,
      .prepared = s->prepared,
      .sub = s->sub,
      .n_sub = s->n_sub,
      .n_in = s->n_in,
      .n_out = s->n_out,
      .in = f->in,
      .out = f->value + s->out,
      .run = run,
  };
  ht_span span = {0};
  if (run->profile) span = ht_profile_begin(run->profile);
  HT_TRY(ht_step_check(s, &c));
  HT_TRY(forward_at_home(s, &c));
  if (run->profile) ht_profile_forward(run->profile, span, &c);
  if (run->suspect) HT_TRY(find_nan(s, &c));
  if (!run->tape || !ht_tape_wants(s->op, s->n_in, c.in)) return HT_SUCCESS;
  return ht_tape_record(run->tape, &c, NULL, s->n_in, c.in, s->n_out, c.out);
}

static ht_status one_step(const ht_plan *p, int i, ht_frame *f, ht_run *run) {
  const ht_step *s = &p->step[i];
  for (int k = 0; k < s->n_in; k++) f->in[k] = f->at[s->in[k]];
  f->dead[i] = dies(s, f);
  if (f->dead[i]) {
    for (int k = 0; k < s->n_out; k++)
      f->value[s->out + k] = (ht_tensor){.dead = true};
  } else {
    HT_TRY(ht_within(run_step(s, f, run), "node '%s'", s->node));
    if (s->op->flags & HT_OP_DEAD_IN) /* Merge of dead inputs */
      f->dead[i] = s->n_out && f->value[s->out].dead;
  }
  for (int k = 0; k < s->n_last; k++) ht_tensor_drop(&f->value[s->last[k]]);
  return HT_SUCCESS;
}

static ht_status fetch(const ht_plan *p, const ht_frame *f, int n_out,
                       ht_tensor *out) {
  for (int i = 0; i < n_out; i++) {
    const ht_tensor *t = f->at[p->ret[i]];
    if (t->dead || !t->dtype)
      return ht_fail(HT_USAGE,
                     "output %d was not computed: its branch was "
                     "not taken",
                     i);
    out[i] = ht_tensor_share(t);
  }
  return HT_SUCCESS;
}

static ht_status run_steps(ht_plan *p, ht_frame *f, ht_run *run, int n_out,
                           ht_tensor *out) {
  for (int i = 0; i < p->n_steps; i++) HT_TRY(one_step(p, i, f, run));
  return fetch(p, f, n_out, out);
}

ht_status ht_plan_run_whole(ht_plan *p, ht_run *run, int n_in,
                            const ht_tensor *const *in, int n_out,
                            ht_tensor *out) {
  ht_frame *f;
  if (n_in != p->n_feeds || n_out > p->n_rets)
    return ht_fail(HT_USAGE, "%d values for %d feeds, %d of %d fetches", n_in,
                   p->n_feeds, n_out, p->n_rets);
  HT_TRY(take_frame(p, &f));
  if (n_out) memset(out, 0, (size_t)n_out * sizeof *out);
  for (int i = 0; i < n_in; i++) f->value[p->feed[i]] = ht_tensor_share(in[i]);
  ht_status st = run_steps(p, f, run, n_out, out);
  for (int i = 0; i < n_out && st.code != HT_OK; i++) ht_tensor_drop(&out[i]);
  give_frame(p, f);
  return st;
}

ht_status ht_plan_run(ht_plan *p, ht_run *run, int n_in,
                      const ht_tensor *const *in, int n_out, ht_tensor *out) {
  bool done = false;
  if (n_in == p->n_feeds && n_out <= p->n_rets)
    HT_TRY(ht_plan_run_rows(p, run, n_in, in, n_out, out, &done));
  return done ? HT_SUCCESS : ht_plan_run_whole(p, run, n_in, in, n_out, out);
}

/* ---- the services of a run */

static ht_status call_plan(ht_run *run, ht_plan *plan, int n_in,
                           const ht_tensor *const *in, int n_out,
                           ht_tensor *out) {
  return ht_plan_run(plan, run, n_in, in, n_out, out);
}

static ht_status record(ht_run *run, const ht_call *call,
                        ht_gradient_fn *gradient, int n_in,
                        const ht_tensor *const *in, int n_out, ht_tensor *out) {
  bool traced = false;
  for (int i = 0; i < n_in; i++) traced |= in[i]->trace != 0;
  if (!run->tape || !traced) return HT_SUCCESS;
  return ht_tape_record(run->tape, call, gradient, n_in, in, n_out, out);
}

static ht_status trace_variable(ht_run *run, ht_variable *v, ht_tensor *value) {
  bool staged = v->staged.dtype != HT_INVALID;
  if (!run->tape || !v->tuned || staged || !ht_dtype_floating(v->dtype))
    return HT_SUCCESS;
  return ht_tape_leaf(run->tape, v, value);
}

ht_run ht_run_make(ht_pool *pool, ht_store *store, const char *folder) {
  return (ht_run){
      .pool = pool,
      .store = store,
      .folder = folder,
      .max_turns = HT_MAX_TURNS,
      .call_plan = call_plan,
      .record = record,
      .trace_variable = trace_variable,
  };
}

void ht_plan_free(ht_plan *p) {
  if (!p) return;
  for (int i = 0; i < p->n_steps; i++) ht_step_free(&p->step[i]);
  for (int v = 0; v < p->n_values; v++)
    if (p->value[v].constant) {
      ht_tensor t = *p->value[v].constant;
      ht_tensor_drop(&t);
    }
  free_frame(p->frame);
  ht_arena_free(&p->arena);
  free(p);
}

int ht_plan_steps(const ht_plan *plan) { return plan->n_steps; }
