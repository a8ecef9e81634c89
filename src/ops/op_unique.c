/* op_unique.c - which elements there are: distinct values, places that are
 * true. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "ops/moves.h"

/* ---- distinct slices along an axis, in the order of first occurrence */

typedef struct distinct {
  int64_t n;      /* found so far */
  int64_t *first; /* where each stood first */
  int64_t *which; /* per slice: its number */
  uint32_t *slot; /* slice number + 1, by hash */
  size_t mask;
} distinct;

/* A tensor as [outer, n, inner]; slice i has outer x inner elements. */
typedef struct slices {
  const ht_tensor *t;
  int64_t outer, n, inner;
} slices;

static slices slices_of(const ht_tensor *t, int axis) {
  slices s = {t, 1, t->shape.dim[axis], 1};
  for (int i = 0; i < axis; i++) s.outer *= t->shape.dim[i];
  for (int i = axis + 1; i < t->shape.rank; i++) s.inner *= t->shape.dim[i];
  return s;
}

static int64_t element_of(const slices *s, int64_t i, int64_t k) {
  return (k / s->inner * s->n + i) * s->inner + k % s->inner;
}

/* Zeros of both signs are one number. */
static uint64_t hash_element(const ht_tensor *t, int64_t i) {
  size_t size = ht_dtype_size(t->dtype);
  if (t->dtype == HT_STRING) return ht_hash(ht_str(t)[i].p, ht_str(t)[i].n);
  if (ht_dtype_floating(t->dtype)) {
    double v = ht_real_at(t, i) + 0.0;
    return ht_hash(&v, sizeof v);
  }
  return ht_hash((const char *)t->data + (size_t)i * size, size);
}

/* No two NaN are the same. */
static bool same_element(const ht_tensor *t, int64_t i, const ht_tensor *u,
                         int64_t k) {
  size_t size = ht_dtype_size(t->dtype);
  if (t->dtype == HT_STRING) {
    ht_string a = ht_str(t)[i], b = ht_str(u)[k];
    return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
  }
  if (ht_dtype_floating(t->dtype)) return ht_real_at(t, i) == ht_real_at(u, k);
  return memcmp((const char *)t->data + (size_t)i * size,
                (const char *)u->data + (size_t)k * size, size) == 0;
}

static uint64_t hash_slice(const slices *s, int64_t i) {
  uint64_t h = 0;
  for (int64_t k = 0; k < s->outer * s->inner; k++)
    h = h * 0x9e3779b97f4a7c15u + hash_element(s->t, element_of(s, i, k));
  return h ^ h >> 32;
}

static bool same_slice(const slices *s, int64_t i, const slices *u, int64_t j) {
  for (int64_t k = 0; k < s->outer * s->inner; k++)
    if (!same_element(s->t, element_of(s, i, k), u->t, element_of(u, j, k)))
      return false;
  return true;
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

/* The slot of slice i of u among those found in s, or the free one. */
static uint32_t *slot_of(const distinct *d, const slices *s, const slices *u,
                         int64_t i) {
  size_t h = (size_t)hash_slice(u, i) & d->mask;
  while (d->slot[h] && !same_slice(u, i, s, d->first[d->slot[h] - 1]))
    h = (h + 1) & d->mask;
  return &d->slot[h];
}

static void distinct_find(distinct *d, const slices *s) {
  for (int64_t i = 0; i < s->n; i++) {
    uint32_t *slot = slot_of(d, s, s, i);
    if (!*slot) {
      d->first[d->n] = i;
      *slot = (uint32_t)++d->n;
    }
    d->which[i] = *slot - 1;
  }
}

static void distinct_free(distinct *d) {
  free(d->first);
  free(d->slot);
}

static ht_status out_slices(ht_call *c, const distinct *d, const slices *s,
                            int axis) {
  ht_shape shape = s->t->shape;
  shape.dim[axis] = d->n;
  const ht_block slice = {
      2, {s->outer, s->inner}, {d->n * s->inner, 1}, {s->n * s->inner, 1}};
  HT_TRY(ht_out(c, 0, s->t->dtype, &shape));
  for (int64_t i = 0; i < d->n; i++)
    HT_TRY(ht_move_block(&c->out[0], i * s->inner, s->t, d->first[i] * s->inner,
                         &slice));
  return HT_SUCCESS;
}

static ht_status out_distinct(ht_call *c, const distinct *d, const slices *s,
                              int axis) {
  ht_dtype index = ht_attr_type(c->attrs, "out_idx");
  ht_shape n = ht_shape_1(d->n), all = ht_shape_1(s->n);
  HT_TRY(out_slices(c, d, s, axis));
  HT_TRY(ht_out(c, 1, index, &all));
  for (int64_t i = 0; i < s->n; i++) ht_put_int(&c->out[1], i, d->which[i]);
  if (c->n_out < 3) return HT_SUCCESS;
  HT_TRY(ht_out_zeros(c, 2, index, &n));
  for (int64_t i = 0; i < s->n; i++)
    ht_put_int(&c->out[2], d->which[i], ht_int_at(&c->out[2], d->which[i]) + 1);
  return HT_SUCCESS;
}

static ht_status check_values(const ht_call *c) {
  ht_dtype t = c->in[0]->dtype;
  bool objects = t == HT_RESOURCE || t == HT_VARIANT;
  bool complex = t == HT_COMPLEX64 || t == HT_COMPLEX128;
  return objects || complex ? ht_no_dtype(c, t) : HT_SUCCESS;
}

static ht_status unique_on(ht_call *c, int axis) {
  distinct d = {0};
  slices s = slices_of(c->in[0], axis);
  HT_TRY(check_values(c));
  HT_TRY(distinct_new(&d, s.n));
  distinct_find(&d, &s);
  ht_status st = out_distinct(c, &d, &s, axis);
  distinct_free(&d);
  return st;
}

static ht_status unique_forward(ht_call *c) {
  HT_TRY(ht_need_rank(c, 0, 1));
  return unique_on(c, 0);
}

/* An axis, or none: then a vector. */
static ht_status unique_v2_forward(ht_call *c) {
  int axis = 0;
  HT_TRY(ht_need_rank(c, 1, 1));
  if (!ht_count(c->in[1])) return unique_forward(c);
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_axis_from(ht_int_at(c->in[1], 0), c->in[0]->shape.rank, &axis));
  return unique_on(c, axis);
}

/* ---- ListDiff: the elements of x that are not in y, and where */

static ht_status out_missing(ht_call *c, const distinct *d, const slices *y) {
  const ht_tensor *x = c->in[0];
  slices s = slices_of(x, 0);
  int64_t n = 0, at = 0;
  for (int64_t i = 0; i < s.n; i++) n += !*slot_of(d, y, &s, i);
  ht_shape shape = ht_shape_1(n);
  HT_TRY(ht_out(c, 0, x->dtype, &shape));
  HT_TRY(ht_out(c, 1, ht_attr_type(c->attrs, "out_idx"), &shape));
  for (int64_t i = 0; i < s.n; i++) {
    if (*slot_of(d, y, &s, i)) continue;
    HT_TRY(ht_move_run(&c->out[0], at, x, i, 1));
    ht_put_int(&c->out[1], at++, i);
  }
  return HT_SUCCESS;
}

static ht_status list_diff_forward(ht_call *c) {
  distinct d = {0};
  HT_TRY(ht_need_rank(c, 0, 1));
  HT_TRY(ht_need_rank(c, 1, 1));
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  HT_TRY(check_values(c));
  slices y = slices_of(c->in[1], 0);
  HT_TRY(distinct_new(&d, y.n));
  distinct_find(&d, &y);
  ht_status st = out_missing(c, &d, &y);
  distinct_free(&d);
  return st;
}

/* ---- Where: coordinates of what is not zero, row-major */

static bool is_set(const ht_tensor *t, int64_t i) {
  if (t->dtype == HT_STRING) return ht_str(t)[i].n > 0;
  if (t->dtype == HT_BOOL) return ht_bool(t)[i];
  if (t->dtype == HT_COMPLEX64)
    return HT_DATA(float, t)[2 * i] != 0 || HT_DATA(float, t)[2 * i + 1] != 0;
  if (t->dtype == HT_COMPLEX128)
    return HT_DATA(double, t)[2 * i] != 0 || HT_DATA(double, t)[2 * i + 1] != 0;
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
                   "l[0]; f[3]{1,2,1} !grad=0; f[6]{0,-0.0,nan,inf,nan,-inf} "
                   "!grad=0; b[3]{1,0,1}; u[3]{2,2,1}; h[3]{1,1,2} !grad=0",
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
        .name = "UniqueV2",
        .inputs = "x:T axis:Taxis",
        .outputs = "y:T idx:out_idx",
        .attrs = "T:type Taxis:type=int64 out_idx:type=int32",
        .doc = "Distinct slices along an axis, and which of them each is.",
        .samples =
            "i[6]{3,1,3,2,1,0} l[0]; "
            "i[3,2]{1,0,1,0,2,0} l[1]{0}; "
            "l[2,3]{1,1,2,3,3,4} i[1]{1} out_idx=int64; "
            "s[2,2]{'a','b','a','b'} l[1]{-2}; f[2,2,2]{1,2,1,2,3,4,3,4} "
            "l[1]{1} !grad=0",
        .forward = unique_v2_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "UniqueWithCountsV2",
        .inputs = "x:T axis:Taxis",
        .outputs = "y:T idx:out_idx count:out_idx",
        .attrs = "T:type Taxis:type=int64 out_idx:type=int32",
        .doc = "Distinct slices along an axis, which each is, how often.",
        .samples =
            "i[6]{3,1,3,2,1,0} l[0]; "
            "i[3,2]{1,0,1,0,2,0} l[1]{0}; "
            "l[2,3]{1,1,2,3,3,4} i[1]{1} out_idx=int64; "
            "s[2,2]{'a','b','a','b'} l[1]{-2}; f[2,2,2]{1,2,1,2,3,4,3,4} "
            "l[1]{1} !grad=0",
        .forward = unique_v2_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ListDiff",
        .inputs = "x:T y:T",
        .outputs = "out:T idx:out_idx",
        .attrs = "T:type out_idx:type=int32",
        .doc = "The elements of x that are not in y, and where they stand.",
        .samples = "i[6]{1,2,3,4,5,2} i[3]{1,3,5}; "
                   "s[3]{'a','b','a'} s[1]{'b'} out_idx=int64; l[2] l[0]; "
                   "f[3]{0,nan,1} f[2]{-0.0,nan} !grad=0; i[0] i[2]",
        .forward = list_diff_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Where",
        .inputs = "input:T",
        .outputs = "index:int64",
        .attrs = "T:type=DT_BOOL",
        .doc = "Coordinates of the elements that are not zero.",
        .samples =
            "b[2,3]{1,0,1,0,0,1}; f[4]{0,1,nan,0} !grad=0; b[2,1,2]{0,1,1,0}; "
            "i[2,0]; l[3]{0,5,0}",
        .forward = where_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
