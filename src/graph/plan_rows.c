/*
 * plan_rows.c - a plan whose rows are independent, run over a few rows at a
 * time on all threads: what its steps hand on stays in cache.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "graph/plan_steps.h"

enum { MOST_FEEDS = 16, MOST_FETCHES = 16 };

typedef struct job {
  ht_plan *plan;
  const ht_run *run;
  int n_in, n_out;
  const ht_tensor *const *in;
  ht_tensor *part; /* n_out of each part */
  int64_t rows, each;
  atomic_bool failed;
} job;

/* Rows of a part, by size alone; 0: not worth it. */
static int64_t rows_of_part(int n_in, const ht_tensor *const *in) {
  enum { LARGE = 1 << 16, PART = 1 << 20 };
  int64_t bytes = 0, n = in[0]->shape.rank ? in[0]->shape.dim[0] : 0;
  for (int i = 0; i < n_in; i++) {
    if (!in[i]->shape.rank || in[i]->shape.dim[0] != n || n < 2) return 0;
    if (ht_dtype_pointers(in[i]->dtype)) return 0;
    bytes += (int64_t)ht_tensor_bytes(in[i]) / n;
  }
  if (bytes < LARGE) return 0;
  int64_t each = PART / bytes;
  return each < 1 ? 1 : each;
}

static ht_status run_part(job *j, int64_t k) {
  ht_tensor rows[MOST_FEEDS];
  const ht_tensor *at[MOST_FEEDS];
  int64_t from = k * j->each, n = j->rows - from;
  ht_run run = *j->run;
  if (n > j->each) n = j->each;
  for (int i = 0; i < j->n_in; i++) {
    rows[i] = ht_tensor_rows(j->in[i], from, n);
    at[i] = &rows[i];
  }
  ht_tensor *out = j->part + k * j->n_out;
  ht_status st = ht_plan_run_whole(j->plan, &run, j->n_in, at, j->n_out, out);
  for (int i = 0; i < j->n_in; i++) ht_tensor_drop(&rows[i]);
  for (int i = 0; i < j->n_out && st.code == HT_OK; i++)
    if (!out[i].shape.rank || out[i].shape.dim[0] != n)
      st = ht_fail(HT_UNSUPPORTED, "an output has not one row for each");
  return st;
}

/* A failure is told by running the whole again, in the caller's thread. */
static void run_parts(size_t from, size_t to, void *arg) {
  job *j = arg;
  for (size_t k = from; k < to; k++)
    if (atomic_load(&j->failed) || run_part(j, (int64_t)k).code != HT_OK)
      atomic_store(&j->failed, true);
}

static ht_status join(const job *j, int64_t parts, int i, ht_tensor *out) {
  ht_shape s = j->part[i].shape;
  s.dim[0] = j->rows;
  HT_TRY(ht_tensor_new(j->run->pool, j->part[i].dtype, &s, out));
  char *to = out->data;
  for (int64_t k = 0; k < parts; k++) {
    const ht_tensor *t = &j->part[k * j->n_out + i];
    size_t n = ht_tensor_bytes(t);
    if (n) memcpy(to, t->data, n);
    to += n;
  }
  return HT_SUCCESS;
}

static ht_status run_all(job *j, int64_t parts, ht_tensor *out) {
  if (j->run->profile) /* takes times of one thread */
    run_parts(0, (size_t)parts, j);
  else
    ht_parallel((size_t)parts, 1, run_parts, j);
  if (atomic_load(&j->failed)) return HT_SUCCESS;
  for (int i = 0; i < j->n_out; i++) HT_TRY(join(j, parts, i, &out[i]));
  return HT_SUCCESS;
}

ht_status ht_plan_run_rows(ht_plan *p, const ht_run *run, int n_in,
                           const ht_tensor *const *in, int n_out,
                           ht_tensor *out, bool *done) {
  *done = false;
  if (!p->rows || run->tape || run->training || n_in < 1 || n_out < 1 ||
      n_in > MOST_FEEDS || n_out > MOST_FETCHES)
    return HT_SUCCESS;
  int64_t each = rows_of_part(n_in, in);
  if (!each || in[0]->shape.dim[0] <= each) return HT_SUCCESS;
  ht_run own = *run;
  own.epoch = ++p->epoch;
  job j = {.plan = p,
           .run = &own,
           .n_in = n_in,
           .n_out = n_out,
           .in = in,
           .rows = in[0]->shape.dim[0],
           .each = each};
  int64_t parts = (j.rows + each - 1) / each;
  j.part = calloc((size_t)(parts * n_out), sizeof *j.part);
  if (!j.part) return ht_fail(HT_NO_MEMORY, "no memory for a run");
  ht_status st = run_all(&j, parts, out);
  *done = st.code == HT_OK && !atomic_load(&j.failed);
  for (int64_t i = 0; i < parts * n_out; i++) ht_tensor_drop(&j.part[i]);
  free(j.part);
  return st;
}
