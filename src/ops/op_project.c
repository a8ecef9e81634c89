/*
 * op_project.c - images seen through a projective transform (core/kernels/
 * image/image_ops.h of TensorFlow states the rules at edges).
 */
#include <math.h>

#include "base/parallel.h"
#include "kernels/cast.h"
#include "kernels/real.h"
#include "ops/op.h"

typedef enum edge { CONSTANT, REFLECT, WRAP, NEAREST } edge;

/* Images [batch, height, width, depth] seen as [batch, rows, cols, depth]. */
typedef struct view {
  int64_t batch, height, width, depth, rows, cols;
  const float *transform; /* of 8 numbers */
  int64_t step;           /* from image to image: 8, or 0 for one of all */
  edge edge;
  bool linear;
  float outside;
} view;

/* ---- positions outside the image */

static float clamp(float p, int64_t n) {
  return p < 0 ? 0 : p > (float)(n - 1) ? (float)(n - 1) : p;
}

/* [dcba|abcd|dcba] */
static float reflect(float p, int64_t n) {
  float round = (float)(2 * n), last = (float)(n - 1);
  if (p >= 0 && p <= last) return p;
  if (n <= 1) return 0;
  if (p < 0) {
    if (p < round) p += round * truncf(-p / round);
    p = p < -(float)n ? p + round : -p - 1;
  } else {
    p -= round * truncf(p / round);
    if (p >= (float)n) p = round - p - 1;
  }
  return clamp(p, n);
}

/* [abcd|abcd|abcd] */
static float wrap(float p, int64_t n) {
  float last = (float)(n - 1);
  if (p >= 0 && p <= last) return p;
  if (n <= 1) return 0;
  p +=
      p < 0 ? (float)n * (truncf(-p / last) + 1) : -(float)n * truncf(p / last);
  return clamp(p, n);
}

static float fold(edge e, float p, int64_t n) {
  switch (e) {
    case REFLECT: return reflect(p, n);
    case WRAP: return wrap(p, n);
    case NEAREST: return clamp(p, n);
    default: return p;
  }
}

/* ---- the pixels that one looks at: one, or four with weights */

typedef struct look {
  int n;
  int64_t at[4];                /* of the pixel's first channel; -1: outside */
  float up, down, back, across; /* weights of upper, lower, left, right */
} look;

static int64_t place(const view *v, int64_t image, float y, float x) {
  bool inside = y >= 0 && y < (float)v->height && x >= 0 && x < (float)v->width;
  if (!inside) return -1;
  return ((image * v->height + (int64_t)y) * v->width + (int64_t)x) * v->depth;
}

static void look_linear(const view *v, int64_t image, float y, float x,
                        look *l) {
  float top = floorf(y), left = floorf(x);
  l->n = 4;
  l->down = y - top;
  l->across = x - left;
  l->up = top + 1 - y;
  l->back = left + 1 - x;
  for (int i = 0; i < 4; i++)
    l->at[i] = place(v, image, top + (float)(i / 2), left + (float)(i % 2));
}

static void look_at(const view *v, int64_t image, int64_t row, int64_t col,
                    look *l) {
  const float *t = v->transform + image * v->step;
  float x = (float)col, y = (float)row, depth = t[6] * x + t[7] * y + 1;
  *l = (look){.n = 1, .at = {-1}};
  if (depth == 0) return;
  float px = fold(v->edge, (t[0] * x + t[1] * y + t[2]) / depth, v->width);
  float py = fold(v->edge, (t[3] * x + t[4] * y + t[5]) / depth, v->height);
  if (v->linear)
    look_linear(v, image, py, px, l);
  else
    l->at[0] = place(v, image, roundf(py), roundf(px));
}

/* ---- all rows, in float */

typedef struct job {
  const view *v;
  const float *x;
  float *y;
} job;

static float see(const job *j, const look *l, int64_t d) {
  float p[4];
  for (int i = 0; i < l->n; i++)
    p[i] = l->at[i] < 0 ? j->v->outside : j->x[l->at[i] + d];
  if (l->n == 1) return p[0];
  float upper = l->back * p[0] + l->across * p[1];
  float lower = l->back * p[2] + l->across * p[3];
  return l->up * upper + l->down * lower;
}

static void see_rows(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const view *v = j->v;
  look l;
  for (size_t k = from; k < to; k++)
    for (int64_t col = 0; col < v->cols; col++) {
      float *y = j->y + ((int64_t)k * v->cols + col) * v->depth;
      look_at(v, (int64_t)k / v->rows, (int64_t)k % v->rows, col, &l);
      for (int64_t d = 0; d < v->depth; d++) y[d] = see(j, &l, d);
    }
}

/* ---- the ops */

static ht_status read_modes(const ht_attrs *attrs, view *v) {
  static const char *const edges[] = {"CONSTANT", "REFLECT", "WRAP", "NEAREST"};
  v->linear = ht_attr_is(attrs, "interpolation", "BILINEAR");
  if (!v->linear && !ht_attr_is(attrs, "interpolation", "NEAREST"))
    return ht_fail(HT_USAGE, "interpolation must be BILINEAR or NEAREST");
  for (int i = 0; i < 4; i++)
    if (ht_attr_is(attrs, "fill_mode", edges[i])) {
      v->edge = (edge)i;
      return HT_SUCCESS;
    }
  return ht_fail(HT_USAGE,
                 "fill_mode must be CONSTANT, REFLECT, WRAP or "
                 "NEAREST");
}

static ht_status view_of(const ht_attrs *attrs, const ht_tensor *images,
                         const ht_tensor *transforms, view *v) {
  const int64_t *d = images->shape.dim, *t = transforms->shape.dim;
  *v = (view){0};
  HT_TRY(read_modes(attrs, v));
  if (images->shape.rank != 4) return ht_fail(HT_USAGE, "images want rank 4");
  bool right = transforms->dtype == HT_FLOAT && transforms->shape.rank == 2 &&
               t[1] == 8 && (t[0] == 1 || t[0] == d[0]);
  if (!right)
    return ht_fail(HT_USAGE, "transforms must be [1,8] or 8 numbers an image");
  v->batch = d[0];
  v->height = v->rows = d[1];
  v->width = v->cols = d[2];
  v->depth = d[3];
  v->transform = transforms->data;
  v->step = t[0] == 1 ? 0 : 8;
  return HT_SUCCESS;
}

static ht_status floats(ht_pool *pool, const ht_tensor *x, ht_tensor *out) {
  if (x->dtype == HT_FLOAT) {
    *out = ht_tensor_share(x);
    return HT_SUCCESS;
  }
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &x->shape, out));
  ht_cast_run(x, false, out);
  return HT_SUCCESS;
}

/* y = x as the view has it; of any real type, through float. */
static ht_status see_all(ht_pool *pool, const view *v, const ht_tensor *x,
                         ht_tensor *y) {
  ht_tensor from, to;
  HT_TRY(floats(pool, x, &from));
  ht_status st = ht_tensor_new(pool, HT_FLOAT, &y->shape, &to);
  if (st.code == HT_OK) {
    job j = {v, from.data, to.data};
    double row = 20 * (double)(v->cols * v->depth);
    ht_parallel((size_t)(v->batch * v->rows), ht_grain(row), see_rows, &j);
    ht_cast_run(&to, false, y);
    ht_tensor_drop(&to);
  }
  ht_tensor_drop(&from);
  return st;
}

static ht_status forward(ht_call *c) {
  view v;
  ht_dtype t = c->in[0]->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_HALF && t != HT_BFLOAT16 &&
      t != HT_UINT8 && t != HT_INT32 && t != HT_INT64)
    return ht_no_dtype(c, t);
  HT_TRY(view_of(c->attrs, c->in[0], c->in[1], &v));
  HT_TRY(ht_need_dtype(c, 2, HT_INT32));
  if (ht_count(c->in[2]) != 2 || ht_int_at(c->in[2], 0) <= 0 ||
      ht_int_at(c->in[2], 1) <= 0)
    return ht_fail(HT_USAGE, "output_shape must be 2 numbers above 0");
  v.rows = ht_int_at(c->in[2], 0);
  v.cols = ht_int_at(c->in[2], 1);
  if (c->n_in > 3) {
    HT_TRY(ht_need_scalar(c, 3));
    v.outside = (float)ht_real_at(c->in[3], 0);
    if (ht_dtype_integer(t)) v.outside = truncf(v.outside);
  }
  int64_t dim[4] = {v.batch, v.rows, v.cols, v.depth};
  ht_shape s = ht_shape_of(4, dim);
  HT_TRY(ht_out(c, 0, t, &s));
  return see_all(c->run->pool, &v, c->in[0], &c->out[0]);
}

/* The inverse of a transform (a matrix of 9 whose last is 1), by cofactors. */
static ht_status invert(const float *t, float *out) {
  double m[9], c[9];
  for (int i = 0; i < 9; i++) m[i] = i < 8 ? (double)t[i] : 1;
  for (int i = 0; i < 9; i++) {
    int r = i / 3, k = i % 3, r1 = (r + 1) % 3, r2 = (r + 2) % 3;
    int k1 = (k + 1) % 3, k2 = (k + 2) % 3;
    c[3 * k + r] =
        m[3 * r1 + k1] * m[3 * r2 + k2] - m[3 * r1 + k2] * m[3 * r2 + k1];
  }
  double whole = m[0] * c[0] + m[1] * c[3] + m[2] * c[6];
  if (whole == 0 || c[8] == 0)
    return ht_fail(HT_USAGE, "a projective transform has no inverse");
  for (int i = 0; i < 8; i++) out[i] = (float)(c[i] / c[8]);
  return HT_SUCCESS;
}

static ht_status invert_all(ht_back *b, ht_tensor *out) {
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[1].shape, out));
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; st.code == HT_OK && i < ht_count(out); i += 8)
    st = invert(ht_f(&b->in[1]) + i, ht_f(out) + i);
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

/* TensorFlow's: the gradient that arrives, seen from the other side. */
static ht_status back(ht_back *b) {
  view v;
  ht_tensor g, inverse;
  const ht_tensor *d = &b->dout[0].dense;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(invert_all(b, &inverse));
  ht_status st = view_of(b->attrs, d, &inverse, &v);
  if (st.code == HT_OK) st = ht_back_new(b, d->dtype, &b->in[0].shape, &g);
  if (st.code == HT_OK) {
    v.rows = g.shape.dim[1];
    v.cols = g.shape.dim[2];
    st = see_all(b->run->pool, &v, d, &g);
    if (st.code == HT_OK) st = ht_give(b, 0, &g);
  }
  ht_tensor_drop(&inverse);
  return st;
}

#define TURN "f[1,8]{0.8,-0.6,1.37,0.6,0.8,-1.21,0,0} "
#define LEAN "f[2,8]{1,0.1,-3,0.2,1,2.5,0.01,0,0.5,0,0,0,0.5,0,0,-0.1} "
#define FAR "f[1,8]{2.5,0,-11.25,0,-3.1,17.3,0,0} "
#define CASES(fill)                                       \
  "f[2,5,4,3] " TURN "i[2]{5,4}" fill                     \
  " interpolation='BILINEAR'; "                           \
  "f[2,5,4,3] " LEAN "i[2]{6,3}" fill                     \
  " interpolation='BILINEAR'; "                           \
  "f[2,5,4,3] " TURN "i[2]{5,4}" fill                     \
  " interpolation='NEAREST'; "                            \
  "f[1,5,4,2] " FAR "i[2]{9,11}" fill                     \
  " interpolation='BILINEAR' fill_mode='REFLECT'; "       \
  "f[1,5,4,2] " FAR "i[2]{9,11}" fill                     \
  " interpolation='NEAREST' fill_mode='WRAP'; "           \
  "f[1,5,4,2] " FAR "i[2]{9,11}" fill                     \
  " interpolation='BILINEAR' fill_mode='WRAP'; "          \
  "f[1,5,4,2] " FAR "i[2]{9,11}" fill                     \
  " interpolation='BILINEAR' fill_mode='NEAREST'; "       \
  "u[2,4,4,1](0,255) " TURN "i[2]{4,4}" fill              \
  " interpolation='NEAREST'; "                            \
  "i[2,4,4,1](0,255) " TURN "i[2]{4,4}" fill              \
  " interpolation='BILINEAR'; "                           \
  "h[2,4,4,1] " TURN "i[2]{4,4}" fill                     \
  " interpolation='BILINEAR'; "                           \
  "d[2,4,4,1] " TURN "i[2]{4,4}" fill                     \
  " interpolation='BILINEAR' !near=1e-6 !differences=0; " \
  "f[0,4,4,1] " TURN "i[2]{4,4}" fill " interpolation='NEAREST'"

/* Positions and weights are floats also for double images, hence !near; the
 * gradient is not that of the sums (see back), hence no differences. */
const ht_op ht_ops_project[] = {
    {
        .name = "ImageProjectiveTransformV2",
        .inputs = "images:dtype transforms:float output_shape:int32",
        .outputs = "transformed_images:dtype",
        .attrs = "dtype:type interpolation:string "
                 "fill_mode:string='CONSTANT'",
        .doc = "Images seen through projective transforms.",
        .samples = CASES(""),
        .forward = forward,
        .gradient = back,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "ImageProjectiveTransformV3",
        .inputs = "images:dtype transforms:float output_shape:int32 "
                  "fill_value:float",
        .outputs = "transformed_images:dtype",
        .attrs = "dtype:type interpolation:string "
                 "fill_mode:string='CONSTANT'",
        .doc = "Images seen through projective transforms, with a value "
               "outside.",
        .samples = CASES(" f[]{0.5}"),
        .forward = forward,
        .gradient = back,
        .keep = HT_KEEP_IN(1),
    },
    {0},
};
