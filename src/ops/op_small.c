/* op_small.c - small things on indices, layouts and rows. */
#include <string.h>

#include "kernels/cast.h"
#include "ops/elementwise.h"
#include "ops/moves.h"

/* ---- Cross: the vector product of the last axis */

static void cross(const double *a, const double *b, double *z) {
  for (int k = 0; k < 3; k++) {
    int i = (k + 1) % 3, j = (k + 2) % 3;
    z[k] = a[i] * b[j] - a[j] * b[i];
  }
}

/* Those that double cannot hold wrap. */
static void cross_longs(const uint64_t *a, const uint64_t *b, uint64_t *z,
                        int64_t n) {
  for (int64_t at = 0; at < n; at += 3)
    for (int k = 0; k < 3; k++) {
      int64_t i = at + (k + 1) % 3, j = at + (k + 2) % 3;
      z[at + k] = a[i] * b[j] - a[j] * b[i];
    }
}

/* z = a x b, through double. */
static ht_status cross_all(ht_pool *pool, const ht_tensor *a,
                           const ht_tensor *b, ht_tensor *z) {
  ht_tensor v[3] = {{0}};
  if (a->dtype == HT_INT64 || a->dtype == HT_UINT64) {
    cross_longs(a->data, b->data, z->data, ht_count(a));
    return HT_SUCCESS;
  }
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < 3 && st.code == HT_OK; i++)
    st = ht_tensor_new(pool, HT_DOUBLE, &a->shape, &v[i]);
  if (st.code == HT_OK) {
    ht_cast_run(a, false, &v[0]);
    ht_cast_run(b, false, &v[1]);
    for (int64_t i = 0; i < ht_count(a); i += 3)
      cross(HT_DATA(double, &v[0]) + i, HT_DATA(double, &v[1]) + i,
            HT_DATA(double, &v[2]) + i);
    ht_cast_run(&v[2], false, z);
  }
  for (int i = 0; i < 3; i++) ht_tensor_drop(&v[i]);
  return st;
}

static ht_status cross_forward(ht_call *c) {
  const ht_shape *s = &c->in[0]->shape;
  ht_dtype t = c->in[0]->dtype;
  if (!ht_dtype_integer(t) && t != HT_FLOAT && t != HT_DOUBLE && t != HT_HALF &&
      t != HT_BFLOAT16)
    return ht_no_dtype(c, t);
  HT_TRY(ht_need_same_shape(c, 0, 1));
  HT_TRY(ht_need_min_rank(c, 0, 1));
  if (s->dim[s->rank - 1] != 3)
    return ht_fail(HT_USAGE, "op 'Cross' wants vectors of 3");
  HT_TRY(ht_out_like(c, 0, 0));
  return cross_all(c->run->pool, c->in[0], c->in[1], &c->out[0]);
}

static ht_status give_cross(ht_back *b, int i, const ht_tensor *x,
                            const ht_tensor *y) {
  ht_tensor g;
  if (!ht_wants(b, i)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, x->dtype, &x->shape, &g));
  return ht_give_or_drop(b, i, &g, cross_all(b->run->pool, x, y, &g));
}

static ht_status cross_back(ht_back *b) {
  HT_TRY(give_cross(b, 0, &b->in[1], &b->dout[0].dense));
  return give_cross(b, 1, &b->dout[0].dense, &b->in[0]);
}

/* ---- UnravelIndex: [rank, n] coordinates of n places */

static ht_status unravel_forward(ht_call *c) {
  const ht_tensor *at = c->in[0], *dims = c->in[1];
  int64_t n = ht_count(at), rank = ht_count(dims), size = 1;
  if (at->shape.rank > 1) HT_TRY(ht_need_rank(c, 0, 1));
  HT_TRY(ht_need_rank(c, 1, 1));
  for (int64_t d = 0; d < rank; d++)
    if (ht_int_at(dims, d) <= 0 ||
        __builtin_mul_overflow(size, ht_int_at(dims, d), &size))
      return ht_fail(HT_USAGE, "op 'UnravelIndex' wants dimensions above 0");
  ht_shape s = at->shape.rank ? ht_shape_2(rank, n) : ht_shape_1(rank);
  HT_TRY(ht_out(c, 0, at->dtype, &s));
  for (int64_t i = 0; i < n; i++) {
    int64_t place = ht_int_at(at, i);
    if (place < 0 || place >= size)
      return ht_fail(HT_USAGE, "index %lld is outside %lld elements",
                     (long long)place, (long long)size);
    for (int64_t d = rank - 1; d >= 0; place /= ht_int_at(dims, d), d--)
      ht_put_int(&c->out[0], d * n + i, place % ht_int_at(dims, d));
  }
  return HT_SUCCESS;
}

/* ---- PopulationCount: bits that are set */

static ht_status bits_forward(ht_call *c) {
  const ht_tensor *x = c->in[0];
  size_t size = ht_dtype_size(x->dtype);
  if (!ht_dtype_integer(x->dtype)) return ht_no_dtype(c, x->dtype);
  HT_TRY(ht_out(c, 0, HT_UINT8, &x->shape));
  for (int64_t i = 0; i < ht_count(x); i++) {
    uint64_t v = 0;
    memcpy(&v, (const char *)x->data + (size_t)i * size, size);
    HT_DATA(uint8_t, &c->out[0])[i] = (uint8_t)__builtin_popcountll(v);
  }
  return HT_SUCCESS;
}

/* ---- layouts: "NHWC" as "NCHW" */

static ht_status layouts(const ht_call *c, ht_string *from, ht_string *to) {
  *from = ht_attr_string(c->attrs, "src_format");
  *to = ht_attr_string(c->attrs, "dst_format");
  bool good = from->n == to->n && from->n <= HT_MAX_RANK;
  for (size_t i = 0; good && i < from->n; i++)
    good = memchr(to->p, from->p[i], to->n) != NULL;
  if (c->in[0]->dtype != HT_INT32 && c->in[0]->dtype != HT_INT64)
    return ht_no_dtype(c, c->in[0]->dtype);
  return good ? HT_SUCCESS
              : ht_fail(HT_USAGE, "op '%s' wants two orders of the same axes",
                        c->op->name);
}

/* The number of an axis in one order becomes that in the other. */
static ht_status axis_forward(ht_call *c) {
  ht_string from, to;
  HT_TRY(layouts(c, &from, &to));
  HT_TRY(ht_out_like(c, 0, 0));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    int axis;
    HT_TRY(ht_axis_from(ht_int_at(c->in[0], i), (int)from.n, &axis));
    const char *there = memchr(to.p, from.p[axis], to.n);
    ht_put_int(&c->out[0], i, there - to.p);
  }
  return HT_SUCCESS;
}

/* Values of all axes, or of the spatial ones alone, in the other order. */
static ht_status order_forward(ht_call *c) {
  ht_string from, to;
  char a[HT_MAX_RANK], b[HT_MAX_RANK];
  size_t n = 0, m = 0;
  const ht_tensor *x = c->in[0];
  HT_TRY(layouts(c, &from, &to));
  int64_t rows = x->shape.rank ? x->shape.dim[0] : 0;
  int64_t cols = rows ? ht_count(x) / rows : 0;
  bool spatial = rows == (int64_t)from.n - 2;
  if (x->shape.rank < 1 || x->shape.rank > 2 ||
      (!spatial && rows != (int64_t)from.n))
    return ht_fail(HT_USAGE, "op '%s' wants a value for each axis",
                   c->op->name);
  for (size_t i = 0; i < from.n; i++) {
    if (!spatial || !memchr("NC", from.p[i], 2)) a[n++] = from.p[i];
    if (!spatial || !memchr("NC", to.p[i], 2)) b[m++] = to.p[i];
  }
  HT_TRY(ht_out_like(c, 0, 0));
  for (size_t i = 0; i < m; i++) {
    const char *there = memchr(a, b[i], n);
    for (int64_t k = 0; there && k < cols; k++)
      ht_put_int(&c->out[0], (int64_t)i * cols + k,
                 ht_int_at(x, (there - a) * cols + k));
  }
  return HT_SUCCESS;
}

/* ---- rows of a copy changed: by the ops on slices */

static ht_status in_place(ht_call *c, const char *op) {
  int64_t n = ht_count(c->in[1]);
  ht_shape column = ht_shape_2(n, 1);
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(ht_need_rank(c, 1, 1));
  ht_tensor ids;
  ht_status st = ht_tensor_new(c->run->pool, HT_INT32, &column, &ids);
  int64_t rows = c->in[0]->shape.dim[0];
  for (int64_t i = 0; st.code == HT_OK && i < n; i++) {
    int64_t k = ht_int_at(c->in[1], i) % (rows ? rows : 1);
    ht_i32(&ids)[i] = (int32_t)(k < 0 ? k + rows : k);
  }
  const ht_tensor *in[] = {c->in[0], &ids, c->in[2]};
  if (st.code == HT_OK) st = ht_apply(c->run, op, "", 3, in, 1, c->out);
  ht_tensor_drop(&ids);
  return st;
}

static ht_status set_forward(ht_call *c) {
  return in_place(c, "TensorScatterUpdate");
}
static ht_status add_forward(ht_call *c) {
  return in_place(c, "TensorScatterAdd");
}
static ht_status sub_forward(ht_call *c) {
  return in_place(c, "TensorScatterSub");
}

/* ---- Empty: zeros, whatever is asked for */

static ht_status empty_forward(ht_call *c) {
  ht_shape s;
  HT_TRY(ht_shape_from(c->in[0], false, &s));
  return ht_out_zeros(c, 0, ht_attr_type(c->attrs, "dtype"), &s);
}

#define SMALL(title, ins, outs, attributes, text, cases, function)      \
  {                                                                     \
    .name = title, .inputs = ins, .outputs = outs, .attrs = attributes, \
    .doc = text, .samples = cases, .forward = function,                 \
    .gradient = ht_no_gradient                                          \
  }
#define ORDERS "T:type=int32 src_format:string='NHWC' dst_format:string='NCHW'"
#define IN_PLACE(title, text, more, function)            \
  SMALL(title, "x:T i:int32 v:T", "y:T", "T:type", text, \
        "f[4,2] i[2]{3,0} f[2,2]; l[3] i[1]{2} l[1]" more, function)

const ht_op ht_ops_small[] = {
    {
        .name = "Cross",
        .inputs = "a:T b:T",
        .outputs = "product:T",
        .attrs = "T:type",
        .doc = "The vector product along the last axis.",
        .samples = "f[2,3] f[2,3]; d[3] d[3]; f[0,3] f[0,3]; i[2,2,3] "
                   "i[2,2,3]; h[3] h[3]",
        .forward = cross_forward,
        .gradient = cross_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
    },
    SMALL("UnravelIndex", "indices:Tidx dims:Tidx", "output:Tidx",
          "Tidx:type=int32", "Coordinates of places counted row by row.",
          "i[3]{22,41,37} i[2]{7,6}; l[]{1621} l[4]{6,7,8,9}; i[0] i[1]{3}",
          unravel_forward),
    SMALL("PopulationCount", "x:T", "y:uint8", "T:type",
          "How many bits of each number are set.",
          "i[4]{0,1,-1,255}; l[2]{-1,7}; u[2]{255,8}; e[1]{-2}; a[0]",
          bits_forward),
    SMALL("DataFormatDimMap", "x:T", "y:T", ORDERS,
          "Numbers of axes in another order of the axes.",
          "i[6]{0,1,2,3,-1,-4}; l[2]{1,3} src_format='NCHW' "
          "dst_format='NHWC'; i[]{3}",
          axis_forward),
    SMALL("DataFormatVecPermute", "x:T", "y:T", ORDERS,
          "A value for each axis, in another order of the axes.",
          "i[4]{7,4,9,3}; l[4,2]{7,4,9,3,4,5,5,1}; i[2]{4,9}; "
          "i[4]{7,4,9,3} src_format='NCHW' dst_format='NHWC'",
          order_forward),
    IN_PLACE("InplaceUpdate", "A copy with rows replaced.", "", set_forward),
    IN_PLACE("InplaceAdd", "A copy with rows added to.",
             "; f[3,1] i[2]{1,1} f[2,1]", add_forward),
    IN_PLACE("InplaceSub", "A copy with rows subtracted from.",
             "; f[3,1] i[2]{1,1} f[2,1]", sub_forward),
    SMALL("Empty", "shape:int32", "output:dtype", "dtype:type init:bool=false",
          "A tensor, here of zeros.",
          "i[2]{2,3} dtype=float init=true; i[0] dtype=int64 init=true; "
          "i[1]{2} dtype=string",
          empty_forward),
    {0},
};
