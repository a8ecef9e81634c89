/* moves.c - see moves.h. */
#include "ops/moves.h"

#include <string.h>

#include "base/parallel.h"

void ht_move_strides(const ht_shape *s, int64_t stride[HT_MAX_RANK]) {
  ht_k_strides(s->rank, s->dim, 1, stride);
}

/* Objects are counted: the new one first, then what stood there goes. */
static void move_objects(ht_object **to, ht_object *const *from,
                         const ht_block *b, int level) {
  if (level == b->rank) {
    ht_object *old = *to;
    *to = ht_object_share(*from);
    ht_object_drop(old);
    return;
  }
  for (int64_t i = 0; i < b->n[level]; i++)
    move_objects(to + i * b->to[level], from + i * b->from[level], b,
                 level + 1);
}

static bool is_empty(const ht_block *b) {
  for (int i = 0; i < b->rank; i++)
    if (!b->n[i]) return true;
  return false;
}

ht_status ht_move_block(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                        int64_t from_at, const ht_block *block) {
  int64_t size = (int64_t)ht_dtype_size(from->dtype);
  ht_block bytes = *block;
  if (is_empty(block)) return HT_SUCCESS;
  for (int i = 0; i < block->rank; i++) {
    bytes.to[i] *= size;
    bytes.from[i] *= size;
  }
  if (from->dtype == HT_STRING && to->buffer != from->buffer)
    HT_TRY(ht_string_keep(to, from));
  if (from->dtype == HT_RESOURCE || from->dtype == HT_VARIANT) {
    move_objects(ht_obj(to) + to_at, ht_obj(from) + from_at, block, 0);
    return HT_SUCCESS;
  }
  ht_k_copy_block(&bytes, (size_t)size, (char *)to->data + to_at * size,
                  (const char *)from->data + from_at * size);
  return HT_SUCCESS;
}

ht_status ht_move_run(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                      int64_t from_at, int64_t n) {
  ht_block run = {1, {n}, {1}, {1}};
  return ht_move_block(to, to_at, from, from_at, &run);
}

ht_status ht_move_fill(ht_tensor *t, const ht_tensor *value) {
  ht_block b = {1, {ht_count(t)}, {1}, {0}};
  if (value) return ht_move_block(t, 0, value, 0, &b);
  if (!ht_dtype_pointers(t->dtype))
    ht_parallel_zeros(t->data, ht_tensor_bytes(t));
  return HT_SUCCESS;
}

/* ---- sums */

static float half_in(ht_dtype t, uint16_t bits) {
  return t == HT_HALF ? ht_half_to_float(bits) : ht_bfloat16_to_float(bits);
}

static void add_halves(ht_dtype t, uint16_t *y, const uint16_t *x,
                       const ht_block *b, int level) {
  if (level < b->rank) {
    for (int64_t i = 0; i < b->n[level]; i++)
      add_halves(t, y + i * b->to[level], x + i * b->from[level], b, level + 1);
    return;
  }
  float sum = half_in(t, *y) + half_in(t, *x);
  *y = t == HT_HALF ? ht_float_to_half(sum) : ht_float_to_bfloat16(sum);
}

/* A complex number is two numbers in a row. */
static ht_block pairs_of(const ht_block *b) {
  ht_block out = *b;
  for (int i = 0; i < out.rank; i++) out.to[i] *= 2, out.from[i] *= 2;
  out.n[out.rank] = 2;
  out.to[out.rank] = out.from[out.rank] = 1;
  out.rank++;
  return out;
}

ht_status ht_move_add(ht_tensor *to, int64_t to_at, const ht_tensor *from,
                      int64_t from_at, const ht_block *block) {
  ht_dtype t = from->dtype;
  bool complex = t == HT_COMPLEX64 || t == HT_COMPLEX128;
  ht_dtype part = t == HT_COMPLEX64    ? HT_FLOAT
                  : t == HT_COMPLEX128 ? HT_DOUBLE
                  : t == HT_INT64      ? HT_UINT64
                                       : t;
  int64_t size = (int64_t)ht_dtype_size(part);
  int64_t whole = (int64_t)ht_dtype_size(t);
  if (is_empty(block)) return HT_SUCCESS;
  if (t == HT_HALF || t == HT_BFLOAT16) {
    add_halves(t, HT_DATA(uint16_t, to) + to_at,
               HT_DATA(uint16_t, from) + from_at, block, 0);
    return HT_SUCCESS;
  }
  if (part != HT_FLOAT && part != HT_DOUBLE && part != HT_UINT64)
    return ht_fail(HT_UNSUPPORTED, "no sums of dtype '%s'", ht_dtype_name(t));
  if (complex && block->rank == HT_COPY_RANK)
    return ht_fail(HT_UNSUPPORTED, "a sum over too many axes");
  ht_block b = complex ? pairs_of(block) : *block;
  for (int i = 0; i < b.rank; i++) b.to[i] *= size, b.from[i] *= size;
  ht_k_add_block(&b, part, (char *)to->data + to_at * whole,
                 (const char *)from->data + from_at * whole);
  return HT_SUCCESS;
}

/* ---- parts */

ht_part ht_part_of(const ht_shape *s) {
  ht_part p = {.rank = s->rank};
  ht_k_strides(s->rank, s->dim, 1, p.step);
  for (int i = 0; i < s->rank; i++) p.n[i] = s->dim[i];
  return p;
}

void ht_part_cut(ht_part *p, int axis, int64_t first, int64_t n) {
  p->at += first * p->step[axis];
  p->n[axis] = n;
}

void ht_part_flip(ht_part *p, int axis) {
  if (p->n[axis]) p->at += (p->n[axis] - 1) * p->step[axis];
  p->step[axis] = -p->step[axis];
}

void ht_part_split(ht_part *p, int axis, int64_t inner) {
  for (int i = p->rank; i > axis; i--) {
    p->n[i] = p->n[i - 1];
    p->step[i] = p->step[i - 1];
  }
  p->rank++;
  p->n[axis] = inner ? p->n[axis] / inner : 0;
  p->step[axis] *= inner;
  p->n[axis + 1] = inner;
}

void ht_part_permute(ht_part *p, const int *perm) {
  ht_part old = *p;
  for (int i = 0; i < p->rank; i++) {
    p->n[i] = old.n[perm[i]];
    p->step[i] = old.step[perm[i]];
  }
}

static ht_status part_block(const ht_part *to, const ht_part *from,
                            ht_block *b) {
  b->rank = from->rank;
  for (int i = 0; i < from->rank; i++) {
    if (to->n[i] != from->n[i] || to->rank != from->rank)
      return ht_fail(HT_USAGE, "parts of different sizes");
    b->n[i] = from->n[i];
    b->to[i] = to->step[i];
    b->from[i] = from->step[i];
  }
  return HT_SUCCESS;
}

ht_status ht_part_copy(ht_tensor *to, const ht_part *to_part,
                       const ht_tensor *from, const ht_part *from_part) {
  ht_block b;
  HT_TRY(part_block(to_part, from_part, &b));
  return ht_move_block(to, to_part->at, from, from_part->at, &b);
}

ht_status ht_part_add(ht_tensor *to, const ht_part *to_part,
                      const ht_tensor *from, const ht_part *from_part) {
  ht_block b;
  HT_TRY(part_block(to_part, from_part, &b));
  return ht_move_add(to, to_part->at, from, from_part->at, &b);
}

ht_status ht_give_or_drop(ht_back *b, int i, ht_tensor *g, ht_status st) {
  if (st.code == HT_OK) return ht_give(b, i, g);
  ht_tensor_drop(g);
  return st;
}

void ht_put_int(ht_tensor *t, int64_t i, int64_t v) {
  switch (ht_dtype_size(t->dtype)) {
    case 1: HT_DATA(int8_t, t)[i] = (int8_t)v; break;
    case 2: HT_DATA(int16_t, t)[i] = (int16_t)v; break;
    case 4: ht_i32(t)[i] = (int32_t)v; break;
    default: ht_i64(t)[i] = v; break;
  }
}

ht_status ht_vector_of(const ht_call *c, int i, int rank, int64_t *v) {
  if (c->in[i]->shape.rank != 1 || ht_count(c->in[i]) != rank)
    return ht_fail(HT_USAGE, "op '%s' wants %d numbers, one per dimension",
                   c->op->name, rank);
  for (int k = 0; k < rank; k++) v[k] = ht_int_at(c->in[i], k);
  return HT_SUCCESS;
}
