/* object_graph.c - callables of a TF2 SavedModel: functions that the root
 * object and its sub-objects have as attributes. */
#include <string.h>

#include "hub/source.h"

int ht_object_child(const ht_saved_object *object, const char *name) {
  for (size_t i = 0; object && i < object->n_children; i++)
    if (strcmp(object->children[i]->local_name, name) == 0)
      return object->children[i]->node_id;
  return -1;
}

const ht_saved_object *ht_object_at(const ht_source *s, int64_t id) {
  bool there = s->objects && id >= 0 && (size_t)id < s->objects->n_nodes;
  return there ? s->objects->nodes[id] : NULL;
}

/* ---- traces */

static const Tensorflow__OpDef *signature_of(const ht_source *s,
                                             const char *function) {
  const Tensorflow__FunctionDef *f = ht_map_get(&s->function, function);
  return f ? f->signature : NULL;
}

/* Where the object graph does not tell what they are: by position. */
static ht_status plain_ports(ht_arena *arena, size_t n,
                             Tensorflow__OpDef__ArgDef *const *arg,
                             ht_ports *p) {
  p->n = 0;
  for (size_t i = 0; i < n; i++) {
    HT_GROW(p->port, p->n, p->capacity, arena);
    p->port[p->n++] = (ht_port){arg[i]->name,
                                NULL,
                                ht_dtype_of((int)arg[i]->type),
                                {.rank = -1},
                                (int)i};
  }
  p->n_tensors = (int)n;
  return HT_SUCCESS;
}

static ht_status check_ports(ht_arena *arena, size_t n,
                             Tensorflow__OpDef__ArgDef *const *arg,
                             ht_ports *p) {
  if (p->unknown || (size_t)p->n_tensors != n)
    return plain_ports(arena, n, arg, p);
  for (int i = 0; i < p->n; i++)
    if (p->port[i].dtype == HT_INVALID)
      p->port[i].dtype = ht_dtype_of((int)arg[p->port[i].index]->type);
  return HT_SUCCESS;
}

static int training_of(const ht_ports *p) {
  for (int i = 0; i < p->n_bound; i++) {
    if (strcmp(p->bound[i].name, "training") != 0) continue;
    if (strcmp(p->bound[i].value, "True") == 0) return 1;
    if (strcmp(p->bound[i].value, "False") == 0) return 0;
  }
  return -1;
}

static ht_status add_trace(ht_source *s, const char *name, const char *function,
                           const Tensorflow__FunctionSpec *spec) {
  ht_arena *arena = &s->model->arena;
  const Tensorflow__SavedConcreteFunction *f =
      ht_map_get(&s->concrete, function);
  const Tensorflow__OpDef *sig = signature_of(s, function);
  ht_ports in = {0}, out = {0};
  if (!f || !sig || sig->n_input_arg < f->n_bound_inputs) return HT_SUCCESS;
  HT_TRY(ht_structure_arguments(arena, f->canonicalized_input_signature, spec,
                                &in));
  HT_TRY(ht_structure_ports(arena, f->output_signature, "", &out));
  HT_TRY(check_ports(arena, sig->n_input_arg - f->n_bound_inputs,
                     sig->input_arg, &in));
  HT_TRY(check_ports(arena, sig->n_output_arg, sig->output_arg, &out));
  ht_callable c = {.name = name,
                   .function = function,
                   .method_name = "",
                   .training = training_of(&in),
                   .bound = in.bound,
                   .n_bound = in.n_bound,
                   .input = in.port,
                   .n_inputs = in.n,
                   .output = out.port,
                   .n_outputs = out.n};
  return ht_add_callable(s, &c);
}

static ht_status add_function(ht_source *s, const char *name,
                              const ht_saved_object *object) {
  if (object->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION) {
    const Tensorflow__SavedFunction *f = object->function;
    for (size_t i = 0; i < f->n_concrete_functions; i++)
      HT_TRY(add_trace(s, name, f->concrete_functions[i], f->function_spec));
    return HT_SUCCESS;
  }
  const Tensorflow__SavedBareConcreteFunction *b =
      object->bare_concrete_function;
  return add_trace(s, name, b->concrete_function_name, b->function_spec);
}

/* ---- walking the objects */

typedef struct place {
  int id;
  const char *path; /* "" is the root */
} place;

typedef struct walk {
  ht_source *s;
  place *queue;
  int n, capacity;
  bool *seen; /* per object */
} walk;

static bool is_function(const ht_saved_object *o) {
  return o->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION ||
         o->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION;
}

/* Attributes that are no part of the interface. */
static bool is_private(const char *name) {
  static const char *const inner[] = {"signatures", "keras_api", "optimizer",
                                      "regularization_losses"};
  for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
    if (strcmp(name, inner[i]) == 0) return true;
  return name[0] == '_' && strcmp(name, "__call__") != 0;
}

/* The path of `name` under `path`; an object's __call__ is the object. */
static const char *path_of(ht_arena *arena, const char *path,
                           const char *name) {
  if (!*path) return name;
  if (strcmp(name, "__call__") == 0) return path;
  return ht_arena_printf(arena, "%s.%s", path, name);
}

static ht_status visit_child(walk *w, const place *at, const char *name,
                             int id) {
  ht_arena *arena = &w->s->model->arena;
  const ht_saved_object *child = ht_object_at(w->s, id);
  if (!child || is_private(name)) return HT_SUCCESS;
  bool object = child->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_USER_OBJECT;
  if (!is_function(child) && (!object || w->seen[id])) return HT_SUCCESS;
  const char *path = path_of(arena, at->path, name);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", name);
  if (!object) return add_function(w->s, path, child);
  w->seen[id] = true;
  HT_GROW(w->queue, w->n, w->capacity, arena);
  w->queue[w->n++] = (place){id, path};
  return HT_SUCCESS;
}

ht_status ht_object_callables(ht_source *s) {
  walk w = {.s = s};
  ht_arena *arena = &s->model->arena;
  if (!s->objects || !s->objects->n_nodes) return HT_SUCCESS;
  HT_NEW(w.seen, arena, s->objects->n_nodes);
  HT_GROW(w.queue, w.n, w.capacity, arena);
  w.queue[w.n++] = (place){0, ""};
  w.seen[0] = true;
  for (int i = 0; i < w.n; i++) {
    place at = w.queue[i];
    const ht_saved_object *o = ht_object_at(s, at.id);
    for (size_t k = 0; k < o->n_children; k++)
      HT_TRY(visit_child(&w, &at, o->children[k]->local_name,
                         o->children[k]->node_id));
  }
  return HT_SUCCESS;
}

/* ---- losses */

static const char *loss_function(const ht_saved_object *o) {
  if (!o) return NULL;
  if (o->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION)
    return o->bare_concrete_function->concrete_function_name;
  bool function = o->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_FUNCTION;
  return function && o->function->n_concrete_functions
             ? o->function->concrete_functions[0]
             : NULL;
}

static ht_status add_loss(ht_source *s, const char *function) {
  ht_model *m = s->model;
  const Tensorflow__SavedConcreteFunction *f =
      ht_map_get(&s->concrete, function);
  const Tensorflow__OpDef *sig = signature_of(s, function);
  if (!f || !sig || sig->n_input_arg != f->n_bound_inputs ||
      sig->n_output_arg != 1)
    return HT_SUCCESS;
  ht_tensor *capture;
  HT_TRY(ht_function_body(s, function, &m->regularization[m->n_regularization],
                          &capture));
  m->regularization_capture[m->n_regularization++] = capture;
  return HT_SUCCESS;
}

ht_status ht_object_losses(ht_source *s) {
  ht_model *m = s->model;
  const ht_saved_object *list = ht_object_at(
      s, ht_object_child(ht_object_at(s, 0), "regularization_losses"));
  if (!list) return HT_SUCCESS;
  HT_NEW(m->regularization, &m->arena, list->n_children);
  HT_NEW(m->regularization_capture, &m->arena, list->n_children);
  for (size_t i = 0; i < list->n_children; i++) {
    const char *f = loss_function(ht_object_at(s, list->children[i]->node_id));
    if (f) HT_TRY(ht_within(add_loss(s, f), "regularization loss %zu", i));
  }
  return HT_SUCCESS;
}
