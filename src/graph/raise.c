/*
 * raise.c - see raise.h.
 *
 * The form of a loop (python/ops/control_flow_ops.py, WhileContext; the
 * executor's rules of frames): a variable is Merge(Enter, NextIteration), the
 * condition reads Merges and ends in LoopCond, Switch(Merge, LoopCond) goes to
 * Exit or into the body, which ends in NextIteration. Loops are told apart by
 * their LoopCond; names of frames are not needed.
 */
#include "graph/raise.h"

#include <stdlib.h>
#include <string.h>

#include "graph/builder.h"

enum { MAX_NESTED = 64 };

/* What a While has before the loop's own variables where TensorFlow is to
 * differentiate it (python/ops/while_v2.py, while_loop): the number of turns
 * so far and their maximum, -1: none. */
enum { TURN, MAXIMUM, OWN };

/* What a node is to the loop it steers. */
typedef struct role {
  int loop, var; /* Merges and Switches: 1 + LoopCond's node, 1 + variable */
  int next;      /* in the list of `first` */
  int first;     /* LoopCond: Switches; Switch: Exits; 0: none, else 1 + node */
  int visit;     /* the walk that saw it */
  bool raised;   /* LoopCond: done */
} role;

typedef struct raiser {
  ht_graph *g; /* the copy */
  role *role;  /* per node of the original */
  int n;       /* nodes of the original */
  int walk;
  /* Each node is in one loop, in its condition and its body: how many may
   * still be visited while looking for inner loops, and copied at all. */
  int64_t visits, copies;
} raiser;

typedef struct loop {
  int cond;
  int *enter, *merge, *next; /* per variable */
  int n_vars;
  int *fixed; /* Enters of what does not change */
  int n_fixed, fixed_capacity;
} loop;

typedef struct nodes {
  int *node;
  int n, capacity;
} nodes;

static bool is(const raiser *r, int node, const char *op) {
  const char *name = r->g->node[node].op_name;
  return strcmp(name, op) == 0 ||
         (strncmp(name, "Ref", 3) == 0 && strcmp(name + 3, op) == 0);
}

static ht_status odd(const raiser *r, int node) {
  return ht_fail(HT_UNSUPPORTED, "loop at node '%s' has another form",
                 r->g->node[node].name);
}

/* ---- finding loops */

static void link_to(raiser *r, int owner, int node) {
  r->role[node].next = r->role[owner].first;
  r->role[owner].first = node + 1;
}

/* Binds what steers loops; what cannot be bound is in no loop. */
static void find_roles(raiser *r) {
  for (int i = r->n - 1; i >= 0; i--) {
    bool to_switch = is(r, i, "Switch"), to_exit = is(r, i, "Exit");
    if (!to_switch && !to_exit) continue;
    if (ht_graph_bind(r->g, i).code != HT_OK) continue;
    const ht_node *n = &r->g->node[i];
    int from = n->n_in == (to_switch ? 2 : 1) ? n->in[n->n_in - 1].node : -1;
    if (from < 0 || !is(r, from, to_switch ? "LoopCond" : "Switch")) continue;
    link_to(r, from, i);
  }
}

/* The Merge of a variable: what comes in first and what comes next. */
static ht_status merge_inputs(raiser *r, int merge, int *enter, int *next) {
  HT_TRY(ht_graph_bind(r->g, merge));
  const ht_node *n = &r->g->node[merge];
  *enter = *next = -1;
  for (int k = 0; k < 2 && n->n_in == 2 && is(r, merge, "Merge"); k++) {
    if (is(r, n->in[k].node, "Enter")) *enter = n->in[k].node;
    if (is(r, n->in[k].node, "NextIteration")) *next = n->in[k].node;
  }
  if (*enter < 0 || *next < 0) return odd(r, merge);
  HT_TRY(ht_graph_bind(r->g, *enter));
  HT_TRY(ht_graph_bind(r->g, *next));
  if (r->g->node[*enter].n_in != 1 || r->g->node[*next].n_in != 1)
    return odd(r, merge);
  return HT_SUCCESS;
}

static ht_status find_variables(raiser *r, loop *l) {
  int n = 0;
  for (int s = r->role[l->cond].first; s; s = r->role[s - 1].next) n++;
  HT_NEW(l->enter, r->g->arena, n + 1);
  HT_NEW(l->merge, r->g->arena, n + 1);
  HT_NEW(l->next, r->g->arena, n + 1);
  for (int s = r->role[l->cond].first; s; s = r->role[s - 1].next) {
    int k = l->n_vars, merge = r->g->node[s - 1].in[0].node;
    HT_TRY(merge_inputs(r, merge, &l->enter[k], &l->next[k]));
    if (r->role[merge].loop) return odd(r, merge);
    l->merge[k] = merge;
    l->n_vars++;
    r->role[merge].loop = r->role[s - 1].loop = l->cond + 1;
    r->role[merge].var = r->role[s - 1].var = k + 1;
  }
  return n ? HT_SUCCESS : odd(r, l->cond);
}

static void forget_variables(raiser *r, const loop *l) {
  for (int s = r->role[l->cond].first; s; s = r->role[s - 1].next)
    r->role[s - 1].loop = 0;
  for (int k = 0; k < l->n_vars; k++) r->role[l->merge[k]].loop = 0;
}

/* ---- what is in a loop: the walk against the edges */

static ht_status add_node(raiser *r, nodes *list, int node) {
  if (node < r->n && r->role[node].visit == r->walk) return HT_SUCCESS;
  if (node < r->n) r->role[node].visit = r->walk;
  if (r->visits-- <= 0) return odd(r, node);
  HT_GROW(list->node, list->n, list->capacity, r->g->arena);
  list->node[list->n++] = node;
  return HT_SUCCESS;
}

static ht_status add_fixed(raiser *r, loop *l, int enter) {
  for (int i = 0; i < l->n_fixed; i++)
    if (l->fixed[i] == enter) return HT_SUCCESS;
  HT_TRY(ht_graph_bind(r->g, enter));
  if (r->g->node[enter].n_in != 1) return odd(r, enter);
  HT_GROW(l->fixed, l->n_fixed, l->fixed_capacity, r->g->arena);
  l->fixed[l->n_fixed++] = enter;
  return HT_SUCCESS;
}

/* Where the loop ends: its variables, what enters, and its own steering. */
static bool is_edge(const raiser *r, const loop *l, int node) {
  if (node >= r->n) return false;
  return r->role[node].loop == l->cond + 1 || node == l->cond ||
         is(r, node, "Enter") || is(r, node, "NextIteration");
}

static ht_status visit(raiser *r, loop *l, nodes *list, int node, bool data) {
  if (is_edge(r, l, node)) {
    if (!data || !is(r, node, "Enter")) return HT_SUCCESS;
    return add_fixed(r, l, node);
  }
  if (is(r, node, "Exit")) return odd(r, node); /* of a loop not yet raised */
  return add_node(r, list, node);
}

/* All nodes that `root` needs inside the loop. */
static ht_status collect(raiser *r, loop *l, ht_ref root, nodes *list) {
  int at = list->n;
  HT_TRY(visit(r, l, list, root.node, true));
  for (; at < list->n; at++) {
    int node = list->node[at];
    HT_TRY(ht_graph_bind(r->g, node));
    const ht_node *n = &r->g->node[node];
    for (int k = 0; k < n->n_in; k++)
      HT_TRY(visit(r, l, list, n->in[k].node, true));
    for (int k = 0; k < n->n_control; k++)
      HT_TRY(visit(r, l, list, n->control[k], false));
  }
  return HT_SUCCESS;
}

/* What the next value of a variable needs, and what has to run before the next
 * turn: a loop whose values a gradient reads pushes them so. */
static ht_status collect_next(raiser *r, loop *l, int next, nodes *list) {
  const ht_node *n = &r->g->node[next];
  HT_TRY(collect(r, l, n->in[0], list));
  for (int k = 0; k < n->n_control; k++)
    if (!is_edge(r, l, n->control[k]))
      HT_TRY(collect(r, l, (ht_ref){n->control[k], 0}, list));
  return HT_SUCCESS;
}

/* ---- functions */

static bool is_variable(const ht_node *n) {
  return strcmp(n->op_name, "VarHandleOp") == 0 ||
         strcmp(n->op_name, "VariableV2") == 0 ||
         strcmp(n->op_name, "Variable") == 0;
}

int ht_raise_variable(ht_graph *g, ht_ref ref) {
  static const char *const passes[] = {"Switch", "RefSwitch", "Enter",
                                       "RefEnter", "RefIdentity"};
  for (int hops = 0; hops < MAX_NESTED; hops++) {
    const ht_node *n = &g->node[ref.node];
    if (is_variable(n)) return ref.node;
    bool on = strcmp(n->op_name, "Identity") == 0 &&
              ht_attr_type(&n->attrs, "T") == HT_RESOURCE;
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
      on |= strcmp(n->op_name, passes[i]) == 0;
    if (!on || ht_graph_bind(g, ref.node).code != HT_OK || !n->n_in) return -1;
    ref = n->in[0];
  }
  return -1;
}

/* What is copied into a loop instead of being handed in: a value that can be
 * folded there, and a variable. */
static int copied_source(const raiser *r, int enter) {
  ht_ref in = r->g->node[enter].in[0];
  if (strcmp(r->g->node[in.node].op_name, "Const") == 0) return in.node;
  return ht_raise_variable(r->g, in);
}

static ht_status ref_text(const raiser *r, ht_ref ref, const char **out) {
  const char *name = r->g->node[ref.node].name;
  *out = ref.out ? ht_arena_printf(r->g->arena, "%s:%d", name, ref.out) : name;
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a name");
}

/* How a function of the loop names a value of it. */
static ht_status inner_text(const raiser *r, const loop *l, ht_ref ref,
                            const char **out) {
  if (!is_edge(r, l, ref.node)) return ref_text(r, ref, out);
  int node = ref.node, from;
  if (is(r, node, "Enter")) {
    from = copied_source(r, node);
    *out = r->g->node[from < 0 ? node : from].name;
    return HT_SUCCESS;
  }
  bool variable = r->role[node].loop == l->cond + 1;
  if (!variable || ref.out != (is(r, node, "Switch") ? 1 : 0))
    return odd(r, node);
  *out = r->g->node[l->merge[r->role[node].var - 1]].name;
  return HT_SUCCESS;
}

static ht_status copy_node(const raiser *r, const loop *l, ht_graph *f,
                           int node) {
  const ht_node *from = &r->g->node[node];
  ht_node n = {.name = from->name,
               .op_name = from->op_name,
               .attrs = from->attrs,
               .application = from->application};
  if (ht_graph_find(f, n.name) >= 0) return HT_SUCCESS;
  HT_NEW(n.input, f->arena, from->n_in + from->n_control + 1);
  for (int k = 0; k < from->n_in; k++)
    HT_TRY(inner_text(r, l, from->in[k], &n.input[n.n_input++]));
  for (int k = 0; k < from->n_control; k++) {
    if (is_edge(r, l, from->control[k])) continue;
    const char *name = r->g->node[from->control[k]].name;
    n.input[n.n_input] = ht_arena_printf(f->arena, "^%s", name);
    if (!n.input[n.n_input++]) return ht_fail(HT_NO_MEMORY, "no memory");
  }
  return ht_graph_add(f, &n, NULL);
}

static ht_status add_argument(const raiser *r, ht_graph *f, int enter,
                              const char *name) {
  ht_node n = {.name = name, .op_name = "_Arg"};
  f->arg[f->n_args++] =
      (ht_arg){.name = name,
               .dtype = ht_graph_dtype(r->g, r->g->node[enter].in[0]),
               .shape = {.rank = -1}};
  return ht_graph_add(f, &n, NULL);
}

static ht_status add_own_argument(const raiser *r, const loop *l, ht_graph *f,
                                  const char *what) {
  ht_node n = {.op_name = "_Arg"};
  n.name = ht_arena_printf(f->arena, "%s %s", r->g->node[l->cond].name, what);
  if (!n.name) return ht_fail(HT_NO_MEMORY, "no memory for a loop");
  f->arg[f->n_args++] = (ht_arg){.name = n.name, .dtype = HT_INT32};
  return ht_graph_add(f, &n, NULL);
}

static ht_status add_arguments(const raiser *r, const loop *l, ht_graph *f) {
  HT_NEW(f->arg, f->arena, OWN + l->n_vars + l->n_fixed + 1);
  HT_TRY(add_own_argument(r, l, f, "turn"));
  HT_TRY(add_own_argument(r, l, f, "maximum"));
  for (int k = 0; k < l->n_vars; k++)
    HT_TRY(add_argument(r, f, l->enter[k], r->g->node[l->merge[k]].name));
  for (int k = 0; k < l->n_fixed; k++)
    if (copied_source(r, l->fixed[k]) < 0)
      HT_TRY(add_argument(r, f, l->fixed[k], r->g->node[l->fixed[k]].name));
  for (int k = 0; k < l->n_fixed; k++) {
    int from = copied_source(r, l->fixed[k]);
    if (from < 0 || ht_graph_find(f, r->g->node[from].name) >= 0) continue;
    ht_node n = {.name = r->g->node[from].name,
                 .op_name = r->g->node[from].op_name,
                 .attrs = r->g->node[from].attrs};
    HT_TRY(ht_graph_add(f, &n, NULL));
  }
  return HT_SUCCESS;
}

static ht_status make_function(raiser *r, const loop *l, const char *what,
                               const nodes *list, ht_graph **out) {
  const ht_graph *g = r->g;
  r->copies -= list->n;
  if (r->copies < 0) return odd(r, l->cond);
  char *name = ht_arena_printf(g->arena, "%s%s%s %s", g->name ? g->name : "",
                               g->name ? " " : "", g->node[l->cond].name, what);
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a loop");
  HT_TRY(ht_graph_new(g->arena, g->library, name, out));
  HT_TRY(add_arguments(r, l, *out));
  for (int i = 0; i < list->n; i++)
    HT_TRY(copy_node(r, l, *out, list->node[i]));
  HT_NEW((*out)->ret, g->arena, (*out)->n_args + 1);
  HT_NEW((*out)->ret_name, g->arena, (*out)->n_args + 1);
  return HT_SUCCESS;
}

static void add_return(ht_graph *f, const char *text) {
  f->ret[f->n_rets] = f->ret_name[f->n_rets] = text;
  f->n_rets++;
}

static ht_status make_condition(raiser *r, loop *l, const nodes *list,
                                ht_graph **out) {
  const char *text;
  HT_TRY(make_function(r, l, "condition", list, out));
  HT_TRY(inner_text(r, l, r->g->node[l->cond].in[0], &text));
  add_return(*out, text);
  return HT_SUCCESS;
}

static ht_status count_turn(ht_graph *f) {
  static const int32_t one = 1;
  ht_builder b = {.graph = f};
  ht_ref next = ht_build_2(&b, "AddV2", (ht_ref){TURN, 0},
                           ht_build_int32s(&b, -1, &one), "");
  HT_TRY(ht_builder_status(&b));
  add_return(f, f->node[next.node].name);
  add_return(f, f->arg[MAXIMUM].name);
  return HT_SUCCESS;
}

static ht_status return_controls(const raiser *r, const loop *l, ht_graph *f) {
  const ht_node *node = r->g->node;
  int n = 0;
  for (int k = 0; k < l->n_vars; k++) n += node[l->next[k]].n_control;
  HT_NEW(f->control_ret, f->arena, n + 1);
  for (int k = 0; k < l->n_vars; k++)
    for (int i = 0; i < node[l->next[k]].n_control; i++) {
      int from = node[l->next[k]].control[i];
      if (!is_edge(r, l, from))
        f->control_ret[f->n_control_rets++] = node[from].name;
    }
  return HT_SUCCESS;
}

/* The next values of the variables; what is fixed comes back as it is. */
static ht_status make_body(raiser *r, loop *l, const nodes *list,
                           ht_graph **out) {
  HT_TRY(make_function(r, l, "body", list, out));
  HT_TRY(count_turn(*out));
  for (int k = 0; k < l->n_vars; k++) {
    const char *text;
    HT_TRY(inner_text(r, l, r->g->node[l->next[k]].in[0], &text));
    add_return(*out, text);
  }
  for (int k = OWN + l->n_vars; k < (*out)->n_args; k++)
    add_return(*out, (*out)->arg[k].name);
  return return_controls(r, l, *out);
}

/* ---- the While node */

ht_status ht_raise_function_attr(ht_arena *arena, const char *name,
                                 const ht_graph *f, ht_attr *out) {
  *out = (ht_attr){.name = name, .kind = HT_ATTR_FUNC, .n = 1};
  HT_NEW(out->value, arena, 1);
  out->value->func.name = f->name;
  return HT_SUCCESS;
}

static ht_status while_attrs(ht_arena *arena, const ht_graph *condition,
                             const ht_graph *body, ht_attrs *out) {
  HT_NEW(out->attr, arena, 3);
  out->n = 3;
  out->attr[0] = (ht_attr){
      .name = "T", .kind = HT_ATTR_TYPE, .list = true, .n = body->n_args};
  HT_NEW(out->attr[0].value, arena, body->n_args + 1);
  for (int k = 0; k < body->n_args; k++)
    out->attr[0].value[k].type = body->arg[k].dtype;
  HT_TRY(ht_raise_function_attr(arena, "cond", condition, &out->attr[1]));
  return ht_raise_function_attr(arena, "body", body, &out->attr[2]);
}

static int count_controls(const raiser *r, const loop *l) {
  int n = 0;
  for (int k = 0; k < l->n_vars; k++) n += r->g->node[l->enter[k]].n_control;
  return n;
}

static ht_status own_inputs(const raiser *r, ht_node *n) {
  static const int32_t first[OWN] = {[TURN] = 0, [MAXIMUM] = -1};
  ht_builder b = {.graph = r->g};
  for (int k = 0; k < OWN; k++) {
    ht_ref value = ht_build_int32s(&b, -1, &first[k]);
    HT_TRY(ht_builder_status(&b));
    n->input[n->n_input++] = r->g->node[value.node].name;
  }
  return HT_SUCCESS;
}

static ht_status while_inputs(const raiser *r, const loop *l, ht_node *n) {
  HT_NEW(n->input, r->g->arena,
         OWN + l->n_vars + l->n_fixed + count_controls(r, l) + 1);
  HT_TRY(own_inputs(r, n));
  const ht_node *node = r->g->node;
  for (int k = 0; k < l->n_vars; k++)
    HT_TRY(ref_text(r, node[l->enter[k]].in[0], &n->input[n->n_input++]));
  for (int k = 0; k < l->n_fixed; k++)
    if (copied_source(r, l->fixed[k]) < 0)
      HT_TRY(ref_text(r, node[l->fixed[k]].in[0], &n->input[n->n_input++]));
  for (int k = 0; k < l->n_vars; k++)
    for (int i = 0; i < node[l->enter[k]].n_control; i++) {
      const char *name = node[node[l->enter[k]].control[i]].name;
      n->input[n->n_input] = ht_arena_printf(r->g->arena, "^%s", name);
      if (!n->input[n->n_input++]) return ht_fail(HT_NO_MEMORY, "no memory");
    }
  return HT_SUCCESS;
}

static ht_status rewire_exit(raiser *r, int exit, const char *text) {
  ht_node *n = &r->g->node[exit];
  *n = (ht_node){.name = n->name, .op_name = "Identity", .attrs = n->attrs};
  HT_NEW(n->input, r->g->arena, 1);
  n->input[n->n_input++] = text;
  return HT_SUCCESS;
}

static ht_status rewire_exits(raiser *r, const loop *l, const char *name) {
  for (int s = r->role[l->cond].first; s; s = r->role[s - 1].next)
    for (int e = r->role[s - 1].first; e; e = r->role[e - 1].next) {
      if (r->g->node[e - 1].in[0].out != 0) continue;
      const char *text = ht_arena_printf(r->g->arena, "%s:%d", name,
                                         OWN + r->role[s - 1].var - 1);
      if (!text) return ht_fail(HT_NO_MEMORY, "no memory for a loop");
      HT_TRY(rewire_exit(r, e - 1, text));
    }
  return HT_SUCCESS;
}

static ht_status finish_loop(raiser *r, loop *l, ht_graph *condition,
                             ht_graph *body) {
  ht_graph *g = r->g;
  ht_node n = {.op_name = "While"};
  n.name = ht_arena_printf(g->arena, "%s loop", g->node[l->cond].name);
  if (!n.name) return ht_fail(HT_NO_MEMORY, "no memory for a loop");
  HT_TRY(while_attrs(g->arena, condition, body, &n.attrs));
  HT_TRY(while_inputs(r, l, &n));
  HT_TRY(ht_map_put(&g->library->by_name, condition->name, condition));
  HT_TRY(ht_map_put(&g->library->by_name, body->name, body));
  HT_TRY(ht_graph_add(g, &n, NULL));
  return rewire_exits(r, l, n.name);
}

static ht_status raise_loop(raiser *r, loop *l) {
  nodes inside = {0}, turning = {0};
  ht_graph *condition, *body;
  HT_TRY(ht_graph_bind(r->g, l->cond));
  if (r->g->node[l->cond].n_in != 1) return odd(r, l->cond);
  HT_TRY(find_variables(r, l));
  r->walk++;
  HT_TRY(collect(r, l, r->g->node[l->cond].in[0], &inside));
  r->walk++;
  for (int k = 0; k < l->n_vars; k++)
    HT_TRY(collect_next(r, l, l->next[k], &turning));
  HT_TRY(make_condition(r, l, &inside, &condition));
  HT_TRY(make_body(r, l, &turning, &body));
  return finish_loop(r, l, condition, body);
}

/* ---- the graph */

static bool has_loops(const ht_graph *g) {
  for (int i = 0; i < g->n_nodes; i++)
    if (strcmp(g->node[i].op_name, "LoopCond") == 0) return true;
  return false;
}

/* Raises the loops that hold no other; says whether there were any. */
static ht_status raise_inner(raiser *r, bool *any) {
  *any = false;
  r->visits = 4 * (int64_t)r->n + 64;
  for (int i = 0; i < r->n; i++) {
    if (!is(r, i, "LoopCond") || r->role[i].raised) continue;
    loop l = {.cond = i};
    ht_status st = raise_loop(r, &l);
    if (st.code == HT_NO_MEMORY) return st;
    r->role[i].raised = st.code == HT_OK;
    *any |= st.code == HT_OK;
    if (st.code != HT_OK) forget_variables(r, &l);
  }
  return HT_SUCCESS;
}

ht_status ht_graph_raise(ht_graph *g, ht_graph **out) {
  *out = g->raised ? g->raised : g;
  if (g->raised || !g->library || !has_loops(g)) return HT_SUCCESS;
  raiser r = {.n = g->n_nodes, .copies = 4 * (int64_t)g->n_nodes + 64};
  HT_TRY(ht_graph_copy(g, &r.g));
  r.role = calloc((size_t)r.n + 1, sizeof *r.role);
  if (!r.role) return ht_fail(HT_NO_MEMORY, "no memory for loops");
  find_roles(&r);
  bool any = true;
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < MAX_NESTED && any && st.code == HT_OK; i++)
    st = raise_inner(&r, &any);
  free(r.role);
  if (st.code == HT_OK) *out = g->raised = r.g->raised = r.g;
  return st;
}
