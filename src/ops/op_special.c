/* op_special.c - special functions, elementwise. */
#include "kernels/binary.h"
#include "kernels/special.h"
#include "kernels/unary.h"
#include "ops/elementwise.h"

/* ---- of one operand */

static ht_status slope(ht_back *b, const ht_kernel *k) {
  const ht_tensor *x[] = {&b->dout[0].dense, &b->in[0], &b->out[0]};
  return ht_elementwise_give(b, 0, k, 3, x, 0);
}

#define ONE(name)                                   \
  static ht_status name##_forward(ht_call *c) {     \
    return ht_elementwise_call(c, &ht_k_##name, 0); \
  }                                                 \
  static ht_status name##_gradient(ht_back *b) {    \
    return slope(b, &ht_g_##name);                  \
  }
ONE(bessel_i0)
ONE(bessel_i0e)
ONE(bessel_i1)
ONE(bessel_i1e)
ONE(bessel_j0)
ONE(bessel_j1)
ONE(bessel_k0)
ONE(bessel_k0e)
ONE(bessel_k1)
ONE(bessel_k1e)
ONE(bessel_y0)
ONE(bessel_y1)
ONE(dawsn)
ONE(expint)
ONE(fresnel_cos)
ONE(fresnel_sin)
ONE(spence)

/* ---- of two: TensorFlow has no derivative of zeta and polygamma in the
 * first, and none of betainc in its first two */

#define TWO(name)                                   \
  static ht_status name##_forward(ht_call *c) {     \
    return ht_elementwise_call(c, &ht_k_##name, 0); \
  }
TWO(zeta)
TWO(polygamma)
TWO(igamma)
TWO(igammac)
TWO(igamma_grad_a)
TWO(random_gamma_grad)

static ht_status give_of(ht_back *b, int i, const ht_kernel *k) {
  const ht_tensor *x[] = {&b->dout[0].dense, &b->in[0], &b->in[1]};
  return ht_elementwise_give(b, i, k, 3, x, 0);
}

static ht_status zeta_gradient(ht_back *b) { return give_of(b, 1, &ht_g_zeta); }

static ht_status polygamma_gradient(ht_back *b) {
  return give_of(b, 1, &ht_g_polygamma);
}

static ht_status igamma_gradient(ht_back *b) {
  HT_TRY(give_of(b, 0, &ht_g_igamma_a));
  return give_of(b, 1, &ht_g_igamma);
}

/* Q = 1 - P. */
static ht_status igammac_gradient(ht_back *b) {
  ht_tensor minus;
  const ht_tensor *dz = &b->dout[0].dense;
  HT_TRY(ht_elementwise(b->run->pool, &ht_k_neg, 1, &dz, 0, dz->dtype, &minus));
  const ht_tensor *x[] = {&minus, &b->in[0], &b->in[1]};
  ht_status st = ht_elementwise_give(b, 0, &ht_g_igamma_a, 3, x, 0);
  if (st.code == HT_OK) st = ht_elementwise_give(b, 1, &ht_g_igamma, 3, x, 0);
  ht_tensor_drop(&minus);
  return st;
}

static ht_status betainc_forward(ht_call *c) {
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < i; k++)
      if (c->in[i]->shape.rank && c->in[k]->shape.rank)
        HT_TRY(ht_need_same_shape(c, i, k));
  return ht_elementwise_call(c, &ht_k_betainc, 0);
}

static ht_status betainc_gradient(ht_back *b) {
  ht_tensor slopes;
  if (!ht_wants(b, 2)) return HT_SUCCESS;
  const ht_tensor *in[] = {&b->in[0], &b->in[1], &b->in[2]};
  HT_TRY(ht_elementwise(b->run->pool, &ht_g_betainc, 3, in, 0, in[0]->dtype,
                        &slopes));
  const ht_tensor *x[] = {&b->dout[0].dense, &slopes};
  ht_status st = ht_elementwise_give(b, 2, &ht_k_mul, 2, x, 0);
  ht_tensor_drop(&slopes);
  return st;
}

#define UNARY(name_, fn, doc_, samples_)                                 \
  {                                                                      \
    .name = name_, .inputs = "x:T", .outputs = "y:T", .attrs = "T:type", \
    .doc = doc_, .samples = samples_, .forward = fn##_forward,           \
    .gradient = fn##_gradient, .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(0),   \
    .flags = HT_OP_ROWS                                                  \
  }
#define BINARY(name_, in_, fn, gradient_, doc_, samples_)              \
  {                                                                    \
    .name = name_, .inputs = in_, .outputs = "z:T", .attrs = "T:type", \
    .doc = doc_, .samples = samples_, .forward = fn##_forward,         \
    .gradient = gradient_, .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1)       \
  }

#define ANY                                                      \
  "f[3,4](-4,4); d[12](-4,4); d[8](4,40); f[6](10,60) !grad=0; " \
  "f[]{0.5}; f[0]; d[4]{nan,-0.001,1e-10,3} !differences=0"
#define POSITIVE                                            \
  "f[3,4](0.1,4); d[12](0.01,4); d[8](4,40); f[6](10,60); " \
  "f[]{0.5}; f[0]; d[4]{nan,1e-10,1e-3,3} !differences=0; " \
  "f[2]{0,-1} !grad=0"
#define ORDERS                                                           \
  "f[3,4](0.2,4) f[3,4](0.2,5); d[8](0.2,6) d[8](0.1,9); "               \
  "d[6](5,30) d[6](5,30); f[2,1](0.5,3) f[3](0.5,3); f[]{2} f[4](0,9); " \
  "d[4]{0.5,40,3,1e-3} d[4]{30,2,1e-6,2} !differences=0; "               \
  "f[5]{1,-1,2,nan,0} f[5]{0,1,-1,1,1} !grad=0; f[0] f[0]"

const ht_op ht_ops_special[] = {
    UNARY("BesselI0", bessel_i0, "The modified Bessel function I0.", ANY),
    UNARY("BesselI0e", bessel_i0e, "exp(-|x|) I0(x).", ANY),
    UNARY("BesselI1", bessel_i1, "The modified Bessel function I1.", ANY),
    UNARY("BesselI1e", bessel_i1e, "exp(-|x|) I1(x).", ANY),
    UNARY("BesselJ0", bessel_j0, "The Bessel function J0.", ANY),
    UNARY("BesselJ1", bessel_j1, "The Bessel function J1.", ANY),
    UNARY("BesselK0", bessel_k0, "The modified Bessel function K0.", POSITIVE),
    UNARY("BesselK0e", bessel_k0e, "exp(x) K0(x).", POSITIVE),
    UNARY("BesselK1", bessel_k1, "The modified Bessel function K1.", POSITIVE),
    UNARY("BesselK1e", bessel_k1e, "exp(x) K1(x).", POSITIVE),
    UNARY("BesselY0", bessel_y0, "The Bessel function Y0.", POSITIVE),
    UNARY("BesselY1", bessel_y1, "The Bessel function Y1.", POSITIVE),
    UNARY("Dawsn", dawsn, "Dawson's integral.", ANY),
    UNARY("Expint", expint, "The exponential integral Ei.", POSITIVE),
    UNARY("FresnelCos", fresnel_cos, "Fresnel's integral C.", ANY),
    UNARY("FresnelSin", fresnel_sin, "Fresnel's integral S.", ANY),
    UNARY("Spence", spence, "Spence's integral, Li_2(1 - x).", POSITIVE),
    BINARY("Zeta", "x:T q:T", zeta, zeta_gradient,
           "Hurwitz's zeta function, the sum of (q + k)^-x.",
           "f[3,4](1.2,6) f[3,4](0.2,5); d[8](1.1,6) d[8](0.1,20) "
           "!differences=0; f[2,1](1.5,3) f[3](0.5,3); "
           "f[7]{1,0.5,2,3,2,2.5,nan} f[7]{2,1,-1,-1,-0.5,-0.5,1} !grad=0; "
           "f[0] f[0]"),
    BINARY("Polygamma", "a:T x:T", polygamma, polygamma_gradient,
           "Derivatives of digamma.",
           "f[5]{0,1,2,3,4} f[5](0.2,5); d[4]{0,1,2,5} d[4](0.1,20); "
           "f[2,1]{1,2} f[3](0.5,3); "
           "f[5]{0.5,-1,1,2,nan} f[5]{2,1,-1,-0.5,1} !grad=0; f[0] f[0]"),
    BINARY("Igamma", "a:T x:T", igamma, igamma_gradient,
           "The lower regularized incomplete gamma function.", ORDERS),
    BINARY("Igammac", "a:T x:T", igammac, igammac_gradient,
           "The upper regularized incomplete gamma function.", ORDERS),
    BINARY("IgammaGradA", "a:T x:T", igamma_grad_a, ht_no_gradient,
           "The derivative of Igamma in a.", ORDERS),
    {
        .name = "RandomGammaGrad",
        .inputs = "alpha:T sample:T",
        .outputs = "output:T",
        .attrs = "T:type",
        .doc = "The derivative of a Gamma(alpha) sample in alpha.",
        .samples = ORDERS,
        .forward = random_gamma_grad_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Betainc",
        .inputs = "a:T b:T x:T",
        .outputs = "z:T",
        .attrs = "T:type",
        .doc = "The regularized incomplete beta function I_x(a, b).",
        .samples =
            "f[3,4](0.2,4) f[3,4](0.2,5) f[3,4](0,1); "
            "d[8](0.2,6) d[8](0.1,9) d[8](0.01,0.99) !differences=0; "
            "d[6](5,30) d[6](5,30) d[6](0.2,0.8) !differences=0; "
            "f[]{2} f[]{3} f[4](0.1,0.9); f[3](0.5,3) f[3](0.5,3) f[]{0.25}; "
            "f[7]{1,-1,2,nan,1,0,1} f[7]{1,1,1,1,2,1,0} "
            "f[7]{0,0.5,1,0.5,1.5,0.5,0.5} !grad=0; f[0] f[0] f[0]",
        .forward = betainc_forward,
        .gradient = betainc_gradient,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_IN(2),
    },
    {0},
};
