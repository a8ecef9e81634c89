/* op_table.c - the families of ops joined: find by name, walk in order. */
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

#define FAMILY(name) extern const ht_op ht_ops_##name[];
#include "ops/families.def"
#undef FAMILY

static const ht_op *const family[] = {
#define FAMILY(name) ht_ops_##name,
#include "ops/families.def"
#undef FAMILY
};

enum { N_FAMILIES = sizeof family / sizeof *family, MAX_OPS = 2048 };

/* Sorted once, by whoever asks first; written by one thread, see below. */
static const ht_op *sorted[MAX_OPS];
static int n_sorted;

static int by_name(const void *a, const void *b) {
  return strcmp((*(const ht_op *const *)a)->name,
                (*(const ht_op *const *)b)->name);
}

/* Constant data that C cannot sort at compile time: made before main, so no
 * thread ever sees it half done. */
__attribute__((constructor)) static void sort_table(void) {
  for (int f = 0; f < N_FAMILIES; f++)
    for (const ht_op *op = family[f]; op->name && n_sorted < MAX_OPS; op++)
      sorted[n_sorted++] = op;
  qsort(sorted, (size_t)n_sorted, sizeof *sorted, by_name);
}

const ht_op *const *ht_op_all(int *n) {
  *n = n_sorted;
  return sorted;
}

const ht_op *ht_op_find(const char *name) {
  ht_op key = {.name = name};
  const ht_op *p = &key;
  const ht_op **found =
      bsearch(&p, sorted, (size_t)n_sorted, sizeof *sorted, by_name);
  return found ? *found : NULL;
}
