/* head_init.c - see head_init.h. */
#include "train/head_init.h"

#include <string.h>

#include "format/npz.h"

typedef struct found {
  ht_tensor kernel, bias;
} found;

static ht_status take(const ht_npy *a, const char *name, int rank,
                      ht_tensor *out) {
  if (a->rank != rank || (a->dtype != HT_FLOAT && a->dtype != HT_DOUBLE))
    return ht_fail(HT_USAGE, "array '%s' must be float and of rank %d", name,
                   rank);
  if (out->dtype) return ht_fail(HT_CORRUPT, "two arrays are '%s'", name);
  ht_shape shape = ht_shape_of(rank, a->dim);
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &shape, out));
  const double *d = (const void *)a->data;
  const float *f = (const void *)a->data;
  for (int64_t i = 0; i < a->count; i++)
    ht_f(out)[i] = a->dtype == HT_FLOAT ? f[i] : (float)d[i];
  return HT_SUCCESS;
}

static ht_status take_array(void *arg, const char *name, ht_npy *a) {
  found *f = arg;
  if (strcmp(name, "kernel") == 0) return take(a, name, 2, &f->kernel);
  if (strcmp(name, "bias") == 0) return take(a, name, 1, &f->bias);
  return HT_SUCCESS;
}

static ht_status check(const found *f) {
  if (!f->kernel.dtype || !f->bias.dtype)
    return ht_fail(HT_USAGE, "it must hold the arrays kernel and bias");
  if (f->kernel.shape.dim[1] != f->bias.shape.dim[0])
    return ht_fail(HT_USAGE, "kernel and bias differ in the number of classes");
  return HT_SUCCESS;
}

ht_status ht_head_init_read(const char *path, ht_tensor *kernel,
                            ht_tensor *bias) {
  found f = {0};
  ht_status st = ht_npz_read(path, take_array, &f);
  if (st.code == HT_OK) st = ht_within(check(&f), "'%s'", path);
  if (st.code != HT_OK) {
    ht_tensor_drop(&f.kernel);
    ht_tensor_drop(&f.bias);
  }
  *kernel = f.kernel;
  *bias = f.bias;
  return st;
}
