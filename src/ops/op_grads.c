/*
 * op_grads.c - gradients that stand in graphs as ops: modules that train
 * themselves hold them. Each runs the rule of the op that it belongs to.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

/* What an op is the gradient of, as its rule sees it. */
typedef struct past {
  ht_tensor in[5], out[6], g[5];
  ht_cotangent dout[6];
} past;

static ht_status run(ht_call *c, past *p, const char *op, unsigned wanted,
                     int n_in, int n_out) {
  return ht_apply_gradient(c, op, wanted, n_in, p->in, n_out, p->out, p->dout,
                           p->g);
}

/* A tensor like that, of which no data are read. */
static ht_tensor outline(ht_dtype t, const ht_shape *s) {
  return (ht_tensor){.dtype = t, .shape = *s};
}

/* ---- batch normalisation: (dy, x, scale, mean, variance) */

static ht_status norm_forward(ht_call *c) {
  past p = {0};
  const ht_shape *x = &c->in[1]->shape;
  int rank = x->rank;
  bool first = ht_attr_string(c->attrs, "data_format").n > 1 &&
               ht_attr_string(c->attrs, "data_format").p[1] == 'C';
  if (rank != 4 && rank != 5)
    return ht_fail(HT_USAGE, "op '%s' wants data of rank 4 or 5", c->op->name);
  if (c->in[1]->dtype != HT_FLOAT) return ht_no_dtype(c, c->in[1]->dtype);
  HT_TRY(ht_need_same_shape(c, 0, 1));
  for (int i = 0; i < 5; i++) {
    HT_TRY(ht_need_dtype(c, i, HT_FLOAT));
    if (i < 2) continue;
    HT_TRY(ht_need_rank(c, i, 1));
    if (c->in[i]->shape.dim[0] != x->dim[first ? 1 : rank - 1])
      return ht_fail(HT_USAGE, "op '%s': channels do not agree", c->op->name);
  }
  p.in[0] = *c->in[1];
  p.in[1] = p.in[2] = *c->in[2]; /* the offset is not read */
  p.in[3] = p.in[4] = outline(HT_FLOAT, &c->in[2]->shape);
  for (int i = 0; i < 6; i++) p.out[i] = outline(HT_FLOAT, &c->in[2]->shape);
  p.out[0] = outline(HT_FLOAT, x);
  p.out[3] = *c->in[3];
  p.out[4] = *c->in[4];
  p.dout[0].dense = *c->in[0];
  HT_TRY(run(c, &p, "FusedBatchNormV3", 7, 5, 6));
  for (int i = 0; i < 3; i++) c->out[i] = p.g[i];
  ht_shape none = ht_shape_1(0);
  for (int i = 3; i < 5; i++) HT_TRY(ht_out(c, i, HT_FLOAT, &none));
  return HT_SUCCESS;
}

/* ---- the gradient of that. Of a channel with n values x, their cotangents g
 * and scale s, over c = x - mean and r = 1 / sqrt(variance + epsilon), the op
 * gives
 *     dx = s r (g - mean g - r^2 mean(g c) c),  ds = r sum(g c),  sum g,
 * with fixed statistics dx = s r g. Below, `a` is the cotangent of dx, b that
 * of ds and e that of the last; what is derived is the sum of their products.
 */

typedef struct channel {
  double n, x, g, a;      /* how many; means */
  double var, gc, ac, ag; /* means of products, each less its mean */
} channel;

typedef struct second {
  const float *x, *g, *a, *b, *e; /* the last three may be NULL: zeros */
  const float *scale;
  channel *of;
  int64_t count, channels, inner; /* inner: values of a channel in a row */
  double epsilon;
} second;

static double at_or_0(const float *x, int64_t i) {
  return x ? (double)x[i] : 0;
}

static channel *channel_of(const second *s, int64_t i) {
  return &s->of[i / s->inner % s->channels];
}

static void add_means(const second *s) {
  for (int64_t i = 0; i < s->count; i++) {
    channel *c = channel_of(s, i);
    c->x += (double)s->x[i];
    c->g += (double)s->g[i];
    c->a += at_or_0(s->a, i);
  }
  for (int64_t k = 0; k < s->channels; k++) {
    channel *c = &s->of[k];
    c->n = (double)(s->count / s->channels);
    c->x /= c->n, c->g /= c->n, c->a /= c->n;
  }
  for (int64_t i = 0; i < s->count; i++) {
    channel *c = channel_of(s, i);
    double x = (double)s->x[i] - c->x, g = (double)s->g[i] - c->g;
    double a = at_or_0(s->a, i) - c->a;
    c->var += x * x / c->n;
    c->gc += g * x / c->n;
    c->ac += a * x / c->n;
    c->ag += a * g / c->n;
  }
}

/* Statistics of the batch: gradients of g, x and scale. */
static void derive_batch(const second *s, float *dg, float *dx, float *ds) {
  add_means(s);
  for (int64_t i = 0; i < s->count; i++) {
    const channel *c = channel_of(s, i);
    int64_t k = c - s->of;
    double r = 1 / sqrt(c->var + s->epsilon), v = r * r;
    double scale = (double)s->scale[k], b = at_or_0(s->b, k);
    double x = (double)s->x[i] - c->x, g = (double)s->g[i] - c->g;
    double a = at_or_0(s->a, i) - c->a;
    double by_r = scale * (c->ag - 3 * v * c->gc * c->ac) + b * c->gc;
    dg[i] =
        (float)(scale * r * (a - v * c->ac * x) + b * r * x + at_or_0(s->e, k));
    dx[i] = (float)(r * (b * g - scale * v * (c->ac * g + c->gc * a)) -
                    r * v * x * by_r);
  }
  for (int64_t k = 0; k < s->channels; k++) {
    const channel *c = &s->of[k];
    double v = 1 / (c->var + s->epsilon);
    ds[k] = (float)(c->n * sqrt(v) * (c->ag - v * c->gc * c->ac));
  }
}

static void derive_fixed(const second *s, const float *mean,
                         const float *variance, float *dg, float *dx,
                         float *ds) {
  for (int64_t i = 0; i < s->count; i++) {
    channel *c = channel_of(s, i);
    int64_t k = c - s->of;
    double r = 1 / sqrt((double)variance[k] + s->epsilon);
    double b = at_or_0(s->b, k), a = at_or_0(s->a, i), g = (double)s->g[i];
    double x = (double)s->x[i] - (double)mean[k];
    dg[i] = (float)(r * (a * (double)s->scale[k] + b * x) + at_or_0(s->e, k));
    dx[i] = (float)(r * b * g);
    c->ag += r * a * g;
  }
  for (int64_t k = 0; k < s->channels; k++) ds[k] = (float)s->of[k].ag;
}

static ht_status give_second(ht_back *b, second *s) {
  ht_tensor d[3] = {{0}};
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < 3 && st.code == HT_OK; i++)
    st = ht_back_new(b, HT_FLOAT, &b->in[i].shape, &d[i]);
  if (st.code == HT_OK && ht_attr_bool(b->attrs, "is_training"))
    derive_batch(s, ht_f(&d[0]), ht_f(&d[1]), ht_f(&d[2]));
  else if (st.code == HT_OK)
    derive_fixed(s, ht_f(&b->in[3]), ht_f(&b->in[4]), ht_f(&d[0]), ht_f(&d[1]),
                 ht_f(&d[2]));
  for (int i = 0; i < 3; i++) {
    if (st.code == HT_OK && ht_wants(b, i))
      st = ht_give(b, i, &d[i]);
    else
      ht_tensor_drop(&d[i]);
  }
  return st;
}

static ht_status norm_gradient(ht_back *b) {
  const ht_shape *x = &b->in[1].shape;
  ht_string format = ht_attr_string(b->attrs, "data_format");
  second s = {.x = ht_f(&b->in[1]),
              .g = ht_f(&b->in[0]),
              .a = ht_f(&b->dout[0].dense),
              .b = ht_f(&b->dout[1].dense),
              .e = ht_f(&b->dout[2].dense),
              .scale = ht_f(&b->in[2]),
              .count = ht_count(&b->in[1]),
              .channels = ht_count(&b->in[2]),
              .inner = 1,
              .epsilon = ht_attr_float(b->attrs, "epsilon")};
  if (format.n > 1 && format.p[1] == 'C')
    for (int i = 2; i < x->rank; i++) s.inner *= x->dim[i];
  s.of = calloc((size_t)s.channels + 1, sizeof *s.of);
  if (!s.of) return ht_fail(HT_NO_MEMORY, "no memory for a gradient");
  ht_status st = give_second(b, &s);
  free(s.of);
  return st;
}

/* ---- resizing: (dy, images) */

static ht_status need_images(const ht_call *c, const ht_shape *images) {
  const ht_shape *dy = &c->in[0]->shape;
  HT_TRY(ht_need_rank(c, 0, 4));
  bool fits = images->rank == 4 && images->dim[0] == dy->dim[0] &&
              images->dim[3] == dy->dim[3];
  for (int i = 1; i < 3 && fits; i++) fits = images->dim[i] > 0 && dy->dim[i];
  if (fits) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': gradient and images do not agree",
                 c->op->name);
}

static ht_status resize(ht_call *c, const char *op) {
  past p = {0};
  ht_dtype t = c->in[1]->dtype;
  if (!ht_dtype_floating(t)) return ht_no_dtype(c, t);
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(need_images(c, &c->in[1]->shape));
  p.in[0] = outline(HT_FLOAT, &c->in[1]->shape);
  p.out[0] = outline(HT_FLOAT, &c->in[0]->shape);
  p.dout[0].dense = *c->in[0];
  HT_TRY(run(c, &p, op, 1, 2, 1));
  c->out[0] = p.g[0];
  return ht_round_to(c->run->pool, t, &c->out[0]);
}

static ht_status bilinear_forward(ht_call *c) {
  return resize(c, "ResizeBilinear");
}

static ht_status bicubic_forward(ht_call *c) {
  return resize(c, "ResizeBicubic");
}

static ht_status nearest_forward(ht_call *c) {
  past p = {0};
  ht_dtype t = c->in[0]->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT32 && t != HT_UINT8 &&
      t != HT_INT8)
    return ht_no_dtype(c, t);
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(ht_need_rank(c, 0, 4));
  if (ht_count(c->in[1]) != 2)
    return ht_fail(HT_USAGE, "op '%s' wants a size of 2 numbers", c->op->name);
  ht_shape s = c->in[0]->shape;
  for (int i = 0; i < 2; i++) s.dim[1 + i] = ht_i32(c->in[1])[i];
  HT_TRY(need_images(c, &s));
  p.in[0] = outline(t, &s);
  p.out[0] = outline(t, &c->in[0]->shape);
  p.dout[0].dense = *c->in[0];
  HT_TRY(run(c, &p, "ResizeNearestNeighbor", 1, 2, 1));
  c->out[0] = p.g[0];
  return HT_SUCCESS;
}

/* ---- LRN: (dy, x, y) */

static ht_status lrn_forward(ht_call *c) {
  past p = {0};
  for (int i = 0; i < 3; i++) {
    HT_TRY(ht_need_same_shape(c, i, 0));
    if (c->in[i]->dtype != HT_FLOAT) return ht_no_dtype(c, c->in[i]->dtype);
  }
  HT_TRY(ht_need_rank(c, 0, 4));
  p.in[0] = *c->in[1];
  p.out[0] = *c->in[2];
  p.dout[0].dense = *c->in[0];
  HT_TRY(run(c, &p, "LRN", 1, 1, 1));
  c->out[0] = p.g[0];
  return HT_SUCCESS;
}

#define NORM_ATTRS \
  "epsilon:float=0.0001 data_format:string='NHWC' is_training:bool=true"
#define NORM(name_, inputs_, attrs_, outputs_, samples_)                       \
  {                                                                            \
    .name = name_, .inputs = "y_backprop:T x:T " inputs_,                      \
    .outputs = "x_backprop:T " outputs_, .attrs = "T:type " attrs_ NORM_ATTRS, \
    .doc = "The gradients of batch normalisation.", .samples = samples_,       \
    .forward = norm_forward, .gradient = norm_gradient, .keep = HT_KEEP_INS,   \
    .flags = HT_OP_IN_FLOAT                                                    \
  }
#define NORMED "f[2,3,4,5] f[2,3,4,5] f[5] f[5] f[5](0.5,2) "
#define NORMED_3 NORMED "f[5] "
#define RESIZED(name_, forward_, samples_)                         \
  {                                                                \
    .name = name_, .inputs = "grads:float original_image:T",       \
    .outputs = "output:T",                                         \
    .attrs =                                                       \
        "T:type align_corners:bool=false "                         \
        "half_pixel_centers:bool=false",                           \
    .doc = "The gradient of resized images.", .samples = samples_, \
    .forward = forward_, .gradient = ht_no_gradient                \
  }
#define RESIZED_SAMPLES                                                   \
  "f[2,6,5,2] f[2,3,4,2]; f[2,6,5,2] f[2,3,4,2] align_corners=true; "     \
  "f[1,3,2,1] f[1,7,5,1] half_pixel_centers=true; f[1,3,2,1] d[1,7,5,1] " \
  "!near=1e-6"

/* TensorFlow has gradients of those of batch normalisation alone. Reserves of
 * batch normalisation with fixed statistics hold these. */
const ht_op ht_ops_grads[] = {
    NORM("FusedBatchNormGrad", "scale:T reserve_space_1:T reserve_space_2:T",
         "",
         "scale_backprop:T offset_backprop:T reserve_space_3:T "
         "reserve_space_4:T",
         NORMED "; " NORMED "is_training=false epsilon=0.01"),
    NORM("FusedBatchNormGradV2",
         "scale:float reserve_space_1:U reserve_space_2:U", "U:type ",
         "scale_backprop:U offset_backprop:U reserve_space_3:U "
         "reserve_space_4:U",
         NORMED "; " NORMED "is_training=false epsilon=0.01"),
    NORM("FusedBatchNormGradV3",
         "scale:float reserve_space_1:U reserve_space_2:U reserve_space_3:U",
         "U:type ",
         "scale_backprop:U offset_backprop:U reserve_space_4:U "
         "reserve_space_5:U",
         NORMED_3 "; " NORMED_3 "is_training=false epsilon=0.01; "
                  "f[2,3,4,5] f[2,3,4,5] f[3] f[3] f[3](0.5,2) f[0] "
                  "data_format='NCHW'; h[2,3,4,5] h[2,3,4,5] f[5] f[5] "
                  "f[5](0.5,2) f[0] is_training=false; "
                  "f[3,1,2,3] f[3,1,2,3] f[3] f[3] f[3](0.5,2) f[0] "
                  "epsilon=0.001; f[2,3,2,2,4] f[2,3,2,2,4] f[4] f[4] "
                  "f[4](0.5,2) f[0] data_format='NDHWC'"),
    RESIZED("ResizeBilinearGrad", bilinear_forward, RESIZED_SAMPLES),
    RESIZED("ResizeBicubicGrad", bicubic_forward, RESIZED_SAMPLES),
    {
        .name = "ResizeNearestNeighborGrad",
        .inputs = "grads:T size:int32",
        .outputs = "output:T",
        .attrs = "T:type align_corners:bool=false "
                 "half_pixel_centers:bool=false",
        .doc = "The gradient of images resized by their nearest pixels.",
        .samples = "f[2,6,5,2] i[2]{3,4} !grad=0; "
                   "f[1,3,2,1] i[2]{7,5} half_pixel_centers=true !grad=0;"
                   "d[2,6,5,2] i[2]{3,4} align_corners=true !grad=0; "
                   "i[2,6,5,2](-9,9) i[2]{3,4}; u[1,6,5,1](0,255) i[2]{2,2};"
                   "a[1,6,5,2](-99,99) i[2]{2,3}; d[0,6,5,2] i[2]{3,4} "
                   "!grad=0",
        .forward = nearest_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "LRNGrad",
        .inputs = "input_grads:T input_image:T output_image:T",
        .outputs = "output:T",
        .attrs = "depth_radius:int=5 bias:float=1 alpha:float=1 "
                 "beta:float=0.5 T:type=float",
        .doc = "The gradient of LRN.",
        .samples = "f[1,2,2,7] f[1,2,2,7] f[1,2,2,7] !grad=0; "
                   "f[2,1,2,9] f[2,1,2,9] f[2,1,2,9] depth_radius=2 bias=2 "
                   "alpha=0.3 beta=0.75 !grad=0",
        .forward = lrn_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};
