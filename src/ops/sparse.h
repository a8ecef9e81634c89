/* sparse.h - a sparse tensor as ops get it: indices, values, dense shape. */
#ifndef HT_OPS_SPARSE_H
#define HT_OPS_SPARSE_H

#include "ops/op.h"

typedef struct ht_sparse {
  const int64_t *at;       /* [n, rank] */
  const ht_tensor *values; /* [n]; NULL where the op has none */
  int64_t n;
  int rank;
  ht_shape shape;
} ht_sparse;

/* Reads inputs i (indices), v (values, -1: none) and s (shape) and checks
 * that they fit each other and every index lies inside. */
ht_status ht_sparse_from(const ht_call *c, int i, int v, int s,
                         ht_sparse *out) HT_MUST_CHECK;

/* Fails where the known dimensions multiply to more than an int64 holds. */
ht_status ht_check_count(const ht_shape *shape) HT_MUST_CHECK;

/* Compares index a of x with index b of y, first dimension first. */
int ht_sparse_compare(const ht_sparse *x, int64_t a, const ht_sparse *y,
                      int64_t b);
/* order[k] = which entry comes k-th by its index; stable. */
ht_status ht_sparse_order(const ht_sparse *x, int64_t *order) HT_MUST_CHECK;

/* Element `from` of x to element `to` of y, of one dtype; the bytes of
 * strings are not copied (ht_string_keep). */
void ht_copy_element(ht_tensor *y, int64_t to, const ht_tensor *x,
                     int64_t from);
/* out[i] of dtype and shape, ready to take elements of in[k]. */
ht_status ht_out_elements(ht_call *c, int i, int k,
                          const ht_shape *shape) HT_MUST_CHECK;
/* out[i] = the shape as an int64 vector. */
ht_status ht_out_shape(ht_call *c, int i, const ht_shape *shape) HT_MUST_CHECK;

/* Any number exactly: the mantissa of a long double holds an int64. */
typedef long double _Complex ht_wide;
ht_wide ht_wide_at(const ht_tensor *t, int64_t i);
/* Rounded to t's type; integers wrap around. */
void ht_wide_set(ht_tensor *t, int64_t i, ht_wide v);
/* Fails where input i holds no numbers. */
ht_status ht_need_numbers(const ht_call *c, int i) HT_MUST_CHECK;

/* int16, int32 or int64 as int64: shared where it is one, else converted. */
ht_status ht_as_int64(ht_pool *pool, const ht_tensor *t,
                      ht_tensor *out) HT_MUST_CHECK;
/* Element i of an int32 or int64 tensor = v. */
void ht_set_int(ht_tensor *t, int64_t i, int64_t v);

#endif
