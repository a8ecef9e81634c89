/* linalg_batch.c - see linalg_batch.h. */
#include "ops/linalg_batch.h"

#include <stdlib.h>

#include "kernels/cast.h"

static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

static bool is_pair(ht_dtype t) {
  return t == HT_COMPLEX64 || t == HT_COMPLEX128;
}

ht_lin_batch ht_lin_batch_of(const ht_tensor *x, const ht_lin_rule *rule) {
  ht_lin_batch b = {.lead = ht_lin_tail(&x->shape, 0, 0, 0)};
  b.pairs = is_pair(x->dtype) || !rule->of_reals;
  b.fn = b.pairs ? rule->of_pairs : rule->of_reals;
  b.s.bytes = b.pairs ? sizeof(ht_pair) : sizeof(double);
  b.s.m = x->shape.dim[x->shape.rank - 2];
  b.s.n = x->shape.dim[x->shape.rank - 1];
  return b;
}

void ht_lin_reads(ht_lin_batch *b, const ht_tensor *t) { b->in[b->n_in++] = t; }

void ht_lin_writes(ht_lin_batch *b, ht_tensor *t) { b->out[b->n_out++] = t; }

void *ht_lin_room(const ht_lin_step *s, int i) {
  int64_t side = greater(greater(s->m, s->n), s->k);
  return (char *)s->rooms + (size_t)(i * side * side) * s->bytes;
}

/* Where the matrix of the batch's place i begins in an operand. */
static void *place(const ht_lin_batch *b, const ht_tensor *t, int64_t i) {
  int64_t stride = b->pairs ? 2 : 1, at = 0;
  int own = b->broadcast ? t->shape.rank - 2 : b->lead.rank;
  for (int d = own; d < t->shape.rank; d++) stride *= t->shape.dim[d];
  for (int d = b->lead.rank - 1; d >= 0; d--) {
    int64_t digit = i % b->lead.dim[d];
    int axis = own - b->lead.rank + d;
    i /= b->lead.dim[d];
    if (axis < 0) continue;
    if (t->shape.dim[axis] > 1) at += digit * stride;
    stride *= t->shape.dim[axis];
  }
  return (double *)t->data + at;
}

static ht_status run_items(ht_lin_batch *b, void *rooms) {
  int64_t items = ht_shape_count(&b->lead);
  for (int64_t i = 0; i < items; i++) {
    ht_lin_step s = b->s;
    s.rooms = rooms;
    for (int k = 0; k < b->n_in; k++)
      if (b->in[k]) s.in[k] = place(b, &b->wide_in[k], i);
    for (int k = 0; k < b->n_out; k++) s.out[k] = place(b, &b->wide_out[k], i);
    HT_TRY(b->fn(&s));
  }
  return HT_SUCCESS;
}

static ht_status run_wide(ht_pool *pool, ht_lin_batch *b) {
  int64_t side = greater(greater(b->s.m, b->s.n), b->s.k);
  ht_dtype wide = b->pairs ? HT_COMPLEX128 : HT_DOUBLE;
  for (int k = 0; k < b->n_in; k++) {
    if (!b->in[k]) continue;
    HT_TRY(ht_tensor_new(pool, wide, &b->in[k]->shape, &b->wide_in[k]));
    ht_cast_run(b->in[k], false, &b->wide_in[k]);
  }
  for (int k = 0; k < b->n_out; k++)
    HT_TRY(ht_tensor_zeros(pool, wide, &b->out[k]->shape, &b->wide_out[k]));
  if (side > 1 << 20) return ht_fail(HT_NO_MEMORY, "no memory for a matrix");
  size_t numbers = (size_t)(HT_LIN_ROOMS * side * side);
  void *rooms = calloc(numbers + 1, b->s.bytes);
  if (!rooms) return ht_fail(HT_NO_MEMORY, "no memory for a matrix");
  ht_status st = run_items(b, rooms);
  free(rooms);
  for (int k = 0; k < b->n_out && st.code == HT_OK; k++)
    ht_cast_run(&b->wide_out[k], false, b->out[k]);
  return st;
}

ht_status ht_lin_run(ht_pool *pool, ht_lin_batch *b) {
  ht_status st = run_wide(pool, b);
  for (int k = 0; k < HT_LIN_OPERANDS; k++) {
    ht_tensor_drop(&b->wide_in[k]);
    ht_tensor_drop(&b->wide_out[k]);
  }
  return st;
}

ht_shape ht_lin_tail(const ht_shape *x, int n, int64_t a, int64_t b) {
  ht_shape s = *x;
  s.rank = x->rank - 2 + n;
  if (n > 0) s.dim[s.rank - n] = a;
  if (n > 1) s.dim[s.rank - 1] = b;
  return s;
}

ht_status ht_lin_check(const ht_call *c, bool square) {
  const ht_tensor *x = c->in[0];
  if (x->dtype != HT_FLOAT && x->dtype != HT_DOUBLE && !is_pair(x->dtype))
    return ht_no_dtype(c, x->dtype);
  HT_TRY(ht_need_min_rank(c, 0, 2));
  if (square &&
      x->shape.dim[x->shape.rank - 1] != x->shape.dim[x->shape.rank - 2])
    return ht_fail(HT_USAGE, "op '%s' wants square matrices", c->op->name);
  return HT_SUCCESS;
}

ht_status ht_lin_give_first(ht_back *b, ht_lin_batch *w) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  ht_lin_writes(w, &g);
  ht_status st = ht_lin_run(b->run->pool, w);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

ht_status ht_lin_arrived(ht_back *b, int i, ht_tensor *out) {
  if (b->dout[i].dense.dtype) {
    *out = ht_tensor_share(&b->dout[i].dense);
    return HT_SUCCESS;
  }
  return ht_back_zeros(b, b->out[i].dtype, &b->out[i].shape, out);
}

ht_status ht_lin_give_eigen(ht_back *b, ht_lin_batch *w) {
  ht_tensor de, dv = {0};
  w->s.flag = ht_attr_bool(b->attrs, "compute_v");
  HT_TRY(ht_lin_arrived(b, 0, &de));
  ht_status st = w->s.flag ? ht_lin_arrived(b, 1, &dv) : HT_SUCCESS;
  if (st.code == HT_OK) {
    ht_lin_reads(w, &b->in[0]);
    ht_lin_reads(w, &b->out[0]);
    ht_lin_reads(w, w->s.flag ? &b->out[1] : NULL);
    ht_lin_reads(w, &de);
    ht_lin_reads(w, w->s.flag ? &dv : NULL);
    st = ht_lin_give_first(b, w);
  }
  ht_tensor_drop(&de);
  ht_tensor_drop(&dv);
  return st;
}
