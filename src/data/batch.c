/* batch.c - see batch.h. */
#include "data/batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* ---- order */

static void arrange(ht_order *o) {
  if (o->shuffle)
    ht_shuffle(o->seed, (uint64_t)o->epoch, o->index, o->n);
  else
    for (int64_t i = 0; i < o->n; i++) o->index[i] = i;
  for (int64_t i = 0; o->subset && i < o->n; i++)
    o->index[i] = o->subset[o->index[i]];
}

ht_status ht_order_open(const int64_t *subset, int64_t n, int64_t batch,
                        bool shuffle, uint64_t seed, ht_order *out) {
  *out = (ht_order){.subset = subset, .n = n, .batch = batch, .seed = seed};
  out->shuffle = shuffle;
  if (n < 1) return ht_fail(HT_USAGE, "there are no examples");
  if (batch < 1)
    return ht_fail(HT_USAGE, "batch size %" PRId64 " is below 1", batch);
  out->index = malloc((size_t)n * sizeof *out->index);
  if (!out->index) return ht_fail(HT_NO_MEMORY, "no memory for an order");
  arrange(out);
  return HT_SUCCESS;
}

void ht_order_close(ht_order *order) {
  free(order->index);
  *order = (ht_order){0};
}

ht_status ht_order_seek(ht_order *order, int64_t epoch, int64_t next) {
  if (epoch < 0 || next < 0 || next > order->n)
    return ht_fail(HT_USAGE,
                   "the data has no example %" PRId64 " of epoch %" PRId64,
                   next, epoch);
  bool same = epoch == order->epoch;
  order->epoch = epoch;
  order->next = next;
  if (!same) arrange(order);
  return HT_SUCCESS;
}

int64_t ht_order_peek(const ht_order *order, const int64_t **index) {
  int64_t left = order->n - order->next;
  *index = order->index + order->next;
  return left < order->batch ? left : order->batch;
}

int64_t ht_order_next(ht_order *order, const int64_t **index) {
  int64_t n = ht_order_peek(order, index);
  order->next += n;
  if (n) return n;
  order->epoch++;
  order->next = 0;
  arrange(order);
  return 0;
}

/* ---- rows */

static void copy_rows(const ht_column *c, const int64_t *index, int64_t n,
                      size_t row, void *to) {
  const char *from = c->value.data;
  for (int64_t i = 0; i < n; i++)
    memcpy((char *)to + (size_t)i * row, from + (size_t)index[i] * row, row);
}

ht_status ht_batch_gather(ht_pool *pool, const ht_column *column,
                          const int64_t *index, int64_t n, ht_tensor *out) {
  *out = (ht_tensor){0};
  if (column->whole) {
    *out = ht_tensor_share(&column->value);
    return HT_SUCCESS;
  }
  if (column->splits)
    return ht_fail(HT_USAGE, "column '%s' has several values an example",
                   column->name);
  ht_shape shape = column->value.shape;
  shape.dim[0] = n;
  HT_TRY(ht_tensor_new(pool, column->value.dtype, &shape, out));
  if (!ht_count(out)) return HT_SUCCESS;
  if (out->dtype == HT_STRING) {
    ht_status st = ht_string_keep(out, &column->value);
    if (st.code != HT_OK) {
      ht_tensor_drop(out);
      return st;
    }
  }
  copy_rows(column, index, n, ht_tensor_bytes(out) / (size_t)n, out->data);
  return HT_SUCCESS;
}

ht_status ht_batch_multihot(ht_pool *pool, const ht_column *column, int classes,
                            const int64_t *index, int64_t n, ht_tensor *out) {
  ht_shape shape = ht_shape_2(n, classes);
  HT_TRY(ht_tensor_zeros(pool, HT_FLOAT, &shape, out));
  const int64_t *id = ht_i64(&column->value);
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = column->splits[index[i]]; k < column->splits[index[i] + 1];
         k++)
      if (id[k] >= 0 && id[k] < classes) ht_f(out)[i * classes + id[k]] = 1;
  return HT_SUCCESS;
}
