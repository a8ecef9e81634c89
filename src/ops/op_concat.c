/* op_concat.c - values joined and cut along an axis. */
#include <string.h>

#include "ops/moves.h"

/* Sizes before, along and after an axis. */
typedef struct around {
  int64_t before, along, after;
} around;

static around around_axis(const ht_shape *s, int axis) {
  around a = {1, s->dim[axis], 1};
  for (int i = 0; i < axis; i++) a.before *= s->dim[i];
  for (int i = axis + 1; i < s->rank; i++) a.after *= s->dim[i];
  return a;
}

/* Copies `n` of the along-axis elements between tensors whose axes are of
 * different length. */
static ht_status copy_slab(ht_tensor *to, int64_t to_along, int64_t to_first,
                           const ht_tensor *from, int64_t from_along,
                           int64_t from_first, around a) {
  ht_block b = {2,
                {a.before, a.along * a.after},
                {to_along * a.after, 1},
                {from_along * a.after, 1}};
  return ht_move_block(to, to_first * a.after, from, from_first * a.after, &b);
}

/* ---- concat */

static ht_status concat_axis(const ht_call *c, const ht_tensor *t, int rank,
                             int *axis) {
  if (ht_count(t) != 1)
    return ht_fail(HT_USAGE, "op '%s' wants a scalar axis", c->op->name);
  return ht_axis_from(ht_int_at(t, 0), rank, axis);
}

static ht_status concat_shape(ht_call *c, int first, int n, int axis,
                              ht_shape *s) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  *s = c->in[first]->shape;
  for (int i = 1; i < n; i++) {
    const ht_shape *t = &c->in[first + i]->shape;
    ht_shape same = *t;
    if (t->rank == s->rank) same.dim[axis] = s->dim[axis];
    if (!ht_shape_equal(&same, s))
      return ht_fail(HT_USAGE, "shapes %s and %s cannot be joined on axis %d",
                     ht_shape_text(&c->in[first]->shape, a),
                     ht_shape_text(t, b), axis);
    s->dim[axis] += t->dim[axis];
  }
  return HT_SUCCESS;
}

static ht_status concat(ht_call *c, int first, int n, const ht_tensor *at) {
  int axis;
  ht_shape s;
  HT_TRY(concat_axis(c, at, c->in[first]->shape.rank, &axis));
  HT_TRY(concat_shape(c, first, n, axis, &s));
  HT_TRY(ht_out(c, 0, c->in[first]->dtype, &s));
  int64_t done = 0;
  for (int i = 0; i < n; i++) {
    around a = around_axis(&c->in[first + i]->shape, axis);
    HT_TRY(copy_slab(&c->out[0], s.dim[axis], done, c->in[first + i], a.along,
                     0, a));
    done += a.along;
  }
  return HT_SUCCESS;
}

static ht_status concat_v2_forward(ht_call *c) {
  return concat(c, 0, c->n_in - 1, c->in[c->n_in - 1]);
}

static ht_status concat_v1_forward(ht_call *c) {
  return concat(c, 1, c->n_in - 1, c->in[0]);
}

/* The axis on which a piece differs from the whole: that of the join. Where
 * none does, the others are empty and any axis will do. */
static int joined_axis(const ht_shape *piece, const ht_shape *whole) {
  for (int i = 0; i < piece->rank; i++)
    if (piece->dim[i] != whole->dim[i]) return i;
  return 0;
}

/* Axis and pieces are known from the shapes: the tape keeps no value. */
static ht_status concat_gradient_of(ht_back *b, int first, int n) {
  const ht_tensor *dy = &b->dout[0].dense;
  int64_t done = 0;
  for (int i = first; i < first + n; i++) {
    int axis = joined_axis(&b->in[i].shape, &dy->shape);
    around a = around_axis(&b->in[i].shape, axis);
    if (ht_wants(b, i)) {
      ht_tensor g;
      HT_TRY(ht_back_new(b, b->in[i].dtype, &b->in[i].shape, &g));
      ht_status st =
          copy_slab(&g, a.along, 0, dy, dy->shape.dim[axis], done, a);
      if (st.code != HT_OK) {
        ht_tensor_drop(&g);
        return st;
      }
      HT_TRY(ht_give(b, i, &g));
    }
    if (a.along < dy->shape.dim[axis]) done += a.along;
  }
  return HT_SUCCESS;
}

static ht_status concat_v2_gradient(ht_back *b) {
  return concat_gradient_of(b, 0, b->n_in - 1);
}

static ht_status concat_v1_gradient(ht_back *b) {
  return concat_gradient_of(b, 1, b->n_in - 1);
}

/* Where each of several shapes begins in their concatenation. */
static ht_status concat_offset_forward(ht_call *c) {
  int axis;
  int64_t at = 0, rank = ht_count(c->in[1]);
  HT_TRY(concat_axis(c, c->in[0], (int)rank, &axis));
  for (int i = 0; i < c->n_out; i++) {
    const ht_tensor *s = c->in[i + 1];
    HT_TRY(ht_out_zeros(c, i, s->dtype, &s->shape));
    if (ht_count(s) != rank)
      return ht_fail(HT_USAGE, "op 'ConcatOffset' wants shapes of one rank");
    if (s->dtype == HT_INT64)
      ht_i64(&c->out[i])[axis] = at;
    else
      ht_i32(&c->out[i])[axis] = (int32_t)at;
    at = (int64_t)((uint64_t)at + (uint64_t)ht_int_at(s, axis));
  }
  return HT_SUCCESS;
}

/* ---- pack and unpack: concat along a new axis */

static ht_status pack_forward(ht_call *c) {
  int axis;
  ht_shape s = c->in[0]->shape;
  if (s.rank == HT_MAX_RANK) return ht_fail(HT_UNSUPPORTED, "rank too high");
  HT_TRY(ht_axis_from(ht_attr_int(c->attrs, "axis"), s.rank + 1, &axis));
  memmove(s.dim + axis + 1, s.dim + axis,
          (size_t)(s.rank - axis) * sizeof *s.dim);
  s.rank++;
  s.dim[axis] = c->n_in;
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  around a = around_axis(&s, axis);
  a.along = 1;
  for (int i = 0; i < c->n_in; i++) {
    HT_TRY(ht_need_same_shape(c, 0, i));
    HT_TRY(copy_slab(&c->out[0], c->n_in, i, c->in[i], 1, 0, a));
  }
  return HT_SUCCESS;
}

/* One piece of `from` along an axis that vanishes, into a tensor of `shape`. */
static ht_status piece(ht_pool *pool, const ht_tensor *from, int axis, int i,
                       const ht_shape *shape, ht_tensor *to) {
  around a = around_axis(&from->shape, axis);
  int64_t whole = a.along;
  a.along = 1;
  HT_TRY(ht_tensor_new(pool, from->dtype, shape, to));
  return copy_slab(to, 1, 0, from, whole, i, a);
}

static ht_status pack_gradient(ht_back *b) {
  int axis;
  const ht_tensor *g = &b->dout[0].dense;
  HT_TRY(ht_axis_from(ht_attr_int(b->attrs, "axis"), g->shape.rank, &axis));
  for (int i = 0; i < b->n_in; i++) {
    ht_tensor d = {0};
    if (!ht_wants(b, i)) continue;
    ht_status st = piece(b->run->pool, g, axis, i, &b->in[i].shape, &d);
    if (st.code != HT_OK) {
      ht_tensor_drop(&d);
      return st;
    }
    HT_TRY(ht_give(b, i, &d));
  }
  return HT_SUCCESS;
}

static ht_status unpack_forward(ht_call *c) {
  int axis;
  ht_shape s = c->in[0]->shape;
  HT_TRY(ht_axis_from(ht_attr_int(c->attrs, "axis"), s.rank, &axis));
  if (s.dim[axis] != c->n_out)
    return ht_fail(HT_USAGE, "axis %d has %lld elements, %d are wanted", axis,
                   (long long)s.dim[axis], c->n_out);
  memmove(s.dim + axis, s.dim + axis + 1,
          (size_t)(s.rank - axis - 1) * sizeof *s.dim);
  s.rank--;
  for (int i = 0; i < c->n_out; i++)
    HT_TRY(piece(c->run->pool, c->in[0], axis, i, &s, &c->out[i]));
  return HT_SUCCESS;
}

/* The outputs' gradients put together again, zeros where none came. */
static ht_status joined_gradient(ht_back *b, int in, int axis) {
  ht_tensor g;
  const ht_shape *whole = &b->in[in].shape;
  HT_TRY(ht_back_zeros(b, b->in[in].dtype, whole, &g));
  around a = around_axis(whole, axis);
  int64_t done = 0, along = a.along;
  for (int i = 0; i < b->n_out; i++) {
    const ht_tensor *d = &b->dout[i].dense;
    const ht_shape *s = &b->out[i].shape;
    a.along = s->rank == whole->rank ? s->dim[axis] : 1;
    ht_status st =
        d->dtype ? copy_slab(&g, along, done, d, a.along, 0, a) : HT_SUCCESS;
    if (st.code != HT_OK) {
      ht_tensor_drop(&g);
      return st;
    }
    done += a.along;
  }
  return ht_give(b, in, &g);
}

static ht_status unpack_gradient(ht_back *b) {
  int axis;
  HT_TRY(
      ht_axis_from(ht_attr_int(b->attrs, "axis"), b->in[0].shape.rank, &axis));
  return joined_gradient(b, 0, axis);
}

/* ---- split */

static ht_status split_into(ht_call *c, int in, int axis, const int64_t *size) {
  around a = around_axis(&c->in[in]->shape, axis);
  int64_t along = a.along, done = 0;
  for (int i = 0; i < c->n_out; i++) {
    ht_shape s = c->in[in]->shape;
    a.along = s.dim[axis] = size ? size[i] : along / c->n_out;
    HT_TRY(ht_out(c, i, c->in[in]->dtype, &s));
    HT_TRY(copy_slab(&c->out[i], a.along, 0, c->in[in], along, done, a));
    done += a.along;
  }
  return HT_SUCCESS;
}

static ht_status split_forward(ht_call *c) {
  int axis;
  HT_TRY(concat_axis(c, c->in[0], c->in[1]->shape.rank, &axis));
  int64_t n = c->in[1]->shape.dim[axis];
  if (!c->n_out || n % c->n_out)
    return ht_fail(HT_USAGE, "%lld elements of axis %d cannot be cut in %d",
                   (long long)n, axis, c->n_out);
  return split_into(c, 1, axis, NULL);
}

static ht_status split_gradient(ht_back *b) {
  int axis;
  HT_TRY(ht_axis_from(ht_int_at(&b->in[0], 0), b->in[1].shape.rank, &axis));
  return joined_gradient(b, 1, axis);
}

static ht_status split_v_forward(ht_call *c) {
  enum { MANY = 4096 };
  int64_t size[MANY], sum = 0;
  int axis, open = -1;
  HT_TRY(concat_axis(c, c->in[2], c->in[0]->shape.rank, &axis));
  if (c->n_out > MANY || ht_count(c->in[1]) != c->n_out)
    return ht_fail(HT_USAGE, "%lld sizes for %d pieces",
                   (long long)ht_count(c->in[1]), c->n_out);
  int64_t n = c->in[0]->shape.dim[axis];
  for (int i = 0; i < c->n_out; i++) {
    size[i] = ht_int_at(c->in[1], i);
    if (size[i] == -1 && open < 0)
      open = i;
    else if (size[i] < 0 || size[i] > n - sum)
      return ht_fail(HT_USAGE, "sizes of pieces do not add up to %lld",
                     (long long)n);
    else
      sum += size[i];
  }
  if (open >= 0) size[open] = n - sum;
  if (open < 0 && sum != n)
    return ht_fail(HT_USAGE, "sizes of pieces add up to %lld, not %lld",
                   (long long)sum, (long long)n);
  return split_into(c, 0, axis, size);
}

static ht_status split_v_gradient(ht_back *b) {
  int axis;
  HT_TRY(ht_axis_from(ht_int_at(&b->in[2], 0), b->in[0].shape.rank, &axis));
  return joined_gradient(b, 0, axis);
}

const ht_op ht_ops_concat[] = {
    {
        .name = "ConcatV2",
        .inputs = "values:N*T axis:Tidx",
        .outputs = "output:T",
        .attrs = "N:int T:type Tidx:type=DT_INT32",
        .doc = "Values joined along an axis.",
        .samples = "(f[2,3] f[2,1]) i[]{1}; (d[1,2] d[0,2] d[3,2]) i[]{-2}; "
                   "(s[1]{'a'} s[2]{'b','c'}) i[]{0}; (i[2] i[2]) i[]{0}; "
                   "(d[2,2,3] d[2,1,3] d[2,4,3]) i[]{1}; "
                   "(f[2,0] f[2,3] f[2,0]) i[]{1}; (b[1,2] b[1,2]) i[]{1}; "
                   "(u[2] u[0]) l[]{0}; (c[2] c[1]) i[]{0}",
        .forward = concat_v2_forward,
        .gradient = concat_v2_gradient,
    },
    {
        .name = "Concat",
        .inputs = "concat_dim:int32 values:N*T",
        .outputs = "output:T",
        .attrs = "N:int T:type",
        .doc = "Values joined along an axis.",
        .samples = "i[]{1} (f[2,3] f[2,1]); i[]{0} (i[2] i[2]); "
                   "i[]{-1} (d[2,1,2] d[2,1,3])",
        .forward = concat_v1_forward,
        .gradient = concat_v1_gradient,
    },
    {
        .name = "ConcatOffset",
        .inputs = "concat_dim:int32 shape:N*shape_type",
        .outputs = "offset:N*shape_type",
        .attrs = "N:int shape_type:type=DT_INT32",
        .doc = "Where values of given shapes begin when joined.",
        .samples = "i[]{1} (i[2]{2,3} i[2]{2,4}); "
                   "i[]{-2} (l[2]{2,3} l[2]{5,3} l[2]{0,3})",
        .forward = concat_offset_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Pack",
        .inputs = "values:N*T",
        .outputs = "output:T",
        .attrs = "N:int T:type axis:int=0",
        .doc = "Values side by side along a new axis.",
        .samples =
            "(f[2,3] f[2,3]); (d[2] d[2] d[2]) axis=-1; (i[] i[]); "
            "(s[]{'a'} s[]{'b'}); (f[2,3]) axis=2; (f[0,2] f[0,2]) axis=1; "
            "(h[2] h[2]); (b[] b[] b[]); (z[1] z[1]) axis=-2",
        .forward = pack_forward,
        .gradient = pack_gradient,
    },
    {
        .name = "Unpack",
        .inputs = "value:T",
        .outputs = "output:num*T",
        .attrs = "num:int T:type axis:int=0",
        .doc = "The pieces of a value along an axis.",
        .samples = "f[2,3] num=2; d[2,3] num=3 axis=-1; i[2] num=2; "
                   "s[2,1]{'a','b'} num=2; f[2,0] num=2; d[2,3,2] num=3 axis=1",
        .forward = unpack_forward,
        .gradient = unpack_gradient,
    },
    {
        .name = "Split",
        .inputs = "split_dim:int32 value:T",
        .outputs = "output:num_split*T",
        .attrs = "num_split:int T:type",
        .doc = "Equal pieces of a value.",
        .samples =
            "i[]{1} f[2,4] num_split=2; i[]{-2} d[6,1] num_split=3; "
            "i[]{0} s[2]{'a','b'} num_split=2; i[]{0} f[0,3] num_split=2; "
            "i[]{1} d[2,3] num_split=1",
        .forward = split_forward,
        .gradient = split_gradient,
        .keep = HT_KEEP_IN(0),
    },
    {
        .name = "SplitV",
        .inputs = "value:T size_splits:Tlen split_dim:int32",
        .outputs = "output:num_split*T",
        .attrs = "num_split:int T:type Tlen:type=DT_INT64",
        .doc = "Pieces of given sizes.",
        .samples = "f[2,5] l[3]{1,-1,2} i[]{1} num_split=3; "
                   "d[4] i[2]{3,1} i[]{0} num_split=2; "
                   "d[2,3,2] l[3]{0,2,1} i[]{-2} num_split=3; "
                   "s[3]{'a','b','c'} l[2]{1,2} i[]{0} num_split=2",
        .forward = split_v_forward,
        .gradient = split_v_gradient,
        .keep = HT_KEEP_IN(2),
    },
    {0},
};
