/* rows.h - rows of a matrix by their numbers. */
#ifndef HT_KERNELS_ROWS_H
#define HT_KERNELS_ROWS_H

#include <stdbool.h>
#include <stddef.h>

/* y[i] = row id[i] of x, n rows of `row` bytes; ids are int64 or int32 and in
 * range. */
void ht_k_gather_rows(const void *x, size_t row, const void *id, bool wide,
                      size_t n, void *y);

#endif
