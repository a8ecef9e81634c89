/* net_layers.c - what is made of several operations: dense layers, losses. */
#include <stdio.h>
#include <string.h>

#include "api/net.h"
#include "optim/loss.h"

static const ht_symbol nothing = {-1, 0};

static ht_symbol flatten(ht_net *net, ht_symbol x, int rank, int64_t width) {
  int32_t flat[2] = {-1, (int32_t)width};
  if (rank == 2) return x;
  return ht_net_op(net, "Reshape", NULL,
                   HT_SYMBOLS(x, ht_net_int32s(net, 2, flat)));
}

/* [..., units] again. */
static ht_symbol unflatten(ht_net *net, ht_symbol y, int rank,
                           const int64_t *dim, int units) {
  int32_t shape[HT_MAX_RANK];
  if (rank == 2) return y;
  int unknown = 0;
  for (int i = 0; i < rank - 1; i++) {
    shape[i] = (int32_t)dim[i];
    unknown += dim[i] < 0;
  }
  shape[rank - 1] = units;
  if (unknown > 1)
    return ht_net_latch(
        net,
        ht_fail(HT_UNSUPPORTED, "a dense layer on several varying dimensions"));
  return ht_net_op(net, "Reshape", NULL,
                   HT_SYMBOLS(y, ht_net_int32s(net, rank, shape)));
}

static ht_symbol dense(ht_net *net, ht_symbol x, int64_t width, int units) {
  int64_t kernel[2] = {width, units}, bias = units;
  ht_symbol w =
      ht_net_variable_drawn(net, "kernel", "glorot_uniform", 2, kernel, true);
  ht_symbol b = ht_net_variable_drawn(net, "bias", "zeros", 1, &bias, true);
  ht_symbol y =
      ht_net_op(net, "MatMul", NULL, HT_SYMBOLS(x, ht_net_read(net, w)));
  return ht_net_op(net, "BiasAdd", NULL, HT_SYMBOLS(y, ht_net_read(net, b)));
}

ht_symbol ht_net_dense(ht_net *net, const char *name, ht_symbol x, int units,
                       const char *activation) {
  int rank;
  int64_t dim[HT_MAX_RANK];
  char outer[sizeof net->b.scope];
  if (net->b.failed) return nothing;
  ht_status st = ht_net_shape(net, x, &rank, dim);
  if (st.code == HT_OK && (rank < 2 || dim[rank - 1] < 1 || units < 1))
    st = ht_fail(HT_USAGE,
                 "layer '%s' needs values [..., width] of known width, and "
                 "units",
                 name);
  if (st.code != HT_OK) return ht_net_latch(net, st);
  memcpy(outer, net->b.scope, sizeof outer);
  int n = snprintf(net->b.scope, sizeof net->b.scope, "%s%s/", outer, name);
  if (n >= (int)sizeof net->b.scope)
    ht_net_latch(net,
                 ht_fail(HT_USAGE, "the name of layer '%s' is too long", name));
  ht_symbol y = flatten(net, x, rank, dim[rank - 1]);
  y = dense(net, y, dim[rank - 1], units);
  y = unflatten(net, y, rank, dim, units);
  if (activation) y = ht_net_op(net, activation, NULL, HT_SYMBOLS(y));
  memcpy(net->b.scope, outer, sizeof outer);
  return y;
}

static ht_status loss_parts(ht_net *net, const ht_loss *row, ht_symbol output,
                            ht_symbol label, ht_loss_parts *p) {
  int rank;
  int64_t dim[HT_MAX_RANK];
  *p = (ht_loss_parts){.weight = {-1, 0}};
  HT_TRY(ht_net_ref(net, output, &p->output));
  HT_TRY(ht_net_ref(net, label, &p->label));
  HT_TRY(ht_net_shape(net, output, &rank, dim));
  p->classes = ht_net_dtype(net, label) == HT_INT64;
  if (rank != 2 || dim[1] < 1 || ht_net_dtype(net, output) != HT_FLOAT)
    return ht_fail(HT_USAGE, "loss '%s' needs answers that are float [n,width]",
                   row->name);
  if (p->classes && !row->of_classes)
    return ht_fail(HT_USAGE, "loss '%s' needs labels that are numbers",
                   row->name);
  p->width = (int)dim[1];
  return HT_SUCCESS;
}

ht_symbol ht_net_loss(ht_net *net, const char *loss, ht_symbol output,
                      ht_symbol label) {
  ht_loss_parts p;
  const ht_loss *row = ht_loss_find(loss);
  if (net->b.failed) return nothing;
  if (!row)
    return ht_net_latch(net, ht_fail(HT_USAGE, "unknown loss '%s'", loss));
  ht_status st = loss_parts(net, row, output, label, &p);
  if (st.code != HT_OK) return ht_net_latch(net, st);
  ht_ref r = ht_loss_build(&net->b, row, &p);
  return (ht_symbol){r.node, r.out};
}
