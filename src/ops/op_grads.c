/*
 * op_grads.c - gradients that stand in graphs as ops: modules that train
 * themselves hold them. Each runs the rule of the op that it belongs to.
 */
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
    .forward = norm_forward, .gradient = ht_no_gradient,                       \
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

/* Gradients of these gradients are left out: !grad=0. Reserves of batch
 * normalisation with fixed statistics hold these. */
const ht_op ht_ops_grads[] = {
    NORM("FusedBatchNormGrad", "scale:T reserve_space_1:T reserve_space_2:T",
         "",
         "scale_backprop:T offset_backprop:T reserve_space_3:T "
         "reserve_space_4:T",
         NORMED "!grad=0; " NORMED "is_training=false epsilon=0.01 !grad=0"),
    NORM("FusedBatchNormGradV2",
         "scale:float reserve_space_1:U reserve_space_2:U", "U:type ",
         "scale_backprop:U offset_backprop:U reserve_space_3:U "
         "reserve_space_4:U",
         NORMED "!grad=0; " NORMED "is_training=false epsilon=0.01 !grad=0"),
    NORM("FusedBatchNormGradV3",
         "scale:float reserve_space_1:U reserve_space_2:U reserve_space_3:U",
         "U:type ",
         "scale_backprop:U offset_backprop:U reserve_space_4:U "
         "reserve_space_5:U",
         NORMED_3 "!grad=0; " NORMED_3
                  "is_training=false epsilon=0.01 !grad=0; "
                  "f[2,3,4,5] f[2,3,4,5] f[3] f[3] f[3](0.5,2) f[0] "
                  "data_format='NCHW' !grad=0; h[2,3,4,5] h[2,3,4,5] f[5] f[5] "
                  "f[5](0.5,2) f[0] is_training=false !grad=0"),
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
