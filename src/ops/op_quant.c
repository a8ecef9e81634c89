/*
 * op_quant.c - numbers rounded to what so many bits hold and scaled back, as
 * quantisation-aware training has them (core/kernels/
 * quantize_and_dequantize_op.h of TensorFlow states range and rounding).
 */
#include <float.h>
#include <math.h>

#include "ops/op.h"

typedef struct quant {
  ht_call *call;
  bool is_signed, given, narrow, half_up;
  int64_t bits;
  int64_t outer, channels, inner; /* x as [outer, channels, inner] */
} quant;

/* Least and greatest integer. */
static void limits(const quant *q, int64_t *low, int64_t *high) {
  int64_t half = INT64_C(1) << (q->bits - 1);
  *low = q->is_signed ? -half + (q->narrow ? 1 : 0) : 0;
  *high = q->is_signed ? half - 1 : 2 * half - 1;
}

/* Written once for float and double, whose roundings are the result's. */
#define CHANNEL(name, T, MAX, RINT, FLOOR)                     \
  static void name(const quant *q, int64_t k, T low, T high) { \
    const T *x = q->call->in[0]->data;                         \
    T *y = q->call->out[0].data;                               \
    int64_t least, most, n = q->channels * q->inner;           \
    limits(q, &least, &most);                                  \
    for (int64_t i = 0; i < q->outer && !q->given; i++)        \
      for (int64_t j = 0; j < q->inner; j++) {                 \
        T v = x[i * n + k * q->inner + j];                     \
        if ((!i && !j) || v < low) low = v;                    \
        if ((!i && !j) || v > high) high = v;                  \
      }                                                        \
    T below = (T)least * low > 0 ? (T)least / low : MAX;       \
    T above = (T)most * high > 0 ? (T)most / high : MAX;       \
    T scale = below < above ? below : above;                   \
    T back = below < above ? low / (T)least : high / (T)most;  \
    if (below < above)                                         \
      high = (T)most * back;                                   \
    else                                                       \
      low = (T)least * back;                                   \
    for (int64_t i = 0; i < q->outer; i++)                     \
      for (int64_t j = 0; j < q->inner; j++) {                 \
        int64_t at = i * n + k * q->inner + j;                 \
        T v = x[at];                                           \
        if (q->given) v = v > high ? high : v;                 \
        if (q->given) v = v < low ? low : v;                   \
        v = v * scale;                                         \
        v = q->half_up ? FLOOR(v + (T)0.5) : RINT(v);          \
        y[at] = v * back;                                      \
      }                                                        \
  }
CHANNEL(channel_f, float, FLT_MAX, rintf, floorf)
CHANNEL(channel_d, double, DBL_MAX, rint, floor)

static ht_status split_axis(const ht_call *c, quant *q) {
  const ht_shape *s = &c->in[0]->shape;
  int64_t axis = ht_attr_int(c->attrs, "axis");
  q->outer = q->channels = q->inner = 1;
  if (axis < -1 || axis >= s->rank)
    return ht_fail(HT_USAGE, "op '%s': axis %lld of %d dimensions", c->op->name,
                   (long long)axis, s->rank);
  for (int d = 0; d < s->rank; d++)
    *(axis < 0 || d > axis ? &q->inner
      : d < axis           ? &q->outer
                           : &q->channels) *= s->dim[d];
  for (int i = 1; i < 3; i++) {
    HT_TRY(ht_need_dtype(c, i, c->in[0]->dtype));
    if (axis < 0) HT_TRY(ht_need_scalar(c, i));
    if (q->given && ht_count(c->in[i]) != q->channels)
      return ht_fail(HT_USAGE,
                     "op '%s' wants a range for each of %lld "
                     "channels",
                     c->op->name, (long long)q->channels);
  }
  for (int64_t k = 0; k < q->channels && q->given; k++)
    if (ht_real_at(c->in[1], k) > ht_real_at(c->in[2], k))
      return ht_fail(HT_USAGE, "op '%s': a range ends before it begins",
                     c->op->name);
  return HT_SUCCESS;
}

static ht_status run(ht_call *c, int64_t bits) {
  quant q = {.call = c, .bits = bits};
  ht_dtype t = c->in[0]->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  q.is_signed = ht_attr_bool(c->attrs, "signed_input");
  q.given = ht_attr_bool(c->attrs, "range_given");
  q.narrow = ht_attr_bool(c->attrs, "narrow_range");
  q.half_up = ht_attr_is(c->attrs, "round_mode", "HALF_UP");
  if (bits < 1 || bits > 62 || (bits == 1 && q.is_signed))
    return ht_fail(HT_USAGE, "op '%s': %lld bits", c->op->name,
                   (long long)bits);
  HT_TRY(split_axis(c, &q));
  HT_TRY(ht_out_like(c, 0, 0));
  if (!ht_count(c->in[0])) return HT_SUCCESS;
  for (int64_t k = 0; k < q.channels; k++) {
    if (t == HT_FLOAT)
      channel_f(&q, k, q.given ? ht_f(c->in[1])[k] : 0,
                q.given ? ht_f(c->in[2])[k] : 0);
    else
      channel_d(&q, k, q.given ? HT_DATA(double, c->in[1])[k] : 0,
                q.given ? HT_DATA(double, c->in[2])[k] : 0);
  }
  return HT_SUCCESS;
}

static ht_status quant_forward(ht_call *c) {
  return run(c, ht_attr_int(c->attrs, "num_bits"));
}

static ht_status quant_v3_forward(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 3, HT_INT32));
  HT_TRY(ht_need_scalar(c, 3));
  return run(c, ht_i32(c->in[3])[0]);
}

/* ---- gradients: straight through, or where x lies in the given range */

static ht_status through(ht_back *b) {
  ht_tensor g = ht_tensor_share(&b->dout[0].dense);
  return ht_give(b, 0, &g);
}

static int64_t channel_of(const ht_shape *s, int64_t axis, int64_t i) {
  int64_t inner = 1;
  if (axis < 0) return 0;
  for (int d = s->rank - 1; d > axis; d--) inner *= s->dim[d];
  return i / inner % s->dim[axis];
}

static void mask(const ht_attrs *attrs, const ht_tensor *dy, const ht_tensor *x,
                 const ht_tensor *low, const ht_tensor *high, ht_tensor *g) {
  int64_t axis = ht_attr_int(attrs, "axis");
  for (int64_t i = 0; i < ht_count(x); i++) {
    int64_t k = channel_of(&x->shape, axis, i);
    double v = ht_real_at(x, i);
    bool in = v >= ht_real_at(low, k) && v <= ht_real_at(high, k);
    if (x->dtype == HT_DOUBLE)
      HT_DATA(double, g)[i] = in ? ht_real_at(dy, i) : 0;
    else
      ht_f(g)[i] = in ? ht_f(dy)[i] : 0;
  }
}

/* Forward heeds the range only where it is given; the gradient always. */
static ht_status check_range(const ht_back *b) {
  int64_t axis = ht_attr_int(b->attrs, "axis");
  int64_t channels = axis < 0 ? 1 : b->in[0].shape.dim[axis];
  if (ht_count(&b->in[1]) == channels && ht_count(&b->in[2]) == channels)
    return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "the gradient wants a range for each of %lld channels",
                 (long long)channels);
}

static ht_status quant_v4_back(ht_back *b) {
  ht_tensor g;
  HT_TRY(check_range(b));
  for (int i = 1; i < 3; i++) {
    if (!ht_wants(b, i)) continue;
    HT_TRY(ht_back_zeros(b, b->in[i].dtype, &b->in[i].shape, &g));
    HT_TRY(ht_give(b, i, &g));
  }
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  mask(b->attrs, &b->dout[0].dense, &b->in[0], &b->in[1], &b->in[2], &g);
  return ht_give(b, 0, &g);
}

static ht_status v4_grad_forward(ht_call *c) {
  ht_dtype t = c->in[1]->dtype;
  quant q = {.given = true};
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  HT_TRY(ht_need_dtype(c, 0, t));
  HT_TRY(ht_need_same_shape(c, 0, 1));
  ht_call inner = *c;
  inner.in = c->in + 1; /* x and its range */
  HT_TRY(split_axis(&inner, &q));
  HT_TRY(ht_out_like(c, 0, 1));
  for (int i = 1; i < 3; i++)
    HT_TRY(ht_out_zeros(c, i, t, &c->in[1 + i]->shape));
  mask(c->attrs, c->in[0], c->in[1], c->in[2], c->in[3], &c->out[0]);
  return HT_SUCCESS;
}

#define COMMON_SAMPLES                                                      \
  "f[3,4](-4,4) f[]{-1.5} f[]{2} range_given=true; "                        \
  "f[3,4](-4,4) f[]{-3} f[]{2} range_given=true signed_input=false; "       \
  "f[3,4](-4,4) f[]{0} f[]{0}; d[7](-4,4) d[]{-1} d[]{2} range_given=true " \
  "narrow_range=true !differences=0; "                                      \
  "f[2,3,4](-4,4) f[3]{-1,-2,-0.5} f[3]{1,0.5,3} range_given=true axis=1; " \
  "f[2,3](-4,4) f[3]{0,0,0} f[3]{0,0,0} axis=1; f[0] f[]{-1} f[]{1} "       \
  "range_given=true"
#define QUANT_SAMPLES                                        \
  COMMON_SAMPLES                                             \
  "; f[9](-4,4) f[]{-1} f[]{1} range_given=true num_bits=3 " \
  "round_mode='HALF_UP'; f[5]{-2.5,-0.5,0.5,1.5,2.5} "       \
  "f[]{-4} f[]{3} range_given=true num_bits=3"

const ht_op ht_ops_quant[] = {
    {
        .name = "QuantizeAndDequantizeV2",
        .inputs = "input:T input_min:T input_max:T",
        .outputs = "output:T",
        .attrs = "signed_input:bool=true num_bits:int=8 "
                 "range_given:bool=false T:type "
                 "round_mode:string='HALF_TO_EVEN' narrow_range:bool=false "
                 "axis:int=-1",
        .doc = "x rounded to what num_bits hold, and scaled back.",
        .samples = QUANT_SAMPLES,
        .forward = quant_forward,
        .gradient = through,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "QuantizeAndDequantizeV3",
        .inputs = "input:T input_min:T input_max:T num_bits:int32",
        .outputs = "output:T",
        .attrs = "signed_input:bool=true range_given:bool=true T:type "
                 "narrow_range:bool=false axis:int=-1",
        .doc = "x rounded to what num_bits hold, and scaled back.",
        .samples = "f[3,4](-4,4) f[]{-1.5} f[]{2} i[]{8}; "
                   "f[3,4](-4,4) f[]{0} f[]{0} i[]{4} range_given=false; "
                   "d[2,3](-4,4) d[3]{-1,-2,-0.5} d[3]{1,0.5,3} i[]{6} axis=1 "
                   "narrow_range=true !differences=0",
        .forward = quant_v3_forward,
        .gradient = through,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "QuantizeAndDequantizeV4",
        .inputs = "input:T input_min:T input_max:T",
        .outputs = "output:T",
        .attrs = "signed_input:bool=true num_bits:int=8 "
                 "range_given:bool=false T:type "
                 "round_mode:string='HALF_TO_EVEN' narrow_range:bool=false "
                 "axis:int=-1",
        .doc = "x rounded to what num_bits hold; no gradient outside a range.",
        .samples = QUANT_SAMPLES,
        .forward = quant_forward,
        .gradient = quant_v4_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(2),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "QuantizeAndDequantizeV4Grad",
        .inputs = "gradients:T input:T input_min:T input_max:T",
        .outputs = "input_backprop:T input_min_backprop:T "
                   "input_max_backprop:T",
        .attrs = "T:type axis:int=-1",
        .doc = "The gradients of QuantizeAndDequantizeV4.",
        .samples =
            "f[3,4] f[3,4](-4,4) f[]{-1.5} f[]{2} !grad=0; "
            "d[2,3] d[2,3](-4,4) d[3]{-1,-2,-0.5} d[3]{1,0.5,3} axis=1 !grad=0",
        .forward = v4_grad_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
