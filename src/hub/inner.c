/* inner.c - see inner.h. */
#include "hub/inner.h"

#include <string.h>

#include "base/text.h"

typedef struct search {
  ht_model *model;
  const char *name;  /* of the tensor */
  const char *where; /* the function that has it */
  int depth;
} search;

enum { DEEPEST = 64 };

/* ---- looking */

static bool has_node(const ht_graph *g, const char *tensor) {
  char node[1024];
  size_t n = strcspn(tensor, ":");
  if (n >= sizeof node) return false;
  memcpy(node, tensor, n);
  node[n] = 0;
  return ht_graph_find(g, node) >= 0;
}

/* The function that a node calls; NULL: it calls none. */
static ht_status callee_of(const ht_graph *g, const ht_node *n,
                           ht_graph **out) {
  bool calls = strcmp(n->op_name, "PartitionedCall") == 0 ||
               strcmp(n->op_name, "StatefulPartitionedCall") == 0;
  const ht_attr *f = calls ? ht_attr_find(&n->attrs, "f") : NULL;
  *out = NULL;
  return f ? ht_library_find(g->library, f->value->func.name, out) : HT_SUCCESS;
}

/* The node of g that has the tensor, or calls what has it; -1: none. */
static ht_status find_way(search *s, ht_graph *g, int *out) {
  *out = has_node(g, s->name) ? 0 : -1;
  if (*out == 0) {
    if (s->where)
      return ht_fail(HT_USAGE, "tensor '%s' is in '%s' and in '%s'", s->name,
                     s->where, g->name ? g->name : "the main graph");
    s->where = g->name ? g->name : "the main graph";
    return HT_SUCCESS;
  }
  if (s->depth == DEEPEST) return HT_SUCCESS;
  for (int i = g->name ? g->n_args : 0; i < g->n_nodes; i++) {
    ht_graph *callee;
    int within = -1;
    HT_TRY(callee_of(g, &g->node[i], &callee));
    if (!callee) continue;
    s->depth++;
    HT_TRY(find_way(s, callee, &within));
    s->depth--;
    if (within >= 0) *out = i;
  }
  return HT_SUCCESS;
}

/* ---- copying */

static ht_status dtype_attr(ht_arena *arena, ht_dtype type, ht_attrs *out) {
  HT_NEW(out->attr, arena, 1);
  HT_NEW(out->attr->value, arena, 1);
  out->n = 1;
  *out->attr = (ht_attr){
      .name = "dtype", .kind = HT_ATTR_TYPE, .n = 1, .value = out->attr->value};
  out->attr->value->type = type;
  return HT_SUCCESS;
}

/* The same nodes at the same numbers, in no function of the library: what were
 * arguments are placeholders. */
static ht_status copy(const ht_graph *g, ht_graph **out) {
  HT_TRY(ht_graph_copy(g, out));
  ht_graph *made = *out;
  made->raised = made->functional = NULL;
  made->name = NULL;
  for (int i = 0; g->name && i < g->n_args; i++) {
    ht_node *n = &made->node[i];
    *n = (ht_node){.name = n->name, .op_name = "Placeholder"};
    HT_TRY(dtype_attr(g->arena, g->arg[i].dtype, &n->attrs));
  }
  return HT_SUCCESS;
}

/* The node applies a body, which has one return more. */
static ht_status apply_instead(ht_arena *arena, ht_node *n,
                               const ht_body *body) {
  ht_application *a;
  HT_NEW(a, arena, 1);
  a->body = body;
  *n = (ht_node){.name = n->name,
                 .op_name = "Apply",
                 .application = a,
                 .input = n->input,
                 .n_input = n->n_input};
  return HT_SUCCESS;
}

static ht_status return_also(ht_arena *arena, ht_body *body, ht_ref ref) {
  ht_ref *ret;
  HT_NEW(ret, arena, body->n_rets + 1);
  if (body->n_rets) memcpy(ret, body->ret, (size_t)body->n_rets * sizeof *ret);
  ret[body->n_rets++] = ref;
  body->ret = ret;
  return HT_SUCCESS;
}

/* Puts a copy of its graph into the body, with the tensor as last return. */
static ht_status expose(search *s, ht_body *body) {
  ht_graph *callee, *g = body->graph;
  ht_body *inner;
  ht_ref ref;
  HT_TRY(copy(g, &body->graph));
  if (has_node(g, s->name)) {
    HT_TRY(ht_graph_ref(body->graph, s->name, &ref));
    return return_also(g->arena, body, ref);
  }
  s->where = NULL;
  HT_TRY(find_way(s, g, &ref.node));
  HT_TRY(callee_of(g, &g->node[ref.node], &callee));
  HT_NEW(inner, g->arena, 1);
  HT_TRY(ht_body_of_function(callee, inner));
  HT_TRY(expose(s, inner));
  HT_TRY(apply_instead(g->arena, &body->graph->node[ref.node], inner));
  ref.out = inner->n_rets - 1;
  return return_also(g->arena, body, ref);
}

/* ---- callables */

static ht_status add_output(search *s, ht_callable *c) {
  ht_port *output;
  int last = c->body.n_rets - 1;
  HT_NEW(output, &s->model->arena, c->n_outputs + 1);
  if (c->n_outputs)
    memcpy(output, c->output, (size_t)c->n_outputs * sizeof *output);
  output[c->n_outputs++] =
      (ht_port){.name = s->name,
                .dtype = ht_graph_dtype(c->body.graph, c->body.ret[last]),
                .shape = {.rank = -1},
                .index = last};
  c->output = output;
  return HT_SUCCESS;
}

static bool is_output(const ht_callable *c, const char *name) {
  const ht_port *port;
  return ht_callable_output(c, name, &port).code == HT_OK;
}

ht_status ht_callable_expose(ht_model *model, const char *name,
                             const ht_callable **callable) {
  ht_callable *c;
  ht_graph *g = (*callable)->body.graph;
  int way = -1;
  if (is_output(*callable, name) || !g) return HT_SUCCESS;
  search s = {.model = model, .name = ht_arena_string(&model->arena, name)};
  if (!s.name) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", name);
  HT_TRY(find_way(&s, g, &way));
  if (way < 0) return HT_SUCCESS;
  HT_NEW(c, &model->arena, 1);
  *c = **callable;
  HT_TRY(ht_within(expose(&s, &c->body), "tensor '%s'", name));
  *callable = c;
  return add_output(&s, c);
}
