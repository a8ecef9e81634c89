/* arrays.c - named arrays, and their files. */
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "base/map.h"
#include "format/npz.h"

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

static ht_status strings_of(const ht_npy *a, ht_tensor *t) {
  for (int64_t i = 0; i < a->count; i++)
    HT_TRY(ht_string_set(t, i, a->data + a->offset[i],
                         (size_t)(a->offset[i + 1] - a->offset[i])));
  return HT_SUCCESS;
}

static ht_status from_npy(const ht_npy *a, ht_array **out) {
  if (a->rank > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "an array of %d dimensions, more than %d",
                   a->rank, HT_MAX_RANK);
  HT_TRY(ht_array_new((ht_dtype)a->dtype, a->rank, a->dim, out));
  ht_status st = HT_SUCCESS;
  if (a->dtype == HT_STRING)
    st = strings_of(a, &(*out)->t);
  else if (ht_tensor_bytes(&(*out)->t) > 0)
    memcpy((*out)->t.data, a->data, ht_tensor_bytes(&(*out)->t));
  if (st.code == HT_OK) return st;
  ht_array_free(*out);
  *out = NULL;
  return st;
}

/* Strings end to end, as .npy files keep them. */
static ht_status pack_strings(const ht_tensor *t, ht_npy *out) {
  size_t total = 0;
  for (int64_t i = 0; i < out->count; i++) total += ht_str(t)[i].n;
  out->data = malloc(total + 1);
  out->offset = calloc((size_t)out->count + 1, sizeof *out->offset);
  if (!out->data || !out->offset)
    return ht_fail(HT_NO_MEMORY, "no memory to write strings");
  for (int64_t i = 0; i < out->count; i++) {
    const ht_string *s = &ht_str(t)[i];
    if (s->n > 0) memcpy(out->data + out->offset[i], s->p, s->n);
    out->offset[i + 1] = out->offset[i] + (int64_t)s->n;
  }
  out->size = total;
  return HT_SUCCESS;
}

/* Numbers are borrowed; done_npy frees what is not. */
static ht_status to_npy(const ht_tensor *t, ht_npy *out) {
  *out = (ht_npy){
      .dtype = (int)t->dtype, .rank = t->shape.rank, .count = ht_count(t)};
  for (int i = 0; i < t->shape.rank; i++) out->dim[i] = t->shape.dim[i];
  if (t->dtype == HT_STRING) return pack_strings(t, out);
  out->data = t->data;
  out->size = ht_tensor_bytes(t);
  return HT_SUCCESS;
}

static void done_npy(ht_npy *a) {
  if (a->dtype == HT_STRING) ht_npy_free(a);
}

ht_status ht_array_read(const char *path, ht_array **out) {
  ht_npy a = {0};
  *out = NULL;
  ht_status st = ht_npy_read(path, &a);
  if (st.code == HT_OK) st = ht_within(from_npy(&a, out), "'%s'", path);
  ht_npy_free(&a);
  return st;
}

ht_status ht_array_write(const ht_array *a, const char *path) {
  ht_npy npy;
  ht_status st = to_npy(&a->t, &npy);
  if (st.code == HT_OK) st = ht_npy_write(path, &npy);
  done_npy(&npy);
  return st;
}

static ht_status take(void *arg, const char *name, ht_npy *a) {
  ht_array *array;
  HT_TRY(ht_within(from_npy(a, &array), "array '%s'", name));
  return ht_arrays_put(arg, name, array);
}

ht_status ht_arrays_read(const char *path, ht_arrays **out) {
  HT_TRY(ht_arrays_new(out));
  ht_status st = ht_npz_read(path, take, *out);
  if (st.code == HT_OK) return st;
  ht_arrays_free(*out);
  *out = NULL;
  return st;
}

static ht_status put_all(const ht_arrays *set, ht_npz_writer *w) {
  for (int i = 0; i < ht_arrays_count(set); i++) {
    ht_npy npy;
    ht_status st = to_npy(&ht_arrays_at(set, i)->t, &npy);
    if (st.code == HT_OK) st = ht_npz_put(w, ht_arrays_name(set, i), &npy);
    done_npy(&npy);
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

ht_status ht_arrays_write(const ht_arrays *set, const char *path) {
  ht_npz_writer *w = NULL;
  HT_TRY(ht_npz_writer_open(path, false, &w));
  ht_status st = put_all(set, w);
  if (st.code != HT_OK) {
    ht_npz_writer_drop(w);
    return st;
  }
  return ht_npz_writer_commit(w);
}
