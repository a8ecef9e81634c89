/* apply.c - ops and gradient rules outside any graph, see op.h. */
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

enum { MAX_GRADIENTS = 8 };

/* g = what was collected for an input like `in`. */
static ht_status take_collected(ht_run *run, ht_cotangent *total,
                                const ht_tensor *in, ht_tensor *g) {
  if (total->indices.dtype)
    return ht_fail(HT_UNSUPPORTED, "a gradient of rows is no op");
  if (!total->dense.dtype)
    return ht_tensor_zeros(run->pool, in->dtype, &in->shape, g);
  *g = total->dense;
  total->dense = (ht_tensor){0};
  return HT_SUCCESS;
}

ht_status ht_apply_gradient(ht_call *c, const char *op, unsigned wanted,
                            int n_in, ht_tensor *in, int n_out,
                            const ht_tensor *out, ht_cotangent *dout,
                            ht_tensor *g) {
  ht_cotangent total[MAX_GRADIENTS] = {0};
  ht_back b = {.op = ht_op_find(op),
               .node = c->node,
               .attrs = c->attrs,
               .n_in = n_in,
               .n_out = n_out,
               .in = in,
               .out = out,
               .dout = dout,
               .run = c->run,
               .collected = total};
  if (!b.op || n_in > MAX_GRADIENTS)
    return ht_fail(HT_UNSUPPORTED, "op '%s' has no gradient", op);
  for (int i = 0; i < n_in; i++) {
    in[i].trace = wanted >> i & 1;
    g[i] = (ht_tensor){0};
  }
  ht_status st = ht_op_gradient(&b, b.op->gradient);
  for (int i = 0; i < n_in; i++) {
    if (st.code == HT_OK && (wanted >> i & 1))
      st = take_collected(c->run, &total[i], &in[i], &g[i]);
    ht_tensor_drop(&total[i].dense);
    ht_tensor_drop(&total[i].indices);
    ht_tensor_drop(&total[i].values);
  }
  for (int i = 0; i < n_in && st.code != HT_OK; i++) ht_tensor_drop(&g[i]);
  return ht_within(st, "op '%s'", c->op->name);
}
