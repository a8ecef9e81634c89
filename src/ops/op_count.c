/* op_count.c - counts of numbers, and where numbers belong among others. */
#include <math.h>

#include "ops/moves.h"

/* ---- Bincount and its kin: out[row, value] += weight, or = 1 */

typedef struct bins {
  int64_t size;
  bool once;                /* seen, rather than how often */
  const ht_tensor *weights; /* NULL: each counts 1 */
  ht_tensor *out;
} bins;

static void count_one(const bins *b, int64_t at, int64_t i) {
  ht_tensor *y = b->out;
  double w = b->weights && !b->once ? ht_real_at(b->weights, i) : 1;
  switch (y->dtype) {
    case HT_FLOAT: ht_f(y)[at] = b->once ? 1 : ht_f(y)[at] + (float)w; break;
    case HT_DOUBLE: {
      double *p = HT_DATA(double, y) + at;
      *p = b->once ? 1 : *p + w;
      break;
    }
    default: {
      int64_t by = b->weights ? ht_int_at(b->weights, i) : 1;
      ht_put_int(y, at, b->once ? 1 : ht_int_at(y, at) + by);
    }
  }
}

/* Values at or above the size are not counted. */
static ht_status count_value(const bins *b, int64_t row, int64_t value,
                             int64_t i) {
  if (value < 0)
    return ht_fail(HT_USAGE, "value %lld at %lld is negative", (long long)value,
                   (long long)i);
  if (value < b->size) count_one(b, row * b->size + value, i);
  return HT_SUCCESS;
}

/* out = zeros [rows, size] (or [size]); weights are of the values' shape, or
 * empty. */
static ht_status open_bins(ht_call *c, int size, int values, int weights,
                           int64_t rows, bins *b) {
  const ht_tensor *w = c->in[weights];
  HT_TRY(ht_need_scalar(c, size));
  *b = (bins){.size = ht_int_at(c->in[size], 0),
              .once = ht_attr_bool(c->attrs, "binary_output"),
              .weights = ht_count(w) ? w : NULL,
              .out = &c->out[0]};
  bool known = w->dtype == HT_FLOAT || w->dtype == HT_DOUBLE ||
               w->dtype == HT_INT32 || w->dtype == HT_INT64;
  if (!known) return ht_no_dtype(c, w->dtype);
  if (b->size < 0)
    return ht_fail(HT_USAGE, "size %lld is negative", (long long)b->size);
  if (b->weights && ht_count(w) != ht_count(c->in[values]))
    return ht_fail(HT_USAGE, "%lld weights for %lld values",
                   (long long)ht_count(w), (long long)ht_count(c->in[values]));
  ht_shape s = rows < 0 ? ht_shape_1(b->size) : ht_shape_2(rows, b->size);
  return ht_out_zeros(c, 0, w->dtype, &s);
}

static ht_status bincount_forward(ht_call *c) {
  bins b;
  HT_TRY(open_bins(c, 1, 0, 2, -1, &b));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++)
    HT_TRY(count_value(&b, 0, ht_int_at(c->in[0], i), i));
  return HT_SUCCESS;
}

static ht_status dense_bincount_forward(ht_call *c) {
  bins b;
  const ht_shape *s = &c->in[0]->shape;
  bool rows = s->rank == 2;
  if (s->rank < 1 || s->rank > 2)
    return ht_fail(HT_USAGE, "op 'DenseBincount' wants a vector or a matrix");
  HT_TRY(open_bins(c, 1, 0, 2, rows ? s->dim[0] : -1, &b));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++)
    HT_TRY(
        count_value(&b, rows ? i / s->dim[1] : 0, ht_int_at(c->in[0], i), i));
  return HT_SUCCESS;
}

static ht_status ragged_bincount_forward(ht_call *c) {
  bins b;
  HT_TRY(ht_need_rank(c, 0, 1));
  HT_TRY(ht_need_rank(c, 1, 1));
  int64_t n = ht_count(c->in[0]), at = 0;
  const int64_t *split = ht_i64(c->in[0]);
  bool whole = n && split[0] == 0 && split[n - 1] == ht_count(c->in[1]);
  for (int64_t i = 1; i < n && whole; i++) whole = split[i] >= split[i - 1];
  if (!whole)
    return ht_fail(HT_USAGE, "splits must ascend from 0 to %lld",
                   (long long)ht_count(c->in[1]));
  HT_TRY(open_bins(c, 2, 1, 3, n - 1, &b));
  for (int64_t row = 0; row < n - 1; row++)
    for (; at < split[row + 1]; at++)
      HT_TRY(count_value(&b, row, ht_int_at(c->in[1], at), at));
  return HT_SUCCESS;
}

static ht_status sparse_bincount_forward(ht_call *c) {
  bins b;
  const ht_tensor *at = c->in[0], *values = c->in[1], *shape = c->in[2];
  int64_t rank = ht_count(shape), n = ht_count(values);
  bool fits = at->shape.rank == 2 && at->shape.dim[0] == n &&
              at->shape.dim[1] == rank && values->shape.rank == 1;
  if (!fits || rank < 1 || rank > 2)
    return ht_fail(HT_USAGE,
                   "op 'SparseBincount' wants a sparse vector or "
                   "matrix");
  int64_t rows = rank == 2 ? ht_i64(shape)[0] : -1;
  HT_TRY(open_bins(c, 3, 1, 4, rows, &b));
  for (int64_t i = 0; i < n; i++) {
    int64_t row = rank == 2 ? ht_i64(at)[i * 2] : 0;
    if (row < 0 || (rank == 2 && row >= rows))
      return ht_fail(HT_USAGE, "sparse entry %lld lies outside", (long long)i);
    HT_TRY(count_value(&b, row, ht_int_at(values, i), i));
  }
  return HT_SUCCESS;
}

/* ---- HistogramFixedWidth, Bucketize */

static ht_status histogram_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 2));
  if (ht_count(c->in[1]) != 2)
    return ht_fail(HT_USAGE, "value_range must be two numbers");
  double low = ht_real_at(c->in[1], 0), high = ht_real_at(c->in[1], 1);
  ht_shape s = ht_shape_1(ht_int_at(c->in[2], 0));
  int64_t n_bins = s.dim[0];
  if (!(low < high) || n_bins <= 0)
    return ht_fail(HT_USAGE, "%lld n_bins from %g to %g", (long long)n_bins,
                   low, high);
  HT_TRY(ht_out_zeros(c, 0, ht_attr_type(c->attrs, "dtype"), &s));
  double step = (high - low) / (double)n_bins;
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    double v = ht_real_at(c->in[0], i);
    double at = v > low ? (v - low) / step : 0;
    int64_t k = at < (double)n_bins ? (int64_t)at : n_bins - 1;
    ht_put_int(&c->out[0], k, ht_int_at(&c->out[0], k) + 1);
  }
  return HT_SUCCESS;
}

/* How many boundaries are <= v: they ascend. */
static ht_status bucketize_forward(ht_call *c) {
  const ht_attr *a = ht_attr_find(c->attrs, "boundaries");
  int n = a ? a->n : 0;
  for (int i = 1; i < n; i++)
    if (!(a->value[i - 1].f <= a->value[i].f))
      return ht_fail(HT_USAGE, "boundaries must ascend");
  HT_TRY(ht_out(c, 0, HT_INT32, &c->in[0]->shape));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    double v = ht_real_at(c->in[0], i);
    int low = 0, high = n;
    while (low < high) {
      int mid = (low + high) / 2;
      if (v < (double)(float)a->value[mid].f)
        high = mid;
      else
        low = mid + 1;
    }
    ht_i32(&c->out[0])[i] = low;
  }
  return HT_SUCCESS;
}

/* ---- LowerBound, UpperBound: rows of sorted numbers */

static bool before(const ht_tensor *a, int64_t i, const ht_tensor *b,
                   int64_t k) {
  if (a->dtype == HT_UINT64)
    return HT_DATA(uint64_t, a)[i] < HT_DATA(uint64_t, b)[k];
  if (ht_dtype_integer(a->dtype)) return ht_int_at(a, i) < ht_int_at(b, k);
  return ht_real_at(a, i) < ht_real_at(b, k);
}

static int64_t bound(const ht_tensor *sorted, int64_t from, int64_t n,
                     const ht_tensor *v, int64_t k, bool upper) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t mid = (low + high) / 2;
    bool right = upper ? !before(v, k, sorted, from + mid)
                       : before(sorted, from + mid, v, k);
    if (right)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static ht_status search(ht_call *c, bool upper) {
  const ht_tensor *sorted = c->in[0], *v = c->in[1];
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_rank(c, 1, 2));
  if (sorted->shape.dim[0] != v->shape.dim[0])
    return ht_fail(HT_USAGE, "%lld rows of sorted numbers for %lld",
                   (long long)sorted->shape.dim[0], (long long)v->shape.dim[0]);
  if (ht_dtype_pointers(v->dtype)) return ht_no_dtype(c, v->dtype);
  HT_TRY(ht_out(c, 0, ht_attr_type(c->attrs, "out_type"), &v->shape));
  int64_t n = sorted->shape.dim[1], m = v->shape.dim[1];
  for (int64_t i = 0; i < ht_count(v); i++)
    ht_put_int(&c->out[0], i, bound(sorted, i / m * n, n, v, i, upper));
  return HT_SUCCESS;
}

static ht_status lower_forward(ht_call *c) { return search(c, false); }
static ht_status upper_forward(ht_call *c) { return search(c, true); }

#define BOUND(NAME, FN, DOC)                                             \
  {                                                                      \
    .name = NAME, .inputs = "sorted_inputs:T values:T",                  \
    .outputs = "output:out_type", .attrs = "T:type out_type:type=int32", \
    .doc = DOC,                                                          \
    .samples =                                                           \
        "f[1,5]{0,1,1,2,9} f[1,4]{1,-1,9,10};"                           \
        "i[2,3]{1,2,3,4,4,4} i[2,2]{2,0,4,5} out_type=int64;"            \
        "d[1,0] d[1,2]; l[2,2]{1,2,3,4} l[2,0];"                         \
        "y[1,4]{0,1,9223372036854775808,18446744073709551615} "          \
        "y[1,3]{1,9223372036854775809,18446744073709551615}",            \
    .forward = FN, .gradient = ht_no_gradient                            \
  }

#define BIN_ATTRS "Tidx:type T:type binary_output:bool=false"

const ht_op ht_ops_count[] = {
    {
        .name = "Bincount",
        .inputs = "arr:int32 size:int32 weights:T",
        .outputs = "bins:T",
        .attrs = "T:type",
        .doc = "How often each number occurs, or the sum of its weights.",
        .samples = "i[6]{1,0,3,1,1,9} i[]{5} i[0];"
                   "i[2,2]{1,0,3,1} i[]{4} f[2,2] !grad=0; i[0] i[]{3} l[0];"
                   "i[3]{1,1,0} i[]{2} d[3] !grad=0",
        .forward = bincount_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "DenseBincount",
        .inputs = "input:Tidx size:Tidx weights:T",
        .outputs = "output:T",
        .attrs = BIN_ATTRS,
        .doc = "How often each number occurs, in each row.",
        .samples = "i[6]{1,0,3,1,1,9} i[]{5} i[0];"
                   "l[2,3]{1,0,3,1,1,7} l[]{4} f[2,3] !grad=0;"
                   "i[2,3]{1,0,3,1,1,7} i[]{4} f[0] binary_output=true;"
                   "i[0] i[]{3} l[0]",
        .forward = dense_bincount_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "RaggedBincount",
        .inputs = "splits:int64 values:Tidx size:Tidx weights:T",
        .outputs = "output:T",
        .attrs = BIN_ATTRS,
        .doc = "How often each number occurs, in each row.",
        .samples = "l[4]{0,3,3,5} i[5]{1,0,1,2,9} i[]{4} i[0];"
                   "l[3]{0,1,4} l[4]{1,1,1,0} l[]{2} f[4] !grad=0;"
                   "l[3]{0,2,4} i[4]{1,1,1,0} i[]{3} f[0] binary_output=true",
        .forward = ragged_bincount_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseBincount",
        .inputs = "indices:int64 values:Tidx dense_shape:int64 size:Tidx "
                  "weights:T",
        .outputs = "output:T",
        .attrs = BIN_ATTRS,
        .doc = "How often each number occurs, in each row.",
        .samples = "l[3,2]{0,1,0,2,1,0} i[3]{1,1,3} l[2]{2,3} i[]{4} i[0];"
                   "l[2,1]{0,4} l[2]{2,0} l[1]{5} l[]{3} f[2] !grad=0;"
                   "l[3,2]{0,1,0,2,1,0} i[3]{1,1,3} l[2]{2,3} i[]{4} f[0] "
                   "binary_output=true",
        .forward = sparse_bincount_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "HistogramFixedWidth",
        .inputs = "values:T value_range:T nbins:int32",
        .outputs = "out:dtype",
        .attrs = "T:type dtype:type=int32",
        .doc = "How many values lie in each of equal ranges.",
        .samples = "f[6]{-1,0,1.5,2,5,15} f[2]{0,5} i[]{5};"
                   "d[2,2]{1,2,3,4} d[2]{1,4} i[]{3} dtype=int64;"
                   "i[4]{0,4,2,9} i[2]{0,8} i[]{4}",
        .forward = histogram_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Bucketize",
        .inputs = "input:T",
        .outputs = "output:int32",
        .attrs = "T:type boundaries:list(float)",
        .doc = "The number of the range that each value lies in.",
        .samples =
            "f[5]{-5,0,10,99,100.5} boundaries=[0.0,10.0,100.0];"
            "i[2,2]{0,1,2,3} boundaries=[1.0,2.5]; d[0] boundaries=[1.0];"
            "l[2]{0,1} boundaries=[]",
        .forward = bucketize_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    BOUND("LowerBound", lower_forward, "The first place that keeps the order."),
    BOUND("UpperBound", upper_forward, "The last place that keeps the order."),
    {0},
};
