/* plan.c - making plans and asking them, see plan.h. */
#include <string.h>

#include "graph/plan_steps.h"
#include "ops/interface.h"

ht_status ht_plan_new(const ht_body *body, const ht_tensor *capture,
                      ht_plan **out) {
  return ht_plan_build(body, capture, 0, NULL, out);
}

ht_status ht_plan_missing(const ht_body *body, bool gradients, ht_arena *arena,
                          ht_missing **missing, int *n) {
  ht_missing_list list = {.arena = arena, .gradients = gradients};
  ht_plan *plan;
  HT_TRY(ht_plan_build(body, NULL, 0, &list, &plan));
  ht_plan_free(plan);
  *missing = list.item;
  *n = list.n;
  return HT_SUCCESS;
}

typedef struct found {
  ht_arena *arena;
  ht_variable **variable;
  int n, capacity;
} found;

static ht_status add_variable(found *f, ht_variable *v) {
  for (int i = 0; i < f->n; i++)
    if (f->variable[i] == v) return HT_SUCCESS;
  if (!v) return HT_SUCCESS;
  HT_GROW(f->variable, f->n, f->capacity, f->arena);
  f->variable[f->n++] = v;
  return HT_SUCCESS;
}

bool ht_makes_handle(const ht_op *op) {
  return strcmp(op->name, "VarHandleOp") == 0 ||
         strcmp(op->name, "VariableV2") == 0 ||
         strcmp(op->name, "Variable") == 0;
}

ht_variable *ht_object_variable(ht_object *object) {
  return object && object->class == &ht_variable_class ? (ht_variable *)object
                                                       : NULL;
}

ht_variable *ht_step_variable(const ht_step *s, const ht_store *store) {
  if (s->home && s->home->store) store = s->home->store;
  if (!ht_makes_handle(s->op) || !store) return NULL;
  char name[512];
  ht_string shared = ht_attr_string(s->attrs, "shared_name");
  ht_object *object = NULL;
  if (shared.n && shared.n < sizeof name) {
    memcpy(name, shared.p, shared.n);
    name[shared.n] = 0;
    object = ht_store_find(store, name);
  }
  return ht_object_variable(object ? object : ht_store_find(store, s->node));
}

static ht_status add_constants(found *f, const ht_plan *p, const ht_step *s) {
  for (int k = 0; k < s->n_in; k++) {
    const ht_tensor *t = p->value[s->in[k]].constant;
    for (int64_t i = 0; t && t->dtype == HT_RESOURCE && i < ht_count(t); i++)
      HT_TRY(add_variable(f, ht_object_variable(ht_obj(t)[i])));
  }
  return HT_SUCCESS;
}

/* Sub-plans get their handles from their callers' inputs, except those that
 * they make by name. */
static ht_status walk(found *f, const ht_plan *p, const ht_store *store) {
  for (int i = 0; i < p->n_steps; i++) {
    const ht_step *s = &p->step[i];
    HT_TRY(add_variable(f, ht_step_variable(s, store)));
    HT_TRY(add_constants(f, p, s));
    for (int k = 0; k < s->n_sub; k++) HT_TRY(walk(f, s->sub[k], store));
  }
  return HT_SUCCESS;
}

ht_status ht_plan_variables(const ht_body *body, const ht_tensor *capture,
                            const ht_store *store, ht_arena *arena,
                            ht_variable ***v, int *n) {
  ht_missing_list list = {.arena = arena};
  found f = {.arena = arena};
  ht_plan *plan;
  HT_TRY(ht_plan_build(body, capture, 0, &list, &plan));
  ht_status st = walk(&f, plan, store);
  ht_plan_free(plan);
  *v = f.variable;
  *n = f.n;
  return st;
}

/* ---- the dtypes of inputs */

ht_status ht_step_types(ht_plan *plan, ht_step *s, int *n) {
  ht_dtype *wants;
  HT_NEW(wants, &plan->arena, s->n_in + 1);
  ht_status st = ht_op_inputs(s->op, s->attrs, s->n_in, wants, n);
  s->wants = st.code == HT_OK && *n == s->n_in ? wants : NULL;
  return ht_within(st, "node '%s'", s->node);
}

ht_status ht_step_check(const ht_step *s, const ht_call *c) {
  for (int i = 0; s->wants && i < c->n_in; i++) {
    ht_dtype t = c->in[i]->dtype, wanted = s->wants[i];
    if (t == wanted || !wanted || !t) continue;
    if (t == HT_RESOURCE && s->op->flags & HT_OP_HANDLES) continue;
    return ht_need_dtype(c, i, wanted);
  }
  return HT_SUCCESS;
}

/* ---- which of them a gradient comes to */

typedef struct way {
  found found;
  const ht_plan *plan;
  const ht_store *store;
  bool *wanted; /* per value: a cotangent can arrive */
} way;

static bool want(way *w, int value) {
  bool fresh = !w->wanted[value];
  w->wanted[value] = true;
  return fresh;
}

static bool wanted(const way *w, const ht_step *s) {
  for (int k = 0; k < s->n_out; k++)
    if (w->wanted[s->out + k]) return true;
  return false;
}

/* What the bodies of control flow do with a cotangent is not followed: it
 * comes to all that they read. */
static ht_status follow(way *w, const ht_step *s, bool *more) {
  HT_TRY(add_variable(&w->found, ht_step_variable(s, w->store)));
  if (s->op->gradient == ht_no_gradient) return HT_SUCCESS;
  HT_TRY(add_constants(&w->found, w->plan, s));
  for (int k = 0; k < s->n_sub; k++)
    HT_TRY(walk(&w->found, s->sub[k], w->store));
  for (int k = 0; k < s->n_in; k++) *more |= want(w, s->in[k]);
  return HT_SUCCESS;
}

static ht_status follow_back(way *w) {
  bool more = true; /* loops of version 1 lead back to later steps */
  while (more) {
    more = false;
    for (int i = w->plan->n_steps; i-- > 0;)
      if (wanted(w, &w->plan->step[i]))
        HT_TRY(follow(w, &w->plan->step[i], &more));
  }
  return HT_SUCCESS;
}

ht_status ht_plan_reached(const ht_plan *plan, int fetch, const ht_store *store,
                          ht_arena *arena, ht_variable ***v, int *n) {
  way w = {.found = {.arena = arena}, .plan = plan, .store = store};
  HT_NEW(w.wanted, arena, plan->n_values + 1);
  want(&w, plan->ret[fetch]);
  HT_TRY(follow_back(&w));
  *v = w.found.variable;
  *n = w.found.n;
  return HT_SUCCESS;
}

const char *ht_plan_placeholder(const ht_plan *plan) {
  for (int i = 0; i < plan->n_steps; i++)
    if (strcmp(plan->step[i].op->name, "Placeholder") == 0)
      return plan->step[i].node;
  return NULL;
}
