/* rows.c - see rows.h. Rows of a large table are cache misses: the next ones
 * are asked for ahead. */
#include "kernels/rows.h"

#include <stdint.h>
#include <string.h>

#include "base/parallel.h"

enum { GRAIN_BYTES = 1 << 17, AHEAD = 4, LINE = 64 };

typedef struct job {
  const char *x;
  size_t row, n;
  const void *id;
  bool wide;
  char *y;
} job;

static size_t id_at(const job *j, size_t i) {
  return j->wide ? (size_t)((const int64_t *)j->id)[i]
                 : (size_t)((const int32_t *)j->id)[i];
}

static void gather_range(size_t from, size_t to, void *arg) {
  const job *j = arg;
  for (size_t i = from; i < to; i++) {
    if (i + AHEAD < to) {
      const char *next = j->x + id_at(j, i + AHEAD) * j->row;
      for (size_t k = 0; k < j->row && k < 8 * LINE; k += LINE)
        __builtin_prefetch(next + k);
    }
    memcpy(j->y + i * j->row, j->x + id_at(j, i) * j->row, j->row);
  }
}

void ht_k_gather_rows(const void *x, size_t row, const void *id, bool wide,
                      size_t n, void *y) {
  job j = {x, row, n, id, wide, y};
  ht_parallel(n, GRAIN_BYTES / (row + 1) + 1, gather_range, &j);
}
