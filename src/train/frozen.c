/* frozen.c - see frozen.h. */
#include "train/frozen.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/parallel.h"
#include "config.h"
#include "data/split.h"
#include "train/checkpoint.h"
#include "train/features.h"

enum {
  BATCH = 64,
  BATCH_LARGE = 32,
  LANES = 8,
  SAMPLE = 63,
  SAMPLE_LEAST = 4,
  LARGE = 16 << 10, /* bytes of an example */
  MAX_INPUTS = 256
};
/* Computing longer than this is worth a file; files of so many bytes. */
static const double worth = 0.3;
static const int64_t segment_bytes = (int64_t)128 << 20;

typedef struct making {
  const ht_frozen_work *w;
  ht_frozen *f;
  ht_arena arena;
  const int64_t *index; /* w->index, or all */
  int64_t sample[SAMPLE];
  int64_t n_sample;
  ht_tensor *tried; /* values of the sample */
  ht_features features;
  const char *why;
} making;

/* Images and the like: few are work enough. */
static bool is_large(const making *m) {
  return ht_feed_example_bytes(m->w->feed) >= LARGE;
}

/* ---- running the first part */

/* Of those of index[0..*n-1] that are not broken: others are taken out. Then
 * images of `next` are begun with. */
static ht_status run_before(const making *m, int64_t *index, int64_t *n,
                            const int64_t *next, int64_t n_next,
                            ht_tensor *out) {
  ht_tensor in[MAX_INPUTS];
  const ht_tensor *at[MAX_INPUTS];
  const ht_composed *c = m->w->composed;
  if (c->n_inputs > MAX_INPUTS)
    return ht_fail(HT_UNSUPPORTED, "too many inputs");
  memset(out, 0, (size_t)m->f->cut.n_values * sizeof *out);
  HT_TRY(ht_feed_inputs(m->w->feed, NULL, HT_UNCHANGED, index, n, in));
  for (int i = 0; i < c->n_inputs; i++) at[i] = &in[i];
  ht_run run = ht_run_make(NULL, &c->model->store, c->model->folder);
  ht_status st = ht_feed_expect(m->w->feed, HT_UNCHANGED, next, n_next);
  if (st.code == HT_OK && *n)
    st = ht_plan_run(m->f->cut.before, &run, c->n_inputs, at,
                     m->f->cut.n_values, out);
  for (int i = 0; i < c->n_inputs; i++) ht_tensor_drop(&in[i]);
  return st;
}

static void drop_values(const making *m, ht_tensor *value) {
  for (int i = 0; value && i < m->f->cut.n_values; i++)
    ht_tensor_drop(&value[i]);
}

/* ---- trying it on a sample */

static bool is_rows(const ht_tensor *t, int64_t n) {
  return t->shape.rank >= 1 && t->shape.dim[0] == n &&
         !ht_dtype_pointers(t->dtype) && t->dtype != HT_COMPLEX64 &&
         t->dtype != HT_COMPLEX128;
}

/* Rows a of x and b of y up to rounding. */
static bool near_rows(const ht_tensor *x, int64_t a, const ht_tensor *y,
                      int64_t b) {
  int64_t n = ht_count(x) / x->shape.dim[0];
  double scale = 0, worst = 0;
  if (n != ht_count(y) / y->shape.dim[0]) return false;
  for (int64_t i = 0; i < n; i++) {
    double v = ht_real_at(x, a * n + i), w = ht_real_at(y, b * n + i);
    scale = fmax(scale, fabs(v));
    if (!(fabs(v - w) <= worst)) worst = fabs(v - w);
  }
  return worst <= 1e-5 * scale + 1e-12;
}

/* A sample spread over the data, which costs a part of what all of it does. */
static void choose_sample(making *m) {
  int64_t n = is_large(m) ? SAMPLE_LEAST : m->w->n / 16;
  if (n < SAMPLE_LEAST) n = SAMPLE_LEAST;
  if (n > SAMPLE) n = SAMPLE;
  m->n_sample = m->w->n < n ? m->w->n : n;
  for (int64_t i = 0; i < m->n_sample; i++)
    m->sample[i] = m->index[i * (m->w->n / m->n_sample)];
}

/* Value i has the rows of the sample also in other company: the last example
 * first, and the first one missing. */
static bool same_rows(const making *m, int i, const ht_tensor *turned,
                      int64_t n) {
  const ht_tensor *t = &m->tried[i], *u = &turned[i];
  if (!is_rows(t, m->n_sample) || !is_rows(u, n)) return false;
  for (int64_t k = 0; k < n; k++)
    if (!near_rows(t, m->n_sample - 1 - k, u, k)) return false;
  return true;
}

/* *bad: a value that has not one row for each example; -1: none. */
static ht_status try_sample(making *m, int *bad) {
  int64_t index[SAMPLE], n;
  ht_tensor *turned;
  int values = m->f->cut.n_values;
  HT_NEW(m->tried, &m->arena, values + 1);
  HT_NEW(turned, &m->arena, values + 1);
  *bad = -1;
  HT_TRY(run_before(m, m->sample, &m->n_sample, NULL, 0, m->tried));
  n = m->n_sample > 1 ? m->n_sample - 1 : m->n_sample;
  for (int64_t k = 0; k < n; k++) index[k] = m->sample[m->n_sample - 1 - k];
  ht_status st = run_before(m, index, &n, NULL, 0, turned);
  for (int i = 0; st.code == HT_OK && m->n_sample && i < values; i++)
    if (!same_rows(m, i, turned, n)) *bad = i;
  drop_values(m, turned);
  return st;
}

/* Large examples alone are worth looking for an earlier place to cut at. */
static ht_status find_cut(making *m) {
  ht_cut *cut = &m->f->cut;
  bool large = is_large(m);
  for (;;) {
    int bad = -1;
    if (!cut->n_values || cut->raw) {
      m->why = "what it does with its inputs changes";
      return HT_SUCCESS;
    }
    HT_TRY(try_sample(m, &bad));
    if (!m->n_sample) m->why = "no example of a sample can be read";
    if (bad < 0 || m->why) return HT_SUCCESS;
    bool scalar = m->tried[bad].shape.rank == 0;
    drop_values(m, m->tried);
    m->tried = NULL;
    if (!large && !scalar) m->why = "its output depends on the batch";
    if (m->why) return HT_SUCCESS;
    HT_TRY(ht_cut_refuse(cut, bad, &m->w->composed->model->store));
  }
}

/* ---- all examples */

static ht_status make_columns(making *m) {
  ht_frozen *f = m->f;
  int64_t bytes = 0;
  HT_NEW(f->column, &m->w->composed->arena, f->cut.n_values);
  for (int i = 0; i < f->cut.n_values; i++) {
    ht_shape shape = m->tried[i].shape;
    shape.dim[0] = m->w->n;
    bytes += ht_shape_count(&shape) * (int64_t)ht_dtype_size(m->tried[i].dtype);
    if (bytes > HT_FROZEN_MAX) m->why = "its output is too large to be kept";
    if (m->why) return HT_SUCCESS;
    f->column[i].name = "features";
    f->column[i].n = m->w->n;
    HT_TRY(ht_tensor_new(NULL, m->tried[i].dtype, &shape, &f->column[i].value));
  }
  if (is_large(m) && bytes / m->w->n > ht_feed_example_bytes(m->w->feed))
    m->why = "its first values are larger than the example";
  if (m->why) return HT_SUCCESS;
  f->n = m->w->n;
  HT_NEW(f->place, &m->w->composed->arena, m->w->feed->data.n + 1);
  for (int64_t i = 0; i < m->w->feed->data.n; i++) f->place[i] = -1;
  for (int64_t i = 0; i < f->n; i++) f->place[m->index[i]] = i;
  HT_NEW(m->features.found, &m->arena, f->n + 1);
  return HT_SUCCESS;
}

/* Rows of a batch into the columns; false where they are not rows. */
static bool keep_rows(making *m, const int64_t *index, int64_t n,
                      const ht_tensor *value) {
  for (int i = 0; n && i < m->f->cut.n_values; i++) {
    const ht_tensor *all = &m->f->column[i].value;
    size_t row = ht_tensor_bytes(all) / (size_t)m->f->n;
    if (!is_rows(&value[i], n) || ht_tensor_bytes(&value[i]) != row * (size_t)n)
      return false;
    for (int64_t k = 0; k < n; k++)
      memcpy((char *)all->data + (size_t)m->f->place[index[k]] * row,
             (char *)value[i].data + (size_t)k * row, row);
  }
  return true;
}

/* A batch on its way; next: one whose images are begun with after it. */
typedef struct lane {
  making *m;
  const struct lane *next;
  int64_t index[BATCH], n;
  bool failed, uneven;
} lane;

/* Batches that are on their way together. */
typedef struct group {
  lane lane[LANES];
  int n;
} group;

/* The next examples without rows, from *at on. */
static int64_t next_batch(const making *m, int64_t *at, int64_t *index) {
  int64_t n = 0, most = is_large(m) ? BATCH_LARGE : BATCH;
  for (; *at < m->f->n && n < most; (*at)++)
    if (!m->features.found[*at]) index[n++] = m->index[*at];
  return n;
}

/* A batch of large examples is work enough for all threads, and its
 * convolutions cut themselves. Images are read for one batch at a time, by
 * threads of their own. */
static void next_group(making *m, int64_t *at, group *g) {
  int most = is_large(m) || ht_feed_images(m->w->feed) ? 1 : LANES;
  for (g->n = 0; g->n < most; g->n++) {
    lane *l = &g->lane[g->n];
    *l = (lane){.m = m};
    l->n = next_batch(m, at, l->index);
    if (!l->n) return;
  }
}

static ht_status run_lane(lane *l) {
  making *m = l->m;
  const lane *next = l->next;
  ht_tensor *value = calloc((size_t)m->f->cut.n_values + 1, sizeof *value);
  if (!value) return ht_fail(HT_NO_MEMORY, "no memory for a batch");
  ht_status st = run_before(m, l->index, &l->n, next ? next->index : NULL,
                            next ? next->n : 0, value);
  l->uneven = st.code == HT_OK && !keep_rows(m, l->index, l->n, value);
  drop_values(m, value);
  free(value);
  return st;
}

static void run_lanes(size_t from, size_t to, void *arg) {
  lane *l = arg;
  for (size_t i = from; i < to; i++)
    l[i].failed = run_lane(&l[i]).code != HT_OK;
}

/* Each batch on one thread: what reads texts has little that one batch could
 * share out. A failure is told by trying again, in the caller's thread. */
static ht_status compute_group(making *m, group *g, const group *next) {
  for (int i = 0; i < g->n; i++)
    g->lane[i].next = next->n ? &next->lane[0] : NULL;
  if (g->n == 1)
    HT_TRY(run_lane(&g->lane[0]));
  else
    ht_parallel((size_t)g->n, 1, run_lanes, g->lane);
  for (int i = 0; i < g->n; i++) {
    if (g->lane[i].failed) HT_TRY(run_lane(&g->lane[i]));
    if (g->lane[i].uneven)
      m->why = "its output has not one row for each example";
  }
  return HT_SUCCESS;
}

/* Writes what was computed since the last segment, if it is worth it. */
static ht_status keep_segment(making *m, int64_t *from, int64_t to,
                              double *start) {
  if (!m->features.key || ht_now() - *start < worth) return HT_SUCCESS;
  char text[HT_MESSAGE_MAX];
  for (int64_t i = *from; i < to; i++) /* broken ones have no values */
    if (ht_feed_broken(m->w->feed, m->index[i])) m->features.found[i] = true;
  ht_status st = ht_features_store(&m->features, *from, to);
  *from = to;
  *start = ht_now();
  if (st.code == HT_OK) return st;
  st = ht_within(st, "what the module gives is not kept for other runs");
  ht_status_copy(st, text);
  if (m->w->notice) m->w->notice(m->w->arg, text);
  m->features.key = NULL; /* said once; the values are here all the same */
  return HT_SUCCESS;
}

static ht_status compute_groups(making *m, group *g) {
  int64_t at = 0, kept = 0, row = 0;
  double start = ht_now();
  for (int i = 0; i < m->f->cut.n_values; i++)
    row += (int64_t)ht_tensor_bytes(&m->f->column[i].value) / m->f->n;
  int64_t each = segment_bytes / (row + 1) + BATCH;
  next_group(m, &at, &g[0]);
  for (int turn = 0; g[turn].n && !m->why; turn = !turn) {
    int64_t done = at;
    next_group(m, &at, &g[!turn]);
    HT_TRY(compute_group(m, &g[turn], &g[!turn]));
    if (done - kept >= each) HT_TRY(keep_segment(m, &kept, done, &start));
  }
  return m->why ? HT_SUCCESS : keep_segment(m, &kept, m->f->n, &start);
}

static ht_status compute_all(making *m) {
  group *g;
  HT_NEW(g, &m->arena, 2);
  return compute_groups(m, g);
}

/* What was computed in other batches is what the sample gave. */
static void check_sample(making *m) {
  for (int i = 0; i < m->f->cut.n_values && !m->why; i++)
    for (int64_t k = 0; k < m->n_sample; k++)
      if (!near_rows(&m->tried[i], k, &m->f->column[i].value,
                     m->f->place[m->sample[k]]))
        m->why = "its output depends on the batch";
}

/* ---- the cache */

static uint64_t join(uint64_t a, uint64_t b) {
  uint64_t both[2] = {a, b};
  return ht_hash(both, sizeof both);
}

/* The module's graph as it was saved. */
static ht_status hash_graph(making *m, const ht_model *model, uint64_t *h) {
  static const char *const name[] = {"saved_model.pb", "saved_model.pbtxt"};
  for (int i = 0; i < 2; i++) {
    char *data, *path = ht_path_join(&m->arena, model->folder, name[i]);
    size_t size;
    if (!path || !ht_path_exists(path)) continue;
    HT_TRY(ht_file_read(path, (size_t)2 << 30, &m->arena, &data, &size));
    *h = join(*h, ht_hash(data, size));
  }
  return HT_SUCCESS;
}

/* The files of assets: vocabularies of tables. */
static ht_status hash_assets(making *m, const ht_model *model, uint64_t *h) {
  char **name, *data, *path, *folder;
  int n;
  size_t size;
  folder = ht_path_join(&m->arena, model->folder, "assets");
  if (!folder || !ht_path_is_folder(folder)) return HT_SUCCESS;
  HT_TRY(ht_folder_list(folder, &m->arena, &name, &n));
  for (int i = 0; i < n; i++) {
    path = ht_path_join(&m->arena, folder, name[i]);
    if (!path || ht_path_is_folder(path)) continue;
    HT_TRY(ht_file_read(path, (size_t)1 << 30, &m->arena, &data, &size));
    *h = join(*h, ht_hash(data, size));
  }
  return HT_SUCCESS;
}

/* Of all modules that a joined model is of. */
static ht_status hash_files(making *m, uint64_t *h) {
  const ht_model *model = m->w->composed->model;
  for (int i = 0; i < model->n_members || i == 0; i++) {
    const ht_model *one = model->n_members ? model->member[i].model : model;
    HT_TRY(hash_graph(m, one, h));
    HT_TRY(hash_assets(m, one, h));
  }
  return HT_SUCCESS;
}

static uint64_t hash_inputs(const making *m) {
  uint64_t h = 0;
  const ht_feed *feed = m->w->feed;
  for (int i = 0; i < feed->n_inputs; i++) {
    h = join(h, (uint64_t)feed->input[i]->dtype);
    if (!feed->images[i]) continue;
    const ht_image_spec *s = ht_images_spec(feed->images[i]);
    const int64_t size[] = {s->height, s->width, s->channels, (int)s->method};
    const float range[] = {s->low, s->high};
    h = join(join(h, ht_hash(size, sizeof size)), ht_hash(range, sizeof range));
  }
  return h;
}

#ifdef HAVE_DNNL
static const char backend[] = "oneDNN " PACKAGE_VERSION;
#else
static const char backend[] = "OpenBLAS " PACKAGE_VERSION;
#endif

static ht_status make_key(making *m) {
  const ht_model *model = m->w->composed->model;
  uint64_t graph = ht_cut_digest(&m->f->cut), rest = hash_inputs(m), module;
  HT_TRY(ht_checkpoint_module(model, &module));
  rest = join(rest, module);
  rest = join(rest, ht_hash(backend, sizeof backend));
  HT_TRY(hash_files(m, &rest));
  m->features.key =
      ht_arena_printf(&m->arena, "%016" PRIx64 "%016" PRIx64, graph, rest);
  m->features.about = ht_arena_printf(
      &m->arena, "%s: %d value%s for each example",
      model->n_members ? model->member[0].model->folder : model->folder,
      m->f->cut.n_values, m->f->cut.n_values == 1 ? "" : "s");
  return m->features.key && m->features.about
             ? HT_SUCCESS
             : ht_fail(HT_NO_MEMORY, "no memory for a key");
}

static ht_status digest_input(const making *m, int input, uint64_t *all,
                              uint64_t *digest) {
  const ht_feed *feed = m->w->feed;
  const ht_column *c = feed->column[input];
  if (feed->images[input]) HT_TRY(ht_images_digest(feed->images[input], all));
  for (int64_t i = 0; i < m->f->n; i++) {
    int64_t at = m->index[i];
    const uint64_t *d = all + 2 * at;
    uint64_t one = feed->images[input] || c->whole ? 0 : ht_column_hash(c, at);
    if (c->whole) one = ht_hash(c->value.data, ht_tensor_bytes(&c->value));
    digest[2 * i] = join(digest[2 * i], feed->images[input] ? d[0] : one);
    digest[2 * i + 1] =
        join(digest[2 * i + 1], feed->images[input] ? d[1] : one + 1);
  }
  return HT_SUCCESS;
}

/* Only floats are kept, and of a module as it was loaded. */
static bool may_cache(const making *m) {
  const ht_composed *c = m->w->composed;
  bool plain =
      m->w->cache && !ht_cut_reads_changed(&m->f->cut, &c->model->store);
  for (int i = 0; i < m->f->cut.n_values; i++)
    plain = plain && m->tried[i].dtype == HT_FLOAT;
  for (int i = 0; plain && i < c->n_inputs; i++)
    plain = m->w->feed->images[i] ||
            m->w->feed->column[i]->value.dtype != HT_STRING ||
            !m->w->feed->column[i]->whole;
  return plain;
}

static ht_status load_cached(making *m) {
  uint64_t *digest, *all;
  ht_features *s = &m->features;
  int64_t n = m->f->n;
  if (!may_cache(m)) return HT_SUCCESS;
  HT_NEW(digest, &m->arena, 2 * n + 2);
  HT_NEW(all, &m->arena, 2 * m->w->feed->data.n + 2);
  HT_NEW(s->value, &m->arena, m->f->cut.n_values);
  for (int i = 0; i < m->w->composed->n_inputs; i++)
    HT_TRY(digest_input(m, i, all, digest));
  HT_TRY(make_key(m));
  for (int i = 0; i < m->f->cut.n_values; i++)
    s->value[i] = m->f->column[i].value; /* borrowed */
  s->digest = digest;
  s->n = n;
  s->n_values = m->f->cut.n_values;
  s->notice = m->w->notice;
  s->arg = m->w->arg;
  HT_TRY(ht_features_load(s));
  for (int64_t i = 0; i < n; i++) m->f->found += s->found[i];
  return HT_SUCCESS;
}

/* ---- all together */

static bool trains_module(const ht_composed *c) {
  for (int i = 0; i < c->model->store.n_variables; i++) {
    const ht_variable *v = c->model->store.variable[i];
    bool head = false;
    for (int k = 0; k < c->n_layers; k++)
      head |= v == c->layer[k].kernel || v == c->layer[k].bias;
    if (v->tuned && !head) return true;
  }
  return false;
}

static ht_status all_examples(making *m) {
  int64_t *all;
  m->index = m->w->index;
  if (m->index) return HT_SUCCESS;
  HT_NEW(all, &m->arena, m->w->n + 1);
  for (int64_t i = 0; i < m->w->n; i++) all[i] = i;
  m->index = all;
  return HT_SUCCESS;
}

static ht_status make(making *m) {
  const ht_composed *c = m->w->composed;
  HT_TRY(all_examples(m));
  choose_sample(m);
  HT_TRY(ht_cut_open(m->w->body, c->n_inputs, &c->model->store, &m->f->cut));
  HT_TRY(find_cut(m));
  if (m->why) return HT_SUCCESS;
  HT_TRY(make_columns(m));
  if (m->why) return HT_SUCCESS;
  HT_TRY(load_cached(m));
  HT_TRY(compute_all(m));
  check_sample(m);
  return HT_SUCCESS;
}

ht_status ht_frozen_make(const ht_frozen_work *w, ht_frozen **out,
                         const char **why) {
  *out = NULL;
  *why = NULL;
  making m = {.w = w};
  if (trains_module(w->composed) && !is_large(&m)) *why = "it is trained";
  if (*why || !w->n) return HT_SUCCESS;
  m.f = calloc(1, sizeof *m.f);
  if (!m.f) return ht_fail(HT_NO_MEMORY, "no memory for the module's output");
  ht_status st = make(&m);
  drop_values(&m, m.tried);
  ht_arena_free(&m.arena);
  *why = m.why;
  if (st.code != HT_OK || *why)
    ht_frozen_free(m.f);
  else
    *out = m.f;
  return st;
}

void ht_frozen_free(ht_frozen *f) {
  if (!f) return;
  for (int i = 0; f->column && i < f->cut.n_values; i++)
    ht_tensor_drop(&f->column[i].value);
  ht_cut_close(&f->cut);
  free(f);
}

ht_status ht_frozen_gather(const ht_frozen *f, ht_pool *pool,
                           const int64_t *index, int64_t n, ht_tensor *out) {
  int64_t *row = malloc((size_t)(n + 1) * sizeof *row);
  if (!row) return ht_fail(HT_NO_MEMORY, "no memory for a batch");
  for (int64_t i = 0; i < n; i++) row[i] = f->place[index[i]];
  ht_status st = HT_SUCCESS;
  int i = 0;
  for (; i < f->cut.n_values && st.code == HT_OK; i++)
    st = ht_batch_gather(pool, &f->column[i], row, n, &out[i]);
  if (st.code != HT_OK)
    for (i -= 2; i >= 0; i--) ht_tensor_drop(&out[i]);
  free(row);
  return st;
}
