/*
 * variables_objects.c - variables of a TF2 SavedModel. The object graph says
 * what they are; the checkpoint has an object graph of its own, walked in
 * lock-step by the names of edges, that says where their values stand; the
 * main graph's restore function says which VarHandleOp each of them is.
 */
#include <stdio.h>
#include <string.h>

#include "format/message.h"
#include "hub/checkpoint_read.h"
#include "hub/source.h"

typedef Tensorflow__TrackableObjectGraph stored_graph;
typedef Tensorflow__TrackableObjectGraph__TrackableObject stored_object;
typedef Tensorflow__TrackableObjectGraph__TrackableObject__ObjectReference edge;
typedef Tensorflow__TrackableObjectGraph__TrackableObject__SlotVariableReference
    slot;

typedef struct tf2 {
  ht_source *s;
  const stored_graph *stored;
  int *twin; /* per object: its node in the checkpoint's graph, -1: none */
  int *queue;
  int n_queue;
  bool *slot;      /* per object: a slot of an optimizer */
  bool *trainable; /* per object: in the root's list */
  bool listed;     /* the root has such a list */
  ht_map node;     /* key -> main graph's VarHandleOp (NodeDef) */
  ht_map restored; /* name of a VarHandleOp -> ht_restored */
  int *same;       /* per object: the variable that it is a copy of, -1: none */
} tf2;

static ht_status read_stored_graph(tf2 *t) {
  static const char key[] = "_CHECKPOINTABLE_OBJECT_GRAPH";
  ht_bundle *b = t->s->bundle;
  const ht_bundle_entry *e = b ? ht_bundle_find(b, key) : NULL;
  ht_tensor text;
  if (!e) return HT_SUCCESS;
  HT_TRY(ht_checkpoint_tensor(b, e, &text));
  ProtobufCMessage *p = NULL;
  bool scalar = text.dtype == HT_STRING && ht_count(&text) == 1;
  ht_status st =
      !scalar ? ht_fail(HT_CORRUPT, "'%s' is no string", key)
              : ht_message_unpack(
                    &tensorflow__trackable_object_graph__descriptor,
                    ht_str(&text)[0].p, ht_str(&text)[0].n,
                    "the checkpoint's object graph", &t->s->model->arena, &p);
  ht_tensor_drop(&text);
  t->stored = (stored_graph *)p;
  return st;
}

/* ---- lock-step */

static const stored_object *stored_at(const tf2 *t, int id) {
  bool there = t->stored && id >= 0 && (size_t)id < t->stored->n_nodes;
  return there ? t->stored->nodes[id] : NULL;
}

static void meet(tf2 *t, int64_t id, int64_t twin) {
  if (!ht_object_at(t->s, id) || twin < 0 || twin > INT32_MAX ||
      !stored_at(t, (int)twin) || t->twin[id] >= 0)
    return;
  t->twin[id] = (int)twin;
  t->queue[t->n_queue++] = (int)id;
}

static ht_status meet_children(tf2 *t, int id) {
  const ht_saved_object *a = t->s->objects->nodes[id];
  const stored_object *b = stored_at(t, t->twin[id]);
  ht_arena scratch = {0};
  ht_map by_name = {.arena = &scratch};
  ht_status st = HT_SUCCESS;
  for (size_t i = 0; i < b->n_children && st.code == HT_OK; i++)
    st = ht_map_put(&by_name, b->children[i]->local_name, b->children[i]);
  for (size_t i = 0; i < a->n_children && st.code == HT_OK; i++) {
    const edge *e = ht_map_get(&by_name, a->children[i]->local_name);
    if (e) meet(t, a->children[i]->node_id, e->node_id);
  }
  ht_arena_free(&scratch);
  return st;
}

static void meet_slot(tf2 *t, const slot *p, const stored_object *b) {
  int64_t original = p->original_variable_node_id;
  if (!ht_object_at(t->s, original) ||
      !ht_object_at(t->s, p->slot_variable_node_id))
    return;
  t->slot[p->slot_variable_node_id] = true;
  for (size_t i = 0; b && i < b->n_slot_variables; i++) {
    const slot *q = b->slot_variables[i];
    if (q->original_variable_node_id == t->twin[original] &&
        strcmp(q->slot_name, p->slot_name) == 0)
      meet(t, p->slot_variable_node_id, q->slot_variable_node_id);
  }
}

static ht_status walk_both(tf2 *t) {
  const Tensorflow__SavedObjectGraph *g = t->s->objects;
  for (size_t i = 0; i < g->n_nodes; i++) t->twin[i] = -1;
  meet(t, 0, 0);
  for (int i = 0; i < t->n_queue; i++) HT_TRY(meet_children(t, t->queue[i]));
  for (size_t i = 0; i < g->n_nodes; i++)
    for (size_t k = 0; k < g->nodes[i]->n_slot_variables; k++)
      meet_slot(t, g->nodes[i]->slot_variables[k], stored_at(t, t->twin[i]));
  return HT_SUCCESS;
}

/* ---- what each variable is */

static const char *stored_key(const tf2 *t, int id) {
  const stored_object *o = stored_at(t, t->twin[id]);
  for (size_t i = 0; o && i < o->n_attributes; i++)
    if (strcmp(o->attributes[i]->name, "VARIABLE_VALUE") == 0)
      return o->attributes[i]->checkpoint_key;
  const char *name = t->s->objects->nodes[id]->variable->name;
  bool named = !t->stored && t->s->bundle && ht_bundle_find(t->s->bundle, name);
  return named ? name : NULL;
}

static ht_status find_nodes(tf2 *t) {
  t->node = (ht_map){.arena = &t->s->model->arena};
  HT_TRY(ht_restore_map(t->s, &t->restored));
  for (int i = 0; i < t->restored.n; i++) {
    const ht_restored *r = t->restored.entry[i].value;
    HT_TRY(ht_map_put(&t->node, r->key,
                      ht_map_get(&t->s->node, t->restored.entry[i].key)));
  }
  return HT_SUCCESS;
}

/* ---- copies
 *
 * Keras 3 saves each variable twice: the functions of the object graph
 * capture one, the same functions called by signatures of the main graph the
 * other. TensorFlow's loaders read either. Here both are one, the former, and
 * what is written later holds its value in both places.
 */

static bool is_variable(const tf2 *t, int id) {
  const ht_saved_object *o = ht_object_at(t->s, id);
  return o && o->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE;
}

static bool same_values(const ht_bundle *b, const char *one, const char *two) {
  const ht_bundle_entry *e = b ? ht_bundle_find(b, one) : NULL;
  const ht_bundle_entry *f = b ? ht_bundle_find(b, two) : NULL;
  return e && f && e->dtype == f->dtype && e->count == f->count &&
         e->crc == f->crc;
}

/* The main graph's node `handle` stands where a function captures variable
 * `id`: if another variable of equal value is restored there, it is a copy. */
static ht_status meet_capture(tf2 *t, int id, const char *handle,
                              const ht_map *by_key) {
  const ht_restored *r = ht_map_get(&t->restored, handle);
  const char *key = is_variable(t, id) ? stored_key(t, id) : NULL;
  const int *copy = r ? ht_map_get(by_key, r->key) : NULL;
  if (!key || !copy || *copy == id || t->same[*copy] >= 0 || t->same[id] >= 0 ||
      !same_values(t->s->bundle, key, r->key))
    return HT_SUCCESS;
  void *own = ht_map_get(&t->node, key);
  t->same[*copy] = id;
  HT_TRY(ht_map_put(&t->node, key, ht_map_get(&t->node, r->key)));
  return ht_map_put(&t->node, r->key, own);
}

static ht_status meet_captures(tf2 *t, const Tensorflow__NodeDef *call,
                               const ht_map *by_key) {
  const Tensorflow__AttrValue *f = ht_node_attr(call, "f");
  const Tensorflow__SavedConcreteFunction *c =
      f && f->value_case == TENSORFLOW__ATTR_VALUE__VALUE_FUNC
          ? ht_map_get(&t->s->concrete, f->func->name)
          : NULL;
  size_t n = call->n_input;
  while (n && *call->input[n - 1] == '^') n--;
  for (size_t i = 0; c && i < c->n_bound_inputs && c->n_bound_inputs <= n; i++)
    HT_TRY(meet_capture(t, c->bound_inputs[i],
                        call->input[n - c->n_bound_inputs + i], by_key));
  return HT_SUCCESS;
}

static ht_status find_copies(tf2 *t) {
  const Tensorflow__GraphDef *g = t->s->meta->graph_def;
  ht_arena *arena = &t->s->model->arena;
  ht_map by_key = {.arena = arena};
  int n = (int)t->s->objects->n_nodes, *id;
  HT_NEW(t->same, arena, n);
  HT_NEW(id, arena, n);
  for (int i = 0; i < n; i++) {
    const char *key = is_variable(t, i) ? stored_key(t, i) : NULL;
    t->same[i] = -1;
    id[i] = i;
    if (key) HT_TRY(ht_map_put(&by_key, key, &id[i]));
  }
  for (size_t i = 0; g && i < g->n_node; i++)
    if (strstr(g->node[i]->op, "PartitionedCall"))
      HT_TRY(meet_captures(t, g->node[i], &by_key));
  return HT_SUCCESS;
}

static void read_trainable(tf2 *t) {
  const ht_saved_object *list = ht_object_at(
      t->s, ht_object_child(ht_object_at(t->s, 0), "trainable_variables"));
  t->listed = list != NULL;
  for (size_t i = 0; list && i < list->n_children; i++)
    if (ht_object_at(t->s, list->children[i]->node_id))
      t->trainable[list->children[i]->node_id] = true;
}

/* A free name in the store: the main graph's, so that its VarHandleOp finds
 * the variable. */
static ht_status store_name(tf2 *t, int id, const char *key, const char **out) {
  ht_model *m = t->s->model;
  const Tensorflow__NodeDef *node = key ? ht_map_get(&t->node, key) : NULL;
  const Tensorflow__AttrValue *v =
      node ? ht_node_attr(node, "shared_name") : NULL;
  const char *name =
      node ? node->name : t->s->objects->nodes[id]->variable->name;
  if (v && v->value_case == TENSORFLOW__ATTR_VALUE__VALUE_S && v->s.len)
    name = ht_arena_bytes(&m->arena, v->s.data, v->s.len);
  if (!name || !*name || ht_store_find(&m->store, name))
    name = ht_arena_printf(&m->arena, "object/%d", id);
  *out = name;
  return name ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a name");
}

static ht_status add_variable(tf2 *t, int id) {
  ht_source *s = t->s;
  const Tensorflow__SavedVariable *p = s->objects->nodes[id]->variable;
  const char *key = stored_key(t, id), *name;
  ht_shape shape = p->shape ? ht_shape_of_proto(p->shape) : HT_SCALAR;
  ht_variable *v;
  HT_TRY(store_name(t, id, key, &name));
  HT_TRY(ht_store_add_variable(&s->model->store, name, key,
                               ht_dtype_of((int)p->dtype), &shape, &v));
  v->name = *p->name ? p->name : key ? key : name;
  bool wanted = t->listed ? t->trainable[id] : p->trainable && !t->slot[id];
  v->trainable = wanted && ht_dtype_floating(v->dtype);
  s->variable[id] = v;
  return ht_within(ht_variable_load(s, v), "variable '%s'", v->name);
}

ht_status ht_variables_of_objects(ht_source *s) {
  tf2 t = {.s = s};
  ht_arena *arena = &s->model->arena;
  size_t n = s->objects->n_nodes;
  HT_NEW(t.twin, arena, n);
  HT_NEW(t.queue, arena, n);
  HT_NEW(t.slot, arena, n);
  HT_NEW(t.trainable, arena, n);
  HT_TRY(read_stored_graph(&t));
  HT_TRY(walk_both(&t));
  HT_TRY(find_nodes(&t));
  HT_TRY(find_copies(&t));
  read_trainable(&t);
  for (size_t i = 0; i < n; i++)
    if (s->objects->nodes[i]->kind_case ==
        TENSORFLOW__SAVED_OBJECT__KIND_VARIABLE)
      HT_TRY(add_variable(&t, (int)i));
  for (size_t i = 0; i < n; i++)
    if (t.same[i] >= 0) s->variable[i]->twin = s->variable[t.same[i]];
  return HT_SUCCESS;
}

/* ---- lists of variables */

static const ht_saved_object *object_of(const ht_source *s, const char *path) {
  const ht_saved_object *o = ht_object_at(s, 0);
  char part[256];
  while (o && *path) {
    size_t n = strcspn(path, ".");
    if (n >= sizeof part) return NULL;
    memcpy(part, path, n);
    part[n] = '\0';
    o = ht_object_at(s, ht_object_child(o, part));
    path += n + (path[n] == '.');
  }
  return o;
}

ht_status ht_model_listed(const ht_model *model, const char *object,
                          const char *list, ht_arena *arena, ht_variable ***out,
                          int *n) {
  const ht_source *s = model->source;
  const ht_saved_object *o = s && s->objects ? object_of(s, object) : NULL;
  const ht_saved_object *items = ht_object_at(s, ht_object_child(o, list));
  *n = -1;
  if (!o || !items) return HT_SUCCESS;
  *n = 0;
  HT_NEW(*out, arena, items->n_children + 1);
  for (size_t i = 0; i < items->n_children; i++) {
    char at[24];
    snprintf(at, sizeof at, "%zu", i);
    int id = ht_object_child(items, at);
    if (ht_object_at(s, id) && s->variable[id])
      (*out)[(*n)++] = s->variable[id];
  }
  return HT_SUCCESS;
}
