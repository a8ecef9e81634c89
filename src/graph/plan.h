/*
 * plan.h - what running given fetches from given feeds needs, in order.
 *
 * Made once per (body, captures), free of shapes: pruned, calls inlined,
 * constants folded, function-valued attributes planned as sub-plans.
 * Running it is one pass over its steps; values are let go after their last
 * use, and applications that a trained variable reaches are recorded on the
 * run's tape.
 */
#ifndef HT_GRAPH_PLAN_H
#define HT_GRAPH_PLAN_H

#include "graph/graph.h"

/* An op that a plan would need and the table lacks. */
typedef struct ht_missing {
  const char *op, *node, *function; /* function NULL: the main graph */
} ht_missing;

/*
 * Plans a body. capture: per argument a value that is fixed (HT_INVALID: fed
 * at each run, in order); NULL: all are fed. The model must outlive the plan.
 * Fails with HT_UNSUPPORTED, naming op and node, where an op is missing.
 */
ht_status ht_plan_new(const ht_body *body, const ht_tensor *capture,
                      ht_plan **out) HT_MUST_CHECK;
void ht_plan_free(ht_plan *plan);

/*
 * Runs it: n_in fed values in order, n_out fetched ones filled. With
 * run->tape, tuned variables are traced. A fed shape or dtype is not checked
 * here: the caller knows the interface.
 */
ht_status ht_plan_run(ht_plan *plan, ht_run *run, int n_in,
                      const ht_tensor *const *in, int n_out,
                      ht_tensor *out) HT_MUST_CHECK;

/* A run with every service filled in (pool may be NULL). */
ht_run ht_run_make(ht_pool *pool, ht_store *store, const char *folder);

/*
 * The ops that a body reaches and the table lacks (running), or that have no
 * gradient rule though a floating value passes (differentiating). Each once
 * per node, in the order of the graph.
 */
ht_status ht_plan_missing(const ht_body *body, bool gradients, ht_arena *arena,
                          ht_missing **missing, int *n) HT_MUST_CHECK;

/* The variables (and other resources) a body reaches, by walking handles. */
ht_status ht_plan_variables(const ht_body *body, const ht_tensor *capture,
                            const ht_store *store, ht_arena *arena,
                            ht_variable ***v, int *n) HT_MUST_CHECK;

/* Those of them that the gradient of a fetch can come to: where there is no
 * way to a variable, TensorFlow's gradient is None, and optimizers leave it
 * alone. */
ht_status ht_plan_reached(const ht_plan *plan, int fetch,
                          const ht_store *store, ht_arena *arena,
                          ht_variable ***v, int *n) HT_MUST_CHECK;

/* A placeholder that a run would find not fed; NULL: there is none. */
const char *ht_plan_placeholder(const ht_plan *plan);

/* Its steps, and the ops that they are of. */
int ht_plan_steps(const ht_plan *plan);
const char *ht_plan_step_op(const ht_plan *plan, int step);

#endif
