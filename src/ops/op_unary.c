/* op_unary.c - functions of one operand, elementwise, and the ops that
 * TensorFlow writes into graphs for their gradients. */
#include "kernels/unary.h"
#include "ops/elementwise.h"

/* Forward through a kernel. */
#define FORWARD(name)                               \
  static ht_status name##_forward(ht_call *c) {     \
    return ht_elementwise_call(c, &ht_k_##name, 0); \
  }
#define FORWARD_TEST(name)                          \
  static ht_status name##_forward(ht_call *c) {     \
    return ht_elementwise_test(c, &ht_k_##name, 0); \
  }

/* dx from (dy, v), v being the kept input or output. */
static ht_status give_from(ht_back *b, const ht_kernel *k, const ht_tensor *v,
                           double p) {
  const ht_tensor *x[] = {&b->dout[0].dense, v};
  return ht_elementwise_give(b, 0, k, 2, x, p);
}

#define GRADIENT_OF_IN(name)                         \
  static ht_status name##_gradient(ht_back *b) {     \
    return give_from(b, &ht_g_##name, &b->in[0], 0); \
  }
#define GRADIENT_OF_OUT(name)                         \
  static ht_status name##_gradient(ht_back *b) {      \
    return give_from(b, &ht_g_##name, &b->out[0], 0); \
  }

FORWARD(abs)
FORWARD(acos)
FORWARD(acosh)
FORWARD(asin)
FORWARD(asinh)
FORWARD(atan)
FORWARD(atanh)
FORWARD(ceil)
FORWARD(cos)
FORWARD(cosh)
FORWARD(digamma)
FORWARD(erf)
FORWARD(erfc)
FORWARD(erfinv)
FORWARD(exp)
FORWARD(expm1)
FORWARD(floor)
FORWARD(reciprocal)
FORWARD(invert)
FORWARD(lgamma)
FORWARD(log)
FORWARD(log1p)
FORWARD(logical_not)
FORWARD(ndtri)
FORWARD(neg)
FORWARD(relu)
FORWARD(relu6)
FORWARD(rint)
FORWARD(rsqrt)
FORWARD(selu)
FORWARD(sigmoid)
FORWARD(sign)
FORWARD(sin)
FORWARD(sinh)
FORWARD(softplus)
FORWARD(softsign)
FORWARD(sqrt)
FORWARD(square)
FORWARD(tan)
FORWARD(tanh)
FORWARD(elu)
FORWARD(conj)
FORWARD_TEST(is_finite)
FORWARD_TEST(is_inf)
FORWARD_TEST(is_nan)
GRADIENT_OF_IN(abs)
GRADIENT_OF_IN(acos)
GRADIENT_OF_OUT(acosh)
GRADIENT_OF_IN(asin)
GRADIENT_OF_OUT(asinh)
GRADIENT_OF_IN(atan)
GRADIENT_OF_IN(atanh)
GRADIENT_OF_IN(cos)
GRADIENT_OF_IN(cosh)
GRADIENT_OF_IN(digamma)
GRADIENT_OF_IN(erf)
GRADIENT_OF_IN(erfc)
GRADIENT_OF_OUT(erfinv)
GRADIENT_OF_OUT(exp)
GRADIENT_OF_IN(expm1)
GRADIENT_OF_OUT(reciprocal)
GRADIENT_OF_IN(lgamma)
GRADIENT_OF_IN(log)
GRADIENT_OF_IN(log1p)
GRADIENT_OF_OUT(ndtri)
GRADIENT_OF_OUT(relu)
GRADIENT_OF_OUT(relu6)
GRADIENT_OF_OUT(rsqrt)
GRADIENT_OF_OUT(selu)
GRADIENT_OF_OUT(sigmoid)
GRADIENT_OF_IN(sin)
GRADIENT_OF_IN(sinh)
GRADIENT_OF_IN(softplus)
GRADIENT_OF_IN(softsign)
GRADIENT_OF_OUT(sqrt)
GRADIENT_OF_IN(square)
GRADIENT_OF_IN(tan)
GRADIENT_OF_OUT(tanh)
GRADIENT_OF_OUT(elu)

static ht_status neg_gradient(ht_back *b) { return ht_give_negative(b, 0); }

static ht_status conj_gradient(ht_back *b) {
  const ht_tensor *dy = &b->dout[0].dense;
  return ht_elementwise_give(b, 0, &ht_k_conj, 1, &dy, 0);
}

static ht_status leaky_relu_forward(ht_call *c) {
  return ht_elementwise_call(c, &ht_k_leaky_relu,
                             ht_attr_float(c->attrs, "alpha"));
}

static ht_status leaky_relu_gradient(ht_back *b) {
  return give_from(b, &ht_g_leaky_relu, &b->in[0],
                   ht_attr_float(b->attrs, "alpha"));
}

/* ---- gradients as ops: of (dy, v) or, by TensorFlow's whim, (v, dy) */

/* *v = x, conjugated where it is complex. */
static ht_status conjugate(ht_pool *pool, const ht_tensor *x, ht_tensor *v) {
  if (x->dtype != HT_COMPLEX64 && x->dtype != HT_COMPLEX128) {
    *v = ht_tensor_share(x);
    return HT_SUCCESS;
  }
  return ht_elementwise(pool, &ht_k_conj, 1, &x, 0, x->dtype, v);
}

/* The kernels conjugate v, as gradients of the functions do. Not all of these
 * ops do; those that do not are `plain`: their v is conjugated before. */
static ht_status apply_grad(ht_call *c, const ht_kernel *k, int dy, bool plain,
                            double p) {
  ht_tensor v;
  const ht_tensor *x[] = {c->in[dy], plain ? &v : c->in[1 - dy]};
  ht_dtype t = x[0]->dtype;
  HT_TRY(ht_need_same_shape(c, 0, 1));
  if (!ht_kernel_has(k, t)) return ht_no_dtype(c, t);
  HT_TRY(conjugate(c->run->pool, c->in[1 - dy], &v));
  ht_status st = ht_elementwise(c->run->pool, k, 2, x, p, t, &c->out[0]);
  ht_tensor_drop(&v);
  return st;
}

/* The gradient of a gradient: linear in dy (kernel k again), `second` for v
 * (NULL: zero almost everywhere). */
static ht_status grad_gradient(ht_back *b, const ht_kernel *k,
                               const ht_kernel *second, int dy, bool plain,
                               double p) {
  const ht_tensor *g = &b->dout[0].dense;
  ht_tensor v;
  const ht_tensor *linear[] = {g, plain ? &b->in[1 - dy] : &v};
  const ht_tensor *three[] = {g, &b->in[dy], &b->in[1 - dy]};
  HT_TRY(conjugate(b->run->pool, &b->in[1 - dy], &v));
  ht_status st = ht_elementwise_give(b, dy, k, 2, linear, p);
  ht_tensor_drop(&v);
  if (st.code != HT_OK || !second) return st;
  return ht_elementwise_give(b, 1 - dy, second, 3, three, p);
}

#define GRAD_OP(name, kernel, second, dy, plain)               \
  static ht_status name##_forward(ht_call *c) {                \
    return apply_grad(c, &ht_g_##kernel, dy, plain,            \
                      ht_attr_float(c->attrs, "alpha"));       \
  }                                                            \
  static ht_status name##_gradient(ht_back *b) {               \
    return grad_gradient(b, &ht_g_##kernel, second, dy, plain, \
                         ht_attr_float(b->attrs, "alpha"));    \
  }

GRAD_OP(elu_grad, elu, &ht_h_elu, 0, true)
GRAD_OP(selu_grad, selu, &ht_h_elu, 0, true)
GRAD_OP(relu_grad, relu, NULL, 0, true)
GRAD_OP(relu6_grad, relu6, NULL, 0, true)
GRAD_OP(leaky_relu_grad, leaky_relu, NULL, 0, true)
GRAD_OP(softplus_grad, softplus, &ht_h_softplus, 0, true)
GRAD_OP(softsign_grad, softsign, &ht_h_softsign, 0, true)
GRAD_OP(sigmoid_grad, sigmoid, &ht_h_sigmoid, 1, true)
GRAD_OP(tanh_grad, tanh, &ht_h_tanh, 1, true)
GRAD_OP(sqrt_grad, sqrt, &ht_h_sqrt, 1, false)
GRAD_OP(rsqrt_grad, rsqrt, &ht_h_rsqrt, 1, false)
GRAD_OP(inv_grad, reciprocal, &ht_h_reciprocal, 1, false)
GRAD_OP(reciprocal_grad, reciprocal, &ht_h_reciprocal, 1, false)

const ht_op ht_ops_unary[] = {
    {.name = "Abs",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "|x|.",
     .samples = "f[2,3]; d[2,3]; h[4]; g[4]; f[]; f[0,3]; i[4](-4,4); "
                "l[3](-4,4); a[2]{-128,5}; f[5]{0,-0.0,nan,inf,-inf}",
     .forward = abs_forward,
     .gradient = abs_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Acos",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Arc cosine.",
     .samples = "f[2,3](-1,1); d[3](-1,1); f[4]{1,-1,2,nan}; "
                "c[2](-0.5,0.5)",
     .forward = acos_forward,
     .gradient = acos_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Acosh",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Inverse hyperbolic cosine.",
     .samples = "f[2,3](1.1,5); d[3](1.1,5); f[3]{1,0.5,inf}",
     .forward = acosh_forward,
     .gradient = acosh_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Asin",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Arc sine.",
     .samples = "f[2,3](-1,1); d[3](-1,1); f[4]{1,-1,2,nan}",
     .forward = asin_forward,
     .gradient = asin_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Asinh",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Inverse hyperbolic sine.",
     .samples = "f[2,3]; d[3]; f[3]{0,1e20,-inf}",
     .forward = asinh_forward,
     .gradient = asinh_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Atan",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Arc tangent.",
     .samples = "f[2,3]; d[3]; f[4]{0,inf,-inf,nan}",
     .forward = atan_forward,
     .gradient = atan_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Atanh",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Inverse hyperbolic tangent.",
     .samples = "f[2,3](-0.9,0.9); d[3](-0.9,0.9); f[3]{1,-1,2}",
     .forward = atanh_forward,
     .gradient = atanh_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Ceil",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The least integer not below x.",
     .samples = "f[2,3](-9,9); d[3]; h[3]; f[4]{-0.5,2,nan,-inf}",
     .forward = ceil_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Cos",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Cosine.",
     .samples = "f[2,3](-9,9); d[3]; h[3]; f[3]{0,100,inf}; c[3]",
     .forward = cos_forward,
     .gradient = cos_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Cosh",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Hyperbolic cosine.",
     .samples = "f[2,3]; d[3]; f[3]{0,100,-inf}",
     .forward = cosh_forward,
     .gradient = cosh_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Digamma",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The logarithmic derivative of gamma.",
     .samples = "f[2,3](0.1,9); d[3](0.1,9); d[3]{20.5,1,100}; "
                "f[3]{-1.5,-2.25,0.5} !grad=0",
     .forward = digamma_forward,
     .gradient = digamma_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Erf",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The error function.",
     .samples = "f[2,3]; d[3]; h[3]; f[4]{0,inf,-inf,nan}",
     .forward = erf_forward,
     .gradient = erf_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Erfc",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "1 - erf(x).",
     .samples = "f[2,3]; d[3]; f[4]{0,inf,-inf,9}",
     .forward = erfc_forward,
     .gradient = erfc_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Erfinv",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The inverse of erf.",
     .samples = "f[2,3](-0.99,0.99); d[3](-0.99,0.99); "
                "d[4]{1e-9,0.5,-0.999999,0} !near=1e-10; f[3]{1,-1,2} "
                "!grad=0",
     .forward = erfinv_forward,
     .gradient = erfinv_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Exp",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "e to the x.",
     .samples = "f[2,3]; d[2,3]; h[4]; g[4]; f[]; f[0,3]; "
                "f[6]{88,-87,-100,inf,-inf,nan}; f[2]{89,-104}; c[3]; "
                "f[300](-20,20)",
     .forward = exp_forward,
     .gradient = exp_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Expm1",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "e to the x, less 1.",
     .samples = "f[2,3]; d[3]; f[5]{1e-6,-1e-6,20,-inf,inf}",
     .forward = expm1_forward,
     .gradient = expm1_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Floor",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The greatest integer not above x.",
     .samples = "f[2,3](-9,9); d[3]; h[3]; f[4]{-0.5,2,nan,-inf}",
     .forward = floor_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Inv",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "1 / x, by its old name.",
     .samples = "f[2,3](0.5,2); d[3](0.5,2)",
     .forward = reciprocal_forward,
     .gradient = reciprocal_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Invert",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "All bits flipped.",
     .samples = "i[4](-9,9); l[2]; u[3]; a[2]{-128,127}; w[2]; y[1]{0}",
     .forward = invert_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "LeakyRelu",
     .inputs = "features:T",
     .outputs = "activations:T",
     .attrs = "alpha:float=0.2 T:type=FLOAT",
     .doc = "x where positive, else alpha x.",
     .samples = "f[2,3]; f[5] alpha=0.1; d[3] alpha=0.3; h[4]; "
                "f[4]{0,-0.0,nan,-inf}; f[3] alpha=0; f[3] alpha=1.5",
     .forward = leaky_relu_forward,
     .gradient = leaky_relu_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Lgamma",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "log |gamma(x)|.",
     .samples = "f[2,3](0.1,9); d[3](0.1,9); f[4]{1,2,0.5,100}; "
                "f[2]{-1.5,-0.3}",
     .forward = lgamma_forward,
     .gradient = lgamma_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Log",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Natural logarithm.",
     .samples = "f[2,3](0.1,5); d[3](0.1,5); h[3](0.1,5); "
                "f[4]{0,1,-1,inf}; f[0]; c[3]",
     .forward = log_forward,
     .gradient = log_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Log1p",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "log(1 + x).",
     .samples = "f[2,3](-0.9,5); d[3](-0.9,5); f[4]{1e-7,-1,-2,inf}",
     .forward = log1p_forward,
     .gradient = log1p_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "LogicalNot",
     .inputs = "x:bool",
     .outputs = "y:bool",
     .attrs = "",
     .doc = "Not x.",
     .samples = "b[2,3]; b[]; b[0]",
     .forward = logical_not_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Ndtri",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The inverse of the normal distribution function.",
     .samples = "f[2,3](0.01,0.99); d[3](0.01,0.99); "
                "d[4]{1e-12,0.3,0.999,0.5} !near=1e-9; f[4]{0,1,2,-1} "
                "!grad=0",
     .forward = ndtri_forward,
     .gradient = ndtri_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Neg",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "-x.",
     .samples = "f[2,3]; d[3]; h[2]; i[3](-4,4); l[2]; a[2]{-128,3}; "
                "c[3]; f[0,3]; f[]",
     .forward = neg_forward,
     .gradient = neg_gradient,
     .flags = HT_OP_ROWS | HT_OP_ROWS_GRAD},
    {.name = "Reciprocal",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "1 / x.",
     .samples = "f[2,3](0.5,2); d[3](0.5,2); f[3]{0,-0.0,inf} !grad=0; "
                "c[2]",
     .forward = reciprocal_forward,
     .gradient = reciprocal_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Relu",
     .inputs = "features:T",
     .outputs = "activations:T",
     .attrs = "T:type",
     .doc = "x where positive, else 0.",
     .samples = "f[2,3]; d[2,3]; h[4]; g[4]; f[]; f[0,3]; "
                "f[5]{0,-0.0,inf,-inf,3}; i[4](-4,4); u[3]; f[17,33]",
     .forward = relu_forward,
     .gradient = relu_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Relu6",
     .inputs = "features:T",
     .outputs = "activations:T",
     .attrs = "T:type",
     .doc = "min(max(x, 0), 6).",
     .samples = "f[2,3](-9,9); d[5](-9,9); f[6]{0,6,-1,7,inf,-inf}; "
                "h[4](-9,9); i[4](-9,9)",
     .forward = relu6_forward,
     .gradient = relu6_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Rint",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The nearest integer, ties to even.",
     .samples = "f[2,3](-9,9); d[3]; f[6]{0.5,1.5,-0.5,2.5,nan,inf}",
     .forward = rint_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Round",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "The nearest integer, ties to even.",
     .samples = "f[2,3](-9,9); d[3]; f[6]{0.5,1.5,-0.5,2.5,nan,inf}; "
                "h[3]; i[3]; l[2]",
     .forward = rint_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Rsqrt",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "1 / sqrt(x).",
     .samples = "f[2,3](0.1,5); d[3](0.1,5); h[3](0.1,5); f[3]{0,inf,-1} "
                "!grad=0",
     .forward = rsqrt_forward,
     .gradient = rsqrt_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Selu",
     .inputs = "features:T",
     .outputs = "activations:T",
     .attrs = "T:type",
     .doc = "The scaled exponential linear unit.",
     .samples = "f[2,3]; d[3]; f[4]{0,-inf,inf,-1}",
     .forward = selu_forward,
     .gradient = selu_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Sigmoid",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "1 / (1 + e^-x).",
     .samples = "f[2,3]; d[2,3]; h[4]; g[4]; f[]; f[0,3]; "
                "f[6]{0,100,-100,inf,-inf,nan}; f[300](-20,20)",
     .forward = sigmoid_forward,
     .gradient = sigmoid_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Sign",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "-1, 0 or 1; of complex numbers one of magnitude 1, or 0.",
     .samples = "f[2,3]; d[3]; f[4]{0,-0.0,inf,-inf}; i[4](-4,4); l[2]; "
                "c[2,3]; z[4]{0,2j,-3+4j,1e-200}; c[0]; z[]{-1-1j}",
     .forward = sign_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Sin",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Sine.",
     .samples = "f[2,3](-9,9); d[3]; h[3]; f[3]{0,100,inf}; c[3]",
     .forward = sin_forward,
     .gradient = sin_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Sinh",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Hyperbolic sine.",
     .samples = "f[2,3]; d[3]; f[3]{0,100,-inf}",
     .forward = sinh_forward,
     .gradient = sinh_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Softplus",
     .inputs = "features:T",
     .outputs = "activations:T",
     .attrs = "T:type",
     .doc = "log(1 + e^x).",
     .samples = "f[2,3]; d[3]; h[3]; f[6]{0,100,-100,inf,-20,20}",
     .forward = softplus_forward,
     .gradient = softplus_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Softsign",
     .inputs = "features:T",
     .outputs = "activations:T",
     .attrs = "T:type",
     .doc = "x / (1 + |x|).",
     .samples = "f[2,3]; d[3]; f[3]{0,1e10,-3}",
     .forward = softsign_forward,
     .gradient = softsign_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Sqrt",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Square root.",
     .samples = "f[2,3](0.1,5); d[3](0.1,5); h[3](0.1,5); "
                "f[4]{0,4,inf,-1}; c[3]",
     .forward = sqrt_forward,
     .gradient = sqrt_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Square",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "x x.",
     .samples = "f[2,3]; d[3]; h[3]; i[3](-9,9); l[2]; c[3]; "
                "f[2]{1e30,nan}; i[1]{65536}",
     .forward = square_forward,
     .gradient = square_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Tan",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Tangent.",
     .samples = "f[2,3](-1,1); d[3](-1,1)",
     .forward = tan_forward,
     .gradient = tan_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "Tanh",
     .inputs = "x:T",
     .outputs = "y:T",
     .attrs = "T:type",
     .doc = "Hyperbolic tangent.",
     .samples = "f[2,3]; d[2,3]; h[4]; g[4]; f[]; f[0,3]; "
                "f[6]{1e-5,0.1,100,inf,-inf,nan}; f[300](-9,9); c[3]",
     .forward = tanh_forward,
     .gradient = tanh_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Elu",
     .inputs = "features:T",
     .outputs = "activations:T",
     .attrs = "T:type",
     .doc = "x where positive, else e^x - 1.",
     .samples = "f[2,3]; d[3]; h[3]; f[4]{0,-inf,inf,-1}",
     .forward = elu_forward,
     .gradient = elu_gradient,
     .keep = HT_KEEP_OUT(0),
     .flags = HT_OP_ROWS},
    {.name = "Conj",
     .inputs = "input:T",
     .outputs = "output:T",
     .attrs = "T:type=COMPLEX64",
     .doc = "The complex conjugate.",
     .samples = "c[3]; z[2]",
     .forward = conj_forward,
     .gradient = conj_gradient,
     .flags = HT_OP_ROWS},
    {.name = "IsFinite",
     .inputs = "x:T",
     .outputs = "y:bool",
     .attrs = "T:type",
     .doc = "Whether x is neither infinite nor NaN.",
     .samples = "f[4]{nan,inf,-inf,1}; d[3]{nan,-inf,0}; "
                "h[3]{nan,inf,1}; f[2,3]; f[]; f[0]",
     .forward = is_finite_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "IsInf",
     .inputs = "x:T",
     .outputs = "y:bool",
     .attrs = "T:type",
     .doc = "Whether x is infinite.",
     .samples = "f[4]{nan,inf,-inf,1}; d[3]{nan,-inf,0}; "
                "h[3]{nan,inf,1}; f[2,3]; f[]; f[0]",
     .forward = is_inf_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "IsNan",
     .inputs = "x:T",
     .outputs = "y:bool",
     .attrs = "T:type",
     .doc = "Whether x is NaN.",
     .samples = "f[4]{nan,inf,-inf,1}; d[3]{nan,-inf,0}; "
                "h[3]{nan,inf,1}; f[2,3]; f[]; f[0]",
     .forward = is_nan_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_ROWS},
    {.name = "EluGrad",
     .inputs = "gradients:T outputs:T",
     .outputs = "backprops:T",
     .attrs = "T:type",
     .doc = "The gradient of Elu.",
     .samples = "f[2,3] f[2,3]; d[4] d[4]; h[3] h[3]; f[0] f[0]",
     .forward = elu_grad_forward,
     .gradient = elu_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "SeluGrad",
     .inputs = "gradients:T outputs:T",
     .outputs = "backprops:T",
     .attrs = "T:type",
     .doc = "The gradient of Selu.",
     .samples = "f[2,3] f[2,3]; d[4] d[4]; h[3] h[3]; f[0] f[0]",
     .forward = selu_grad_forward,
     .gradient = selu_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "ReluGrad",
     .inputs = "gradients:T features:T",
     .outputs = "backprops:T",
     .attrs = "T:type",
     .doc = "The gradient of Relu.",
     .samples = "f[2,3] f[2,3]; d[4] d[4]; h[3] h[3]; f[0] f[0]; f[2] "
                "f[2]{0,-0.0}",
     .forward = relu_grad_forward,
     .gradient = relu_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS | HT_OP_IN_DOUBLE},
    {.name = "Relu6Grad",
     .inputs = "gradients:T features:T",
     .outputs = "backprops:T",
     .attrs = "T:type",
     .doc = "The gradient of Relu6.",
     .samples = "f[2,3] f[2,3](-9,9); d[4] d[4](-9,9); f[2] f[2]{0,6}",
     .forward = relu6_grad_forward,
     .gradient = relu6_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS | HT_OP_IN_DOUBLE},
    {.name = "LeakyReluGrad",
     .inputs = "gradients:T features:T",
     .outputs = "backprops:T",
     .attrs = "alpha:float=0.2 T:type=FLOAT",
     .doc = "The gradient of LeakyRelu.",
     .samples = "f[2,3] f[2,3]; d[4] d[4] alpha=0.1; f[2] f[2]{0,-0.0}",
     .forward = leaky_relu_grad_forward,
     .gradient = leaky_relu_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "SoftplusGrad",
     .inputs = "gradients:T features:T",
     .outputs = "backprops:T",
     .attrs = "T:type",
     .doc = "The gradient of Softplus.",
     .samples = "f[2,3] f[2,3]; d[4] d[4]; h[3] h[3]; f[0] f[0]",
     .forward = softplus_grad_forward,
     .gradient = softplus_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "SoftsignGrad",
     .inputs = "gradients:T features:T",
     .outputs = "backprops:T",
     .attrs = "T:type",
     .doc = "The gradient of Softsign.",
     .samples = "f[2,3] f[2,3]; d[4] d[4]; h[3] h[3]; f[0] f[0]",
     .forward = softsign_grad_forward,
     .gradient = softsign_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "SigmoidGrad",
     .inputs = "y:T dy:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The gradient of Sigmoid.",
     .samples = "f[2,3] f[2,3]; d[4] d[4]; h[3] h[3]; f[0] f[0]",
     .forward = sigmoid_grad_forward,
     .gradient = sigmoid_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "TanhGrad",
     .inputs = "y:T dy:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The gradient of Tanh.",
     .samples = "f[2,3] f[2,3]; d[4] d[4]; h[3] h[3]; f[0] f[0]",
     .forward = tanh_grad_forward,
     .gradient = tanh_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "SqrtGrad",
     .inputs = "y:T dy:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The gradient of Sqrt.",
     .samples = "f[2,3](0.5,2) f[2,3]; d[4](0.5,2) d[4]; f[0] f[0]",
     .forward = sqrt_grad_forward,
     .gradient = sqrt_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "RsqrtGrad",
     .inputs = "y:T dy:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The gradient of Rsqrt.",
     .samples = "f[2,3](0.5,2) f[2,3]; d[4](0.5,2) d[4]; f[0] f[0]",
     .forward = rsqrt_grad_forward,
     .gradient = rsqrt_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "InvGrad",
     .inputs = "y:T dy:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The gradient of Inv.",
     .samples = "f[2,3](0.5,2) f[2,3]; d[4](0.5,2) d[4]; f[0] f[0]",
     .forward = inv_grad_forward,
     .gradient = inv_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {.name = "ReciprocalGrad",
     .inputs = "y:T dy:T",
     .outputs = "z:T",
     .attrs = "T:type",
     .doc = "The gradient of Reciprocal.",
     .samples = "f[2,3](0.5,2) f[2,3]; d[4](0.5,2) d[4]; f[0] f[0]",
     .forward = reciprocal_grad_forward,
     .gradient = reciprocal_grad_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
     .flags = HT_OP_ROWS},
    {0},
};
