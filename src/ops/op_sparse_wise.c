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

typedef float _Complex complex64;
typedef double _Complex complex128;
typedef enum way { MUL, DIV, ADD } way;

#define APPLY(T)                                                             \
  static void apply_##T(const ht_sparse *s, const ht_tensor *dense, way how, \
                        T *out) {                                            \
    for (int64_t k = 0; k < s->n; k++) {                                     \
      T x = HT_DATA(T, s->values)[k];                                        \
      T y = HT_DATA(                                                         \
          T, dense)[meets(s->at + k * s->rank, s->rank, &dense->shape)];     \
      out[k] = how == ADD ? x + y : how == MUL ? x * y : x / y;              \
    }                                                                        \
  }
#define BACK(T)                                                               \
  static void back_##T(const ht_back *b, way how, T *dx, T *dy) {             \
    int rank = (int)ht_count(&b->in[2]);                                      \
    const T *g = HT_DATA(T, &b->dout[0].dense);                               \
    for (int64_t k = 0; k < ht_count(&b->in[1]); k++) {                       \
      int64_t i = meets(ht_i64(&b->in[0]) + k * rank, rank, &b->in[3].shape); \
      T x = HT_DATA(T, &b->in[1])[k], y = HT_DATA(T, &b->in[3])[i];           \
      dx[k] = how == ADD ? g[k] : how == MUL ? g[k] * y : g[k] / y;           \
      dy[i] += how == ADD   ? g[k]                                            \
               : how == MUL ? g[k] * x                                        \
                            : g[k] * (-x / (y * y));                          \
    }                                                                         \
  }
APPLY(float)
APPLY(double)
APPLY(int32_t)
APPLY(int64_t)
APPLY(uint32_t)
APPLY(uint64_t)
APPLY(complex64)
APPLY(complex128)
BACK(float)
BACK(double)
BACK(complex64)
BACK(complex128)

/* Sums and products wrap around, as in TensorFlow: those of unsigned
 * numbers. */
static ht_status apply_ints(ht_call *c, const ht_sparse *s, way how) {
  bool narrow = c->in[1]->dtype == HT_INT32;
  bool whole = how != DIV || c->in[1]->dtype == HT_UINT64;
  void *out = c->out[0].data;
  for (int64_t i = 0; i < ht_count(c->in[3]) && how == DIV; i++)
    if (!ht_int_at(c->in[3], i))
      return ht_fail(HT_USAGE, "op '%s': division by zero", c->op->name);
  if (narrow && whole)
    apply_uint32_t(s, c->in[3], how, out);
  else if (narrow)
    apply_int32_t(s, c->in[3], how, out);
  else if (whole)
    apply_uint64_t(s, c->in[3], how, out);
  else
    apply_int64_t(s, c->in[3], how, out);
  return HT_SUCCESS;
}

static ht_status apply(ht_call *c, way how) {
  ht_sparse s;
  ht_dtype t = c->in[1]->dtype;
  HT_TRY(ht_sparse_from(c, 0, 1, 2, &s));
  HT_TRY(ht_need_numbers(c, 1));
  HT_TRY(ht_need_dtype(c, 3, t));
  if (!broadcasts(&c->in[3]->shape, &s.shape)) {
    char from[HT_SHAPE_TEXT], to[HT_SHAPE_TEXT];
    return ht_fail(HT_USAGE, "op '%s': %s does not broadcast to %s",
                   c->op->name, ht_shape_text(&c->in[3]->shape, from),
                   ht_shape_text(&s.shape, to));
  }
  ht_shape flat = ht_shape_1(s.n);
  HT_TRY(ht_out(c, 0, t, &flat));
  void *out = c->out[0].data;
  switch (t) {
    case HT_FLOAT: apply_float(&s, c->in[3], how, out); break;
    case HT_DOUBLE: apply_double(&s, c->in[3], how, out); break;
    case HT_COMPLEX64: apply_complex64(&s, c->in[3], how, out); break;
    case HT_COMPLEX128: apply_complex128(&s, c->in[3], how, out); break;
    default: return apply_ints(c, &s, how);
  }
  return HT_SUCCESS;
}

static ht_status back(ht_back *b, way how) {
  ht_tensor dx, dy;
  ht_dtype t = b->in[1].dtype;
  HT_TRY(ht_back_new(b, t, &b->in[1].shape, &dx));
  HT_TRY(ht_back_zeros(b, t, &b->in[3].shape, &dy));
  switch (t) {
    case HT_FLOAT: back_float(b, how, dx.data, dy.data); break;
    case HT_COMPLEX64: back_complex64(b, how, dx.data, dy.data); break;
    case HT_COMPLEX128: back_complex128(b, how, dx.data, dy.data); break;
    default: back_double(b, how, dx.data, dy.data);
  }
  HT_TRY(ht_give(b, 1, &dx));
  return ht_give(b, 3, &dy);
}

static ht_status multiply(ht_call *c) { return apply(c, MUL); }
static ht_status divide(ht_call *c) { return apply(c, DIV); }
static ht_status add(ht_call *c) { return apply(c, ADD); }
static ht_status add_back(ht_back *b) { return back(b, ADD); }
static ht_status multiply_back(ht_back *b) { return back(b, MUL); }
static ht_status divide_back(ht_back *b) { return back(b, DIV); }

#define PARTS "l[4,2]{0,0,0,2,1,1,2,2} "
#define WISE(D, OTHER)                                                       \
  PARTS D "[4] l[2]{3,3} " D "[3,3]" OTHER ";" PARTS D "[4] l[2]{3,3} " D    \
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
     .keep = HT_KEEP_INS,
     .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG},
    {.name = "SparseDenseCwiseAdd",
     .inputs = "sp_indices:int64 sp_values:T sp_shape:int64 dense:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "A sparse tensor's values plus those of a dense one.",
     .samples = SAMPLES(""),
     .forward = add,
     .gradient = add_back,
     .keep = HT_KEEP_INS,
     .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG},
    {.name = "SparseDenseCwiseDiv",
     .inputs = "sp_indices:int64 sp_values:T sp_shape:int64 dense:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "A sparse tensor's values divided by those of a dense one.",
     .samples = SAMPLES("(1,2)"),
     .forward = divide,
     .gradient = divide_back,
     .keep = HT_KEEP_INS,
     .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG},
    {0},
};
