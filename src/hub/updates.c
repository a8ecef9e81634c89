/* updates.c - the update operations that an application of a TF1 graph runs
 * in training, see model.h. */
#include <string.h>

#include "hub/model.h"

typedef struct walk {
  const ht_body *body;
  ht_arena arena;
  uint8_t *seen;
  int *stack;
  int n;
} walk;

static bool is_argument(const ht_body *b, int node) {
  for (int i = 0; i < b->n_args; i++)
    if (b->arg[i].node == node) return true;
  return false;
}

static void push(walk *w, int node) {
  if (w->seen[node] || is_argument(w->body, node)) return;
  w->seen[node] = 1;
  w->stack[w->n++] = node;
}

/* Whether all that a node needs is there; *fed where it is not: it belongs to
 * another signature, whose inputs this one lacks. */
static ht_status is_fed(walk *w, int node, bool *fed) {
  ht_graph *g = w->body->graph;
  HT_NEW(w->seen, &w->arena, g->n_nodes + 1);
  HT_NEW(w->stack, &w->arena, g->n_nodes + 1);
  w->n = 0;
  *fed = true;
  push(w, node);
  while (w->n && *fed) {
    int at = w->stack[--w->n];
    HT_TRY(ht_graph_bind(g, at));
    const ht_node *n = &g->node[at];
    if (strcmp(n->op_name, "Placeholder") == 0) *fed = false;
    for (int i = 0; i < n->n_in; i++) push(w, n->in[i].node);
    for (int i = 0; i < n->n_control; i++) push(w, n->control[i]);
  }
  return HT_SUCCESS;
}

ht_status ht_model_training_body(const ht_model *m, const ht_callable *call,
                                 ht_arena *arena, const ht_body **out) {
  ht_body *body;
  *out = &call->body;
  if (call->function || !m->n_update_ops) return HT_SUCCESS;
  HT_NEW(body, arena, 1);
  *body = call->body;
  HT_NEW(body->target, arena, m->n_update_ops);
  body->n_targets = 0;
  for (int i = 0; i < m->n_update_ops; i++) {
    walk w = {.body = &call->body};
    bool fed = false;
    ht_status st = is_fed(&w, m->update_op[i], &fed);
    ht_arena_free(&w.arena);
    HT_TRY(st);
    if (fed) body->target[body->n_targets++] = m->update_op[i];
  }
  *out = body;
  return HT_SUCCESS;
}
