/* buffer.h - inside of a buffer, for src/tensor alone. */
#ifndef HT_TENSOR_BUFFER_H
#define HT_TENSOR_BUFFER_H

#include "tensor/tensor.h"

struct ht_buffer {
  _Atomic int references;
  ht_dtype dtype; /* of strings and objects; HT_INVALID: plain bytes */
  uint8_t size_class;
  void *data;
  size_t bytes;
  ht_pool *pool;
  void (*release)(void *arg); /* wrapped memory */
  void *arg;
  ht_arena arena;   /* bytes of strings */
  ht_buffer **kept; /* in the arena */
  int n_kept, kept_capacity;
};

ht_status ht_buffer_new(ht_pool *pool, ht_dtype dtype, size_t bytes,
                        ht_buffer **out) HT_MUST_CHECK;

#endif
