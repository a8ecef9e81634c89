/*
 * op_lstm.c - long short-term memories, a step or all of them as one op
 * (Hochreiter and Schmidhuber 1997, peepholes by Gers et al. 2002). Which
 * outputs take gradients is TensorFlow's: core/kernels/rnn/lstm_ops.h.
 */
#include <math.h>
#include <string.h>

#include "kernels/approx.h"
#include "kernels/matmul.h"
#include "kernels/real.h"
#include "ops/op.h"

/* ---- LSTM: gates are columns of [rows, 4 cells] */

enum { IN, CELL, FORGET, OUT }; /* positions of `column` */

typedef struct lstm {
  int64_t steps, most; /* of these `most` are run */
  int64_t batch, width, cells;
  int column[4];      /* where each gate stands */
  float forget, clip; /* clip <= 0: none */
  bool peephole;
  const ht_tensor *x, *cs0, *h0, *w, *peep[3],
      *b; /* peep: of in, forget, out */
} lstm;

/* The outputs, [steps, batch, cells] each. */
typedef struct lstm_state {
  float *i, *cs, *f, *o, *ci, *co, *h;
} lstm_state;

static lstm_state state_at(const lstm_state *s, int64_t at) {
  return (lstm_state){s->i + at,  s->cs + at, s->f + at, s->o + at,
                      s->ci + at, s->co + at, s->h + at};
}

static float clipped(float v, float clip) {
  return !(clip > 0) ? v : v > clip ? clip : v < -clip ? -clip : v;
}

/* One step of one example, from its gates. */
static void cell_row(const lstm *l, const float *gates, const float *cs_prev,
                     const lstm_state *s) {
  int64_t n = l->cells;
  const float *b = ht_f(l->b), *p[3];
  const float *g[4], *c[4];
  for (int k = 0; k < 3; k++) p[k] = ht_f(l->peep[k]);
  for (int k = 0; k < 4; k++) {
    g[k] = gates + l->column[k] * n;
    c[k] = b + l->column[k] * n;
  }
  float on = l->peephole ? 1.0f : 0.0f;
  for (int64_t j = 0; j < n; j++) {
    float was = cs_prev[j], peep[2] = {0, 0};
    if (on != 0)
      for (int k = 0; k < 2; k++) peep[k] = was * p[k][j];
    s->i[j] = ht_sigmoid_f(g[IN][j] + c[IN][j] + peep[0]);
    s->ci[j] = ht_tanh_f(g[CELL][j] + c[CELL][j]);
    s->f[j] = ht_sigmoid_f(g[FORGET][j] + c[FORGET][j] + l->forget + peep[1]);
    s->cs[j] = clipped(s->i[j] * s->ci[j] + s->f[j] * was, l->clip);
    s->co[j] = ht_tanh_f(s->cs[j]);
    float out = on != 0 ? s->cs[j] * p[2][j] : 0;
    s->o[j] = ht_sigmoid_f(g[OUT][j] + c[OUT][j] + out);
    s->h[j] = s->o[j] * s->co[j];
  }
}

HT_WIDE static void cell_rows(const lstm *l, const float *gates,
                              const float *cs_prev, const lstm_state *s) {
  for (int64_t r = 0; r < l->batch; r++) {
    lstm_state row = state_at(s, r * l->cells);
    cell_row(l, gates + r * 4 * l->cells, cs_prev + r * l->cells, &row);
  }
}

/* The gates of all steps get their share of x at once, h step by step. */
static ht_status lstm_run(ht_pool *pool, const lstm *l, const lstm_state *s) {
  ht_tensor gates;
  int64_t wide = 4 * l->cells, step = l->batch * l->cells;
  ht_shape shape = ht_shape_2(l->most * l->batch, wide);
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &shape, &gates));
  ht_gemm whole = {.m = l->most * l->batch,
                   .n = wide,
                   .k = l->width,
                   .lda = l->width,
                   .ldb = wide,
                   .ldc = wide};
  ht_gemm one = {.add = true,
                 .m = l->batch,
                 .n = wide,
                 .k = l->cells,
                 .lda = l->cells,
                 .ldb = wide,
                 .ldc = wide};
  const float *w = ht_f(l->w), *cs = ht_f(l->cs0), *h = ht_f(l->h0);
  ht_matmul(HT_FLOAT, &whole, ht_f(l->x), w, ht_f(&gates));
  for (int64_t t = 0; t < l->most; t++) {
    float *g = ht_f(&gates) + t * l->batch * wide;
    lstm_state now = state_at(s, t * step);
    ht_matmul(HT_FLOAT, &one, h, w + l->width * wide, g);
    cell_rows(l, g, cs, &now);
    cs = now.cs;
    h = now.h;
  }
  ht_tensor_drop(&gates);
  return HT_SUCCESS;
}

/* ---- its gradient */

typedef struct lstm_down {
  const float *cs, *h;      /* arriving, [steps, batch, cells]; NULL: none */
  float *gates;             /* [steps, batch, 4 cells] */
  float *cs_prev, *peep[3]; /* sums; cs_prev [batch, cells] */
} lstm_down;

/* One step of one example: dh in, dcs in and out. */
static void down_row(const lstm *l, const float *cs_prev, const lstm_state *s,
                     const float *dh, float *dcs, const lstm_down *d,
                     float *gates) {
  int64_t n = l->cells;
  const float *p[3];
  float *g[4];
  for (int k = 0; k < 3; k++) p[k] = ht_f(l->peep[k]);
  for (int k = 0; k < 4; k++) g[k] = gates + l->column[k] * n;
  for (int64_t j = 0; j < n; j++) {
    float o = s->o[j], co = s->co[j], ci = s->ci[j], i = s->i[j], f = s->f[j];
    float d_o = o * (1 - o) * dh[j] * co;
    float c = (1 - co * co) * dh[j] * o + dcs[j];
    if (l->peephole) c += d_o * p[2][j];
    float d_ci = (1 - ci * ci) * c * i;
    float d_f = f * (1 - f) * c * cs_prev[j], d_i = i * (1 - i) * c * ci;
    g[IN][j] = d_i, g[CELL][j] = d_ci, g[FORGET][j] = d_f, g[OUT][j] = d_o;
    dcs[j] = c * f;
    if (!l->peephole) continue;
    dcs[j] += d_i * p[0][j] + d_f * p[1][j];
    d->peep[0][j] += d_i * cs_prev[j];
    d->peep[1][j] += d_f * cs_prev[j];
    d->peep[2][j] += d_o * s->cs[j];
  }
}

static void add_to(float *sum, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) sum[i] += x[i];
}

/* Steps backwards; dh [batch, cells] becomes the gradient of h0. */
static void lstm_turn(const lstm *l, const lstm_state *s, const lstm_down *d,
                      float *dh) {
  int64_t wide = 4 * l->cells, step = l->batch * l->cells;
  ht_gemm one = {.tb = true,
                 .m = l->batch,
                 .n = l->cells,
                 .k = wide,
                 .lda = wide,
                 .ldb = wide,
                 .ldc = l->cells};
  for (int64_t t = l->most - 1; t >= 0; t--) {
    float *gates = d->gates + t * l->batch * wide;
    lstm_state now = state_at(s, t * step);
    const float *cs_prev = t ? s->cs + (t - 1) * step : ht_f(l->cs0);
    if (d->cs) add_to(d->cs_prev, d->cs + t * step, step);
    if (d->h) add_to(dh, d->h + t * step, step);
    for (int64_t r = 0; r < l->batch; r++) {
      int64_t at = r * l->cells;
      lstm_state row = state_at(&now, at);
      down_row(l, cs_prev + at, &row, dh + at, d->cs_prev + at, d,
               gates + r * wide);
    }
    ht_matmul(HT_FLOAT, &one, gates, ht_f(l->w) + l->width * wide, dh);
  }
}

/* Those of inputs, in the order x, cs_prev, h_prev, w, wci, wcf, wco, b. */
typedef struct lstm_gradient {
  ht_tensor of[8];
} lstm_gradient;

static void gradient_drop(lstm_gradient *g) {
  for (int i = 0; i < 8; i++) ht_tensor_drop(&g->of[i]);
}

/* From the gates' gradients of all steps: x, w and b. */
static void lstm_products(const lstm *l, const lstm_state *s,
                          const float *gates, lstm_gradient *g) {
  int64_t wide = 4 * l->cells, rows = l->most * l->batch;
  int64_t step = l->batch * l->cells;
  float *dw = ht_f(&g->of[3]), *db = ht_f(&g->of[7]);
  ht_gemm x = {.tb = true,
               .m = rows,
               .n = l->width,
               .k = wide,
               .lda = wide,
               .ldb = wide,
               .ldc = l->width};
  ht_gemm w = {.ta = true,
               .m = l->width,
               .n = wide,
               .k = rows,
               .lda = l->width,
               .ldb = wide,
               .ldc = wide};
  ht_gemm u = {.ta = true,
               .m = l->cells,
               .n = wide,
               .k = l->batch,
               .lda = l->cells,
               .ldb = wide,
               .ldc = wide};
  ht_matmul(HT_FLOAT, &x, gates, ht_f(l->w), ht_f(&g->of[0]));
  ht_matmul(HT_FLOAT, &w, ht_f(l->x), gates, dw);
  if (l->most)
    ht_matmul(HT_FLOAT, &u, ht_f(l->h0), gates, dw + l->width * wide);
  u.add = true;
  u.k = rows - l->batch;
  if (l->most > 1)
    ht_matmul(HT_FLOAT, &u, s->h, gates + 4 * step, dw + l->width * wide);
  for (int64_t r = 0; r < rows; r++) add_to(db, gates + r * wide, wide);
}

static ht_status lstm_gradients(ht_pool *pool, const lstm *l,
                                const lstm_state *s, const float *dcs,
                                const float *dh, ht_tensor *gates,
                                lstm_gradient *g) {
  const ht_tensor *of[8] = {l->x,       l->cs0,     l->h0,      l->w,
                            l->peep[0], l->peep[1], l->peep[2], l->b};
  ht_shape shape = {3, {l->most, l->batch, 4 * l->cells}};
  memset(g, 0, sizeof *g);
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &shape, gates));
  for (int i = 0; i < 8; i++)
    HT_TRY(ht_tensor_zeros(pool, HT_FLOAT, &of[i]->shape, &g->of[i]));
  lstm_down d = {dcs,
                 dh,
                 ht_f(gates),
                 ht_f(&g->of[1]),
                 {ht_f(&g->of[4]), ht_f(&g->of[5]), ht_f(&g->of[6])}};
  lstm_turn(l, s, &d, ht_f(&g->of[2]));
  lstm_products(l, s, ht_f(gates), g);
  return HT_SUCCESS;
}

/* ---- what calls say. A row's inputs begin with seq_len_max, or (a single
 * step, x [batch, width]) not. */

static bool has_steps(const ht_op *op) { return op->inputs[0] == 's'; }
static bool is_v2(const ht_op *op) {
  return op->name[strlen(op->name) - 1] == '2';
}

static bool shaped(const ht_tensor *t, int rank, int64_t a, int64_t b) {
  return t->dtype == HT_FLOAT && t->shape.rank == rank &&
         t->shape.dim[0] == a && (rank < 2 || t->shape.dim[1] == b);
}

static bool lstm_fits(const lstm *l) {
  int64_t n = l->cells;
  bool fits = shaped(l->cs0, 2, l->batch, n) && shaped(l->h0, 2, l->batch, n) &&
              shaped(l->w, 2, l->width + n, 4 * n) && shaped(l->b, 1, 4 * n, 0);
  for (int k = 0; k < 3; k++) fits = fits && shaped(l->peep[k], 1, n, 0);
  return fits;
}

/* in: x, cs_prev, h_prev, w, wci, wcf, wco, b. */
static ht_status lstm_read(const ht_op *op, const ht_attrs *attrs,
                           const ht_tensor *seq_len, const ht_tensor *const *in,
                           lstm *l) {
  static const int icfo[4] = {0, 1, 2, 3}, ifco[4] = {0, 2, 1, 3};
  memcpy(l->column, is_v2(op) ? ifco : icfo, sizeof icfo);
  int lead = has_steps(op) ? 1 : 0;
  const ht_shape *x = &in[0]->shape;
  if (in[0]->dtype != HT_FLOAT)
    return ht_fail(HT_UNSUPPORTED, "op '%s' does not support dtype '%s'",
                   op->name, ht_dtype_name(in[0]->dtype));
  if (x->rank != 2 + lead || in[1]->shape.rank != 2)
    return ht_fail(HT_USAGE, "op '%s': x must have rank %d and cs_prev 2",
                   op->name, 2 + lead);
  l->steps = lead ? x->dim[0] : 1;
  l->most = lead ? ht_int_at(seq_len, 0) : 1;
  l->batch = x->dim[lead];
  l->width = x->dim[lead + 1];
  l->cells = in[1]->shape.dim[1];
  l->forget = (float)ht_attr_float(attrs, "forget_bias");
  l->clip = (float)ht_attr_float(attrs, "cell_clip");
  l->peephole = ht_attr_bool(attrs, "use_peephole");
  l->x = in[0], l->cs0 = in[1], l->h0 = in[2], l->w = in[3], l->b = in[7];
  for (int k = 0; k < 3; k++) l->peep[k] = in[4 + k];
  if (l->most < 0 || l->most > l->steps)
    return ht_fail(HT_USAGE, "op '%s': seq_len_max %lld of %lld steps",
                   op->name, (long long)l->most, (long long)l->steps);
  if (lstm_fits(l)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': shapes of states and weights do not fit",
                 op->name);
}

static lstm_state state_of(const ht_tensor *const t[7]) {
  return (lstm_state){ht_f(t[0]), ht_f(t[1]), ht_f(t[2]), ht_f(t[3]),
                      ht_f(t[4]), ht_f(t[5]), ht_f(t[6])};
}

static ht_status need_length(const ht_call *c) {
  if (!has_steps(c->op)) return HT_SUCCESS;
  HT_TRY(ht_need_dtype(c, 0, HT_INT64));
  return ht_need_scalar(c, 0);
}

static ht_status lstm_forward(ht_call *c) {
  lstm l = {0};
  int first = has_steps(c->op);
  HT_TRY(need_length(c));
  HT_TRY(lstm_read(c->op, c->attrs, c->in[0], c->in + first, &l));
  ht_shape s = {3, {l.steps, l.batch, l.cells}};
  if (!first) s = ht_shape_2(l.batch, l.cells);
  const ht_tensor *out[7];
  for (int i = 0; i < 7; i++) {
    HT_TRY(ht_out_zeros(c, i, HT_FLOAT, &s));
    out[i] = &c->out[i];
  }
  lstm_state state = state_of(out);
  return lstm_run(c->run->pool, &l, &state);
}

static ht_status lstm_back(ht_back *b) {
  lstm l = {0};
  lstm_gradient g;
  ht_tensor gates = {0};
  const ht_tensor *in[8], *out[7];
  int first = has_steps(b->op);
  for (int i = 0; i < 8; i++) in[i] = &b->in[first + i];
  for (int i = 0; i < 7; i++) out[i] = &b->out[i];
  HT_TRY(lstm_read(b->op, b->attrs, &b->in[0], in, &l));
  lstm_state state = state_of(out);
  const ht_tensor *dcs = &b->dout[1].dense, *dh = &b->dout[6].dense;
  ht_status st =
      lstm_gradients(b->run->pool, &l, &state, dcs->dtype ? ht_f(dcs) : NULL,
                     dh->dtype ? ht_f(dh) : NULL, &gates, &g);
  for (int i = 0; i < 8 && st.code == HT_OK; i++) {
    if (!ht_wants(b, first + i)) continue;
    st = ht_give(b, first + i, &g.of[i]);
    g.of[i] = (ht_tensor){0};
  }
  ht_tensor_drop(&gates);
  gradient_drop(&g);
  return st;
}

/* The state that a gradient op gets after the forward op's inputs. */
static ht_status given_state(const ht_call *c, int first, int n,
                             lstm_state *s) {
  const ht_tensor *t[7];
  for (int i = 0; i < n; i++) {
    t[i] = c->in[first + i];
    HT_TRY(ht_need_dtype(c, first + i, HT_FLOAT));
    HT_TRY(ht_need_same_shape(c, first + i, first));
  }
  if (n < 7) t[6] = t[5]; /* not read of a single step */
  *s = state_of(t);
  return HT_SUCCESS;
}

static ht_status check_state(const ht_call *c, const lstm *l, int at) {
  const ht_shape *s = &c->in[at]->shape;
  int lead = has_steps(c->op);
  if (s->rank == 2 + lead && (!lead || s->dim[0] == l->steps) &&
      s->dim[lead] == l->batch && s->dim[lead + 1] == l->cells)
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': states and x do not agree", c->op->name);
}

static ht_status block_grad_forward(ht_call *c) {
  lstm l = {0};
  lstm_state s;
  lstm_gradient g;
  ht_tensor gates = {0};
  HT_TRY(need_length(c));
  HT_TRY(lstm_read(c->op, c->attrs, c->in[0], c->in + 1, &l));
  HT_TRY(check_state(c, &l, 9));
  HT_TRY(given_state(c, 9, 7, &s));
  for (int i = 16; i < 18; i++) HT_TRY(ht_need_same_shape(c, i, 9));
  ht_status st = lstm_gradients(c->run->pool, &l, &s, ht_f(c->in[16]),
                                ht_f(c->in[17]), &gates, &g);
  for (int i = 0; i < 8 && st.code == HT_OK; i++) {
    c->out[i] = g.of[i];
    g.of[i] = (ht_tensor){0};
  }
  ht_tensor_drop(&gates);
  gradient_drop(&g);
  return st;
}

/* Outputs cs_prev_grad, dicfo, and those of the peepholes. */
static ht_status cell_grad_forward(ht_call *c) {
  static const int from[5] = {1, -1, 4, 5, 6};
  lstm l = {0};
  lstm_state s;
  lstm_gradient g;
  ht_tensor gates = {0};
  HT_TRY(lstm_read(c->op, c->attrs, NULL, c->in, &l));
  HT_TRY(check_state(c, &l, 8));
  HT_TRY(given_state(c, 8, 6, &s));
  for (int i = 14; i < 16; i++) HT_TRY(ht_need_same_shape(c, i, 8));
  ht_status st = lstm_gradients(c->run->pool, &l, &s, ht_f(c->in[14]),
                                ht_f(c->in[15]), &gates, &g);
  if (st.code == HT_OK) gates.shape = ht_shape_2(l.batch, 4 * l.cells);
  for (int i = 0; i < 5 && st.code == HT_OK; i++) {
    ht_tensor *t = from[i] < 0 ? &gates : &g.of[from[i]];
    c->out[i] = *t;
    *t = (ht_tensor){0};
  }
  ht_tensor_drop(&gates);
  gradient_drop(&g);
  return st;
}

/* What lies behind seq_len_max is left as the memory was (!outputs=0). Of
 * BlockLSTMV2 TensorFlow takes the gradient that belongs to the other order of
 * gates (!grad=0); BlockLSTMGradV2 tells the right one. */
#define WEIGHTS "w:T wci:T wcf:T wco:T b:T"
#define STATE "i:T cs:T f:T o:T ci:T co:T h:T"
#define BIG "l[]{5} f[5,3,4] f[3,6] f[3,6] f[10,24](-1,1) f[6] f[6] f[6] f[24] "
#define W34 "f[5,8] f[2] f[2] f[2] f[8]" /* 3 numbers to 2 cells */
#define ONE "f[3,2,2] "
#define NINE ONE ONE ONE ONE ONE ONE ONE ONE ONE
#define TWO "f[2,2] f[2,2] "
#define EIGHT TWO TWO TWO TWO
#define BLOCK(name_, attrs_, doc_, samples_)                             \
  {                                                                      \
    .name = name_,                                                       \
    .inputs = "seq_len_max:int64 x:T cs_prev:T h_prev:T " WEIGHTS,       \
    .outputs = STATE, .attrs = attrs_, .doc = doc_, .samples = samples_, \
    .forward = lstm_forward, .gradient = lstm_back,                      \
    .keep = HT_KEEP_INS | HT_KEEP_OUTS, .flags = HT_OP_IN_FLOAT          \
  }
#define BLOCK_GRAD(name_, doc_)                                             \
  {                                                                         \
    .name = name_,                                                          \
    .inputs = "seq_len_max:int64 x:T cs_prev:T h_prev:T " WEIGHTS " " STATE \
              " cs_grad:T h_grad:T",                                        \
    .outputs =                                                              \
        "x_grad:T cs_prev_grad:T h_prev_grad:T w_grad:T "                   \
        "wci_grad:T wcf_grad:T wco_grad:T b_grad:T",                        \
    .attrs = "use_peephole:bool T:type", .doc = doc_,                       \
    .samples = "l[]{3} f[3,2,3] f[2,2] f[2,2] " W34 " " NINE                \
               "use_peephole=false; l[]{2} f[3,2,3] f[2,2] f[2,2] " W34     \
               " " NINE "use_peephole=true",                                \
    .forward = block_grad_forward, .gradient = ht_no_gradient,              \
    .flags = HT_OP_IN_FLOAT                                                 \
  }

const ht_op ht_ops_lstm[] = {
    BLOCK("BlockLSTM",
          "forget_bias:float=1 cell_clip:float=3 use_peephole:bool=false "
          "T:type",
          "An LSTM over all steps; gates in the order i, c, f, o.",
          "l[]{3} f[3,2,3] f[2,2] f[2,2] " W34 "; " BIG
          "use_peephole=true; " BIG "cell_clip=0.3 forget_bias=0; " BIG
          "cell_clip=-1; l[]{2} f[3,2,3] f[2,2] f[2,2] " W34
          " !outputs=0; l[]{0} f[0,2,3] f[2,2] f[2,2] " W34),
    BLOCK("BlockLSTMV2", "cell_clip:float=0 use_peephole:bool=false T:type",
          "An LSTM over all steps; gates in the order i, f, c, o.",
          "l[]{3} f[3,2,3] f[2,2] f[2,2] " W34 " !grad=0; " BIG
          "use_peephole=true cell_clip=1 !grad=0"),
    BLOCK_GRAD("BlockLSTMGrad", "The gradients of BlockLSTM."),
    BLOCK_GRAD("BlockLSTMGradV2", "The gradients of BlockLSTMV2."),
    {
        .name = "LSTMBlockCell",
        .inputs = "x:T cs_prev:T h_prev:T " WEIGHTS,
        .outputs = STATE,
        .attrs = "forget_bias:float=1 cell_clip:float=3 "
                 "use_peephole:bool=false T:type",
        .doc = "One step of an LSTM; gates in the order i, c, f, o.",
        .samples = "f[2,3] f[2,2] f[2,2] " W34 "; f[2,3] f[2,2] f[2,2] " W34
                   " use_peephole=true cell_clip=0.5 forget_bias=0.25",
        .forward = lstm_forward,
        .gradient = lstm_back,
        .keep = HT_KEEP_INS | HT_KEEP_OUTS,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "LSTMBlockCellGrad",
        .inputs = "x:T cs_prev:T h_prev:T " WEIGHTS
                  " i:T cs:T f:T o:T ci:T co:T cs_grad:T h_grad:T",
        .outputs = "cs_prev_grad:T dicfo:T wci_grad:T wcf_grad:T wco_grad:T",
        .attrs = "use_peephole:bool T:type",
        .doc = "The gradients of LSTMBlockCell.",
        .samples = "f[2,3] f[2,2] f[2,2] " W34 " " EIGHT
                   "use_peephole=false !outputs=2; f[2,3] f[2,2] f[2,2] " W34
                   " " EIGHT "use_peephole=true",
        .forward = cell_grad_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_IN_FLOAT,
    },
    {0},
};
