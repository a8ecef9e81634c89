/* cast.h - numbers of one dtype as another. */
#ifndef HT_KERNELS_CAST_H
#define HT_KERNELS_CAST_H

#include "tensor/tensor.h"

bool ht_cast_has(ht_dtype from, ht_dtype to);

/*
 * z = x, element by element: fractions are cut, what an integer cannot hold
 * wraps or becomes the least one, as the processors do that TensorFlow runs
 * on; complex loses its imaginary part; to bool: not 0. truncate: floats that
 * lose digits are cut instead of rounded.
 */
void ht_cast_run(const ht_tensor *x, bool truncate, ht_tensor *z);

#endif
