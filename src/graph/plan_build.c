/*
 * plan_build.c - from a body to steps: walks from the fetches against the
 * edges, with a stack of its own (graphs come from files and may be deep).
 *
 * A function call or application is not a step: its body becomes an instance
 * of that graph, whose arguments are aliases of the caller's values. Only
 * what a fetched output needs is visited; an instance's control returns (its
 * effects) are visited after the fetches, or before whatever waits for the
 * call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan_maker.h"
#include "ops/attr_text.h"

/* ---- from a node to a step */

static ht_status step_new(ht_plan *p, const ht_step *s, int *index) {
  HT_GROW(p->step, p->n_steps, p->step_capacity, &p->arena);
  *index = p->n_steps;
  p->step[p->n_steps++] = *s;
  return HT_SUCCESS;
}

static ht_status missing_op(ht_maker *b, ht_instance *at, const ht_node *n) {
  const char *function = at->graph->name;
  if (!b->missing)
    return ht_fail(HT_UNSUPPORTED, "op '%s' is not supported (node '%s'%s%s%s)",
                   n->op_name, n->name, function ? " of function '" : "",
                   function ? function : "", function ? "'" : "");
  ht_missing_list *m = b->missing;
  if (m->gradients) return HT_SUCCESS;
  HT_GROW(m->item, m->n, m->capacity, m->arena);
  m->item[m->n++] = (ht_missing){n->op_name, n->name, function};
  return HT_SUCCESS;
}

/* Attributes with the placeholders of a function bound by its call. */
static ht_status bound_attrs(ht_maker *b, ht_instance *at, const ht_node *n,
                             const ht_attrs **out) {
  *out = &n->attrs;
  bool any = false;
  for (int i = 0; i < n->attrs.n; i++)
    any |= n->attrs.attr[i].kind == HT_ATTR_PLACEHOLDER;
  if (!any || !at->call_attrs) return HT_SUCCESS;
  ht_attrs *copy;
  HT_NEW(copy, &b->plan->arena, 1);
  HT_NEW(copy->attr, &b->plan->arena, n->attrs.n);
  copy->n = n->attrs.n;
  for (int i = 0; i < copy->n; i++) {
    const ht_attr *a = &n->attrs.attr[i];
    copy->attr[i] = *a;
    if (a->kind != HT_ATTR_PLACEHOLDER) continue;
    const ht_attr *bound = ht_attr_find(at->call_attrs, a->value->s.p);
    if (!bound)
      return ht_fail(HT_CORRUPT, "attribute '%s' of node '%s' is not bound",
                     a->name, n->name);
    copy->attr[i] = *bound;
    copy->attr[i].name = a->name;
  }
  *out = copy;
  return HT_SUCCESS;
}

/* Type of input i as the row writes it: the text after the i-th ':'. */
static bool input_is_ref(const ht_op *op, int i) {
  const char *p = op->inputs;
  for (int k = 0; *p; k++) {
    p += strcspn(p, ":");
    if (k == i) return strncmp(p, ":Ref(", 5) == 0;
    p += strcspn(p, " ");
    p += strspn(p, " ");
  }
  return false;
}

/* A v1 reference read by an op that takes values. */
static ht_status read_reference(ht_maker *b, const char *node, int *value) {
  ht_plan *p = b->plan;
  const ht_op *read = ht_op_find("ReadVariableOp");
  static const ht_attrs none;
  ht_step s = {.op = read, .node = node, .attrs = &none, .n_in = 1};
  if (!read) return ht_fail(HT_UNSUPPORTED, "op 'ReadVariableOp' is missing");
  HT_NEW(s.in, &p->arena, 1);
  s.in[0] = *value;
  s.n_out = 1;
  s.may_die = p->value[*value].may_die;
  HT_TRY(ht_maker_values(p, 1, p->n_steps, &s.out));
  p->value[s.out].may_die = s.may_die;
  int ignored;
  HT_TRY(step_new(p, &s, &ignored));
  *value = s.out;
  return HT_SUCCESS;
}

static ht_status sub_plan(ht_maker *b, ht_instance *at, const ht_attr_value *v,
                          ht_step *s) {
  ht_graph *callee;
  ht_body body;
  HT_TRY(ht_library_find(at->graph->library, v->func.name, &callee));
  if (!callee)
    return ht_fail(HT_CORRUPT, "there is no function '%s'", v->func.name);
  HT_TRY(ht_body_of_function(callee, &body));
  return ht_plan_build(&body, NULL, at->depth + 1, b->missing,
                       &s->sub[s->n_sub++]);
}

/* A plan per function-valued attribute, in the order of the row. */
static ht_status sub_plans(ht_maker *b, ht_instance *at, ht_step *s) {
  int n = 0;
  for (int i = 0; i < s->attrs->n; i++)
    if (s->attrs->attr[i].kind == HT_ATTR_FUNC) n += s->attrs->attr[i].n;
  if (!n) return HT_SUCCESS;
  HT_NEW(s->sub, &b->plan->arena, n);
  for (const char *p = s->op->attrs; *p; p += strspn(p, " ")) {
    char name[64];
    size_t length = strcspn(p, ":");
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), p);
    p += strcspn(p, " ");
    const ht_attr *a = ht_attr_find(s->attrs, name);
    for (int i = 0; a && a->kind == HT_ATTR_FUNC && i < a->n; i++)
      HT_TRY(ht_within(sub_plan(b, at, &a->value[i], s), "node '%s'", s->node));
  }
  return HT_SUCCESS;
}

static bool foldable(const ht_plan *p, const ht_step *s) {
  if (s->op->flags & (HT_OP_STATEFUL | HT_OP_RANDOM) || s->n_sub) return false;
  size_t bytes = 0;
  for (int i = 0; i < s->n_in; i++) {
    const ht_tensor *t = p->value[s->in[i]].constant;
    if (!t || t->dtype == HT_RESOURCE || t->dtype == HT_VARIANT) return false;
    bytes += ht_tensor_bytes(t);
  }
  return bytes < 1 << 20 && strcmp(s->op->name, "Placeholder") != 0;
}

/* Runs a step whose inputs are known; whatever fails is left to the run. */
static ht_status fold(ht_maker *b, ht_step *s) {
  ht_plan *p = b->plan;
  const ht_tensor **in;
  ht_tensor *out;
  HT_NEW(in, &p->arena, s->n_in + 1);
  HT_NEW(out, &p->arena, s->n_out + 1);
  for (int i = 0; i < s->n_in; i++) in[i] = p->value[s->in[i]].constant;
  ht_call c = {.op = s->op,
               .node = s->node,
               .attrs = s->attrs,
               .prepared = s->prepared,
               .n_in = s->n_in,
               .n_out = s->n_out,
               .in = in,
               .out = out,
               .run = &b->run};
  if (ht_step_check(s, &c).code != HT_OK || ht_op_forward(&c).code != HT_OK) {
    for (int i = 0; i < s->n_out; i++) ht_tensor_drop(&out[i]);
    return HT_SUCCESS;
  }
  for (int i = 0; i < s->n_out; i++) p->value[s->out + i].constant = &out[i];
  return HT_SUCCESS;
}

/* Whether anything after `from` may write what `handle` names. */
static bool written_since(const ht_plan *p, int from, int handle) {
  for (int i = from + 1; i < p->n_steps; i++) {
    const ht_step *s = &p->step[i];
    bool reads = strcmp(s->op->name, "ReadVariableOp") == 0 ||
                 strcmp(s->op->name, "ResourceGather") == 0;
    for (int k = 0; k < s->n_in && !reads; k++)
      if (s->in[k] == handle && s->op->flags & HT_OP_STATEFUL) return true;
  }
  return false;
}

/*
 * Gather of rows of a whole variable read becomes ResourceGather: the table
 * is not read, and its gradient stays rows.
 */
static ht_status fuse_gather(ht_maker *b, ht_step *s) {
  ht_plan *p = b->plan;
  bool v2 = strcmp(s->op->name, "GatherV2") == 0;
  if (!v2 && strcmp(s->op->name, "Gather") != 0) return HT_SUCCESS;
  const ht_tensor *axis = v2 ? p->value[s->in[2]].constant : NULL;
  if (v2 && (!axis || ht_int_at(axis, 0) != 0 ||
             ht_attr_int(s->attrs, "batch_dims") != 0))
    return HT_SUCCESS;
  int maker = p->value[s->in[0]].step;
  while (maker >= 0 && strcmp(p->step[maker].op->name, "Identity") == 0)
    maker = p->value[p->step[maker].in[0]].step;
  const ht_op *gather = ht_op_find("ResourceGather");
  if (maker < 0 || strcmp(p->step[maker].op->name, "ReadVariableOp") != 0 ||
      !gather || written_since(p, maker, p->step[maker].in[0]))
    return HT_SUCCESS;
  static const ht_attrs none;
  ht_attrs *attrs;
  HT_NEW(attrs, &p->arena, 1);
  HT_TRY(ht_attrs_complete(gather, &none, &p->arena, attrs));
  s->op = gather;
  s->attrs = attrs;
  s->in[0] = p->step[maker].in[0];
  s->n_in = 2;
  return HT_SUCCESS;
}

static ht_status custom_gradient(ht_maker *b, ht_instance *at, ht_step *s) {
  ht_string type = ht_attr_string(s->attrs, "_gradient_op_type");
  ht_library *lib = at->graph->library;
  if (!type.n || !lib || strcmp(s->op->name, "IdentityN") != 0)
    return HT_SUCCESS;
  char *name = ht_arena_bytes(&b->plan->arena, type.p, type.n);
  const ht_custom_gradient *rule =
      name ? ht_map_get(&lib->gradients, name) : NULL;
  ht_graph *f = NULL;
  if (rule) HT_TRY(ht_library_find(lib, rule->function, &f));
  if (!f) return HT_SUCCESS; /* not saved: differentiated as it stands */
  ht_custom_step *custom;
  ht_body body;
  HT_NEW(custom, &b->plan->arena, 1);
  HT_TRY(ht_body_of_function(f, &body));
  HT_TRY(ht_plan_build(&body, rule->capture, at->depth + 1, b->missing,
                       &custom->plan));
  custom->rule = rule;
  custom->n_values = s->n_out;
  s->op = &ht_op_custom_gradient;
  s->prepared = custom;
  return HT_SUCCESS;
}

static bool ref_output(const ht_op *op, bool ref_in) {
  if (strcmp(op->name, "VariableV2") == 0 || strcmp(op->name, "Variable") == 0)
    return true;
  return ref_in && op->flags & HT_OP_HANDLES && strstr(op->outputs, "Ref(");
}

static ht_status missing_gradient(ht_maker *b, ht_instance *at,
                                  const ht_step *s) {
  ht_missing_list *m = b->missing;
  if (!m || !m->gradients || s->op->gradient) return HT_SUCCESS;
  HT_GROW(m->item, m->n, m->capacity, m->arena);
  m->item[m->n++] = (ht_missing){s->op->name, s->node, at->graph->name};
  return HT_SUCCESS;
}

/* Resolved inputs of the node on top, in b->plan's arena; all are known. */
static ht_status gather_inputs(ht_maker *b, ht_instance *at, const ht_node *n,
                               ht_step *s, bool *ref_in) {
  ht_plan *p = b->plan;
  HT_NEW(s->in, &p->arena, n->n_in + 1);
  for (int i = 0; i < n->n_in; i++) {
    ht_need none = {0};
    int value = 0;
    HT_TRY(ht_resolve(b, at, n->in[i], &value, &none));
    if (!value)
      return ht_fail(HT_CORRUPT, "input %d of node '%s' has no value", i,
                     n->name);
    if (p->value[value].ref) {
      bool handle = n->op->flags & HT_OP_HANDLES && input_is_ref(n->op, i);
      *ref_in |= handle;
      if (!handle) HT_TRY(read_reference(b, n->name, &value));
    }
    s->in[s->n_in++] = value;
    s->may_die |= p->value[value].may_die;
  }
  return HT_SUCCESS;
}

/* Control edges from steps that may be dead. */
static ht_status gather_guards(ht_maker *b, ht_instance *at, const ht_node *n,
                               ht_step *s) {
  ht_plan *p = b->plan;
  if (!n->n_control) return HT_SUCCESS;
  HT_NEW(s->guard, &p->arena, n->n_control);
  for (int i = 0; i < n->n_control; i++) {
    int value = at->value[n->control[i]];
    int step = value ? p->value[value].step : -1;
    if (step < 0 || !p->step[step].may_die) continue;
    s->guard[s->n_guards++] = step;
    s->may_die = true;
  }
  return HT_SUCCESS;
}

static ht_status emit_const(ht_maker *b, ht_instance *at, int node,
                            const ht_attrs *attrs) {
  const ht_attr *a = ht_attr_find(attrs, "value");
  if (!a || a->kind != HT_ATTR_TENSOR)
    return ht_fail(HT_CORRUPT, "constant '%s' has no value",
                   at->graph->node[node].name);
  return ht_maker_constant(b->plan, &a->value->tensor, &at->value[node]);
}

/* A constant of a branch is alive where its branch is: what it waits for. */
static ht_status emit_waiting(ht_maker *b, ht_instance *at, int node,
                              ht_step *s) {
  HT_TRY(gather_guards(b, at, &at->graph->node[node], s));
  if (!s->n_guards) return HT_SUCCESS;
  ht_plan *p = b->plan;
  int index;
  s->op = ht_op_find("Identity");
  HT_NEW(s->in, &p->arena, 1);
  s->in[s->n_in++] = at->value[node];
  s->n_out = 1;
  HT_TRY(ht_maker_values(p, 1, p->n_steps, &s->out));
  p->value[s->out].may_die = true;
  at->value[node] = s->out;
  return step_new(p, s, &index);
}

static ht_status prepare(ht_step *s) {
  if (!s->op->prepare || s->prepared) return HT_SUCCESS;
  return ht_within(s->op->prepare(s->attrs, &s->prepared), "node '%s'",
                   s->node);
}

static ht_status add_captured(ht_maker *b, ht_instance *at, ht_step *s) {
  if (s->op != &ht_op_custom_gradient) return HT_SUCCESS;
  const ht_custom_step *custom = s->prepared;
  int *in;
  HT_NEW(in, &b->plan->arena, s->n_in + custom->rule->n_captured);
  memcpy(in, s->in, (size_t)s->n_in * sizeof *in);
  s->in = in;
  for (int i = 0; i < custom->rule->n_captured; i++) {
    ht_ref ref;
    ht_need open = {0};
    int value = 0;
    HT_TRY(ht_graph_ref(at->graph, custom->rule->captured[i], &ref));
    HT_TRY(ht_resolve(b, at, ref, &value, &open));
    if (!value) { /* not computed before it: differentiate as it stands */
      s->op->unprepare(s->prepared);
      s->prepared = NULL;
      s->op = ht_op_find("IdentityN");
      s->n_in = custom->n_values;
      return HT_SUCCESS;
    }
    s->in[s->n_in++] = value;
  }
  return HT_SUCCESS;
}

ht_status ht_maker_step(ht_maker *b, ht_step *s) {
  ht_plan *p = b->plan;
  int index, n_in;
  HT_TRY(prepare(s));
  HT_TRY(ht_step_types(p, s, &n_in));
  /* what a custom gradient captured stands behind its inputs */
  bool more = s->op == &ht_op_custom_gradient;
  if (more ? n_in > s->n_in : n_in != s->n_in)
    return ht_fail(HT_CORRUPT, "node '%s' has %d inputs, its op '%s' %d",
                   s->node, s->n_in, s->op->name, n_in);
  HT_TRY(ht_maker_values(p, s->n_out ? s->n_out : 1, p->n_steps, &s->out));
  HT_TRY(step_new(p, s, &index));
  for (int i = 0; i < s->n_out; i++) p->value[s->out + i].may_die = s->may_die;
  return !s->may_die && foldable(p, s) ? fold(b, s) : HT_SUCCESS;
}

static ht_status emit_step(ht_maker *b, ht_instance *at, int node, ht_step *s) {
  ht_node *n = &at->graph->node[node];
  bool ref_in = false;
  HT_TRY(gather_inputs(b, at, n, s, &ref_in));
  HT_TRY(gather_guards(b, at, n, s));
  HT_TRY(fuse_gather(b, s));
  HT_TRY(sub_plans(b, at, s));
  s->n_out = n->n_out;
  HT_TRY(custom_gradient(b, at, s));
  HT_TRY(add_captured(b, at, s));
  HT_TRY(missing_gradient(b, at, s));
  s->may_die |= strcmp(n->op_name, "Switch") == 0;
  HT_TRY(ht_maker_step(b, s));
  at->value[node] = s->out;
  for (int i = 0; i < n->n_out; i++)
    b->plan->value[s->out + i].ref = ref_output(s->op, ref_in);
  return HT_SUCCESS;
}

static ht_status emit(ht_maker *b, ht_instance *at, int node) {
  ht_node *n = &at->graph->node[node];
  ht_step s = {.op = n->op, .node = n->name, .home = at->graph->library};
  HT_TRY(bound_attrs(b, at, n, &s.attrs));
  if (strcmp(n->op_name, "Const") == 0) {
    HT_TRY(emit_const(b, at, node, s.attrs));
    return emit_waiting(b, at, node, &s);
  }
  int before = b->plan->n_steps;
  ht_status st = emit_step(b, at, node, &s);
  if (st.code != HT_OK && b->plan->n_steps == before) ht_step_free(&s);
  return st;
}

/* ---- the walk */

static ht_status push(ht_maker *b, ht_need n) {
  ht_node *node = &n.at->graph->node[n.node];
  if (n.at->state[n.node] == HT_NODE_OPEN)
    return ht_fail(HT_UNSUPPORTED, "the graph has a cycle through node '%s'",
                   node->name);
  HT_TRY(ht_graph_bind(n.at->graph, n.node));
  n.at->state[n.node] = HT_NODE_OPEN;
  HT_GROW(b->stack, b->n_stack, b->stack_capacity, &b->plan->arena);
  b->stack[b->n_stack++] = (ht_visit){n.at, n.node, 0};
  return HT_SUCCESS;
}

/* What the node on top still waits for; fills *out. */
static ht_status next_need(ht_maker *b, ht_visit *w, ht_need *out) {
  ht_node *n = &w->at->graph->node[w->node];
  for (; w->next < n->n_in && !out->at; w->next += !out->at) {
    int value = 0;
    HT_TRY(ht_resolve(b, w->at, n->in[w->next], &value, out));
  }
  for (; w->next < n->n_in + n->n_control && !out->at; w->next += !out->at)
    HT_TRY(ht_resolve_control(b, w->at, n->control[w->next - n->n_in], out));
  return HT_SUCCESS;
}

static ht_status finish_node(ht_maker *b, ht_instance *at, int node) {
  ht_node *n = &at->graph->node[node];
  if (n->op && !(n->op->flags & HT_OP_ABSENT)) {
    HT_TRY(emit(b, at, node));
  } else {
    int n_out = n->op && n->n_out > 1 ? n->n_out : 1;
    HT_TRY(missing_op(b, at, n));
    HT_TRY(ht_maker_values(b->plan, n_out, -1, &at->value[node]));
  }
  at->state[node] = HT_NODE_DONE;
  return HT_SUCCESS;
}

static ht_status drain(ht_maker *b) {
  while (b->n_stack) {
    ht_visit *w = &b->stack[b->n_stack - 1];
    ht_instance *at = w->at;
    int node = w->node;
    ht_need open = {0};
    HT_TRY(next_need(b, w, &open));
    if (open.at) {
      HT_TRY(push(b, open));
      continue;
    }
    b->n_stack--;
    HT_TRY(finish_node(b, at, node));
  }
  return HT_SUCCESS;
}

static ht_status fetch(ht_maker *b, ht_instance *at, ht_ref ref, int *value) {
  for (*value = 0; !*value;) {
    ht_need open = {0};
    HT_TRY(ht_resolve(b, at, ref, value, &open));
    if (open.at) HT_TRY(push(b, open));
    HT_TRY(drain(b));
  }
  if (b->plan->value[*value].ref)
    HT_TRY(read_reference(b, at->graph->node[ref.node].name, value));
  return HT_SUCCESS;
}

static ht_status run_targets(ht_maker *b, ht_instance *at) {
  if (at->parent) {
    ht_need open = {0};
    do {
      open.at = NULL;
      HT_TRY(ht_instance_enter(b, at, &open));
      if (open.at) HT_TRY(push(b, open));
      HT_TRY(drain(b));
    } while (open.at);
  }
  for (int i = 0; i < at->body->n_targets; i++)
    for (ht_need open = {at, 0}; open.at;) {
      open.at = NULL;
      HT_TRY(ht_resolve_control(b, at, at->body->target[i], &open));
      if (open.at) HT_TRY(push(b, open));
      HT_TRY(drain(b));
    }
  return HT_SUCCESS;
}

static ht_status build(ht_maker *b, const ht_body *body,
                       const ht_tensor *capture) {
  ht_plan *p = b->plan;
  ht_instance *root;
  HT_TRY(ht_instance_new(b, body, capture, NULL, -1, &root));
  HT_NEW(p->feed, &p->arena, body->n_args + 1);
  HT_NEW(p->ret, &p->arena, body->n_rets + 1);
  root->entered = true;
  for (int i = 0; i < body->n_args; i++) {
    if (capture && capture[i].dtype) continue;
    HT_TRY(ht_maker_values(p, 1, -1, &root->argument_value[i]));
    p->feed[p->n_feeds++] = root->argument_value[i];
  }
  for (int i = 0; i < body->n_rets; i++)
    HT_TRY(fetch(b, root, body->ret[i], &p->ret[p->n_rets++]));
  for (int i = 0; i < b->n_all; i++) HT_TRY(run_targets(b, b->all[i]));
  return ht_plan_finish(p);
}

ht_status ht_plan_build(const ht_body *body, const ht_tensor *capture,
                        int depth, ht_missing_list *missing, ht_plan **out) {
  ht_plan *p = calloc(1, sizeof *p);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for a plan");
  if (depth > HT_MAX_DEPTH) {
    free(p);
    return ht_fail(HT_UNSUPPORTED, "functions call each other %d deep", depth);
  }
  ht_maker b = {.plan = p, .missing = missing, .depth = depth};
  b.run = ht_run_make(NULL, NULL, NULL);
  p->depth = depth;
  ht_status st = build(&b, body, capture);
  if (st.code != HT_OK)
    ht_plan_free(p);
  else
    *out = p;
  return st;
}
