/*
 * conv_dnnl.c - convolutions by oneDNN, see dnnl.h.
 *
 * A primitive is compiled for a few images; the batch is cut into calls of
 * that many, which our threads share. Filters are brought into the layout
 * that the primitive asks for once per application.
 */
#include "config.h"
#include "kernels/dnnl.h"

#ifdef HAVE_DNNL
#include <string.h>

#include "base/parallel.h"
#include "kernels/dnnl_job.h"
#include "kernels/real.h"

ht_status ht_dnnl_bytes(ht_pool *pool, size_t n, ht_tensor *out) {
  ht_shape s = ht_shape_1((int64_t)n);
  return ht_tensor_new(pool, HT_UINT8, &s, out);
}

bool ht_dnnl_add(dnnl_engine_t engine, ht_dnnl_arguments *a, int what, cmd d,
                 void *p) {
  if (dnnl_memory_create(&a->arg[a->n].memory, d, engine, p) != dnnl_success)
    return false;
  a->arg[a->n++].arg = what;
  return true;
}

void ht_dnnl_drop(ht_dnnl_arguments *a) {
  for (int i = 0; i < a->n; i++) dnnl_memory_destroy(a->arg[i].memory);
}

bool ht_dnnl_execute(dnnl_engine_t engine, dnnl_primitive_t p,
                     const ht_dnnl_arguments *a) {
  dnnl_stream_t stream;
  if (dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) !=
      dnnl_success)
    return false;
  bool good = dnnl_primitive_execute(p, stream, a->n, a->arg) == dnnl_success;
  dnnl_stream_wait(stream);
  dnnl_stream_destroy(stream);
  return good;
}

static const int names[3][4] = {
    {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS},
    {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
    {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST,
     DNNL_ARG_DIFF_BIAS}};

bool ht_dnnl_call(const ht_dnnl_job *j, const ht_compiled *k, void *const p[4],
                  void *scratch) {
  ht_dnnl_arguments a = {.n = 0};
  bool good = true;
  for (int d = 0; d < 3 && good; d++)
    good = ht_dnnl_add(j->engine, &a, names[k->pass][d],
                       d == 1 ? ht_dnnl_filter(k) : MD(k->data[d]), p[d]);
  if (good && k->bias)
    good =
        ht_dnnl_add(j->engine, &a, names[k->pass][3], MD(k->bias_data), p[3]);
  if (good)
    good = ht_dnnl_add(
        j->engine, &a, DNNL_ARG_SCRATCHPAD,
        dnnl_primitive_desc_query_md(k->desc, dnnl_query_scratchpad_md, 0),
        scratch);
  good = good && ht_dnnl_execute(j->engine, k->run, &a);
  ht_dnnl_drop(&a);
  return good;
}

static bool one_call(const ht_dnnl_job *j, size_t i, void *filter, void *bias,
                     void *scratch) {
  void *p[4] = {j->data[0] + i * j->step[0], filter,
                j->data[2] + i * j->step[2], bias};
  return ht_dnnl_call(j, j->k, p, scratch);
}

size_t ht_dnnl_scratch(const ht_compiled *k) {
  size_t n = md_size(
      dnnl_primitive_desc_query_md(k->desc, dnnl_query_scratchpad_md, 0));
  return n ? n : 64;
}

static void run_calls(size_t from, size_t to, void *arg) {
  ht_dnnl_job *j = arg;
  ht_tensor scratch;
  bool good =
      ht_dnnl_bytes(j->pool, ht_dnnl_scratch(j->k), &scratch).code == HT_OK;
  if (!good) {
    atomic_store(&j->failed, true);
    return;
  }
  int threads = ht_dnnl_alone();
  for (size_t i = from; good && i < to; i++)
    good = one_call(j, i, j->data[1], j->bias, scratch.data);
  ht_dnnl_back(threads);
  if (!good) atomic_store(&j->failed, true);
  ht_tensor_drop(&scratch);
}

/* Partial sum g of the filter's gradient: its calls in order. */
static bool sum_calls(ht_dnnl_job *j, size_t g, float *spare, void *scratch) {
  float *sum = (float *)(void *)(j->data[1] + g * j->sum);
  size_t from = g * j->group, to = from + j->group;
  if (to > j->calls) to = j->calls;
  for (size_t i = from; i < to; i++) {
    float *into = i == from ? sum : spare;
    char *bias = (char *)into + md_size(ht_dnnl_filter(j->k));
    if (!one_call(j, i, into, bias, scratch)) return false;
    if (i > from) ht_add_floats((int64_t)(j->sum / sizeof *sum), spare, sum);
  }
  return true;
}

static void run_sums(size_t from, size_t to, void *arg) {
  ht_dnnl_job *j = arg;
  ht_tensor scratch = {0}, spare = {0};
  bool good =
      ht_dnnl_bytes(j->pool, ht_dnnl_scratch(j->k), &scratch).code == HT_OK &&
      ht_dnnl_bytes(j->pool, j->sum, &spare).code == HT_OK;
  int threads = ht_dnnl_alone();
  for (size_t g = from; good && g < to; g++)
    good = sum_calls(j, g, spare.data, scratch.data);
  ht_dnnl_back(threads);
  if (!good) atomic_store(&j->failed, true);
  ht_tensor_drop(&scratch);
  ht_tensor_drop(&spare);
}

bool ht_dnnl_relayout(const ht_dnnl_job *j, const ht_compiled *k, void *f,
                      void *to) {
  if (k->relayout.run) return ht_relayout_run(j->engine, &k->relayout, f, to);
  memcpy(to, f, md_size(ht_dnnl_filter(k)));
  return true;
}

ht_status ht_dnnl_failure(void) {
  return ht_fail(HT_NO_MEMORY, "oneDNN could not run a convolution");
}

ht_status ht_dnnl_finish(const ht_dnnl_job *j) {
  return atomic_load(&j->failed) ? ht_dnnl_failure() : HT_SUCCESS;
}

/* Sets how many calls make a partial sum; how many of those there are. */
size_t ht_dnnl_group(ht_dnnl_job *j) {
  enum { GROUPS = 8, LARGE = 2 << 20 };
  j->sum = md_size(ht_dnnl_filter(j->k));
  if (j->k->bias) j->sum += (size_t)j->k->c.cout * sizeof(float);
  size_t most = j->sum > LARGE ? GROUPS / 2 : GROUPS;
  j->group = (j->calls + most - 1) / most;
  return (j->calls + j->group - 1) / j->group;
}

static ht_status run_filter(ht_dnnl_job *j, void *filter) {
  ht_tensor room;
  size_t groups = ht_dnnl_group(j);
  HT_TRY(ht_dnnl_bytes(j->pool, groups * j->sum, &room));
  j->data[1] = room.data;
  ht_parallel(groups, 1, run_sums, j);
  float *total = room.data;
  int64_t values = (int64_t)(j->sum / sizeof *total);
  ht_add_parts(HT_FLOAT, values, (int64_t)groups, values, total, total);
  if (j->bias)
    memcpy(j->bias, (char *)total + md_size(ht_dnnl_filter(j->k)),
           (size_t)j->k->c.cout * sizeof(float));
  if (!ht_dnnl_relayout(j, j->k, total, filter)) atomic_store(&j->failed, true);
  ht_tensor_drop(&room);
  return ht_dnnl_finish(j);
}

typedef struct scaling {
  ht_epilogue by;
  const float *from;
  float *to;
  int64_t channels;
} scaling;

static void scale_rows(size_t from, size_t to, void *arg) {
  const scaling *s = arg;
  size_t at = from * (size_t)s->channels, n = (to - from) * (size_t)s->channels;
  memcpy(s->to + at, s->from + at, n * sizeof *s->to);
  ht_epilogue_rows(&s->by, (int64_t)(to - from), s->channels, s->channels,
                   s->to + at);
}

/* The filter with the channels' factors in it: TensorFlow's has the outputs
 * last. */
static ht_status scaled(ht_pool *pool, const ht_conv *c, const float *scale,
                        const float *f, ht_tensor *out) {
  int64_t rows =
      ht_window_pixels(c->w.size) * (c->depthwise ? 1 : c->cin / c->groups);
  ht_shape s = ht_shape_2(rows, c->cout);
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &s, out));
  scaling job = {{.scale = scale}, f, out->data, c->cout};
  ht_parallel((size_t)rows, ht_grain((double)c->cout), scale_rows, &job);
  return HT_SUCCESS;
}

/* The filter as the primitive wants it, factors included: shared where
 * TensorFlow's is that, else made. */
static ht_status pack(ht_dnnl_job *j, const ht_conv *c, const ht_epilogue *e,
                      void *filter, ht_tensor *out) {
  const ht_compiled *k = j->k;
  ht_tensor room = {0};
  ht_status st = HT_SUCCESS;
  if (e && e->scale) st = scaled(j->pool, c, e->scale, filter, &room);
  if (st.code == HT_OK)
    st = ht_dnnl_bytes(j->pool, md_size(ht_dnnl_filter(k)), out);
  if (st.code == HT_OK && room.data) filter = room.data;
  if (st.code == HT_OK && !ht_dnnl_relayout(j, k, filter, out->data))
    st = ht_dnnl_failure();
  ht_tensor_drop(&room);
  return st;
}

/* The same, kept for other calls of this epoch. */
static ht_status packed(ht_dnnl_job *j, const ht_conv_place *at,
                        const ht_conv *c, const ht_epilogue *e, void *filter,
                        ht_tensor *out) {
  ht_conv_room *r = at->room;
  ht_status st = HT_SUCCESS;
  if (!at->epoch) return pack(j, c, e, filter, out);
  pthread_mutex_lock(&r->lock);
  if (r->packed_epoch != at->epoch || r->packed_for != j->k) {
    ht_tensor_drop(&r->packed);
    st = pack(j, c, e, filter, &r->packed);
    r->packed_epoch = st.code == HT_OK ? at->epoch : 0;
    r->packed_for = j->k;
  }
  if (st.code == HT_OK) *out = ht_tensor_share(&r->packed);
  pthread_mutex_unlock(&r->lock);
  return st;
}

static ht_status run_pass(ht_dnnl_job *j, const ht_conv_place *at,
                          const ht_conv *c, int pass, const ht_epilogue *e,
                          void *filter) {
  ht_tensor room = {0};
  if (pass == HT_CONV_TO_FILTER) return run_filter(j, filter);
  j->data[1] = filter;
  if (j->k->relayout.run || (e && e->scale)) {
    HT_TRY(packed(j, at, c, e, filter, &room));
    j->data[1] = room.data;
  }
  ht_parallel(j->calls, 1, run_calls, j);
  ht_tensor_drop(&room);
  return ht_dnnl_finish(j);
}

ht_dnnl_job ht_dnnl_job_of(ht_conv_room *room, ht_pool *pool, const ht_conv *c,
                           const ht_compiled *k, void *x, void *y) {
  size_t n = (size_t)k->c.w.batch * sizeof(float);
  return (ht_dnnl_job){
      .k = k,
      .engine = room->engine,
      .pool = pool,
      .data = {x, NULL, y},
      .step = {n * (size_t)(ht_window_pixels(c->w.in) * c->cin), 0,
               n * (size_t)(ht_window_pixels(c->w.out) * c->cout)},
      .calls = (size_t)(c->w.batch / k->c.w.batch)};
}

ht_status ht_dnnl_conv(const ht_conv_place *at, const ht_conv *c, int pass,
                       const ht_epilogue *e, void *const data[4], bool *done) {
  ht_epilogue to_bias = {.bias = data[3]};
  if (data[3]) e = &to_bias;
  const ht_compiled *k = ht_dnnl_compile(at->room, c, pass, e);
  *done = k != NULL;
  if (!k) return HT_SUCCESS;
  ht_dnnl_job j = ht_dnnl_job_of(at->room, at->pool, c, k, data[0], data[2]);
  j.bias = e ? (void *)(uintptr_t)e->bias : NULL;
  return run_pass(&j, at, c, pass, e, data[1]);
}
#else
ht_status ht_dnnl_conv(const ht_conv_place *at, const ht_conv *c, int pass,
                       const ht_epilogue *e, void *const data[4], bool *done) {
  (void)at, (void)c, (void)pass, (void)e, (void)data;
  *done = false;
  return HT_SUCCESS;
}
#endif
