/* op_bucket.c - the buckets of boosted trees and of transforms, whose
 * boundaries are inputs. */
#include "ops/op.h"

/* Boundaries below v (or, where `equal`, not above it). */
static int32_t below(const float *bound, int64_t n, float v, bool equal) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t mid = low + (high - low) / 2;
    if (bound[mid] < v || (equal && bound[mid] == v))
      low = mid + 1;
    else
      high = mid;
  }
  return (int32_t)low;
}

static ht_status ascending(const ht_call *c, int i) {
  const float *bound = ht_f(c->in[i]);
  HT_TRY(ht_need_dtype(c, i, HT_FLOAT));
  for (int64_t k = 1; k < ht_count(c->in[i]); k++)
    if (!(bound[k - 1] <= bound[k]))
      return ht_fail(HT_USAGE, "op '%s': boundaries do not ascend",
                     c->op->name);
  return HT_SUCCESS;
}

/* The first boundary that is not below v; the last one beyond all. */
static ht_status boosted_trees(ht_call *c) {
  int n = c->n_in / 2;
  for (int f = 0; f < n; f++) {
    int64_t bounds = ht_count(c->in[n + f]);
    HT_TRY(ht_need_dtype(c, f, HT_FLOAT));
    HT_TRY(ht_need_rank(c, f, 1));
    HT_TRY(ascending(c, n + f));
    if (bounds < 1 || bounds > INT32_MAX)
      return ht_fail(HT_USAGE, "op '%s': feature %d has no boundaries",
                     c->op->name, f);
    HT_TRY(ht_out(c, f, HT_INT32, &c->in[f]->shape));
    for (int64_t i = 0; i < ht_count(c->in[f]); i++) {
      int32_t k = below(ht_f(c->in[n + f]), bounds, ht_f(c->in[f])[i], false);
      ht_i32(&c->out[f])[i] = k < bounds ? k : (int32_t)bounds - 1;
    }
  }
  return HT_SUCCESS;
}

static ht_status by_boundaries(ht_call *c) {
  ht_dtype t = c->in[0]->dtype;
  HT_TRY(ascending(c, 1));
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT32 && t != HT_INT64)
    return ht_no_dtype(c, t);
  if (ht_count(c->in[1]) > INT32_MAX)
    return ht_fail(HT_USAGE, "op '%s': too many boundaries", c->op->name);
  HT_TRY(ht_out(c, 0, HT_INT32, &c->in[0]->shape));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++)
    ht_i32(&c->out[0])[i] = below(ht_f(c->in[1]), ht_count(c->in[1]),
                                  (float)ht_real_at(c->in[0], i), true);
  return HT_SUCCESS;
}

const ht_op ht_ops_bucket[] = {
    {.name = "BoostedTreesBucketize",
     .inputs = "float_values:num_features*float "
               "bucket_boundaries:num_features*float",
     .outputs = "buckets:num_features*int32",
     .attrs = "num_features:int",
     .doc = "Features as the numbers of the first boundaries not below them.",
     .samples = "@a_feature_falls_in_the_bucket_of_its_boundary",
     .forward = boosted_trees,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "BucketizeWithInputBoundaries",
     .inputs = "input:T boundaries:float",
     .outputs = "output:int32",
     .attrs = "T:type",
     .doc = "How many boundaries are not above each number.",
     .samples = "@a_number_falls_in_the_bucket_after_its_boundaries",
     .forward = by_boundaries,
     .gradient = ht_no_gradient},
    {0},
};
