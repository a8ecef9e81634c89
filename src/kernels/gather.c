/* gather.c - see gather.h. */
#include "kernels/gather.h"

#include <string.h>

#include "base/parallel.h"
#include "kernels/rows.h"

enum { GRAIN = 1 << 15, COLUMNS = 256 };

/* ---- gather */

typedef struct job {
  const ht_gather *g;
  size_t size;
  const char *x;
  char *y;
} job;

#define PICK(type)                                          \
  do {                                                      \
    const type *from = (const type *)(const void *)x;       \
    type *to = (type *)(void *)y;                           \
    for (int64_t i = 0; i < g->n; i++) to[i] = from[id[i]]; \
  } while (0)

static void gather_group(const job *j, int64_t group) {
  const ht_gather *g = j->g;
  const int64_t *id = g->id + group / g->outer * g->n;
  size_t row = (size_t)g->row * j->size;
  const char *x = j->x + (size_t)(group * g->limit) * row;
  char *y = j->y + (size_t)(group * g->n) * row;
  switch (row) {
    case 1: PICK(uint8_t); break;
    case 2: PICK(uint16_t); break;
    case 4: PICK(uint32_t); break;
    case 8: PICK(uint64_t); break;
    default: ht_k_gather_rows(x, row, id, true, (size_t)g->n, y);
  }
}

static void gather_range(size_t from, size_t to, void *arg) {
  for (size_t i = from; i < to; i++) gather_group(arg, (int64_t)i);
}

void ht_k_gather(const ht_gather *g, size_t size, const void *x, void *y) {
  job j = {g, size, x, y};
  int64_t work = g->n * g->row;
  if (work == 0) return;
  ht_parallel((size_t)g->groups, (size_t)(GRAIN / work) + 1, gather_range, &j);
}

/* ---- scatter: cut by columns, so that every place has one writer and rows
 * arrive in order */

typedef struct scatter {
  const ht_gather *g;
  ht_scatter_kind kind;
  ht_dtype t;
  const void *x;
  void *y;
  int64_t group;
} scatter;

static float half_in(ht_dtype t, uint16_t bits) {
  return t == HT_HALF ? ht_half_to_float(bits) : ht_bfloat16_to_float(bits);
}

static float combined(ht_scatter_kind kind, float y, float x) {
  switch (kind) {
    case HT_SCATTER_ADD: return y + x;
    case HT_SCATTER_SUB: return y - x;
    case HT_SCATTER_MAX: return y < x ? x : y;
    case HT_SCATTER_MIN: return x < y ? x : y;
    case HT_SCATTER_MUL: return y * x;
    case HT_SCATTER_DIV: return y / x;
    default: return x;
  }
}

static void half_columns(const scatter *s, uint16_t *y, const uint16_t *x,
                         int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float v = combined(s->kind, half_in(s->t, y[i]), half_in(s->t, x[i]));
    y[i] = s->t == HT_HALF ? ht_float_to_half(v) : ht_float_to_bfloat16(v);
  }
}

#define EACH(expression) \
  for (int64_t i = 0; i < n; i++) y[i] = (__typeof__(*y))(expression)

/* The least integer has no quotient by -1: it wraps around, too. */
#define QUOTIENT(W, a, b) \
  ((b) < 1 && (b) + 1 == 0 ? (W)(a) * (W)(b) : (W)((a) / (b)))

/* Arithmetic is in W: integers wrap. */
#define COLUMNS_OF(type, W)                                            \
  do {                                                                 \
    type *y = (type *)s->y + to;                                       \
    const type *x = (const type *)s->x + from;                         \
    switch (s->kind) {                                                 \
      case HT_SCATTER_SET: memcpy(y, x, (size_t)n * sizeof *y); break; \
      case HT_SCATTER_ADD: EACH((W)y[i] + (W)x[i]); break;             \
      case HT_SCATTER_SUB: EACH((W)y[i] - (W)x[i]); break;             \
      case HT_SCATTER_MAX: EACH(y[i] < x[i] ? x[i] : y[i]); break;     \
      case HT_SCATTER_MIN: EACH(x[i] < y[i] ? x[i] : y[i]); break;     \
      case HT_SCATTER_MUL: EACH((W)y[i] * (W)x[i] + 0); break;         \
      case HT_SCATTER_DIV: EACH(QUOTIENT(W, y[i], x[i])); break;       \
    }                                                                  \
  } while (0)

/* n columns of one row: element `from` of x to element `to` of y. */
static void columns(const scatter *s, int64_t to, int64_t from, int64_t n) {
  switch (s->t) {
    case HT_FLOAT: COLUMNS_OF(float, float); break;
    case HT_DOUBLE: COLUMNS_OF(double, double); break;
    case HT_INT32: COLUMNS_OF(int32_t, uint32_t); break;
    case HT_INT64: COLUMNS_OF(int64_t, uint64_t); break;
    case HT_INT8: COLUMNS_OF(int8_t, int); break;
    case HT_INT16: COLUMNS_OF(int16_t, int); break;
    case HT_UINT8: COLUMNS_OF(uint8_t, int); break;
    case HT_UINT16: COLUMNS_OF(uint16_t, uint32_t); break;
    case HT_UINT32: COLUMNS_OF(uint32_t, uint32_t); break;
    case HT_UINT64: COLUMNS_OF(uint64_t, uint64_t); break;
    case HT_BOOL: COLUMNS_OF(bool, int); break;
    default:
      half_columns(s, (uint16_t *)s->y + to, (const uint16_t *)s->x + from, n);
  }
}

static void scatter_range(size_t first, size_t last, void *arg) {
  const scatter *s = arg;
  const ht_gather *g = s->g;
  const int64_t *id = g->id + s->group / g->outer * g->n;
  int64_t c = (int64_t)first, n = (int64_t)(last - first);
  for (int64_t i = 0; i < g->n; i++)
    if (id[i] >= 0)
      columns(s, (s->group * g->limit + id[i]) * g->row + c,
              (s->group * g->n + i) * g->row + c, n);
}

static void scatter_groups(size_t first, size_t last, void *arg) {
  scatter s = *(const scatter *)arg;
  for (size_t i = first; i < last; i++) {
    s.group = (int64_t)i;
    int64_t grain = s.g->n * s.g->row < GRAIN ? s.g->row : COLUMNS;
    ht_parallel((size_t)s.g->row, (size_t)grain, scatter_range, &s);
  }
}

/* A complex number is two in a row: sums alone. */
static bool as_pairs(ht_gather *g, ht_scatter_kind kind, ht_dtype *t) {
  bool complex = *t == HT_COMPLEX64 || *t == HT_COMPLEX128;
  if (complex) {
    *t = *t == HT_COMPLEX64 ? HT_FLOAT : HT_DOUBLE;
    g->row *= 2;
  }
  return !complex || kind <= HT_SCATTER_SUB;
}

bool ht_k_scatter(const ht_gather *g, ht_scatter_kind kind, ht_dtype t,
                  const void *x, void *y) {
  ht_gather rows = *g;
  if (ht_dtype_pointers(t) || !as_pairs(&rows, kind, &t)) return false;
  if (rows.n * rows.row == 0) return true;
  scatter s = {&rows, kind, t, x, y, 0};
  int64_t work = rows.n * rows.row;
  ht_parallel((size_t)rows.groups, (size_t)(GRAIN / work) + 1, scatter_groups,
              &s);
  return true;
}
