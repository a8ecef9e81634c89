/* net.h - what nets are inside, for src/api alone. */
#ifndef HT_API_NET_H
#define HT_API_NET_H

#include "api/module.h"
#include "graph/builder.h"

/* A module that a net applies. */
typedef struct ht_net_part {
  ht_module *module;
  const char *name;
  const bool *trainable; /* a layer may change its mind */
} ht_net_part;

/* An interface that is written. */
typedef struct ht_net_signature {
  const char *name;
  ht_callable *callable; /* body, inputs and outputs in order */
} ht_net_signature;

/*
 * One graph. The net that was made first owns the state: a joined model, in
 * the store of which are its variables and those of its modules.
 */
struct ht_net {
  ht_module face; /* what functions take for their module */
  ht_builder b;
  ht_net *base;     /* of which it is a variant; NULL: of none */
  ht_net *next;     /* of the graphs of a net, the base first */
  const char *tags; /* "", "train", "a,b" */
  uint64_t seed;
  ht_net_part *part;
  int n_parts, part_capacity;
  ht_net_signature *signature;
  int n_signatures, signature_capacity;
  ht_ref *loss;
  int n_losses, loss_capacity;
  int *update;
  int n_updates, update_capacity;
  ht_attachment *attachment;
  int n_attachments, attachment_capacity;
};

/* Latches a failure; returns no value. */
ht_symbol ht_net_latch(ht_net *net, ht_status st);
/* A symbol as a reference into the graph, checked. */
ht_status ht_net_ref(ht_net *net, ht_symbol s, ht_ref *out) HT_MUST_CHECK;
/* An interface, in the net's arena. */
ht_status ht_net_callable(ht_net *net, const char *name, int n_in,
                          const ht_named *input, int n_out,
                          const ht_named *output,
                          ht_callable **out) HT_MUST_CHECK;
/* Adds a module that is not there, under a name (NULL: "keras_layer", ...);
 * from now on it trains where *trainable says so. */
void ht_net_follow(ht_net *net, ht_module *module, const char *name,
                   const bool *trainable);
/* Marks what trains: the net's variables and those of trainable modules. */
void ht_net_mark(ht_net *net);
/* The graph of a net with a set of tags; NULL: there is none. */
ht_net *ht_net_tagged(ht_net *net, const char *tags);
/* The shape that a value is declared to have, which is not run for it. */
bool ht_net_declared(ht_net *net, ht_ref ref, ht_shape *out);
/* Whether a value depends on a placeholder. */
bool ht_net_depends(ht_net *net, ht_ref ref);

#endif
