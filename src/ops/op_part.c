/*
 * op_part.c - parts of a variable that are no rows: read, and assigned.
 */
#include <stdio.h>

#include "ops/op.h"

/* The whole is read, so that its gradient reaches the variable. */
static ht_status gather_forward(ht_call *c) {
  ht_variable *v;
  ht_tensor whole;
  const ht_op *op = ht_op_find("GatherNd");
  HT_TRY(ht_variable_input(c, 0, &v));
  HT_TRY(ht_variable_read(v, &whole));
  whole.trace = 0;
  const ht_tensor *in[] = {&whole, c->in[1]};
  ht_status st = ht_apply(c->run, op->name, "", 2, in, 1, c->out);
  if (st.code == HT_OK) st = c->run->trace_variable(c->run, v, &whole);
  if (st.code == HT_OK && whole.trace)
    st = c->run->record(c->run, c, op->gradient, 2, in, 1, c->out);
  ht_tensor_drop(&whole);
  return st;
}

static ht_status assign_forward(ht_call *c) {
  static const char *const mask[] = {"begin_mask", "end_mask", "ellipsis_mask",
                                     "new_axis_mask", "shrink_axis_mask"};
  ht_variable *v;
  ht_tensor old, value;
  char text[256] = "";
  size_t n = 0;
  for (size_t i = 0; i < sizeof mask / sizeof *mask; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, "%s=%lld ", mask[i],
                          (long long)ht_attr_int(c->attrs, mask[i]));
  HT_TRY(ht_variable_input(c, 0, &v));
  HT_TRY(ht_variable_read(v, &old));
  const ht_tensor *in[] = {&old, c->in[1], c->in[2], c->in[3], c->in[4]};
  ht_status st =
      ht_apply(c->run, "TensorStridedSliceUpdate", text, 5, in, 1, &value);
  ht_tensor_drop(&old);
  HT_TRY(st);
  return ht_variable_assign(v, &value, c->run->training);
}

const ht_op ht_ops_part[] = {
    {.name = "ResourceGatherNd",
     .inputs = "resource:resource indices:Tindices",
     .outputs = "output:dtype",
     .attrs = "dtype:type Tindices:type",
     .doc = "Slices of a variable.",
     .samples = "@parts_of_a_variable_are_read_and_assigned",
     .forward = gather_forward,
     .gradient = ht_gradient_in_forward,
     .flags = HT_OP_STATEFUL | HT_OP_READS},
    {.name = "ResourceStridedSliceAssign",
     .inputs = "ref:resource begin:Index end:Index strides:Index value:T",
     .outputs = "",
     .attrs = "T:type Index:type begin_mask:int=0 end_mask:int=0 "
              "ellipsis_mask:int=0 new_axis_mask:int=0 shrink_axis_mask:int=0",
     .doc = "Sets a strided slice of a variable.",
     .samples = "@parts_of_a_variable_are_read_and_assigned",
     .forward = assign_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {0},
};
