/* split.c - see split.h. */
#include "data/split.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"

typedef struct {
  uint64_t hash;
  int64_t example;
} hashed;

static uint64_t join(uint64_t a, uint64_t b) {
  uint64_t both[2] = {a, b};
  return ht_hash(both, sizeof both);
}

/* A hash of elements from .. to-1. */
static uint64_t hash_elements(const ht_tensor *t, int64_t from, int64_t to) {
  if (t->dtype != HT_STRING) {
    size_t width = ht_dtype_size(t->dtype);
    return to > from ? ht_hash((const char *)t->data + (size_t)from * width,
                               (size_t)(to - from) * width)
                     : 0;
  }
  uint64_t h = 0;
  for (int64_t i = from; i < to; i++)
    h = join(h, ht_hash(ht_str(t)[i].p, ht_str(t)[i].n));
  return h;
}

static uint64_t hash_example(const ht_column *c, int64_t i) {
  if (c->splits)
    return hash_elements(&c->value, c->splits[i], c->splits[i + 1]);
  int64_t row = ht_count(&c->value) / c->n;
  return hash_elements(&c->value, i * row, (i + 1) * row);
}

static int by_hash(const void *a, const void *b) {
  const hashed *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return (x->example > y->example) - (x->example < y->example);
}

static int ascending(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* How many of the smallest hashes: whole groups of equal ones. */
static int64_t boundary(const hashed *h, int64_t n, double fraction) {
  int64_t k = llround(fraction * (double)n);
  if (k < 1) k = 1;
  while (k < n && h[k].hash == h[k - 1].hash) k++;
  return k;
}

static ht_status cut(const hashed *h, int64_t n, int64_t k, ht_arena *arena,
                     ht_split *out) {
  HT_NEW(out->valid, arena, k);
  HT_NEW(out->train, arena, n - k);
  out->n_valid = k;
  out->n_train = n - k;
  for (int64_t i = 0; i < k; i++) out->valid[i] = h[i].example;
  for (int64_t i = k; i < n; i++) out->train[i - k] = h[i].example;
  qsort(out->valid, (size_t)k, sizeof *out->valid, ascending);
  qsort(out->train, (size_t)(n - k), sizeof *out->train, ascending);
  return HT_SUCCESS;
}

ht_status ht_split_make(const ht_dataset *data, double fraction, uint64_t seed,
                        ht_arena *arena, ht_split *out) {
  *out = (ht_split){0};
  if (!(fraction > 0 && fraction < 1))
    return ht_fail(HT_USAGE, "validation split %g is not between 0 and 1",
                   fraction);
  hashed *h = calloc((size_t)data->n, sizeof *h);
  if (!h) return ht_fail(HT_NO_MEMORY, "no memory to split the data");
  for (int64_t i = 0; i < data->n; i++) {
    h[i] = (hashed){seed, i};
    for (int c = 0; c < data->n_columns; c++)
      if (!data->column[c].whole)
        h[i].hash = join(h[i].hash, hash_example(&data->column[c], i));
  }
  qsort(h, (size_t)data->n, sizeof *h, by_hash);
  int64_t k = boundary(h, data->n, fraction);
  ht_status st = k < data->n ? cut(h, data->n, k, arena, out)
                             : ht_fail(HT_USAGE,
                                       "'%s' has too few different examples "
                                       "to keep some for validation",
                                       data->path);
  free(h);
  return st;
}
