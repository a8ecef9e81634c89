/* op_gather.c - slices of values by their indices. */
#include "ops/places.h"
#include "ops/sparse.h"

/* ---- Gather: batch axes, outer axes, the gathered axis, inner axes */

typedef struct plan {
  int axis, batch;
  int64_t n_batch, outer, limit, inner, n; /* sizes */
  ht_shape shape;                          /* of the result */
} plan;

static ht_status check_batch(const ht_shape *x, const ht_shape *ids,
                             int64_t batch, plan *p) {
  if (batch < 0) batch += ids->rank;
  if (batch < 0 || batch > ids->rank || batch > p->axis)
    return ht_fail(HT_USAGE, "batch_dims %lld: at most axis %d and rank %d",
                   (long long)batch, p->axis, ids->rank);
  p->batch = (int)batch;
  for (int i = 0; i < p->batch; i++)
    if (x->dim[i] != ids->dim[i])
      return ht_fail(HT_USAGE,
                     "batch axis %d is %lld in params and %lld in "
                     "indices",
                     i, (long long)x->dim[i], (long long)ids->dim[i]);
  if (x->rank - 1 + ids->rank - p->batch > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "gathered values of rank above %d",
                   HT_MAX_RANK);
  return HT_SUCCESS;
}

static ht_status plan_gather(const ht_shape *x, const ht_shape *ids,
                             int64_t axis, int64_t batch, plan *p) {
  *p = (plan){.n_batch = 1, .outer = 1, .inner = 1, .n = 1};
  if (!x->rank) return ht_fail(HT_USAGE, "params must not be a scalar");
  HT_TRY(ht_axis_from(axis, x->rank, &p->axis));
  HT_TRY(check_batch(x, ids, batch, p));
  p->limit = x->dim[p->axis];
  for (int i = 0; i < x->rank; i++) {
    if (i == p->axis) {
      for (int k = p->batch; k < ids->rank; k++) {
        p->n *= ids->dim[k];
        p->shape.dim[p->shape.rank++] = ids->dim[k];
      }
      continue;
    }
    *(i < p->batch  ? &p->n_batch
      : i < p->axis ? &p->outer
                    : &p->inner) *= x->dim[i];
    p->shape.dim[p->shape.rank++] = x->dim[i];
  }
  return HT_SUCCESS;
}

/* As the kernels see it; outer 0 means nothing to do. */
static ht_gather rows_of(const plan *p, const ht_tensor *ids) {
  return (ht_gather){.groups = p->n_batch * p->outer,
                     .outer = p->outer ? p->outer : 1,
                     .limit = p->limit,
                     .n = p->n,
                     .row = p->inner,
                     .id = ht_i64(ids)};
}

/* Objects are counted one by one. */
static ht_status gather_objects(const ht_gather *g, const ht_tensor *x,
                                ht_tensor *y) {
  for (int64_t k = 0; k < g->groups; k++)
    for (int64_t i = 0; i < g->n; i++) {
      int64_t id = g->id[k / g->outer * g->n + i];
      HT_TRY(ht_move_run(y, (k * g->n + i) * g->row, x,
                         (k * g->limit + id) * g->row, g->row));
    }
  return HT_SUCCESS;
}

static ht_status gather_into(ht_call *c, const plan *p, const ht_tensor *ids) {
  const ht_tensor *x = c->in[0];
  ht_gather g = rows_of(p, ids);
  HT_TRY(ht_out(c, 0, x->dtype, &p->shape));
  if (x->dtype == HT_RESOURCE || x->dtype == HT_VARIANT)
    return gather_objects(&g, x, &c->out[0]);
  if (x->dtype == HT_STRING) HT_TRY(ht_string_keep(&c->out[0], x));
  ht_k_gather(&g, ht_dtype_size(x->dtype), x->data, c->out[0].data);
  return HT_SUCCESS;
}

static ht_status gather_on(ht_call *c, int64_t axis, int64_t batch) {
  plan p;
  ht_tensor ids;
  HT_TRY(plan_gather(&c->in[0]->shape, &c->in[1]->shape, axis, batch, &p));
  HT_TRY(ht_indices_of(c->run->pool, c->in[1], p.limit, &ids));
  ht_status st = gather_into(c, &p, &ids);
  ht_tensor_drop(&ids);
  return st;
}

static ht_status gather_forward(ht_call *c) { return gather_on(c, 0, 0); }

static ht_status gather_v2_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 2));
  return gather_on(c, ht_int_at(c->in[2], 0),
                   ht_attr_int(c->attrs, "batch_dims"));
}

/* Rows of axis 0 stay rows; otherwise a dense sum. Takes over ids. */
static ht_status give_sum(ht_back *b, const plan *p, ht_tensor *ids) {
  ht_tensor g;
  const ht_tensor *dy = &b->dout[0].dense;
  if (p->axis == 0 && p->batch == 0) {
    ht_tensor values = ht_tensor_share(dy);
    return ht_give_rows(b, 0, ids, &values);
  }
  ht_status st = ht_back_zeros(b, dy->dtype, &b->in[0].shape, &g);
  if (st.code == HT_OK) {
    ht_gather rows = rows_of(p, ids);
    ht_k_scatter(&rows, HT_SCATTER_ADD, dy->dtype, dy->data, g.data);
    st = ht_give(b, 0, &g);
  }
  ht_tensor_drop(ids);
  return st;
}

static ht_status gather_back(ht_back *b, int64_t axis, int64_t batch) {
  plan p;
  ht_tensor ids;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(plan_gather(&b->in[0].shape, &b->in[1].shape, axis, batch, &p));
  HT_TRY(ht_as_int64(b->run->pool, &b->in[1], &ids));
  return give_sum(b, &p, &ids);
}

static ht_status gather_gradient(ht_back *b) { return gather_back(b, 0, 0); }

static ht_status gather_v2_gradient(ht_back *b) {
  return gather_back(b, ht_int_at(&b->in[2], 0),
                     ht_attr_int(b->attrs, "batch_dims"));
}

/* ---- GatherNd: an index is a vector of coordinates */

static ht_status nd_shape(const ht_shape *ids, const ht_shape *x, int depth,
                          ht_shape *out) {
  *out = *ids;
  out->rank--;
  if (out->rank + x->rank - depth > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "a value of rank above %d", HT_MAX_RANK);
  for (int i = depth; i < x->rank; i++) out->dim[out->rank++] = x->dim[i];
  return HT_SUCCESS;
}

static ht_status nd_gather(ht_call *c, const ht_places *p) {
  ht_shape s;
  HT_TRY(nd_shape(&c->in[1]->shape, &c->in[0]->shape, p->depth, &s));
  HT_TRY(ht_out_zeros(c, 0, c->in[0]->dtype, &s));
  return ht_places_read(p, c->in[0], &c->out[0]);
}

static ht_status gather_nd_forward(ht_call *c) {
  ht_places p;
  bool skip;
  HT_TRY(ht_bad_indices(c->attrs, &skip));
  HT_TRY(ht_places_of(c->run->pool, c->in[1], &c->in[0]->shape, skip, &p));
  ht_status st = nd_gather(c, &p);
  ht_tensor_drop(&p.row);
  return st;
}

/* Coordinates of depth 1 are rows. */
static ht_status nd_back(ht_back *b, ht_places *p, bool skip) {
  ht_tensor g;
  const ht_tensor *dy = &b->dout[0].dense;
  if (p->depth == 1 && !skip) {
    ht_tensor rows = ht_tensor_share(&p->row), values = ht_tensor_share(dy);
    return ht_give_rows(b, 0, &rows, &values);
  }
  HT_TRY(ht_back_zeros(b, dy->dtype, &b->in[0].shape, &g));
  return ht_give_or_drop(b, 0, &g, ht_places_write(p, HT_SCATTER_ADD, dy, &g));
}

static ht_status gather_nd_gradient(ht_back *b) {
  ht_places p;
  bool skip;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(ht_bad_indices(b->attrs, &skip));
  HT_TRY(ht_places_of(b->run->pool, &b->in[1], &b->in[0].shape, skip, &p));
  ht_status st = nd_back(b, &p, skip);
  ht_tensor_drop(&p.row);
  return st;
}

const ht_op ht_ops_gather[] = {
    {
        .name = "Gather",
        .inputs = "params:Tparams indices:Tindices",
        .outputs = "output:Tparams",
        .attrs = "validate_indices:bool=true Tparams:type Tindices:type",
        .doc = "Rows of a value.",
        .samples = "f[4,3] i[3]{2,0,2}; d[4] l[2,2]{0,1,3,1};"
                   "s[2]{'a','b'} i[1]{1}; d[3,2] i[]{1}",
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
        .samples =
            "f[4,3] i[3]{2,0,2} i[]{0}; d[4,3] l[2,2]{0,1,2,1} l[]{-1};"
            "f[2,3,2] i[2,2]{0,2,1,1} i[]{1} batch_dims=1;"
            "s[2]{'a','b'} i[]{1} i[]{0}; f[3,2] i[0] i[]{0};"
            "i[3] i[2]{2,2} i[]{0}; d[5,2,3] i[4]{4,0,4,1} i[]{0};"
            "d[2,3,2,2] i[3]{1,1,0} i[]{2}; d[2,4] i[2,3]{0,3,3,1,1,2} i[]{1} "
            "batch_dims=1; d[2,3,4] l[2,3]{0,3,3,1,1,2} i[]{2} batch_dims=-1;"
            "d[2,3,4,2] i[2,2]{3,3,1,0} i[]{2} batch_dims=1; c[3,2] i[2]{1,1} "
            "i[]{1}; h[3,2] i[2]{1,1} i[]{0}; u[2,5] i[2]{4,0} i[]{1};"
            "b[3] i[2,1]{1,0} i[]{0}; f[0,3] i[0] i[]{0}; z[3] i[]{2} i[]{0};"
            "f[2,0] i[2]{1,1} i[]{0}; s[2,2] i[1]{1} i[]{-1}",
        .forward = gather_v2_forward,
        .gradient = gather_v2_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
    },
    {
        .name = "GatherNd",
        .inputs = "params:Tparams indices:Tindices",
        .outputs = "output:Tparams",
        .attrs = "Tparams:type Tindices:type bad_indices_policy:string=''",
        .doc = "Slices of a value at coordinates.",
        .samples = "f[3,4] i[2,2]{0,1,2,3}; d[3,4] l[2,1]{2,2};"
                   "i[2,2] i[1,1,2]{1,0}; d[2,3,2] i[3,2]{1,2,0,0,1,2};"
                   "s[2,2]{'a','b','c','d'} i[2,2]{1,0,0,1};"
                   "f[2,3] i[0,1]; b[2,2] l[2]{1,1}",
        .forward = gather_nd_forward,
        .gradient = gather_nd_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {0},
};
