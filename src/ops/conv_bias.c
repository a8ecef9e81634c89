/* conv_bias.c - a convolution and its bias as one step of a plan, see
 * fused.h. */
#include "kernels/conv.h"
#include "ops/fused.h"

enum { DATA, FILTER, BIAS };

static ht_status forward(ht_call *c) {
  ht_conv conv;
  bool done;
  HT_TRY(ht_conv_geometry(c->attrs, false, &c->in[DATA]->shape,
                          &c->in[FILTER]->shape, &conv));
  HT_TRY(ht_need_rank(c, BIAS, 1));
  if (c->in[BIAS]->shape.dim[0] != conv.cout)
    return ht_fail(HT_USAGE, "op '%s' has %lld biases for %lld channels",
                   c->op->name, (long long)c->in[BIAS]->shape.dim[0],
                   (long long)conv.cout);
  ht_epilogue e = {.bias = ht_f(c->in[BIAS])};
  HT_TRY(ht_conv_with(c, false, &e, &done));
  return done ? HT_SUCCESS : ht_no_dtype(c, c->in[DATA]->dtype);
}

static ht_status give_input(ht_back *b, const ht_conv_place *at,
                            const ht_conv *c) {
  ht_tensor g;
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[DATA].shape, &g));
  ht_status st = HT_SUCCESS;
  if (ht_count(&g))
    st = ht_conv_back_input(at, c, b->in[FILTER].data, b->dout[0].dense.data,
                            g.data);
  if (st.code == HT_OK) return ht_give(b, DATA, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status give_filter(ht_back *b, const ht_conv_place *at,
                             const ht_conv *c) {
  ht_tensor g[2] = {{0}, {0}};
  ht_shape s = ht_shape_1(c->cout);
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[FILTER].shape, &g[0]));
  ht_status st = ht_back_new(b, HT_FLOAT, &s, &g[1]);
  if (st.code == HT_OK)
    st = ht_conv_back_filter(at, c, b->in[DATA].data, b->dout[0].dense.data,
                             g[0].data, ht_wants(b, BIAS) ? g[1].data : NULL);
  for (int i = 0; i < 2; i++)
    if (st.code == HT_OK && ht_wants(b, FILTER + i))
      st = ht_give(b, FILTER + i, &g[i]);
  for (int i = 0; i < 2; i++) ht_tensor_drop(&g[i]);
  return st;
}

static ht_status back(ht_back *b) {
  ht_conv c;
  ht_conv_place at = {.pool = b->run->pool, .room = b->prepared};
  HT_TRY(ht_conv_geometry(b->attrs, false, &b->in[DATA].shape,
                          &b->in[FILTER].shape, &c));
  if (ht_wants(b, DATA)) HT_TRY(give_input(b, &at, &c));
  if (!ht_wants(b, FILTER) && !ht_wants(b, BIAS)) return HT_SUCCESS;
  return give_filter(b, &at, &c);
}

static void unprepare(void *prepared) { ht_conv_room_free(prepared); }

static double flops(const ht_attrs *attrs, const ht_tensor *in,
                    const ht_tensor *out) {
  return ht_op_find("Conv2D")->flops(attrs, in, out);
}

const ht_op ht_op_conv_bias = {
    .name = "Conv2D+BiasAdd",
    .inputs = "input:T filter:T bias:T",
    .outputs = "output:T",
    .attrs = "T:type",
    .doc = "A convolution and its bias.",
    .forward = forward,
    .gradient = back,
    .unprepare = unprepare,
    .keep = HT_KEEP_IN(DATA) | HT_KEEP_IN(FILTER),
    .flops = flops,
};
