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

static const ht_attr *called_by(const ht_node *n) {
  bool calls = strcmp(n->op_name, "PartitionedCall") == 0 ||
               strcmp(n->op_name, "StatefulPartitionedCall") == 0;
  return calls ? ht_attr_find(&n->attrs, "f") : NULL;
}

/* The function that a node calls; NULL: it calls none. */
static ht_status callee_of(const ht_graph *g, const ht_node *n,
                           ht_graph **out) {
  const ht_attr *f = called_by(n);
  *out = NULL;
  if (n->application) return HT_SUCCESS;
  const char *name = f ? f->value->func.name : n->op_name;
  if (!f && ht_op_find(name)) return HT_SUCCESS;
  return ht_library_find(g->library, name, out);
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

static const char *new_name(search *s, const char *name) {
  for (int k = 0; k < INT32_MAX; k++) {
    ht_graph *found = NULL;
    char *made = ht_arena_printf(&s->model->arena, "%s_inner_%d", name, k);
    if (!made ||
        ht_library_find(&s->model->library, made, &found).code != HT_OK)
      return NULL;
    if (!found) return made;
  }
  return NULL;
}

/* One more value of the list: `attr` is a copy already. */
static ht_status append_type(ht_arena *arena, ht_attr *attr, ht_dtype type) {
  ht_attr_value *value;
  HT_NEW(value, arena, attr->n + 1);
  if (attr->n) memcpy(value, attr->value, (size_t)attr->n * sizeof *value);
  value[attr->n++].type = type;
  attr->value = value;
  return HT_SUCCESS;
}

/* The node calls f, whose last return is new. */
static ht_status call_instead(ht_arena *arena, ht_node *n, const ht_graph *f,
                              ht_dtype type) {
  bool direct = !called_by(n);
  ht_attrs attrs = {.n = 0};
  HT_NEW(attrs.attr, arena, n->attrs.n + 1);
  for (int i = 0; i < n->attrs.n; i++) {
    ht_attr a = n->attrs.attr[i];
    if (strcmp(a.name, "_output_shapes") == 0) continue; /* one too few */
    if (!direct && strcmp(a.name, "Tout") == 0)
      HT_TRY(append_type(arena, &a, type));
    if (!direct && strcmp(a.name, "f") == 0) {
      const ht_attrs *with = a.value->func.attrs;
      HT_NEW(a.value, arena, 1);
      a.value->func = (ht_attr_func){f->name, with};
    }
    attrs.attr[attrs.n++] = a;
  }
  *n = (ht_node){.name = n->name,
                 .op_name = direct ? f->name : n->op_name,
                 .attrs = attrs,
                 .input = n->input,
                 .n_input = n->n_input};
  return HT_SUCCESS;
}

/* A copy whose last return is the tensor `ref` ("node:1"). */
static ht_status with_return(search *s, ht_graph *g, const char *ref) {
  const char **ret, **name;
  int n = g->n_rets;
  HT_NEW(ret, g->arena, n + 1);
  HT_NEW(name, g->arena, n + 1);
  for (int i = 0; i < n; i++) ret[i] = g->ret[i], name[i] = g->ret_name[i];
  ret[n] = ref;
  name[n] = ht_arena_printf(g->arena, "inner_%d", n);
  g->ret = ret;
  g->ret_name = name;
  g->n_rets = n + 1;
  g->name = new_name(s, g->name);
  if (!g->name || !name[n]) return ht_fail(HT_NO_MEMORY, "no memory");
  return ht_map_put(&s->model->library.by_name, g->name, g);
}

static ht_status copy(const ht_graph *g, ht_graph **out) {
  HT_TRY(ht_graph_copy(g, out));
  (*out)->raised = (*out)->functional = NULL;
  return HT_SUCCESS;
}

static ht_status expose(search *s, ht_graph *g, ht_graph **out, ht_ref *ref,
                        ht_dtype *type);

/* The function g with the tensor as its last return. */
static ht_status expose_return(search *s, ht_graph *g, ht_graph **out,
                               ht_dtype *type) {
  ht_ref ref;
  HT_TRY(expose(s, g, out, &ref, type));
  const char *text =
      ht_arena_printf(g->arena, "%s:%d", (*out)->node[ref.node].name, ref.out);
  if (!text) return ht_fail(HT_NO_MEMORY, "no memory");
  return with_return(s, *out, text);
}

/* A copy of g, and which of its values is the tensor. */
static ht_status expose(search *s, ht_graph *g, ht_graph **out, ht_ref *ref,
                        ht_dtype *type) {
  ht_graph *callee, *made;
  HT_TRY(copy(g, out));
  if (has_node(g, s->name)) {
    HT_TRY(ht_graph_ref(*out, s->name, ref));
    *type = ht_graph_dtype(*out, *ref);
    return HT_SUCCESS;
  }
  s->where = NULL;
  HT_TRY(find_way(s, g, &ref->node));
  HT_TRY(callee_of(g, &g->node[ref->node], &callee));
  HT_TRY(expose_return(s, callee, &made, type));
  ref->out = made->n_rets - 1;
  return call_instead(g->arena, &(*out)->node[ref->node], made, *type);
}

/* ---- callables */

static ht_status add_output(search *s, ht_callable *c, ht_dtype type) {
  ht_port *output;
  ht_shape any = {.rank = -1};
  HT_NEW(output, &s->model->arena, c->n_outputs + 1);
  if (c->n_outputs)
    memcpy(output, c->output, (size_t)c->n_outputs * sizeof *output);
  output[c->n_outputs++] = (ht_port){.name = s->name,
                                     .dtype = type,
                                     .shape = any,
                                     .index = c->body.n_rets - 1};
  c->output = output;
  return HT_SUCCESS;
}

/* Of the main graph: a return more. */
static ht_status return_tensor(search *s, ht_callable *c, ht_dtype *type) {
  ht_body *body = &c->body;
  ht_ref *ret;
  HT_NEW(ret, &s->model->arena, body->n_rets + 1);
  if (body->n_rets) memcpy(ret, body->ret, (size_t)body->n_rets * sizeof *ret);
  HT_TRY(expose(s, body->graph, &body->graph, &ret[body->n_rets], type));
  body->ret = ret;
  body->n_rets++;
  return HT_SUCCESS;
}

static ht_status return_of_function(search *s, ht_callable *c, ht_dtype *type) {
  ht_graph *made;
  HT_TRY(expose_return(s, c->body.graph, &made, type));
  c->function = made->name;
  return ht_body_of_function(made, &c->body);
}

static bool is_output(const ht_callable *c, const char *name) {
  const ht_port *port;
  return ht_callable_output(c, name, &port).code == HT_OK;
}

ht_status ht_callable_expose(ht_model *model, const char *name,
                             const ht_callable **callable) {
  ht_callable *c;
  ht_graph *g = (*callable)->body.graph;
  ht_dtype type = HT_INVALID;
  int way = -1;
  if (is_output(*callable, name) || !g) return HT_SUCCESS;
  search s = {.model = model, .name = ht_arena_string(&model->arena, name)};
  if (!s.name) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", name);
  HT_TRY(find_way(&s, g, &way));
  if (way < 0) return HT_SUCCESS;
  HT_NEW(c, &model->arena, 1);
  *c = **callable;
  ht_status st =
      g->name ? return_of_function(&s, c, &type) : return_tensor(&s, c, &type);
  HT_TRY(ht_within(st, "tensor '%s'", name));
  *callable = c;
  return add_output(&s, c, type);
}
