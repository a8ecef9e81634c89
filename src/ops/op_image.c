/* op_image.c - images resized; positions and weights as TensorFlow has them.
 */
#include <math.h>
#include <string.h>

#include "kernels/resize.h"
#include "ops/op.h"

typedef ht_resize_method method;

/* ---- where an output position looks */

static ht_axis axis_of(const ht_attrs *attrs, int64_t in, int64_t out) {
  return ht_axis_make(in, out, ht_attr_bool(attrs, "align_corners"),
                      ht_attr_bool(attrs, "half_pixel_centers"));
}

static ht_status make_taps(ht_pool *pool, method m, const ht_axis *a,
                           ht_tensor held[2], ht_axis_taps *out) {
  int64_t n = ht_axis_width(m, a);
  ht_shape s = ht_shape_2(a->out, n);
  HT_TRY(ht_tensor_new(pool, HT_INT64, &s, &held[0]));
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &s, &held[1]));
  ht_axis_fill(m, a, ht_i64(&held[0]), ht_f(&held[1]));
  *out = (ht_axis_taps){a->out, a->in, n, ht_i64(&held[0]), ht_f(&held[1])};
  return HT_SUCCESS;
}

/* ---- resizing, both ways */

typedef struct plan {
  ht_resize r;
  ht_tensor held[4];
} plan;

static void plan_drop(plan *p) {
  for (int i = 0; i < 4; i++) ht_tensor_drop(&p->held[i]);
}

static ht_status plan_new(ht_run *run, const ht_attrs *attrs, method m,
                          const ht_shape *in, const ht_shape *out, plan *p) {
  ht_axis y = axis_of(attrs, in->dim[1], out->dim[1]);
  ht_axis x = axis_of(attrs, in->dim[2], out->dim[2]);
  memset(p, 0, sizeof *p);
  p->r.batch = in->dim[0];
  p->r.channels = in->dim[3];
  ht_status st = make_taps(run->pool, m, &y, p->held, &p->r.y);
  if (st.code == HT_OK) st = make_taps(run->pool, m, &x, p->held + 2, &p->r.x);
  if (st.code != HT_OK) plan_drop(p);
  return st;
}

static ht_status check(const ht_call *c, ht_shape *out) {
  const ht_shape *in = &c->in[0]->shape;
  HT_TRY(ht_need_rank(c, 0, 4));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  if (ht_count(c->in[1]) != 2)
    return ht_fail(HT_USAGE, "op '%s' wants a size of 2 numbers", c->op->name);
  *out = *in;
  for (int i = 0; i < 2; i++) {
    out->dim[1 + i] = ht_i32(c->in[1])[i];
    if (out->dim[1 + i] <= 0 || in->dim[1 + i] <= 0)
      return ht_fail(HT_USAGE, "op '%s' wants sizes above 0", c->op->name);
  }
  if (ht_attr_bool(c->attrs, "align_corners") &&
      ht_attr_bool(c->attrs, "half_pixel_centers"))
    return ht_fail(HT_USAGE,
                   "align_corners and half_pixel_centers exclude each other");
  return HT_SUCCESS;
}

/* x as floats, shared where it is so already. */
static ht_status floats(ht_pool *pool, const ht_tensor *x, ht_tensor *out) {
  if (x->dtype == HT_FLOAT) {
    *out = ht_tensor_share(x);
    return HT_SUCCESS;
  }
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &x->shape, out));
  for (int64_t i = 0; i < ht_count(x); i++)
    ht_f(out)[i] = (float)ht_real_at(x, i);
  return HT_SUCCESS;
}

static ht_status resize(ht_call *c, method m) {
  ht_shape s;
  plan p;
  ht_tensor x;
  ht_dtype t = c->in[0]->dtype;
  if (!ht_dtype_integer(t) && t != HT_FLOAT && t != HT_DOUBLE)
    return ht_no_dtype(c, t);
  HT_TRY(check(c, &s));
  HT_TRY(ht_out(c, 0, HT_FLOAT, &s));
  HT_TRY(floats(c->run->pool, c->in[0], &x));
  ht_status st = plan_new(c->run, c->attrs, m, &c->in[0]->shape, &s, &p);
  if (st.code == HT_OK) {
    if (ht_count(&c->out[0]))
      ht_resize_forward(&p.r, ht_f(&x), ht_f(&c->out[0]));
    plan_drop(&p);
  }
  ht_tensor_drop(&x);
  return st;
}

/* The gradient of the input, of type t. */
static ht_status resize_down(ht_back *b, method m, ht_dtype t, ht_tensor *g) {
  plan p;
  const ht_tensor *d = &b->dout[0].dense;
  HT_TRY(ht_back_new(b, t, &b->in[0].shape, g));
  ht_status st = plan_new(b->run, b->attrs, m, &b->in[0].shape, &d->shape, &p);
  if (st.code != HT_OK) {
    ht_tensor_drop(g);
    return st;
  }
  if (ht_count(g) && m == HT_NEAREST)
    ht_resize_nearest_back(&p.r, t, d->data, g->data);
  else if (ht_count(g))
    ht_resize_back(&p.r, ht_f(d), ht_f(g));
  plan_drop(&p);
  return HT_SUCCESS;
}

static ht_status to_double(ht_back *b, ht_tensor *g) {
  ht_tensor wide;
  HT_TRY(ht_back_new(b, HT_DOUBLE, &g->shape, &wide));
  for (int64_t i = 0; i < ht_count(g); i++)
    HT_DATA(double, &wide)[i] = (double)ht_f(g)[i];
  ht_tensor_drop(g);
  *g = wide;
  return HT_SUCCESS;
}

static ht_status back(ht_back *b, method m) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(resize_down(b, m, HT_FLOAT, &g));
  if (b->in[0].dtype == HT_DOUBLE) HT_TRY(to_double(b, &g));
  return ht_give(b, 0, &g);
}

static ht_status bilinear_forward(ht_call *c) { return resize(c, HT_BILINEAR); }
static ht_status bicubic_forward(ht_call *c) { return resize(c, HT_BICUBIC); }
static ht_status area_forward(ht_call *c) { return resize(c, HT_AREA); }
static ht_status bilinear_back(ht_back *b) { return back(b, HT_BILINEAR); }
static ht_status bicubic_back(ht_back *b) { return back(b, HT_BICUBIC); }
static ht_status area_back(ht_back *b) { return back(b, HT_AREA); }

/* ---- nearest: elements of any plain dtype are copied */

static void copy_nearest(const ht_resize *r, size_t pixel, const char *x,
                         char *y) {
  for (int64_t n = 0; n < r->batch; n++)
    for (int64_t i = 0; i < r->y.n; i++) {
      const char *row =
          x + (size_t)((n * r->y.in + r->y.at[i]) * r->x.in) * pixel;
      for (int64_t j = 0; j < r->x.n; j++, y += pixel)
        memcpy(y, row + (size_t)r->x.at[j] * pixel, pixel);
    }
}

static ht_status nearest_forward(ht_call *c) {
  ht_shape s;
  plan p;
  ht_dtype t = c->in[0]->dtype;
  if (ht_dtype_pointers(t)) return ht_no_dtype(c, t);
  HT_TRY(check(c, &s));
  HT_TRY(ht_out(c, 0, t, &s));
  HT_TRY(plan_new(c->run, c->attrs, HT_NEAREST, &c->in[0]->shape, &s, &p));
  if (ht_count(&c->out[0]))
    copy_nearest(&p.r, (size_t)s.dim[3] * ht_dtype_size(t), c->in[0]->data,
                 c->out[0].data);
  plan_drop(&p);
  return HT_SUCCESS;
}

static ht_status nearest_back(ht_back *b) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(resize_down(b, HT_NEAREST, b->in[0].dtype, &g));
  return ht_give(b, 0, &g);
}

#define RESIZE_ATTRS \
  "T:type align_corners:bool=false half_pixel_centers:bool=false"
#define RESIZE_SAMPLES                                                  \
  "f[2,3,4,2] i[2]{6,5}; f[2,3,4,2] i[2]{6,5} align_corners=true;"      \
  "f[2,3,4,2] i[2]{6,5} half_pixel_centers=true;"                       \
  "f[1,9,7,3] i[2]{4,3}; f[1,9,7,3] i[2]{4,3} half_pixel_centers=true;" \
  "f[1,9,7,3] i[2]{4,1} align_corners=true; f[1,1,1,2] i[2]{3,2};"      \
  "f[0,3,4,2] i[2]{6,5} !grad=0;"                                       \
  "f[1,5,5,1] i[2]{5,5}; u[1,4,3,2](0,255) i[2]{3,5}"

const ht_op ht_ops_image[] = {
    {
        .name = "ResizeBilinear",
        .inputs = "images:T size:int32",
        .outputs = "resized_images:float",
        .attrs = RESIZE_ATTRS,
        .doc = "Resizes images, interpolating linearly.",
        .samples = RESIZE_SAMPLES,
        .forward = bilinear_forward,
        .gradient = bilinear_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "ResizeNearestNeighbor",
        .inputs = "images:T size:int32",
        .outputs = "resized_images:T",
        .attrs = RESIZE_ATTRS,
        .doc = "Resizes images, taking the nearest pixel.",
        .samples = RESIZE_SAMPLES "; d[2,3,4,2] i[2]{6,5}; d[1,9,7,3] "
                                  "i[2]{4,3} half_pixel_centers=true",
        .forward = nearest_forward,
        .gradient = nearest_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "ResizeBicubic",
        .inputs = "images:T size:int32",
        .outputs = "resized_images:float",
        .attrs = RESIZE_ATTRS,
        .doc = "Resizes images, interpolating by cubic convolution.",
        .samples = RESIZE_SAMPLES,
        .forward = bicubic_forward,
        .gradient = bicubic_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "ResizeArea",
        .inputs = "images:T size:int32",
        .outputs = "resized_images:float",
        .attrs = "T:type align_corners:bool=false",
        .doc = "Resizes images, averaging what a pixel covers.",
        .samples = "f[2,3,4,2] i[2]{6,5}; f[1,9,7,3] i[2]{4,3};"
                   "f[1,9,7,3] i[2]{4,3} align_corners=true;"
                   "u[1,4,6,2](0,255) i[2]{2,2}",
        .forward = area_forward,
        .gradient = area_back,
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};
