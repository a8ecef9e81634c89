/*
 * hubtune_layer.h - the face of hub.KerasLayer for hubtune_build.h, which
 * includes it: a module with one way to be called, whose weights train or do
 * not. Names and rules are those of tensorflow_hub 0.15 (keras_layer.py).
 * Beyond them, layers train through signatures, and TF1 modules train.
 */
#ifndef HUBTUNE_LAYER_H
#define HUBTUNE_LAYER_H

#include <hubtune_build.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ht_layer ht_layer;

/* What an output is known to be, without its batch dimension. */
typedef struct ht_output_shape {
  const char *output; /* NULL: the layer has one */
  int rank;           /* 0: nothing is said */
  const int64_t *dim; /* -1: not fixed */
} ht_output_shape;

/* Zeroed: the module's own call, frozen. */
typedef struct ht_layer_options {
  const char *name; /* of its variables in nets; NULL: "keras_layer", ... */
  bool trainable;
  int n_arguments; /* "NAME=VALUE": flags, and tensors that stay the same */
  const char *const *argument;
  const char *tags;      /* of the graph, for ht_layer_new alone */
  const char *call;      /* a sub-object or method, "tokenize" */
  const char *signature; /* TF1 Hub: "default" where none is named */
  /* With a signature one of both: all outputs by name, or this one. */
  bool signature_outputs_as_dict;
  const char *output_key; /* TF1 Hub: "default" where none is named */
  int n_output_shapes;
  const ht_output_shape *output_shape;
} ht_layer_options;

/* Opens the handle; options NULL: the defaults. */
HT_API ht_status ht_layer_new(const char *handle,
                              const ht_layer_options *options, ht_layer **out);
/* Of a module that is open, which stays the caller's; it has no config. */
HT_API ht_status ht_layer_of(ht_module *module, const ht_layer_options *options,
                             ht_layer **out);
HT_API void ht_layer_free(ht_layer *layer); /* after its nets; NULL is fine */
/* resolved_object. */
HT_API ht_module *ht_layer_module(ht_layer *layer);

/* Thaws or freezes it, at any time, in all nets: weights and losses follow at
 * once, calls that were made stay what they are. */
HT_API void ht_layer_train(ht_layer *layer, bool trainable);
HT_API bool ht_layer_trainable(const ht_layer *layer);

/*
 * Its n weights: first those that the module (or the sub-object) lists as
 * trainable, in its order, the others after them. *n_trainable of them train
 * now: none while the layer is frozen. Values are ht_module_variable's. The
 * list lives as long as the layer.
 */
HT_API ht_status ht_layer_weights(ht_layer *layer,
                                  const ht_variable_info **weight,
                                  int *n_trainable, int *n);
/* The regularization losses as they are now, one value for each; 0 while the
 * layer is frozen. As long as the layer. */
HT_API ht_status ht_layer_losses(ht_layer *layer, const double **loss, int *n);

/*
 * Calls it in a net. The training variant runs where it is asked for and the
 * layer is trainable: a frozen layer is always in inference mode. Returns the
 * output that output_key names, or the only one; where outputs are a dict or
 * a list, ht_net_output chooses. output_shape is ensured at run time; a shape
 * that cannot be is refused here.
 */
HT_API ht_symbol ht_layer_call(ht_layer *layer, ht_net *net, bool training,
                               int n, const ht_named *input);
/* Calls it on arrays, alike. What the call itself assigns stays, as in Keras:
 * the averages of a SavedModel's training variant; the update operations of a
 * TF1 module run in training steps alone. outputs: the one of output_key, or
 * all. */
HT_API ht_status ht_layer_run(ht_layer *layer, bool training,
                              const ht_arrays *inputs, ht_arrays **outputs);
/* compute_output_shape: of an output (NULL: the only one) for a batch of that
 * size (-1: any), by output_shape or else by what the module says. */
HT_API ht_status ht_layer_output_shape(ht_layer *layer, const char *output,
                                       int64_t batch, int *rank,
                                       int64_t dim[8]);

/*
 * get_config as JSON, which hub.KerasLayer.from_config takes, too, and back;
 * *json is the caller's to free. `tags` are kept, which Python forgets.
 */
HT_API ht_status ht_layer_config(const ht_layer *layer, char **json);
HT_API ht_status ht_layer_from_config(const char *json, ht_layer **out);

#ifdef __cplusplus
}
#endif

#endif
