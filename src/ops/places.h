/* places.h - indices that come as data: checked, and made numbers of rows. */
#ifndef HT_OPS_PLACES_H
#define HT_OPS_PLACES_H

#include "kernels/gather.h"
#include "ops/moves.h"

/*
 * Coordinates [..., depth] of slices of a value of shape `of`: row[i] is the
 * number of the slice that the i-th names, an int64 vector. Outside: a
 * failure, or where `skip`, -1.
 */
typedef struct ht_places {
  ht_tensor row; /* to be dropped */
  int64_t n;
  int64_t limit, slice; /* slices there are, elements of one */
  int depth;
} ht_places;
ht_status ht_places_of(ht_pool *pool, const ht_tensor *index,
                       const ht_shape *of, bool skip,
                       ht_places *out) HT_MUST_CHECK;

/* How the kernels see them. */
ht_gather ht_places_rows(const ht_places *p);

/* Attribute bad_indices_policy: whether indices outside are passed over. */
ht_status ht_bad_indices(const ht_attrs *attrs, bool *skip) HT_MUST_CHECK;

/* int32 or int64 indices as int64, all in [0, limit). */
ht_status ht_indices_of(ht_pool *pool, const ht_tensor *index, int64_t limit,
                        ht_tensor *out) HT_MUST_CHECK;

/* y's slices = rows of x; -1 leaves y as it is. Any dtype. */
ht_status ht_places_read(const ht_places *p, const ht_tensor *x,
                         ht_tensor *y) HT_MUST_CHECK;
/* Slices of y op= x. Strings and objects can be set alone. */
ht_status ht_places_write(const ht_places *p, ht_scatter_kind kind,
                          const ht_tensor *x, ht_tensor *y) HT_MUST_CHECK;
/* Slices of y at coordinates `index` op= updates, of a shape that is checked;
 * y is written in place. */
ht_status ht_places_scatter(ht_pool *pool, ht_scatter_kind kind,
                            const ht_tensor *index, const ht_tensor *updates,
                            bool skip, ht_tensor *y) HT_MUST_CHECK;

#endif
