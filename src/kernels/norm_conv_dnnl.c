/*
 * norm_conv_dnnl.c - convolutions behind a normalisation by oneDNN, see dnnl.h:
 * an image, or a band of its lines, is normalised, convolved and let go while
 * it is in cache.
 */
#include "config.h"
#include "kernels/dnnl.h"

#ifdef HAVE_DNNL
#include <string.h>

#include "base/parallel.h"
#include "kernels/bands.h"
#include "kernels/dnnl_job.h"

/* What a call works on: a few images, or a band of one. Places are in bytes
 * behind the first image of the call. */
typedef struct piece {
  const ht_compiled *k, *to_input; /* forward, or to the filter */
  size_t x, y;                     /* of k */
  size_t dx, dy;                   /* of to_input */
  ht_channels seen, made;          /* pixels that k reads, that dx has */
} piece;

enum { MOST_BANDS = 64 };

typedef struct norm_job {
  ht_dnnl_job j; /* x: before the normalisation */
  const ht_norm_conv *n;
  piece piece[MOST_BANDS];
  size_t pieces;  /* of the same images */
  size_t widest;  /* bytes that a k reads */
  size_t scratch; /* bytes that any of the calls asks for */
  void *filter;   /* as to_input wants it */
  double *sums;   /* by group: 2 cin */
} norm_job;

static const piece *piece_of(const norm_job *n, size_t call, size_t *images) {
  *images = call / n->pieces;
  return &n->piece[call % n->pieces];
}

static void normalise(const norm_job *n, const piece *p, size_t images,
                      void *y) {
  const void *z = n->j.data[0] + images * n->j.step[0] + p->x;
  ht_channel_scale(&p->seen, &n->n->by, z, y);
}

static void run_norm_calls(size_t from, size_t to, void *arg) {
  norm_job *n = arg;
  ht_dnnl_job *j = &n->j;
  ht_tensor scratch = {0}, y = {0};
  bool good = ht_dnnl_bytes(j->pool, n->scratch, &scratch).code == HT_OK &&
              ht_dnnl_bytes(j->pool, n->widest, &y).code == HT_OK;
  int threads = ht_dnnl_alone();
  for (size_t i = from; good && i < to; i++) {
    size_t images;
    const piece *p = piece_of(n, i, &images);
    void *data[4] = {y.data, j->data[1],
                     j->data[2] + images * j->step[2] + p->y};
    normalise(n, p, images, y.data);
    good = ht_dnnl_call(j, p->k, data, scratch.data);
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
  if (!k->relayout.run) return true;
  if (ht_dnnl_bytes(j->pool, md_size(ht_dnnl_filter(k)), room).code != HT_OK)
    return false;
  *out = room->data;
  return ht_dnnl_relayout(j, k, f, room->data);
}

/* ---- cutting */

static size_t line_bytes(const int64_t n[3], int64_t channels) {
  return (size_t)(n[2] * channels) * sizeof(float);
}

static ht_channels pixels(const ht_conv *c) {
  return (ht_channels){c->w.batch * ht_window_pixels(c->w.in), c->cin, 1};
}

static void add_piece(norm_job *n, const piece *p) {
  const ht_compiled *both[] = {p->k, p->to_input};
  size_t bytes = (size_t)(p->seen.outer * p->seen.channels) * sizeof(float);
  n->piece[n->pieces++] = *p;
  if (bytes > n->widest) n->widest = bytes;
  for (int i = 0; i < 2 && both[i]; i++)
    if (ht_dnnl_scratch(both[i]) > n->scratch)
      n->scratch = ht_dnnl_scratch(both[i]);
}

static bool same_filter(const ht_compiled *a, const ht_compiled *b) {
  return !a == !b &&
         (!a || dnnl_memory_desc_equal(ht_dnnl_filter(a), ht_dnnl_filter(b)));
}

static bool band_piece(const norm_job *n, int pass, int64_t from, int64_t to,
                       piece *p) {
  const ht_conv *c = n->n->c;
  ht_conv_room *room = n->n->at.room;
  ht_band b, d;
  bool last = to == c->w.out[1];
  int64_t below = from * c->w.stride[1], above = to * c->w.stride[1];
  if (last || above > c->w.in[1]) above = c->w.in[1];
  if (!ht_band_of_output(c, from, to, &b)) return false;
  size_t in = line_bytes(c->w.in, c->cin), out = line_bytes(c->w.out, c->cout);
  *p = (piece){.k = ht_dnnl_compile(room, &b.c, pass, NULL),
               .x = (size_t)b.in * in,
               .y = (size_t)b.out * out,
               .seen = pixels(&b.c)};
  if (!p->k || !n->n->dy) return p->k;
  if (!ht_band_of_input(c, below, above, &d)) return false;
  p->to_input = ht_dnnl_compile(room, &d.c, HT_CONV_TO_INPUT, NULL);
  p->dx = (size_t)d.in * in;
  p->dy = (size_t)d.out * out;
  p->made = pixels(&d.c);
  return p->to_input;
}

/* Into bands. False: better not, or not possible. */
static bool cut(norm_job *n, int pass) {
  const ht_conv *c = n->n->c;
  int64_t lines = ht_band_lines(c), all = c->w.out[1];
  if (lines >= all || (all + lines - 1) / lines > MOST_BANDS) return false;
  for (int64_t i = 0; i < all; i += lines) {
    piece p;
    if (!band_piece(n, pass, i, i + lines < all ? i + lines : all, &p))
      return false;
    add_piece(n, &p);
    if (!same_filter(n->piece[0].k, p.k) ||
        !same_filter(n->piece[0].to_input, p.to_input))
      return false;
  }
  return true;
}

/* Images whole. */
static bool leave(norm_job *n, int pass) {
  const ht_conv *c = n->n->c;
  ht_conv_room *room = n->n->at.room;
  piece p = {.k = ht_dnnl_compile(room, c, pass, NULL)};
  n->pieces = n->widest = n->scratch = 0;
  if (n->n->dy) p.to_input = ht_dnnl_compile(room, c, HT_CONV_TO_INPUT, NULL);
  if (!p.k || (n->n->dy && !p.to_input)) return false;
  p.seen = p.made = pixels(&p.k->c);
  add_piece(n, &p);
  return true;
}

/* False: oneDNN has no fast way. */
static bool plan_calls(norm_job *n, int pass, void *x, void *y) {
  const ht_conv *c = n->n->c;
  if (!cut(n, pass) && !leave(n, pass)) return false;
  n->j = ht_dnnl_job_of(n->n->at.room, n->n->at.pool, c, n->piece[0].k, x, y);
  n->j.calls *= n->pieces;
  return true;
}

static void *writable(const void *p) { return (void *)(uintptr_t)p; }

ht_status ht_dnnl_norm_conv(const ht_norm_conv *n, void *y, bool *done) {
  norm_job all = {.n = n};
  *done = plan_calls(&all, HT_CONV_FORWARD, writable(n->z), y);
  if (!*done) return HT_SUCCESS;
  ht_tensor memory = {0};
  void *filter;
  bool good = filter_for(&all.j, all.j.k, writable(n->f), &memory, &filter);
  all.j.data[1] = filter;
  if (good) ht_parallel(all.j.calls, 1, run_norm_calls, &all);
  ht_tensor_drop(&memory);
  return good ? ht_dnnl_finish(&all.j) : ht_dnnl_failure();
}

typedef struct back_room {
  ht_tensor scratch, y, spare, slopes;
} back_room;

static bool open_back_room(const norm_job *n, back_room *r) {
  ht_shape two = ht_shape_2(2, n->n->c->cin);
  ht_pool *pool = n->j.pool;
  return ht_dnnl_bytes(pool, n->scratch, &r->scratch).code == HT_OK &&
         ht_dnnl_bytes(pool, n->widest, &r->y).code == HT_OK &&
         ht_dnnl_bytes(pool, n->j.sum, &r->spare).code == HT_OK &&
         ht_tensor_new(pool, HT_DOUBLE, &two, &r->slopes).code == HT_OK;
}

static void close_back_room(back_room *r) {
  ht_tensor_drop(&r->scratch);
  ht_tensor_drop(&r->y);
  ht_tensor_drop(&r->spare);
  ht_tensor_drop(&r->slopes);
}

/* The gradient behind the normalisation, and what its rule sums of it. */
static bool back_to_input(const norm_job *n, const piece *p, size_t images,
                          back_room *r, double *sums) {
  const ht_dnnl_job *j = &n->j;
  size_t at = images * j->step[0] + p->dx;
  char *dy = (char *)n->n->dy + at;
  void *data[4] = {dy, n->filter, j->data[2] + images * j->step[2] + p->dy};
  double *own = r->slopes.data;
  if (!ht_dnnl_call(j, p->to_input, data, r->scratch.data)) return false;
  const void *z = j->data[0] + at, *d = dy;
  if (ht_channel_slopes(j->pool, &p->made, &n->n->by, z, d, own).code != HT_OK)
    return false;
  for (int64_t c = 0; c < 2 * p->made.channels; c++) sums[c] += own[c];
  return true;
}

static bool back_group(const norm_job *n, size_t g, back_room *r) {
  const ht_dnnl_job *j = &n->j;
  float *sum = (float *)(void *)(j->data[1] + g * j->sum);
  size_t wide = (size_t)(2 * n->n->c->cin);
  double *sums = n->sums + g * wide;
  size_t from = g * j->group, to = from + j->group;
  if (to > j->calls) to = j->calls;
  memset(sums, 0, wide * sizeof *sums);
  for (size_t i = from; i < to; i++) {
    size_t images;
    const piece *p = piece_of(n, i, &images);
    float *into = i == from ? sum : r->spare.data;
    void *data[4] = {r->y.data, into, j->data[2] + images * j->step[2] + p->y};
    normalise(n, p, images, r->y.data);
    if (!ht_dnnl_call(j, p->k, data, r->scratch.data)) return false;
    if (i > from) ht_add_floats((int64_t)(j->sum / sizeof *sum), into, sum);
    if (p->to_input && !back_to_input(n, p, images, r, sums)) return false;
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
  size_t values = j->sum / sizeof(float), wide = (size_t)(2 * n->n->c->cin);
  float *total = (float *)(void *)j->data[1];
  ht_add_parts(HT_FLOAT, (int64_t)values, (int64_t)groups, (int64_t)values,
               total, total);
  memset(n->n->sums, 0, wide * sizeof(double));
  for (size_t g = 0; g < groups; g++)
    for (size_t c = 0; c < wide; c++) n->n->sums[c] += n->sums[g * wide + c];
  return ht_dnnl_relayout(j, j->k, total, n->n->df);
}

static ht_status run_back(norm_job *n) {
  ht_dnnl_job *j = &n->j;
  size_t groups = ht_dnnl_group(j);
  ht_tensor room = {0}, sums = {0}, filter = {0};
  const ht_compiled *to_input = n->piece[0].to_input;
  ht_shape shape = ht_shape_2((int64_t)groups, 2 * n->n->c->cin);
  bool good = ht_dnnl_bytes(j->pool, groups * j->sum, &room).code == HT_OK &&
              ht_tensor_new(j->pool, HT_DOUBLE, &shape, &sums).code == HT_OK &&
              (!to_input ||
               filter_for(j, to_input, writable(n->n->f), &filter, &n->filter));
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
  norm_job all = {.n = n};
  *done = plan_calls(&all, HT_CONV_TO_FILTER, writable(n->z), writable(n->g));
  return *done ? run_back(&all) : HT_SUCCESS;
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
