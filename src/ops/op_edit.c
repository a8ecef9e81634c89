/*
 * op_edit.c - distances of sequences, and which device this is.
 *
 * EditDistance: the fewest insertions, deletions and replacements that make
 * one sequence the other (Levenshtein 1966), for the sequences along the last
 * axis of two sparse tensors (core/kernels/edit_distance_op.cc).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/sparse.h"

/* ---- sequences of a sparse tensor, in the order of their places */

typedef struct side {
  const ht_tensor *at, *value, *shape;
  int64_t n, next; /* values; where the next sequence begins */
} side;

static ht_status side_of(const ht_call *c, int i, side *s) {
  *s = (side){c->in[i], c->in[i + 1], c->in[i + 2], ht_count(c->in[i + 1]), 0};
  HT_TRY(ht_need_dtype(c, i, HT_INT64));
  HT_TRY(ht_need_rank(c, i, 2));
  HT_TRY(ht_need_rank(c, i + 1, 1));
  HT_TRY(ht_need_rank(c, i + 2, 1));
  int64_t rank = ht_count(s->shape);
  if (s->at->shape.dim[0] != s->n || s->at->shape.dim[1] != rank || rank < 2)
    return ht_fail(HT_USAGE, "op '%s': values and their places do not agree",
                   c->op->name);
  return HT_SUCCESS;
}

/* The output's place of value i: that of its sequence; -1: outside. */
static int64_t place_of(const side *s, const ht_shape *out, int64_t i) {
  int64_t place = 0, rank = ht_count(s->shape);
  for (int d = 0; d < out->rank; d++) {
    int64_t k = ht_i64(s->at)[i * rank + d];
    if (k < 0 || k >= out->dim[d]) return -1;
    place = place * out->dim[d] + k;
  }
  return place;
}

/* How many of the next values are of the sequence at `place`. */
static int64_t take(side *s, const ht_shape *out, int64_t place,
                    int64_t *first) {
  *first = s->next;
  while (s->next < s->n && place_of(s, out, s->next) == place) s->next++;
  return s->next - *first;
}

static bool same(const ht_tensor *a, int64_t i, const ht_tensor *b, int64_t j) {
  if (a->dtype == HT_STRING) {
    ht_string x = ht_str(a)[i], y = ht_str(b)[j];
    return x.n == y.n && !memcmp(x.p, y.p, x.n);
  }
  size_t n = ht_dtype_size(a->dtype);
  if (ht_dtype_floating(a->dtype)) return ht_real_at(a, i) == ht_real_at(b, j);
  return !memcmp((const char *)a->data + (size_t)i * n,
                 (const char *)b->data + (size_t)j * n, n);
}

/* A row of the table at a time; row: [nb + 1]. */
static int64_t distance(const side *a, int64_t ia, int64_t na, const side *b,
                        int64_t ib, int64_t nb, int64_t *row) {
  for (int64_t j = 0; j <= nb; j++) row[j] = j;
  for (int64_t i = 0; i < na; i++) {
    int64_t before = row[0]++;
    for (int64_t j = 0; j < nb; j++) {
      int64_t best = before + !same(a->value, ia + i, b->value, ib + j);
      before = row[j + 1];
      if (before + 1 < best) best = before + 1;
      if (row[j] + 1 < best) best = row[j] + 1;
      row[j + 1] = best;
    }
  }
  return row[nb];
}

static ht_status all_distances(ht_call *c, side *a, side *b, int64_t *row) {
  bool normal = ht_attr_bool(c->attrs, "normalize");
  const ht_shape *s = &c->out[0].shape;
  for (int64_t i = 0; i < ht_count(&c->out[0]); i++) {
    int64_t ia, ib, na = take(a, s, i, &ia), nb = take(b, s, i, &ib);
    float d = (float)distance(a, ia, na, b, ib, nb, row);
    if (normal) d = nb ? d / (float)nb : na ? INFINITY : 0;
    ht_f(&c->out[0])[i] = d;
  }
  if (a->next == a->n && b->next == b->n) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': places are out of order or outside",
                 c->op->name);
}

/* Each axis but the last is as long as the longer of the two. */
static ht_status edit_forward(ht_call *c) {
  side a, b;
  ht_shape sa, sb, out;
  HT_TRY(side_of(c, 0, &a));
  HT_TRY(side_of(c, 3, &b));
  HT_TRY(ht_need_dtype(c, 4, c->in[1]->dtype));
  HT_TRY(ht_shape_from(c->in[2], false, &sa));
  HT_TRY(ht_shape_from(c->in[5], false, &sb));
  if (sa.rank != sb.rank)
    return ht_fail(HT_USAGE, "op '%s': ranks differ", c->op->name);
  if (ht_dtype_pointers(a.value->dtype) && a.value->dtype != HT_STRING)
    return ht_no_dtype(c, a.value->dtype);
  out = sa;
  out.rank--;
  for (int d = 0; d < out.rank; d++)
    if (sb.dim[d] > out.dim[d]) out.dim[d] = sb.dim[d];
  HT_TRY(ht_check_count(&out));
  HT_TRY(ht_out_zeros(c, 0, HT_FLOAT, &out));
  int64_t *row = calloc((size_t)b.n + 1, sizeof *row);
  if (!row) return ht_fail(HT_NO_MEMORY, "no memory for distances");
  ht_status st = all_distances(c, &a, &b, row);
  free(row);
  return st;
}

/* ---- DeviceIndex */

static ht_status device_forward(ht_call *c) {
  const ht_attr *a = ht_attr_find(c->attrs, "device_names");
  int i = 0;
  HT_TRY(ht_out(c, 0, HT_INT32, &HT_SCALAR));
  while (a && i < a->n &&
         !(a->value[i].s.n == 3 && !memcmp(a->value[i].s.p, "CPU", 3)))
    i++;
  ht_i32(&c->out[0])[0] = i;
  return HT_SUCCESS;
}

#define SHAPE " l[3]{2,2,4} "
#define TRUTH "l[4,3]{0,0,0,0,1,0,1,0,0,1,1,0} "

const ht_op ht_ops_edit[] = {
    {
        .name = "EditDistance",
        .inputs = "hypothesis_indices:int64 hypothesis_values:T "
                  "hypothesis_shape:int64 truth_indices:int64 truth_values:T "
                  "truth_shape:int64",
        .outputs = "output:float",
        .attrs = "normalize:bool=true T:type",
        .doc = "How many changes make a sequence another one.",
        .samples =
            "l[3,3]{0,0,0,1,0,0,1,0,1} s[3]{'a','b','c'}" SHAPE TRUTH
            "s[4]{'a','b','c','a'}" SHAPE
            "; l[2,2]{0,0,0,1} l[2]{1,2} l[2]{1,2} l[3,2]{0,0,0,1,0,2} "
            "l[3]{2,1,2} l[2]{1,3} normalize=false"
            "; l[4,2]{0,0,0,1,0,2,1,0} i[4]{1,2,3,9} l[2]{3,3} l[1,2]{0,0} "
            "i[1]{3} l[2]{2,1}; l[0,2] f[0] l[2]{2,3} l[2,2]{0,0,0,1} "
            "f[2]{nan,1} l[2]{1,2}",
        .forward = edit_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "DeviceIndex",
        .inputs = "",
        .outputs = "index:int32",
        .attrs = "device_names:list(string)",
        .doc = "Which of these devices this is: the one called CPU.",
        .samples = "device_names=['GPU','CPU']; device_names=['TPU']",
        .forward = device_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_READS,
    },
    {0},
};
