/* op_log.c - what a graph tells its user while it runs: nothing is told, the
 * values pass. */
#include "ops/op.h"

static ht_status pass(ht_call *c) {
  ht_out_share(c, 0, 0);
  return HT_SUCCESS;
}

static ht_status nothing(ht_call *c) {
  (void)c;
  return HT_SUCCESS;
}

/* A summary of no values: an empty record. */
static ht_status no_summary(ht_call *c) {
  return ht_out(c, 0, HT_STRING, &HT_SCALAR);
}

static ht_status pass_back(ht_back *b) {
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  ht_tensor g = ht_tensor_share(&b->dout[0].dense);
  return ht_give(b, 0, &g);
}

#define SUMMARY(title, in, more)                                             \
  {                                                                          \
    .name = title, .inputs = in, .outputs = "summary:string", .attrs = more, \
    .doc = "A record for a log that is not kept: an empty one.",             \
    .samples = "@what_a_graph_logs_is_let_go", .forward = no_summary,        \
    .gradient = ht_no_gradient                                               \
  }

const ht_op ht_ops_log[] = {
    {.name = "Print",
     .inputs = "input:T data:list:U",
     .outputs = "output:T",
     .attrs = "T:type U:list(type) message:string='' first_n:int=-1 "
              "summarize:int=3",
     .doc = "Its first input; the rest is not printed.",
     .samples = "f[2,3] (f[2] i[]); d[3] (d[3]); s[2] (i[1]); f[0] (f[0])",
     .forward = pass,
     .gradient = pass_back,
     .flags = HT_OP_STATEFUL},
    {.name = "PrintV2",
     .inputs = "input:string",
     .outputs = "",
     .attrs = "output_stream:string='stderr' end:string='\\n'",
     .doc = "Nothing: the text is not printed.",
     .samples = "@what_a_graph_logs_is_let_go",
     .forward = nothing,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    SUMMARY("HistogramSummary", "tag:string values:T", "T:type=FLOAT"),
    SUMMARY("ImageSummary", "tag:string tensor:T",
            "max_images:int=3 T:type=FLOAT"),
    SUMMARY("MergeSummary", "inputs:N*string", "N:int"),
    SUMMARY("ScalarSummary", "tags:string values:T", "T:type"),
    SUMMARY("TensorSummary", "tensor:T",
            "T:type description:string='' labels:list(string)=[] "
            "display_name:string=''"),
    {0},
};
