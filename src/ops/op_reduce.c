/* op_reduce.c - sums, means, extremes and running sums over axes. */
#include <complex.h>
#include <math.h>

#include "kernels/binary.h"
#include "kernels/cast.h"
#include "kernels/reduce.h"
#include "kernels/unary.h"
#include "ops/elementwise.h"
#include "ops/moves.h"

/* Which axes go, and the shapes with and without them. */
typedef struct {
  bool reduced[HT_MAX_RANK];
  ht_shape kept; /* axes of length 1 in their place */
  ht_shape out;
  int64_t count; /* elements that make one */
} plan;

static ht_status plan_axes(const ht_shape *x, const ht_tensor *axes,
                           bool keep_dims, plan *p) {
  *p = (plan){.kept = *x, .count = 1};
  if (axes->shape.rank > 1 || !ht_dtype_integer(axes->dtype))
    return ht_fail(HT_USAGE, "axes must be a vector of integers");
  for (int64_t i = 0; i < ht_count(axes); i++) {
    int axis;
    HT_TRY(ht_axis_from(ht_int_at(axes, i), x->rank, &axis));
    if (p->reduced[axis])
      return ht_fail(HT_USAGE, "axis %d is reduced twice", axis);
    p->reduced[axis] = true;
    p->kept.dim[axis] = 1;
    p->count *= x->dim[axis];
  }
  for (int i = 0; i < x->rank; i++)
    if (keep_dims || !p->reduced[i]) p->out.dim[p->out.rank++] = p->kept.dim[i];
  return HT_SUCCESS;
}

static ht_status reduce_call(ht_call *c, ht_reduction op, plan *p) {
  HT_TRY(plan_axes(&c->in[0]->shape, c->in[1],
                   ht_attr_bool(c->attrs, "keep_dims"), p));
  if (!ht_reduce_has(op, c->in[0]->dtype))
    return ht_no_dtype(c, c->in[0]->dtype);
  HT_TRY(
      ht_reduce(c->run->pool, op, c->in[0], p->reduced, &p->out, &c->out[0]));
  c->out[0].trace = 0;
  return HT_SUCCESS;
}

#define REDUCE(name, op)                        \
  static ht_status name##_forward(ht_call *c) { \
    plan p;                                     \
    return reduce_call(c, op, &p);              \
  }
REDUCE(sum, HT_REDUCE_SUM)
REDUCE(prod, HT_REDUCE_PROD)
REDUCE(max, HT_REDUCE_MAX)
REDUCE(min, HT_REDUCE_MIN)

/* x divided by n; integers are cut. */
static ht_status divide_by(ht_pool *pool, int64_t n, ht_tensor *x) {
  ht_tensor divisor, quotient = {0};
  const ht_tensor *one = x;
  if (ht_dtype_floating(x->dtype)) {
    HT_TRY(ht_elementwise(pool, &ht_k_scale, 1, &one, 1.0 / (double)n, x->dtype,
                          &quotient));
    ht_tensor_drop(x);
    *x = quotient;
    return HT_SUCCESS;
  }
  if (n == 0) return HT_SUCCESS;
  HT_TRY(ht_number(pool, x->dtype, (double)n, &divisor));
  const ht_tensor *both[] = {x, &divisor};
  ht_status st =
      ht_elementwise(pool, &ht_k_div, 2, both, 0, x->dtype, &quotient);
  ht_tensor_drop(&divisor);
  if (st.code != HT_OK) return st;
  ht_tensor_drop(x);
  *x = quotient;
  return HT_SUCCESS;
}

static ht_status mean_forward(ht_call *c) {
  plan p;
  HT_TRY(reduce_call(c, HT_REDUCE_SUM, &p));
  return divide_by(c->run->pool, p.count, &c->out[0]);
}

/* sqrt of the sum of x times its conjugate. */
/* Of integers cut as they are where a sum has become negative. */
static ht_status root_of(ht_pool *pool, const ht_tensor *x, ht_tensor *y) {
  if (!ht_dtype_integer(x->dtype))
    return ht_elementwise(pool, &ht_k_sqrt, 1, &x, 0, x->dtype, y);
  int64_t none = ht_dtype_size(x->dtype) == 8 ? INT64_MIN : INT32_MIN;
  HT_TRY(ht_tensor_new(pool, x->dtype, &x->shape, y));
  for (int64_t i = 0; i < ht_count(x); i++) {
    int64_t v = ht_int_at(x, i);
    double root = sqrt(x->dtype == HT_UINT64 ? (double)(uint64_t)v : (double)v);
    ht_put_int(y, i, root >= 0 ? (int64_t)root : none);
  }
  return HT_SUCCESS;
}

/* Squares and sums of integers wrap. */
static ht_status euclidean_norm_forward(ht_call *c) {
  plan p;
  ht_tensor square, sum = {0};
  const ht_tensor *x[] = {c->in[0], c->in[0]};
  bool whole = ht_dtype_integer(x[0]->dtype);
  const ht_kernel *k = whole ? &ht_k_square : &ht_g_mul;
  HT_TRY(plan_axes(&x[0]->shape, c->in[1], ht_attr_bool(c->attrs, "keep_dims"),
                   &p));
  if (!ht_kernel_has(k, x[0]->dtype)) return ht_no_dtype(c, x[0]->dtype);
  HT_TRY(ht_elementwise(c->run->pool, k, whole ? 1 : 2, x, 0, x[0]->dtype,
                        &square));
  ht_status st =
      ht_reduce(c->run->pool, HT_REDUCE_SUM, &square, p.reduced, &p.out, &sum);
  ht_tensor_drop(&square);
  if (st.code == HT_OK) st = root_of(c->run->pool, &sum, &c->out[0]);
  ht_tensor_drop(&sum);
  return st;
}

/* ---- gradients */

static ht_status plan_back(const ht_back *b, plan *p) {
  return plan_axes(&b->in[0].shape, &b->in[1],
                   ht_attr_bool(b->attrs, "keep_dims"), p);
}

/* A tensor of the result's count, seen with axes of length 1 in place. */
static ht_tensor kept_view(const plan *p, const ht_tensor *t) {
  return ht_tensor_shaped(t, &p->kept);
}

/* Gives t (of the result's count), spread over the reduced axes. */
static ht_status give_spread(ht_back *b, const plan *p, const ht_tensor *t) {
  ht_tensor view = kept_view(p, t), g;
  ht_status st = ht_back_new(b, t->dtype, &b->in[0].shape, &g);
  if (st.code == HT_OK) ht_broadcast_copy(&view, &g);
  ht_tensor_drop(&view);
  return st.code == HT_OK ? ht_give(b, 0, &g) : st;
}

static ht_status sum_gradient(ht_back *b) {
  plan p;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(plan_back(b, &p));
  return give_spread(b, &p, &b->dout[0].dense);
}

static ht_status mean_gradient(ht_back *b) {
  plan p;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(plan_back(b, &p));
  ht_tensor share = ht_tensor_share(&b->dout[0].dense);
  ht_status st = divide_by(b->run->pool, p.count, &share);
  if (st.code == HT_OK) st = give_spread(b, &p, &share);
  ht_tensor_drop(&share);
  return st;
}

/* Gives hit * dy / (number of hits): those that tie share equally. */
static ht_status give_shared(ht_back *b, const plan *p, const ht_tensor *hit) {
  ht_tensor hits, share = {0}, dy = kept_view(p, &b->dout[0].dense);
  ht_pool *pool = b->run->pool;
  ht_status st =
      ht_reduce(pool, HT_REDUCE_SUM, hit, p->reduced, &p->kept, &hits);
  if (st.code == HT_OK) {
    const ht_tensor *ratio[] = {&dy, &hits};
    st = ht_elementwise(pool, &ht_k_div, 2, ratio, 0, dy.dtype, &share);
    ht_tensor_drop(&hits);
  }
  ht_tensor_drop(&dy);
  const ht_tensor *product[] = {hit, &share};
  if (st.code == HT_OK)
    st = ht_elementwise_give(b, 0, &ht_k_mul, 2, product, 0);
  ht_tensor_drop(&share);
  return st;
}

static ht_status extreme_gradient(ht_back *b) {
  plan p;
  ht_tensor hit;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(plan_back(b, &p));
  ht_tensor y = kept_view(&p, &b->out[0]);
  const ht_tensor *both[] = {&b->in[0], &y};
  ht_status st = ht_elementwise(b->run->pool, &ht_k_same, 2, both, 0,
                                b->in[0].dtype, &hit);
  ht_tensor_drop(&y);
  if (st.code != HT_OK) return st;
  st = give_shared(b, &p, &hit);
  ht_tensor_drop(&hit);
  return st;
}

static ht_status euclidean_norm_gradient(ht_back *b) {
  plan p;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(plan_back(b, &p));
  ht_tensor y = kept_view(&p, &b->out[0]), ratio;
  ht_tensor dy = kept_view(&p, &b->dout[0].dense);
  const ht_tensor *both[] = {&dy, &y}, *product[] = {&b->in[0], &ratio};
  ht_status st =
      ht_elementwise(b->run->pool, &ht_k_div, 2, both, 0, dy.dtype, &ratio);
  ht_tensor_drop(&dy);
  ht_tensor_drop(&y);
  if (st.code != HT_OK) return st;
  st = ht_elementwise_give(b, 0, &ht_k_mul, 2, product, 0);
  ht_tensor_drop(&ratio);
  return st;
}

/* Offsets, in elements of x, of all index tuples over the axes where
 * reduced[i] == which. */
static void list_offsets(const ht_shape *s, const bool *reduced, bool which,
                         int64_t n, int64_t *offset) {
  for (int64_t k = 0; k < n; k++) {
    int64_t rest = k, stride = 1;
    offset[k] = 0;
    for (int i = s->rank - 1; i >= 0; stride *= s->dim[i--])
      if (reduced[i] == which) {
        offset[k] += rest % s->dim[i] * stride;
        rest /= s->dim[i];
      }
  }
}

/* dx of products of x over groups of n members: d times the product of all
 * others, where left and right products meet. `room` holds 2 n numbers. */
#define PROD_BACK(name, T, CONJ)                                           \
  static void name(const ht_tensor *x, const ht_tensor *dy,                \
                   const int64_t *group, const int64_t *member, int64_t n, \
                   void *room, ht_tensor *g) {                             \
    T *v = room, *others = v + n;                                          \
    for (int64_t k = 0; k < ht_count(dy); k++) {                           \
      T left = 1, right = 1, d = HT_DATA(T, dy)[k];                        \
      for (int64_t i = 0; i < n; left *= v[i], i++) {                      \
        v[i] = HT_DATA(T, x)[group[k] + member[i]];                        \
        others[i] = left;                                                  \
      }                                                                    \
      for (int64_t i = n - 1; i >= 0; right *= v[i], i--)                  \
        HT_DATA(T, g)[group[k] + member[i]] = d * CONJ(others[i] * right); \
    }                                                                      \
  }
PROD_BACK(prod_back_d, double, )
PROD_BACK(prod_back_z, double _Complex, conj)

/* t as numbers of type `wide`. */
static ht_status widened(ht_pool *pool, const ht_tensor *t, ht_dtype wide,
                         ht_tensor *out) {
  if (t->dtype == wide) {
    *out = ht_tensor_share(t);
    return HT_SUCCESS;
  }
  HT_TRY(ht_tensor_new(pool, wide, &t->shape, out));
  ht_cast_run(t, false, out);
  return HT_SUCCESS;
}

/* Gives g as what the input is; takes over g. */
static ht_status give_cast(ht_back *b, ht_tensor *g) {
  ht_tensor cast;
  if (b->in[0].dtype == g->dtype) return ht_give(b, 0, g);
  ht_status st = ht_back_new(b, b->in[0].dtype, &g->shape, &cast);
  if (st.code == HT_OK) ht_cast_run(g, false, &cast);
  ht_tensor_drop(g);
  return st.code == HT_OK ? ht_give(b, 0, &cast) : st;
}

/* x, dy and g are double, or complex128. */
static ht_status prod_groups(const plan *p, const ht_tensor *x,
                             const ht_tensor *dy, ht_tensor *g) {
  ht_arena arena = {0};
  int64_t n = p->count, groups = ht_count(dy);
  int64_t *group = ht_alloc(&arena, (size_t)groups + 1, sizeof *group);
  int64_t *member = ht_alloc(&arena, (size_t)n + 1, sizeof *member);
  void *scratch = ht_alloc(&arena, (size_t)n + 1, 2 * sizeof(double _Complex));
  bool room = group && member && scratch;
  if (room && ht_count(x)) {
    list_offsets(&x->shape, p->reduced, false, groups, group);
    list_offsets(&x->shape, p->reduced, true, n, member);
    if (x->dtype == HT_DOUBLE)
      prod_back_d(x, dy, group, member, n, scratch, g);
    else
      prod_back_z(x, dy, group, member, n, scratch, g);
  }
  ht_arena_free(&arena);
  return room
             ? HT_SUCCESS
             : ht_fail(HT_NO_MEMORY, "no memory for the gradient of a product");
}

static ht_status prod_gradient(ht_back *b) {
  plan p;
  ht_tensor wide_x, wide_dy = {0}, g = {0};
  const ht_tensor *x = &b->in[0], *dy = &b->dout[0].dense;
  bool pairs = x->dtype == HT_COMPLEX64 || x->dtype == HT_COMPLEX128;
  ht_dtype wide = pairs ? HT_COMPLEX128 : HT_DOUBLE;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  if (x->dtype != wide && !ht_cast_has(x->dtype, wide))
    return ht_fail(HT_UNSUPPORTED, "no gradient of a product of '%s'",
                   ht_dtype_name(x->dtype));
  HT_TRY(plan_back(b, &p));
  HT_TRY(widened(b->run->pool, x, wide, &wide_x));
  ht_status st = widened(b->run->pool, dy, wide, &wide_dy);
  if (st.code == HT_OK) st = ht_back_new(b, wide, &x->shape, &g);
  if (st.code == HT_OK) st = prod_groups(&p, &wide_x, &wide_dy, &g);
  ht_tensor_drop(&wide_x);
  ht_tensor_drop(&wide_dy);
  if (st.code == HT_OK) return give_cast(b, &g);
  ht_tensor_drop(&g);
  return st;
}

/* ---- where extremes stand */

static ht_status narrow_indices(ht_call *c, const ht_shape *shape,
                                const ht_tensor *index) {
  ht_dtype t = ht_attr_type(c->attrs, "output_type");
  HT_TRY(ht_out(c, 0, t, shape));
  for (int64_t i = 0; i < ht_count(index); i++) {
    int64_t v = ht_i64(index)[i];
    switch (t) {
      case HT_INT64: ht_i64(&c->out[0])[i] = v; break;
      case HT_INT32: ht_i32(&c->out[0])[i] = (int32_t)v; break;
      case HT_INT16: HT_DATA(int16_t, &c->out[0])[i] = (int16_t)v; break;
      case HT_UINT16: HT_DATA(uint16_t, &c->out[0])[i] = (uint16_t)v; break;
      default: return ht_no_dtype(c, t);
    }
  }
  return HT_SUCCESS;
}

static ht_status arg_extreme(ht_call *c, bool greatest) {
  const ht_tensor *x = c->in[0];
  int axis;
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_axis_from(ht_int_at(c->in[1], 0), x->shape.rank, &axis));
  ht_shape shape = {.rank = 0};
  for (int i = 0; i < x->shape.rank; i++)
    if (i != axis) shape.dim[shape.rank++] = x->shape.dim[i];
  if (x->shape.dim[axis] == 0)
    return ht_fail(HT_USAGE, "op '%s' has nothing along axis %d", c->op->name,
                   axis);
  ht_tensor index;
  ht_around around = ht_around_axis(&x->shape, axis);
  HT_TRY(ht_tensor_new(c->run->pool, HT_INT64, &shape, &index));
  ht_status st = HT_SUCCESS;
  if (!ht_arg_extreme(x, &around, greatest, ht_i64(&index)))
    st = ht_no_dtype(c, x->dtype);
  if (st.code == HT_OK) st = narrow_indices(c, &shape, &index);
  ht_tensor_drop(&index);
  return st;
}

static ht_status arg_max_forward(ht_call *c) { return arg_extreme(c, true); }
static ht_status arg_min_forward(ht_call *c) { return arg_extreme(c, false); }

/* ---- running sums */

static ht_status scan(ht_pool *pool, ht_scan op, const ht_tensor *x,
                      int64_t axis, int how, ht_tensor *out) {
  int k;
  HT_TRY(ht_axis_from(axis, x->shape.rank, &k));
  HT_TRY(ht_tensor_new(pool, x->dtype, &x->shape, out));
  ht_around around = ht_around_axis(&x->shape, k);
  if (ht_scan_run(op, x, &around, how & 1, how & 2, out)) return HT_SUCCESS;
  ht_tensor_drop(out);
  return ht_fail(HT_UNSUPPORTED, "no running sum of dtype '%s'",
                 ht_dtype_name(x->dtype));
}

/* 1: exclusive, 2: reverse. */
static int scan_how(const ht_attrs *attrs) {
  return (ht_attr_bool(attrs, "exclusive") ? 1 : 0) |
         (ht_attr_bool(attrs, "reverse") ? 2 : 0);
}

static ht_status scan_call(ht_call *c, ht_scan op) {
  HT_TRY(ht_need_scalar(c, 1));
  return scan(c->run->pool, op, c->in[0], ht_int_at(c->in[1], 0),
              scan_how(c->attrs), &c->out[0]);
}

static ht_status cumsum_forward(ht_call *c) {
  return scan_call(c, HT_SCAN_SUM);
}
static ht_status cumprod_forward(ht_call *c) {
  return scan_call(c, HT_SCAN_PROD);
}
static ht_status cumulative_logsumexp_forward(ht_call *c) {
  return scan_call(c, HT_SCAN_LOGSUMEXP);
}

static ht_status cumsum_gradient(ht_back *b) {
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(scan(b->run->pool, HT_SCAN_SUM, &b->dout[0].dense,
              ht_int_at(&b->in[1], 0), scan_how(b->attrs) ^ 2, &g));
  return ht_give(b, 0, &g);
}

/* As TensorFlow: the reversed running sum of y dy, over x, 0 where x is 0. */
static ht_status cumprod_gradient(ht_back *b) {
  ht_pool *pool = b->run->pool;
  ht_tensor product, sum = {0};
  const ht_tensor *both[] = {&b->dout[0].dense, &b->out[0]};
  const ht_tensor *ratio[] = {&sum, &b->in[0]};
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_elementwise(pool, &ht_k_mul, 2, both, 0, b->in[0].dtype, &product));
  ht_status st = scan(pool, HT_SCAN_SUM, &product, ht_int_at(&b->in[1], 0),
                      scan_how(b->attrs) ^ 2, &sum);
  ht_tensor_drop(&product);
  if (st.code == HT_OK)
    st = ht_elementwise_give(b, 0, &ht_k_div_no_nan, 2, ratio, 0);
  ht_tensor_drop(&sum);
  return st;
}

/* x_i takes part in y_k with weight e^(x_i - y_k). */
static void logsumexp_back(const ht_back *b, const ht_around *a, int how,
                           int64_t column, double *g) {
  const ht_tensor *dy = &b->dout[0].dense;
  int64_t first = column / a->inner * a->length * a->inner + column % a->inner;
  for (int64_t i = 0; i < a->length; i++) {
    double x = ht_real_at(&b->in[0], first + i * a->inner);
    g[i] = 0;
    for (int64_t k = 0; k < a->length; k++) {
      bool counts = how & 2 ? i >= k : i <= k;
      int64_t at = first + k * a->inner;
      if (counts && !(how & 1 && i == k))
        g[i] += ht_real_at(dy, at) * exp(x - ht_real_at(&b->out[0], at));
    }
  }
}

static ht_status cumulative_logsumexp_gradient(ht_back *b) {
  int axis;
  ht_tensor g, column;
  const ht_tensor *x = &b->in[0];
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_axis_from(ht_int_at(&b->in[1], 0), x->shape.rank, &axis));
  ht_around a = ht_around_axis(&x->shape, axis);
  ht_shape shape = ht_shape_1(a.length);
  HT_TRY(ht_tensor_new(b->run->pool, HT_DOUBLE, &shape, &column));
  ht_status st = ht_back_new(b, HT_DOUBLE, &x->shape, &g);
  double *values = column.data;
  for (int64_t k = 0; st.code == HT_OK && k < a.outer * a.inner; k++) {
    int64_t first = k / a.inner * a.length * a.inner + k % a.inner;
    logsumexp_back(b, &a, scan_how(b->attrs), k, values);
    for (int64_t i = 0; i < a.length; i++)
      HT_DATA(double, &g)[first + i * a.inner] = values[i];
  }
  ht_tensor_drop(&column);
  return st.code == HT_OK ? give_cast(b, &g) : st;
}

/* ---- half the sum of squares */

static ht_status l2_loss_forward(ht_call *c) {
  ht_tensor square, sum, half;
  const ht_tensor *x = c->in[0], *both[] = {&sum, &half};
  bool all[HT_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
  if (!ht_kernel_has(&ht_k_sqrt, x->dtype)) return ht_no_dtype(c, x->dtype);
  HT_TRY(
      ht_elementwise(c->run->pool, &ht_k_square, 1, &x, 0, x->dtype, &square));
  ht_status st =
      ht_reduce(c->run->pool, HT_REDUCE_SUM, &square, all, &HT_SCALAR, &sum);
  ht_tensor_drop(&square);
  if (st.code != HT_OK) return st;
  st = ht_number(c->run->pool, x->dtype, 0.5, &half);
  if (st.code == HT_OK)
    st = ht_elementwise(c->run->pool, &ht_k_mul, 2, both, 0, x->dtype,
                        &c->out[0]);
  ht_tensor_drop(&half);
  ht_tensor_drop(&sum);
  return st;
}

static ht_status l2_loss_gradient(ht_back *b) {
  const ht_tensor *x[] = {&b->in[0], &b->dout[0].dense};
  return ht_elementwise_give(b, 0, &ht_k_mul, 2, x, 0);
}

const ht_op ht_ops_reduce[] = {
    {.name = "Sum",
     .inputs = "input:T reduction_indices:Tidx",
     .outputs = "output:T",
     .attrs = "keep_dims:bool=false T:type Tidx:type=INT32",
     .doc = "The sum over axes.",
     .samples = "f[2,3] i[]{1}; f[2,3] i[1]{0}; f[2,3,4] i[2]{0,2}; "
                "f[2,3,4] i[1]{-1} keep_dims=true; f[2,3] i[0]; f[2,3] "
                "i[2]{0,1}; f[] i[0]; f[2,3,4,5] i[2]{1,2} "
                "keep_dims=true; d[3,4] l[1]{-2}; f[0,3] i[1]{0}; f[3,0] "
                "i[1]{0}; i[2,3] i[]{1}; l[4] i[]{0}; h[2,40] i[]{1}; "
                "f[3,100] i[]{1}; f[2,70,3] i[]{1}; d[2,3,2,3] "
                "i[2]{0,2}; f[300] i[]{0}; f[90,7] i[]{0}; c[2,3] "
                "i[]{1}; f[3]{1,nan,inf} i[]{0}; i[2]{2147483647,1} "
                "i[]{0}",
     .forward = sum_forward,
     .gradient = sum_gradient,
     .keep = HT_KEEP_IN(1)},
    {.name = "Mean",
     .inputs = "input:T reduction_indices:Tidx",
     .outputs = "output:T",
     .attrs = "keep_dims:bool=false T:type Tidx:type=INT32",
     .doc = "The mean over axes.",
     .samples = "f[2,3] i[]{1}; f[2,3] i[1]{0}; f[2,3,4] i[2]{0,2}; "
                "f[2,3,4] i[1]{-1} keep_dims=true; f[2,3] i[0]; f[2,3] "
                "i[2]{0,1}; f[] i[0]; f[2,3,4,5] i[2]{1,2} "
                "keep_dims=true; d[3,4] l[1]{-2}; f[0,3] i[1]{0}; f[3,0] "
                "i[1]{0}; i[2,3](-9,9) i[]{1}; l[4] i[]{0}; h[2,40] "
                "i[]{1}; f[3,100] i[]{1}; f[2,70,3] i[]{1}; d[2,3,2,3] "
                "i[2]{0,2}; f[300] i[]{0}; f[90,7] i[]{0}; c[2,3] i[]{1}",
     .forward = mean_forward,
     .gradient = mean_gradient,
     .keep = HT_KEEP_IN(1)},
    {.name = "Prod",
     .inputs = "input:T reduction_indices:Tidx",
     .outputs = "output:T",
     .attrs = "keep_dims:bool=false T:type Tidx:type=INT32",
     .doc = "The product over axes.",
     .samples = "f[2,3] i[]{1}; f[2,3] i[1]{0}; f[2,3,4] i[2]{0,2}; "
                "f[2,3,4] i[1]{-1} keep_dims=true; f[2,3] i[0]; f[2,3] "
                "i[2]{0,1}; f[] i[0]; f[2,3,4,5] i[2]{1,2} "
                "keep_dims=true; d[3,4] i[1]{-2}; f[0,3] i[1]{0}; f[3,0] "
                "i[1]{0}; i[2,3] i[]{1}; l[4] i[]{0}; h[2,4] i[]{1}; "
                "f[3,10] i[]{1}; f[2,7,3] i[]{1}; d[2,3,2,3] i[2]{0,2}; "
                "f[30](0.8,1.2) i[]{0}; f[4]{0,2,3,4} i[]{0}; "
                "f[2,3]{0,0,3,1,0,2} i[]{1}",
     .forward = prod_forward,
     .gradient = prod_gradient,
     .keep = HT_KEEP_INS},
    {.name = "Max",
     .inputs = "input:T reduction_indices:Tidx",
     .outputs = "output:T",
     .attrs = "keep_dims:bool=false T:type Tidx:type=INT32",
     .doc = "The greatest over axes.",
     .samples = "f[2,3] i[]{1}; f[2,3] i[1]{0}; f[2,3,4] i[2]{0,2}; "
                "f[2,3,4] i[1]{-1} keep_dims=true; f[2,3] i[0]; f[2,3] "
                "i[2]{0,1}; f[] i[0]; f[2,3,4,5] i[2]{1,2} "
                "keep_dims=true; d[3,4] l[1]{-2}; f[0,3] i[1]{0}; f[3,0] "
                "i[1]{0}; i[2,3] i[]{1}; l[4] i[]{0}; h[2,40] i[]{1}; "
                "f[3,100] i[]{1}; f[2,70,3] i[]{1}; d[2,3,2,3] "
                "i[2]{0,2}; f[300] i[]{0}; f[90,7] i[]{0}; f[4]{1,3,3,2} "
                "i[]{0}; f[3]{1,nan,2} i[]{0} !grad=0; f[2]{-inf,-inf} "
                "i[]{0}; u[3] i[]{0}; f[2,2]{1,1,1,1} i[2]{0,1}",
     .forward = max_forward,
     .gradient = extreme_gradient,
     .keep = HT_KEEP_INS | HT_KEEP_OUT(0)},
    {.name = "Min",
     .inputs = "input:T reduction_indices:Tidx",
     .outputs = "output:T",
     .attrs = "keep_dims:bool=false T:type Tidx:type=INT32",
     .doc = "The least over axes.",
     .samples = "f[2,3] i[]{1}; f[2,3] i[1]{0}; f[2,3,4] i[2]{0,2}; "
                "f[2,3,4] i[1]{-1} keep_dims=true; f[2,3] i[0]; f[2,3] "
                "i[2]{0,1}; f[] i[0]; f[2,3,4,5] i[2]{1,2} "
                "keep_dims=true; d[3,4] l[1]{-2}; f[0,3] i[1]{0}; f[3,0] "
                "i[1]{0}; i[2,3] i[]{1}; l[4] i[]{0}; h[2,40] i[]{1}; "
                "f[3,100] i[]{1}; f[2,70,3] i[]{1}; d[2,3,2,3] "
                "i[2]{0,2}; f[300] i[]{0}; f[90,7] i[]{0}; f[4]{1,3,3,2} "
                "i[]{0}; f[3]{1,nan,2} i[]{0} !grad=0; f[2]{inf,inf} "
                "i[]{0}; u[3] i[]{0}; f[2,2]{1,1,1,1} i[2]{0,1}",
     .forward = min_forward,
     .gradient = extreme_gradient,
     .keep = HT_KEEP_INS | HT_KEEP_OUT(0)},
    {.name = "All",
     .inputs = "input:bool reduction_indices:Tidx",
     .outputs = "output:bool",
     .attrs = "keep_dims:bool=false Tidx:type=INT32",
     .doc = "Whether all over axes hold.",
     .samples = "b[2,3] i[]{1}; b[2,3,2] i[2]{0,2} keep_dims=true; b[0] "
                "i[]{0}; b[3] i[0]; b[300] l[1]{0}",
     .forward = min_forward,
     .gradient = ht_no_gradient},
    {.name = "Any",
     .inputs = "input:bool reduction_indices:Tidx",
     .outputs = "output:bool",
     .attrs = "keep_dims:bool=false Tidx:type=INT32",
     .doc = "Whether one over axes holds.",
     .samples = "b[2,3] i[]{1}; b[2,3,2] i[2]{0,2} keep_dims=true; b[0] "
                "i[]{0}; b[3] i[0]; b[300] l[1]{0}",
     .forward = max_forward,
     .gradient = ht_no_gradient},
    {
        .name = "EuclideanNorm",
        .inputs = "input:T reduction_indices:Tidx",
        .outputs = "output:T",
        .attrs = "keep_dims:bool=false T:type Tidx:type=INT32",
        .doc = "The root of the sum of squares over axes.",
        .samples = "f[2,3] i[]{1}; d[2,3,4] i[2]{0,2} keep_dims=true; f[4] "
                   "i[0] !grad=0; f[0,3] i[1]{0}; l[2,3](-9,9) i[]{1}; i[4]"
                   "{100000,100000,3,1} i[1]{0}; a[2,2]{100,100,3,4} i[]{1};"
                   "l[2]{4294967296,3} i[]{0}; y[2,2]{2147483648,1073741825,"
                   "3,4} i[]{1}; u[3]{100,100,3} i[]{0}; l[0,2] i[]{0}",
        .forward = euclidean_norm_forward,
        .gradient = euclidean_norm_gradient,
        .keep = HT_KEEP_INS | HT_KEEP_OUT(0),
    },
    {.name = "ArgMax",
     .inputs = "input:T dimension:Tidx",
     .outputs = "output:output_type",
     .attrs = "T:type Tidx:type=INT32 output_type:type=INT64",
     .doc = "Where the greatest stands.",
     .samples = "f[2,3] i[]{1}; f[2,3,4] i[]{-2}; f[4]{1,3,3,2} i[]{0}; "
                "f[4]{nan,3,nan,4} i[]{0}; f[3]{-inf,-inf,-inf} i[]{0}; "
                "i[2,3] l[]{0}; l[3] i[]{0} output_type=int32; d[2,3] "
                "i[]{0} output_type=int32; b[4]{0,1,1,0} i[]{0}; u[3] "
                "i[]{0}; h[3] i[]{0}; f[0,3] i[]{1}",
     .forward = arg_max_forward,
     .gradient = ht_no_gradient},
    {.name = "ArgMin",
     .inputs = "input:T dimension:Tidx",
     .outputs = "output:output_type",
     .attrs = "T:type Tidx:type=INT32 output_type:type=INT64",
     .doc = "Where the least stands.",
     .samples = "f[2,3] i[]{1}; f[2,3,4] i[]{-2}; f[4]{1,3,3,2} i[]{0}; "
                "f[4]{nan,3,nan,4} i[]{0}; f[3]{-inf,-inf,-inf} i[]{0}; "
                "i[2,3] l[]{0}; l[3] i[]{0} output_type=int32; d[2,3] "
                "i[]{0} output_type=int32; b[4]{0,1,1,0} i[]{0}; u[3] "
                "i[]{0}; h[3] i[]{0}; f[0,3] i[]{1}",
     .forward = arg_min_forward,
     .gradient = ht_no_gradient},
    {
        .name = "Cumsum",
        .inputs = "x:T axis:Tidx",
        .outputs = "out:T",
        .attrs =
            "exclusive:bool=false reverse:bool=false T:type Tidx:type=INT32",
        .doc = "Running sums along an axis.",
        .samples = "f[2,3] i[]{1}; f[2,3,2] i[]{1} exclusive=true; d[2,3] "
                   "i[]{0} reverse=true; d[2,4] i[]{-1} reverse=true "
                   "exclusive=true; f[0,3] i[]{0}; d[5] l[]{0}; i[4] "
                   "i[]{0}; l[3,2] i[]{0}; c[3] i[]{0}",
        .forward = cumsum_forward,
        .gradient = cumsum_gradient,
        .keep = HT_KEEP_IN(1),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "Cumprod",
        .inputs = "x:T axis:Tidx",
        .outputs = "out:T",
        .attrs =
            "exclusive:bool=false reverse:bool=false T:type Tidx:type=INT32",
        .doc = "Running products along an axis.",
        .samples = "f[2,3] i[]{1}; f[2,3,2] i[]{1} exclusive=true; d[2,3] "
                   "i[]{0} reverse=true; d[2,4] i[]{-1} reverse=true "
                   "exclusive=true; f[0,3] i[]{0}; d[5] l[]{0}; i[4] "
                   "i[]{0}; f[3]{2,0,3} i[]{0}",
        .forward = cumprod_forward,
        .gradient = cumprod_gradient,
        .keep = HT_KEEP_INS | HT_KEEP_OUT(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "CumulativeLogsumexp",
        .inputs = "x:T axis:Tidx",
        .outputs = "out:T",
        .attrs =
            "exclusive:bool=false reverse:bool=false T:type Tidx:type=INT32",
        .doc = "The logarithm of running sums of e^x.",
        .samples = "f[2,3] i[]{1}; f[2,3,2] i[]{1}; d[2,3] i[]{0} "
                   "reverse=true; d[2,4] i[]{-1} reverse=true; f[0,3] "
                   "i[]{0}; d[5] l[]{0}; f[3]{100,200,-300} i[]{0}; d[3] "
                   "i[]{0} exclusive=true !grad=0",
        .forward = cumulative_logsumexp_forward,
        .gradient = cumulative_logsumexp_gradient,
        .keep = HT_KEEP_INS | HT_KEEP_OUT(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {.name = "L2Loss",
     .inputs = "t:T",
     .outputs = "output:T",
     .attrs = "T:type",
     .doc = "Half the sum of squares.",
     .samples = "f[2,3]; d[4]; f[]; f[0]; h[3]",
     .forward = l2_loss_forward,
     .gradient = l2_loss_gradient,
     .keep = HT_KEEP_IN(0)},
    {0},
};
