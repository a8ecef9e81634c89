/* emit_internal.h - inside of the emitter, for src/hub alone. */
#ifndef HT_HUB_EMIT_INTERNAL_H
#define HT_HUB_EMIT_INTERNAL_H

#include "hub/emit.h"

/* One function at work. */
typedef struct ht_emission {
  ht_emitter *e;
  const ht_body *body;
  ht_graph *graph;
  Tensorflow__FunctionDef *def;
  ht_emitted *out;
  const char **arg_text; /* per argument of the body */
  uint8_t *seen;         /* per node */
  ht_emit_place *place;  /* NULL: a function is made */
  const char *prefix;    /* of names there */
  const char **name;     /* per node: its name there */
  const char ***inlined; /* per node: outputs of a body put in its place */
  int (*effects)[2];     /* per such node: its part of place->effect */
  int *stack;
  int n_stack, stack_capacity;
} ht_emission;

/* Input references, "^node". */
typedef struct ht_names {
  const char **at;
  int n, capacity;
} ht_names;

/* What a node is called where it is put. */
ht_status ht_emission_name(ht_emission *m, int node,
                           const char **out) HT_MUST_CHECK;
ht_status ht_emission_add(ht_emission *m,
                          Tensorflow__NodeDef *node) HT_MUST_CHECK;
/* A new argument of the function; captured: the value it stands for, or
 * NULL. */
ht_status ht_emission_argument(ht_emission *m, const char *wanted,
                               ht_dtype type, const ht_tensor *captured,
                               const char **name) HT_MUST_CHECK;
/* What stands for a captured value, made when first wanted. */
ht_status ht_emission_captured(ht_emission *m, const ht_tensor *value,
                               const char *hint,
                               const char **name) HT_MUST_CHECK;
/* Whether a node makes the handle of a resource. */
bool ht_emission_handle(const ht_node *n);
/* Queues a node; ht_emission_finish emits what is queued. */
ht_status ht_emission_want(ht_emission *m, int node) HT_MUST_CHECK;
ht_status ht_emission_finish(ht_emission *m) HT_MUST_CHECK;
/* The text by which a value is named; `value`: a v1 reference is read. */
ht_status ht_emission_ref(ht_emission *m, ht_ref ref, bool value,
                          const char **text) HT_MUST_CHECK;
ht_status ht_emission_control(ht_emission *m, ht_names *to,
                              const char *node) HT_MUST_CHECK;
/* The control inputs of a node. */
ht_status ht_emission_controls(ht_emission *m, const ht_node *n,
                               ht_names *to) HT_MUST_CHECK;

/* Writes the two functions of a raised loop (condition, body) or conditional,
 * with the same captures, which become inputs of the node; NULL: the node's
 * functions are in the module's library. */
ht_status ht_emission_functions(ht_emission *m, const ht_node *n,
                                ht_emitted *out[2]) HT_MUST_CHECK;

/* ---- emit_inline.c */

/* Whether a call's body is put in its place; and puts it there. */
bool ht_emission_in_place(const ht_emission *m, const ht_node *n);
ht_status ht_emission_call(ht_emission *m, int node) HT_MUST_CHECK;

#endif
