/* op_segment.c - reductions of rows by segment, with and without a gather. */
#include <math.h>
#include <string.h>

#include "kernels/segment.h"
#include "ops/sparse.h"

/* ---- what all of them need */

static ht_status scratch(ht_pool *pool, int64_t n, ht_tensor *out) {
  ht_shape shape = ht_shape_1(n);
  return ht_tensor_new(pool, HT_INT64, &shape, out);
}

static bool extreme(ht_segment_kind k) {
  return k == HT_SEGMENT_MAX || k == HT_SEGMENT_MIN;
}

static ht_status check_dtype(const ht_call *c, ht_segment_kind kind, bool ints,
                             ht_dtype t) {
  bool good = t == HT_FLOAT || t == HT_DOUBLE;
  if (ints) good |= t == HT_INT32 || t == HT_INT64 || t == HT_UINT64;
  if (!extreme(kind)) good |= t == HT_COMPLEX64 || t == HT_COMPLEX128;
  return good ? HT_SUCCESS : ht_no_dtype(c, t);
}

/* The elements of a row of axis 0 and up, from dimension `from` on. */
static int64_t row_size(const ht_tensor *t, int from) {
  int64_t n = 1;
  for (int d = from; d < t->shape.rank; d++) n *= t->shape.dim[d];
  return n;
}

/* [rows, the dimensions of s from `from` on] */
static ht_shape with_rows(const ht_shape *s, int from, int64_t rows) {
  ht_shape out = ht_shape_1(rows);
  for (int d = from; d < s->rank; d++) out.dim[out.rank++] = s->dim[d];
  return out;
}

/* Where each segment starts, of ids that must ascend. */
static ht_status starts_of(ht_pool *pool, const ht_tensor *ids, int64_t n,
                           ht_tensor *start) {
  const int64_t *id = ht_i64(ids);
  int64_t count = ht_count(ids), next = 0;
  HT_TRY(scratch(pool, n + 1, start));
  for (int64_t i = 0; i < count; i++) {
    if (id[i] < 0 || id[i] >= n || (i && id[i] < id[i - 1]))
      return ht_fail(HT_USAGE,
                     "segment ids must ascend from 0 up to %lld: "
                     "found %lld at %lld",
                     (long long)n - 1, (long long)id[i], (long long)i);
    while (next <= id[i]) ht_i64(start)[next++] = i;
  }
  while (next <= n) ht_i64(start)[next++] = count;
  return HT_SUCCESS;
}

static ht_status last_plus_one(const ht_tensor *ids, int64_t *n) {
  int64_t count = ht_count(ids);
  int64_t last = count ? ht_i64(ids)[count - 1] : -1;
  *n = last + (last < INT64_MAX);
  if (*n >= 0 && *n < INT64_MAX / 64) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "segment ids must ascend from 0");
}

/* Scratch of one call: dropped together. */
typedef struct holds {
  ht_tensor id, row, start, order, weight;
} holds;

static void drop(holds *h) {
  ht_tensor_drop(&h->id);
  ht_tensor_drop(&h->row);
  ht_tensor_drop(&h->start);
  ht_tensor_drop(&h->order);
  ht_tensor_drop(&h->weight);
}

/* ---- SegmentX(data, sorted ids) */

static ht_status sorted(ht_call *c, ht_segment_kind kind, holds *h) {
  ht_pool *pool = c->run->pool;
  const ht_tensor *x = c->in[0];
  int64_t n;
  HT_TRY(check_dtype(c, kind, true, x->dtype));
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(ht_need_rank(c, 1, 1));
  if (c->in[1]->shape.dim[0] != x->shape.dim[0])
    return ht_fail(HT_USAGE, "op '%s' wants an id for each row", c->op->name);
  HT_TRY(ht_as_int64(pool, c->in[1], &h->id));
  HT_TRY(last_plus_one(&h->id, &n));
  HT_TRY(starts_of(pool, &h->id, n, &h->start));
  ht_shape shape = with_rows(&x->shape, 1, n);
  HT_TRY(ht_out(c, 0, x->dtype, &shape));
  ht_segments_reduce(&(ht_segments){.kind = kind,
                                    .dtype = x->dtype,
                                    .data = x->data,
                                    .dim = row_size(x, 1),
                                    .start = ht_i64(&h->start),
                                    .n = n,
                                    .out = c->out[0].data});
  return HT_SUCCESS;
}

/* Where the op computes in a wider type, ids without rows have the least or
 * the largest value of the type that was asked for. */
static void fill_empty(const ht_call *c, ht_segment_kind kind, const holds *h,
                       int64_t dim) {
  double low, high;
  ht_tensor *y = &c->out[0];
  switch (ht_attr_type(c->attrs, "T")) {
    case HT_HALF: low = -65504, high = 65504; break;
    case HT_BFLOAT16: low = -0x1.fep127, high = 0x1.fep127; break;
    case HT_INT8: low = INT8_MIN, high = INT8_MAX; break;
    case HT_INT16: low = INT16_MIN, high = INT16_MAX; break;
    case HT_UINT8: low = 0, high = UINT8_MAX; break;
    case HT_UINT16: low = 0, high = UINT16_MAX; break;
    case HT_UINT32: low = 0, high = UINT32_MAX; break;
    default: return;
  }
  double v = kind == HT_SEGMENT_MAX ? low : high;
  for (int64_t s = 0; s < y->shape.dim[0]; s++)
    for (int64_t i = s * dim; i < (s + 1) * dim; i++) {
      if (ht_i64(&h->start)[s] < ht_i64(&h->start)[s + 1]) continue;
      if (y->dtype == HT_FLOAT)
        ht_f(y)[i] = (float)v;
      else
        ht_i64(y)[i] = (int64_t)v;
    }
}

/* ---- UnsortedSegmentX(data, ids of a prefix of its shape, num_segments) */

static ht_status unsorted(ht_call *c, ht_segment_kind kind, holds *h) {
  ht_pool *pool = c->run->pool;
  const ht_tensor *x = c->in[0], *ids = c->in[1];
  HT_TRY(check_dtype(c, kind, true, x->dtype));
  HT_TRY(ht_need_scalar(c, 2));
  int64_t n = ht_int_at(c->in[2], 0), count = ht_count(ids);
  bool prefix = ids->shape.rank <= x->shape.rank;
  for (int d = 0; d < ids->shape.rank && prefix; d++)
    prefix = ids->shape.dim[d] == x->shape.dim[d];
  if (!prefix || n < 0 || n >= INT64_MAX / 64)
    return ht_fail(HT_USAGE,
                   "op '%s' wants ids of a prefix of the shape, and "
                   "num_segments >= 0",
                   c->op->name);
  HT_TRY(ht_as_int64(pool, ids, &h->id));
  for (int64_t i = 0; i < count; i++)
    if (ht_i64(&h->id)[i] >= n)
      return ht_fail(HT_USAGE, "op '%s': segment id %lld is outside %lld",
                     c->op->name, (long long)ht_i64(&h->id)[i], (long long)n);
  ht_shape shape = with_rows(&x->shape, ids->shape.rank, n);
  HT_TRY(ht_out(c, 0, x->dtype, &shape));
  HT_TRY(scratch(pool, n + 1, &h->start));
  HT_TRY(scratch(pool, count, &h->order));
  ht_group(ht_i64(&h->id), count, n, ht_i64(&h->start), ht_i64(&h->order));
  ht_segments_reduce(&(ht_segments){.kind = kind,
                                    .dtype = x->dtype,
                                    .data = x->data,
                                    .dim = row_size(x, ids->shape.rank),
                                    .row = ht_i64(&h->order),
                                    .start = ht_i64(&h->start),
                                    .n = n,
                                    .identity = true,
                                    .out = c->out[0].data});
  if (extreme(kind)) fill_empty(c, kind, h, row_size(x, ids->shape.rank));
  return HT_SUCCESS;
}

/* Gradient with regard to data of both. */
static ht_status back(ht_back *b, ht_segment_kind kind) {
  const ht_tensor *x = &b->in[0], *g = &b->dout[0].dense;
  ht_tensor id, dx;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_as_int64(b->run->pool, &b->in[1], &id));
  ht_status st = ht_back_new(b, x->dtype, &x->shape, &dx);
  if (st.code == HT_OK) {
    st = ht_segments_back(&(ht_segment_back){.kind = kind,
                                             .dtype = x->dtype,
                                             .data = x->data,
                                             .out = b->out[0].data,
                                             .dout = g->data,
                                             .id = ht_i64(&id),
                                             .rows = ht_count(&id),
                                             .dim = row_size(x, id.shape.rank),
                                             .n_segments = g->shape.dim[0],
                                             .ddata = dx.data});
    if (st.code == HT_OK)
      st = ht_give(b, 0, &dx);
    else
      ht_tensor_drop(&dx);
  }
  ht_tensor_drop(&id);
  return st;
}

#define SEGMENT_OPS(NAME, KIND)                \
  static ht_status sorted_##NAME(ht_call *c) { \
    holds h = {0};                             \
    ht_status st = sorted(c, KIND, &h);        \
    drop(&h);                                  \
    return st;                                 \
  }                                            \
  static ht_status back_##NAME(ht_back *b) { return back(b, KIND); }

#define UNSORTED_OPS(NAME, KIND)                 \
  static ht_status unsorted_##NAME(ht_call *c) { \
    holds h = {0};                               \
    ht_status st = unsorted(c, KIND, &h);        \
    drop(&h);                                    \
    return st;                                   \
  }

SEGMENT_OPS(sum, HT_SEGMENT_SUM)
SEGMENT_OPS(mean, HT_SEGMENT_MEAN)
SEGMENT_OPS(max, HT_SEGMENT_MAX)
SEGMENT_OPS(min, HT_SEGMENT_MIN)
SEGMENT_OPS(prod, HT_SEGMENT_PROD)
UNSORTED_OPS(sum, HT_SEGMENT_SUM)
UNSORTED_OPS(max, HT_SEGMENT_MAX)
UNSORTED_OPS(min, HT_SEGMENT_MIN)
UNSORTED_OPS(prod, HT_SEGMENT_PROD)

/* ---- SparseSegmentX(data, indices, sorted ids): a gather and a reduction */

static ht_status check_rows(const ht_call *c, const ht_tensor *row,
                            int64_t rows) {
  for (int64_t i = 0; i < ht_count(row); i++)
    if (ht_i64(row)[i] < 0 || ht_i64(row)[i] >= rows)
      return ht_fail(HT_USAGE, "op '%s': index %lld is outside %lld rows",
                     c->op->name, (long long)ht_i64(row)[i], (long long)rows);
  return HT_SUCCESS;
}

static ht_status check_entries(const ht_call *c, ht_segment_kind kind) {
  HT_TRY(
      check_dtype(c, HT_SEGMENT_MAX, kind == HT_SEGMENT_SUM, c->in[0]->dtype));
  HT_TRY(ht_need_min_rank(c, 0, 1));
  HT_TRY(ht_need_rank(c, 1, 1));
  return ht_need_same_shape(c, 1, 2);
}

static ht_status sparse(ht_call *c, ht_segment_kind kind, holds *h) {
  ht_pool *pool = c->run->pool;
  const ht_tensor *x = c->in[0];
  int64_t n;
  HT_TRY(check_entries(c, kind));
  HT_TRY(ht_as_int64(pool, c->in[1], &h->row));
  HT_TRY(ht_as_int64(pool, c->in[2], &h->id));
  HT_TRY(check_rows(c, &h->row, x->shape.dim[0]));
  HT_TRY(last_plus_one(&h->id, &n));
  if (c->n_in > 3) HT_TRY(ht_need_scalar(c, 3));
  if (c->n_in > 3) n = ht_int_at(c->in[3], 0);
  if (n < 0 || n >= INT64_MAX / 64)
    return ht_fail(HT_USAGE, "op '%s': %lld segments", c->op->name,
                   (long long)n);
  HT_TRY(starts_of(pool, &h->id, n, &h->start));
  ht_shape shape = with_rows(&x->shape, 1, n);
  HT_TRY(ht_out(c, 0, x->dtype, &shape));
  ht_segments_reduce(&(ht_segments){.kind = kind,
                                    .dtype = x->dtype,
                                    .data = x->data,
                                    .dim = row_size(x, 1),
                                    .row = ht_i64(&h->row),
                                    .start = ht_i64(&h->start),
                                    .n = n,
                                    .out = c->out[0].data});
  return HT_SUCCESS;
}

/* What a row of a segment counts: 1, 1/n or 1/sqrt(n) for n entries. */
static ht_status weights(ht_pool *pool, ht_segment_kind kind, holds *h,
                         int64_t segments) {
  ht_shape shape = ht_shape_1(segments);
  HT_TRY(ht_tensor_zeros(pool, HT_DOUBLE, &shape, &h->weight));
  double *w = HT_DATA(double, &h->weight);
  for (int64_t i = 0; i < ht_count(&h->id); i++) w[ht_i64(&h->id)[i]]++;
  for (int64_t s = 0; s < segments; s++) {
    double n = w[s] > 0 ? w[s] : 1;
    w[s] = kind == HT_SEGMENT_MEAN    ? 1 / n
           : kind == HT_SEGMENT_SQRTN ? 1 / sqrt(n)
                                      : 1;
  }
  return HT_SUCCESS;
}

/* out[row[i]] += weight * grad[id[i]], each row written once. */
static ht_status scatter(ht_pool *pool, ht_segment_kind kind, holds *h,
                         const ht_tensor *grad, ht_tensor *out) {
  int64_t n = ht_count(&h->row), rows = out->shape.dim[0];
  HT_TRY(weights(pool, kind, h, grad->shape.dim[0]));
  HT_TRY(scratch(pool, rows + 1, &h->start));
  HT_TRY(scratch(pool, n, &h->order));
  ht_group(ht_i64(&h->row), n, rows, ht_i64(&h->start), ht_i64(&h->order));
  for (int64_t i = 0; i < n; i++)
    ht_i64(&h->order)[i] = ht_i64(&h->id)[ht_i64(&h->order)[i]];
  bool sum = kind == HT_SEGMENT_SUM;
  ht_segments_reduce(
      &(ht_segments){.kind = HT_SEGMENT_SUM,
                     .dtype = grad->dtype,
                     .data = grad->data,
                     .dim = row_size(grad, 1),
                     .row = ht_i64(&h->order),
                     .start = ht_i64(&h->start),
                     .n = rows,
                     .weight = sum ? NULL : HT_DATA(double, &h->weight),
                     .out = out->data});
  return HT_SUCCESS;
}

/* Of the rows alone: values[i] = weight * grad[id[i]]. */
static ht_status gathered(ht_pool *pool, ht_segment_kind kind, holds *h,
                          const ht_tensor *grad, ht_tensor *values) {
  int64_t n = ht_count(&h->id);
  HT_TRY(weights(pool, kind, h, grad->shape.dim[0]));
  HT_TRY(scratch(pool, n + 1, &h->start));
  for (int64_t i = 0; i <= n; i++) ht_i64(&h->start)[i] = i;
  ht_segments_reduce(&(ht_segments){.kind = HT_SEGMENT_SUM,
                                    .dtype = grad->dtype,
                                    .data = grad->data,
                                    .dim = row_size(grad, 1),
                                    .row = ht_i64(&h->id),
                                    .start = ht_i64(&h->start),
                                    .n = n,
                                    .weight = HT_DATA(double, &h->weight),
                                    .out = values->data});
  return HT_SUCCESS;
}

static ht_status sparse_back(ht_back *b, ht_segment_kind kind, holds *h) {
  ht_pool *pool = b->run->pool;
  const ht_tensor *x = &b->in[0], *g = &b->dout[0].dense;
  ht_tensor out;
  HT_TRY(ht_as_int64(pool, &b->in[1], &h->row));
  HT_TRY(ht_as_int64(pool, &b->in[2], &h->id));
  int64_t n = ht_count(&h->id);
  bool few = n < x->shape.dim[0]; /* most rows are not touched */
  ht_shape shape = few ? with_rows(&x->shape, 1, n) : x->shape;
  HT_TRY(ht_back_new(b, x->dtype, &shape, &out));
  ht_status st =
      few ? gathered(pool, kind, h, g, &out) : scatter(pool, kind, h, g, &out);
  if (st.code != HT_OK) {
    ht_tensor_drop(&out);
    return st;
  }
  if (!few) return ht_give(b, 0, &out);
  ht_tensor rows = ht_tensor_share(&h->row);
  return ht_give_rows(b, 0, &rows, &out);
}

/* SparseSegmentXGrad(grad, indices, ids, rows) */
static ht_status sparse_grad(ht_call *c, ht_segment_kind kind, holds *h) {
  ht_pool *pool = c->run->pool;
  const ht_tensor *g = c->in[0];
  HT_TRY(check_entries(c, kind));
  HT_TRY(ht_need_scalar(c, 3));
  int64_t rows = ht_int_at(c->in[3], 0);
  if (rows < 0)
    return ht_fail(HT_USAGE, "op '%s': %lld rows", c->op->name,
                   (long long)rows);
  HT_TRY(ht_as_int64(pool, c->in[1], &h->row));
  HT_TRY(ht_as_int64(pool, c->in[2], &h->id));
  HT_TRY(check_rows(c, &h->row, rows));
  HT_TRY(check_rows(c, &h->id, g->shape.dim[0]));
  ht_shape shape = with_rows(&g->shape, 1, rows);
  HT_TRY(ht_out(c, 0, g->dtype, &shape));
  return scatter(pool, kind, h, g, &c->out[0]);
}

#define SPARSE_OPS(NAME, KIND)                      \
  static ht_status sparse_##NAME(ht_call *c) {      \
    holds h = {0};                                  \
    ht_status st = sparse(c, KIND, &h);             \
    drop(&h);                                       \
    return st;                                      \
  }                                                 \
  static ht_status sparse_grad_##NAME(ht_call *c) { \
    holds h = {0};                                  \
    ht_status st = sparse_grad(c, KIND, &h);        \
    drop(&h);                                       \
    return st;                                      \
  }                                                 \
  static ht_status sparse_back_##NAME(ht_back *b) { \
    holds h = {0};                                  \
    if (!ht_wants(b, 0)) return HT_SUCCESS;         \
    ht_status st = sparse_back(b, KIND, &h);        \
    drop(&h);                                       \
    return st;                                      \
  }

SPARSE_OPS(sum, HT_SEGMENT_SUM)
SPARSE_OPS(mean, HT_SEGMENT_MEAN)
SPARSE_OPS(sqrtn, HT_SEGMENT_SQRTN)

/* ---- rows */

#define SORTED_ROW(NAME, FN, DOC, MORE)                                 \
  {                                                                     \
    .name = NAME, .inputs = "data:T segment_ids:Tindices",              \
    .outputs = "output:T", .attrs = "T:type Tindices:type", .doc = DOC, \
    .samples =                                                          \
        "f[5,3] i[5]{0,0,1,3,3}; d[4] l[4]{0,1,1,1};"                   \
        "i[3,2] i[3]{0,0,2}; f[0,2] i[0]; f[3,0] i[3]{0,1,1};"          \
        "l[2,1,2] l[2]{1,1}" MORE,                                      \
    .forward = sorted_##FN, .gradient = back_##FN,                      \
    .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_OUT(0),             \
    .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG                             \
  }

#define UNSORTED_ROW(NAME, FN, DOC, MORE)                                \
  {                                                                      \
    .name = NAME,                                                        \
    .inputs = "data:T segment_ids:Tindices num_segments:Tnumsegments",   \
    .outputs = "output:T",                                               \
    .attrs = "T:type Tindices:type Tnumsegments:type=int32", .doc = DOC, \
    .samples =                                                           \
        "f[5,3] i[5]{3,0,1,3,-1} i[]{5};"                                \
        "d[2,3,2] l[2,3]{0,2,0,1,1,-7} l[]{3};"                          \
        "i[4] i[4]{1,0,1,1} i[]{2}; f[0,2] i[0] i[]{2};"                 \
        "l[3] i[3]{0,0,2} i[]{4}; f[2,2] i[2]{-1,-1} i[]{1}" MORE,       \
    .forward = unsorted_##FN, .gradient = back_##FN,                     \
    .keep = HT_KEEP_IN(0) | HT_KEEP_IN(1) | HT_KEEP_OUT(0),              \
    .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG                              \
  }

#define SPARSE_ATTRS "Tsegmentids:type=int32 sparse_gradient:bool=false"
/* Without entries TensorFlow leaves the gradient uninitialised. */
#define SPARSE_SAMPLES                                          \
  "f[4,3] i[6]{0,2,2,1,3,0} i[6]{0,0,0,1,3,3};"                 \
  "d[9,2] l[3]{8,0,8} i[3]{0,0,2}; f[2,0] i[2]{0,1} i[2]{0,1};" \
  "f[3] i[4]{2,2,2,1} l[4]{0,1,1,1}; f[3,2] i[0] i[0] !grad=0"

#define SPARSE_ROWS(NAME, FN, DOC)                                         \
  {.name = NAME,                                                           \
   .inputs = "data:T indices:Tidx segment_ids:Tsegmentids",                \
   .outputs = "output:T",                                                  \
   .attrs = "T:type Tidx:type=int32 " SPARSE_ATTRS,                        \
   .doc = DOC,                                                             \
   .samples = SPARSE_SAMPLES,                                              \
   .forward = sparse_##FN,                                                 \
   .gradient = sparse_back_##FN,                                           \
   .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),                                  \
   .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG},                               \
      {.name = NAME "WithNumSegments",                                     \
       .inputs =                                                           \
           "data:T indices:Tidx segment_ids:Tsegmentids "                  \
           "num_segments:Tnumsegments",                                    \
       .outputs = "output:T",                                              \
       .attrs =                                                            \
           "T:type Tidx:type=int32 Tnumsegments:type=int32 " SPARSE_ATTRS, \
       .doc = DOC,                                                         \
       .samples =                                                          \
           "f[4,3] i[6]{0,2,2,1,3,0} i[6]{0,0,0,1,3,3} i[]{6};"            \
           "d[9,2] l[3]{8,0,8} i[3]{0,0,2} l[]{3};"                        \
           "f[3,2] i[0] i[0] i[]{2} !grad=0",                              \
       .forward = sparse_##FN,                                             \
       .gradient = sparse_back_##FN,                                       \
       .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),                              \
       .flags = HT_OP_IN_FLOAT | HT_OP_IN_LONG},                           \
  {                                                                        \
    .name = NAME "Grad",                                                   \
    .inputs =                                                              \
        "grad:T indices:Tidx segment_ids:Tsegmentids "                     \
        "output_dim0:int32",                                               \
    .outputs = "output:T",                                                 \
    .attrs = "T:type Tidx:type=int32 Tsegmentids:type=int32",              \
    .doc = "The gradient of " NAME ".",                                    \
    .samples =                                                             \
        "f[4,3] i[6]{0,2,2,1,3,0} i[6]{0,0,0,1,3,3} i[]{5};"               \
        "d[3,2] l[3]{8,0,8} i[3]{0,0,2} i[]{9}",                           \
    .forward = sparse_grad_##FN, .gradient = ht_no_gradient,               \
    .flags = HT_OP_IN_FLOAT                                                \
  }

const ht_op ht_ops_segment[] = {
    SORTED_ROW("SegmentMax", max, "The largest of each segment of rows.",
               "; f[3]{1,1,0} i[3]{0,0,0}"),
    SORTED_ROW("SegmentMean", mean, "The mean of each segment of rows.", ""),
    SORTED_ROW("SegmentMin", min, "The smallest of each segment of rows.",
               "; f[3]{1,0,0} i[3]{0,0,0}"),
    SORTED_ROW("SegmentProd", prod, "The product of each segment of rows.",
               "; f[6]{2,0,3,0,0,4} i[6]{0,0,0,1,1,1}; c[5,3] i[5]{0,0,1,3,3};"
               "z[6]{2+1j,0,3-1j,0,0,4} i[6]{0,0,0,1,1,1}; c[0,2] i[0];"
               "z[3,1,2] l[3]{0,2,2}"),
    SORTED_ROW("SegmentSum", sum, "The sum of each segment of rows.", ""),
    SPARSE_ROWS("SparseSegmentMean", mean,
                "The mean of the gathered rows of each segment."),
    SPARSE_ROWS("SparseSegmentSqrtN", sqrtn,
                "The sum of the gathered rows of each segment over the square "
                "root of their number."),
    SPARSE_ROWS("SparseSegmentSum", sum,
                "The sum of the gathered rows of each segment."),
    UNSORTED_ROW("UnsortedSegmentMax", max, "The largest row of each id.",
                 "; f[3]{1,1,0} i[3]{1,1,1} i[]{2}"),
    UNSORTED_ROW("UnsortedSegmentMin", min, "The smallest row of each id.",
                 "; f[3]{1,0,0} i[3]{1,1,1} i[]{2}"),
    UNSORTED_ROW("UnsortedSegmentProd", prod, "The product of each id's rows.",
                 "; f[6]{2,0,3,0,0,4} i[6]{0,0,0,1,1,1} i[]{3};"
                 "c[5,3] i[5]{3,0,1,3,-1} i[]{5}; z[2,3,2] "
                 "l[2,3]{0,2,0,1,1,-7} l[]{3}; z[6]{2+1j,0,3-1j,0,0,4} "
                 "i[6]{0,0,0,1,1,1} i[]{3}; c[0,2] i[0] i[]{2}"),
    UNSORTED_ROW("UnsortedSegmentSum", sum, "The sum of each id's rows.", ""),
    {0},
};
