/* module.h - what open modules and functions are inside. */
#ifndef HT_API_MODULE_H
#define HT_API_MODULE_H

#include "hub/model.h"

struct ht_module {
  ht_model *model;
  int threads;
  int64_t max_turns; /* 0: the usual limit */
  ht_net *net; /* whose face it is; NULL: a module that was opened */
  ht_arena arena; /* of what it told about itself */
  ht_module_info *info;
  ht_missing_info *missing[2]; /* for running, for differentiating */
  int n_missing[2];
};

struct ht_function {
  ht_module *module;
  const ht_callable *callable;
  ht_plan *plan;
  ht_tape *tape; /* of the last call with gradients, for its memory */
  ht_arena arena;
  ht_callable_info *info;
};

/* What is known of a callable, in the arena. */
ht_status ht_describe_callable(const ht_callable *c, ht_arena *arena,
                               ht_callable_info *out) HT_MUST_CHECK;

/* The callable that a choice means; names of inputs help to choose. */
ht_status ht_choice_find(ht_model *m, const ht_choice *choice, int n,
                         const char *const *name, ht_arena *arena,
                         const ht_callable **out) HT_MUST_CHECK;

/* The graph that a choice is of: of a TF1 module that has one tagged "train",
 * that one for training. */
ht_status ht_choice_graph(ht_model *m, const ht_choice *choice,
                          ht_model **out) HT_MUST_CHECK;

/* A function of a callable that is known. */
ht_status ht_function_of(ht_module *module, const ht_callable *callable,
                         ht_function **out) HT_MUST_CHECK;

/* How many arguments are fed, and the arrays of each in order (`in`: as many
 * NULLs), checked. */
int ht_callable_feeds(const ht_callable *c);
ht_status ht_callable_feed(const ht_callable *c, const ht_arrays *inputs,
                           const ht_tensor **in) HT_MUST_CHECK;

/* Whether that is a variable's name or key, also without its usual ending. */
bool ht_variable_called(const ht_variable *v, const char *name);

#endif
