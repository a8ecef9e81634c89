/* arrays.h - tensors from and to numpy's files. */
#ifndef HT_DATA_ARRAYS_H
#define HT_DATA_ARRAYS_H

#include "format/npy.h"
#include "format/npz.h"
#include "tensor/tensor.h"

typedef struct ht_array {
  const char *name;
  ht_tensor value;
} ht_array;

/* The tensor of an array, whose memory it takes over where it can. */
ht_status ht_array_tensor(ht_npy *a, const char *name,
                          ht_tensor *out) HT_MUST_CHECK;

/* A .npy file. */
ht_status ht_array_read(const char *path, ht_tensor *out) HT_MUST_CHECK;
ht_status ht_array_write(const char *path, const ht_tensor *t) HT_MUST_CHECK;

/* A .npz file: names live in the arena, values are the caller's to drop. */
ht_status ht_arrays_read(const char *path, ht_arena *arena, ht_array **array,
                         int *n) HT_MUST_CHECK;
/* numpy has no bfloat16: such tensors are written as floats. */
ht_status ht_arrays_write(const char *path, const ht_array *array,
                          int n) HT_MUST_CHECK;

#endif
