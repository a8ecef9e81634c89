/* op_state.c - placeholders, constants and variables. */
#include "ops/op.h"

static ht_status no_op_forward(ht_call *c) {
  (void)c;
  return HT_SUCCESS;
}

const ht_op ht_ops_state[] = {
    {
        .name = "NoOp",
        .inputs = "",
        .outputs = "",
        .attrs = "",
        .doc = "Does nothing: holds control edges together.",
        .samples = "@control_edges_order_effects",
        .forward = no_op_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
