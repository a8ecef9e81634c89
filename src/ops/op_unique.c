/* op_unique.c - which elements there are: distinct values, places that are
 * true. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "ops/moves.h"

/* ---- Unique: distinct values in the order of their first occurrence */

typedef struct distinct {
  int64_t n;      /* found so far */
  int64_t *first; /* where each stood first */
  int64_t *which; /* per element: the value's number */
  uint32_t *slot; /* value number + 1, by hash */
  size_t mask;
} distinct;

static uint64_t hash_element(const ht_tensor *t, int64_t i) {
  size_t size = ht_dtype_size(t->dtype);
  if (t->dtype == HT_STRING) return ht_hash(ht_str(t)[i].p, ht_str(t)[i].n);
  return ht_hash((const char *)t->data + (size_t)i * size, size);
}

static bool same_element(const ht_tensor *t, int64_t i, int64_t k) {
  size_t size = ht_dtype_size(t->dtype);
  const char *data = t->data;
  if (t->dtype == HT_STRING) {
    ht_string a = ht_str(t)[i], b = ht_str(t)[k];
    return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
  }
  return memcmp(data + (size_t)i * size, data + (size_t)k * size, size) == 0;
}

static ht_status distinct_new(distinct *d, int64_t n) {
  size_t slots = 16;
  if (n >= INT32_MAX) return ht_fail(HT_UNSUPPORTED, "too many elements");
  while (slots < 2 * (size_t)n) slots *= 2;
  *d = (distinct){.mask = slots - 1};
  d->first = malloc(2 * ((size_t)n + 1) * sizeof *d->first);
  d->slot = calloc(slots, sizeof *d->slot);
  d->which = d->first ? d->first + n : NULL;
  if (d->first && d->slot) return HT_SUCCESS;
  free(d->first);
  free(d->slot);
  return ht_fail(HT_NO_MEMORY, "no memory for distinct values");
}

static void distinct_find(distinct *d, const ht_tensor *t) {
  int64_t n = ht_count(t);
  for (int64_t i = 0; i < n; i++) {
    size_t h = (size_t)hash_element(t, i) & d->mask;
    while (d->slot[h] && !same_element(t, i, d->first[d->slot[h] - 1]))
      h = (h + 1) & d->mask;
    if (!d->slot[h]) {
      d->first[d->n] = i;
      d->slot[h] = (uint32_t)++d->n;
    }
    d->which[i] = d->slot[h] - 1;
  }
}

static void set_int(ht_tensor *t, int64_t i, int64_t v) {
  if (t->dtype == HT_INT64)
    ht_i64(t)[i] = v;
  else
    ht_i32(t)[i] = (int32_t)v;
}

static ht_status out_distinct(ht_call *c, const distinct *d) {
  const ht_tensor *t = c->in[0];
  ht_dtype index = ht_attr_type(c->attrs, "out_idx");
  ht_shape n = ht_shape_1(d->n), all = ht_shape_1(ht_count(t));
  HT_TRY(ht_out(c, 0, t->dtype, &n));
  HT_TRY(ht_out(c, 1, index, &all));
  if (t->dtype == HT_STRING) HT_TRY(ht_string_keep(&c->out[0], t));
  size_t size = ht_dtype_size(t->dtype);
  for (int64_t i = 0; i < d->n; i++)
    memcpy((char *)c->out[0].data + (size_t)i * size,
           (const char *)t->data + (size_t)d->first[i] * size, size);
  for (int64_t i = 0; i < all.dim[0]; i++) set_int(&c->out[1], i, d->which[i]);
  if (c->n_out < 3) return HT_SUCCESS;
  HT_TRY(ht_out_zeros(c, 2, index, &n));
  for (int64_t i = 0; i < all.dim[0]; i++)
    set_int(&c->out[2], d->which[i], ht_int_at(&c->out[2], d->which[i]) + 1);
  return HT_SUCCESS;
}

static ht_status unique_forward(ht_call *c) {
  distinct d = {0};
  HT_TRY(ht_need_rank(c, 0, 1));
  if (c->in[0]->dtype == HT_RESOURCE || c->in[0]->dtype == HT_VARIANT)
    return ht_no_dtype(c, c->in[0]->dtype);
  HT_TRY(distinct_new(&d, ht_count(c->in[0])));
  distinct_find(&d, c->in[0]);
  ht_status st = out_distinct(c, &d);
  free(d.first);
  free(d.slot);
  return st;
}

/* ---- Where: coordinates of what is not zero, row-major */

static bool is_set(const ht_tensor *t, int64_t i) {
  if (t->dtype == HT_STRING) return ht_str(t)[i].n > 0;
  if (t->dtype == HT_BOOL) return ht_bool(t)[i];
  return ht_real_at(t, i) != 0;
}

static ht_status where_forward(ht_call *c) {
  const ht_tensor *t = c->in[0];
  int64_t n = ht_count(t), found = 0, at = 0;
  int rank = t->shape.rank;
  for (int64_t i = 0; i < n; i++) found += is_set(t, i);
  ht_shape s = ht_shape_2(found, rank);
  HT_TRY(ht_out(c, 0, HT_INT64, &s));
  for (int64_t i = 0; i < n; i++) {
    if (!is_set(t, i)) continue;
    int64_t rest = i;
    for (int k = rank - 1; k >= 0; k--) {
      ht_i64(&c->out[0])[at * rank + k] = rest % t->shape.dim[k];
      rest /= t->shape.dim[k];
    }
    at++;
  }
  return HT_SUCCESS;
}

const ht_op ht_ops_unique[] = {
    {
        .name = "Unique",
        .inputs = "x:T",
        .outputs = "y:T idx:out_idx",
        .attrs = "T:type out_idx:type=DT_INT32",
        .doc = "Distinct values, and which of them each element is.",
        .samples = "i[6]{3,1,3,2,1,0}; s[4]{'b','a','','b'} out_idx=int64; "
                   "l[0]; f[3]{1,2,1} !grad=0",
        .forward = unique_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "UniqueWithCounts",
        .inputs = "x:T",
        .outputs = "y:T idx:out_idx count:out_idx",
        .attrs = "T:type out_idx:type=DT_INT32",
        .doc = "Distinct values, which each element is, and how often.",
        .samples = "i[6]{3,1,3,2,1,0}; s[3]{'b','a','b'} out_idx=int64",
        .forward = unique_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Where",
        .inputs = "input:T",
        .outputs = "index:int64",
        .attrs = "T:type=DT_BOOL",
        .doc = "Coordinates of the elements that are not zero.",
        .samples = "b[2,3]{1,0,1,0,0,1}; f[4]{0,1,nan,0} !grad=0; b[]{1}; "
                   "i[2,0]; l[3]{0,5,0}",
        .forward = where_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
