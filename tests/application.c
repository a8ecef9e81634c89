/* application.c - see application.h. */
#include "application.h"

#include "ops/interface.h"

ht_status application_inputs(const golden_case *c, application *a) {
  for (int i = 0; i < c->n_in; i++) HT_TRY(golden_tensor(c->in[i], &a->in[i]));
  return HT_SUCCESS;
}

ht_status application_bind(const golden_case *c, const char *attrs,
                           application *a) {
  ht_dtype dtype[GOLDEN_MAX_TENSORS];
  const ht_op *op = ht_op_find(c->op);
  int n_out;
  if (!op) return ht_fail(HT_USAGE, "no such op");
  a->run = (ht_run){.folder = "."};
  for (int i = 0; i < c->n_in; i++) {
    dtype[i] = a->in[i].dtype;
    a->in_at[i] = &a->in[i];
  }
  HT_TRY(ht_attrs_bind(op, attrs, c->n_in, dtype, &a->arena, &a->attrs));
  HT_TRY(ht_op_outputs(op, &a->attrs, 0, NULL, &n_out));
  if (n_out > GOLDEN_MAX_TENSORS) return ht_fail(HT_USAGE, "many outputs");
  a->call = (ht_call){.op = op,
                      .node = c->op,
                      .attrs = &a->attrs,
                      .n_in = c->n_in,
                      .n_out = n_out,
                      .in = a->in_at,
                      .out = a->out,
                      .run = &a->run};
  return op->prepare ? op->prepare(&a->attrs, &a->call.prepared) : HT_SUCCESS;
}

void application_drop_outputs(application *a) {
  for (int i = 0; i < a->call.n_out; i++) ht_tensor_drop(&a->out[i]);
}

void application_close(const golden_case *c, application *a) {
  if (a->call.prepared && a->call.op->unprepare)
    a->call.op->unprepare(a->call.prepared);
  for (int i = 0; i < c->n_in; i++) ht_tensor_drop(&a->in[i]);
  application_drop_outputs(a);
  ht_arena_free(&a->arena);
}
