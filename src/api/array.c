/* array.c - the public face of tensors. */
#include "api/array.h"

#include <stdlib.h>
#include <string.h>

const char *ht_dtype_text(ht_dtype dtype) { return ht_dtype_name(dtype); }

ht_status ht_array_wrap(ht_tensor *t, ht_array **out) {
  ht_array *a = calloc(1, sizeof *a);
  if (!a) {
    ht_tensor_drop(t);
    return ht_fail(HT_NO_MEMORY, "no memory for an array");
  }
  a->t = *t;
  a->t.trace = 0;
  *t = (ht_tensor){0};
  *out = a;
  return HT_SUCCESS;
}

static ht_status check_shape(ht_dtype dtype, int rank, const int64_t *dim) {
  if (ht_dtype_size(dtype) == 0 || dtype == HT_RESOURCE || dtype == HT_VARIANT)
    return ht_fail(HT_USAGE, "arrays cannot hold elements of type %d",
                   (int)dtype);
  if (rank < 0 || rank > HT_MAX_RANK)
    return ht_fail(HT_USAGE, "an array has 0 to %d dimensions, not %d",
                   HT_MAX_RANK, rank);
  for (int i = 0; i < rank; i++)
    if (dim[i] < 0)
      return ht_fail(HT_USAGE, "dimension %d of an array is negative", i);
  return HT_SUCCESS;
}

ht_status ht_array_new(ht_dtype dtype, int rank, const int64_t *dim,
                       ht_array **out) {
  *out = NULL;
  HT_TRY(check_shape(dtype, rank, dim));
  ht_shape shape = ht_shape_of(rank, dim);
  ht_tensor t;
  HT_TRY(ht_tensor_zeros(NULL, dtype, &shape, &t));
  return ht_array_wrap(&t, out);
}

static ht_status copy_strings(ht_array *a, const char *const *text) {
  for (int64_t i = 0; i < ht_count(&a->t); i++)
    HT_TRY(ht_string_set(&a->t, i, text[i], strlen(text[i])));
  return HT_SUCCESS;
}

ht_status ht_array_from(ht_dtype dtype, int rank, const int64_t *dim,
                        const void *data, ht_array **out) {
  HT_TRY(ht_array_new(dtype, rank, dim, out));
  ht_status st = HT_SUCCESS;
  if (dtype == HT_STRING)
    st = copy_strings(*out, data);
  else if (ht_tensor_bytes(&(*out)->t) > 0)
    memcpy((*out)->t.data, data, ht_tensor_bytes(&(*out)->t));
  if (st.code == HT_OK) return st;
  ht_array_free(*out);
  *out = NULL;
  return st;
}

void ht_array_free(ht_array *a) {
  if (!a) return;
  ht_tensor_drop(&a->t);
  free(a);
}

ht_dtype ht_array_dtype(const ht_array *a) { return a->t.dtype; }
int ht_array_rank(const ht_array *a) { return a->t.shape.rank; }
int64_t ht_array_count(const ht_array *a) { return ht_count(&a->t); }

int64_t ht_array_dim(const ht_array *a, int axis) {
  return axis >= 0 && axis < a->t.shape.rank ? a->t.shape.dim[axis] : 1;
}

const void *ht_array_data(const ht_array *a) {
  return a->t.dtype == HT_STRING ? NULL : a->t.data;
}

void *ht_array_edit(ht_array *a) {
  if (a->t.dtype == HT_STRING) return NULL;
  return ht_tensor_own(NULL, &a->t).code == HT_OK ? a->t.data : NULL;
}

double ht_array_number(const ht_array *a, int64_t i) {
  if (i < 0 || i >= ht_count(&a->t) || ht_dtype_pointers(a->t.dtype)) return 0;
  return ht_real_at(&a->t, i);
}

const char *ht_array_string(const ht_array *a, int64_t i, size_t *n) {
  *n = 0;
  if (a->t.dtype != HT_STRING || i < 0 || i >= ht_count(&a->t)) return "";
  *n = ht_str(&a->t)[i].n;
  return *n ? ht_str(&a->t)[i].p : "";
}

ht_status ht_array_set_string(ht_array *a, int64_t i, const char *p, size_t n) {
  if (a->t.dtype != HT_STRING || i < 0 || i >= ht_count(&a->t))
    return ht_fail(HT_USAGE, "there is no string %lld in this array",
                   (long long)i);
  HT_TRY(ht_tensor_own(NULL, &a->t));
  return ht_string_set(&a->t, i, p, n);
}
