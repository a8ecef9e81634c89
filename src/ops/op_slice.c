/* op_slice.c - blocks of values, read, spread and replaced. */
#include <string.h>

#include "ops/moves.h"

/* ---- Slice */

static ht_status slice_forward(ht_call *c) {
  const ht_shape *in = &c->in[0]->shape;
  int64_t begin[HT_MAX_RANK], size[HT_MAX_RANK], from[HT_MAX_RANK];
  HT_TRY(ht_vector_of(c, 1, in->rank, begin));
  HT_TRY(ht_vector_of(c, 2, in->rank, size));
  ht_shape s = {.rank = in->rank};
  int64_t at = 0;
  ht_move_strides(in, from);
  for (int i = 0; i < in->rank; i++) {
    if (size[i] == -1 && begin[i] >= 0) size[i] = in->dim[i] - begin[i];
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
  if (*step == 0) return ht_fail(HT_USAGE, "stride %d of a slice is zero", k);
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
  uint64_t stride = *step > 0 ? (uint64_t)*step : 0 - (uint64_t)*step;
  *n = span > 0 ? (int64_t)((uint64_t)(span - 1) / stride) + 1 : 0;
  if (*n <= 1) *step = 1; /* none is taken */
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
static int64_t strided_block(const strided *r, const ht_shape *in, ht_block *b,
                             int64_t *dense, int64_t *sparse) {
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

/* The sliced part of dy as the gradient of input i. */
static ht_status give_slice(ht_back *b, int i, const spec *s,
                            const ht_tensor *dy) {
  strided r;
  ht_tensor g;
  HT_TRY(work_out(s, &dy->shape, &r));
  HT_TRY(ht_back_new(b, dy->dtype, &b->in[i].shape, &g));
  ht_block block = {0};
  int64_t at = strided_block(&r, &dy->shape, &block, block.to, block.from);
  return ht_give_or_drop(b, i, &g, ht_move_block(&g, 0, dy, at, &block));
}

static ht_status strided_slice_grad_gradient(ht_back *b) {
  spec s = spec_of(b->attrs, &b->in[1], &b->in[2], &b->in[3]);
  return give_slice(b, 4, &s, &b->dout[0].dense);
}

/* ---- TensorStridedSliceUpdate: the value, a slice of it replaced */

/* `value` broadcast into the slice of t. */
static ht_status put_slice(ht_tensor *t, const spec *s,
                           const ht_tensor *value) {
  strided r;
  int64_t step[HT_MAX_RANK];
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  HT_TRY(work_out(s, &t->shape, &r));
  ht_shape fit;
  HT_TRY(ht_shape_broadcast(&r.final, &value->shape, &fit));
  bool scalar = ht_count(value) == 1;
  if (!ht_shape_equal(&fit, &r.final) ||
      (!scalar && !ht_shape_equal(&value->shape, &r.final)))
    return ht_fail(HT_USAGE, "a value of shape %s for a slice of shape %s",
                   ht_shape_text(&value->shape, a), ht_shape_text(&r.final, b));
  ht_block block = {0};
  int64_t at = strided_block(&r, &t->shape, &block, step, block.to);
  for (int i = 0; i < block.rank; i++) block.from[i] = scalar ? 0 : step[i];
  return ht_move_block(t, at, value, 0, &block);
}

static ht_status slice_update_forward(ht_call *c) {
  spec s = spec_of(c->attrs, c->in[1], c->in[2], c->in[3]);
  HT_TRY(ht_tensor_copy(c->run->pool, c->in[0], &c->out[0]));
  c->out[0].trace = 0;
  return put_slice(&c->out[0], &s, c->in[4]);
}

static ht_status slice_update_gradient(ht_back *b) {
  spec s = spec_of(b->attrs, &b->in[1], &b->in[2], &b->in[3]);
  const ht_tensor *dy = &b->dout[0].dense;
  if (ht_wants(b, 0)) {
    ht_tensor g, zero = {0};
    HT_TRY(ht_tensor_copy(b->run->pool, dy, &g));
    g.trace = 0;
    ht_status st = ht_back_zeros(b, dy->dtype, &HT_SCALAR, &zero);
    if (st.code == HT_OK) st = put_slice(&g, &s, &zero);
    ht_tensor_drop(&zero);
    HT_TRY(ht_give_or_drop(b, 0, &g, st));
  }
  return ht_wants(b, 4) ? give_slice(b, 4, &s, dy) : HT_SUCCESS;
}

#define STRIDED_ATTRS                                  \
  "T:type Index:type begin_mask:int=0 end_mask:int=0 " \
  "ellipsis_mask:int=0 new_axis_mask:int=0 shrink_axis_mask:int=0"

const ht_op ht_ops_slice[] = {
    {
        .name = "Slice",
        .inputs = "input:T begin:Index size:Index",
        .outputs = "output:T",
        .attrs = "T:type Index:type",
        .doc = "A block of a value.",
        .samples =
            "f[3,4] i[2]{1,0} i[2]{2,-1}; d[3,4] l[2]{0,3} l[2]{3,1}; "
            "s[3]{'a','b','c'} i[1]{1} i[1]{1}; f[2,0] i[2]{0,0} i[2]{2,0}; "
            "d[2,3,4] i[3]{1,1,0} i[3]{1,-1,3}; b[4] l[1]{4} l[1]{-1}; "
            "f[] i[0] i[0]; z[3] i[1]{1} i[1]{2}",
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
            "f[4] i[1]{3} i[1]{1} i[1]{1}; s[2]{'a','b'} i[1]{1} i[1]{2} "
            "i[1]{1}; "
            "d[4,5] i[2]{-1,4} i[2]{-5,0} i[2]{-2,-3} end_mask=1; "
            "d[2,3] i[3]{0,0,0} i[3]{0,0,0} i[3]{1,1,1} new_axis_mask=2 "
            "begin_mask=5 end_mask=5; d[3,2,2] i[0] i[0] i[0]; "
            "d[2,3,2] i[3]{0,0,-1} i[3]{0,0,0} i[3]{1,1,1} ellipsis_mask=1 "
            "new_axis_mask=2 shrink_axis_mask=4; u[5] i[1]{0} i[1]{5} i[1]{2}; "
            "f[2,3] i[2]{0,0} i[2]{0,0} i[2]{1,1} ellipsis_mask=2 "
            "shrink_axis_mask=1; h[4] i[1]{1} i[1]{3} i[1]{1}; "
            "l[3] i[2]{0,-1} i[2]{0,0} i[2]{1,1} new_axis_mask=1 "
            "shrink_axis_mask=2; b[0] i[1]{0} i[1]{3} i[1]{1}",
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
        .name = "TensorStridedSliceUpdate",
        .inputs = "input:T begin:Index end:Index strides:Index value:T",
        .outputs = "output:T",
        .attrs = STRIDED_ATTRS,
        .doc = "The value with a slice of it replaced.",
        .samples = "f[3,4] i[2]{1,0} i[2]{3,3} i[2]{1,2} f[2,2]; "
                   "d[5] i[1]{-1} i[1]{-6} i[1]{-2} d[3]; "
                   "d[3,2] i[1]{1} i[1]{2} i[1]{1} d[2] shrink_axis_mask=1; "
                   "i[4] l[1]{1} l[1]{3} l[1]{1} i[2]; "
                   "s[2]{'a','b'} i[1]{0} i[1]{1} i[1]{1} s[1]{'c'}",
        .forward = slice_update_forward,
        .gradient = slice_update_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2) | HT_KEEP_IN(3),
    },
    {0},
};
