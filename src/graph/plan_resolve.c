/*
 * plan_resolve.c - what a tensor of an instance stands for: a value, or a
 * node that has to become a step first. Calls are followed in, arguments out.
 */
#include <string.h>

#include "graph/plan_maker.h"
#include "graph/raise.h"

enum { MAX_HOPS = 1 << 16 }; /* calls and arguments between two steps */

/* ---- values and instances */

ht_status ht_maker_values(ht_plan *p, int n, int step, int *first) {
  if (!p->n_values) { /* value 0 is none */
    HT_GROW(p->value, p->n_values, p->value_capacity, &p->arena);
    p->value[p->n_values++] = (ht_value){.step = -1};
  }
  *first = p->n_values;
  for (int i = 0; i < n; i++) {
    HT_GROW(p->value, p->n_values, p->value_capacity, &p->arena);
    p->value[p->n_values++] = (ht_value){.step = step};
  }
  return HT_SUCCESS;
}

ht_status ht_maker_constant(ht_plan *p, const ht_tensor *t, int *value) {
  ht_tensor *copy;
  HT_TRY(ht_maker_values(p, 1, -1, value));
  HT_NEW(copy, &p->arena, 1);
  *copy = ht_tensor_share(t);
  p->value[*value].constant = copy;
  return HT_SUCCESS;
}

ht_status ht_instance_new(ht_maker *b, const ht_body *body,
                          const ht_tensor *capture, ht_instance *parent,
                          int call, ht_instance **out) {
  ht_arena *arena = &b->plan->arena;
  ht_graph *graph;
  ht_instance *in;
  HT_TRY(ht_graph_raise(body->graph, &graph));
  size_t n = (size_t)graph->n_nodes + 1, n_args = (size_t)body->n_args;
  HT_NEW(in, arena, 1);
  *in = (ht_instance){.graph = graph,
                      .body = body,
                      .capture = capture,
                      .parent = parent,
                      .call = call,
                      .depth = parent ? parent->depth + 1 : b->depth};
  if (in->depth > HT_MAX_DEPTH)
    return ht_fail(HT_UNSUPPORTED, "functions call each other %d deep",
                   in->depth);
  HT_NEW(in->cut, arena, n);
  HT_NEW(in->value, arena, n);
  HT_NEW(in->state, arena, n);
  HT_NEW(in->child, arena, n);
  HT_NEW(in->explicit_input, arena, n_args + 1);
  HT_NEW(in->argument_value, arena, n_args + 1);
  int inputs = 0;
  for (int i = body->n_args - 1; i >= 0; i--)
    in->cut[body->arg[i].node] = i + 1;
  for (int i = 0; i < body->n_args; i++)
    in->explicit_input[i] = capture && capture[i].dtype ? -1 : inputs++;
  HT_GROW(b->all, b->n_all, b->all_capacity, arena);
  b->all[b->n_all++] = in;
  *out = in;
  return HT_SUCCESS;
}

/* The instance that a call or application node stands for. */
static ht_status child_of(ht_maker *b, ht_instance *at, int node,
                          ht_instance **out) {
  ht_node *n = &at->graph->node[node];
  if ((*out = at->child[node])) return HT_SUCCESS;
  const ht_body *body = n->application ? n->application->body : NULL;
  ht_graph *callee = n->callee;
  const ht_attr *f = n->op ? ht_attr_find(&n->attrs, "f") : NULL;
  if (f)
    HT_TRY(ht_library_find(at->graph->library, f->value->func.name, &callee));
  if (!body && !callee)
    return ht_fail(HT_CORRUPT, "there is no function '%s'",
                   f ? f->value->func.name : n->op_name);
  if (!body) {
    ht_body *made;
    HT_NEW(made, &b->plan->arena, 1);
    HT_TRY(ht_body_of_function(callee, made));
    body = made;
  }
  HT_TRY(ht_instance_new(
      b, body, n->application ? n->application->capture : NULL, at, node, out));
  (*out)->call_attrs = n->op ? f->value->func.attrs : &n->attrs;
  if (!n->application && n->n_in != body->n_args)
    return ht_fail(HT_CORRUPT, "node '%s' gives %d arguments, '%s' takes %d",
                   n->name, n->n_in, body->graph->name, body->n_args);
  at->child[node] = *out;
  return HT_SUCCESS;
}

static bool is_call(const ht_node *n) {
  if (n->callee || n->application) return true;
  return n->op && (strcmp(n->op_name, "PartitionedCall") == 0 ||
                   strcmp(n->op_name, "StatefulPartitionedCall") == 0);
}

/* ---- resolving: a value, or the node that has to become a step first */

static ht_status argument_of(ht_instance *at, ht_ref ref, int *k) {
  *k = -1;
  for (int i = at->cut[ref.node] - 1; i >= 0 && i < at->body->n_args; i++) {
    ht_ref a = at->body->arg[i];
    if (a.node == ref.node && a.out == ref.out) {
      *k = i;
      break;
    }
  }
  return HT_SUCCESS;
}

static ht_status captured_value(ht_maker *b, ht_instance *at, int k,
                                int *value) {
  if (!at->argument_value[k])
    HT_TRY(ht_maker_constant(b->plan, &at->capture[k], &at->argument_value[k]));
  *value = at->argument_value[k];
  return HT_SUCCESS;
}

/* Before anything inside a call: what the call waits for. */
ht_status ht_instance_enter(ht_maker *b, ht_instance *child, ht_need *out) {
  if (child->entered) return HT_SUCCESS;
  ht_node *call = &child->parent->graph->node[child->call];
  if (child->entering)
    return ht_fail(HT_UNSUPPORTED, "the graph has a cycle through node '%s'",
                   call->name);
  child->entering = true;
  for (int i = 0; i < call->n_control && !out->at; i++)
    HT_TRY(ht_resolve_control(b, child->parent, call->control[i], out));
  child->entering = false;
  if (!out->at) child->entered = true;
  return HT_SUCCESS;
}

/* A control edge from `node`: all of its effects. */
ht_status ht_resolve_control(ht_maker *b, ht_instance *at, int node,
                             ht_need *out) {
  ht_node *n = &at->graph->node[node];
  if (at->cut[node] || at->state[node] == HT_NODE_DONE) return HT_SUCCESS;
  HT_TRY(ht_graph_bind(at->graph, node));
  if (!is_call(n)) {
    *out = (ht_need){at, node};
    return HT_SUCCESS;
  }
  ht_instance *child;
  HT_TRY(child_of(b, at, node, &child));
  if (child->targets_done) return HT_SUCCESS;
  HT_TRY(ht_instance_enter(b, child, out));
  for (int i = 0; i < child->body->n_targets && !out->at; i++)
    HT_TRY(ht_resolve_control(b, child, child->body->target[i], out));
  if (!out->at) child->targets_done = true;
  return HT_SUCCESS;
}

/* The value of a tensor, following calls in and arguments out. */
ht_status ht_resolve(ht_maker *b, ht_instance *at, ht_ref ref, int *value,
                     ht_need *out) {
  for (int hops = 0;; hops++) {
    int k = -1;
    if (hops > MAX_HOPS)
      return ht_fail(HT_UNSUPPORTED, "the graph has a cycle through node '%s'",
                     at->graph->node[ref.node].name);
    if (at->cut[ref.node]) HT_TRY(argument_of(at, ref, &k));
    if (k >= 0 && at->capture && at->capture[k].dtype)
      return captured_value(b, at, k, value);
    if (k >= 0 && !at->parent) {
      *value = at->argument_value[k];
      return HT_SUCCESS;
    }
    if (k >= 0) {
      ht_node *call = &at->parent->graph->node[at->call];
      if (at->explicit_input[k] >= call->n_in)
        return ht_fail(HT_CORRUPT,
                       "node '%s' has %d inputs, argument %d is "
                       "missing",
                       call->name, call->n_in, k);
      ref = call->in[at->explicit_input[k]];
      at = at->parent;
      continue;
    }
    HT_TRY(ht_graph_bind(at->graph, ref.node));
    if (!is_call(&at->graph->node[ref.node])) break;
    ht_instance *child;
    HT_TRY(child_of(b, at, ref.node, &child));
    HT_TRY(ht_instance_enter(b, child, out));
    if (out->at) return HT_SUCCESS;
    if (ref.out >= child->body->n_rets)
      return ht_fail(HT_CORRUPT, "function '%s' has no output %d",
                     child->graph->name, ref.out);
    ref = child->body->ret[ref.out];
    at = child;
  }
  bool known = at->graph->node[ref.node].op;
  if (at->state[ref.node] == HT_NODE_DONE)
    *value = at->value[ref.node] + (known ? ref.out : 0);
  else
    *out = (ht_need){at, ref.node};
  return HT_SUCCESS;
}
