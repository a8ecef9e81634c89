/* plan_finish.c - what a plan loses once it is whole: steps without use or
 * effect; and where each value is let go. */
#include <string.h>

#include "graph/pass.h"

/* Whether a step has to run although nothing reads it. */
static bool has_effect(const ht_step *s) {
  return (s->op->flags & (HT_OP_STATEFUL | HT_OP_READS)) == HT_OP_STATEFUL;
}

static bool all_constant(const ht_plan *p, const ht_step *s) {
  for (int k = 0; k < s->n_out; k++)
    if (!p->value[s->out + k].constant) return false;
  return s->n_out > 0;
}

static ht_status mark_live(ht_plan *p, const bool *drop, bool *live) {
  bool *used;
  HT_NEW(used, &p->arena, p->n_values + 1);
  for (int i = 0; i < p->n_rets; i++) used[p->ret[i]] = true;
  for (int i = p->n_steps - 1; i >= 0; i--) {
    const ht_step *s = &p->step[i];
    if (drop && drop[i]) live[i] = false; /* though others wait for it */
    if (all_constant(p, s) || (drop && drop[i])) continue;
    live[i] |= has_effect(s);
    for (int k = 0; k < s->n_out; k++) live[i] |= used[s->out + k];
    for (int k = 0; k < s->n_in && live[i]; k++) used[s->in[k]] = true;
    for (int k = 0; k < s->n_guards && live[i]; k++) live[s->guard[k]] = true;
  }
  return HT_SUCCESS;
}

void ht_step_free(ht_step *s) {
  if (s->op->unprepare && s->prepared) s->op->unprepare(s->prepared);
  for (int k = 0; k < s->n_sub; k++) ht_plan_free(s->sub[k]);
  s->n_sub = 0;
  s->prepared = NULL;
}

static ht_status compact(ht_plan *p, const bool *live) {
  int *moved, n = 0;
  HT_NEW(moved, &p->arena, p->n_steps + 1);
  for (int i = 0; i < p->n_steps; i++) {
    moved[i] = live[i] ? n : -1;
    if (!live[i]) {
      ht_step_free(&p->step[i]);
      continue;
    }
    ht_step s = p->step[i];
    int guards = 0;
    for (int k = 0; k < s.n_guards; k++)
      if (live[s.guard[k]]) s.guard[guards++] = moved[s.guard[k]];
    s.n_guards = guards;
    p->step[n++] = s;
  }
  for (int v = 0; v < p->n_values; v++)
    if (p->value[v].step >= 0) p->value[v].step = moved[p->value[v].step];
  p->n_steps = n;
  return HT_SUCCESS;
}

/* Values made by a step or fed die after the last step that reads them;
 * those that nobody reads die after their own. */
static ht_status last_uses(ht_plan *p) {
  int *user, *count;
  HT_NEW(user, &p->arena, p->n_values + 1);
  HT_NEW(count, &p->arena, p->n_steps + 1);
  for (int v = 0; v < p->n_values; v++) user[v] = -1;
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *s = &p->step[i];
    s->n_last = 0;
    for (int k = 0; k < s->n_out; k++) user[s->out + k] = i;
    for (int k = 0; k < s->n_in; k++) user[s->in[k]] = i;
  }
  for (int i = 0; i < p->n_rets; i++) user[p->ret[i]] = -1;
  for (int v = 0; v < p->n_values; v++)
    if (user[v] >= 0 && !p->value[v].constant) count[user[v]]++;
  for (int i = 0; i < p->n_steps; i++)
    if (count[i]) HT_NEW(p->step[i].last, &p->arena, count[i]);
  for (int v = 0; v < p->n_values; v++) {
    ht_step *s = user[v] >= 0 ? &p->step[user[v]] : NULL;
    if (s && !p->value[v].constant) s->last[s->n_last++] = v;
  }
  return HT_SUCCESS;
}

static ht_status drop_dead(ht_plan *p, const bool *drop) {
  bool *live;
  HT_NEW(live, &p->arena, p->n_steps + 1);
  HT_TRY(mark_live(p, drop, live));
  return compact(p, live);
}

ht_status ht_plan_reduce(ht_plan *p, const bool *drop) {
  HT_TRY(drop_dead(p, drop));
  HT_TRY(ht_pass_rows(p));
  return last_uses(p);
}

ht_status ht_plan_finish(ht_plan *p) {
  HT_TRY(drop_dead(p, NULL));
  HT_TRY(ht_pass_identity(p));
  HT_TRY(drop_dead(p, NULL));
  HT_TRY(ht_pass_pad(p));
  HT_TRY(drop_dead(p, NULL));
  HT_TRY(ht_pass_norm(p));
  HT_TRY(drop_dead(p, NULL));
  HT_TRY(ht_pass_bias(p));
  HT_TRY(drop_dead(p, NULL));
  HT_TRY(ht_pass_conv(p));
  HT_TRY(ht_pass_norm_conv(p));
  HT_TRY(ht_pass_norm_add(p));
  HT_TRY(drop_dead(p, NULL));
  for (int i = 0; i < p->n_steps; i++) { /* passes put other ops there, */
    int n; /* which need not state their numbers of inputs */
    ht_status st = ht_step_types(p, &p->step[i], &n);
    if (st.code == HT_NO_MEMORY) return st;
  }
  HT_TRY(ht_pass_rows(p));
  return last_uses(p);
}
