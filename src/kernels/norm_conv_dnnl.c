/*
 * norm_conv_dnnl.c - convolutions behind a normalisation by oneDNN, see dnnl.h:
 * each image is normalised, convolved and let go while it is in cache.
 */
#include "config.h"
#include "kernels/dnnl.h"

#ifdef HAVE_DNNL
#include <string.h>

#include "base/parallel.h"
#include "kernels/dnnl_job.h"

typedef struct norm_job {
  ht_dnnl_job j; /* x: before the normalisation */
  const ht_compiled *to_input;
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
  ht_dnnl_job *j = &n->j;
  ht_tensor scratch = {0}, y = {0};
  bool good =
      ht_dnnl_bytes(j->pool, ht_dnnl_scratch(j->k), &scratch).code == HT_OK &&
      ht_dnnl_bytes(j->pool, j->step[0], &y).code == HT_OK;
  int threads = ht_dnnl_alone();
  for (size_t i = from; good && i < to; i++) {
    void *p[3] = {y.data, j->data[1], j->data[2] + i * j->step[2]};
    normalise(n, i, y.data);
    good = ht_dnnl_call(j, j->k, p, scratch.data);
  }
  ht_dnnl_back(threads);
  if (!good) atomic_store(&j->failed, true);
  ht_tensor_drop(&scratch);
  ht_tensor_drop(&y);
}

/* A filter as k wants it: `room` holds it where that is not TensorFlow's. */
static bool filter_for(ht_dnnl_job *j, const ht_compiled *k, void *f,
                       ht_tensor *room, void **out) {
  *out = f;
  if (!k->reorder) return true;
  if (ht_dnnl_bytes(j->pool, md_size(ht_dnnl_filter(k)), room).code != HT_OK)
    return false;
  *out = room->data;
  ht_dnnl_job other = *j;
  other.k = k;
  return ht_dnnl_reorder(&other, MD(k->data[1]), f, ht_dnnl_filter(k),
                         room->data);
}

static ht_channels call_channels(const ht_conv *c, const ht_compiled *k) {
  return (ht_channels){k->c.w.batch * ht_window_pixels(c->w.in), c->cin, 1};
}

static void *writable(const void *p) { return (void *)(uintptr_t)p; }

ht_status ht_dnnl_norm_conv(const ht_norm_conv *n, void *y, bool *done) {
  const ht_conv *c = n->c;
  ht_conv_room *room = n->at.room;
  const ht_compiled *k = ht_dnnl_compile(room, c, HT_CONV_FORWARD, NULL);
  *done = k != NULL;
  if (!k) return HT_SUCCESS;
  norm_job all = {
      .j = ht_dnnl_job_of(room, n->at.pool, c, k, writable(n->z), y),
      .n = n,
      .s = call_channels(c, k)};
  ht_tensor memory = {0};
  void *filter;
  bool good = filter_for(&all.j, k, writable(n->f), &memory, &filter);
  all.j.data[1] = filter;
  if (good) ht_parallel(all.j.calls, 1, run_norm_calls, &all);
  ht_tensor_drop(&memory);
  return good ? ht_dnnl_finish(&all.j) : ht_dnnl_failure();
}

typedef struct back_room {
  ht_tensor scratch, input_scratch, y, spare, slopes;
} back_room;

static bool open_back_room(const norm_job *n, back_room *r) {
  ht_shape two = ht_shape_2(2, n->s.channels);
  ht_pool *pool = n->j.pool;
  return ht_dnnl_bytes(pool, ht_dnnl_scratch(n->j.k), &r->scratch).code ==
             HT_OK &&
         ht_dnnl_bytes(pool, n->to_input ? ht_dnnl_scratch(n->to_input) : 64,
                       &r->input_scratch)
                 .code == HT_OK &&
         ht_dnnl_bytes(pool, n->j.step[0], &r->y).code == HT_OK &&
         ht_dnnl_bytes(pool, n->j.sum, &r->spare).code == HT_OK &&
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
  const ht_dnnl_job *j = &n->j;
  char *dy = (char *)n->n->dy + i * j->step[0];
  void *p[3] = {dy, n->filter, j->data[2] + i * j->step[2]};
  double *own = r->slopes.data;
  if (!ht_dnnl_call(j, n->to_input, p, r->input_scratch.data)) return false;
  const void *z = j->data[0] + i * j->step[0], *d = dy;
  if (ht_channel_slopes(j->pool, &n->s, &n->n->by, z, d, own).code != HT_OK)
    return false;
  for (int64_t c = 0; c < 2 * n->s.channels; c++) sums[c] += own[c];
  return true;
}

static bool back_group(const norm_job *n, size_t g, back_room *r) {
  const ht_dnnl_job *j = &n->j;
  float *sum = (float *)(void *)(j->data[1] + g * j->sum);
  double *sums = n->sums + g * (size_t)(2 * n->s.channels);
  size_t from = g * j->group, to = from + j->group;
  if (to > j->calls) to = j->calls;
  memset(sums, 0, (size_t)(2 * n->s.channels) * sizeof *sums);
  for (size_t i = from; i < to; i++) {
    float *into = i == from ? sum : r->spare.data;
    void *p[3] = {r->y.data, into, j->data[2] + i * j->step[2]};
    normalise(n, i, r->y.data);
    if (!ht_dnnl_call(j, j->k, p, r->scratch.data)) return false;
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
  ht_dnnl_job *j = &n->j;
  size_t values = j->sum / sizeof(float), wide = (size_t)(2 * n->s.channels);
  float *total = (float *)(void *)j->data[1];
  for (size_t g = 1; g < groups; g++)
    ht_add_floats((int64_t)values, total + g * values, total);
  memset(n->n->sums, 0, wide * sizeof(double));
  for (size_t g = 0; g < groups; g++)
    for (size_t c = 0; c < wide; c++) n->n->sums[c] += n->sums[g * wide + c];
  if (j->k->reorder)
    return ht_dnnl_reorder(j, ht_dnnl_filter(j->k), total, MD(j->k->data[1]),
                           n->n->df);
  memcpy(n->n->df, total, j->sum);
  return true;
}

static ht_status run_back(norm_job *n) {
  ht_dnnl_job *j = &n->j;
  size_t groups = ht_dnnl_group(j);
  ht_tensor room = {0}, sums = {0}, filter = {0};
  ht_shape shape = ht_shape_2((int64_t)groups, 2 * n->s.channels);
  bool good = ht_dnnl_bytes(j->pool, groups * j->sum, &room).code == HT_OK &&
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
  return good ? HT_SUCCESS : ht_dnnl_failure();
}

ht_status ht_dnnl_norm_conv_back(const ht_norm_conv *n, bool *done) {
  const ht_conv *c = n->c;
  ht_conv_room *room = n->at.room;
  const ht_compiled *k = ht_dnnl_compile(room, c, HT_CONV_TO_FILTER, NULL);
  const ht_compiled *d =
      n->dy ? ht_dnnl_compile(room, c, HT_CONV_TO_INPUT, NULL) : NULL;
  *done = k && (d || !n->dy);
  if (!*done) return HT_SUCCESS;
  norm_job all = {.j = ht_dnnl_job_of(room, n->at.pool, c, k, writable(n->z),
                                      writable(n->g)),
                  .to_input = d,
                  .n = n,
                  .s = call_channels(c, k)};
  return run_back(&all);
}
#else
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
