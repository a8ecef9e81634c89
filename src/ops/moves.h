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

/* The same for a gradient: adds to what is there. Places may repeat only
 * where their stride is 0. Half types are added in float. */
ht_status ht_move_add(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                      int64_t from_at, const ht_block *block) HT_MUST_CHECK;

/* n elements in a row. */
ht_status ht_move_run(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                      int64_t from_at, int64_t n) HT_MUST_CHECK;

/* Every element of t = the scalar `value` (NULL: zero, "" or nothing). */
ht_status ht_move_fill(ht_tensor *t, const ht_tensor *value) HT_MUST_CHECK;

/* Row-major strides of a shape, in elements. */
void ht_move_strides(const ht_shape *s, int64_t stride[HT_MAX_RANK]);

/*
 * A part of a tensor: n[i] elements on each axis, `step` elements apart, from
 * element `at` on. Cut, flipped and reordered before it is copied to a part of
 * the same sizes.
 */
typedef struct ht_part {
  int rank;
  int64_t at;
  int64_t n[HT_COPY_RANK], step[HT_COPY_RANK];
} ht_part;

ht_part ht_part_of(const ht_shape *s);
/* Elements first .. first+n-1 of an axis. */
void ht_part_cut(ht_part *p, int axis, int64_t first, int64_t n);
/* An axis in reverse. */
void ht_part_flip(ht_part *p, int axis);
/* An axis of n elements as two: n / inner, and inner. */
void ht_part_split(ht_part *p, int axis, int64_t inner);
/* Axis i becomes what was axis perm[i]. */
void ht_part_permute(ht_part *p, const int *perm);
ht_status ht_part_copy(ht_tensor *to, const ht_part *to_part,
                       const ht_tensor *from,
                       const ht_part *from_part) HT_MUST_CHECK;
ht_status ht_part_add(ht_tensor *to, const ht_part *to_part,
                      const ht_tensor *from,
                      const ht_part *from_part) HT_MUST_CHECK;

/* Gives g where st is success, else drops it: the end of a rule. */
ht_status ht_give_or_drop(ht_back *b, int i, ht_tensor *g,
                          ht_status st) HT_MUST_CHECK;

/* Input i as `rank` integers, one per dimension. */
ht_status ht_vector_of(const ht_call *c, int i, int rank,
                       int64_t *v) HT_MUST_CHECK;

/* Element i of an integer tensor of any width = v. */
void ht_put_int(ht_tensor *t, int64_t i, int64_t v);

#endif
