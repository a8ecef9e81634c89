/*
 * op_candidate.c - candidates drawn against a true class, for sampled softmax
 * and noise contrastive estimation. Numbers and counts are TensorFlow's
 * (core/kernels/candidate_sampler_ops, range_sampler; the alias method is that
 * of core/lib/random/distribution_sampler).
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/random.h"
#include "ops/generator.h"

/* ---- numbers of a generator, one by one */

static double next_double(ht_single *s) {
  uint32_t high = ht_single_next(s);
  return ht_uniform_double(high, ht_single_next(s));
}

static float next_float(ht_single *s) {
  return (float)(ht_single_next(s) & 0x7fffffu) / 8388608.0F;
}

static uint64_t next_long(ht_single *s) {
  uint64_t low = ht_single_next(s);
  return low | (uint64_t)ht_single_next(s) << 32;
}

/* Without bias: what would make the first values likelier is drawn again. */
static uint64_t below_long(ht_single *s, uint64_t n) {
  if (!(n & (n - 1))) return next_long(s) & (n - 1);
  uint64_t rest = UINT64_MAX % n + 1, drawn;
  do drawn = next_long(s);
  while (drawn < rest);
  return drawn % n;
}

static uint32_t below(ht_single *s, uint32_t n) {
  if (!(n & (n - 1))) return ht_single_next(s) & (n - 1);
  uint32_t rest = UINT32_MAX % n + 1, drawn;
  do drawn = ht_single_next(s);
  while (drawn < rest);
  return drawn % n;
}

/* ---- distributions over [0, range) */

typedef struct bucket {
  float chance; /* of the bucket's own class */
  int64_t other;
} bucket;

typedef struct sampler {
  int64_t (*draw)(const struct sampler *s, ht_single *g);
  float (*chance)(const struct sampler *s, int64_t id);
  int64_t range;
  double log_range;
  float *weight; /* of given weights, with their sum */
  float total;
  bucket *at;
} sampler;

static int64_t draw_uniform(const sampler *s, ht_single *g) {
  return (int64_t)below_long(g, (uint64_t)s->range);
}

static float chance_uniform(const sampler *s, int64_t id) {
  (void)id;
  return (float)(1.0 / (double)s->range);
}

static int64_t draw_log(const sampler *s, ht_single *g) {
  return ((int64_t)exp(next_double(g) * s->log_range) - 1) % s->range;
}

static float chance_log(const sampler *s, int64_t id) {
  double x = (double)id;
  return (float)(log((x + 2.0) / (x + 1.0)) / s->log_range);
}

static int64_t draw_weighted(const sampler *s, ht_single *g) {
  float r = next_float(g);
  int64_t i = below(g, (uint32_t)s->range);
  return r < s->at[i].chance ? i : s->at[i].other;
}

static float chance_weighted(const sampler *s, int64_t id) {
  return id < 0 || id >= s->range ? 0 : s->weight[id] / s->total;
}

/* The alias method: each bucket is one class, filled up by another. `chance`
 * and `open` are memory for range numbers each. */
static void fill_buckets(sampler *s, double *chance, int64_t *open) {
  double sum = 0;
  int64_t low = 0, high = s->range; /* two stacks, from both ends of open */
  for (int64_t i = 0; i < s->range; i++) sum += (double)s->weight[i];
  for (int64_t i = 0; i < s->range; i++) {
    chance[i] = (double)s->weight[i] * (double)s->range / sum;
    open[chance[i] < 1 ? low++ : --high] = i;
  }
  while (low > 0 && high < s->range) {
    int64_t l = open[--low], h = open[high++];
    s->at[l].other = h;
    chance[h] -= 1 - chance[l];
    open[chance[h] < 1 ? low++ : --high] = h;
  }
  for (int64_t i = 0; i < s->range; i++) s->at[i].chance = (float)chance[i];
  for (int64_t i = 0; i < s->range; i++) {
    if (i >= low && i < high) continue;
    s->at[open[i]] = (bucket){.chance = 1, .other = open[i]};
  }
}

static ht_status weigh(const ht_call *c, sampler *s) {
  const ht_attr *given = ht_attr_find(c->attrs, "unigrams");
  int64_t reserved = ht_attr_int(c->attrs, "num_reserved_ids");
  float distortion = (float)ht_attr_float(c->attrs, "distortion");
  if (ht_attr_string(c->attrs, "vocab_file").n ||
      ht_attr_int(c->attrs, "num_shards") != 1)
    return ht_fail(HT_UNSUPPORTED, "op '%s' of a file or in shards",
                   c->op->name);
  if (reserved < 0 || reserved != s->range - given->n)
    return ht_fail(HT_USAGE,
                   "op '%s': %d weights after %lld reserved classes for a "
                   "range of %lld",
                   c->op->name, given->n, (long long)reserved,
                   (long long)s->range);
  size_t n = (size_t)s->range;
  s->weight = calloc(n, sizeof *s->weight);
  s->at = calloc(n, sizeof *s->at);
  double *chance = calloc(n, sizeof *chance);
  int64_t *open = calloc(n, sizeof *open);
  bool enough = s->weight && s->at && chance && open;
  for (int64_t i = reserved; enough && i < s->range; i++)
    s->weight[i] = powf((float)given->value[i - reserved].f, distortion);
  for (int64_t i = 0; enough && i < s->range; i++) s->total += s->weight[i];
  if (enough) fill_buckets(s, chance, open);
  free(chance);
  free(open);
  return enough ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a sampler");
}

/* ---- a batch */

/* Adds a value to a set of at most half as many values as it has places. */
static bool is_new(int64_t *set, size_t places, int64_t value) {
  size_t i = (size_t)value * 0x9e3779b97f4a7c15u & (places - 1);
  for (; set[i]; i = (i + 1) & (places - 1))
    if (set[i] == value + 1) return false;
  set[i] = value + 1;
  return true;
}

/* ids[0..n), and how many were drawn for that. Classes without weight are
 * never drawn, so that there may be too few. */
static ht_status draw_batch(const sampler *s, ht_single *g, bool unique,
                            int64_t *ids, int64_t n, int64_t *drawn) {
  enum { DRAWN_MAX = 100000000 };
  size_t places = 2;
  while (unique && places < 2 * (size_t)n) places *= 2;
  int64_t *set = calloc(places, sizeof *set), k = 0;
  if (!set) return ht_fail(HT_NO_MEMORY, "no memory for candidates");
  for (*drawn = 0; k < n && (!unique || *drawn < DRAWN_MAX); ++*drawn) {
    ids[k] = s->draw(s, g);
    if (!unique || is_new(set, places, ids[k])) k++;
  }
  free(set);
  if (k == n) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "%lld of %lld candidates found by %d draws",
                 (long long)k, (long long)n, DRAWN_MAX);
}

static float expected(float chance, int64_t n, int64_t drawn) {
  if (drawn == n) return chance * (float)n;
  return -expm1f((float)drawn * log1pf(-chance));
}

static ht_status outputs(ht_call *c, int64_t n, int64_t range) {
  ht_shape batch = ht_shape_1(n);
  HT_TRY(ht_need_dtype(c, 0, HT_INT64));
  HT_TRY(ht_need_rank(c, 0, 2));
  if (c->in[0]->shape.dim[1] != ht_attr_int(c->attrs, "num_true"))
    return ht_fail(HT_USAGE, "op '%s': true classes are not num_true wide",
                   c->op->name);
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    int64_t id = ht_i64(c->in[0])[i];
    if (id < 0 || id >= range)
      return ht_fail(HT_USAGE, "op '%s': true class %lld of a range of %lld",
                     c->op->name, (long long)id, (long long)range);
  }
  HT_TRY(ht_out(c, 0, HT_INT64, &batch));
  HT_TRY(ht_out(c, 1, HT_FLOAT, &c->in[0]->shape));
  return ht_out(c, 2, HT_FLOAT, &batch);
}

static ht_status sample(ht_call *c, sampler *s) {
  int64_t n = ht_attr_int(c->attrs, "num_sampled");
  bool unique = ht_attr_bool(c->attrs, "unique");
  if (n < 1 || s->range < 1 || (unique && n > s->range))
    return ht_fail(HT_USAGE, "op '%s': %lld candidates of a range of %lld",
                   c->op->name, (long long)n, (long long)s->range);
  HT_TRY(outputs(c, n, s->range));
  ht_single g = {.g = ht_generator_of_node(c, 2 * (uint64_t)n), .used = 4};
  int64_t *ids = ht_i64(&c->out[0]);
  int64_t drawn = 0;
  HT_TRY(draw_batch(s, &g, unique, ids, n, &drawn));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++)
    ht_f(&c->out[1])[i] = expected(s->chance(s, ht_i64(c->in[0])[i]), n, drawn);
  for (int64_t i = 0; i < n; i++)
    ht_f(&c->out[2])[i] = expected(s->chance(s, ids[i]), n, drawn);
  return HT_SUCCESS;
}

static ht_status log_uniform(ht_call *c) {
  sampler s = {.draw = draw_log,
               .chance = chance_log,
               .range = ht_attr_int(c->attrs, "range_max")};
  s.log_range = log((double)s.range + 1);
  return sample(c, &s);
}

static ht_status uniform(ht_call *c) {
  sampler s = {.draw = draw_uniform,
               .chance = chance_uniform,
               .range = ht_attr_int(c->attrs, "range_max")};
  return sample(c, &s);
}

static ht_status fixed_unigram(ht_call *c) {
  sampler s = {.draw = draw_weighted,
               .chance = chance_weighted,
               .range = ht_attr_int(c->attrs, "range_max")};
  bool small = s.range > 0 && s.range <= INT32_MAX;
  ht_status st = small ? weigh(c, &s)
                       : ht_fail(HT_USAGE, "op '%s': a range of %lld",
                                 c->op->name, (long long)s.range);
  if (st.code == HT_OK) st = sample(c, &s);
  free(s.weight);
  free(s.at);
  return st;
}

static ht_status all_candidates(ht_call *c) {
  int64_t n = ht_attr_int(c->attrs, "num_sampled");
  if (n < 1) return ht_fail(HT_USAGE, "op '%s': no candidates", c->op->name);
  HT_TRY(outputs(c, n, n));
  for (int64_t i = 0; i < n; i++) ht_i64(&c->out[0])[i] = i;
  for (int k = 1; k < 3; k++)
    for (int64_t i = 0; i < ht_count(&c->out[k]); i++) ht_f(&c->out[k])[i] = 1;
  return HT_SUCCESS;
}

/* ---- candidates that are true classes */

/* The last place of a class among the candidates, -1: none. */
static int64_t place_of(const ht_tensor *candidates, int64_t id) {
  for (int64_t k = ht_count(candidates) - 1; k >= 0; k--)
    if (ht_i64(candidates)[k] == id) return k;
  return -1;
}

static ht_status accidental_hits(ht_call *c) {
  const ht_tensor *classes = c->in[0];
  int64_t n = 0;
  HT_TRY(ht_need_dtype(c, 0, HT_INT64));
  HT_TRY(ht_need_dtype(c, 1, HT_INT64));
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_rank(c, 1, 1));
  for (int64_t i = 0; i < ht_count(classes); i++)
    n += place_of(c->in[1], ht_i64(classes)[i]) >= 0;
  ht_shape hits = ht_shape_1(n);
  HT_TRY(ht_out(c, 0, HT_INT32, &hits));
  HT_TRY(ht_out(c, 1, HT_INT64, &hits));
  HT_TRY(ht_out(c, 2, HT_FLOAT, &hits));
  for (int64_t i = 0, k = 0; i < ht_count(classes); i++) {
    int64_t at = place_of(c->in[1], ht_i64(classes)[i]);
    if (at < 0) continue;
    ht_i32(&c->out[0])[k] = (int32_t)(i / classes->shape.dim[1]);
    ht_i64(&c->out[1])[k] = at;
    ht_f(&c->out[2])[k++] = -FLT_MAX;
  }
  return HT_SUCCESS;
}

#define SAMPLER(NAME, TEXT, FN, MORE, SAMPLES)                          \
  {                                                                     \
    .name = NAME, .inputs = "true_classes:int64",                       \
    .outputs =                                                          \
        "sampled_candidates:int64 true_expected_count:float "           \
        "sampled_expected_count:float",                                 \
    .attrs = "num_true:int num_sampled:int unique:bool " MORE           \
             "seed:int=0 seed2:int=0",                                  \
    .doc = TEXT, .samples = SAMPLES, .forward = FN,                     \
    .gradient = ht_no_gradient, .flags = HT_OP_STATEFUL | HT_OP_RANDOM, \
    .prepare = ht_generator_prepare, .unprepare = free                  \
  }
#define TRUE "l[3,2]{0,7,19,3,3,1} num_true=2 "

const ht_op ht_ops_candidate[] = {
    SAMPLER("LogUniformCandidateSampler",
            "Classes drawn with chances that fall as those of words do.",
            log_uniform, "range_max:int ",
            TRUE "num_sampled=8 unique=true range_max=20 seed=3 seed2=5; " TRUE
                 "num_sampled=9 unique=false range_max=5000 seed=7; " TRUE
                 "num_sampled=300 unique=true range_max=400 seed2=9"),
    SAMPLER("UniformCandidateSampler", "Classes drawn alike.", uniform,
            "range_max:int ",
            TRUE "num_sampled=8 unique=true range_max=20 seed=3 seed2=5; " TRUE
                 "num_sampled=9 unique=false range_max=4096 seed=7; " TRUE
                 "num_sampled=300 unique=true range_max=400 seed2=9"),
    SAMPLER("FixedUnigramCandidateSampler",
            "Classes drawn by weights that are given.", fixed_unigram,
            "range_max:int vocab_file:string='' distortion:float=1 "
            "num_reserved_ids:int=0 num_shards:int=1 shard:int=0 "
            "unigrams:list(float)=[] ",
            "l[3,2]{0,7,4,3,3,1} num_true=2 num_sampled=4 unique=true "
            "range_max=8 unigrams=[1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0] seed=3 "
            "seed2=5; l[2,1]{0,2} num_true=1 num_sampled=40 unique=false "
            "range_max=5 num_reserved_ids=2 distortion=0.75 "
            "unigrams=[10.0,1.5,3.0] seed=4"),
    SAMPLER("AllCandidateSampler", "Every class.", all_candidates, "",
            "l[3,2]{0,7,1,3,3,1} num_true=2 num_sampled=8 unique=true seed=3"),
    {
        .name = "ComputeAccidentalHits",
        .inputs = "true_classes:int64 sampled_candidates:int64",
        .outputs = "indices:int32 ids:int64 weights:float",
        .attrs = "num_true:int seed:int=0 seed2:int=0",
        .doc = "Which candidates are true classes.",
        .samples = "l[3,2]{0,7,19,3,3,1} l[5]{3,9,7,3,2} num_true=2; "
                   "l[1,1]{4} l[2]{1,2} num_true=1",
        .forward = accidental_hits,
        .gradient = ht_no_gradient,
    },
    {0},
};
