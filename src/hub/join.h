/*
 * join.h - models that are made here, of any number of modules: text and
 * image side by side, one feeding another.
 *
 * A joined model shares the state of its members, told apart by a scope; its
 * own graph applies their bodies as nodes. It is run, trained and exported
 * like one that was loaded.
 */
#ifndef HT_HUB_JOIN_H
#define HT_HUB_JOIN_H

#include "hub/model.h"

/* A model without members and callables. */
ht_status ht_model_new(ht_model **out) HT_MUST_CHECK;

/*
 * Adds a module, whose state is shared and found under `scope` ("text/") from
 * then on; `own`: it is freed with the model. Losses, update operations and
 * callables stay the member's. A member that is in already stays as it is.
 * Fails where the scope is another member's, or the module belongs to another
 * model under another scope.
 */
ht_status ht_model_join(ht_model *model, ht_model *member, const char *scope,
                        bool own) HT_MUST_CHECK;

/* Whether state of the model is found under a scope. */
bool ht_model_scope_taken(const ht_model *model, const char *scope);

/* Shares what a member has got since (variables of a graph opened later). */
ht_status ht_model_rejoin(ht_model *model, ht_model *member) HT_MUST_CHECK;

#endif
