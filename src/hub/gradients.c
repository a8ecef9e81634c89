/*
 * gradients.c - custom gradients that a module brings (registered_gradients).
 *
 * TensorFlow traces the gradient with the inputs of the IdentityN as the
 * cotangents of its outputs; what else it uses is captured: values of the
 * function that holds the IdentityN, or objects (python/saved_model/save.py).
 */
#include <string.h>

#include "hub/source.h"

static bool is_tensor(const ht_structured *v) {
  return v &&
         v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE;
}

static ht_status flags(ht_arena *arena, size_t n, ht_structured *const *v,
                       bool **flag, int *n_flags, size_t *n_set) {
  HT_NEW(*flag, arena, n);
  *n_flags = (int)n;
  *n_set = 0;
  for (size_t i = 0; i < n; i++) *n_set += (*flag)[i] = is_tensor(v[i]);
  return HT_SUCCESS;
}

static bool items(const ht_structured *v, ht_structured *const **item,
                  size_t *n) {
  if (!v) return false;
  if (v->kind_case == TENSORFLOW__STRUCTURED_VALUE__KIND_LIST_VALUE) {
    *item = v->list_value->values;
    *n = v->list_value->n_values;
    return true;
  }
  if (v->kind_case != TENSORFLOW__STRUCTURED_VALUE__KIND_TUPLE_VALUE)
    return false;
  *item = v->tuple_value->values;
  *n = v->tuple_value->n_values;
  return true;
}

/* The captures, in order: names in the forward function, or values. */
static ht_status captures(ht_source *s,
                          const Tensorflow__SavedConcreteFunction *f,
                          size_t n_args, ht_custom_gradient *rule) {
  ht_arena *arena = &s->model->arena;
  ht_tensor *value;
  HT_NEW(value, arena, n_args);
  HT_NEW(rule->captured, arena, f->n_bound_inputs);
  for (size_t i = 0; i < f->n_bound_inputs; i++) {
    const ht_saved_object *o = ht_object_at(s, f->bound_inputs[i]);
    size_t at = n_args - f->n_bound_inputs + i;
    if (o && o->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_CAPTURED_TENSOR)
      rule->captured[rule->n_captured++] = o->captured_tensor->name;
    else
      HT_TRY(ht_object_value(s, f->bound_inputs[i], &value[at]));
  }
  rule->capture = value;
  return HT_SUCCESS;
}

/* *out NULL: one that cannot be told; the ops are differentiated as they
 * stand. */
static ht_status read_rule(ht_source *s, const char *function,
                           ht_custom_gradient **out) {
  ht_arena *arena = &s->model->arena;
  const Tensorflow__SavedConcreteFunction *f =
      ht_map_get(&s->concrete, function);
  const Tensorflow__FunctionDef *def = ht_map_get(&s->function, function);
  ht_structured *const *part = NULL, *const *in = NULL, *const *ret = NULL;
  size_t n_parts = 0, n_in = 0, n_ret = 0, n_takes, n_returns;
  *out = NULL;
  if (!f || !def || !items(f->canonicalized_input_signature, &part, &n_parts) ||
      !n_parts || !items(part[0], &in, &n_in) || !n_in ||
      !items(f->output_signature, &ret, &n_ret))
    return HT_SUCCESS;
  ht_custom_gradient *rule;
  HT_NEW(rule, arena, 1);
  rule->function = function;
  /* The first argument stands for the op and is None. */
  HT_TRY(
      flags(arena, n_in - 1, in + 1, &rule->takes, &rule->n_takes, &n_takes));
  HT_TRY(
      flags(arena, n_ret, ret, &rule->returns, &rule->n_returns, &n_returns));
  size_t n_args = def->signature->n_input_arg;
  if (n_args != n_takes + f->n_bound_inputs ||
      def->signature->n_output_arg != n_returns)
    return HT_SUCCESS;
  HT_TRY(captures(s, f, n_args, rule));
  *out = rule;
  return HT_SUCCESS;
}

ht_status ht_custom_gradients(ht_source *s) {
  const Tensorflow__GraphDef *g = s->meta->graph_def;
  const Tensorflow__FunctionDefLibrary *l = g ? g->library : NULL;
  ht_map *rules = &s->model->library.gradients;
  for (size_t i = 0; l && i < l->n_registered_gradients; i++) {
    const Tensorflow__RegisteredGradient *p = l->registered_gradients[i];
    ht_custom_gradient *rule;
    HT_TRY(ht_within(read_rule(s, p->gradient_func, &rule),
                     "custom gradient '%s'", p->gradient_func));
    if (rule) HT_TRY(ht_map_put(rules, p->registered_op_type, rule));
  }
  return HT_SUCCESS;
}

bool ht_source_gradient(const ht_source *s, const char *function) {
  const Tensorflow__GraphDef *g = s->meta->graph_def;
  const Tensorflow__FunctionDefLibrary *l = g ? g->library : NULL;
  for (size_t i = 0; l && i < l->n_registered_gradients; i++)
    if (strcmp(l->registered_gradients[i]->gradient_func, function) == 0)
      return true;
  return false;
}
