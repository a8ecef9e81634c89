/* op_pool.c - pooling over images and volumes. */
#include <string.h>

#include "kernels/pool.h"
#include "ops/op.h"
#include "ops/window.h"

typedef struct kind {
  int spatial;
  bool mean;
} kind;

static const kind max2 = {2, false}, mean2 = {2, true};
static const kind max3 = {3, false}, mean3 = {3, true};

/* ---- geometry: ksize and strides are attributes, or (MaxPoolV2) given */

typedef struct sizes {
  int64_t k[HT_MAX_RANK], strides[HT_MAX_RANK];
} sizes;

static ht_status sizes_from(const ht_attrs *attrs, int n, sizes *s) {
  if (ht_attr_length(attrs, "ksize") != n ||
      ht_attr_length(attrs, "strides") != n)
    return ht_fail(HT_USAGE, "ksize and strides must have %d elements", n);
  for (int i = 0; i < n; i++) {
    s->k[i] = ht_attr_int_at(attrs, "ksize", i);
    s->strides[i] = ht_attr_int_at(attrs, "strides", i);
  }
  return HT_SUCCESS;
}

static ht_status pooling_of(const ht_attrs *attrs, const kind *k,
                            const sizes *s, ht_dtype t, const ht_shape *x,
                            ht_pooling *p) {
  ht_layout l = ht_layout_from(attrs, k->spatial);
  int channel = l.channels_first ? 1 : k->spatial + 1;
  int64_t size[3] = {1, 1, 1};
  if (s->k[0] != 1 || s->k[channel] != 1 || s->strides[0] != 1 ||
      s->strides[channel] != 1)
    return ht_fail(HT_UNSUPPORTED, "pooling over examples or channels");
  for (int i = 0; i < k->spatial; i++)
    size[3 - k->spatial + i] = s->k[i + (l.channels_first ? 2 : 1)];
  *p = (ht_pooling){.t = t, .mean = k->mean};
  HT_TRY(ht_window_strided(attrs, &l, x, size, s->strides, &p->w));
  p->channels = ht_layout_channels(&l, x);
  return HT_SUCCESS;
}

static ht_status of_attrs(const ht_attrs *attrs, const kind *k, ht_dtype t,
                          const ht_shape *x, ht_pooling *p) {
  sizes s;
  HT_TRY(sizes_from(attrs, k->spatial + 2, &s));
  return pooling_of(attrs, k, &s, t, x, p);
}

/* ---- the passes, in either layout */

typedef struct pass {
  ht_pool *memory;
  ht_layout l;
  const ht_pooling *p;
} pass;

static ht_status settle(const pass *a, ht_status st, ht_tensor *y) {
  if (st.code == HT_OK) st = ht_channels_back(a->memory, &a->l, y);
  if (st.code != HT_OK) ht_tensor_drop(y);
  return st;
}

static ht_status new_last(const pass *a, const int64_t n[3], ht_tensor *y) {
  ht_layout last = {a->l.spatial, false};
  ht_shape s = ht_layout_shape(&last, a->p->w.batch, n, a->p->channels);
  return ht_tensor_new(a->memory, a->p->t, &s, y);
}

static ht_status pool_up(const pass *a, const ht_tensor *x, ht_tensor *y) {
  ht_tensor in;
  HT_TRY(ht_channels_last(a->memory, &a->l, x, &in));
  ht_status st = new_last(a, a->p->w.out, y);
  if (st.code == HT_OK && ht_count(y)) ht_pool_forward(a->p, in.data, y->data);
  ht_tensor_drop(&in);
  return settle(a, st, y);
}

static ht_status need_out(const pass *a, const ht_tensor *dy) {
  ht_shape s =
      ht_layout_shape(&a->l, a->p->w.batch, a->p->w.out, a->p->channels);
  char x[HT_SHAPE_TEXT], y[HT_SHAPE_TEXT];
  if (dy->dtype == a->p->t && ht_shape_equal(&s, &dy->shape)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a gradient of pooling has shape %s, wanted %s",
                 ht_shape_text(&dy->shape, x), ht_shape_text(&s, y));
}

/* x NULL for the mean, which needs none. */
static ht_status pool_down(const pass *a, const ht_tensor *x,
                           const ht_tensor *dy, ht_tensor *dx) {
  ht_tensor in = {0}, d = {0};
  HT_TRY(need_out(a, dy));
  if (x) HT_TRY(ht_channels_last(a->memory, &a->l, x, &in));
  ht_status st = ht_channels_last(a->memory, &a->l, dy, &d);
  if (st.code == HT_OK) st = new_last(a, a->p->w.in, dx);
  if (st.code == HT_OK && ht_count(dx))
    ht_pool_back(a->p, in.data, d.data, dx->data);
  ht_tensor_drop(&in);
  ht_tensor_drop(&d);
  return settle(a, st, dx);
}

static ht_status need_type(const ht_call *c, int i, const kind *k) {
  ht_dtype t = c->in[i]->dtype;
  bool whole = (t == HT_INT64 || t == HT_UINT64) && !k->mean && k->spatial == 2;
  return whole || t == HT_FLOAT || t == HT_DOUBLE ? HT_SUCCESS
                                                  : ht_no_dtype(c, t);
}

static pass pass_of(ht_run *run, const ht_attrs *attrs, const kind *k,
                    const ht_pooling *p) {
  return (pass){run->pool, ht_layout_from(attrs, k->spatial), p};
}

/* ---- forward and backward */

static ht_status forward(ht_call *c, const kind *k) {
  ht_pooling p;
  HT_TRY(need_type(c, 0, k));
  HT_TRY(of_attrs(c->attrs, k, c->in[0]->dtype, &c->in[0]->shape, &p));
  pass a = pass_of(c->run, c->attrs, k, &p);
  return pool_up(&a, c->in[0], &c->out[0]);
}

static ht_status back(ht_back *b, const kind *k) {
  const ht_tensor *x = &b->in[0];
  ht_pooling p;
  ht_tensor g;
  if (!ht_wants(b, 0) || !b->dout[0].dense.dtype) return HT_SUCCESS;
  HT_TRY(of_attrs(b->attrs, k, x->dtype, &x->shape, &p));
  pass a = pass_of(b->run, b->attrs, k, &p);
  HT_TRY(pool_down(&a, k->mean ? NULL : x, &b->dout[0].dense, &g));
  return ht_give(b, 0, &g);
}

/* MaxPoolV2: ksize and strides are inputs. */
static ht_status sizes_in(const ht_tensor *const in[2], sizes *s) {
  for (int i = 0; i < 2; i++) {
    if (in[i]->dtype != HT_INT32 || ht_count(in[i]) != 4)
      return ht_fail(HT_USAGE, "ksize and strides must be 4 int32");
    for (int a = 0; a < 4; a++) (i ? s->strides : s->k)[a] = ht_i32(in[i])[a];
  }
  return HT_SUCCESS;
}

static ht_status v2_forward(ht_call *c) {
  ht_pooling p;
  sizes s;
  HT_TRY(need_type(c, 0, &max2));
  HT_TRY(sizes_in(c->in + 1, &s));
  HT_TRY(
      pooling_of(c->attrs, &max2, &s, c->in[0]->dtype, &c->in[0]->shape, &p));
  pass a = pass_of(c->run, c->attrs, &max2, &p);
  return pool_up(&a, c->in[0], &c->out[0]);
}

static ht_status v2_back(ht_back *b) {
  const ht_tensor *given[2] = {&b->in[1], &b->in[2]};
  ht_pooling p;
  sizes s;
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(sizes_in(given, &s));
  HT_TRY(pooling_of(b->attrs, &max2, &s, b->in[0].dtype, &b->in[0].shape, &p));
  pass a = pass_of(b->run, b->attrs, &max2, &p);
  HT_TRY(pool_down(&a, &b->in[0], &b->dout[0].dense, &g));
  return ht_give(b, 0, &g);
}

/* ---- MaxPoolWithArgmax (channels last always) */

static ht_status argmax_forward(ht_call *c) {
  ht_pooling p;
  HT_TRY(need_type(c, 0, &max2));
  HT_TRY(of_attrs(c->attrs, &max2, c->in[0]->dtype, &c->in[0]->shape, &p));
  pass a = pass_of(c->run, c->attrs, &max2, &p);
  HT_TRY(pool_up(&a, c->in[0], &c->out[0]));
  ht_shape s = c->out[0].shape;
  ht_tensor at;
  HT_TRY(ht_tensor_new(c->run->pool, HT_INT64, &s, &at));
  if (ht_count(&at))
    ht_pool_argmax(&p, c->in[0]->data,
                   ht_attr_bool(c->attrs, "include_batch_in_index"),
                   ht_i64(&at));
  if (ht_attr_type(c->attrs, "Targmax") != HT_INT32) {
    c->out[1] = at;
    return HT_SUCCESS;
  }
  ht_status st = ht_out(c, 1, HT_INT32, &s);
  for (int64_t i = 0; st.code == HT_OK && i < ht_count(&at); i++)
    ht_i32(&c->out[1])[i] = (int32_t)ht_i64(&at)[i];
  ht_tensor_drop(&at);
  return st;
}

static ht_status argmax_back(ht_back *b) { return back(b, &max2); }

/* ---- the gradients as ops */

static ht_status max_grad_forward(ht_call *c, const kind *k) {
  ht_pooling p;
  HT_TRY(need_type(c, 0, k));
  HT_TRY(of_attrs(c->attrs, k, c->in[0]->dtype, &c->in[0]->shape, &p));
  pass a = pass_of(c->run, c->attrs, k, &p);
  return pool_down(&a, c->in[0], c->in[2], &c->out[0]);
}

/* Inputs x, y, dy, ksize and strides. */
static ht_status v2_grad_forward(ht_call *c) {
  ht_pooling p;
  sizes s;
  HT_TRY(need_type(c, 0, &max2));
  HT_TRY(sizes_in(c->in + 3, &s));
  HT_TRY(
      pooling_of(c->attrs, &max2, &s, c->in[0]->dtype, &c->in[0]->shape, &p));
  pass a = pass_of(c->run, c->attrs, &max2, &p);
  return pool_down(&a, c->in[0], c->in[2], &c->out[0]);
}

static ht_status mean_grad_forward(ht_call *c, const kind *k) {
  ht_pooling p;
  ht_shape s;
  HT_TRY(need_type(c, 1, k));
  HT_TRY(ht_shape_from(c->in[0], false, &s));
  HT_TRY(of_attrs(c->attrs, k, c->in[1]->dtype, &s, &p));
  pass a = pass_of(c->run, c->attrs, k, &p);
  return pool_down(&a, NULL, c->in[1], &c->out[0]);
}

/* The gradient of the mean is linear: its own gradient is the mean. */
static ht_status mean_grad_back(ht_back *b, const kind *k) {
  const ht_tensor *d = &b->dout[0].dense;
  ht_pooling p;
  ht_tensor g;
  if (!ht_wants(b, 1)) return HT_SUCCESS;
  HT_TRY(of_attrs(b->attrs, k, d->dtype, &d->shape, &p));
  pass a = pass_of(b->run, b->attrs, k, &p);
  HT_TRY(pool_up(&a, d, &g));
  return ht_give(b, 1, &g);
}

/* g = d at those places. */
static void pick(const int64_t *at, const ht_tensor *d, ht_tensor *g) {
  size_t size = ht_dtype_size(d->dtype);
  for (int64_t i = 0; i < ht_count(g); i++)
    memcpy((char *)g->data + (size_t)i * size,
           (const char *)d->data + (size_t)at[i] * size, size);
}

static ht_status picked(const pass *a, const ht_tensor *x, const ht_tensor *d,
                        ht_tensor *g) {
  ht_tensor at;
  HT_TRY(new_last(a, a->p->w.out, g));
  ht_status st = ht_tensor_new(a->memory, HT_INT64, &g->shape, &at);
  if (st.code != HT_OK) return st;
  if (ht_count(g)) {
    ht_pool_argmax(a->p, x->data, true, ht_i64(&at));
    pick(ht_i64(&at), d, g);
  }
  ht_tensor_drop(&at);
  return HT_SUCCESS;
}

/* Of the gradient's cotangent, what stands where the maxima were. */
static ht_status give_picked(ht_back *b, const kind *k, ht_pooling *p) {
  ht_tensor x, d = {0}, g = {0};
  pass a = pass_of(b->run, b->attrs, k, p);
  HT_TRY(ht_channels_last(a.memory, &a.l, &b->in[0], &x));
  ht_status st = ht_channels_last(a.memory, &a.l, &b->dout[0].dense, &d);
  if (st.code == HT_OK) st = picked(&a, &x, &d, &g);
  ht_tensor_drop(&x);
  ht_tensor_drop(&d);
  HT_TRY(settle(&a, st, &g));
  return ht_give(b, 2, &g);
}

static ht_status max_grad_back(ht_back *b, const kind *k) {
  ht_pooling p;
  if (!ht_wants(b, 2)) return HT_SUCCESS;
  HT_TRY(of_attrs(b->attrs, k, b->in[0].dtype, &b->in[0].shape, &p));
  return give_picked(b, k, &p);
}

static ht_status v2_grad_back(ht_back *b) {
  const ht_tensor *given[2] = {&b->in[3], &b->in[4]};
  ht_pooling p;
  sizes s;
  if (!ht_wants(b, 2)) return HT_SUCCESS;
  HT_TRY(sizes_in(given, &s));
  HT_TRY(pooling_of(b->attrs, &max2, &s, b->in[0].dtype, &b->in[0].shape, &p));
  return give_picked(b, &max2, &p);
}

#define OP_OF(k, grad)                                                \
  static ht_status k##_forward(ht_call *c) { return forward(c, &k); } \
  static ht_status k##_back(ht_back *b) { return back(b, &k); }       \
  static ht_status k##_grad_forward(ht_call *c) {                     \
    return grad##_grad_forward(c, &k);                                \
  }                                                                   \
  static ht_status k##_grad_back(ht_back *b) { return grad##_grad_back(b, &k); }
OP_OF(max2, max)
OP_OF(max3, max)
OP_OF(mean2, mean)
OP_OF(mean3, mean)

#define SIZES "ksize:list(int) strides:list(int) padding:string "
#define K3S2 " ksize=[1,3,3,1] strides=[1,2,2,1] "
#define K2S2 " ksize=[1,2,2,1] strides=[1,2,2,1] "
#define K2S1 " ksize=[1,2,2,1] strides=[1,1,1,1] "
#define K3D " ksize=[1,2,2,2,1] strides=[1,2,1,2,1] "
#define SAME "padding='SAME'"
#define VALID "padding='VALID'"
#define POOL2_SAMPLES                                                       \
  "f[2,5,6,3]" K3S2 SAME "; f[2,5,6,3]" K3S2 VALID "; d[1,4,4,2]" K2S1 SAME \
  "; f[1,4,4,70]" K2S2 VALID "; f[0,4,4,2]" K2S2 SAME                       \
  "; f[1,3,3,1]{1,1,1,2,2,2,1,2,1}" K2S1 VALID                              \
  "; f[1,7,7,4] ksize=[1,7,7,1] strides=[1,1,1,1] " VALID

const ht_op ht_ops_pool[] = {
    {
        .name = "MaxPool",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "T:type=FLOAT " SIZES
                 "explicit_paddings:list(int)=[] data_format:string='NHWC'",
        .doc = "The largest value in each window of an image.",
        .samples = POOL2_SAMPLES
        "; f[1,5,5,2]" K3S2
        "padding='EXPLICIT' explicit_paddings=[0,0,1,1,1,1,0,0]",
        .forward = max2_forward,
        .gradient = max2_back,
        .keep = HT_KEEP_IN(0),
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {
        .name = "MaxPoolV2",
        .inputs = "input:T ksize:int32 strides:int32",
        .outputs = "output:T",
        .attrs = "T:type=FLOAT padding:string data_format:string='NHWC'",
        .doc = "MaxPool with sizes that are computed.",
        .samples = "f[2,5,6,3] i[4]{1,3,3,1} i[4]{1,2,2,1} " SAME
                   "; d[2,5,6,3] i[4]{1,2,2,1} i[4]{1,1,1,1} " VALID,
        .forward = v2_forward,
        .gradient = v2_back,
        .keep = HT_KEEP_INS,
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {
        .name = "AvgPool",
        .inputs = "value:T",
        .outputs = "output:T",
        .attrs = SIZES "data_format:string='NHWC' T:type",
        .doc = "The mean of each window of an image; padding does not count.",
        .samples = POOL2_SAMPLES,
        .forward = mean2_forward,
        .gradient = mean2_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "MaxPool3D",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = SIZES "data_format:string='NDHWC' T:type",
        .doc = "The largest value in each window of a volume.",
        .samples = "f[2,3,4,5,2]" K3D SAME "; f[1,4,3,4,3]" K3D VALID,
        .forward = max3_forward,
        .gradient = max3_back,
        .keep = HT_KEEP_IN(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "AvgPool3D",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = SIZES "data_format:string='NDHWC' T:type",
        .doc = "The mean of each window of a volume.",
        .samples = "f[2,3,4,5,2]" K3D SAME "; f[1,4,3,4,3]" K3D VALID,
        .forward = mean3_forward,
        .gradient = mean3_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "MaxPoolWithArgmax",
        .inputs = "input:T",
        .outputs = "output:T argmax:Targmax",
        .attrs = "ksize:list(int) strides:list(int) Targmax:type=INT64 "
                 "padding:string include_batch_in_index:bool=false T:type",
        .doc = "MaxPool, and where in the image each maximum was.",
        .samples =
            "f[2,5,6,3]" K3S2 SAME "; f[2,5,6,3]" K2S2 VALID
            " include_batch_in_index=true !grad=0"
            "; f[1,4,4,2]" K2S2 VALID
            " Targmax=int32 !grad=0; y[1,4,4,2]" K2S2 VALID
            "; y[1,2,2,1]{0,9223372036854775808,1,18446744073709551615}" K2S2
                VALID,
        .forward = argmax_forward,
        .gradient = argmax_back,
        .keep = HT_KEEP_IN(0),
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {
        .name = "MaxPoolGrad",
        .inputs = "orig_input:T orig_output:T grad:T",
        .outputs = "output:T",
        .attrs = "ksize:list(int) strides:list(int) padding:string "
                 "explicit_paddings:list(int)=[] data_format:string='NHWC' "
                 "T:type=FLOAT",
        .doc = "MaxPool's gradient: the first maximum takes all.",
        .samples =
            "f[1,2,2,1]{3,1,4,2} f[1,1,1,1]{4} f[1,1,1,1]" K2S2 VALID
            "; y[1,2,2,1]{3,9223372036854775808,4,2} y[1,1,1,1]"
            "{9223372036854775808} y[1,1,1,1]{18446744073709551615}" K2S2 VALID,
        .forward = max2_grad_forward,
        .gradient = max2_grad_back,
        .keep = HT_KEEP_IN(0),
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {
        .name = "MaxPoolGradV2",
        .inputs = "orig_input:T orig_output:T grad:T ksize:int32 "
                  "strides:int32",
        .outputs = "output:T",
        .attrs = "padding:string data_format:string='NHWC' T:type=float",
        .doc = "The gradient of MaxPoolV2.",
        .samples = "f[1,4,4,2] f[1,2,2,2] f[1,2,2,2] i[4]{1,2,2,1} "
                   "i[4]{1,2,2,1} padding='VALID' !grad=0; "
                   "f[2,5,4,1] f[2,3,2,1] f[2,3,2,1] i[4]{1,3,3,1} "
                   "i[4]{1,2,2,1} padding='SAME' !grad=0; "
                   "f[1,2,2,1]{3,1,4,2} f[1,1,1,1]{4} f[1,1,1,1] "
                   "i[4]{1,2,2,1} i[4]{1,2,2,1} padding='VALID'",
        .forward = v2_grad_forward,
        .gradient = v2_grad_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(3) | HT_KEEP_IN(4),
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {
        .name = "AvgPoolGrad",
        .inputs = "orig_input_shape:int32 grad:T",
        .outputs = "output:T",
        .attrs = SIZES "data_format:string='NHWC' T:type",
        .doc = "AvgPool's gradient.",
        .samples = "i[4]{2,5,6,3} f[2,3,3,3]" K3S2 SAME
                   "; i[4]{2,5,6,3} d[2,2,2,3]" K3S2 VALID,
        .forward = mean2_grad_forward,
        .gradient = mean2_grad_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "MaxPool3DGrad",
        .inputs = "orig_input:TInput orig_output:TInput grad:T",
        .outputs = "output:T",
        .attrs = SIZES "data_format:string='NDHWC' T:type=FLOAT "
                       "TInput:type=FLOAT",
        .doc = "MaxPool3D's gradient.",
        .samples = "f[1,2,2,2,1]{3,1,4,2,8,1,0,2} f[1,1,1,1,1]{8} "
                   "f[1,1,1,1,1] ksize=[1,2,2,2,1] strides=[1,2,2,2,1] " VALID,
        .forward = max3_grad_forward,
        .gradient = max3_grad_back,
        .keep = HT_KEEP_IN(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "AvgPool3DGrad",
        .inputs = "orig_input_shape:int32 grad:T",
        .outputs = "output:T",
        .attrs = SIZES "data_format:string='NDHWC' T:type",
        .doc = "AvgPool3D's gradient.",
        .samples = "i[5]{2,3,4,5,2} f[2,2,4,3,2]" K3D SAME,
        .forward = mean3_grad_forward,
        .gradient = mean3_grad_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};
