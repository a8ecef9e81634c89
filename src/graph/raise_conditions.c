/*
 * raise_conditions.c - see raise.h.
 *
 * The form of a conditional (python/ops/control_flow_ops.py, CondContext): what
 * a branch takes from outside comes through a Switch by the condition, its
 * constants wait for one, and a Merge joins the branches. So every value has a
 * place: the branches that it is in, outermost first. A Merge of the two
 * branches of one condition leaves them; the Merges of the same condition
 * become the outputs of one If.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/builder.h"
#include "graph/raise.h"

enum { QUIET = -1 /* an If in which nothing is changed */ };
enum { TOP, NOWHERE = -1, MAX_DEPTH = 64, MAX_PLACES = 1 << 14 };
enum { MAX_VISITS = 1 << 26, ROOM = 3 /* nodes per node of the original */ };

/* A branch, in a place. */
typedef struct place {
  int outer;   /* TOP for TOP itself */
  ht_ref by;   /* the condition */
  ht_ref gate; /* it, as a Switch reads it: after what that waits for */
  int branch;  /* 1: where it is true */
  int depth;
  int next;   /* the one before it with the same node in `by`, 0: none */
  int merges; /* 1 + the last Merge that leaves it for `outer`, 0: none */
} place;

typedef struct state {
  ht_graph *g; /* the copy */
  int n;       /* nodes of the original */
  place *at;   /* [0] is TOP */
  int n_places, capacity;
  /* Per node, with room for an If and a read for each: */
  int *of;        /* the place it runs in */
  int *first;     /* the last place that it is the condition of */
  int *yes;       /* Merge: which input is of the branch "true"; If: QUIET */
  int *next;      /* in the list of `merges` */
  int *read;      /* a read of a variable in a branch: that before it */
  uint8_t *seen;  /* 1 on the stack, 2 done */
  uint8_t *index; /* Merge: its second output is read */
  int *walk;      /* the last walk that saw it */
  int number;     /* of the walk */
  int64_t visits;
  int *stack, n_stack, stack_capacity;
} state;

/* One conditional: the Merges that become outputs, what goes in. */
typedef struct conditional {
  int place[2]; /* per branch */
  int *merge, n_merges, merge_capacity;
  ht_ref *in;
  int n_in, in_capacity;
  int *control, n_controls, control_capacity;
  int *node[2], n_nodes[2], node_capacity[2];
  bool hoists; /* reads of variables stand before it */
} conditional;

static bool is(const state *s, int node, const char *op) {
  const char *name = s->g->node[node].op_name;
  return strcmp(name, op) == 0 ||
         (strncmp(name, "Ref", 3) == 0 && strcmp(name + 3, op) == 0);
}

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for a conditional");
}

/* ---- places */

static bool same_ref(ht_ref a, ht_ref b) {
  return a.node == b.node && a.out == b.out;
}

/* Whether `inner` is `outer` or inside of it. */
static bool within(const state *s, int inner, int outer) {
  if (inner == NOWHERE) return false;
  while (s->at[inner].depth > s->at[outer].depth) inner = s->at[inner].outer;
  return inner == outer;
}

/* The condition of a Switch. Constants wait for a Switch of the condition by
 * itself, values go through Switches by its Identity. */
static ht_ref condition_of(const state *s, int to_switch) {
  ht_ref by = s->g->node[to_switch].in[1];
  while (strcmp(s->g->node[by.node].op_name, "Identity") == 0 &&
         s->g->node[by.node].bound && s->g->node[by.node].n_in == 1)
    by = s->g->node[by.node].in[0];
  return by;
}

static ht_status branch_place(state *s, int outer, ht_ref from, int *out) {
  ht_ref by = condition_of(s, from.node), gate = s->g->node[from.node].in[1];
  int branch = from.out;
  *out = NOWHERE;
  for (int p = s->first[by.node]; p; p = s->at[p].next) {
    if (s->visits++ > MAX_VISITS) return HT_SUCCESS;
    if (s->at[p].outer == outer && same_ref(s->at[p].by, by) &&
        s->at[p].branch == branch) {
      if (!same_ref(gate, by)) s->at[p].gate = gate;
      *out = p;
      return HT_SUCCESS;
    }
  }
  if (s->n_places == MAX_PLACES || s->at[outer].depth == MAX_DEPTH)
    return HT_SUCCESS;
  HT_GROW(s->at, s->n_places, s->capacity, s->g->arena);
  *out = s->n_places++;
  s->at[*out] = (place){.outer = outer,
                        .by = by,
                        .gate = gate,
                        .branch = branch,
                        .depth = s->at[outer].depth + 1,
                        .next = s->first[by.node]};
  s->first[by.node] = *out;
  return HT_SUCCESS;
}

static ht_status place_of(state *s, ht_ref ref, int *out) {
  *out = s->of[ref.node];
  if (*out == NOWHERE || !is(s, ref.node, "Switch")) return HT_SUCCESS;
  return branch_place(s, *out, ref, out);
}

/* The inner one of two places, where one is inside of the other. */
static int join(const state *s, int a, int b) {
  if (a == NOWHERE || b == NOWHERE) return NOWHERE;
  if (within(s, a, b)) return a;
  return within(s, b, a) ? b : NOWHERE;
}

/* Where the branches meet again. */
static int leave(const state *s, int a, int b) {
  if (a <= TOP || b <= TOP) return NOWHERE;
  const place *p = &s->at[a], *q = &s->at[b];
  bool both =
      p->outer == q->outer && same_ref(p->by, q->by) && p->branch != q->branch;
  return both ? p->outer : NOWHERE;
}

static ht_status find_place(state *s, int node) {
  const ht_node *n = &s->g->node[node];
  int merged[2] = {NOWHERE, NOWHERE}, found = TOP;
  bool merge = is(s, node, "Merge");
  for (int k = 0; k < n->n_in; k++) {
    int p;
    HT_TRY(place_of(s, n->in[k], &p));
    if (merge && k < 2) merged[k] = p;
    if (!merge) found = join(s, found, p);
    if (is(s, n->in[k].node, "Merge") && n->in[k].out == 1)
      s->index[n->in[k].node] = true;
  }
  if (merge) found = n->n_in == 2 ? leave(s, merged[0], merged[1]) : NOWHERE;
  if (merge && found != NOWHERE) s->yes[node] = !s->at[merged[0]].branch;
  for (int k = 0; k < n->n_control; k++)
    found = join(s, found, s->of[n->control[k]]);
  s->of[node] = found;
  return HT_SUCCESS;
}

static ht_status push(state *s, int node) {
  HT_GROW(s->stack, s->n_stack, s->stack_capacity, s->g->arena);
  s->stack[s->n_stack++] = node;
  return HT_SUCCESS;
}

/* A node on the stack that is met again closes a cycle: it is nowhere. */
static ht_status push_inputs(state *s, int node) {
  const ht_node *n = &s->g->node[node];
  for (int k = 0; k < n->n_in + n->n_control; k++) {
    int from = k < n->n_in ? n->in[k].node : n->control[k - n->n_in];
    if (!s->seen[from]) HT_TRY(push(s, from));
  }
  return HT_SUCCESS;
}

static ht_status visit(state *s, int root) {
  s->n_stack = 0;
  HT_TRY(push(s, root));
  while (s->n_stack) {
    int node = s->stack[s->n_stack - 1];
    if (s->seen[node] == 0 && ht_graph_bind(s->g, node).code == HT_OK) {
      s->seen[node] = 1;
      HT_TRY(push_inputs(s, node));
      continue;
    }
    if (s->seen[node] == 1) HT_TRY(find_place(s, node));
    s->seen[node] = 2;
    s->n_stack--;
  }
  return HT_SUCCESS;
}

static ht_status find_places(state *s) {
  for (int i = 0; i < s->n; i++) s->of[i] = NOWHERE;
  HT_GROW(s->at, 0, s->capacity, s->g->arena);
  s->at[0] = (place){0};
  s->n_places = 1;
  for (int i = 0; i < s->n; i++)
    if (!s->seen[i]) HT_TRY(visit(s, i));
  return HT_SUCCESS;
}

/* ---- what belongs to a conditional */

static ht_status add_input(state *s, conditional *c, ht_ref in) {
  for (int i = 0; i < c->n_in; i++)
    if (same_ref(c->in[i], in)) return HT_SUCCESS;
  HT_GROW(c->in, c->n_in, c->in_capacity, s->g->arena);
  c->in[c->n_in++] = in;
  return HT_SUCCESS;
}

/* What a branch names of a value from outside: Switches are looked through;
 * false: it is one of the branch itself. */
static bool outside(const state *s, const conditional *c, int branch,
                    ht_ref *ref) {
  const ht_node *n = &s->g->node[ref->node];
  if (within(s, s->of[ref->node], c->place[branch])) {
    if (!c->hoists || !s->read[ref->node]) return false;
    ref->node = s->read[ref->node];
    return true;
  }
  if (is(s, ref->node, "Switch") &&
      same_ref(condition_of(s, ref->node), s->at[c->place[branch]].by) &&
      ref->out == branch)
    *ref = n->in[0];
  int variable = ht_raise_variable(s->g, *ref);
  if (variable >= 0) *ref = (ht_ref){variable, 0};
  return true;
}

static ht_status reach(state *s, conditional *c, int branch, int node) {
  if (s->walk[node] == s->number) return HT_SUCCESS;
  s->walk[node] = s->number;
  HT_GROW(c->node[branch], c->n_nodes[branch], c->node_capacity[branch],
          s->g->arena);
  c->node[branch][c->n_nodes[branch]++] = node;
  return HT_SUCCESS;
}

/* A read of a variable, made before the conditional. */
static ht_status hoist(state *s, const conditional *c, int read) {
  const ht_node *from = &s->g->node[read];
  ht_node n = {.op_name = from->op_name, .attrs = from->attrs};
  int variable = ht_raise_variable(s->g, from->in[0]), index;
  ht_arena *arena = s->g->arena;
  if (variable < 0 || s->g->n_nodes >= ROOM * s->n) return HT_SUCCESS;
  HT_NEW(n.input, arena, 2);
  n.name = ht_arena_printf(arena, "%s before %s", from->name,
                           s->g->node[c->merge[0]].name);
  n.input[n.n_input++] = s->g->node[variable].name;
  n.input[n.n_input++] = ht_arena_printf(
      arena, "^%s", s->g->node[s->at[c->place[1]].gate.node].name);
  if (!n.name || !n.input[1]) return no_memory();
  HT_TRY(ht_graph_add(s->g, &n, &index));
  s->of[index] = s->at[c->place[1]].outer;
  s->read[read] = index;
  return HT_SUCCESS;
}

static ht_status reach_value(state *s, conditional *c, int branch, ht_ref ref) {
  if (c->hoists && !s->read[ref.node] && is(s, ref.node, "ReadVariableOp") &&
      within(s, s->of[ref.node], c->place[branch]))
    HT_TRY(hoist(s, c, ref.node));
  bool out = outside(s, c, branch, &ref);
  if (!out || ht_raise_variable(s->g, ref) >= 0)
    return reach(s, c, branch, ref.node);
  return add_input(s, c, ref);
}

static ht_status reach_control(state *s, conditional *c, int branch, int node) {
  ht_ref ref = {node, 0};
  if (!outside(s, c, branch, &ref)) return reach(s, c, branch, node);
  if (is(s, node, "Switch")) return HT_SUCCESS;
  HT_GROW(c->control, c->n_controls, c->control_capacity, s->g->arena);
  c->control[c->n_controls++] = node;
  return HT_SUCCESS;
}

/* The input of a Merge that comes from a branch. */
static ht_ref merged(const state *s, int merge, int branch) {
  int yes = s->yes[merge];
  return s->g->node[merge].in[branch ? yes : !yes];
}

static ht_status collect(state *s, conditional *c, int branch) {
  s->number++;
  for (int k = 0; k < c->n_merges; k++)
    HT_TRY(reach_value(s, c, branch, merged(s, c->merge[k], branch)));
  for (int at = 0; at < c->n_nodes[branch]; at++) {
    int node = c->node[branch][at];
    HT_TRY(ht_graph_bind(s->g, node));
    const ht_node *n = &s->g->node[node];
    s->visits += n->n_in + n->n_control;
    for (int k = 0; k < n->n_in; k++)
      HT_TRY(reach_value(s, c, branch, n->in[k]));
    for (int k = 0; k < n->n_control; k++)
      HT_TRY(reach_control(s, c, branch, n->control[k]));
  }
  return HT_SUCCESS;
}

static ht_status collect_both(state *s, conditional *c) {
  c->n_in = c->n_controls = c->n_nodes[0] = c->n_nodes[1] = 0;
  for (int k = 0; k < 2; k++) HT_TRY(collect(s, c, k));
  return HT_SUCCESS;
}

static bool has_effects(const state *s, const conditional *c) {
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < c->n_nodes[k]; i++) {
      const ht_node *n = &s->g->node[c->node[k][i]];
      bool quiet = n->op && (!(n->op->flags & HT_OP_STATEFUL) ||
                             n->op->flags & (HT_OP_READS | HT_OP_RANDOM) ||
                             s->yes[c->node[k][i]] == QUIET);
      if (!quiet) return true;
    }
  return false;
}

/* Whether something that goes in waits for a Merge of the conditional. */
static ht_status waits_for_itself(state *s, const conditional *c, bool *found) {
  *found = false;
  if (c->n_merges == 1) return HT_SUCCESS; /* it would be nowhere */
  s->number++;
  s->n_stack = 0;
  HT_TRY(push(s, s->at[c->place[1]].by.node));
  for (int i = 0; i < c->n_in; i++) HT_TRY(push(s, c->in[i].node));
  for (int i = 0; i < c->n_controls; i++) HT_TRY(push(s, c->control[i]));
  while (s->n_stack && !*found) {
    int node = s->stack[--s->n_stack];
    if (s->walk[node] == s->number) continue;
    s->walk[node] = s->number;
    for (int k = 0; k < c->n_merges; k++) *found |= c->merge[k] == node;
    HT_TRY(ht_graph_bind(s->g, node));
    const ht_node *n = &s->g->node[node];
    s->visits += 1 + n->n_in + n->n_control;
    *found |= s->visits > MAX_VISITS;
    for (int k = 0; k < n->n_in; k++) HT_TRY(push(s, n->in[k].node));
    for (int k = 0; k < n->n_control; k++) HT_TRY(push(s, n->control[k]));
  }
  return HT_SUCCESS;
}

/* ---- functions */

static ht_status ref_text(const state *s, ht_ref ref, const char **out) {
  const char *name = s->g->node[ref.node].name;
  *out = ref.out ? ht_arena_printf(s->g->arena, "%s:%d", name, ref.out) : name;
  return *out ? HT_SUCCESS : no_memory();
}

/* How the function of a branch names a value. */
static ht_status inner_text(const state *s, const conditional *c, int branch,
                            const ht_graph *f, ht_ref ref, const char **out) {
  if (!outside(s, c, branch, &ref) || ht_raise_variable(s->g, ref) >= 0)
    return ref_text(s, ref, out);
  for (int i = 0; i < c->n_in; i++)
    if (same_ref(c->in[i], ref)) *out = f->arg[i].name;
  return HT_SUCCESS;
}

static ht_status copy_node(const state *s, const conditional *c, int branch,
                           ht_graph *f, int node) {
  const ht_node *from = &s->g->node[node];
  ht_node n = {.name = from->name,
               .op_name = from->op_name,
               .attrs = from->attrs,
               .application = from->application};
  HT_NEW(n.input, f->arena, from->n_in + from->n_control + 1);
  for (int k = 0; k < from->n_in; k++)
    HT_TRY(inner_text(s, c, branch, f, from->in[k], &n.input[n.n_input++]));
  for (int k = 0; k < from->n_control; k++) {
    ht_ref ref = {from->control[k], 0};
    if (outside(s, c, branch, &ref)) continue;
    const char *name = s->g->node[ref.node].name;
    n.input[n.n_input] = ht_arena_printf(f->arena, "^%s", name);
    if (!n.input[n.n_input++]) return no_memory();
  }
  return ht_graph_add(f, &n, NULL);
}

static ht_status add_arguments(const state *s, const conditional *c,
                               ht_graph *f) {
  HT_NEW(f->arg, f->arena, c->n_in + 1);
  for (int i = 0; i < c->n_in; i++) {
    ht_node n = {.op_name = "_Arg"};
    n.name = ht_arena_printf(f->arena, "%s input %d",
                             s->g->node[c->merge[0]].name, i);
    if (!n.name) return no_memory();
    f->arg[f->n_args++] = (ht_arg){.name = n.name,
                                   .dtype = ht_graph_dtype(s->g, c->in[i]),
                                   .shape = {.rank = -1}};
    HT_TRY(ht_graph_add(f, &n, NULL));
  }
  return HT_SUCCESS;
}

static ht_status make_branch(state *s, const conditional *c, int branch,
                             ht_graph **out) {
  ht_graph *g = s->g, *f;
  char *name = ht_arena_printf(g->arena, "%s%s%s %s", g->name ? g->name : "",
                               g->name ? " " : "", g->node[c->merge[0]].name,
                               branch ? "true" : "false");
  if (!name) return no_memory();
  HT_TRY(ht_graph_new(g->arena, g->library, name, &f));
  HT_TRY(add_arguments(s, c, f));
  for (int i = 0; i < c->n_nodes[branch]; i++)
    HT_TRY(copy_node(s, c, branch, f, c->node[branch][i]));
  HT_NEW(f->ret, g->arena, c->n_merges);
  HT_NEW(f->ret_name, g->arena, c->n_merges);
  for (int k = 0; k < c->n_merges; k++) {
    HT_TRY(inner_text(s, c, branch, f, merged(s, c->merge[k], branch),
                      &f->ret[k]));
    f->ret_name[k] = f->ret[k];
    f->n_rets++;
  }
  *out = f;
  return ht_map_put(&g->library->by_name, name, f);
}

/* ---- the If node */

static ht_status types_attr(const state *s, const char *name, int n,
                            ht_attr *out) {
  *out = (ht_attr){.name = name, .kind = HT_ATTR_TYPE, .list = true, .n = n};
  HT_NEW(out->value, s->g->arena, n + 1);
  return HT_SUCCESS;
}

static ht_status if_attrs(const state *s, const conditional *c,
                          ht_graph *const branch[2], ht_attrs *out) {
  ht_arena *arena = s->g->arena;
  HT_NEW(out->attr, arena, 5);
  ht_attr *a = out->attr;
  out->n = 5;
  HT_TRY(types_attr(s, "Tin", c->n_in, &a[0]));
  HT_TRY(types_attr(s, "Tout", c->n_merges, &a[1]));
  HT_TRY(types_attr(s, "Tcond", 1, &a[2]));
  for (int i = 0; i < c->n_in; i++)
    a[0].value[i].type = ht_graph_dtype(s->g, c->in[i]);
  for (int i = 0; i < c->n_merges; i++)
    a[1].value[i].type = ht_graph_dtype(s->g, (ht_ref){c->merge[i], 0});
  a[2].list = false;
  a[2].value->type = ht_graph_dtype(s->g, s->at[c->place[1]].by);
  HT_TRY(ht_raise_function_attr(arena, "then_branch", branch[1], &a[3]));
  return ht_raise_function_attr(arena, "else_branch", branch[0], &a[4]);
}

static ht_status add_if(state *s, const conditional *c,
                        ht_graph *const branch[2], const char **name) {
  ht_node n = {.op_name = "If"};
  ht_arena *arena = s->g->arena;
  int index;
  *name = n.name =
      ht_arena_printf(arena, "%s branches", s->g->node[c->merge[0]].name);
  if (!n.name) return no_memory();
  HT_TRY(if_attrs(s, c, branch, &n.attrs));
  HT_NEW(n.input, arena, 1 + c->n_in + c->n_controls);
  HT_TRY(ref_text(s, s->at[c->place[1]].gate, &n.input[n.n_input++]));
  for (int i = 0; i < c->n_in; i++)
    HT_TRY(ref_text(s, c->in[i], &n.input[n.n_input++]));
  for (int i = 0; i < c->n_controls; i++) {
    const char *from = s->g->node[c->control[i]].name;
    n.input[n.n_input] = ht_arena_printf(arena, "^%s", from);
    if (!n.input[n.n_input++]) return no_memory();
  }
  HT_TRY(ht_graph_add(s->g, &n, &index));
  s->of[index] = s->at[c->place[1]].outer;
  s->yes[index] = c->hoists ? QUIET : 0;
  return HT_SUCCESS;
}

/* A Merge becomes the name of an output; it waits for what it waited for. */
static ht_status rewire(state *s, int merge, const char *from, int k) {
  ht_node *n = &s->g->node[merge], old = *n;
  ht_attr *type;
  HT_NEW(type, s->g->arena, 1);
  *type = *ht_attr_find(&old.attrs, "T");
  *n = (ht_node){.name = old.name, .op_name = "Identity", .attrs = {type, 1}};
  HT_NEW(n->input, s->g->arena, old.n_control + 1);
  n->input[n->n_input] = ht_arena_printf(s->g->arena, "%s:%d", from, k);
  if (!n->input[n->n_input++]) return no_memory();
  for (int i = 0; i < old.n_control; i++) {
    const char *name = s->g->node[old.control[i]].name;
    n->input[n->n_input] = ht_arena_printf(s->g->arena, "^%s", name);
    if (!n->input[n->n_input++]) return no_memory();
  }
  return HT_SUCCESS;
}

static ht_status raise_conditional(state *s, conditional *c) {
  ht_graph *branch[2];
  const char *name;
  bool waits;
  HT_TRY(collect_both(s, c));
  /* TensorFlow loses what a variable holds on the way to a branch in a loop;
   * so values go in, where nothing can change them in between. */
  c->hoists = !has_effects(s, c);
  if (c->hoists) HT_TRY(collect_both(s, c));
  HT_TRY(waits_for_itself(s, c, &waits));
  if (waits) return HT_SUCCESS;
  for (int k = 0; k < 2; k++) HT_TRY(make_branch(s, c, k, &branch[k]));
  HT_TRY(add_if(s, c, branch, &name));
  for (int k = 0; k < c->n_merges; k++) HT_TRY(rewire(s, c->merge[k], name, k));
  return HT_SUCCESS;
}

/* ---- the graph */

/* Merges by the branch "true" that they leave. */
static ht_status group_merges(state *s, int *deepest) {
  *deepest = 0;
  for (int i = s->n - 1; i >= 0; i--) {
    int p;
    if (!is(s, i, "Merge") || s->of[i] == NOWHERE || s->index[i] ||
        !ht_attr_find(&s->g->node[i].attrs, "T"))
      continue;
    HT_TRY(place_of(s, merged(s, i, 1), &p));
    s->next[i] = s->at[p].merges;
    s->at[p].merges = i + 1;
    if (s->at[p].depth > *deepest) *deepest = s->at[p].depth;
  }
  return HT_SUCCESS;
}

static ht_status raise_place(state *s, int p) {
  conditional c = {.place = {0, p}};
  HT_TRY(place_of(s, merged(s, s->at[p].merges - 1, 0), &c.place[0]));
  for (int i = s->at[p].merges; i; i = s->next[i - 1]) {
    HT_GROW(c.merge, c.n_merges, c.merge_capacity, s->g->arena);
    c.merge[c.n_merges++] = i - 1;
  }
  return raise_conditional(s, &c);
}

/* The inner ones first, so that a branch holds an If in its turn. */
static ht_status raise_all(state *s) {
  int deepest;
  HT_TRY(find_places(s));
  HT_TRY(group_merges(s, &deepest));
  int n = s->n_places;
  for (int depth = deepest; depth > 0; depth--)
    for (int p = 1; p < n; p++)
      if (s->at[p].depth == depth && s->at[p].merges && s->visits < MAX_VISITS)
        HT_TRY(raise_place(s, p));
  return HT_SUCCESS;
}

static ht_status start(state *s) {
  size_t n = ROOM * (size_t)s->n + 1;
  int **const number[] = {&s->of,   &s->first, &s->yes,
                          &s->next, &s->read,  &s->walk};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
    *number[i] = calloc(n, sizeof **number[i]);
    if (!*number[i]) return no_memory();
  }
  s->seen = calloc(n, 1);
  s->index = calloc(n, 1);
  return s->seen && s->index ? HT_SUCCESS : no_memory();
}

static void stop(state *s) {
  int *const number[] = {s->of, s->first, s->yes, s->next, s->read, s->walk};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++) free(number[i]);
  free(s->seen);
  free(s->index);
}

static bool has_merges(const ht_graph *g) {
  for (int i = 0; i < g->n_nodes; i++)
    if (strcmp(g->node[i].op_name, "Merge") == 0 ||
        strcmp(g->node[i].op_name, "RefMerge") == 0)
      return true;
  return false;
}

ht_status ht_graph_raise_all(ht_graph *g, ht_graph **out) {
  ht_graph *raised;
  HT_TRY(ht_graph_raise(g, &raised));
  *out = raised->functional ? raised->functional : raised;
  if (raised->functional || !g->library || !has_merges(raised))
    return HT_SUCCESS;
  state s = {.n = raised->n_nodes};
  HT_TRY(ht_graph_copy(raised, &s.g));
  ht_status st = start(&s);
  if (st.code == HT_OK) st = raise_all(&s);
  stop(&s);
  if (st.code == HT_OK)
    *out = raised->functional = s.g->functional = s.g->raised = s.g;
  return st;
}
