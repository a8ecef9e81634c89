/* op_gather.c - elements and rows by their indices, read and written. */
#include <string.h>

#include "ops/moves.h"

static ht_status bad_index(int64_t at, int64_t index, int64_t limit) {
  return ht_fail(HT_USAGE, "indices[%lld] = %lld is not in [0, %lld)",
                 (long long)at, (long long)index, (long long)limit);
}

/* ---- Gather: batch axes, outer axes, the gathered axis, inner axes */

typedef struct gather {
  int axis, batch;
  int64_t n_batch, outer, limit, inner, n_index; /* sizes */
  ht_shape shape;                                /* of the result */
} gather;

static ht_status gather_plan(const ht_call *c, const ht_shape *p,
                             const ht_shape *ids, int64_t axis, int64_t batch,
                             gather *g) {
  *g = (gather){.n_batch = 1, .outer = 1, .inner = 1, .n_index = 1};
  if (batch < 0) batch += ids->rank;
  HT_TRY(ht_axis_from(axis, p->rank, &g->axis));
  if (batch < 0 || batch > ids->rank || batch > g->axis)
    return ht_fail(HT_USAGE, "op '%s' cannot use batch_dims %lld",
                   c->op->name, (long long)batch);
  g->batch = (int)batch;
  for (int i = 0; i < g->batch; i++)
    if (p->dim[i] != ids->dim[i])
      return ht_fail(HT_USAGE, "batch axis %d differs in params and indices",
                     i);
  if (p->rank - 1 + ids->rank - g->batch > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "gathered values of rank above %d",
                   HT_MAX_RANK);
  g->limit = p->dim[g->axis];
  for (int i = 0; i < p->rank; i++) {
    if (i == g->axis) {
      for (int k = g->batch; k < ids->rank; k++) {
        g->n_index *= ids->dim[k];
        g->shape.dim[g->shape.rank++] = ids->dim[k];
      }
      continue;
    }
    int64_t *size = i < g->batch ? &g->n_batch
                    : i < g->axis ? &g->outer
                                  : &g->inner;
    *size *= p->dim[i];
    g->shape.dim[g->shape.rank++] = p->dim[i];
  }
  return HT_SUCCESS;
}

/* Visits the pairs (row of params, row of the result) in the result's order;
 * `scatter` swaps the direction and adds. */
typedef ht_status pair_fn(void *arg, int64_t params_at, int64_t result_at,
                          int64_t inner);

static ht_status gather_walk(const gather *g, const ht_tensor *ids,
                             pair_fn *visit, void *arg) {
  int64_t to = 0;
  for (int64_t b = 0; b < g->n_batch; b++)
    for (int64_t o = 0; o < g->outer; o++)
      for (int64_t i = 0; i < g->n_index; i++, to += g->inner) {
        int64_t k = ht_int_at(ids, b * g->n_index + i);
        if (k < 0 || k >= g->limit)
          return bad_index(b * g->n_index + i, k, g->limit);
        HT_TRY(visit(arg, ((b * g->outer + o) * g->limit + k) * g->inner, to,
                     g->inner));
      }
  return HT_SUCCESS;
}

typedef struct copy_pair {
  ht_tensor *out;
  const ht_tensor *params;
  size_t size;
} copy_pair;

static ht_status copy_plain(void *arg, int64_t from, int64_t to, int64_t n) {
  const copy_pair *p = arg;
  memcpy((char *)p->out->data + (size_t)to * p->size,
         (const char *)p->params->data + (size_t)from * p->size,
         (size_t)n * p->size);
  return HT_SUCCESS;
}

static ht_status copy_counted(void *arg, int64_t from, int64_t to, int64_t n) {
  const copy_pair *p = arg;
  return ht_move_run(p->out, to, p->params, from, n);
}

static ht_status gather_into(ht_call *c, int64_t axis, int64_t batch) {
  gather g;
  if (!ht_dtype_integer(c->in[1]->dtype))
    return ht_fail(HT_USAGE, "op '%s' wants integer indices", c->op->name);
  HT_TRY(gather_plan(c, &c->in[0]->shape, &c->in[1]->shape, axis, batch, &g));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &g.shape));
  ht_dtype t = c->in[0]->dtype;
  copy_pair pair = {&c->out[0], c->in[0], ht_dtype_size(t)};
  if (t == HT_STRING) HT_TRY(ht_string_keep(&c->out[0], c->in[0]));
  bool counted = t == HT_RESOURCE || t == HT_VARIANT;
  return gather_walk(&g, c->in[1], counted ? copy_counted : copy_plain, &pair);
}

static ht_status gather_forward(ht_call *c) { return gather_into(c, 0, 0); }

static ht_status gather_v2_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 2));
  return gather_into(c, ht_int_at(c->in[2], 0),
                     ht_attr_int(c->attrs, "batch_dims"));
}

typedef struct add_pair {
  ht_tensor *dparams;
  const ht_tensor *dout;
} add_pair;

static ht_status add_floats(void *arg, int64_t to, int64_t from, int64_t n) {
  const add_pair *p = arg;
  float *y = ht_f(p->dparams) + to;
  const float *x = ht_f(p->dout) + from;
  for (int64_t i = 0; i < n; i++) y[i] += x[i];
  return HT_SUCCESS;
}

static ht_status add_doubles(void *arg, int64_t to, int64_t from, int64_t n) {
  const add_pair *p = arg;
  double *y = HT_DATA(double, p->dparams) + to;
  const double *x = HT_DATA(double, p->dout) + from;
  for (int64_t i = 0; i < n; i++) y[i] += x[i];
  return HT_SUCCESS;
}

/* Rows of axis 0 stay rows; otherwise a dense sum. */
static ht_status gather_rows_gradient(ht_back *b) {
  ht_tensor ids, values = ht_tensor_share(&b->dout[0].dense);
  ht_shape n = ht_shape_1(ht_count(&b->in[1]));
  ht_status st = ht_back_new(b, HT_INT64, &n, &ids);
  if (st.code != HT_OK) {
    ht_tensor_drop(&values);
    return st;
  }
  for (int64_t i = 0; i < n.dim[0]; i++)
    ht_i64(&ids)[i] = ht_int_at(&b->in[1], i);
  return ht_give_rows(b, 0, &ids, &values);
}

static ht_status gather_gradient_on(ht_back *b, int64_t axis, int64_t batch) {
  gather g;
  ht_tensor d;
  ht_call names = {.op = b->op};
  HT_TRY(gather_plan(&names, &b->in[0].shape, &b->in[1].shape, axis, batch,
                     &g));
  if (g.axis == 0 && g.batch == 0) return gather_rows_gradient(b);
  ht_dtype t = b->in[0].dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE)
    return ht_fail(HT_UNSUPPORTED, "gradient of a %s gather",
                   ht_dtype_name(t));
  HT_TRY(ht_back_zeros(b, t, &b->in[0].shape, &d));
  add_pair pair = {&d, &b->dout[0].dense};
  ht_status st =
      gather_walk(&g, &b->in[1], t == HT_FLOAT ? add_floats : add_doubles,
                  &pair);
  if (st.code == HT_OK) return ht_give(b, 0, &d);
  ht_tensor_drop(&d);
  return st;
}

static ht_status gather_gradient(ht_back *b) {
  return gather_gradient_on(b, 0, 0);
}

static ht_status gather_v2_gradient(ht_back *b) {
  return gather_gradient_on(b, ht_int_at(&b->in[2], 0),
                            ht_attr_int(b->attrs, "batch_dims"));
}

/* ---- GatherNd, ScatterNd: an index is a vector of coordinates */

typedef struct nd {
  int depth;               /* coordinates per index */
  int64_t n, slice;        /* indices; elements that each names */
  int64_t stride[HT_MAX_RANK];
} nd;

static ht_status nd_plan(const ht_tensor *ids, const ht_shape *params, nd *p) {
  int rank = ids->shape.rank;
  if (rank < 1 || !ht_dtype_integer(ids->dtype) ||
      ids->shape.dim[rank - 1] > params->rank)
    return ht_fail(HT_USAGE, "indices do not fit a value of rank %d",
                   params->rank);
  p->depth = (int)ids->shape.dim[rank - 1];
  p->n = 1;
  for (int i = 0; i < rank - 1; i++) p->n *= ids->shape.dim[i];
  ht_move_strides(params, p->stride);
  p->slice = 1;
  for (int i = p->depth; i < params->rank; i++) p->slice *= params->dim[i];
  return HT_SUCCESS;
}

static ht_status nd_offset(const nd *p, const ht_tensor *ids,
                           const ht_shape *params, int64_t i, int64_t *at) {
  *at = 0;
  for (int k = 0; k < p->depth; k++) {
    int64_t c = ht_int_at(ids, i * p->depth + k);
    if (c < 0 || c >= params->dim[k])
      return ht_fail(HT_USAGE, "indices[%lld][%d] = %lld is not in [0, %lld)",
                     (long long)i, k, (long long)c, (long long)params->dim[k]);
    *at += c * p->stride[k];
  }
  return HT_SUCCESS;
}

/* The shape of what the indices name: their own without the last axis, then
 * the slices'. */
static ht_status nd_shape(const nd *p, const ht_tensor *ids,
                          const ht_shape *params, ht_shape *s) {
  *s = ids->shape;
  s->rank--;
  if (s->rank + params->rank - p->depth > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "a value of rank above %d", HT_MAX_RANK);
  for (int i = p->depth; i < params->rank; i++)
    s->dim[s->rank++] = params->dim[i];
  return HT_SUCCESS;
}

static ht_status nd_gather(const ht_tensor *params, const ht_tensor *ids,
                           ht_tensor *out) {
  nd p;
  HT_TRY(nd_plan(ids, &params->shape, &p));
  for (int64_t i = 0; i < p.n; i++) {
    int64_t at;
    HT_TRY(nd_offset(&p, ids, &params->shape, i, &at));
    HT_TRY(ht_move_run(out, i * p.slice, params, at, p.slice));
  }
  return HT_SUCCESS;
}

static ht_status gather_nd_forward(ht_call *c) {
  nd p;
  ht_shape s;
  HT_TRY(nd_plan(c->in[1], &c->in[0]->shape, &p));
  HT_TRY(nd_shape(&p, c->in[1], &c->in[0]->shape, &s));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  return nd_gather(c->in[0], c->in[1], &c->out[0]);
}

typedef enum how { SET, ADD, SUBTRACT, MAXIMUM, MINIMUM } how;

#define COMBINE(type)                                                     \
  do {                                                                    \
    type *y = HT_DATA(type, to) + at;                                     \
    const type *x = HT_DATA(type, from) + from_at;                        \
    for (int64_t i = 0; i < n; i++) switch (h) {                          \
        case SET: y[i] = x[i]; break;                                     \
        case ADD: y[i] = (type)(y[i] + x[i]); break;                      \
        case SUBTRACT: y[i] = (type)(y[i] - x[i]); break;                 \
        case MAXIMUM: y[i] = x[i] > y[i] ? x[i] : y[i]; break;            \
        case MINIMUM: y[i] = x[i] < y[i] ? x[i] : y[i]; break;            \
      }                                                                   \
  } while (0)

static ht_status combine(how h, ht_tensor *to, int64_t at,
                         const ht_tensor *from, int64_t from_at, int64_t n) {
  if (h == SET) return ht_move_run(to, at, from, from_at, n);
  switch (to->dtype) {
    case HT_FLOAT: COMBINE(float); break;
    case HT_DOUBLE: COMBINE(double); break;
    case HT_INT32: COMBINE(int32_t); break;
    case HT_INT64: COMBINE(int64_t); break;
    case HT_UINT8: COMBINE(uint8_t); break;
    case HT_BOOL: COMBINE(uint8_t); break;
    default:
      return ht_fail(HT_UNSUPPORTED, "scattering dtype '%s'",
                     ht_dtype_name(to->dtype));
  }
  return HT_SUCCESS;
}

static ht_status nd_scatter(how h, ht_tensor *to, const ht_tensor *ids,
                            const ht_tensor *updates) {
  nd p;
  HT_TRY(nd_plan(ids, &to->shape, &p));
  if (ht_count(updates) != p.n * p.slice)
    return ht_fail(HT_USAGE, "%lld updates for %lld places",
                   (long long)ht_count(updates), (long long)(p.n * p.slice));
  for (int64_t i = 0; i < p.n; i++) {
    int64_t at;
    HT_TRY(nd_offset(&p, ids, &to->shape, i, &at));
    HT_TRY(combine(h, to, at, updates, i * p.slice, p.slice));
  }
  return HT_SUCCESS;
}

static ht_status gather_nd_gradient(ht_back *b) {
  ht_tensor g;
  HT_TRY(ht_back_zeros(b, b->in[0].dtype, &b->in[0].shape, &g));
  ht_status st = nd_scatter(ADD, &g, &b->in[1], &b->dout[0].dense);
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status scatter_nd_forward(ht_call *c) {
  ht_shape s;
  HT_TRY(ht_shape_from(c->in[2], false, &s));
  HT_TRY(ht_out_zeros(c, 0, c->in[1]->dtype, &s));
  return nd_scatter(c->in[1]->dtype == HT_STRING ? SET : ADD, &c->out[0],
                    c->in[0], c->in[1]);
}

/* Updates' gradient: gathered back; `negative` for subtraction. */
static ht_status give_gathered(ht_back *b, int in, const ht_tensor *ids,
                               bool negative) {
  ht_tensor g;
  HT_TRY(ht_back_new(b, b->in[in].dtype, &b->in[in].shape, &g));
  ht_status st = nd_gather(&b->dout[0].dense, ids, &g);
  if (st.code == HT_OK && negative) {
    ht_tensor minus = {0};
    const ht_tensor *in_[] = {&g};
    st = ht_apply(b->run, "Neg", "", 1, in_, 1, &minus);
    ht_tensor_drop(&g);
    g = minus;
  }
  if (st.code == HT_OK) return ht_give(b, in, &g);
  ht_tensor_drop(&g);
  return st;
}

static ht_status scatter_nd_gradient(ht_back *b) {
  return give_gathered(b, 1, &b->in[0], false);
}

static ht_status tensor_scatter(ht_call *c, how h) {
  HT_TRY(ht_tensor_copy(c->run->pool, c->in[0], &c->out[0]));
  c->out[0].trace = 0;
  return nd_scatter(h, &c->out[0], c->in[1], c->in[2]);
}

static ht_status update_forward(ht_call *c) { return tensor_scatter(c, SET); }
static ht_status add_forward(ht_call *c) { return tensor_scatter(c, ADD); }
static ht_status sub_forward(ht_call *c) {
  return tensor_scatter(c, SUBTRACT);
}
static ht_status max_forward(ht_call *c) { return tensor_scatter(c, MAXIMUM); }
static ht_status min_forward(ht_call *c) { return tensor_scatter(c, MINIMUM); }

/* What was overwritten gets no gradient. */
static ht_status update_gradient(ht_back *b) {
  if (ht_wants(b, 0)) {
    ht_tensor g, zeros;
    HT_TRY(ht_tensor_copy(b->run->pool, &b->dout[0].dense, &g));
    ht_status st = ht_back_zeros(b, b->in[2].dtype, &b->in[2].shape, &zeros);
    if (st.code == HT_OK) {
      st = nd_scatter(SET, &g, &b->in[1], &zeros);
      ht_tensor_drop(&zeros);
    }
    if (st.code != HT_OK) {
      ht_tensor_drop(&g);
      return st;
    }
    HT_TRY(ht_give(b, 0, &g));
  }
  return ht_wants(b, 2) ? give_gathered(b, 2, &b->in[1], false) : HT_SUCCESS;
}

static ht_status sum_gradient(ht_back *b, bool negative) {
  ht_tensor g = ht_tensor_share(&b->dout[0].dense);
  HT_TRY(ht_give(b, 0, &g));
  return ht_wants(b, 2) ? give_gathered(b, 2, &b->in[1], negative)
                        : HT_SUCCESS;
}

static ht_status add_gradient(ht_back *b) { return sum_gradient(b, false); }
static ht_status sub_gradient(ht_back *b) { return sum_gradient(b, true); }

#define SCATTER(row_name, text, forward_fn, gradient_fn)               \
  {                                                                    \
    .name = row_name,                                                  \
    .inputs = "tensor:T indices:Tindices updates:T",                   \
    .outputs = "output:T", .attrs = "T:type Tindices:type",            \
    .doc = text,                                                       \
    .samples = "f[4,2] i[2,1]{1,3} f[2,2]; d[2,3] l[2,2]{0,1,1,2} d[2]; " \
               "i[4] i[1,1]{2} i[1]",                                  \
    .forward = forward_fn, .gradient = gradient_fn,                    \
    .keep = HT_KEEP_IN(1)                                              \
  }

const ht_op ht_ops_gather[] = {
    {
        .name = "Gather",
        .inputs = "params:Tparams indices:Tindices",
        .outputs = "output:Tparams",
        .attrs = "validate_indices:bool=true Tparams:type Tindices:type",
        .doc = "Rows of a value.",
        .samples = "f[4,3] i[3]{2,0,2}; d[4] l[2,2]{0,1,3,1}; "
                   "s[2]{'a','b'} i[1]{1}",
        .forward = gather_forward,
        .gradient = gather_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "GatherV2",
        .inputs = "params:Tparams indices:Tindices axis:Taxis",
        .outputs = "output:Tparams",
        .attrs = "batch_dims:int=0 Tparams:type Tindices:type Taxis:type",
        .doc = "Slices of a value along an axis.",
        .samples = "f[4,3] i[3]{2,0,2} i[]{0}; d[4,3] l[2,2]{0,1,2,1} l[]{-1}; "
                   "f[2,3,2] i[2,2]{0,2,1,1} i[]{1} batch_dims=1; "
                   "s[2]{'a','b'} i[]{1} i[]{0}; f[3,2] i[0] i[]{0}; "
                   "i[3] i[2]{2,2} i[]{0}",
        .forward = gather_v2_forward,
        .gradient = gather_v2_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
    },
    {
        .name = "GatherNd",
        .inputs = "params:Tparams indices:Tindices",
        .outputs = "output:Tparams",
        .attrs = "Tparams:type Tindices:type",
        .doc = "Slices of a value at coordinates.",
        .samples = "f[3,4] i[2,2]{0,1,2,3}; d[3,4] l[2,1]{2,2}; "
                   "f[2,2] i[3,0]; i[2,2] i[1,1,2]{1,0}",
        .forward = gather_nd_forward,
        .gradient = gather_nd_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "ScatterNd",
        .inputs = "indices:Tindices updates:T shape:Tindices",
        .outputs = "output:T",
        .attrs = "T:type Tindices:type",
        .doc = "Zeros with updates added at coordinates.",
        .samples = "i[3,1]{1,3,1} f[3,2] i[2]{5,2}; l[2,2]{0,1,2,2} d[2] "
                   "l[2]{3,3}; i[1,1]{0} i[1] i[1]{2}",
        .forward = scatter_nd_forward,
        .gradient = scatter_nd_gradient,
        .keep = HT_KEEP_IN(0),
    },
    SCATTER("TensorScatterUpdate", "The value with slices replaced.",
            update_forward, update_gradient),
    SCATTER("TensorScatterAdd", "The value with slices added to.", add_forward,
            add_gradient),
    SCATTER("TensorScatterSub", "The value with slices subtracted from.",
            sub_forward, sub_gradient),
    {
        .name = "TensorScatterMax",
        .inputs = "tensor:T indices:Tindices updates:T",
        .outputs = "output:T",
        .attrs = "T:type Tindices:type",
        .doc = "The value with slices raised.",
        .samples = "f[4,2] i[2,1]{1,3} f[2,2] !grad=0; i[4] i[1,1]{2} i[1]",
        .forward = max_forward,
    },
    {
        .name = "TensorScatterMin",
        .inputs = "tensor:T indices:Tindices updates:T",
        .outputs = "output:T",
        .attrs = "T:type Tindices:type",
        .doc = "The value with slices lowered.",
        .samples = "f[4,2] i[2,1]{1,3} f[2,2] !grad=0; i[4] i[1,1]{2} i[1]",
        .forward = min_forward,
    },
    {0},
};
