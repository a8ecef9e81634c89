/*
 * graph.h - nodes, functions and references between them, as imported.
 *
 * A graph is a model's main graph or the body of a function. Import is lazy:
 * node inputs stay text until a plan reaches the node (ht_graph_bind), so
 * that an unknown op in a part nobody runs does no harm.
 */
#ifndef HT_GRAPH_GRAPH_H
#define HT_GRAPH_GRAPH_H

#include "ops/op.h"

typedef struct ht_graph ht_graph;
typedef struct ht_library ht_library;
typedef struct ht_body ht_body;

/* Output `out` (flattened) of node `node`. */
typedef struct ht_ref {
  int node, out;
} ht_ref;

/* A body put into a graph as one node: how a module stands in a model. */
typedef struct ht_application {
  const ht_body *body;
  const ht_tensor *capture; /* per argument of the body; HT_INVALID: it is an
                               input of the node, in order */
  const void *source;       /* whoever made it knows what (ht_callable) */
} ht_application;

typedef struct ht_node {
  const char *name;
  const char *op_name;
  ht_attrs attrs;
  const char **input; /* as in the file: data inputs, then "^control" */
  int n_input;
  const ht_application *application; /* op_name "Apply" of ours, else NULL */

  /* Known once bound: */
  bool bound;
  const ht_op *op;  /* NULL: a call of function `callee`, or an Apply */
  ht_graph *callee; /* node.op is a library function's name */
  int n_in, n_out, n_control;
  ht_ref *in;
  int *control;
} ht_node;

/* An argument of a function. */
typedef struct ht_arg {
  const char *name;
  ht_dtype dtype;
  ht_shape shape; /* rank -1 where unknown */
} ht_arg;

struct ht_graph {
  const char *name; /* of the function; NULL: a main graph */
  ht_arena *arena;  /* the model's */
  ht_library *library;
  ht_node *node; /* of a function, nodes 0..n_args-1 are its arguments ("_Arg"
                    with one output) */
  int n_nodes, capacity;
  ht_map by_name; /* name -> (void *)(index + 1) */
  /* Functions only: */
  ht_arg *arg;
  int n_args;
  const char **ret; /* references as in the file */
  const char **ret_name;
  int n_rets;
  const char **control_ret; /* node names */
  int n_control_rets;
  /* See raise.h; NULL: not made. */
  ht_graph *raised;     /* with its loops raised */
  ht_graph *functional; /* with its conditionals, too */
};

/* The functions of a model, imported when first asked for. */
struct ht_library {
  ht_arena *arena;
  ht_map by_name; /* name -> ht_graph */
  ht_status (*import)(void *arg, ht_library *library, const char *name,
                      ht_graph **out); /* *out NULL: there is none */
  void *arg;
  ht_map gradients; /* registered op type "CustomGradient-N" ->
                       ht_custom_gradient */
  ht_store *store;  /* whose state nodes of its graphs name, whatever graph
                       they are applied in; NULL: the run's */
  const char *folder; /* where they may read files; with a store */
};

/*
 * A saved tf.custom_gradient: stands for the gradient of IdentityN nodes whose
 * attribute _gradient_op_type names it (tf-formats: registered_gradients).
 */
typedef struct ht_custom_gradient {
  const char *function;
  const char **captured; /* "node:0" of the function that holds the IdentityN:
                            what the gradient function gets after its
                            explicit arguments */
  int n_captured;
  const ht_tensor *capture; /* per argument of the function a value that is
                               fixed (HT_INVALID: not); NULL: none is */
  bool *takes; /* per output of the IdentityN: is its cotangent an argument */
  int n_takes;
  bool *returns; /* per input of the IdentityN: does a gradient come back */
  int n_returns;
} ht_custom_gradient;

/*
 * A graph seen as a function: fed tensors in, fetched tensors out. A feed cuts
 * the graph at any tensor. `target` are nodes run for their effect.
 */
struct ht_body {
  ht_graph *graph;
  ht_ref *arg, *ret;
  int *target;
  int n_args, n_rets, n_targets;
};

ht_status ht_graph_new(ht_arena *arena, ht_library *library, const char *name,
                       ht_graph **out) HT_MUST_CHECK;
/* Adds a node (fields up to `application` are the caller's); names are
 * unique. */
ht_status ht_graph_add(ht_graph *g, const ht_node *node,
                       int *index) HT_MUST_CHECK;
/* A graph with the same nodes at the same numbers, not yet bound. */
ht_status ht_graph_copy(const ht_graph *g, ht_graph **out) HT_MUST_CHECK;
int ht_graph_find(const ht_graph *g, const char *name); /* -1: none */

/* Resolves op, attribute defaults, inputs and output count of a node. An
 * unknown op is no failure: node->op stays NULL and callee too. */
ht_status ht_graph_bind(ht_graph *g, int node) HT_MUST_CHECK;

/* "node", "node:1", in functions also "arg", "node:output:1". Binds the node
 * where that is needed to know its outputs. */
ht_status ht_graph_ref(ht_graph *g, const char *text,
                       ht_ref *out) HT_MUST_CHECK;

/* The dtype of a node's output by its op row and attributes; HT_INVALID
 * where that is not known. */
ht_dtype ht_graph_dtype(ht_graph *g, ht_ref ref);

ht_status ht_library_find(ht_library *library, const char *name,
                          ht_graph **out) HT_MUST_CHECK; /* NULL: none */

/* The body of a function: its arguments, returns and control returns. */
ht_status ht_body_of_function(ht_graph *function, ht_body *out) HT_MUST_CHECK;

#endif
