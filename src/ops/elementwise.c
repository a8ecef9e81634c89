/* elementwise.c - see elementwise.h. */
#include "ops/elementwise.h"

#include "kernels/cast.h"
#include "kernels/unary.h"

ht_status ht_broadcast_all(int n, const ht_tensor *const *x, ht_shape *out) {
  *out = x[0]->shape;
  for (int k = 1; k < n; k++) {
    ht_shape both;
    HT_TRY(ht_shape_broadcast(out, &x[k]->shape, &both));
    *out = both;
  }
  return HT_SUCCESS;
}

ht_status ht_elementwise(ht_pool *pool, const ht_kernel *k, int n,
                         const ht_tensor *const *x, double p, ht_dtype out,
                         ht_tensor *z) {
  ht_shape shape;
  for (int i = 1; i < n; i++)
    if (x[i]->dtype != x[0]->dtype)
      return ht_fail(HT_USAGE, "operands are %s and %s, wanted the same",
                     ht_dtype_name(x[0]->dtype), ht_dtype_name(x[i]->dtype));
  if (!ht_kernel_has(k, x[0]->dtype))
    return ht_fail(HT_UNSUPPORTED, "no kernel for dtype '%s'",
                   ht_dtype_name(x[0]->dtype));
  HT_TRY(ht_broadcast_all(n, x, &shape));
  HT_TRY(ht_tensor_new(pool, out, &shape, z));
  ht_kernel_run(k, x[0]->dtype, n, x, p, z);
  return HT_SUCCESS;
}

ht_status ht_number(ht_pool *pool, ht_dtype t, double value, ht_tensor *out) {
  ht_shape one = HT_SCALAR;
  ht_tensor from = {.dtype = HT_DOUBLE, .shape = one, .data = &value};
  HT_TRY(ht_tensor_new(pool, t, &one, out));
  ht_cast_run(&from, false, out);
  return HT_SUCCESS;
}

static ht_status map_call(ht_call *c, const ht_kernel *k, double p,
                          ht_dtype out) {
  if (!ht_kernel_has(k, c->in[0]->dtype))
    return ht_no_dtype(c, c->in[0]->dtype);
  return ht_elementwise(c->run->pool, k, c->n_in, c->in, p, out, &c->out[0]);
}

ht_status ht_elementwise_call(ht_call *c, const ht_kernel *k, double p) {
  return map_call(c, k, p, c->in[0]->dtype);
}

ht_status ht_elementwise_test(ht_call *c, const ht_kernel *k, double p) {
  return map_call(c, k, p, HT_BOOL);
}

ht_status ht_elementwise_give(ht_back *b, int i, const ht_kernel *k, int n,
                              const ht_tensor *const *x, double p) {
  ht_tensor g;
  if (!ht_wants(b, i)) return HT_SUCCESS;
  HT_TRY(ht_elementwise(b->run->pool, k, n, x, p, x[0]->dtype, &g));
  return ht_give(b, i, &g);
}

bool ht_rows_arrive(const ht_back *b, int i) {
  return b->dout[0].values.dtype &&
         ht_shape_equal(&b->in[i].shape, &b->out[0].shape);
}

ht_status ht_elementwise_give_rows(ht_back *b, int i, const ht_kernel *k,
                                   const ht_tensor *y) {
  ht_tensor values, ids;
  const ht_tensor *x[] = {&b->dout[0].values, y};
  if (!ht_wants(b, i)) return HT_SUCCESS;
  HT_TRY(ht_tensor_new(b->run->pool, x[0]->dtype, &x[0]->shape, &values));
  ht_kernel_run(k, x[0]->dtype, y ? 2 : 1, x, 0, &values);
  ids = ht_tensor_share(&b->dout[0].indices);
  return ht_give_rows(b, i, &ids, &values);
}

ht_status ht_give_same(ht_back *b, int i) {
  if (!ht_wants(b, i)) return HT_SUCCESS;
  if (ht_rows_arrive(b, i)) {
    ht_tensor ids = ht_tensor_share(&b->dout[0].indices);
    ht_tensor values = ht_tensor_share(&b->dout[0].values);
    return ht_give_rows(b, i, &ids, &values);
  }
  HT_TRY(ht_back_dense(b, 0));
  ht_tensor g = ht_tensor_share(&b->dout[0].dense);
  return ht_give(b, i, &g);
}

ht_status ht_give_negative(ht_back *b, int i) {
  if (ht_rows_arrive(b, i))
    return ht_elementwise_give_rows(b, i, &ht_k_neg, NULL);
  HT_TRY(ht_back_dense(b, 0));
  const ht_tensor *dy = &b->dout[0].dense;
  return ht_elementwise_give(b, i, &ht_k_neg, 1, &dy, 0);
}
