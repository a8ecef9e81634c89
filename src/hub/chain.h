/*
 * chain.h - a module behind another that prepares its inputs: what a
 * preprocessor of texts answers, its encoder takes under the same names.
 *
 * Both are members of a joined model (join.h). The preprocessor is called by
 * default, in its graph for inference, and nothing of it trains.
 */
#ifndef HT_HUB_CHAIN_H
#define HT_HUB_CHAIN_H

#include "hub/model.h"

/* Opens a module that prepares the inputs of member `at` from then on. */
ht_status ht_chain_open(ht_model *model, int at,
                        const char *handle) HT_MUST_CHECK;

/*
 * One callable of two: takes what the preprocessor of `m` takes, and answers
 * as `call` of m does by `body`, which is the callable's own or that of
 * training. An input that the preprocessor answers not has to have a default.
 * Without a preprocessor it is `call` itself.
 */
ht_status ht_chain_callable(ht_model *model, const ht_member *m,
                            const ht_callable *call, const ht_body *body,
                            const ht_callable **out) HT_MUST_CHECK;

/* The output of one callable that another takes for an input: by whole names,
 * then by the last parts of their paths, then by what else BERT's modules call
 * it; one output fits one input whatever they are called. NULL: none. */
const ht_port *ht_chain_output(const ht_callable *first,
                               const ht_callable *call, const ht_port *input);

/* Whether what one port gives may have the type and shape of another. */
bool ht_chain_fits(const ht_port *from, const ht_port *to);

/* Opens `handle` behind `preprocess`: the model is called as the former is
 * and its variables have their own names. */
ht_status ht_chain_model(const char *preprocess, const char *handle,
                         const char *tags, ht_model **out) HT_MUST_CHECK;

/* The only member that is called of such a model; NULL: it is none. */
const ht_member *ht_chain_member(const ht_model *model);

#endif
