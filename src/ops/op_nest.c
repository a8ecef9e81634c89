/*
 * op_nest.c - ragged tensors as elements of variant tensors, the form in which
 * loops over rows hold them. Values keep their traces, or are recorded when
 * they are cut and joined, as those of lists are.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/list.h"
#include "ops/sparse.h"

enum { MAX_SPLITS = 16 };

typedef struct nest {
  ht_object object; /* class nest_class */
  int rank;
  ht_tensor split[MAX_SPLITS], values;
} nest;

static void release_nest(ht_object *object) {
  nest *n = (nest *)object;
  for (int i = 0; i < n->rank; i++) ht_tensor_drop(&n->split[i]);
  ht_tensor_drop(&n->values);
  free(n);
}

static const ht_object_class nest_class = {.name = "ragged tensor",
                                           .release = release_nest};

/* A new one as element i of t, without splits and values. */
static ht_status new_nest(ht_tensor *t, int64_t i, nest **out) {
  nest *n = calloc(1, sizeof *n);
  if (!n) return ht_fail(HT_NO_MEMORY, "no memory for a ragged tensor");
  n->object = (ht_object){&nest_class, 1};
  ht_obj(t)[i] = &n->object;
  *out = n;
  return HT_SUCCESS;
}

/* ---- to variants */

static ht_status check_splits(const ht_call *c, int rank) {
  HT_TRY(ht_need_min_rank(c, rank, 1));
  for (int k = 0; k < rank; k++) {
    const ht_tensor *t = c->in[k];
    int64_t n = ht_count(t), was = 0, below = c->in[rank]->shape.dim[0];
    if (k + 1 < rank) below = ht_count(c->in[k + 1]) - 1;
    bool good = t->shape.rank == 1 && n >= 1 && ht_int_at(t, 0) == 0;
    for (int64_t i = 0; i < n && good; i++) {
      good = ht_int_at(t, i) >= was;
      was = ht_int_at(t, i);
    }
    if (!good || was != below)
      return ht_fail(HT_USAGE,
                     "op '%s': row splits do not ascend from 0 to "
                     "%lld",
                     c->op->name, (long long)below);
  }
  return HT_SUCCESS;
}

static ht_status whole_nest(ht_call *c, int rank) {
  nest *n = NULL;
  HT_TRY(ht_out(c, 0, HT_VARIANT, &HT_SCALAR));
  HT_TRY(new_nest(&c->out[0], 0, &n));
  for (n->rank = 0; n->rank < rank; n->rank++)
    n->split[n->rank] = ht_tensor_share(c->in[n->rank]);
  n->values = ht_tensor_share(c->in[rank]);
  return HT_SUCCESS;
}

/* Splits first .. last of in[k] as those of a part, from 0. */
static ht_status part_split(ht_call *c, int k, int64_t first, int64_t last,
                            ht_tensor *out) {
  ht_shape s = ht_shape_1(last - first + 1);
  HT_TRY(ht_tensor_new(c->run->pool, c->in[k]->dtype, &s, out));
  int64_t from = ht_int_at(c->in[k], first);
  for (int64_t i = first; i <= last; i++)
    ht_set_int(out, i - first, ht_int_at(c->in[k], i) - from);
  return HT_SUCCESS;
}

/* Row i of the outermost dimension: its splits; *rows: of its values. */
static ht_status row_nest(ht_call *c, int rank, int64_t i, nest *n,
                          int64_t *rows) {
  int64_t first = ht_int_at(c->in[0], i), last = ht_int_at(c->in[0], i + 1);
  for (int k = 1; k < rank; k++) {
    HT_TRY(part_split(c, k, first, last, &n->split[n->rank]));
    n->rank++;
    first = ht_int_at(c->in[k], first);
    last = ht_int_at(c->in[k], last);
  }
  *rows = last - first;
  return HT_SUCCESS;
}

static ht_status row_nests(ht_call *c, int rank, int64_t n, int64_t *rows,
                           ht_list *pieces) {
  nest *of = NULL;
  for (int64_t i = 0; i < n; i++) {
    HT_TRY(new_nest(&c->out[0], i, &of));
    HT_TRY(row_nest(c, rank, i, of, &rows[i]));
  }
  HT_TRY(ht_list_cut(c, c->in[rank], pieces, rows));
  for (int64_t i = 0; i < n; i++)
    ((nest *)ht_obj(&c->out[0])[i])->values =
        ht_tensor_share(&pieces->element[i]);
  return HT_SUCCESS;
}

static ht_status to_variant(ht_call *c) {
  int rank = c->n_in - 1;
  ht_list *pieces = NULL;
  bool rows = ht_attr_bool(c->attrs, "batched_input");
  if (rank > MAX_SPLITS || (rows && !rank))
    return ht_fail(HT_USAGE, "op '%s': %d ragged dimensions", c->op->name,
                   rank);
  HT_TRY(check_splits(c, rank));
  if (!rows) return whole_nest(c, rank);
  int64_t n = ht_count(c->in[0]) - 1;
  ht_shape one = ht_shape_1(n), any = {.rank = -1};
  HT_TRY(ht_out_zeros(c, 0, HT_VARIANT, &one));
  int64_t *lengths = calloc((size_t)n + 1, sizeof *lengths);
  if (!lengths) return ht_fail(HT_NO_MEMORY, "no memory for rows");
  ht_status st = ht_list_new(c->in[rank]->dtype, &any, n, &pieces);
  if (st.code == HT_OK) {
    st = row_nests(c, rank, n, lengths, pieces);
    ht_object_drop(&pieces->object);
  }
  free(lengths);
  return st;
}

/* ---- from variants */

/* rank: how many splits it has to have, -1: any. */
static ht_status nest_at(const ht_call *c, int64_t i, int rank,
                         const nest **out) {
  ht_object *o = ht_obj(c->in[0])[i];
  const nest *n = (const nest *)o;
  if (!o || o->class != &nest_class)
    return ht_fail(HT_USAGE, "op '%s' wants ragged tensors", c->op->name);
  if ((rank >= 0 && n->rank != rank) ||
      n->values.dtype != ht_attr_type(c->attrs, "Tvalues") ||
      n->values.shape.rank < 1)
    return ht_fail(HT_USAGE,
                   "op '%s': a ragged tensor of %d splits and type "
                   "'%s'",
                   c->op->name, n->rank, ht_dtype_name(n->values.dtype));
  for (int k = 0; k < n->rank; k++)
    if (n->split[k].dtype != ht_attr_type(c->attrs, "Tsplits"))
      return ht_no_dtype(c, n->split[k].dtype);
  *out = n;
  return HT_SUCCESS;
}

/* The splits that the dimensions of the variant tensor itself become. */
static ht_status outer_splits(ht_call *c, int inner) {
  const ht_shape *s = &c->in[0]->shape;
  ht_dtype t = ht_attr_type(c->attrs, "Tsplits");
  int64_t n = 1;
  for (int d = 0; d < s->rank; d++) {
    n *= s->dim[d];
    ht_shape one = ht_shape_1(n + 1);
    HT_TRY(ht_out_zeros(c, d, t, &one));
    for (int64_t i = 0; i <= n && d + 1 < s->rank; i++)
      ht_set_int(&c->out[d], i, i * s->dim[d + 1]);
  }
  int64_t at = 0;
  for (int64_t i = 0; i < n; i++) {
    const nest *e = NULL;
    HT_TRY(nest_at(c, i, inner, &e));
    at += e->rank ? ht_count(&e->split[0]) - 1 : e->values.shape.dim[0];
    ht_set_int(&c->out[s->rank - 1], i + 1, at);
  }
  return HT_SUCCESS;
}

/* Split k of all elements, one behind the other. */
static ht_status inner_split(ht_call *c, int inner, int k) {
  int o = c->in[0]->shape.rank + k;
  int64_t n = ht_count(c->in[0]), rows = 0, at = 1;
  const nest *e = NULL;
  for (int64_t i = 0; i < n; i++) {
    HT_TRY(nest_at(c, i, inner, &e));
    rows += ht_count(&e->split[k]) - 1;
  }
  ht_shape one = ht_shape_1(rows + 1);
  HT_TRY(ht_out_zeros(c, o, ht_attr_type(c->attrs, "Tsplits"), &one));
  for (int64_t i = 0; i < n; i++) {
    int64_t from = ht_int_at(&c->out[o], at - 1);
    HT_TRY(nest_at(c, i, inner, &e));
    for (int64_t j = 1; j < ht_count(&e->split[k]); j++)
      ht_set_int(&c->out[o], at++, from + ht_int_at(&e->split[k], j));
  }
  return HT_SUCCESS;
}

/* Joins the values in a list of n, which it ends, as out[k]. */
static ht_status join_list(ht_call *c, int k, ht_list *list, ht_status st) {
  ht_tensor joined[2] = {{0}, {0}};
  ht_call part = *c;
  part.out = joined;
  if (st.code == HT_OK) st = ht_list_concat(&part, list);
  if (st.code == HT_OK) {
    c->out[k] = joined[0];
    joined[0] = (ht_tensor){0};
  }
  for (int i = 0; i < 2; i++) ht_tensor_drop(&joined[i]);
  ht_object_drop(&list->object);
  return st;
}

/* The values of all elements, recorded as joined. */
static ht_status join_values(ht_call *c, int inner) {
  int64_t n = ht_count(c->in[0]);
  ht_shape any = {.rank = -1};
  ht_list *list = NULL;
  const nest *e = NULL;
  HT_TRY(ht_list_new(ht_attr_type(c->attrs, "Tvalues"), &any, n, &list));
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < n && st.code == HT_OK; i++) {
    st = nest_at(c, i, inner, &e);
    if (st.code == HT_OK) list->element[i] = ht_tensor_share(&e->values);
  }
  return join_list(c, c->n_out - 1, list, st);
}

/* Gradients of element i: its values, or zeros for as many rows as it has. */
static ht_status gradient_rows(ht_call *c, int64_t i, const ht_shape *whole,
                               ht_tensor *out) {
  const nest *e = NULL;
  ht_shape s = *whole;
  if (ht_obj(c->in[0])[i]) {
    HT_TRY(nest_at(c, i, -1, &e));
    *out = ht_tensor_share(&e->values);
    return HT_SUCCESS;
  }
  if (s.rank && i + 1 < ht_count(c->in[1]))
    s.dim[0] = ht_int_at(c->in[1], i + 1) - ht_int_at(c->in[1], i);
  if (s.rank && s.dim[0] < 0)
    return ht_fail(HT_USAGE, "op '%s': row splits descend", c->op->name);
  return ht_tensor_zeros(c->run->pool, ht_attr_type(c->attrs, "Tvalues"), &s,
                         out);
}

static ht_status to_variant_gradient(ht_call *c) {
  ht_shape s;
  ht_list *list = NULL;
  HT_TRY(ht_need_dtype(c, 0, HT_VARIANT));
  HT_TRY(ht_shape_from(c->in[2], false, &s));
  int64_t n = ht_count(c->in[0]);
  ht_shape any = {.rank = -1};
  HT_TRY(ht_list_new(ht_attr_type(c->attrs, "Tvalues"), &any, n, &list));
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < n && st.code == HT_OK; i++)
    st = gradient_rows(c, i, &s, &list->element[i]);
  HT_TRY(join_list(c, 0, list, st));
  if (ht_shape_equal(&c->out[0].shape, &s)) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': gradients are not those of the values",
                 c->op->name);
}

static ht_status from_variant(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_VARIANT));
  int rank = c->in[0]->shape.rank;
  int64_t outer = ht_attr_int(c->attrs, "output_ragged_rank");
  int64_t inner = ht_attr_int(c->attrs, "input_ragged_rank");
  if (inner == -1) inner = outer - rank;
  if (inner < 0 || outer != rank + inner || c->n_out != outer + 1)
    return ht_fail(HT_USAGE, "op '%s': ranks of what is ragged do not agree",
                   c->op->name);
  if (!rank) {
    const nest *e = NULL;
    HT_TRY(nest_at(c, 0, (int)inner, &e));
    for (int k = 0; k < e->rank; k++) c->out[k] = ht_tensor_share(&e->split[k]);
    c->out[outer] = ht_tensor_share(&e->values);
    return HT_SUCCESS;
  }
  HT_TRY(outer_splits(c, (int)inner));
  for (int k = 0; k < inner; k++) HT_TRY(inner_split(c, (int)inner, k));
  return join_values(c, (int)inner);
}

const ht_op ht_ops_nest[] = {
    {
        .name = "RaggedTensorToVariant",
        .inputs = "rt_nested_splits:RAGGED_RANK*Tsplits "
                  "rt_dense_values:Tvalues",
        .outputs = "encoded_ragged:variant",
        .attrs = "RAGGED_RANK:int Tvalues:type Tsplits:type=int64 "
                 "batched_input:bool",
        .doc = "A ragged tensor, or each of its rows, as a variant.",
        .samples = "@ragged_rows_become_variants_and_rows_again",
        .forward = to_variant,
        .gradient = ht_gradient_in_forward,
    },
    {
        .name = "RaggedTensorFromVariant",
        .inputs = "encoded_ragged:variant",
        .outputs = "output_nested_splits:output_ragged_rank*Tsplits "
                   "output_dense_values:Tvalues",
        .attrs = "input_ragged_rank:int output_ragged_rank:int Tvalues:type "
                 "Tsplits:type=int64",
        .doc = "The ragged tensor that variants hold.",
        .samples = "@ragged_rows_become_variants_and_rows_again",
        .forward = from_variant,
        .gradient = ht_gradient_in_forward,
    },
    {
        .name = "RaggedTensorToVariantGradient",
        .inputs = "encoded_ragged_grad:variant row_splits:Tsplits "
                  "dense_values_shape:int32",
        .outputs = "dense_values_grad:Tvalues",
        .attrs = "Tvalues:type Tsplits:type=int64",
        .doc = "The gradient of values of which rows became variants.",
        .samples = "@gradients_of_ragged_rows_are_joined",
        .forward = to_variant_gradient,
        .gradient = ht_gradient_in_forward,
    },
    {0},
};
