/*
 * op_cross.c - crosses of features: a value for every choice of one value
 * from each column of a row, the last column's changing fastest.
 *
 * Columns are sparse [rows, ?] inputs and then dense [rows, n] ones, of
 * strings or int64. Hashed crosses chain fingerprints the way TensorFlow's
 * FingerprintCat64 does (tensorflow/core/platform/fingerprint.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "kernels/fingerprint.h"
#include "ops/op.h"

enum { MAX_COLUMNS = 64 };

typedef struct column {
  const ht_tensor *values;
  const int64_t *start; /* per row, and one more; NULL: dense */
  int64_t width;        /* of a dense one */
} column;

typedef struct cross {
  column column[MAX_COLUMNS];
  int n;
  int64_t rows;
  int64_t *start; /* of all sparse columns */
} cross;

static int64_t first_of(const column *c, int64_t row) {
  return c->start ? c->start[row] : row * c->width;
}

static int64_t values_in(const column *c, int64_t row) {
  return c->start ? c->start[row + 1] - c->start[row] : c->width;
}

/* Where each row of a sparse column starts; rows have to be in order. */
static ht_status row_starts(const ht_call *c, const ht_tensor *indices,
                            int64_t rows, int64_t *start) {
  int64_t n = indices->shape.dim[0], last = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t row = ht_i64(indices)[2 * i];
    if (row < last || row >= rows)
      return ht_fail(HT_USAGE, "op '%s': row %lld of %lld, after row %lld",
                     c->op->name, (long long)row, (long long)rows,
                     (long long)last);
    while (last < row) start[++last] = i;
  }
  while (last < rows) start[++last] = n;
  return HT_SUCCESS;
}

static ht_status check_values(const ht_call *c, int i) {
  ht_dtype t = c->in[i]->dtype;
  return t == HT_STRING || t == HT_INT64 ? HT_SUCCESS : ht_no_dtype(c, t);
}

/* Sparse column k of n, whose parts are inputs k, n + k and 2 n + k. */
static ht_status sparse_column(ht_call *c, int k, int n, cross *x) {
  const ht_tensor *indices = c->in[k], *shape = c->in[2 * n + k];
  bool fits = indices->shape.rank == 2 && indices->shape.dim[1] == 2 &&
              indices->shape.dim[0] == ht_count(c->in[n + k]) &&
              ht_count(shape) == 2;
  HT_TRY(check_values(c, n + k));
  if (!fits || (k && ht_i64(shape)[0] != x->rows))
    return ht_fail(HT_USAGE, "op '%s': column %d is no matrix of its rows",
                   c->op->name, k);
  int64_t *start = x->start + k * (x->rows + 1);
  x->column[x->n++] = (column){c->in[n + k], start, 0};
  return row_starts(c, indices, x->rows, start);
}

static ht_status dense_column(ht_call *c, int i, cross *x) {
  HT_TRY(check_values(c, i));
  HT_TRY(ht_need_rank(c, i, 2));
  if (c->in[i]->shape.dim[0] != x->rows)
    return ht_fail(HT_USAGE, "op '%s': a column of %lld rows beside %lld",
                   c->op->name, (long long)c->in[i]->shape.dim[0],
                   (long long)x->rows);
  x->column[x->n++] = (column){c->in[i], NULL, c->in[i]->shape.dim[1]};
  return HT_SUCCESS;
}

static ht_status read_columns(ht_call *c, int n_in, cross *x,
                              ht_tensor *starts) {
  int n = (int)ht_attr_int(c->attrs, "N");
  if (n_in - 2 * n > MAX_COLUMNS || n_in - 2 * n < 1)
    return ht_fail(HT_UNSUPPORTED, "op '%s' of %d columns", c->op->name,
                   n_in - 2 * n);
  if (n && ht_count(c->in[2 * n]) != 2)
    return ht_fail(HT_USAGE, "op '%s': columns are matrices", c->op->name);
  x->rows = n ? ht_i64(c->in[2 * n])[0] : c->in[0]->shape.dim[0];
  if (x->rows < 0) return ht_fail(HT_USAGE, "a negative number of rows");
  if (n && x->rows > ((int64_t)1 << 32))
    return ht_fail(HT_UNSUPPORTED, "op '%s' of %lld rows", c->op->name,
                   (long long)x->rows);
  ht_shape size = ht_shape_2(n, x->rows + 1);
  HT_TRY(ht_tensor_zeros(c->run->pool, HT_INT64, &size, starts));
  x->start = ht_i64(starts);
  for (int k = 0; k < n; k++) HT_TRY(sparse_column(c, k, n, x));
  for (int i = 3 * n; i < n_in; i++) HT_TRY(dense_column(c, i, x));
  return HT_SUCCESS;
}

static ht_status count_crosses(const cross *x, int64_t row, int64_t *count) {
  *count = 1;
  for (int i = 0; i < x->n; i++)
    if (__builtin_mul_overflow(*count, values_in(&x->column[i], row), count))
      return ht_fail(HT_UNSUPPORTED, "too many crosses of a row");
  return HT_SUCCESS;
}

/* ---- one cross */

typedef struct output {
  bool hashed;
  int64_t buckets;
  uint64_t key;
  ht_string separator;
} output;

static uint64_t shift_mix(uint64_t v) { return v ^ v >> 47; }

static uint64_t chain(uint64_t a, uint64_t b) {
  const uint64_t multiplier = 0xc6a4a7935bd1e995u;
  uint64_t r = a ^ multiplier;
  r ^= shift_mix(b * multiplier) * multiplier;
  r = shift_mix(r * multiplier) * multiplier;
  return shift_mix(r);
}

static uint64_t number_of(const ht_tensor *values, int64_t i) {
  if (values->dtype == HT_INT64) return (uint64_t)ht_i64(values)[i];
  return ht_fingerprint64(ht_str(values)[i].p, ht_str(values)[i].n);
}

static int64_t hash_of(const cross *x, const int64_t *at, const output *o) {
  uint64_t h = o->key;
  for (int i = 0; i < x->n; i++)
    h = chain(h, number_of(x->column[i].values, at[i]));
  uint64_t buckets = o->buckets > 0 ? (uint64_t)o->buckets : INT64_MAX;
  return (int64_t)(h % buckets);
}

static ht_status text_of(const cross *x, const int64_t *at, const output *o,
                         ht_text *text, ht_tensor *out, int64_t k) {
  ht_text_reset(text);
  for (int i = 0; i < x->n; i++) {
    const ht_tensor *v = x->column[i].values;
    if (i) ht_text_bytes(text, o->separator.p, o->separator.n);
    if (v->dtype == HT_STRING)
      ht_text_bytes(text, ht_str(v)[at[i]].p, ht_str(v)[at[i]].n);
    else
      ht_text_printf(text, "%" PRId64, ht_i64(v)[at[i]]);
  }
  HT_TRY(ht_text_check(text));
  return ht_string_set(out, k, text->n ? text->p : "", text->n);
}

/* The next choice of a row; the last column turns first. */
static void turn(const cross *x, int64_t row, int64_t *at) {
  for (int i = x->n - 1; i >= 0; i--) {
    const column *c = &x->column[i];
    int64_t first = first_of(c, row);
    if (++at[i] < first + values_in(c, row)) return;
    at[i] = first;
  }
}

static ht_status cross_row(ht_call *c, const cross *x, int64_t row,
                           const output *o, ht_text *text, int64_t *k) {
  int64_t at[MAX_COLUMNS], count;
  for (int i = 0; i < x->n; i++) at[i] = first_of(&x->column[i], row);
  HT_TRY(count_crosses(x, row, &count));
  for (int64_t i = 0; i < count; i++, ++*k) {
    ht_i64(&c->out[0])[2 * *k] = row;
    ht_i64(&c->out[0])[2 * *k + 1] = i;
    if (o->hashed)
      ht_i64(&c->out[1])[*k] = hash_of(x, at, o);
    else
      HT_TRY(text_of(x, at, o, text, &c->out[1], *k));
    turn(x, row, at);
  }
  return HT_SUCCESS;
}

static ht_status write_crosses(ht_call *c, const cross *x, const output *o) {
  int64_t total = 0, most = 0, k = 0;
  for (int64_t row = 0; row < x->rows; row++) {
    int64_t count;
    HT_TRY(count_crosses(x, row, &count));
    if (count > most) most = count;
    if (__builtin_add_overflow(total, count, &total))
      return ht_fail(HT_UNSUPPORTED, "too many crosses");
  }
  ht_shape pairs = ht_shape_2(total, 2), flat = ht_shape_1(total),
           two = ht_shape_1(2);
  HT_TRY(ht_out(c, 0, HT_INT64, &pairs));
  HT_TRY(ht_out(c, 1, o->hashed ? HT_INT64 : HT_STRING, &flat));
  HT_TRY(ht_out(c, 2, HT_INT64, &two));
  ht_i64(&c->out[2])[0] = x->rows;
  ht_i64(&c->out[2])[1] = most;
  ht_text text = {0};
  ht_status st = HT_SUCCESS;
  for (int64_t row = 0; row < x->rows && st.code == HT_OK; row++)
    st = cross_row(c, x, row, o, &text, &k);
  ht_text_free(&text);
  return st;
}

static ht_status run(ht_call *c, int n_columns, const output *o) {
  cross x = {0};
  ht_tensor starts = {0};
  ht_status st = read_columns(c, n_columns, &x, &starts);
  if (st.code == HT_OK) st = write_crosses(c, &x, o);
  ht_tensor_drop(&starts);
  return st;
}

static ht_status cross_forward(ht_call *c) {
  output o = {
      .hashed = ht_attr_bool(c->attrs, "hashed_output"),
      .buckets = ht_attr_int(c->attrs, "num_buckets"),
      .key = (uint64_t)ht_attr_int(c->attrs, "hash_key"),
      .separator = {"_X_", 3},
  };
  return run(c, c->n_in, &o);
}

static ht_status joined_forward(ht_call *c) {
  int last = c->n_in - 1;
  HT_TRY(ht_need_scalar(c, last));
  HT_TRY(ht_need_dtype(c, last, HT_STRING));
  output o = {.separator = ht_str(c->in[last])[0]};
  return run(c, last, &o);
}

#define SPARSE_A "l[4,2]{0,0,0,1,2,0,2,1}"
#define SPARSE_B "l[3,2]{0,0,1,0,2,0}"
#define COLUMNS                                \
  "(" SPARSE_A " " SPARSE_B                    \
  ") (s[4]{'a','b','','a longer value'} l[3]{" \
  "7,-8,9000000000}) (l[2]{3,2} l[2]{3,5}) "
#define TYPES "sparse_types:list(type) dense_types:list(type)"

const ht_op ht_ops_cross[] = {
    {.name = "SparseCross",
     .inputs = "indices:N*int64 values:list:sparse_types shapes:N*int64 "
               "dense_inputs:list:dense_types",
     .outputs = "output_indices:int64 output_values:out_type "
                "output_shape:int64",
     .attrs = "N:int hashed_output:bool num_buckets:int hash_key:int " TYPES
              " out_type:type internal_type:type",
     .doc = "Crosses of columns, as text or hashed.",
     .samples = COLUMNS "(s[3,2]{'x','y','z','x','u','v'}) hashed_output=true "
                        "num_buckets=1000 hash_key=956888297470 out_type=int64 "
                        "internal_type=int64;" COLUMNS
                        "(l[3,1]{4,5,6}) hashed_output=true num_buckets=0 "
                        "hash_key=5 out_type=int64 internal_type=int64;"
                        "(" SPARSE_A ") (s[4]{'a','b','','a longer value'}) "
                        "(l[2]{3,2}) (s[3,2]{'x','y','z','x','u','v'}) "
                        "hashed_output=false num_buckets=0 hash_key=0 "
                        "out_type=string internal_type=string",
     .forward = cross_forward,
     .gradient = ht_no_gradient},
    {.name = "SparseCrossV2",
     .inputs = "indices:N*int64 values:list:sparse_types shapes:N*int64 "
               "dense_inputs:list:dense_types sep:string",
     .outputs = "output_indices:int64 output_values:string "
                "output_shape:int64",
     .attrs = "N:int " TYPES,
     .doc = "Crosses of columns as text, with a separator between values.",
     .samples = COLUMNS "(s[3,2]{'x','y','z','x','u','v'}) s[]{'--'};" COLUMNS
                        "(l[3,1]{1,2,-3}) s[]{''}",
     .forward = joined_forward,
     .gradient = ht_no_gradient},
    {0},
};
