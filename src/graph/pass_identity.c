/*
 * pass_identity.c - Identity is no work, see pass.h. Where a node waits for
 * others (Keras's normalisation in training: for the averages) it became a
 * step of its own and stood between steps that fuse; the order of the steps
 * holds without it.
 */
#include "graph/pass.h"

/* A v1 reference is read when Identity runs, not later. */
static bool passes_on(const ht_plan *p, const ht_step *s) {
  return ht_pass_plain(s) && ht_pass_is(s, "Identity") &&
         !p->value[s->in[0]].ref;
}

ht_status ht_pass_identity(ht_plan *p) {
  for (int i = 0; i < p->n_steps; i++) {
    const ht_step *s = &p->step[i];
    if (passes_on(p, s)) ht_pass_redirect(p, s->out, s->in[0]);
  }
  return HT_SUCCESS;
}
