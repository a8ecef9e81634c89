/* head.c - see head.h. */
#include "train/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/initial.h"

enum { MAX_LAYERS = 16, MAX_UNITS = 1 << 20 };

/* Elements of the features of one example. */
static int64_t feature_width(const ht_composed *c) {
  int64_t n = 1;
  for (int i = 1; i < c->feature_shape.rank; i++) n *= c->feature_shape.dim[i];
  return n;
}

/* "mlp:256,64" -> 256, 64. */
static ht_status parse_hidden(const char *head, int *unit, int *n) {
  *n = 0;
  if (strcmp(head, "linear") == 0) return HT_SUCCESS;
  if (strncmp(head, "mlp:", 4) != 0)
    return ht_fail(HT_USAGE, "unknown head '%s': linear, mlp:N,N or none",
                   head);
  const char *p = head + 4;
  while (*p) {
    char *end;
    long v = strtol(p, &end, 10);
    if (end == p || v < 1 || v > MAX_UNITS || *n == MAX_LAYERS - 1 ||
        (*end && *end != ','))
      return ht_fail(HT_USAGE,
                     "head '%s': sizes are from 1 to %d, %d at most, as in "
                     "'mlp:64,32'",
                     head, MAX_UNITS, MAX_LAYERS - 1);
    unit[(*n)++] = (int)v;
    p = *end ? end + 1 : end;
  }
  return *n ? HT_SUCCESS
            : ht_fail(HT_USAGE, "no sizes in head '%s', as in 'mlp:64,32'",
                      head);
}

static ht_status initial_kernel(const ht_composed *c, int layer,
                                const ht_shape *shape, ht_tensor *out) {
  const ht_design *d = &c->design;
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (d->kernel.dtype) {
    if (!ht_shape_equal(&d->kernel.shape, shape))
      return ht_fail(HT_USAGE, "the head's kernel must be %s, not %s",
                     ht_shape_text(shape, a),
                     ht_shape_text(&d->kernel.shape, b));
    return ht_tensor_copy(NULL, &d->kernel, out);
  }
  bool zeros = strcmp(d->init, "zeros") == 0;
  ht_philox g = ht_philox_make(d->seed, UINT64_C(0x68656164) + (uint64_t)layer);
  return ht_initial_value(zeros ? "zeros" : "glorot_uniform", &g, shape, out);
}

static ht_status initial_bias(const ht_composed *c, const ht_shape *shape,
                              ht_tensor *out) {
  const ht_design *d = &c->design;
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (!d->bias.dtype) return ht_tensor_zeros(NULL, HT_FLOAT, shape, out);
  if (!ht_shape_equal(&d->bias.shape, shape))
    return ht_fail(HT_USAGE, "the head's bias must be %s, not %s",
                   ht_shape_text(shape, a), ht_shape_text(&d->bias.shape, b));
  return ht_tensor_copy(NULL, &d->bias, out);
}

static ht_status make_layer(ht_composed *c, int i, int64_t in, int64_t units) {
  ht_builder *b = &c->builder;
  ht_layer *l = &c->layer[i];
  ht_shape kernel_shape = ht_shape_2(in, units), bias_shape = ht_shape_1(units);
  ht_tensor kernel, bias;
  char name[64];
  HT_TRY(initial_kernel(c, i, &kernel_shape, &kernel));
  snprintf(name, sizeof name, i ? "dense_%d/kernel" : "dense/kernel", i);
  l->kernel_handle = ht_build_variable(b, name, &kernel, true, &l->kernel);
  HT_TRY(initial_bias(c, &bias_shape, &bias));
  snprintf(name, sizeof name, i ? "dense_%d/bias" : "dense/bias", i);
  l->bias_handle = ht_build_variable(b, name, &bias, true, &l->bias);
  return ht_builder_status(b);
}

/* A scope under which the module has no variables. */
static void choose_scope(ht_composed *c) {
  char *scope = c->builder.scope;
  const ht_map *names = &c->model->store.by_name;
  for (int k = 0, taken = 1; taken; k++) {
    snprintf(scope, sizeof c->builder.scope, k ? "head_%d/" : "head/", k);
    taken = 0;
    for (int i = 0; i < names->n; i++)
      taken |= strncmp(names->entry[i].key, scope, strlen(scope)) == 0;
  }
}

ht_status ht_head_make(ht_composed *c) {
  int unit[MAX_LAYERS], n;
  int64_t in = feature_width(c);
  if (in < 1 || in > INT32_MAX)
    return ht_fail(HT_UNSUPPORTED, "an output of %lld values an example",
                   (long long)in);
  c->width = (int)in;
  if (strcmp(c->design.head, "none") == 0) return HT_SUCCESS;
  HT_TRY(parse_hidden(c->design.head, unit, &n));
  unit[n++] = c->design.labels->n;
  choose_scope(c);
  HT_NEW(c->layer, &c->arena, n);
  for (int i = 0; i < n; i++) {
    HT_TRY(make_layer(c, i, in, unit[i]));
    in = unit[i];
  }
  c->n_layers = n;
  c->width = unit[n - 1];
  return HT_SUCCESS;
}

/* Keeps each value with probability 1 - rate, scaled by its inverse. */
static ht_ref dropout(ht_composed *c, ht_ref x) {
  ht_builder *b = &c->builder;
  double rate = c->design.dropout;
  if (rate <= 0) return x;
  ht_ref shape = ht_build_1(b, "Shape", x, "");
  ht_ref draw = ht_build_1(b, "RandomUniform", shape, "dtype=float");
  ht_ref keep =
      ht_build_2(b, "GreaterEqual", draw, ht_build_float(b, (float)rate), "");
  ht_ref scale = ht_build_float(b, (float)(1 / (1 - rate)));
  ht_ref mask = ht_build_1(b, "Cast", keep, "DstT=float");
  return ht_build_2(b, "Mul", ht_build_2(b, "Mul", x, scale, ""), mask, "");
}

static ht_ref dense(ht_composed *c, const ht_layer *l, ht_ref x) {
  ht_builder *b = &c->builder;
  ht_ref product =
      ht_build_2(b, "MatMul", x, ht_build_read(b, l->kernel_handle), "");
  return ht_build_2(b, "BiasAdd", product, ht_build_read(b, l->bias_handle),
                    "");
}

ht_ref ht_head_apply(ht_composed *c, ht_ref x, bool training) {
  ht_builder *b = &c->builder;
  int32_t flat[2] = {-1, (int32_t)feature_width(c)};
  if (c->feature_shape.rank != 2)
    x = ht_build_2(b, "Reshape", x, ht_build_int32s(b, 2, flat), "");
  for (int i = 0; i < c->n_layers; i++) {
    if (training) x = dropout(c, x);
    x = dense(c, &c->layer[i], x);
    if (i + 1 < c->n_layers) x = ht_build_1(b, "Relu", x, "");
  }
  return x;
}

static ht_ref add_penalty(ht_composed *c, ht_ref loss, const char *op, ht_ref w,
                          double factor) {
  ht_builder *b = &c->builder;
  if (factor <= 0) return loss;
  ht_ref axes = ht_build_int32s(b, 2, (int32_t[]){0, 1});
  ht_ref sum = ht_build_2(b, "Sum", ht_build_1(b, op, w, ""), axes, "");
  ht_ref scaled =
      ht_build_2(b, "Mul", sum, ht_build_float(b, (float)factor), "");
  return ht_build_2(b, "AddV2", loss, scaled, "");
}

ht_ref ht_head_penalty(ht_composed *c, ht_ref loss) {
  const ht_design *d = &c->design;
  for (int i = 0; i < c->n_layers && (d->l1 > 0 || d->l2 > 0); i++) {
    ht_ref w = ht_build_read(&c->builder, c->layer[i].kernel_handle);
    loss = add_penalty(c, loss, "Abs", w, d->l1);
    loss = add_penalty(c, loss, "Square", w, d->l2);
  }
  return loss;
}
