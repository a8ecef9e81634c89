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
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/backend.h"
#include "kernels/dnnl_api.h"

enum { MOST = 64 }; /* geometries that a node keeps */

typedef struct compiled {
  ht_conv c; /* of one call */
  int pass;
  bool bias;
  ht_activation activation;
  bool usable;
  dnnl_primitive_desc_t desc;
  dnnl_primitive_t run, reorder; /* reorder NULL: filters fit as they are */
  md data[3], bias_data;         /* x, filter as TensorFlow has it, y */
} compiled;

struct ht_conv_room {
  pthread_mutex_t lock;
  dnnl_engine_t engine;
  compiled *kept[MOST];
  int n;
  ht_tensor packed; /* a filter for calls of this epoch */
  uint64_t packed_epoch;
  const compiled *packed_for;
};

ht_conv_room *ht_conv_room_new(void) {
  ht_conv_room *r = calloc(1, sizeof *r);
  if (r) pthread_mutex_init(&r->lock, NULL);
  return r;
}

static void free_compiled(compiled *k) {
  for (int i = 0; i < 3; i++) md_free(&k->data[i]);
  md_free(&k->bias_data);
  if (k->run) dnnl_primitive_destroy(k->run);
  if (k->reorder) dnnl_primitive_destroy(k->reorder);
  if (k->desc) dnnl_primitive_desc_destroy(k->desc);
  free(k);
}

void ht_conv_room_free(ht_conv_room *r) {
  if (!r) return;
  for (int i = 0; i < r->n; i++) free_compiled(r->kept[i]);
  ht_tensor_drop(&r->packed);
  if (r->engine) dnnl_engine_destroy(r->engine);
  pthread_mutex_destroy(&r->lock);
  free(r);
}

/* ---- compiling */

static bool flat(const ht_window *w) {
  return w->in[0] == 1 && w->out[0] == 1 && w->size[0] == 1 && !w->pad[0];
}

/* Data: channels last. */
static bool describe_data(const ht_conv *c, const int64_t n[3],
                          int64_t channels, md *out) {
  int64_t dim[5] = {c->w.batch, channels, n[0], n[1], n[2]};
  int64_t step[5] = {n[0] * n[1] * n[2] * channels, 1, n[1] * n[2] * channels,
                     n[2] * channels, channels};
  if (!flat(&c->w)) return md_strided(out, 5, dim, step);
  for (int i = 2; i < 4; i++) dim[i] = dim[i + 1], step[i] = step[i + 1];
  return md_strided(out, 4, dim, step);
}

/* The filter [size.., cin/groups, cout], cut into groups; `any` leaves the
 * layout to oneDNN. */
static bool describe_filter(const ht_conv *c, bool any, md *out) {
  int64_t groups = c->depthwise ? c->cin : c->groups;
  int64_t in = c->cin / groups, each = c->cout / groups;
  const int64_t *n = c->w.size;
  int64_t row = in * c->cout;
  int64_t dim[6] = {groups, each, in, n[0], n[1], n[2]};
  int64_t step[6] = {each, 1, c->cout, n[1] * n[2] * row, n[2] * row, row};
  int from = groups == 1, rank = 6;
  if (flat(&c->w)) {
    for (int i = 3; i < 5; i++) dim[i] = dim[i + 1], step[i] = step[i + 1];
    rank = 5;
  }
  rank -= from;
  return any ? md_any(out, rank, dim + from)
             : md_strided(out, rank, dim + from, step + from);
}

static int64_t pad_after(const ht_window *w, int a) {
  int64_t reach = (w->out[a] - 1) * w->stride[a] - w->pad[a] +
                  (w->size[a] - 1) * w->step[a] + 1;
  return reach > w->in[a] ? reach - w->in[a] : 0;
}

static void places(const ht_conv *c, conv_places *p) {
  int from = flat(&c->w) ? 1 : 0;
  for (int a = from; a < 3; a++) {
    p->stride[a - from] = c->w.stride[a];
    p->dilation[a - from] = c->w.step[a] - 1;
    p->before[a - from] = c->w.pad[a];
    p->after[a - from] = pad_after(&c->w, a);
  }
}

static bool is_slow(dnnl_primitive_desc_t d) {
  const char *name = NULL;
  dnnl_primitive_desc_query(d, dnnl_query_impl_info_str, 0, &name);
  return !name || strncmp(name, "ref", 3) == 0 || strncmp(name, "gemm", 4) == 0;
}

static dnnl_query_t filter_query(int pass) {
  return pass == HT_CONV_TO_FILTER ? dnnl_query_diff_weights_md
                                   : dnnl_query_weights_md;
}

static cmd filter_of(const compiled *k) {
  return dnnl_primitive_desc_query_md(k->desc, filter_query(k->pass), 0);
}

/* Filters from TensorFlow's layout to the primitive's; of gradients the other
 * way. */
static bool make_reorder(dnnl_engine_t engine, compiled *k) {
  dnnl_primitive_desc_t d = NULL;
  cmd theirs = filter_of(k), ours = MD(k->data[1]);
  if (dnnl_memory_desc_equal(theirs, ours)) return true;
  bool back = k->pass == HT_CONV_TO_FILTER;
  bool good = dnnl_reorder_primitive_desc_create(
                  &d, back ? theirs : ours, engine, back ? ours : theirs,
                  engine, NULL) == dnnl_success &&
              dnnl_primitive_create(&k->reorder, d) == dnnl_success;
  if (d) dnnl_primitive_desc_destroy(d);
  return good;
}

static bool make_attributes(const compiled *k, dnnl_primitive_attr_t *out) {
  dnnl_post_ops_t ops = NULL;
  if (dnnl_primitive_attr_create(out) != dnnl_success) return false;
  bool good = dnnl_primitive_attr_set_scratchpad_mode(
                  *out, dnnl_scratchpad_mode_user) == dnnl_success &&
              dnnl_post_ops_create(&ops) == dnnl_success;
  if (good && k->activation == HT_RELU)
    good = append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
  if (good && k->activation == HT_RELU6)
    good = append_eltwise(ops, dnnl_eltwise_clip, 0, 6);
  good = good && dnnl_primitive_attr_set_post_ops(*out, ops) == dnnl_success;
  if (ops) dnnl_post_ops_destroy(ops);
  return good;
}

static bool describe(dnnl_engine_t engine, compiled *k, md *any) {
  dnnl_primitive_attr_t attr = NULL;
  conv_places p;
  int64_t out = k->c.cout, one = 1;
  places(&k->c, &p);
  bool good = describe_data(&k->c, k->c.w.in, k->c.cin, &k->data[0]) &&
              describe_filter(&k->c, false, &k->data[1]) &&
              describe_data(&k->c, k->c.w.out, k->c.cout, &k->data[2]) &&
              md_strided(&k->bias_data, 1, &out, &one) &&
              describe_filter(&k->c, true, any) && make_attributes(k, &attr);
  conv_parts parts = {MD(k->data[0]), MD(*any), MD(k->data[2]),
                      k->bias ? MD(k->bias_data) : NULL};
  if (good) good = conv_desc(engine, k->pass, &parts, &p, attr, &k->desc);
  if (attr) dnnl_primitive_attr_destroy(attr);
  return good;
}

static bool compile(dnnl_engine_t engine, compiled *k) {
  md any = {0};
  bool good = describe(engine, k, &any) && !is_slow(k->desc) &&
              dnnl_primitive_create(&k->run, k->desc) == dnnl_success &&
              make_reorder(engine, k);
  md_free(&any);
  return good;
}

static bool matches(const compiled *k, const compiled *wanted) {
  return memcmp(&k->c, &wanted->c, sizeof k->c) == 0 &&
         k->pass == wanted->pass && k->bias == wanted->bias &&
         k->activation == wanted->activation;
}

/* NULL: no memory, or too many. */
static compiled *find_or_compile(ht_conv_room *r, const compiled *wanted) {
  for (int i = 0; i < r->n; i++)
    if (matches(r->kept[i], wanted)) return r->kept[i];
  if (!r->engine && dnnl_engine_create(&r->engine, dnnl_cpu, 0) != dnnl_success)
    return NULL;
  compiled *k = r->n < MOST ? calloc(1, sizeof *k) : NULL;
  if (!k) return NULL;
  *k = *wanted;
  k->usable = compile(r->engine, k);
  return r->kept[r->n++] = k;
}

/* Compiled for one thread: how work is cut is settled here, not in the call. */
static compiled *compiled_for(ht_conv_room *r, const compiled *wanted) {
  int threads = ht_dnnl_alone();
  pthread_mutex_lock(&r->lock);
  compiled *k = find_or_compile(r, wanted);
  pthread_mutex_unlock(&r->lock);
  ht_dnnl_back(threads);
  return k && k->usable ? k : NULL;
}

/* ---- running */

typedef struct job {
  const compiled *k;
  dnnl_engine_t engine;
  ht_pool *pool;
  char *data[3]; /* x, filter as the primitive wants it, y */
  size_t step[3];
  const float *bias;
  size_t calls, group; /* calls of which a partial sum is made */
  size_t sum;          /* bytes of one */
  atomic_bool failed;
} job;

static ht_status bytes_new(ht_pool *pool, size_t n, ht_tensor *out) {
  ht_shape s = ht_shape_1((int64_t)n);
  return ht_tensor_new(pool, HT_UINT8, &s, out);
}

typedef struct arguments {
  dnnl_exec_arg_t arg[6];
  int n;
} arguments;

static bool add_argument(const job *j, arguments *a, int what, cmd d, void *p) {
  if (dnnl_memory_create(&a->arg[a->n].memory, d, j->engine, p) != dnnl_success)
    return false;
  a->arg[a->n++].arg = what;
  return true;
}

static bool execute(const job *j, dnnl_primitive_t p, arguments *a) {
  dnnl_stream_t stream;
  if (dnnl_stream_create(&stream, j->engine, dnnl_stream_default_flags) !=
      dnnl_success)
    return false;
  bool good = dnnl_primitive_execute(p, stream, a->n, a->arg) == dnnl_success;
  dnnl_stream_wait(stream);
  dnnl_stream_destroy(stream);
  return good;
}

static const int names[3][3] = {
    {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
    {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
    {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}};

static void drop_arguments(arguments *a) {
  for (int i = 0; i < a->n; i++) dnnl_memory_destroy(a->arg[i].memory);
}

/* A call on p: x, filter in the primitive's layout, y. */
static bool call(const job *j, const compiled *k, void *const p[3],
                 void *scratch) {
  arguments a = {.n = 0};
  bool good = true;
  for (int d = 0; d < 3 && good; d++)
    good = add_argument(j, &a, names[k->pass][d],
                        d == 1 ? filter_of(k) : MD(k->data[d]), p[d]);
  if (good && k->bias)
    good = add_argument(j, &a, DNNL_ARG_BIAS, MD(k->bias_data),
                        (void *)(uintptr_t)j->bias);
  if (good)
    good = add_argument(
        j, &a, DNNL_ARG_SCRATCHPAD,
        dnnl_primitive_desc_query_md(k->desc, dnnl_query_scratchpad_md, 0),
        scratch);
  good = good && execute(j, k->run, &a);
  drop_arguments(&a);
  return good;
}

static bool one_call(const job *j, size_t i, void *filter, void *scratch) {
  void *p[3] = {j->data[0] + i * j->step[0], filter,
                j->data[2] + i * j->step[2]};
  return call(j, j->k, p, scratch);
}

static size_t scratch_bytes(const compiled *k) {
  size_t n = md_size(
      dnnl_primitive_desc_query_md(k->desc, dnnl_query_scratchpad_md, 0));
  return n ? n : 64;
}

static void run_calls(size_t from, size_t to, void *arg) {
  job *j = arg;
  ht_tensor scratch;
  bool good = bytes_new(j->pool, scratch_bytes(j->k), &scratch).code == HT_OK;
  if (!good) {
    atomic_store(&j->failed, true);
    return;
  }
  int threads = ht_dnnl_alone();
  for (size_t i = from; good && i < to; i++)
    good = one_call(j, i, j->data[1], scratch.data);
  ht_dnnl_back(threads);
  if (!good) atomic_store(&j->failed, true);
  ht_tensor_drop(&scratch);
}

/* Partial sum g of the filter's gradient: its calls in order. */
static bool sum_calls(job *j, size_t g, float *spare, void *scratch) {
  float *sum = (float *)(void *)(j->data[1] + g * j->sum);
  size_t from = g * j->group, to = from + j->group;
  if (to > j->calls) to = j->calls;
  for (size_t i = from; i < to; i++) {
    if (!one_call(j, i, i == from ? sum : spare, scratch)) return false;
    if (i > from) ht_add_floats((int64_t)(j->sum / sizeof *sum), spare, sum);
  }
  return true;
}

static void run_sums(size_t from, size_t to, void *arg) {
  job *j = arg;
  ht_tensor scratch = {0}, spare = {0};
  bool good = bytes_new(j->pool, scratch_bytes(j->k), &scratch).code == HT_OK &&
              bytes_new(j->pool, j->sum, &spare).code == HT_OK;
  int threads = ht_dnnl_alone();
  for (size_t g = from; good && g < to; g++)
    good = sum_calls(j, g, spare.data, scratch.data);
  ht_dnnl_back(threads);
  if (!good) atomic_store(&j->failed, true);
  ht_tensor_drop(&scratch);
  ht_tensor_drop(&spare);
}

static bool reorder(const job *j, cmd from, void *x, cmd to, void *y) {
  arguments a = {.n = 0};
  int threads = ht_dnnl_alone();
  bool good = add_argument(j, &a, DNNL_ARG_FROM, from, x) &&
              add_argument(j, &a, DNNL_ARG_TO, to, y) &&
              execute(j, j->k->reorder, &a);
  drop_arguments(&a);
  ht_dnnl_back(threads);
  return good;
}

static ht_status failure(void) {
  return ht_fail(HT_NO_MEMORY, "oneDNN could not run a convolution");
}

static ht_status finish(const job *j) {
  return atomic_load(&j->failed) ? failure() : HT_SUCCESS;
}

/* Sets how many calls make a partial sum; how many of those there are. */
static size_t group_calls(job *j) {
  enum { GROUPS = 8, LARGE = 2 << 20 };
  j->sum = md_size(filter_of(j->k));
  size_t most = j->sum > LARGE ? GROUPS / 2 : GROUPS;
  j->group = (j->calls + most - 1) / most;
  return (j->calls + j->group - 1) / j->group;
}

static ht_status run_filter(job *j, void *filter) {
  ht_tensor room;
  size_t groups = group_calls(j);
  HT_TRY(bytes_new(j->pool, groups * j->sum, &room));
  j->data[1] = room.data;
  ht_parallel(groups, 1, run_sums, j);
  float *total = room.data;
  for (size_t g = 1; g < groups; g++)
    ht_add_floats((int64_t)(j->sum / sizeof *total),
                  total + g * (j->sum / sizeof *total), total);
  if (!j->k->reorder)
    memcpy(filter, total, j->sum);
  else if (!reorder(j, filter_of(j->k), total, MD(j->k->data[1]), filter))
    atomic_store(&j->failed, true);
  ht_tensor_drop(&room);
  return finish(j);
}

/* Images of a call: enough work to be worth one, a divisor of the batch, and
 * never so many that threads wait for the last. */
static int64_t images(const ht_conv *c) {
  enum { WORK = 4 << 20, CALLS = 16 };
  int64_t out = ht_window_pixels(c->w.out), in = ht_window_pixels(c->w.in);
  double taps = (double)ht_window_pixels(c->w.size) *
                (c->depthwise ? 1 : (double)(c->cin / c->groups));
  double each = (double)out * (double)c->cout * taps +
                8 * (double)(in * c->cin + out * c->cout);
  int64_t n = (int64_t)(WORK / (each + 1)), most = c->w.batch / CALLS;
  if (n > most) n = most;
  if (n < 1) return 1;
  while (c->w.batch % n) n--;
  return n;
}

/* The filter with the channels' factors in it: TensorFlow's has the outputs
 * last. */
static ht_status scaled(ht_pool *pool, const ht_conv *c, const float *scale,
                        const float *f, ht_tensor *out) {
  int64_t rows =
      ht_window_pixels(c->w.size) * (c->depthwise ? 1 : c->cin / c->groups);
  ht_shape s = ht_shape_2(rows, c->cout);
  ht_epilogue e = {.scale = scale};
  HT_TRY(ht_tensor_new(pool, HT_FLOAT, &s, out));
  memcpy(out->data, f, (size_t)(rows * c->cout) * sizeof *f);
  ht_epilogue_rows(&e, rows, c->cout, c->cout, out->data);
  return HT_SUCCESS;
}

/* The filter as the primitive wants it, factors included: shared where
 * TensorFlow's is that, else made. */
static ht_status pack(job *j, const ht_conv *c, const ht_epilogue *e,
                      void *filter, ht_tensor *out) {
  const compiled *k = j->k;
  ht_tensor room = {0};
  ht_status st = HT_SUCCESS;
  if (e && e->scale) st = scaled(j->pool, c, e->scale, filter, &room);
  if (st.code == HT_OK) st = bytes_new(j->pool, md_size(filter_of(k)), out);
  if (st.code == HT_OK && room.data) filter = room.data;
  if (st.code == HT_OK && !k->reorder)
    memcpy(out->data, filter, md_size(filter_of(k)));
  else if (st.code == HT_OK &&
           !reorder(j, MD(k->data[1]), filter, filter_of(k), out->data))
    st = failure();
  ht_tensor_drop(&room);
  return st;
}

/* The same, kept for other calls of this epoch. */
static ht_status packed(job *j, const ht_conv_place *at, const ht_conv *c,
                        const ht_epilogue *e, void *filter, ht_tensor *out) {
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

static ht_status run_pass(job *j, const ht_conv_place *at, const ht_conv *c,
                          int pass, const ht_epilogue *e, void *filter) {
  ht_tensor room = {0};
  if (pass == HT_CONV_TO_FILTER) return run_filter(j, filter);
  j->data[1] = filter;
  if (j->k->reorder || (e && e->scale)) {
    HT_TRY(packed(j, at, c, e, filter, &room));
    j->data[1] = room.data;
  }
  ht_parallel(j->calls, 1, run_calls, j);
  ht_tensor_drop(&room);
  return finish(j);
}

/* What oneDNN may be asked for at all. */
static bool fits(const ht_conv_room *room, const ht_conv *c) {
  return room && c->t == HT_FLOAT && c->w.batch && c->cin && c->cout &&
         ht_window_pixels(c->w.in) && ht_window_pixels(c->w.out) &&
         ht_window_pixels(c->w.size);
}

static const compiled *compiled_pass(ht_conv_room *room, const ht_conv *c,
                                     int pass, const ht_epilogue *e) {
  compiled wanted;
  memset(&wanted, 0, sizeof wanted); /* compared by bytes */
  memcpy(&wanted.c, c, sizeof *c);
  wanted.c.w.batch = images(c);
  wanted.pass = pass;
  if (e && pass == HT_CONV_FORWARD)
    wanted.bias = e->bias != NULL, wanted.activation = e->activation;
  return compiled_for(room, &wanted);
}

static job job_of(ht_conv_room *room, ht_pool *pool, const ht_conv *c,
                  const compiled *k, void *x, void *y) {
  size_t n = (size_t)k->c.w.batch * sizeof(float);
  return (job){.k = k,
               .engine = room->engine,
               .pool = pool,
               .data = {x, NULL, y},
               .step = {n * (size_t)(ht_window_pixels(c->w.in) * c->cin), 0,
                        n * (size_t)(ht_window_pixels(c->w.out) * c->cout)},
               .calls = (size_t)(c->w.batch / k->c.w.batch)};
}

ht_status ht_dnnl_conv(const ht_conv_place *at, const ht_conv *c, int pass,
                       const ht_epilogue *e, void *const data[3], bool *done) {
  const compiled *k =
      fits(at->room, c) ? compiled_pass(at->room, c, pass, e) : NULL;
  *done = k != NULL;
  if (!k) return HT_SUCCESS;
  job j = job_of(at->room, at->pool, c, k, data[0], data[2]);
  j.bias = e ? e->bias : NULL;
  return run_pass(&j, at, c, pass, e, data[1]);
}

/* ---- behind a normalisation: each image is normalised, convolved and let go
 * while it is in cache */

typedef struct norm_job {
  job j; /* x: before the normalisation */
  const compiled *to_input;
  const ht_norm_conv *n;
  ht_channels s; /* of one call */
  void *filter;  /* as to_input wants it */
  double *sums;  /* by group: 2 cin */
} norm_job;

static void normalise(const norm_job *n, size_t i, void *y) {
  const void *z = n->j.data[0] + i * n->j.step[0];
  ht_channel_scale(&n->s, &n->n->by, z, y);
}

static void run_norm_calls(size_t from, size_t to, void *arg) {
  norm_job *n = arg;
  job *j = &n->j;
  ht_tensor scratch = {0}, y = {0};
  bool good = bytes_new(j->pool, scratch_bytes(j->k), &scratch).code == HT_OK &&
              bytes_new(j->pool, j->step[0], &y).code == HT_OK;
  int threads = ht_dnnl_alone();
  for (size_t i = from; good && i < to; i++) {
    void *p[3] = {y.data, j->data[1], j->data[2] + i * j->step[2]};
    normalise(n, i, y.data);
    good = call(j, j->k, p, scratch.data);
  }
  ht_dnnl_back(threads);
  if (!good) atomic_store(&j->failed, true);
  ht_tensor_drop(&scratch);
  ht_tensor_drop(&y);
}

/* A filter as k wants it: `room` holds it where that is not TensorFlow's. */
static bool filter_for(job *j, const compiled *k, void *f, ht_tensor *room,
                       void **out) {
  *out = f;
  if (!k->reorder) return true;
  if (bytes_new(j->pool, md_size(filter_of(k)), room).code != HT_OK)
    return false;
  *out = room->data;
  job other = *j;
  other.k = k;
  return reorder(&other, MD(k->data[1]), f, filter_of(k), room->data);
}

static ht_channels call_channels(const ht_conv *c, const compiled *k) {
  return (ht_channels){k->c.w.batch * ht_window_pixels(c->w.in), c->cin, 1};
}

static void *writable(const void *p) { return (void *)(uintptr_t)p; }

ht_status ht_dnnl_norm_conv(const ht_norm_conv *n, void *y, bool *done) {
  const ht_conv *c = n->c;
  ht_conv_room *room = n->at.room;
  const compiled *k =
      fits(room, c) ? compiled_pass(room, c, HT_CONV_FORWARD, NULL) : NULL;
  *done = k != NULL;
  if (!k) return HT_SUCCESS;
  norm_job all = {.j = job_of(room, n->at.pool, c, k, writable(n->z), y),
                  .n = n,
                  .s = call_channels(c, k)};
  ht_tensor memory = {0};
  void *filter;
  bool good = filter_for(&all.j, k, writable(n->f), &memory, &filter);
  all.j.data[1] = filter;
  if (good) ht_parallel(all.j.calls, 1, run_norm_calls, &all);
  ht_tensor_drop(&memory);
  return good ? finish(&all.j) : failure();
}

typedef struct back_room {
  ht_tensor scratch, input_scratch, y, spare, slopes;
} back_room;

static bool open_back_room(const norm_job *n, back_room *r) {
  ht_shape two = ht_shape_2(2, n->s.channels);
  ht_pool *pool = n->j.pool;
  return bytes_new(pool, scratch_bytes(n->j.k), &r->scratch).code == HT_OK &&
         bytes_new(pool, n->to_input ? scratch_bytes(n->to_input) : 64,
                   &r->input_scratch)
                 .code == HT_OK &&
         bytes_new(pool, n->j.step[0], &r->y).code == HT_OK &&
         bytes_new(pool, n->j.sum, &r->spare).code == HT_OK &&
         ht_tensor_new(pool, HT_DOUBLE, &two, &r->slopes).code == HT_OK;
}

static void close_back_room(back_room *r) {
  ht_tensor_drop(&r->scratch);
  ht_tensor_drop(&r->input_scratch);
  ht_tensor_drop(&r->y);
  ht_tensor_drop(&r->spare);
  ht_tensor_drop(&r->slopes);
}

/* The gradient behind the normalisation, and what its rule sums of it. */
static bool back_to_input(const norm_job *n, size_t i, back_room *r,
                          double *sums) {
  const job *j = &n->j;
  char *dy = (char *)n->n->dy + i * j->step[0];
  void *p[3] = {dy, n->filter, j->data[2] + i * j->step[2]};
  double *own = r->slopes.data;
  if (!call(j, n->to_input, p, r->input_scratch.data)) return false;
  const void *z = j->data[0] + i * j->step[0], *d = dy;
  if (ht_channel_slopes(j->pool, &n->s, &n->n->by, z, d, own).code != HT_OK)
    return false;
  for (int64_t c = 0; c < 2 * n->s.channels; c++) sums[c] += own[c];
  return true;
}

static bool back_group(const norm_job *n, size_t g, back_room *r) {
  const job *j = &n->j;
  float *sum = (float *)(void *)(j->data[1] + g * j->sum);
  double *sums = n->sums + g * (size_t)(2 * n->s.channels);
  size_t from = g * j->group, to = from + j->group;
  if (to > j->calls) to = j->calls;
  memset(sums, 0, (size_t)(2 * n->s.channels) * sizeof *sums);
  for (size_t i = from; i < to; i++) {
    float *into = i == from ? sum : r->spare.data;
    void *p[3] = {r->y.data, into, j->data[2] + i * j->step[2]};
    normalise(n, i, r->y.data);
    if (!call(j, j->k, p, r->scratch.data)) return false;
    if (i > from) ht_add_floats((int64_t)(j->sum / sizeof *sum), into, sum);
    if (n->to_input && !back_to_input(n, i, r, sums)) return false;
  }
  return true;
}

static void run_back_groups(size_t from, size_t to, void *arg) {
  norm_job *n = arg;
  back_room r = {0};
  bool good = open_back_room(n, &r);
  int threads = ht_dnnl_alone();
  for (size_t g = from; good && g < to; g++) good = back_group(n, g, &r);
  ht_dnnl_back(threads);
  if (!good) atomic_store(&n->j.failed, true);
  close_back_room(&r);
}

/* Adds up the groups in order. */
static bool collect_groups(norm_job *n, size_t groups) {
  job *j = &n->j;
  size_t values = j->sum / sizeof(float), wide = (size_t)(2 * n->s.channels);
  float *total = (float *)(void *)j->data[1];
  for (size_t g = 1; g < groups; g++)
    ht_add_floats((int64_t)values, total + g * values, total);
  memset(n->n->sums, 0, wide * sizeof(double));
  for (size_t g = 0; g < groups; g++)
    for (size_t c = 0; c < wide; c++) n->n->sums[c] += n->sums[g * wide + c];
  if (j->k->reorder)
    return reorder(j, filter_of(j->k), total, MD(j->k->data[1]), n->n->df);
  memcpy(n->n->df, total, j->sum);
  return true;
}

static ht_status run_back(norm_job *n) {
  job *j = &n->j;
  size_t groups = group_calls(j);
  ht_tensor room = {0}, sums = {0}, filter = {0};
  ht_shape shape = ht_shape_2((int64_t)groups, 2 * n->s.channels);
  bool good = bytes_new(j->pool, groups * j->sum, &room).code == HT_OK &&
              ht_tensor_new(j->pool, HT_DOUBLE, &shape, &sums).code == HT_OK &&
              (!n->to_input || filter_for(j, n->to_input, writable(n->n->f),
                                          &filter, &n->filter));
  if (good) {
    j->data[1] = room.data;
    n->sums = sums.data;
    ht_parallel(groups, 1, run_back_groups, n);
    good = !atomic_load(&j->failed) && collect_groups(n, groups);
  }
  ht_tensor_drop(&room);
  ht_tensor_drop(&sums);
  ht_tensor_drop(&filter);
  return good ? HT_SUCCESS : failure();
}

ht_status ht_dnnl_norm_conv_back(const ht_norm_conv *n, bool *done) {
  const ht_conv *c = n->c;
  ht_conv_room *room = n->at.room;
  const compiled *k = NULL, *d = NULL;
  if (fits(room, c)) {
    k = compiled_pass(room, c, HT_CONV_TO_FILTER, NULL);
    d = n->dy ? compiled_pass(room, c, HT_CONV_TO_INPUT, NULL) : NULL;
  }
  *done = k && (d || !n->dy);
  if (!*done) return HT_SUCCESS;
  norm_job all = {
      .j = job_of(room, n->at.pool, c, k, writable(n->z), writable(n->g)),
      .to_input = d,
      .n = n,
      .s = call_channels(c, k)};
  return run_back(&all);
}
#else
ht_conv_room *ht_conv_room_new(void) { return NULL; }
void ht_conv_room_free(ht_conv_room *room) { (void)room; }
ht_status ht_dnnl_conv(const ht_conv_place *at, const ht_conv *c, int pass,
                       const ht_epilogue *e, void *const data[3], bool *done) {
  (void)at, (void)c, (void)pass, (void)e, (void)data;
  *done = false;
  return HT_SUCCESS;
}
ht_status ht_dnnl_norm_conv(const ht_norm_conv *n, void *y, bool *done) {
  (void)n, (void)y;
  *done = false;
  return HT_SUCCESS;
}
ht_status ht_dnnl_norm_conv_back(const ht_norm_conv *n, bool *done) {
  (void)n;
  *done = false;
  return HT_SUCCESS;
}
#endif
