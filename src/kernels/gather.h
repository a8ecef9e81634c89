/* gather.h - rows read from and written to places given by numbers. */
#ifndef HT_KERNELS_GATHER_H
#define HT_KERNELS_GATHER_H

#include "tensor/tensor.h"

/* A gather of n rows from each of `groups` tables of `limit` rows; groups
 * b * outer .. b * outer + outer - 1 use the numbers of batch b. */
typedef struct ht_gather {
  int64_t groups, outer, limit, n;
  int64_t row;       /* elements */
  const int64_t *id; /* [groups / outer, n], in range */
} ht_gather;

/* y[g][i] = x[g][id[i]], elements of `size` bytes. */
void ht_k_gather(const ht_gather *g, size_t size, const void *x, void *y);

typedef enum ht_scatter_kind {
  HT_SCATTER_SET, /* later rows win */
  HT_SCATTER_ADD,
  HT_SCATTER_SUB,
  HT_SCATTER_MAX,
  HT_SCATTER_MIN,
  HT_SCATTER_MUL,
  HT_SCATTER_DIV /* of integers: x without zeros */
} ht_scatter_kind;

/* y[g][id[i]] op= x[g][i] in the order of i; an id of -1 is passed over.
 * Numbers alone; false for a dtype or pair that has no such operation. */
bool ht_k_scatter(const ht_gather *g, ht_scatter_kind kind, ht_dtype t,
                  const void *x, void *y);

#endif
