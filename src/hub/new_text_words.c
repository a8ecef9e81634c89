/* new_text_words.c - the graph from sentences to words: cleaning, splitting,
 * runs of words. */
#include <stdio.h>
#include <string.h>

#include "hub/new_text_impl.h"

static ht_ref clean(ht_new_text_work *w, ht_ref x) {
  const ht_text_embedding *s = w->spec;
  ht_builder *b = &w->b;
  if (s->lowercase) x = ht_build_1(b, "StringLower", x, "encoding='utf-8'");
  if (s->mask_digits)
    x = ht_build_1(b, "StaticRegexReplace", x,
                   "pattern='\\\\p{Nd}' rewrite='0'");
  if (strcmp(s->punctuation, "strip") == 0)
    x = ht_build_1(b, "StaticRegexReplace", x, "pattern='\\\\pP' rewrite=''");
  if (strcmp(s->punctuation, "split") == 0)
    x = ht_build_1(b, "StaticRegexReplace", x,
                   "pattern='[\\\\pP\\\\pS]' rewrite=' \\\\0 '");
  return x;
}

static void split(ht_builder *b, ht_ref x, ht_text_words *t) {
  ht_tensor space;
  ht_ref delimiter = {-1, 0};
  if (ht_scalar_string(" \t\r\n", 4, &space).code == HT_OK) {
    delimiter = ht_build_const(b, "delimiter", &space);
    ht_tensor_drop(&space);
  }
  t->indices = ht_build_2(b, "StringSplit", x, delimiter, "skip_empty=true");
  t->words = (ht_ref){t->indices.node, 1};
  t->shape = (ht_ref){t->indices.node, 2};
}

ht_ref ht_build_column_0(ht_builder *b, ht_ref x, bool matrix) {
  static const int32_t zeros[] = {0, 0}, ones[] = {1, 1}, ends[] = {0, 1};
  int n = matrix ? 2 : 1;
  ht_ref in[] = {x, ht_build_int32s(b, n, zeros),
                 ht_build_int32s(b, n, matrix ? ends : ones),
                 ht_build_int32s(b, n, ones)};
  return ht_build(b, "StridedSlice", NULL, 4, in,
                  matrix ? "begin_mask=1 end_mask=1 shrink_axis_mask=2"
                         : "shrink_axis_mask=1");
}

/* Where the words of each row start: rows are counted, counts added up. */
static ht_ref row_splits(ht_builder *b, const ht_text_words *t) {
  static const int32_t zero = 0;
  ht_ref axis = ht_build_int32s(b, -1, &zero);
  ht_ref row = ht_build_column_0(b, t->indices, true);
  ht_ref rows = ht_build_column_0(b, t->shape, false);
  ht_ref count[] = {ht_build_1(b, "OnesLike", row, ""), row, rows};
  ht_ref length = ht_build(b, "UnsortedSegmentSum", NULL, 3, count, "");
  ht_ref end = ht_build_2(b, "Cumsum", length, axis, "");
  ht_ref first =
      ht_build_1(b, "Cast", ht_build_int32s(b, 1, &zero), "DstT=int64");
  ht_ref all[] = {first, end, axis};
  return ht_build(b, "ConcatV2", NULL, 3, all, "N=2");
}

/* "not very good" gives not, very, good, "not very", "very good": a run's
 * words stand with single spaces between, as no word has. */
static void add_runs(ht_builder *b, int longest, ht_text_words *t) {
  char attrs[256];
  int n = snprintf(attrs, sizeof attrs, "separator=' ' ngram_widths=[1");
  for (int i = 2; i <= longest; i++)
    n += snprintf(attrs + n, sizeof attrs - (size_t)n, ",%d", i);
  snprintf(attrs + n, sizeof attrs - (size_t)n,
           "] left_pad='' right_pad='' pad_width=0 "
           "preserve_short_sequences=false");
  ht_ref runs =
      ht_build_2(b, "StringNGrams", t->words, row_splits(b, t), attrs);
  ht_ref splits = {runs.node, 1};
  t->indices =
      ht_build_2(b, "RaggedTensorToSparse", splits, runs, "RAGGED_RANK=1");
  t->words = (ht_ref){t->indices.node, 1};
  t->shape = (ht_ref){t->indices.node, 2};
}

ht_text_words ht_build_words(ht_new_text_work *w) {
  ht_builder *b = &w->b;
  ht_text_words t;
  ht_shape any = ht_shape_1(-1);
  t.sentences = ht_build_placeholder(b, "sentences", HT_STRING, &any);
  split(b, clean(w, t.sentences), &t);
  if (w->spec->ngrams > 1) add_runs(b, w->spec->ngrams, &t);
  return t;
}
