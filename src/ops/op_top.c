/* op_top.c - the largest elements of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"
#include "ops/places.h"

/* ---- TopK: of equal elements the first one leads */

/* Numbers as doubles order like themselves, but for 64-bit integers. */
typedef struct row {
  const ht_tensor *t;
  int64_t from;
  bool wide, natural; /* int64, uint64 */
} row;

static double value_at(const row *r, int64_t i) {
  if (r->t->dtype == HT_FLOAT) return (double)ht_f(r->t)[r->from + i];
  return ht_real_at(r->t, r->from + i);
}

/* Whether element a comes before b. */
static bool leads(const row *r, int64_t a, int64_t b) {
  if (r->wide) {
    int64_t x = ht_i64(r->t)[r->from + a], y = ht_i64(r->t)[r->from + b];
    return x > y || (x == y && a < b);
  }
  if (r->natural) {
    const uint64_t *v = HT_DATA(uint64_t, r->t) + r->from;
    return v[a] > v[b] || (v[a] == v[b] && a < b);
  }
  double x = value_at(r, a), y = value_at(r, b);
  return x > y || (!(y > x) && a < b);
}

/* A heap whose top is the last of those kept. */
static void sift_down(const row *r, int64_t *heap, int64_t n, int64_t i) {
  for (;;) {
    int64_t child = 2 * i + 1, last = i;
    for (int64_t k = child; k < child + 2 && k < n; k++)
      if (leads(r, heap[last], heap[k])) last = k;
    if (last == i) return;
    int64_t kept = heap[i];
    heap[i] = heap[last];
    heap[last] = kept;
    i = last;
  }
}

static void top_of_row(const row *r, int64_t n, int64_t k, int64_t *heap) {
  for (int64_t i = 0; i < k; i++) heap[i] = i;
  for (int64_t i = k / 2 - 1; i >= 0; i--) sift_down(r, heap, k, i);
  for (int64_t i = k; i < n && k; i++)
    if (leads(r, i, heap[0])) {
      heap[0] = i;
      sift_down(r, heap, k, 0);
    }
  for (int64_t left = k - 1; left > 0; left--) {
    int64_t last = heap[0];
    heap[0] = heap[left];
    heap[left] = last;
    sift_down(r, heap, left, 0);
  }
}

typedef struct job {
  const ht_tensor *x;
  int64_t n, k;
  int64_t *at; /* [rows, k] */
} job;

static void top_rows(size_t from, size_t to, void *arg) {
  const job *j = arg;
  for (size_t i = from; i < to; i++) {
    row r = {j->x, (int64_t)i * j->n, j->x->dtype == HT_INT64,
             j->x->dtype == HT_UINT64};
    top_of_row(&r, j->n, j->k, j->at + (int64_t)i * j->k);
  }
}

/* Values and indices from the places, which stay as an int64 tensor. */
static ht_status out_top(ht_call *c, const job *j, int64_t rows) {
  enum { GRAIN = 1 << 14 };
  ht_dtype index = ht_attr_type(c->attrs, "index_type");
  ht_shape s = j->x->shape;
  s.dim[s.rank - 1] = j->k;
  ht_parallel((size_t)rows, (size_t)(GRAIN / (j->n + 1) + 1), top_rows,
              (void *)(uintptr_t)j);
  HT_TRY(ht_out(c, 0, j->x->dtype, &s));
  HT_TRY(ht_out(c, 1, index ? index : HT_INT32, &s));
  ht_gather g = {rows, 1, j->n, j->k, 1, j->at};
  ht_k_gather(&g, ht_dtype_size(j->x->dtype), j->x->data, c->out[0].data);
  for (int64_t i = 0; i < rows * j->k; i++) ht_put_int(&c->out[1], i, j->at[i]);
  return HT_SUCCESS;
}

static ht_status top(ht_call *c, int64_t k) {
  const ht_tensor *x = c->in[0];
  ht_dtype t = x->dtype;
  HT_TRY(ht_need_min_rank(c, 0, 1));
  int64_t n = x->shape.dim[x->shape.rank - 1], rows = 1;
  if (k < 0 || k > n)
    return ht_fail(HT_USAGE, "op '%s' wants the largest %lld of %lld",
                   c->op->name, (long long)k, (long long)n);
  if (ht_dtype_pointers(t) || t == HT_BOOL || t == HT_COMPLEX64 ||
      t == HT_COMPLEX128)
    return ht_no_dtype(c, t);
  for (int i = 0; i < x->shape.rank - 1; i++) rows *= x->shape.dim[i];
  ht_tensor places;
  ht_shape s = ht_shape_2(rows, k);
  HT_TRY(ht_tensor_new(c->run->pool, HT_INT64, &s, &places));
  ht_status st = out_top(c, &(job){x, n, k, ht_i64(&places)}, rows);
  ht_tensor_drop(&places);
  return st;
}

static ht_status top_k_v2_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 1));
  return top(c, ht_int_at(c->in[1], 0));
}

/* CPUs have a kernel of the whole last axis alone, which is exact. */
static ht_status approximate_forward(ht_call *c) {
  int64_t axis = ht_attr_int(c->attrs, "reduction_dimension");
  HT_TRY(ht_need_min_rank(c, 0, 1));
  if ((axis != -1 && axis != c->in[0]->shape.rank - 1) ||
      !ht_attr_bool(c->attrs, "is_max_k") ||
      !ht_attr_bool(c->attrs, "aggregate_to_topk"))
    return ht_fail(HT_UNSUPPORTED,
                   "op '%s' gives the largest of the last axis alone",
                   c->op->name);
  return top(c, ht_attr_int(c->attrs, "k"));
}

static ht_status top_gradient(ht_back *b) {
  const ht_tensor *dy = &b->dout[0].dense, *at = &b->out[1];
  ht_tensor g, id = {0};
  if (!dy->dtype || !ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_zeros(b, dy->dtype, &b->in[0].shape, &g));
  ht_status st = ht_tensor_new(b->run->pool, HT_INT64, &at->shape, &id);
  if (st.code == HT_OK) {
    int64_t k = at->shape.dim[at->shape.rank - 1];
    for (int64_t i = 0; i < ht_count(at); i++)
      ht_i64(&id)[i] = ht_int_at(at, i);
    ht_gather rows = {k ? ht_count(at) / k : 0,
                      1,
                      g.shape.dim[g.shape.rank - 1],
                      k,
                      1,
                      ht_i64(&id)};
    ht_k_scatter(&rows, HT_SCATTER_ADD, dy->dtype, dy->data, g.data);
  }
  ht_tensor_drop(&id);
  return ht_give_or_drop(b, 0, &g, st);
}

/* ---- NthElement: of each row the one that would be n-th if it were sorted */

static ht_status nth_rows(const ht_call *c, job *j, int64_t rows) {
  const char *x = j->x->data;
  size_t size = ht_dtype_size(j->x->dtype);
  int64_t *at = malloc((size_t)(rows * j->k) * sizeof *at + 1);
  if (!at) return ht_fail(HT_NO_MEMORY, "no memory for sorted rows");
  j->at = at;
  ht_parallel((size_t)rows, ht_grain((double)j->n), top_rows, j);
  for (int64_t i = 0; i < rows; i++)
    memcpy((char *)c->out[0].data + (size_t)i * size,
           x + (size_t)(i * j->n + at[(i + 1) * j->k - 1]) * size, size);
  free(at);
  return HT_SUCCESS;
}

static ht_status nth_forward(ht_call *c) {
  const ht_tensor *x = c->in[0];
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(ht_need_scalar(c, 1));
  if (ht_dtype_pointers(x->dtype) || x->dtype == HT_BOOL ||
      x->dtype == HT_COMPLEX64 || x->dtype == HT_COMPLEX128)
    return ht_no_dtype(c, x->dtype);
  ht_shape s = x->shape;
  int64_t n = s.dim[--s.rank], nth = ht_int_at(c->in[1], 0);
  if (nth < 0 || nth >= n)
    return ht_fail(HT_USAGE, "op '%s' wants element %lld of %lld", c->op->name,
                   (long long)nth, (long long)n);
  HT_TRY(ht_out(c, 0, x->dtype, &s));
  bool falling = ht_attr_bool(c->attrs, "reverse");
  job j = {x, n, falling ? nth + 1 : n - nth, NULL};
  return nth_rows(c, &j, ht_count(&c->out[0]));
}

static void share(ht_tensor *g, int64_t i, double v) {
  if (g->dtype == HT_DOUBLE)
    HT_DATA(double, g)[i] = v;
  else
    ht_f(g)[i] = (float)v;
}

/* Equal elements share it. */
static ht_status nth_gradient(ht_back *b) {
  const ht_tensor *x = &b->in[0], *y = &b->out[0], *dy = &b->dout[0].dense;
  ht_tensor g;
  if (!dy->dtype || !ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_back_zeros(b, dy->dtype, &x->shape, &g));
  int64_t n = x->shape.dim[x->shape.rank - 1];
  for (int64_t i = 0; i < ht_count(y); i++) {
    double v = ht_real_at(y, i), same = 0;
    for (int64_t k = i * n; k < (i + 1) * n; k++) same += ht_real_at(x, k) == v;
    for (int64_t k = i * n; k < (i + 1) * n; k++)
      if (ht_real_at(x, k) == v) share(&g, k, ht_real_at(dy, i) / same);
  }
  return ht_give(b, 0, &g);
}

/* ---- InTopK: whether a target is among the k largest of its row. Ties are
 * won, what is not finite is lost. */

static bool in_top(const float *x, int64_t n, int64_t target, int64_t k) {
  if (target < 0 || target >= n || !isfinite(x[target])) return false;
  int64_t larger = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) return false;
    larger += x[i] > x[target];
  }
  return larger < k;
}

static ht_status in_top_of(ht_call *c, int64_t k) {
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_rank(c, 1, 1));
  const ht_tensor *x = c->in[0], *target = c->in[1];
  int64_t n = x->shape.dim[1];
  if (x->shape.dim[0] != target->shape.dim[0])
    return ht_fail(HT_USAGE, "%lld targets for %lld rows",
                   (long long)target->shape.dim[0], (long long)x->shape.dim[0]);
  HT_TRY(ht_out(c, 0, HT_BOOL, &target->shape));
  for (int64_t i = 0; i < ht_count(target); i++)
    ht_bool(&c->out[0])[i] =
        in_top(ht_f(x) + i * n, n, ht_int_at(target, i), k);
  return HT_SUCCESS;
}

static ht_status in_top_k_forward(ht_call *c) {
  return in_top_of(c, ht_attr_int(c->attrs, "k"));
}

static ht_status in_top_k_v2_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 2));
  return in_top_of(c, ht_int_at(c->in[2], 0));
}

const ht_op ht_ops_top[] = {
    {
        .name = "TopKV2",
        .inputs = "input:T k:Tk",
        .outputs = "values:T indices:index_type",
        .attrs = "sorted:bool=true T:type Tk:type=int32 index_type:type=int32",
        .doc = "The k largest elements of each row, the largest first.",
        .samples = "f[2,5] i[]{3}; d[2,3,4] i[]{4}; f[3,4] i[]{1} sorted=false;"
                   "i[7]{1,3,3,1,3,0,9} i[]{5}; l[3]{9007199254740993,"
                   "9007199254740992,9007199254740994} i[]{2};"
                   "f[4]{-inf,inf,0,0} i[]{3}; f[2,3] i[]{0}; u[4] i[]{2};"
                   "h[2,3] i[]{2}; f[0,3] i[]{2}; d[2,6] l[]{2};"
                   "y[4]{0,9223372036854775808,18446744073709551615,3} i[]{3}",

        .forward = top_k_v2_forward,
        .gradient = top_gradient,
        .keep = HT_KEEP_OUT(1),
    },
    {
        .name = "ApproxTopK",
        .inputs = "input:T",
        .outputs = "values:T indices:int32",
        .attrs = "k:int reduction_dimension:int=-1 recall_target:float=0.95 "
                 "is_max_k:bool=true reduction_input_size_override:int=-1 "
                 "aggregate_to_topk:bool=true T:type",
        .doc = "The k largest elements of each row, the largest first.",
        .samples = "f[2,5] k=3; f[7]{1,3,3,1,3,0,9} k=5; f[0,3] k=2; f[3,4] "
                   "k=1 recall_target=0.5; h[2,3] k=2",
        .forward = approximate_forward,
        .gradient = top_gradient,
        .keep = HT_KEEP_OUT(1),
    },
    {
        .name = "NthElement",
        .inputs = "input:T n:int32",
        .outputs = "values:T",
        .attrs = "reverse:bool=false T:type",
        .doc = "The element of each row that is n-th when it is sorted.",
        .samples = "f[2,5] i[]{3}; d[2,3,4] i[]{0} reverse=true; d[3,4] i[]{1};"
                   "f[7]{1,3,3,1,3,0,9} i[]{4}; f[2,3] i[]{2} reverse=true;"
                   "l[3]{9007199254740993,9007199254740992,9007199254740994} "
                   "i[]{1}; f[3]{-inf,inf,0} i[]{1}; u[4] i[]{2}; h[2,3] "
                   "i[]{1}; f[0,3] i[]{2}; y[4]{0,9223372036854775808,"
                   "18446744073709551615,3} i[]{2}",
        .forward = nth_forward,
        .gradient = nth_gradient,
        .keep = HT_KEEP_IN(0) | HT_KEEP_OUT(0),
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "InTopK",
        .inputs = "predictions:float targets:T",
        .outputs = "precision:bool",
        .attrs = "k:int T:type=int32",
        .doc = "Whether each target is among the k largest of its row.",
        .samples =
            "f[3,4] i[3]{0,1,2} k=2; f[2,3]{1,1,1,0,nan,2} l[2]{2,0} k=1",
        .forward = in_top_k_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "InTopKV2",
        .inputs = "predictions:float targets:T k:T",
        .outputs = "precision:bool",
        .attrs = "T:type=int32",
        .doc = "Whether each target is among the k largest of its row.",
        .samples = "f[3,4] i[3]{0,1,2} i[]{2};"
                   "f[4,3]{1,1,1,0,nan,2,1,2,3,inf,1,2} l[4]{2,0,7,2} l[]{1}",
        .forward = in_top_k_v2_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
