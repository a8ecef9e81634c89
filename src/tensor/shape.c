/* shape.c - see tensor.h. */
#include <stdio.h>
#include <string.h>

#include "tensor/tensor.h"

ht_shape ht_shape_of(int rank, const int64_t *dim) {
  ht_shape s = {.rank = rank};
  for (int i = 0; i < rank; i++) s.dim[i] = dim[i];
  return s;
}

ht_shape ht_shape_1(int64_t n) { return (ht_shape){1, {n}}; }

ht_shape ht_shape_2(int64_t rows, int64_t cols) {
  return (ht_shape){2, {rows, cols}};
}

/* What overflows is a part of 0: tensors are checked when they are made. */
int64_t ht_shape_count(const ht_shape *s) {
  uint64_t n = 1;
  for (int i = 0; i < s->rank; i++) n *= (uint64_t)s->dim[i];
  return (int64_t)n;
}

bool ht_shape_equal(const ht_shape *a, const ht_shape *b) {
  if (a->rank != b->rank) return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i]) return false;
  return true;
}

bool ht_shape_fits(const ht_shape *s, const ht_shape *declared) {
  if (declared->rank < 0) return true;
  if (s->rank != declared->rank) return false;
  for (int i = 0; i < s->rank; i++)
    if (declared->dim[i] >= 0 && declared->dim[i] != s->dim[i]) return false;
  return true;
}

bool ht_shape_meets(const ht_shape *a, const ht_shape *b) {
  if (a->rank < 0 || b->rank < 0) return true;
  if (a->rank != b->rank) return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] >= 0 && b->dim[i] >= 0 && a->dim[i] != b->dim[i])
      return false;
  return true;
}

const char *ht_shape_text(const ht_shape *s, char text[HT_SHAPE_TEXT]) {
  if (s->rank < 0) return memcpy(text, "?", 2);
  int n = snprintf(text, HT_SHAPE_TEXT, "[");
  for (int i = 0; i < s->rank; i++) {
    const char *comma = i ? "," : "";
    size_t left = HT_SHAPE_TEXT - (size_t)n;
    n += s->dim[i] < 0
             ? snprintf(text + n, left, "%s?", comma)
             : snprintf(text + n, left, "%s%lld", comma, (long long)s->dim[i]);
  }
  snprintf(text + n, HT_SHAPE_TEXT - (size_t)n, "]");
  return text;
}

static int64_t dim_at(const ht_shape *s, int i, int rank) {
  int k = i - (rank - s->rank);
  return k < 0 ? 1 : s->dim[k];
}

ht_status ht_shape_broadcast(const ht_shape *a, const ht_shape *b,
                             ht_shape *out) {
  char at[HT_SHAPE_TEXT], bt[HT_SHAPE_TEXT];
  ht_shape r = {.rank = a->rank > b->rank ? a->rank : b->rank};
  for (int i = 0; i < r.rank; i++) {
    int64_t x = dim_at(a, i, r.rank), y = dim_at(b, i, r.rank);
    if (x != y && x != 1 && y != 1)
      return ht_fail(HT_USAGE, "shapes %s and %s do not fit",
                     ht_shape_text(a, at), ht_shape_text(b, bt));
    r.dim[i] = x == 1 ? y : x;
  }
  *out = r;
  return HT_SUCCESS;
}
