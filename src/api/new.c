/* new.c - new modules. */
#include <stdio.h>

#include "data/dataset.h"
#include "format/embeddings.h"
#include "hub/new_text.h"

ht_new_text_options ht_new_text_defaults(void) {
  return (ht_new_text_options){.dim = 128,
                               .min_count = 1,
                               .stddev = 0.1,
                               .oov = 1,
                               .ngrams = 1,
                               .combiner = "sqrtn",
                               .punctuation = "keep",
                               .split = "white"};
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

static ht_status new_from_texts(const ht_new_text_options *o,
                                ht_text_embedding *spec, const char *out,
                                int64_t *words) {
  ht_dataset data;
  ht_read_options read = {0};
  HT_TRY(ht_dataset_read(o->texts, &read, &data));
  ht_status st = find_texts(&data, o->column, &spec->texts);
  if (st.code == HT_OK) st = ht_new_text_embedding(spec, out, words);
  ht_dataset_free(&data);
  return st;
}

static ht_status new_from_vectors(const ht_new_text_options *o,
                                  ht_text_embedding *spec, const char *out,
                                  int64_t *words) {
  ht_embeddings e;
  ht_embeddings_options read = {.max_words = o->max_words};
  HT_TRY(ht_embeddings_read(o->embeddings, &read, &e));
  spec->given = &e;
  spec->dim = e.dim;
  ht_status st = ht_new_text_embedding(spec, out, words);
  ht_embeddings_free(&e);
  return st;
}

/* "3-6" or "4". */
static ht_status read_subwords(const char *text, ht_text_embedding *spec) {
  int low, high, n = 0;
  if (!text) return HT_SUCCESS;
  int got = sscanf(text, "%2d%n-%2d%n", &low, &n, &high, &n);
  if (got == 1) high = low;
  if (got < 1 || text[n] || low < 2 || high < low || high > HT_MAX_PART)
    return ht_fail(HT_USAGE,
                   "'--subwords' wants a range such as 3-6 from 2 to "
                   "%d, not '%s'",
                   HT_MAX_PART, text);
  spec->min_part = low;
  spec->max_part = high;
  return HT_SUCCESS;
}

/* Drawn vectors mean nothing untrained, and a SavedModel lists its vectors
 * among trainable_variables, as tensorflow_hub's exporter for TF2 does. */
ht_status ht_new_text(const ht_new_text_options *o, const char *out,
                      int64_t *words) {
  ht_text_embedding spec = {.dim = o->dim,
                            .min_count = o->min_count,
                            .max_words = o->max_words,
                            .stddev = o->stddev,
                            .seed = (uint64_t)o->seed,
                            .oov = o->oov,
                            .combiner = o->combiner,
                            .punctuation = o->punctuation,
                            .split = o->split,
                            .doubles = o->doubles,
                            .ngrams = o->ngrams,
                            .lowercase = o->lowercase,
                            .mask_digits = o->mask_digits,
                            .tokens = o->tokens,
                            .hub1 = o->hub1};
  spec.trainable = o->trainable || !o->hub1 || !o->embeddings;
  if (!o->embeddings == !o->texts)
    return ht_fail(HT_USAGE, "either vectors or texts make a text embedding");
  HT_TRY(read_subwords(o->subwords, &spec));
  return o->embeddings ? new_from_vectors(o, &spec, out, words)
                       : new_from_texts(o, &spec, out, words);
}
