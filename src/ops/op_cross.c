/*
 * op_cross.c - crosses of categorical features: for each row every
 * combination of one value of each feature, joined or hashed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fingerprint.h"
#include "ops/sparse.h"

/* A feature: values of row r are first[r] .. first[r + 1] - 1. */
typedef struct feature {
  const ht_tensor *values;
  int64_t *first;
  bool bytes;
} feature;

typedef struct cross {
  ht_call *call;
  feature *feature;
  int n;
  int64_t rows, total, most; /* combinations: all, and of the longest row */
  bool hashed, seeded;       /* seeded: the hash starts from hash_key */
  uint64_t key;
  int64_t buckets;
  ht_string between;
} cross;

/* ---- features */

static ht_status sparse_feature(cross *x, const ht_tensor *at,
                                const ht_tensor *values, feature *f) {
  int64_t n = ht_count(values), row = 0;
  f->values = values;
  f->bytes = !x->seeded;
  if (at->dtype != HT_INT64 || at->shape.rank != 2 || at->shape.dim[0] != n ||
      at->shape.dim[1] != 2)
    return ht_fail(HT_USAGE, "op '%s': indices and values do not fit",
                   x->call->op->name);
  for (int64_t i = 0; i < n; i++) {
    int64_t r = ht_i64(at)[2 * i];
    if (r < row || r >= x->rows)
      return ht_fail(HT_USAGE, "op '%s': rows must ascend below %lld",
                     x->call->op->name, (long long)x->rows);
    while (row < r) f->first[++row] = i;
  }
  while (row < x->rows) f->first[++row] = n;
  return HT_SUCCESS;
}

static ht_status dense_feature(cross *x, const ht_tensor *values, feature *f) {
  f->values = values;
  if (values->shape.rank != 2 || values->shape.dim[0] != x->rows)
    return ht_fail(HT_USAGE, "op '%s': features have different rows",
                   x->call->op->name);
  for (int64_t r = 0; r <= x->rows; r++) f->first[r] = r * values->shape.dim[1];
  return HT_SUCCESS;
}

static ht_status ragged_feature(cross *x, const ht_tensor *splits,
                                const ht_tensor *values, feature *f) {
  f->values = values;
  bool good = splits->shape.rank == 1 && values->shape.rank == 1 &&
              ht_count(splits) == x->rows + 1 && ht_int_at(splits, 0) == 0;
  for (int64_t r = 0; r <= x->rows && good; r++) {
    f->first[r] = ht_int_at(splits, r);
    good = !r || f->first[r] >= f->first[r - 1];
  }
  if (good && f->first[x->rows] == ht_count(values)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': splits of rows do not fit",
                 x->call->op->name);
}

static ht_status check_type(const cross *x, const ht_tensor *values) {
  if (values->dtype == HT_STRING || values->dtype == HT_INT64)
    return HT_SUCCESS;
  return ht_no_dtype(x->call, values->dtype);
}

/* Inputs: n indices, n values, n shapes, dense ones. */
static ht_status read_features(cross *x, int sparse, int dense) {
  ht_call *c = x->call;
  for (int i = 0; i < sparse + dense; i++) {
    feature *f = &x->feature[i];
    const ht_tensor *values = c->in[i < sparse ? sparse + i : 2 * sparse + i];
    HT_TRY(check_type(x, values));
    f->first = ht_scratch(x->rows + 1, sizeof *f->first);
    if (!f->first) return ht_fail(HT_NO_MEMORY, "no memory for features");
    if (i < sparse)
      HT_TRY(sparse_feature(x, c->in[i], values, f));
    else
      HT_TRY(dense_feature(x, values, f));
  }
  return HT_SUCCESS;
}

static ht_status count_all(cross *x) {
  for (int64_t r = 0; r < x->rows; r++) {
    int64_t n = 1;
    for (int i = 0; i < x->n; i++) {
      const int64_t *first = x->feature[i].first;
      if (__builtin_mul_overflow(n, first[r + 1] - first[r], &n) ||
          n > INT32_MAX)
        return ht_fail(HT_NO_MEMORY, "no memory for crosses");
    }
    x->total += n;
    if (n > x->most) x->most = n;
  }
  return HT_SUCCESS;
}

/* ---- one combination */

/* FingerprintCat64 of TensorFlow (core/platform/fingerprint.h). */
static uint64_t mix(uint64_t v) { return v ^ (v >> 47); }
static uint64_t join_hashes(uint64_t a, uint64_t b) {
  const uint64_t k = 0xc6a4a7935bd1e995u;
  uint64_t h = (a ^ k) ^ (mix(b * k) * k);
  return mix(mix(h * k) * k);
}

/* Integers stand for themselves, but of those of sparse features
 * SparseCrossHashed hashes the first four bytes (f->bytes), as TensorFlow
 * does. */
static uint64_t hash_of(const feature *f, int64_t i) {
  const ht_tensor *t = f->values;
  if (t->dtype == HT_INT64 && f->bytes)
    return ht_fingerprint64((const char *)(ht_i64(t) + i), sizeof(int32_t));
  if (t->dtype == HT_INT64) return (uint64_t)ht_i64(t)[i];
  return ht_fingerprint64(ht_str(t)[i].n ? ht_str(t)[i].p : "", ht_str(t)[i].n);
}

static int64_t hash_all(const cross *x, const int64_t *at) {
  uint64_t h = x->seeded ? x->key : hash_of(&x->feature[0], at[0]);
  for (int i = x->seeded ? 0 : 1; i < x->n; i++)
    h = join_hashes(h, hash_of(&x->feature[i], at[i]));
  uint64_t limit = x->buckets > 0 ? (uint64_t)x->buckets : (uint64_t)INT64_MAX;
  return (int64_t)(h % limit);
}

static ht_string text_of(const ht_tensor *t, int64_t i, char number[24]) {
  if (t->dtype == HT_STRING) return ht_str(t)[i];
  int n = snprintf(number, 24, "%lld", (long long)ht_i64(t)[i]);
  return (ht_string){number, (size_t)n};
}

static ht_status join_all(const cross *x, const int64_t *at, ht_tensor *out,
                          int64_t k) {
  char number[24];
  size_t n = x->between.n * (size_t)(x->n - 1);
  for (int i = 0; i < x->n; i++)
    n += text_of(x->feature[i].values, at[i], number).n;
  char *p = ht_string_room(out, n + 1);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for crosses");
  ht_str(out)[k] = (ht_string){p, n};
  for (int i = 0; i < x->n; i++) {
    ht_string s = text_of(x->feature[i].values, at[i], number);
    if (i && x->between.n) memcpy(p, x->between.p, x->between.n);
    if (i) p += x->between.n;
    if (s.n) memcpy(p, s.p, s.n);
    p += s.n;
  }
  return HT_SUCCESS;
}

/* ---- all of them, the last feature fastest */

/* The next combination of a row; false after the last. */
static bool advance(const cross *x, int64_t row, int64_t *at) {
  for (int i = x->n - 1; i >= 0; i--) {
    if (++at[i] < x->feature[i].first[row + 1]) return true;
    at[i] = x->feature[i].first[row];
  }
  return false;
}

/* Puts the combinations of a row as values from *k on; where `indices` is not
 * NULL, row and column of each, too. */
static ht_status cross_row(cross *x, int64_t row, int64_t *at, int64_t *k,
                           int64_t *indices, ht_tensor *values) {
  for (int i = 0; i < x->n; i++) {
    at[i] = x->feature[i].first[row];
    if (at[i] == x->feature[i].first[row + 1]) return HT_SUCCESS;
  }
  int64_t col = 0;
  do {
    if (indices) {
      indices[2 * *k] = row;
      indices[2 * *k + 1] = col++;
    }
    if (x->hashed)
      ht_i64(values)[*k] = hash_all(x, at);
    else
      HT_TRY(join_all(x, at, values, *k));
    ++*k;
  } while (advance(x, row, at));
  return HT_SUCCESS;
}

static ht_status cross_sparse(cross *x) {
  ht_call *c = x->call;
  HT_TRY(count_all(x));
  ht_shape indices = ht_shape_2(x->total, 2), values = ht_shape_1(x->total);
  ht_shape two = ht_shape_1(2);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  HT_TRY(ht_out(c, 1, x->hashed ? HT_INT64 : HT_STRING, &values));
  HT_TRY(ht_out(c, 2, HT_INT64, &two));
  ht_i64(&c->out[2])[0] = x->rows;
  ht_i64(&c->out[2])[1] = x->most;
  int64_t k = 0, *at = calloc((size_t)x->n + 1, sizeof *at);
  ht_status st = at ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory");
  for (int64_t r = 0; r < x->rows && st.code == HT_OK; r++)
    st = cross_row(x, r, at, &k, ht_i64(&c->out[0]), &c->out[1]);
  free(at);
  return st;
}

static ht_status rows_of(cross *x, int sparse, int dense) {
  const ht_call *c = x->call;
  if (sparse) {
    const ht_tensor *shape = c->in[2 * sparse];
    if (shape->dtype != HT_INT64 || ht_count(shape) != 2)
      return ht_fail(HT_USAGE, "op '%s' wants matrices", c->op->name);
    x->rows = ht_i64(shape)[0];
  } else if (dense && c->in[0]->shape.rank == 2) {
    x->rows = c->in[0]->shape.dim[0];
  }
  if (x->rows >= 0 && x->rows < INT32_MAX && sparse + dense) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s' wants features with rows", c->op->name);
}

static ht_status open_features(cross *x) {
  x->feature = calloc((size_t)x->n, sizeof *x->feature);
  return x->feature ? HT_SUCCESS
                    : ht_fail(HT_NO_MEMORY, "no memory for features");
}

static void close_features(cross *x) {
  for (int i = 0; i < x->n; i++) free(x->feature[i].first);
  free(x->feature);
}

/* `more`: inputs after the features. */
static ht_status run(cross *x, int more) {
  ht_call *c = x->call;
  int sparse = ht_attr_length(c->attrs, "sparse_types");
  int dense = ht_attr_length(c->attrs, "dense_types");
  if (3 * sparse + dense + more != c->n_in)
    return ht_fail(HT_USAGE, "op '%s': inputs do not fit", c->op->name);
  HT_TRY(rows_of(x, sparse, dense));
  x->n = sparse + dense;
  HT_TRY(open_features(x));
  ht_status st = read_features(x, sparse, dense);
  if (st.code == HT_OK) st = cross_sparse(x);
  close_features(x);
  return st;
}

static ht_status cross_forward(ht_call *c) {
  cross x = {.call = c, .seeded = true, .between = {"_X_", 3}};
  x.hashed = ht_attr_bool(c->attrs, "hashed_output");
  x.buckets = ht_attr_int(c->attrs, "num_buckets");
  x.key = (uint64_t)ht_attr_int(c->attrs, "hash_key");
  return run(&x, 0);
}

static ht_status v2_forward(ht_call *c) {
  cross x = {.call = c};
  HT_TRY(ht_need_dtype(c, c->n_in - 1, HT_STRING));
  HT_TRY(ht_need_scalar(c, c->n_in - 1));
  x.between = ht_str(c->in[c->n_in - 1])[0];
  return run(&x, 1);
}

static ht_status hashed_forward(ht_call *c) {
  cross x = {.call = c, .hashed = true};
  if (c->n_in < 3)
    return ht_fail(HT_USAGE, "op '%s': inputs do not fit", c->op->name);
  HT_TRY(ht_need_dtype(c, c->n_in - 2, HT_BOOL));
  HT_TRY(ht_need_scalar(c, c->n_in - 2));
  HT_TRY(ht_need_scalar(c, c->n_in - 3));
  if (ht_bool(c->in[c->n_in - 2])[0])
    return ht_fail(HT_UNSUPPORTED, "op '%s' with strong_hash", c->op->name);
  x.buckets = ht_int_at(c->in[c->n_in - 3], 0);
  return run(&x, 3);
}

/* ---- ragged rows */

static ht_status cross_ragged(cross *x) {
  ht_call *c = x->call;
  ht_dtype t = ht_attr_type(c->attrs, "out_row_splits_type");
  HT_TRY(count_all(x));
  ht_shape values = ht_shape_1(x->total), splits = ht_shape_1(x->rows + 1);
  if (t != HT_INT32 && t != HT_INT64) return ht_no_dtype(c, t);
  HT_TRY(ht_out(c, 0, x->hashed ? HT_INT64 : HT_STRING, &values));
  HT_TRY(ht_out_zeros(c, 1, t, &splits));
  int64_t k = 0, *at = calloc((size_t)x->n + 1, sizeof *at);
  ht_status st = at ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory");
  for (int64_t r = 0; r < x->rows && st.code == HT_OK; r++) {
    st = cross_row(x, r, at, &k, NULL, &c->out[0]);
    ht_set_int(&c->out[1], r + 1, k);
  }
  free(at);
  return st;
}

/* Where each kind of feature is among the inputs: values, and what says which
 * rows they are of. */
typedef struct kinds {
  int ragged, sparse, dense;          /* how many there are */
  int ragged_at, sparse_at, dense_at; /* how many were read */
} kinds;

static ht_status next_feature(cross *x, char kind, kinds *k, feature *f) {
  const ht_tensor *const *in = x->call->in;
  int sparse = 2 * k->ragged, dense = sparse + 3 * k->sparse, i;
  if (kind == 'R' && (i = k->ragged_at++) < k->ragged) {
    HT_TRY(check_type(x, in[i]));
    return ragged_feature(x, in[k->ragged + i], in[i], f);
  }
  if (kind == 'S' && (i = k->sparse_at++) < k->sparse) {
    HT_TRY(check_type(x, in[sparse + k->sparse + i]));
    return sparse_feature(x, in[sparse + i], in[sparse + k->sparse + i], f);
  }
  if (kind == 'D' && (i = k->dense_at++) < k->dense) {
    HT_TRY(check_type(x, in[dense + i]));
    return dense_feature(x, in[dense + i], f);
  }
  return ht_fail(HT_USAGE, "op '%s': input_order does not fit the inputs",
                 x->call->op->name);
}

static ht_status ragged_rows(cross *x, const kinds *k) {
  const ht_tensor *const *in = x->call->in;
  const ht_tensor *dense = k->dense ? in[2 * k->ragged + 3 * k->sparse] : NULL;
  const ht_tensor *shape = k->sparse ? in[2 * k->ragged + 2 * k->sparse] : NULL;
  if (k->ragged)
    x->rows = ht_count(in[k->ragged]) - 1;
  else if (shape && ht_count(shape) == 2)
    x->rows = ht_int_at(shape, 0);
  else if (dense && dense->shape.rank == 2)
    x->rows = dense->shape.dim[0];
  if (x->rows >= 0 && x->rows < INT32_MAX && x->n) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s' wants features with rows",
                 x->call->op->name);
}

static ht_status run_ragged(cross *x, kinds *k, ht_string order) {
  for (int i = 0; i < x->n; i++) {
    feature *f = &x->feature[i];
    f->first = ht_scratch(x->rows + 1, sizeof *f->first);
    if (!f->first) return ht_fail(HT_NO_MEMORY, "no memory for features");
    HT_TRY(next_feature(x, order.p[i], k, f));
  }
  return cross_ragged(x);
}

static ht_status ragged_forward(ht_call *c) {
  cross x = {.call = c, .seeded = true, .between = {"_X_", 3}, .rows = -1};
  kinds k = {.ragged = ht_attr_length(c->attrs, "ragged_values_types"),
             .sparse = ht_attr_length(c->attrs, "sparse_values_types"),
             .dense = ht_attr_length(c->attrs, "dense_types")};
  ht_string order = ht_attr_string(c->attrs, "input_order");
  x.hashed = ht_attr_bool(c->attrs, "hashed_output");
  x.buckets = ht_attr_int(c->attrs, "num_buckets");
  x.key = (uint64_t)ht_attr_int(c->attrs, "hash_key");
  x.n = k.ragged + k.sparse + k.dense;
  if (order.n != (size_t)x.n ||
      2 * k.ragged + 3 * k.sparse + k.dense != c->n_in)
    return ht_fail(HT_USAGE, "op '%s': inputs do not fit", c->op->name);
  HT_TRY(ragged_rows(&x, &k));
  HT_TRY(open_features(&x));
  ht_status st = run_ragged(&x, &k, order);
  close_features(&x);
  return st;
}

#define FEATURES                                             \
  "indices:N*int64 values:list:sparse_types shapes:N*int64 " \
  "dense_inputs:list:dense_types"
#define TYPES "N:int sparse_types:list(type) dense_types:list(type)"
#define TWO                                                  \
  "(l[3,2]{0,0,0,1,1,0} l[3,2]{0,0,1,0,1,1}) "               \
  "(s[3]{'a','b','cc'} l[3]{7,-8,9}) (l[2]{2,2} l[2]{2,2}) " \
  "(s[2,1]{'x','y'}) "
#define ONE "(l[2,2]{0,0,2,0}) (s[2]{'a','b'}) (l[2]{3,1}) (l[3,2]) "
#define OLD "internal_type=int64 hash_key=956888297470 "

#define RAGGED                                                       \
  "(s[4]{'a','b','cc','d'} l[3]{7,-8,9}) (l[3]{0,3,4} l[3]{0,1,3}) " \
  "(l[2,2]{0,0,1,0}) (l[2]{5,6}) (l[2]{2,1}) (s[2,2]{'x','y','z',''}) "
#define ANSWER                                       \
  "out_values_type=int64 out_row_splits_type=int64 " \
  "hashed_output=true hash_key=956888297470 "

const ht_op ht_ops_cross[] = {
    {
        .name = "RaggedCross",
        .inputs = "ragged_values:list:ragged_values_types "
                  "ragged_row_splits:list:ragged_splits_types "
                  "sparse_indices:Nsparse*int64 "
                  "sparse_values:list:sparse_values_types "
                  "sparse_shape:Nsparse*int64 dense_inputs:list:dense_types",
        .outputs = "output_values:out_values_type "
                   "output_row_splits:out_row_splits_type",
        .attrs = "Nsparse:int input_order:string hashed_output:bool "
                 "num_buckets:int hash_key:int ragged_values_types:list(type) "
                 "ragged_splits_types:list(type) sparse_values_types:list(type)"
                 " dense_types:list(type) out_values_type:type "
                 "out_row_splits_type:type",
        .doc = "Combinations of features of ragged rows, joined or hashed.",
        .samples =
            RAGGED "input_order='RDSR' num_buckets=100 " ANSWER ";" RAGGED
                   "input_order='RRSD' num_buckets=0 " ANSWER ";"
                   "(s[3]{'a','b','c'} s[3]{'d','e','f'}) (i[3]{0,2,3} "
                   "i[3]{0,0,3}) () () () () input_order='RR' "
                   "hashed_output=false num_buckets=0 hash_key=1 "
                   "out_values_type=string out_row_splits_type=int32",
        .forward = ragged_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseCross",
        .inputs = FEATURES,
        .outputs = "output_indices:int64 output_values:out_type "
                   "output_shape:int64",
        .attrs = TYPES " hashed_output:bool num_buckets:int hash_key:int "
                       "out_type:type internal_type:type",
        .doc = "Combinations of features, joined or hashed.",
        .samples =
            TWO "hashed_output=true num_buckets=100 out_type=int64 " OLD ";" TWO
                "hashed_output=true num_buckets=0 out_type=int64 " OLD ";" ONE
                "hashed_output=true num_buckets=7 out_type=int64 " OLD ";"
                "(l[2,2]{0,0,1,0}) (s[2]{'a','b'}) (l[2]{2,1}) (s[2,2]{'x','y',"
                "'z',''}) hashed_output=false num_buckets=0 out_type=string "
                "internal_type=string hash_key=1",
        .forward = cross_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseCrossV2",
        .inputs = FEATURES " sep:string",
        .outputs = "output_indices:int64 output_values:string "
                   "output_shape:int64",
        .attrs = TYPES,
        .doc = "Combinations of features, joined.",
        .samples = TWO "s[]{'-'}; " ONE "s[]{''}",
        .forward = v2_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "SparseCrossHashed",
        .inputs = FEATURES " num_buckets:int64 strong_hash:bool salt:int64",
        .outputs = "output_indices:int64 output_values:int64 "
                   "output_shape:int64",
        .attrs = TYPES,
        .doc = "Combinations of features, hashed.",
        .samples =
            TWO "l[]{100} b[]{0} l[2]{1,2}; " ONE "l[]{0} b[]{0} l[2]{0,0}",
        .forward = hashed_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
