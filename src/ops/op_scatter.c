/* op_scatter.c - slices of values written at coordinates. */
#include "ops/places.h"

/* y's slices op= updates. */
static ht_status scatter_into(ht_call *c, int index, int updates,
                              ht_scatter_kind kind) {
  bool skip;
  HT_TRY(ht_bad_indices(c->attrs, &skip));
  return ht_places_scatter(c->run->pool, kind, c->in[index], c->in[updates],
                           skip, &c->out[0]);
}

static ht_status scatter_nd_forward(ht_call *c) {
  ht_shape s;
  ht_dtype t = c->in[1]->dtype;
  bool numbers = ht_dtype_floating(t) || ht_dtype_integer(t);
  HT_TRY(ht_shape_from(c->in[2], false, &s));
  HT_TRY(ht_out_zeros(c, 0, t, &s));
  return scatter_into(c, 0, 1, numbers ? HT_SCATTER_ADD : HT_SCATTER_SET);
}

static ht_status tensor_scatter(ht_call *c, ht_scatter_kind kind) {
  HT_TRY(ht_tensor_copy(c->run->pool, c->in[0], &c->out[0]));
  c->out[0].trace = 0;
  return scatter_into(c, 1, 2, kind);
}

static ht_status update_forward(ht_call *c) {
  return tensor_scatter(c, HT_SCATTER_SET);
}
static ht_status add_forward(ht_call *c) {
  return tensor_scatter(c, HT_SCATTER_ADD);
}
static ht_status sub_forward(ht_call *c) {
  return tensor_scatter(c, HT_SCATTER_SUB);
}
static ht_status max_forward(ht_call *c) {
  return tensor_scatter(c, HT_SCATTER_MAX);
}
static ht_status min_forward(ht_call *c) {
  return tensor_scatter(c, HT_SCATTER_MIN);
}

/* ---- gradients: what arrives is gathered from where it was put */

static ht_status places_back(ht_back *b, int index, ht_places *p) {
  bool skip;
  HT_TRY(ht_bad_indices(b->attrs, &skip));
  return ht_places_of(b->run->pool, &b->in[index], &b->out[0].shape, skip, p);
}

static ht_status give_gathered(ht_back *b, int in, const ht_places *p,
                               bool negative) {
  ht_tensor g;
  const ht_tensor *dy = &b->dout[0].dense;
  if (!ht_wants(b, in)) return HT_SUCCESS;
  HT_TRY(ht_back_zeros(b, dy->dtype, &b->in[in].shape, &g));
  ht_status st = ht_places_read(p, dy, &g);
  if (st.code == HT_OK && negative) {
    ht_tensor minus = {0};
    st = ht_apply(b->run, "Neg", "", 1, (const ht_tensor *[]){&g}, 1, &minus);
    ht_tensor_drop(&g);
    g = minus;
  }
  return ht_give_or_drop(b, in, &g, st);
}

static ht_status scatter_nd_gradient(ht_back *b) {
  ht_places p;
  HT_TRY(places_back(b, 0, &p));
  ht_status st = give_gathered(b, 1, &p, false);
  ht_tensor_drop(&p.row);
  return st;
}

/* dy where nothing was written, zero elsewhere. */
static ht_status give_spared(ht_back *b, const ht_places *p) {
  ht_tensor g, zeros = {0};
  const ht_tensor *dy = &b->dout[0].dense;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_tensor_copy(b->run->pool, dy, &g));
  g.trace = 0;
  ht_status st = ht_back_zeros(b, dy->dtype, &b->in[2].shape, &zeros);
  if (st.code == HT_OK) st = ht_places_write(p, HT_SCATTER_SET, &zeros, &g);
  ht_tensor_drop(&zeros);
  return ht_give_or_drop(b, 0, &g, st);
}

static ht_status give_all(ht_back *b) {
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  ht_tensor g = ht_tensor_share(&b->dout[0].dense);
  return ht_give(b, 0, &g);
}

static ht_status update_gradient(ht_back *b) {
  ht_places p;
  HT_TRY(places_back(b, 1, &p));
  ht_status st = give_spared(b, &p);
  if (st.code == HT_OK) st = give_gathered(b, 2, &p, false);
  ht_tensor_drop(&p.row);
  return st;
}

static ht_status sum_gradient(ht_back *b, bool negative) {
  ht_places p;
  HT_TRY(give_all(b));
  HT_TRY(places_back(b, 1, &p));
  ht_status st = give_gathered(b, 2, &p, negative);
  ht_tensor_drop(&p.row);
  return st;
}

static ht_status add_gradient(ht_back *b) { return sum_gradient(b, false); }
static ht_status sub_gradient(ht_back *b) { return sum_gradient(b, true); }

/* The extreme's gradient is shared equally by all that reached it, the old
 * value and updates. share = dy / how many; then dx and du are share where
 * they equal the result. */
#define SHARE_OUT(type)                                                       \
  static void share_##type(const ht_back *b, const ht_places *p, type *share, \
                           type *dx, type *du) {                              \
    const type *x = b->in[0].data, *u = b->in[2].data;                        \
    const type *y = b->out[0].data, *dy = b->dout[0].dense.data;              \
    const int64_t *row = ht_i64(&p->row);                                     \
    int64_t n = ht_count(&b->out[0]), m = p->slice;                           \
    for (int64_t i = 0; i < n; i++) share[i] = x[i] == y[i];                  \
    for (int64_t i = 0; i < p->n; i++)                                        \
      for (int64_t k = 0; k < m && row[i] >= 0; k++)                          \
        share[row[i] * m + k] += u[i * m + k] == y[row[i] * m + k];           \
    for (int64_t i = 0; i < n; i++) {                                         \
      share[i] = dy[i] / share[i];                                            \
      dx[i] = x[i] == y[i] ? share[i] : 0;                                    \
    }                                                                         \
    for (int64_t i = 0; i < p->n; i++)                                        \
      for (int64_t k = 0; k < m; k++) {                                       \
        int64_t at = row[i] * m + k;                                          \
        bool won = row[i] >= 0 && u[i * m + k] == y[at];                      \
        du[i * m + k] = won ? share[at] : 0;                                  \
      }                                                                       \
  }

SHARE_OUT(float)
SHARE_OUT(double)

static ht_status give_one(ht_back *b, int i, ht_tensor *g) {
  if (ht_wants(b, i)) return ht_give(b, i, g);
  ht_tensor_drop(g);
  return HT_SUCCESS;
}

static ht_status extreme_shares(ht_back *b, const ht_places *p) {
  ht_dtype t = b->in[0].dtype;
  ht_tensor share = {0}, dx = {0}, du = {0};
  if (t != HT_FLOAT && t != HT_DOUBLE)
    return ht_fail(HT_UNSUPPORTED, "no gradient of dtype '%s'",
                   ht_dtype_name(t));
  ht_status st = ht_back_new(b, t, &b->in[0].shape, &share);
  if (st.code == HT_OK) st = ht_back_new(b, t, &b->in[0].shape, &dx);
  if (st.code == HT_OK) st = ht_back_new(b, t, &b->in[2].shape, &du);
  if (st.code == HT_OK && t == HT_FLOAT)
    share_float(b, p, share.data, dx.data, du.data);
  else if (st.code == HT_OK)
    share_double(b, p, share.data, dx.data, du.data);
  ht_tensor_drop(&share);
  if (st.code == HT_OK) st = give_one(b, 0, &dx);
  if (st.code == HT_OK) st = give_one(b, 2, &du);
  ht_tensor_drop(&dx);
  ht_tensor_drop(&du);
  return st;
}

static ht_status extreme_gradient(ht_back *b) {
  ht_places p;
  HT_TRY(places_back(b, 1, &p));
  ht_status st = extreme_shares(b, &p);
  ht_tensor_drop(&p.row);
  return st;
}

#define ATTRS "T:type Tindices:type bad_indices_policy:string=''"

#define SCATTER(NAME, TEXT, FN, GRADIENT, KEEP, MORE)                    \
  {                                                                      \
    .name = NAME, .inputs = "tensor:T indices:Tindices updates:T",       \
    .outputs = "output:T", .attrs = ATTRS, .doc = TEXT,                  \
    .samples =                                                           \
        "f[4,2] i[2,1]{1,3} f[2,2]; d[2,3] l[2,2]{0,1,1,2} d[2];"        \
        "i[4] i[1,1]{2} i[1]; d[3,2,2] i[2,1,2]{2,1,0,0} d[2,1,2];"      \
        "f[0,2] i[0,1] f[0,2]; l[3] l[2,1]{0,2} l[2];" MORE,             \
    .forward = FN, .gradient = GRADIENT, .keep = HT_KEEP_IN(1) | (KEEP), \
    .flags = (KEEP) ? HT_OP_IN_FLOAT : 0 /* extremes compare */          \
  }
/* Places given twice. */
#define TWICE "d[4] i[3,1]{1,1,2} d[3]; i[2,2] i[2,2]{1,0,1,0} i[2]"
#define TIES                                      \
  "f[4]{1,2,3,4} i[4,1]{1,1,3,3} f[4]{2,2,9,-9};" \
  "f[3]{1,2,3} i[3,1]{0,0,1} f[3]{1,1,2};" TWICE
#define EXTREME (HT_KEEP_IN(0) | HT_KEEP_IN(2) | HT_KEEP_OUT(0))

const ht_op ht_ops_scatter[] = {
    {
        .name = "ScatterNd",
        .inputs = "indices:Tindices updates:T shape:Tindices",
        .outputs = "output:T",
        .attrs = ATTRS,
        .doc = "Zeros with updates added at coordinates.",
        .samples = "i[3,1]{1,3,1} f[3,2] i[2]{5,2};"
                   "l[2,2]{0,1,2,2} d[2] l[2]{3,3}; i[1,1]{0} i[1] i[1]{2};"
                   "i[2,1]{0,0} d[2,2,1] i[3]{2,2,1}; i[0,1] f[0] i[1]{3};"
                   "i[2,1]{2,0} s[2] i[1]{3}; i[2,1]{2,0} b[2] i[1]{3};"
                   "i[2,1]{1,1} c[2] i[1]{2}",
        .forward = scatter_nd_forward,
        .gradient = scatter_nd_gradient,
        .keep = HT_KEEP_IN(0),
    },
    {
        .name = "ScatterNdNonAliasingAdd",
        .inputs = "input:T indices:Tindices updates:T",
        .outputs = "output:T",
        .attrs = ATTRS,
        .doc = "The value with slices added to.",
        .samples = "f[4,2] i[2,1]{1,3} f[2,2]; " TWICE,
        .forward = add_forward,
        .gradient = add_gradient,
        .keep = HT_KEEP_IN(1),
    },
    SCATTER("TensorScatterAdd", "The value with slices added to.", add_forward,
            add_gradient, 0, TWICE),
    SCATTER("TensorScatterMax", "The value with slices raised.", max_forward,
            extreme_gradient, EXTREME, TIES),
    SCATTER("TensorScatterMin", "The value with slices lowered.", min_forward,
            extreme_gradient, EXTREME, TIES),
    SCATTER("TensorScatterSub", "The value with slices subtracted from.",
            sub_forward, sub_gradient, 0, TWICE),
    SCATTER("TensorScatterUpdate", "The value with slices replaced.",
            update_forward, update_gradient, 0,
            "s[3]{'a','b','c'} i[2,1]{2,0} s[2]{'x','y'};"
            "b[3] i[1,1]{1} b[1]{1}; h[2,2] i[1,1]{1} h[1,2]"),
    {0},
};
