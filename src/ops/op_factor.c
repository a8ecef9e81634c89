/*
 * op_factor.c - factors of square matrices whose numbers may be complex: a
 * step on one matrix of pairs, run for each of a batch (linalg_batch.h).
 */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "kernels/linalg_complex.h"
#include "ops/linalg_batch.h"

static void copy(const ht_lin_step *s, const ht_pair *from, ht_pair *to) {
  memcpy(to, from, (size_t)(s->n * s->n) * sizeof *to);
}

/* `lower`: numbers are real. */
static ht_lin_batch pairs_of(const ht_tensor *x, const ht_lin_rule *rule) {
  ht_lin_batch b = ht_lin_batch_of(x, rule);
  b.s.lower = x->dtype == HT_FLOAT || x->dtype == HT_DOUBLE;
  return b;
}

/* ---- Lu */

static ht_status lu_step(const ht_lin_step *s) {
  int64_t *p = ht_lin_room(s, 0);
  ht_pair *rows = s->out[1];
  copy(s, s->in[0], s->out[0]);
  if (!ht_pair_lu(s->n, s->out[0], p))
    return ht_fail(HT_USAGE, "a matrix is singular");
  for (int64_t i = 0; i < s->n; i++) rows[i] = (double)p[i];
  return HT_SUCCESS;
}

static const ht_lin_rule lu = {.of_pairs = lu_step};

static ht_status lu_forward(ht_call *c) {
  HT_TRY(ht_lin_check(c, true));
  const ht_shape *x = &c->in[0]->shape;
  ht_lin_batch b = pairs_of(c->in[0], &lu);
  ht_shape p = ht_lin_tail(x, 1, b.s.n, 0);
  HT_TRY(ht_out_like(c, 0, 0));
  HT_TRY(ht_out(c, 1, ht_attr_type(c->attrs, "output_idx_type"), &p));
  ht_lin_reads(&b, c->in[0]);
  ht_lin_writes(&b, &c->out[0]);
  ht_lin_writes(&b, &c->out[1]);
  return ht_lin_run(c->run->pool, &b);
}

/* ---- MatrixSquareRoot */

/* NaN where numbers are real and those of the root are not. */
static ht_status root_step(const ht_lin_step *s) {
  double off = 0, most = 0;
  ht_pair *r = s->out[0];
  if (!ht_pair_root(s->n, s->in[0], r))
    return ht_fail(HT_USAGE, "a matrix has no square root");
  for (int64_t i = 0; i < s->n * s->n; i++) {
    most = fmax(most, cabs(r[i]));
    off = fmax(off, fabs(cimag(r[i])));
  }
  for (int64_t i = 0; i < s->n * s->n; i++)
    if (s->lower && off > 1e-8 * most) r[i] = NAN;
  return HT_SUCCESS;
}

static const ht_lin_rule root = {.of_pairs = root_step};

static ht_status root_forward(ht_call *c) {
  HT_TRY(ht_lin_check(c, true));
  ht_lin_batch b = pairs_of(c->in[0], &root);
  HT_TRY(ht_out_like(c, 0, 0));
  ht_lin_reads(&b, c->in[0]);
  ht_lin_writes(&b, &c->out[0]);
  return ht_lin_run(c->run->pool, &b);
}

/* root, d root */
static ht_status root_back(const ht_lin_step *s) {
  if (ht_pair_sylvester(s->n, s->in[0], s->in[1], s->out[0])) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a root has no gradient");
}

static const ht_lin_rule root_gradient_of = {.of_pairs = root_back};

static ht_status root_gradient(ht_back *b) {
  ht_lin_batch w = pairs_of(&b->in[0], &root_gradient_of);
  ht_lin_reads(&w, &b->out[0]);
  ht_lin_reads(&w, &b->dout[0].dense);
  return ht_lin_give_first(b, &w);
}

/* ---- Eig (flag: with vectors) */

static ht_status eigen_step(const ht_lin_step *s) {
  ht_pair *v = s->flag ? s->out[1] : ht_lin_room(s, 0);
  if (ht_pair_eigen(s->n, s->lower, s->in[0], s->out[0], v)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a matrix has no eigenvalues that could be found");
}

static const ht_lin_rule eigen = {.of_pairs = eigen_step};

static ht_status eigen_forward(ht_call *c) {
  HT_TRY(ht_lin_check(c, true));
  const ht_tensor *x = c->in[0];
  ht_dtype t = ht_attr_type(c->attrs, "Tout");
  ht_lin_batch b = pairs_of(x, &eigen);
  ht_shape e = ht_lin_tail(&x->shape, 1, b.s.n, 0), none = ht_shape_1(0);
  b.s.flag = ht_attr_bool(c->attrs, "compute_v");
  if (t != HT_COMPLEX64 && t != HT_COMPLEX128) return ht_no_dtype(c, t);
  HT_TRY(ht_out(c, 0, t, &e));
  HT_TRY(ht_out(c, 1, t, b.s.flag ? &x->shape : &none));
  ht_lin_reads(&b, x);
  ht_lin_writes(&b, &c->out[0]);
  if (b.s.flag) ht_lin_writes(&b, &c->out[1]);
  return ht_lin_run(c->run->pool, &b);
}

/* What the gradient of the vectors adds (Boeddeker et al., "On the Computation
 * of Complex-valued Gradients", 2017, eq. 4.77). */
static void add_vectors(const ht_lin_step *s, const ht_pair *v, ht_pair *mid) {
  int64_t n = s->n;
  const ht_pair *e = s->in[1];
  ht_pair *vgv = ht_lin_room(s, 2), *vv = ht_lin_room(s, 3);
  ht_pair_multiply(n, n, n, v, true, s->in[4], false, vgv);
  ht_pair_multiply(n, n, n, v, true, v, false, vv);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      ht_pair gap = e[j] - e[i], d = creal(vgv[j * n + j]);
      if (i == j) continue;
      mid[i * n + j] += conj(conj(gap) / (gap * conj(gap) + 1e-20)) *
                        (vgv[i * n + j] - vv[i * n + j] * d);
    }
}

/* a, e, v, de, dv */
static ht_status eigen_back(const ht_lin_step *s) {
  int64_t n = s->n;
  ht_pair *v = ht_lin_room(s, 0), *mid = ht_lin_room(s, 1),
          *left = ht_lin_room(s, 4);
  const ht_pair *de = s->in[3];
  if (s->flag)
    copy(s, s->in[2], v);
  else if (!ht_pair_eigen(n, s->lower, s->in[0], left, v))
    return ht_fail(HT_USAGE, "a matrix has no eigenvalues that could be found");
  memset(mid, 0, (size_t)(n * n) * sizeof *mid);
  for (int64_t i = 0; i < n; i++) mid[i * n + i] = de[i];
  if (s->flag) add_vectors(s, v, mid);
  ht_pair_multiply(n, n, n, mid, false, v, true, left);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) mid[i * n + j] = conj(v[j * n + i]);
  if (ht_pair_solve(n, n, mid, false, left, s->out[0])) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "eigenvectors are not independent");
}

static const ht_lin_rule eigen_gradient_of = {.of_pairs = eigen_back};

static ht_status eigen_gradient(ht_back *b) {
  ht_lin_batch w = pairs_of(&b->in[0], &eigen_gradient_of);
  return ht_lin_give_eigen(b, &w);
}

#define TURNED "{1,2,0,-2,1,0.5,0,0.25,3}"

/* Vectors are known up to a phase: values alone are compared. The order of
 * values of a real matrix is that in which an iteration found them, LAPACK's
 * here and Eigen's in TensorFlow: nothing may depend on it, and the samples
 * are those where both agree. */
const ht_op ht_ops_factor[] = {
    {.name = "Lu",
     .inputs = "input:T",
     .outputs = "lu:T p:output_idx_type",
     .attrs = "output_idx_type:type=INT32 T:type",
     .doc = "Triangular factors of matrices, with the order of rows.",
     .samples = "f[3,3]; d[2,4,4] !differences=0; f[1,1]{-2}; f[0,3,3];"
                "c[3,3]; z[2,2,2]; d[3,3]{0,1,2,1,0,0,2,1,1} "
                "output_idx_type=int64",
     .forward = lu_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_IN_FLOAT},
    {.name = "MatrixSquareRoot",
     .inputs = "input:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "The square root of matrices.",
     .samples = "f[3,3]{4,1,0.5,1,3,0.25,0.5,0.25,2}; d[1,1]{9};"
                "d[3,3]" TURNED "; d[2,2,2]{2,0.5,0.5,1,5,9,-1,3}; f[0,2,2];"
                "z[2,2]{4,1,2,9} !grad=0; c[3,3] !grad=0",
     .forward = root_forward,
     .gradient = root_gradient,
     .keep = HT_KEEP_OUT(0)},
    {.name = "Eig",
     .inputs = "input:T",
     .outputs = "e:Tout v:Tout",
     .attrs = "compute_v:bool=true T:type Tout:type",
     .doc = "Eigenvalues and vectors of matrices.",
     .samples =
         "f[3,3]{4,1,0.5,1,3,0.25,0.5,2,1} Tout=complex64 compute_v=false "
         "!outputs=1; d[3,3]" TURNED " Tout=complex128 compute_v=false "
         "!outputs=1; d[2,2,2]{2,0.5,0.5,1,5,9,-1,3} Tout=complex128 "
         "!outputs=1 !grad=0; z[3,3] Tout=complex128 compute_v=false "
         "!outputs=1; c[2,2] Tout=complex64 !outputs=1 !grad=0; d[1,1]{-3} "
         "Tout=complex128 compute_v=false !outputs=1",
     .forward = eigen_forward,
     .gradient = eigen_gradient,
     .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(0) | HT_KEEP_OUT(1)},
    {0},
};
