/* new.c - new modules. */
#include "data/dataset.h"
#include "hub/new_text.h"

ht_new_text_options ht_new_text_defaults(void) {
  return (ht_new_text_options){
      .dim = 128, .min_count = 1, .oov = 1, .combiner = "sqrtn"};
}

static ht_status find_texts(const ht_dataset *data, const char *name,
                            const ht_tensor **out) {
  const ht_column *column = data->column;
  if (name || data->n_columns > 1)
    HT_TRY(ht_dataset_column(data, name ? name : "text", &column));
  if (column->value.dtype != HT_STRING)
    return ht_fail(HT_USAGE, "column '%s' of '%s' holds no texts", column->name,
                   data->path);
  *out = &column->value;
  return HT_SUCCESS;
}

ht_status ht_new_text(const ht_new_text_options *o, const char *out,
                      int64_t *words) {
  ht_dataset data;
  ht_text_embedding spec = {.dim = o->dim,
                            .min_count = o->min_count,
                            .seed = (uint64_t)o->seed,
                            .oov = o->oov,
                            .combiner = o->combiner,
                            .lowercase = o->lowercase,
                            .strip_punctuation = o->strip_punctuation,
                            .trainable = o->trainable,
                            .hub1 = o->hub1};
  ht_read_options read = {0};
  HT_TRY(ht_dataset_read(o->texts, &read, &data));
  ht_status st = find_texts(&data, o->column, &spec.texts);
  if (st.code == HT_OK) st = ht_new_text_embedding(&spec, out, words);
  ht_dataset_free(&data);
  return st;
}
