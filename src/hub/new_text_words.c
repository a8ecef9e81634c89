/* new_text_words.c - the graph from sentences to words: cleaning, splitting,
 * runs of words. */
#include <stdio.h>
#include <string.h>

#include "hub/new_text_impl.h"

ht_ref ht_build_int64(ht_builder *b, int64_t v) {
  ht_tensor t;
  if (ht_scalar_int64(v, &t).code != HT_OK) return (ht_ref){-1, 0};
  ht_ref r = ht_build_const(b, NULL, &t);
  ht_tensor_drop(&t);
  return r;
}

static ht_ref string_const(ht_builder *b, const char *text) {
  ht_tensor t;
  if (ht_scalar_string(text, strlen(text), &t).code != HT_OK)
    return (ht_ref){-1, 0};
  ht_ref r = ht_build_const(b, NULL, &t);
  ht_tensor_drop(&t);
  return r;
}

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

/* At each space as tf.strings.split does: an empty text is an empty word. */
static void split(ht_builder *b, const char *where, ht_ref x,
                  ht_text_words *t) {
  bool each = strcmp(where, "each-space") == 0;
  const char *space = strcmp(where, "white") == 0 ? " \t\r\n" : " ";
  t->indices =
      each ? ht_build_2(b, "StringSplitV2", x, string_const(b, space), "")
           : ht_build_2(b, "StringSplit", x, string_const(b, space),
                        "skip_empty=true");
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

/* The widths from `low` to `high` as an attribute. */
static void widths(int low, int high, char *text, size_t n) {
  size_t at = (size_t)snprintf(text, n, "ngram_widths=[%d", low);
  for (int i = low + 1; i <= high && at < n; i++)
    at += (size_t)snprintf(text + at, n - at, ",%d", i);
  if (at < n) snprintf(text + at, n - at, "]");
}

static void as_sparse(ht_builder *b, ht_ref values, ht_ref splits,
                      ht_text_words *t) {
  t->indices =
      ht_build_2(b, "RaggedTensorToSparse", splits, values, "RAGGED_RANK=1");
  t->words = (ht_ref){t->indices.node, 1};
  t->shape = (ht_ref){t->indices.node, 2};
}

/* "not very good" gives not, very, good, "not very", "very good": a run's
 * words stand with single spaces between, as no word has. */
static ht_text_words runs_of(ht_builder *b, int longest, const ht_text_words *t,
                             ht_ref splits) {
  char attrs[256], width[128];
  ht_text_words out = *t;
  widths(1, longest, width, sizeof width);
  snprintf(attrs, sizeof attrs,
           "separator=' ' %s left_pad='' right_pad='' pad_width=0 "
           "preserve_short_sequences=false",
           width);
  ht_ref runs = ht_build_2(b, "StringNGrams", t->words, splits, attrs);
  as_sparse(b, runs, (ht_ref){runs.node, 1}, &out);
  return out;
}

/* Strings to strings of one character each; *splits: where each starts. */
static ht_ref characters(ht_builder *b, ht_ref words, ht_ref *splits) {
  ht_ref zero = ht_build_int64(b, 0), one = ht_build_int64(b, 1);
  *splits = ht_build_1(b, "UnicodeDecode", words,
                       "input_encoding='UTF-8' errors='replace' "
                       "replace_control_characters=false");
  ht_ref code = {splits->node, 1};
  ht_ref n = ht_build_1(b, "Size", code, "out_type=int64");
  ht_ref range[] = {zero, ht_build_2(b, "AddV2", n, one, ""), one};
  ht_ref each = ht_build(b, "Range", NULL, 3, range, "");
  return ht_build_2(b, "UnicodeEncode", code, each,
                    "output_encoding='UTF-8' errors='replace'");
}

/*
 * The parts of each word, from `low` to `high` characters, as fastText has
 * them (Bojanowski et al., "Enriching word vectors with subword information",
 * TACL 2017): "<was>" gives "<wa", "was", "as>" and so on. A space before
 * each keeps them from being taken for words.
 */
static ht_text_words parts_of(ht_builder *b, int low, int high,
                              const ht_text_words *t, ht_ref splits) {
  static const int32_t zero = 0;
  char attrs[256], width[128];
  ht_text_words out = *t;
  ht_ref of_word;
  ht_ref letters = characters(b, t->words, &of_word);
  widths(low, high, width, sizeof width);
  snprintf(attrs, sizeof attrs,
           "separator='' %s left_pad='<' right_pad='>' pad_width=1 "
           "preserve_short_sequences=false",
           width);
  ht_ref parts = ht_build_2(b, "StringNGrams", letters, of_word, attrs);
  ht_ref names =
      ht_build_2(b, "StringJoin", string_const(b, " "), parts, "N=2");
  ht_ref take[] = {{parts.node, 1}, splits, ht_build_int32s(b, -1, &zero)};
  as_sparse(b, names, ht_build(b, "GatherV2", NULL, 3, take, ""), &out);
  return out;
}

static ht_text_words joined(ht_builder *b, const ht_text_words *x,
                            const ht_text_words *y) {
  ht_ref in[] = {x->indices, y->indices, x->words,
                 y->words,   x->shape,   y->shape};
  ht_text_words out = *x;
  out.indices = ht_build(b, "SparseConcat", NULL, 6, in, "concat_dim=1 N=2");
  out.words = (ht_ref){out.indices.node, 1};
  out.shape = (ht_ref){out.indices.node, 2};
  return out;
}

ht_text_words ht_build_words(ht_new_text_work *w) {
  const ht_text_embedding *s = w->spec;
  ht_builder *b = &w->b;
  ht_text_words t;
  ht_shape any = ht_shape_1(-1);
  t.sentences = ht_build_placeholder(b, "sentences", HT_STRING, &any);
  split(b, w->spec->split, clean(w, t.sentences), &t);
  if (s->ngrams == 1 && !s->max_part) return t;
  ht_ref splits = row_splits(b, &t);
  ht_text_words all = s->ngrams > 1 ? runs_of(b, s->ngrams, &t, splits) : t;
  if (!s->max_part) return all;
  ht_text_words parts = parts_of(b, s->min_part, s->max_part, &t, splits);
  return joined(b, &all, &parts);
}
