/* moves.h - what the ops that move elements share. */
#ifndef HT_OPS_MOVES_H
#define HT_OPS_MOVES_H

#include "kernels/copy.h"
#include "ops/op.h"

/*
 * Copies a block between tensors of one dtype, from element offsets on (in
 * elements; strides of the block in elements too). Strings are lent by
 * `from`'s buffer, objects get one more reference.
 */
ht_status ht_move_block(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                        int64_t from_at, const ht_block *block) HT_MUST_CHECK;

/* n elements in a row. */
ht_status ht_move_run(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                      int64_t from_at, int64_t n) HT_MUST_CHECK;

/* Row-major strides of a shape, in elements. */
void ht_move_strides(const ht_shape *s, int64_t stride[HT_MAX_RANK]);

#endif
