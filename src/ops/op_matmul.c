/* op_matmul.c - products of matrices and of batches of them. */
#include <string.h>

#include "kernels/matmul.h"
#include "ops/op.h"

/* ---- z = op(x) op(y) with numpy's broadcasting of the axes before the last
 * two */

typedef struct product {
  ht_gemm g;
  ht_batch batch;
  ht_shape out;
  bool conj_x, conj_y; /* of complex numbers */
} product;

static ht_status inner_differs(const ht_tensor *x, const ht_tensor *y) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  return ht_fail(HT_USAGE, "matrices of shapes %s and %s do not multiply",
                 ht_shape_text(&x->shape, a), ht_shape_text(&y->shape, b));
}

/* Steps of a batch axis d of the result, in matrices of t. */
static int64_t step_of(const ht_tensor *t, int rank, int d) {
  int own = d - (rank - t->shape.rank);
  if (own < 0 || t->shape.dim[own] == 1) return 0;
  int64_t step = 1;
  for (int i = own + 1; i < t->shape.rank; i++) step *= t->shape.dim[i];
  return step;
}

static ht_status plan_batch(const ht_tensor *x, const ht_tensor *y,
                            product *p) {
  ht_shape a = x->shape, b = y->shape;
  a.rank -= 2;
  b.rank -= 2;
  HT_TRY(ht_shape_broadcast(&a, &b, &p->out));
  if (p->out.rank + 2 > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "more than %d dimensions", HT_MAX_RANK);
  int rank = p->out.rank + 2;
  int64_t c = p->g.m * p->g.n;
  for (int d = p->out.rank - 1; d >= 0; d--) {
    p->batch.dim[d] = p->out.dim[d];
    p->batch.a_step[d] = step_of(x, rank, d);
    p->batch.b_step[d] = step_of(y, rank, d);
    p->batch.c_step[d] = c;
    c *= p->out.dim[d];
  }
  p->batch.rank = p->out.rank;
  return HT_SUCCESS;
}

/* One matrix y for all x: the rows of all x are those of one matrix. */
static void join_rows(const ht_tensor *x, const ht_tensor *y, product *p) {
  if (p->g.ta || y->shape.rank > 2 || x->shape.rank <= 2) return;
  for (int d = 0; d < p->batch.rank; d++) p->g.m *= p->batch.dim[d];
  p->batch.rank = 0;
}

static ht_status plan_product(const ht_tensor *x, bool tx, const ht_tensor *y,
                              bool ty, product *p) {
  memset(p, 0, sizeof *p);
  const int64_t *a = x->shape.dim + x->shape.rank - 2;
  const int64_t *b = y->shape.dim + y->shape.rank - 2;
  p->g = (ht_gemm){.ta = tx,
                   .tb = ty,
                   .m = a[tx],
                   .n = b[!ty],
                   .k = a[!tx],
                   .lda = a[1],
                   .ldb = b[1],
                   .ldc = b[!ty]};
  if (b[ty] != p->g.k) return inner_differs(x, y);
  int64_t rows = p->g.m;
  HT_TRY(plan_batch(x, y, p));
  join_rows(x, y, p);
  p->out.dim[p->out.rank++] = rows;
  p->out.dim[p->out.rank++] = p->g.n;
  return HT_SUCCESS;
}

/* Integers have no library: plain loops, which the compiler widens. */
#define INT_PRODUCT(T, name)                                         \
  static void name(const ht_gemm *g, const T *a, const T *b, T *c) { \
    memset(c, 0, (size_t)(g->m * g->n) * sizeof *c);                 \
    for (int64_t i = 0; i < g->m; i++)                               \
      for (int64_t p = 0; p < g->k; p++) {                           \
        T x = g->ta ? a[p * g->lda + i] : a[i * g->lda + p];         \
        for (int64_t j = 0; j < g->n; j++)                           \
          c[i * g->n + j] +=                                         \
              x * (g->tb ? b[j * g->ldb + p] : b[p * g->ldb + j]);   \
      }                                                              \
  }
INT_PRODUCT(uint32_t, product_32)
INT_PRODUCT(uint64_t, product_64)

static void multiply_ints(const product *p, const ht_tensor *x,
                          const ht_tensor *y, ht_tensor *z) {
  int64_t n = 1;
  for (int d = 0; d < p->batch.rank; d++) n *= p->batch.dim[d];
  for (int64_t i = 0; i < n; i++) {
    int64_t a = 0, b = 0, k = i;
    for (int d = p->batch.rank - 1; d >= 0; k /= p->batch.dim[d], d--) {
      a += k % p->batch.dim[d] * p->batch.a_step[d];
      b += k % p->batch.dim[d] * p->batch.b_step[d];
    }
    int64_t c = i * p->g.m * p->g.n;
    if (x->dtype == HT_INT32)
      product_32(&p->g, HT_DATA(uint32_t, x) + a, HT_DATA(uint32_t, y) + b,
                 HT_DATA(uint32_t, z) + c);
    else
      product_64(&p->g, HT_DATA(uint64_t, x) + a, HT_DATA(uint64_t, y) + b,
                 HT_DATA(uint64_t, z) + c);
  }
}

static void multiply_reals(const product *p, bool add, const ht_tensor *x,
                           const ht_tensor *y, ht_tensor *z) {
  ht_gemm g = p->g;
  g.add = add;
  if (p->batch.rank)
    ht_batch_matmul(x->dtype, &p->batch, &g, x->data, y->data, z->data);
  else
    ht_matmul(x->dtype, &g, x->data, y->data, z->data);
}

/* ---- complex numbers: four products of their parts */

enum { X_RE, X_IM, Y_RE, Y_IM, Y_NEG, Z_RE, Z_IM, PLANES };

static bool is_complex(ht_dtype t) {
  return t == HT_COMPLEX64 || t == HT_COMPLEX128;
}

/* Part k of complex numbers, times `sign`. */
static void take_part(const ht_tensor *from, int k, float sign, ht_tensor *to) {
  for (int64_t i = 0; i < ht_count(to); i++)
    if (to->dtype == HT_FLOAT)
      ht_f(to)[i] = sign * HT_DATA(float, from)[2 * i + k];
    else
      HT_DATA(double, to)[i] = (double)sign * HT_DATA(double, from)[2 * i + k];
}

static void put_part(const ht_tensor *from, int k, ht_tensor *to) {
  for (int64_t i = 0; i < ht_count(from); i++)
    if (from->dtype == HT_FLOAT)
      HT_DATA(float, to)[2 * i + k] = ht_f(from)[i];
    else
      HT_DATA(double, to)[2 * i + k] = HT_DATA(double, from)[i];
}

static void multiply_planes(const product *p, const ht_tensor *x,
                            const ht_tensor *y, ht_tensor *v, ht_tensor *z) {
  float sx = p->conj_x ? -1 : 1, sy = p->conj_y ? -1 : 1;
  take_part(x, 0, 1, &v[X_RE]);
  take_part(x, 1, sx, &v[X_IM]);
  take_part(y, 0, 1, &v[Y_RE]);
  take_part(y, 1, sy, &v[Y_IM]);
  take_part(y, 1, -sy, &v[Y_NEG]);
  multiply_reals(p, false, &v[X_RE], &v[Y_RE], &v[Z_RE]);
  multiply_reals(p, true, &v[X_IM], &v[Y_NEG], &v[Z_RE]);
  multiply_reals(p, false, &v[X_RE], &v[Y_IM], &v[Z_IM]);
  multiply_reals(p, true, &v[X_IM], &v[Y_RE], &v[Z_IM]);
  put_part(&v[Z_RE], 0, z);
  put_part(&v[Z_IM], 1, z);
}

static ht_status multiply_complex(ht_pool *pool, const product *p,
                                  const ht_tensor *x, const ht_tensor *y,
                                  ht_tensor *z) {
  ht_tensor v[PLANES] = {{0}};
  ht_dtype t = x->dtype == HT_COMPLEX64 ? HT_FLOAT : HT_DOUBLE;
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < PLANES && st.code == HT_OK; i++) {
    const ht_tensor *like = i < Y_RE ? x : i < Z_RE ? y : z;
    st = ht_tensor_new(pool, t, &like->shape, &v[i]);
  }
  if (st.code == HT_OK) multiply_planes(p, x, y, v, z);
  for (int i = 0; i < PLANES; i++) ht_tensor_drop(&v[i]);
  return st;
}

static ht_status multiply(ht_pool *pool, const product *p, const ht_tensor *x,
                          const ht_tensor *y, ht_tensor *z) {
  if (!ht_count(z)) return HT_SUCCESS;
  if (is_complex(x->dtype)) return multiply_complex(pool, p, x, y, z);
  if (ht_dtype_integer(x->dtype))
    multiply_ints(p, x, y, z);
  else
    multiply_reals(p, false, x, y, z);
  return HT_SUCCESS;
}

/* adjoint: what is transposed is conjugated, too. */
static ht_status forward(ht_call *c, bool tx, bool ty, bool adjoint) {
  const ht_tensor *x = c->in[0], *y = c->in[1];
  ht_dtype t = x->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT32 && t != HT_INT64 &&
      !is_complex(t))
    return ht_no_dtype(c, t);
  HT_TRY(ht_need_dtype(c, 1, t));
  product p;
  HT_TRY(plan_product(x, tx, y, ty, &p));
  p.conj_x = adjoint && tx;
  p.conj_y = adjoint && ty;
  HT_TRY(ht_out(c, 0, t, &p.out));
  return multiply(c->run->pool, &p, x, y, &c->out[0]);
}

/* ---- gradients */

/* Axes of t before the last two joined into the rows. */
static ht_tensor flat(const ht_tensor *t) {
  ht_tensor f = *t;
  int64_t cols = t->shape.dim[t->shape.rank - 1], rows = 1;
  for (int i = 0; i < t->shape.rank - 1; i++) rows *= t->shape.dim[i];
  f.shape = ht_shape_2(rows, cols);
  return f;
}

/* A factor of a gradient: what arrived, or the other operand. */
typedef struct factor {
  const ht_tensor *t;
  bool transposed, operand;
} factor;

/* Complex operands are conjugated; where the op conjugates what it transposes,
 * that is so for whatever is transposed. */
static ht_status give_product(ht_back *b, int i, bool adjoint, factor x,
                              factor y) {
  product p;
  ht_tensor g, *sum = NULL;
  HT_TRY(plan_product(x.t, x.transposed, y.t, y.transposed, &p));
  if (!is_complex(x.t->dtype)) HT_TRY(ht_back_sum(b, i, &p.out, &sum));
  if (sum) {
    multiply_reals(&p, true, x.t, y.t, sum);
    return HT_SUCCESS;
  }
  p.conj_x = adjoint ? x.transposed : x.operand;
  p.conj_y = adjoint ? y.transposed : y.operand;
  HT_TRY(ht_back_new(b, x.t->dtype, &p.out, &g));
  ht_status st = multiply(b->run->pool, &p, x.t, y.t, &g);
  if (st.code == HT_OK) return ht_give(b, i, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status give_left(ht_back *b, const ht_tensor *d, bool tx, bool ty,
                           bool adjoint) {
  const ht_tensor *y = &b->in[1];
  if (tx)
    return give_product(b, 0, adjoint, (factor){y, ty, true},
                        (factor){d, true, false});
  return give_product(b, 0, adjoint, (factor){d, false, false},
                      (factor){y, !ty, true});
}

/* A matrix y that many x share: one product over all rows, and no sum
 * afterwards. */
static ht_status give_right(ht_back *b, const ht_tensor *d, bool tx, bool ty,
                            bool adjoint) {
  ht_tensor x = b->in[0], dy = *d;
  if (!tx && b->in[1].shape.rank == 2) x = flat(&x), dy = flat(d);
  if (ty)
    return give_product(b, 1, adjoint, (factor){&dy, true, false},
                        (factor){&x, tx, true});
  return give_product(b, 1, adjoint, (factor){&x, !tx, true},
                      (factor){&dy, false, false});
}

static ht_status back(ht_back *b, bool tx, bool ty, bool adjoint) {
  const ht_tensor *d = &b->dout[0].dense;
  if (ht_wants(b, 0)) HT_TRY(give_left(b, d, tx, ty, adjoint));
  if (ht_wants(b, 1)) HT_TRY(give_right(b, d, tx, ty, adjoint));
  return HT_SUCCESS;
}

/* A multiply and an add for each element of the product and of the inner
 * axis. */
static double flops(const ht_attrs *attrs, const ht_tensor *in,
                    const ht_tensor *out) {
  bool turned =
      ht_attr_bool(attrs, "transpose_a") || ht_attr_bool(attrs, "adj_x");
  const ht_shape *a = &in[0].shape;
  int64_t inner = a->rank < 2 ? 1 : a->dim[a->rank - (turned ? 2 : 1)];
  return 2 * (double)ht_count(out) * (double)inner;
}

/* ---- the ops */

static ht_status matmul_forward(ht_call *c) {
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_rank(c, 1, 2));
  return forward(c, ht_attr_bool(c->attrs, "transpose_a"),
                 ht_attr_bool(c->attrs, "transpose_b"), false);
}

static ht_status matmul_back(ht_back *b) {
  return back(b, ht_attr_bool(b->attrs, "transpose_a"),
              ht_attr_bool(b->attrs, "transpose_b"), false);
}

static ht_status batch_forward(ht_call *c) {
  HT_TRY(ht_need_min_rank(c, 0, 2));
  HT_TRY(ht_need_min_rank(c, 1, 2));
  return forward(c, ht_attr_bool(c->attrs, "adj_x"),
                 ht_attr_bool(c->attrs, "adj_y"), true);
}

static ht_status batch_back(ht_back *b) {
  return back(b, ht_attr_bool(b->attrs, "adj_x"),
              ht_attr_bool(b->attrs, "adj_y"), true);
}

#define BATCH_ATTRS \
  "adj_x:bool=false adj_y:bool=false grad_x:bool=false grad_y:bool=false"

const ht_op ht_ops_matmul[] = {
    {
        .name = "SparseMatMul",
        .inputs = "a:Ta b:Tb",
        .outputs = "product:float",
        .attrs = "transpose_a:bool=false transpose_b:bool=false "
                 "a_is_sparse:bool=false b_is_sparse:bool=false "
                 "Ta:type=float Tb:type=float",
        .doc = "Multiplies two matrices that may hold many zeros.",
        .samples = "f[2,3] f[3,4] a_is_sparse=true; "
                   "f[3,2]{0,1,0,0,2,-3} f[3,4] transpose_a=true "
                   "a_is_sparse=true; f[2,3] f[4,3] transpose_b=true "
                   "b_is_sparse=true; f[3,2] f[4,3] transpose_a=true "
                   "transpose_b=true; g[2,3] f[3,4]; g[2,3] g[3,4]",
        .forward = matmul_forward,
        .gradient = matmul_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "MatMul",
        .inputs = "a:T b:T",
        .outputs = "product:T",
        .attrs = "transpose_a:bool=false transpose_b:bool=false T:type "
                 "grad_a:bool=false grad_b:bool=false",
        .doc = "Multiplies two matrices, either of them transposed.",
        .samples = "f[2,3] f[3,4]; f[3,2] f[3,4] transpose_a=true;"
                   "f[2,3] f[4,3] transpose_b=true;"
                   "f[3,2] f[4,3] transpose_a=true transpose_b=true;"
                   "d[5,7] d[7,1]; d[3,2] d[4,3] transpose_a=true "
                   "transpose_b=true; f[0,3] f[3,2]; f[2,0] f[0,3];"
                   "i[2,3] i[3,2]; l[3,2] l[3,2] transpose_b=true;"
                   "f[1,3]{inf,1,2} f[3,2]; f[32,128] f[128,7];"
                   "c[2,3] c[3,4]; c[3,2] c[4,3] transpose_a=true "
                   "transpose_b=true; z[3,2] z[3,4] transpose_a=true;"
                   "h[2,3] h[3,4]; g[5,2] g[5,3] transpose_a=true; "
                   "h[0,3] h[3,1]",
        .forward = matmul_forward,
        .gradient = matmul_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flops,
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG,
    },
    {
        .name = "BatchMatMul",
        .inputs = "x:T y:T",
        .outputs = "output:T",
        .attrs = "T:type " BATCH_ATTRS,
        .doc = "Multiplies matrices pairwise along the leading axes.",
        .samples = "f[2,3,4] f[2,4,5]; f[2,2,4,3] f[2,2,4,5] adj_x=true;"
                   "d[2,3,4] d[2,5,4] adj_y=true; f[3,4] f[4,2];"
                   "f[0,3,4] f[0,4,2]",
        .forward = batch_forward,
        .gradient = batch_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flops,
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG,
    },
    {
        .name = "BatchMatMulV2",
        .inputs = "x:T y:T",
        .outputs = "output:T",
        .attrs = "T:type " BATCH_ATTRS,
        .doc = "Multiplies matrices pairwise; leading axes broadcast.",
        .samples = "f[2,3,4] f[4,5]; f[3,4] f[2,4,5]; f[2,1,3,4] f[3,4,2];"
                   "f[2,2,4,3] f[1,2,5,4] adj_x=true adj_y=true;"
                   "d[2,3,4] d[5,4] adj_y=true; f[2,3] f[3,2];"
                   "f[2,4,3] f[4,5] adj_x=true; f[2,3,0] f[0,2];"
                   "i[2,2,3] i[3,2]; f[5,1,2,3] f[1,4,3,2];"
                   "c[2,3,4] c[4,5]; c[2,4,3] c[5,4] adj_x=true adj_y=true;"
                   "z[2,4,3] z[2,4,5] adj_x=true; h[2,3,4] h[4,5];"
                   "g[2,3,4] g[2,5,4] adj_y=true; e[2,3] e[3,2]",
        .forward = batch_forward,
        .gradient = batch_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flops,
        .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG,
    },
    {
        .name = "BatchMatMulV3",
        .inputs = "x:Ta y:Tb",
        .outputs = "output:Tout",
        .attrs = "Ta:type Tb:type Tout:type " BATCH_ATTRS,
        .doc = "Multiplies matrices pairwise; the types may differ.",
        .samples = "f[2,3,4] f[4,5] Tout=float; f[2,4,3] f[2,4,5] adj_x=true "
                   "Tout=float; d[3,4] d[2,5,4] adj_y=true Tout=double",
        .forward = batch_forward,
        .gradient = batch_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flops,
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};
