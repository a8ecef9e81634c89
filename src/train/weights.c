/* weights.c - see weights.h. */
#include "train/weights.h"

static ht_status bad_weight(const ht_dataset *data, const ht_column *c,
                            int64_t i, double w) {
  if (data->line)
    return ht_fail(HT_USAGE,
                   "'%s', line %lld: weight '%s' is %g, not 0 or more",
                   data->path, (long long)data->line[i], c->name, w);
  return ht_fail(HT_USAGE,
                 "'%s': weight '%s' of example %lld is %g, not 0 or "
                 "more",
                 data->path, c->name, (long long)i + 1, w);
}

static ht_status check_column(const ht_dataset *data, const ht_column *c) {
  bool numbers =
      ht_dtype_floating(c->value.dtype) || ht_dtype_integer(c->value.dtype);
  if (!numbers)
    return ht_fail(HT_USAGE, "'%s': weights '%s' are no numbers", data->path,
                   c->name);
  if (c->whole || c->splits || ht_count(&c->value) != c->n)
    return ht_fail(HT_USAGE, "'%s': weights '%s' are not one an example",
                   data->path, c->name);
  return HT_SUCCESS;
}

ht_status ht_weights_read(ht_dataset *data, const char *column,
                          const float **out) {
  const ht_column *c;
  float *weight;
  double sum = 0;
  HT_TRY(ht_dataset_column(data, column, &c));
  HT_TRY(check_column(data, c));
  HT_NEW(weight, &data->arena, data->n);
  for (int64_t i = 0; i < data->n; i++) {
    double w = ht_dtype_floating(c->value.dtype)
                   ? ht_real_at(&c->value, i)
                   : (double)ht_int_at(&c->value, i);
    if (!(w >= 0) || !(w <= 3e38)) return bad_weight(data, c, i, w);
    weight[i] = (float)w;
    sum += w;
  }
  if (!(sum > 0))
    return ht_fail(HT_USAGE, "'%s': all weights '%s' are 0", data->path,
                   column);
  *out = weight;
  return HT_SUCCESS;
}
