/* build_loop.c - see build_loop.h. */
#include "graph/build_loop.h"

#include <string.h>

ht_status ht_build_function(const ht_builder *outer, const char *name, int n,
                            const ht_dtype *type, ht_builder *inner) {
  ht_graph *g = outer->graph, *f;
  *inner = (ht_builder){.store = outer->store};
  HT_TRY(ht_graph_new(g->arena, g->library, name, &f));
  HT_NEW(f->arg, g->arena, n + 1);
  for (int i = 0; i < n; i++) {
    ht_node node = {.op_name = "_Arg"};
    node.name = ht_arena_printf(g->arena, "arg_%d", i);
    if (!node.name) return ht_fail(HT_NO_MEMORY, "no memory for a function");
    f->arg[f->n_args++] = (ht_arg){node.name, type[i], {.rank = -1}};
    HT_TRY(ht_graph_add(f, &node, NULL));
    HT_TRY(ht_graph_bind(f, i));
  }
  inner->graph = f;
  return HT_SUCCESS;
}

ht_status ht_build_returns(ht_builder *b, int n, const ht_ref *ret) {
  ht_graph *f = b->graph;
  HT_TRY(ht_builder_status(b));
  HT_NEW(f->ret, f->arena, n + 1);
  HT_NEW(f->ret_name, f->arena, n + 1);
  for (int i = 0; i < n; i++) {
    const char *name = f->node[ret[i].node].name;
    f->ret[i] = ret[i].out
                    ? ht_arena_printf(f->arena, "%s:%d", name, ret[i].out)
                    : name;
    f->ret_name[i] = ht_arena_printf(f->arena, "ret_%d", i);
    if (!f->ret[i] || !f->ret_name[i])
      return ht_fail(HT_NO_MEMORY, "no memory for a function");
  }
  f->n_rets = n;
  return ht_map_put(&f->library->by_name, f->name, f);
}

static ht_status function_attr(ht_arena *arena, const char *name,
                               const ht_builder *f, ht_attr *out) {
  *out = (ht_attr){.name = name, .kind = HT_ATTR_FUNC, .n = 1};
  HT_NEW(out->value, arena, 1);
  out->value->func.name = f->graph->name;
  return HT_SUCCESS;
}

static ht_status loop_attrs(ht_arena *arena, const ht_builder *condition,
                            const ht_builder *body, ht_attrs *out) {
  int n = body->graph->n_args;
  HT_NEW(out->attr, arena, 3);
  out->n = 3;
  out->attr[0] =
      (ht_attr){.name = "T", .kind = HT_ATTR_TYPE, .list = true, .n = n};
  HT_NEW(out->attr[0].value, arena, n + 1);
  for (int k = 0; k < n; k++)
    out->attr[0].value[k].type = body->graph->arg[k].dtype;
  HT_TRY(function_attr(arena, "cond", condition, &out->attr[1]));
  return function_attr(arena, "body", body, &out->attr[2]);
}

ht_ref ht_build_while(ht_builder *b, const char *name,
                      const ht_builder *condition, const ht_builder *body,
                      int n, const ht_ref *in) {
  ht_node node = {.op_name = "StatelessWhile"};
  if (b->failed) return (ht_ref){-1, 0};
  ht_status st = loop_attrs(b->graph->arena, condition, body, &node.attrs);
  return ht_build_node(b, st, &node, name, n, in);
}
