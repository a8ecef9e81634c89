/* build_loop.h - functions and loops over them, made with a builder. */
#ifndef HT_GRAPH_BUILD_LOOP_H
#define HT_GRAPH_BUILD_LOOP_H

#include "graph/builder.h"

/* A function of n arguments of those dtypes, references {0..n-1, 0} of
 * `inner`, which builds what is in it. `name` must be new to the library. */
ht_status ht_build_function(const ht_builder *outer, const char *name, int n,
                            const ht_dtype *type,
                            ht_builder *inner) HT_MUST_CHECK;
/* Ends it: what it returns. Fails with what failed while it was built. */
ht_status ht_build_returns(ht_builder *inner, int n,
                           const ht_ref *ret) HT_MUST_CHECK;

/* While `condition` of the n values says so, they become what `body` returns
 * of them. Output k is the last value k. */
ht_ref ht_build_while(ht_builder *b, const char *name,
                      const ht_builder *condition, const ht_builder *body,
                      int n, const ht_ref *in);

#endif
