/* data.c - data sets as arrays. */
#include "api/array.h"
#include "data/dataset.h"

static ht_status put_columns(const ht_dataset *data, ht_arrays *out) {
  for (int i = 0; i < data->n_columns; i++) {
    const ht_column *c = &data->column[i];
    ht_array *a = NULL;
    if (c->splits)
      return ht_fail(HT_UNSUPPORTED,
                     "column '%s' has rows of different lengths", c->name);
    ht_tensor t = ht_tensor_share(&c->value);
    HT_TRY(ht_array_wrap(&t, &a));
    HT_TRY(ht_arrays_put(out, c->name, a));
  }
  return HT_SUCCESS;
}

ht_status ht_data_read(const char *path, ht_arrays **out) {
  ht_dataset data;
  ht_read_options all = {0};
  *out = NULL;
  HT_TRY(ht_dataset_read(path, &all, &data));
  ht_status st = ht_arrays_new(out);
  if (st.code == HT_OK) st = ht_within(put_columns(&data, *out), "'%s'", path);
  ht_dataset_free(&data);
  if (st.code == HT_OK) return st;
  ht_arrays_free(*out);
  *out = NULL;
  return st;
}
