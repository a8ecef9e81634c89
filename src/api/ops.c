/* ops.c - the op table for the public. */
#include "ops/op.h"

int ht_op_count(void) {
  int n;
  ht_op_all(&n);
  return n;
}

ht_op_info ht_op_at(int i) {
  int n;
  const ht_op *const *all = ht_op_all(&n);
  if (i < 0 || i >= n) return (ht_op_info){0};
  const ht_op *op = all[i];
  return (ht_op_info){
      .name = op->name,
      .doc = op->doc,
      .inputs = op->inputs,
      .outputs = op->outputs,
      .attrs = op->attrs,
      .gradient = op->gradient && op->gradient != ht_no_gradient};
}
