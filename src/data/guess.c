/* guess.c - which column is the label, where nobody says. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/split.h"

static const ht_column *find_any_case(const ht_dataset *d, const char *name) {
  for (int i = 0; i < d->n_columns; i++)
    if (strcasecmp(d->column[i].name, name) == 0) return &d->column[i];
  return NULL;
}

static int by_word(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

int64_t ht_column_distinct(const ht_column *c) {
  int64_t distinct = 0;
  uint64_t *hash = malloc((size_t)c->n * sizeof *hash + 1);
  if (!hash) return -1;
  for (int64_t i = 0; i < c->n; i++) hash[i] = ht_column_hash(c, i);
  qsort(hash, (size_t)c->n, sizeof *hash, by_word);
  for (int64_t i = 0; i < c->n; i++) distinct += !i || hash[i] != hash[i - 1];
  free(hash);
  return distinct;
}

/* Of two columns the one whose values come again and again. */
static const ht_column *repeated(const ht_dataset *d) {
  if (d->n_columns != 2 || d->column[0].whole || d->column[1].whole)
    return NULL;
  int64_t a = ht_column_distinct(&d->column[0]);
  int64_t b = ht_column_distinct(&d->column[1]);
  if (a < 0 || b < 0) return NULL;
  if (a < b && 2 * a <= d->n) return &d->column[0];
  return b < a && 2 * b <= d->n ? &d->column[1] : NULL;
}

const ht_column *ht_dataset_label(const ht_dataset *d) {
  static const char *const usual[] = {
      "label",  "image/class/text", "image/class/label", "class", "category",
      "target", "intent",           "sentiment"};
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
    const ht_column *c = find_any_case(d, usual[i]);
    if (c) return c;
  }
  return repeated(d);
}
