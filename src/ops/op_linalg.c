/*
 * op_linalg.c - factors of matrices and what is made of them: a step on one
 * matrix (linalg_steps.h), run for each of a batch.
 */
#include "ops/linalg_batch.h"

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

/* Outputs of shape s each: of a matrix, or of its numbers. */
static ht_status each_out(ht_call *c, const ht_lin_rule *rule,
                          const ht_shape *s) {
  ht_lin_batch b = ht_lin_batch_of(c->in[0], rule);
  b.s.adjoint = ht_attr_bool(c->attrs, "adjoint");
  ht_lin_reads(&b, c->in[0]);
  for (int i = 0; i < c->n_out; i++) {
    HT_TRY(ht_out(c, i, c->in[0]->dtype, s));
    ht_lin_writes(&b, &c->out[i]);
  }
  return ht_lin_run(c->run->pool, &b);
}

static ht_status matrix_out(ht_call *c, const ht_lin_rule *rule) {
  HT_TRY(ht_lin_check(c, true));
  return each_out(c, rule, &c->in[0]->shape);
}
static ht_status cholesky_forward(ht_call *c) {
  return matrix_out(c, &ht_lin_cholesky);
}
static ht_status inverse_forward(ht_call *c) {
  return matrix_out(c, &ht_lin_inverse);
}

static ht_status numbers_out(ht_call *c, const ht_lin_rule *rule) {
  HT_TRY(ht_lin_check(c, true));
  ht_shape s = ht_lin_tail(&c->in[0]->shape, 0, 0, 0);
  return each_out(c, rule, &s);
}
static ht_status det_forward(ht_call *c) { return numbers_out(c, &ht_lin_det); }
static ht_status log_det_forward(ht_call *c) {
  return numbers_out(c, &ht_lin_log_det);
}

/* Both batches become the one that b gets, of which `alike` ones are each. */
static ht_status join_batches(const ht_call *c, const ht_shape *x,
                              const ht_shape *y, bool alike, ht_lin_batch *b) {
  ht_shape own = b->lead, other = ht_lin_tail(y, 0, 0, 0);
  b->broadcast = true;
  bool fit = y->dim[y->rank - 2] == x->dim[x->rank - 1] &&
             (!alike || ht_shape_equal(&own, &other)) &&
             ht_shape_broadcast(&own, &other, &b->lead).code == HT_OK;
  return fit ? HT_SUCCESS
             : ht_fail(HT_USAGE, "op '%s': matrix and right side do not agree",
                       c->op->name);
}

static ht_status solve_out(ht_call *c, const ht_lin_rule *rule, bool alike) {
  HT_TRY(ht_lin_check(c, true));
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  HT_TRY(ht_need_min_rank(c, 1, 2));
  const ht_shape *x = &c->in[0]->shape, *y = &c->in[1]->shape;
  ht_lin_batch b = ht_lin_batch_of(c->in[0], rule);
  HT_TRY(join_batches(c, x, y, alike, &b));
  b.s.k = y->dim[y->rank - 1];
  b.s.adjoint = ht_attr_bool(c->attrs, "adjoint");
  b.s.lower = ht_attr_bool(c->attrs, "lower");
  ht_shape out = b.lead;
  out.rank += 2;
  out.dim[out.rank - 2] = b.s.n;
  out.dim[out.rank - 1] = b.s.k;
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &out));
  ht_lin_reads(&b, c->in[0]);
  ht_lin_reads(&b, c->in[1]);
  ht_lin_writes(&b, &c->out[0]);
  return ht_lin_run(c->run->pool, &b);
}

static ht_status solve_forward(ht_call *c) {
  return solve_out(c, &ht_lin_solve, true);
}
static ht_status triangular_forward(ht_call *c) {
  return solve_out(c, &ht_lin_triangular, false);
}

static ht_status eigen_forward(ht_call *c) {
  HT_TRY(ht_lin_check(c, true));
  ht_lin_batch b = ht_lin_batch_of(c->in[0], &ht_lin_eigen);
  ht_shape e = ht_lin_tail(&c->in[0]->shape, 1, b.s.n, 0), none = ht_shape_1(0);
  b.s.flag = ht_attr_bool(c->attrs, "compute_v");
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &e));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, b.s.flag ? &c->in[0]->shape : &none));
  ht_lin_reads(&b, c->in[0]);
  ht_lin_writes(&b, &c->out[0]);
  if (b.s.flag) ht_lin_writes(&b, &c->out[1]);
  return ht_lin_run(c->run->pool, &b);
}

static ht_status qr_forward(ht_call *c) {
  HT_TRY(ht_lin_check(c, false));
  ht_lin_batch b = ht_lin_batch_of(c->in[0], &ht_lin_qr);
  b.s.flag = ht_attr_bool(c->attrs, "full_matrices");
  int64_t cols = b.s.flag ? b.s.m : lesser(b.s.m, b.s.n);
  ht_shape q = ht_lin_tail(&c->in[0]->shape, 2, b.s.m, cols);
  ht_shape r = ht_lin_tail(&c->in[0]->shape, 2, cols, b.s.n);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &q));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, &r));
  ht_lin_reads(&b, c->in[0]);
  ht_lin_writes(&b, &c->out[0]);
  ht_lin_writes(&b, &c->out[1]);
  return ht_lin_run(c->run->pool, &b);
}

static ht_status svd_forward(ht_call *c) {
  HT_TRY(ht_lin_check(c, false));
  const ht_shape *x = &c->in[0]->shape;
  ht_lin_batch b = ht_lin_batch_of(c->in[0], &ht_lin_svd);
  int64_t p = lesser(b.s.m, b.s.n);
  b.s.adjoint = ht_attr_bool(c->attrs, "compute_uv");
  b.s.flag = ht_attr_bool(c->attrs, "full_matrices");
  ht_shape s = ht_lin_tail(x, 1, p, 0), none = ht_shape_1(0);
  ht_shape u = ht_lin_tail(x, 2, b.s.m, b.s.flag ? b.s.m : p);
  ht_shape v = ht_lin_tail(x, 2, b.s.n, b.s.flag ? b.s.n : p);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, b.s.adjoint ? &u : &none));
  HT_TRY(ht_out(c, 2, c->in[0]->dtype, b.s.adjoint ? &v : &none));
  ht_lin_reads(&b, c->in[0]);
  ht_lin_writes(&b, &c->out[0]);
  if (b.s.adjoint) ht_lin_writes(&b, &c->out[1]);
  if (b.s.adjoint) ht_lin_writes(&b, &c->out[2]);
  return ht_lin_run(c->run->pool, &b);
}

/* ---- backward */

static ht_status from_output(ht_back *b, const ht_lin_rule *rule) {
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], rule);
  w.s.adjoint = ht_attr_bool(b->attrs, "adjoint");
  ht_lin_reads(&w, &b->out[0]);
  ht_lin_reads(&w, &b->dout[0].dense);
  return ht_lin_give_first(b, &w);
}

static ht_status cholesky_gradient(ht_back *b) {
  return from_output(b, &ht_lin_cholesky_back);
}
static ht_status inverse_gradient(ht_back *b) {
  return from_output(b, &ht_lin_inverse_back);
}

static ht_status det_gradient(ht_back *b) {
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], &ht_lin_det_back);
  w.s.flag = true;
  ht_lin_reads(&w, &b->in[0]);
  ht_lin_reads(&w, &b->out[0]);
  ht_lin_reads(&w, &b->dout[0].dense);
  return ht_lin_give_first(b, &w);
}

/* The sign has no slope. */
static ht_status log_det_gradient(ht_back *b) {
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], &ht_lin_det_back);
  if (!b->dout[1].dense.dtype) return HT_SUCCESS;
  ht_lin_reads(&w, &b->in[0]);
  ht_lin_reads(&w, &b->dout[1].dense);
  return ht_lin_give_first(b, &w);
}

static ht_status solve_gradients(ht_back *b, const ht_lin_rule *rule) {
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], rule);
  ht_tensor da = {0}, db = {0};
  ht_shape matrix = b->out[0].shape;
  w.broadcast = true;
  w.lead = ht_lin_tail(&matrix, 0, 0, 0);
  w.s.k = matrix.dim[matrix.rank - 1];
  matrix.dim[matrix.rank - 1] = w.s.n;
  w.s.adjoint = ht_attr_bool(b->attrs, "adjoint");
  w.s.lower = ht_attr_bool(b->attrs, "lower");
  ht_lin_reads(&w, &b->in[0]);
  ht_lin_reads(&w, &b->out[0]);
  ht_lin_reads(&w, &b->dout[0].dense);
  ht_status st = ht_back_new(b, b->in[0].dtype, &matrix, &da);
  if (st.code == HT_OK)
    st = ht_back_new(b, b->in[1].dtype, &b->out[0].shape, &db);
  ht_lin_writes(&w, &da);
  ht_lin_writes(&w, &db);
  if (st.code == HT_OK) st = ht_lin_run(b->run->pool, &w);
  if (st.code == HT_OK) st = ht_give(b, 0, &da);
  if (st.code == HT_OK) st = ht_give(b, 1, &db);
  ht_tensor_drop(&da);
  ht_tensor_drop(&db);
  return st;
}

static ht_status solve_gradient(ht_back *b) {
  return solve_gradients(b, &ht_lin_solve_back);
}
static ht_status triangular_gradient(ht_back *b) {
  return solve_gradients(b, &ht_lin_triangular_back);
}

static ht_status eigen_gradient(ht_back *b) {
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], &ht_lin_eigen_back);
  return ht_lin_give_eigen(b, &w);
}

static ht_status qr_gradient(ht_back *b) {
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], &ht_lin_qr_back);
  ht_tensor dq, dr;
  if (w.s.m > w.s.n && ht_attr_bool(b->attrs, "full_matrices"))
    return ht_fail(HT_UNSUPPORTED, "op 'Qr' has no gradient for full factors");
  HT_TRY(ht_lin_arrived(b, 0, &dq));
  ht_status st = ht_lin_arrived(b, 1, &dr);
  if (st.code == HT_OK) {
    ht_lin_reads(&w, &b->out[0]);
    ht_lin_reads(&w, &b->out[1]);
    ht_lin_reads(&w, &dq);
    ht_lin_reads(&w, &dr);
    ht_lin_reads(&w, &b->in[0]);
    st = ht_lin_give_first(b, &w);
    ht_tensor_drop(&dr);
  }
  ht_tensor_drop(&dq);
  return st;
}

static ht_status svd_vectors_gradient(ht_back *b) {
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], &ht_lin_svd_vectors_back);
  ht_tensor d[3] = {{0}};
  int64_t off = w.s.m > w.s.n ? w.s.m - w.s.n : w.s.n - w.s.m;
  w.s.flag = ht_attr_bool(b->attrs, "full_matrices");
  if (w.s.flag && off > 1)
    return ht_fail(HT_UNSUPPORTED,
                   "op 'Svd' has a gradient of full vectors only where rows "
                   "and columns differ by one at most");
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < 3; i++) ht_lin_reads(&w, &b->out[i]);
  for (int i = 0; i < 3 && st.code == HT_OK; i++) {
    st = ht_lin_arrived(b, i, &d[i]);
    ht_lin_reads(&w, &d[i]);
  }
  if (st.code == HT_OK) st = ht_lin_give_first(b, &w);
  for (int i = 0; i < 3; i++) ht_tensor_drop(&d[i]);
  return st;
}

static ht_status svd_gradient(ht_back *b) {
  if (ht_attr_bool(b->attrs, "compute_uv")) return svd_vectors_gradient(b);
  ht_lin_batch w = ht_lin_batch_of(&b->in[0], &ht_lin_svd_back);
  if (!b->dout[0].dense.dtype) return HT_SUCCESS;
  ht_lin_reads(&w, &b->in[0]);
  ht_lin_reads(&w, &b->dout[0].dense);
  return ht_lin_give_first(b, &w);
}

#define SPD                                                              \
  "f[3,3]{4,1,0.5,1,3,0.25,0.5,0.25,2}; d[2,2,2]{2,0.5,0.5,1,5,9,-1,3};" \
  "f[1,1]{4}; f[0,0]; f[0,3,3];"                                         \
  "c[2,2]{2,0.5+1j,0.5-1j,3}; z[3,3]{4,9,9,1-1j,3,9,0.5j,0.25+0.5j,2};"  \
  "z[2,1,1]{4,9}; c[0,2,2]"
#define SQUARE                                                           \
  "f[3,3]; d[2,4,4]; f[2,1,2,2]{1,2,3,4,0,1,1,0}; f[1,1]{-2}; f[0,3,3];" \
  "d[3,3]{1e-3,0,2e-3,0,5e3,1,4,0,1}; c[3,3]; z[2,4,4]; z[1,1]{-2+1j};"  \
  "c[2,1,2,2]; c[0,3,3]"
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
         SQUARE "; d[3,3] adjoint=true; f[2,2,2] adjoint=true; z[3,3] "
                "adjoint=true; c[2,2,2] adjoint=true",
         inverse_forward, inverse_gradient, HT_KEEP_OUT(0)),
    EACH("MatrixDeterminant", "input:T", "output:T", "T:type",
         "The determinant of matrices.", SQUARE "; d[0,0] !grad=0", det_forward,
         det_gradient, HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("LogMatrixDeterminant", "input:T", "sign:T log_abs_determinant:T",
         "T:type", "Sign and logarithm of the determinant of matrices.", SQUARE,
         log_det_forward, log_det_gradient, HT_KEEP_IN(0)),
    EACH("MatrixSolve", "matrix:T rhs:T", "output:T",
         "adjoint:bool=false T:type", "Solves systems of linear equations.",
         "f[3,3] f[3,2]; d[2,4,4] d[2,4,1]; d[3,3] d[3,2] adjoint=true;"
         "f[2,2] f[2,0] !grad=0; f[0,2,2] f[0,2,1]; c[3,3] c[3,2];"
         "z[2,4,4] z[2,4,1]; z[3,3] z[3,2] adjoint=true;"
         "c[2,2,2] c[2,2,3] adjoint=true; c[0,2,2] c[0,2,1]",
         solve_forward, solve_gradient, HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("MatrixTriangularSolve", "matrix:T rhs:T", "output:T",
         "lower:bool=true adjoint:bool=false T:type",
         "Solves systems of linear equations of triangular matrices.",
         "f[3,3](1,2) f[3,2]; d[2,4,4](1,2) d[2,4,1] lower=false;"
         "d[3,3](1,2) d[3,2] adjoint=true; f[3,3](1,2) f[3,2] lower=false "
         "adjoint=true; f[1,1]{2} f[1,3]; d[1,3,3](1,2) d[4,3,2];"
         "d[2,1,3,3](1,2) d[3,3,1] adjoint=true; f[3,3](1,2) f[2,3,2];"
         "f[2,3,3](1,2) f[3,1]; c[3,3](1,2) c[3,2]; z[2,4,4](1,2) z[2,4,1] "
         "lower=false; z[3,3](1,2) z[3,2] adjoint=true; c[3,3](1,2) c[3,2] "
         "lower=false adjoint=true; z[1,3,3](1,2) z[4,3,2]; c[1,1]{2+1j} "
         "c[1,3]",
         triangular_forward, triangular_gradient,
         HT_KEEP_IN(0) | HT_KEEP_OUT(0)),
    EACH("SelfAdjointEigV2", "input:T", "e:T v:T", "compute_v:bool=true T:type",
         "Eigenvalues and vectors of symmetric matrices.",
         "f[3,3]{4,1,0.5,1,3,0.25,0.5,0.25,2} compute_v=false !outputs=1;"
         "d[2,4,4] compute_v=false !outputs=1; f[3,3] !outputs=1 !grad=0;"
         "d[2,3,3] !outputs=1 !grad=0 !differences=1; f[1,1]{-3} "
         "compute_v=false !outputs=1; c[3,3] compute_v=false !outputs=1;"
         "z[2,4,4] compute_v=false !outputs=1; z[3,3] !outputs=1 !grad=0;"
         "c[1,1]{-3+1j} compute_v=false !outputs=1; c[0,2,2] compute_v=false "
         "!outputs=1",
         eigen_forward, eigen_gradient,
         HT_KEEP_IN(0) | HT_KEEP_OUT(0) | HT_KEEP_OUT(1)),
    EACH("Qr", "input:T", "q:T r:T", "full_matrices:bool=false T:type",
         "Orthogonal and triangular factors of matrices.",
         "f[3,3]; d[2,4,3]; d[5,2]; f[2,4]; d[2,3,5]; f[4,2] "
         "full_matrices=true !grad=0; d[3,3] full_matrices=true; d[2,3] "
         "full_matrices=true; c[3,3]; z[2,4,3]; z[5,2]; c[2,4]; z[2,3,5];"
         "z[3,3] full_matrices=true; c[4,2] full_matrices=true !grad=0",
         qr_forward, qr_gradient,
         HT_KEEP_IN(0) | HT_KEEP_OUT(0) | HT_KEEP_OUT(1)),
    EACH(
        "Svd", "input:T", "s:T u:T v:T",
        "compute_uv:bool=true full_matrices:bool=false T:type",
        "Singular values and vectors of matrices.",
        "f[3,3] compute_uv=false !outputs=1; d[2,4,3] compute_uv=false "
        "!outputs=1;"
        "d[2,5] compute_uv=false !outputs=1; f[3,2] !outputs=1 !grad=0;"
        "d[3,3] !outputs=1 !grad=0 !differences=1; d[2,4,2] !outputs=1 !grad=0 "
        "!differences=1; d[2,5] !outputs=1 !grad=0 !differences=1; d[3,4] "
        "full_matrices=true !outputs=1 !grad=0 !differences=1; d[2,3,2] "
        "full_matrices=true !outputs=1 !grad=0 !differences=1;"
        "d[2,3] full_matrices=true !outputs=1 !grad=0; c[3,3] "
        "compute_uv=false !outputs=1; z[2,4,3] compute_uv=false !outputs=1;"
        "z[2,5] compute_uv=false !outputs=1; c[3,2] !outputs=1 !grad=0;"
        "z[2,3] full_matrices=true !outputs=1 !grad=0",
        svd_forward, svd_gradient, HT_KEEP_IN(0) | HT_KEEP_OUTS),
    {0},
};
