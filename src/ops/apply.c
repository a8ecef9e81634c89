/* apply.c - ht_apply: an op outside any graph, see op.h. */
#include "ops/interface.h"

static ht_status run_call(ht_call *call) {
  const ht_op *op = call->op;
  ht_status st = HT_SUCCESS;
  if (op->prepare) st = op->prepare(call->attrs, &call->prepared);
  if (st.code == HT_OK) st = ht_op_forward(call);
  if (op->unprepare && call->prepared) op->unprepare(call->prepared);
  return ht_within(st, "op '%s'", op->name);
}

static ht_status bind_and_run(const char *text, ht_arena *arena,
                              ht_call *call) {
  ht_dtype *dtype;
  ht_attrs attrs;
  int n_out;
  HT_NEW(dtype, arena, call->n_in + 1);
  for (int i = 0; i < call->n_in; i++) dtype[i] = call->in[i]->dtype;
  HT_TRY(ht_attrs_bind(call->op, text, call->n_in, dtype, arena, &attrs));
  HT_TRY(ht_op_outputs(call->op, &attrs, 0, NULL, &n_out));
  if (n_out != call->n_out)
    return ht_fail(HT_USAGE, "op '%s' has %d outputs, wanted %d",
                   call->op->name, n_out, call->n_out);
  call->attrs = &attrs;
  return run_call(call);
}

ht_status ht_apply(ht_run *run, const char *op, const char *attrs, int n_in,
                   const ht_tensor *const *in, int n_out, ht_tensor *out) {
  ht_arena arena = {0};
  ht_call call = {.op = ht_op_find(op),
                  .node = op,
                  .n_in = n_in,
                  .in = in,
                  .n_out = n_out,
                  .out = out,
                  .run = run};
  for (int i = 0; i < n_out; i++) out[i] = (ht_tensor){0};
  if (!call.op) return ht_fail(HT_UNSUPPORTED, "op '%s' is not supported", op);
  ht_status st = bind_and_run(attrs, &arena, &call);
  ht_arena_free(&arena);
  if (st.code != HT_OK)
    for (int i = 0; i < n_out; i++) ht_tensor_drop(&out[i]);
  return st;
}
