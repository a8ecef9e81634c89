/*
 * plan_maker.h - how a plan is made, for plan_build.c and plan_resolve.c
 * alone: instances of bodies, and what a tensor stands for in them.
 */
#ifndef HT_GRAPH_PLAN_MAKER_H
#define HT_GRAPH_PLAN_MAKER_H

#include "graph/plan_steps.h"

typedef struct ht_instance ht_instance;
struct ht_instance {
  ht_graph *graph;
  const ht_body *body;
  const ht_tensor *capture; /* per argument, NULL: none */
  ht_instance *parent;      /* NULL: the root */
  int call;                 /* the node of the parent */
  const ht_attrs *call_attrs;
  int depth;
  int *cut;       /* per node: 1 + its first argument, 0: not an argument */
  int *value;     /* per node: first value of its outputs, 0: none */
  uint8_t *state; /* per node */
  ht_instance **child; /* per node */
  int *explicit_input; /* per argument: which input of the call, -1 */
  int *argument_value; /* per argument: of a capture, 0: none yet */
  bool entered, entering, targets_done;
};
enum { HT_NODE_NEW = 0, HT_NODE_OPEN, HT_NODE_DONE };

typedef struct ht_visit {
  ht_instance *at;
  int node;
  int next; /* input, then control, to look at */
} ht_visit;

typedef struct ht_maker {
  ht_plan *plan;
  ht_missing_list *missing;
  ht_visit *stack;
  int n_stack, stack_capacity;
  ht_instance **all; /* in the order of their making */
  int n_all, all_capacity;
  ht_run run; /* for folding */
  int depth;
} ht_maker;

/* A node that has to become a step first. */
typedef struct ht_need {
  ht_instance *at; /* NULL: nothing is needed */
  int node;
} ht_need;

/* n new values, the first one *first, made by `step` (-1: by none). */
ht_status ht_maker_values(ht_plan *p, int n, int step,
                          int *first) HT_MUST_CHECK;

/* A new value that is known. */
ht_status ht_maker_constant(ht_plan *p, const ht_tensor *t,
                            int *value) HT_MUST_CHECK;

/* Makes s a step of the plan, with new values for its outputs; runs it at
 * once where its inputs are known. */
ht_status ht_maker_step(ht_maker *b, ht_step *s) HT_MUST_CHECK;

/* An instance of a body: of the root, or of the call node of its parent. */
ht_status ht_instance_new(ht_maker *b, const ht_body *body,
                          const ht_tensor *capture, ht_instance *parent,
                          int call, ht_instance **out) HT_MUST_CHECK;

/* Before anything inside a call: what the call waits for. */
ht_status ht_instance_enter(ht_maker *b, ht_instance *child,
                            ht_need *out) HT_MUST_CHECK;

/* The value of a tensor, following calls in and arguments out; or, in *out,
 * the node that has to become a step first. */
ht_status ht_resolve(ht_maker *b, ht_instance *at, ht_ref ref, int *value,
                     ht_need *out) HT_MUST_CHECK;

/* A control edge from `node`: all of its effects. */
ht_status ht_resolve_control(ht_maker *b, ht_instance *at, int node,
                             ht_need *out) HT_MUST_CHECK;

#endif
