/* plan.c - what a function will do and need, found by trying it on zeros. */
#include <string.h>

#include "api/array.h"
#include "api/module.h"
#include "api/plan.h"
#include "base/parallel.h"

static ht_status put_zeros(const ht_port_info *port, int64_t batch,
                           ht_arrays *set) {
  ht_shape shape = {.rank = port->rank};
  ht_tensor t;
  ht_array *a = NULL;
  for (int i = 0; i < port->rank; i++)
    shape.dim[i] = port->dim[i] < 0 && i == 0 ? batch : port->dim[i];
  for (int i = 0; i < port->rank; i++)
    if (shape.dim[i] < 0) shape.rank = -1;
  if (shape.rank < 0)
    return ht_fail(HT_USAGE, "the size of input '%s' is not fixed", port->name);
  HT_TRY(ht_tensor_zeros(NULL, port->dtype, &shape, &t));
  HT_TRY(ht_array_wrap(&t, &a));
  return ht_arrays_put(set, port->name, a);
}

static ht_status zeros(ht_function *f, int64_t batch, ht_arrays **out) {
  const ht_callable_info *info;
  HT_TRY(ht_function_info(f, &info));
  HT_TRY(ht_arrays_new(out));
  for (int i = 0; i < info->n_inputs; i++)
    HT_TRY(put_zeros(&info->input[i], batch, *out));
  return HT_SUCCESS;
}

static ht_status try_once(ht_function *f, const ht_arrays *in, bool back) {
  ht_arrays *out = NULL, *gradients = NULL;
  ht_status st = back ? ht_function_gradients(f, in, NULL, &out, &gradients)
                      : ht_function_run(f, in, &out);
  ht_arrays_free(out);
  ht_arrays_free(gradients);
  return st;
}

/* With a pool and a plan of its own: what other runs left does not count. */
ht_status ht_function_measure(ht_function *f, int64_t batch, bool back,
                              uint64_t *peak) {
  ht_model *m = f->module->model;
  ht_arrays *in = NULL;
  ht_function *own;
  ht_pool *pool = ht_pool_new(), *before = m->pool;
  if (!pool) return ht_fail(HT_NO_MEMORY, "no memory for a run");
  ht_status st = ht_function_of(f->module, f->callable, &own);
  if (st.code == HT_OK) st = zeros(f, batch, &in);
  m->pool = pool;
  if (st.code == HT_OK) st = try_once(own, in, back);
  m->pool = before;
  *peak = ht_pool_peak(pool);
  ht_arrays_free(in);
  ht_function_free(own);
  ht_pool_free(pool);
  return st;
}

/* Memory grows by the row; what a call works with is there for every thread.
 * How many threads get to work at once is chance, so one is tried. */
static ht_status foresee_alone(ht_function *f, int64_t batch, bool back,
                               int threads, uint64_t *peak) {
  const int n = back ? 4 : 16; /* rows that are run apart are at most these */
  uint64_t few, more;
  HT_TRY(ht_function_measure(f, n, back, &few));
  HT_TRY(ht_function_measure(f, 2 * n, back, &more));
  double row = ((double)more - (double)few) / n;
  double work = back ? 0 : (double)few - row * n;
  double all = (double)more + row * (double)(batch - 2 * n);
  if (work > 0) all += (threads - 1) * work;
  *peak = (uint64_t)(all > 0 ? all : 0);
  return HT_SUCCESS;
}

static ht_status foresee(ht_function *f, int64_t batch, bool back,
                         uint64_t *peak) {
  int threads = ht_threads(), before = f->module->threads;
  f->module->threads = 1;
  ht_status st = foresee_alone(f, batch, back, threads, peak);
  f->module->threads = before;
  ht_threads_set(before);
  return st;
}

/* Most frequent first; equal ones by name. */
static bool comes_before(const ht_plan_op *a, const ht_plan_op *b) {
  return a->n != b->n ? a->n > b->n : strcmp(a->name, b->name) < 0;
}

static void sort(ht_plan_op *op, int n) {
  for (int i = 1; i < n; i++) {
    ht_plan_op moved = op[i];
    int k = i;
    for (; k > 0 && comes_before(&moved, &op[k - 1]); k--) op[k] = op[k - 1];
    op[k] = moved;
  }
}

static ht_status count_ops(ht_function *f, const ht_plan *p,
                           ht_plan_info *out) {
  int n = ht_plan_steps(p);
  ht_plan_op *op;
  HT_NEW(op, &f->arena, n + 1);
  out->n_steps = n;
  for (int i = 0; i < n; i++) {
    int k = 0;
    while (k < out->n_ops && strcmp(op[k].name, ht_plan_step_op(p, i))) k++;
    op[k].name = ht_plan_step_op(p, i);
    op[k].n++;
    if (k == out->n_ops) out->n_ops++;
  }
  sort(op, out->n_ops);
  out->op = op;
  return HT_SUCCESS;
}

ht_status ht_function_plan(ht_function *f, int64_t batch, ht_plan_info *out) {
  *out = (ht_plan_info){.batch = batch};
  ht_model *m = f->module->model;
  ht_threads_set(f->module->threads);
  if (batch < 1) return ht_fail(HT_USAGE, "a batch has at least one row");
  for (int i = 0; i < m->store.n_variables; i++)
    out->weights += ht_tensor_bytes(&m->store.variable[i]->value);
  if (!f->plan)
    HT_TRY(ht_plan_new(&f->callable->body, f->callable->capture, &f->plan));
  HT_TRY(count_ops(f, f->plan, out));
  HT_TRY(foresee(f, batch, false, &out->run_peak));
  return foresee(f, batch, true, &out->train_peak);
}
