/* softmax.h - softmax and its losses over rows, float and double. */
#ifndef HT_KERNELS_SOFTMAX_H
#define HT_KERNELS_SOFTMAX_H

#include "tensor/tensor.h"

/* A matrix, row after row; `t` is HT_FLOAT or HT_DOUBLE. */
typedef struct ht_rows {
  ht_dtype t;
  int64_t rows, cols;
} ht_rows;

/* y = softmax(x), or its logarithm, row by row. */
void ht_softmax(const ht_rows *r, bool log, const void *x, void *y);
/* dx from y = softmax(x) (or its logarithm) and dy. */
void ht_softmax_back(const ht_rows *r, bool log, const void *y, const void *dy,
                     void *dx);
/* dx += the gradient through y = softmax(x). */
void ht_softmax_back_add(const ht_rows *r, const void *y, const void *dy,
                         void *dx);

/* loss[i] and p = d loss[i] / d x of row i; labels: classes within range. */
void ht_softmax_loss_at(const ht_rows *r, const void *x,
                        const ht_tensor *labels, void *loss, void *p);
/* The same with rows of probabilities; x and labels broadcast to r. */
void ht_softmax_loss(const ht_rows *r, const ht_tensor *x,
                     const ht_tensor *labels, void *loss, void *p);

/* y = softmax of x broadcast to r; y[i] = -d[i] log softmax of it. */
void ht_softmax_spread(const ht_rows *r, const ht_tensor *x, void *y);
void ht_log_softmax_spread(const ht_rows *r, const ht_tensor *x, const void *d,
                           void *y);

/* y[i,j] = x[i,j] s[i]. */
void ht_rows_scale(const ht_rows *r, const void *x, const void *s, void *y);

#endif
