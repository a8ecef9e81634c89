/*
 * pass_conv.c - convolutions with what follows them, see pass.h.
 *
 * The step that replaces the others keeps them. Where a gradient is wanted it
 * runs them one by one and records each, so that fusing changes no gradient;
 * else it hands factor, bias and activation to the convolution, which applies
 * them while its result is in cache.
 */
#include <math.h>
#include <string.h>

#include "autograd/tape.h"
#include "graph/pass.h"
#include "ops/fused.h"

enum { PARTS = 4, MOST_IN = 8, MOST_OUT = 6 };

typedef struct fused {
  ht_step part[PARTS]; /* convolution (with its bias or without), then bias,
                          normalisation, activation */
  int n;
  ht_activation activation;
} fused;

/* ---- running the parts */

typedef struct results {
  ht_tensor out[PARTS][MOST_OUT];
} results;

static ht_status run_part(const ht_call *c, const ht_step *s, int n_in,
                          const ht_tensor *const *in, ht_tensor *out) {
  ht_run *run = c->run;
  ht_call part = {.op = s->op,
                  .node = s->node,
                  .attrs = s->attrs,
                  .prepared = s->prepared,
                  .n_in = n_in,
                  .n_out = s->n_out,
                  .in = in,
                  .out = out,
                  .run = run};
  HT_TRY(ht_op_forward(&part));
  if (!run->tape || !ht_tape_wants(s->op, n_in, in)) return HT_SUCCESS;
  return ht_tape_record(run->tape, &part, NULL, n_in, in, s->n_out, out);
}

/* The first input of a part is what the one before it made; the others follow
 * in c->in. */
static ht_status run_all(ht_call *c, const fused *f, results *r) {
  int next = 0;
  for (int i = 0; i < f->n; i++) {
    const ht_step *s = &f->part[i];
    const ht_tensor *in[MOST_IN];
    for (int k = 0; k < s->n_in; k++)
      in[k] = i && !k ? &r->out[i - 1][0] : c->in[next++];
    HT_TRY(run_part(c, s, s->n_in, in, r->out[i]));
  }
  c->out[0] = r->out[f->n - 1][0];
  r->out[f->n - 1][0] = (ht_tensor){0};
  return HT_SUCCESS;
}

static ht_status run_parts(ht_call *c, const fused *f) {
  results r = {0};
  ht_status st = run_all(c, f, &r);
  for (int i = 0; i < PARTS; i++)
    for (int k = 0; k < MOST_OUT; k++) ht_tensor_drop(&r.out[i][k]);
  return st;
}

/* ---- in one */

static bool vector(const ht_tensor *t, int64_t n) {
  return t->dtype == HT_FLOAT && t->shape.rank == 1 && t->shape.dim[0] == n;
}

static bool is_norm(const ht_step *s) {
  return strncmp(s->op->name, "FusedBatchNorm", 14) == 0;
}

/* Factor and bias of each channel; false where the shapes are not those. */
static bool collect(const ht_call *c, const fused *f, int64_t n, float *scale,
                    float *bias, bool *scaled) {
  const ht_tensor *first = f->part[0].n_in > 2 ? c->in[2] : NULL;
  if (first && !vector(first, n)) return false;
  for (int64_t i = 0; i < n; i++)
    scale[i] = 1, bias[i] = first ? ht_f(first)[i] : 0;
  *scaled = false;
  for (int i = 1, next = f->part[0].n_in; i < f->n; i++) {
    const ht_step *s = &f->part[i];
    const ht_tensor *const *in = c->in + next;
    next += s->n_in - 1;
    for (int k = 0; k < s->n_in - 1; k++)
      if (!vector(in[k], n)) return false;
    if (s->n_in == 2)
      for (int64_t k = 0; k < n; k++) bias[k] += ht_f(in[0])[k];
    if (!is_norm(s)) continue;
    float epsilon = (float)ht_attr_float(s->attrs, "epsilon");
    for (int64_t k = 0; k < n; k++) {
      float a = ht_f(in[0])[k] / sqrtf(ht_f(in[3])[k] + epsilon);
      bias[k] = (bias[k] - ht_f(in[2])[k]) * a + ht_f(in[1])[k];
      scale[k] *= a;
    }
    *scaled = true;
  }
  return true;
}

static ht_status run_fused(ht_call *c, const fused *f, bool *done) {
  const ht_tensor *filter = c->in[1];
  bool depthwise = ht_pass_is(&f->part[0], "DepthwiseConv2dNative"), scaled;
  const int64_t *last = filter->shape.dim + filter->shape.rank - 2;
  *done = false;
  if (filter->shape.rank != 4) return HT_SUCCESS;
  int64_t n = depthwise ? last[0] * last[1] : last[1];
  ht_shape two = ht_shape_2(2, n);
  ht_tensor room;
  HT_TRY(ht_tensor_new(c->run->pool, HT_FLOAT, &two, &room));
  float *scale = ht_f(&room), *bias = scale + n;
  ht_status st = HT_SUCCESS;
  if (collect(c, f, n, scale, bias, &scaled)) {
    ht_epilogue e = {scaled ? scale : NULL, bias, f->activation};
    ht_call conv = *c;
    conv.prepared = f->part[0].prepared;
    conv.attrs = f->part[0].attrs;
    st = ht_conv_with(&conv, depthwise, &e, done);
  }
  ht_tensor_drop(&room);
  return st;
}

static ht_status fused_forward(ht_call *c) {
  const fused *f = c->prepared;
  bool traced = false, done;
  for (int i = 0; i < c->n_in; i++) traced |= c->in[i]->trace != 0;
  if (c->run->tape && traced) return run_parts(c, f);
  HT_TRY(run_fused(c, f, &done));
  return done ? HT_SUCCESS : run_parts(c, f);
}

static void unprepare(void *prepared) {
  fused *f = prepared; /* itself in the plan's arena */
  for (int i = 0; i < f->n; i++) ht_step_free(&f->part[i]);
}

static double flat_flops(const ht_attrs *attrs, const ht_tensor *in,
                         const ht_tensor *out) {
  return ht_op_find("Conv2D")->flops(attrs, in, out);
}

static double each_flops(const ht_attrs *attrs, const ht_tensor *in,
                         const ht_tensor *out) {
  return ht_op_find("DepthwiseConv2dNative")->flops(attrs, in, out);
}

#define FUSED(of, what, rate)                                                  \
  {                                                                            \
    .name = of what, .inputs = "input:T filter:T rest:list:T",                 \
    .outputs = "output:T", .attrs = "T:type",                                  \
    .doc = of " and what follows it.", .forward = fused_forward,               \
    .gradient = ht_gradient_in_forward, .unprepare = unprepare, .flops = rate, \
  }
#define FUSED_WITH(of, rate)                                                  \
  {                                                                           \
    [HT_LINEAR] = FUSED(of, "+", rate), [HT_RELU] = FUSED(of, "+Relu", rate), \
    [HT_RELU6] = FUSED(of, "+Relu6", rate)                                    \
  }
static const ht_op conv_with[] = FUSED_WITH("Conv2D", flat_flops),
                   depthwise_with[] =
                       FUSED_WITH("DepthwiseConv2dNative", each_flops);

/* ---- finding them */

static bool is_conv(const ht_step *s) {
  if (s->op == &ht_op_conv_bias) return true;
  return ht_pass_plain(s) && s->n_in == 2 &&
         (ht_pass_is(s, "Conv2D") || ht_pass_is(s, "DepthwiseConv2dNative")) &&
         ht_pass_float(s) && ht_pass_channels_last(s);
}

static bool fixed_norm(const ht_step *s) {
  return is_norm(s) && !ht_attr_bool(s->attrs, "is_training");
}

/* Whether s may stand behind a convolution; its first input is that. */
static bool follows(const ht_step *s) {
  if (!ht_pass_plain(s) || !s->n_in) return false;
  if (fixed_norm(s) || ht_pass_is(s, "BiasAdd"))
    return ht_pass_channels_last(s);
  return ht_activation_of(s->op) != HT_LINEAR;
}

static bool ends(const ht_step *s) {
  return ht_activation_of(s->op) != HT_LINEAR || strchr(s->op->name, '+');
}

static ht_activation activation_of(const ht_step *s) {
  if (s->op == ht_op_norm_with(HT_RELU)) return HT_RELU;
  if (s->op == ht_op_norm_with(HT_RELU6)) return HT_RELU6;
  return ht_activation_of(s->op);
}

/* The one step that reads value v alone, as its first input; NULL. */
static ht_step *only_reader(const ht_plan *p, const int *readers, int v) {
  if (readers[v] != 1) return NULL;
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *s = &p->step[i];
    if (s->n_in && s->in[0] == v) return s;
    for (int k = 1; k < s->n_in; k++)
      if (s->in[k] == v) return NULL;
  }
  return NULL;
}

static bool one_output(const ht_step *s, const int *readers) {
  for (int k = 1; k < s->n_out; k++)
    if (readers[s->out + k]) return false;
  return true;
}

/* The chain from a convolution on; n < 2: nothing to fuse. */
static int chain_of(const ht_plan *p, const int *readers, ht_step *conv,
                    ht_step *chain[PARTS]) {
  int n = 1;
  chain[0] = conv;
  while (n < PARTS && (n == 1 || !ends(chain[n - 1]))) {
    ht_step *s = only_reader(p, readers, chain[n - 1]->out);
    if (!s || !follows(s) || !one_output(s, readers)) break;
    chain[n++] = s;
  }
  return n;
}

/* Those of all parts, the convolution's first: what names a plan (its digest)
 * has to see them. */
static ht_status joined_attrs(ht_plan *p, const fused *f,
                              const ht_attrs **out) {
  ht_attrs *attrs;
  int n = 0;
  for (int i = 0; i < f->n; i++) n += f->part[i].attrs->n;
  HT_NEW(attrs, &p->arena, 1);
  HT_NEW(attrs->attr, &p->arena, n + 1);
  for (int i = 0; i < f->n; i++)
    for (int k = 0; k < f->part[i].attrs->n; k++)
      attrs->attr[attrs->n++] = f->part[i].attrs->attr[k];
  *out = attrs;
  return HT_SUCCESS;
}

/* The last step becomes the whole; the others lose their only reader. */
static ht_status fuse(ht_plan *p, ht_step **chain, int n) {
  fused *f;
  int *in, n_in = 0;
  ht_step *last = chain[n - 1];
  HT_NEW(f, &p->arena, 1);
  HT_NEW(in, &p->arena, PARTS * MOST_IN);
  f->n = n;
  f->activation = activation_of(last);
  for (int i = 0; i < n; i++) {
    f->part[i] = *chain[i];
    chain[i]->prepared = NULL;
    for (int k = i ? 1 : 0; k < chain[i]->n_in; k++)
      in[n_in++] = chain[i]->in[k];
  }
  HT_TRY(joined_attrs(p, f, &last->attrs));
  bool depthwise = ht_pass_is(&f->part[0], "DepthwiseConv2dNative");
  last->op = (depthwise ? depthwise_with : conv_with) + f->activation;
  last->prepared = f;
  last->in = in;
  last->n_in = n_in;
  return HT_SUCCESS;
}

ht_status ht_pass_conv(ht_plan *p) {
  int *readers;
  HT_TRY(ht_pass_readers(p, &readers));
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *s = &p->step[i], *chain[PARTS];
    if (!is_conv(s)) continue;
    int n = chain_of(p, readers, s, chain);
    if (n > 1) HT_TRY(fuse(p, chain, n));
  }
  return HT_SUCCESS;
}
