/*
 * builder.h - makes graphs through the op table: heads, losses, embedding
 * modules, models joined of several modules. What was built runs on the same
 * plan and tape as what was loaded, and is exported by the same writer.
 *
 * A builder latches its first failure: every call after it does nothing, and
 * ht_builder_status says what it was. So a head reads as mathematics.
 */
#ifndef HT_GRAPH_BUILDER_H
#define HT_GRAPH_BUILDER_H

#include "graph/graph.h"

typedef struct ht_builder {
  ht_graph *graph;
  ht_store *store;
  char scope[128]; /* "head/": put before names */
  bool failed;
  ht_code code;
  char message[HT_MESSAGE_MAX];
} ht_builder;

/* Graph and variables live in the given arena and store. */
ht_status ht_builder_init(ht_builder *b, ht_arena *arena, ht_library *library,
                          ht_store *store) HT_MUST_CHECK;
ht_status ht_builder_status(const ht_builder *b) HT_MUST_CHECK;

/* Latches a failure of the caller's; returns no value. */
ht_ref ht_build_fail(ht_builder *b, ht_status st);

/* `attrs` as in samples: "transpose_b=true axis=1"; types that follow from
 * the inputs are filled in. Returns output 0; the others are {r.node, k}. */
ht_ref ht_build(ht_builder *b, const char *op, const char *name, int n_in,
                const ht_ref *in, const char *attrs);
ht_ref ht_build_1(ht_builder *b, const char *op, ht_ref x, const char *attrs);
ht_ref ht_build_2(ht_builder *b, const char *op, ht_ref x, ht_ref y,
                  const char *attrs);

/* A node whose op_name and attributes are filled, where text cannot say them;
 * `st` is how that went. */
ht_ref ht_build_node(ht_builder *b, ht_status st, ht_node *node,
                     const char *name, int n_in, const ht_ref *in);

ht_ref ht_build_placeholder(ht_builder *b, const char *name, ht_dtype dtype,
                            const ht_shape *shape);
ht_ref ht_build_const(ht_builder *b, const char *name, const ht_tensor *value);
ht_ref ht_build_float(ht_builder *b, float value);
ht_ref ht_build_int32s(ht_builder *b, int n, const int32_t *values);

/* A variable in the store with an initial value (taken over); returns its
 * handle. Key and name are scope + name. One that the store has, from another
 * graph, is shared and keeps its value: dtype and shape must be its own. */
ht_ref ht_build_variable(ht_builder *b, const char *name, ht_tensor *initial,
                         bool trainable, ht_variable **out);
ht_ref ht_build_read(ht_builder *b, ht_ref handle);

/* A module's body as one node; inputs are its arguments that have no
 * capture. `source` as in ht_application. */
ht_ref ht_build_apply(ht_builder *b, const char *name, const ht_body *body,
                      const ht_tensor *capture, const void *source, int n_in,
                      const ht_ref *in);

#endif
