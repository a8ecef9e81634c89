/*
 * parallel.c - a pool of threads behind one function, see parallel.h.
 *
 * A job is a counter of ranges; the caller and the workers take one after the
 * other. The caller never waits for a worker that has not begun: on a busy
 * machine it does all ranges itself and loses nothing. Workers spin for some
 * microseconds after a job, as the next one often follows at once, then
 * sleep.
 */
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/cores.h"

enum { MAX_WORKERS = 255, SPINS = 4000 };

/*
 * Process-wide, like the cores it stands for. `ticket` is (job number, ranges
 * left): taking a range is one compare-and-swap, and whoever took one keeps
 * the job's fields valid until it is counted as done.
 */
static struct {
  pthread_mutex_t caller; /* one job at a time; others run alone */
  pthread_mutex_t lock;
  pthread_cond_t wake;
  int workers, sleepers;
  _Atomic uint64_t ticket;
  _Atomic uint32_t done;
  ht_range_fn *fn;
  void *arg;
  size_t n, grain;
  uint32_t ranges;
  int helpers; /* workers that may help */
} pool = {
    .caller = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
};

static _Thread_local int threads;
static _Thread_local bool inside;

void ht_threads_set(int n) { threads = n; }

int ht_threads(void) {
  static atomic_int cores; /* asked for once: it reads files */
  if (!threads) {
    threads = atomic_load(&cores);
    if (!threads) atomic_store(&cores, threads = ht_cores());
  }
  return threads;
}

static void pause_core(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static void run_range(size_t k, size_t n, size_t grain, ht_range_fn *fn,
                      void *arg) {
  size_t from = k * grain;
  fn(from, n - from < grain ? n : from + grain, arg);
}

/* Takes and runs ranges until none is left. */
static void work(int worker) {
  uint64_t t = atomic_load(&pool.ticket);
  while ((uint32_t)t) {
    if (worker >= pool.helpers) return;
    if (!atomic_compare_exchange_weak(&pool.ticket, &t, t - 1)) continue;
    run_range(pool.ranges - (uint32_t)t, pool.n, pool.grain, pool.fn, pool.arg);
    atomic_fetch_add(&pool.done, 1);
    t = atomic_load(&pool.ticket);
  }
}

/* Until there is a job after number `last`. */
static void wait_for_job(uint32_t last) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load(&pool.ticket) >> 32 != last) return;
    pause_core();
  }
  pthread_mutex_lock(&pool.lock);
  pool.sleepers++;
  while (atomic_load(&pool.ticket) >> 32 == last)
    pthread_cond_wait(&pool.wake, &pool.lock);
  pool.sleepers--;
  pthread_mutex_unlock(&pool.lock);
}

static void *worker_main(void *arg) {
  int worker = (int)(intptr_t)arg;
  uint32_t last = 0;
  inside = true;
  for (;;) {
    wait_for_job(last);
    last = (uint32_t)(atomic_load(&pool.ticket) >> 32);
    work(worker);
  }
  return NULL;
}

/* More workers, as many as are wanted and can be had. */
static void hire(int wanted) {
  if (wanted > MAX_WORKERS) wanted = MAX_WORKERS;
  while (pool.workers < wanted) {
    pthread_t thread;
    void *number = (void *)(intptr_t)pool.workers;
    if (pthread_create(&thread, NULL, worker_main, number) != 0) return;
    pthread_detach(thread);
    pool.workers++;
  }
}

static void publish(uint32_t ranges) {
  uint64_t number = (atomic_load(&pool.ticket) >> 32) + 1;
  pthread_mutex_lock(&pool.lock);
  atomic_store(&pool.ticket, number << 32 | ranges);
  if (pool.sleepers) pthread_cond_broadcast(&pool.wake);
  pthread_mutex_unlock(&pool.lock);
}

static void run_job(size_t n, size_t grain, uint32_t ranges, ht_range_fn *fn,
                    void *arg) {
  int helpers = ht_threads() - 1;
  hire(helpers);
  pool.fn = fn;
  pool.arg = arg;
  pool.n = n;
  pool.grain = grain;
  pool.ranges = ranges;
  pool.helpers = helpers;
  atomic_store(&pool.done, 0);
  publish(ranges);
  inside = true;
  work(-1);
  inside = false;
  for (int i = 0; atomic_load(&pool.done) < ranges; i++) {
    if (i < SPINS)
      pause_core();
    else
      sched_yield();
  }
}

void ht_parallel(size_t n, size_t grain, ht_range_fn *fn, void *arg) {
  if (!grain) grain = 1;
  size_t ranges = n / grain + (n % grain != 0);
  bool alone = ranges < 2 || ranges > INT32_MAX || inside || ht_threads() < 2;
  if (!alone && pthread_mutex_trylock(&pool.caller) == 0) {
    run_job(n, grain, (uint32_t)ranges, fn, arg);
    pthread_mutex_unlock(&pool.caller);
    return;
  }
  for (size_t k = 0; k < ranges; k++) run_range(k, n, grain, fn, arg);
}

static void zero_range(size_t from, size_t to, void *arg) {
  memset((char *)arg + from, 0, to - from);
}

void ht_parallel_zeros(void *p, size_t n) {
  enum { GRAIN = 1 << 20 };
  ht_parallel(n, GRAIN, zero_range, p);
}
