/* places.c - see places.h. */
#include "ops/places.h"

#include <stdio.h>

#include "ops/sparse.h"

/* "1,0": where element i of a tensor stands. */
static const char *position(const ht_shape *s, int64_t i,
                            char text[HT_SHAPE_TEXT]) {
  ht_shape at = *s;
  for (int d = s->rank - 1; d >= 0; d--) {
    at.dim[d] = i % s->dim[d];
    i /= s->dim[d];
  }
  ht_shape_text(&at, text);
  return text;
}

ht_status ht_indices_of(ht_pool *pool, const ht_tensor *index, int64_t limit,
                        ht_tensor *out) {
  char text[HT_SHAPE_TEXT];
  HT_TRY(ht_as_int64(pool, index, out));
  const int64_t *id = ht_i64(out);
  for (int64_t i = 0; i < ht_count(out); i++)
    if (id[i] < 0 || id[i] >= limit) {
      ht_status st = ht_fail(HT_USAGE, "indices%s = %lld is not in [0, %lld)",
                             position(&index->shape, i, text), (long long)id[i],
                             (long long)limit);
      ht_tensor_drop(out);
      return st;
    }
  return HT_SUCCESS;
}

ht_status ht_bad_indices(const ht_attrs *attrs, bool *skip) {
  ht_string policy = ht_attr_string(attrs, "bad_indices_policy");
  *skip = ht_attr_is(attrs, "bad_indices_policy", "IGNORE");
  if (*skip || !policy.n || ht_attr_is(attrs, "bad_indices_policy", "ERROR") ||
      ht_attr_is(attrs, "bad_indices_policy", "DEFAULT"))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "bad_indices_policy is not ERROR or IGNORE");
}

static ht_status outside(const ht_tensor *index, const ht_shape *of, int depth,
                         int64_t i) {
  ht_shape places = index->shape, found = {.rank = depth};
  char at[HT_SHAPE_TEXT], where[HT_SHAPE_TEXT], shape[HT_SHAPE_TEXT];
  places.rank--;
  for (int k = 0; k < depth; k++)
    found.dim[k] = ht_int_at(index, i * depth + k);
  int n = 0;
  for (int k = 0; k < depth && n < HT_SHAPE_TEXT - 24; k++)
    n += snprintf(where + n, (size_t)(HT_SHAPE_TEXT - n), "%s%lld",
                  k ? "," : "", (long long)found.dim[k]);
  return ht_fail(HT_USAGE, "indices%s = [%s] does not index into shape %s",
                 position(&places, i, at), where, ht_shape_text(of, shape));
}

/* The number of the slice at coordinates i, -1 where they lie outside. */
static int64_t place(const ht_tensor *index, const ht_shape *of, int depth,
                     int64_t i) {
  int64_t row = 0;
  for (int k = 0; k < depth; k++) {
    int64_t v = ht_int_at(index, i * depth + k);
    if (v < 0 || v >= of->dim[k]) return -1;
    row = row * of->dim[k] + v;
  }
  return row;
}

ht_status ht_places_of(ht_pool *pool, const ht_tensor *index,
                       const ht_shape *of, bool skip, ht_places *out) {
  int last = index->shape.rank - 1;
  ht_dtype t = index->dtype;
  bool ints = t == HT_INT16 || t == HT_INT32 || t == HT_INT64;
  if (last < 0 || !ints || index->shape.dim[last] > of->rank)
    return ht_fail(HT_USAGE, "indices do not fit a value of rank %d", of->rank);
  ht_places p = {.n = 1, .limit = 1, .slice = 1};
  p.depth = (int)index->shape.dim[last];
  for (int i = 0; i < last; i++) p.n *= index->shape.dim[i];
  for (int i = 0; i < of->rank; i++)
    *(i < p.depth ? &p.limit : &p.slice) *= of->dim[i];
  ht_shape rows = ht_shape_1(p.n);
  HT_TRY(ht_tensor_new(pool, HT_INT64, &rows, &p.row));
  for (int64_t i = 0; i < p.n; i++) {
    int64_t row = ht_i64(&p.row)[i] = place(index, of, p.depth, i);
    if (row >= 0 || skip) continue;
    ht_tensor_drop(&p.row);
    return outside(index, of, p.depth, i);
  }
  *out = p;
  return HT_SUCCESS;
}

ht_gather ht_places_rows(const ht_places *p) {
  return (ht_gather){1, 1, p->limit, p->n, p->slice, ht_i64(&p->row)};
}

static bool any_skipped(const ht_places *p) {
  for (int64_t i = 0; i < p->n; i++)
    if (ht_i64(&p->row)[i] < 0) return true;
  return false;
}

ht_status ht_places_read(const ht_places *p, const ht_tensor *x, ht_tensor *y) {
  ht_gather g = ht_places_rows(p);
  bool objects = x->dtype == HT_RESOURCE || x->dtype == HT_VARIANT;
  if (x->dtype == HT_STRING) HT_TRY(ht_string_keep(y, x));
  if (!objects && !any_skipped(p)) {
    ht_k_gather(&g, ht_dtype_size(x->dtype), x->data, y->data);
    return HT_SUCCESS;
  }
  for (int64_t i = 0; i < p->n; i++)
    if (g.id[i] >= 0)
      HT_TRY(ht_move_run(y, i * p->slice, x, g.id[i] * p->slice, p->slice));
  return HT_SUCCESS;
}

ht_status ht_places_write(const ht_places *p, ht_scatter_kind kind,
                          const ht_tensor *x, ht_tensor *y) {
  ht_gather g = ht_places_rows(p);
  if (ht_dtype_pointers(y->dtype) && kind == HT_SCATTER_SET) {
    for (int64_t i = 0; i < p->n; i++)
      if (g.id[i] >= 0)
        HT_TRY(ht_move_run(y, g.id[i] * p->slice, x, i * p->slice, p->slice));
    return HT_SUCCESS;
  }
  if (ht_k_scatter(&g, kind, y->dtype, x->data, y->data)) return HT_SUCCESS;
  return ht_fail(HT_UNSUPPORTED, "no such scatter of dtype '%s'",
                 ht_dtype_name(y->dtype));
}

/* The updates' shape: the indices' without the last axis, then a slice's. */
static ht_status check_updates(const ht_tensor *index, const ht_shape *of,
                               const ht_places *p, const ht_tensor *updates) {
  ht_shape wanted = index->shape;
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  wanted.rank--;
  if (wanted.rank + of->rank - p->depth <= HT_MAX_RANK)
    for (int i = p->depth; i < of->rank; i++)
      wanted.dim[wanted.rank++] = of->dim[i];
  if (ht_shape_equal(&wanted, &updates->shape)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "updates of shape %s, wanted %s",
                 ht_shape_text(&updates->shape, a), ht_shape_text(&wanted, b));
}

static ht_status check_divisors(ht_scatter_kind kind, const ht_tensor *x) {
  if (kind != HT_SCATTER_DIV || !ht_dtype_integer(x->dtype)) return HT_SUCCESS;
  for (int64_t i = 0; i < ht_count(x); i++)
    if (ht_int_at(x, i) == 0)
      return ht_fail(HT_USAGE, "division of integers by zero");
  return HT_SUCCESS;
}

ht_status ht_places_scatter(ht_pool *pool, ht_scatter_kind kind,
                            const ht_tensor *index, const ht_tensor *updates,
                            bool skip, ht_tensor *y) {
  ht_places p;
  if (updates->dtype != y->dtype)
    return ht_fail(HT_USAGE, "updates of dtype '%s', wanted '%s'",
                   ht_dtype_name(updates->dtype), ht_dtype_name(y->dtype));
  HT_TRY(check_divisors(kind, updates));
  HT_TRY(ht_places_of(pool, index, &y->shape, skip, &p));
  ht_status st = check_updates(index, &y->shape, &p, updates);
  if (st.code == HT_OK) st = ht_places_write(&p, kind, updates, y);
  ht_tensor_drop(&p.row);
  return st;
}
