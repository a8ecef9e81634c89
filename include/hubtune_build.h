/*
 * hubtune_build.h - models of one's own, for hubtune.h, which includes it: a
 * net is built of operations and of modules that it applies, run,
 * differentiated, trained, and written as a module for others.
 */
#ifndef HUBTUNE_BUILD_H
#define HUBTUNE_BUILD_H

#include <hubtune.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- nets
 *
 * A net latches its first failure: what is built after it is nothing, and
 * ht_net_status and all that runs or writes the net return it. So a model
 * reads as mathematics. One thread at a time.
 */
typedef struct ht_net ht_net;

/* A value that the net will compute: an output of one of its nodes. */
typedef struct ht_symbol {
  int node, output;
} ht_symbol;

/* A symbol under a name: an input or output of an interface. */
typedef struct ht_named {
  const char *name;
  ht_symbol symbol;
} ht_named;

/* Several at once, in calls that take a count and an array:
 * ht_net_op(net, "MatMul", NULL, HT_SYMBOLS(x, w)). */
#define HT_SYMBOLS(...)                                          \
  (int)(sizeof((ht_symbol[]){__VA_ARGS__}) / sizeof(ht_symbol)), \
      (const ht_symbol[]) {                                      \
    __VA_ARGS__                                                  \
  }
#define HT_NAMED(...)                                          \
  (int)(sizeof((ht_named[]){__VA_ARGS__}) / sizeof(ht_named)), \
      (const ht_named[]) {                                     \
    __VA_ARGS__                                                \
  }

HT_API ht_status ht_net_new(ht_net **out);
/* Before the modules that it applies, after its functions and trainers; with
 * its variants. NULL is fine. */
HT_API void ht_net_free(ht_net *net);
HT_API ht_status ht_net_status(const ht_net *net); /* the first failure */
/* How many threads it computes with; 0: all cores. */
HT_API void ht_net_threads(ht_net *net, int threads);
/* Fails the net with a message of the caller's. */
HT_API void ht_net_fail(ht_net *net, const char *message);

/* Put before the names of variables and nodes that follow, "dense/"; "" none.
 * At most 127 bytes. */
HT_API void ht_net_scope(ht_net *net, const char *scope);

/* A value that is fed. dim -1: not fixed; rank -1: nothing is. */
HT_API ht_symbol ht_net_input(ht_net *net, const char *name, ht_dtype dtype,
                              int rank, const int64_t *dim);
HT_API ht_symbol ht_net_constant(ht_net *net, const ht_array *value);
HT_API ht_symbol ht_net_number(ht_net *net, ht_dtype dtype, double value);
/* A vector: shapes, axes. */
HT_API ht_symbol ht_net_int32s(ht_net *net, int n, const int32_t *value);
HT_API ht_symbol ht_net_string(ht_net *net, const char *text);

/*
 * A variable with its initial value (copied); the symbol is its handle, which
 * ReadVariableOp, ResourceGather and AssignVariableOp take. A name that
 * another graph of the net has is the same variable; within a graph names are
 * made unique by _1, _2, ...
 */
HT_API ht_symbol ht_net_variable(ht_net *net, const char *name,
                                 const ht_array *initial, bool trainable);
/* The same with a float value drawn by an initializer of Keras's name: zeros,
 * ones, glorot_uniform, he_normal, random_normal or random_uniform (both
 * 0.05). The seed of a variable is the net's and its name. */
HT_API ht_symbol ht_net_variable_drawn(ht_net *net, const char *name,
                                       const char *initializer, int rank,
                                       const int64_t *dim, bool trainable);
HT_API void ht_net_seed(ht_net *net, uint64_t seed); /* 0 at first */
HT_API ht_symbol ht_net_read(ht_net *net, ht_symbol variable);
/* A lookup table from the lines of a text file to their numbers, from 0; the
 * file becomes an asset of what is exported. For LookupTableFindV2. */
HT_API ht_symbol ht_net_vocabulary(ht_net *net, const char *name,
                                   const char *path);

/* Any operation of the table (see `hubtune ops`) by TensorFlow's name.
 * attributes: "transpose_b=true axis=1 padding='SAME' strides=[1,2,2,1]",
 * NULL: none; types that follow from the inputs are filled in. Returns the
 * first output. */
HT_API ht_symbol ht_net_op(ht_net *net, const char *op, const char *attributes,
                           int n, const ht_symbol *input);
/* x W + b, and then an operation of one input ("Relu"; NULL: none): variables
 * name/kernel [width of x, units] (glorot_uniform) and name/bias. The width
 * of x, [..., width], must be known. */
HT_API ht_symbol ht_net_dense(ht_net *net, const char *name, ht_symbol x,
                              int units, const char *activation);

/* A loss of `hubtune train --loss` ("softmax", "sigmoid", "mse", ...), the
 * mean over the batch. output: float [n, width]; label: int64 [n] of class
 * numbers, or float [n, width]. */
HT_API ht_symbol ht_net_loss(ht_net *net, const char *loss, ht_symbol output,
                             ht_symbol label);

/* Another output of the node: by number, or by its name. */
static inline ht_symbol ht_symbol_output(ht_symbol s, int k) {
  ht_symbol other = {s.node, k};
  return other;
}
HT_API ht_symbol ht_net_output(ht_net *net, ht_symbol s, const char *name);

/* HT_INVALID where it is not known. */
HT_API ht_dtype ht_net_dtype(ht_net *net, ht_symbol s);
/* The shape as far as it can be told, -1 for what varies: declared, or found
 * by running the net on zeros of two sizes. *rank -1: not known. */
HT_API ht_status ht_net_shape(ht_net *net, ht_symbol s, int *rank,
                              int64_t dim[8]);

/* ---- modules in nets
 *
 * A module has one state however often it is applied: applications share
 * variables and tables. With `trainable` its trainable variables train with
 * the net, its regularization losses count and its update operations run.
 * Without, they do not; tags and trainable are independent of each other.
 */

/* Adds a module under a name that is put before its variables' names. Needed
 * only for the name and for training: ht_net_apply adds what is not there, as
 * "module", "module_1", ..., not trainable. */
HT_API void ht_net_module(ht_net *net, ht_module *module, const char *name,
                          bool trainable);

/*
 * Applies a signature or callable (chosen as in ht_function_open; `choice`
 * NULL: the default; choice->training also opens the graph tagged "train" of
 * a TF1 module) to named inputs, all of which must be given; a name may be
 * NULL where there is one input. Returns the output "default", or the only
 * one; where there is neither, ht_net_output chooses.
 */
HT_API ht_symbol ht_net_apply(ht_net *net, ht_module *module,
                              const ht_choice *choice, int n,
                              const ht_named *input);

/* The sum of the regularization losses of the trainable modules, each once
 * however often it is applied, and of the net's own; 0 where there is none. */
HT_API ht_symbol ht_net_regularization(ht_net *net);
/* A loss of the net itself, a float scalar that depends on no input. */
HT_API void ht_net_add_regularization(ht_net *net, ht_symbol loss);
/* An operation (AssignVariableOp, ...) to be run at each training step and
 * with each training application of what is exported. */
HT_API void ht_net_add_update(ht_net *net, ht_symbol update);

/* ---- nets that run */

/* A function of some inputs to some outputs: run, differentiated and freed as
 * one of a module (ht_function_run, ht_function_gradients, ...). */
HT_API ht_status ht_net_function(ht_net *net, int n_in, const ht_named *input,
                                 int n_out, const ht_named *output,
                                 ht_function **out);
/* The current value of a variable, "dense/kernel", "module/embeddings"; and a
 * new one of the same dtype and shape. */
HT_API ht_status ht_net_value(ht_net *net, const char *variable,
                              ht_array **out);
HT_API ht_status ht_net_assign(ht_net *net, const char *variable,
                               const ht_array *value);

/* ---- training nets
 *
 * Minimises a symbol, one float. Settings are those of `hubtune train` that
 * say how: optimizer lr module-lr momentum nesterov weight-decay clip-norm
 * schedule warmup batch epochs steps seed no-shuffle.
 */
typedef struct ht_trainer ht_trainer;

/* `input`: what is fed, the labels too. One trainer of a net at a time. */
HT_API ht_status ht_trainer_new(ht_net *net, int n_in, const ht_named *input,
                                ht_symbol loss, ht_trainer **out);
HT_API void ht_trainer_free(ht_trainer *trainer); /* NULL is fine */
/* As ht_training_set, before the first step. */
HT_API ht_status ht_trainer_set(ht_trainer *trainer, const char *name,
                                const char *value);
/* One step on a batch; *loss (may be NULL) is that before it. A loss that is
 * not finite is HT_NUMERIC, and nothing has changed. */
HT_API ht_status ht_trainer_step(ht_trainer *trainer, const ht_arrays *batch,
                                 double *loss);
/* Gives the batch of a step (from 1), which stays its own; NULL: the end.
 * Anything but HT_OK ends the training with it. */
typedef ht_status ht_batch_fn(void *arg, int64_t step, const ht_arrays **batch);
/* Steps until there is no batch, or as many as "steps" says. `tell` may be
 * NULL; false stops after the step, with HT_STOPPED. */
HT_API ht_status ht_trainer_run(ht_trainer *trainer, ht_batch_fn *next,
                                ht_news_fn *tell, void *arg);
/* Trains on examples: the first dimension of every array counts them. */
HT_API ht_status ht_trainer_fit(ht_trainer *trainer, const ht_arrays *examples,
                                ht_news_fn *tell, void *arg);
/* The columns of a data set as arrays, read as `hubtune train` reads it:
 * texts, whole numbers (int64) and numbers (float). */
HT_API ht_status ht_data_read(const char *path, ht_arrays **out);
/* All of the state, as a TensorFlow checkpoint PREFIX.index, PREFIX.data-...;
 * what is restored goes on to the same bits. */
HT_API ht_status ht_trainer_save(ht_trainer *trainer, const char *prefix);
HT_API ht_status ht_trainer_restore(ht_trainer *trainer, const char *prefix);

/* ---- authoring: nets as modules
 *
 * As tensorflow_hub 0.15 has it: create_module_spec, add_signature,
 * attach_message, export.
 */

/* A signature; name NULL: "default". A later one of the name replaces it. An
 * unnamed (NULL) input or output is "default", too. */
HT_API void ht_net_add_signature(ht_net *net, const char *name, int n_in,
                                 const ht_named *input, int n_out,
                                 const ht_named *output);
/* Bytes of a message (copied) that goes with this graph of the module, in the
 * TF1 Hub format only; of a key given again the later value counts. */
HT_API void ht_net_attach_message(ht_net *net, const char *key,
                                  const void *data, size_t n);
/* The size that images should have, as message image_module_info. */
HT_API void ht_net_attach_image_size(ht_net *net, int height, int width);

/* Another graph of the net over the same state, with any set of tags, "train",
 * "gpu,big"; "" or NULL: the net itself. It has its own signatures, losses,
 * updates and messages. Owned by the net; asked for again, with its tags in any
 * order, it is the same. */
HT_API ht_status ht_net_variant(ht_net *net, const char *tags, ht_net **out);

/* Builds one graph of a module; `arg` is that of its tags. */
typedef void ht_module_fn(ht_net *net, void *arg);
typedef struct ht_tags_and_args {
  const char *tags; /* "" or NULL: none; "train", "gpu,big" */
  void *arg;
} ht_tags_and_args;
/* A net with a graph for each of n sets of tags (n 0: one, without tags),
 * checked as ht_net_check does. */
HT_API ht_status ht_module_author(ht_module_fn *build, int n,
                                  const ht_tags_and_args *variant,
                                  ht_net **out);
/* Why it cannot be a module, or HT_OK. */
HT_API ht_status ht_net_check(ht_net *net);

/*
 * Writes it with the values of its variables, which must be a folder that does
 * not exist: hub1, in the TF1 Hub format, with all of its graphs, or else as a
 * SavedModel, where signature "default" is also serving_default and __call__,
 * whose training=True is the graph tagged "train": it has the same signatures
 * then, and there are no other graphs. Modules that it applies become
 * part of it with their variables, tables, assets, losses and update
 * operations.
 */
HT_API ht_status ht_net_export(ht_net *net, const char *out, bool hub1);

/* ---- attached messages of modules that are open */

/* *data NULL: there is none of that key. Lives as long as the module. */
HT_API ht_status ht_module_attachment(ht_module *module, const char *key,
                                      const void **data, size_t *n);
/* The height and width that images should have: as attached, or else by the
 * shape of an input (NULL: "images") of a signature (NULL: "default"); and
 * how many channels. */
HT_API ht_status ht_module_image_size(ht_module *module, const char *signature,
                                      const char *input, int64_t size[2]);
HT_API ht_status ht_module_image_channels(ht_module *module,
                                          const char *signature,
                                          const char *input, int64_t *channels);

#ifdef __cplusplus
}
#endif

#include <hubtune_layer.h>

#endif
