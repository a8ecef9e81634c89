/* op_softmax.c - softmax and the losses over it. */
#include <string.h>

#include "kernels/softmax.h"
#include "ops/op.h"

static ht_status need_real(const ht_call *c) {
  ht_dtype t = c->in[0]->dtype;
  return t == HT_FLOAT || t == HT_DOUBLE ? HT_SUCCESS : ht_no_dtype(c, t);
}

/* The value as a matrix: its last axis in rows. */
static ht_rows rows_of(const ht_tensor *t) {
  ht_rows r = {t->dtype, 1, t->shape.dim[t->shape.rank - 1]};
  for (int i = 0; i < t->shape.rank - 1; i++) r.rows *= t->shape.dim[i];
  return r;
}

/* ---- Softmax, LogSoftmax */

static ht_status run_softmax(ht_call *c, bool log) {
  HT_TRY(need_real(c));
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(ht_out_like(c, 0, 0));
  ht_rows r = rows_of(c->in[0]);
  ht_softmax(&r, log, c->in[0]->data, c->out[0].data);
  return HT_SUCCESS;
}

static ht_status softmax_forward(ht_call *c) { return run_softmax(c, false); }
static ht_status log_forward(ht_call *c) { return run_softmax(c, true); }

static ht_status back_softmax(ht_back *b, bool log) {
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  ht_tensor g;
  const ht_tensor *y = &b->out[0];
  HT_TRY(ht_back_new(b, y->dtype, &y->shape, &g));
  ht_rows r = rows_of(y);
  ht_softmax_back(&r, log, y->data, b->dout[0].dense.data, g.data);
  return ht_give(b, 0, &g);
}

static ht_status softmax_back(ht_back *b) { return back_softmax(b, false); }
static ht_status log_back(ht_back *b) { return back_softmax(b, true); }

/* ---- the losses */

static ht_status need_labels(const ht_call *c) {
  const ht_tensor *x = c->in[0], *y = c->in[1];
  if (y->dtype != HT_INT32 && y->dtype != HT_INT64)
    return ht_no_dtype(c, y->dtype);
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_rank(c, 1, 1));
  if (x->shape.dim[0] != y->shape.dim[0])
    return ht_fail(HT_USAGE, "%lld rows of logits but %lld labels",
                   (long long)x->shape.dim[0], (long long)y->shape.dim[0]);
  for (int64_t i = 0; i < y->shape.dim[0]; i++) {
    int64_t label = ht_int_at(y, i);
    if (label < 0 || label >= x->shape.dim[1])
      return ht_fail(HT_USAGE, "label %lld is outside [0, %lld)",
                     (long long)label, (long long)x->shape.dim[1]);
  }
  return HT_SUCCESS;
}

static ht_status sparse_forward(ht_call *c) {
  HT_TRY(need_real(c));
  HT_TRY(need_labels(c));
  const ht_tensor *x = c->in[0];
  ht_shape loss = ht_shape_1(x->shape.dim[0]);
  HT_TRY(ht_out(c, 0, x->dtype, &loss));
  HT_TRY(ht_out_like(c, 1, 0));
  ht_rows r = rows_of(x);
  ht_softmax_loss_at(&r, x->data, c->in[1], c->out[0].data, c->out[1].data);
  return HT_SUCCESS;
}

/* Both inputs as matrices of the shape they broadcast to. */
static ht_status dense_forward(ht_call *c) {
  HT_TRY(need_real(c));
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  ht_shape s;
  HT_TRY(ht_shape_broadcast(&c->in[0]->shape, &c->in[1]->shape, &s));
  if (s.rank != 2)
    return ht_fail(HT_USAGE, "op '%s' wants matrices", c->op->name);
  ht_shape loss = ht_shape_1(s.dim[0]);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &loss));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, &s));
  ht_rows r = {c->in[0]->dtype, s.dim[0], s.dim[1]};
  ht_softmax_loss(&r, c->in[0], c->in[1], c->out[0].data, c->out[1].data);
  return HT_SUCCESS;
}

/* A gradient that arrives at backprop = softmax - labels:
 * (d - <d, softmax>) softmax comes on top. */
static ht_status add_second(ht_back *b, ht_tensor *g) {
  const ht_tensor *x = &b->in[0], *d = &b->dout[1].dense;
  ht_rows r = rows_of(g);
  ht_tensor soft;
  HT_TRY(ht_back_new(b, g->dtype, &g->shape, &soft));
  ht_softmax_spread(&r, x, soft.data);
  ht_softmax_back_add(&r, soft.data, d->data, g->data);
  ht_tensor_drop(&soft);
  return HT_SUCCESS;
}

/* d loss / d features = dloss * backprop, row by row, and what arrives at
 * backprop. */
static ht_status dense_give_features(ht_back *b) {
  const ht_tensor *p = &b->out[1];
  ht_rows r = rows_of(p);
  ht_tensor g;
  HT_TRY(ht_back_zeros(b, p->dtype, &p->shape, &g));
  if (b->dout[0].dense.dtype)
    ht_rows_scale(&r, p->data, b->dout[0].dense.data, g.data);
  if (b->dout[1].dense.dtype) {
    ht_status st = add_second(b, &g);
    if (st.code != HT_OK) {
      ht_tensor_drop(&g);
      return st;
    }
  }
  return ht_give(b, 0, &g);
}

/* d loss / d labels = -dloss * log_softmax(features). */
static ht_status dense_give_labels(ht_back *b) {
  const ht_tensor *p = &b->out[1];
  ht_rows r = rows_of(p);
  ht_tensor g;
  HT_TRY(ht_back_new(b, p->dtype, &p->shape, &g));
  ht_log_softmax_spread(&r, &b->in[0], b->dout[0].dense.data, g.data);
  return ht_give(b, 1, &g);
}

static ht_status sparse_back(ht_back *b) {
  return ht_wants(b, 0) ? dense_give_features(b) : HT_SUCCESS;
}

static ht_status dense_back(ht_back *b) {
  if (ht_wants(b, 0)) HT_TRY(dense_give_features(b));
  if (ht_wants(b, 1) && b->dout[0].dense.dtype) HT_TRY(dense_give_labels(b));
  return HT_SUCCESS;
}

const ht_op ht_ops_softmax[] = {
    {
        .name = "Softmax",
        .inputs = "logits:T",
        .outputs = "softmax:T",
        .attrs = "T:type",
        .doc = "exp(x) over its sum along the last axis.",
        .samples = "f[2,5]; f[3]; d[2,3,4]; f[0,3]; f[2,1]; f[2,2,37];"
                   "f[2,3]{1000,0,-1000,-inf,1,2}; f[1,2]{nan,1}",
        .forward = softmax_forward,
        .gradient = softmax_back,
        .keep = HT_KEEP_OUT(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "LogSoftmax",
        .inputs = "logits:T",
        .outputs = "logsoftmax:T",
        .attrs = "T:type",
        .doc = "The logarithm of Softmax.",
        .samples = "f[2,5]; f[3]; d[2,3,4]; f[0,3]; f[2,1]; f[2,2,37];"
                   "f[2,3]{1000,0,-1000,90,1,2}",
        .forward = log_forward,
        .gradient = log_back,
        .keep = HT_KEEP_OUT(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        /* TensorFlow cannot differentiate broadcast inputs here, and drops
         * what reaches the labels through the second output. */
        .name = "SoftmaxCrossEntropyWithLogits",
        .inputs = "features:T labels:T",
        .outputs = "loss:T backprop:T",
        .attrs = "T:type",
        .doc = "Cross entropy of softmax(features) against rows of "
               "probabilities.",
        .samples = "f[3,4] f[3,4](0,1); d[2,5] d[2,5](0,1) !differences=0; "
                   "f[1,4] f[3,4](0,1) !grad=0;"
                   "f[3,4] f[1,4](0,1) !grad=0; f[0,3] f[0,3];"
                   "f[2,2]{100,-100,3,3} f[2,2]{0,1,1,0};"
                   "f[2,37] f[2,37](0,1)",
        .forward = dense_forward,
        .gradient = dense_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(1),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "SparseSoftmaxCrossEntropyWithLogits",
        .inputs = "features:T labels:Tlabels",
        .outputs = "loss:T backprop:T",
        .attrs = "T:type Tlabels:type=INT64",
        .doc = "Cross entropy of softmax(features) against classes.",
        .samples = "f[3,4] l[3]{0,3,1}; d[2,5] i[2]{4,0}; f[0,3] l[0];"
                   "f[2,2]{100,-100,3,3} i[2]{1,0}; f[2,37] l[2]{36,7}",
        .forward = sparse_forward,
        .gradient = sparse_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(1),
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};
