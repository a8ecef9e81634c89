/* op_slice.c - parts of values: slices, strides, padding, tiles, reversal. */
#include <string.h>

#include "ops/moves.h"

/* ---- Slice */

static ht_status vector_ints(const ht_call *c, int i, int rank, int64_t *v) {
  if (c->in[i]->shape.rank != 1 || ht_count(c->in[i]) != rank)
    return ht_fail(HT_USAGE, "op '%s' wants %d numbers, one per dimension",
                   c->op->name, rank);
  for (int k = 0; k < rank; k++) v[k] = ht_int_at(c->in[i], k);
  return HT_SUCCESS;
}

static ht_status slice_forward(ht_call *c) {
  const ht_shape *in = &c->in[0]->shape;
  int64_t begin[HT_MAX_RANK], size[HT_MAX_RANK], from[HT_MAX_RANK];
  HT_TRY(vector_ints(c, 1, in->rank, begin));
  HT_TRY(vector_ints(c, 2, in->rank, size));
  ht_shape s = {.rank = in->rank};
  int64_t at = 0;
  ht_move_strides(in, from);
  for (int i = 0; i < in->rank; i++) {
    if (size[i] == -1) size[i] = in->dim[i] - begin[i];
    if (begin[i] < 0 || size[i] < 0 || size[i] > in->dim[i] - begin[i])
      return ht_fail(HT_USAGE, "slice [%lld, +%lld) of axis %d, which has %lld",
                     (long long)begin[i], (long long)size[i], i,
                     (long long)in->dim[i]);
    s.dim[i] = size[i];
    at += begin[i] * from[i];
  }
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  ht_block b = {.rank = s.rank};
  memcpy(b.n, s.dim, sizeof s.dim);
  memcpy(b.from, from, sizeof from);
  ht_move_strides(&s, b.to);
  return ht_move_block(&c->out[0], 0, c->in[0], at, &b);
}

static ht_status slice_gradient(ht_back *b) {
  ht_tensor g;
  const ht_tensor *d = &b->dout[0].dense;
  ht_block block = {.rank = d->shape.rank};
  int64_t at = 0;
  HT_TRY(ht_back_zeros(b, b->in[0].dtype, &b->in[0].shape, &g));
  ht_move_strides(&g.shape, block.to);
  ht_move_strides(&d->shape, block.from);
  for (int i = 0; i < block.rank; i++) {
    block.n[i] = d->shape.dim[i];
    at += ht_int_at(&b->in[1], i) * block.to[i];
  }
  ht_status st = ht_move_block(&g, at, d, 0, &block);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

/* ---- StridedSlice: numpy's x[a:b:c, ..., None, i] */

/* A slice worked out against a shape: the block over all dimensions of the
 * input (with strides), and the shape of the result. */
typedef struct strided {
  int64_t begin[HT_MAX_RANK], step[HT_MAX_RANK], n[HT_MAX_RANK];
  int rank;       /* of the input */
  ht_shape final; /* new axes put in, shrunk ones left out */
} strided;

typedef struct spec {
  const ht_tensor *begin, *end, *strides;
  int64_t begin_mask, end_mask, ellipsis, new_axis, shrink;
} spec;

static ht_status clamp_range(const spec *s, int k, int64_t size, int64_t *from,
                             int64_t *step, int64_t *n) {
  *step = ht_int_at(s->strides, k);
  int64_t a = ht_int_at(s->begin, k), b = ht_int_at(s->end, k);
  if (*step == 0)
    return ht_fail(HT_USAGE, "stride %d of a slice is zero", k);
  if (s->shrink >> k & 1) {
    if (a < -size || a >= size)
      return ht_fail(HT_USAGE, "index %lld is outside axis of size %lld",
                     (long long)a, (long long)size);
    *from = a < 0 ? a + size : a;
    *step = *n = 1;
    return HT_SUCCESS;
  }
  int64_t low = *step > 0 ? 0 : -1, high = *step > 0 ? size : size - 1;
  a = a < 0 ? a + size : a;
  b = b < 0 ? b + size : b;
  a = a < low ? low : a > high ? high : a;
  b = b < low ? low : b > high ? high : b;
  if (s->begin_mask >> k & 1) a = *step > 0 ? low : high;
  if (s->end_mask >> k & 1) b = *step > 0 ? high : low;
  int64_t span = *step > 0 ? b - a : a - b;
  int64_t stride = *step > 0 ? *step : -*step;
  *n = span > 0 ? (span - 1) / stride + 1 : 0;
  *from = a;
  return HT_SUCCESS;
}

static void whole_axis(strided *r, const ht_shape *in) {
  r->begin[r->rank] = 0;
  r->step[r->rank] = 1;
  r->n[r->rank] = in->dim[r->rank];
  r->final.dim[r->final.rank++] = in->dim[r->rank++];
}

/* How many axes of the input the entries after the ellipsis need. */
static int axes_after(const spec *s, int k, int n) {
  int axes = 0;
  for (int i = k + 1; i < n; i++) axes += !(s->new_axis >> i & 1);
  return axes;
}

static ht_status work_out(const spec *s, const ht_shape *in, strided *r) {
  int n = (int)ht_count(s->begin);
  *r = (strided){0};
  if (n > 32 || ht_count(s->end) != n || ht_count(s->strides) != n)
    return ht_fail(HT_USAGE, "begin, end and strides of a slice differ");
  for (int k = 0; k < n; k++) {
    if (s->ellipsis >> k & 1) {
      int stop = in->rank - axes_after(s, k, n);
      while (r->rank < stop) whole_axis(r, in);
      continue;
    }
    if (r->final.rank >= HT_MAX_RANK)
      return ht_fail(HT_UNSUPPORTED, "a slice of rank above %d", HT_MAX_RANK);
    if (s->new_axis >> k & 1) {
      r->final.dim[r->final.rank++] = 1;
      continue;
    }
    if (r->rank >= in->rank)
      return ht_fail(HT_USAGE, "a slice of %d axes of a value of rank %d", n,
                     in->rank);
    int i = r->rank++;
    HT_TRY(clamp_range(s, k, in->dim[i], &r->begin[i], &r->step[i], &r->n[i]));
    if (!(s->shrink >> k & 1)) r->final.dim[r->final.rank++] = r->n[i];
  }
  if (r->final.rank + in->rank - r->rank > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "a slice of rank above %d", HT_MAX_RANK);
  while (r->rank < in->rank) whole_axis(r, in);
  return HT_SUCCESS;
}

static spec spec_of(const ht_attrs *a, const ht_tensor *begin,
                    const ht_tensor *end, const ht_tensor *strides) {
  spec s = {begin,
            end,
            strides,
            ht_attr_int(a, "begin_mask"),
            ht_attr_int(a, "end_mask"),
            ht_attr_int(a, "ellipsis_mask"),
            ht_attr_int(a, "new_axis_mask"),
            ht_attr_int(a, "shrink_axis_mask")};
  s.new_axis &= ~s.ellipsis;
  s.shrink &= ~(s.new_axis | s.ellipsis);
  return s;
}

/* The sliced block of a tensor of shape `in` against a dense one; returns
 * where it begins. */
static int64_t strided_block(const strided *r, const ht_shape *in,
                             ht_block *b, int64_t *dense, int64_t *sparse) {
  int64_t stride[HT_MAX_RANK], at = 0;
  ht_move_strides(in, stride);
  b->rank = r->rank;
  memcpy(b->n, r->n, sizeof r->n);
  ht_k_strides(r->rank, r->n, 1, dense);
  for (int i = 0; i < r->rank; i++) {
    sparse[i] = stride[i] * r->step[i];
    at += r->begin[i] * stride[i];
  }
  return at;
}

static ht_status strided_slice_forward(ht_call *c) {
  spec s = spec_of(c->attrs, c->in[1], c->in[2], c->in[3]);
  strided r;
  HT_TRY(work_out(&s, &c->in[0]->shape, &r));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &r.final));
  ht_block b = {0};
  int64_t at = strided_block(&r, &c->in[0]->shape, &b, b.to, b.from);
  return ht_move_block(&c->out[0], 0, c->in[0], at, &b);
}

/* dy put where the slice was taken, zeros elsewhere. */
static ht_status spread(ht_pool *pool, const spec *s, const ht_shape *whole,
                        const ht_tensor *dy, ht_tensor *out) {
  strided r;
  HT_TRY(work_out(s, whole, &r));
  if (ht_shape_count(&r.final) != ht_count(dy))
    return ht_fail(HT_USAGE, "a gradient that does not fit its slice");
  HT_TRY(ht_tensor_zeros(pool, dy->dtype, whole, out));
  ht_block b = {0};
  int64_t at = strided_block(&r, whole, &b, b.from, b.to);
  ht_status st = ht_move_block(out, at, dy, 0, &b);
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

static ht_status strided_slice_gradient(ht_back *b) {
  spec s = spec_of(b->attrs, &b->in[1], &b->in[2], &b->in[3]);
  ht_tensor g;
  HT_TRY(spread(b->run->pool, &s, &b->in[0].shape, &b->dout[0].dense, &g));
  return ht_give(b, 0, &g);
}

static ht_status strided_slice_grad_forward(ht_call *c) {
  spec s = spec_of(c->attrs, c->in[1], c->in[2], c->in[3]);
  ht_shape whole;
  HT_TRY(ht_shape_from(c->in[0], false, &whole));
  return spread(c->run->pool, &s, &whole, c->in[4], &c->out[0]);
}

static ht_status strided_slice_grad_gradient(ht_back *b) {
  spec s = spec_of(b->attrs, &b->in[1], &b->in[2], &b->in[3]);
  strided r;
  ht_tensor g;
  const ht_tensor *d = &b->dout[0].dense;
  HT_TRY(work_out(&s, &d->shape, &r));
  HT_TRY(ht_back_new(b, d->dtype, &b->in[4].shape, &g));
  ht_block block = {0};
  int64_t at = strided_block(&r, &d->shape, &block, block.to, block.from);
  ht_status st = ht_move_block(&g, 0, d, at, &block);
  if (st.code == HT_OK) return ht_give(b, 4, &g);
  ht_tensor_drop(&g);
  return st;
}

/* ---- Pad */

static ht_status paddings(const ht_tensor *t, const ht_shape *in,
                          int64_t *before, ht_shape *out) {
  if (t->shape.rank != 2 || t->shape.dim[1] != 2 ||
      t->shape.dim[0] != in->rank)
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

static ht_status fill_with(ht_tensor *t, const ht_tensor *value) {
  ht_block b = {1, {ht_count(t)}, {1}, {0}};
  if (value) return ht_move_block(t, 0, value, 0, &b);
  if (!ht_dtype_pointers(t->dtype)) memset(t->data, 0, ht_tensor_bytes(t));
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
  HT_TRY(fill_with(&c->out[0], value));
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
  ht_status st = ht_move_block(&g, 0, &b->dout[0].dense, at, &block);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

/* The sum of all elements of a real tensor. */
static double total(const ht_tensor *t) {
  double sum = 0;
  int64_t n = ht_count(t);
  for (int64_t i = 0; i < n; i++) sum += ht_real_at(t, i);
  return sum;
}

/* The gradient of the padded value is what arrives outside of the inner
 * block: all of it less the inner part. */
static ht_status pad_value_gradient(ht_back *b) {
  int64_t before[HT_MAX_RANK];
  ht_shape s;
  ht_tensor inner, g;
  const ht_tensor *d = &b->dout[0].dense;
  if (d->dtype != HT_FLOAT && d->dtype != HT_DOUBLE)
    return ht_fail(HT_UNSUPPORTED, "gradient of a %s padding value",
                   ht_dtype_name(d->dtype));
  HT_TRY(paddings(&b->in[1], &b->in[0].shape, before, &s));
  HT_TRY(ht_back_new(b, d->dtype, &b->in[0].shape, &inner));
  ht_block block = {0};
  int64_t at =
      inner_block(&inner.shape, &s, before, &block, block.to, block.from);
  ht_status st = ht_move_block(&inner, 0, d, at, &block);
  double sum = total(d) - total(&inner);
  ht_tensor_drop(&inner);
  HT_TRY(st);
  HT_TRY(ht_back_new(b, d->dtype, &b->in[2].shape, &g));
  if (d->dtype == HT_FLOAT)
    ht_f(&g)[0] = (float)sum;
  else
    HT_DATA(double, &g)[0] = sum;
  return ht_give(b, 2, &g);
}

static ht_status pad_v2_gradient(ht_back *b) {
  if (ht_wants(b, 2)) HT_TRY(pad_value_gradient(b));
  return ht_wants(b, 0) ? pad_gradient(b) : HT_SUCCESS;
}

/* ---- Tile, BroadcastTo */

static ht_status repeat_into(ht_tensor *to, const ht_tensor *from) {
  int64_t stride[HT_MAX_RANK], out_stride[HT_MAX_RANK];
  const ht_shape *in = &from->shape, *out = &to->shape;
  ht_move_strides(in, stride);
  ht_move_strides(out, out_stride);
  /* Each axis of the result is (copies, input axis): two of the block. */
  ht_block pairs = {0};
  int64_t n[2 * HT_MAX_RANK], t[2 * HT_MAX_RANK], f[2 * HT_MAX_RANK];
  int k = 0;
  for (int i = 0; i < out->rank; i++) {
    int j = i - (out->rank - in->rank);
    int64_t size = j < 0 ? 1 : in->dim[j];
    int64_t copies = size ? out->dim[i] / size : 0;
    if (copies != 1) n[k] = copies, t[k] = size * out_stride[i], f[k++] = 0;
    if (size != 1) n[k] = size, t[k] = out_stride[i], f[k++] = stride[j];
  }
  if (k > HT_COPY_RANK)
    return ht_fail(HT_UNSUPPORTED, "a tile of too many axes");
  pairs.rank = k;
  memcpy(pairs.n, n, (size_t)k * sizeof *n);
  memcpy(pairs.to, t, (size_t)k * sizeof *t);
  memcpy(pairs.from, f, (size_t)k * sizeof *f);
  return ht_move_block(to, 0, from, 0, &pairs);
}

static ht_status tile_forward(ht_call *c) {
  int64_t copies[HT_MAX_RANK];
  ht_shape s = c->in[0]->shape;
  HT_TRY(vector_ints(c, 1, s.rank, copies));
  for (int i = 0; i < s.rank; i++) {
    if (copies[i] < 0 || __builtin_mul_overflow(s.dim[i], copies[i], &s.dim[i]))
      return ht_fail(HT_USAGE, "a tile of %lld copies", (long long)copies[i]);
  }
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  return repeat_into(&c->out[0], c->in[0]);
}

/* Sums over copies: dy as [copies, size, copies, size, ...] reduced over the
 * copies, which is broadcasting's sum. */
static ht_status tile_gradient(ht_back *b) {
  const ht_tensor *d = &b->dout[0].dense;
  const ht_shape *in = &b->in[0].shape;
  ht_tensor g = ht_tensor_share(d);
  for (int i = 0; i < in->rank; i++) { /* an axis at a time */
    int64_t outer = 1, inner = 1;
    for (int k = 0; k < i; k++) outer *= in->dim[k];
    for (int k = i + 1; k < in->rank; k++) inner *= d->shape.dim[k];
    int64_t size = in->dim[i], copies = size ? d->shape.dim[i] / size : 0;
    if (copies == 1) continue;
    ht_shape apart = {3, {outer, copies, size * inner}};
    ht_shape summed = {3, {outer, 1, size * inner}};
    g.shape = apart;
    ht_tensor axis, sum = {0};
    ht_status st = ht_scalar_int64(1, &axis);
    const ht_tensor *args[] = {&g, &axis};
    if (st.code == HT_OK)
      st = ht_apply(b->run, "Sum", "keep_dims=true", 2, args, 1, &sum);
    ht_tensor_drop(&axis);
    ht_tensor_drop(&g);
    HT_TRY(st);
    g = sum;
    g.shape = summed;
  }
  g.shape = *in;
  return ht_give(b, 0, &g);
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
      if (i < b.rank) flip[i] = a;
      continue;
    }
    HT_TRY(ht_axis_from(a, b.rank, &axis));
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
  ht_status st = reversed(&b->in[1], &b->dout[0].dense, &g);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

#define STRIDED_ATTRS                                           \
  "T:type Index:type begin_mask:int=0 end_mask:int=0 "          \
  "ellipsis_mask:int=0 new_axis_mask:int=0 shrink_axis_mask:int=0"

const ht_op ht_ops_slice[] = {
    {
        .name = "Slice",
        .inputs = "input:T begin:Index size:Index",
        .outputs = "output:T",
        .attrs = "T:type Index:type",
        .doc = "A block of a value.",
        .samples = "f[3,4] i[2]{1,0} i[2]{2,-1}; d[3,4] l[2]{0,3} l[2]{3,1}; "
                   "s[3]{'a','b','c'} i[1]{1} i[1]{1}; f[2,0] i[2] i[2]{2,0}",
        .forward = slice_forward,
        .gradient = slice_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "StridedSlice",
        .inputs = "input:T begin:Index end:Index strides:Index",
        .outputs = "output:T",
        .attrs = STRIDED_ATTRS,
        .doc = "numpy's slicing of a value.",
        .samples =
            "f[3,4] i[2]{1,0} i[2]{3,3} i[2]{1,2}; "
            "f[5] i[1]{-1} i[1]{-6} i[1]{-2}; "
            "f[5] i[1]{3} i[1]{0} i[1]{-1} end_mask=1; "
            "d[2,3,4] i[2]{0,1} i[2]{0,2} i[2]{1,1} ellipsis_mask=1 "
            "shrink_axis_mask=2; "
            "f[2,3,4] i[3]{0,0,1} i[3]{0,0,3} i[3]{1,1,1} ellipsis_mask=2 "
            "new_axis_mask=1; "
            "i[3] i[1]{0} i[1]{1} i[1]{1} shrink_axis_mask=1; "
            "f[3,2] l[1]{-2} l[1]{0} l[1]{1} shrink_axis_mask=1; "
            "f[4] i[1]{2} i[1]{100} i[1]{1} begin_mask=1; "
            "f[4] i[1]{3} i[1]{1} i[1]{1}; s[2]{'a','b'} i[1]{1} i[1]{2} i[1]{1}",
        .forward = strided_slice_forward,
        .gradient = strided_slice_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2) | HT_KEEP_IN(3),
    },
    {
        .name = "StridedSliceGrad",
        .inputs = "shape:Index begin:Index end:Index strides:Index dy:T",
        .outputs = "output:T",
        .attrs = STRIDED_ATTRS,
        .doc = "The gradient of StridedSlice.",
        .samples = "i[2]{3,4} i[2]{1,0} i[2]{3,3} i[2]{1,2} f[2,2]; "
                   "i[1]{5} i[1]{-1} i[1]{-6} i[1]{-2} d[3]",
        .forward = strided_slice_grad_forward,
        .gradient = strided_slice_grad_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2) | HT_KEEP_IN(3),
    },
    {
        .name = "Pad",
        .inputs = "input:T paddings:Tpaddings",
        .outputs = "output:T",
        .attrs = "T:type Tpaddings:type=DT_INT32",
        .doc = "The value with zeros around it.",
        .samples = "f[2,3] i[2,2]{1,0,0,2}; d[2] l[1,2]{1,1}; f[0] i[1,2]{2,0}; "
                   "i[2] i[1,2]{0,1}",
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
        .samples = "f[2,3] i[2,2]{1,0,0,2} f[]{7}; d[2] l[1,2]{1,1} d[]; "
                   "i[2] i[1,2]{0,1} i[]{9}",
        .forward = pad_forward,
        .gradient = pad_v2_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "Tile",
        .inputs = "input:T multiples:Tmultiples",
        .outputs = "output:T",
        .attrs = "T:type Tmultiples:type=DT_INT32",
        .doc = "Copies of a value side by side.",
        .samples = "f[2,3] i[2]{2,1}; d[2,3] l[2]{3,2}; f[2] i[1]{0}; "
                   "s[2]{'a','b'} i[1]{2}; b[1,2] i[2]{2,2}",
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
                   "f[2] i[1]{2}",
        .forward = broadcast_to_forward,
        .gradient = broadcast_to_gradient,
    },
    {
        .name = "ReverseV2",
        .inputs = "tensor:T axis:Tidx",
        .outputs = "output:T",
        .attrs = "Tidx:type=DT_INT32 T:type",
        .doc = "The value with axes reversed.",
        .samples = "f[2,3] i[1]{1}; d[2,3] l[2]{0,-1}; s[2]{'a','b'} i[1]{0}; "
                   "f[2] i[0]",
        .forward = reverse_forward,
        .gradient = reverse_gradient,
        .keep = HT_KEEP_IN(1),
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
    {0},
};
