/* op_tokenize.c - TensorFlow Text's ways of cutting text without a
 * vocabulary: at white space, at a change of script, by labels, by bytes. */
#include <stdlib.h>
#include <string.h>

#include "kernels/unicode.h"
#include "ops/sparse.h"
#include "ops/strings.h"

/* ---- rows of code points to tokens */

typedef struct tokens {
  int32_t *code; /* of all tokens */
  int64_t n_codes;
  int64_t *first; /* of each token: its first code, begin and end in codes */
  int64_t n;
} tokens;

static bool space(int32_t code) { return code >= 0 && ht_unicode_space(code); }

/* Whether a token may not go on from one character to the next. */
typedef bool ends_fn(int32_t before, int32_t code);

static bool at_space(int32_t before, int32_t code) {
  (void)before;
  return space(code);
}

static bool other_script(int32_t before, int32_t code) {
  return ht_unicode_script(before) != ht_unicode_script(code);
}

static bool script_or_space(int32_t before, int32_t code) {
  return space(before) != space(code) || other_script(before, code);
}

/* Spaces that are left out do not end a token by themselves. */
static void cut_row(const int32_t *code, int64_t n, ends_fn *ends, bool spaces,
                    tokens *t) {
  bool open = false;
  for (int64_t i = 0; i < n; i++) {
    if (i && ends(code[i - 1], code[i])) open = false;
    if (!spaces && space(code[i])) continue;
    if (!open) {
      int64_t *first = t->first + 3 * t->n++;
      first[0] = t->n_codes;
      first[1] = i;
      open = true;
    }
    t->first[3 * t->n - 1] = i + 1;
    t->code[t->n_codes++] = code[i];
  }
}

static ht_status check_splits(const ht_call *c, int i, int64_t total) {
  const ht_tensor *s = c->in[i];
  int64_t n = ht_count(s), before = 0;
  bool good = s->shape.rank == 1 && n > 0 && ht_int_at(s, 0) == 0 &&
              ht_int_at(s, n - 1) == total;
  for (int64_t k = 0; k < n && good; k++) {
    good = ht_int_at(s, k) >= before;
    before = ht_int_at(s, k);
  }
  return good
             ? HT_SUCCESS
             : ht_fail(HT_USAGE, "op '%s': row splits do not fit", c->op->name);
}

static ht_status tokens_out(ht_call *c, const tokens *t) {
  ht_dtype splits = c->in[1]->dtype;
  ht_shape codes = ht_shape_1(t->n_codes), one = ht_shape_1(t->n),
           inner = ht_shape_1(t->n + 1);
  HT_TRY(ht_out(c, 0, HT_INT32, &codes));
  HT_TRY(ht_out(c, 1, splits, &inner));
  HT_TRY(ht_out(c, 2, HT_INT64, &one));
  HT_TRY(ht_out(c, 3, HT_INT64, &one));
  if (t->n_codes)
    memcpy(c->out[0].data, t->code, (size_t)t->n_codes * sizeof *t->code);
  for (int64_t i = 0; i < t->n; i++) {
    ht_set_int(&c->out[1], i, t->first[3 * i]);
    ht_i64(&c->out[2])[i] = t->first[3 * i + 1];
    ht_i64(&c->out[3])[i] = t->first[3 * i + 2];
  }
  ht_set_int(&c->out[1], t->n, t->n_codes);
  return HT_SUCCESS;
}

static ht_status cut_rows(ht_call *c, ends_fn *ends, bool spaces) {
  int64_t total = ht_count(c->in[0]), rows = ht_count(c->in[1]) - 1;
  tokens t = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_INT32));
  HT_TRY(check_splits(c, 1, total));
  HT_TRY(ht_out(c, 4, c->in[1]->dtype, &c->in[1]->shape));
  t.code = malloc((size_t)total * sizeof *t.code + 1);
  t.first = malloc((size_t)total * 3 * sizeof *t.first + 1);
  ht_status st = t.code && t.first
                     ? HT_SUCCESS
                     : ht_fail(HT_NO_MEMORY, "no memory for tokens");
  for (int64_t r = 0; r < rows && st.code == HT_OK; r++) {
    int64_t from = ht_int_at(c->in[1], r), to = ht_int_at(c->in[1], r + 1);
    ht_set_int(&c->out[4], r, t.n);
    cut_row(ht_i32(c->in[0]) + from, to - from, ends, spaces, &t);
  }
  if (st.code == HT_OK) {
    ht_set_int(&c->out[4], rows, t.n);
    st = tokens_out(c, &t);
  }
  free(t.code);
  free(t.first);
  return st;
}

static ht_status whitespace(ht_call *c) { return cut_rows(c, at_space, false); }

static ht_status by_script(ht_call *c) {
  bool keep = ht_attr_bool(c->attrs, "keep_whitespace");
  return cut_rows(c, keep ? script_or_space : other_script, keep);
}

/* ---- by labels: 0 begins a token, 1 goes on with the last one */

typedef struct merge {
  ht_text text; /* of all tokens */
  int64_t *at;  /* of each token: its end in text, begin and end in bytes */
  int64_t n, capacity;
  bool force; /* white space always ends a token */
} merge;

static ht_status merge_room(merge *m) {
  if (m->n < m->capacity) return HT_SUCCESS;
  int64_t capacity = m->capacity ? m->capacity * 2 : 256;
  int64_t *at = realloc(m->at, (size_t)capacity * 3 * sizeof *at);
  if (!at) return ht_fail(HT_NO_MEMORY, "no memory for tokens");
  m->at = at;
  m->capacity = capacity;
  return HT_SUCCESS;
}

static ht_status merge_row(merge *m, ht_string s, const int32_t *label,
                           int64_t n) {
  bool open = false;
  int64_t k = 0;
  for (size_t i = 0; i < s.n;) {
    int32_t code;
    size_t bytes = ht_utf8_next(s.p + i, s.n - i, &code);
    if (k >= n) return ht_fail(HT_USAGE, "a character without a label");
    int32_t go_on = label[k++];
    if (space(code)) {
      if (m->force) open = false;
      i += bytes;
      continue;
    }
    if (!open || go_on != 1) {
      HT_TRY(merge_room(m));
      m->at[3 * m->n++ + 1] = (int64_t)i;
    }
    open = true;
    ht_text_bytes(&m->text, s.p + i, bytes);
    i += bytes;
    m->at[3 * m->n - 3] = (int64_t)m->text.n;
    m->at[3 * m->n - 1] = (int64_t)i;
  }
  return k == n ? HT_SUCCESS : ht_fail(HT_USAGE, "a label without a character");
}

static ht_status merge_out(ht_call *c, const merge *m) {
  ht_shape shape = ht_shape_1(m->n);
  int64_t from = 0;
  HT_TRY(ht_text_check(&m->text));
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  HT_TRY(ht_out(c, 2, HT_INT64, &shape));
  HT_TRY(ht_out(c, 3, HT_INT64, &shape));
  for (int64_t i = 0; i < m->n; i++) {
    const int64_t *at = m->at + 3 * i;
    HT_TRY(
        ht_string_set(&c->out[0], i, m->text.p + from, (size_t)(at[0] - from)));
    from = at[0];
    ht_i64(&c->out[2])[i] = at[1];
    ht_i64(&c->out[3])[i] = at[2];
  }
  return HT_SUCCESS;
}

static ht_status merge_rows(ht_call *c, merge *m) {
  int64_t n = ht_count(c->in[0]);
  ht_shape rows = ht_shape_1(n + 1);
  HT_TRY(ht_out(c, 1, HT_INT64, &rows));
  ht_i64(&c->out[1])[0] = 0;
  for (int64_t r = 0; r < n; r++) {
    int64_t from = ht_int_at(c->in[2], r), to = ht_int_at(c->in[2], r + 1);
    HT_TRY(ht_within(
        merge_row(m, ht_str(c->in[0])[r], ht_i32(c->in[1]) + from, to - from),
        "op '%s'", c->op->name));
    ht_i64(&c->out[1])[r + 1] = m->n;
  }
  return merge_out(c, m);
}

static ht_status split_merge(ht_call *c) {
  merge m = {.force = ht_attr_bool(c->attrs, "force_split_at_break_character")};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(check_splits(c, 2, ht_count(c->in[1])));
  if (ht_count(c->in[2]) != ht_count(c->in[0]) + 1)
    return ht_fail(HT_USAGE, "op '%s' wants a row of labels for each string",
                   c->op->name);
  ht_status st = merge_rows(c, &m);
  ht_text_free(&m.text);
  free(m.at);
  return st;
}

/* ---- by bytes */

static ht_status split_bytes(ht_call *c) {
  int64_t n = ht_count(c->in[0]), total = 0, k = 0;
  ht_shape rows = ht_shape_1(n + 1);
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_out(c, 1, HT_INT64, &rows));
  ht_i64(&c->out[1])[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    total += (int64_t)ht_str(c->in[0])[i].n;
    ht_i64(&c->out[1])[i + 1] = total;
  }
  ht_shape all = ht_shape_1(total);
  HT_TRY(ht_out(c, 0, HT_UINT8, &all));
  HT_TRY(ht_out(c, 2, HT_INT32, &all));
  HT_TRY(ht_out(c, 3, HT_INT32, &all));
  for (int64_t i = 0; i < n; i++) {
    ht_string s = ht_str(c->in[0])[i];
    for (size_t j = 0; j < s.n; j++, k++) {
      HT_DATA(uint8_t, &c->out[0])[k] = (uint8_t)s.p[j];
      ht_i32(&c->out[2])[k] = (int32_t)j;
      ht_i32(&c->out[3])[k] = (int32_t)j + 1;
    }
  }
  return HT_SUCCESS;
}

static ht_status split_at_offsets(ht_call *c) {
  int64_t n = ht_count(c->in[0]), m = ht_count(c->in[1]);
  ht_shape shape = ht_shape_1(m);
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_same_shape(c, 1, 2));
  HT_TRY(check_splits(c, 3, m));
  if (ht_count(c->in[3]) != n + 1)
    return ht_fail(HT_USAGE, "op '%s': row splits do not fit", c->op->name);
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  HT_TRY(ht_string_keep(&c->out[0], c->in[0]));
  for (int64_t r = 0; r < n; r++) {
    ht_string s = ht_str(c->in[0])[r];
    for (int64_t i = ht_int_at(c->in[3], r); i < ht_int_at(c->in[3], r + 1);
         i++) {
      int64_t from = ht_int_at(c->in[1], i), to = ht_int_at(c->in[2], i);
      if (from < 0 || to < from || to > (int64_t)s.n)
        return ht_fail(HT_USAGE, "op '%s': bytes %lld to %lld of %zu",
                       c->op->name, (long long)from, (long long)to, s.n);
      ht_str(&c->out[0])[i] = (ht_string){s.p + from, (size_t)(to - from)};
    }
  }
  ht_out_share(c, 1, 3);
  return HT_SUCCESS;
}

/* ---- TFText>NgramsStringJoin: windows of the innermost rows, joined */

static ht_status join_window(const ht_tensor *in, int64_t from, int64_t n,
                             ht_string separator, ht_text *text) {
  ht_text_reset(text);
  for (int64_t i = 0; i < n; i++) {
    ht_string s = ht_str(in)[from + i];
    if (i) ht_text_bytes(text, separator.p, separator.n);
    ht_text_bytes(text, s.p, s.n);
  }
  return ht_text_check(text);
}

static ht_status join_rows(ht_call *c, int last, int64_t n, ht_text *text) {
  int64_t k = 0, rows = ht_count(c->in[last]) - 1;
  ht_string separator = ht_attr_string(c->attrs, "string_separator");
  for (int64_t r = 0; r < rows; r++) {
    int64_t from = ht_int_at(c->in[last], r);
    int64_t to = ht_int_at(c->in[last], r + 1);
    for (; to - from >= n; from++, k++) {
      HT_TRY(join_window(c->in[0], from, n, separator, text));
      HT_TRY(ht_string_set(&c->out[0], k, text->p ? text->p : "", text->n));
    }
  }
  return HT_SUCCESS;
}

static ht_status ngrams(ht_call *c) {
  int rank = c->n_in - 1;
  int64_t n = ht_attr_int(c->attrs, "width"), total = 0;
  int64_t axis = ht_attr_int(c->attrs, "axis");
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_rank(c, 0, 1));
  if (rank < 1 || n < 1 || (axis != -1 && axis != rank))
    return ht_fail(HT_UNSUPPORTED,
                   "op '%s' joins windows of the innermost rows alone",
                   c->op->name);
  HT_TRY(check_splits(c, rank, ht_count(c->in[0])));
  for (int i = 1; i < rank; i++) ht_out_share(c, i, i);
  HT_TRY(ht_out(c, rank, c->in[rank]->dtype, &c->in[rank]->shape));
  ht_set_int(&c->out[rank], 0, 0);
  for (int64_t r = 0; r + 1 < ht_count(c->in[rank]); r++) {
    int64_t size = ht_int_at(c->in[rank], r + 1) - ht_int_at(c->in[rank], r);
    if (size >= n) total += size - n + 1;
    ht_set_int(&c->out[rank], r + 1, total);
  }
  ht_shape shape = ht_shape_1(total);
  ht_text text = {0};
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  ht_status st = join_rows(c, rank, n, &text);
  ht_text_free(&text);
  return st;
}

#define TOKENS                                              \
  "output_values:int32 output_values_inner_splits:Tsplits " \
  "output_offset_starts:int64 output_offset_limits:int64 "  \
  "output_outer_splits:Tsplits"
#define CODES "i[14]{32,97,233,49,32,32,8364,20013,98,10,128512,32,49,50} "
#define MERGE "s[3]{'ab c\\xc3\\xa9d','','x y'} "

const ht_op ht_ops_tokenize[] = {
    {.name = "UnicodeScriptTokenizeWithOffsets",
     .inputs = "input_values:int32 input_splits:Tsplits",
     .outputs = TOKENS,
     .attrs = "Tsplits:type=int64 keep_whitespace:bool=false",
     .doc = "Rows of code points to tokens of one script each.",
     .samples = CODES "l[5]{0,6,6,10,14};" CODES
                      "l[5]{0,6,6,10,14} keep_whitespace=true;" CODES
                      "i[2]{0,14}; i[0] l[1]{0}; i[0] l[3]{0,0,0};"
                      "i[9]{1076,1077,32,97,945,46,46,32,46} "
                      "l[2]{0,9};i[5]{97,32,98,32,32} l[2]{0,5}",
     .forward = by_script,
     .gradient = ht_no_gradient},
    {.name = "WhitespaceTokenizeWithOffsets",
     .inputs = "input_values:int32 input_splits:Tsplits",
     .outputs = TOKENS,
     .attrs = "Tsplits:type=int64",
     .doc = "Rows of code points to words between white space.",
     .samples = CODES "l[5]{0,6,6,10,14};" CODES
                      "i[2]{0,14}; i[3]{32,10,65} l[3]{0,2,3}",
     .forward = whitespace,
     .gradient = ht_no_gradient},
    {.name = "SplitMergeTokenizeWithOffsets",
     .inputs = "input_values:string labels:int32 row_splits:int32",
     .outputs = "output_values:string output_row_splits:int64 "
                "start_values:int64 limit_values:int64",
     .attrs = "force_split_at_break_character:bool=true",
     .doc = "Strings to tokens, as a label for each character says.",
     .samples = MERGE "i[9]{0,1,0,1,1,0,1,1,1} i[4]{0,6,6,9};" MERGE
                      "i[9]{0,1,0,1,1,0,1,1,1} i[4]{0,6,6,9} "
                      "force_split_at_break_character=false;" MERGE
                      "i[9]{1,0,0,0,0,0,0,0,0} i[4]{0,6,6,9};"
                      "s[0] i[0] i[1]{0}",
     .forward = split_merge,
     .gradient = ht_no_gradient},
    {.name = "TFText>ByteSplitByOffsets",
     .inputs = "input_values:string input_start_offsets:int32 "
               "input_end_offsets:int32 input_row_splits:int64",
     .outputs = "output_values:string output_row_splits:int64",
     .attrs = "",
     .doc = "Parts of strings, by where they begin and end.",
     .samples = "s[3]{'hello','','xy'} i[3]{0,2,0} i[3]{2,5,1} "
                "l[4]{0,2,2,3}; s[0] i[0] i[0] l[1]{0}",
     .forward = split_at_offsets,
     .gradient = ht_no_gradient},
    {.name = "TFText>ByteSplitWithOffsets",
     .inputs = "input_values:string",
     .outputs = "output_bytes:uint8 output_row_splits:int64 "
                "output_start_offsets:int32 output_end_offsets:int32",
     .attrs = "",
     .doc = "Strings to rows of bytes.",
     .samples = "s[3]{'ab','','\\xc3\\xa9'}; s[0]",
     .forward = split_bytes,
     .gradient = ht_no_gradient},
    {.name = "TFText>NgramsStringJoin",
     .inputs = "input_values:string input_row_splits:RAGGED_RANK*Tsplits",
     .outputs = "output_values:string output_row_splits:RAGGED_RANK*Tsplits",
     .attrs = "width:int axis:int string_separator:string "
              "RAGGED_RANK:int Tsplits:type=int64",
     .doc = "Windows of each row, joined.",
     .samples = "s[5]{'a','b','c','d','e'} (l[4]{0,3,3,5}) width=2 axis=-1 "
                "string_separator=' ';"
                "s[5]{'a','b','c','d','e'} (l[3]{0,1,2} l[3]{0,4,5}) width=3 "
                "axis=-1 string_separator='';"
                "s[0] (l[1]{0}) width=2 axis=-1 string_separator='x'",
     .forward = ngrams,
     .gradient = ht_no_gradient},
    {0},
};
