/* op_cast.c - numbers as other types. */
#include "kernels/cast.h"
#include "ops/op.h"

static ht_status cast_to(ht_pool *pool, const ht_tensor *x, ht_dtype to,
                         bool truncate, ht_tensor *out) {
  if (x->dtype == to) {
    *out = ht_tensor_share(x);
    out->trace = 0;
    return HT_SUCCESS;
  }
  if (!ht_cast_has(x->dtype, to))
    return ht_fail(HT_UNSUPPORTED, "no cast from %s to %s",
                   ht_dtype_name(x->dtype), ht_dtype_name(to));
  HT_TRY(ht_tensor_new(pool, to, &x->shape, out));
  ht_cast_run(x, truncate, out);
  return HT_SUCCESS;
}

static ht_status cast_forward(ht_call *c) {
  return cast_to(c->run->pool, c->in[0], ht_attr_type(c->attrs, "DstT"),
                 ht_attr_bool(c->attrs, "Truncate"), &c->out[0]);
}

static ht_status cast_gradient(ht_back *b) {
  ht_tensor g;
  const ht_cotangent *d = &b->dout[0];
  bool rows = d->values.dtype != HT_INVALID;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  HT_TRY(cast_to(b->run->pool, rows ? &d->values : &d->dense, b->in[0].dtype,
                 false, &g));
  if (!rows) return ht_give(b, 0, &g);
  ht_tensor ids = ht_tensor_share(&d->indices);
  return ht_give_rows(b, 0, &ids, &g);
}

/* The shape of the same bytes as elements of another size. */
static ht_status bitcast_shape(const ht_call *c, size_t from, size_t to,
                               ht_shape *shape) {
  *shape = c->in[0]->shape;
  int64_t ratio = (int64_t)(from > to ? from / to : to / from);
  if (from > to) {
    if (shape->rank == HT_MAX_RANK)
      return ht_fail(HT_UNSUPPORTED, "a bitcast beyond rank %d", HT_MAX_RANK);
    shape->dim[shape->rank++] = ratio;
  } else if (from < to) {
    bool fits = shape->rank && shape->dim[shape->rank - 1] == ratio;
    if (!fits)
      return ht_fail(HT_USAGE, "op 'Bitcast' wants a last axis of %lld",
                     (long long)ratio);
    shape->rank--;
  }
  return HT_SUCCESS;
}

static ht_status bitcast_forward(ht_call *c) {
  ht_shape shape;
  ht_dtype from = c->in[0]->dtype, to = ht_attr_type(c->attrs, "type");
  if (ht_dtype_pointers(from) || ht_dtype_pointers(to) || !ht_dtype_size(to))
    return ht_no_dtype(c, ht_dtype_pointers(from) ? from : to);
  HT_TRY(bitcast_shape(c, ht_dtype_size(from), ht_dtype_size(to), &shape));
  c->out[0] = ht_tensor_share(c->in[0]);
  c->out[0].trace = 0;
  c->out[0].dtype = to;
  c->out[0].shape = shape;
  return HT_SUCCESS;
}

const ht_op ht_ops_cast[] = {
    {.name = "Cast",
     .inputs = "x:SrcT",
     .outputs = "y:DstT",
     .attrs = "SrcT:type DstT:type Truncate:bool=false",
     .doc = "x as numbers of another type.",
     .samples =
         "f[5]{1.7,-1.7,0,300,-3e9} DstT=int32; f[3]{1.7,-1.7,2e10} "
         "DstT=int64; f[4]{0,nan,0.1,-0.0} DstT=bool; f[3] DstT=double; "
         "f[3] DstT=half; f[3] DstT=bfloat16; f[3]{1.5,-2.5,250} DstT=uint8; "
         "d[3] DstT=float; d[2]{1e300,nan} DstT=float; d[3]{1e12,-7.9,0} "
         "DstT=int64; i[4]{1,-1,0,300} DstT=float; i[3]{1,-1,300} "
         "DstT=uint8; i[3]{0,2,-1} DstT=bool; i[3] DstT=int64; "
         "l[2]{4294967297,-1} DstT=int32; l[2]{9007199254740993,-1} "
         "DstT=double; l[1]{16777217} DstT=float; b[3] DstT=float; b[3] "
         "DstT=int32; b[2] DstT=int64; u[3]{0,128,255} DstT=float; "
         "u[2]{128,255} DstT=int8; h[3] DstT=float; h[3]{1.5,-2,0} "
         "DstT=int32; g[3] DstT=float; h[2] DstT=bfloat16; f[3] "
         "DstT=complex64; c[3] DstT=float; c[2] DstT=complex128; f[0,3] "
         "DstT=int32; f[] DstT=double; d[2]{1.0000001,-1.9999999} DstT=float "
         "Truncate=true; f[2,3] DstT=float; w[2] DstT=int32; "
         "y[2]{18446744073709551615,1} DstT=float",
     .forward = cast_forward,
     .gradient = cast_gradient,
     .flags = HT_OP_ROWS | HT_OP_ROWS_GRAD},
    {.name = "Bitcast",
     .inputs = "input:T",
     .outputs = "output:type",
     .attrs = "T:type type:type",
     .doc = "The same bytes as elements of another type.",
     .samples = "f[2,3] type=int32 !grad=0; i[2] type=uint8; u[3,4] "
                "type=float; l[2] type=uint64; d[2] type=int32 !grad=0; "
                "y[1]{3} type=uint32; i[2,2] type=int64",
     .forward = bitcast_forward,
     .gradient = ht_no_gradient},
    {0},
};
