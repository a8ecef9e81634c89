/* inner.c - see inner.h. */
#include "hub/inner.h"

#include <string.h>

#include "base/text.h"

enum { DEEPEST = 64 };

/* A node is named by its own name, or by the end of its path: the names of the
 * calls on the way to it and its own. */
typedef struct search {
  ht_model *model;
  const char *name;            /* of the tensor, as it was asked for */
  size_t n;                    /* of it: the node's part */
  bool own;                    /* own names alone */
  const bool *used;            /* nodes of the outermost graph; NULL: all */
  int way[DEEPEST], depth;     /* calls on the way to where we look */
  int found[DEEPEST], n_found; /* and to the tensor, whose node is the last */
  const char *path, *other;    /* of the tensor, and of another one */
} search;

/* ---- looking */

/* The function that a node calls; NULL: it calls none. */
static ht_status callee_of(const ht_graph *g, const ht_node *n,
                           ht_graph **out) {
  bool calls = strcmp(n->op_name, "PartitionedCall") == 0 ||
               strcmp(n->op_name, "StatefulPartitionedCall") == 0;
  const ht_attr *f = calls ? ht_attr_find(&n->attrs, "f") : NULL;
  *out = NULL;
  return f ? ht_library_find(g->library, f->value->func.name, out) : HT_SUCCESS;
}

/* Whether the n characters at `end` are all of a path or its last parts. */
static bool ends_in(const char *path, const char *end, size_t n) {
  size_t all = strlen(path);
  if (all < n || memcmp(path + all - n, end, n) != 0) return false;
  return all == n || path[all - n - 1] == '/';
}

static bool is_meant(const search *s, const char *prefix, const char *node) {
  size_t own = strlen(node);
  if (s->own) return own == s->n && memcmp(node, s->name, own) == 0;
  if (own >= s->n) return ends_in(node, s->name, s->n);
  size_t before = s->n - own; /* with its slash */
  return memcmp(s->name + before, node, own) == 0 &&
         s->name[before - 1] == '/' && ends_in(prefix, s->name, before - 1);
}

static ht_status join(const search *s, const char *prefix, const char *node,
                      size_t n, const char **out) {
  *out = ht_arena_printf(&s->model->arena, "%s%s%.*s", prefix,
                         *prefix && n ? "/" : "", (int)n, node);
  return *out ? HT_SUCCESS
              : ht_fail(HT_NO_MEMORY, "no memory for '%s'", s->name);
}

/* What a call adds to the paths of what it calls: "a/b" of
 * "a/b/StatefulPartitionedCall_1". */
static ht_status prefix_within(const search *s, const char *prefix,
                               const char *node, const char **out) {
  const char *slash = strrchr(node, '/'), *last = slash ? slash + 1 : node;
  size_t n = strlen(node);
  if (strncmp(last, "PartitionedCall", 15) == 0 ||
      strncmp(last, "StatefulPartitionedCall", 23) == 0)
    n = slash ? (size_t)(slash - node) : 0;
  return join(s, prefix, node, n, out);
}

static ht_status take(search *s, const char *prefix, const char *node) {
  const char *path;
  HT_TRY(join(s, prefix, node, strlen(node), &path));
  if (s->path) {
    s->other = path;
    return HT_SUCCESS;
  }
  s->path = path;
  s->n_found = s->depth + 1;
  memcpy(s->found, s->way, (size_t)s->n_found * sizeof *s->found);
  return HT_SUCCESS;
}

static ht_status look_in(search *s, const ht_graph *g, const char *prefix) {
  for (int i = g->name ? g->n_args : 0; i < g->n_nodes; i++) {
    const char *node = g->node[i].name, *within;
    ht_graph *callee;
    if (!s->depth && s->used && !s->used[i]) continue;
    s->way[s->depth] = i;
    if (is_meant(s, prefix, node)) HT_TRY(take(s, prefix, node));
    HT_TRY(callee_of(g, &g->node[i], &callee));
    if (!callee || s->depth + 1 == DEEPEST) continue;
    HT_TRY(prefix_within(s, prefix, node, &within));
    s->depth++;
    HT_TRY(look_in(s, callee, within));
    s->depth--;
  }
  return HT_SUCCESS;
}

/* The nodes that a body's results come from: other callables stand in the same
 * graph. */
static ht_status mark_used(const ht_body *body, bool *used, int *stack) {
  ht_graph *g = body->graph;
  int n = 0;
  for (int i = 0; i < body->n_rets; i++) {
    int first = body->ret[i].node;
    if (first >= 0 && !used[first]) used[stack[n++] = first] = true;
    while (n) {
      int at = stack[--n];
      HT_TRY(ht_graph_bind(g, at));
      for (int k = 0; k < g->node[at].n_in; k++) {
        int from = g->node[at].in[k].node;
        if (from >= 0 && !used[from]) used[stack[n++] = from] = true;
      }
    }
  }
  return HT_SUCCESS;
}

/* A node of that name, else one whose path ends so; of those that the results
 * come from, else of all. */
static ht_status look(search *s, const ht_body *body) {
  bool *used;
  int *stack;
  HT_NEW(used, &s->model->arena, body->graph->n_nodes + 1);
  HT_NEW(stack, &s->model->arena, body->graph->n_nodes + 1);
  HT_TRY(mark_used(body, used, stack));
  for (int turn = 0; turn < 4 && !s->path; turn++) {
    s->used = turn < 2 ? used : NULL;
    s->own = turn % 2 == 0;
    HT_TRY(look_in(s, body->graph, ""));
  }
  if (!s->other) return HT_SUCCESS;
  if (strcmp(s->path, s->other) == 0)
    return ht_fail(HT_USAGE, "several functions have a tensor '%s'", s->path);
  return ht_fail(HT_USAGE, "tensor '%s' may be '%s' or '%s'", s->name, s->path,
                 s->other);
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

/* Puts a copy of its graph into the body, with the tensor as last return. k:
 * calls that led here. */
static ht_status expose(const search *s, ht_body *body, int k) {
  ht_graph *callee, *g = body->graph;
  ht_body *inner;
  const ht_node *node = &g->node[s->found[k]];
  HT_TRY(copy(g, &body->graph));
  if (k + 1 == s->n_found) {
    ht_ref ref;
    const char *tensor =
        ht_arena_printf(g->arena, "%s%s", node->name, s->name + s->n);
    if (!tensor) return ht_fail(HT_NO_MEMORY, "no memory for a name");
    HT_TRY(ht_graph_ref(body->graph, tensor, &ref));
    return return_also(g->arena, body, ref);
  }
  HT_TRY(callee_of(g, node, &callee));
  HT_NEW(inner, g->arena, 1);
  HT_TRY(ht_body_of_function(callee, inner));
  HT_TRY(expose(s, inner, k + 1));
  HT_TRY(apply_instead(g->arena, &body->graph->node[s->found[k]], inner));
  return return_also(g->arena, body, (ht_ref){s->found[k], inner->n_rets - 1});
}

/* ---- callables */

static ht_status add_output(const search *s, ht_callable *c) {
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
  if (is_output(*callable, name) || !g) return HT_SUCCESS;
  search s = {.model = model,
              .name = ht_arena_string(&model->arena, name),
              .n = strcspn(name, ":")};
  if (!s.name) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", name);
  HT_TRY(look(&s, &(*callable)->body));
  if (!s.path) return HT_SUCCESS;
  HT_NEW(c, &model->arena, 1);
  *c = **callable;
  HT_TRY(ht_within(expose(&s, &c->body, 0), "tensor '%s'", name));
  *callable = c;
  return add_output(&s, c);
}
