/* capture.c - what functions of the object graph close over: variables,
 * constants, assets, and resources that functions of their own make. */
#include <string.h>

#include "hub/source.h"

enum { MAX_CHAIN = 64 }; /* resources that need resources to be made */

static ht_status handle_of(ht_object *object, ht_tensor *out) {
  HT_TRY(ht_tensor_new(NULL, HT_RESOURCE, &HT_SCALAR, out));
  ht_obj(out)[0] = ht_object_share(object);
  return HT_SUCCESS;
}

static ht_status constant_value(ht_source *s, const char *operation,
                                ht_tensor *out) {
  const Tensorflow__NodeDef *node = ht_map_get(&s->node, operation);
  const Tensorflow__AttrValue *v = node ? ht_node_attr(node, "value") : NULL;
  if (!v || v->value_case != TENSORFLOW__ATTR_VALUE__VALUE_TENSOR)
    return ht_fail(HT_CORRUPT, "there is no constant '%s'", operation);
  return ht_within(ht_tensor_of_proto(s, v->tensor, out), "constant '%s'",
                   operation);
}

static ht_status asset_value(ht_source *s, int index, ht_tensor *out) {
  ht_model *m = s->model;
  if (index < 0 || index >= m->n_assets)
    return ht_fail(HT_CORRUPT, "there is no asset %d", index);
  const char *path = m->asset[index].path;
  return ht_scalar_string(path, strlen(path), out);
}

static const char *method_of(const ht_source *s, const ht_saved_object *o,
                             const char *name) {
  const ht_saved_object *f = ht_object_at(s, ht_object_child(o, name));
  if (f && f->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION &&
      f->function->n_concrete_functions)
    return f->function->concrete_functions[0];
  if (f &&
      f->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION)
    return f->bare_concrete_function->concrete_function_name;
  return NULL;
}

/*
 * Makes a resource and fills it. A kind that we cannot make is an empty
 * handle: whoever uses it says so.
 */
static ht_status resource_value(ht_source *s, int id, ht_tensor *value) {
  const ht_saved_object *o = ht_object_at(s, id);
  const char *create = method_of(s, o, "_create_resource");
  const char *fill = method_of(s, o, "_initialize");
  ht_status st = create ? ht_source_call(s, create, 1, value)
                        : ht_fail(HT_UNSUPPORTED, "no way to make it");
  if (st.code == HT_UNSUPPORTED) return handle_of(NULL, value);
  HT_TRY(st);
  if (!fill) return HT_SUCCESS;
  s->value[id] = *value; /* which the function captures */
  st = ht_source_call(s, fill, 0, NULL);
  s->value[id] = (ht_tensor){0};
  if (st.code != HT_OK && st.code != HT_UNSUPPORTED) {
    ht_tensor_drop(value);
    return st;
  }
  return HT_SUCCESS;
}

static ht_status make_value(ht_source *s, int id, ht_tensor *out) {
  const ht_saved_object *o = ht_object_at(s, id);
  switch (o->kind_case) {
    case TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE:
      return handle_of(&s->variable[id]->object, out);
    case TENSORFLOW__SAVED_OBJECT__KIND_CONSTANT:
      return constant_value(s, o->constant->operation, out);
    case TENSORFLOW__SAVED_OBJECT__KIND_ASSET:
      return asset_value(s, o->asset->asset_file_def_index, out);
    case TENSORFLOW__SAVED_OBJECT__KIND_CAPTURED_TENSOR:
      return ht_fail(HT_UNSUPPORTED, "a capture of '%s' of another function",
                     o->captured_tensor->name);
    default: break;
  }
  if (s->chain >= MAX_CHAIN)
    return ht_fail(HT_CORRUPT, "resources need each other without end");
  s->chain++;
  ht_status st = resource_value(s, id, out);
  s->chain--;
  return st;
}

ht_status ht_object_value(ht_source *s, int id, ht_tensor *out) {
  if (!ht_object_at(s, id))
    return ht_fail(HT_CORRUPT, "there is no object %d", id);
  if (!s->value[id].dtype) {
    ht_tensor t;
    HT_TRY(ht_within(make_value(s, id, &t), "object %d", id));
    HT_TRY(ht_source_keep(s, &t));
    s->value[id] = t;
  }
  *out = s->value[id];
  return HT_SUCCESS;
}

ht_status ht_function_body(ht_source *s, const char *name, ht_body *body,
                           ht_tensor **capture) {
  const Tensorflow__SavedConcreteFunction *f = ht_map_get(&s->concrete, name);
  size_t n_bound = f ? f->n_bound_inputs : 0;
  ht_graph *g;
  HT_TRY(ht_library_find(&s->model->library, name, &g));
  if (!g) return ht_fail(HT_CORRUPT, "there is no function '%s'", name);
  if ((size_t)g->n_args < n_bound)
    return ht_fail(HT_CORRUPT,
                   "function '%s' has %d arguments and %zu "
                   "captures",
                   name, g->n_args, n_bound);
  HT_NEW(*capture, &s->model->arena, g->n_args);
  int first = g->n_args - (int)n_bound;
  for (size_t i = 0; i < n_bound; i++)
    HT_TRY(ht_within(
        ht_object_value(s, f->bound_inputs[i], &(*capture)[first + (int)i]),
        "function '%s'", name));
  return ht_body_of_function(g, body);
}

static ht_status run_body(ht_source *s, const ht_body *body,
                          const ht_tensor *capture, ht_tensor *all) {
  ht_model *m = s->model;
  ht_plan *plan;
  HT_TRY(ht_plan_new(body, capture, &plan));
  ht_run run = ht_run_make(m->pool, &m->store, m->folder);
  ht_status st = ht_plan_run(plan, &run, 0, NULL, body->n_rets, all);
  ht_plan_free(plan);
  return st;
}

ht_status ht_source_call(ht_source *s, const char *name, int n_out,
                         ht_tensor *out) {
  ht_body body;
  ht_tensor *capture, *all;
  HT_TRY(ht_function_body(s, name, &body, &capture));
  for (int i = 0; i < body.n_args; i++)
    if (!capture[i].dtype)
      return ht_fail(HT_CORRUPT, "function '%s' wants an argument", name);
  if (body.n_rets < n_out)
    return ht_fail(HT_CORRUPT, "function '%s' returns %d values, wanted %d",
                   name, body.n_rets, n_out);
  HT_NEW(all, &s->model->arena, body.n_rets);
  HT_TRY(ht_within(run_body(s, &body, capture, all), "function '%s'", name));
  for (int i = 0; i < body.n_rets; i++)
    if (i < n_out)
      out[i] = all[i];
    else
      ht_tensor_drop(&all[i]);
  return HT_SUCCESS;
}

ht_status ht_model_prepare(ht_model *model, const ht_callable *callable) {
  if (callable->body.graph) return HT_SUCCESS;
  ht_callable *c = (ht_callable *)callable; /* of this model: ours */
  ht_body body;
  ht_tensor *capture;
  HT_TRY(ht_within(
      ht_function_body(ht_source_of(model), c->function, &body, &capture),
      "callable '%s'", c->name));
  c->capture = capture;
  c->body = body;
  return HT_SUCCESS;
}
