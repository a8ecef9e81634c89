/* data.c - data sets as arrays. */
#include <string.h>

#include "api/array.h"
#include "data/check.h"
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

ht_status ht_data_check(const char *path, const ht_data_check_options *options,
                        bool json, char **report) {
  static const ht_data_check_options nothing = {0};
  if (!options) options = &nothing;
  const ht_check_options o = {.text = options->text,
                              .label = options->label,
                              .test = options->test,
                              .notice = options->notice,
                              .arg = options->arg};
  ht_check check;
  ht_text text = {0};
  *report = NULL;
  HT_TRY(ht_check_data(path, &o, &check));
  ht_status st =
      json ? ht_check_json(&check, &text) : ht_check_print(&check, &text);
  if (st.code == HT_OK && !(*report = strdup(text.p)))
    st = ht_fail(HT_NO_MEMORY, "no memory for a report");
  ht_text_free(&text);
  ht_check_free(&check);
  return st;
}
