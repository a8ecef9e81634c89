/*
 * plan_cut.h - the part of a plan that gives the same for an example at
 * every step: what no trained variable, random op or effect reaches.
 */
#ifndef HT_GRAPH_PLAN_CUT_H
#define HT_GRAPH_PLAN_CUT_H

#include "graph/plan.h"

/*
 * Two plans instead of one. `before` makes n_values values of the first
 * n_inputs feeds; `after` takes those values, then the other feeds, and
 * returns what the whole plan does.
 */
typedef struct ht_cut {
  ht_plan *whole, *before, *after;
  ht_body body;
  int n_inputs, n_values;
  int *value;    /* by number, in `whole` */
  bool *refused; /* per step of `whole`: belongs to `after` */
  bool raw;      /* an input itself has to be kept: nothing is gained */
} ht_cut;

/*
 * Cuts the plan of a body (which must outlive the cut; nothing captured) with
 * the variables as they are tuned now. `store` finds variables by name.
 * n_values 0: nothing can be made before.
 */
ht_status ht_cut_open(const ht_body *body, int n_inputs, const ht_store *store,
                      ht_cut *out) HT_MUST_CHECK;
void ht_cut_close(ht_cut *cut);

/* Value i is not one row for each example: what makes it moves to `after`. */
ht_status ht_cut_refuse(ht_cut *cut, int i,
                        const ht_store *store) HT_MUST_CHECK;

/* A digest of which steps and constants `before` has; of what steps were
 * fused from and of variables' values it says nothing. */
uint64_t ht_cut_digest(const ht_cut *cut);
/* Whether `before` reads a variable that differs from its checkpoint, or one
 * that has none. */
bool ht_cut_reads_changed(const ht_cut *cut, const ht_store *store);

#endif
