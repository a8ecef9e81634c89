/* op_conv.c - convolutions over images and volumes, and their gradients. */
#include "kernels/conv.h"
#include "ops/fused.h"
#include "ops/op.h"
#include "ops/window.h"

typedef struct kind {
  int spatial;
  bool depthwise;
} kind;

static const kind flat = {2, false}, deep = {3, false}, each = {2, true};

/* ---- geometry */

/* last: the filter's last two dimensions. */
static bool fits_each(const int64_t *last, ht_conv *c) {
  c->cout = last[0] * last[1];
  c->groups = 1;
  return last[0] == c->cin;
}

/* As many groups as channels: the same bytes are a filter for each. */
static bool fits_groups(const int64_t *last, bool images, ht_conv *c) {
  bool fits = last[0] > 0 ? c->cin % last[0] == 0 : c->cin == 0;
  c->cout = last[1];
  c->groups = last[0] > 0 ? c->cin / last[0] : 1;
  if (!fits || !c->groups || c->cout % c->groups != 0) return false;
  c->depthwise = images && c->groups > 1 && c->groups == c->cin;
  if (c->depthwise) c->groups = 1;
  return true;
}

static ht_status check_filter(const ht_shape *f, ht_conv *c) {
  const int64_t *last = f->dim + f->rank - 2;
  char text[HT_SHAPE_TEXT];
  if (c->depthwise ? fits_each(last, c) : fits_groups(last, f->rank == 4, c))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a filter of shape %s does not fit %lld channels",
                 ht_shape_text(f, text), (long long)c->cin);
}

static ht_status geometry(const ht_attrs *attrs, const kind *k, ht_dtype t,
                          const ht_shape *x, const ht_shape *f, ht_conv *c) {
  ht_layout l = ht_layout_from(attrs, k->spatial);
  int64_t size[3] = {1, 1, 1};
  if (x->rank != k->spatial + 2 || f->rank != k->spatial + 2)
    return ht_fail(HT_USAGE, "a convolution wants data and filter of rank %d",
                   k->spatial + 2);
  for (int i = 0; i < k->spatial; i++) size[3 - k->spatial + i] = f->dim[i];
  *c = (ht_conv){.t = t, .depthwise = k->depthwise};
  HT_TRY(ht_window_from(attrs, &l, x, size, &c->w));
  c->cin = ht_layout_channels(&l, x);
  return check_filter(f, c);
}

ht_status ht_conv_geometry(const ht_attrs *attrs, bool depthwise,
                           const ht_shape *x, const ht_shape *f, ht_conv *c) {
  return geometry(attrs, depthwise ? &each : &flat, HT_FLOAT, x, f, c);
}

static ht_shape out_shape(const ht_attrs *attrs, const kind *k,
                          const ht_conv *c) {
  ht_layout l = ht_layout_from(attrs, k->spatial);
  return ht_layout_shape(&l, c->w.batch, c->w.out, c->cout);
}

/* ---- the three passes: everything below is made of them */

typedef struct pass {
  ht_conv_place at;
  const ht_attrs *attrs;
  const kind *k;
} pass;

static ht_shape last_shape(const kind *k, int64_t batch, const int64_t n[3],
                           int64_t channels) {
  ht_layout l = {k->spatial, false};
  return ht_layout_shape(&l, batch, n, channels);
}

static ht_status settle(const pass *p, ht_status st, ht_tensor *y) {
  ht_layout l = ht_layout_from(p->attrs, p->k->spatial);
  if (st.code == HT_OK) st = ht_channels_back(p->at.pool, &l, y);
  if (st.code != HT_OK) ht_tensor_drop(y);
  return st;
}

static ht_status convolve(const pass *p, const ht_epilogue *e,
                          const ht_tensor *x, const ht_tensor *f,
                          ht_tensor *y) {
  ht_layout l = ht_layout_from(p->attrs, p->k->spatial);
  ht_conv c;
  ht_tensor in;
  HT_TRY(geometry(p->attrs, p->k, x->dtype, &x->shape, &f->shape, &c));
  ht_shape s = last_shape(p->k, c.w.batch, c.w.out, c.cout);
  HT_TRY(ht_channels_last(p->at.pool, &l, x, &in));
  ht_status st = ht_tensor_new(p->at.pool, x->dtype, &s, y);
  if (st.code == HT_OK && ht_count(y))
    st = ht_conv_forward(&p->at, &c, e, in.data, f->data, y->data);
  ht_tensor_drop(&in);
  return settle(p, st, y);
}

static ht_status need_out(const pass *p, const ht_conv *c,
                          const ht_tensor *dy) {
  ht_shape s = out_shape(p->attrs, p->k, c);
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (ht_shape_equal(&s, &dy->shape)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "out_backprop has shape %s instead of %s",
                 ht_shape_text(&dy->shape, a), ht_shape_text(&s, b));
}

static ht_status to_input(const pass *p, const ht_shape *x, const ht_tensor *f,
                          const ht_tensor *dy, ht_tensor *dx) {
  ht_layout l = ht_layout_from(p->attrs, p->k->spatial);
  ht_conv c;
  ht_tensor d;
  HT_TRY(geometry(p->attrs, p->k, f->dtype, x, &f->shape, &c));
  HT_TRY(need_out(p, &c, dy));
  ht_shape s = last_shape(p->k, c.w.batch, c.w.in, c.cin);
  HT_TRY(ht_channels_last(p->at.pool, &l, dy, &d));
  ht_status st = ht_tensor_new(p->at.pool, f->dtype, &s, dx);
  if (st.code == HT_OK && ht_count(dx))
    st = ht_conv_back_input(&p->at, &c, f->data, d.data, dx->data);
  ht_tensor_drop(&d);
  return settle(p, st, dx);
}

static ht_status to_filter(const pass *p, const ht_tensor *x, const ht_shape *f,
                           const ht_tensor *dy, ht_tensor *df) {
  ht_layout l = ht_layout_from(p->attrs, p->k->spatial);
  ht_conv c;
  ht_tensor in, d = {0};
  HT_TRY(geometry(p->attrs, p->k, x->dtype, &x->shape, f, &c));
  HT_TRY(need_out(p, &c, dy));
  HT_TRY(ht_channels_last(p->at.pool, &l, x, &in));
  ht_status st = ht_channels_last(p->at.pool, &l, dy, &d);
  if (st.code == HT_OK) st = ht_tensor_new(p->at.pool, x->dtype, f, df);
  if (st.code == HT_OK)
    st = ht_conv_back_filter(&p->at, &c, in.data, d.data, df->data, NULL);
  ht_tensor_drop(&in);
  ht_tensor_drop(&d);
  if (st.code != HT_OK) ht_tensor_drop(df);
  return st;
}

/* ---- forward */

static ht_status prepare(const ht_attrs *attrs, void **prepared) {
  (void)attrs;
  *prepared = ht_conv_room_new();
  return HT_SUCCESS;
}

static void unprepare(void *prepared) { ht_conv_room_free(prepared); }

static pass of_call(const ht_call *c, const kind *k) {
  return (pass){{c->run->pool, c->prepared, c->run->epoch}, c->attrs, k};
}

static ht_status need_reals(const ht_call *c, int i, int k) {
  ht_dtype t = c->in[i]->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  return ht_need_dtype(c, k, t);
}

static ht_status forward(ht_call *c, const kind *k) {
  pass p = of_call(c, k);
  HT_TRY(need_reals(c, 0, 1));
  return convolve(&p, NULL, c->in[0], c->in[1], &c->out[0]);
}

ht_status ht_conv_with(ht_call *c, bool depthwise, const ht_epilogue *e,
                       bool *done) {
  pass p = of_call(c, depthwise ? &each : &flat);
  bool floats = c->in[0]->dtype == HT_FLOAT && c->in[1]->dtype == HT_FLOAT;
  *done = floats && !ht_layout_from(c->attrs, 2).channels_first;
  if (!*done) return HT_SUCCESS;
  return convolve(&p, e, c->in[0], c->in[1], &c->out[0]);
}

/* Sizes may be those of an image alone: the rest follows from the others. */
static ht_status input_shape(const ht_call *c, const kind *k, ht_shape *out) {
  ht_layout l = ht_layout_from(c->attrs, k->spatial);
  const ht_shape *f = &c->in[1]->shape, *d = &c->in[2]->shape;
  HT_TRY(ht_shape_from(c->in[0], false, out));
  if (out->rank != 2 || k->spatial != 2 || f->rank != 4 || d->rank != 4)
    return HT_SUCCESS;
  int64_t pixels[3] = {1, out->dim[0], out->dim[1]};
  *out = ht_layout_shape(&l, d->dim[0], pixels, f->dim[2]);
  return HT_SUCCESS;
}

static ht_status input_forward(ht_call *c, const kind *k) {
  pass p = of_call(c, k);
  ht_shape s;
  HT_TRY(need_reals(c, 1, 2));
  HT_TRY(input_shape(c, k, &s));
  return to_input(&p, &s, c->in[1], c->in[2], &c->out[0]);
}

static ht_status filter_forward(ht_call *c, const kind *k) {
  pass p = of_call(c, k);
  ht_shape s;
  HT_TRY(need_reals(c, 0, 2));
  HT_TRY(ht_shape_from(c->in[1], false, &s));
  return to_filter(&p, c->in[0], &s, c->in[2], &c->out[0]);
}

/* ---- backward */

static pass of_back(const ht_back *b, const kind *k) {
  return (pass){{b->run->pool, b->prepared, 0}, b->attrs, k};
}

static ht_status back(ht_back *b, const kind *k) {
  pass p = of_back(b, k);
  const ht_tensor *d = &b->dout[0].dense, *x = &b->in[0], *f = &b->in[1];
  ht_tensor g;
  if (ht_wants(b, 0)) {
    HT_TRY(to_input(&p, &x->shape, f, d, &g));
    HT_TRY(ht_give(b, 0, &g));
  }
  if (ht_wants(b, 1)) {
    HT_TRY(to_filter(&p, x, &f->shape, d, &g));
    HT_TRY(ht_give(b, 1, &g));
  }
  return HT_SUCCESS;
}

/* The output is linear in filter and out_backprop. */
static ht_status input_back(ht_back *b, const kind *k) {
  pass p = of_back(b, k);
  const ht_tensor *d = &b->dout[0].dense, *f = &b->in[1], *dy = &b->in[2];
  ht_tensor g;
  if (ht_wants(b, 1)) {
    HT_TRY(to_filter(&p, d, &f->shape, dy, &g));
    HT_TRY(ht_give(b, 1, &g));
  }
  if (ht_wants(b, 2)) {
    HT_TRY(convolve(&p, NULL, d, f, &g));
    HT_TRY(ht_give(b, 2, &g));
  }
  return HT_SUCCESS;
}

static ht_status filter_back(ht_back *b, const kind *k) {
  pass p = of_back(b, k);
  const ht_tensor *d = &b->dout[0].dense, *x = &b->in[0], *dy = &b->in[2];
  ht_tensor g;
  if (ht_wants(b, 0)) {
    HT_TRY(to_input(&p, &x->shape, d, dy, &g));
    HT_TRY(ht_give(b, 0, &g));
  }
  if (ht_wants(b, 2)) {
    HT_TRY(convolve(&p, NULL, x, d, &g));
    HT_TRY(ht_give(b, 2, &g));
  }
  return HT_SUCCESS;
}

/* A multiply and an add for each output element and tap. */
static double taps(const ht_tensor *y, const ht_tensor *f, bool depthwise) {
  const int64_t *last = f->shape.dim + f->shape.rank - 2;
  double outs = depthwise ? (double)(last[0] * last[1]) : (double)last[1];
  return outs ? 2 * (double)ht_count(y) * (double)ht_count(f) / outs : 0;
}

#define OP_OF(k)                                                               \
  static ht_status k##_forward(ht_call *c) { return forward(c, &k); }          \
  static ht_status k##_back(ht_back *b) { return back(b, &k); }                \
  static ht_status k##_in_forward(ht_call *c) { return input_forward(c, &k); } \
  static ht_status k##_in_back(ht_back *b) { return input_back(b, &k); }       \
  static ht_status k##_f_forward(ht_call *c) { return filter_forward(c, &k); } \
  static ht_status k##_f_back(ht_back *b) { return filter_back(b, &k); }       \
  static double k##_flops(const ht_attrs *attrs, const ht_tensor *in,          \
                          const ht_tensor *out) {                              \
    (void)attrs;                                                               \
    return taps(out, &in[1], k.depthwise);                                     \
  }                                                                            \
  static double k##_in_flops(const ht_attrs *attrs, const ht_tensor *in,       \
                             const ht_tensor *out) {                           \
    (void)attrs, (void)out;                                                    \
    return taps(&in[2], &in[1], k.depthwise);                                  \
  }                                                                            \
  static double k##_f_flops(const ht_attrs *attrs, const ht_tensor *in,        \
                            const ht_tensor *out) {                            \
    (void)attrs;                                                               \
    return taps(&in[2], out, k.depthwise);                                     \
  }
OP_OF(flat)
OP_OF(deep)
OP_OF(each)

#define CONV2D_ATTRS                                                    \
  "T:type strides:list(int) use_cudnn_on_gpu:bool=true padding:string " \
  "explicit_paddings:list(int)=[] data_format:string='NHWC' "           \
  "dilations:list(int)=[1,1,1,1]"
#define EACH_ATTRS                                                          \
  "T:type strides:list(int) padding:string explicit_paddings:list(int)=[] " \
  "data_format:string='NHWC' dilations:list(int)=[1,1,1,1]"
#define CONV3D_ATTRS                                                    \
  "T:type strides:list(int) padding:string data_format:string='NDHWC' " \
  "dilations:list(int)=[1,1,1,1,1]"
#define S1 " strides=[1,1,1,1] "
#define S2 " strides=[1,2,2,1] "
#define SAME "padding='SAME'"
#define VALID "padding='VALID'"

const ht_op ht_ops_conv[] = {
    {
        .name = "Conv2D",
        .inputs = "input:T filter:T",
        .outputs = "output:T",
        .attrs = CONV2D_ATTRS,
        .doc = "Convolves images with a filter [height, width, in, out].",
        .samples =
            "f[2,5,6,3] f[3,3,3,4]" S1 SAME ";"
            "f[2,5,6,3] f[3,2,3,4]" S2 SAME ";"
            "f[1,7,7,2] f[3,3,2,5]" S2 VALID ";"
            "f[2,4,4,3] f[1,1,3,5]" S1 SAME ";"
            "f[2,5,4,3] f[1,1,3,5]" S2 VALID ";"
            "d[1,6,5,2] d[3,3,2,3]" S1 SAME ";"
            "d[1,7,8,2] d[2,3,2,3]" S1 VALID " dilations=[1,2,2,1] !grad=0;"
            "f[1,8,8,2] f[3,3,2,3]" S1 SAME " dilations=[1,2,3,1] !grad=0;"
            "f[1,5,5,2] f[3,3,2,3]" S2
            "padding='EXPLICIT' explicit_paddings=[0,0,1,2,0,1,0,0];"
            "f[2,5,5,4] f[3,3,2,6]" S1 SAME " !grad=0;"
            "f[0,5,5,2] f[3,3,2,3]" S1 SAME " !grad=0;"
            "f[3,19,17,8] f[3,3,8,16]" S1 SAME ";"
            "f[1,224,4,3] f[7,7,3,8]" S2 SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = flat_forward,
        .gradient = flat_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flat_flops,
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {
        .name = "Conv2DBackpropInput",
        .inputs = "input_sizes:int32 filter:T out_backprop:T",
        .outputs = "output:T",
        .attrs = CONV2D_ATTRS,
        .doc = "The transposed convolution: Conv2D's gradient to its input.",
        .samples = "i[4]{2,5,6,3} f[3,3,3,4] f[2,5,6,4]" S1 SAME ";"
                   "i[4]{2,5,6,3} f[3,3,3,4] f[2,3,3,4]" S2 SAME ";"
                   "i[4]{1,7,7,2} d[3,3,2,3] d[1,3,3,3]" S2 VALID ";"
                   "i[4]{2,4,4,3} f[1,1,3,5] f[2,4,4,5]" S1 SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = flat_in_forward,
        .gradient = flat_in_back,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
        .flops = flat_in_flops,
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    {
        .name = "Conv2DBackpropFilter",
        .inputs = "input:T filter_sizes:int32 out_backprop:T",
        .outputs = "output:T",
        .attrs = CONV2D_ATTRS,
        .doc = "Conv2D's gradient to its filter.",
        .samples = "f[2,5,6,3] i[4]{3,3,3,4} f[2,5,6,4]" S1 SAME ";"
                   "d[2,5,6,3] i[4]{3,3,3,4} d[2,3,3,4]" S2 SAME ";"
                   "f[2,4,4,3] i[4]{1,1,3,5} f[2,4,4,5]" S1 SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = flat_f_forward,
        .gradient = flat_f_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(2),
        .flops = flat_f_flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "DepthwiseConv2dNative",
        .inputs = "input:T filter:T",
        .outputs = "output:T",
        .attrs = EACH_ATTRS,
        .doc = "Convolves each channel by itself with a filter "
               "[height, width, in, per channel].",
        .samples = "f[2,5,6,3] f[3,3,3,1]" S1 SAME ";"
                   "f[2,5,6,3] f[3,3,3,2]" S2 SAME ";"
                   "f[1,7,7,5] f[3,3,5,1]" S2 VALID ";"
                   "d[1,6,5,2] d[3,3,2,1]" S1 SAME ";"
                   "d[1,6,5,2] d[3,2,2,3]" S1 VALID ";"
                   "f[1,9,9,20] f[5,5,20,1]" S2 SAME ";"
                   "f[1,5,5,2] f[3,3,2,1]" S2
                   "padding='EXPLICIT' explicit_paddings=[0,0,1,2,0,1,0,0]",
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = each_forward,
        .gradient = each_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = each_flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "DepthwiseConv2dNativeBackpropInput",
        .inputs = "input_sizes:int32 filter:T out_backprop:T",
        .outputs = "output:T",
        .attrs = EACH_ATTRS,
        .doc = "DepthwiseConv2dNative's gradient to its input.",
        .samples = "i[4]{2,5,6,3} f[3,3,3,1] f[2,5,6,3]" S1 SAME ";"
                   "i[4]{2,5,6,3} d[3,3,3,2] d[2,3,3,6]" S2 SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = each_in_forward,
        .gradient = each_in_back,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
        .flops = each_in_flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "DepthwiseConv2dNativeBackpropFilter",
        .inputs = "input:T filter_sizes:int32 out_backprop:T",
        .outputs = "output:T",
        .attrs = EACH_ATTRS,
        .doc = "DepthwiseConv2dNative's gradient to its filter.",
        .samples = "f[2,5,6,3] i[4]{3,3,3,1} f[2,5,6,3]" S1 SAME ";"
                   "d[2,5,6,3] i[4]{3,3,3,2} d[2,3,3,6]" S2 SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = each_f_forward,
        .gradient = each_f_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(2),
        .flops = each_f_flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "Conv3D",
        .inputs = "input:T filter:T",
        .outputs = "output:T",
        .attrs = CONV3D_ATTRS,
        .doc = "Convolves volumes with a filter "
               "[depth, height, width, in, out].",
        .samples = "f[1,3,4,5,2] f[2,3,3,2,3] strides=[1,1,1,1,1] " SAME ";"
                   "d[2,4,4,3,2] d[2,2,2,2,3] strides=[1,2,2,1,1] " VALID ";"
                   "f[1,3,3,3,2] f[1,1,1,2,3] strides=[1,1,1,1,1] " SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = deep_forward,
        .gradient = deep_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = deep_flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "Conv3DBackpropInputV2",
        .inputs = "input_sizes:Tshape filter:T out_backprop:T",
        .outputs = "output:T",
        .attrs = CONV3D_ATTRS " Tshape:type=INT32",
        .doc = "Conv3D's gradient to its input.",
        .samples = "i[5]{1,3,4,5,2} f[2,3,3,2,3] f[1,3,4,5,3] "
                   "strides=[1,1,1,1,1] " SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = deep_in_forward,
        .gradient = deep_in_back,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
        .flops = deep_in_flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "Conv3DBackpropFilterV2",
        .inputs = "input:T filter_sizes:int32 out_backprop:T",
        .outputs = "output:T",
        .attrs = CONV3D_ATTRS,
        .doc = "Conv3D's gradient to its filter.",
        .samples = "f[1,3,4,5,2] i[5]{2,3,3,2,3} f[1,3,4,5,3] "
                   "strides=[1,1,1,1,1] " SAME,
        .prepare = prepare,
        .unprepare = unprepare,
        .forward = deep_f_forward,
        .gradient = deep_f_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(2),
        .flops = deep_f_flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};
