/* op_shape.c - shapes of values, and values in other shapes. */
#include <string.h>

#include "ops/op.h"

/* out[i] = the integers v as a vector (rank 1) or a scalar, of out_type. */
static ht_status out_ints(ht_call *c, int i, bool vector, int n,
                          const int64_t *v) {
  ht_dtype type = ht_attr_type(c->attrs, "out_type");
  ht_shape s = vector ? ht_shape_1(n) : HT_SCALAR;
  HT_TRY(ht_out(c, i, type == HT_INT64 ? HT_INT64 : HT_INT32, &s));
  for (int k = 0; k < n; k++) {
    if (type != HT_INT64 && v[k] > INT32_MAX)
      return ht_fail(HT_USAGE, "a dimension of %lld does not fit int32",
                     (long long)v[k]);
    if (type == HT_INT64)
      ht_i64(&c->out[i])[k] = v[k];
    else
      ht_i32(&c->out[i])[k] = (int32_t)v[k];
  }
  return HT_SUCCESS;
}

static ht_status shape_forward(ht_call *c) {
  for (int i = 0; i < c->n_in; i++)
    HT_TRY(out_ints(c, i, true, c->in[i]->shape.rank, c->in[i]->shape.dim));
  return HT_SUCCESS;
}

static ht_status size_forward(ht_call *c) {
  int64_t n = ht_count(c->in[0]);
  return out_ints(c, 0, false, 1, &n);
}

static ht_status rank_forward(ht_call *c) {
  HT_TRY(ht_out(c, 0, HT_INT32, &HT_SCALAR));
  ht_i32(&c->out[0])[0] = c->in[0]->shape.rank;
  return HT_SUCCESS;
}

/* ---- reshaping: the value stays, so gradients are reshaped too */

static ht_status reshape_gradient(ht_back *b) {
  ht_tensor g = ht_tensor_shaped(&b->dout[0].dense, &b->in[0].shape);
  return ht_give(b, 0, &g);
}

static ht_status reshaped(const ht_call *c, ht_shape *s) {
  char from[HT_SHAPE_TEXT], to[HT_SHAPE_TEXT];
  int64_t n = ht_count(c->in[0]), known = 1;
  int open = -1;
  for (int i = 0; i < s->rank; i++) {
    if (s->dim[i] >= 0) {
      if (__builtin_mul_overflow(known, s->dim[i], &known))
        return ht_fail(HT_USAGE, "shape %s is too large", ht_shape_text(s, to));
    } else if (open >= 0) {
      return ht_fail(HT_USAGE, "shape %s has two unknown dimensions",
                     ht_shape_text(s, to));
    } else {
      open = i;
    }
  }
  if (open >= 0 && known > 0) s->dim[open] = n / known;
  if (open >= 0 && known == 0) s->dim[open] = 0;
  if (ht_shape_count(s) != n)
    return ht_fail(HT_USAGE, "%lld values of shape %s do not fit shape %s",
                   (long long)n, ht_shape_text(&c->in[0]->shape, from),
                   ht_shape_text(s, to));
  return HT_SUCCESS;
}

static ht_status reshape_forward(ht_call *c) {
  ht_shape s;
  HT_TRY(ht_shape_from(c->in[1], true, &s));
  HT_TRY(reshaped(c, &s));
  ht_out_shaped(c, 0, 0, &s);
  return HT_SUCCESS;
}

static ht_status expand_dims_forward(ht_call *c) {
  ht_shape s = c->in[0]->shape;
  int axis;
  HT_TRY(ht_need_scalar(c, 1));
  if (s.rank == HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "a tensor of rank %d", HT_MAX_RANK + 1);
  HT_TRY(ht_axis_from(ht_int_at(c->in[1], 0), s.rank + 1, &axis));
  memmove(s.dim + axis + 1, s.dim + axis,
          (size_t)(s.rank - axis) * sizeof *s.dim);
  s.dim[axis] = 1;
  s.rank++;
  ht_out_shaped(c, 0, 0, &s);
  return HT_SUCCESS;
}

static ht_status squeeze_forward(ht_call *c) {
  const ht_shape *in = &c->in[0]->shape;
  bool drop[HT_MAX_RANK] = {0};
  int n = ht_attr_length(c->attrs, "squeeze_dims"), axis;
  for (int i = 0; i < n; i++) {
    HT_TRY(ht_axis_from(ht_attr_int_at(c->attrs, "squeeze_dims", i), in->rank,
                        &axis));
    if (in->dim[axis] != 1)
      return ht_fail(HT_USAGE, "cannot squeeze axis %d of size %lld", axis,
                     (long long)in->dim[axis]);
    drop[axis] = true;
  }
  ht_shape s = {0};
  for (int i = 0; i < in->rank; i++)
    if (n ? !drop[i] : in->dim[i] != 1) s.dim[s.rank++] = in->dim[i];
  ht_out_shaped(c, 0, 0, &s);
  return HT_SUCCESS;
}

/* ---- shapes that broadcast */

static ht_status broadcast_args_forward(ht_call *c) {
  ht_shape a, b, both;
  HT_TRY(ht_shape_from(c->in[0], false, &a));
  HT_TRY(ht_shape_from(c->in[1], false, &b));
  HT_TRY(ht_shape_broadcast(&a, &b, &both));
  ht_shape n = ht_shape_1(both.rank);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &n));
  for (int i = 0; i < both.rank; i++)
    if (c->in[0]->dtype == HT_INT64)
      ht_i64(&c->out[0])[i] = both.dim[i];
    else
      ht_i32(&c->out[0])[i] = (int32_t)both.dim[i];
  return HT_SUCCESS;
}

/* The axes along which each of two shapes is summed after broadcasting. */
static ht_status reduced_axes(ht_call *c, int k, const ht_shape *s,
                              const ht_shape *both, const ht_shape *other) {
  int64_t axis[HT_MAX_RANK];
  int n = 0;
  for (int i = 0; i < both->rank; i++) {
    int j = i - (both->rank - s->rank), o = i - (both->rank - other->rank);
    int64_t d = j < 0 ? 1 : s->dim[j], e = o < 0 ? 1 : other->dim[o];
    if (d == 1 && (e != 1 || j < 0 || both->dim[i] == 1)) axis[n++] = i;
  }
  ht_shape size = ht_shape_1(n);
  HT_TRY(ht_out(c, k, c->in[0]->dtype, &size));
  for (int i = 0; i < n; i++)
    if (c->in[0]->dtype == HT_INT64)
      ht_i64(&c->out[k])[i] = axis[i];
    else
      ht_i32(&c->out[k])[i] = (int32_t)axis[i];
  return HT_SUCCESS;
}

static ht_status broadcast_gradient_args_forward(ht_call *c) {
  ht_shape a, b, both;
  HT_TRY(ht_shape_from(c->in[0], false, &a));
  HT_TRY(ht_shape_from(c->in[1], false, &b));
  HT_TRY(ht_shape_broadcast(&a, &b, &both));
  if (ht_shape_equal(&a, &b)) { /* equal shapes: nothing is summed */
    ht_shape none = ht_shape_1(0);
    HT_TRY(ht_out(c, 0, c->in[0]->dtype, &none));
    return ht_out(c, 1, c->in[0]->dtype, &none);
  }
  HT_TRY(reduced_axes(c, 0, &a, &both, &b));
  return reduced_axes(c, 1, &b, &both, &a);
}

const ht_op ht_ops_shape[] = {
    {
        .name = "Shape",
        .inputs = "input:T",
        .outputs = "output:out_type",
        .attrs = "T:type out_type:type=DT_INT32",
        .doc = "The shape of a value.",
        .samples = "f[2,3]; s[0,4] out_type=int64; i[]",
        .forward = shape_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ShapeN",
        .inputs = "input:N*T",
        .outputs = "output:N*out_type",
        .attrs = "N:int T:type out_type:type=DT_INT32",
        .doc = "The shapes of values.",
        .samples = "(f[2,3] f[1]); (l[] l[2,0]) out_type=int64",
        .forward = shape_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Size",
        .inputs = "input:T",
        .outputs = "output:out_type",
        .attrs = "T:type out_type:type=DT_INT32",
        .doc = "The number of elements.",
        .samples = "f[2,3]; s[0,4] out_type=int64; i[]",
        .forward = size_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Rank",
        .inputs = "input:T",
        .outputs = "output:int32",
        .attrs = "T:type",
        .doc = "The number of dimensions.",
        .samples = "f[2,3]; i[]",
        .forward = rank_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Reshape",
        .inputs = "tensor:T shape:Tshape",
        .outputs = "output:T",
        .attrs = "T:type Tshape:type=DT_INT32",
        .doc = "The values in another shape.",
        .samples = "f[2,3] i[1]{-1}; d[2,3] l[3]{3,-1,1}; f[] i[2]{1,1}; "
                   "f[0,3] i[2]{3,-1}; s[2]{'a','b'} i[2]{2,1}; f[1,1] i[0]",
        .forward = reshape_forward,
        .gradient = reshape_gradient,
    },
    {
        .name = "ExpandDims",
        .inputs = "input:T dim:Tdim",
        .outputs = "output:T",
        .attrs = "T:type Tdim:type=DT_INT32",
        .doc = "The values with one more dimension, of size 1.",
        .samples = "f[2,3] i[]{1}; f[2,3] i[]{-1}; d[] l[]{0}; i[2] i[1]{0}",
        .forward = expand_dims_forward,
        .gradient = reshape_gradient,
    },
    {
        .name = "Squeeze",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = "T:type squeeze_dims:list(int)=[]",
        .doc = "The values without dimensions of size 1.",
        .samples = "f[1,3,1]; f[1,3,1] squeeze_dims=[0]; "
                   "d[2,1,1] squeeze_dims=[-1]; i[1]",
        .forward = squeeze_forward,
        .gradient = reshape_gradient,
    },
    {
        .name = "BroadcastArgs",
        .inputs = "s0:T s1:T",
        .outputs = "r0:T",
        .attrs = "T:type=DT_INT32",
        .doc = "The shape that two shapes broadcast to.",
        .samples = "i[2]{2,1} i[3]{4,1,3}; l[0] l[1]{2}",
        .forward = broadcast_args_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "BroadcastGradientArgs",
        .inputs = "s0:T s1:T",
        .outputs = "r0:T r1:T",
        .attrs = "T:type=DT_INT32",
        .doc = "The axes along which broadcast values are summed.",
        .samples = "i[2]{2,1} i[3]{4,1,3}; i[2]{2,3} i[2]{2,3}; "
                   "i[2]{2,3} i[1]{3}; l[0] l[1]{2}",
        .forward = broadcast_gradient_args_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
