/* emit_inline.c - bodies put into a main graph, in the place of calls. */
#include <string.h>

#include "graph/raise.h"
#include "hub/emit_internal.h"

/* Calls that are put into a graph, within one another or one after another. */
enum { MAX_CALLS = 2000 };

static bool calls(const ht_node *n) {
  return n->application || n->callee ||
         (n->op && (strcmp(n->op_name, "PartitionedCall") == 0 ||
                    strcmp(n->op_name, "StatefulPartitionedCall") == 0));
}

/* In a main graph the bodies of calls stand in their place: TF1 differentiates
 * nodes, but not the functions of an imported graph. */
bool ht_emission_in_place(const ht_emission *m, const ht_node *n) {
  return m->place && calls(n);
}

static ht_status called_body(ht_emission *m, const ht_node *n,
                             const ht_body **out, const ht_tensor **capture) {
  ht_graph *f = n->callee;
  ht_body *body;
  *capture = n->application ? n->application->capture : NULL;
  *out = n->application ? n->application->body : NULL;
  if (*out) return HT_SUCCESS;
  const ht_attr *a = ht_attr_find(&n->attrs, "f");
  if (!f && a && a->kind == HT_ATTR_FUNC)
    HT_TRY(ht_library_find(m->graph->library, a->value->func.name, &f));
  if (!f) return ht_fail(HT_CORRUPT, "node '%s' calls no function", n->name);
  HT_NEW(body, m->e->arena, 1);
  HT_TRY(ht_body_of_function(f, body));
  if (body->n_args != n->n_in)
    return ht_fail(HT_CORRUPT, "node '%s' has %d inputs, function '%s' %d",
                   n->name, n->n_in, f->name, body->n_args);
  *out = body;
  return HT_SUCCESS;
}

static ht_status inline_body(ht_emission *m, int node, const char *const *in) {
  ht_node *n = &m->graph->node[node];
  const ht_body *body;
  const ht_tensor *capture;
  const char *prefix;
  char *folder;
  HT_TRY(called_body(m, n, &body, &capture));
  HT_NEW(m->inlined[node], m->e->arena, body->n_rets + 1);
  HT_TRY(ht_emission_name(m, node, &prefix));
  HT_TRY(ht_pb_text(m->e->arena, &folder, "%s/", prefix));
  return ht_emit_inline(m->e, m->place, folder, body, capture, in,
                        m->inlined[node]);
}

ht_status ht_emission_call(ht_emission *m, int node) {
  ht_node *n = &m->graph->node[node];
  ht_emit_place *p = m->place;
  const char **in;
  ht_names before = {0};
  if (m->inlined[node]) return HT_SUCCESS;
  if (p->depth >= MAX_CALLS)
    return ht_fail(HT_UNSUPPORTED, "more than %d calls within one another",
                   MAX_CALLS);
  p->depth++;
  HT_NEW(in, m->e->arena, n->n_in + 1);
  for (int i = 0; i < n->n_in; i++)
    HT_TRY(ht_emission_ref(m, n->in[i], !(n->op || n->callee), &in[i]));
  for (int i = 0; i < p->n_before; i++)
    HT_TRY(ht_emission_control(m, &before, p->before[i] + 1));
  HT_TRY(ht_emission_controls(m, n, &before));
  const char *const *outer = p->before;
  int n_outer = p->n_before;
  p->before = before.at;
  p->n_before = before.n;
  m->effects[node][0] = p->n_effects;
  HT_TRY(inline_body(m, node, in));
  m->effects[node][1] = p->n_effects;
  p->before = outer;
  p->n_before = n_outer;
  p->depth--;
  return HT_SUCCESS;
}

/* ---- into a graph */

static ht_status start_inline(ht_emission *m, const ht_tensor *capture,
                              const char *const *in) {
  ht_arena *arena = m->e->arena;
  int n = m->graph->n_nodes + 1, explicit = 0;
  HT_NEW(m->arg_text, arena, m->body->n_args + 1);
  HT_NEW(m->seen, arena, n);
  HT_NEW(m->name, arena, n);
  HT_NEW(m->inlined, arena, n);
  HT_NEW(m->effects, arena, n);
  for (int i = 0; i < m->body->n_args; i++) {
    if (!capture || !capture[i].dtype)
      m->arg_text[i] = in[explicit ++];
    else
      HT_TRY(ht_emission_captured(m, &capture[i], "", &m->arg_text[i]));
  }
  return HT_SUCCESS;
}

/* Reads are effects too, for their order, but no updates. */
static bool updates(const ht_node *n) {
  return strstr(n->op_name, "Assign") || strstr(n->op_name, "Scatter") ||
         strstr(n->op_name, "Apply") || strstr(n->op_name, "While") ||
         strstr(n->op_name, "If") || strstr(n->op_name, "Case");
}

static ht_status inline_effect(ht_emission *m, int node) {
  ht_emit_place *p = m->place;
  ht_node *n = &m->graph->node[node];
  HT_TRY(ht_graph_bind(m->graph, node));
  if (ht_emission_handle(n)) return HT_SUCCESS;
  if (ht_emission_in_place(m, n)) {
    HT_TRY(ht_emission_call(m, node));
    return ht_emission_finish(m);
  }
  const char *name;
  HT_TRY(ht_emission_want(m, node));
  HT_TRY(ht_emission_finish(m));
  HT_TRY(ht_emission_name(m, node, &name));
  HT_GROW(p->effect, p->n_effects, p->effect_capacity, m->e->arena);
  p->effect[p->n_effects++] = name;
  if (!updates(n)) return HT_SUCCESS;
  HT_GROW(p->update, p->n_updates, p->update_capacity, m->e->arena);
  p->update[p->n_updates++] = name;
  return HT_SUCCESS;
}

ht_status ht_emit_inline(ht_emitter *e, ht_emit_place *place,
                         const char *prefix, const ht_body *body,
                         const ht_tensor *capture, const char *const *in,
                         const char **out) {
  ht_emission m = {.e = e, .body = body, .place = place, .prefix = prefix};
  HT_TRY(ht_graph_raise_all(body->graph, &m.graph));
  HT_TRY(start_inline(&m, capture, in));
  for (int i = 0; i < body->n_rets; i++) {
    HT_TRY(ht_emission_ref(&m, body->ret[i], true, &out[i]));
    HT_TRY(ht_emission_finish(&m));
  }
  for (int i = 0; i < body->n_targets; i++)
    HT_TRY(inline_effect(&m, body->target[i]));
  return HT_SUCCESS;
}
