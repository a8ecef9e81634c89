/*
 * op_rescale.c - images scaled and moved under a sampling kernel
 * (core/kernels/image/scale_and_translate_op.cc and sampling_kernels.h of
 * TensorFlow state kernels, spans and their edges).
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/resize.h"
#include "ops/op.h"

#define PI 3.14159265359f

/* ---- sampling kernels, of distances >= 0 */

static float lanczos(float x, float radius) {
  if (x > radius) return 0;
  if (x <= 1e-3f) return 1;
  return radius * sinf(PI * x) * sinf(PI * x / radius) / (PI * PI * x * x);
}

static float gaussian(float x, float radius) {
  float sigma = radius / 3; /* half a pixel */
  return x >= radius ? 0 : (float)exp(-x * x / (2.0 * sigma * sigma));
}

static float box(float x, float radius) {
  (void)radius;
  return x < 0.5f ? 1 : x == 0.5f ? 0.5f : 0;
}

static float triangle(float x, float radius) {
  (void)radius;
  return x < 1 ? 1 - x : 0;
}

/* Keys, IEEE Trans. ASSP 29 (1981). */
static float keys(float x, float radius) {
  if (x >= radius) return 0;
  if (x >= 1) return ((-0.5f * x + 2.5f) * x - 4) * x + 2;
  return (1.5f * x - 2.5f) * x * x + 1;
}

/* Mitchell and Netravali, SIGGRAPH 1988, B = C = 1/3. */
static float mitchell(float x, float radius) {
  if (x >= radius) return 0;
  if (x >= 1) return ((-7.0f / 18 * x + 2) * x - 10.0f / 3) * x + 16.0f / 9;
  return (7.0f / 6 * x - 2) * x * x + 8.0f / 9;
}

typedef struct sampler {
  const char *name;
  float (*weight)(float distance, float radius);
  float radius;
} sampler;

static const sampler samplers[] = {
    {"lanczos1", lanczos, 1}, {"lanczos3", lanczos, 3},
    {"lanczos5", lanczos, 5}, {"gaussian", gaussian, 1.5f},
    {"box", box, 1},          {"triangle", triangle, 1},
    {"keyscubic", keys, 2},   {"mitchellcubic", mitchell, 2},
};

static ht_status sampler_of(const ht_attrs *attrs, const sampler **out) {
  for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++)
    if (ht_attr_is(attrs, "kernel_type", samplers[i].name)) {
      *out = &samplers[i];
      return HT_SUCCESS;
    }
  ht_string s = ht_attr_string(attrs, "kernel_type");
  return ht_fail(HT_USAGE, "no sampling kernel '%.*s'", (int)s.n, s.p);
}

/* ---- where an output position looks */

typedef struct axis {
  const sampler *kernel;
  int64_t in, out;
  float scale, shift;
  float wide; /* the kernel's width: above 1 where pixels are averaged */
} axis;

static float inverse(float scale) { return (float)(1.0 / (double)scale); }

static int64_t clamp(double i, int64_t n) {
  return i < 0 ? 0 : i > (double)(n - 1) ? n - 1 : (int64_t)i;
}

static int64_t taps_of(const axis *a) {
  float n = 2 * ceilf(a->kernel->radius * a->wide) + 1;
  return n < (float)a->in ? (int64_t)n : a->in;
}

/* One position: no weights where it lies outside or they have no sum. */
static void fill_span(const axis *a, int64_t taps, int64_t i, int64_t *at,
                      float *weight) {
  float inv = inverse(a->scale), reach = a->kernel->radius * a->wide;
  float p = ((float)i + 0.5f) * inv + -inv * a->shift, sum = 0;
  memset(at, 0, (size_t)taps * sizeof *at);
  memset(weight, 0, (size_t)taps * sizeof *weight);
  if (!(p >= 0 && p <= (float)a->in)) return;
  int64_t first = clamp(ceilf(p - reach - 0.5f), a->in);
  int64_t last = clamp(floorf(p + reach - 0.5f), a->in);
  for (int64_t t = 0; t < taps && first + t <= last; t++) {
    float d = (float)(first + t) + 0.5f - p;
    at[t] = first + t;
    weight[t] = a->kernel->weight(fabsf(d * (1 / a->wide)), a->kernel->radius);
    sum += weight[t];
  }
  bool none = fabsf(sum) < 1000 * FLT_MIN;
  for (int64_t t = 0; t < taps; t++) weight[t] *= none ? 0 : 1 / sum;
}

typedef struct plan {
  ht_resize r;
  ht_tensor held[4];
} plan;

static void plan_drop(plan *p) {
  for (int i = 0; i < 4; i++) ht_tensor_drop(&p->held[i]);
}

static ht_status fill_axis(ht_pool *pool, const axis *a, ht_tensor held[2],
                           ht_axis_taps *out) {
  int64_t n = taps_of(a);
  ht_shape s = ht_shape_2(a->out, n);
  HT_TRY(ht_tensor_new(pool, HT_INT64, &s, &held[0]));
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &s, &held[1]));
  *out = (ht_axis_taps){a->out, a->in, n, ht_i64(&held[0]), ht_f(&held[1])};
  for (int64_t i = 0; i < a->out; i++)
    fill_span(a, n, i, ht_i64(&held[0]) + i * n, ht_f(&held[1]) + i * n);
  return HT_SUCCESS;
}

/* What `in` [n,h,w,c] becomes as `out` of other height and width. */
static ht_status plan_new(ht_run *run, const ht_attrs *attrs,
                          const ht_shape *in, const ht_shape *out,
                          const ht_tensor *scale, const ht_tensor *shift,
                          plan *p) {
  const sampler *kernel = samplers;
  ht_status st = HT_SUCCESS;
  HT_TRY(sampler_of(attrs, &kernel));
  memset(p, 0, sizeof *p);
  p->r.batch = in->dim[0];
  p->r.channels = in->dim[3];
  for (int i = 0; i < 2 && st.code == HT_OK; i++) {
    axis a = {kernel,         in->dim[1 + i], out->dim[1 + i],
              ht_f(scale)[i], ht_f(shift)[i], 1};
    if (ht_attr_bool(attrs, "antialias")) a.wide = fmaxf(inverse(a.scale), 1);
    st = fill_axis(run->pool, &a, p->held + 2 * i, i ? &p->r.x : &p->r.y);
  }
  if (st.code != HT_OK) plan_drop(p);
  return st;
}

/* ---- the ops */

static ht_status check_pair(const ht_call *c, int i, ht_dtype t) {
  HT_TRY(ht_need_dtype(c, i, t));
  HT_TRY(ht_need_rank(c, i, 1));
  if (ht_count(c->in[i]) == 2) return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "op '%s' wants 2 numbers for each of size, scale "
                 "and translation",
                 c->op->name);
}

/* Scale and translation stand at `first`. */
static ht_status check_placing(const ht_call *c, int first) {
  HT_TRY(check_pair(c, first, HT_FLOAT));
  HT_TRY(check_pair(c, first + 1, HT_FLOAT));
  const float *scale = ht_f(c->in[first]);
  if (scale[0] > 0 && scale[1] > 0) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s' wants a scale above 0", c->op->name);
}

static ht_status check_images(const ht_call *c, int i) {
  HT_TRY(ht_need_rank(c, i, 4));
  const int64_t *dim = c->in[i]->shape.dim;
  if (dim[1] > 0 && dim[2] > 0 && dim[3] > 0) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s' wants images of sizes above 0",
                 c->op->name);
}

static ht_status to_floats(ht_pool *pool, const ht_tensor *x, ht_tensor *out) {
  if (x->dtype == HT_FLOAT) {
    *out = ht_tensor_share(x);
    return HT_SUCCESS;
  }
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &x->shape, out));
  for (int64_t i = 0; i < ht_count(x); i++)
    ht_f(out)[i] = (float)ht_real_at(x, i);
  return HT_SUCCESS;
}

static ht_status rescale_forward(ht_call *c) {
  plan p;
  ht_tensor x;
  ht_dtype t = c->in[0]->dtype;
  if (!ht_dtype_integer(t) && t != HT_FLOAT && t != HT_DOUBLE)
    return ht_no_dtype(c, t);
  HT_TRY(check_images(c, 0));
  HT_TRY(check_pair(c, 1, HT_INT32));
  HT_TRY(check_placing(c, 2));
  ht_shape s = c->in[0]->shape;
  for (int i = 0; i < 2; i++)
    if ((s.dim[1 + i] = ht_i32(c->in[1])[i]) <= 0)
      return ht_fail(HT_USAGE, "op '%s' wants sizes above 0", c->op->name);
  HT_TRY(ht_out(c, 0, HT_FLOAT, &s));
  HT_TRY(to_floats(c->run->pool, c->in[0], &x));
  ht_status st =
      plan_new(c->run, c->attrs, &c->in[0]->shape, &s, c->in[2], c->in[3], &p);
  if (st.code == HT_OK) {
    if (ht_count(&c->out[0]))
      ht_resize_forward(&p.r, ht_f(&x), ht_f(&c->out[0]));
    plan_drop(&p);
  }
  ht_tensor_drop(&x);
  return st;
}

/* g, like the images, from dy. */
static ht_status turn_back(ht_run *run, const ht_attrs *attrs,
                           const ht_tensor *dy, const ht_tensor *scale,
                           const ht_tensor *shift, ht_tensor *g) {
  plan p;
  HT_TRY(plan_new(run, attrs, &g->shape, &dy->shape, scale, shift, &p));
  if (ht_count(g)) ht_resize_back(&p.r, ht_f(dy), ht_f(g));
  plan_drop(&p);
  return HT_SUCCESS;
}

static ht_status rescale_back(ht_back *b) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[0].shape, &g));
  ht_status st =
      turn_back(b->run, b->attrs, &b->dout[0].dense, &b->in[2], &b->in[3], &g);
  if (st.code == HT_OK) st = ht_round_to(b->run->pool, b->in[0].dtype, &g);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status grad_forward(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(check_images(c, 0));
  HT_TRY(check_images(c, 1));
  HT_TRY(check_placing(c, 2));
  const ht_shape *dy = &c->in[0]->shape, *x = &c->in[1]->shape;
  if (dy->dim[0] != x->dim[0] || dy->dim[3] != x->dim[3])
    return ht_fail(HT_USAGE, "op '%s': gradient and images do not agree",
                   c->op->name);
  HT_TRY(ht_out(c, 0, HT_FLOAT, x));
  return turn_back(c->run, c->attrs, c->in[0], c->in[2], c->in[3], &c->out[0]);
}

#define SIZED " i[2]{4,7} f[2]{0.75,1.3} f[2]{0.5,-0.25} "

const ht_op ht_ops_rescale[] = {
    {
        .name = "ScaleAndTranslate",
        .inputs = "images:T size:int32 scale:float translation:float",
        .outputs = "resized_images:float",
        .attrs = "T:type kernel_type:string='lanczos3' antialias:bool=true",
        .doc = "Images scaled and moved, resampled by a kernel.",
        .samples =
            "f[2,5,6,3]" SIZED "; f[2,5,6,2]" SIZED "antialias=false; "
            "f[1,9,6,2]" SIZED "kernel_type='lanczos1'; "
            "f[1,9,16,2] i[2]{3,4} f[2]{0.25,0.3} f[2]{0,0} "
            "kernel_type='lanczos5'; "
            "f[1,6,6,1]" SIZED "kernel_type='gaussian'; "
            "f[1,6,6,1] i[2]{12,12} f[2]{2,2} f[2]{0,0} kernel_type='box'; "
            "f[1,6,6,1]" SIZED "kernel_type='triangle'; "
            "f[1,8,6,2] i[2]{3,3} f[2]{0.375,0.5} f[2]{0,0} "
            "kernel_type='triangle'; "
            "f[1,6,6,1]" SIZED "kernel_type='keyscubic'; "
            "f[1,6,6,1]" SIZED "kernel_type='mitchellcubic'; "
            "f[1,3,3,2] i[2]{9,8} f[2]{1,1} f[2]{4,-5} "
            "kernel_type='keyscubic'; "
            "f[1,1,1,2] i[2]{3,2} f[2]{3,2} f[2]{0,0}; "
            "f[0,3,4,2]" SIZED "; u[1,4,6,3](0,255)" SIZED "!grad=0; "
            "d[1,4,6,1]" SIZED "!grad=0",
        .forward = rescale_forward,
        .gradient = rescale_back,
        .keep = HT_KEEP_IN(2) | HT_KEEP_IN(3),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "ScaleAndTranslateGrad",
        .inputs = "grads:T original_image:T scale:float translation:float",
        .outputs = "output:T",
        .attrs = "T:type kernel_type:string='lanczos3' antialias:bool=true",
        .doc = "The gradient of ScaleAndTranslate to the images.",
        .samples = "f[2,4,7,3] f[2,5,6,3] f[2]{0.75,1.3} f[2]{0.5,-0.25}; "
                   "f[1,4,7,1] f[1,8,6,1] f[2]{0.5,1.3} f[2]{0.5,-3} "
                   "kernel_type='gaussian' antialias=false",
        .forward = grad_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
