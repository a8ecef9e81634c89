/* module.h - what open modules and functions are inside. */
#ifndef HT_API_MODULE_H
#define HT_API_MODULE_H

#include "hub/model.h"

struct ht_module {
  ht_model *model;
  int threads;
  int64_t max_turns; /* 0: the usual limit */
  ht_arena arena; /* of what it told about itself */
  ht_module_info *info;
  ht_missing_info *missing[2]; /* for running, for differentiating */
  int n_missing[2];
};

struct ht_function {
  ht_module *module;
  const ht_callable *callable;
  ht_plan *plan;
  ht_arena arena;
  ht_callable_info *info;
};

/* What is known of a callable, in the arena. */
ht_status ht_describe_callable(const ht_callable *c, ht_arena *arena,
                               ht_callable_info *out) HT_MUST_CHECK;

#endif
