/*
 * op_color.c - contrast, hue and saturation of images, whose last axis holds
 * red, green and blue.
 */
#include <math.h>
#include <stdlib.h>

#include "base/parallel.h"
#include "kernels/cast.h"
#include "kernels/real.h"
#include "ops/op.h"

/* Pixels in double, whatever the type: colours are few and exact so. */
static ht_status as_double(ht_pool *pool, const ht_tensor *x, ht_tensor *out) {
  HT_TRY(ht_tensor_new(pool, HT_DOUBLE, &x->shape, out));
  ht_cast_run(x, false, out);
  return HT_SUCCESS;
}

static bool real_type(ht_dtype t) {
  return t == HT_FLOAT || t == HT_DOUBLE || t == HT_HALF || t == HT_BFLOAT16;
}

static ht_status need_pixels(const ht_call *c) {
  const ht_shape *s = &c->in[0]->shape;
  if (!real_type(c->in[0]->dtype)) return ht_no_dtype(c, c->in[0]->dtype);
  HT_TRY(ht_need_min_rank(c, 0, 1));
  if (s->dim[s->rank - 1] == 3) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s' wants 3 channels", c->op->name);
}

/* ---- colours */

typedef struct order { /* which channel is largest, which smallest */
  int most, least;
} order;

/* Ties: red before green before blue, and the other way round. */
static order order_of(const double *p) {
  order o = {.most = p[0] >= p[1] && p[0] >= p[2] ? 0 : p[1] >= p[2] ? 1 : 2};
  o.least = p[2] <= p[0] && p[2] <= p[1] ? 2 : p[1] <= p[0] ? 1 : 0;
  return o;
}

/* hue, saturation and value, each in [0,1] where p is. */
static void hsv_of(const double *p, double *h) {
  order o = order_of(p);
  double most = p[o.most], range = most - p[o.least], hue = 0;
  if (range > 0) {
    double across = p[(o.most + 1) % 3] - p[(o.most + 2) % 3];
    hue = across / (6 * range) + o.most / 3.0;
  }
  h[0] = hue < 0 ? hue + 1 : hue;
  h[1] = most > 0 ? range / most : 0;
  h[2] = most;
}

/* How much of channel k a hue has. */
static double share_of(double hue, int k) {
  double x = 6 * hue, s = k == 0 ? fabs(x - 3) - 1 : 2 - fabs(x - 2 * k);
  return s < 0 ? 0 : s > 1 ? 1 : s;
}

static void rgb_of(const double *h, double *p) {
  for (int k = 0; k < 3; k++)
    p[k] = (1 - h[1] + h[1] * share_of(h[0], k)) * h[2];
}

/* ---- gradient of hue, saturation and value */

static void hsv_back(const double *p, const double *d, double *g) {
  order o = order_of(p);
  double most = p[o.most], least = p[o.least], range = most - least;
  g[0] = g[1] = g[2] = 0;
  g[o.most] += d[2];
  if (most > 0) {
    g[o.most] += d[1] * least / (most * most);
    if (least > 0) g[o.least] -= d[1] / most; /* as TensorFlow has it */
  }
  if (!(most > 0) || range == 0) return;
  int next = (o.most + 1) % 3, last = (o.most + 2) % 3;
  double across = p[next] - p[last], scale = d[0] / (6 * range);
  g[next] += scale;
  g[last] -= scale;
  g[o.most] -= scale * across / range;
  g[o.least] += scale * across / range;
}

/* ---- work on all pixels */

typedef void pixel_fn(const double *x, const double *d, double p, double *z);
typedef struct pixels {
  pixel_fn *fn;
  const double *x, *d;
  double p, *z;
} pixels;

static void run_pixels(size_t from, size_t to, void *arg) {
  const pixels *j = arg;
  for (size_t i = 3 * from; i < 3 * to; i += 3)
    j->fn(j->x + i, j->d ? j->d + i : NULL, j->p, j->z + i);
}

/* z, of x's shape and type, from fn over the pixels of x (and d). */
static ht_status map_pixels(ht_pool *pool, pixel_fn *fn, const ht_tensor *x,
                            const ht_tensor *d, double p, ht_tensor *z) {
  ht_tensor wide[3] = {{0}};
  ht_status st = as_double(pool, x, &wide[0]);
  if (st.code == HT_OK && d) st = as_double(pool, d, &wide[1]);
  if (st.code == HT_OK)
    st = ht_tensor_new(pool, HT_DOUBLE, &x->shape, &wide[2]);
  if (st.code == HT_OK) {
    pixels j = {fn, wide[0].data, wide[1].data, p, wide[2].data};
    ht_parallel((size_t)ht_count(x) / 3, ht_grain(60), run_pixels, &j);
    ht_cast_run(&wide[2], false, z);
  }
  for (int i = 0; i < 3; i++) ht_tensor_drop(&wide[i]);
  return st;
}

static void to_hsv(const double *x, const double *d, double p, double *z) {
  (void)d, (void)p;
  hsv_of(x, z);
}

static void to_hsv_back(const double *x, const double *d, double p, double *z) {
  (void)p;
  hsv_back(x, d, z);
}

static void to_rgb(const double *x, const double *d, double p, double *z) {
  (void)d, (void)p;
  rgb_of(x, z);
}

static void turn_hue(const double *x, const double *d, double p, double *z) {
  double h[3];
  (void)d;
  hsv_of(x, h);
  h[0] = fmod(h[0] + p, 1);
  if (h[0] < 0) h[0] += 1;
  rgb_of(h, z);
}

static void scale_saturation(const double *x, const double *d, double p,
                             double *z) {
  double h[3];
  (void)d;
  hsv_of(x, h);
  h[1] = fmax(0, fmin(1, h[1] * p));
  rgb_of(h, z);
}

static ht_status map_call(ht_call *c, pixel_fn *fn, double p) {
  HT_TRY(need_pixels(c));
  HT_TRY(ht_out_like(c, 0, 0));
  return map_pixels(c->run->pool, fn, c->in[0], NULL, p, &c->out[0]);
}

static ht_status map_back(ht_back *b, pixel_fn *fn) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  HT_TRY(map_pixels(b->run->pool, fn, &b->in[0], &b->dout[0].dense, 0, &g));
  return ht_give(b, 0, &g);
}

static ht_status hsv_forward(ht_call *c) { return map_call(c, to_hsv, 0); }
static ht_status hsv_gradient(ht_back *b) { return map_back(b, to_hsv_back); }
static ht_status rgb_forward(ht_call *c) { return map_call(c, to_rgb, 0); }

static ht_status adjust(ht_call *c, pixel_fn *fn) {
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_need_min_rank(c, 0, 3));
  return map_call(c, fn, ht_real_at(c->in[1], 0));
}

static ht_status hue_forward(ht_call *c) { return adjust(c, turn_hue); }
static ht_status saturation_forward(ht_call *c) {
  return adjust(c, scale_saturation);
}

/* ---- contrast: away from the mean of each image and channel */

typedef struct contrast {
  int64_t pixels, channels; /* of an image */
  double factor;
  double *x; /* in place */
} contrast;

static void spread(const contrast *j, double *x) {
  for (int64_t k = 0; k < j->channels; k++) {
    double sum = 0;
    for (int64_t i = 0; i < j->pixels; i++) sum += x[i * j->channels + k];
    double mean = sum / (double)j->pixels;
    for (int64_t i = 0; i < j->pixels; i++) {
      double *v = x + i * j->channels + k;
      *v = mean + j->factor * (*v - mean);
    }
  }
}

static void spread_images(size_t from, size_t to, void *arg) {
  const contrast *j = arg;
  for (size_t i = from; i < to; i++)
    spread(j, j->x + (int64_t)i * j->pixels * j->channels);
}

/* z = the contrast of x changed; its own gradient. */
static ht_status change_contrast(ht_pool *pool, const ht_tensor *x,
                                 double factor, ht_tensor *z) {
  ht_tensor wide;
  const int64_t *d = x->shape.dim + x->shape.rank - 3;
  contrast j = {d[0] * d[1], d[2], factor, NULL};
  HT_TRY(as_double(pool, x, &wide));
  j.x = wide.data;
  if (ht_count(x))
    ht_parallel((size_t)(ht_count(x) / (j.pixels * j.channels)),
                ht_grain(4 * (double)(j.pixels * j.channels)), spread_images,
                &j);
  ht_cast_run(&wide, false, z);
  ht_tensor_drop(&wide);
  return HT_SUCCESS;
}

static ht_status contrast_forward(ht_call *c) {
  if (!real_type(c->in[0]->dtype)) return ht_no_dtype(c, c->in[0]->dtype);
  HT_TRY(ht_need_min_rank(c, 0, 3));
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_out_like(c, 0, 0));
  return change_contrast(c->run->pool, c->in[0], ht_real_at(c->in[1], 0),
                         &c->out[0]);
}

static ht_status contrast_gradient(ht_back *b) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  HT_TRY(change_contrast(b->run->pool, &b->dout[0].dense,
                         ht_real_at(&b->in[1], 0), &g));
  return ht_give(b, 0, &g);
}

#define COLOURS                                                                \
  "f[2,4,3](0,1); d[5,3](0,1); f[3](0,1); f[0,3]; f[3,3](0,255); h[2,3](0,1);" \
  "f[7,3]{0,0,0,1,1,1,0.5,0.5,0.2,0.2,0.5,0.5,0.5,0.2,0.5,1,0,0,0,0.25,0.25}"
#define IMAGES "f[2,3,4,3](0,1) "

const ht_op ht_ops_color[] = {
    {
        .name = "RGBToHSV",
        .inputs = "images:T",
        .outputs = "output:T",
        .attrs = "T:type=float",
        .doc = "Red, green and blue as hue, saturation and value.",
        .samples = COLOURS,
        .forward = hsv_forward,
        .gradient = hsv_gradient,
        .keep = HT_KEEP_IN(0),
    },
    {
        .name = "HSVToRGB",
        .inputs = "images:T",
        .outputs = "output:T",
        .attrs = "T:type=float",
        .doc = "Hue, saturation and value as red, green and blue.",
        .samples = COLOURS,
        .forward = rgb_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "AdjustContrastv2",
        .inputs = "images:T contrast_factor:float",
        .outputs = "output:T",
        .attrs = "T:type=float",
        .doc = "Moves pixels away from the mean of their image and channel.",
        .samples = IMAGES "f[]{2}; f[3,4,1] f[]{0.5};"
                          "f[2,0,3,3] f[]{2}; f[1,40,40,2](0,255) f[]{-0.5}",
        .forward = contrast_forward,
        .gradient = contrast_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "AdjustHue",
        .inputs = "images:T delta:float",
        .outputs = "output:T",
        .attrs = "T:type=float",
        .doc = "Turns the hue of pixels.",
        .samples = IMAGES "f[]{0.3}; " IMAGES "f[]{-0.9}; f[4,1,3](0,1) "
                          "f[]{0}; f[0,2,3] f[]{1};"
                          "f[2,2,3]{0,0,0,1,1,1,0.5,0.5,0.2,1,0,0} f[]{0.1}",
        .forward = hue_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "AdjustSaturation",
        .inputs = "images:T scale:float",
        .outputs = "output:T",
        .attrs = "T:type=float",
        .doc = "Scales the saturation of pixels.",
        .samples = IMAGES "f[]{0.3}; " IMAGES "f[]{3}; f[4,1,3](0,1) "
                          "f[]{0}; f[0,2,3] f[]{1};"
                          "f[2,2,3]{0,0,0,1,1,1,0.5,0.5,0.2,1,0,0} f[]{1.5}",
        .forward = saturation_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
