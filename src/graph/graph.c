/* graph.c - nodes and how they refer to each other, see graph.h. */
#include "graph/graph.h"

#include <string.h>

#include "base/text.h"
#include "ops/interface.h"

enum { MAX_NAME = 4096 };

ht_status ht_graph_new(ht_arena *arena, ht_library *library, const char *name,
                       ht_graph **out) {
  ht_graph *g;
  HT_NEW(g, arena, 1);
  g->arena = arena;
  g->library = library;
  g->name = name;
  g->by_name.arena = arena;
  *out = g;
  return HT_SUCCESS;
}

ht_status ht_graph_add(ht_graph *g, const ht_node *node, int *index) {
  if (ht_map_get(&g->by_name, node->name))
    return ht_fail(HT_CORRUPT, "two nodes are named '%s'", node->name);
  HT_GROW(g->node, g->n_nodes, g->capacity, g->arena);
  int i = g->n_nodes;
  g->node[i] = *node;
  HT_TRY(ht_map_put(&g->by_name, node->name, (void *)(intptr_t)(i + 1)));
  g->n_nodes++;
  if (index) *index = i;
  return HT_SUCCESS;
}

int ht_graph_find(const ht_graph *g, const char *name) {
  return (int)(intptr_t)ht_map_get(&g->by_name, name) - 1;
}

ht_status ht_library_find(ht_library *library, const char *name,
                          ht_graph **out) {
  *out = library ? ht_map_get(&library->by_name, name) : NULL;
  if (*out || !library || !library->import) return HT_SUCCESS;
  HT_TRY(library->import(library->arg, library, name, out));
  if (!*out) return HT_SUCCESS;
  return ht_map_put(&library->by_name, (*out)->name, *out);
}

/* ---- binding */

/* What a node is and how many outputs it has: needs no other node. */
static ht_status bind_op(ht_graph *g, ht_node *node) {
  if (node->op || node->callee || node->n_out) return HT_SUCCESS;
  if (node->application) {
    node->n_out = node->application->body->n_rets;
    return HT_SUCCESS;
  }
  if (strcmp(node->op_name, "_Arg") == 0 && g->name) {
    node->n_out = 1;
    return HT_SUCCESS;
  }
  const ht_op *op = ht_op_find(node->op_name);
  if (!op) {
    HT_TRY(ht_library_find(g->library, node->op_name, &node->callee));
    if (node->callee) node->n_out = node->callee->n_rets;
    return HT_SUCCESS;
  }
  HT_TRY(ht_attrs_complete(op, &node->attrs, g->arena, &node->attrs));
  HT_TRY(ht_op_outputs(op, &node->attrs, 0, NULL, &node->n_out));
  node->op = op;
  return HT_SUCCESS;
}

/* The outputs that an output argument of a node stands for. */
static ht_status output_range(ht_graph *g, ht_node *node, const char *argument,
                              int *first, int *count) {
  if (node->op &&
      ht_op_output_named(node->op, &node->attrs, argument, first, count))
    return HT_SUCCESS;
  *count = 1;
  for (int i = 0; node->callee && i < node->callee->n_rets; i++)
    if (strcmp(node->callee->ret_name[i], argument) == 0) {
      *first = i;
      return HT_SUCCESS;
    }
  if (!node->callee && !node->op) { /* unknown: said when it is reached */
    *first = 0;
    return HT_SUCCESS;
  }
  return ht_fail(HT_CORRUPT, "node '%s' of '%s' has no output '%s'", node->name,
                 g->name, argument);
}

/* "node", "node:k", "node:argument", "node:argument:k": from *ref on, *count
 * outputs (a list without an index stands for all of it). */
static ht_status parse_ref(ht_graph *g, const char *text, ht_ref *ref,
                           int *count) {
  char name[MAX_NAME];
  size_t n = strcspn(text, ":");
  if (n >= sizeof name)
    return ht_fail(HT_CORRUPT, "a node name of %zu bytes", n);
  memcpy(name, text, n);
  name[n] = 0;
  ref->node = ht_graph_find(g, name);
  if (ref->node < 0) return ht_fail(HT_CORRUPT, "there is no node '%s'", name);
  ref->out = 0;
  *count = 1;
  if (!text[n]) return HT_SUCCESS;
  const char *rest = text + n + 1, *colon = strchr(rest, ':');
  int64_t index;
  if (ht_parse_int(rest, &index)) {
    ref->out = index < 0 || index > INT32_MAX ? INT32_MAX : (int)index;
    return HT_SUCCESS;
  }
  size_t length = colon ? (size_t)(colon - rest) : strlen(rest);
  if (length >= sizeof name || (colon && !ht_parse_int(colon + 1, &index)))
    return ht_fail(HT_CORRUPT, "'%s' names no output", text);
  memcpy(name, rest, length);
  name[length] = 0;
  ht_node *node = &g->node[ref->node];
  HT_TRY(bind_op(g, node));
  HT_TRY(output_range(g, node, name, &ref->out, count));
  if (!colon) return HT_SUCCESS;
  bool known = node->op || node->callee;
  if (index < 0 || (known && index >= *count))
    return ht_fail(HT_CORRUPT, "'%s' names no output", text);
  ref->out += (int)index;
  *count = 1;
  return HT_SUCCESS;
}

static ht_status check_ref(ht_graph *g, const char *text, ht_ref ref) {
  ht_node *node = &g->node[ref.node];
  HT_TRY(bind_op(g, node));
  bool known = node->op || node->callee || node->n_out;
  if (known && (ref.out < 0 || ref.out >= node->n_out))
    return ht_fail(HT_CORRUPT, "node '%s' has %d outputs, '%s' asks for more",
                   node->name, node->n_out, text);
  return HT_SUCCESS;
}

ht_status ht_graph_ref(ht_graph *g, const char *text, ht_ref *out) {
  int count;
  HT_TRY(parse_ref(g, text, out, &count));
  return check_ref(g, text, *out);
}

static ht_status bind_data(ht_graph *g, ht_node *node, const char *text,
                           int *capacity) {
  ht_ref ref;
  int count;
  HT_TRY(parse_ref(g, text, &ref, &count));
  for (int k = 0; k < count; k++, ref.out++) {
    HT_TRY(check_ref(g, text, ref));
    HT_GROW(node->in, node->n_in, *capacity, g->arena);
    node->in[node->n_in++] = ref;
  }
  return HT_SUCCESS;
}

static ht_status bind_control(ht_graph *g, ht_node *node, const char *name,
                              int *capacity) {
  int from = ht_graph_find(g, name);
  if (from < 0) return ht_fail(HT_CORRUPT, "there is no node '%s'", name);
  HT_GROW(node->control, node->n_control, *capacity, g->arena);
  node->control[node->n_control++] = from;
  return HT_SUCCESS;
}

ht_status ht_graph_bind(ht_graph *g, int i) {
  ht_node *node = &g->node[i];
  int data = 0, control = 0;
  if (node->bound) return HT_SUCCESS;
  node->n_in = node->n_control = 0; /* an earlier try may have failed */
  HT_TRY(ht_within(bind_op(g, node), "node '%s'", node->name));
  for (int k = 0; k < node->n_input; k++) {
    const char *text = node->input[k];
    ht_status st = *text == '^' ? bind_control(g, node, text + 1, &control)
                                : bind_data(g, node, text, &data);
    HT_TRY(ht_within(st, "input %d of node '%s'", k, node->name));
  }
  node->bound = true;
  return HT_SUCCESS;
}

ht_dtype ht_graph_dtype(ht_graph *g, ht_ref ref) {
  ht_node *node = &g->node[ref.node];
  if (bind_op(g, node).code != HT_OK) return HT_INVALID;
  if (!node->op && g->name && ref.node < g->n_args)
    return g->arg[ref.node].dtype;
  const ht_body *body = node->application ? node->application->body : NULL;
  if (body && ref.out < body->n_rets)
    return ht_graph_dtype(body->graph, body->ret[ref.out]);
  if (!node->op) return HT_INVALID;
  enum { MANY = 4096 };
  ht_dtype type[MANY];
  int n = 0;
  ht_status st = ht_op_outputs(node->op, &node->attrs, MANY, type, &n);
  return st.code == HT_OK && ref.out < n && ref.out < MANY ? type[ref.out]
                                                           : HT_INVALID;
}

static ht_status control_returns(ht_graph *f, ht_body *out) {
  HT_NEW(out->target, f->arena, f->n_control_rets + 1);
  for (int i = 0; i < f->n_control_rets; i++) {
    int node = ht_graph_find(f, f->control_ret[i]);
    if (node < 0)
      return ht_fail(HT_CORRUPT,
                     "function '%s' returns control of '%s', "
                     "which it lacks",
                     f->name, f->control_ret[i]);
    out->target[out->n_targets++] = node;
  }
  return HT_SUCCESS;
}

ht_status ht_body_of_function(ht_graph *f, ht_body *out) {
  *out = (ht_body){.graph = f, .n_args = f->n_args, .n_rets = f->n_rets};
  HT_NEW(out->arg, f->arena, f->n_args + 1);
  HT_NEW(out->ret, f->arena, f->n_rets + 1);
  for (int i = 0; i < f->n_args; i++) out->arg[i] = (ht_ref){i, 0};
  for (int i = 0; i < f->n_rets; i++)
    HT_TRY(ht_within(ht_graph_ref(f, f->ret[i], &out->ret[i]),
                     "return %d of function '%s'", i, f->name));
  return control_returns(f, out);
}

ht_status ht_graph_copy(const ht_graph *g, ht_graph **out) {
  HT_TRY(ht_graph_new(g->arena, g->library, g->name, out));
  ht_map by_name = (*out)->by_name;
  **out = *g;
  (*out)->by_name = by_name;
  (*out)->node = NULL;
  (*out)->n_nodes = (*out)->capacity = 0;
  for (int i = 0; i < g->n_nodes; i++)
    HT_TRY(ht_graph_add(*out, &g->node[i], NULL));
  return HT_SUCCESS;
}
