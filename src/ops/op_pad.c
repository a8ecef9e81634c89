/* op_pad.c - larger values: padding, copies side by side, broadcasting. */
#include <string.h>

#include "ops/moves.h"

/* ---- Pad */

static ht_status paddings(const ht_tensor *t, const ht_shape *in,
                          int64_t *before, ht_shape *out) {
  if (t->shape.rank != 2 || t->shape.dim[1] != 2 || t->shape.dim[0] != in->rank)
    return ht_fail(HT_USAGE, "paddings must be [%d,2]", in->rank);
  *out = *in;
  for (int i = 0; i < in->rank; i++) {
    int64_t after = ht_int_at(t, 2 * i + 1);
    before[i] = ht_int_at(t, 2 * i);
    if (before[i] < 0 || after < 0 || before[i] > INT32_MAX ||
        after > INT32_MAX)
      return ht_fail(HT_USAGE, "padding %lld, %lld of axis %d",
                     (long long)before[i], (long long)after, i);
    out->dim[i] += before[i] + after;
  }
  return HT_SUCCESS;
}

/* The block of `inner` inside `outer` from before[] on. */
static int64_t inner_block(const ht_shape *inner, const ht_shape *outer,
                           const int64_t *before, ht_block *b,
                           int64_t *in_stride, int64_t *out_stride) {
  int64_t at = 0;
  b->rank = inner->rank;
  ht_move_strides(inner, in_stride);
  ht_move_strides(outer, out_stride);
  for (int i = 0; i < inner->rank; i++) {
    b->n[i] = inner->dim[i];
    at += before[i] * out_stride[i];
  }
  return at;
}

static ht_status pad_forward(ht_call *c) {
  int64_t before[HT_MAX_RANK];
  ht_shape s;
  const ht_tensor *value = c->n_in > 2 ? c->in[2] : NULL;
  HT_TRY(paddings(c->in[1], &c->in[0]->shape, before, &s));
  if (value) HT_TRY(ht_need_scalar(c, 2));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  HT_TRY(ht_move_fill(&c->out[0], value));
  ht_block b = {0};
  int64_t at = inner_block(&c->in[0]->shape, &s, before, &b, b.from, b.to);
  return ht_move_block(&c->out[0], at, c->in[0], 0, &b);
}

static ht_status pad_gradient(ht_back *b) {
  int64_t before[HT_MAX_RANK];
  ht_shape s;
  ht_tensor g;
  HT_TRY(paddings(&b->in[1], &b->in[0].shape, before, &s));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  ht_block block = {0};
  int64_t at = inner_block(&g.shape, &s, before, &block, block.to, block.from);
  return ht_give_or_drop(b, 0, &g,
                         ht_move_block(&g, 0, &b->dout[0].dense, at, &block));
}

/* ---- MirrorPad */

typedef struct mirror {
  int64_t before[HT_MAX_RANK], after[HT_MAX_RANK];
  int64_t skip; /* 1: the edge is not repeated */
  ht_shape small, large;
} mirror;

static ht_status mirror_limits(const mirror *m) {
  for (int i = 0; i < m->small.rank; i++) {
    int64_t limit = m->small.dim[i] - m->skip;
    if (m->before[i] > limit || m->after[i] > limit)
      return ht_fail(HT_USAGE,
                     "mirrored padding %lld, %lld of axis %d: at "
                     "most %lld",
                     (long long)m->before[i], (long long)m->after[i], i,
                     (long long)limit);
  }
  return HT_SUCCESS;
}

static ht_status mirror_of(const ht_attrs *attrs, const ht_tensor *pads,
                           const ht_shape *small, mirror *m) {
  m->small = *small;
  m->skip = ht_attr_is(attrs, "mode", "REFLECT");
  if (!m->skip && !ht_attr_is(attrs, "mode", "SYMMETRIC"))
    return ht_fail(HT_USAGE, "mode is not REFLECT or SYMMETRIC");
  HT_TRY(paddings(pads, small, m->before, &m->large));
  for (int i = 0; i < small->rank; i++)
    m->after[i] = m->large.dim[i] - small->dim[i] - m->before[i];
  return mirror_limits(m);
}

/* The same of the padded shape, for the way back. */
static ht_status mirror_from(const ht_attrs *attrs, const ht_tensor *pads,
                             const ht_shape *large, mirror *m) {
  ht_shape small = *large;
  if (pads->shape.rank != 2 || pads->shape.dim[0] != large->rank ||
      pads->shape.dim[1] != 2)
    return ht_fail(HT_USAGE, "paddings must be [%d,2]", large->rank);
  for (int i = 0; i < large->rank; i++) {
    int64_t a = ht_int_at(pads, 2 * i), b = ht_int_at(pads, 2 * i + 1);
    if (a < 0 || b < 0 || a > large->dim[i] || b > large->dim[i] - a)
      return ht_fail(HT_USAGE, "padding %lld, %lld of axis %d", (long long)a,
                     (long long)b, i);
    small.dim[i] -= a + b;
  }
  return mirror_of(attrs, pads, &small, m);
}

/* The part of the large tensor whose axes up to `axis` are whole, and the
 * rest as small as before padding. */
static ht_part mirror_part(const mirror *m, int axis) {
  ht_part p = ht_part_of(&m->large);
  for (int i = axis; i < p.rank; i++)
    ht_part_cut(&p, i, m->before[i], m->small.dim[i]);
  return p;
}

/* The border of an axis on one side, and what it mirrors. */
static void mirror_border(const mirror *m, int axis, bool after, ht_part *pad,
                          ht_part *source) {
  int64_t n = after ? m->after[axis] : m->before[axis];
  int64_t size = m->small.dim[axis];
  *pad = *source = mirror_part(m, axis);
  ht_part_cut(pad, axis, after ? size : -n, n);
  ht_part_cut(source, axis, after ? size - n - m->skip : m->skip, n);
  ht_part_flip(source, axis);
}

static ht_status mirror_pad_into(const mirror *m, const ht_tensor *x,
                                 ht_tensor *y) {
  ht_part pad, source, all = ht_part_of(&m->small), inner = mirror_part(m, 0);
  HT_TRY(ht_part_copy(y, &inner, x, &all));
  for (int axis = 0; axis < m->small.rank; axis++)
    for (int side = 0; side < 2; side++) {
      mirror_border(m, axis, side, &pad, &source);
      HT_TRY(ht_part_copy(y, &pad, y, &source));
    }
  return HT_SUCCESS;
}

/* Borders are added back to what they mirror, the last first. */
static ht_status mirror_fold(const mirror *m, ht_tensor *dy, ht_tensor *dx) {
  ht_part pad, source, all = ht_part_of(&m->small), inner = mirror_part(m, 0);
  for (int axis = m->small.rank - 1; axis >= 0; axis--)
    for (int side = 0; side < 2; side++) {
      mirror_border(m, axis, side, &pad, &source);
      HT_TRY(ht_part_add(dy, &source, dy, &pad));
    }
  return ht_part_copy(dx, &all, dy, &inner);
}

static ht_status mirror_folded(ht_pool *pool, const mirror *m,
                               const ht_tensor *dy, ht_tensor *dx) {
  ht_tensor copy;
  HT_TRY(ht_tensor_copy(pool, dy, &copy));
  ht_status st = mirror_fold(m, &copy, dx);
  ht_tensor_drop(&copy);
  return st;
}

static ht_status mirror_pad_forward(ht_call *c) {
  mirror m;
  HT_TRY(mirror_of(c->attrs, c->in[1], &c->in[0]->shape, &m));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &m.large));
  return mirror_pad_into(&m, c->in[0], &c->out[0]);
}

static ht_status mirror_pad_gradient(ht_back *b) {
  mirror m;
  ht_tensor g;
  HT_TRY(mirror_of(b->attrs, &b->in[1], &b->in[0].shape, &m));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &m.small, &g));
  return ht_give_or_drop(
      b, 0, &g, mirror_folded(b->run->pool, &m, &b->dout[0].dense, &g));
}

static ht_status mirror_grad_forward(ht_call *c) {
  mirror m;
  HT_TRY(mirror_from(c->attrs, c->in[1], &c->in[0]->shape, &m));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &m.small));
  return mirror_folded(c->run->pool, &m, c->in[0], &c->out[0]);
}

static ht_status mirror_grad_gradient(ht_back *b) {
  mirror m;
  ht_tensor g;
  HT_TRY(mirror_of(b->attrs, &b->in[1], &b->out[0].shape, &m));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &m.large, &g));
  return ht_give_or_drop(b, 0, &g, mirror_pad_into(&m, &b->dout[0].dense, &g));
}

/* ---- Tile, BroadcastTo */

/* Each axis of the large shape is (copies, axis of the small one): two of the
 * block, which goes from the small tensor to the large one. */
static ht_block copies_block(const ht_shape *small, const ht_shape *large) {
  int64_t stride[HT_MAX_RANK], large_stride[HT_MAX_RANK];
  ht_block b = {0};
  ht_move_strides(small, stride);
  ht_move_strides(large, large_stride);
  for (int i = 0; i < large->rank; i++) {
    int j = i - (large->rank - small->rank), k = b.rank;
    int64_t size = j < 0 ? 1 : small->dim[j];
    b.n[k] = size ? large->dim[i] / size : 0;
    b.to[k] = size * large_stride[i];
    b.from[k] = 0;
    b.n[k + 1] = size;
    b.to[k + 1] = large_stride[i];
    b.from[k + 1] = j < 0 ? 0 : stride[j];
    b.rank += 2;
  }
  return b;
}

static ht_status repeat_into(ht_tensor *to, const ht_tensor *from) {
  ht_block b = copies_block(&from->shape, &to->shape);
  return ht_move_block(to, 0, from, 0, &b);
}

static ht_status tile_forward(ht_call *c) {
  int64_t copies[HT_MAX_RANK];
  ht_shape s = c->in[0]->shape;
  HT_TRY(ht_vector_of(c, 1, s.rank, copies));
  for (int i = 0; i < s.rank; i++) {
    if (copies[i] < 0 || __builtin_mul_overflow(s.dim[i], copies[i], &s.dim[i]))
      return ht_fail(HT_USAGE, "a tile of %lld copies", (long long)copies[i]);
  }
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  return repeat_into(&c->out[0], c->in[0]);
}

/* The sum over the copies. */
static ht_status tile_gradient(ht_back *b) {
  const ht_tensor *dy = &b->dout[0].dense;
  ht_tensor g;
  ht_block up = copies_block(&b->in[0].shape, &dy->shape), down = up;
  for (int i = 0; i < up.rank; i++) {
    down.to[i] = up.from[i];
    down.from[i] = up.to[i];
  }
  HT_TRY(ht_back_zeros(b, dy->dtype, &b->in[0].shape, &g));
  return ht_give_or_drop(b, 0, &g, ht_move_add(&g, 0, dy, 0, &down));
}

static ht_status broadcast_to_forward(ht_call *c) {
  ht_shape s, both;
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  HT_TRY(ht_shape_from(c->in[1], false, &s));
  HT_TRY(ht_shape_broadcast(&c->in[0]->shape, &s, &both));
  if (!ht_shape_equal(&s, &both))
    return ht_fail(HT_USAGE, "shape %s cannot be broadcast to %s",
                   ht_shape_text(&c->in[0]->shape, a), ht_shape_text(&s, b));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  return repeat_into(&c->out[0], c->in[0]);
}

static ht_status broadcast_to_gradient(ht_back *b) {
  ht_tensor g = ht_tensor_share(&b->dout[0].dense);
  return ht_give(b, 0, &g);
}

const ht_op ht_ops_pad[] = {
    {
        .name = "Pad",
        .inputs = "input:T paddings:Tpaddings",
        .outputs = "output:T",
        .attrs = "T:type Tpaddings:type=DT_INT32",
        .doc = "The value with zeros around it.",
        .samples =
            "f[2,3] i[2,2]{1,0,0,2}; d[2] l[1,2]{1,1}; f[0] i[1,2]{2,0}; "
            "i[2] i[1,2]{0,1}; d[2,1,3] i[3,2]{0,1,1,1,0,0}; f[] i[0,2]; "
            "h[2] i[1,2]{1,0}; u[2] i[1,2]{1,1}",
        .forward = pad_forward,
        .gradient = pad_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "PadV2",
        .inputs = "input:T paddings:Tpaddings constant_values:T",
        .outputs = "output:T",
        .attrs = "T:type Tpaddings:type=DT_INT32",
        .doc = "The value with another around it.",
        .samples = "f[2,3] i[2,2]{1,0,0,2} f[]{7}; d[2] l[1,2]{1,1} d[]{3}; "
                   "s[1]{'a'} i[1,2]{1,1} s[]{'-'}; d[2,3] i[2,2]{1,0,2,1} d[] "
                   "!differences=0; b[2] i[1,2]{1,0} b[]{1}; "
                   "i[2] i[1,2]{0,1} i[]{9}",
        .forward = pad_forward,
        /* TensorFlow gives the padding value no gradient. */
        .gradient = pad_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "MirrorPad",
        .inputs = "input:T paddings:Tpaddings",
        .outputs = "output:T",
        .attrs = "T:type Tpaddings:type=DT_INT32 mode:string",
        .doc = "The value with its own border mirrored around it.",
        .samples = "f[2,3] i[2,2]{1,1,2,2} mode='REFLECT'; "
                   "d[2,3] l[2,2]{2,1,3,0} mode='SYMMETRIC'; "
                   "d[3,2,2] i[3,2]{1,2,0,0,1,0} mode='REFLECT'; "
                   "i[3] i[1,2]{2,2} mode='REFLECT'; "
                   "s[2]{'a','b'} i[1,2]{1,2} mode='SYMMETRIC'; "
                   "f[2] i[1,2]{0,0} mode='REFLECT'",
        .forward = mirror_pad_forward,
        .gradient = mirror_pad_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "MirrorPadGrad",
        .inputs = "input:T paddings:Tpaddings",
        .outputs = "output:T",
        .attrs = "T:type Tpaddings:type=DT_INT32 mode:string",
        .doc = "The gradient of MirrorPad.",
        .samples =
            "f[4,7] i[2,2]{1,1,2,2} mode='REFLECT'; "
            "d[5,6] l[2,2]{2,1,3,0} mode='SYMMETRIC'; l[4]{9007199254740993,1,"
            "-2,3} i[1,2]{1,1} mode='REFLECT'; y[2,3]{9223372036854775808"
            ",9223372036854775809,1,2,3,4} i[2,2]{0,0,1,0} "
            "mode='SYMMETRIC'",
        .forward = mirror_grad_forward,
        .gradient = mirror_grad_gradient,
        .keep = HT_KEEP_IN(1),
        .flags = HT_OP_IN_DOUBLE,
    },
    {
        .name = "Tile",
        .inputs = "input:T multiples:Tmultiples",
        .outputs = "output:T",
        .attrs = "T:type Tmultiples:type=DT_INT32",
        .doc = "Copies of a value side by side.",
        .samples = "f[2,3] i[2]{2,1}; d[2,3] l[2]{3,2}; f[2] i[1]{0}; "
                   "s[2]{'a','b'} i[1]{2}; b[1,2] i[2]{2,2}; "
                   "d[2,1,2] i[3]{2,3,2}; f[] i[0]; d[3] i[1]{4}; "
                   "h[2] i[1]{2}; c[2,1] i[2]{1,3}",
        .forward = tile_forward,
        .gradient = tile_gradient,
    },
    {
        .name = "BroadcastTo",
        .inputs = "input:T shape:Tidx",
        .outputs = "output:T",
        .attrs = "T:type Tidx:type=DT_INT32",
        .doc = "The value broadcast to a shape.",
        .samples = "f[1,3] i[3]{2,2,3}; d[] l[2]{2,3}; i[2,1] i[2]{2,0}; "
                   "f[2] i[1]{2}; d[2,1,3] i[4]{2,2,2,3}; s[1]{'a'} i[2]{2,2}; "
                   "b[] i[1]{3}; f[1] i[2]{0,1}",
        .forward = broadcast_to_forward,
        .gradient = broadcast_to_gradient,
    },
    {0},
};
