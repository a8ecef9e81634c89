/* op_transpose.c - axes in another order. */
#include <string.h>

#include "ops/moves.h"

/* perm as axes, each once; `inverse` turns it around. */
static ht_status permutation(const ht_tensor *t, int rank, bool inverse,
                             int *perm) {
  unsigned seen = 0;
  if (t->shape.rank != 1 || ht_count(t) != rank)
    return ht_fail(HT_USAGE, "a permutation of %lld axes for rank %d",
                   (long long)ht_count(t), rank);
  for (int i = 0; i < rank; i++) {
    int axis;
    HT_TRY(ht_axis_from(ht_int_at(t, i), rank, &axis));
    if (seen >> axis & 1)
      return ht_fail(HT_USAGE, "axis %d stands twice in a permutation", axis);
    seen |= 1u << axis;
    perm[inverse ? axis : i] = inverse ? i : axis;
  }
  return HT_SUCCESS;
}

static ht_status transposed(const ht_tensor *in, const int *perm,
                            ht_tensor *out) {
  int64_t stride[HT_MAX_RANK];
  ht_block b = {.rank = in->shape.rank};
  ht_move_strides(&in->shape, stride);
  for (int i = 0; i < b.rank; i++) {
    b.n[i] = in->shape.dim[perm[i]];
    b.from[i] = stride[perm[i]];
  }
  ht_move_strides(&out->shape, b.to);
  return ht_move_block(out, 0, in, 0, &b);
}

static ht_shape permuted(const ht_shape *s, const int *perm) {
  ht_shape out = {.rank = s->rank};
  for (int i = 0; i < s->rank; i++) out.dim[i] = s->dim[perm[i]];
  return out;
}

static ht_status transpose_forward(ht_call *c) {
  int perm[HT_MAX_RANK];
  HT_TRY(permutation(c->in[1], c->in[0]->shape.rank, false, perm));
  ht_shape s = permuted(&c->in[0]->shape, perm);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  return transposed(c->in[0], perm, &c->out[0]);
}

static ht_status transpose_gradient(ht_back *b) {
  int perm[HT_MAX_RANK];
  ht_tensor g;
  HT_TRY(permutation(&b->in[1], b->in[0].shape.rank, true, perm));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  ht_status st = transposed(&b->dout[0].dense, perm, &g);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status invert_forward(ht_call *c) {
  HT_TRY(ht_need_rank(c, 0, 1));
  int64_t n = ht_count(c->in[0]);
  HT_TRY(ht_out_like(c, 0, 0));
  bool wide = c->in[0]->dtype == HT_INT64;
  memset(c->out[0].data, 0xff, ht_tensor_bytes(&c->out[0])); /* all -1 */
  for (int64_t i = 0; i < n; i++) {
    int64_t k = ht_int_at(c->in[0], i);
    if (k < 0 || k >= n || ht_int_at(&c->out[0], k) >= 0)
      return ht_fail(HT_USAGE, "%lld is out of place in a permutation",
                     (long long)k);
    if (wide)
      ht_i64(&c->out[0])[k] = i;
    else
      ht_i32(&c->out[0])[k] = (int32_t)i;
  }
  return HT_SUCCESS;
}

const ht_op ht_ops_transpose[] = {
    {
        .name = "Transpose",
        .inputs = "x:T perm:Tperm",
        .outputs = "y:T",
        .attrs = "T:type Tperm:type=DT_INT32",
        .doc = "The value with its axes in another order.",
        .samples = "f[2,3] i[2]{1,0}; d[2,3,4] l[3]{2,0,1}; f[] i[0]; "
                   "s[1,2]{'a','b'} i[2]{1,0}; i[2,0] i[2]{1,0}; "
                   "f[2,3,2,2] i[4]{0,2,1,3}",
        .forward = transpose_forward,
        .gradient = transpose_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "InvertPermutation",
        .inputs = "x:T",
        .outputs = "y:T",
        .attrs = "T:type=DT_INT32",
        .doc = "The permutation that undoes one.",
        .samples = "i[4]{3,0,2,1}; l[3]{1,2,0}",
        .forward = invert_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
