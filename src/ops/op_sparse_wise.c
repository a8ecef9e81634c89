/* op_sparse_wise.c - a sparse tensor's values with those of a dense one that
 * stand at their places; the dense one is broadcast, the sparse one never. */
#include "ops/sparse.h"

/* Which element of `dense` entry k meets. */
static int64_t meets(const int64_t *at, int rank, const ht_shape *dense) {
  int64_t flat = 0;
  for (int d = 0; d < dense->rank; d++) {
    int64_t n = dense->dim[d], i = at[rank - dense->rank + d];
    flat = flat * n + (n == 1 ? 0 : i);
  }
  return flat;
}

static bool broadcasts(const ht_shape *dense, const ht_shape *to) {
  if (dense->rank > to->rank) return false;
  for (int d = 0; d < dense->rank; d++) {
    int64_t n = dense->dim[d];
    if (n != 1 && n != to->dim[to->rank - dense->rank + d]) return false;
  }
  return true;
}

#define APPLY(T)                                                              \
  static void apply_##T(const ht_sparse *s, const ht_tensor *dense,           \
                        bool divide, T *out) {                                \
    for (int64_t k = 0; k < s->n; k++) {                                      \
      T x = HT_DATA(T, s->values)[k];                                         \
      T y = HT_DATA(                                                          \
          T, dense)[meets(s->at + k * s->rank, s->rank, &dense->shape)];      \
      out[k] = divide ? x / y : x * y;                                        \
    }                                                                         \
  }                                                                           \
  static void back_##T(const ht_back *b, bool divide, T *dx, T *dy) {         \
    int rank = (int)ht_count(&b->in[2]);                                      \
    const T *g = HT_DATA(T, &b->dout[0].dense);                               \
    for (int64_t k = 0; k < ht_count(&b->in[1]); k++) {                       \
      int64_t i = meets(ht_i64(&b->in[0]) + k * rank, rank, &b->in[3].shape); \
      T x = HT_DATA(T, &b->in[1])[k], y = HT_DATA(T, &b->in[3])[i];           \
      dx[k] = divide ? g[k] / y : g[k] * y;                                   \
      dy[i] += divide ? g[k] * (-x / (y * y)) : g[k] * x;                     \
    }                                                                         \
  }
APPLY(float)
APPLY(double)

static ht_status apply(ht_call *c, bool divide) {
  ht_sparse s;
  ht_dtype t = c->in[1]->dtype;
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  HT_TRY(ht_need_dtype(c, 3, t));
  if (!broadcasts(&c->in[3]->shape, &s.shape)) {
    char from[HT_SHAPE_TEXT], to[HT_SHAPE_TEXT];
    return ht_fail(HT_USAGE, "op '%s': %s does not broadcast to %s",
                   c->op->name, ht_shape_text(&c->in[3]->shape, from),
                   ht_shape_text(&s.shape, to));
  }
  ht_shape flat = ht_shape_1(s.n);
  HT_TRY(ht_out(c, 0, t, &flat));
  if (t == HT_FLOAT)
    apply_float(&s, c->in[3], divide, ht_f(&c->out[0]));
  else
    apply_double(&s, c->in[3], divide, HT_DATA(double, &c->out[0]));
  return HT_SUCCESS;
}

static ht_status back(ht_back *b, bool divide) {
  ht_tensor dx, dy;
  ht_dtype t = b->in[1].dtype;
  HT_TRY(ht_back_new(b, t, &b->in[1].shape, &dx));
  HT_TRY(ht_back_zeros(b, t, &b->in[3].shape, &dy));
  if (t == HT_FLOAT)
    back_float(b, divide, ht_f(&dx), ht_f(&dy));
  else
    back_double(b, divide, dx.data, dy.data);
  HT_TRY(ht_give(b, 1, &dx));
  return ht_give(b, 3, &dy);
}

static ht_status multiply(ht_call *c) { return apply(c, false); }
static ht_status divide(ht_call *c) { return apply(c, true); }
static ht_status multiply_back(ht_back *b) { return back(b, false); }
static ht_status divide_back(ht_back *b) { return back(b, true); }

#define PARTS "l[4,2]{0,0,0,2,1,1,2,2} "
#define WISE(D, OTHER)                                                      \
  PARTS D "[4] l[2]{3,3} " D "[3,3]" OTHER ";" PARTS D "[4] l[2]{3,3} " D   \
          "[1]" OTHER ";" PARTS D "[4] l[2]{3,3} " D "[3]" OTHER ";" PARTS D \
          "[4] l[2]{3,3} " D "[3,1]" OTHER
#define SAMPLES(OTHER) \
  WISE("f", OTHER) ";" WISE("d", OTHER) ";l[0,2] f[0] l[2]{2,3} f[2,3]" OTHER

const ht_op ht_ops_sparse_wise[] = {
    {.name = "SparseDenseCwiseMul",
     .inputs = "sp_indices:int64 sp_values:T sp_shape:int64 dense:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "A sparse tensor's values times those of a dense one.",
     .samples = SAMPLES(""),
     .forward = multiply,
     .gradient = multiply_back,
     .keep = HT_KEEP_INS},
    {.name = "SparseDenseCwiseDiv",
     .inputs = "sp_indices:int64 sp_values:T sp_shape:int64 dense:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "A sparse tensor's values divided by those of a dense one.",
     .samples = SAMPLES("(1,2)"),
     .forward = divide,
     .gradient = divide_back,
     .keep = HT_KEEP_INS},
    {0},
};
