/*
 * op_fractional.c - pooling over regions of two sizes, whose order is drawn
 * (Graham, "Fractional Max-Pooling", 2014), number for number as TensorFlow
 * draws it (core/kernels/fractional_pool_common.cc).
 */
#ifndef REAL
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/parallel.h"
#include "kernels/random.h"
#include "kernels/real.h"
#include "ops/generator.h"

/* Region i of an axis begins at start[i] and ends before start[i + 1]; or with
 * it, where they overlap. */
typedef struct axis {
  const int64_t *start;
  int64_t in, out;
} axis;

typedef struct regions {
  axis y, x;
  int64_t batch, channels;
  bool overlap, mean;
} regions;

static int64_t end_of(const regions *r, const axis *a, int64_t i) {
  int64_t end = a->start[i + 1] + r->overlap;
  return end < a->in ? end : a->in;
}

typedef struct job {
  const regions *r;
  const void *x, *d;
  void *y;
} job;

#define REAL float
#define NAME(x) x##_f
#define LEAST -FLT_MAX
#define SUM(a, b) ((a) + (b))
#include "ops/op_fractional.c"
#undef REAL
#undef NAME
#undef LEAST
#define REAL double
#define NAME(x) x##_d
#define LEAST -DBL_MAX
#include "ops/op_fractional.c"
#undef REAL
#undef NAME
#undef LEAST
#undef SUM
#define REAL int64_t
#define NAME(x) x##_l
#define LEAST INT64_MIN
#define SUM(a, b) (int64_t)((uint64_t)(a) + (uint64_t)(b)) /* wraps */
#include "ops/op_fractional.c"

#define PICK(name, t) \
  ((t) == HT_FLOAT ? name##_f : (t) == HT_DOUBLE ? name##_d : name##_l)

static void run(const regions *r, ht_dtype t, bool back, job *j) {
  double each = (double)(r->y.in * r->x.in * r->channels);
  ht_range_fn *up = r->mean ? PICK(mean, t) : PICK(greatest, t);
  ht_range_fn *down = r->mean ? PICK(spread, t) : PICK(to_greatest, t);
  ht_parallel((size_t)r->batch, ht_grain(each), back ? down : up, j);
}

/* ---- where regions begin */

static void pseudo_random(ht_philox g, axis *a, int64_t *start) {
  ht_single s = {.g = g, .used = 4};
  double alpha = (double)a->in / (double)a->out;
  double k = (double)(a->in / a->out);
  double most = fmin((k + 2) / alpha - 1,
                     ((double)a->in + 1 - k) / alpha - ((double)a->out - 1));
  uint32_t high = ht_single_next(&s), low = ht_single_next(&s);
  double u = ht_uniform_double(high, low) * most;
  for (int64_t i = 1; i < a->out; i++)
    start[i] = (int64_t)ceil(alpha * ((double)i + u)) - 1;
}

/* The greater sizes come first and are shuffled. */
static void truly_random(ht_philox g, axis *a, int64_t *start) {
  ht_single s = {.g = g, .used = 4};
  int64_t *size = start + 1;
  for (int64_t i = 0; i < a->out; i++)
    size[i] = a->in / a->out + (i < a->in % a->out);
  for (int64_t i = 0; i + 1 < a->out; i++) {
    int64_t j = i + ht_single_next(&s) % (uint32_t)(a->out - i), t = size[i];
    size[i] = size[j];
    size[j] = t;
  }
  for (int64_t i = 1; i <= a->out; i++) start[i] += start[i - 1];
}

static ht_status draw(ht_call *c, int k, ht_philox g, axis *a) {
  ht_shape s = ht_shape_1(a->out + 1);
  HT_TRY(ht_out_zeros(c, k, HT_INT64, &s));
  int64_t *start = ht_i64(&c->out[k]);
  if (ht_attr_bool(c->attrs, "pseudo_random"))
    pseudo_random(g, a, start);
  else
    truly_random(g, a, start);
  start[a->out] = a->in;
  a->start = start;
  return HT_SUCCESS;
}

/* With `deterministic` the same regions in every call, by the seeds or, where
 * both are 0, the run's. */
static ht_status generator_of(ht_call *c, ht_philox *g) {
  uint64_t seed = (uint64_t)ht_attr_int(c->attrs, "seed");
  uint64_t seed2 = (uint64_t)ht_attr_int(c->attrs, "seed2");
  if (!ht_attr_bool(c->attrs, "deterministic")) {
    if (seed || seed2)
      return ht_fail(HT_USAGE, "op '%s' has seeds but is not deterministic",
                     c->op->name);
    *g = ht_generator_of_node(c, 0);
  } else if (seed || seed2) {
    *g = ht_philox_make(seed, seed2);
  } else {
    *g = ht_philox_make(c->run->seed, ht_hash(c->node, strlen(c->node)));
  }
  return HT_SUCCESS;
}

/* Both sequences from one generator. */
static ht_status draw_both(ht_call *c, regions *r) {
  ht_philox g;
  bool pseudo = ht_attr_bool(c->attrs, "pseudo_random");
  HT_TRY(generator_of(c, &g));
  HT_TRY(draw(c, 1, g, &r->y));
  ht_philox_skip(&g, pseudo ? 1 : (uint64_t)(r->y.out + 3) / 4);
  return draw(c, 2, g, &r->x);
}

/* ---- forward */

static ht_status need_type(const ht_call *c, int i) {
  ht_dtype t = c->in[i]->dtype;
  HT_TRY(ht_need_rank(c, i, 4));
  return t == HT_FLOAT || t == HT_DOUBLE || t == HT_INT64 ? HT_SUCCESS
                                                          : ht_no_dtype(c, t);
}

static ht_status out_shape(const ht_call *c, ht_shape *s) {
  const ht_attr *a = ht_attr_find(c->attrs, "pooling_ratio");
  if (!a || a->n != 4)
    return ht_fail(HT_USAGE, "op '%s' wants a pooling_ratio of 4 numbers",
                   c->op->name);
  for (int i = 0; i < 4; i++) {
    float ratio = (float)a->value[i].f;
    float out = floorf((float)s->dim[i] / ratio);
    bool fits = i == 0 || i == 3
                    ? ratio == 1
                    : ratio >= 1 && out >= 1 && s->dim[i] < 1 << 30;
    if (!fits)
      return ht_fail(HT_USAGE,
                     "op '%s' pools rows and columns by ratios of 1 or more "
                     "that leave some of them",
                     c->op->name);
    if (i == 1 || i == 2) s->dim[i] = (int64_t)out;
  }
  return HT_SUCCESS;
}

static ht_status pool(ht_call *c, bool mean) {
  HT_TRY(need_type(c, 0));
  const ht_shape *x = &c->in[0]->shape;
  ht_shape s = *x;
  HT_TRY(out_shape(c, &s));
  regions r = {.y = {NULL, x->dim[1], s.dim[1]},
               .x = {NULL, x->dim[2], s.dim[2]},
               .batch = x->dim[0],
               .channels = x->dim[3],
               .overlap = ht_attr_bool(c->attrs, "overlapping"),
               .mean = mean};
  HT_TRY(draw_both(c, &r));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  job j = {.r = &r, .x = c->in[0]->data, .y = c->out[0].data};
  run(&r, c->in[0]->dtype, false, &j);
  return HT_SUCCESS;
}

static ht_status max_forward(ht_call *c) { return pool(c, false); }
static ht_status mean_forward(ht_call *c) { return pool(c, true); }

/* ---- backward */

static ht_status axis_from(const ht_tensor *start, int64_t in, int64_t out,
                           axis *a) {
  *a = (axis){ht_i64(start), in, out};
  bool fits = start->dtype == HT_INT64 && start->shape.rank == 1 &&
              ht_count(start) == out + 1 && in > 0;
  for (int64_t i = 0; i < out && fits; i++)
    fits =
        a->start[i] >= 0 && a->start[i] < in && a->start[i] < a->start[i + 1];
  if (fits && (out == 0 || a->start[out] <= in)) return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "a pooling sequence does not ascend within its axis");
}

/* dx of shape `in` and type t, of d; x where the greatest is looked for. */
static ht_status back(ht_run *u, const ht_attrs *attrs, const ht_tensor *x,
                      const ht_shape *in, const ht_tensor *d,
                      const ht_tensor *rows, const ht_tensor *columns,
                      ht_tensor *dx) {
  const ht_shape *out = &d->shape;
  regions r = {.batch = in->dim[0],
               .channels = in->dim[3],
               .overlap = ht_attr_bool(attrs, "overlapping"),
               .mean = !x};
  if (in->rank != 4 || out->rank != 4 || in->dim[0] != out->dim[0] ||
      in->dim[3] != out->dim[3])
    return ht_fail(HT_USAGE, "gradient and images do not agree");
  HT_TRY(axis_from(rows, in->dim[1], out->dim[1], &r.y));
  HT_TRY(axis_from(columns, in->dim[2], out->dim[2], &r.x));
  HT_TRY(ht_tensor_zeros(u->pool, x ? d->dtype : HT_DOUBLE, in, dx));
  job j = {.r = &r, .x = x ? x->data : NULL, .d = d->data, .y = dx->data};
  run(&r, d->dtype, true, &j);
  return ht_round_to(u->pool, d->dtype, dx);
}

static ht_status give(ht_back *b, bool mean) {
  ht_tensor g = {0};
  const ht_tensor *d = &b->dout[0].dense, *x = &b->in[0];
  if (!d->dtype || !ht_wants(b, 0)) return HT_SUCCESS;
  ht_status st = back(b->run, b->attrs, mean ? NULL : x, &x->shape, d,
                      &b->out[1], &b->out[2], &g);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status max_gradient(ht_back *b) { return give(b, false); }
static ht_status mean_gradient(ht_back *b) { return give(b, true); }

static ht_status max_grad_forward(ht_call *c) {
  HT_TRY(need_type(c, 0));
  HT_TRY(need_type(c, 2));
  HT_TRY(ht_need_dtype(c, 2, c->in[0]->dtype));
  HT_TRY(ht_need_same_shape(c, 1, 2));
  return back(c->run, c->attrs, c->in[0], &c->in[0]->shape, c->in[2], c->in[3],
              c->in[4], &c->out[0]);
}

static ht_status mean_grad_forward(ht_call *c) {
  ht_shape in;
  HT_TRY(need_type(c, 1));
  HT_TRY(ht_shape_from(c->in[0], false, &in));
  return back(c->run, c->attrs, NULL, &in, c->in[1], c->in[2], c->in[3],
              &c->out[0]);
}

/* TensorFlow refuses the gradient of a small image whose sequences together
 * have more entries than it has pixels: !grad=0. */
#define POOL(name_, doc_, forward_, gradient_, kept)                         \
  {                                                                          \
    .name = name_, .inputs = "value:T",                                      \
    .outputs =                                                               \
        "output:T row_pooling_sequence:int64 col_pooling_sequence:int64",    \
    .attrs =                                                                 \
        "pooling_ratio:list(float) pseudo_random:bool=false "                \
        "overlapping:bool=false deterministic:bool=false seed:int=0 "        \
        "seed2:int=0 T:type",                                                \
    .doc = doc_,                                                             \
    .samples =                                                               \
        "f[2,7,9,3]" RATIO " seed=3 seed2=4; f[2,7,9,3]" RATIO               \
        " overlapping=true seed=5; f[1,10,13,2]" RATIO                       \
        " pseudo_random=true seed=1 seed2=7; d[2,23,12,1]" OTHER             \
        " pseudo_random=true overlapping=true seed=9; d[1,6,8,2]" WHOLE      \
        " seed=2; i[1,5,7,2](-9,9)" RATIO " seed=8; l[1,5,7,2](-9,9)" RATIO  \
        " seed=8 seed2=1; f[1,2,3,1]" WHOLE_1                                \
        " seed=1 !grad=0; f[1,60,41,1]" RATIO " seed=77 seed2=-5",           \
    .prepare = ht_generator_prepare, .unprepare = free, .forward = forward_, \
    .gradient = gradient_, .keep = (kept) | HT_KEEP_OUT(1) | HT_KEEP_OUT(2), \
    .flags = HT_OP_STATEFUL | HT_OP_RANDOM | HT_OP_IN_DOUBLE                 \
  }
#define FIXED(ratio) " deterministic=true pooling_ratio=" ratio
#define RATIO FIXED("[1.0,1.44,1.73,1.0]")
#define OTHER FIXED("[1.0,2.3,1.2,1.0]")
#define WHOLE FIXED("[1.0,2.0,1.0,1.0]")
#define WHOLE_1 FIXED("[1.0,1.0,1.0,1.0]")
#define STARTS " l[3]{0,2,3} l[4]{0,1,3,5}"

const ht_op ht_ops_fractional[] = {
    POOL("FractionalMaxPool", "The greatest of regions of drawn sizes.",
         max_forward, max_gradient, HT_KEEP_IN(0)),
    POOL("FractionalAvgPool", "The mean of regions of drawn sizes.",
         mean_forward, mean_gradient, 0),
    {
        .name = "FractionalMaxPoolGrad",
        .inputs = "orig_input:T orig_output:T out_backprop:T "
                  "row_pooling_sequence:int64 col_pooling_sequence:int64",
        .outputs = "output:T",
        .attrs = "overlapping:bool=false T:type",
        .doc = "The gradient of FractionalMaxPool.",
        .samples =
            "f[1,3,5,1]{1,2,3,4,5,6,7,8,9,1,2,3,4,5,6} f[1,2,3,1]"
            "{6,8,9,2,4,6} f[1,2,3,1]" STARTS "; d[1,3,5,1]{1,2,3,4,5,6,"
            "7,8,9,1,2,3,4,5,6} d[1,2,3,1]{7,9,9,3,5,6} d[1,2,3,1]" STARTS
            " overlapping=true; l[1,3,5,1]{1,2,3,4,5,6,7,8,9,1,2,3,4,5,6}"
            " l[1,2,3,1]{6,8,9,2,4,6} l[1,2,3,1]" STARTS,
        .forward = max_grad_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_IN_DOUBLE,
    },
    {
        .name = "FractionalAvgPoolGrad",
        .inputs = "orig_input_tensor_shape:int64 out_backprop:T "
                  "row_pooling_sequence:int64 col_pooling_sequence:int64",
        .outputs = "output:T",
        .attrs = "overlapping:bool=false T:type",
        .doc = "The gradient of FractionalAvgPool.",
        .samples = "l[4]{2,3,5,2} f[2,2,3,2]" STARTS "; l[4]{1,3,5,1} "
                   "d[1,2,3,1]" STARTS " overlapping=true; l[4]{1,3,5,1} "
                   "l[1,2,3,1](-99,99)" STARTS,
        .forward = mean_grad_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_IN_DOUBLE,
    },
    {0},
};

#else /* the loops of one type: images from .. to - 1 */

#define EACH_REGION(r)                                  \
  for (int64_t b = (int64_t)from; b < (int64_t)to; b++) \
    for (int64_t i = 0; i < (r)->y.out; i++)            \
      for (int64_t k = 0; k < (r)->x.out; k++)
#define EACH_PIXEL(r)                                               \
  for (int64_t h = (r)->y.start[i]; h < end_of(r, &(r)->y, i); h++) \
    for (int64_t w = (r)->x.start[k]; w < end_of(r, &(r)->x, k); w++)
/* Where a region's and a pixel's channels stand. */
#define REGION(r) (((b * (r)->y.out + i) * (r)->x.out + k) * (r)->channels)
#define PIXEL(r) (((b * (r)->y.in + h) * (r)->x.in + w) * (r)->channels)

static void NAME(greatest)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const regions *r = j->r;
  EACH_REGION(r) {
    REAL *y = (REAL *)j->y + REGION(r);
    for (int64_t c = 0; c < r->channels; c++) y[c] = LEAST;
    EACH_PIXEL(r) {
      const REAL *x = (const REAL *)j->x + PIXEL(r);
      for (int64_t c = 0; c < r->channels; c++)
        y[c] = y[c] < x[c] ? x[c] : y[c];
    }
  }
}

static void NAME(mean)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const regions *r = j->r;
  EACH_REGION(r) {
    REAL *y = (REAL *)j->y + REGION(r), n = 0;
    memset(y, 0, (size_t)r->channels * sizeof *y);
    EACH_PIXEL(r) {
      const REAL *x = (const REAL *)j->x + PIXEL(r);
      for (int64_t c = 0; c < r->channels; c++) y[c] = SUM(y[c], x[c]);
      n++;
    }
    for (int64_t c = 0; c < r->channels; c++) y[c] /= n;
  }
}

static void NAME(to_greatest)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const regions *r = j->r;
  const REAL *x = j->x, *d = j->d;
  REAL *dx = j->y;
  EACH_REGION(r) for (int64_t c = 0; c < r->channels; c++) {
    int64_t at = -1;
    EACH_PIXEL(r) if (at < 0 || x[at] < x[PIXEL(r) + c]) at = PIXEL(r) + c;
    if (at >= 0) dx[at] = SUM(dx[at], d[REGION(r) + c]);
  }
}

static void NAME(spread)(size_t from, size_t to, void *arg) {
  const job *j = arg;
  const regions *r = j->r;
  EACH_REGION(r) {
    const REAL *d = (const REAL *)j->d + REGION(r);
    int64_t high = end_of(r, &r->y, i) - r->y.start[i];
    double n = (double)(high * (end_of(r, &r->x, k) - r->x.start[k]));
    EACH_PIXEL(r) {
      double *dx = (double *)j->y + PIXEL(r);
      for (int64_t c = 0; c < r->channels; c++) dx[c] += (double)d[c] / n;
    }
  }
}

#undef EACH_REGION
#undef EACH_PIXEL
#undef REGION
#undef PIXEL
#endif
