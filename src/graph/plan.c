/* plan.c - making plans and asking them, see plan.h. */
#include <string.h>

#include "graph/plan_steps.h"

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

static ht_status add_variable(found *f, ht_object *object) {
  if (!object || object->class != &ht_variable_class) return HT_SUCCESS;
  for (int i = 0; i < f->n; i++)
    if (&f->variable[i]->object == object) return HT_SUCCESS;
  HT_GROW(f->variable, f->n, f->capacity, f->arena);
  f->variable[f->n++] = (ht_variable *)object;
  return HT_SUCCESS;
}

/* Handles made by the graph itself are found in the store by their name. */
static ht_status add_handle_op(found *f, const ht_step *s,
                               const ht_store *store) {
  if (s->home && s->home->store) store = s->home->store;
  bool handle = strcmp(s->op->name, "VarHandleOp") == 0 ||
                strcmp(s->op->name, "VariableV2") == 0 ||
                strcmp(s->op->name, "Variable") == 0;
  if (!handle || !store) return HT_SUCCESS;
  char name[256];
  ht_string shared = ht_attr_string(s->attrs, "shared_name");
  ht_object *object = NULL;
  if (shared.n && shared.n < sizeof name) {
    memcpy(name, shared.p, shared.n);
    name[shared.n] = 0;
    object = ht_store_find(store, name);
  }
  return add_variable(f, object ? object : ht_store_find(store, s->node));
}

static ht_status add_constants(found *f, const ht_plan *p, const ht_step *s) {
  for (int k = 0; k < s->n_in; k++) {
    const ht_tensor *t = p->value[s->in[k]].constant;
    for (int64_t i = 0; t && t->dtype == HT_RESOURCE && i < ht_count(t); i++)
      HT_TRY(add_variable(f, ht_obj(t)[i]));
  }
  return HT_SUCCESS;
}

/* Sub-plans get their handles from their callers' inputs, except those that
 * they make by name. */
static ht_status walk(found *f, const ht_plan *p, const ht_store *store) {
  for (int i = 0; i < p->n_steps; i++) {
    const ht_step *s = &p->step[i];
    HT_TRY(add_handle_op(f, s, store));
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

const char *ht_plan_placeholder(const ht_plan *plan) {
  for (int i = 0; i < plan->n_steps; i++)
    if (strcmp(plan->step[i].op->name, "Placeholder") == 0)
      return plan->step[i].node;
  return NULL;
}
