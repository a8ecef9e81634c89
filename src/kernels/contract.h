/* contract.h - sums of products over strided views, for the types that have
 * no library. */
#ifndef HT_KERNELS_CONTRACT_H
#define HT_KERNELS_CONTRACT_H

#include "tensor/tensor.h"

enum { HT_CONTRACT_AXES = 8 * HT_MAX_RANK };

/*
 * z[i] = sum over k of x[i,k] y[i,k]: the first n_out axes are those of z,
 * the others are summed. Steps are in elements, 0 where a view lacks an axis.
 */
typedef struct ht_contraction {
  int n, n_out;
  int64_t dim[HT_CONTRACT_AXES];
  int64_t x[HT_CONTRACT_AXES], y[HT_CONTRACT_AXES], z[HT_CONTRACT_AXES];
  bool conjugate; /* y */
} ht_contraction;

/* t: HT_INT32, HT_INT64 (both wrap around), HT_COMPLEX64, HT_COMPLEX128. */
bool ht_contract_has(ht_dtype t);
/* y NULL: of x alone. */
void ht_contract(ht_dtype t, const ht_contraction *c, const void *x,
                 const void *y, void *z);

#endif
