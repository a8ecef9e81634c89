/* op_fill.c - values made from little: fills, ranges, one-hot vectors. */
#include <math.h>
#include <string.h>

#include "ops/moves.h"

static ht_status fill_forward(ht_call *c) {
  ht_shape s;
  HT_TRY(ht_shape_from(c->in[0], false, &s));
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_out(c, 0, c->in[1]->dtype, &s));
  return ht_move_fill(&c->out[0], c->in[1]);
}

static ht_status fill_gradient(ht_back *b) {
  ht_tensor g = ht_tensor_share(&b->dout[0].dense);
  return ht_give(b, 1, &g); /* summed down to the scalar */
}

static ht_status zeros_like_forward(ht_call *c) {
  return ht_out_zeros(c, 0, c->in[0]->dtype, &c->in[0]->shape);
}

/* A 1 of any number type, as its bytes. */
static ht_status one_of(ht_dtype t, ht_tensor *out) {
  HT_TRY(ht_tensor_zeros(NULL, t, &HT_SCALAR, out));
  switch (t) {
    case HT_FLOAT:
    case HT_COMPLEX64: ht_f(out)[0] = 1; break;
    case HT_DOUBLE:
    case HT_COMPLEX128: HT_DATA(double, out)[0] = 1; break;
    case HT_HALF: HT_DATA(uint16_t, out)[0] = ht_float_to_half(1); break;
    case HT_BFLOAT16:
      HT_DATA(uint16_t, out)[0] = ht_float_to_bfloat16(1);
      break;
    default: HT_DATA(uint8_t, out)[0] = 1; /* integers are little-endian */
  }
  return HT_SUCCESS;
}

static ht_status ones_like_forward(ht_call *c) {
  ht_tensor one;
  if (ht_dtype_pointers(c->in[0]->dtype))
    return ht_no_dtype(c, c->in[0]->dtype);
  HT_TRY(ht_out_like(c, 0, 0));
  HT_TRY(one_of(c->in[0]->dtype, &one));
  ht_status st = ht_move_fill(&c->out[0], &one);
  ht_tensor_drop(&one);
  return st;
}

/* ---- ranges */

static ht_status range_length(double start, double limit, double delta,
                              int64_t *n) {
  if (delta == 0) return ht_fail(HT_USAGE, "a range with steps of 0");
  if ((delta > 0 && start > limit) || (delta < 0 && start < limit))
    return ht_fail(HT_USAGE, "a range from %g to %g by %g", start, limit,
                   delta);
  double count = ceil(fabs((limit - start) / delta));
  if (!(count < 1e15)) return ht_fail(HT_USAGE, "a range without end");
  *n = (int64_t)count;
  return HT_SUCCESS;
}

/* Integers exactly, also beyond 2^53. */
static ht_status int_range_length(int64_t a, int64_t b, int64_t d, int64_t *n) {
  if (d == 0 || (d > 0 && a > b) || (d < 0 && a < b))
    return range_length((double)a, (double)b, (double)d, n);
  uint64_t span = d > 0 ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
  uint64_t step = d > 0 ? (uint64_t)d : 0 - (uint64_t)d;
  uint64_t count = span ? (span - 1) / step + 1 : 0;
  if (count > INT64_MAX / 16) return ht_fail(HT_USAGE, "a range without end");
  *n = (int64_t)count;
  return HT_SUCCESS;
}

#define COUNT_UP(type)                                 \
  do {                                                 \
    type v = HT_DATA(type, c->in[0])[0];               \
    const type d = HT_DATA(type, c->in[2])[0];         \
    for (int64_t i = 0; i < n; i++) {                  \
      HT_DATA(type, &c->out[0])[i] = v;                \
      if (i + 1 < n) v = (type)(v + d);                \
    }                                                  \
  } while (0)

static ht_status range_forward(ht_call *c) {
  int64_t n;
  for (int i = 0; i < 3; i++) HT_TRY(ht_need_scalar(c, i));
  ht_dtype t = c->in[0]->dtype;
  if (ht_dtype_integer(t))
    HT_TRY(int_range_length(ht_int_at(c->in[0], 0), ht_int_at(c->in[1], 0),
                            ht_int_at(c->in[2], 0), &n));
  else
    HT_TRY(range_length(ht_real_at(c->in[0], 0), ht_real_at(c->in[1], 0),
                        ht_real_at(c->in[2], 0), &n));
  ht_shape s = ht_shape_1(n);
  HT_TRY(ht_out(c, 0, t, &s));
  switch (t) {
    case HT_FLOAT: COUNT_UP(float); break;
    case HT_DOUBLE: COUNT_UP(double); break;
    case HT_INT32: COUNT_UP(int32_t); break;
    case HT_INT64: COUNT_UP(int64_t); break;
    case HT_UINT8: COUNT_UP(uint8_t); break;
    case HT_INT16: COUNT_UP(int16_t); break;
    case HT_INT8: COUNT_UP(int8_t); break;
    default: return ht_no_dtype(c, t);
  }
  return HT_SUCCESS;
}

static ht_status lin_space_forward(ht_call *c) {
  for (int i = 0; i < 3; i++) HT_TRY(ht_need_scalar(c, i));
  ht_shape s = ht_shape_1(ht_int_at(c->in[2], 0));
  ht_dtype t = c->in[0]->dtype;
  if (s.dim[0] < 1) return ht_fail(HT_USAGE, "op 'LinSpace' wants num >= 1");
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  HT_TRY(ht_out(c, 0, t, &s));
  double a = ht_real_at(c->in[0], 0), b = ht_real_at(c->in[1], 0);
  double step = s.dim[0] > 1 ? (b - a) / (double)(s.dim[0] - 1) : 0;
  if (t == HT_FLOAT) step = (double)(float)step;
  for (int64_t i = 0; i < s.dim[0]; i++) {
    double v = i && i == s.dim[0] - 1 ? b : a + step * (double)i;
    if (t == HT_FLOAT)
      ht_f(&c->out[0])[i] = (float)v;
    else
      HT_DATA(double, &c->out[0])[i] = v;
  }
  return HT_SUCCESS;
}

/* ---- OneHot: [outer, depth, inner] of on and off */

static ht_status one_hot_forward(ht_call *c) {
  const ht_tensor *ids = c->in[0];
  ht_shape s = ids->shape;
  int64_t axis = ht_attr_int(c->attrs, "axis");
  for (int i = 1; i < 4; i++) HT_TRY(ht_need_scalar(c, i));
  int64_t depth = ht_int_at(c->in[1], 0);
  if (depth < 0 || axis < -1 || axis > s.rank || s.rank == HT_MAX_RANK)
    return ht_fail(HT_USAGE, "op 'OneHot' of depth %lld on axis %lld",
                   (long long)depth, (long long)axis);
  int at = axis < 0 ? s.rank : (int)axis;
  int64_t inner = 1;
  for (int i = at; i < s.rank; i++) inner *= s.dim[i];
  memmove(s.dim + at + 1, s.dim + at, (size_t)(s.rank - at) * sizeof *s.dim);
  s.dim[at] = depth;
  s.rank++;
  HT_TRY(ht_out(c, 0, c->in[2]->dtype, &s));
  HT_TRY(ht_move_fill(&c->out[0], c->in[3]));
  int64_t n = ht_count(ids);
  for (int64_t i = 0; i < n; i++) {
    int64_t k = ht_int_at(ids, i), outer = i / inner;
    if (k < 0 || k >= depth) continue;
    HT_TRY(ht_move_run(&c->out[0], (outer * depth + k) * inner + i % inner,
                       c->in[2], 0, 1));
  }
  return HT_SUCCESS;
}

const ht_op ht_ops_fill[] = {
    {
        .name = "Fill",
        .inputs = "dims:index_type value:T",
        .outputs = "output:T",
        .attrs = "T:type index_type:type=DT_INT32",
        .doc = "A value repeated in a shape.",
        .samples = "i[2]{2,3} f[]; l[1]{0} d[]; i[0] i[]; i[1]{2} s[]{'a'}; "
                   "i[1]{3} b[]{1}",
        .forward = fill_forward,
        .gradient = fill_gradient,
    },
    {
        .name = "ZerosLike",
        .inputs = "x:T",
        .outputs = "y:T",
        .attrs = "T:type",
        .doc = "Zeros in the shape of a value.",
        .samples = "f[2,3]; i[]; b[2]; s[1]{'a'}",
        .forward = zeros_like_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "OnesLike",
        .inputs = "x:T",
        .outputs = "y:T",
        .attrs = "T:type",
        .doc = "Ones in the shape of a value.",
        .samples = "f[2,3]; i[]; b[2]; d[0]; h[2]; u[2]; l[1]",
        .forward = ones_like_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Range",
        .inputs = "start:Tidx limit:Tidx delta:Tidx",
        .outputs = "output:Tidx",
        .attrs = "Tidx:type=DT_INT32",
        .doc = "Numbers from start to before limit.",
        .samples = "i[]{0} i[]{5} i[]{2}; l[]{5} l[]{0} l[]{-2}; "
                   "f[]{0} f[]{1} f[]{0.3}; i[]{2} i[]{2} i[]{1}; "
                   "d[]{1} d[]{2} d[]{0.25}",
        .forward = range_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "LinSpace",
        .inputs = "start:T stop:T num:Tidx",
        .outputs = "output:T",
        .attrs = "T:type Tidx:type=DT_INT32",
        .doc = "Evenly spaced numbers, both ends included.",
        .samples = "f[]{0} f[]{1} i[]{5}; d[]{3} d[]{-1} l[]{3}; "
                   "f[]{2} f[]{9} i[]{1}",
        .forward = lin_space_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "OneHot",
        .inputs = "indices:TI depth:int32 on_value:T off_value:T",
        .outputs = "output:T",
        .attrs = "axis:int=-1 T:type TI:type=DT_INT64",
        .doc = "A vector with one element on, per index.",
        .samples = "l[3]{0,2,-1} i[]{3} f[]{1} f[]{0} !grad=0; "
                   "i[2]{1,4} i[]{2} f[]{5} f[]{-1} axis=0 !grad=0; "
                   "l[]{1} i[]{3} i[]{1} i[]{0}; u[2,2] i[]{4} f[]{1} f[]{0} "
                   "axis=1 !grad=0",
        .forward = one_hot_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
