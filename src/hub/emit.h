/*
 * emit.h - bodies of graphs as FunctionDefs: how what runs here becomes what
 * TensorFlow runs.
 *
 * Variables and tables that a body reaches become arguments after the
 * explicit ones (its captures). Applications of a function of a loaded module
 * become calls of that very function; those of a TF1 graph become functions
 * of their own. v1 reference variables become resource variables.
 */
#ifndef HT_HUB_EMIT_H
#define HT_HUB_EMIT_H

#include "hub/pb.h"

/* A function of the library that is written. */
typedef struct ht_emitted {
  const char *name;
  const ht_body *body; /* what it was made of */
  int n_inputs;        /* explicit arguments */
  ht_tensor *captured; /* values of the arguments after them: handles, or
                          constants */
  int n_captured, captured_capacity;
  const char **ret_name; /* of the FunctionDef, in the order of the body */
  ht_dtype *ret_type;
  int n_rets;
  Tensorflow__FunctionDef *def; /* NULL: one of the module */
} ht_emitted;

/* The functions of a module: its names for them -> those written. */
typedef struct ht_emit_source {
  const ht_store *store; /* by which the module is known */
  ht_map name;
} ht_emit_source;

typedef struct ht_emitter {
  ht_arena *arena;
  Tensorflow__FunctionDefLibrary *library; /* grows */
  ht_map taken;                            /* function names */
  ht_emitted **done;
  size_t n_done;
  const ht_store *store; /* of graphs without a library */
  ht_emit_source **source;
  size_t n_sources;
  size_t n_source; /* functions of the library that were taken over */
  int serial;      /* numbers in names: TensorFlow expects name_<number> */
} ht_emitter;

/* store: where graphs without a library have their state. */
ht_status ht_emitter_init(ht_emitter *e, ht_arena *arena,
                          const ht_store *store) HT_MUST_CHECK;
/* Takes over all of a module's library (may be NULL), the module's state
 * being in `store`. */
ht_status ht_emitter_source(ht_emitter *e, const ht_store *store,
                            const Tensorflow__FunctionDefLibrary *source)
    HT_MUST_CHECK;
/* What a module's function is called in what is written; NULL: it was not
 * taken over. */
const char *ht_emitter_name(const ht_emitter *e, const ht_library *library,
                            const char *name);

/*
 * The function of a body. arg_name (NULL: arg_0, ...) and ret_name name the
 * explicit arguments and returns; they are made to fit TensorFlow's rules.
 * Bodies of library functions give that function.
 */
ht_status ht_emit(ht_emitter *e, const char *hint, const ht_body *body,
                  const ht_tensor *capture, const char *const *arg_name,
                  ht_emitted **out) HT_MUST_CHECK;

/*
 * Where the nodes of a body go that does not become a function: a main graph.
 * name: one that no other node has; handle: the node of a captured value.
 */
typedef struct ht_emit_place {
  ht_status (*name)(void *arg, const char *wanted, const char **out);
  ht_status (*add)(void *arg, Tensorflow__NodeDef *node);
  ht_status (*handle)(void *arg, const ht_tensor *value, const char **node);
  void *arg;
  const char **effect; /* nodes run for their effect, collected */
  int n_effects, effect_capacity;
  const char **update; /* those of them that change variables */
  int n_updates, update_capacity;
  const char *const *before; /* "^node": what effects have to wait for */
  int n_before;
  int depth, n_nodes;
} ht_emit_place;

/*
 * Puts a body's nodes into a graph, names after `prefix`. in: tensors
 * ("name:0") of the explicit arguments; out: those of the returns. What the
 * body calls is put there too.
 */
ht_status ht_emit_inline(ht_emitter *e, ht_emit_place *place,
                         const char *prefix, const ht_body *body,
                         const ht_tensor *capture, const char *const *in,
                         const char **out) HT_MUST_CHECK;

/* Input references "name", "name:1" of a node that calls f. */
ht_status ht_emit_call(ht_emitter *e, const char *name, const ht_emitted *f,
                       int n_in, const ht_dtype *in_type, const char *const *in,
                       const char *const *captured,
                       Tensorflow__NodeDef **out) HT_MUST_CHECK;

/* Whether two captured values are one: the same resource, or buffer. */
bool ht_same_capture(const ht_tensor *a, const ht_tensor *b);

/* An OpDef.ArgDef of a name and dtype, added to a list of them; captured: the
 * value it stands for, or NULL. */
ht_status ht_emit_arg(ht_arena *arena, size_t *n,
                      Tensorflow__OpDef__ArgDef ***args, const char *name,
                      ht_dtype type, const ht_tensor *captured) HT_MUST_CHECK;

#endif
