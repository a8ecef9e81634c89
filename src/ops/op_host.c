/*
 * op_host.c - ops that belong to the program around a graph: data sets that
 * it draws from, checkpoints that it writes. Graphs hold them and feeds cut
 * them off; a plan that needs one is refused like one that needs an op that
 * is missing (HT_OP_ABSENT).
 */
#include "ops/op.h"

static ht_status absent(ht_call *c) {
  return ht_fail(HT_UNSUPPORTED, "op '%s' cannot run here", c->op->name);
}

#define HOST(title, ins, outs, attributes, text)                        \
  {                                                                     \
    .name = title, .inputs = ins, .outputs = outs, .attrs = attributes, \
    .doc = text, .samples = "@a_graph_that_needs_its_host_is_refused",  \
    .forward = absent, .gradient = ht_no_gradient,                      \
    .flags = HT_OP_STATEFUL | HT_OP_ABSENT                              \
  }
#define DRAWS "output_types:list(type) output_shapes:list(shape)"

const ht_op ht_ops_host[] = {
    HOST("Iterator", "", "handle:resource",
         "shared_name:string container:string " DRAWS,
         "Where a data set stands: to be fed around."),
    HOST("IteratorV2", "", "handle:resource",
         "shared_name:string container:string " DRAWS,
         "Where a data set stands: to be fed around."),
    HOST("OneShotIterator", "", "handle:resource",
         "dataset_factory:func " DRAWS
         " container:string='' shared_name:string=''",
         "A data set from its start: to be fed around."),
    HOST("IteratorFromStringHandle", "string_handle:string",
         "resource_handle:resource",
         "output_types:list(type)=[] output_shapes:list(shape)=[]",
         "A data set of the host's: to be fed around."),
    HOST("IteratorFromStringHandleV2", "string_handle:string",
         "resource_handle:resource",
         "output_types:list(type)=[] output_shapes:list(shape)=[]",
         "A data set of the host's: to be fed around."),
    HOST("IteratorToStringHandle", "resource_handle:resource",
         "string_handle:string", "", "The name of a data set of the host's."),
    HOST("IteratorGetNext", "iterator:resource", "components:list:output_types",
         DRAWS, "The next example of a data set: to be fed."),
    HOST("IteratorGetNextSync", "iterator:resource",
         "components:list:output_types", DRAWS,
         "The next example of a data set: to be fed."),
    HOST("MakeIterator", "dataset:variant iterator:resource", "", "",
         "Starts a data set."),
    HOST("SaveV2",
         "prefix:string tensor_names:string shape_and_slices:string "
         "tensors:list:dtypes",
         "", "dtypes:list(type)",
         "Writes a checkpoint: exports do, graphs do not."),
    HOST("RestoreV2",
         "prefix:string tensor_names:string shape_and_slices:string",
         "tensors:list:dtypes", "dtypes:list(type)",
         "Reads a checkpoint: loading does, graphs do not."),
    HOST("MergeV2Checkpoints",
         "checkpoint_prefixes:string destination_prefix:string", "",
         "delete_old_dirs:bool=true allow_missing_files:bool=false",
         "Joins the pieces of a checkpoint."),
    HOST("ShardedFilename", "basename:string shard:int32 num_shards:int32",
         "filename:string", "", "The name of a piece of a checkpoint."),
    HOST("ShardedFilespec", "basename:string num_shards:int32",
         "filename:string", "", "The names of the pieces of a checkpoint."),
    HOST("Save", "filename:string tensor_names:string data:list:T", "",
         "T:list(type)", "Writes a checkpoint of version 1."),
    HOST("SaveSlices",
         "filename:string tensor_names:string shapes_and_slices:string "
         "data:list:T",
         "", "T:list(type)", "Writes parts of a checkpoint of version 1."),
    HOST("Restore", "file_pattern:string tensor_name:string", "tensor:dt",
         "dt:type preferred_shard:int=-1",
         "Reads a tensor of a checkpoint of version 1."),
    HOST("RestoreSlice",
         "file_pattern:string tensor_name:string shape_and_slice:string",
         "tensor:dt", "dt:type preferred_shard:int=-1",
         "Reads part of a tensor of a checkpoint of version 1."),
    {0},
};
