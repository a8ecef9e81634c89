/* op_norm.c - batch normalisation and local response normalisation. */
#include <math.h>
#include <string.h>

#include "ops/fused.h"
#include "ops/window.h"

ht_channels ht_norm_channels(const ht_attrs *attrs, const ht_shape *s) {
  bool first = ht_layout_from(attrs, 2).channels_first;
  int axis = first ? 1 : s->rank - 1;
  ht_channels c = {1, s->dim[axis], 1};
  for (int i = 0; i < axis; i++) c.outer *= s->dim[i];
  for (int i = axis + 1; i < s->rank; i++) c.inner *= s->dim[i];
  return c;
}

ht_status ht_norm_need(const ht_call *c, int64_t channels) {
  for (int i = 0; i < 6; i++) HT_TRY(ht_need_dtype(c, i, HT_FLOAT));
  for (int i = 1; i < 5; i++)
    if (c->in[i]->shape.rank != 1 || c->in[i]->shape.dim[0] != channels)
      return ht_fail(HT_USAGE, "scale and offset do not fit the channels");
  return HT_SUCCESS;
}

static ht_status check(const ht_call *c, bool training, double factor) {
  const ht_tensor *x = c->in[0];
  if (x->dtype != HT_FLOAT) return ht_no_dtype(c, x->dtype);
  if (x->shape.rank != 4 && x->shape.rank != 5)
    return ht_fail(HT_USAGE, "op '%s' wants data of rank 4 or 5", c->op->name);
  int64_t n = ht_norm_channels(c->attrs, &x->shape).channels;
  for (int i = 1; i < 5; i++) {
    HT_TRY(ht_need_dtype(c, i, HT_FLOAT));
    HT_TRY(ht_need_rank(c, i, 1));
    bool unused = i >= 3 && training && factor == 1;
    if (!unused && c->in[i]->shape.dim[0] != n)
      return ht_fail(HT_USAGE, "op '%s' has %lld channels but %lld values",
                     c->op->name, (long long)n,
                     (long long)c->in[i]->shape.dim[0]);
  }
  return HT_SUCCESS;
}

/* Mean and variance of the batch into outputs 3 and 4; a batch without
 * elements has none: NaN. */
static ht_status measure(ht_call *c, const ht_channels *s) {
  ht_shape shape = ht_shape_2(2, s->channels);
  ht_tensor both;
  HT_TRY(ht_tensor_new(c->run->pool, HT_DOUBLE, &shape, &both));
  double *mean = both.data, *variance = mean + s->channels;
  ht_status st =
      ht_channel_moments(c->run->pool, s, ht_f(c->in[0]), mean, variance);
  for (int64_t i = 0; st.code == HT_OK && i < s->channels; i++) {
    ht_f(&c->out[3])[i] = (float)mean[i];
    ht_f(&c->out[4])[i] = (float)variance[i];
  }
  ht_tensor_drop(&both);
  return st;
}

/* Outputs 1 and 2: what the moving averages become, with Bessel's correction
 * of the variance. */
static void average(ht_call *c, const ht_channels *s, double factor) {
  double n = (double)s->outer * (double)s->inner;
  float bessel = (float)(n / (n > 1 ? n - 1 : 1)), f = (float)factor;
  for (int64_t i = 0; i < s->channels; i++) {
    float mean = ht_f(&c->out[3])[i], variance = ht_f(&c->out[4])[i] * bessel;
    if (factor != 1) {
      mean = (1 - f) * ht_f(c->in[3])[i] + f * mean;
      variance = (1 - f) * ht_f(c->in[4])[i] + f * variance;
    }
    ht_f(&c->out[1])[i] = mean;
    ht_f(&c->out[2])[i] = variance;
  }
}

static ht_status outputs(ht_call *c, const ht_channels *s) {
  ht_shape n = ht_shape_1(s->channels), scalar = HT_SCALAR;
  for (int i = 1; i < 5; i++) HT_TRY(ht_out(c, i, HT_FLOAT, &n));
  return c->n_out > 5 ? ht_out_zeros(c, 5, HT_FLOAT, &scalar) : HT_SUCCESS;
}

static void pass_on(ht_call *c, int64_t channels) {
  for (int i = 1; i < 5; i++)
    if (channels)
      memcpy(c->out[i].data, c->in[i % 2 ? 3 : 4]->data,
             (size_t)channels * sizeof(float));
}

static ht_activation activation_behind(const ht_op *op);

ht_status ht_norm_factors(ht_pool *pool, const ht_attrs *attrs,
                          const ht_tensor *scale, const ht_tensor *variance,
                          ht_tensor *a) {
  float epsilon = (float)ht_attr_float(attrs, "epsilon");
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &scale->shape, a));
  for (int64_t i = 0; i < ht_count(scale); i++)
    ht_f(a)[i] = ht_f(scale)[i] / sqrtf(ht_f(variance)[i] + epsilon);
  return HT_SUCCESS;
}

/* Outputs 1 to 5. */
static ht_status statistics(ht_call *c, const ht_channels *s) {
  bool training = ht_attr_bool(c->attrs, "is_training");
  double factor = ht_attr_float(c->attrs, "exponential_avg_factor");
  HT_TRY(check(c, training, factor));
  HT_TRY(outputs(c, s));
  if (!training) {
    pass_on(c, s->channels);
    return HT_SUCCESS;
  }
  HT_TRY(measure(c, s));
  average(c, s, factor);
  return HT_SUCCESS;
}

static ht_status statistics_forward(ht_call *c) {
  ht_channels s = ht_norm_channels(c->attrs, &c->in[0]->shape);
  return statistics(c, &s);
}

static ht_status norm_forward(ht_call *c) {
  ht_tensor a;
  ht_channels s = ht_norm_channels(c->attrs, &c->in[0]->shape);
  HT_TRY(statistics(c, &s));
  HT_TRY(ht_out_like(c, 0, 0));
  HT_TRY(ht_norm_factors(c->run->pool, c->attrs, c->in[1], &c->out[4], &a));
  ht_scaling by = {ht_f(&c->out[3]), ht_f(&a), ht_f(c->in[2]),
                   activation_behind(c->op)};
  ht_channel_scale(&s, &by, ht_f(c->in[0]), ht_f(&c->out[0]));
  ht_tensor_drop(&a);
  return HT_SUCCESS;
}

/* Output 0 once more, from what the gradient's rule keeps anyway. */
static ht_status norm_remake(ht_back *b, ht_tensor *y) {
  ht_channels s = ht_norm_channels(b->attrs, &b->in[0].shape);
  ht_tensor a;
  HT_TRY(ht_norm_factors(b->run->pool, b->attrs, &b->in[1], &b->out[4], &a));
  ht_status st = ht_back_new(b, HT_FLOAT, &b->in[0].shape, y);
  ht_scaling by = {ht_f(&b->out[3]), ht_f(&a), ht_f(&b->in[2]),
                   activation_behind(b->op)};
  if (st.code == HT_OK) ht_channel_scale(&s, &by, ht_f(&b->in[0]), ht_f(y));
  ht_tensor_drop(&a);
  return st;
}

/* ---- backward */

/* The factors c0 and c1 of ht_channel_back: with batch statistics,
 * dx = scale r (d - mean(d) - (x - m) r^2 mean(d (x - m))). */
static void factors(const ht_back *b, const ht_norm_slopes *p, float *c0) {
  int64_t n = p->s.channels;
  double count = (double)p->s.outer * (double)p->s.inner;
  float *c1 = c0 + n;
  for (int64_t i = 0; i < n; i++) {
    double r = 1 / sqrt((double)p->variance[i] + p->epsilon);
    double scale = (double)ht_f(&b->in[1])[i] * r;
    c0[i] = p->training ? (float)(p->sums[i] / count) : 0;
    c1[i] = p->training ? (float)(-scale * r * r * p->sums[n + i] / count) : 0;
  }
}

static ht_status give_data(ht_back *b, const ht_norm_slopes *p, const float *d,
                           ht_tensor *dx) {
  ht_shape two = ht_shape_2(2, p->s.channels);
  ht_tensor rows;
  ht_status st = ht_tensor_new(b->run->pool, HT_FLOAT, &two, &rows);
  if (st.code != HT_OK) {
    ht_tensor_drop(dx);
    return st;
  }
  const float *c0 = ht_f(&rows);
  factors(b, p, ht_f(&rows));
  ht_channel_back(&p->s, &p->by, c0, c0 + p->s.channels, ht_f(&b->in[0]), d,
                  ht_f(dx));
  ht_tensor_drop(&rows);
  return ht_give(b, 0, dx);
}

static ht_status give_channels(ht_back *b, const ht_norm_slopes *p, int i) {
  int64_t n = p->s.channels;
  ht_tensor g;
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[i].shape, &g));
  for (int64_t c = 0; c < n; c++) {
    double r = i == 1 ? 1 / sqrt((double)p->variance[c] + p->epsilon) : 1;
    ht_f(&g)[c] = (float)(r * (i == 1 ? p->sums[n + c] : p->sums[c]));
  }
  return ht_give(b, i, &g);
}

ht_status ht_norm_give(ht_back *b, const ht_norm_slopes *p, const float *d,
                       ht_tensor *dx) {
  if (ht_wants(b, 0))
    HT_TRY(give_data(b, p, d, dx));
  else
    ht_tensor_drop(dx);
  for (int i = 1; i < 3; i++)
    if (ht_wants(b, i)) HT_TRY(give_channels(b, p, i));
  return HT_SUCCESS;
}

static ht_status give_all(ht_back *b, ht_norm_slopes *p, const ht_tensor *a,
                          ht_tensor *sums) {
  const float *d = ht_f(&b->dout[0].dense);
  ht_tensor dx = {0};
  p->by.a = ht_f(a);
  p->sums = sums->data;
  if (p->training || ht_wants(b, 1) || ht_wants(b, 2))
    HT_TRY(ht_channel_slopes(b->run->pool, &p->s, &p->by, ht_f(&b->in[0]), d,
                             sums->data));
  if (ht_wants(b, 0)) HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[0].shape, &dx));
  return ht_norm_give(b, p, d, &dx);
}

/* Mean and variance carry no gradient, neither in nor out. */
static ht_status norm_back(ht_back *b) {
  if (!b->dout[0].dense.dtype) return HT_SUCCESS;
  ht_norm_slopes p = {
      .s = ht_norm_channels(b->attrs, &b->in[0].shape),
      .by = {.mean = ht_f(&b->out[3]),
             .b = ht_f(&b->in[2]),
             .activation = activation_behind(b->op)},
      .variance = ht_f(&b->out[4]),
      .training = ht_attr_bool(b->attrs, "is_training"),
      .epsilon = (double)(float)ht_attr_float(b->attrs, "epsilon")};
  ht_shape two = ht_shape_2(2, p.s.channels);
  ht_tensor a = {0}, sums = {0};
  ht_status st = ht_tensor_new(b->run->pool, HT_DOUBLE, &two, &sums);
  if (st.code == HT_OK)
    st = ht_norm_factors(b->run->pool, b->attrs, &b->in[1], &b->out[4], &a);
  if (st.code == HT_OK) st = give_all(b, &p, &a, &sums);
  ht_tensor_drop(&a);
  ht_tensor_drop(&sums);
  return st;
}

/* ---- LRN: y = x / (bias + alpha sum of x^2 over near channels)^beta */

typedef struct lrn {
  int64_t radius, rows, channels;
  float bias, alpha, beta;
} lrn;

static lrn lrn_of(const ht_attrs *attrs, const ht_shape *s) {
  return (lrn){ht_attr_int(attrs, "depth_radius"),
               s->dim[0] * s->dim[1] * s->dim[2],
               s->dim[3],
               (float)ht_attr_float(attrs, "bias"),
               (float)ht_attr_float(attrs, "alpha"),
               (float)ht_attr_float(attrs, "beta")};
}

static void near(const lrn *p, int64_t c, int64_t *from, int64_t *to) {
  *from = c > p->radius ? c - p->radius : 0;
  *to = p->channels - c > p->radius ? c + p->radius + 1 : p->channels;
}

static float lrn_base(const lrn *p, const float *x, int64_t c) {
  int64_t from, to;
  float sum = 0;
  near(p, c, &from, &to);
  for (int64_t i = from; i < to; i++) sum += x[i] * x[i];
  return p->bias + p->alpha * sum;
}

static ht_status lrn_forward(ht_call *c) {
  HT_TRY(ht_need_rank(c, 0, 4));
  if (c->in[0]->dtype != HT_FLOAT) return ht_no_dtype(c, c->in[0]->dtype);
  lrn p = lrn_of(c->attrs, &c->in[0]->shape);
  if (p.radius < 0)
    return ht_fail(HT_USAGE, "depth_radius must not be negative");
  HT_TRY(ht_out_like(c, 0, 0));
  for (int64_t r = 0; r < p.rows; r++) {
    const float *x = ht_f(c->in[0]) + r * p.channels;
    float *y = ht_f(&c->out[0]) + r * p.channels;
    for (int64_t i = 0; i < p.channels; i++)
      y[i] = x[i] * powf(lrn_base(&p, x, i), -p.beta);
  }
  return HT_SUCCESS;
}

/* dx[i] = dy[i] / base^beta - 2 alpha beta x[i] sum of dy y / base nearby. */
static void lrn_back_row(const lrn *p, const float *x, const float *y,
                         const float *d, float *g) {
  memset(g, 0, (size_t)p->channels * sizeof *g);
  for (int64_t c = 0; c < p->channels; c++) {
    int64_t from, to;
    float base = lrn_base(p, x, c);
    float pull = -2 * p->alpha * p->beta * y[c] / base * d[c];
    near(p, c, &from, &to);
    for (int64_t i = from; i < to; i++) g[i] += pull * x[i];
    g[c] += d[c] * powf(base, -p->beta);
  }
}

static ht_status lrn_back(ht_back *b) {
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  lrn p = lrn_of(b->attrs, &b->in[0].shape);
  ht_tensor g;
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[0].shape, &g));
  for (int64_t r = 0; r < p.rows; r++) {
    int64_t at = r * p.channels;
    lrn_back_row(&p, ht_f(&b->in[0]) + at, ht_f(&b->out[0]) + at,
                 ht_f(&b->dout[0].dense) + at, ht_f(&g) + at);
  }
  return ht_give(b, 0, &g);
}

#define NORM_ATTRS                                        \
  " epsilon:float=0.0001 exponential_avg_factor:float=1 " \
  "data_format:string='NHWC' is_training:bool=true"
#define NORM_KEEP                                                   \
  (HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(2) | HT_KEEP_OUT(3) | \
   HT_KEEP_OUT(4))
/* TensorFlow leaves the reserves of inference as the memory was. */
#define NORM_SAMPLES                                                    \
  "f[2,3,4,5] f[5] f[5] f[0] f[0];"                                     \
  "f[2,3,4,5] f[5] f[5] f[5] f[5](0.5,2) is_training=false !outputs=3;" \
  "f[2,3,4,5] f[5] f[5] f[5] f[5](0.5,2) exponential_avg_factor=0.01 "  \
  "epsilon=0.001"

const ht_op ht_ops_norm[] = {
    {
        .name = "FusedBatchNorm",
        .inputs = "x:T scale:T offset:T mean:T variance:T",
        .outputs = "y:T batch_mean:T batch_variance:T reserve_space_1:T "
                   "reserve_space_2:T",
        .attrs = "T:type" NORM_ATTRS,
        .doc = "Batch normalisation, of the batch or by moving averages.",
        .samples = NORM_SAMPLES,
        .forward = norm_forward,
        .gradient = norm_back,
        .keep = NORM_KEEP,
        .remake = norm_remake,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "FusedBatchNormV2",
        .inputs = "x:T scale:U offset:U mean:U variance:U",
        .outputs = "y:T batch_mean:U batch_variance:U reserve_space_1:U "
                   "reserve_space_2:U",
        .attrs = "T:type U:type" NORM_ATTRS,
        .doc = "FusedBatchNorm with statistics of their own type.",
        .samples = NORM_SAMPLES,
        .forward = norm_forward,
        .gradient = norm_back,
        .keep = NORM_KEEP,
        .remake = norm_remake,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "FusedBatchNormV3",
        .inputs = "x:T scale:U offset:U mean:U variance:U",
        .outputs = "y:T batch_mean:U batch_variance:U reserve_space_1:U "
                   "reserve_space_2:U reserve_space_3:U",
        .attrs = "T:type U:type" NORM_ATTRS,
        .doc = "FusedBatchNormV2 with room for a back end's notes.",
        .samples = NORM_SAMPLES
        ";"
        "f[1,6,9,1] f[6] f[6] f[0] f[0] data_format='NCHW' "
        "epsilon=0.001;"
        "f[2,3,4,5] f[3] f[3] f[3] f[3](0.5,2) data_format='NCHW' "
        "is_training=false !outputs=3;"
        "f[2,3,2,5,70](5,7) f[70] f[70] f[0] f[0] "
        "data_format='NDHWC' !near=1e-4;"
        "f[1,1,1,3] f[3] f[3] f[0] f[0];"
        "f[7,19,8,6] f[6] f[6] f[0] f[0]",
        .forward = norm_forward,
        .gradient = norm_back,
        .keep = NORM_KEEP,
        .remake = norm_remake,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "LRN",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "depth_radius:int=5 bias:float=1 alpha:float=1 "
                 "beta:float=0.5 T:type=FLOAT",
        .doc = "Divides by the strength of neighbouring channels.",
        .samples = "f[1,2,2,7]; f[2,1,2,9] depth_radius=2 bias=2 alpha=0.3 "
                   "beta=0.75; f[1,1,1,1] depth_radius=0",
        .forward = lrn_forward,
        .gradient = lrn_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};

/* ---- with an activation behind, for plans */

#define NORM_WITH(suffix)                                                  \
  {                                                                        \
    .name = "FusedBatchNorm+" suffix,                                      \
    .inputs = "x:T scale:U offset:U mean:U variance:U",                    \
    .outputs =                                                             \
        "y:T batch_mean:U batch_variance:U reserve_space_1:U "             \
        "reserve_space_2:U reserve_space_3:U",                             \
    .attrs = "T:type U:type" NORM_ATTRS,                                   \
    .doc = "Batch normalisation and " suffix ".", .forward = norm_forward, \
    .gradient = norm_back, .keep = NORM_KEEP, .remake = norm_remake,       \
  }
static const ht_op with_relu = NORM_WITH("Relu"),
                   with_relu6 = NORM_WITH("Relu6");

const ht_op *ht_op_norm_with(ht_activation activation) {
  return activation == HT_RELU    ? &with_relu
         : activation == HT_RELU6 ? &with_relu6
                                  : NULL;
}

static ht_activation activation_behind(const ht_op *op) {
  return op == &with_relu ? HT_RELU : op == &with_relu6 ? HT_RELU6 : HT_LINEAR;
}

ht_activation ht_activation_of(const ht_op *op) {
  if (strcmp(op->name, "Relu") == 0) return HT_RELU;
  return strcmp(op->name, "Relu6") == 0 ? HT_RELU6 : HT_LINEAR;
}

const ht_op ht_op_norm_statistics = {
    .name = "FusedBatchNorm statistics",
    .inputs = "x:T scale:U offset:U mean:U variance:U",
    .outputs =
        "y:T batch_mean:U batch_variance:U reserve_space_1:U "
        "reserve_space_2:U reserve_space_3:U",
    .attrs = "T:type U:type" NORM_ATTRS,
    .doc = "What batch normalisation measures, without its result.",
    .forward = statistics_forward,
    .gradient = ht_no_gradient,
};
