/*
 * op_linalg.c - factors of matrices and what is made of them: a step on one
 * matrix (linalg_steps.h), run for each of a batch.
 */
#include <stdlib.h>

#include "kernels/cast.h"
#include "ops/linalg_steps.h"

static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- batches */

typedef struct batch {
  ht_lin_step s;
  ht_lin_fn *fn;
  int64_t items;
  int n_in, n_out;
  const ht_tensor *in[HT_LIN_OPERANDS];
  ht_tensor *out[HT_LIN_OPERANDS];
  ht_tensor wide_in[HT_LIN_OPERANDS], wide_out[HT_LIN_OPERANDS];
} batch;

static ht_status run_items(batch *b, double *room) {
  for (int64_t i = 0; i < b->items; i++) {
    ht_lin_step s = b->s;
    s.room = room;
    for (int k = 0; k < b->n_in; k++)
      if (b->in[k])
        s.in[k] = HT_DATA(double, &b->wide_in[k]) +
                  i * (ht_count(b->in[k]) / b->items);
    for (int k = 0; k < b->n_out; k++)
      s.out[k] = HT_DATA(double, &b->wide_out[k]) +
                 i * (ht_count(b->out[k]) / b->items);
    HT_TRY(b->fn(&s));
  }
  return HT_SUCCESS;
}

static ht_status run_wide(ht_pool *pool, batch *b) {
  int64_t side = greater(greater(b->s.m, b->s.n), b->s.k);
  for (int k = 0; k < b->n_in; k++) {
    if (!b->in[k]) continue;
    HT_TRY(ht_tensor_new(pool, HT_DOUBLE, &b->in[k]->shape, &b->wide_in[k]));
    ht_cast_run(b->in[k], false, &b->wide_in[k]);
  }
  for (int k = 0; k < b->n_out; k++)
    HT_TRY(
        ht_tensor_zeros(pool, HT_DOUBLE, &b->out[k]->shape, &b->wide_out[k]));
  if (side > 1 << 20) return ht_fail(HT_NO_MEMORY, "no memory for a matrix");
  double *room = calloc((size_t)(8 * side * side) + 1, sizeof *room);
  if (!room) return ht_fail(HT_NO_MEMORY, "no memory for a matrix");
  ht_status st = b->items ? run_items(b, room) : HT_SUCCESS;
  free(room);
  for (int k = 0; k < b->n_out && st.code == HT_OK; k++)
    ht_cast_run(&b->wide_out[k], false, b->out[k]);
  return st;
}

static ht_status run_batch(ht_pool *pool, batch *b) {
  ht_status st = run_wide(pool, b);
  for (int k = 0; k < HT_LIN_OPERANDS; k++) {
    ht_tensor_drop(&b->wide_in[k]);
    ht_tensor_drop(&b->wide_out[k]);
  }
  return st;
}

/* A batch of matrices of shape x. */
static batch batch_of(const ht_shape *x, ht_lin_fn *fn) {
  batch b = {.fn = fn, .items = 1};
  b.s.m = x->dim[x->rank - 2];
  b.s.n = x->dim[x->rank - 1];
  for (int i = 0; i < x->rank - 2; i++) b.items *= x->dim[i];
  return b;
}

static void reads(batch *b, const ht_tensor *t) { b->in[b->n_in++] = t; }
static void writes(batch *b, ht_tensor *t) { b->out[b->n_out++] = t; }

/* ---- forward */

static ht_status check(const ht_call *c, bool square) {
  const ht_tensor *x = c->in[0];
  if (x->dtype != HT_FLOAT && x->dtype != HT_DOUBLE)
    return ht_no_dtype(c, x->dtype);
  HT_TRY(ht_need_min_rank(c, 0, 2));
  if (square &&
      x->shape.dim[x->shape.rank - 1] != x->shape.dim[x->shape.rank - 2])
    return ht_fail(HT_USAGE, "op '%s' wants square matrices", c->op->name);
  return HT_SUCCESS;
}

static ht_shape tail(const ht_shape *x, int n, int64_t a, int64_t b) {
  ht_shape s = *x;
  s.rank = x->rank - 2 + n;
  if (n > 0) s.dim[s.rank - n] = a;
  if (n > 1) s.dim[s.rank - 1] = b;

  return s;
}

static ht_status same_shape_out(ht_call *c, ht_lin_fn *fn) {
  HT_TRY(check(c, true));
  batch b = batch_of(&c->in[0]->shape, fn);
  b.s.adjoint = ht_attr_bool(c->attrs, "adjoint");
  HT_TRY(ht_out_like(c, 0, 0));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  return run_batch(c->run->pool, &b);
}

static ht_status cholesky_forward(ht_call *c) {
  return same_shape_out(c, ht_lin_cholesky);
}
static ht_status inverse_forward(ht_call *c) {
  return same_shape_out(c, ht_lin_inverse);
}

/* One or two numbers of each matrix. */
static ht_status det_out(ht_call *c, ht_lin_fn *fn) {
  HT_TRY(check(c, true));
  batch b = batch_of(&c->in[0]->shape, fn);
  ht_shape s = tail(&c->in[0]->shape, 0, 0, 0);
  reads(&b, c->in[0]);
  for (int i = 0; i < c->n_out; i++) {
    HT_TRY(ht_out(c, i, c->in[0]->dtype, &s));
    writes(&b, &c->out[i]);
  }
  return run_batch(c->run->pool, &b);
}

static ht_status det_forward(ht_call *c) { return det_out(c, ht_lin_det); }
static ht_status log_det_forward(ht_call *c) {
  return det_out(c, ht_lin_log_det);
}

static ht_status solve_out(ht_call *c, ht_lin_fn *fn) {
  const ht_shape *x = &c->in[0]->shape, *y = &c->in[1]->shape;
  HT_TRY(check(c, true));
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  HT_TRY(ht_need_min_rank(c, 1, 2));
  batch b = batch_of(x, fn);
  ht_shape lead = tail(x, 0, 0, 0), other = tail(y, 0, 0, 0);
  if (!ht_shape_equal(&lead, &other) || y->dim[y->rank - 2] != b.s.n)
    return ht_fail(HT_USAGE, "op '%s': matrix and right side do not agree",
                   c->op->name);
  b.s.k = y->dim[y->rank - 1];
  b.s.adjoint = ht_attr_bool(c->attrs, "adjoint");
  b.s.lower = ht_attr_bool(c->attrs, "lower");
  HT_TRY(ht_out_like(c, 0, 1));
  reads(&b, c->in[0]);
  reads(&b, c->in[1]);
  writes(&b, &c->out[0]);
  return run_batch(c->run->pool, &b);
}

static ht_status solve_forward(ht_call *c) {
  return solve_out(c, ht_lin_solve);
}
static ht_status triangular_forward(ht_call *c) {
  return solve_out(c, ht_lin_triangular);
}

static ht_status eigen_forward(ht_call *c) {
  HT_TRY(check(c, true));
  batch b = batch_of(&c->in[0]->shape, ht_lin_eigen);
  ht_shape e = tail(&c->in[0]->shape, 1, b.s.n, 0), none = ht_shape_1(0);
  b.s.flag = ht_attr_bool(c->attrs, "compute_v");
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &e));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, b.s.flag ? &c->in[0]->shape : &none));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  if (b.s.flag) writes(&b, &c->out[1]);
  return run_batch(c->run->pool, &b);
}

static ht_status qr_forward(ht_call *c) {
  HT_TRY(check(c, false));
  batch b = batch_of(&c->in[0]->shape, ht_lin_qr);
  b.s.flag = ht_attr_bool(c->attrs, "full_matrices");
  int64_t cols = b.s.flag ? b.s.m : lesser(b.s.m, b.s.n);
  ht_shape q = tail(&c->in[0]->shape, 2, b.s.m, cols);
  ht_shape r = tail(&c->in[0]->shape, 2, cols, b.s.n);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &q));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, &r));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  writes(&b, &c->out[1]);
  return run_batch(c->run->pool, &b);
}

static ht_status svd_forward(ht_call *c) {
  HT_TRY(check(c, false));
  const ht_shape *x = &c->in[0]->shape;
  batch b = batch_of(x, ht_lin_svd);
  int64_t p = lesser(b.s.m, b.s.n);
  b.s.adjoint = ht_attr_bool(c->attrs, "compute_uv");
  b.s.flag = ht_attr_bool(c->attrs, "full_matrices");
  ht_shape s = tail(x, 1, p, 0), none = ht_shape_1(0);
  ht_shape u = tail(x, 2, b.s.m, b.s.flag ? b.s.m : p);
  ht_shape v = tail(x, 2, b.s.n, b.s.flag ? b.s.n : p);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, b.s.adjoint ? &u : &none));
  HT_TRY(ht_out(c, 2, c->in[0]->dtype, b.s.adjoint ? &v : &none));
  reads(&b, c->in[0]);
  writes(&b, &c->out[0]);
  if (b.s.adjoint) writes(&b, &c->out[1]);
  if (b.s.adjoint) writes(&b, &c->out[2]);
  return run_batch(c->run->pool, &b);
}

/* ---- backward */

/* Runs a gradient of input 0 and gives it. */
static ht_status give_first(ht_back *b, batch *w) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  writes(w, &g);
  ht_status st = run_batch(b->run->pool, w);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

/* The cotangent of output i, or zeros where none arrives. */
static ht_status arrived(ht_back *b, int i, ht_tensor *out) {
  if (b->dout[i].dense.dtype) {
    *out = ht_tensor_share(&b->dout[i].dense);
    return HT_SUCCESS;
  }
  return ht_back_zeros(b, b->out[i].dtype, &b->out[i].shape, out);
}

static ht_status from_output(ht_back *b, ht_lin_fn *fn) {
  batch w = batch_of(&b->in[0].shape, fn);
  w.s.adjoint = ht_attr_bool(b->attrs, "adjoint");
  reads(&w, &b->out[0]);
  reads(&w, &b->dout[0].dense);
  return give_first(b, &w);
}

static ht_status cholesky_gradient(ht_back *b) {
  return from_output(b, ht_lin_cholesky_back);
}
static ht_status inverse_gradient(ht_back *b) {
  return from_output(b, ht_lin_inverse_back);
}

static ht_status det_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, ht_lin_det_back);
  w.s.flag = true;
  reads(&w, &b->in[0]);
  reads(&w, &b->out[0]);
  reads(&w, &b->dout[0].dense);
  return give_first(b, &w);
}

/* The sign has no slope. */
static ht_status log_det_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, ht_lin_det_back);
  if (!b->dout[1].dense.dtype) return HT_SUCCESS;
  reads(&w, &b->in[0]);
  reads(&w, &b->dout[1].dense);
  return give_first(b, &w);
}

static ht_status solve_gradients(ht_back *b, ht_lin_fn *fn) {
  batch w = batch_of(&b->in[0].shape, fn);
  ht_tensor da = {0}, db = {0};
  w.s.k = b->in[1].shape.dim[b->in[1].shape.rank - 1];
  w.s.adjoint = ht_attr_bool(b->attrs, "adjoint");
  w.s.lower = ht_attr_bool(b->attrs, "lower");
  reads(&w, &b->in[0]);
  reads(&w, &b->out[0]);
  reads(&w, &b->dout[0].dense);
  ht_status st = ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &da);
  if (st.code == HT_OK)
    st = ht_back_new(b, b->in[1].dtype, &b->in[1].shape, &db);
  writes(&w, &da);
  writes(&w, &db);
  if (st.code == HT_OK) st = run_batch(b->run->pool, &w);
  if (st.code == HT_OK) st = ht_give(b, 0, &da);
  if (st.code == HT_OK) st = ht_give(b, 1, &db);
  ht_tensor_drop(&da);
  ht_tensor_drop(&db);
  return st;
}

static ht_status solve_gradient(ht_back *b) {
  return solve_gradients(b, ht_lin_solve_back);
}
static ht_status triangular_gradient(ht_back *b) {
  return solve_gradients(b, ht_lin_triangular_back);
}

static ht_status eigen_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, ht_lin_eigen_back);
  ht_tensor de, dv = {0};
  w.s.flag = ht_attr_bool(b->attrs, "compute_v");
  HT_TRY(arrived(b, 0, &de));
  ht_status st = w.s.flag ? arrived(b, 1, &dv) : HT_SUCCESS;
  if (st.code == HT_OK) {
    reads(&w, &b->in[0]);
    reads(&w, &b->out[0]);
    reads(&w, w.s.flag ? &b->out[1] : NULL);
    reads(&w, &de);
    reads(&w, w.s.flag ? &dv : NULL);
    st = give_first(b, &w);
  }
  ht_tensor_drop(&de);
  ht_tensor_drop(&dv);
  return st;
}

static ht_status qr_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, ht_lin_qr_back);
  ht_tensor dq, dr;
  if (w.s.m < w.s.n ||
      (w.s.m > w.s.n && ht_attr_bool(b->attrs, "full_matrices")))
    return ht_fail(HT_UNSUPPORTED,
                   "op 'Qr' has no gradient for wide matrices "
                   "or full factors");
  HT_TRY(arrived(b, 0, &dq));
  ht_status st = arrived(b, 1, &dr);
  if (st.code == HT_OK) {
    reads(&w, &b->out[0]);
    reads(&w, &b->out[1]);
    reads(&w, &dq);
    reads(&w, &dr);
    st = give_first(b, &w);
    ht_tensor_drop(&dr);
  }
  ht_tensor_drop(&dq);
  return st;
}

static ht_status svd_gradient(ht_back *b) {
  batch w = batch_of(&b->in[0].shape, ht_lin_svd_back);
  if (b->dout[1].dense.dtype || b->dout[2].dense.dtype)
    if (ht_attr_bool(b->attrs, "compute_uv"))
      return ht_fail(HT_UNSUPPORTED,
                     "op 'Svd' has a gradient of the values alone");
  if (!b->dout[0].dense.dtype) return HT_SUCCESS;
  reads(&w, &b->in[0]);
  reads(&w, &b->dout[0].dense);
  return give_first(b, &w);
}

#define SPD                                                              \
  "f[3,3]{4,1,0.5,1,3,0.25,0.5,0.25,2}; d[2,2,2]{2,0.5,0.5,1,5,9,-1,3};" \
  "f[1,1]{4}; f[0,0]; f[0,3,3]"
#define SQUARE                                                           \
  "f[3,3]; d[2,4,4]; f[2,1,2,2]{1,2,3,4,0,1,1,0}; f[1,1]{-2}; f[0,3,3];" \
  "d[3,3]{1e-3,0,2e-3,0,5e3,1,4,0,1}"
#define EACH(title, ins, outs, attributes, text, cases, fwd, back, kept) \
  {                                                                      \
    .name = title, .inputs = ins, .outputs = outs, .attrs = attributes,  \
    .doc = text, .samples = cases, .forward = fwd, .gradient = back,     \
    .keep = kept, .flags = HT_OP_IN_FLOAT                                \
  }

/* Vectors are known up to their sign, which libraries choose differently:
 * only values are compared (!outputs=1), and no gradient of vectors. */
const ht_op ht_ops_linalg[] = {
    EACH("Cholesky", "input:T", "output:T", "T:type",
         "The lower factor of positive definite matrices.", SPD,
         cholesky_forward, cholesky_gradient, HT_KEEP_OUT(0)),
    EACH("MatrixInverse", "input:T", "output:T", "adjoint:bool=false T:type",
         "The inverse of matrices.",
         SQUARE "; d[3,3] adjoint=true; f[2,2,2] adjoint=true", inverse_forward,
         inverse_gradient, HT_KEEP_OUT(0)),
    EACH("MatrixDeterminant", "input:T", "output:T", "T:type",
         "The determinant of matrices.", SQUARE "; d[0,0] !grad=0", det_forward,
         det_gradient, HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("LogMatrixDeterminant", "input:T", "sign:T log_abs_determinant:T",
         "T:type", "Sign and logarithm of the determinant of matrices.", SQUARE,
         log_det_forward, log_det_gradient, HT_KEEP_IN(0)),
    EACH("MatrixSolve", "matrix:T rhs:T", "output:T",
         "adjoint:bool=false T:type", "Solves systems of linear equations.",
         "f[3,3] f[3,2]; d[2,4,4] d[2,4,1]; d[3,3] d[3,2] adjoint=true;"
         "f[2,2] f[2,0] !grad=0; f[0,2,2] f[0,2,1]",
         solve_forward, solve_gradient, HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("MatrixTriangularSolve", "matrix:T rhs:T", "output:T",
         "lower:bool=true adjoint:bool=false T:type",
         "Solves systems of linear equations of triangular matrices.",
         "f[3,3](1,2) f[3,2]; d[2,4,4](1,2) d[2,4,1] lower=false;"
         "d[3,3](1,2) d[3,2] adjoint=true; f[3,3](1,2) f[3,2] lower=false "
         "adjoint=true; f[1,1]{2} f[1,3]",
         triangular_forward, triangular_gradient,
         HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("SelfAdjointEigV2", "input:T", "e:T v:T", "compute_v:bool=true T:type",
         "Eigenvalues and vectors of symmetric matrices.",
         "f[3,3]{4,1,0.5,1,3,0.25,0.5,0.25,2} compute_v=false !outputs=1;"
         "d[2,4,4] compute_v=false !outputs=1; f[3,3] !outputs=1 !grad=0;"
         "d[2,3,3] !outputs=1 !grad=0 !differences=1; f[1,1]{-3} "
         "compute_v=false !outputs=1",
         eigen_forward, eigen_gradient,
         HT_KEEP_IN(0) | HT_KEEP_OUT(0) | HT_KEEP_OUT(1)),
    EACH("Qr", "input:T", "q:T r:T", "full_matrices:bool=false T:type",
         "Orthogonal and triangular factors of matrices.",
         "f[3,3]; d[2,4,3]; d[5,2]; f[2,4] !grad=0;"
         "f[4,2] full_matrices=true !grad=0; d[3,3] full_matrices=true",
         qr_forward, qr_gradient, HT_KEEP_OUT(0) | HT_KEEP_OUT(1)),
    EACH("Svd", "input:T", "s:T u:T v:T",
         "compute_uv:bool=true full_matrices:bool=false T:type",
         "Singular values and vectors of matrices.",
         "f[3,3] compute_uv=false !outputs=1; d[2,4,3] compute_uv=false "
         "!outputs=1;"
         "d[2,5] compute_uv=false !outputs=1; f[3,2] !outputs=1 !grad=0;"
         "d[2,3] full_matrices=true !outputs=1 !grad=0",
         svd_forward, svd_gradient, HT_KEEP_IN(0)),
    {0},
};
