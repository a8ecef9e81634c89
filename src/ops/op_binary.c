/* op_binary.c - functions of two operands with broadcasting, sums and
 * biases. */
#include "kernels/binary.h"

#include <string.h>

#include "kernels/reduce.h"
#include "kernels/unary.h"
#include "ops/elementwise.h"

#define FORWARD(name)                               \
  static ht_status name##_forward(ht_call *c) {     \
    return ht_elementwise_call(c, &ht_k_##name, 0); \
  }

FORWARD(add)
FORWARD(atan2)
FORWARD(bitwise_and)
FORWARD(bitwise_or)
FORWARD(bitwise_xor)
FORWARD(div)
FORWARD(div_no_nan)
FORWARD(left_shift)
FORWARD(logical_and)
FORWARD(logical_or)
FORWARD(maximum)
FORWARD(minimum)
FORWARD(mul)
FORWARD(mul_no_nan)
FORWARD(next_after)
FORWARD(right_shift)
FORWARD(squared_difference)
FORWARD(sub)
FORWARD(xdivy)
FORWARD(xlog1py)
FORWARD(xlogy)

/* ---- integers: what cannot be divided is refused */

static ht_status need_no_zero(const ht_call *c) {
  const ht_tensor *y = c->in[1];
  if (!ht_dtype_integer(y->dtype) || !ht_count(c->in[0])) return HT_SUCCESS;
  for (int64_t i = 0; i < ht_count(y); i++)
    if (ht_int_at(y, i) == 0)
      return ht_fail(HT_USAGE, "op '%s' divides an integer by zero",
                     c->op->name);
  return HT_SUCCESS;
}

#define FORWARD_CHECKED(name, kernel)                 \
  static ht_status name##_forward(ht_call *c) {       \
    HT_TRY(need_no_zero(c));                          \
    return ht_elementwise_call(c, &ht_k_##kernel, 0); \
  }

FORWARD_CHECKED(divide, div)
FORWARD_CHECKED(floor_div_checked, floor_div)
FORWARD_CHECKED(floor_mod_checked, floor_mod)
FORWARD_CHECKED(truncate_div_checked, truncate_div)
FORWARD_CHECKED(truncate_mod_checked, truncate_mod)

static ht_status pow_checked_forward(ht_call *c) {
  const ht_tensor *y = c->in[1];
  bool ints = ht_dtype_integer(y->dtype) && y->dtype != HT_UINT64;
  for (int64_t i = 0; ints && i < ht_count(y); i++)
    if (ht_int_at(y, i) < 0)
      return ht_fail(HT_USAGE, "op '%s' raises an integer to a negative power",
                     c->op->name);
  return ht_elementwise_call(c, &ht_k_pow, 0);
}

/* ---- gradients: ht_give sums over what was broadcast */

static ht_status give_2(ht_back *b, int i, const ht_kernel *k,
                        const ht_tensor *v) {
  const ht_tensor *x[] = {&b->dout[0].dense, v};
  return ht_elementwise_give(b, i, k, 2, x, 0);
}

/* Of (dz, x, y). */
static ht_status give_3(ht_back *b, int i, const ht_kernel *k) {
  const ht_tensor *x[] = {&b->dout[0].dense, &b->in[0], &b->in[1]};
  return ht_elementwise_give(b, i, k, 3, x, 0);
}

static ht_status add_gradient(ht_back *b) {
  HT_TRY(ht_give_same(b, 0));
  return ht_give_same(b, 1);
}

static ht_status next_after_gradient(ht_back *b) { return ht_give_same(b, 0); }

static ht_status sub_gradient(ht_back *b) {
  HT_TRY(ht_give_same(b, 0));
  return ht_give_negative(b, 1);
}

/* Whether rows of input i were scaled by a number that wants no gradient. */
static bool scaled_rows(const ht_back *b, int i) {
  return ht_rows_arrive(b, i) && ht_count(&b->in[1 - i]) == 1 &&
         !ht_wants(b, 1 - i);
}

static ht_status mul_gradient(ht_back *b) {
  for (int i = 0; i < 2; i++)
    if (scaled_rows(b, i))
      return ht_elementwise_give_rows(b, i, &ht_g_mul, &b->in[1 - i]);
  HT_TRY(ht_back_dense(b, 0));
  HT_TRY(give_2(b, 0, &ht_g_mul, &b->in[1]));
  return give_2(b, 1, &ht_g_mul, &b->in[0]);
}

static ht_status div_gradient(ht_back *b) {
  if (scaled_rows(b, 0))
    return ht_elementwise_give_rows(b, 0, &ht_g_div_x, &b->in[1]);
  HT_TRY(ht_back_dense(b, 0));
  HT_TRY(give_2(b, 0, &ht_g_div_x, &b->in[1]));
  return give_3(b, 1, &ht_g_div_y);
}

static ht_status floor_mod_gradient(ht_back *b) {
  HT_TRY(ht_give_same(b, 0));
  return give_3(b, 1, &ht_g_floor_mod_y);
}

static ht_status div_no_nan_gradient(ht_back *b) {
  const ht_tensor *x[] = {&b->in[1]};
  ht_tensor y;
  HT_TRY(ht_elementwise(b->run->pool, &ht_k_conj, 1, x, 0, x[0]->dtype, &y));
  ht_status st = give_2(b, 0, &ht_k_div_no_nan, &y);
  ht_tensor_drop(&y);
  HT_TRY(st);
  return give_3(b, 1, &ht_g_div_no_nan_y);
}

static ht_status mul_no_nan_gradient(ht_back *b) {
  const ht_tensor *x[] = {&b->in[0], &b->dout[0].dense};
  HT_TRY(give_2(b, 0, &ht_k_mul_no_nan, &b->in[1]));
  return ht_elementwise_give(b, 1, &ht_k_mul_no_nan, 2, x, 0);
}

static ht_status pow_gradient(ht_back *b) {
  const ht_tensor *x[] = {&b->dout[0].dense, &b->in[0], &b->out[0]};
  HT_TRY(give_3(b, 0, &ht_g_pow_x));
  return ht_elementwise_give(b, 1, &ht_g_pow_y, 3, x, 0);
}

static ht_status xlogy_gradient(ht_back *b) {
  const ht_tensor *x[] = {&b->in[0], &b->in[1]};
  HT_TRY(give_3(b, 0, &ht_g_xlogy_x));
  if (!ht_wants(b, 1)) return HT_SUCCESS;
  ht_tensor ratio;
  HT_TRY(ht_elementwise(b->run->pool, &ht_k_xdivy, 2, x, 0, b->in[0].dtype,
                        &ratio));
  ht_status st = give_2(b, 1, &ht_k_mul, &ratio);
  ht_tensor_drop(&ratio);
  return st;
}

/* d/d in[0] by one kernel of (dz, in[0], in[1]), d/d in[1] by another. */
#define GRADIENT(name, first, second)            \
  static ht_status name##_gradient(ht_back *b) { \
    HT_TRY(give_3(b, 0, &ht_g_##first));         \
    return give_3(b, 1, &ht_g_##second);         \
  }
GRADIENT(maximum, maximum_x, maximum_y)
GRADIENT(minimum, minimum_x, minimum_y)
GRADIENT(squared_difference, squared_difference_x, squared_difference_y)
GRADIENT(xdivy, xdivy_x, xdivy_y)
GRADIENT(xlog1py, xlog1py_x, xlog1py_y)
GRADIENT(atan2, atan2_y, atan2_x)

/* ---- strings */

static ht_status join(ht_tensor *out, int64_t i, ht_string a, ht_string b) {
  char *to = ht_string_room(out, a.n + b.n);
  if (!to) return ht_fail(HT_NO_MEMORY, "no memory for strings");
  if (a.n) memcpy(to, a.p, a.n);
  if (b.n) memcpy(to + a.n, b.p, b.n);
  ht_str(out)[i] = (ht_string){to, a.n + b.n};
  return HT_SUCCESS;
}

/* Where element i of the result stands in x, which was broadcast. */
static int64_t source_of(const ht_tensor *x, const ht_shape *z, int64_t i) {
  int64_t at = 0, stride = 1;
  for (int k = z->rank - 1, a = x->shape.rank - 1; a >= 0; k--, a--) {
    if (x->shape.dim[a] != 1) at += i % z->dim[k] * stride;
    stride *= x->shape.dim[a];
    i /= z->dim[k];
  }
  return at;
}

static ht_status add_or_join_forward(ht_call *c) {
  ht_shape shape;
  if (c->in[0]->dtype != HT_STRING || c->in[1]->dtype != HT_STRING)
    return add_forward(c);
  HT_TRY(ht_broadcast_all(2, c->in, &shape));
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  for (int64_t i = 0; i < ht_count(&c->out[0]); i++)
    HT_TRY(join(&c->out[0], i, ht_str(c->in[0])[source_of(c->in[0], &shape, i)],
                ht_str(c->in[1])[source_of(c->in[1], &shape, i)]));
  return HT_SUCCESS;
}

/* ---- sums of several */

/* out[0] += in[k], in place. */
static ht_status add_n_forward(ht_call *c) {
  if (c->n_in < 1) return ht_fail(HT_USAGE, "a sum of no tensors");
  if (!ht_kernel_has(&ht_k_add, c->in[0]->dtype))
    return ht_no_dtype(c, c->in[0]->dtype);
  for (int k = 1; k < c->n_in; k++) {
    HT_TRY(ht_need_same_shape(c, 0, k));
    HT_TRY(ht_need_dtype(c, k, c->in[0]->dtype));
  }
  if (c->n_in == 1) {
    ht_out_share(c, 0, 0);
    return HT_SUCCESS;
  }
  HT_TRY(ht_out_like(c, 0, 0));
  for (int k = 1; k < c->n_in; k++) {
    const ht_tensor *x[] = {k == 1 ? c->in[0] : &c->out[0], c->in[k]};
    ht_kernel_run(&ht_k_add, c->in[0]->dtype, 2, x, 0, &c->out[0]);
  }
  return HT_SUCCESS;
}

static ht_status add_n_gradient(ht_back *b) {
  for (int k = 0; k < b->n_in; k++) HT_TRY(ht_give_same(b, k));
  return HT_SUCCESS;
}

/* ---- biases */

static int channel_axis(const ht_attrs *attrs, int rank) {
  return ht_attr_is(attrs, "data_format", "NCHW") ? 1 : rank - 1;
}

static ht_status bias_add_forward(ht_call *c) {
  HT_TRY(ht_need_min_rank(c, 0, 2));
  HT_TRY(ht_need_rank(c, 1, 1));
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  const ht_shape *x = &c->in[0]->shape;
  int axis = channel_axis(c->attrs, x->rank);
  if (c->in[1]->shape.dim[0] != x->dim[axis])
    return ht_fail(HT_USAGE, "op '%s' has %lld biases for %lld channels",
                   c->op->name, (long long)c->in[1]->shape.dim[0],
                   (long long)x->dim[axis]);
  if (!ht_kernel_has(&ht_k_add, c->in[0]->dtype))
    return ht_no_dtype(c, c->in[0]->dtype);
  ht_shape column = {.rank = x->rank - axis};
  for (int i = 0; i < column.rank; i++) column.dim[i] = 1;
  column.dim[0] = x->dim[axis];
  ht_tensor bias = ht_tensor_shaped(c->in[1], &column);
  const ht_tensor *both[] = {c->in[0], &bias};
  ht_status st = ht_out_like(c, 0, 0);
  if (st.code == HT_OK)
    ht_kernel_run(&ht_k_add, bias.dtype, 2, both, 0, &c->out[0]);
  ht_tensor_drop(&bias);
  return st;
}

/* The sum of x over all axes but the channels. */
static ht_status sum_channels(ht_pool *pool, const ht_attrs *attrs,
                              const ht_tensor *x, ht_tensor *out) {
  int axis = channel_axis(attrs, x->shape.rank);
  bool reduced[HT_MAX_RANK];
  for (int i = 0; i < x->shape.rank; i++) reduced[i] = i != axis;
  ht_shape shape = ht_shape_1(x->shape.dim[axis]);
  return ht_reduce(pool, HT_REDUCE_SUM, x, reduced, &shape, out);
}

static ht_status bias_add_gradient(ht_back *b) {
  HT_TRY(ht_give_same(b, 0));
  if (!ht_wants(b, 1)) return HT_SUCCESS;
  ht_tensor g;
  HT_TRY(sum_channels(b->run->pool, b->attrs, &b->dout[0].dense, &g));
  return ht_give(b, 1, &g);
}

static ht_status bias_add_grad_forward(ht_call *c) {
  HT_TRY(ht_need_min_rank(c, 0, 2));
  return sum_channels(c->run->pool, c->attrs, c->in[0], &c->out[0]);
}

static ht_status bias_add_grad_gradient(ht_back *b) {
  const ht_shape *x = &b->in[0].shape;
  int axis = channel_axis(b->attrs, x->rank);
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  ht_shape column = {.rank = x->rank - axis};
  for (int i = 0; i < column.rank; i++) column.dim[i] = 1;
  column.dim[0] = x->dim[axis];
  ht_tensor dy = ht_tensor_shaped(&b->dout[0].dense, &column);
  ht_status st = ht_back_new(b, dy.dtype, x, &g);
  if (st.code == HT_OK) ht_broadcast_copy(&dy, &g);
  ht_tensor_drop(&dy);
  if (st.code != HT_OK) return st;
  return ht_give(b, 0, &g);
}

const ht_op ht_ops_binary[] = {
    {.name = "Add",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x + y, of numbers or strings.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3]; f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3]; h[3] h[1]; g[3] "
                "g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; i[3] i[]; "
                "s[2]{'a','b'} s[]{'-c'}; s[2,1] s[3]",
     .forward = add_or_join_forward,
     .gradient = add_gradient,
     .flags = HT_OP_ROWS | HT_OP_ROWS_GRAD},
    {.name = "AddV2",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x + y.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3]; f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3]; h[3] h[1]; g[3] "
                "g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; i[3] i[]; l[2,1] "
                "l[3]; u[2] u[2]{250,3}; i[1]{2147483647} i[1]{1}; c[2] "
                "c[2]",
     .forward = add_forward,
     .gradient = add_gradient,
     .flags = HT_OP_ROWS_GRAD},
    {.name = "Sub",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x - y.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3]; f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3]; h[3] h[1]; g[3] "
                "g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; i[3] i[]; l[2,1] "
                "l[3]; c[2] c[1]",
     .forward = sub_forward,
     .gradient = sub_gradient,
     .flags = HT_OP_ROWS_GRAD},
    {.name = "Mul",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x y.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3]; f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3]; h[3] h[1]; g[3] "
                "g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; i[3] i[]; l[2,1] "
                "l[3]; c[2] c[2]; f[2]{inf,nan} f[2]{0,1}; d[2,1] d[3]",
     .forward = mul_forward,
     .gradient = mul_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS_GRAD},
    {.name = "RealDiv",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x / y, of numbers that have fractions.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3](1,2); f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3](1,2); h[3] h[1]; "
                "g[3] g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; f[3]{1,-1,0} "
                "f[3]{0,0,0} !grad=0; d[2,1] d[3](1,2); c[2] c[2](1,2)",
     .forward = div_forward,
     .gradient = div_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS_GRAD},
    {.name = "Div",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x / y; integers are cut.",
     .samples = "f[2,3] f[3](1,2); d[2,1] d[3](1,2); i[4](-9,9) i[]{4}; "
                "l[3](-9,9) l[]{-4}; i[1]{-2147483648} i[1]{-1}",
     .forward = divide_forward,
     .gradient = div_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS_GRAD},
    {.name = "FloorDiv",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The floor of x / y.",
     .samples = "f[2,3](-9,9) f[3](1,2); d[3](-9,9) d[]{2}; "
                "i[4]{7,-7,8,-8} i[]{4}; l[2]{7,-7} l[]{-4}; u[2]{7,9} "
                "u[]{4}; f[2]{1,-1} f[]{0}; i[0] i[]{0}",
     .forward = floor_div_checked_forward,
     .gradient = ht_no_gradient},
    {.name = "TruncateDiv",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x / y, cut towards zero.",
     .samples = "i[4]{7,-7,8,-8} i[]{4}; l[2]{7,-7} l[]{-4}",
     .forward = truncate_div_checked_forward,
     .gradient = ht_no_gradient},
    {.name = "FloorMod",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x - y floor(x / y).",
     .samples = "f[2,3](-9,9) f[3](1,2); d[2,3](-9,9) d[1,3](1,2); "
                "f[4]{7,-7,7,-7} f[4]{4,4,-4,-4}; i[4]{7,-7,7,-7} "
                "i[4]{4,4,-4,-4}; l[2]{7,-7} l[]{-4}",
     .forward = floor_mod_checked_forward,
     .gradient = floor_mod_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "Mod",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The remainder of x / y, of the sign of x.",
     .samples = "f[4]{7,-7,7,-7} f[4]{4,4,-4,-4} !grad=0; "
                "i[4]{7,-7,7,-7} i[4]{4,4,-4,-4}",
     .forward = truncate_mod_checked_forward,
     .gradient = ht_no_gradient},
    {.name = "TruncateMod",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The remainder of x / y, of the sign of x.",
     .samples = "f[4]{7,-7,7,-7} f[4]{4,4,-4,-4} !grad=0; "
                "l[4]{7,-7,7,-7} l[4]{4,4,-4,-4}",
     .forward = truncate_mod_checked_forward,
     .gradient = ht_no_gradient},
    {.name = "Maximum",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The greater of x and y.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3]; f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3]; h[3] h[1]; g[3] "
                "g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; i[3] i[]; l[2] l[2]; "
                "f[4]{1,nan,2,inf} f[4]{1,1,nan,-inf} !grad=0; f[2]{1,0} "
                "f[2]{1,0}",
     .forward = maximum_forward,
     .gradient = maximum_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "Minimum",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The lesser of x and y.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3]; f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3]; h[3] h[1]; g[3] "
                "g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; i[3] i[]; l[2] l[2]; "
                "f[4]{1,nan,2,inf} f[4]{1,1,nan,-inf} !grad=0; f[2]{1,0} "
                "f[2]{1,0}",
     .forward = minimum_forward,
     .gradient = minimum_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "Pow",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x to the y.",
     .samples = "f[2,3](0.1,2) f[3]; d[2,1](0.1,2) d[3]; f[4]{0,-2,-2,0} "
                "f[4]{2,2,3,1}; i[3]{2,-3,0} i[3]{10,3,0}; l[2]{2,3} "
                "l[]{20}; h[2](0.1,2) h[2]; f[2]{0,2} f[2]{0,-1} !grad=0",
     .forward = pow_checked_forward,
     .gradient = pow_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_OUT(0)},
    {.name = "SquaredDifference",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "(x - y) squared.",
     .samples = "f[2,3] f[2,3]; f[2,3] f[3]; f[2,1,3] f[4,1]; f[] "
                "f[2,2]; d[2,3] d[1,3]; f[0,3] f[3]; h[3] h[1]; g[3] "
                "g[3]; f[2,3,1] f[3,4]; f[3,1] f[]; i[3] i[]; l[2] l[2]; "
                "c[2] c[2] !grad=0",
     .forward = squared_difference_forward,
     .gradient = squared_difference_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "DivNoNan",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x / y, 0 where y is 0.",
     .samples = "f[2,3] f[3](1,2); f[3]{1,0,2} f[3]{0,0,2}; d[2,1] "
                "d[3](1,2); f[0] f[]",
     .forward = div_no_nan_forward,
     .gradient = div_no_nan_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "MulNoNan",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x y, 0 where y is 0.",
     .samples = "f[2,3] f[3]; f[3]{inf,nan,2} f[3]{0,0,2}; d[2,1] d[3]",
     .forward = mul_no_nan_forward,
     .gradient = mul_no_nan_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "Xdivy",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x / y, 0 where x is 0.",
     .samples = "f[2,3] f[3](1,2); f[3]{0,0,2} f[3]{0,nan,2}; d[2,1] "
                "d[3](1,2)",
     .forward = xdivy_forward,
     .gradient = xdivy_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "Xlogy",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x log(y), 0 where x is 0.",
     .samples = "f[2,3] f[3](1,2); f[3]{0,0,2} f[3]{0,nan,2}; d[2,1] "
                "d[3](1,2)",
     .forward = xlogy_forward,
     .gradient = xlogy_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "Xlog1py",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x log(1 + y), 0 where x is 0.",
     .samples = "f[2,3] f[3](1,2); f[3]{0,0,2} f[3]{-1,nan,2}; d[2,1] "
                "d[3](1,2)",
     .forward = xlog1py_forward,
     .gradient = xlog1py_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "Atan2",
     .inputs = "y:T x:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The angle of the point (x, y).",
     .samples = "f[2,3] f[3](1,2); d[2,1] d[3](1,2); f[4]{0,1,-1,0} "
                "f[4]{-1,0,0,1}",
     .forward = atan2_forward,
     .gradient = atan2_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)},
    {.name = "NextAfter",
     .inputs = "x1:T x2:T",
     .outputs = "output:T",
     .attrs = "T:type=FLOAT",
     .doc = "The number next to x1 towards x2.",
     .samples = "f[3]{1,0,-1} f[3]{2,-1,-1}; d[2] d[2]",
     .forward = next_after_forward,
     .gradient = next_after_gradient},
    {.name = "BitwiseAnd",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x and y, bit by bit.",
     .samples = "i[3](-99,99) i[3](-99,99); u[2,1](0,255) u[3](0,255); "
                "l[2] l[]",
     .forward = bitwise_and_forward,
     .gradient = ht_no_gradient},
    {.name = "BitwiseOr",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x or y, bit by bit.",
     .samples = "i[3](-99,99) i[3](-99,99); u[2,1](0,255) u[3](0,255); "
                "l[2] l[]",
     .forward = bitwise_or_forward,
     .gradient = ht_no_gradient},
    {.name = "BitwiseXor",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x or else y, bit by bit.",
     .samples = "i[3](-99,99) i[3](-99,99); u[2,1](0,255) u[3](0,255); "
                "y[2] y[]",
     .forward = bitwise_xor_forward,
     .gradient = ht_no_gradient},
    {.name = "LeftShift",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x shifted left by y bits.",
     .samples = "i[4](-99,99) i[4]{0,3,31,40}; u[2](0,255) u[2]{1,7}; "
                "l[2] l[]{33}; a[2]{-128,5} a[2]{1,-1}",
     .forward = left_shift_forward,
     .gradient = ht_no_gradient},
    {.name = "RightShift",
     .inputs = "x:T y:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "x shifted right by y bits; the sign stays.",
     .samples = "i[4](-99,99) i[4]{0,3,31,40}; u[2](0,255) u[2]{1,7}; "
                "l[2]{-5,5} l[]{1}; a[2]{-128,5} a[2]{1,-1}",
     .forward = right_shift_forward,
     .gradient = ht_no_gradient},
    {.name = "LogicalAnd",
     .inputs = "x:bool y:bool",
     .outputs = "z:bool",
     .attrs = "",
     .doc = "x and y.",
     .samples = "b[2,1] b[3]; b[] b[4]; b[0] b[]",
     .forward = logical_and_forward,
     .gradient = ht_no_gradient},
    {.name = "LogicalOr",
     .inputs = "x:bool y:bool",
     .outputs = "z:bool",
     .attrs = "",
     .doc = "x or y.",
     .samples = "b[2,1] b[3]; b[] b[4]; b[0] b[]",
     .forward = logical_or_forward,
     .gradient = ht_no_gradient},
    {.name = "AddN",
     .inputs = "inputs:N*T",
     .outputs = "sum:T",
     .attrs = "N:int T:type",
     .doc = "The sum of tensors of one shape.",
     .samples = "(f[2,3] f[2,3] f[2,3]); (d[4]); (i[2] i[2]); (f[0] "
                "f[0]); (h[3] h[3]); (c[2] c[2])",
     .forward = add_n_forward,
     .gradient = add_n_gradient,
     .flags = HT_OP_ROWS | HT_OP_ROWS_GRAD},
    {.name = "AccumulateNV2",
     .inputs = "inputs:N*T",
     .outputs = "sum:T",
     .attrs = "N:int T:type shape:shape",
     .doc = "The sum of tensors of one shape.",
     .samples = "(f[2,3] f[2,3] f[2,3]) shape=<2,3>; (d[4] d[4]) shape=<4>",
     .forward = add_n_forward,
     .gradient = add_n_gradient,
     .flags = HT_OP_ROWS | HT_OP_ROWS_GRAD},
    {.name = "BiasAdd",
     .inputs = "value:T bias:T",
     .outputs = "output:T",
     .attrs = "T:type data_format:string='NHWC'",
     .doc = "Adds a bias per channel.",
     .samples = "f[2,3] f[3]; f[2,2,2,3] f[3]; d[2,3] d[3]; f[0,3] f[3]; "
                "h[2,3] h[3]; i[2,3] i[3]; f[2,3,4,5] f[3] "
                "data_format='NCHW'; d[2,3,4] d[3] data_format='NCHW'; "
                "f[2,3,2,2,2] f[3] data_format='NCHW'",
     .forward = bias_add_forward,
     .gradient = bias_add_gradient,
     .flags = HT_OP_ROWS},
    {.name = "BiasAddV1",
     .inputs = "value:T bias:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "Adds a bias to the last axis.",
     .samples = "f[2,3] f[3]; d[2,2,3] d[3]",
     .forward = bias_add_forward,
     .gradient = bias_add_gradient,
     .flags = HT_OP_ROWS},
    {.name = "BiasAddGrad",
     .inputs = "out_backprop:T",
     .outputs = "output:T",
     .attrs = "T:type data_format:string='NHWC'",
     .doc = "The gradient of a bias: sums over all but the channels.",
     .samples = "f[2,3]; f[2,2,2,3]; d[4,3]; f[0,3]; f[2,3,4,5] "
                "data_format='NCHW'; d[2,3,4] data_format='NCHW'",
     .forward = bias_add_grad_forward,
     .gradient = bias_add_grad_gradient},
    {0},
};
