/* batch.h - which examples come next, and their rows as tensors. */
#ifndef HT_DATA_BATCH_H
#define HT_DATA_BATCH_H

#include "data/dataset.h"

/*
 * The order of examples: epoch after epoch, shuffled anew in each by (seed,
 * epoch) or as they stand; cut into batches, the last of an epoch may be
 * short. (epoch, next) is the whole position: save it, and seek to it.
 */
typedef struct ht_order {
  const int64_t *subset; /* NULL: 0..n-1; borrowed */
  int64_t n, batch;
  uint64_t seed;
  bool shuffle;
  int64_t epoch;  /* from 0 */
  int64_t next;   /* examples of this epoch already given, <= n */
  int64_t *index; /* n: this epoch's order */
} ht_order;

ht_status ht_order_open(const int64_t *subset, int64_t n, int64_t batch,
                        bool shuffle, uint64_t seed,
                        ht_order *out) HT_MUST_CHECK;
void ht_order_close(ht_order *order);
ht_status ht_order_seek(ht_order *order, int64_t epoch,
                        int64_t next) HT_MUST_CHECK;

/* The next batch's examples (count returned); 0 once at each epoch's end,
 * after which the next epoch begins. */
int64_t ht_order_next(ht_order *order, const int64_t **index);

/* The batch that ht_order_next will give, where it is of this epoch; else 0. */
int64_t ht_order_peek(const ht_order *order, const int64_t **index);

/*
 * Rows index[0..n-1] of a column as a tensor from the pool: [n, ...]. Strings
 * are not copied, the column's buffer is kept alive. A whole column is
 * shared. Indices must be examples of the column.
 */
ht_status ht_batch_gather(ht_pool *pool, const ht_column *column,
                          const int64_t *index, int64_t n,
                          ht_tensor *out) HT_MUST_CHECK;

/* Rows of a column of sets of class ids as floats [n, classes], 1 where the
 * class is in the set. */
ht_status ht_batch_multihot(ht_pool *pool, const ht_column *column, int classes,
                            const int64_t *index, int64_t n,
                            ht_tensor *out) HT_MUST_CHECK;

#endif
