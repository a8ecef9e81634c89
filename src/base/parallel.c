/* parallel.c - OpenMP behind one function, see parallel.h. */
#include "base/parallel.h"

#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static _Thread_local int threads;

void ht_threads_set(int n) { threads = n; }

int ht_threads(void) {
  if (!threads) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    threads = cores > 0 ? (int)cores : 1;
  }
  return threads;
}

static void run_range(size_t k, size_t n, size_t grain, ht_range_fn *fn,
                      void *arg) {
  size_t from = k * grain;
  fn(from, n - from < grain ? n : from + grain, arg);
}

void ht_parallel(size_t n, size_t grain, ht_range_fn *fn, void *arg) {
  if (!grain) grain = 1;
  size_t ranges = (n + grain - 1) / grain;
#ifdef _OPENMP
  if (ranges > 1 && ht_threads() > 1 && !omp_in_parallel()) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(ht_threads())
    for (size_t k = 0; k < ranges; k++) run_range(k, n, grain, fn, arg);
    return;
  }
#endif
  for (size_t k = 0; k < ranges; k++) run_range(k, n, grain, fn, arg);
}
