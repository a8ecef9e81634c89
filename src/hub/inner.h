/*
 * inner.h - tensors that a callable computes on its way to its outputs, as
 * outputs: where a feature extractor is cut.
 */
#ifndef HT_HUB_INNER_H
#define HT_HUB_INNER_H

#include "hub/model.h"

/*
 * Where `name` is no output of *callable but a tensor ("node", "node:1") of its
 * graph or of a function that it calls, or what the path of one such ends in,
 * *callable becomes a copy with that
 * tensor as its last output, under that name; else it stays as it is. Functions
 * on the way become applications of copies, which have a return more. Fails
 * where several are meant. The callable is prepared; the
 * copy lives in the model.
 */
ht_status ht_callable_expose(ht_model *model, const char *name,
                             const ht_callable **callable) HT_MUST_CHECK;

#endif
