/* dtype.h - what is known of each element type. */
#ifndef HT_TENSOR_DTYPE_H
#define HT_TENSOR_DTYPE_H

#include "base/status.h"

const char *ht_dtype_name(ht_dtype t);    /* "float", "int64"; "invalid" */
size_t ht_dtype_size(ht_dtype t);         /* bytes of an element, 0: unknown */
ht_dtype ht_dtype_find(const char *name); /* also "DT_FLOAT", "float32" */
bool ht_dtype_floating(ht_dtype t); /* carries gradients: float .. complex */
bool ht_dtype_integer(ht_dtype t);
bool ht_dtype_pointers(ht_dtype t); /* strings, resources, variants */

/* Half and bfloat16 as their bits. */
float ht_half_to_float(uint16_t bits);
uint16_t ht_float_to_half(float f); /* rounds to nearest, ties to even */
float ht_bfloat16_to_float(uint16_t bits);
uint16_t ht_float_to_bfloat16(float f);

#endif
