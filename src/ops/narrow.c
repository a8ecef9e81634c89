/*
 * narrow.c - types that an op has no kernels for, through wider ones (the
 * HT_OP_IN_ flags of op.h): kernels run on wider copies and what they give is
 * rounded once, as TensorFlow's kernels do that accumulate in float; integers
 * wrap at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "kernels/cast.h"
#include "ops/interface.h"

/* The type that the op computes t in: t itself where it knows t. */
static ht_dtype wide_of(const ht_op *op, ht_dtype t) {
  bool floats = op->flags & HT_OP_IN_FLOAT, longs = op->flags & HT_OP_IN_LONG;
  switch (t) {
    case HT_HALF:
    case HT_BFLOAT16: return floats ? HT_FLOAT : t;
    case HT_INT8:
    case HT_INT16:
    case HT_UINT8:
    case HT_UINT16:
    case HT_UINT32:
      if (longs) return HT_INT64;
      return op->flags & HT_OP_IN_DOUBLE ? HT_DOUBLE : t;
    case HT_INT32: return op->flags & HT_OP_IN_DOUBLE ? HT_DOUBLE : t;
    default: return t;
  }
}

/* Integers that are no data (indices, sizes) stay: only inputs of type T are
 * made wider. Inputs beyond the last word belong to its list. */
static bool is_data(const ht_op *op, int i) {
  const char *p = op->inputs;
  for (; i > 0 && strchr(p, ' '); i--) p = strchr(p, ' ') + 1;
  size_t n = strcspn(p, " ");
  return n > 2 && p[n - 1] == 'T' && (p[n - 2] == ':' || p[n - 2] == '*');
}

static ht_dtype wide_input(const ht_op *op, int i, ht_dtype t) {
  return !ht_dtype_integer(t) || is_data(op, i) ? wide_of(op, t) : t;
}

enum { WIDER = HT_OP_IN_FLOAT | HT_OP_IN_LONG | HT_OP_IN_DOUBLE };

/* t as `to`; an outline, which has no values, in name alone. */
static ht_status widen(ht_pool *pool, const ht_tensor *t, ht_dtype to,
                       ht_tensor *out) {
  *out = ht_tensor_share(t);
  if (t->dtype == to) return HT_SUCCESS;
  if (!t->data) {
    out->dtype = to;
    return HT_SUCCESS;
  }
  ht_tensor wide;
  ht_status st = ht_tensor_new(pool, to, &t->shape, &wide);
  if (st.code == HT_OK) {
    ht_cast_run(t, false, &wide);
    wide.trace = t->trace;
  }
  ht_tensor_drop(out);
  *out = wide;
  return st;
}

ht_status ht_round_to(ht_pool *pool, ht_dtype to, ht_tensor *t) {
  ht_tensor small;
  if (t->dtype == to) return HT_SUCCESS;
  HT_TRY(ht_tensor_new(pool, to, &t->shape, &small));
  ht_cast_run(t, false, &small);
  ht_tensor_drop(t);
  *t = small;
  return HT_SUCCESS;
}

/* ---- forward */

static ht_status round_outputs(ht_call *c) {
  ht_dtype *wanted = calloc((size_t)c->n_out + 1, sizeof *wanted);
  int n = 0;
  if (!wanted) return ht_fail(HT_NO_MEMORY, "no memory for an op");
  ht_status st = ht_op_outputs(c->op, c->attrs, c->n_out, wanted, &n);
  for (int i = 0; i < c->n_out && st.code == HT_OK; i++)
    if (c->out[i].dtype == wide_of(c->op, wanted[i]))
      st = ht_round_to(c->run->pool, wanted[i], &c->out[i]);
  free(wanted);
  return st;
}

static ht_status forward_wide(ht_call *c, ht_tensor *wide,
                              const ht_tensor **at) {
  ht_call inner = *c;
  ht_status st = HT_SUCCESS;
  inner.in = at;
  for (int i = 0; i < c->n_in && st.code == HT_OK; i++) {
    ht_dtype t = wide_input(c->op, i, c->in[i]->dtype);
    st = widen(c->run->pool, c->in[i], t, &wide[i]);
    at[i] = &wide[i];
  }
  if (st.code == HT_OK) st = c->op->forward(&inner);
  return st.code == HT_OK ? round_outputs(c) : st;
}

ht_status ht_op_forward(ht_call *c) {
  bool wider = false;
  if (!(c->op->flags & WIDER)) return c->op->forward(c);
  for (int i = 0; i < c->n_in; i++)
    wider |= wide_input(c->op, i, c->in[i]->dtype) != c->in[i]->dtype;
  if (!wider) return c->op->forward(c);
  ht_tensor *wide = calloc((size_t)c->n_in + 1, sizeof *wide);
  const ht_tensor **at = calloc((size_t)c->n_in + 1, sizeof *at);
  ht_status st = wide && at ? forward_wide(c, wide, at)
                            : ht_fail(HT_NO_MEMORY, "no memory for an op");
  for (int i = 0; wide && i < c->n_in; i++) ht_tensor_drop(&wide[i]);
  free(wide);
  free(at);
  return st;
}

/* ---- backward */

typedef struct wide {
  ht_tensor *in, *out;
  ht_cotangent *dout;
} wide;

static ht_dtype wide_float(ht_dtype t) {
  return t == HT_HALF || t == HT_BFLOAT16 ? HT_FLOAT : t;
}

static ht_status widen_all(const ht_back *b, wide *w) {
  ht_pool *pool = b->run->pool;
  for (int i = 0; i < b->n_in; i++)
    HT_TRY(widen(pool, &b->in[i], wide_float(b->in[i].dtype), &w->in[i]));
  for (int i = 0; i < b->n_out; i++) {
    const ht_cotangent *d = &b->dout[i];
    ht_dtype t = wide_float(b->out[i].dtype);
    HT_TRY(widen(pool, &b->out[i], t, &w->out[i]));
    if (d->dense.dtype) HT_TRY(widen(pool, &d->dense, t, &w->dout[i].dense));
    if (d->values.dtype) {
      HT_TRY(widen(pool, &d->values, t, &w->dout[i].values));
      w->dout[i].indices = ht_tensor_share(&d->indices);
    }
  }
  return HT_SUCCESS;
}

static void wide_free(const ht_back *b, wide *w) {
  for (int i = 0; w->in && i < b->n_in; i++) ht_tensor_drop(&w->in[i]);
  for (int i = 0; w->out && i < b->n_out; i++) ht_tensor_drop(&w->out[i]);
  for (int i = 0; w->dout && i < b->n_out; i++) {
    ht_tensor_drop(&w->dout[i].dense);
    ht_tensor_drop(&w->dout[i].values);
    ht_tensor_drop(&w->dout[i].indices);
  }
  free(w->in);
  free(w->out);
  free(w->dout);
}

static ht_status back_wide(ht_back *b, ht_gradient_fn *gradient, wide *w) {
  w->in = calloc((size_t)b->n_in + 1, sizeof *w->in);
  w->out = calloc((size_t)b->n_out + 1, sizeof *w->out);
  w->dout = calloc((size_t)b->n_out + 1, sizeof *w->dout);
  if (!w->in || !w->out || !w->dout)
    return ht_fail(HT_NO_MEMORY, "no memory for a gradient");
  HT_TRY(widen_all(b, w));
  ht_back inner = *b;
  inner.in = w->in;
  inner.out = w->out;
  inner.dout = w->dout;
  inner.stored = b->in;
  return gradient(&inner);
}

ht_status ht_op_gradient(ht_back *b, ht_gradient_fn *gradient) {
  bool narrow = false;
  for (int i = 0; i < b->n_in; i++) 
    narrow |= wide_float(b->in[i].dtype) != b->in[i].dtype;
  if (!narrow || !(b->op->flags & HT_OP_IN_FLOAT)) return gradient(b);
  wide w = {0};
  ht_status st = back_wide(b, gradient, &w);
  wide_free(b, &w);
  return st;
}
