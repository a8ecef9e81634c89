/*
 * op_crop.c - boxes cut out of images and resized (core/kernels/image/
 * crop_and_resize_op.cc of TensorFlow states positions and edges).
 */
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"
#include "ops/op.h"

/* Images [batch, height, width, depth] and crops [n, rows, cols, depth]. */
typedef struct crop {
  int64_t batch, height, width, depth, n, rows, cols;
  bool nearest;
  float outside; /* the value there */
  const float *boxes;
  const int32_t *image; /* of each box */
} crop;

/* Where the k-th of `out` positions between `low` and `high` (parts of an
 * axis of `in` elements) lies. */
static float position(float low, float high, int64_t in, int64_t out,
                      int64_t k) {
  float last = (float)(in - 1);
  if (out <= 1) return 0.5f * (low + high) * last;
  return low * last + (float)k * ((high - low) * last / (float)(out - 1));
}

/* The two elements next to a position, and the weight of the second. */
typedef struct tap {
  int64_t at[2];
  float weight;
} tap;

static bool tap_of(const crop *c, float p, int64_t n, tap *t) {
  if (!(p >= 0 && p <= (float)(n - 1))) return false;
  if (c->nearest) {
    t->at[0] = t->at[1] = (int64_t)roundf(p);
    t->weight = 0;
    return true;
  }
  t->at[0] = (int64_t)floorf(p);
  t->at[1] = (int64_t)ceilf(p);
  t->weight = p - floorf(p);
  return true;
}

static bool row_tap(const crop *c, int64_t box, int64_t row, tap *t) {
  const float *b = c->boxes + 4 * box;
  float p = position(b[0], b[2], c->height, c->rows, row);
  return tap_of(c, p, c->height, t);
}

static bool col_tap(const crop *c, int64_t box, int64_t col, tap *t) {
  const float *b = c->boxes + 4 * box;
  float p = position(b[1], b[3], c->width, c->cols, col);
  return tap_of(c, p, c->width, t);
}

/* Places of the four pixels around a position. */
static void corners(const crop *c, int64_t box, const tap *y, const tap *x,
                    int64_t at[2][2]) {
  int64_t first = c->image[box] * c->height;
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++)
      at[i][j] = ((first + y->at[i]) * c->width + x->at[j]) * c->depth;
}

/* ---- forward */

typedef struct job {
  const crop *c;
  const ht_tensor *images; /* any real type */
  float *out;
} job;

static void read_pixel(const job *j, int64_t box, const tap *y, const tap *x,
                       float *out) {
  int64_t at[2][2];
  corners(j->c, box, y, x, at);
  for (int64_t d = 0; d < j->c->depth; d++) {
    float v[2][2];
    for (int i = 0; i < 4; i++)
      v[i / 2][i % 2] = (float)ht_real_at(j->images, at[i / 2][i % 2] + d);
    float top = v[0][0] + (v[0][1] - v[0][0]) * x->weight;
    float low = v[1][0] + (v[1][1] - v[1][0]) * x->weight;
    out[d] = top + (low - top) * y->weight;
  }
}

static void cut_rows(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const crop *c = j->c;
  for (size_t k = from; k < to; k++) {
    int64_t box = (int64_t)k / c->rows;
    float *out = j->out + (int64_t)k * c->cols * c->depth;
    tap y, x;
    bool inside = row_tap(c, box, (int64_t)k % c->rows, &y);
    for (int64_t col = 0; col < c->cols; col++, out += c->depth)
      if (inside && col_tap(c, box, col, &x))
        read_pixel(j, box, &y, &x, out);
      else
        for (int64_t d = 0; d < c->depth; d++) out[d] = c->outside;
  }
}

/* ---- gradient of the images: what was read is added back */

typedef void pixel_fn(const crop *c, int64_t box, int64_t row, int64_t col,
                      const tap *y, const tap *x, const float *dy, void *arg);

/* Every pixel of the crops that lies inside, in order. */
static void each_pixel(const crop *c, const float *dy, pixel_fn *fn,
                       void *arg) {
  tap y, x;
  for (int64_t box = 0; box < c->n; box++)
    for (int64_t row = 0; row < c->rows; row++) {
      if (!row_tap(c, box, row, &y)) continue;
      const float *line = dy + (box * c->rows + row) * c->cols * c->depth;
      for (int64_t col = 0; col < c->cols; col++)
        if (col_tap(c, box, col, &x))
          fn(c, box, row, col, &y, &x, line + col * c->depth, arg);
    }
}

static void add_pixel(const crop *c, int64_t box, int64_t row, int64_t col,
                      const tap *y, const tap *x, const float *dy, void *arg) {
  double *g = arg;
  int64_t at[2][2];
  (void)row, (void)col;
  corners(c, box, y, x, at);
  for (int i = 0; i < 4; i++) {
    double wy = i / 2 ? y->weight : 1 - y->weight;
    double wx = i % 2 ? x->weight : 1 - x->weight;
    for (int64_t d = 0; d < c->depth; d++)
      g[at[i / 2][i % 2] + d] += wy * wx * (double)dy[d];
  }
}

/* g, of any floating type, from the sums in double. */
static ht_status image_gradient(ht_pool *pool, const crop *c, const float *dy,
                                ht_tensor *g) {
  ht_tensor sum;
  HT_TRY(ht_tensor_zeros(pool, HT_DOUBLE, &g->shape, &sum));
  each_pixel(c, dy, add_pixel, sum.data);
  const double *v = sum.data;
  for (int64_t i = 0; i < ht_count(g); i++) switch (g->dtype) {
      case HT_FLOAT: ht_f(g)[i] = (float)v[i]; break;
      case HT_DOUBLE: HT_DATA(double, g)[i] = v[i]; break;
      default: HT_DATA(uint16_t, g)[i] = ht_float_to_half((float)v[i]);
    }
  ht_tensor_drop(&sum);
  return HT_SUCCESS;
}

/* ---- gradient of the boxes: the slope of the image at each position */

typedef struct slopes {
  const ht_tensor *images;
  float *g; /* [n, 4] */
} slopes;

/* Adds the slope to the two ends of an axis by their shares in position k of
 * `out`. */
static void add_ends(float *low, float *high, float slope, int64_t in,
                     int64_t out, int64_t k) {
  float last = (float)(in - 1);
  float share = out > 1 ? (float)k * (last / (float)(out - 1)) : 0.5f * last;
  *low += slope * (last - share);
  *high += slope * share;
}

static void slope_pixel(const crop *c, int64_t box, int64_t row, int64_t col,
                        const tap *y, const tap *x, const float *dy,
                        void *arg) {
  const slopes *s = arg;
  int64_t at[2][2];
  float down = 0, across = 0;
  corners(c, box, y, x, at);
  for (int64_t d = 0; d < c->depth; d++) {
    float v[2][2];
    for (int i = 0; i < 4; i++)
      v[i / 2][i % 2] = (float)ht_real_at(s->images, at[i / 2][i % 2] + d);
    down += dy[d] * ((1 - x->weight) * (v[1][0] - v[0][0]) +
                     x->weight * (v[1][1] - v[0][1]));
    across += dy[d] * ((1 - y->weight) * (v[0][1] - v[0][0]) +
                       y->weight * (v[1][1] - v[1][0]));
  }
  float *g = s->g + 4 * box;
  add_ends(&g[0], &g[2], down, c->height, c->rows, row);
  add_ends(&g[1], &g[3], across, c->width, c->cols, col);
}

static void box_gradient(const crop *c, const ht_tensor *images,
                         const float *dy, ht_tensor *g) {
  slopes s = {images, ht_f(g)};
  each_pixel(c, dy, slope_pixel, &s);
}

/* ---- what a call says */

static ht_status read_method(const ht_attrs *attrs, crop *c) {
  c->nearest = ht_attr_is(attrs, "method", "nearest");
  if (c->nearest || ht_attr_is(attrs, "method", "bilinear")) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "method must be 'bilinear' or 'nearest'");
}

static ht_status set_images(const ht_shape *s, crop *c) {
  if (s->rank != 4) return ht_fail(HT_USAGE, "images must have rank 4");
  c->batch = s->dim[0];
  c->height = s->dim[1];
  c->width = s->dim[2];
  c->depth = s->dim[3];
  if (c->height <= 0 || c->width <= 0)
    return ht_fail(HT_USAGE, "images of no size cannot be cropped");
  return HT_SUCCESS;
}

static ht_status set_boxes(const ht_tensor *boxes, const ht_tensor *image,
                           crop *c) {
  bool right = boxes->shape.rank == 2 && boxes->shape.dim[1] == 4 &&
               boxes->dtype == HT_FLOAT && image->shape.rank == 1 &&
               image->dtype == HT_INT32 &&
               image->shape.dim[0] == boxes->shape.dim[0];
  if (!right)
    return ht_fail(HT_USAGE, "crops want boxes [n,4] and n image numbers");
  c->n = boxes->shape.dim[0];
  c->boxes = boxes->data;
  c->image = image->data;
  for (int64_t i = 0; i < c->n; i++)
    if (c->image[i] < 0 || c->image[i] >= c->batch)
      return ht_fail(HT_USAGE, "image %d of a box: there are %lld", c->image[i],
                     (long long)c->batch);
  return HT_SUCCESS;
}

/* The crops that arrive as `dy`. */
static ht_status set_crops(const ht_tensor *dy, crop *c) {
  const ht_shape *s = &dy->shape;
  bool right = s->rank == 4 && dy->dtype == HT_FLOAT && s->dim[0] == c->n &&
               s->dim[3] == c->depth;
  if (!right) return ht_fail(HT_USAGE, "crops and images do not agree");
  c->rows = s->dim[1];
  c->cols = s->dim[2];
  return HT_SUCCESS;
}

static ht_status crop_forward(ht_call *call) {
  crop c = {0};
  ht_dtype t = call->in[0]->dtype;
  if (ht_dtype_pointers(t) || t == HT_BOOL || t == HT_COMPLEX64 ||
      t == HT_COMPLEX128)
    return ht_no_dtype(call, t);
  HT_TRY(ht_need_dtype(call, 3, HT_INT32));
  HT_TRY(read_method(call->attrs, &c));
  HT_TRY(set_images(&call->in[0]->shape, &c));
  HT_TRY(set_boxes(call->in[1], call->in[2], &c));
  if (ht_count(call->in[3]) != 2 || ht_int_at(call->in[3], 0) <= 0 ||
      ht_int_at(call->in[3], 1) <= 0)
    return ht_fail(HT_USAGE, "a crop size must be 2 numbers above 0");
  c.rows = ht_int_at(call->in[3], 0);
  c.cols = ht_int_at(call->in[3], 1);
  c.outside = (float)ht_attr_float(call->attrs, "extrapolation_value");
  int64_t dim[4] = {c.n, c.rows, c.cols, c.depth};
  ht_shape s = ht_shape_of(4, dim);
  HT_TRY(ht_out(call, 0, HT_FLOAT, &s));
  if (!ht_count(&call->out[0])) return HT_SUCCESS;
  job j = {&c, call->in[0], ht_f(&call->out[0])};
  ht_parallel((size_t)(c.n * c.rows), ht_grain(20 * (double)(c.cols * c.depth)),
              cut_rows, &j);
  return HT_SUCCESS;
}

/* The gradient of boxes is that of bilinear crops, whatever the method. */
static ht_status crop_back(ht_back *b) {
  crop c = {0};
  ht_tensor g;
  const ht_tensor *dy = &b->dout[0].dense;
  HT_TRY(read_method(b->attrs, &c));
  HT_TRY(set_images(&b->in[0].shape, &c));
  HT_TRY(set_boxes(&b->in[1], &b->in[2], &c));
  HT_TRY(set_crops(dy, &c));
  if (ht_wants(b, 0)) {
    HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
    HT_TRY(image_gradient(b->run->pool, &c, ht_f(dy), &g));
    HT_TRY(ht_give(b, 0, &g));
  }
  if (!ht_wants(b, 1)) return HT_SUCCESS;
  c.nearest = false;
  HT_TRY(ht_back_zeros(b, HT_FLOAT, &b->in[1].shape, &g));
  box_gradient(&c, &b->in[0], ht_f(dy), &g);
  return ht_give(b, 1, &g);
}

static ht_status grad_image_forward(ht_call *call) {
  crop c = {0};
  ht_shape s;
  ht_dtype t = ht_attr_type(call->attrs, "T");
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_HALF)
    return ht_no_dtype(call, t);
  HT_TRY(read_method(call->attrs, &c));
  HT_TRY(ht_shape_from(call->in[3], false, &s));
  HT_TRY(set_images(&s, &c));
  HT_TRY(set_boxes(call->in[1], call->in[2], &c));
  HT_TRY(set_crops(call->in[0], &c));
  HT_TRY(ht_out(call, 0, t, &s));
  return image_gradient(call->run->pool, &c, ht_f(call->in[0]), &call->out[0]);
}

static ht_status grad_boxes_forward(ht_call *call) {
  crop c = {0};
  HT_TRY(set_images(&call->in[1]->shape, &c));
  HT_TRY(set_boxes(call->in[2], call->in[3], &c));
  HT_TRY(set_crops(call->in[0], &c));
  HT_TRY(ht_out_zeros(call, 0, HT_FLOAT, &call->in[2]->shape));
  box_gradient(&c, call->in[1], ht_f(call->in[0]), &call->out[0]);
  return HT_SUCCESS;
}

#define BOXES "f[3,4]{0,0,1,1,0.1,0.2,0.7,0.9,0.8,0.9,-0.2,0.3} i[3]{0,1,0} "

/* Positions and sums are floats also for double images: !near. */
const ht_op ht_ops_crop[] = {
    {
        .name = "CropAndResize",
        .inputs = "image:T boxes:float box_ind:int32 crop_size:int32",
        .outputs = "crops:float",
        .attrs = "T:type method:string='bilinear' "
                 "extrapolation_value:float=0",
        .doc = "Boxes cut out of images, resized to one size.",
        .samples =
            "f[2,5,6,3] " BOXES "i[2]{3,4}; d[2,5,6,1] " BOXES
            "i[2]{1,1} !near=1e-6;"
            "f[2,5,6,3] " BOXES "i[2]{3,4} method='nearest' "
            "extrapolation_value=0.5; u[2,4,4,2](0,255) " BOXES "i[2]{2,2};"
            "f[2,1,1,2] " BOXES "i[2]{2,3}; f[2,5,6,3] f[0,4] i[0] i[2]{3,4};"
            "f[1,7,9,2] f[1,4]{0.9,0.9,0.1,0.1} i[1]{0} i[2]{4,1};"
            "h[2,4,3,1] " BOXES "i[2]{3,2}; l[2,4,3,1] " BOXES "i[2]{3,2}",
        .forward = crop_forward,
        .gradient = crop_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(2),
    },
    {
        .name = "CropAndResizeGradImage",
        .inputs = "grads:float boxes:float box_ind:int32 image_size:int32",
        .outputs = "output:T",
        .attrs = "T:type method:string='bilinear'",
        .doc = "The gradient of CropAndResize to the images.",
        .samples = "f[3,2,3,2] " BOXES "i[4]{2,4,5,2} T=float;"
                   "f[3,2,3,2] " BOXES "i[4]{2,4,5,2} T=double "
                   "method='nearest'",
        .forward = grad_image_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "CropAndResizeGradBoxes",
        .inputs = "grads:float image:T boxes:float box_ind:int32",
        .outputs = "output:float",
        .attrs = "T:type method:string='bilinear'",
        .doc = "The gradient of CropAndResize to the boxes.",
        .samples =
            "f[3,2,3,2] f[2,4,5,2] " BOXES "; f[3,1,1,2] u[2,4,5,2] " BOXES,
        .forward = grad_boxes_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
