/* slice.c - pieces of partitioned variables: what RestoreV2 calls
 * shape_and_slices (core/framework/tensor_slice.h). */
#include <stdlib.h>
#include <string.h>

#include "hub/checkpoint_read.h"
#include "hub/source.h"

static ht_status bad_slice(const char *text) {
  return ht_fail(HT_CORRUPT, "'%s' is no piece of a tensor", text);
}

static bool read_number(const char **p, int64_t *value) {
  char *end;
  if (**p < '0' || **p > '9') return false;
  *value = strtoll(*p, &end, 10);
  *p = end;
  return *value >= 0 && *value < INT64_MAX;
}

/* "dim dim ... " before the pieces. */
static bool read_dims(const char **p, ht_shape *full) {
  full->rank = 0;
  for (const char *q = *p;; *p = q) {
    int64_t dim;
    if (!read_number(&q, &dim) || *q != ' ') return full->rank > 0;
    if (full->rank == HT_MAX_RANK) return false;
    full->dim[full->rank++] = dim;
    q++;
  }
}

static bool read_extent(const char **p, int64_t dim, int64_t *start,
                        int64_t *length) {
  *start = 0;
  *length = dim;
  if (**p == '-') {
    (*p)++;
    return true;
  }
  if (!read_number(p, start) || **p != ',') return false;
  (*p)++;
  return read_number(p, length) && *length <= dim && *start <= dim - *length;
}

ht_status ht_slice_parse(const char *text, ht_shape *full, int64_t *start,
                         int64_t *length) {
  const char *p = text;
  if (!read_dims(&p, full)) return bad_slice(text);
  for (int i = 0; i < full->rank; i++) {
    if (i && *p++ != ':') return bad_slice(text);
    if (!read_extent(&p, full->dim[i], &start[i], &length[i]))
      return bad_slice(text);
  }
  return *p ? bad_slice(text) : HT_SUCCESS;
}

typedef struct block {
  const ht_variable_part *part;
  const ht_shape *shape; /* of the piece */
  size_t size;           /* bytes of an element */
} block;

/* Copies the piece from axis on out of the whole; returns where it ended. */
static char *copy_block(const block *b, int axis, const char *from, char *to) {
  const ht_shape *whole = &b->part->whole;
  size_t inner = b->size;
  for (int i = axis + 1; i < whole->rank; i++) inner *= (size_t)whole->dim[i];
  from += (size_t)b->part->start[axis] * inner;
  if (axis == whole->rank - 1) {
    memcpy(to, from, (size_t)b->shape->dim[axis] * inner);
    return to + (size_t)b->shape->dim[axis] * inner;
  }
  for (int64_t i = 0; i < b->shape->dim[axis]; i++, from += inner)
    to = copy_block(b, axis + 1, from, to);
  return to;
}

static bool is_part(const ht_bundle_slice *slice, const ht_variable_part *part,
                    const ht_shape *shape) {
  for (int i = 0; i < shape->rank; i++) {
    int64_t n = slice->length[i];
    if (slice->start[i] != part->start[i]) return false;
    if ((n < 0 ? part->whole.dim[i] : n) != shape->dim[i]) return false;
  }
  return true;
}

static bool rows_only(const ht_variable_part *part, const ht_shape *shape) {
  for (int i = 1; i < shape->rank; i++)
    if (part->start[i] || shape->dim[i] != part->whole.dim[i]) return false;
  return true;
}

/* Where the value is stored in one piece, or in pieces of another cut. */
static ht_status cut(ht_bundle *bundle, const ht_bundle_entry *e,
                     const ht_variable_part *part, const ht_shape *shape,
                     ht_tensor *out) {
  ht_tensor whole;
  HT_TRY(ht_checkpoint_tensor(bundle, e, &whole));
  block b = {part, shape, ht_dtype_size(whole.dtype)};
  ht_status st = HT_SUCCESS;
  if (rows_only(part, shape))
    *out = ht_tensor_rows(&whole, part->start[0], shape->dim[0]);
  else if (ht_dtype_pointers(whole.dtype))
    st = ht_fail(HT_UNSUPPORTED, "pieces of strings");
  else
    st = ht_tensor_new(NULL, whole.dtype, shape, out);
  if (st.code == HT_OK && !rows_only(part, shape) && ht_count(out))
    copy_block(&b, 0, whole.data, out->data);
  ht_tensor_drop(&whole);
  return st;
}

ht_status ht_part_read(ht_bundle *bundle, const ht_bundle_entry *e,
                       const ht_variable_part *part, const ht_shape *shape,
                       ht_tensor *out) {
  bool fits = e->rank == part->whole.rank && e->rank == shape->rank;
  for (int i = 0; fits && i < e->rank; i++)
    fits = e->dim[i] == part->whole.dim[i];
  if (!fits)
    return ht_fail(HT_CORRUPT,
                   "tensor '%s' is not of the shape that its "
                   "pieces make",
                   part->key);
  for (int i = 0; i < e->n_slices; i++)
    if (is_part(&e->slice[i], part, shape))
      return ht_checkpoint_tensor(bundle, e->slice[i].part, out);
  return cut(bundle, e, part, shape, out);
}
