/*
 * export_inline.c - the signatures of a graph in the TF1 Hub format. Bodies
 * stand in the graph as nodes, so that TensorFlow differentiates them like its
 * own. Signatures of one graph share its placeholders and nodes, as those do
 * that a module function adds: its updates are there once.
 */
#include <string.h>

#include "hub/export_internal.h"

/* What is put into the graph at once. */
typedef struct group {
  ht_body body;        /* arguments, returns and targets of all its members */
  ht_port *port;       /* per argument */
  const char **prefix; /* per argument: the signature that names it */
  const char **in;     /* nodes of the arguments */
  const char **out;    /* tensors of the returns */
  const char *name;    /* of its first signature */
  bool shared;         /* its arguments are placeholders of the graph */
} group;

typedef struct groups {
  ht_writer *w;
  bool train;
  group *group;
  int n;
  int *of; /* per signature */
} groups;

static const ht_body *body_of(const groups *g, int i) {
  const ht_out_method *m = &g->w->signature[i];
  return m->f[g->train && m->f[1]]->body;
}

/* Where a value stands among others; -1: it does not. */
static int place_of(const ht_ref *list, int n, ht_ref r) {
  for (int i = 0; i < n; i++)
    if (list[i].node == r.node && list[i].out == r.out) return i;
  return -1;
}

static bool cuts_nothing(const ht_body *b) {
  for (int i = 0; i < b->n_args; i++)
    if (strcmp(b->graph->node[b->arg[i].node].op_name, "Placeholder") != 0)
      return false;
  return true;
}

/* The most that a group of all signatures could hold. */
static ht_status new_group(groups *g, int i, group **out) {
  ht_arena *a = &g->w->arena;
  int n_args = 0, n_rets = 0, n_targets = 0;
  for (int k = 0; k < g->w->x->n_signatures; k++) {
    n_args += body_of(g, k)->n_args;
    n_rets += body_of(g, k)->n_rets;
    n_targets += body_of(g, k)->n_targets;
  }
  group *new = &g->group[g->n++];
  new->body = (ht_body){.graph = body_of(g, i)->graph};
  new->name = g->w->signature[i].method->name;
  new->shared = cuts_nothing(body_of(g, i));
  HT_NEW(new->body.arg, a, n_args + 1);
  HT_NEW(new->body.ret, a, n_rets + 1);
  HT_NEW(new->body.target, a, n_targets + 1);
  HT_NEW(new->port, a, n_args + 1);
  HT_NEW(new->prefix, a, n_args + 1);
  HT_NEW(new->in, a, n_args + 1);
  HT_NEW(new->out, a, n_rets + 1);
  *out = new;
  return HT_SUCCESS;
}

static void add_member(groups *g, group *to, int i) {
  const ht_body *b = body_of(g, i);
  const ht_out_method *m = &g->w->signature[i];
  ht_body *all = &to->body;
  for (int k = 0; k < b->n_args; k++) {
    if (place_of(all->arg, all->n_args, b->arg[k]) >= 0) continue;
    to->port[all->n_args] = m->input[k];
    to->prefix[all->n_args] = m->method->name;
    all->arg[all->n_args++] = b->arg[k];
  }
  for (int k = 0; k < b->n_rets; k++)
    if (place_of(all->ret, all->n_rets, b->ret[k]) < 0)
      all->ret[all->n_rets++] = b->ret[k];
  for (int k = 0; k < b->n_targets; k++) {
    bool there = false;
    for (int j = 0; j < all->n_targets; j++)
      there |= all->target[j] == b->target[k];
    if (!there) all->target[all->n_targets++] = b->target[k];
  }
}

static ht_status make_groups(groups *g) {
  int n = g->w->x->n_signatures;
  HT_NEW(g->group, &g->w->arena, n + 1);
  HT_NEW(g->of, &g->w->arena, n + 1);
  for (int i = 0; i < n; i++) {
    const ht_body *b = body_of(g, i);
    group *to = NULL;
    for (int k = 0; k < g->n && !to; k++)
      if (g->group[k].shared && g->group[k].body.graph == b->graph &&
          cuts_nothing(b))
        to = &g->group[k];
    if (!to) HT_TRY(new_group(g, i, &to));
    add_member(g, to, i);
    g->of[i] = (int)(to - g->group);
  }
  return HT_SUCCESS;
}

/* ---- nodes */

static ht_status input_nodes(ht_writer *w, group *g) {
  for (int i = 0; i < g->body.n_args; i++)
    HT_TRY(ht_write_input(w, g->prefix[i], &g->port[i], &g->in[i]));
  return HT_SUCCESS;
}

static ht_status write_group(ht_writer *w, group *g) {
  ht_emit_place place = ht_writer_place(w);
  char *prefix;
  HT_TRY(input_nodes(w, g));
  HT_TRY(ht_pb_text(&w->arena, &prefix, "%s/", g->name));
  HT_TRY(ht_emit_inline(&w->e, &place, prefix, &g->body, NULL, g->in, g->out));
  for (int i = 0; i < place.n_updates; i++) {
    HT_GROW(w->effect, w->n_effects, w->effect_capacity, &w->arena);
    w->effect[w->n_effects++] = place.update[i];
  }
  for (int i = 0; i < g->body.n_rets; i++) {
    char *text;
    if (strchr(g->out[i], ':')) continue;
    HT_TRY(ht_pb_text(&w->arena, &text, "%s:0", g->out[i]));
    g->out[i] = text;
  }
  return HT_SUCCESS;
}

static ht_status write_signature(groups *g, int i) {
  ht_writer *w = g->w;
  const ht_out_method *m = &w->signature[i];
  const ht_body *b = body_of(g, i);
  const group *from = &g->group[g->of[i]];
  const char **in, **out;
  HT_NEW(in, &w->arena, b->n_args + 1);
  HT_NEW(out, &w->arena, b->n_rets + 1);
  for (int k = 0; k < b->n_args; k++)
    in[k] = from->in[place_of(from->body.arg, from->body.n_args, b->arg[k])];
  for (int k = 0; k < b->n_rets; k++)
    out[k] = from->out[place_of(from->body.ret, from->body.n_rets, b->ret[k])];
  return ht_write_signature_def(w, m, in, out, "");
}

ht_status ht_write_signatures_inline(ht_writer *w, bool train) {
  groups g = {.w = w, .train = train};
  HT_TRY(make_groups(&g));
  for (int i = 0; i < g.n; i++) HT_TRY(write_group(w, &g.group[i]));
  for (int i = 0; i < w->x->n_signatures; i++) HT_TRY(write_signature(&g, i));
  return HT_SUCCESS;
}
