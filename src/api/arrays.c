/* arrays.c - named arrays, and their files. */
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "base/map.h"
#include "data/arrays.h"

struct ht_arrays {
  ht_arena arena; /* names */
  ht_map index;   /* name -> ht_array */
};

ht_status ht_arrays_new(ht_arrays **out) {
  *out = calloc(1, sizeof **out);
  if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for arrays");
  (*out)->index.arena = &(*out)->arena;
  return HT_SUCCESS;
}

void ht_arrays_free(ht_arrays *set) {
  if (!set) return;
  for (int i = 0; i < set->index.n; i++)
    ht_array_free(set->index.entry[i].value);
  ht_arena_free(&set->arena);
  free(set);
}

int ht_arrays_count(const ht_arrays *set) { return set->index.n; }

const char *ht_arrays_name(const ht_arrays *set, int i) {
  return i >= 0 && i < set->index.n ? set->index.entry[i].key : NULL;
}

const ht_array *ht_arrays_at(const ht_arrays *set, int i) {
  return i >= 0 && i < set->index.n ? set->index.entry[i].value : NULL;
}

const ht_array *ht_arrays_find(const ht_arrays *set, const char *name) {
  return ht_map_get(&set->index, name);
}

static ht_status add(ht_arrays *set, const char *name, ht_array *array) {
  if (ht_map_get(&set->index, name))
    return ht_fail(HT_USAGE, "array '%s' is given twice", name);
  char *copy = ht_arena_string(&set->arena, name);
  if (!copy) return ht_fail(HT_NO_MEMORY, "no memory for an array's name");
  return ht_map_put(&set->index, copy, array);
}

ht_status ht_arrays_put(ht_arrays *set, const char *name, ht_array *array) {
  ht_status st = add(set, name, array);
  if (st.code != HT_OK) ht_array_free(array);
  return st;
}

/* ---- files */

ht_status ht_array_read(const char *path, ht_array **out) {
  ht_tensor t;
  *out = NULL;
  HT_TRY(ht_npy_load(path, &t));
  return ht_array_wrap(&t, out);
}

ht_status ht_array_write(const ht_array *a, const char *path) {
  return ht_npy_store(path, &a->t);
}

/* Takes over the tensors. */
static ht_status put_tensors(ht_arrays *set, ht_named_tensor *item, int n) {
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < n; i++) {
    ht_array *a = NULL;
    if (st.code == HT_OK) st = ht_array_wrap(&item[i].value, &a);
    if (a) st = ht_arrays_put(set, item[i].name, a);
    ht_tensor_drop(&item[i].value);
  }
  return st;
}

ht_status ht_arrays_read(const char *path, ht_arrays **out) {
  ht_arena arena = {0};
  ht_named_tensor *item;
  int n;
  *out = NULL;
  ht_status st = ht_npz_load(path, &arena, &item, &n);
  if (st.code == HT_OK) st = ht_arrays_new(out);
  if (st.code == HT_OK) st = put_tensors(*out, item, n);
  ht_arena_free(&arena);
  if (st.code == HT_OK) return st;
  ht_arrays_free(*out);
  *out = NULL;
  return st;
}

ht_status ht_arrays_write(const ht_arrays *set, const char *path) {
  ht_arena arena = {0};
  int n = ht_arrays_count(set);
  ht_named_tensor *item;
  HT_NEW(item, &arena, n + 1);
  for (int i = 0; i < n; i++)
    item[i] =
        (ht_named_tensor){ht_arrays_name(set, i), ht_arrays_at(set, i)->t};
  ht_status st = ht_npz_store(path, item, n);
  ht_arena_free(&arena);
  return st;
}
