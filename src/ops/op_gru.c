/*
 * op_gru.c - a step of a gated recurrent unit as one op (Cho et al. 2014;
 * core/kernels/rnn/gru_ops.h of TensorFlow states the form of the gates).
 */
#include <string.h>

#include "kernels/approx.h"
#include "kernels/matmul.h"
#include "kernels/real.h"
#include "ops/op.h"

/*
 * r, u = sigmoid([x, h] w_ru + b_ru); c = tanh([x, r h] w_c + b_c);
 * h' = u h + (1 - u) c.
 */
typedef struct gru {
  int64_t batch, width, cells;
  const ht_tensor *x, *h, *w_ru, *w_c, *b_ru, *b_c;
} gru;

static bool shaped(const ht_tensor *t, int rank, int64_t a, int64_t b) {
  return t->dtype == HT_FLOAT && t->shape.rank == rank &&
         t->shape.dim[0] == a && (rank < 2 || t->shape.dim[1] == b);
}

/* in: x, h_prev, w_ru, w_c, b_ru, b_c. */
static ht_status gru_read(const ht_op *op, const ht_tensor *const *in, gru *g) {
  if (in[0]->dtype != HT_FLOAT)
    return ht_fail(HT_UNSUPPORTED, "op '%s' does not support dtype '%s'",
                   op->name, ht_dtype_name(in[0]->dtype));
  if (in[0]->shape.rank != 2 || in[1]->shape.rank != 2)
    return ht_fail(HT_USAGE, "op '%s': x and h_prev must have rank 2",
                   op->name);
  int64_t b = in[0]->shape.dim[0], w = in[0]->shape.dim[1];
  int64_t n = in[1]->shape.dim[1];
  *g = (gru){b, w, n, in[0], in[1], in[2], in[3], in[4], in[5]};
  if (shaped(g->h, 2, b, n) && shaped(g->w_ru, 2, w + n, 2 * n) &&
      shaped(g->w_c, 2, w + n, n) && shaped(g->b_ru, 1, 2 * n, 0) &&
      shaped(g->b_c, 1, n, 0))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': shapes of states and weights do not fit",
                 op->name);
}

/* y = x w[0:width] + h w[width:], w with n columns. */
static void project(const gru *g, const float *h, const ht_tensor *w,
                    float *y) {
  int64_t n = w->shape.dim[1];
  ht_gemm p = {.m = g->batch,
               .n = n,
               .k = g->width,
               .lda = g->width,
               .ldb = n,
               .ldc = n};
  ht_matmul(HT_FLOAT, &p, ht_f(g->x), ht_f(w), y);
  p.add = true;
  p.k = p.lda = g->cells;
  ht_matmul(HT_FLOAT, &p, h, ht_f(w) + g->width * n, y);
}

/* r, u and r h, from both gates' sums. */
HT_WIDE static void gates(const gru *g, const float *both, float *r, float *u,
                          float *rh) {
  int64_t n = g->cells;
  const float *h = ht_f(g->h), *b = ht_f(g->b_ru);
  for (int64_t i = 0; i < g->batch; i++)
    for (int64_t j = 0; j < n; j++) {
      int64_t k = i * n + j;
      r[k] = ht_sigmoid_f(both[2 * i * n + j] + b[j]);
      u[k] = ht_sigmoid_f(both[(2 * i + 1) * n + j] + b[n + j]);
      rh[k] = r[k] * h[k];
    }
}

HT_WIDE static void blend(const gru *g, const float *u, float *c, float *y) {
  const float *h = ht_f(g->h), *b = ht_f(g->b_c);
  for (int64_t i = 0; i < g->batch; i++)
    for (int64_t j = 0; j < g->cells; j++) {
      int64_t k = i * g->cells + j;
      c[k] = ht_tanh_f(c[k] + b[j]);
      y[k] = u[k] * (h[k] - c[k]) + c[k];
    }
}

static ht_status gru_forward(ht_call *c) {
  gru g;
  ht_tensor room[2];
  HT_TRY(gru_read(c->op, c->in, &g));
  for (int i = 0; i < 4; i++) HT_TRY(ht_out_like(c, i, 1));
  ht_shape wide = ht_shape_2(g.batch, 2 * g.cells);
  HT_TRY(ht_tensor_new(c->run->pool, HT_FLOAT, &wide, &room[0]));
  HT_TRY(ht_tensor_new(c->run->pool, HT_FLOAT, &g.h->shape, &room[1]));
  float *u = ht_f(&c->out[1]), *candidate = ht_f(&c->out[2]);
  project(&g, ht_f(g.h), g.w_ru, ht_f(&room[0]));
  gates(&g, ht_f(&room[0]), ht_f(&c->out[0]), u, ht_f(&room[1]));
  project(&g, ht_f(&room[1]), g.w_c, candidate);
  blend(&g, u, candidate, ht_f(&c->out[3]));
  for (int i = 0; i < 2; i++) ht_tensor_drop(&room[i]);
  return HT_SUCCESS;
}

/* ---- the gradient: d_x, d_h_prev, d_c_bar, d_r_bar_u_bar, as the op has
 * them; _bar: before the activation */

typedef struct gru_down {
  ht_tensor dx, dh, dc, dru;
  const float *r, *u, *c, *dy;
} gru_down;

static void down_drop(gru_down *d) {
  ht_tensor_drop(&d->dx);
  ht_tensor_drop(&d->dh);
  ht_tensor_drop(&d->dc);
  ht_tensor_drop(&d->dru);
}

/* d_c_bar and the half of d_r_bar_u_bar that is u's. */
static void down_blend(const gru *g, const gru_down *d) {
  int64_t n = g->cells;
  const float *h = ht_f(g->h);
  float *dc = ht_f(&d->dc), *dru = ht_f(&d->dru);
  for (int64_t k = 0; k < g->batch * n; k++) {
    float u = d->u[k], c = d->c[k];
    dc[k] = d->dy[k] * (1 - u) * (1 - c * c);
    dru[k + (k / n + 1) * n] = d->dy[k] * (h[k] - c) * u * (1 - u);
  }
}

/* drh is the gradient of r h; dh begins with what does not pass the gates. */
static void down_gates(const gru *g, const gru_down *d, const float *drh) {
  int64_t n = g->cells;
  const float *h = ht_f(g->h);
  float *dh = ht_f(&d->dh), *dru = ht_f(&d->dru);
  for (int64_t k = 0; k < g->batch * n; k++) {
    float r = d->r[k];
    dru[k + k / n * n] = drh[k] * h[k] * r * (1 - r);
    dh[k] = drh[k] * r + d->dy[k] * d->u[k];
  }
}

/* dx and dh += dy w^T, its columns of x and of h. */
static void unproject(const gru *g, const float *dy, const ht_tensor *w,
                      bool add_x, float *dx, bool add_h, float *dh) {
  int64_t n = w->shape.dim[1];
  ht_gemm p = {.tb = true,
               .add = add_x,
               .m = g->batch,
               .n = g->width,
               .k = n,
               .lda = n,
               .ldb = n,
               .ldc = g->width};
  ht_matmul(HT_FLOAT, &p, dy, ht_f(w), dx);
  p.add = add_h;
  p.n = p.ldc = g->cells;
  ht_matmul(HT_FLOAT, &p, dy, ht_f(w) + g->width * n, dh);
}

static ht_status gru_down_run(ht_pool *pool, const gru *g, gru_down *d) {
  ht_tensor drh;
  ht_shape wide = ht_shape_2(g->batch, 2 * g->cells);
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &g->x->shape, &d->dx));
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &g->h->shape, &d->dh));
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &g->h->shape, &d->dc));
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &wide, &d->dru));
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &g->h->shape, &drh));
  float *dx = ht_f(&d->dx);
  down_blend(g, d);
  unproject(g, ht_f(&d->dc), g->w_c, false, dx, false, ht_f(&drh));
  down_gates(g, d, ht_f(&drh));
  unproject(g, ht_f(&d->dru), g->w_ru, true, dx, true, ht_f(&d->dh));
  ht_tensor_drop(&drh);
  return HT_SUCCESS;
}

static ht_status grad_forward(ht_call *c) {
  gru g;
  gru_down d = {0};
  HT_TRY(gru_read(c->op, c->in, &g));
  for (int i = 6; i < 10; i++) {
    HT_TRY(ht_need_dtype(c, i, HT_FLOAT));
    HT_TRY(ht_need_same_shape(c, i, 1));
  }
  d.r = ht_f(c->in[6]), d.u = ht_f(c->in[7]), d.c = ht_f(c->in[8]);
  d.dy = ht_f(c->in[9]);
  ht_status st = gru_down_run(c->run->pool, &g, &d);
  if (st.code != HT_OK) {
    down_drop(&d);
    return st;
  }
  c->out[0] = d.dx, c->out[1] = d.dh, c->out[2] = d.dc, c->out[3] = d.dru;
  return HT_SUCCESS;
}

/* ---- of the op: also weights, which TensorFlow leaves to its caller */

/* dw = [x, h]^T dy, db = the sum of dy. */
static ht_status give_weights(ht_back *b, const gru *g, const float *h,
                              const ht_tensor *dy, int w, int bias) {
  ht_tensor dw, db;
  int64_t n = dy->shape.dim[1];
  ht_gemm p = {.ta = true,
               .m = g->width,
               .n = n,
               .k = g->batch,
               .lda = g->width,
               .ldb = n,
               .ldc = n};
  HT_TRY(ht_back_new(b, HT_FLOAT, &b->in[w].shape, &dw));
  ht_matmul(HT_FLOAT, &p, ht_f(g->x), ht_f(dy), ht_f(&dw));
  p.m = p.lda = g->cells;
  ht_matmul(HT_FLOAT, &p, h, ht_f(dy), ht_f(&dw) + g->width * n);
  HT_TRY(ht_give(b, w, &dw));
  HT_TRY(ht_back_zeros(b, HT_FLOAT, &b->in[bias].shape, &db));
  for (int64_t i = 0; i < ht_count(dy); i++) ht_f(&db)[i % n] += ht_f(dy)[i];
  return ht_give(b, bias, &db);
}

static ht_status give_all(ht_back *b, const gru *g, gru_down *d) {
  ht_tensor rh;
  HT_TRY(give_weights(b, g, ht_f(g->h), &d->dru, 2, 4));
  HT_TRY(ht_back_new(b, HT_FLOAT, &g->h->shape, &rh));
  for (int64_t k = 0; k < ht_count(&rh); k++)
    ht_f(&rh)[k] = d->r[k] * ht_f(g->h)[k];
  ht_status st = give_weights(b, g, ht_f(&rh), &d->dc, 3, 5);
  ht_tensor_drop(&rh);
  for (int i = 0; i < 2 && st.code == HT_OK; i++) {
    ht_tensor *t = i ? &d->dh : &d->dx;
    st = ht_give(b, i, t);
    *t = (ht_tensor){0};
  }
  return st;
}

static ht_status gru_back(ht_back *b) {
  gru g;
  gru_down d = {0};
  const ht_tensor *in[6];
  if (!b->dout[3].dense.dtype) return HT_SUCCESS;
  for (int i = 0; i < 6; i++) in[i] = &b->in[i];
  HT_TRY(gru_read(b->op, in, &g));
  d.r = ht_f(&b->out[0]), d.u = ht_f(&b->out[1]), d.c = ht_f(&b->out[2]);
  d.dy = ht_f(&b->dout[3].dense);
  ht_status st = gru_down_run(b->run->pool, &g, &d);
  if (st.code == HT_OK) st = give_all(b, &g, &d);
  down_drop(&d);
  return st;
}

#define INPUTS "x:T h_prev:T w_ru:T w_c:T b_ru:T b_c:T"
#define CELLS "f[2,3] f[2,4] f[7,8] f[7,4] f[8] f[4]"

const ht_op ht_ops_gru[] = {
    {
        .name = "GRUBlockCell",
        .inputs = INPUTS,
        .outputs = "r:T u:T c:T h:T",
        .attrs = "T:type",
        .doc = "One step of a GRU.",
        .samples = CELLS "; f[5,1] f[5,3] f[4,6] f[4,3] f[6] f[3]; "
                         "f[0,3] f[0,4] f[7,8] f[7,4] f[8] f[4]",
        .forward = gru_forward,
        .gradient = gru_back,
        .keep = HT_KEEP_INS | HT_KEEP_OUTS,
    },
    {
        .name = "GRUBlockCellGrad",
        .inputs = INPUTS " r:T u:T c:T d_h:T",
        .outputs = "d_x:T d_h_prev:T d_c_bar:T d_r_bar_u_bar:T",
        .attrs = "T:type",
        .doc = "The gradients of GRUBlockCell.",
        .samples = CELLS " f[2,4] f[2,4] f[2,4] f[2,4]",
        .forward = grad_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
