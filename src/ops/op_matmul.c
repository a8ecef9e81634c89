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

static void multiply(const product *p, const ht_tensor *x, const ht_tensor *y,
                     ht_tensor *z) {
  if (ht_dtype_integer(x->dtype))
    multiply_ints(p, x, y, z);
  else if (p->batch.rank)
    ht_batch_matmul(x->dtype, &p->batch, &p->g, x->data, y->data, z->data);
  else
    ht_matmul(x->dtype, &p->g, x->data, y->data, z->data);
}

static ht_status forward(ht_call *c, bool tx, bool ty) {
  const ht_tensor *x = c->in[0], *y = c->in[1];
  ht_dtype t = x->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT32 && t != HT_INT64)
    return ht_no_dtype(c, t);
  HT_TRY(ht_need_dtype(c, 1, t));
  product p;
  HT_TRY(plan_product(x, tx, y, ty, &p));
  HT_TRY(ht_out(c, 0, t, &p.out));
  if (ht_count(&c->out[0])) multiply(&p, x, y, &c->out[0]);
  return HT_SUCCESS;
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

static ht_status give_product(ht_back *b, int i, const ht_tensor *x, bool tx,
                              const ht_tensor *y, bool ty) {
  product p;
  ht_tensor g;
  HT_TRY(plan_product(x, tx, y, ty, &p));
  HT_TRY(ht_back_new(b, x->dtype, &p.out, &g));
  if (ht_count(&g)) multiply(&p, x, y, &g);
  return ht_give(b, i, &g);
}

static ht_status give_left(ht_back *b, const ht_tensor *d, bool tx, bool ty) {
  const ht_tensor *y = &b->in[1];
  return tx ? give_product(b, 0, y, ty, d, true)
            : give_product(b, 0, d, false, y, !ty);
}

/* A matrix y that many x share: one product over all rows, and no sum
 * afterwards. */
static ht_status give_right(ht_back *b, const ht_tensor *d, bool tx, bool ty) {
  ht_tensor x = b->in[0], dy = *d;
  if (!tx && b->in[1].shape.rank == 2) x = flat(&x), dy = flat(d);
  return ty ? give_product(b, 1, &dy, true, &x, tx)
            : give_product(b, 1, &x, !tx, &dy, false);
}

static ht_status back(ht_back *b, bool tx, bool ty) {
  const ht_tensor *d = &b->dout[0].dense;
  if (ht_wants(b, 0)) HT_TRY(give_left(b, d, tx, ty));
  if (ht_wants(b, 1)) HT_TRY(give_right(b, d, tx, ty));
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
                 ht_attr_bool(c->attrs, "transpose_b"));
}

static ht_status matmul_back(ht_back *b) {
  return back(b, ht_attr_bool(b->attrs, "transpose_a"),
              ht_attr_bool(b->attrs, "transpose_b"));
}

static ht_status batch_forward(ht_call *c) {
  HT_TRY(ht_need_min_rank(c, 0, 2));
  HT_TRY(ht_need_min_rank(c, 1, 2));
  return forward(c, ht_attr_bool(c->attrs, "adj_x"),
                 ht_attr_bool(c->attrs, "adj_y"));
}

static ht_status batch_back(ht_back *b) {
  return back(b, ht_attr_bool(b->attrs, "adj_x"),
              ht_attr_bool(b->attrs, "adj_y"));
}

#define BATCH_ATTRS \
  "adj_x:bool=false adj_y:bool=false grad_x:bool=false grad_y:bool=false"

const ht_op ht_ops_matmul[] = {
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
                   "f[1,3]{inf,1,2} f[3,2]; f[32,128] f[128,7]",
        .forward = matmul_forward,
        .gradient = matmul_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flops,
        .flags = HT_OP_IN_FLOAT,
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
        .flags = HT_OP_IN_FLOAT,
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
                   "i[2,2,3] i[3,2]; f[5,1,2,3] f[1,4,3,2]",
        .forward = batch_forward,
        .gradient = batch_back,
        .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1),
        .flops = flops,
        .flags = HT_OP_IN_FLOAT,
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
