/* application.h - an op bound to the inputs of a golden case. */
#ifndef HT_TESTS_APPLICATION_H
#define HT_TESTS_APPLICATION_H

#include "golden_file.h"
#include "ops/op.h"

typedef struct application {
  ht_tensor in[GOLDEN_MAX_TENSORS], out[GOLDEN_MAX_TENSORS];
  const ht_tensor *in_at[GOLDEN_MAX_TENSORS];
  ht_arena arena;
  ht_attrs attrs;
  ht_run run;
  ht_call call;
} application;

/* The inputs of the case; what is bound to them may be others. */
ht_status application_inputs(const golden_case *c,
                             application *a) HT_MUST_CHECK;
/* Binds the case's op with `attrs` and prepares it. */
ht_status application_bind(const golden_case *c, const char *attrs,
                           application *a) HT_MUST_CHECK;
void application_drop_outputs(application *a);
/* Frees whatever it holds, also where binding failed. */
void application_close(const golden_case *c, application *a);

#endif
