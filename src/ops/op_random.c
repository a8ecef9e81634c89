/*
 * op_random.c - random numbers, TensorFlow's bit for bit where seeds are
 * given. A stateful op without seeds draws by the run's seed, the node's
 * name, the training step and how many random ops ran before it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/random.h"
#include "ops/generator.h"

/* out[0] of the shape in in[0], filled from g. */
static ht_status fill(ht_call *c, ht_dtype t, ht_distribution d, ht_philox g) {
  ht_shape shape;
  HT_TRY(ht_shape_from(c->in[0], false, &shape));
  HT_TRY(ht_out(c, 0, t, &shape));
  if (!ht_random_fill(g, d, 0, 1, &c->out[0])) return ht_no_dtype(c, t);
  return HT_SUCCESS;
}

/* Elements of a shape, as far as 64 bits tell. */
static uint64_t count_of(const ht_tensor *shape) {
  ht_shape s;
  uint64_t n = 1;
  if (ht_shape_from(shape, false, &s).code != HT_OK) return 0;
  for (int i = 0; i < s.rank; i++) n *= (uint64_t)s.dim[i];
  return n;
}

#define STATEFUL(name, distribution)                              \
  static ht_status name##_forward(ht_call *c) {                   \
    return fill(c, ht_attr_type(c->attrs, "dtype"), distribution, \
                ht_generator_of_node(c, count_of(c->in[0])));     \
  }
STATEFUL(random_uniform, HT_RANDOM_UNIFORM)
STATEFUL(random_normal, HT_RANDOM_NORMAL)
STATEFUL(truncated_normal, HT_RANDOM_TRUNCATED)

/* Integers in [in[k], in[k+1]). */
static ht_status fill_ints(ht_call *c, int k, ht_philox g) {
  ht_shape shape;
  HT_TRY(ht_need_scalar(c, k));
  HT_TRY(ht_need_scalar(c, k + 1));
  HT_TRY(ht_need_dtype(c, k + 1, c->in[k]->dtype));
  HT_TRY(ht_shape_from(c->in[0], false, &shape));
  int64_t low = ht_int_at(c->in[k], 0), high = ht_int_at(c->in[k + 1], 0);
  if (low >= high)
    return ht_fail(HT_USAGE, "op '%s' wants minval < maxval, found %lld, %lld",
                   c->op->name, (long long)low, (long long)high);
  HT_TRY(ht_out(c, 0, c->in[k]->dtype, &shape));
  if (!ht_random_fill(g, HT_RANDOM_INT, low, high, &c->out[0]))
    return ht_no_dtype(c, c->in[k]->dtype);
  return HT_SUCCESS;
}

static ht_status random_uniform_int_forward(ht_call *c) {
  return fill_ints(c, 1, ht_generator_of_node(c, count_of(c->in[0])));
}

/* ---- stateless: key and counter from a seed of two integers */

#define STATELESS(name, distribution)                                 \
  static ht_status stateless_##name##_forward(ht_call *c) {           \
    ht_philox g;                                                      \
    HT_TRY(ht_generator_seeded(c, 1, &g));                            \
    return fill(c, ht_attr_type(c->attrs, "dtype"), distribution, g); \
  }                                                                   \
  static ht_status stateless_##name##_v2_forward(ht_call *c) {        \
    ht_philox g;                                                      \
    HT_TRY(ht_generator_given(c, &g));                                \
    return fill(c, ht_attr_type(c->attrs, "dtype"), distribution, g); \
  }
STATELESS(uniform, HT_RANDOM_UNIFORM)
STATELESS(normal, HT_RANDOM_NORMAL)
STATELESS(truncated_normal, HT_RANDOM_TRUNCATED)
STATELESS(full_int, HT_RANDOM_FULL_INT)

static ht_status stateless_int_forward(ht_call *c) {
  ht_philox g;
  HT_TRY(ht_generator_seeded(c, 1, &g));
  return fill_ints(c, 2, g);
}

static ht_status stateless_int_v2_forward(ht_call *c) {
  ht_philox g;
  HT_TRY(ht_generator_given(c, &g));
  return fill_ints(c, 4, g);
}

static ht_status set_algorithm(ht_call *c, int k) {
  HT_TRY(ht_out(c, k, HT_INT32, &HT_SCALAR));
  ht_i32(&c->out[k])[0] = 1; /* Philox */
  return HT_SUCCESS;
}

static ht_status key_counter_forward(ht_call *c) {
  ht_philox g;
  ht_shape one = ht_shape_1(1), two = ht_shape_1(2);
  HT_TRY(ht_generator_seeded(c, 0, &g));
  HT_TRY(ht_out(c, 0, HT_UINT64, &one));
  HT_TRY(ht_out(c, 1, HT_UINT64, &two));
  HT_DATA(uint64_t, &c->out[0])[0] = g.key[0] | (uint64_t)g.key[1] << 32;
  HT_DATA(uint64_t, &c->out[1])[0] = 0;
  HT_DATA(uint64_t, &c->out[1])
  [1] = g.counter[2] | (uint64_t)g.counter[3] << 32;
  return c->n_out == 3 ? set_algorithm(c, 2) : HT_SUCCESS;
}

static ht_status get_algorithm_forward(ht_call *c) {
  return set_algorithm(c, 0);
}

/* Gives the old state, and moves on by delta numbers' reserves. */
static ht_status read_and_skip_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 2));
  return ht_generator_skip(c, 0, (uint64_t)ht_int_at(c->in[2], 0), &c->out[0]);
}

/* ---- shuffles and draws by weight */

/* Fisher and Yates forwards, as TensorFlow walks. */
static void shuffle(ht_philox g, int64_t *index, int64_t n) {
  ht_single s = {.g = g, .used = 4};
  for (int64_t i = 0; i < n; i++) index[i] = i;
  for (int64_t i = 0; i + 1 < n; i++) {
    int64_t j = i + ht_single_next(&s) % (uint32_t)(n - i), t = index[i];
    index[i] = index[j];
    index[j] = t;
  }
}

static ht_status shuffle_forward(ht_call *c) {
  const ht_tensor *x = c->in[0];
  int64_t n = x->shape.rank ? x->shape.dim[0] : 1;
  if (x->dtype == HT_RESOURCE || x->dtype == HT_VARIANT)
    return ht_no_dtype(c, x->dtype);
  if (n < 2 || !ht_count(x)) {
    ht_out_share(c, 0, 0);
    return HT_SUCCESS;
  }
  if (n > UINT32_MAX) return ht_fail(HT_UNSUPPORTED, "too many rows");
  int64_t *index = malloc((size_t)n * sizeof *index);
  if (!index) return ht_fail(HT_NO_MEMORY, "no memory to shuffle");
  ht_status st = ht_out_like(c, 0, 0);
  if (st.code == HT_OK) {
    size_t row = (size_t)ht_count(x) / (size_t)n * ht_dtype_size(x->dtype);
    shuffle(ht_generator_of_node(c, (uint64_t)n), index, n);
    for (int64_t i = 0; i < n; i++)
      memcpy((char *)c->out[0].data + (size_t)i * row,
             (const char *)x->data + (size_t)index[i] * row, row);
    if (x->dtype == HT_STRING) st = ht_string_keep(&c->out[0], x);
  }
  free(index);
  return st;
}

/* Running sums of e^(logit - greatest); what is not finite weighs nothing. */
static double weigh(const ht_tensor *logits, int64_t row, int64_t n,
                    double *sum) {
  double greatest = -INFINITY, total = 0;
  for (int64_t i = 0; i < n; i++) {
    double v = ht_real_at(logits, row * n + i);
    if (isfinite(v) && v > greatest) greatest = v;
  }
  for (int64_t i = 0; i < n; i++) {
    double v = ht_real_at(logits, row * n + i);
    if (isfinite(v)) total += exp(v - greatest);
    sum[i] = total;
  }
  return total;
}

/* The first place whose running sum is above v. */
static int64_t above(const double *sum, int64_t n, double v) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t mid = low + (high - low) / 2;
    if (sum[mid] > v)
      high = mid;
    else
      low = mid + 1;
  }
  return low;
}

static void draw_rows(const ht_tensor *logits, ht_philox g, double *sum,
                      ht_tensor *out) {
  ht_single s = {.g = g, .used = 4};
  int64_t rows = logits->shape.dim[0], n = logits->shape.dim[1];
  int64_t samples = out->shape.dim[1];
  for (int64_t r = 0; r < rows; r++) {
    double total = weigh(logits, r, n, sum);
    for (int64_t k = 0; k < samples; k++) {
      uint32_t high = ht_single_next(&s), low = ht_single_next(&s);
      int64_t i = above(sum, n, ht_uniform_double(high, low) * total);
      if (out->dtype == HT_INT64)
        ht_i64(out)[r * samples + k] = i;
      else
        ht_i32(out)[r * samples + k] = (int32_t)i;
    }
  }
}

static ht_status multinomial(ht_call *c, ht_philox g) {
  const ht_tensor *logits = c->in[0];
  ht_dtype t = ht_attr_type(c->attrs, "output_dtype");
  if (t != HT_INT64 && t != HT_INT32) return ht_no_dtype(c, t);
  int64_t samples = ht_int_at(c->in[1], 0), n = logits->shape.dim[1];
  if (samples < 0 || n < 1)
    return ht_fail(HT_USAGE, "op '%s' draws from nothing", c->op->name);
  ht_shape shape = ht_shape_2(logits->shape.dim[0], samples);
  double *sum = malloc((size_t)n * sizeof *sum);
  if (!sum) return ht_fail(HT_NO_MEMORY, "no memory for weights");
  ht_status st = ht_out(c, 0, t, &shape);
  if (st.code == HT_OK) draw_rows(logits, g, sum, &c->out[0]);
  free(sum);
  return st;
}

static ht_status need_logits(ht_call *c) {
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  bool real =
      ht_dtype_floating(c->in[0]->dtype) || ht_dtype_integer(c->in[0]->dtype);
  return real ? HT_SUCCESS : ht_no_dtype(c, c->in[0]->dtype);
}

static ht_status multinomial_forward(ht_call *c) {
  HT_TRY(need_logits(c));
  uint64_t n =
      (uint64_t)c->in[0]->shape.dim[0] * (uint64_t)ht_int_at(c->in[1], 0);
  return multinomial(c, ht_generator_of_node(c, n));
}

static ht_status stateless_multinomial_forward(ht_call *c) {
  ht_philox g;
  HT_TRY(need_logits(c));
  HT_TRY(ht_generator_seeded(c, 2, &g));
  return multinomial(c, g);
}

const ht_op ht_ops_random[] = {
    {.name = "RandomUniform",
     .inputs = "shape:T",
     .outputs = "output:dtype",
     .attrs = "seed:int=0 seed2:int=0 dtype:type T:type",
     .doc = "Uniform numbers in [0,1).",
     .samples = "i[2]{3,5} dtype=float seed=7 seed2=9; l[1]{9} "
                "dtype=double seed=87654321 seed2=3; i[1]{7} dtype=half "
                "seed=1; i[1]{6} dtype=bfloat16 seed=1; i[0] dtype=float "
                "seed=4; i[2]{0,3} dtype=float seed=4; i[1]{300} "
                "dtype=float seed2=5",
     .forward = random_uniform_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
     .prepare = ht_generator_prepare,
     .unprepare = free},
    {.name = "RandomStandardNormal",
     .inputs = "shape:T",
     .outputs = "output:dtype",
     .attrs = "seed:int=0 seed2:int=0 dtype:type T:type",
     .doc = "Standard normal numbers.",
     .samples = "i[2]{3,5} dtype=float seed=7 seed2=9; l[1]{9} "
                "dtype=double seed=87654321 seed2=3; i[1]{7} dtype=half "
                "seed=1; i[1]{6} dtype=bfloat16 seed=1; i[0] dtype=float "
                "seed=4; i[2]{0,3} dtype=float seed=4; i[1]{300} "
                "dtype=float seed2=5",
     .forward = random_normal_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
     .prepare = ht_generator_prepare,
     .unprepare = free},
    {.name = "TruncatedNormal",
     .inputs = "shape:T",
     .outputs = "output:dtype",
     .attrs = "seed:int=0 seed2:int=0 dtype:type T:type",
     .doc = "Standard normal numbers within (-2, 2).",
     .samples = "i[2]{3,5} dtype=float seed=7 seed2=9; l[1]{9} "
                "dtype=double seed=87654321 seed2=3; i[1]{7} dtype=half "
                "seed=1; i[1]{6} dtype=bfloat16 seed=1; i[0] dtype=float "
                "seed=4; i[2]{0,3} dtype=float seed=4; i[1]{300} "
                "dtype=float seed2=5",
     .forward = truncated_normal_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
     .prepare = ht_generator_prepare,
     .unprepare = free},
    {.name = "RandomUniformInt",
     .inputs = "shape:T minval:Tout maxval:Tout",
     .outputs = "output:Tout",
     .attrs = "seed:int=0 seed2:int=0 Tout:type T:type",
     .doc = "Uniform integers in [minval, maxval).",
     .samples = "i[2]{3,5} i[]{-4} i[]{9} seed=3 seed2=2; i[1]{9} l[]{0} "
                "l[]{1000000000000} seed=3",
     .forward = random_uniform_int_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
     .prepare = ht_generator_prepare,
     .unprepare = free},
    {.name = "RandomShuffle",
     .inputs = "value:T",
     .outputs = "output:T",
     .attrs = "seed:int=0 seed2:int=0 T:type",
     .doc = "The rows in random order.",
     .samples = "f[5,2] seed=3 seed2=1; i[9] seed=4; "
                "s[4]{'a','b','c','d'} seed=2; f[1,3] seed=2; f[] "
                "seed=1; f[0] seed=1",
     .forward = shuffle_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
     .prepare = ht_generator_prepare,
     .unprepare = free},
    {.name = "Multinomial",
     .inputs = "logits:T num_samples:int32",
     .outputs = "output:output_dtype",
     .attrs = "seed:int=0 seed2:int=0 T:type output_dtype:type=INT64",
     .doc = "Classes drawn by logits.",
     .samples = "f[3,4] i[]{7} seed=3 seed2=4; d[1,5] i[]{9} seed=5 "
                "output_dtype=int32; f[1,4]{0,-inf,5,0} i[]{6} seed=1",
     .forward = multinomial_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
     .prepare = ht_generator_prepare,
     .unprepare = free},
    {.name = "StatelessMultinomial",
     .inputs = "logits:T num_samples:int32 seed:Tseed",
     .outputs = "output:output_dtype",
     .attrs = "T:type Tseed:type=INT64 output_dtype:type=INT64",
     .doc = "Classes drawn by logits, from a given seed.",
     .samples = "f[3,4] i[]{7} l[2]{3,4}; d[1,5] i[]{9} i[2]{1,2} "
                "output_dtype=int32",
     .forward = stateless_multinomial_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomUniform",
     .inputs = "shape:T seed:Tseed",
     .outputs = "output:dtype",
     .attrs = "dtype:type=FLOAT T:type=INT32 Tseed:type=INT64",
     .doc = "Uniform numbers in [0,1), from a given seed.",
     .samples = "i[2]{3,5} l[2]{7,-9} dtype=float; l[1]{9} i[2]{1,2} "
                "dtype=double; i[1]{7} l[2]{1,2} dtype=half; i[0] "
                "l[2]{1,2} dtype=float",
     .forward = stateless_uniform_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomUniformV2",
     .inputs = "shape:Tshape key:uint64 counter:uint64 alg:int32",
     .outputs = "output:dtype",
     .attrs = "dtype:type=FLOAT Tshape:type=INT32",
     .doc = "Uniform numbers in [0,1), from a given counter.",
     .samples = "i[2]{3,5} y[1]{12345678901234} y[2]{5,77} i[]{1} "
                "dtype=float; l[1]{9} y[1]{3} y[2]{0,9} i[]{3} "
                "dtype=double; i[1]{7} y[1]{4} "
                "y[2]{18446744073709551615,9} i[]{1} dtype=half; i[0] "
                "y[1]{4} y[2]{18446744073709551615,9} i[]{1} dtype=float",
     .forward = stateless_uniform_v2_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomNormal",
     .inputs = "shape:T seed:Tseed",
     .outputs = "output:dtype",
     .attrs = "dtype:type=FLOAT T:type=INT32 Tseed:type=INT64",
     .doc = "Standard normal numbers, from a given seed.",
     .samples = "i[2]{3,5} l[2]{7,-9} dtype=float; l[1]{9} i[2]{1,2} "
                "dtype=double; i[1]{7} l[2]{1,2} dtype=half; i[0] "
                "l[2]{1,2} dtype=float",
     .forward = stateless_normal_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomNormalV2",
     .inputs = "shape:Tshape key:uint64 counter:uint64 alg:int32",
     .outputs = "output:dtype",
     .attrs = "dtype:type=FLOAT Tshape:type=INT32",
     .doc = "Standard normal numbers, from a given counter.",
     .samples = "i[2]{3,5} y[1]{12345678901234} y[2]{5,77} i[]{1} "
                "dtype=float; l[1]{9} y[1]{3} y[2]{0,9} i[]{3} "
                "dtype=double; i[1]{7} y[1]{4} "
                "y[2]{18446744073709551615,9} i[]{1} dtype=half; i[0] "
                "y[1]{4} y[2]{18446744073709551615,9} i[]{1} dtype=float",
     .forward = stateless_normal_v2_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessTruncatedNormal",
     .inputs = "shape:T seed:Tseed",
     .outputs = "output:dtype",
     .attrs = "dtype:type=FLOAT T:type=INT32 Tseed:type=INT64",
     .doc = "Standard normal numbers within (-2, 2), from a given seed.",
     .samples = "i[2]{3,5} l[2]{7,-9} dtype=float; l[1]{9} i[2]{1,2} "
                "dtype=double; i[1]{7} l[2]{1,2} dtype=half; i[0] "
                "l[2]{1,2} dtype=float",
     .forward = stateless_truncated_normal_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessTruncatedNormalV2",
     .inputs = "shape:Tshape key:uint64 counter:uint64 alg:int32",
     .outputs = "output:dtype",
     .attrs = "dtype:type=FLOAT Tshape:type=INT32",
     .doc = "Standard normal numbers within (-2, 2), from a given counter.",
     .samples = "i[2]{3,5} y[1]{12345678901234} y[2]{5,77} i[]{1} "
                "dtype=float; l[1]{9} y[1]{3} y[2]{0,9} i[]{3} "
                "dtype=double; i[1]{7} y[1]{4} "
                "y[2]{18446744073709551615,9} i[]{1} dtype=half; i[0] "
                "y[1]{4} y[2]{18446744073709551615,9} i[]{1} dtype=float",
     .forward = stateless_truncated_normal_v2_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomUniformFullInt",
     .inputs = "shape:T seed:Tseed",
     .outputs = "output:dtype",
     .attrs = "dtype:type=UINT64 T:type=INT32 Tseed:type=INT64",
     .doc = "Integers of all bits, from a given seed.",
     .samples = "i[2]{3,5} l[2]{7,-9} dtype=uint64; i[1]{9} l[2]{1,2} "
                "dtype=int32; i[1]{5} i[2]{1,2} dtype=int64; i[1]{5} "
                "i[2]{1,2} dtype=uint32",
     .forward = stateless_full_int_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomUniformFullIntV2",
     .inputs = "shape:Tshape key:uint64 counter:uint64 alg:int32",
     .outputs = "output:dtype",
     .attrs = "dtype:type=UINT64 Tshape:type=INT32",
     .doc = "Integers of all bits, from a given counter.",
     .samples = "i[2]{3,5} y[1]{12345678901234} y[2]{5,77} i[]{1} "
                "dtype=uint64; i[1]{9} y[1]{4} "
                "y[2]{18446744073709551615,9} i[]{1} dtype=int32; "
                "i[1]{5} y[1]{3} y[2]{0,9} i[]{3} dtype=int64; i[1]{5} "
                "y[1]{3} y[2]{0,9} i[]{3} dtype=uint32",
     .forward = stateless_full_int_v2_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomUniformInt",
     .inputs = "shape:T seed:Tseed minval:dtype maxval:dtype",
     .outputs = "output:dtype",
     .attrs = "dtype:type T:type Tseed:type=INT64",
     .doc = "Uniform integers in [minval, maxval), from a given seed.",
     .samples = "i[2]{3,5} l[2]{7,-9} i[]{-4} i[]{9}; i[1]{5} i[2]{1,2} "
                "l[]{0} l[]{1000000000000}",
     .forward = stateless_int_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomUniformIntV2",
     .inputs = "shape:Tshape key:uint64 counter:uint64 alg:int32 minval:dtype "
               "maxval:dtype",
     .outputs = "output:dtype",
     .attrs = "dtype:type Tshape:type=INT32",
     .doc = "Uniform integers in [minval, maxval), from a given counter.",
     .samples = "i[2]{3,5} y[1]{3} y[2]{0,9} i[]{1} i[]{-4} i[]{9}; "
                "i[1]{5} y[1]{3} y[2]{0,9} i[]{1} l[]{0} "
                "l[]{1000000000000}",
     .forward = stateless_int_v2_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomGetKeyCounter",
     .inputs = "seed:Tseed",
     .outputs = "key:uint64 counter:uint64",
     .attrs = "Tseed:type=INT64",
     .doc = "Key and counter that a seed of two integers makes.",
     .samples = "l[2]{7,-9}; i[2]{1,2}",
     .forward = key_counter_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomGetKeyCounterAlg",
     .inputs = "seed:Tseed",
     .outputs = "key:uint64 counter:uint64 alg:int32",
     .attrs = "Tseed:type=INT64",
     .doc = "Key, counter and algorithm for a seed of two integers.",
     .samples = "l[2]{7,-9}; i[2]{1,2}",
     .forward = key_counter_forward,
     .gradient = ht_no_gradient},
    {.name = "StatelessRandomGetAlg",
     .inputs = "",
     .outputs = "alg:int32",
     .attrs = "",
     .doc = "The algorithm of this machine: Philox.",
     .samples = "@the_random_algorithm_is_philox",
     .forward = get_algorithm_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {.name = "RngReadAndSkip",
     .inputs = "resource:resource alg:int32 delta:uint64",
     .outputs = "value:int64",
     .attrs = "",
     .doc = "Reads the state of a generator and moves it on.",
     .samples = "@a_generator_moves_on_when_read",
     .forward = read_and_skip_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL | HT_OP_RANDOM},
    {0},
};
