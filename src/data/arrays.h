/* arrays.h - tensors from and to numpy's files. */
#ifndef HT_DATA_ARRAYS_H
#define HT_DATA_ARRAYS_H

#include "format/npy.h"
#include "format/npz.h"
#include "tensor/tensor.h"

typedef struct ht_named_tensor {
  const char *name;
  ht_tensor value;
} ht_named_tensor;

/* The tensor of an array, whose memory it takes over where it can. */
ht_status ht_npy_tensor(ht_npy *a, const char *name,
                        ht_tensor *out) HT_MUST_CHECK;

/* A .npy file. */
ht_status ht_npy_load(const char *path, ht_tensor *out) HT_MUST_CHECK;
ht_status ht_npy_store(const char *path, const ht_tensor *t) HT_MUST_CHECK;

/* A .npz file: names live in the arena, values are the caller's to drop. */
ht_status ht_npz_load(const char *path, ht_arena *arena,
                      ht_named_tensor **array, int *n) HT_MUST_CHECK;
/* numpy has no bfloat16: such tensors are written as floats. */
ht_status ht_npz_store(const char *path, const ht_named_tensor *array,
                       int n) HT_MUST_CHECK;

#endif
