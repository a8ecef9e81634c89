/* conv.h - convolutions on raw pointers, channels last, float and double. */
#ifndef HT_KERNELS_CONV_H
#define HT_KERNELS_CONV_H

#include "kernels/epilogue.h"
#include "kernels/window.h"

/*
 * x [batch, in.., cin], y [batch, out.., cout]. The filter is
 * [size.., cin/groups, cout], or, where depthwise, [size.., cin, cout/cin]:
 * each channel by itself makes cout/cin.
 */
typedef struct ht_conv {
  ht_dtype t; /* HT_FLOAT, HT_DOUBLE */
  ht_window w;
  int64_t cin, cout, groups;
  bool depthwise;
} ht_conv;

/* What a node keeps for its convolutions (compiled code, by geometry). Any
 * thread may use it. NULL where there is nothing to keep, which is fine. */
typedef struct ht_conv_room ht_conv_room;
ht_conv_room *ht_conv_room_new(void);
void ht_conv_room_free(ht_conv_room *room);

/* Where convolutions work: the pool lends scratch memory. */
typedef struct ht_conv_place {
  ht_pool *pool;
  ht_conv_room *room;
  uint64_t epoch; /* calls of one number have one filter and factors; 0: none */
} ht_conv_place;

/* y = x * f, then what e says (NULL: nothing; floats only). Failures are those
 * of memory. */
ht_status ht_conv_forward(const ht_conv_place *at, const ht_conv *c,
                          const ht_epilogue *e, const void *x, const void *f,
                          void *y) HT_MUST_CHECK;
/* dx from dy and f. */
ht_status ht_conv_back_input(const ht_conv_place *at, const ht_conv *c,
                             const void *f, const void *dy,
                             void *dx) HT_MUST_CHECK;
/* df from x and dy, summed over fixed chunks in order; and, unless db is NULL,
 * the sum of dy by channel, which is the gradient of a bias. */
ht_status ht_conv_back_filter(const ht_conv_place *at, const ht_conv *c,
                              const void *x, const void *dy, void *df,
                              void *db) HT_MUST_CHECK;
/* y += x. */
void ht_add_floats(int64_t n, const float *x, float *y);
/* total = the sum, in their order, of n arrays of `count` values, of which each
 * begins `step` values behind the one before. It may stand where the first
 * does. */
void ht_add_parts(ht_dtype t, int64_t count, int64_t n, int64_t step,
                  const void *part, void *total);

/* The same for depthwise ones: called by those above. */
void ht_depthwise_forward(const ht_conv *c, const ht_epilogue *e, const void *x,
                          const void *f, void *y);
void ht_depthwise_back_input(const ht_conv *c, const void *f, const void *dy,
                             void *dx);
/* Images from .. to-1 added into df. */
void ht_depthwise_add_filter(const ht_conv *c, int64_t from, int64_t to,
                             const void *x, const void *dy, void *df);

/* [n, c, pixels] to [n, pixels, c] (the other way: swap the two). `size` is
 * that of an element. */
void ht_swap_axes(size_t size, int64_t n, int64_t rows, int64_t cols,
                  const void *x, void *y);

#endif
