/* op_compare.c - comparisons, choices and clipping. */
#include "kernels/binary.h"
#include "ops/elementwise.h"

#define COMPARE(name)                               \
  static ht_status name##_forward(ht_call *c) {     \
    return ht_elementwise_test(c, &ht_k_##name, 0); \
  }
COMPARE(less)
COMPARE(less_equal)
COMPARE(greater)
COMPARE(greater_equal)

/* Shapes that do not fit together are unequal, if the node wants it so. */
static ht_status compare(ht_call *c, const ht_kernel *k, bool unequal) {
  ht_shape shape;
  bool strict = ht_attr_bool(c->attrs, "incompatible_shape_error");
  bool fits = ht_broadcast_all(2, c->in, &shape).code == HT_OK;
  if (strict || fits) return ht_elementwise_test(c, k, 0);
  HT_TRY(ht_out(c, 0, HT_BOOL, &HT_SCALAR));
  ht_bool(&c->out[0])[0] = unequal;
  return HT_SUCCESS;
}

static ht_status equal_forward(ht_call *c) {
  return compare(c, &ht_k_equal, false);
}

static ht_status not_equal_forward(ht_call *c) {
  return compare(c, &ht_k_not_equal, true);
}

static ht_status approximate_equal_forward(ht_call *c) {
  HT_TRY(ht_need_same_shape(c, 0, 1));
  return ht_elementwise_test(c, &ht_k_approximate_equal,
                             ht_attr_float(c->attrs, "tolerance"));
}

/* ---- choices */

/* Strings live on in the buffers they came from, objects are counted. */
static ht_status keep_alive(ht_call *c) {
  ht_tensor *z = &c->out[0];
  if (z->dtype == HT_STRING) {
    HT_TRY(ht_string_keep(z, c->in[1]));
    return ht_string_keep(z, c->in[2]);
  }
  if (z->dtype == HT_RESOURCE || z->dtype == HT_VARIANT)
    for (int64_t i = 0; i < ht_count(z); i++) ht_object_share(ht_obj(z)[i]);
  return HT_SUCCESS;
}

static ht_status choose(ht_call *c, const ht_tensor *condition) {
  const ht_tensor *x[] = {condition, c->in[1], c->in[2]};
  ht_shape shape;
  HT_TRY(ht_need_dtype(c, 0, HT_BOOL));
  HT_TRY(ht_need_dtype(c, 2, c->in[1]->dtype));
  HT_TRY(ht_broadcast_all(3, x, &shape));
  HT_TRY(ht_out(c, 0, c->in[1]->dtype, &shape));
  ht_broadcast_select(x[0], x[1], x[2], &c->out[0]);
  return keep_alive(c);
}

static ht_status select_v2_forward(ht_call *c) { return choose(c, c->in[0]); }

/* The first Select: a vector chooses rows. */
static ht_tensor rows_condition(const ht_tensor *c, const ht_shape *t) {
  ht_shape column = *t;
  if (c->shape.rank != 1 || t->rank <= 1) return ht_tensor_share(c);
  for (int i = 1; i < t->rank; i++) column.dim[i] = 1;
  column.dim[0] = c->shape.dim[0];
  return ht_tensor_shaped(c, &column);
}

static ht_status select_forward(ht_call *c) {
  const ht_shape *condition = &c->in[0]->shape, *t = &c->in[1]->shape;
  HT_TRY(ht_need_same_shape(c, 1, 2));
  bool rows =
      condition->rank == 1 && t->rank >= 1 && condition->dim[0] == t->dim[0];
  if (condition->rank && !rows) HT_TRY(ht_need_same_shape(c, 0, 1));
  ht_tensor column = rows_condition(c->in[0], t);
  ht_status st = choose(c, &column);
  ht_tensor_drop(&column);
  return st;
}

/* Gives dy to input i where the mask is `when`, zero elsewhere. */
static ht_status give_where(ht_back *b, int i, const ht_tensor *mask,
                            bool when) {
  const ht_tensor *dy = &b->dout[0].dense;
  ht_tensor g, zero;
  if (!ht_wants(b, i)) return HT_SUCCESS;
  HT_TRY(ht_back_zeros(b, dy->dtype, &HT_SCALAR, &zero));
  ht_status st = ht_back_new(b, dy->dtype, &dy->shape, &g);
  if (st.code == HT_OK)
    ht_broadcast_select(mask, when ? dy : &zero, when ? &zero : dy, &g);
  ht_tensor_drop(&zero);
  return st.code == HT_OK ? ht_give(b, i, &g) : st;
}

static ht_status select_v2_gradient(ht_back *b) {
  HT_TRY(give_where(b, 1, &b->in[0], true));
  return give_where(b, 2, &b->in[0], false);
}

static ht_status select_gradient(ht_back *b) {
  ht_tensor column = rows_condition(&b->in[0], &b->in[1].shape);
  ht_status st = give_where(b, 1, &column, true);
  if (st.code == HT_OK) st = give_where(b, 2, &column, false);
  ht_tensor_drop(&column);
  return st;
}

/* ---- clipping */

static ht_status clip_forward(ht_call *c) {
  ht_tensor low = {0};
  const ht_tensor *first[] = {c->in[0], c->in[2]};
  const ht_tensor *second[] = {&low, c->in[1]};
  if (!ht_kernel_has(&ht_k_maximum, c->in[0]->dtype))
    return ht_no_dtype(c, c->in[0]->dtype);
  HT_TRY(ht_elementwise(c->run->pool, &ht_k_minimum, 2, first, 0,
                        c->in[0]->dtype, &low));
  ht_status st = ht_elementwise(c->run->pool, &ht_k_maximum, 2, second, 0,
                                low.dtype, &c->out[0]);
  ht_tensor_drop(&low);
  return st;
}

/* below: t < min, which then gets the gradient; above: t > max, likewise;
 * else t does. */
static ht_status give_clipped(ht_back *b, const ht_tensor *below,
                              const ht_tensor *above) {
  const ht_tensor *both[] = {below, above};
  ht_tensor outside;
  HT_TRY(give_where(b, 1, below, true));
  HT_TRY(give_where(b, 2, above, true));
  HT_TRY(ht_elementwise(b->run->pool, &ht_k_logical_or, 2, both, 0, HT_BOOL,
                        &outside));
  ht_status st = give_where(b, 0, &outside, false);
  ht_tensor_drop(&outside);
  return st;
}

static ht_status clip_gradient(ht_back *b) {
  const ht_tensor *low[] = {&b->in[0], &b->in[1]};
  const ht_tensor *high[] = {&b->in[0], &b->in[2]};
  ht_tensor below = {0}, above = {0};
  HT_TRY(ht_elementwise(b->run->pool, &ht_k_less, 2, low, 0, HT_BOOL, &below));
  ht_status st =
      ht_elementwise(b->run->pool, &ht_k_greater, 2, high, 0, HT_BOOL, &above);
  if (st.code == HT_OK) st = give_clipped(b, &below, &above);
  ht_tensor_drop(&below);
  ht_tensor_drop(&above);
  return st;
}

const ht_op ht_ops_compare[] = {
    {.name = "Equal",
     .inputs = "x:T y:T",
     .outputs = "z:bool",
     .attrs = "T:type incompatible_shape_error:bool=true",
     .doc = "Whether x = y.",
     .samples = "f[2,3] f[2,3]; f[2,1,3] f[4,1]; f[4]{1,nan,inf,2} "
                "f[4]{1,nan,inf,3}; i[3] i[]; l[2,1] l[3]; d[3] d[3]; "
                "h[3] h[3]; u[3] u[]; f[0,3] f[3]; s[3]{'a','b',''} "
                "s[3]{'a','c',''}; s[3] s[]{'a'}; b[3] b[]; c[2] c[2]; "
                "f[2] f[3] incompatible_shape_error=false; "
                "s[2]{'ab','\\x00'} s[2]{'abc','\\x00'}",
     .forward = equal_forward,
     .gradient = ht_no_gradient},
    {.name = "NotEqual",
     .inputs = "x:T y:T",
     .outputs = "z:bool",
     .attrs = "T:type incompatible_shape_error:bool=true",
     .doc = "Whether x and y differ.",
     .samples = "f[2,3] f[2,3]; f[2,1,3] f[4,1]; f[4]{1,nan,inf,2} "
                "f[4]{1,nan,inf,3}; i[3] i[]; l[2,1] l[3]; d[3] d[3]; "
                "h[3] h[3]; u[3] u[]; f[0,3] f[3]; s[3]{'a','b',''} "
                "s[3]{'a','c',''}; s[3] s[]{'a'}; b[3] b[]; c[2] c[2]; "
                "f[2] f[3] incompatible_shape_error=false; "
                "s[2]{'ab','\\x00'} s[2]{'abc','\\x00'}",
     .forward = not_equal_forward,
     .gradient = ht_no_gradient},
    {.name = "Less",
     .inputs = "x:T y:T",
     .outputs = "z:bool",
     .attrs = "T:type",
     .doc = "Whether x < y.",
     .samples = "f[2,3] f[2,3]; f[2,1,3] f[4,1]; f[4]{1,nan,inf,2} "
                "f[4]{1,nan,inf,3}; i[3] i[]; l[2,1] l[3]; d[3] d[3]; "
                "h[3] h[3]; u[3] u[]; f[0,3] f[3]",
     .forward = less_forward,
     .gradient = ht_no_gradient},
    {.name = "LessEqual",
     .inputs = "x:T y:T",
     .outputs = "z:bool",
     .attrs = "T:type",
     .doc = "Whether x <= y.",
     .samples = "f[2,3] f[2,3]; f[2,1,3] f[4,1]; f[4]{1,nan,inf,2} "
                "f[4]{1,nan,inf,3}; i[3] i[]; l[2,1] l[3]; d[3] d[3]; "
                "h[3] h[3]; u[3] u[]; f[0,3] f[3]",
     .forward = less_equal_forward,
     .gradient = ht_no_gradient},
    {.name = "Greater",
     .inputs = "x:T y:T",
     .outputs = "z:bool",
     .attrs = "T:type",
     .doc = "Whether x > y.",
     .samples = "f[2,3] f[2,3]; f[2,1,3] f[4,1]; f[4]{1,nan,inf,2} "
                "f[4]{1,nan,inf,3}; i[3] i[]; l[2,1] l[3]; d[3] d[3]; "
                "h[3] h[3]; u[3] u[]; f[0,3] f[3]",
     .forward = greater_forward,
     .gradient = ht_no_gradient},
    {.name = "GreaterEqual",
     .inputs = "x:T y:T",
     .outputs = "z:bool",
     .attrs = "T:type",
     .doc = "Whether x >= y.",
     .samples = "f[2,3] f[2,3]; f[2,1,3] f[4,1]; f[4]{1,nan,inf,2} "
                "f[4]{1,nan,inf,3}; i[3] i[]; l[2,1] l[3]; d[3] d[3]; "
                "h[3] h[3]; u[3] u[]; f[0,3] f[3]",
     .forward = greater_equal_forward,
     .gradient = ht_no_gradient},
    {.name = "ApproximateEqual",
     .inputs = "x:T y:T",
     .outputs = "z:bool",
     .attrs = "T:type tolerance:float=1e-05",
     .doc = "Whether |x - y| < tolerance.",
     .samples = "f[3]{1,2,3} f[3]{1.000001,2.1,3}; f[4] f[4] "
                "tolerance=1.0; d[3] d[3] tolerance=0.5",
     .forward = approximate_equal_forward,
     .gradient = ht_no_gradient},
    {.name = "Select",
     .inputs = "condition:bool t:T e:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "Rows or elements of t where the condition holds, else of e.",
     .samples = "b[2,3] f[2,3] f[2,3]; b[2] f[2,3] f[2,3]; b[] f[2,3] "
                "f[2,3]; b[] f[] f[]; b[2] s[2,2] s[2,2]; b[3] d[3,2,2] "
                "d[3,2,2]; b[0] i[0] i[0]; b[3] l[3] l[3]; b[2] f[2,2] "
                "f[2,2]",
     .forward = select_forward,
     .gradient = select_gradient,
     .keep = HT_KEEP_IN(0)},
    {.name = "SelectV2",
     .inputs = "condition:bool t:T e:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "t where the condition holds, else e, with broadcasting.",
     .samples = "b[2,3] f[2,3] f[2,3]; b[3] f[2,3] f[]; b[2,1] f[3] "
                "f[2,3]; b[] f[2,3] f[3]; b[2,1,3] d[4,1] d[]; b[2] s[] "
                "s[2]; b[3] i[3] i[]; b[3] b[3] b[]; b[0] f[0] f[]; b[3] "
                "h[3] h[]; b[2] f[2]{nan,inf} f[2]{1,2}; b[2] c[2] c[2]",
     .forward = select_v2_forward,
     .gradient = select_v2_gradient,
     .keep = HT_KEEP_IN(0)},
    {.name = "ClipByValue",
     .inputs = "t:T clip_value_min:T clip_value_max:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "t within limits.",
     .samples = "f[2,3] f[]{-1} f[]{1}; d[5] d[]{-0.5} d[]{0.5}; f[3] "
                "f[3](-1,0) f[3](0,1); f[3]{-1,0,1} f[]{-1} f[]{1}; "
                "i[4](-9,9) i[]{-2} i[]{2}",
     .forward = clip_forward,
     .gradient = clip_gradient,
     .keep = HT_KEEP_INS},
    {0},
};
