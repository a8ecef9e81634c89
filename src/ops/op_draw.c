/*
 * op_draw.c - random numbers of distributions with parameters, and of
 * generators whose state is a variable.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/binary.h"
#include "kernels/draw.h"
#include "kernels/random.h"
#include "kernels/special.h"
#include "ops/elementwise.h"
#include "ops/generator.h"
#include "ops/sparse.h"

enum { RESERVED = 256 }; /* blocks kept for each number */

/* ---- a parameter's numbers, [samples, parameters], each from a place of its
 * own: those of a parameter follow each other */

typedef struct draws {
  ht_philox g;
  const ht_tensor *parameter, *odds; /* odds: of a binomial's trials, NULL */
  int64_t samples;
  bool gamma;
  ht_tensor *out;
} draws;

static void store(ht_tensor *t, int64_t i, double v) {
  switch (t->dtype) {
    case HT_FLOAT: ht_f(t)[i] = (float)v; break;
    case HT_DOUBLE: HT_DATA(double, t)[i] = v; break;
    case HT_HALF: HT_DATA(uint16_t, t)[i] = ht_float_to_half((float)v); break;
    case HT_BFLOAT16:
      HT_DATA(uint16_t, t)[i] = ht_float_to_bfloat16((float)v);
      break;
    default: ht_set_int(t, i, (int64_t)v);
  }
}

static double rounded_to(ht_dtype t, double v) {
  return t == HT_DOUBLE ? v
         : t == HT_HALF ? ht_half_to_float(ht_float_to_half((float)v))
                        : (float)v;
}

/* The k-th number: successes, or failures of what succeeds more often. */
static double draw_binomial(const draws *d, int64_t i, uint64_t k) {
  double n = ht_real_at(d->parameter, i), p = ht_real_at(d->odds, i);
  ht_dtype t = d->parameter->dtype;
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (isnan(p)) return NAN;
  double least = p <= 0.5 ? p : rounded_to(t, 1 - p);
  double found =
      ht_draw_binomial(d->g, k, n, least, rounded_to(t, n * least) >= 10);
  return p <= 0.5 ? found : n - found;
}

static double draw_one(const draws *d, int64_t i, uint64_t k) {
  double v = ht_real_at(d->parameter, i);
  ht_philox g = d->g;
  if (d->odds) return draw_binomial(d, i, k);
  ht_philox_skip(&g, k * RESERVED);
  return d->gamma ? ht_draw_gamma(g, v) : ht_draw_poisson(g, v);
}

static void draw_range(size_t from, size_t to, void *arg) {
  const draws *d = arg;
  int64_t n = ht_count(d->parameter);
  for (size_t k = from; k < to; k++) {
    int64_t p = (int64_t)k / d->samples, sample = (int64_t)k % d->samples;
    store(d->out, sample * n + p, draw_one(d, p, k));
  }
}

static ht_status run_draws(ht_call *c, draws *d) {
  int64_t n = ht_count(d->parameter);
  d->out = &c->out[0];
  if (!ht_count(d->out)) return HT_SUCCESS;
  if (!n || ht_count(d->out) % n)
    return ht_fail(HT_USAGE, "op '%s': shape and parameters do not agree",
                   c->op->name);
  d->samples = ht_count(d->out) / n;
  if (!d->gamma && !d->odds && !ht_dtype_floating(d->out->dtype))
    for (int64_t i = 0; i < n; i++)
      if (!isfinite(ht_real_at(d->parameter, i)) ||
          ht_real_at(d->parameter, i) < 0)
        return ht_fail(HT_USAGE, "op '%s' wants rates of 0 or more",
                       c->op->name);
  ht_parallel((size_t)ht_count(d->out), 512, draw_range, d);
  return HT_SUCCESS;
}

static ht_status need_number(const ht_call *c, int i, bool integers) {
  ht_dtype t = c->in[i]->dtype;
  if (ht_dtype_floating(t) || (integers && (t == HT_INT32 || t == HT_INT64)))
    return HT_SUCCESS;
  return ht_no_dtype(c, t);
}

/* in: a shape of samples of each parameter, and parameters. */
static ht_status of_node(ht_call *c, bool gamma, ht_dtype t) {
  ht_shape s;
  HT_TRY(ht_shape_from(c->in[0], false, &s));
  HT_TRY(need_number(c, 1, !gamma));
  const ht_shape *p = &c->in[1]->shape;
  if (s.rank + p->rank > HT_MAX_RANK)
    return ht_fail(HT_USAGE, "op '%s': too many dimensions", c->op->name);
  for (int i = 0; i < p->rank; i++) s.dim[s.rank++] = p->dim[i];
  HT_TRY(ht_out(c, 0, t, &s));
  draws d = {.parameter = c->in[1], .gamma = gamma};
  d.g = ht_generator_of_node(c, (uint64_t)ht_count(&c->out[0]));
  return run_draws(c, &d);
}

/* A shape that is given in in[k], which ends in that of the parameters. */
static ht_status ending_shape(const ht_call *c, int k, const ht_shape *p,
                              ht_shape *s) {
  HT_TRY(ht_shape_from(c->in[k], false, s));
  bool ends = p->rank <= s->rank;
  for (int i = 0; i < p->rank && ends; i++)
    ends = p->dim[i] == s->dim[s->rank - p->rank + i];
  if (ends) return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "op '%s': the shape must end in that of the parameters",
                 c->op->name);
}

static ht_status of_generator(ht_call *c, bool gamma, ht_dtype t, int k,
                              ht_philox g) {
  ht_shape s;
  HT_TRY(need_number(c, k, !gamma));
  HT_TRY(ending_shape(c, 0, &c->in[k]->shape, &s));
  HT_TRY(ht_out(c, 0, t, &s));
  draws d = {.parameter = c->in[k], .gamma = gamma, .g = g};
  return run_draws(c, &d);
}

static ht_status gamma_forward(ht_call *c) {
  return of_node(c, true, c->in[1]->dtype);
}

static ht_status poisson_forward(ht_call *c) {
  return of_node(c, false, ht_attr_type(c->attrs, "dtype"));
}

static ht_status gamma_v2_forward(ht_call *c) {
  ht_philox g;
  HT_TRY(ht_generator_seeded(c, 1, &g));
  return of_generator(c, true, c->in[2]->dtype, 2, g);
}

static ht_status gamma_v3_forward(ht_call *c) {
  ht_philox g;
  HT_TRY(ht_generator_given(c, &g));
  return of_generator(c, true, c->in[4]->dtype, 4, g);
}

static ht_status seeded_poisson_forward(ht_call *c) {
  ht_philox g;
  HT_TRY(ht_generator_seeded(c, 1, &g));
  return of_generator(c, false, ht_attr_type(c->attrs, "dtype"), 2, g);
}

/* How a sample moves with alpha at a fixed probability. */
static ht_status give_alpha(ht_back *b, int i) {
  ht_tensor slope;
  const ht_tensor *in[] = {&b->in[i], &b->out[0]};
  if (!ht_wants(b, i)) return HT_SUCCESS;
  HT_TRY(ht_elementwise(b->run->pool, &ht_k_random_gamma_grad, 2, in, 0,
                        in[0]->dtype, &slope));
  const ht_tensor *x[] = {&b->dout[0].dense, &slope};
  ht_status st = ht_elementwise_give(b, i, &ht_k_mul, 2, x, 0);
  ht_tensor_drop(&slope);
  return st;
}

static ht_status gamma_back(ht_back *b) { return give_alpha(b, 1); }
static ht_status gamma_v2_back(ht_back *b) { return give_alpha(b, 2); }
static ht_status gamma_v3_back(ht_back *b) { return give_alpha(b, 4); }

/* ---- generators that are variables */

/* Takes what a shape of numbers needs from the variable in in[0]. */
static ht_status take(ht_call *c, const ht_shape *s, ht_philox *g) {
  ht_tensor old = {0};
  uint64_t n = 1;
  for (int i = 0; i < s->rank; i++) n *= (uint64_t)s->dim[i];
  ht_status st = ht_generator_skip(c, 0, n, &old);
  if (st.code == HT_OK) *g = ht_generator_from(&old);
  ht_tensor_drop(&old);
  return st;
}

static ht_status need_philox(const ht_call *c) {
  HT_TRY(ht_need_scalar(c, 1));
  if (ht_int_at(c->in[1], 0) == 1) return HT_SUCCESS;
  return ht_fail(HT_UNSUPPORTED, "random algorithm %lld: only Philox",
                 (long long)ht_int_at(c->in[1], 0));
}

static ht_status taken(ht_call *c, ht_distribution d, int64_t low,
                       int64_t high) {
  ht_shape s;
  ht_philox g;
  ht_dtype t = ht_attr_type(c->attrs, "dtype");
  HT_TRY(need_philox(c));
  HT_TRY(ht_shape_from(c->in[2], false, &s));
  HT_TRY(ht_out(c, 0, t, &s));
  HT_TRY(take(c, &s, &g));
  if (!ht_random_fill(g, d, low, high, &c->out[0])) return ht_no_dtype(c, t);
  return HT_SUCCESS;
}

#define TAKEN(name, d) \
  static ht_status name##_forward(ht_call *c) { return taken(c, d, 0, 1); }
TAKEN(uniform, HT_RANDOM_UNIFORM)
TAKEN(normal, HT_RANDOM_NORMAL)
TAKEN(truncated, HT_RANDOM_TRUNCATED)
TAKEN(full_int, HT_RANDOM_FULL_INT)

static ht_status int_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 3));
  HT_TRY(ht_need_scalar(c, 4));
  int64_t low = ht_int_at(c->in[3], 0), high = ht_int_at(c->in[4], 0);
  if (low >= high)
    return ht_fail(HT_USAGE, "op '%s' wants minval < maxval, found %lld, %lld",
                   c->op->name, (long long)low, (long long)high);
  return taken(c, HT_RANDOM_INT, low, high);
}

/* ---- binomial: in[k] trials and in[k+1] odds, broadcast */

static ht_status spread(ht_call *c, int k, const ht_shape *s, ht_tensor *out) {
  HT_TRY(ht_tensor_new(c->run->pool, c->in[k]->dtype, s, out));
  ht_broadcast_copy(c->in[k], out);
  return HT_SUCCESS;
}

/* The shapes of all parameters and, given in in[shape], of the result. */
static ht_status binomial_shapes(ht_call *c, int k, int shape, ht_shape *p,
                                 ht_shape *s) {
  HT_TRY(need_number(c, k, true));
  HT_TRY(ht_need_dtype(c, k + 1, c->in[k]->dtype));
  HT_TRY(ht_broadcast_all(2, &c->in[k], p));
  return ending_shape(c, shape, p, s);
}

static ht_status binomial(ht_call *c, int k, const ht_shape *p,
                          const ht_shape *s, ht_philox g) {
  ht_tensor trials = {0}, odds = {0};
  HT_TRY(ht_out(c, 0, ht_attr_type(c->attrs, "dtype"), s));
  ht_status st = spread(c, k, p, &trials);
  if (st.code == HT_OK) st = spread(c, k + 1, p, &odds);
  draws d = {.parameter = &trials, .odds = &odds, .g = g};
  if (st.code == HT_OK) st = run_draws(c, &d);
  ht_tensor_drop(&trials);
  ht_tensor_drop(&odds);
  return st;
}

static ht_status seeded_binomial_forward(ht_call *c) {
  ht_philox g;
  ht_shape p, s;
  HT_TRY(ht_generator_seeded(c, 1, &g));
  HT_TRY(binomial_shapes(c, 2, 0, &p, &s));
  return binomial(c, 2, &p, &s, g);
}

static ht_status binomial_forward(ht_call *c) {
  ht_shape p, s;
  ht_tensor old = {0};
  HT_TRY(need_philox(c));
  HT_TRY(binomial_shapes(c, 3, 2, &p, &s));
  int64_t n = ht_shape_count(&p), each = n ? ht_shape_count(&s) / n : 0;
  HT_TRY(ht_generator_skip(c, 0, (uint64_t)(n * 200 * (each + 3) / 4), &old));
  ht_philox g = ht_generator_from(&old);
  ht_tensor_drop(&old);
  return binomial(c, 3, &p, &s, g);
}

static ht_status skip_forward(ht_call *c) {
  ht_tensor old = {0};
  HT_TRY(need_philox(c));
  HT_TRY(ht_need_scalar(c, 2));
  ht_status st =
      ht_generator_skip(c, 0, (uint64_t)ht_int_at(c->in[2], 0), &old);
  ht_tensor_drop(&old);
  return st;
}

#define STATEFUL(name_, in_, dtype_, fn, doc_)                            \
  {                                                                       \
    .name = name_, .inputs = "resource:resource " in_,                    \
    .outputs = "output:dtype",                                            \
    .attrs = "dtype:type=" dtype_ " shape_dtype:type=int64", .doc = doc_, \
    .samples = "@a_variable_draws_what_tensorflow_draws",                 \
    .forward = fn##_forward, .gradient = ht_no_gradient,                  \
    .flags = HT_OP_STATEFUL | HT_OP_RANDOM                                \
  }
#define ALPHAS "f[5]{0.3,1,2.5,40,0.9}"

/* A stateful op draws anew where TensorFlow is asked for its gradient: !grad=0;
 * the stateless ones have the same. */
const ht_op ht_ops_draw[] = {
    {
        .name = "RandomGamma",
        .inputs = "shape:S alpha:T",
        .outputs = "output:T",
        .attrs = "seed:int=0 seed2:int=0 S:type T:type",
        .doc = "Gamma(alpha) numbers.",
        .samples =
            "i[1]{7} " ALPHAS " seed=3 seed2=5 !grad=0; l[0] d[2,2](0.2,3) "
            "seed=1 !grad=0; i[2]{2,3} f[]{1.5} seed2=9 !grad=0; "
            "i[1]{0} f[2] seed=2",
        .prepare = ht_generator_prepare,
        .unprepare = free,
        .forward = gamma_forward,
        .gradient = gamma_back,
        .keep = HT_KEEP_IN(1) | HT_KEEP_OUT(0),
        .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
    },
    {
        .name = "StatelessRandomGammaV2",
        .inputs = "shape:T seed:Tseed alpha:dtype",
        .outputs = "output:dtype",
        .attrs = "dtype:type T:type Tseed:type=int64",
        .doc = "Gamma(alpha) numbers, from a given seed.",
        .samples = "i[2]{7,5} l[2]{3,-4} " ALPHAS "; l[1]{3} i[2]{1,2} "
                   "d[]{0.4} !differences=0",
        .forward = gamma_v2_forward,
        .gradient = gamma_v2_back,
        .keep = HT_KEEP_IN(2) | HT_KEEP_OUT(0),
    },
    {
        .name = "StatelessRandomGammaV3",
        .inputs = "shape:shape_dtype key:uint64 counter:uint64 alg:int32 "
                  "alpha:dtype",
        .outputs = "output:dtype",
        .attrs = "dtype:type shape_dtype:type=int32",
        .doc = "Gamma(alpha) numbers, from a given counter.",
        .samples = "i[2]{7,5} y[1]{77} y[2]{5,6} i[]{1} " ALPHAS "; "
                   "l[1]{3} y[1]{7} y[2]{1,0} i[]{1} d[]{0.4} !differences=0",
        .forward = gamma_v3_forward,
        .gradient = gamma_v3_back,
        .keep = HT_KEEP_IN(4) | HT_KEEP_OUT(0),
    },
    {
        .name = "RandomPoissonV2",
        .inputs = "shape:S rate:R",
        .outputs = "output:dtype",
        .attrs = "seed:int=0 seed2:int=0 S:type R:type=double "
                 "dtype:type=int64",
        .doc = "Poisson numbers.",
        .samples = "i[1]{9} f[4]{0.3,4,12,100} seed=3 seed2=5; "
                   "l[2]{3,2} d[2]{2,30} seed=1 dtype=float; "
                   "i[1]{9} i[2]{3,20} seed=3 dtype=int32; "
                   "i[1]{4} f[0] seed=1",
        .prepare = ht_generator_prepare,
        .unprepare = free,
        .forward = poisson_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
    },
    {
        .name = "StatelessRandomPoisson",
        .inputs = "shape:T seed:Tseed lam:Rtype",
        .outputs = "output:dtype",
        .attrs = "Rtype:type dtype:type T:type Tseed:type=int64",
        .doc = "Poisson numbers, from a given seed.",
        .samples = "i[2]{9,4} l[2]{3,5} f[4]{0.3,4,12,100} dtype=int64; "
                   "l[1]{5} i[2]{1,-1} d[]{30} dtype=double",
        .forward = seeded_poisson_forward,
        .gradient = ht_no_gradient,
    },
    STATEFUL("StatefulUniform", "algorithm:int64 shape:shape_dtype", "float",
             uniform, "Uniform numbers in [0,1) of a variable's generator."),
    STATEFUL("StatefulStandardNormalV2", "algorithm:int64 shape:shape_dtype",
             "float", normal,
             "Standard normal numbers of a variable's generator."),
    STATEFUL("StatefulTruncatedNormal", "algorithm:int64 shape:shape_dtype",
             "float", truncated,
             "Standard normal numbers in (-2,2) of a variable's generator."),
    STATEFUL("StatefulUniformFullInt", "algorithm:int64 shape:shape_dtype",
             "uint64", full_int,
             "Integers of all values of a variable's generator."),
    STATEFUL("StatefulUniformInt",
             "algorithm:int64 shape:shape_dtype minval:dtype maxval:dtype",
             "int64", int,
             "Integers in [minval, maxval) of a variable's generator."),
    {
        .name = "StatelessRandomBinomial",
        .inputs = "shape:S seed:Tseed counts:T probs:T",
        .outputs = "output:dtype",
        .attrs = "S:type Tseed:type=int64 T:type=double dtype:type=int64",
        .doc = "Binomial numbers, from a given seed.",
        .samples =
            "i[2]{9,6} l[2]{3,4} f[6]{10,20,100,1000,50,5} "
            "f[6]{0.3,0.5,0.7,0.02,0.99,0.6} dtype=float; i[2]{5,4} i[2]{1,-1} "
            "d[]{1000} d[4]{0.4,0.6,0.001,0.5}; i[3]{4,2,3} l[2]{7,7} "
            "d[2,1]{3,400} d[3]{0,1,0.25} dtype=int32; i[1]{9} l[2]{5,6} "
            "f[]{-3} f[]{0.5} dtype=double; i[2]{0,2} l[2]{5,6} f[2] f[2]",
        .forward = seeded_binomial_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "StatefulRandomBinomial",
        .inputs = "resource:resource algorithm:int64 shape:S counts:T probs:T",
        .outputs = "output:dtype",
        .attrs = "S:type T:type=double dtype:type=int64",
        .doc = "Binomial numbers of a variable's generator.",
        .samples = "@a_variable_draws_what_tensorflow_draws",
        .forward = binomial_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
    },
    {
        .name = "RngSkip",
        .inputs = "resource:resource algorithm:int64 delta:int64",
        .outputs = "",
        .attrs = "",
        .doc = "Moves a generator on.",
        .samples = "@a_variable_draws_what_tensorflow_draws",
        .forward = skip_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
    },
    {0},
};
