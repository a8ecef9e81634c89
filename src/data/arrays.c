/* arrays.c - see arrays.h. */
#include "data/arrays.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading */

static ht_status fill_strings(const ht_npy *a, ht_tensor *out) {
  char *own = ht_string_room(out, a->size);
  if (!own) return ht_fail(HT_NO_MEMORY, "no memory for strings");
  memcpy(own, a->data, a->size);
  for (int64_t i = 0; i < a->count; i++)
    ht_str(out)[i] = (ht_string){own + a->offset[i],
                                 (size_t)(a->offset[i + 1] - a->offset[i])};
  return HT_SUCCESS;
}

static ht_status take_strings(const ht_npy *a, const ht_shape *shape,
                              ht_tensor *out) {
  HT_TRY(ht_tensor_new(NULL, HT_STRING, shape, out));
  ht_status st = a->count ? fill_strings(a, out) : HT_SUCCESS;
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

ht_status ht_npy_tensor(ht_npy *a, const char *name, ht_tensor *out) {
  *out = (ht_tensor){0};
  if (a->rank > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED,
                   "array '%s' has %d dimensions, at most %d "
                   "can be used",
                   name, a->rank, HT_MAX_RANK);
  ht_shape shape = ht_shape_of(a->rank, a->dim);
  if (a->dtype == HT_STRING) return take_strings(a, &shape, out);
  if (!a->count) return ht_tensor_new(NULL, (ht_dtype)a->dtype, &shape, out);
  *out = (ht_tensor){.dtype = (ht_dtype)a->dtype, .shape = shape};
  out->data = a->data;
  HT_TRY(ht_buffer_wrap(a->data, a->size, free, a->data, &out->buffer));
  a->data = NULL;
  return HT_SUCCESS;
}

ht_status ht_npy_load(const char *path, ht_tensor *out) {
  ht_npy a;
  *out = (ht_tensor){0};
  HT_TRY(ht_npy_read(path, &a));
  ht_status st = ht_npy_tensor(&a, path, out);
  ht_npy_free(&a);
  return st;
}

typedef struct {
  ht_arena *arena;
  ht_named_tensor *array;
  int n, capacity;
} list;

static ht_status add_array(void *arg, const char *name, ht_npy *a) {
  list *l = arg;
  HT_GROW(l->array, l->n, l->capacity, l->arena);
  ht_named_tensor *array = &l->array[l->n];
  *array = (ht_named_tensor){.name = ht_arena_string(l->arena, name)};
  if (!array->name) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  HT_TRY(ht_npy_tensor(a, name, &array->value));
  l->n++;
  return HT_SUCCESS;
}

ht_status ht_npz_load(const char *path, ht_arena *arena,
                      ht_named_tensor **array, int *n) {
  list l = {.arena = arena};
  ht_status st = ht_npz_read(path, add_array, &l);
  if (st.code != HT_OK)
    for (int i = 0; i < l.n; i++) ht_tensor_drop(&l.array[i].value);
  *array = st.code == HT_OK ? l.array : NULL;
  *n = st.code == HT_OK ? l.n : 0;
  return st;
}

/* ---- writing */

static ht_status pack_strings(const ht_tensor *t, ht_npy *a) {
  a->offset = calloc((size_t)a->count + 1, sizeof *a->offset);
  if (!a->offset) return ht_fail(HT_NO_MEMORY, "no memory for strings");
  for (int64_t i = 0; i < a->count; i++)
    a->offset[i + 1] = a->offset[i] + (int64_t)ht_str(t)[i].n;
  a->size = (size_t)a->offset[a->count];
  a->data = malloc(a->size + 1);
  if (!a->data) return ht_fail(HT_NO_MEMORY, "no memory for strings");
  for (int64_t i = 0; i < a->count; i++)
    if (ht_str(t)[i].n)
      memcpy(a->data + a->offset[i], ht_str(t)[i].p, ht_str(t)[i].n);
  return HT_SUCCESS;
}

static ht_status widen(const ht_tensor *t, ht_npy *a) {
  a->dtype = HT_FLOAT;
  a->size = (size_t)a->count * sizeof(float);
  a->data = malloc(a->size + 1);
  if (!a->data) return ht_fail(HT_NO_MEMORY, "no memory for an array");
  for (int64_t i = 0; i < a->count; i++)
    ((float *)a->data)[i] = ht_bfloat16_to_float(HT_DATA(uint16_t, t)[i]);
  return HT_SUCCESS;
}

/* An array over t's memory, or over some of its own (then *owned). */
static ht_status lend(const ht_tensor *t, ht_npy *a, bool *owned) {
  *a = (ht_npy){.dtype = (int)t->dtype, .rank = t->shape.rank};
  memcpy(a->dim, t->shape.dim, (size_t)a->rank * sizeof *a->dim);
  a->count = ht_count(t);
  *owned = t->dtype == HT_STRING || t->dtype == HT_BFLOAT16;
  if (t->dtype == HT_STRING) return pack_strings(t, a);
  if (t->dtype == HT_BFLOAT16) return widen(t, a);
  a->data = t->data;
  a->size = ht_tensor_bytes(t);
  return HT_SUCCESS;
}

ht_status ht_npy_store(const char *path, const ht_tensor *t) {
  ht_npy a;
  bool owned;
  ht_status st = lend(t, &a, &owned);
  if (st.code == HT_OK) st = ht_npy_write(path, &a);
  if (owned) ht_npy_free(&a);
  return st;
}

static ht_status put(ht_npz_writer *w, const ht_named_tensor *array) {
  ht_npy a;
  bool owned;
  ht_status st = lend(&array->value, &a, &owned);
  if (st.code == HT_OK) st = ht_npz_put(w, array->name, &a);
  if (owned) ht_npy_free(&a);
  return st;
}

ht_status ht_npz_store(const char *path, const ht_named_tensor *array, int n) {
  ht_npz_writer *w;
  HT_TRY(ht_npz_writer_open(path, false, &w));
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < n && st.code == HT_OK; i++) st = put(w, &array[i]);
  if (st.code == HT_OK) st = ht_npz_writer_commit(w);
  ht_npz_writer_drop(w);
  return st;
}
