/* frozen.c - see frozen.h. */
#include "train/frozen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, SAMPLE = 64 };

/* Images of the batch from there on, while this one is computed. */
static ht_status expect_batch(const ht_feed *feed, int64_t from) {
  int64_t index[BATCH], n = feed->data.n - from;
  if (n > BATCH) n = BATCH;
  for (int64_t i = 0; i < n; i++) index[i] = from + i;
  return ht_feed_expect(feed, HT_UNCHANGED, index, n);
}

/* Of those of index[0..*n-1] that are not broken: others are taken out. */
static ht_status features_of(ht_composed *c, const ht_feed *feed, ht_pool *pool,
                             int64_t *index, int64_t *n, int64_t next,
                             ht_tensor *out) {
  ht_tensor in[256];
  const ht_tensor *at[256];
  if (c->n_inputs > 256) return ht_fail(HT_UNSUPPORTED, "too many inputs");
  HT_TRY(ht_feed_inputs(feed, pool, HT_UNCHANGED, index, n, in));
  for (int i = 0; i < c->n_inputs; i++) at[i] = &in[i];
  ht_run run = ht_run_make(pool, &c->model->store, c->model->folder);
  ht_status st = expect_batch(feed, next);
  if (st.code == HT_OK && *n)
    st = ht_plan_run(c->embed, &run, c->n_inputs, at, 1, out);
  for (int i = 0; i < c->n_inputs; i++) ht_tensor_drop(&in[i]);
  return st;
}

static bool fits(const ht_composed *c, const ht_tensor *t, int64_t n) {
  ht_shape want = c->feature_shape;
  want.dim[0] = n;
  return t->dtype == HT_FLOAT && ht_shape_equal(&t->shape, &want);
}

/* One batch; *whole false where an output has not one row for each. */
static ht_status fill_batch(ht_composed *c, const ht_feed *feed, ht_pool *pool,
                            int64_t from, int64_t n, ht_tensor *all,
                            bool *whole) {
  int64_t index[BATCH];
  ht_tensor out = {0};
  size_t row = ht_tensor_bytes(all) / (size_t)feed->data.n;
  for (int64_t i = 0; i < n; i++) index[i] = from + i;
  HT_TRY(features_of(c, feed, pool, index, &n, from + n, &out));
  *whole = !n || fits(c, &out, n);
  for (int64_t i = 0; i < n && *whole; i++)
    memcpy((char *)all->data + (size_t)index[i] * row,
           (char *)out.data + (size_t)i * row, row);
  ht_tensor_drop(&out);
  return HT_SUCCESS;
}

static ht_status fill(ht_composed *c, const ht_feed *feed, ht_pool *pool,
                      ht_tensor *all, bool *whole) {
  int64_t n = feed->data.n;
  for (int64_t from = 0; from < n && *whole; from += BATCH)
    HT_TRY(fill_batch(c, feed, pool, from, n - from < BATCH ? n - from : BATCH,
                      all, whole));
  return HT_SUCCESS;
}

static bool near_rows(const float *a, const float *b, int64_t n) {
  double scale = 0, worst = 0;
  for (int64_t i = 0; i < n; i++) {
    scale = fmax(scale, fabs((double)a[i]));
    double away = fabs((double)a[i] - (double)b[i]);
    if (!(away <= worst)) worst = away;
  }
  return worst <= 1e-5 * scale + 1e-12;
}

/* A sample spread over the data, last example first: other company, other
 * batch size, other lengths. */
static ht_status try_order(ht_composed *c, const ht_feed *feed, ht_pool *pool,
                           const ht_tensor *all, bool *same) {
  int64_t index[SAMPLE], n = feed->data.n, m = n < SAMPLE ? n : SAMPLE - 1;
  int64_t width = n ? ht_count(all) / n : 0;
  ht_tensor out = {0};
  for (int64_t i = 0; i < m; i++) index[i] = n - 1 - i * (n / m);
  HT_TRY(features_of(c, feed, pool, index, &m, n, &out));
  *same = !m || fits(c, &out, m);
  for (int64_t i = 0; i < m && *same; i++)
    *same =
        near_rows(ht_f(all) + index[i] * width, ht_f(&out) + i * width, width);
  ht_tensor_drop(&out);
  return HT_SUCCESS;
}

static bool trains(const ht_composed *c) {
  for (int i = 0; i < c->model->store.n_variables; i++) {
    const ht_variable *v = c->model->store.variable[i];
    bool head = false;
    for (int k = 0; k < c->n_layers; k++)
      head |= v == c->layer[k].kernel || v == c->layer[k].bias;
    if (v->tuned && !head) return true;
  }
  return false;
}

static ht_status make_all(ht_composed *c, const ht_feed *feed, ht_tensor *all,
                          const char **why) {
  bool good = true;
  ht_pool *pool = ht_pool_new();
  ht_status st = fill(c, feed, pool, all, &good);
  if (!good) *why = "its output has not one row for each example";
  if (st.code == HT_OK && good) st = try_order(c, feed, pool, all, &good);
  if (!good && !*why) *why = "its output depends on the batch";
  ht_pool_free(pool);
  return st;
}

ht_status ht_frozen_make(ht_composed *c, const ht_feed *feed, ht_frozen **out,
                         const char **why) {
  *out = NULL;
  *why = NULL;
  ht_shape shape = c->feature_shape;
  shape.dim[0] = feed->data.n;
  if (!c->train_cached || trains(c))
    *why = "it is trained";
  else if (ht_shape_count(&shape) > HT_FROZEN_MAX / 4)
    *why = "its output for all examples is too large";
  if (*why) return HT_SUCCESS;
  ht_frozen *f = calloc(1, sizeof *f);
  if (!f) return ht_fail(HT_NO_MEMORY, "no memory for the module's output");
  f->column.name = "features";
  ht_status st = ht_tensor_new(NULL, HT_FLOAT, &shape, &f->column.value);
  if (st.code == HT_OK) st = make_all(c, feed, &f->column.value, why);
  if (st.code != HT_OK || *why)
    ht_frozen_free(f);
  else
    *out = f;
  return st;
}

void ht_frozen_free(ht_frozen *f) {
  if (!f) return;
  ht_tensor_drop(&f->column.value);
  free(f);
}
