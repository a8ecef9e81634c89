/* checkpoint_write.c - see checkpoint_write.h. */
#include "hub/checkpoint_write.h"

#include <string.h>

static bool same_shape(const ht_tensor *t, const ht_bundle_entry *e) {
  bool same = t->shape.rank == e->rank && (int)t->dtype == e->dtype;
  for (int d = 0; same && d < e->rank; d++) same = t->shape.dim[d] == e->dim[d];
  return same;
}

static ht_status put_value(ht_bundle_writer *w, const ht_checkpoint_item *item,
                           const ht_tensor *t) {
  ht_bundle_entry e = {.key = item->key, .key_n = strlen(item->key)};
  e.dtype = (int)t->dtype;
  e.rank = t->shape.rank;
  e.dim = t->shape.dim;
  e.count = ht_count(t);
  if (t->dtype == HT_STRING) return ht_bundle_put_strings(w, &e, t->data);
  if (item->like && item->like->n_slices) {
    if (!same_shape(t, item->like))
      return ht_fail(HT_USAGE, "'%s' is not of the shape it is cut as",
                     item->key);
    e.slice = item->like->slice;
    e.n_slices = item->like->n_slices;
  }
  return ht_bundle_put(w, &e, t->data);
}

static bool is_made(const ht_checkpoint_item *item) {
  return item->variable || item->make;
}

static ht_status put_item(ht_bundle_writer *w, const ht_checkpoint_item *item) {
  if (item->value) return put_value(w, item, item->value);
  if (!is_made(item) && strcmp(item->key, item->like->key) != 0)
    return ht_fail(HT_USAGE, "'%s' cannot be copied as '%s'", item->like->key,
                   item->key);
  if (!is_made(item)) return ht_bundle_put_copy(w, item->source, item->like);
  ht_tensor made = {0};
  HT_TRY(item->make ? item->make(item->arg, &made)
                    : ht_variable_final(item->variable, &made));
  ht_status st = put_value(w, item, &made);
  ht_tensor_drop(&made);
  return st;
}

/* Bytes that the tensors take, strings by what stands for them in memory. */
static int64_t bytes_of(const ht_checkpoint_item *item, int n) {
  int64_t sum = 0;
  for (int i = 0; i < n; i++) {
    const ht_tensor *t = item[i].value;
    if (!t && item[i].variable) t = &item[i].variable->value;
    const ht_bundle_entry *e = item[i].like;
    sum += t   ? ht_count(t) * (int64_t)ht_dtype_size(t->dtype)
           : e ? e->count * (int64_t)ht_dtype_size((ht_dtype)e->dtype)
               : 0;
  }
  return sum;
}

ht_status ht_checkpoint_write(const char *prefix,
                              const ht_checkpoint_item *item, int n) {
  ht_bundle_writer *w;
  HT_TRY(ht_bundle_writer_open(prefix, &w));
  ht_bundle_writer_expect(w, bytes_of(item, n));
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < n && st.code == HT_OK; i++) st = put_item(w, &item[i]);
  if (st.code == HT_OK) st = ht_bundle_writer_commit(w);
  ht_bundle_writer_drop(w);
  return st;
}
