/* copy.c - see copy.h. */
#include "kernels/copy.h"

#include <string.h>

#include "base/parallel.h"

enum { GRAIN_BYTES = 1 << 18 };

void ht_k_strides(int rank, const int64_t *dim, size_t size, int64_t *stride) {
  int64_t step = (int64_t)size;
  for (int i = rank - 1; i >= 0; i--) {
    stride[i] = step;
    step *= dim[i];
  }
}

/* Joins dimensions that follow each other densely on both sides. */
static void collapse(ht_block *b) {
  int k = 0;
  for (int i = 0; i < b->rank; i++) {
    if (b->n[i] == 1) continue;
    bool joined = k && b->to[k - 1] == b->n[i] * b->to[i] &&
                  b->from[k - 1] == b->n[i] * b->from[i];
    if (joined) {
      b->n[k - 1] *= b->n[i];
      b->to[k - 1] = b->to[i];
      b->from[k - 1] = b->from[i];
    } else {
      b->n[k] = b->n[i];
      b->to[k] = b->to[i];
      b->from[k++] = b->from[i];
    }
  }
  b->rank = k;
}

#define STRIDED(type)                                              \
  for (int64_t i = 0; i < n; i++, to += step, from += stride)      \
    *(type *)(void *)to = *(const type *)(const void *)from

static void copy_line(int64_t n, int64_t step, int64_t stride, size_t size,
                      char *to, const char *from) {
  if (step == (int64_t)size && stride == step) {
    memcpy(to, from, (size_t)n * size);
    return;
  }
  switch (size) {
    case 1: STRIDED(uint8_t); break;
    case 2: STRIDED(uint16_t); break;
    case 4: STRIDED(uint32_t); break;
    case 8: STRIDED(uint64_t); break;
    default:
      for (int64_t i = 0; i < n; i++, to += step, from += stride)
        memcpy(to, from, size);
  }
}

static void copy_from(const ht_block *b, int level, size_t size, char *to,
                      const char *from) {
  if (level == b->rank) {
    memcpy(to, from, size);
    return;
  }
  if (level == b->rank - 1) {
    copy_line(b->n[level], b->to[level], b->from[level], size, to, from);
    return;
  }
  for (int64_t i = 0; i < b->n[level]; i++)
    copy_from(b, level + 1, size, to + i * b->to[level],
              from + i * b->from[level]);
}

typedef struct job {
  const ht_block *block;
  size_t size;
  char *to;
  const char *from;
} job;

static void copy_range(size_t first, size_t last, void *arg) {
  const job *j = arg;
  ht_block part = *j->block;
  part.n[0] = (int64_t)(last - first);
  copy_from(&part, 0, j->size, j->to + (int64_t)first * part.to[0],
            j->from + (int64_t)first * part.from[0]);
}

void ht_k_copy_block(const ht_block *block, size_t size, char *to,
                     const char *from) {
  ht_block b = *block;
  int64_t inner = (int64_t)size;
  for (int i = 0; i < b.rank; i++)
    if (!b.n[i]) return;
  collapse(&b);
  if (!b.rank) {
    memcpy(to, from, size);
    return;
  }
  for (int i = 1; i < b.rank; i++) inner *= b.n[i];
  job j = {&b, size, to, from};
  ht_parallel((size_t)b.n[0], (size_t)(GRAIN_BYTES / inner) + 1, copy_range,
              &j);
}
