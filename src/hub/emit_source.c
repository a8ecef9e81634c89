/*
 * emit_source.c - the functions of loaded modules, taken over as they stand.
 * Where two modules have functions (or saved gradients) of one name, those of
 * the later one are renamed, with all that names them.
 */
#include <string.h>

#include "format/message.h"
#include "hub/emit.h"

typedef Tensorflow__FunctionDefLibrary function_library;

typedef struct renaming {
  ht_emitter *e;
  const ht_map *name; /* old -> new, of functions and of gradients */
} renaming;

static void rename_text(const renaming *r, char **text) {
  char *to = *text ? ht_map_get(r->name, *text) : NULL;
  if (to) *text = to;
}

/* ---- a copy whose names are ours to change */

static void rename_attr(const renaming *r, Tensorflow__AttrValue *v);

static void rename_list(const renaming *r, Tensorflow__NameAttrList *f) {
  rename_text(r, &f->name);
  for (size_t i = 0; i < f->n_attr; i++)
    if (f->attr[i]->value) rename_attr(r, f->attr[i]->value);
}

static void rename_attr(const renaming *r, Tensorflow__AttrValue *v) {
  if (v->value_case == TENSORFLOW__ATTR_VALUE__VALUE_FUNC && v->func)
    rename_list(r, v->func);
  if (v->value_case != TENSORFLOW__ATTR_VALUE__VALUE_LIST || !v->list) return;
  for (size_t i = 0; i < v->list->n_func; i++) rename_list(r, v->list->func[i]);
}

/* The name of a saved gradient is a string like any other. */
static ht_status rename_gradient(const renaming *r, Tensorflow__AttrValue *v) {
  char *old, *to;
  if (v->value_case != TENSORFLOW__ATTR_VALUE__VALUE_S) return HT_SUCCESS;
  old = ht_arena_bytes(r->e->arena, (const char *)v->s.data, v->s.len);
  if (!old) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  to = ht_map_get(r->name, old);
  if (to) v->s = (ProtobufCBinaryData){strlen(to), (uint8_t *)to};
  return HT_SUCCESS;
}

static ht_status rename_node(const renaming *r, Tensorflow__NodeDef *node) {
  rename_text(r, &node->op);
  for (size_t i = 0; i < node->n_attr; i++) {
    Tensorflow__AttrValue *v = node->attr[i]->value;
    if (!v) continue;
    rename_attr(r, v);
    if (strcmp(node->attr[i]->key, "_gradient_op_type") == 0)
      HT_TRY(rename_gradient(r, v));
  }
  return HT_SUCCESS;
}

static ht_status rename_all(const renaming *r, function_library *l) {
  for (size_t i = 0; i < l->n_function; i++) {
    Tensorflow__FunctionDef *f = l->function[i];
    if (f->signature) rename_text(r, &f->signature->name);
    for (size_t k = 0; k < f->n_node_def; k++)
      HT_TRY(rename_node(r, f->node_def[k]));
  }
  for (size_t i = 0; i < l->n_gradient; i++) {
    rename_text(r, &l->gradient[i]->function_name);
    rename_text(r, &l->gradient[i]->gradient_func);
  }
  for (size_t i = 0; i < l->n_registered_gradients; i++) {
    rename_text(r, &l->registered_gradients[i]->gradient_func);
    rename_text(r, &l->registered_gradients[i]->registered_op_type);
  }
  return HT_SUCCESS;
}

static ht_status copy_library(ht_arena *arena, const function_library *from,
                              function_library **out) {
  ProtobufCBinaryData bytes;
  ProtobufCMessage *copy;
  HT_TRY(ht_pb_pack(arena, &from->base, &bytes));
  HT_TRY(ht_message_unpack(&tensorflow__function_def_library__descriptor,
                           bytes.data, bytes.len, "the functions of a module",
                           arena, &copy));
  *out = (function_library *)copy;
  return HT_SUCCESS;
}

/* ---- names */

/* The same, or one with another number, as TensorFlow ends such names. */
static ht_status free_name(ht_emitter *e, const char *name, char **out) {
  HT_TRY(ht_pb_text(e->arena, out, "%s", name));
  while (ht_map_get(&e->taken, *out))
    HT_TRY(ht_pb_text(e->arena, out, "%s_%d", name, e->serial++));
  return ht_map_put(&e->taken, *out, e);
}

static ht_status add_name(ht_emitter *e, ht_map *names, const char *name,
                          bool *renamed) {
  char *own;
  if (ht_map_get(names, name)) return HT_SUCCESS;
  HT_TRY(free_name(e, name, &own));
  *renamed |= strcmp(own, name) != 0;
  return ht_map_put(names, name, own);
}

static ht_status add_names(ht_emitter *e, const function_library *l,
                           ht_map *names, bool *renamed) {
  for (size_t i = 0; i < l->n_function; i++)
    if (l->function[i]->signature)
      HT_TRY(add_name(e, names, l->function[i]->signature->name, renamed));
  for (size_t i = 0; i < l->n_registered_gradients; i++)
    HT_TRY(add_name(e, names, l->registered_gradients[i]->registered_op_type,
                    renamed));
  return HT_SUCCESS;
}

/* ---- taking over */

static ht_status take(ht_emitter *e, const function_library *l) {
  if (!e->library->base.n_unknown_fields) {
    e->library->base.n_unknown_fields = l->base.n_unknown_fields;
    e->library->base.unknown_fields = l->base.unknown_fields;
  }
  for (size_t i = 0; i < l->n_function; i++)
    HT_TRY(HT_PB_PUSH(e->arena, e->library, function, l->function[i]));
  for (size_t i = 0; i < l->n_gradient; i++)
    HT_TRY(HT_PB_PUSH(e->arena, e->library, gradient, l->gradient[i]));
  for (size_t i = 0; i < l->n_registered_gradients; i++)
    HT_TRY(HT_PB_PUSH(e->arena, e->library, registered_gradients,
                      l->registered_gradients[i]));
  e->n_source = e->library->n_function;
  return HT_SUCCESS;
}

ht_status ht_emitter_source(ht_emitter *e, const ht_store *store,
                            const Tensorflow__FunctionDefLibrary *source) {
  ht_emit_source *s;
  bool renamed = false;
  HT_NEW(s, e->arena, 1);
  s->store = store;
  s->name.arena = e->arena;
  HT_TRY(ht_pb_push_(e->arena, (void ***)&e->source, &e->n_sources, s));
  if (!source) return HT_SUCCESS;
  HT_TRY(add_names(e, source, &s->name, &renamed));
  if (!renamed) return take(e, source);
  function_library *copy;
  renaming r = {e, &s->name};
  HT_TRY(copy_library(e->arena, source, &copy));
  HT_TRY(rename_all(&r, copy));
  return take(e, copy);
}

const char *ht_emitter_name(const ht_emitter *e, const ht_library *library,
                            const char *name) {
  for (size_t i = 0; library && i < e->n_sources; i++)
    if (e->source[i]->store == library->store)
      return ht_map_get(&e->source[i]->name, name);
  return NULL;
}
