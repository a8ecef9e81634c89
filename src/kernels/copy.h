/* copy.h - blocks of elements from place to place. */
#ifndef HT_KERNELS_COPY_H
#define HT_KERNELS_COPY_H

#include "tensor/dtype.h"

enum { HT_COPY_RANK = 16 };

/*
 * A strided block: n[0] x n[1] x ... elements of `size` bytes; strides are in
 * bytes and may be negative, that of `from` also 0 (repeated). No two
 * elements go to one place. Dimensions that are dense on both sides become
 * runs of memcpy, transposed ones go in tiles.
 */
typedef struct ht_block {
  int rank;
  int64_t n[HT_COPY_RANK];
  int64_t to[HT_COPY_RANK], from[HT_COPY_RANK];
} ht_block;

void ht_k_copy_block(const ht_block *block, size_t size, char *to,
                     const char *from);

/*
 * The same, but numbers (floats, doubles or uint64, which wrap) are added to
 * what is there. Strides of `to` may be 0: those elements are summed, in the
 * block's order.
 */
void ht_k_add_block(const ht_block *block, ht_dtype t, char *to,
                    const char *from);

/* Row-major strides in bytes. */
void ht_k_strides(int rank, const int64_t *dim, size_t size, int64_t *stride);

#endif
