/* reduce.h - sums, products, extremes and running sums over axes. The cuts
 * depend on sizes alone, so results are the same on any number of threads. */
#ifndef HT_KERNELS_REDUCE_H
#define HT_KERNELS_REDUCE_H

#include "tensor/tensor.h"

typedef enum ht_reduction {
  HT_REDUCE_SUM,
  HT_REDUCE_PROD,
  HT_REDUCE_MAX, /* NaN wins; of bool: any */
  HT_REDUCE_MIN, /* of bool: all */
  HT_REDUCTIONS
} ht_reduction;

bool ht_reduce_has(ht_reduction op, ht_dtype t);

/*
 * *out = x reduced over the axes for which reduced[i]; `shape` is that of the
 * result (with or without axes of length 1). Over no elements: 0, 1, the
 * lowest or the highest value (floats: infinite).
 */
ht_status ht_reduce(ht_pool *pool, ht_reduction op, const ht_tensor *x,
                    const bool *reduced, const ht_shape *shape,
                    ht_tensor *out) HT_MUST_CHECK;

/* A tensor seen around one axis: outer x length x inner. */
typedef struct ht_around {
  int64_t outer, length, inner;
} ht_around;
ht_around ht_around_axis(const ht_shape *s, int axis);

/* index[outer, inner] = where along the axis the first greatest (or least)
 * value stands; NaN never is. False where there is none for the dtype. */
bool ht_arg_extreme(const ht_tensor *x, const ht_around *a, bool greatest,
                    int64_t *index);

typedef enum ht_scan { HT_SCAN_SUM, HT_SCAN_PROD, HT_SCAN_LOGSUMEXP } ht_scan;
/* Running sums along the axis into z (of x's dtype and shape). */
bool ht_scan_run(ht_scan op, const ht_tensor *x, const ht_around *a,
                 bool exclusive, bool reverse, ht_tensor *z);

#endif
