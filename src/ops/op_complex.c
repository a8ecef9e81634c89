/* op_complex.c - complex numbers from their parts, and back. */
#include <math.h>

#include "base/parallel.h"
#include "kernels/real.h"
#include "ops/elementwise.h"
#include "ops/op.h"

/* n values of x (and y) to z; complex ones are pairs. */
typedef void part_fn(const void *x, const void *y, void *z, size_t n);
typedef struct part {
  part_fn *single, *twice; /* on float, on double */
} part;

#define LOOPS(T, name, angle_of, length_of)                                    \
  static void real_##name(const void *x, const void *y, void *z, size_t n) {   \
    (void)y;                                                                   \
    for (size_t i = 0; i < n; i++) ((T *)z)[i] = ((const T *)x)[2 * i];        \
  }                                                                            \
  static void imag_##name(const void *x, const void *y, void *z, size_t n) {   \
    (void)y;                                                                   \
    for (size_t i = 0; i < n; i++) ((T *)z)[i] = ((const T *)x)[2 * i + 1];    \
  }                                                                            \
  static void angle_##name(const void *x, const void *y, void *z, size_t n) {  \
    const T *v = x;                                                            \
    (void)y;                                                                   \
    for (size_t i = 0; i < n; i++)                                             \
      ((T *)z)[i] = angle_of(v[2 * i + 1], v[2 * i]);                          \
  }                                                                            \
  static void length_##name(const void *x, const void *y, void *z, size_t n) { \
    const T *v = x;                                                            \
    (void)y;                                                                   \
    for (size_t i = 0; i < n; i++)                                             \
      ((T *)z)[i] = length_of(v[2 * i], v[2 * i + 1]);                         \
  }                                                                            \
  static void only_real_##name(const void *x, const void *y, void *z,          \
                               size_t n) {                                     \
    (void)y;                                                                   \
    for (size_t i = 0; i < n; i++) {                                           \
      ((T *)z)[2 * i] = ((const T *)x)[i];                                     \
      ((T *)z)[2 * i + 1] = 0;                                                 \
    }                                                                          \
  }                                                                            \
  static void only_imag_##name(const void *x, const void *y, void *z,          \
                               size_t n) {                                     \
    (void)y;                                                                   \
    for (size_t i = 0; i < n; i++) {                                           \
      ((T *)z)[2 * i] = 0;                                                     \
      ((T *)z)[2 * i + 1] = ((const T *)x)[i];                                 \
    }                                                                          \
  }                                                                            \
  static void both_##name(const void *x, const void *y, void *z, size_t n) {   \
    for (size_t i = 0; i < n; i++) {                                           \
      ((T *)z)[2 * i] = ((const T *)x)[i];                                     \
      ((T *)z)[2 * i + 1] = ((const T *)y)[i];                                 \
    }                                                                          \
  }                                                                            \
  /* -g / (im + i re) */                                                       \
  static void angle_back_##name(const void *g, const void *x, void *z,         \
                                size_t n) {                                    \
    const T *v = x, *dy = g;                                                   \
    for (size_t i = 0; i < n; i++) {                                           \
      T square = v[2 * i] * v[2 * i] + v[2 * i + 1] * v[2 * i + 1];            \
      ((T *)z)[2 * i] = -dy[i] * v[2 * i + 1] / square;                        \
      ((T *)z)[2 * i + 1] = dy[i] * v[2 * i] / square;                         \
    }                                                                          \
  }                                                                            \
  /* g x / |x|, 0 at 0 */                                                      \
  static void length_back_##name(const void *g, const void *x, void *z,        \
                                 size_t n) {                                   \
    const T *v = x, *dy = g;                                                   \
    for (size_t i = 0; i < n; i++) {                                           \
      T r = length_of(v[2 * i], v[2 * i + 1]);                                 \
      T k = r == 0 ? 0 : dy[i] / r;                                            \
      ((T *)z)[2 * i] = k * v[2 * i];                                          \
      ((T *)z)[2 * i + 1] = k * v[2 * i + 1];                                  \
    }                                                                          \
  }

LOOPS(float, f, atan2f, hypotf)
LOOPS(double, d, atan2, hypot)

#define PART(name) static const part name = {name##_f, name##_d}
PART(real);
PART(imag);
PART(angle);
PART(length);
PART(only_real);
PART(only_imag);
PART(both);
PART(angle_back);
PART(length_back);

static ht_dtype complex_of(ht_dtype t) {
  if (t == HT_FLOAT) return HT_COMPLEX64;
  return t == HT_DOUBLE ? HT_COMPLEX128 : HT_INVALID;
}

static ht_dtype real_of(ht_dtype t) {
  if (t == HT_COMPLEX64) return HT_FLOAT;
  return t == HT_COMPLEX128 ? HT_DOUBLE : HT_INVALID;
}

typedef struct work {
  part_fn *fn;
  const ht_tensor *x, *y;
  ht_tensor *z;
} work;

static const void *from(const ht_tensor *t, size_t i) {
  return t ? (const char *)t->data + i * ht_dtype_size(t->dtype) : NULL;
}

static void part_range(size_t a, size_t b, void *arg) {
  const work *w = arg;
  w->fn(from(w->x, a), from(w->y, a),
        (char *)w->z->data + a * ht_dtype_size(w->z->dtype), b - a);
}

/* *z = p of x and, where it takes two, y of the same shape. */
static ht_status run(ht_pool *pool, const part *p, const ht_tensor *x,
                     const ht_tensor *y, ht_dtype out, ht_tensor *z) {
  bool single = x->dtype == HT_FLOAT || x->dtype == HT_COMPLEX64;
  work w = {single ? p->single : p->twice, x, y, z};
  HT_TRY(ht_tensor_new(pool, out, &x->shape, z));
  ht_parallel((size_t)ht_count(x), ht_grain(8), part_range, &w);
  return HT_SUCCESS;
}

/* ---- forward */

static ht_status split_part(ht_call *c, const part *p) {
  ht_dtype t = real_of(c->in[0]->dtype);
  if (t == HT_INVALID) return ht_no_dtype(c, c->in[0]->dtype);
  if (ht_attr_type(c->attrs, "Tout") != t)
    return ht_no_dtype(c, ht_attr_type(c->attrs, "Tout"));
  return run(c->run->pool, p, c->in[0], NULL, t, &c->out[0]);
}

static ht_status real_forward(ht_call *c) { return split_part(c, &real); }
static ht_status imag_forward(ht_call *c) { return split_part(c, &imag); }
static ht_status angle_forward(ht_call *c) { return split_part(c, &angle); }
static ht_status length_forward(ht_call *c) { return split_part(c, &length); }

/* x itself, or broadcast to the shape. */
static ht_status spread(ht_pool *pool, const ht_tensor *x, const ht_shape *s,
                        ht_tensor *out) {
  if (ht_shape_equal(&x->shape, s)) {
    *out = ht_tensor_share(x);
    return HT_SUCCESS;
  }
  HT_TRY(ht_tensor_new(pool, x->dtype, s, out));
  ht_broadcast_copy(x, out);
  return HT_SUCCESS;
}

static ht_status complex_forward(ht_call *c) {
  ht_shape s;
  ht_tensor x, y;
  ht_dtype t = complex_of(c->in[0]->dtype);
  if (t == HT_INVALID) return ht_no_dtype(c, c->in[0]->dtype);
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  HT_TRY(ht_shape_broadcast(&c->in[0]->shape, &c->in[1]->shape, &s));
  HT_TRY(spread(c->run->pool, c->in[0], &s, &x));
  ht_status st = spread(c->run->pool, c->in[1], &s, &y);
  if (st.code == HT_OK) {
    st = run(c->run->pool, &both, &x, &y, t, &c->out[0]);
    ht_tensor_drop(&y);
  }
  ht_tensor_drop(&x);
  return st;
}

/* ---- backward */

static ht_status give_part(ht_back *b, int i, const part *p,
                           const ht_tensor *value) {
  ht_tensor g;
  if (!ht_wants(b, i)) return HT_SUCCESS;
  HT_TRY(run(b->run->pool, p, &b->dout[0].dense, value, b->in[i].dtype, &g));
  return ht_give(b, i, &g);
}

static ht_status real_gradient(ht_back *b) {
  return give_part(b, 0, &only_real, NULL);
}

static ht_status imag_gradient(ht_back *b) {
  return give_part(b, 0, &only_imag, NULL);
}

static ht_status angle_gradient(ht_back *b) {
  return give_part(b, 0, &angle_back, &b->in[0]);
}

static ht_status length_gradient(ht_back *b) {
  return give_part(b, 0, &length_back, &b->in[0]);
}

static ht_status complex_gradient(ht_back *b) {
  HT_TRY(give_part(b, 0, &real, NULL));
  return give_part(b, 1, &imag, NULL);
}

#define OF_COMPLEX "T:type=COMPLEX64 Tout:type=FLOAT"

const ht_op ht_ops_complex[] = {
    {.name = "Complex",
     .inputs = "real:T imag:T",
     .outputs = "out:Tout",
     .attrs = "T:type=FLOAT Tout:type=COMPLEX64",
     .doc = "The complex number of a real and an imaginary part.",
     .samples = "f[2,3] f[2,3]; d[3] d[3] Tout=complex128; f[2,3] f[3]; "
                "f[] f[2]; f[0] f[0]; f[2]{nan,inf} f[2]{1,-inf}",
     .forward = complex_forward,
     .gradient = complex_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Real",
     .inputs = "input:T",
     .outputs = "output:Tout",
     .attrs = OF_COMPLEX,
     .doc = "The real part.",
     .samples = "c[2,3]; z[3] Tout=double; c[]; c[0]",
     .forward = real_forward,
     .gradient = real_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Imag",
     .inputs = "input:T",
     .outputs = "output:Tout",
     .attrs = OF_COMPLEX,
     .doc = "The imaginary part.",
     .samples = "c[2,3]; z[3] Tout=double; c[]; c[0]",
     .forward = imag_forward,
     .gradient = imag_gradient,
     .flags = HT_OP_ROWS},
    {.name = "Angle",
     .inputs = "input:T",
     .outputs = "output:Tout",
     .attrs = OF_COMPLEX,
     .doc = "The argument, in radians.",
     .samples = "c[2,3]; z[3] Tout=double; c[4]{1+0j,-1+0j,0+1j,0-1j}; c[0]",
     .forward = angle_forward,
     .gradient = angle_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {.name = "ComplexAbs",
     .inputs = "x:T",
     .outputs = "y:Tout",
     .attrs = OF_COMPLEX,
     .doc = "The absolute value.",
     .samples = "c[2,3]; z[3] Tout=double; c[4]{3+4j,0+0j,0-1j,1e20+1e20j}; "
                "c[0]",
     .forward = length_forward,
     .gradient = length_gradient,
     .keep = HT_KEEP_IN(0),
     .flags = HT_OP_ROWS},
    {0},
};
