/*
 * initial.h - initial values of variables, a row per initializer, by Keras's
 * names.
 */
#ifndef HT_TENSOR_INITIAL_H
#define HT_TENSOR_INITIAL_H

#include "base/random.h"
#include "tensor/tensor.h"

typedef struct ht_initializer {
  const char *name;
  void (*fill)(ht_philox *g, ht_tensor *t); /* t: float */
} ht_initializer;

/* NULL where there is none of that name. */
const ht_initializer *ht_initializer_find(const char *name);

/* A new float tensor of the shape, drawn with g; an unknown name is HT_USAGE
 * and lists those there are. */
ht_status ht_initial_value(const char *name, ht_philox *g,
                           const ht_shape *shape, ht_tensor *out) HT_MUST_CHECK;

#endif
