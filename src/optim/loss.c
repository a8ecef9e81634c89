/* loss.c - see loss.h. */
#include "optim/loss.h"

#include <string.h>

/* The mean over the last axis. */
static ht_ref mean_last(ht_builder *b, ht_ref x) {
  return ht_build_2(b, "Mean", x, ht_build_int32s(b, 1, (int32_t[]){-1}), "");
}

static ht_ref times(ht_builder *b, ht_ref x, double factor) {
  return ht_build_2(b, "Mul", x, ht_build_float(b, (float)factor), "");
}

static ht_ref plus(ht_builder *b, ht_ref x, double term) {
  return ht_build_2(b, "AddV2", x, ht_build_float(b, (float)term), "");
}

static ht_ref one_hot(ht_builder *b, const ht_loss_parts *p) {
  int32_t width = p->width;
  ht_tensor depth;
  ht_shape scalar = HT_SCALAR;
  ht_status st = ht_tensor_new(NULL, HT_INT32, &scalar, &depth);
  if (st.code != HT_OK) return (ht_ref){-1, 0};
  ht_i32(&depth)[0] = width;
  ht_ref in[4] = {p->label, ht_build_const(b, "depth", &depth),
                  ht_build_float(b, 1), ht_build_float(b, 0)};
  ht_tensor_drop(&depth);
  return ht_build(b, "OneHot", "one_hot", 4, in, "axis=-1");
}

/* The label as [n, width] floats, mixed with the uniform distribution (or,
 * for independent classes, with 1/2). */
static ht_ref target(ht_builder *b, const ht_loss_parts *p, double toward) {
  ht_ref y = p->classes ? one_hot(b, p) : p->label;
  if (p->smoothing <= 0) return y;
  y = times(b, y, 1 - p->smoothing);
  return plus(b, y, p->smoothing * toward);
}

static ht_ref softmax_loss(ht_builder *b, const ht_loss_parts *p) {
  if (p->classes && p->smoothing <= 0)
    return ht_build_2(b, "SparseSoftmaxCrossEntropyWithLogits", p->output,
                      p->label, "");
  return ht_build_2(b, "SoftmaxCrossEntropyWithLogits", p->output,
                    target(b, p, 1.0 / p->width), "");
}

static ht_ref softmax_scores(ht_builder *b, ht_ref output) {
  return ht_build_1(b, "Softmax", output, "");
}

/* softplus(x) - x y, which is -y log s - (1 - y) log(1 - s), s = sigmoid x. */
static ht_ref sigmoid_loss(ht_builder *b, const ht_loss_parts *p) {
  ht_ref soft = ht_build_1(b, "Softplus", p->output, "");
  ht_ref xy = ht_build_2(b, "Mul", p->output, target(b, p, 0.5), "");
  return mean_last(b, ht_build_2(b, "Sub", soft, xy, ""));
}

static ht_ref sigmoid_scores(ht_builder *b, ht_ref output) {
  return ht_build_1(b, "Sigmoid", output, "");
}

static ht_ref difference(ht_builder *b, const ht_loss_parts *p) {
  return ht_build_2(b, "Sub", p->output, p->label, "");
}

static ht_ref mse_loss(ht_builder *b, const ht_loss_parts *p) {
  return mean_last(b, ht_build_1(b, "Square", difference(b, p), ""));
}

static ht_ref mae_loss(ht_builder *b, const ht_loss_parts *p) {
  return mean_last(b, ht_build_1(b, "Abs", difference(b, p), ""));
}

/* e^2 / 2 up to |e| = 1, then |e| - 1/2; with q = min(|e|, 1):
 * q^2 / 2 + |e| - q. */
static ht_ref huber_loss(ht_builder *b, const ht_loss_parts *p) {
  ht_ref e = ht_build_1(b, "Abs", difference(b, p), "");
  ht_ref q = ht_build_2(b, "Minimum", e, ht_build_float(b, 1), "");
  ht_ref half = times(b, ht_build_1(b, "Square", q, ""), 0.5);
  ht_ref rest = ht_build_2(b, "Sub", e, q, "");
  return mean_last(b, ht_build_2(b, "AddV2", half, rest, ""));
}

static ht_ref same(ht_builder *b, ht_ref output) {
  (void)b;
  return output;
}

static const ht_loss losses[] = {
    {"softmax", "Cross-entropy of one class among several.", true, softmax_loss,
     softmax_scores},
    {"sigmoid", "Cross-entropy of each class by itself.", true, sigmoid_loss,
     sigmoid_scores},
    {"mse", "Mean squared error.", false, mse_loss, same},
    {"mae", "Mean absolute error.", false, mae_loss, same},
    {"huber", "Squared error up to 1, absolute beyond (Huber 1964).", false,
     huber_loss, same},
};

const ht_loss *ht_loss_all(int *n) {
  *n = (int)(sizeof losses / sizeof *losses);
  return losses;
}

const ht_loss *ht_loss_find(const char *name) {
  for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
    if (strcmp(losses[i].name, name) == 0) return &losses[i];
  return NULL;
}

ht_ref ht_loss_build(ht_builder *b, const ht_loss *loss,
                     const ht_loss_parts *p) {
  ht_ref each = loss->build(b, p);
  if (p->weight.node >= 0) each = ht_build_2(b, "Mul", each, p->weight, "");
  return ht_build_2(b, "Mean", each, ht_build_int32s(b, 1, (int32_t[]){0}), "");
}
