/* op_transpose.c - axes in another order, reversed or rolled. */
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

/* Complex numbers become their conjugates, in place. */
static void conjugate(ht_tensor *t) {
  int64_t n = ht_count(t);
  if (t->dtype == HT_COMPLEX64)
    for (int64_t i = 0; i < n; i++) ht_f(t)[2 * i + 1] = -ht_f(t)[2 * i + 1];
  if (t->dtype == HT_COMPLEX128)
    for (int64_t i = 0; i < n; i++)
      HT_DATA(double, t)[2 * i + 1] = -HT_DATA(double, t)[2 * i + 1];
}

static ht_status conjugate_forward(ht_call *c) {
  HT_TRY(transpose_forward(c));
  conjugate(&c->out[0]);
  return HT_SUCCESS;
}

static ht_status transposed_back(ht_back *b, bool conjugated) {
  int perm[HT_MAX_RANK];
  ht_tensor g;
  HT_TRY(permutation(&b->in[1], b->in[0].shape.rank, true, perm));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  ht_status st = transposed(&b->dout[0].dense, perm, &g);
  if (conjugated) conjugate(&g);
  return ht_give_or_drop(b, 0, &g, st);
}

static ht_status transpose_gradient(ht_back *b) {
  return transposed_back(b, false);
}

static ht_status conjugate_gradient(ht_back *b) {
  return transposed_back(b, true);
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

/* ---- ReverseV2 */

static ht_status reversed(const ht_tensor *axes, const ht_tensor *in,
                          ht_tensor *out) {
  bool flip[HT_MAX_RANK] = {0};
  ht_block b = {.rank = in->shape.rank};
  int64_t at = 0, stride[HT_MAX_RANK];
  for (int64_t i = 0; i < ht_count(axes); i++) {
    int axis;
    int64_t a = ht_int_at(axes, i);
    if (axes->dtype == HT_BOOL) { /* the old op: a flag per axis */
      if (ht_count(axes) != b.rank)
        return ht_fail(HT_USAGE, "%lld flags for rank %d",
                       (long long)ht_count(axes), b.rank);
      flip[i] = a;
      continue;
    }
    HT_TRY(ht_axis_from(a, b.rank, &axis));
    if (flip[axis]) return ht_fail(HT_USAGE, "axis %d is reversed twice", axis);
    flip[axis] = true;
  }
  ht_move_strides(&in->shape, stride);
  for (int i = 0; i < b.rank; i++) {
    b.n[i] = in->shape.dim[i];
    b.to[i] = stride[i];
    b.from[i] = flip[i] ? -stride[i] : stride[i];
    if (flip[i] && b.n[i]) at += (b.n[i] - 1) * stride[i];
  }
  return ht_move_block(out, 0, in, at, &b);
}

static ht_status reverse_forward(ht_call *c) {
  HT_TRY(ht_out_like(c, 0, 0));
  return reversed(c->in[1], c->in[0], &c->out[0]);
}

static ht_status reverse_gradient(ht_back *b) {
  ht_tensor g;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  return ht_give_or_drop(b, 0, &g, reversed(&b->in[1], &b->dout[0].dense, &g));
}

/* ---- ReverseSequence */

static ht_status check_lengths(const ht_attrs *attrs, const ht_shape *s,
                               const ht_tensor *lengths, int *seq, int *batch) {
  HT_TRY(ht_axis_from(ht_attr_int(attrs, "seq_dim"), s->rank, seq));
  HT_TRY(ht_axis_from(ht_attr_int(attrs, "batch_dim"), s->rank, batch));
  if (*seq == *batch || lengths->shape.rank != 1 ||
      lengths->shape.dim[0] != s->dim[*batch])
    return ht_fail(HT_USAGE,
                   "lengths do not fit batch_dim %d, or that is "
                   "seq_dim",
                   *batch);
  for (int64_t i = 0; i < ht_count(lengths); i++) {
    int64_t n = ht_int_at(lengths, i);
    if (n < 0 || n > s->dim[*seq])
      return ht_fail(HT_USAGE, "seq_lengths[%lld] = %lld is not in [0, %lld]",
                     (long long)i, (long long)n, (long long)s->dim[*seq]);
  }
  return HT_SUCCESS;
}

static ht_status reverse_lengths(const ht_attrs *attrs, const ht_tensor *x,
                                 const ht_tensor *lengths, ht_tensor *y) {
  int seq, batch;
  HT_TRY(check_lengths(attrs, &x->shape, lengths, &seq, &batch));
  for (int64_t i = 0; i < x->shape.dim[batch]; i++) {
    int64_t n = ht_int_at(lengths, i);
    ht_part one = ht_part_of(&x->shape);
    ht_part_cut(&one, batch, i, 1);
    ht_part head = one, rest = one;
    ht_part_cut(&head, seq, 0, n);
    ht_part flipped = head;
    ht_part_flip(&flipped, seq);
    ht_part_cut(&rest, seq, n, x->shape.dim[seq] - n);
    HT_TRY(ht_part_copy(y, &head, x, &flipped));
    HT_TRY(ht_part_copy(y, &rest, x, &rest));
  }
  return HT_SUCCESS;
}

static ht_status reverse_sequence_forward(ht_call *c) {
  HT_TRY(ht_out_like(c, 0, 0));
  return reverse_lengths(c->attrs, c->in[0], c->in[1], &c->out[0]);
}

static ht_status reverse_sequence_gradient(ht_back *b) {
  ht_tensor g;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  return ht_give_or_drop(
      b, 0, &g, reverse_lengths(b->attrs, &b->dout[0].dense, &b->in[1], &g));
}

/* ---- Roll */

/* How far each axis moves up, in [0, its size). */
static ht_status roll_shifts(const ht_tensor *shift, const ht_tensor *axes,
                             const ht_shape *s, int64_t *by) {
  for (int i = 0; i < s->rank; i++) by[i] = 0;
  if (shift->shape.rank > 1 || axes->shape.rank > 1 ||
      ht_count(shift) != ht_count(axes))
    return ht_fail(HT_USAGE, "%lld shifts for %lld axes",
                   (long long)ht_count(shift), (long long)ht_count(axes));
  for (int64_t i = 0; i < ht_count(axes); i++) {
    int axis;
    HT_TRY(ht_axis_from(ht_int_at(axes, i), s->rank, &axis));
    int64_t n = s->dim[axis];
    if (n) by[axis] = ((by[axis] + ht_int_at(shift, i) % n) % n + n) % n;
  }
  return HT_SUCCESS;
}

/* Each axis comes in two pieces that change places: `pieces` has a bit per
 * axis, which one to copy. */
static ht_status roll_pieces(const ht_tensor *x, const int64_t *by,
                             unsigned pieces, ht_tensor *y) {
  ht_part from = ht_part_of(&x->shape), to = from;
  for (int i = 0; i < x->shape.rank; i++) {
    int64_t n = x->shape.dim[i], k = by[i];
    bool tail = pieces >> i & 1;
    if (tail && !k) return HT_SUCCESS;
    ht_part_cut(&from, i, tail ? n - k : 0, tail ? k : n - k);
    ht_part_cut(&to, i, tail ? 0 : k, tail ? k : n - k);
  }
  return ht_part_copy(y, &to, x, &from);
}

static ht_status rolled(const ht_tensor *x, const int64_t *by, ht_tensor *y) {
  for (unsigned pieces = 0; pieces < 1u << x->shape.rank; pieces++)
    HT_TRY(roll_pieces(x, by, pieces, y));
  return HT_SUCCESS;
}

static ht_status roll_forward(ht_call *c) {
  int64_t by[HT_MAX_RANK];
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(roll_shifts(c->in[1], c->in[2], &c->in[0]->shape, by));
  HT_TRY(ht_out_like(c, 0, 0));
  return rolled(c->in[0], by, &c->out[0]);
}

static ht_status roll_gradient(ht_back *b) {
  int64_t by[HT_MAX_RANK];
  const ht_shape *s = &b->in[0].shape;
  ht_tensor g;
  HT_TRY(roll_shifts(&b->in[1], &b->in[2], s, by));
  for (int i = 0; i < s->rank; i++)
    if (by[i]) by[i] = s->dim[i] - by[i];
  HT_TRY(ht_back_new(b, b->in[0].dtype, s, &g));
  return ht_give_or_drop(b, 0, &g, rolled(&b->dout[0].dense, by, &g));
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
                   "f[2,3,2,2] i[4]{0,2,1,3}; d[2,1,3] l[3]{1,2,0}; "
                   "f[40,37] i[2]{1,0}; h[2,3] i[2]{1,0}; u[34,3] i[2]{1,0}; "
                   "z[2,3] i[2]{1,0}; d[2,3,2,2,2] i[5]{4,1,0,3,2}; "
                   "s[2,2] i[2]{1,0}; b[3,2] i[2]{1,0}; f[2,3] i[2]{0,1}",
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
        .samples = "i[4]{3,0,2,1}; l[3]{1,2,0}; i[0]",
        .forward = invert_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Reverse",
        .inputs = "tensor:T dims:bool",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "The value with axes reversed, by flags.",
        .samples = "f[2,3] b[2]{0,1}; i[2] b[1]{1}",
        .forward = reverse_forward,
        .gradient = reverse_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "ReverseV2",
        .inputs = "tensor:T axis:Tidx",
        .outputs = "output:T",
        .attrs = "Tidx:type=DT_INT32 T:type",
        .doc = "The value with axes reversed.",
        .samples =
            "f[2,3] i[1]{1}; d[2,3] l[2]{0,-1}; s[2]{'a','b'} i[1]{0}; "
            "f[2] i[0]; d[2,3,2] i[1]{1}; h[3] i[1]{0}; b[2,2] i[2]{1,0}",
        .forward = reverse_forward,
        .gradient = reverse_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "ConjugateTranspose",
        .inputs = "x:T perm:Tperm",
        .outputs = "y:T",
        .attrs = "T:type Tperm:type=DT_INT32",
        .doc = "The conjugate of the value, its axes in another order.",
        .samples = "c[2,3] i[2]{1,0}; d[2,3] l[2]{1,0}; z[2] i[1]{0}",
        .forward = conjugate_forward,
        .gradient = conjugate_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "ReverseSequence",
        .inputs = "input:T seq_lengths:Tlen",
        .outputs = "output:T",
        .attrs = "seq_dim:int batch_dim:int=0 T:type Tlen:type=DT_INT64",
        .doc = "Sequences with their first elements in reverse.",
        .samples = "f[2,4] l[2]{3,0} seq_dim=1; "
                   "d[3,2,2] i[2]{3,2} seq_dim=0 batch_dim=1; "
                   "d[2,2,3] i[2]{1,3} seq_dim=2; s[1,2]{'a','b'} l[1]{2} "
                   "seq_dim=1; i[2,0] l[2]{0,0} seq_dim=1",
        .forward = reverse_sequence_forward,
        .gradient = reverse_sequence_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "Roll",
        .inputs = "input:T shift:Tshift axis:Taxis",
        .outputs = "output:T",
        .attrs = "T:type Tshift:type Taxis:type",
        .doc = "The value with elements moved along axes, round the end.",
        .samples =
            "f[5] i[]{2} i[]{0}; d[2,3] i[2]{-1,7} i[2]{0,-1}; "
            "d[3,4] l[3]{1,1,2} l[3]{0,0,1}; s[2]{'a','b'} i[]{1} i[]{0}; "
            "i[0,2] i[]{1} i[]{0}",
        .forward = roll_forward,
        .gradient = roll_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
    },
    {0},
};
