/*
 * op_fake.c - numbers rounded to the steps of a quantized type, which stay
 * floats: what networks train with that will run on integers. (The range is
 * nudged so that 0 is a step: Jacob et al., "Quantization and Training of
 * Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018.)
 */
#include <math.h>
#include <string.h>

#include "ops/op.h"

/* Steps of a range: low, low + step, ... up to high. */
typedef struct range {
  float low, high, step, inverse;
  bool none; /* from 0 to 0: everything is 0 */
} range;

/* one: a range that is an input for all. Of that TensorFlow inverts the step,
 * of others the quotient, which decides what lies between two steps. */
static range range_of(const ht_attrs *attrs, float low, float high, bool one) {
  range r = {.none = low == 0 && high == 0};
  float first = ht_attr_bool(attrs, "narrow_range") ? 1 : 0;
  float last = (float)((1 << ht_attr_int(attrs, "num_bits")) - 1);
  r.step = (high - low) / (last - first);
  r.inverse = one ? 1 / r.step : (last - first) / (high - low);
  float zero = first - low / r.step;
  zero = zero < first ? first : zero > last ? last : roundf(zero);
  r.low = (first - zero) * r.step;
  r.high = (last - zero) * r.step;
  return r;
}

static float rounded(const range *r, float x) {
  if (r->none) return 0;
  float v = x < r->low ? r->low : x > r->high ? r->high : x;
  float zero = floorf(-r->low * r->inverse + 0.5f);
  return floorf((v - r->low) * r->inverse - zero + 0.5f) * r->step;
}

/* Where ranges come from: attributes, one of inputs, or one per channel. */
typedef struct source {
  const float *low, *high;
  int64_t n;
  float own[2];
  bool one; /* one of inputs */
} source;

static ht_status check_bits(const ht_attrs *attrs) {
  int64_t bits = ht_attr_int(attrs, "num_bits");
  if (bits >= 2 && bits <= 16) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "num_bits must be in [2, 16]");
}

static void from_attrs(const ht_attrs *attrs, source *s) {
  s->own[0] = (float)ht_attr_float(attrs, "min");
  s->own[1] = (float)ht_attr_float(attrs, "max");
  s->low = &s->own[0];
  s->high = &s->own[1];
  s->n = 1;
  s->one = false;
}

static ht_status from_inputs(const ht_tensor *x, const ht_tensor *low,
                             const ht_tensor *high, source *s) {
  int64_t n = ht_count(low);
  bool each = low->shape.rank == 1;
  *s = (source){.low = low->data, .high = high->data, .n = n, .one = !each};
  if (low->dtype != HT_FLOAT || high->dtype != HT_FLOAT ||
      !ht_shape_equal(&low->shape, &high->shape) || low->shape.rank > 1 ||
      (each && (!x->shape.rank || x->shape.dim[x->shape.rank - 1] != n)))
    return ht_fail(HT_USAGE,
                   "min and max must be floats, one or one for each "
                   "channel");
  for (int64_t i = 0; i < n; i++)
    if (!(s->low[i] <= s->high[i]))
      return ht_fail(HT_USAGE, "min is above max");
  return HT_SUCCESS;
}

/* ---- forward */

static void round_all(const ht_attrs *attrs, const source *s,
                      const ht_tensor *x, ht_tensor *y) {
  for (int64_t k = 0; k < s->n; k++) {
    range r = range_of(attrs, s->low[k], s->high[k], s->one);
    for (int64_t i = k; i < ht_count(x); i += s->n)
      ht_f(y)[i] = rounded(&r, ht_f(x)[i]);
  }
}

static ht_status forward(ht_call *c) {
  source s;
  HT_TRY(check_bits(c->attrs));
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  if (c->n_in == 1)
    from_attrs(c->attrs, &s);
  else
    HT_TRY(from_inputs(c->in[0], c->in[1], c->in[2], &s));
  HT_TRY(ht_out_like(c, 0, 0));
  round_all(c->attrs, &s, c->in[0], &c->out[0]);
  return HT_SUCCESS;
}

/* ---- backward: inside of the range to the value, else to its end */

static void give_all(const ht_attrs *attrs, const source *s, const ht_tensor *d,
                     const ht_tensor *x, float *dx, float *low, float *high) {
  for (int64_t k = 0; k < s->n; k++) {
    range r = range_of(attrs, s->low[k], s->high[k], s->one);
    double under = 0, over = 0;
    for (int64_t i = k; i < ht_count(x); i += s->n) {
      float v = ht_f(x)[i], g = ht_f(d)[i];
      bool inside = r.none || (v >= r.low && v <= r.high);
      dx[i] = inside ? g : 0;
      if (!r.none && v < r.low) under += (double)g;
      if (!r.none && v > r.high) over += (double)g;
    }
    if (low) low[k] = (float)under;
    if (high) high[k] = (float)over;
  }
}

static ht_status back(ht_back *b) {
  source s;
  ht_tensor g[3] = {{0}};
  if (b->n_in == 1)
    from_attrs(b->attrs, &s);
  else
    HT_TRY(from_inputs(&b->in[0], &b->in[1], &b->in[2], &s));
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < b->n_in && st.code == HT_OK; i++)
    st = ht_back_zeros(b, HT_FLOAT, &b->in[i].shape, &g[i]);
  if (st.code == HT_OK)
    give_all(b->attrs, &s, &b->dout[0].dense, &b->in[0], g[0].data, g[1].data,
             g[2].data);
  for (int i = 0; i < b->n_in && st.code == HT_OK; i++)
    st = ht_give(b, i, &g[i]);
  for (int i = 0; i < 3; i++) ht_tensor_drop(&g[i]);
  return st;
}

/* The same as ops: (gradients, inputs, min, max). */
static ht_status gradient_forward(ht_call *c) {
  source s;
  HT_TRY(check_bits(c->attrs));
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(ht_need_dtype(c, 1, HT_FLOAT));
  HT_TRY(ht_need_same_shape(c, 0, 1));
  if (c->n_in == 2)
    from_attrs(c->attrs, &s);
  else
    HT_TRY(from_inputs(c->in[1], c->in[2], c->in[3], &s));
  for (int i = 0; i < c->n_out; i++)
    HT_TRY(ht_out_zeros(c, i, HT_FLOAT, &c->in[1 + i]->shape));
  give_all(c->attrs, &s, c->in[0], c->in[1], c->out[0].data,
           c->n_out > 1 ? c->out[1].data : NULL,
           c->n_out > 1 ? c->out[2].data : NULL);
  return HT_SUCCESS;
}

#define BITS "num_bits:int=8 narrow_range:bool=false"
#define ENDS "min:float=-6 max:float=6 " BITS
#define RANGE "inputs:float min:float max:float"
#define THREE \
  "backprops_wrt_input:float backprop_wrt_min:float backprop_wrt_max:float"
#define X "f[2,3,4](-8,8) "
/* Half way between two steps, or nearly. */
#define HALVES "{0.8941176,2.3999999,0.14117646,-0.30588245,-0.4000001,1.9}"

#define ROW(title, ins, outs, attributes, text, cases, fwd, back, kept) \
  {                                                                     \
    .name = title, .inputs = ins, .outputs = outs, .attrs = attributes, \
    .doc = text, .samples = cases, .forward = fwd, .gradient = back,    \
    .keep = kept                                                        \
  }
#define FAKE(title, ins, attributes, text, cases, kept) \
  ROW(title, ins, "outputs:float", attributes, text, cases, forward, back, kept)
#define GRADIENT(title, ins, outs, attributes, cases)                        \
  ROW(title "Gradient", ins, outs, attributes, "The gradient of " title ".", \
      cases, gradient_forward, ht_no_gradient, 0)

const ht_op ht_ops_fake[] = {
    FAKE("FakeQuantWithMinMaxArgs", "inputs:float", ENDS,
         "Rounds to the steps of a quantized type.",
         "f[2,3,4](-8,8); f[5](-2,2) min=0.0 max=1.0 num_bits=4;"
         "f[6](-2,2) min=-1.0 max=0.5 narrow_range=true; f[0]; f[]{3};"
         "f[6]" HALVES "min=-4.0 max=4.0; f[6]" HALVES "min=-2.7 max=1.3",
         HT_KEEP_IN(0)),
    FAKE("FakeQuantWithMinMaxVars", RANGE, BITS,
         "Rounds to the steps of a quantized type.",
         X "f[]{-6} f[]{6}; " X "f[]{-1.3} f[]{2.7} num_bits=4; " X
           "f[]{0} f[]{0}; " X "f[]{1} f[]{5}; " X
           "f[]{-5} f[]{-1} narrow_range=true; f[0] f[]{-1} f[]{1};"
           "f[6]" HALVES "f[]{-4} f[]{4}; f[6]" HALVES "f[]{-2.7} f[]{1.3}",
         HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(2)),
    FAKE("FakeQuantWithMinMaxVarsPerChannel", RANGE, BITS,
         "Rounds each channel to the steps of a quantized type.",
         "f[5,3](-8,8) f[3]{-6,-1,0} f[3]{6,2,0.5};"
         "f[2,2,2,2](-8,8) f[2]{-3,-0.5} f[2]{1,7} num_bits=6 "
         "narrow_range=true; f[3] f[3]{-1,0,-1} f[3]{1,0,0};"
         "f[6,1]" HALVES "f[1]{-4} f[1]{4}",
         HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(2)),
    GRADIENT("FakeQuantWithMinMaxArgs", "gradients:float inputs:float",
             "backprops:float", ENDS, "f[2,3] f[2,3](-8,8)"),
    GRADIENT("FakeQuantWithMinMaxVars", "gradients:float " RANGE, THREE, BITS,
             "f[2,3] f[2,3](-8,8) f[]{-2} f[]{3}"),
    GRADIENT("FakeQuantWithMinMaxVarsPerChannel", "gradients:float " RANGE,
             THREE, BITS, "f[4,3] f[4,3](-8,8) f[3]{-2,-1,0} f[3]{3,4,5}"),
    {0},
};
