/* op_ragged.c - ragged tensors: rows of different lengths, as splits and
 * values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/sparse.h"

/* Splits must ascend from 0 to the number of values below them. */
static ht_status check_splits(const ht_call *c, const ht_tensor *t,
                              int64_t values) {
  int64_t n = ht_count(t), before = 0;
  bool good = t->shape.rank == 1 && n >= 1 && ht_int_at(t, 0) == 0;
  for (int64_t i = 0; i < n && good; i++) {
    good = ht_int_at(t, i) >= before;
    before = ht_int_at(t, i);
  }
  if (good && before == values) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': row splits do not ascend from 0 to %lld",
                 c->op->name, (long long)values);
}

/* Splits in[0..rank) over each other and over in[rank]. */
static ht_status check_nested(const ht_call *c, int rank) {
  HT_TRY(ht_need_min_rank(c, rank, 1));
  for (int k = 0; k < rank; k++) {
    int64_t below =
        k + 1 < rank ? ht_count(c->in[k + 1]) - 1 : c->in[rank]->shape.dim[0];
    HT_TRY(check_splits(c, c->in[k], below));
  }
  return HT_SUCCESS;
}

static int64_t inner_size(const ht_tensor *values) {
  int64_t n = 1;
  for (int d = 1; d < values->shape.rank; d++) n *= values->shape.dim[d];
  return n;
}

static ht_status numbers(int64_t n, int64_t **out) {
  *out = ht_scratch(n, sizeof **out);
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for rows");
}

/* ---- RaggedTensorToTensor */

enum { MAX_PARTS = 8 };

typedef struct partition {
  const ht_tensor *t;
  bool splits; /* else the row of each value */
} partition;

typedef struct layout {
  partition part[MAX_PARTS]; /* of each ragged dimension */
  int n;
  int64_t rows; /* of the outermost dimension */
  ht_shape values, out;
  int64_t *place; /* of each value: its row of the output, -1: cut off */
  int64_t count;
} layout;

static ht_status partitions(const ht_attrs *attrs, const ht_tensor **t, int n,
                            layout *l) {
  const ht_attr *types = ht_attr_find(attrs, "row_partition_types");
  if (!types || types->n != n || n < 1 || n > MAX_PARTS)
    return ht_fail(HT_USAGE, "row partitions and their types do not fit");
  for (int i = 0; i < n; i++) {
    ht_string s = types->value[i].s;
    bool splits = s.n == 10 && memcmp(s.p, "ROW_SPLITS", 10) == 0;
    bool ids = s.n == 12 && memcmp(s.p, "VALUE_ROWIDS", 12) == 0;
    bool size = s.n == 14 && memcmp(s.p, "FIRST_DIM_SIZE", 14) == 0 && !i;
    if ((!splits && !ids && !size) || (size && ht_count(t[i]) != 1) ||
        (splits && ht_count(t[i]) < 1) || (ids && !i))
      return ht_fail(HT_USAGE, "row partition %d is not understood", i);
    if (size) l->rows = ht_int_at(t[i], 0);
    if (splits && !i) l->rows = ht_count(t[i]) - 1;
    if (!size) l->part[l->n++] = (partition){t[i], splits};
  }
  return l->rows >= 0 ? HT_SUCCESS
                      : ht_fail(HT_USAGE, "a ragged tensor of negative size");
}

static int64_t widest(const partition *p) {
  int64_t n = ht_count(p->t), best = 0;
  for (int64_t i = p->splits, run = 0; i < n; i++) {
    if (p->splits) {
      bool far = __builtin_sub_overflow(ht_int_at(p->t, i),
                                        ht_int_at(p->t, i - 1), &run);
      if (far) run = INT64_MAX; /* splits that do not ascend, or no memory */
    } else
      run = i && ht_int_at(p->t, i) == ht_int_at(p->t, i - 1) ? run + 1 : 1;
    if (run > best) best = run;
  }
  return best;
}

static ht_status out_shape(const ht_tensor *wanted, layout *l) {
  ht_shape *s = &l->out, given;
  *s = ht_shape_1(l->rows);
  for (int i = 0; i < l->n && s->rank < HT_MAX_RANK; i++)
    s->dim[s->rank++] = widest(&l->part[i]);
  for (int d = 1; d < l->values.rank && s->rank < HT_MAX_RANK; d++)
    s->dim[s->rank++] = l->values.dim[d];
  if (wanted->shape.rank == 0) return HT_SUCCESS;
  HT_TRY(ht_shape_from(wanted, true, &given));
  if (given.rank != s->rank)
    return ht_fail(HT_USAGE, "a ragged tensor of rank %d cannot take rank %d",
                   s->rank, given.rank);
  for (int d = 0; d < s->rank; d++) {
    if (given.dim[d] < 0) continue;
    if (d > l->n && given.dim[d] != s->dim[d])
      return ht_fail(HT_USAGE, "dimension %d of a ragged tensor is %lld", d,
                     (long long)s->dim[d]);
    s->dim[d] = given.dim[d];
  }
  return HT_SUCCESS;
}

/* The places of the children of n parents, whose dimension is `wide`. */
static ht_status descend(const partition *p, int64_t wide, int64_t **place,
                         int64_t *n) {
  int64_t count = ht_count(p->t), *child;
  if (p->splits) {
    if (count - 1 != *n || ht_int_at(p->t, 0) != 0)
      return ht_fail(HT_USAGE, "row splits of a ragged tensor do not fit");
    count = ht_int_at(p->t, count - 1);
    for (int64_t r = 0; r < *n; r++)
      if (ht_int_at(p->t, r + 1) < ht_int_at(p->t, r))
        return ht_fail(HT_USAGE, "row splits must ascend");
  }
  HT_TRY(numbers(count, &child));
  int64_t row = 0, start = 0;
  for (int64_t i = 0; i < count; i++) {
    int64_t r = row;
    if (!p->splits) r = ht_int_at(p->t, i);
    while (p->splits && ht_int_at(p->t, r + 1) <= i) r++;
    if (r != row) start = i;
    if (r < row || r >= *n) {
      free(child);
      return ht_fail(HT_USAGE, "row ids of a ragged tensor do not fit");
    }
    row = r;
    int64_t up = (*place)[r], j = i - start;
    bool kept = up >= 0 && j < wide && up <= (INT64_MAX - j) / wide;
    child[i] = kept ? up * wide + j : -1;
  }
  free(*place);
  *place = child;
  *n = count;
  return HT_SUCCESS;
}

static ht_status lay_out(const ht_attrs *attrs, const ht_tensor *wanted,
                         const ht_tensor **parts, int n, layout *l) {
  HT_TRY(partitions(attrs, parts, n, l));
  HT_TRY(out_shape(wanted, l));
  l->count = l->rows;
  HT_TRY(numbers(l->rows, &l->place));
  for (int64_t i = 0; i < l->rows; i++)
    l->place[i] = i < l->out.dim[0] ? i : -1;
  for (int k = 0; k < l->n; k++)
    HT_TRY(descend(&l->part[k], l->out.dim[k + 1], &l->place, &l->count));
  if (l->count > l->values.dim[0])
    return ht_fail(HT_USAGE, "a ragged tensor has %lld values for %lld places",
                   (long long)l->values.dim[0], (long long)l->count);
  return HT_SUCCESS;
}

/* Fills out with the default, which is broadcast to the inner shape. */
static ht_status fill_default(ht_call *c, const layout *l, int64_t inner) {
  const ht_tensor *d = c->in[2];
  int64_t n = ht_count(d), total = ht_count(&c->out[0]);
  ht_shape in = HT_SCALAR, both;
  for (int k = 1; k < l->values.rank; k++) in.dim[in.rank++] = l->values.dim[k];
  HT_TRY(ht_shape_broadcast(&in, &d->shape, &both));
  if (!ht_shape_equal(&in, &both))
    return ht_fail(HT_USAGE, "op '%s': the default does not fit the values",
                   c->op->name);
  int64_t suffix = n == 1 ? 1 : inner; /* plain cases; others go by index */
  bool plain = n == 1 || n == inner;
  for (int64_t i = 0; i < total; i++) {
    int64_t k = plain ? i % suffix : 0, rest = i, stride = 1;
    for (int e = d->shape.rank - 1, f = in.rank - 1; !plain && e >= 0;
         e--, f--) {
      int64_t at = rest % in.dim[f];
      rest /= in.dim[f];
      if (d->shape.dim[e] != 1) k += at * stride;
      stride *= d->shape.dim[e];
    }
    ht_copy_element(&c->out[0], i, d, k);
  }
  return HT_SUCCESS;
}

static ht_status place_values(ht_call *c, const layout *l) {
  int64_t inner = inner_size(c->in[1]);
  HT_TRY(ht_out_elements(c, 0, 1, &l->out));
  if (c->in[1]->dtype == HT_STRING)
    HT_TRY(ht_string_keep(&c->out[0], c->in[2]));
  HT_TRY(fill_default(c, l, inner));
  size_t row = (size_t)inner * ht_dtype_size(c->in[1]->dtype);
  for (int64_t i = 0; i < l->count; i++)
    if (l->place[i] >= 0)
      memcpy((char *)c->out[0].data + (size_t)l->place[i] * row,
             (char *)c->in[1]->data + (size_t)i * row, row);
  return HT_SUCCESS;
}

static ht_status to_tensor(ht_call *c) {
  layout l = {.values = c->in[1]->shape};
  HT_TRY(ht_need_min_rank(c, 1, 1));
  HT_TRY(ht_need_dtype(c, 2, c->in[1]->dtype));
  ht_status st = lay_out(c->attrs, c->in[0], (const ht_tensor **)c->in + 3,
                         c->n_in - 3, &l);
  if (st.code == HT_OK) st = place_values(c, &l);
  free(l.place);
  return st;
}

/* g at the places of values goes to them, the rest to the default. */
static ht_status give_values(ht_back *b, const layout *l) {
  const ht_tensor *g = &b->dout[0].dense;
  ht_tensor values, rest;
  HT_TRY(ht_back_zeros(b, g->dtype, &l->values, &values));
  HT_TRY(ht_tensor_copy(b->run->pool, g, &rest));
  size_t row = (size_t)inner_size(&b->in[1]) * ht_dtype_size(g->dtype);
  for (int64_t i = 0; i < l->count; i++) {
    if (l->place[i] < 0) continue;
    char *at = (char *)rest.data + (size_t)l->place[i] * row;
    memcpy((char *)values.data + (size_t)i * row, at, row);
    memset(at, 0, row);
  }
  HT_TRY(ht_give(b, 1, &values));
  return ht_give(b, 2, &rest);
}

static ht_status to_tensor_back(ht_back *b) {
  layout l = {.values = b->in[1].shape};
  const ht_tensor *parts[MAX_PARTS];
  int n = b->n_in - 3;
  for (int i = 0; i < n && i < MAX_PARTS; i++) parts[i] = &b->in[3 + i];
  ht_status st = lay_out(b->attrs, &b->in[0], parts, n, &l);
  if (st.code == HT_OK) st = give_values(b, &l);
  free(l.place);
  return st;
}

/* ---- RaggedTensorToSparse */

static ht_status sparse_shape(ht_call *c, int rank, ht_shape *shape) {
  *shape = ht_shape_1(ht_count(c->in[0]) - 1);
  for (int k = 0; k < rank; k++) {
    partition p = {c->in[k], true};
    if (shape->rank < HT_MAX_RANK) shape->dim[shape->rank++] = widest(&p);
  }
  for (int d = 1; d < c->in[rank]->shape.rank; d++)
    if (shape->rank < HT_MAX_RANK)
      shape->dim[shape->rank++] = c->in[rank]->shape.dim[d];
  return ht_out_shape(c, 2, shape);
}

/* The index of value i: which row of each level it lies in, and where. */
static void index_of(const ht_call *c, int rank, int64_t i, int64_t *cursor,
                     int64_t *at) {
  for (int k = rank - 1; k >= 0; k--) {
    while (ht_int_at(c->in[k], cursor[k] + 1) <= i) cursor[k]++;
    at[k + 1] = i - ht_int_at(c->in[k], cursor[k]);
    i = cursor[k];
  }
  at[0] = i;
}

static ht_status to_sparse(ht_call *c) {
  int rank = c->n_in - 1;
  ht_shape shape;
  int64_t cursor[HT_MAX_RANK] = {0}, at[HT_MAX_RANK + 1];
  if (rank < 1 || rank >= HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "op '%s': ragged rank %d", c->op->name,
                   rank);
  HT_TRY(check_nested(c, rank));
  HT_TRY(sparse_shape(c, rank, &shape));
  int64_t n = ht_count(c->in[rank]), inner = inner_size(c->in[rank]);
  ht_shape indices = ht_shape_2(n, shape.rank), flat = ht_shape_1(n);
  HT_TRY(ht_out(c, 0, HT_INT64, &indices));
  ht_out_shaped(c, 1, rank, &flat);
  for (int64_t i = 0; i < n; i++) {
    int64_t *to = ht_i64(&c->out[0]) + i * shape.rank, rest = i % inner;
    if (rest == 0) index_of(c, rank, i / inner, cursor, at);
    memcpy(to, at, (size_t)(rank + 1) * sizeof *to);
    for (int d = shape.rank - 1; d > rank; d--) {
      to[d] = rest % shape.dim[d];
      rest /= shape.dim[d];
    }
  }
  return HT_SUCCESS;
}

static ht_status to_sparse_back(ht_back *b) {
  const ht_tensor *g = &b->dout[1].dense;
  if (g->dtype == HT_INVALID) return HT_SUCCESS;
  ht_tensor shaped = ht_tensor_shaped(g, &b->in[b->n_in - 1].shape);
  return ht_give(b, b->n_in - 1, &shaped);
}

/* ---- RaggedGather */

typedef struct rows {
  int64_t *at; /* row numbers at the current level */
  int64_t n;
} rows;

/* Replaces rows by all their children in `splits`, whose lengths go to
 * out[o] (o < 0: nowhere). */
static ht_status children(ht_call *c, const ht_tensor *splits, rows *r, int o) {
  int64_t total = 0, *next, k = 0, limit = ht_count(splits) - 1;
  ht_shape shape = ht_shape_1(r->n + 1);
  for (int64_t i = 0; i < r->n; i++) {
    if (r->at[i] < 0 || r->at[i] >= limit)
      return ht_fail(HT_USAGE, "op '%s': index %lld is outside %lld rows",
                     c->op->name, (long long)r->at[i], (long long)limit);
    total += ht_int_at(splits, r->at[i] + 1) - ht_int_at(splits, r->at[i]);
  }
  if (o >= 0) HT_TRY(ht_out(c, o, splits->dtype, &shape));
  HT_TRY(numbers(total, &next));
  for (int64_t i = 0; i < r->n; i++) {
    if (o >= 0) ht_set_int(&c->out[o], i, k);
    int64_t to = ht_int_at(splits, r->at[i] + 1);
    for (int64_t j = ht_int_at(splits, r->at[i]); j < to; j++) next[k++] = j;
  }
  if (o >= 0) ht_set_int(&c->out[o], r->n, k);
  free(r->at);
  *r = (rows){next, k};
  return HT_SUCCESS;
}

/* Indices of several dimensions give splits of even length. */
static ht_status even_splits(ht_call *c, const ht_shape *s, int *o) {
  int64_t count = 1;
  for (int d = 0; d + 1 < s->rank; d++) {
    count *= s->dim[d];
    ht_shape shape = ht_shape_1(count + 1);
    HT_TRY(ht_out(c, *o, c->in[0]->dtype, &shape));
    for (int64_t i = 0; i <= count; i++)
      ht_set_int(&c->out[*o], i, i * s->dim[d + 1]);
    ++*o;
  }
  return HT_SUCCESS;
}

static ht_status gather_rows(ht_call *c, int rank, rows *r) {
  const ht_tensor *values = c->in[rank], *index = c->in[rank + 1];
  int o = 0;
  HT_TRY(even_splits(c, &index->shape, &o));
  for (int64_t i = 0; i < r->n; i++) r->at[i] = ht_int_at(index, i);
  for (int k = 0; k < rank; k++)
    HT_TRY(children(c, c->in[k], r, k || index->shape.rank ? o++ : -1));
  ht_shape shape = values->shape;
  shape.dim[0] = r->n;
  HT_TRY(ht_out_elements(c, o, rank, &shape));
  size_t row = (size_t)inner_size(values) * ht_dtype_size(values->dtype);
  for (int64_t i = 0; i < r->n; i++)
    memcpy((char *)c->out[o].data + (size_t)i * row,
           (char *)values->data + (size_t)r->at[i] * row, row);
  return HT_SUCCESS;
}

static ht_status gather(ht_call *c) {
  int rank = c->n_in - 2;
  if (rank < 1 ||
      c->n_out != rank + c->in[rank + 1]->shape.rank) /* splits and values */
    return ht_fail(HT_USAGE, "op '%s': ragged ranks do not fit", c->op->name);
  HT_TRY(check_nested(c, rank));
  rows r = {.n = ht_count(c->in[rank + 1])};
  HT_TRY(numbers(r.n, &r.at));
  ht_status st = gather_rows(c, rank, &r);
  free(r.at);
  return st;
}

/* Which rows of the values were taken: the walk of forward, once more. */
static ht_status gather_back(ht_back *b) {
  int rank = b->n_in - 2;
  const ht_tensor *g = &b->dout[b->n_out - 1].dense;
  const ht_tensor *index = &b->in[rank + 1];
  ht_tensor values, where;
  int64_t n = g->dtype ? g->shape.dim[0] : 0, k = 0;
  if (!n || !ht_wants(b, rank)) return HT_SUCCESS;
  ht_shape shape = ht_shape_1(n);
  HT_TRY(ht_back_new(b, HT_INT64, &shape, &where));
  for (int64_t i = 0; i < ht_count(index); i++) {
    int64_t from = ht_int_at(index, i), to = from + 1;
    for (int l = 0; l < rank; l++) {
      from = ht_int_at(&b->in[l], from);
      to = ht_int_at(&b->in[l], to);
    }
    while (from < to && k < n) ht_i64(&where)[k++] = from++;
  }
  values = ht_tensor_share(g);
  return ht_give_rows(b, rank, &where, &values);
}

/* ---- RaggedRange */

static int64_t range_length(const ht_call *c, const double v[3], bool *good) {
  (void)c;
  double n = ceil((v[1] - v[0]) / v[2]);
  *good &= v[2] != 0 && n < 1e15;
  return n > 0 ? (int64_t)n : 0;
}

/* Start, limit and delta of row r; scalars go to every row. */
static void range_of(const ht_call *c, int64_t r, double v[3]) {
  for (int k = 0; k < 3; k++)
    v[k] = ht_real_at(c->in[k], c->in[k]->shape.rank ? r : 0);
}

static void range_values(ht_call *c, const double v[3], int64_t n, int64_t at) {
  ht_tensor *t = &c->out[1];
  for (int64_t j = 0; j < n; j++) {
    if (t->dtype == HT_FLOAT)
      ht_f(t)[at + j] = (float)v[0] + (float)j * (float)v[2];
    else if (t->dtype == HT_DOUBLE)
      HT_DATA(double, t)[at + j] = v[0] + (double)j * v[2];
    else
      ht_set_int(t, at + j, (int64_t)v[0] + j * (int64_t)v[2]);
  }
}

static ht_status range(ht_call *c) {
  ht_dtype t = c->in[0]->dtype, s = ht_attr_type(c->attrs, "Tsplits");
  int64_t n = 1, total = 0;
  double v[3];
  bool good = true;
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT32 && t != HT_INT64)
    return ht_no_dtype(c, t);
  for (int k = 0; k < 3; k++)
    if (c->in[k]->shape.rank) n = ht_count(c->in[k]);
  for (int k = 0; k < 3; k++)
    good &= c->in[k]->shape.rank == 0 ||
            (c->in[k]->shape.rank == 1 && ht_count(c->in[k]) == n);
  ht_shape splits = ht_shape_1(n + 1);
  if (good) HT_TRY(ht_out(c, 0, s == HT_INT32 ? HT_INT32 : HT_INT64, &splits));
  for (int64_t r = 0; r < n && good; r++) {
    ht_set_int(&c->out[0], r, total);
    range_of(c, r, v);
    total += range_length(c, v, &good);
  }
  if (!good)
    return ht_fail(HT_USAGE, "op '%s': the ranges do not fit", c->op->name);
  ht_set_int(&c->out[0], n, total);
  ht_shape values = ht_shape_1(total);
  HT_TRY(ht_out(c, 1, t, &values));
  for (int64_t r = 0; r < n; r++) {
    int64_t at = ht_int_at(&c->out[0], r);
    range_of(c, r, v);
    range_values(c, v, ht_int_at(&c->out[0], r + 1) - at, at);
  }
  return HT_SUCCESS;
}

#define TENSOR "RaggedTensorToTensor"

const ht_op ht_ops_ragged[] = {
    {
        .name = "RaggedGather",
        .inputs = "params_nested_splits:PARAMS_RAGGED_RANK*Tsplits "
                  "params_dense_values:Tvalues indices:Tindices",
        .outputs = "output_nested_splits:OUTPUT_RAGGED_RANK*Tsplits "
                   "output_dense_values:Tvalues",
        .attrs = "Tvalues:type Tindices:type Tsplits:type=int64 "
                 "PARAMS_RAGGED_RANK:int OUTPUT_RAGGED_RANK:int",
        .doc = "Rows of a ragged tensor by their numbers.",
        .samples =
            "(l[4]{0,2,2,5}) f[5,2] i[4]{2,0,1,2} OUTPUT_RAGGED_RANK=1;"
            "(l[3]{0,2,3} l[4]{0,1,4,6}) s[6] l[3]{1,0,1} "
            "OUTPUT_RAGGED_RANK=2;"
            "(i[4]{0,2,2,5}) d[5] i[2,2]{2,0,1,2} OUTPUT_RAGGED_RANK=2;"
            "(l[3]{0,2,3} l[4]{0,1,4,6}) f[6] i[]{0} OUTPUT_RAGGED_RANK=1;"
            "(l[1]{0}) f[0] i[0] OUTPUT_RAGGED_RANK=1",
        .forward = gather,
        .gradient = gather_back,
        .keep = HT_KEEP_INS,
    },
    {
        .name = "RaggedRange",
        .inputs = "starts:T limits:T deltas:T",
        .outputs = "rt_nested_splits:Tsplits rt_dense_values:T",
        .attrs = "T:type=int32 Tsplits:type=int64",
        .doc = "A range of numbers for each row.",
        .samples = "i[3]{0,5,8} i[3]{3,5,12} i[]{1};"
                   "l[]{0} l[2]{2,4} l[]{2} Tsplits=int32;"
                   "f[2]{0,1} f[2]{1,-1} f[2]{0.25,-0.5};"
                   "i[2]{5,0} i[2]{0,5} i[2]{-2,-1}; i[0] i[0] i[]{1}",
        .forward = range,
        .gradient = ht_no_gradient,
    },
    {
        .name = "RaggedTensorToSparse",
        .inputs = "rt_nested_splits:RAGGED_RANK*Tsplits rt_dense_values:T",
        .outputs =
            "sparse_indices:int64 sparse_values:T sparse_dense_shape:int64",
        .attrs = "RAGGED_RANK:int T:type Tsplits:type=int64",
        .doc = "The sparse tensor of the same rows.",
        .samples = "(l[4]{0,2,2,5}) f[5]; (i[3]{0,2,3} i[4]{0,1,4,6}) s[6];"
                   "(l[3]{0,2,3}) d[3,2]; (l[1]{0}) f[0]; (l[3]{0,0,0}) f[0]",
        .forward = to_sparse,
        .gradient = to_sparse_back,
    },
    {
        .name = TENSOR,
        .inputs = "shape:Tshape values:T default_value:T "
                  "row_partition_tensors:num_row_partition_tensors*Tindex",
        .outputs = "result:T",
        .attrs = "T:type Tindex:type Tshape:type "
                 "num_row_partition_tensors:int "
                 "row_partition_types:list(string)",
        .doc = "The dense tensor of the rows, filled up or cut.",
        .samples = "l[]{-1} f[5] f[]{9} (l[4]{0,2,2,5}) "
                   "row_partition_types=['ROW_SPLITS'];"
                   "l[2]{-1,2} d[5] d[] (l[4]{0,2,2,5}) "
                   "row_partition_types=['ROW_SPLITS'];"
                   "l[2]{5,4} s[5] s[]{'-'} (l[4]{0,2,2,5}) "
                   "row_partition_types=['ROW_SPLITS'];"
                   "i[3]{-1,-1,-1} i[6] i[]{0} (l[3]{0,2,3} l[4]{0,1,4,6}) "
                   "row_partition_types=['ROW_SPLITS','ROW_SPLITS'];"
                   "l[]{-1} f[4] f[]{1} (l[]{4} l[4]{0,0,2,3}) "
                   "row_partition_types=['FIRST_DIM_SIZE','VALUE_ROWIDS'];"
                   "l[3]{2,3,2} f[5,2] f[2] (l[4]{0,2,2,5}) "
                   "row_partition_types=['ROW_SPLITS'];"
                   "l[]{-1} f[0] f[]{1} (l[3]{0,0,0}) "
                   "row_partition_types=['ROW_SPLITS']",
        .forward = to_tensor,
        .gradient = to_tensor_back,
        .keep = HT_KEEP_INS & ~(HT_KEEP_IN(1) | HT_KEEP_IN(2)),
    },
    {0},
};
