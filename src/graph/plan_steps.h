/* plan_steps.h - inside of a plan, for src/graph alone. */
#ifndef HT_GRAPH_PLAN_STEPS_H
#define HT_GRAPH_PLAN_STEPS_H

#include "graph/plan.h"

/* Values are numbered from 1; 0 is none. */
typedef struct ht_step {
  const ht_op *op;
  const char *node;
  const ht_library *home; /* of its graph, may be NULL */
  const ht_attrs *attrs;
  void *prepared;
  ht_plan **sub;
  int n_sub;
  int *in;
  int n_in;
  const ht_dtype *wants; /* per input, HT_INVALID: any; NULL: not known */
  int out, n_out; /* values out .. out+n_out-1 */
  int *guard;     /* steps whose death is this one's (control edges) */
  int n_guards;
  int *last; /* values to let go of afterwards */
  int n_last;
  bool may_die; /* v1 control flow reaches it */
} ht_step;

typedef struct ht_value {
  const ht_tensor *constant; /* NULL: made by a step or fed */
  int step;                  /* that makes it, -1 */
  bool ref;                  /* a v1 reference variable's handle */
  bool may_die;
} ht_value;

typedef struct ht_frame ht_frame;

struct ht_plan {
  ht_arena arena;
  ht_step *step;
  int n_steps, step_capacity;
  ht_value *value;
  int n_values, value_capacity;
  int *feed; /* values of the fed arguments, in order */
  int n_feeds;
  int *ret;
  int n_rets;
  _Atomic(ht_frame *) frame; /* of a run that ended: reused by the next */
  int depth;       /* of nested sub-plans */
  bool rows;       /* pass_rows.c: rows of axis 0 are independent */
  uint64_t epoch;  /* of the last run in parts */
};

enum { HT_MAX_DEPTH = 64 };

/* As ht_plan_new, `depth` calls down; collects what is missing instead of
 * failing where `missing` is not NULL. */
typedef struct ht_missing_list {
  ht_arena *arena;
  ht_missing *item;
  int n, capacity;
  bool gradients;
} ht_missing_list;
ht_status ht_plan_build(const ht_body *body, const ht_tensor *capture,
                        int depth, ht_missing_list *missing,
                        ht_plan **out) HT_MUST_CHECK;

/* Drops steps without use or effect; fills ht_step.last. */
ht_status ht_plan_finish(ht_plan *plan) HT_MUST_CHECK;
/* The same without the steps i of drop[i], once feeds or fetches have
 * changed. */
ht_status ht_plan_reduce(ht_plan *plan, const bool *drop) HT_MUST_CHECK;

void ht_step_free(ht_step *s);

/* Fills `wants` from the row's interface, which has *n inputs: NULL where the
 * step has another number. */
ht_status ht_step_types(ht_plan *plan, ht_step *s, int *n) HT_MUST_CHECK;
/* Refuses inputs of other dtypes: graphs claim what they like. */
ht_status ht_step_check(const ht_step *s, const ht_call *c) HT_MUST_CHECK;

/* Whether an op makes a variable's handle by name. */
bool ht_makes_handle(const ht_op *op);
/* The object where it is a variable, else NULL. */
ht_variable *ht_object_variable(ht_object *object);
/* The variable whose handle a step makes by name, NULL: it makes none. */
ht_variable *ht_step_variable(const ht_step *s, const ht_store *store);

/* ht_plan_run without a look at rows. */
ht_status ht_plan_run_whole(ht_plan *plan, ht_run *run, int n_in,
                            const ht_tensor *const *in, int n_out,
                            ht_tensor *out) HT_MUST_CHECK;
/* A few rows at a time; *done false, and nothing happened, where rows depend
 * on each other, or are small. */
ht_status ht_plan_run_rows(ht_plan *plan, const ht_run *run, int n_in,
                           const ht_tensor *const *in, int n_out,
                           ht_tensor *out, bool *done) HT_MUST_CHECK;

/* The row that stands for an IdentityN with a saved custom gradient; its
 * `prepared` is an ht_custom_step. */
extern const ht_op ht_op_custom_gradient;
typedef struct ht_custom_step {
  const ht_custom_gradient *rule;
  ht_plan *plan;
  int n_values; /* inputs of the IdentityN; the captured follow */
} ht_custom_step;

#endif
