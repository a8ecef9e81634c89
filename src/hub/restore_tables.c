/*
 * restore_tables.c - tables whose content is in the checkpoint, as the graph's
 * own restore operation imports it.
 */
#include <string.h>

#include "hub/checkpoint_read.h"
#include "hub/source.h"
#include "ops/strings.h"
#include "ops/table.h"

static bool same_key(const ht_tensor *keys, int64_t i, const ht_tensor *key) {
  size_t size = ht_dtype_size(keys->dtype);
  if (keys->dtype == HT_STRING)
    return ht_string_equal(ht_str(keys)[i], ht_str(key)[0]);
  return memcmp((const char *)keys->data + (size_t)i * size, key->data, size) ==
         0;
}

/* Of a dense table the checkpoint has all buckets, empty ones, too. */
static bool is_entry(const ht_table *t, const ht_tensor *keys, int64_t i) {
  const ht_tensor *special[] = {&t->empty_key, &t->deleted_key};
  for (int k = 0; k < 2; k++)
    if (special[k]->dtype == keys->dtype && same_key(keys, i, special[k]))
      return false;
  return true;
}

/* Only the entries among n buckets. */
static ht_status fill_entries(ht_table *t, int64_t n, const ht_tensor *keys,
                              const ht_tensor *values) {
  ht_tensor k, v;
  size_t width = ht_dtype_size(keys->dtype);
  int64_t live = 0;
  HT_TRY(ht_tensor_new(NULL, keys->dtype, &keys->shape, &k));
  ht_status st = ht_tensor_new(NULL, values->dtype, &values->shape, &v);
  if (st.code != HT_OK) {
    ht_tensor_drop(&k);
    return st;
  }
  for (int64_t i = 0; i < n; i++) {
    if (!is_entry(t, keys, i)) continue;
    memcpy((char *)k.data + (size_t)live * width,
           (const char *)keys->data + (size_t)i * width, width);
    memcpy((char *)v.data + (size_t)live * t->value_size,
           (const char *)values->data + (size_t)i * t->value_size,
           t->value_size);
    live++;
  }
  k.shape.dim[0] = v.shape.dim[0] = live;
  st = ht_table_fill(t, &k, &v);
  ht_tensor_drop(&k);
  ht_tensor_drop(&v);
  return st;
}

static ht_status fill(ht_table *t, ht_tensor *keys, ht_tensor *values) {
  int64_t each = ht_shape_count(&t->value_shape), n = ht_count(keys);
  if (keys->dtype != t->key_dtype || values->dtype != t->value_dtype ||
      ht_count(values) != n * each)
    return ht_fail(HT_CORRUPT, "the checkpoint's keys and values do not fit");
  keys->shape = ht_shape_1(n);
  values->shape = ht_shape_1(n);
  for (int d = 0; d < t->value_shape.rank; d++)
    values->shape.dim[values->shape.rank++] = t->value_shape.dim[d];
  if (!t->fixed) ht_table_clear(t);
  return t->empty_key.dtype ? fill_entries(t, n, keys, values)
                            : ht_table_fill(t, keys, values);
}

static ht_table *table_named(const ht_source *s, const char *node) {
  const Tensorflow__NodeDef *n = ht_map_get(&s->node, node);
  const Tensorflow__AttrValue *v = n ? ht_node_attr(n, "shared_name") : NULL;
  char name[512];
  bool shared = v && v->value_case == TENSORFLOW__ATTR_VALUE__VALUE_S &&
                v->s.len && v->s.len < sizeof name;
  if (shared) memcpy(name, v->s.data, v->s.len);
  if (shared) name[v->s.len] = 0;
  ht_object *o = ht_store_find(&s->model->store, shared ? name : node);
  return o && o->class == &ht_table_class ? (ht_table *)o : NULL;
}

/* Runs the node that makes a table: its handle is asked for. */
static ht_status make_table(ht_source *s, const char *node) {
  ht_model *m = s->model;
  ht_ref handle = {0};
  ht_body body = {.graph = m->graph, .ret = &handle, .n_rets = 1};
  ht_plan *plan;
  ht_tensor out;
  HT_TRY(ht_node_named(m->graph, node, &handle.node));
  HT_TRY(ht_plan_new(&body, NULL, &plan));
  ht_run run = ht_run_make(m->pool, &m->store, m->folder);
  ht_status st = ht_plan_run(plan, &run, 0, NULL, 1, &out);
  if (st.code == HT_OK) ht_tensor_drop(&out);
  ht_plan_free(plan);
  return ht_within(st, "table '%s'", node);
}

static ht_status restore_table(ht_source *s, const char *node,
                               const ht_restored_table *r) {
  ht_tensor keys, values;
  if (!table_named(s, node)) HT_TRY(make_table(s, node));
  ht_table *t = table_named(s, node);
  if (!t) return HT_SUCCESS;
  HT_TRY(ht_checkpoint_read(s->bundle, r->keys, &keys));
  ht_status st = ht_checkpoint_read(s->bundle, r->values, &values);
  if (st.code == HT_OK) {
    st = ht_within(fill(t, &keys, &values), "table '%s'", node);
    ht_tensor_drop(&values);
  }
  ht_tensor_drop(&keys);
  return st;
}

/* One that we cannot make stops no other. */
ht_status ht_restore_tables(ht_source *s) {
  ht_map restored;
  if (!s->bundle) return HT_SUCCESS;
  HT_TRY(ht_restore_table_map(s, &restored));
  for (int i = 0; i < restored.n; i++) {
    ht_status st =
        restore_table(s, restored.entry[i].key, restored.entry[i].value);
    if (st.code != HT_UNSUPPORTED) HT_TRY(st);
  }
  return HT_SUCCESS;
}
