/* norm_add.c - what ends a residual block, as one step of a plan:
 * normalisation, sum and activation, see fused.h. */
#include "kernels/binary.h"
#include "kernels/reduce.h"
#include "kernels/unary.h"
#include "ops/elementwise.h"
#include "ops/fused.h"

enum { DATA, SCALE, OFFSET, MEAN, VARIANCE, OTHER };

static const ht_kernel *kernel_of(ht_activation activation) {
  return activation == HT_RELU6 ? &ht_k_relu6 : &ht_k_relu;
}

/* One addend broadcasts: one after the other. */
static ht_status in_turn(ht_call *c, const ht_channels *s, ht_scaling by) {
  const ht_norm_add_parts *p = c->prepared;
  ht_pool *pool = c->run->pool;
  ht_tensor x, sum = {0};
  const ht_tensor *both[] = {&x, c->in[OTHER]}, *one = &sum;
  by.activation = HT_LINEAR;
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &c->in[DATA]->shape, &x));
  ht_channel_scale(s, &by, ht_f(c->in[DATA]), ht_f(&x));
  ht_status st = ht_elementwise(pool, &ht_k_add, 2, both, 0, HT_FLOAT, &sum);
  ht_tensor_drop(&x);
  HT_TRY(st);
  if (p->activation == HT_LINEAR) {
    c->out[0] = sum;
    return HT_SUCCESS;
  }
  st = ht_elementwise(pool, kernel_of(p->activation), 1, &one, 0, HT_FLOAT,
                      &c->out[0]);
  ht_tensor_drop(&sum);
  return st;
}

static ht_status at_once(ht_call *c, const ht_channels *s,
                         const ht_scaling *by) {
  HT_TRY(ht_out_like(c, 0, DATA));
  ht_channel_scale_add(s, by, ht_f(c->in[DATA]), ht_f(c->in[OTHER]),
                       ht_f(&c->out[0]));
  return HT_SUCCESS;
}

static ht_status forward(ht_call *c) {
  const ht_norm_add_parts *p = c->prepared;
  const ht_shape *shape = &c->in[DATA]->shape;
  ht_channels s = ht_norm_channels(p->norm, shape);
  ht_tensor a;
  HT_TRY(ht_norm_need(c, s.channels));
  HT_TRY(ht_norm_factors(c->run->pool, p->norm, c->in[SCALE], c->in[VARIANCE],
                         &a));
  ht_scaling by = {ht_f(c->in[MEAN]), ht_f(&a), ht_f(c->in[OFFSET]),
                   p->activation};
  ht_status st = ht_shape_equal(shape, &c->in[OTHER]->shape)
                     ? at_once(c, &s, &by)
                     : in_turn(c, &s, by);
  ht_tensor_drop(&a);
  return st;
}

/* ---- backward */

/* The cotangent of the sum. */
static ht_status behind_activation(ht_back *b, ht_tensor *d) {
  const ht_norm_add_parts *p = b->prepared;
  const ht_tensor *x[] = {&b->dout[0].dense, &b->out[0]};
  *d = (ht_tensor){0};
  if (p->activation == HT_LINEAR) {
    *d = ht_tensor_share(x[0]);
    return HT_SUCCESS;
  }
  return ht_elementwise(b->run->pool,
                        p->activation == HT_RELU6 ? &ht_g_relu6 : &ht_g_relu, 2,
                        x, 0, HT_FLOAT, d);
}

/* d summed down to the shape of the data, where that was broadcast. */
static ht_status sum_down(ht_back *b, ht_tensor *d) {
  const ht_shape *to = &b->in[DATA].shape;
  bool reduced[HT_MAX_RANK];
  ht_tensor all = *d;
  if (ht_shape_equal(to, &d->shape)) return HT_SUCCESS;
  int more = d->shape.rank - to->rank;
  for (int i = 0; i < d->shape.rank; i++)
    reduced[i] = i < more || to->dim[i - more] != d->shape.dim[i];
  ht_status st = ht_reduce(b->run->pool, HT_REDUCE_SUM, &all, reduced, to, d);
  ht_tensor_drop(&all);
  return st;
}

/* What the rule of the normalisation sums of d. No d yet: it is made, too. */
static ht_status sum_slopes(ht_back *b, const ht_norm_slopes *p, ht_tensor *d,
                            double *sums) {
  ht_pool *pool = b->run->pool;
  const float *x = ht_f(&b->in[DATA]);
  if (d->dtype) return ht_channel_slopes(pool, &p->s, &p->by, x, ht_f(d), sums);
  ht_scaling by = p->by;
  by.activation = ((const ht_norm_add_parts *)b->prepared)->activation;
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->out[0].shape, d));
  const float *dy[2] = {ht_f(&b->dout[0].dense),
                        b->late->dtype ? ht_f(b->late) : NULL};
  return ht_channel_gated_slopes(pool, &p->s, &by, x, ht_f(&b->out[0]), dy,
                                 ht_f(d), sums);
}

static ht_status give_norm(ht_back *b, ht_tensor *d, const ht_tensor *a,
                           ht_tensor *sums) {
  const ht_norm_add_parts *p = b->prepared;
  ht_tensor dx = {0};
  ht_norm_slopes slopes = {
      .s = ht_norm_channels(p->norm, &b->in[DATA].shape),
      .by = {ht_f(&b->in[MEAN]), ht_f(a), ht_f(&b->in[OFFSET]), HT_LINEAR},
      .variance = ht_f(&b->in[VARIANCE]),
      .epsilon = (double)(float)ht_attr_float(p->norm, "epsilon"),
      .training = true,
      .sums = sums->data};
  HT_TRY(sum_slopes(b, &slopes, d, sums->data));
  if (ht_wants(b, DATA))
    HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[DATA].shape, &dx));
  return ht_norm_give(b, &slopes, ht_f(d), &dx);
}

static ht_status through_norm(ht_back *b, ht_tensor *d) {
  const ht_norm_add_parts *p = b->prepared;
  ht_shape two = ht_shape_2(2, b->in[SCALE].shape.dim[0]);
  ht_tensor a, sums = {0};
  HT_TRY(ht_norm_factors(b->run->pool, p->norm, &b->in[SCALE], &b->in[VARIANCE],
                         &a));
  ht_status st = ht_tensor_new(b->run->pool, HT_DOUBLE, &two, &sums);
  if (st.code == HT_OK) st = give_norm(b, d, &a, &sums);
  ht_tensor_drop(&a);
  ht_tensor_drop(&sums);
  return st;
}

static ht_status give_other(ht_back *b, const ht_tensor *d) {
  if (!ht_wants(b, OTHER)) return HT_SUCCESS;
  ht_tensor g = ht_tensor_share(d);
  return ht_give(b, OTHER, &g);
}

static ht_status in_steps(ht_back *b, bool norm, ht_tensor *d) {
  HT_TRY(ht_back_dense(b, 0));
  HT_TRY(behind_activation(b, d));
  HT_TRY(give_other(b, d));
  if (!norm) return HT_SUCCESS;
  HT_TRY(sum_down(b, d));
  return through_norm(b, d);
}

/* Nothing broadcast, channels last: d is summed as it is made. */
static bool all_at_once(const ht_back *b) {
  const ht_norm_add_parts *p = b->prepared;
  return p->activation != HT_LINEAR &&
         ht_shape_equal(&b->in[DATA].shape, &b->out[0].shape) &&
         ht_norm_channels(p->norm, &b->in[DATA].shape).inner == 1;
}

static ht_status back(ht_back *b) {
  ht_tensor d = {0};
  ht_status st;
  bool norm = ht_wants(b, DATA) || ht_wants(b, SCALE) || ht_wants(b, OFFSET);
  if (norm && all_at_once(b)) {
    st = through_norm(b, &d);
    if (st.code == HT_OK) st = give_other(b, &d);
  } else {
    st = in_steps(b, norm, &d);
  }
  ht_tensor_drop(&d);
  return st;
}

const ht_op ht_op_norm_add = {
    .name = "FusedBatchNorm+Add",
    .inputs = "x:T scale:T offset:T mean:T variance:T other:T",
    .outputs = "y:T",
    .attrs = "T:type",
    .doc = "Batch normalisation, a sum and an activation.",
    .forward = forward,
    .gradient = back,
    .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(2) | HT_KEEP_IN(3) |
            HT_KEEP_IN(4) | HT_KEEP_OUT(0),
    .flags = HT_OP_TWO_GRAD,
};
