/* variable.c - see variable.h. */
#include "tensor/variable.h"

#include <stdlib.h>
#include <string.h>

static void release_variable(ht_object *object) {
  ht_variable *v = (ht_variable *)object;
  ht_tensor_drop(&v->value);
  ht_tensor_drop(&v->staged);
  free(v);
}

const ht_object_class ht_variable_class = {.name = "variable",
                                           .release = release_variable};

void ht_store_init(ht_store *store) {
  *store = (ht_store){0};
  store->by_name.arena = &store->arena;
}

void ht_store_free(ht_store *store) {
  for (int i = 0; i < store->by_name.n; i++)
    ht_object_drop(store->by_name.entry[i].value);
  ht_arena_free(&store->arena);
  ht_store_init(store);
}

ht_status ht_store_put(ht_store *store, const char *shared_name,
                       ht_object *object) {
  const char *name = ht_arena_string(&store->arena, shared_name);
  ht_status st = name ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory");
  ht_object *old = ht_map_get(&store->by_name, shared_name);
  if (st.code == HT_OK) st = ht_map_put(&store->by_name, name, object);
  ht_object_drop(st.code == HT_OK ? old : object);
  return st;
}

ht_object *ht_store_find(const ht_store *store, const char *shared_name) {
  return ht_map_get(&store->by_name, shared_name);
}

ht_status ht_store_add_variable(ht_store *store, const char *shared_name,
                                const char *key, ht_dtype dtype,
                                const ht_shape *shape, ht_variable **out) {
  HT_GROW(store->variable, store->n_variables, store->capacity, &store->arena);
  ht_variable *v = calloc(1, sizeof *v);
  if (!v) return ht_fail(HT_NO_MEMORY, "no memory for a variable");
  v->object = (ht_object){&ht_variable_class, 1};
  v->name = ht_arena_string(&store->arena, shared_name);
  v->key = key ? ht_arena_string(&store->arena, key) : NULL;
  v->dtype = dtype;
  v->shape = *shape;
  if (!v->name || (key && !v->key)) {
    ht_object_drop(&v->object);
    return ht_fail(HT_NO_MEMORY, "no memory for a variable");
  }
  HT_TRY(ht_store_put(store, shared_name, &v->object));
  store->variable[store->n_variables++] = v;
  *out = v;
  return HT_SUCCESS;
}

ht_status ht_store_share(ht_store *to, const ht_store *from,
                         const char *scope) {
  for (int i = 0; i < from->by_name.n; i++) {
    ht_object *object = from->by_name.entry[i].value;
    const char *name =
        ht_arena_printf(&to->arena, "%s%s", scope, from->by_name.entry[i].key);
    if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a name");
    if (!object || ht_store_find(to, name)) continue;
    if (object->class == &ht_variable_class)
      HT_GROW(to->variable, to->n_variables, to->capacity, &to->arena);
    HT_TRY(ht_store_put(to, name, ht_object_share(object)));
    if (object->class == &ht_variable_class)
      to->variable[to->n_variables++] = (ht_variable *)object;
  }
  return HT_SUCCESS;
}

ht_variable *ht_store_variable(const ht_store *store, const char *key) {
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    if (v->key && strcmp(v->key, key) == 0) return v;
  }
  return NULL;
}

void ht_store_commit(ht_store *store) {
  for (int i = 0; i < store->n_variables; i++) {
    ht_variable *v = store->variable[i];
    if (v->staged.dtype == HT_INVALID) continue;
    ht_tensor_drop(&v->value);
    v->value = v->staged;
    v->staged = (ht_tensor){0};
    v->changed = true;
  }
}

void ht_store_rollback(ht_store *store) {
  for (int i = 0; i < store->n_variables; i++)
    ht_tensor_drop(&store->variable[i]->staged);
}

ht_status ht_variable_read(const ht_variable *v, ht_tensor *out) {
  const ht_tensor *t = v->staged.dtype ? &v->staged : &v->value;
  if (!t->dtype)
    return ht_fail(
        HT_CORRUPT, "variable '%s' has no value: %s", v->name,
        v->key ? "it is not in the checkpoint" : "it was never initialised");
  if (t == &v->value && v->rows)
    return v->rows->copy_all(v->rows->state, v, out);
  *out = ht_tensor_share(t);
  return HT_SUCCESS;
}

ht_status ht_variable_final(const ht_variable *v, ht_tensor *out) {
  if (!v->value.dtype)
    return ht_fail(HT_CORRUPT, "variable '%s' has no value", v->name);
  if (v->rows) return v->rows->copy_all(v->rows->state, v, out);
  *out = ht_tensor_share(&v->value);
  return HT_SUCCESS;
}

ht_status ht_variable_assign(ht_variable *v, ht_tensor *value, bool stage) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  if (value->dtype != v->dtype || !ht_shape_fits(&value->shape, &v->shape)) {
    ht_status st = ht_fail(
        HT_CORRUPT, "variable '%s' is %s %s, the value assigned is %s %s",
        v->name, ht_dtype_name(v->dtype), ht_shape_text(&v->shape, a),
        ht_dtype_name(value->dtype), ht_shape_text(&value->shape, b));
    ht_tensor_drop(value);
    return st;
  }
  ht_tensor *slot = stage ? &v->staged : &v->value;
  ht_tensor_drop(slot);
  *slot = *value;
  slot->trace = 0;
  *value = (ht_tensor){0};
  return HT_SUCCESS;
}
