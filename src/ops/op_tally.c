/*
 * op_tally.c - how often each number stands in each row, as a sparse tensor:
 * of dense, sparse and ragged values.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

typedef struct entry {
  int64_t row, value, order;
  double weight;
} entry;

typedef struct tally {
  ht_call *call;
  entry *entry;          /* of the values that count */
  int64_t n, rows, most; /* most: the largest value */
  bool flat;             /* one row, and no axis of rows */
  const ht_tensor *weights;
} tally;

static int by_place(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  if (x->value != y->value) return x->value < y->value ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

/* Value i of the input, which stands in `row`. */
static ht_status add(tally *t, const ht_tensor *values, int64_t i,
                     int64_t row) {
  int64_t v = ht_int_at(values, i);
  int64_t max = ht_attr_int(t->call->attrs, "maxlength");
  if (v < 0)
    return ht_fail(HT_USAGE, "op '%s' counts numbers from 0 up, found %lld",
                   t->call->op->name, (long long)v);
  if (row < 0 || row >= t->rows)
    return ht_fail(HT_USAGE, "op '%s': row %lld is outside %lld",
                   t->call->op->name, (long long)row, (long long)t->rows);
  if (max >= 0 && v >= max) return HT_SUCCESS;
  if (v > t->most) t->most = v;
  double w = ht_count(t->weights) ? ht_real_at(t->weights, i) : 1;
  t->entry[t->n] = (entry){row, v, t->n, w};
  t->n++;
  return HT_SUCCESS;
}

/* Equal places become one; returns how many there are. */
static int64_t merge(tally *t) {
  bool once = ht_attr_bool(t->call->attrs, "binary_output");
  int64_t n = 0;
  if (t->n) qsort(t->entry, (size_t)t->n, sizeof *t->entry, by_place);
  for (int64_t i = 0; i < t->n; i++) {
    entry *last = n ? &t->entry[n - 1] : NULL;
    entry e = t->entry[i];
    if (last && last->row == e.row && last->value == e.value)
      last->weight += e.weight;
    else
      t->entry[n++] = e;
  }
  for (int64_t i = 0; once && i < n; i++) t->entry[i].weight = 1;
  return n;
}

static void put_number(ht_tensor *t, int64_t i, double v) {
  switch (t->dtype) {
    case HT_FLOAT: ht_f(t)[i] = (float)v; break;
    case HT_DOUBLE: HT_DATA(double, t)[i] = v; break;
    case HT_INT32: ht_i32(t)[i] = (int32_t)v; break;
    default: ht_i64(t)[i] = (int64_t)v;
  }
}

static ht_status put_counts(tally *t) {
  ht_call *c = t->call;
  int64_t n = merge(t), max = ht_attr_int(c->attrs, "maxlength");
  int64_t min = ht_attr_int(c->attrs, "minlength");
  int64_t cols = t->most + (t->most < INT64_MAX);
  int rank = t->flat ? 1 : 2;
  ht_shape indices = ht_shape_2(n, rank), values = ht_shape_1(n);
  ht_shape dense = ht_shape_1(rank);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  HT_TRY(ht_out(c, 1, ht_attr_type(c->attrs, "output_type"), &values));
  HT_TRY(ht_out(c, 2, HT_INT64, &dense));
  for (int64_t i = 0; i < n; i++) {
    int64_t *at = ht_i64(&c->out[0]) + i * rank;
    if (!t->flat) *at++ = t->entry[i].row;
    *at = t->entry[i].value;
    put_number(&c->out[1], i, t->entry[i].weight);
  }
  if (!t->flat) ht_i64(&c->out[2])[0] = t->rows;
  ht_i64(&c->out[2])[rank - 1] = max > 0 ? max : cols > min ? cols : min;
  return HT_SUCCESS;
}

static ht_status start(ht_call *c, const ht_tensor *values,
                       const ht_tensor *weights, tally *t) {
  ht_dtype out = ht_attr_type(c->attrs, "output_type");
  if (values->dtype != HT_INT32 && values->dtype != HT_INT64)
    return ht_no_dtype(c, values->dtype);
  if (out != HT_INT32 && out != HT_INT64 && out != HT_FLOAT && out != HT_DOUBLE)
    return ht_no_dtype(c, out);
  if (ht_count(weights) && ht_count(weights) != ht_count(values))
    return ht_fail(HT_USAGE, "op '%s' wants a weight for each value",
                   c->op->name);
  *t = (tally){.call = c, .rows = 1, .weights = weights};
  t->entry = calloc((size_t)ht_count(values) + 1, sizeof *t->entry);
  return t->entry ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for counts");
}

static ht_status finish(tally *t, ht_status st) {
  if (st.code == HT_OK) st = put_counts(t);
  free(t->entry);
  return st;
}

static ht_status dense_forward(ht_call *c) {
  tally t;
  const ht_tensor *x = c->in[0];
  if (x->shape.rank != 1) HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(start(c, x, c->in[1], &t));
  t.flat = x->shape.rank == 1;
  t.rows = t.flat ? 1 : x->shape.dim[0];
  int64_t cols = t.rows ? ht_count(x) / t.rows : 0;
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; st.code == HT_OK && i < ht_count(x); i++)
    st = add(&t, x, i, i / cols);
  return finish(&t, st);
}

static ht_status sparse_forward(ht_call *c) {
  tally t;
  const ht_tensor *at = c->in[0], *x = c->in[1];
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_dtype(c, 0, HT_INT64));
  HT_TRY(ht_need_dtype(c, 2, HT_INT64));
  int64_t rank = ht_count(c->in[2]);
  if (at->shape.dim[1] != rank || at->shape.dim[0] != ht_count(x) || rank < 1 ||
      rank > 2)
    return ht_fail(HT_USAGE, "op '%s': indices, values and shape do not fit",
                   c->op->name);
  HT_TRY(start(c, x, c->in[3], &t));
  t.flat = rank == 1;
  t.rows = t.flat ? 1 : ht_i64(c->in[2])[0];
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; st.code == HT_OK && i < ht_count(x); i++)
    st = add(&t, x, i, t.flat ? 0 : ht_i64(at)[i * rank]);
  return finish(&t, st);
}

static ht_status ragged_forward(ht_call *c) {
  tally t;
  const ht_tensor *splits = c->in[0], *x = c->in[1];
  HT_TRY(ht_need_rank(c, 0, 1));
  HT_TRY(ht_need_dtype(c, 0, HT_INT64));
  int64_t rows = ht_count(splits) - 1;
  if (rows < 0 || ht_i64(splits)[0] != 0 || ht_i64(splits)[rows] != ht_count(x))
    return ht_fail(HT_USAGE, "op '%s': splits do not fit the values",
                   c->op->name);
  HT_TRY(start(c, x, c->in[2], &t));
  t.rows = rows;
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0, row = 0; st.code == HT_OK && i < ht_count(x); i++) {
    while (row < rows && ht_i64(splits)[row + 1] <= i) row++;
    st = add(&t, x, i, row);
  }
  return finish(&t, st);
}

#define PLAIN " binary_output=false"
#define COUNT(title, ins, of, cases, function)                        \
  {                                                                   \
    .name = title, .inputs = ins " weights:output_type",              \
    .outputs =                                                        \
        "output_indices:int64 output_values:output_type "             \
        "output_dense_shape:int64",                                   \
    .attrs =                                                          \
        "T:type minlength:int=-1 maxlength:int=-1 "                   \
        "binary_output:bool output_type:type",                        \
    .doc = "How often each number stands in each row" of ".",         \
    .samples = cases, .forward = function, .gradient = ht_no_gradient \
  }

const ht_op ht_ops_tally[] = {
    COUNT("DenseCountSparseOutput", "values:T", "",
          "i[2,3]{1,1,4,0,2,0} l[0]" PLAIN "; l[5]{3,1,1,0,3} f[0]" PLAIN
          "; i[2,3]{1,1,4,0,2,0} f[2,3]" PLAIN
          "; i[2,3]{1,1,4,0,2,0} f[0] binary_output=true minlength=7;"
          "l[2,3]{1,1,4,0,2,0} i[0] maxlength=3" PLAIN "; i[0] l[0]" PLAIN
          "; i[0] d[0] minlength=2" PLAIN,
          dense_forward),
    COUNT("SparseCountSparseOutput", "indices:int64 values:T dense_shape:int64",
          " of a sparse tensor",
          "l[4,2]{0,0,0,2,2,1,2,3} i[4]{1,1,5,0} l[2]{3,4} l[0]" PLAIN
          "; l[4,2]{0,0,0,2,2,1,2,3} l[4]{1,1,5,0} l[2]{3,4} f[4]" PLAIN
          "; l[3,1]{0,2,3} i[3]{2,2,0} l[1]{5} l[0] "
          "binary_output=true maxlength=4",
          sparse_forward),
    COUNT("RaggedCountSparseOutput", "splits:int64 values:T",
          " of a ragged tensor",
          "l[4]{0,2,2,5} i[5]{1,1,4,0,4} l[0]" PLAIN
          "; l[3]{0,1,4} l[4]{3,2,2,2} f[4] minlength=6" PLAIN
          "; l[2]{0,0} i[0] l[0] binary_output=true",
          ragged_forward),
    {0},
};
