/* array.h - what the public arrays are inside. */
#ifndef HT_API_ARRAY_H
#define HT_API_ARRAY_H

#include "tensor/tensor.h"

struct ht_array {
  ht_tensor t;
};

/* An array over a tensor, which it takes over (also on failure). */
ht_status ht_array_wrap(ht_tensor *t, ht_array **out) HT_MUST_CHECK;

#endif
