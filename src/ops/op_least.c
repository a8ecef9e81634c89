/*
 * op_least.c - least squares: x of min |A x - b|^2 + l |x|^2 by the normal
 * equations, of the smaller of A'A and AA' (Golub and Van Loan, "Matrix
 * Computations", 5.3 and 5.6), or of the least norm by singular values.
 */
#ifndef NUMBER
#include <string.h>

#include "ops/linalg_batch.h"

static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }
static bool tall(const ht_lin_step *s) { return s->m >= s->n; }

#define EACH "ops/op_least.c"
#include "kernels/linalg_each.h"

static const ht_lin_rule normal = {normal_d, normal_z},
                         least_norm = {least_norm_d, least_norm_z},
                         tall_back = {tall_back_d, tall_back_z},
                         wide_back = {wide_back_d, wide_back_z};

static ht_status check(const ht_call *c) {
  HT_TRY(ht_lin_check(c, false));
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  HT_TRY(ht_need_dtype(c, 2, HT_DOUBLE));
  HT_TRY(ht_need_scalar(c, 2));
  ht_shape want = c->in[0]->shape;
  const ht_shape *rhs = &c->in[1]->shape;
  HT_TRY(ht_need_min_rank(c, 1, 2));
  want.dim[want.rank - 1] = rhs->dim[rhs->rank - 1];
  if (!ht_shape_equal(&want, rhs))
    return ht_fail(HT_USAGE, "op '%s': matrix and right side do not agree",
                   c->op->name);
  if (HT_DATA(double, c->in[2])[0] < 0)
    return ht_fail(HT_USAGE, "op '%s' wants a regularizer of 0 or more",
                   c->op->name);
  return HT_SUCCESS;
}

static ht_lin_batch batch_of(const ht_tensor *a, const ht_shape *rhs,
                             const ht_lin_rule *rule) {
  ht_lin_batch b = ht_lin_batch_of(a, rule);
  b.broadcast = true; /* of the one regularizer */
  b.s.k = rhs->dim[rhs->rank - 1];
  return b;
}

static ht_status forward(ht_call *c) {
  HT_TRY(check(c));
  const ht_shape *a = &c->in[0]->shape, one = ht_shape_2(1, 1);
  bool fast = ht_attr_bool(c->attrs, "fast");
  ht_lin_batch b =
      batch_of(c->in[0], &c->in[1]->shape, fast ? &normal : &least_norm);
  ht_shape out = ht_lin_tail(a, 2, b.s.n, b.s.k);
  HT_TRY(ht_out_zeros(c, 0, c->in[0]->dtype, &out));
  if (!ht_count(c->in[0])) return HT_SUCCESS;
  ht_tensor l = ht_tensor_shaped(c->in[2], &one);
  ht_lin_reads(&b, c->in[0]);
  ht_lin_reads(&b, c->in[1]);
  ht_lin_reads(&b, &l);
  ht_lin_writes(&b, &c->out[0]);
  ht_status st = ht_lin_run(c->run->pool, &b);
  ht_tensor_drop(&l);
  return st;
}

/* ---- backward */

static ht_status give_both(ht_back *b, ht_lin_batch *w) {
  ht_tensor da = {0}, db = {0};
  ht_status st = ht_back_zeros(b, b->in[0].dtype, &b->in[0].shape, &da);
  if (st.code == HT_OK)
    st = ht_back_zeros(b, b->in[1].dtype, &b->in[1].shape, &db);
  ht_lin_writes(w, &da);
  ht_lin_writes(w, &db);
  if (st.code == HT_OK && ht_count(&b->in[0])) st = ht_lin_run(b->run->pool, w);
  if (st.code == HT_OK) st = ht_give(b, 0, &da);
  if (st.code == HT_OK) st = ht_give(b, 1, &db);
  ht_tensor_drop(&da);
  ht_tensor_drop(&db);
  return st;
}

static ht_status gradient(ht_back *b) {
  const ht_shape *a = &b->in[0].shape, one = ht_shape_2(1, 1);
  int64_t m = a->dim[a->rank - 2], n = a->dim[a->rank - 1];
  if (!ht_attr_bool(b->attrs, "fast"))
    return ht_fail(HT_UNSUPPORTED,
                   "op 'MatrixSolveLs' has a gradient where it is fast alone");
  ht_lin_batch w =
      batch_of(&b->in[0], &b->in[1].shape, m >= n ? &tall_back : &wide_back);
  ht_tensor l = ht_tensor_shaped(&b->in[2], &one);
  ht_lin_reads(&w, &b->in[0]);
  ht_lin_reads(&w, &b->in[1]);
  ht_lin_reads(&w, &l);
  ht_lin_reads(&w, &b->out[0]);
  ht_lin_reads(&w, &b->dout[0].dense);
  ht_status st = give_both(b, &w);
  ht_tensor_drop(&l);
  return st;
}

/* TensorFlow has no gradient without `fast`, nor a derivative of the
 * regularizer. */
const ht_op ht_ops_least[] = {
    {
        .name = "MatrixSolveLs",
        .inputs = "matrix:T rhs:T l2_regularizer:double",
        .outputs = "output:T",
        .attrs = "T:type fast:bool=true",
        .doc = "Solves linear systems in the sense of least squares.",
        .samples =
            "d[4,2] d[4,3] d[]{0}; d[2,5,3] d[2,5,1] d[]{0.5};"
            "d[2,4] d[2,3] d[]{0}; d[2,3,5] d[2,3,2] d[]{0.25};"
            "f[4,2] f[4,1] d[]{1}; f[2,3] f[2,2] d[]{1}; d[3,3] d[3,2] d[]{1};"
            "d[4,2] d[4,3] d[]{0} fast=false !grad=0;"
            "d[2,4] d[2,3] d[]{0} fast=false !grad=0;"
            "d[3,2]{1,2,2,4,3,6} d[3,1] d[]{0} fast=false !grad=0;"
            "c[4,2] c[4,3] d[]{0}; z[2,5,3] z[2,5,1] d[]{0.5};"
            "z[2,4] z[2,3] d[]{0}; c[3,5] c[3,2] d[]{0.25};"
            "z[4,2] z[4,3] d[]{0} fast=false !grad=0;"
            "z[2,4] z[2,3] d[]{0} fast=false !grad=0; c[0,2] c[0,1] d[]{1}",
        .forward = forward,
        .gradient = gradient,
        .keep = HT_KEEP_INS | HT_KEEP_OUT(0),
    },
    {0},
};

#else

/* x = (A'A + l)^-1 b of tall matrices, (AA' + l)^-1 b of wide ones; uses room
 * 0. A stands in operand 0, l in operand 2. */
static ht_status NAME(solve_normal)(const ht_lin_step *s, const NUMBER *b,
                                    NUMBER *x) {
  const NUMBER *a = s->in[0], *l = s->in[2];
  NUMBER *gram = ht_lin_room(s, 0);
  int64_t n = tall(s) ? s->n : s->m, inner = tall(s) ? s->m : s->n;
  MAT(multiply)(n, n, inner, a, tall(s), a, !tall(s), gram);
  for (int64_t i = 0; i < n; i++) gram[i * n + i] += *l;
  if (MAT(solve)(n, s->k, gram, false, b, x)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a matrix is singular");
}

/* A, b, l: x */
static ht_status NAME(normal)(const ht_lin_step *s) {
  NUMBER *mid = ht_lin_room(s, 1);
  if (tall(s)) {
    MAT(multiply)(s->n, s->k, s->m, s->in[0], true, s->in[1], false, mid);
    return NAME(solve_normal)(s, mid, s->out[0]);
  }
  HT_TRY(NAME(solve_normal)(s, s->in[1], mid));
  MAT(multiply)(s->n, s->k, s->m, s->in[0], true, mid, false, s->out[0]);
  return HT_SUCCESS;
}

/* A, b: x of the least norm, by the singular values that count */
static ht_status NAME(least_norm)(const ht_lin_step *s) {
  int64_t p = s->m < s->n ? s->m : s->n;
  NUMBER *values = ht_lin_room(s, 0), *u = ht_lin_room(s, 1),
         *v = ht_lin_room(s, 2);
  NUMBER *mid = ht_lin_room(s, 3);
  if (!MAT(svd)(s->m, s->n, false, s->in[0], values, u, v))
    return ht_fail(HT_USAGE, "a matrix has no singular values");
  double least = REAL_OF(values[0]) * 2.2e-16 * (double)greater(s->m, s->n);
  MAT(multiply)(p, s->k, s->m, u, true, s->in[1], false, mid);
  for (int64_t i = 0; i < p; i++)
    for (int64_t j = 0; j < s->k; j++)
      mid[i * s->k + j] *= REAL_OF(values[i]) > least ? 1 / values[i] : 0;
  MAT(multiply)(s->n, s->k, p, v, false, mid, false, s->out[0]);
  return HT_SUCCESS;
}

/* ---- backward: A, b, l, x, dx give dA and db */

static void NAME(subtract)(int64_t n, const NUMBER *x, NUMBER *y) {
  for (int64_t i = 0; i < n; i++) y[i] -= x[i];
}

static ht_status NAME(tall_back)(const ht_lin_step *s) {
  int64_t m = s->m, n = s->n, k = s->k;
  NUMBER *z = ht_lin_room(s, 1), *xz = ht_lin_room(s, 2),
         *sum = ht_lin_room(s, 3);
  NUMBER *less = ht_lin_room(s, 4);
  HT_TRY(NAME(solve_normal)(s, s->in[4], z));
  MAT(multiply)(n, n, k, s->in[3], false, z, true, xz);
  /* TensorFlow conjugates nothing here. */
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      sum[i * n + j] = xz[i * n + j] + xz[j * n + i];
  MAT(multiply)(m, n, n, s->in[0], false, sum, false, less);
  MAT(multiply)(m, n, k, s->in[1], false, z, true, s->out[0]);
  NAME(subtract)(m * n, less, s->out[0]);
  MAT(multiply)(m, k, n, s->in[0], false, z, false, s->out[1]);
  return HT_SUCCESS;
}

static ht_status NAME(wide_back)(const ht_lin_step *s) {
  int64_t m = s->m, n = s->n, k = s->k;
  NUMBER *mid = ht_lin_room(s, 1), *y = ht_lin_room(s, 2),
         *rest = ht_lin_room(s, 3);
  NUMBER *less = ht_lin_room(s, 4), *da = s->out[0], *db = s->out[1];
  const NUMBER *dx = s->in[4];
  MAT(multiply)(m, k, n, s->in[0], false, s->in[4], false, mid);
  HT_TRY(NAME(solve_normal)(s, mid, db));
  HT_TRY(NAME(solve_normal)(s, s->in[1], y));
  MAT(multiply)(n, k, m, s->in[0], true, db, false, mid);
  for (int64_t i = 0; i < n * k; i++) rest[i] = dx[i] - mid[i];
  MAT(multiply)(m, n, k, y, false, rest, true, da);
  MAT(multiply)(k, n, m, y, true, s->in[0], false, mid);
  MAT(multiply)(m, n, k, db, false, mid, false, less);
  NAME(subtract)(m * n, less, da);
  return HT_SUCCESS;
}

#endif
