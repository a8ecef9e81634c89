/* parallel.h - the only place that knows threads for numeric work. */
#ifndef HT_BASE_PARALLEL_H
#define HT_BASE_PARALLEL_H

#include "base/status.h"

typedef void ht_range_fn(size_t from, size_t to, void *arg);

/*
 * Calls fn on [0,n) cut into ranges of `grain` (the last may be shorter).
 * The cuts depend on n and grain alone, never on the number of threads, so
 * a result that is stored per range is the same on any machine. Calls from
 * inside a range, or while another thread is at it, run in the calling thread.
 */
void ht_parallel(size_t n, size_t grain, ht_range_fn *fn, void *arg);

/* Zeros n bytes. */
void ht_parallel_zeros(void *p, size_t n);

/*
 * How many threads the calling thread's ht_parallel may use (0: all cores).
 * A property of the thread, so that two models in one process do not meet.
 */
void ht_threads_set(int n);
int ht_threads(void);

#endif
