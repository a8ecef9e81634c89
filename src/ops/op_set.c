/* op_set.c - sets along the last dimension: union, intersection, difference,
 * size. */
#include <stdlib.h>
#include <string.h>

#include "ops/sparse.h"
#include "ops/strings.h"

/* A member of the set of a group (the position in all dimensions but the
 * last, as one number). */
typedef struct member {
  int64_t group, number; /* number: unless it is a string */
  ht_string string;
} member;

typedef struct sets {
  ht_shape groups; /* all dimensions but the last */
  member *m;       /* ascending, each once */
  int64_t n;
} sets;

static int compare_members(const void *pa, const void *pb) {
  const member *a = pa, *b = pb;
  if (a->group != b->group) return a->group < b->group ? -1 : 1;
  if (a->number != b->number) return a->number < b->number ? -1 : 1;
  size_t n = a->string.n < b->string.n ? a->string.n : b->string.n;
  int order = n ? memcmp(a->string.p, b->string.p, n) : 0;
  if (order) return order;
  return (a->string.n > b->string.n) - (a->string.n < b->string.n);
}

static member member_of(const ht_tensor *t, int64_t i, int64_t group) {
  member m = {.group = group};
  if (t->dtype == HT_STRING)
    m.string = ht_str(t)[i];
  else
    m.number = ht_int_at(t, i);
  return m;
}

static ht_status new_sets(const ht_call *c, const ht_tensor *values,
                          const ht_shape *shape, sets *s) {
  if (values->dtype != HT_STRING &&
      (!ht_dtype_integer(values->dtype) || values->dtype == HT_UINT64 ||
       values->dtype == HT_UINT32))
    return ht_no_dtype(c, values->dtype);
  if (shape->rank < 2)
    return ht_fail(HT_USAGE, "op '%s' wants sets in at least 2 dimensions",
                   c->op->name);
  s->groups = *shape;
  s->groups.rank--;
  s->m = malloc((size_t)ht_count(values) * sizeof *s->m + 1);
  return s->m ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for sets");
}

static void sort_sets(sets *s) {
  int64_t kept = 0;
  qsort(s->m, (size_t)s->n, sizeof *s->m, compare_members);
  for (int64_t i = 0; i < s->n; i++)
    if (!kept || compare_members(&s->m[kept - 1], &s->m[i]))
      s->m[kept++] = s->m[i];
  s->n = kept;
}

static ht_status dense_sets(const ht_call *c, int i, sets *s) {
  const ht_tensor *t = c->in[i];
  HT_TRY(new_sets(c, t, &t->shape, s));
  int64_t size = t->shape.dim[t->shape.rank - 1];
  s->n = ht_count(t);
  for (int64_t k = 0; k < s->n; k++) s->m[k] = member_of(t, k, k / size);
  sort_sets(s);
  return HT_SUCCESS;
}

/* The group of entry k of a sparse tensor. */
static int64_t group_of(const ht_sparse *x, int64_t k) {
  int64_t g = 0;
  for (int d = 0; d + 1 < x->rank; d++)
    g = g * x->shape.dim[d] + x->at[k * x->rank + d];
  return g;
}

static ht_status sparse_sets(const ht_call *c, int i, sets *s) {
  ht_sparse x;
  HT_TRY(ht_sparse_from(c, i, i + 1, i + 2, &x));
  HT_TRY(new_sets(c, x.values, &x.shape, s));
  HT_TRY(ht_check_count(&s->groups));
  s->n = x.n;
  for (int64_t k = 0; k < x.n; k++)
    s->m[k] = member_of(x.values, k, group_of(&x, k));
  for (int64_t k = 1; k < x.n; k++)
    if (s->m[k].group < s->m[k - 1].group &&
        ht_attr_bool(c->attrs, "validate_indices"))
      return ht_fail(HT_USAGE, "op '%s': sparse indices are not in order",
                     c->op->name);
  sort_sets(s);
  return HT_SUCCESS;
}

/* ---- merging two */

enum { ONLY_A = 1, ONLY_B = 2, IN_BOTH = 4 };

static ht_status operation(const ht_call *c, int *keep) {
  *keep = 0;
  if (ht_attr_is(c->attrs, "set_operation", "a-b")) *keep = ONLY_A;
  if (ht_attr_is(c->attrs, "set_operation", "b-a")) *keep = ONLY_B;
  if (ht_attr_is(c->attrs, "set_operation", "intersection")) *keep = IN_BOTH;
  if (ht_attr_is(c->attrs, "set_operation", "union"))
    *keep = ONLY_A | ONLY_B | IN_BOTH;
  return *keep
             ? HT_SUCCESS
             : ht_fail(HT_USAGE, "op '%s': no such set operation", c->op->name);
}

static int64_t merge(const sets *a, const sets *b, int keep, member *out) {
  int64_t i = 0, j = 0, n = 0;
  while (i < a->n || j < b->n) {
    int order = 0;
    if (i == a->n || j == b->n)
      order = i == a->n ? 1 : -1;
    else
      order = compare_members(&a->m[i], &b->m[j]);
    int where = order < 0 ? ONLY_A : order > 0 ? ONLY_B : IN_BOTH;
    if (keep & where) out[n++] = order <= 0 ? a->m[i] : b->m[j];
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return n;
}

static void put_index(int64_t *at, const ht_shape *groups, int64_t group,
                      int64_t place) {
  at[groups->rank] = place;
  for (int d = groups->rank - 1; d >= 0; d--) {
    at[d] = group % groups->dim[d];
    group /= groups->dim[d];
  }
}

static ht_status sets_out(ht_call *c, const sets *s, ht_dtype t) {
  int rank = s->groups.rank + 1;
  ht_shape at = ht_shape_2(s->n, rank), one = ht_shape_1(s->n), full;
  int64_t place = 0, widest = 0;
  HT_TRY(ht_out(c, 0, HT_INT64, &at));
  HT_TRY(ht_out(c, 1, t, &one));
  for (int64_t k = 0; k < s->n; k++) {
    place = k && s->m[k].group == s->m[k - 1].group ? place + 1 : 0;
    if (place >= widest) widest = place + 1;
    put_index(ht_i64(&c->out[0]) + k * rank, &s->groups, s->m[k].group, place);
    if (t == HT_STRING)
      HT_TRY(ht_string_set(&c->out[1], k, s->m[k].string.p, s->m[k].string.n));
    else if (t == HT_UINT8 || t == HT_INT8)
      HT_DATA(uint8_t, &c->out[1])[k] = (uint8_t)s->m[k].number;
    else if (t == HT_UINT16 || t == HT_INT16)
      HT_DATA(uint16_t, &c->out[1])[k] = (uint16_t)s->m[k].number;
    else
      ht_set_int(&c->out[1], k, s->m[k].number);
  }
  full = s->groups;
  full.dim[full.rank++] = widest;
  return ht_out_shape(c, 2, &full);
}

typedef ht_status sets_fn(const ht_call *c, int i, sets *s);

static ht_status combine(ht_call *c, const sets *a, const sets *b, ht_dtype t) {
  int keep;
  sets out = {.groups = a->groups};
  HT_TRY(operation(c, &keep));
  if (!ht_shape_equal(&a->groups, &b->groups))
    return ht_fail(HT_USAGE, "op '%s': the groups of sets do not fit",
                   c->op->name);
  out.m = malloc((size_t)(a->n + b->n) * sizeof *out.m + 1);
  if (!out.m) return ht_fail(HT_NO_MEMORY, "no memory for sets");
  out.n = merge(a, b, keep, out.m);
  ht_status st = sets_out(c, &out, t);
  free(out.m);
  return st;
}

/* The second operand begins with input j. */
static ht_status operate(ht_call *c, sets_fn *first, sets_fn *second, int j) {
  sets a = {0}, b = {0};
  ht_dtype t = c->in[first == dense_sets ? 0 : 1]->dtype;
  ht_status st = first(c, 0, &a);
  if (st.code == HT_OK) st = second(c, j, &b);
  if (st.code == HT_OK) st = combine(c, &a, &b, t);
  free(a.m);
  free(b.m);
  return st;
}

static ht_status dense_dense(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 1, c->in[0]->dtype));
  return operate(c, dense_sets, dense_sets, 1);
}

static ht_status dense_sparse(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 2, c->in[0]->dtype));
  return operate(c, dense_sets, sparse_sets, 1);
}

static ht_status sparse_sparse(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 4, c->in[1]->dtype));
  return operate(c, sparse_sets, sparse_sets, 3);
}

static ht_status set_size(ht_call *c) {
  sets s = {0};
  ht_status st = sparse_sets(c, 0, &s);
  if (st.code == HT_OK) st = ht_out_zeros(c, 0, HT_INT32, &s.groups);
  for (int64_t k = 0; k < s.n && st.code == HT_OK; k++)
    ht_i32(&c->out[0])[s.m[k].group]++;
  free(s.m);
  return st;
}

#define OUTPUTS "result_indices:int64 result_values:T result_shape:int64"
#define ATTRS "set_operation:string validate_indices:bool=true T:type"
#define TWO "i[2,4]{3,1,1,9,0,5,5,2} i[2,3]{1,9,4,7,7,5} "
#define THREE "l[2,1,3]{4,4,-1,7,8,9} l[2,1,2]{-1,5,1,2} "
#define WORDS "s[2,2]{'b','a','x','x'} s[2,2]{'a','c','y','x'} "
#define MIXED                                                  \
  "i[2,3]{3,1,1,9,0,5} l[4,2]{0,0,0,2,1,0,1,1} i[4]{1,4,5,9} " \
  "l[2]{2,3} "
#define SPARSE                                                         \
  "l[3,2]{0,0,0,1,2,0} l[3]{5,4,7} l[2]{3,2} l[4,2]{0,0,0,3,1,1,2,0} " \
  "l[4]{4,9,3,7} l[2]{3,4} "

const ht_op ht_ops_set[] = {
    {.name = "DenseToDenseSetOperation",
     .inputs = "set1:T set2:T",
     .outputs = OUTPUTS,
     .attrs = ATTRS,
     .doc = "Sets in the last dimension, combined; sorted, and sparse.",
     .samples = TWO
     "set_operation='a-b';" TWO "set_operation='b-a';" TWO
     "set_operation='intersection';" TWO "set_operation='union';" THREE
     "set_operation='union';" THREE "set_operation='intersection';" WORDS
     "set_operation='union';" WORDS "set_operation='a-b';"
     "i[0,2] i[0,3] set_operation='union';"
     "i[2,0] i[2,2] set_operation='a-b';"
     "u[1,3]{200,3,3} u[1,2]{200,7} set_operation='union'",
     .forward = dense_dense,
     .gradient = ht_no_gradient},
    {.name = "DenseToSparseSetOperation",
     .inputs = "set1:T set2_indices:int64 set2_values:T set2_shape:int64",
     .outputs = OUTPUTS,
     .attrs = ATTRS,
     .doc = "Dense and sparse sets, combined; sorted, and sparse.",
     .samples =
         MIXED "set_operation='a-b';" MIXED
               "set_operation='intersection';" MIXED "set_operation='union'",
     .forward = dense_sparse,
     .gradient = ht_no_gradient},
    {.name = "SparseToSparseSetOperation",
     .inputs = "set1_indices:int64 set1_values:T set1_shape:int64 "
               "set2_indices:int64 set2_values:T set2_shape:int64",
     .outputs = OUTPUTS,
     .attrs = ATTRS,
     .doc = "Sparse sets, combined; sorted, and sparse.",
     .samples =
         SPARSE "set_operation='a-b';" SPARSE "set_operation='b-a';" SPARSE
                "set_operation='intersection';" SPARSE "set_operation='union'",
     .forward = sparse_sparse,
     .gradient = ht_no_gradient},
    {.name = "SetSize",
     .inputs = "set_indices:int64 set_values:T set_shape:int64",
     .outputs = "size:int32",
     .attrs = "validate_indices:bool=true T:type",
     .doc = "How many different values each sparse set has.",
     .samples = "l[4,2]{0,0,0,3,2,0,2,1} l[4]{4,9,7,7} l[2]{3,4};"
                "l[2,3]{0,1,0,1,0,1} s[2]{'a','b'} l[3]{2,2,2}",
     .forward = set_size,
     .gradient = ht_no_gradient},
    {0},
};
