/* norm_conv.c - normalisation, activation and convolution as one step of a
 * plan, see fused.h. */
#include "kernels/norm_conv.h"
#include "ops/fused.h"

enum { DATA, SCALE, OFFSET, MEAN, VARIANCE, FILTER };

static ht_scaling scaling(const ht_norm_conv_parts *p, const float *mean,
                          const ht_tensor *a, const float *offset) {
  return (ht_scaling){mean, ht_f(a), offset, p->activation};
}

static ht_status forward(ht_call *c) {
  const ht_norm_conv_parts *p = c->prepared;
  ht_conv conv;
  ht_tensor a;
  const ht_shape *x = &c->in[DATA]->shape;
  HT_TRY(ht_norm_need(c, x->rank == 4 ? x->dim[3] : -1));
  HT_TRY(ht_conv_geometry(c->attrs, p->depthwise, x, &c->in[FILTER]->shape,
                          &conv));
  int64_t dim[4] = {conv.w.batch, conv.w.out[1], conv.w.out[2], conv.cout};
  ht_shape s = ht_shape_of(4, dim);
  HT_TRY(ht_out(c, 0, HT_FLOAT, &s));
  if (!ht_count(&c->out[0])) return HT_SUCCESS;
  HT_TRY(ht_norm_factors(c->run->pool, p->norm, c->in[SCALE], c->in[VARIANCE],
                         &a));
  ht_norm_conv n = {
      .at = {.pool = c->run->pool, .room = p->conv},
      .c = &conv,
      .by = scaling(p, ht_f(c->in[MEAN]), &a, ht_f(c->in[OFFSET])),
      .z = ht_f(c->in[DATA]),
      .f = ht_f(c->in[FILTER])};
  ht_status st = ht_norm_conv_forward(&n, ht_f(&c->out[0]));
  ht_tensor_drop(&a);
  return st;
}

/* ---- backward */

typedef struct room {
  ht_tensor a, df, dy, sums; /* sums: double [2,n] */
} room;

static ht_status open_room(ht_back *b, room *r) {
  const ht_norm_conv_parts *p = b->prepared;
  ht_shape two = ht_shape_2(2, b->in[SCALE].shape.dim[0]);
  HT_TRY(ht_norm_factors(b->run->pool, p->norm, &b->in[SCALE], &b->in[VARIANCE],
                         &r->a));
  HT_TRY(ht_back_zeros(b, HT_DOUBLE, &two, &r->sums));
  if (ht_wants(b, DATA) || ht_wants(b, SCALE) || ht_wants(b, OFFSET))
    HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[DATA].shape, &r->dy));
  return ht_back_new(b, HT_FLOAT, &b->in[FILTER].shape, &r->df);
}

static void close_room(room *r) {
  ht_tensor *all[] = {&r->a, &r->df, &r->dy, &r->sums};
  for (int i = 0; i < 4; i++) ht_tensor_drop(all[i]);
}

static ht_status give_all(ht_back *b, const ht_conv *conv, room *r) {
  const ht_norm_conv_parts *p = b->prepared;
  ht_norm_conv n = {
      .at = {.pool = b->run->pool, .room = p->conv},
      .c = conv,
      .by = scaling(p, ht_f(&b->in[MEAN]), &r->a, ht_f(&b->in[OFFSET])),
      .z = ht_f(&b->in[DATA]),
      .f = ht_f(&b->in[FILTER]),
      .g = ht_f(&b->dout[0].dense),
      .df = ht_f(&r->df),
      .dy = ht_f(&r->dy),
      .sums = r->sums.data};
  ht_norm_slopes slopes = {
      .s = {conv->w.batch * ht_window_pixels(conv->w.in), conv->cin, 1},
      .by = n.by,
      .variance = ht_f(&b->in[VARIANCE]),
      .epsilon = (double)(float)ht_attr_float(p->norm, "epsilon"),
      .training = true,
      .sums = n.sums};
  HT_TRY(ht_norm_conv_back(&n));
  HT_TRY(ht_give(b, FILTER, &r->df));
  return ht_norm_give(b, &slopes, n.dy, &r->dy);
}

static ht_status back(ht_back *b) {
  const ht_norm_conv_parts *p = b->prepared;
  ht_conv conv;
  room r = {0};
  HT_TRY(ht_conv_geometry(b->attrs, p->depthwise, &b->in[DATA].shape,
                          &b->in[FILTER].shape, &conv));
  ht_status st = open_room(b, &r);
  if (st.code == HT_OK && ht_count(&b->out[0])) st = give_all(b, &conv, &r);
  close_room(&r);
  return st;
}

static void unprepare(void *prepared) {
  ht_norm_conv_parts *p = prepared; /* itself in the plan's arena */
  ht_conv_room_free(p->conv);
}

static double flops(const ht_attrs *attrs, const ht_tensor *in,
                    const ht_tensor *out) {
  bool depthwise = in[FILTER].shape.dim[2] == in[DATA].shape.dim[3] &&
                   out->shape.dim[3] != in[FILTER].shape.dim[3];
  const ht_op *op = ht_op_find(depthwise ? "DepthwiseConv2dNative" : "Conv2D");
  ht_tensor pair[2] = {in[DATA], in[FILTER]};
  return op->flops(attrs, pair, out) + 10 * (double)ht_count(in);
}

const ht_op ht_op_norm_conv = {
    .name = "FusedBatchNorm+Conv2D",
    .inputs = "x:T scale:T offset:T mean:T variance:T filter:T",
    .outputs = "y:T",
    .attrs = "T:type",
    .doc = "Batch normalisation, an activation and a convolution.",
    .forward = forward,
    .gradient = back,
    .unprepare = unprepare,
    .keep = HT_KEEP_INS,
    .flops = flops,
};
