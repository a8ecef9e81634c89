/* copy.c - see copy.h. */
#include "kernels/copy.h"

#include <string.h>

#include "base/parallel.h"

enum { GRAIN_BYTES = 1 << 17, TILE = 32, FEW = 8, SHORT_RUN = 64 };

void ht_k_strides(int rank, const int64_t *dim, size_t size, int64_t *stride) {
  int64_t step = (int64_t)size;
  for (int i = rank - 1; i >= 0; i--) {
    stride[i] = step;
    step *= dim[i];
  }
}

static void set_axis(ht_block *b, int k, const ht_block *from, int i) {
  b->n[k] = from->n[i];
  b->to[k] = from->to[i];
  b->from[k] = from->from[i];
}

/* Moves axis i to place k < i, those between one up. */
static void move_axis(ht_block *b, int i, int k) {
  ht_block old = *b;
  for (int j = i; j > k; j--) set_axis(b, j, &old, j - 1);
  set_axis(b, k, &old, i);
}

/* Joins dimensions that follow each other densely on both sides. */
static void collapse(ht_block *b) {
  int k = 0;
  for (int i = 0; i < b->rank; i++) {
    if (b->n[i] == 1) continue;
    bool joined = k && b->to[k - 1] == b->n[i] * b->to[i] &&
                  b->from[k - 1] == b->n[i] * b->from[i];
    if (joined) {
      int64_t n = b->n[k - 1];
      set_axis(b, k - 1, b, i);
      b->n[k - 1] *= n;
    } else {
      set_axis(b, k++, b, i);
    }
  }
  b->rank = k;
}

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

/* The order in which memory is written. */
static void sort_axes(ht_block *b) {
  for (int i = 1; i < b->rank; i++) {
    int k = i;
    while (k && magnitude(b->to[k - 1]) < magnitude(b->to[i])) k--;
    if (k < i) move_axis(b, i, k);
  }
}

/* ---- lines: the innermost dimension */

typedef struct wide16 {
  uint64_t half[2];
} wide16;

#define STRIDED(type)                                         \
  for (int64_t i = 0; i < n; i++, to += step, from += stride) \
  *(type *)(void *)to = *(const type *)(const void *)from

#define REPEATED(type)                                    \
  do {                                                    \
    const type value = *(const type *)(const void *)from; \
    type *y = (type *)(void *)to;                         \
    for (int64_t i = 0; i < n; i++) y[i] = value;         \
  } while (0)

#define LINE(type)                                    \
  do {                                                \
    if (stride == 0 && step == (int64_t)sizeof(type)) \
      REPEATED(type);                                 \
    else                                              \
      STRIDED(type);                                  \
  } while (0)

static void copy_line(int64_t n, int64_t step, int64_t stride, size_t size,
                      char *to, const char *from) {
  bool dense = step == (int64_t)size && stride == step;
  if (dense && n * step > SHORT_RUN) {
    memcpy(to, from, (size_t)n * size);
    return;
  }
  switch (size) {
    case 1: LINE(uint8_t); break;
    case 2: LINE(uint16_t); break;
    case 4: LINE(uint32_t); break;
    case 8: LINE(uint64_t); break;
    case 16: LINE(wide16); break;
    default:
      for (int64_t i = 0; i < n; i++, to += step, from += stride)
        memcpy(to, from, size);
  }
}

/* ---- planes: the two innermost ones, transposed */

#define TILES(type)                                             \
  for (int64_t r = 0; r < rows; r += TILE)                      \
    for (int64_t c = 0; c < cols; c += TILE) {                  \
      int64_t r_end = r + TILE < rows ? r + TILE : rows;        \
      int64_t c_end = c + TILE < cols ? c + TILE : cols;        \
      for (int64_t i = r; i < r_end; i++) {                     \
        type *y = (type *)(void *)(to + i * step);              \
        const char *x = from + i * (int64_t)sizeof(type);       \
        for (int64_t k = c; k < c_end; k++)                     \
          y[k] = *(const type *)(const void *)(x + k * stride); \
      }                                                         \
    }

/* Row i of the plane begins at element i of `from`. */
static void copy_plane(int64_t rows, int64_t cols, int64_t step, int64_t stride,
                       size_t size, char *to, const char *from) {
  switch (size) {
    case 1: TILES(uint8_t) break;
    case 2: TILES(uint16_t) break;
    case 4: TILES(uint32_t) break;
    case 8: TILES(uint64_t) break;
    default: TILES(wide16) break;
  }
}

/* Whether rows of the result are columns of the source; then the source's
 * dense axis becomes the last but one. */
static bool make_plane(ht_block *b, size_t size) {
  int last = b->rank - 1;
  bool known = size <= 16 && !(size & (size - 1));
  if (last < 1 || !known || b->to[last] != (int64_t)size ||
      b->from[last] == (int64_t)size || b->from[last] == 0)
    return false;
  for (int i = last - 1; i >= 0; i--)
    if (b->from[i] == (int64_t)size) {
      ht_block old = *b;
      for (int j = i; j < last - 1; j++) set_axis(b, j, &old, j + 1);
      set_axis(b, last - 1, &old, i);
      return true;
    }
  return false;
}

/* ---- the walk */

typedef struct job {
  const ht_block *block;
  size_t size;
  bool plane;
  char *to;
  const char *from;
  ht_dtype t; /* of sums */
} job;

static void copy_from(const job *j, const ht_block *b, int level, char *to,
                      const char *from) {
  int left = b->rank - level;
  if (left == 1) {
    copy_line(b->n[level], b->to[level], b->from[level], j->size, to, from);
  } else if (left == 2 && j->plane) {
    copy_plane(b->n[level], b->n[level + 1], b->to[level], b->from[level + 1],
               j->size, to, from);
  } else {
    for (int64_t i = 0; i < b->n[level]; i++)
      copy_from(j, b, level + 1, to + i * b->to[level],
                from + i * b->from[level]);
  }
}

static void copy_range(size_t first, size_t last, void *arg) {
  const job *j = arg;
  ht_block part = *j->block;
  part.n[0] = (int64_t)(last - first);
  copy_from(j, &part, 0, j->to + (int64_t)first * part.to[0],
            j->from + (int64_t)first * part.from[0]);
}

static ht_block without_first(const ht_block *b) {
  ht_block rest = {.rank = b->rank - 1};
  for (int i = 0; i < rest.rank; i++) set_axis(&rest, i, b, i + 1);
  return rest;
}

/* Cuts the first axis, or where that has a few elements alone the next. */
static void copy_cut(const job *j) {
  const ht_block *b = j->block;
  int64_t inner = (int64_t)j->size;
  for (int i = 1; i < b->rank; i++) inner *= b->n[i];
  if (b->rank > 2 && b->n[0] < FEW && inner > GRAIN_BYTES) {
    ht_block rest = without_first(b);
    for (int64_t i = 0; i < b->n[0]; i++)
      copy_cut(&(job){&rest, j->size, j->plane, j->to + i * b->to[0],
                      j->from + i * b->from[0], j->t});
    return;
  }
  size_t grain = (size_t)(GRAIN_BYTES / inner) + 1;
  if (j->plane && b->rank == 2 && grain < TILE) grain = TILE;
  ht_parallel((size_t)b->n[0], grain, copy_range, (void *)(uintptr_t)j);
}

void ht_k_copy_block(const ht_block *block, size_t size, char *to,
                     const char *from) {
  ht_block b = *block;
  for (int i = 0; i < b.rank; i++)
    if (!b.n[i]) return;
  sort_axes(&b);
  collapse(&b);
  if (!b.rank) {
    memcpy(to, from, size);
    return;
  }
  bool plane = make_plane(&b, size);
  copy_cut(&(job){&b, size, plane, to, from, HT_INVALID});
}

/* ---- sums */

#define ADD_LINE(type)                                      \
  do {                                                      \
    type *y = (type *)(void *)to;                           \
    const type *x = (const type *)(const void *)from;       \
    int64_t s = step / (int64_t)sizeof(type);               \
    int64_t r = stride / (int64_t)sizeof(type);             \
    if (s == 1 && r == 1)                                   \
      for (int64_t i = 0; i < n; i++) y[i] += x[i];         \
    else                                                    \
      for (int64_t i = 0; i < n; i++) y[i * s] += x[i * r]; \
  } while (0)

static void add_from(const ht_block *b, int level, ht_dtype t, char *to,
                     const char *from) {
  int64_t n = b->n[level], step = b->to[level], stride = b->from[level];
  if (level < b->rank - 1) {
    for (int64_t i = 0; i < n; i++)
      add_from(b, level + 1, t, to + i * step, from + i * stride);
  } else if (t == HT_DOUBLE) {
    ADD_LINE(double);
  } else if (t == HT_UINT64) {
    ADD_LINE(uint64_t);
  } else {
    ADD_LINE(float);
  }
}

static void add_range(size_t first, size_t last, void *arg) {
  const job *j = arg;
  ht_block part = *j->block;
  part.n[0] = (int64_t)(last - first);
  add_from(&part, 0, j->t, j->to + (int64_t)first * part.to[0],
           j->from + (int64_t)first * part.from[0]);
}

void ht_k_add_block(const ht_block *block, ht_dtype t, char *to,
                    const char *from) {
  ht_block b = *block;
  size_t size = ht_dtype_size(t);
  int64_t inner = (int64_t)size;
  for (int i = 0; i < b.rank; i++)
    if (!b.n[i]) return;
  collapse(&b);
  if (!b.rank) {
    b.rank = 1;
    b.n[0] = 1;
    b.to[0] = b.from[0] = (int64_t)size;
  }
  for (int i = 1; i < b.rank; i++) inner *= b.n[i];
  size_t grain = (size_t)(GRAIN_BYTES / inner) + 1;
  job j = {&b, size, false, to, from, t};
  if (b.to[0] == 0) grain = (size_t)b.n[0]; /* one place: one thread */
  ht_parallel((size_t)b.n[0], grain, add_range, &j);
}
