/* moves.c - see moves.h. */
#include "ops/moves.h"

#include <string.h>

void ht_move_strides(const ht_shape *s, int64_t stride[HT_MAX_RANK]) {
  ht_k_strides(s->rank, s->dim, 1, stride);
}

/* Counts a reference for every object of a block that was copied. */
static void share_objects(const ht_tensor *t, int64_t at,
                          const ht_block *block, int level) {
  if (level == block->rank) {
    ht_object_share(ht_obj(t)[at]);
    return;
  }
  for (int64_t i = 0; i < block->n[level]; i++)
    share_objects(t, at + i * block->from[level], block, level + 1);
}

ht_status ht_move_block(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                        int64_t from_at, const ht_block *block) {
  int64_t size = (int64_t)ht_dtype_size(from->dtype);
  ht_block bytes = *block;
  for (int i = 0; i < block->rank; i++) {
    if (!block->n[i]) return HT_SUCCESS;
    bytes.to[i] *= size;
    bytes.from[i] *= size;
  }
  if (from->dtype == HT_STRING) HT_TRY(ht_string_keep(to, from));
  if (from->dtype == HT_RESOURCE || from->dtype == HT_VARIANT)
    share_objects(from, from_at, block, 0);
  ht_k_copy_block(&bytes, (size_t)size, (char *)to->data + to_at * size,
                  (const char *)from->data + from_at * size);
  return HT_SUCCESS;
}

ht_status ht_move_run(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                      int64_t from_at, int64_t n) {
  ht_block run = {1, {n}, {1}, {1}};
  return ht_move_block(to, to_at, from, from_at, &run);
}
