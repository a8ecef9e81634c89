/*
 * segment.h - rows reduced by segment: sums, means, extremes of rows that
 * belong together, gathered on the way where there is an index.
 */
#ifndef HT_KERNELS_SEGMENT_H
#define HT_KERNELS_SEGMENT_H

#include "tensor/tensor.h"

typedef enum ht_segment_kind {
  HT_SEGMENT_SUM,
  HT_SEGMENT_MEAN,
  HT_SEGMENT_SQRTN, /* the sum over the square root of the number */
  HT_SEGMENT_MAX,
  HT_SEGMENT_MIN,
  HT_SEGMENT_PROD
} ht_segment_kind;

typedef struct ht_segments {
  ht_segment_kind kind;
  ht_dtype dtype; /* float, double, complex, int32, int64, uint64 */
  const void *data;
  int64_t dim;          /* elements of a row */
  const int64_t *row;   /* of data, for each entry; NULL: entry i is row i */
  const int64_t *start; /* [n + 1]: entries start[s] .. start[s+1]-1 are in
                           segment s */
  int64_t n;            /* segments */
  const double *weight; /* of each row of data (floating sums); may be NULL */
  bool identity; /* an empty segment gives the reduction's identity, else 0
                    (a product: always 1) */
  void *out;     /* [n, dim] */
} ht_segments;

/* Rows are added in the order of their entries, on any number of threads. */
void ht_segments_reduce(const ht_segments *s);

/* Gradients of the reductions by segment, for float, double and complex; of
 * products as TensorFlow has them, which conjugates nothing. */
typedef struct ht_segment_back {
  ht_segment_kind kind;
  ht_dtype dtype;
  const void *data, *out; /* of the reduction; for extremes and products */
  const void *dout;       /* [n_segments, dim] */
  const int64_t *id;      /* of each row; outside [0, n_segments): none */
  int64_t rows, dim, n_segments;
  void *ddata;
} ht_segment_back;
ht_status ht_segments_back(const ht_segment_back *b) HT_MUST_CHECK;

/* Sorts n entries by group (0 .. groups-1, others left out), stably:
 * start [groups + 1] and order [n] are filled. */
void ht_group(const int64_t *group, int64_t n, int64_t groups, int64_t *start,
              int64_t *order);

#endif
