/* net_shape.c - what is known of a value before it is computed. */
#include <string.h>

#include "api/net.h"

/* ---- which inputs a value depends on */

static bool visit(ht_graph *g, int node, uint8_t *seen) {
  if (seen[node]) return false;
  seen[node] = 1;
  if (ht_graph_bind(g, node).code != HT_OK) return false;
  const ht_node *n = &g->node[node];
  if (strcmp(n->op_name, "Placeholder") == 0) return true;
  for (int i = 0; i < n->n_in; i++)
    if (visit(g, n->in[i].node, seen)) return true;
  return false;
}

bool ht_net_depends(ht_net *net, ht_ref ref) {
  ht_arena arena = {0};
  ht_graph *g = net->b.graph;
  uint8_t *seen = ht_alloc(&arena, (size_t)g->n_nodes + 1, 1);
  bool found = seen && visit(g, ref.node, seen);
  ht_arena_free(&arena);
  return found;
}

/* ---- declared shapes */

static bool attr_shape(const ht_node *n, const char *name, ht_shape *out) {
  const ht_attr *a = ht_attr_find(&n->attrs, name);
  if (!a || a->kind != HT_ATTR_SHAPE) return false;
  *out = a->value->shape;
  return true;
}

/* A shape of which at most the first dimension varies. */
static bool told(const ht_shape *s) {
  if (s->rank < 0) return false;
  for (int i = 1; i < s->rank; i++)
    if (s->dim[i] < 0) return false;
  return true;
}

static bool declared(ht_graph *g, ht_ref r, ht_shape *out) {
  const ht_node *n = &g->node[r.node];
  const ht_callable *c = n->application ? n->application->source : NULL;
  const ht_attr *value = ht_attr_find(&n->attrs, "value");
  if (strcmp(n->op_name, "Placeholder") == 0 ||
      strcmp(n->op_name, "EnsureShape") == 0)
    return attr_shape(n, "shape", out);
  if (strcmp(n->op_name, "ReadVariableOp") == 0)
    return attr_shape(&g->node[n->in[0].node], "shape", out);
  if (strcmp(n->op_name, "Const") == 0 && value) {
    *out = value->value->tensor.shape;
    return true;
  }
  for (int i = 0; c && i < c->n_outputs; i++)
    if (c->output[i].index == r.out) {
      *out = c->output[i].shape;
      return told(out);
    }
  return false;
}

bool ht_net_declared(ht_net *net, ht_ref ref, ht_shape *out) {
  *out = (ht_shape){.rank = -1};
  return declared(net->b.graph, ref, out);
}

/* ---- found by trial */

/* Zeros in the shape of a placeholder, where `varying` dimensions vary. */
static ht_status zeros_for(const ht_node *n, int64_t varying, ht_tensor *out) {
  ht_shape s = {.rank = -1};
  if (!attr_shape(n, "shape", &s) || s.rank < 0)
    return ht_fail(HT_USAGE, "input '%s' has no known rank", n->name);
  for (int i = 0; i < s.rank; i++)
    if (s.dim[i] < 0) s.dim[i] = varying;
  return ht_tensor_zeros(NULL, ht_attr_type(&n->attrs, "dtype"), &s, out);
}

typedef struct trial {
  ht_arena arena;
  ht_ref *arg;
  ht_tensor *value;
  const ht_tensor **in;
  int n;
  ht_plan *plan;
} trial;

static ht_status plan_trial(trial *t, ht_net *net, ht_ref r) {
  ht_graph *g = net->b.graph;
  HT_NEW(t->arg, &t->arena, g->n_nodes + 1);
  HT_NEW(t->value, &t->arena, g->n_nodes + 1);
  HT_NEW(t->in, &t->arena, g->n_nodes + 1);
  for (int i = 0; i < g->n_nodes; i++)
    if (strcmp(g->node[i].op_name, "Placeholder") == 0)
      t->arg[t->n++] = (ht_ref){i, 0};
  ht_body body = {
      .graph = g, .arg = t->arg, .ret = &r, .n_args = t->n, .n_rets = 1};
  return ht_plan_new(&body, NULL, &t->plan);
}

/* Assignments on the way are staged and forgotten. */
static ht_status try_size(trial *t, ht_net *net, int64_t varying,
                          ht_shape *out) {
  ht_model *m = net->face.model;
  ht_graph *g = net->b.graph;
  ht_run run = ht_run_make(m->pool, &m->store, NULL);
  ht_status st = HT_SUCCESS;
  ht_tensor y = {0};
  run.training = true;
  for (int i = 0; i < t->n && st.code == HT_OK; i++) {
    st = zeros_for(&g->node[t->arg[i].node], varying, &t->value[i]);
    t->in[i] = &t->value[i];
  }
  if (st.code == HT_OK) st = ht_plan_run(t->plan, &run, t->n, t->in, 1, &y);
  if (st.code == HT_OK) *out = y.shape;
  ht_tensor_drop(&y);
  for (int i = 0; i < t->n; i++) ht_tensor_drop(&t->value[i]);
  ht_store_rollback(&m->store);
  return st;
}

/* What differs between two sizes varies. */
static void merge(const ht_shape *a, ht_shape *b) {
  if (a->rank != b->rank) b->rank = -1;
  for (int i = 0; i < b->rank; i++)
    if (a->dim[i] != b->dim[i]) b->dim[i] = -1;
}

static void find_shape(ht_net *net, ht_ref r, ht_shape *out) {
  trial t = {0};
  ht_shape first = {.rank = -1};
  ht_status st = plan_trial(&t, net, r);
  if (st.code == HT_OK) st = try_size(&t, net, 2, &first);
  if (st.code == HT_OK) st = try_size(&t, net, 3, out);
  if (st.code == HT_OK)
    merge(&first, out);
  else
    out->rank = -1;
  ht_plan_free(t.plan);
  ht_arena_free(&t.arena);
}

ht_status ht_net_shape(ht_net *net, ht_symbol s, int *rank, int64_t dim[8]) {
  ht_ref r;
  ht_shape shape = {.rank = -1};
  *rank = -1;
  HT_TRY(ht_net_ref(net, s, &r));
  if (!declared(net->b.graph, r, &shape)) find_shape(net, r, &shape);
  *rank = shape.rank;
  for (int i = 0; i < shape.rank; i++) dim[i] = shape.dim[i];
  return HT_SUCCESS;
}
