/*
 * op_dilation.c - greyscale dilation: the largest sum of an image and a
 * filter's weight under each place of the filter (core/kernels/
 * dilation_ops.cc of TensorFlow).
 */
#include <math.h>

#include "base/parallel.h"
#include "kernels/real.h"
#include "kernels/window.h"
#include "ops/op.h"

/* ---- geometry */

/* An application, forward or backward. */
typedef struct place {
  const char *op;
  const ht_attrs *attrs;
  const ht_tensor *x, *f; /* image and filter */
} place;

static ht_status axis_of(const place *c, int i, ht_window *w) {
  int a = i + 1; /* of the window; images have 1 in front */
  int64_t stride = ht_attr_int_at(c->attrs, "strides", i + 1);
  int64_t rate = ht_attr_int_at(c->attrs, "rates", i + 1);
  int64_t in = c->x->shape.dim[i + 1], size = c->f->shape.dim[i];
  if (stride < 1 || rate < 1 || stride > 1 << 20 || rate > 1 << 20)
    return ht_fail(HT_USAGE, "op '%s' wants strides and rates above 0", c->op);
  int64_t seen = (size - 1) * rate + 1;
  w->in[a] = in;
  w->size[a] = size;
  w->stride[a] = stride;
  w->step[a] = rate;
  if (ht_attr_is(c->attrs, "padding", "SAME")) {
    w->out[a] = (in + stride - 1) / stride;
    int64_t more = (w->out[a] - 1) * stride + seen - in;
    w->pad[a] = more > 0 ? more / 2 : 0;
  } else {
    w->out[a] = in >= seen ? (in - seen) / stride + 1 : 0;
  }
  return HT_SUCCESS;
}

static ht_status geometry(const place *c, ht_window *w) {
  *w = (ht_window){.in = {1, 1, 1},
                   .out = {1, 1, 1},
                   .size = {1, 1, 1},
                   .stride = {1, 1, 1},
                   .step = {1, 1, 1}};
  const ht_shape *x = &c->x->shape, *f = &c->f->shape;
  if (x->rank != 4 || f->rank != 3 || x->dim[3] != f->dim[2] || f->dim[0] < 1 ||
      f->dim[1] < 1)
    return ht_fail(HT_USAGE,
                   "op '%s' wants images of 4 axes, and a filter of height, "
                   "width and their channels",
                   c->op);
  if (ht_attr_length(c->attrs, "strides") != 4 ||
      ht_attr_length(c->attrs, "rates") != 4)
    return ht_fail(HT_USAGE, "op '%s' wants strides and rates of 4 axes",
                   c->op);
  w->batch = x->dim[0];
  HT_TRY(axis_of(c, 0, w));
  return axis_of(c, 1, w);
}

static ht_status geometry_of(const ht_call *c, ht_window *w) {
  place at = {c->op->name, c->attrs, c->in[0], c->in[1]};
  for (int i = 0; i < c->n_in; i++) {
    ht_dtype t = c->in[i]->dtype;
    if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT64 && t != HT_UINT64)
      return ht_no_dtype(c, t);
    HT_TRY(ht_need_dtype(c, i, c->in[0]->dtype));
  }
  return geometry(&at, w);
}

static ht_shape shape_of(const ht_window *w, const ht_tensor *x) {
  return (ht_shape){4, {w->batch, w->out[1], w->out[2], x->shape.dim[3]}};
}

/* ---- the largest sums */

/* Where the largest sum of an output element is: places in image and filter;
 * where nothing is larger than the least number, the first ones. */
typedef struct peak {
  int64_t x, f;
  long double value; /* any number exactly */
} peak;

static long double least_of(ht_dtype t) {
  if (t == HT_INT64) return (long double)INT64_MIN;
  if (t == HT_UINT64) return 0;
  return t == HT_FLOAT ? -(long double)__FLT_MAX__ : -(long double)__DBL_MAX__;
}

/* Rounded as T rounds; integers wrap around. */
static long double sum_of(const ht_tensor *x, int64_t i, const ht_tensor *f,
                          int64_t j) {
  if (x->dtype == HT_FLOAT) return (long double)(ht_f(x)[i] + ht_f(f)[j]);
  uint64_t bits = 0;
  if (ht_dtype_integer(x->dtype))
    bits = HT_DATA(uint64_t, x)[i] + HT_DATA(uint64_t, f)[j];
  if (x->dtype == HT_INT64) return (long double)(int64_t)bits;
  if (x->dtype == HT_UINT64) return (long double)bits;
  return (long double)(HT_DATA(double, x)[i] + HT_DATA(double, f)[j]);
}

static peak find_peak(const ht_window *w, const ht_tensor *x,
                      const ht_tensor *f, int64_t pixel, int64_t k) {
  int64_t n = x->shape.dim[3], from[2], to[2], first[2];
  int64_t at[2] = {pixel / w->out[2] % w->out[1], pixel % w->out[2]};
  int64_t image = pixel / (w->out[1] * w->out[2]) * w->in[1];
  for (int a = 0; a < 2; a++) {
    ht_window_taps(w, a + 1, at[a], &from[a], &to[a]);
    first[a] = ht_window_first(w, a + 1, at[a]);
  }
  int64_t top = first[0] < 0 ? 0 : first[0], left = first[1] < 0 ? 0 : first[1];
  peak best = {((image + top) * w->in[2] + left) * n + k, k,
               least_of(x->dtype)};
  for (int64_t i = from[0]; i < to[0]; i++)
    for (int64_t j = from[1]; j < to[1]; j++) {
      int64_t row = image + first[0] + i * w->step[1];
      peak p = {(row * w->in[2] + first[1] + j * w->step[2]) * n + k,
                (i * w->size[2] + j) * n + k, 0};
      p.value = sum_of(x, p.x, f, p.f);
      if (p.value > best.value) best = p;
    }
  return best;
}

static void put(ht_tensor *t, int64_t i, long double v) {
  if (t->dtype == HT_DOUBLE)
    HT_DATA(double, t)[i] += (double)v;
  else if (t->dtype == HT_INT64)
    HT_DATA(uint64_t, t)[i] += (uint64_t)(int64_t)v;
  else if (t->dtype == HT_UINT64)
    HT_DATA(uint64_t, t)[i] += (uint64_t)v;
  else
    ht_f(t)[i] += (float)v;
}

typedef struct job {
  const ht_window *w;
  const ht_tensor *x, *f;
  ht_tensor *out;
} job;

static void dilate(size_t from, size_t to, void *arg) {
  const job *j = arg;
  int64_t n = j->x->shape.dim[3];
  for (int64_t i = (int64_t)from * n; i < (int64_t)to * n; i++)
    put(j->out, i, find_peak(j->w, j->x, j->f, i / n, i % n).value);
}

static ht_status forward(ht_call *c) {
  ht_window w;
  HT_TRY(geometry_of(c, &w));
  int64_t n = c->in[0]->shape.dim[3];
  ht_shape s = shape_of(&w, c->in[0]);
  HT_TRY(ht_out_zeros(c, 0, c->in[0]->dtype, &s));
  job j = {&w, c->in[0], c->in[1], &c->out[0]};
  ht_parallel((size_t)(w.batch * w.out[1] * w.out[2]),
              ht_grain((double)(w.size[1] * w.size[2] * n)), dilate, &j);
  return HT_SUCCESS;
}

/* ---- gradients: all of it goes to the peak */

static void to_peaks(const ht_window *w, const ht_tensor *x, const ht_tensor *f,
                     const ht_tensor *d, bool filter, ht_tensor *g) {
  int64_t n = x->shape.dim[3];
  for (int64_t i = 0; i < ht_count(d); i++) {
    peak p = find_peak(w, x, f, i / n, i % n);
    int64_t at = filter ? p.f : p.x;
    if (ht_dtype_integer(d->dtype))
      HT_DATA(uint64_t, g)[at] += HT_DATA(uint64_t, d)[i];
    else
      put(g, at, (long double)ht_real_at(d, i));
  }
}

static ht_status back_forward(ht_call *c, bool filter) {
  ht_window w;
  HT_TRY(geometry_of(c, &w));
  ht_shape s = shape_of(&w, c->in[0]);
  if (!ht_shape_equal(&s, &c->in[2]->shape))
    return ht_fail(HT_USAGE, "op '%s': the gradient has another shape",
                   c->op->name);
  HT_TRY(ht_out_zeros(c, 0, c->in[2]->dtype, &c->in[filter]->shape));
  to_peaks(&w, c->in[0], c->in[1], c->in[2], filter, &c->out[0]);
  return HT_SUCCESS;
}

static ht_status input_forward(ht_call *c) { return back_forward(c, false); }
static ht_status filter_forward(ht_call *c) { return back_forward(c, true); }

static ht_status gradient(ht_back *b) {
  ht_window w;
  const ht_tensor *d = &b->dout[0].dense;
  place at = {b->op->name, b->attrs, &b->in[0], &b->in[1]};
  if (!d->dtype) return HT_SUCCESS;
  HT_TRY(geometry(&at, &w));
  for (int i = 0; i < 2; i++) {
    ht_tensor g;
    if (!ht_wants(b, i)) continue;
    HT_TRY(ht_back_zeros(b, d->dtype, &b->in[i].shape, &g));
    to_peaks(&w, &b->in[0], &b->in[1], d, i == 1, &g);
    HT_TRY(ht_give(b, i, &g));
  }
  return HT_SUCCESS;
}

#define ATTRS "T:type strides:list(int) rates:list(int) padding:string"
#define SAME " strides=[1,1,1,1] rates=[1,1,1,1] padding='SAME'"
#define VALID " strides=[1,2,1,1] rates=[1,1,2,1] padding='VALID'"
#define UNEVEN " strides=[1,2,3,1] rates=[1,2,1,1] padding='SAME'"

#define BACK(of, gives, what, run)                                    \
  {                                                                   \
    .name = "Dilation2DBackprop" of,                                  \
    .inputs = "input:T filter:T out_backprop:T", .outputs = gives,    \
    .attrs = ATTRS,                                                   \
    .doc = "The gradient of Dilation2D with regard to its " what ".", \
    .samples = "f[2,4,5,3] f[3,2,3] f[2,4,5,3]" SAME                  \
               "; d[1,6,7,2] d[2,3,2] d[1,3,3,2]" VALID               \
               "; y[2,4,5,3] y[3,2,3] y[2,4,5,3]" SAME,               \
    .forward = run, .gradient = ht_no_gradient,                       \
    .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,                        \
  }

const ht_op ht_ops_dilation[] = {
    {
        .name = "Dilation2D",
        .inputs = "input:T filter:T",
        .outputs = "output:T",
        .attrs = ATTRS,
        .doc = "The largest sum of pixel and weight under a filter.",
        .samples = "f[2,4,5,3] f[3,2,3]" SAME "; d[1,6,7,2] d[2,3,2]" VALID
                   "; d[2,5,6,1] d[3,3,1]" UNEVEN "; f[1,5,5,1] f[1,1,1]" SAME
                   "; f[1,3,3,1]{1,1,1,1,1,1,1,1,1} f[2,2,1]{0,0,0,0}" SAME
                   "; h[1,4,4,2] h[2,2,2]" SAME "; i[1,4,4,2] i[2,2,2]" SAME
                   "; y[1,4,4,2] y[2,2,2]" SAME "; y[1,3,3,1]{0,0,0,0,"
                   "18446744073709551615,0,0,0,0} y[2,2,1]" VALID
                   "; f[0,4,4,1] f[2,2,1]" SAME
                   "; f[1,2,2,1]{nan,1,inf,-inf} f[1,2,1]" SAME " !grad=0",
        .forward = forward,
        .gradient = gradient,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_DOUBLE,
    },
    BACK("Input", "in_backprop:T", "image", input_forward),
    BACK("Filter", "filter_backprop:T", "filter", filter_forward),
    {0},
};
