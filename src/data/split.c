/* split.c - see split.h. */
#include "data/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "kernels/regex.h"

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

uint64_t ht_column_hash(const ht_column *c, int64_t i) {
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

/* ---- by content */

static void hash_contents(const ht_dataset *data, const ht_split_options *o,
                          hashed *h) {
  for (int64_t i = 0; i < data->n; i++)
    for (int c = 0; c < data->n_columns; c++) {
      const ht_column *column = &data->column[c];
      if (column->whole) continue;
      h[i].hash =
          join(h[i].hash, column == o->hashed
                              ? join(o->digest[2 * i], o->digest[2 * i + 1])
                              : ht_column_hash(column, i));
    }
}

/* ---- by group */

static uint64_t hash_match(const ht_regex *re, ht_string s) {
  size_t bounds[2];
  if (!re || !ht_regex_find(re, s.p, s.n, bounds, NULL))
    return ht_hash(s.p, s.n);
  return ht_hash(s.p + bounds[0], bounds[1] - bounds[0]);
}

static ht_status hash_column(const ht_column *c, const char *pattern, int64_t n,
                             hashed *h) {
  ht_regex *re = NULL;
  bool texts = c->value.dtype == HT_STRING && !c->splits;
  if (c->whole || (pattern && !texts))
    return ht_fail(HT_USAGE, "'--group': column '%s' has no text an example",
                   c->name);
  if (pattern) HT_TRY(ht_regex_new(pattern, strlen(pattern), &re));
  for (int64_t i = 0; i < n; i++)
    h[i].hash = join(h[i].hash, re ? hash_match(re, ht_str(&c->value)[i])
                                   : ht_column_hash(c, i));
  ht_regex_free(re);
  return HT_SUCCESS;
}

static ht_status hash_groups(const ht_dataset *data, const char *group,
                             hashed *h) {
  const ht_column *c;
  const char *equals = strchr(group, '=');
  char *name = strndup(group, strcspn(group, "="));
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory to split the data");
  ht_status st = ht_dataset_column(data, name, &c);
  free(name);
  HT_TRY(st);
  return hash_column(c, equals ? equals + 1 : NULL, data->n, h);
}

static ht_status hash_all(const ht_dataset *data, const ht_split_options *o,
                          hashed *h) {
  for (int64_t i = 0; i < data->n; i++) h[i] = (hashed){o->seed, i};
  if (o->group) return hash_groups(data, o->group, h);
  hash_contents(data, o, h);
  return HT_SUCCESS;
}

static ht_status split_hashed(const ht_dataset *data, double fraction,
                              hashed *h, ht_arena *arena, ht_split *out) {
  qsort(h, (size_t)data->n, sizeof *h, by_hash);
  int64_t k = boundary(h, data->n, fraction);
  return k < data->n ? cut(h, data->n, k, arena, out)
                     : ht_fail(HT_USAGE,
                               "'%s' has too few different examples to keep "
                               "some for validation",
                               data->path);
}

ht_status ht_split_make(const ht_dataset *data, const ht_split_options *o,
                        ht_arena *arena, ht_split *out) {
  *out = (ht_split){0};
  if (!(o->fraction > 0 && o->fraction < 1))
    return ht_fail(HT_USAGE, "validation split %g is not between 0 and 1",
                   o->fraction);
  hashed *h = calloc((size_t)data->n, sizeof *h);
  if (!h) return ht_fail(HT_NO_MEMORY, "no memory to split the data");
  ht_status st = hash_all(data, o, h);
  if (st.code == HT_OK) st = split_hashed(data, o->fraction, h, arena, out);
  free(h);
  return st;
}
