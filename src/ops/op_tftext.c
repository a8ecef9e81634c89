/* op_tftext.c - the ops of TensorFlow Text that prepare text for BERT and its
 * kin: folding, splitting, word pieces, trimming. */
#include <stdlib.h>
#include <strings.h>

#include "kernels/unicode.h"
#include "ops/pattern.h"
#include "ops/sparse.h"
#include "ops/strings.h"
#include "ops/table.h"

/* ---- CaseFoldUTF8, NormalizeUTF8 */

static ht_status normalize_one(ht_string s, void *arg, ht_text *out,
                               ht_string *piece) {
  ht_normal_form form = *(ht_normal_form *)arg;
  bool ascii = ht_ascii(s.p, s.n);
  if (ascii && form != HT_NFKC_CASEFOLD) {
    *piece = s;
    return HT_SUCCESS;
  }
  if (!ascii) return ht_utf8_normalize(s.p, s.n, form, out);
  ht_text_bytes(out, s.p, s.n);
  for (size_t i = 0; i < s.n && !out->failed; i++)
    if (s.p[i] >= 'A' && s.p[i] <= 'Z') out->p[i] = (char)(s.p[i] + 32);
  return HT_SUCCESS;
}

static ht_status case_fold(ht_call *c) {
  ht_normal_form form = HT_NFKC_CASEFOLD;
  return ht_strings_map(c, normalize_one, &form);
}

static ht_status normalize(ht_call *c) {
  static const char *const names[] = {"NFC", "NFD", "NFKC", "NFKD"};
  ht_string wanted = ht_attr_string(c->attrs, "normalization_form");
  for (ht_normal_form form = HT_NFC; form <= HT_NFKD; form++)
    if (wanted.n == strlen(names[form]) &&
        strncasecmp(wanted.p, names[form], wanted.n) == 0)
      return ht_strings_map(c, normalize_one, &form);
  return ht_fail(HT_USAGE, "op '%s': '%.*s' is no normal form", c->op->name,
                 (int)(wanted.n < 20 ? wanted.n : 20),
                 wanted.n ? wanted.p : "");
}

/* ---- pieces of strings with their places: what the splitters put out */

typedef struct spans {
  ht_pieces pieces;
  int64_t *at, n, capacity; /* begin and end of each piece */
} spans;

static ht_status add_span(spans *s, ht_string whole, size_t from, size_t to) {
  if (s->n == s->capacity) {
    int64_t capacity = s->capacity ? s->capacity * 2 : 256;
    int64_t *grown = realloc(s->at, (size_t)capacity * 2 * sizeof *grown);
    if (!grown) return ht_fail(HT_NO_MEMORY, "no memory for offsets");
    s->at = grown;
    s->capacity = capacity;
  }
  s->at[2 * s->n] = (int64_t)from;
  s->at[2 * s->n++ + 1] = (int64_t)to;
  return ht_pieces_add(&s->pieces, whole.p + from, to - from);
}

static void free_spans(spans *s) {
  free(s->at);
  free(s->pieces.p);
}

/* out[i] and out[i+1] = begins and ends. */
static ht_status offsets_out(ht_call *c, int i, ht_dtype t, const spans *s) {
  ht_shape shape = ht_shape_1(s->n);
  for (int k = 0; k < 2; k++) {
    HT_TRY(ht_out(c, i + k, t, &shape));
    for (int64_t j = 0; j < s->n; j++)
      ht_set_int(&c->out[i + k], j, s->at[2 * j + k]);
  }
  return HT_SUCCESS;
}

/* ---- RegexSplitWithOffsets: patterns are inputs, compiled once */

typedef struct splitter {
  ht_pattern cut, keep;
} splitter;

static void drop_splitter(void *prepared) {
  splitter *s = prepared;
  ht_pattern_free(&s->cut);
  ht_pattern_free(&s->keep);
  free(s);
}

static ht_status prepare_split(const ht_attrs *attrs, void **prepared) {
  (void)attrs;
  splitter *s = malloc(sizeof *s);
  if (!s) return ht_fail(HT_NO_MEMORY, "no memory for patterns");
  ht_pattern_init(&s->cut);
  ht_pattern_init(&s->keep);
  *prepared = s;
  return HT_SUCCESS;
}

/* Cuts at each match of the pattern's first group; the cut itself becomes a
 * piece where it matches `keep`. */
static ht_status split_one(const splitter *p, ht_string s, spans *out) {
  size_t at = 0, whole[2], group[2];
  while (ht_regex_find(p->cut.re, s.p + at, s.n - at, whole, group)) {
    size_t from = at + group[0], to = at + group[1];
    if (whole[1] == 0) break; /* an empty match leads nowhere */
    if (from > at) HT_TRY(add_span(out, s, at, from));
    if (p->keep.n && ht_regex_full_match(p->keep.re, s.p + from, to - from))
      HT_TRY(add_span(out, s, from, to));
    at += whole[1];
  }
  return at < s.n ? add_span(out, s, at, s.n) : HT_SUCCESS;
}

static ht_status split_rows(ht_call *c, spans *s) {
  int64_t n = ht_count(c->in[0]);
  ht_shape rows = ht_shape_1(n + 1);
  HT_TRY(ht_out(c, 3, HT_INT64, &rows));
  ht_i64(&c->out[3])[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    HT_TRY(split_one(c->prepared, ht_str(c->in[0])[i], s));
    ht_i64(&c->out[3])[i + 1] = s->n;
  }
  HT_TRY(ht_pieces_out(c, 0, 0, &s->pieces));
  return offsets_out(c, 1, HT_INT64, s);
}

static ht_status regex_split(ht_call *c) {
  splitter *p = c->prepared;
  spans s = {0};
  for (int i = 0; i < 3; i++) HT_TRY(ht_need_dtype(c, i, HT_STRING));
  HT_TRY(ht_need_scalar(c, 1));
  HT_TRY(ht_need_scalar(c, 2));
  ht_string cut = ht_str(c->in[1])[0], keep = ht_str(c->in[2])[0];
  HT_TRY(ht_pattern_lock(&p->cut, cut.p, cut.n));
  ht_status st = ht_pattern_lock(&p->keep, keep.p, keep.n);
  if (st.code == HT_OK) {
    st = split_rows(c, &s);
    ht_pattern_unlock(&p->keep);
  }
  ht_pattern_unlock(&p->cut);
  free_spans(&s);
  return st;
}

/* ---- WordpieceTokenizeWithOffsets */

typedef struct wordpiece {
  ht_table *table;
  ht_string suffix, unknown;
  int64_t max_bytes, max_chars;
  bool use_unknown, split_unknown;
  ht_text key; /* the suffix mark and the piece */
  ht_tensor *out;
  ht_pieces pieces;
  int64_t *at, n, capacity;
} wordpiece;

static ht_status add_piece(wordpiece *w, ht_string piece, int64_t from,
                           int64_t to) {
  if (w->n == w->capacity) {
    int64_t capacity = w->capacity ? w->capacity * 2 : 256;
    int64_t *grown = realloc(w->at, (size_t)capacity * 2 * sizeof *grown);
    if (!grown) return ht_fail(HT_NO_MEMORY, "no memory for offsets");
    w->at = grown;
    w->capacity = capacity;
  }
  w->at[2 * w->n] = from;
  w->at[2 * w->n++ + 1] = to;
  return ht_pieces_add(&w->pieces, piece.p, piece.n);
}

static size_t next_char(ht_string s, size_t i) {
  for (i++; i < s.n && (s.p[i] & 0xC0) == 0x80;) i++;
  return i;
}

/* The end of the longest known piece that starts at `from`; 0: none. */
static size_t longest(wordpiece *w, ht_string s, size_t from) {
  size_t end = from, chars = 0;
  size_t mark = from ? w->suffix.n : 0;
  while (end < s.n && (w->max_chars <= 0 || chars < (size_t)w->max_chars)) {
    end = next_char(s, end);
    chars++;
  }
  ht_text_reset(&w->key);
  ht_text_bytes(&w->key, w->suffix.p, mark);
  ht_text_bytes(&w->key, s.p + from, end - from);
  while (end > from && !w->key.failed) {
    if (ht_table_has(w->table, w->key.p, mark + end - from)) return end;
    for (end--; end > from && (s.p[end] & 0xC0) == 0x80;) end--;
  }
  return 0;
}

/* A string of our own: the suffix mark and a piece, kept by the output. */
static ht_status marked(wordpiece *w, ht_string piece, ht_string *out) {
  char *p = ht_string_room(w->out, w->suffix.n + piece.n);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for word pieces");
  if (w->suffix.n) memcpy(p, w->suffix.p, w->suffix.n);
  memcpy(p + w->suffix.n, piece.p, piece.n);
  *out = (ht_string){p, w->suffix.n + piece.n};
  return HT_SUCCESS;
}

static ht_status piece_of(wordpiece *w, ht_string s, size_t from, size_t to,
                          bool known) {
  ht_string piece = {s.p + from, to - from};
  if (!known && w->use_unknown) piece = w->unknown;
  if (from) HT_TRY(marked(w, piece, &piece));
  return add_piece(w, piece, (int64_t)from, (int64_t)to);
}

/* The whole word as one unknown piece. */
static ht_status unknown_word(wordpiece *w, ht_string s, size_t end) {
  return add_piece(w, w->use_unknown ? w->unknown : s, 0, (int64_t)end);
}

static ht_status pieces_of(wordpiece *w, ht_string s) {
  int64_t before = w->n;
  if ((int64_t)s.n > w->max_bytes)
    return unknown_word(w, s, w->use_unknown ? w->unknown.n : s.n);
  for (size_t from = 0; from < s.n;) {
    size_t end = longest(w, s, from);
    if (!end && !w->split_unknown) {
      w->n = w->pieces.n = before;
      return unknown_word(w, s, s.n);
    }
    size_t to = end ? end : next_char(s, from);
    HT_TRY(piece_of(w, s, from, to, end != 0));
    from = to;
  }
  return ht_text_check(&w->key);
}

static ht_status wordpiece_from(ht_call *c, wordpiece *w) {
  ht_object *o = c->in[1]->dtype == HT_RESOURCE && ht_count(c->in[1]) == 1
                     ? ht_obj(c->in[1])[0]
                     : NULL;
  w->table = (ht_table *)o;
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  if (!o || o->class != &ht_table_class || w->table->key_dtype != HT_STRING)
    return ht_fail(HT_USAGE, "op '%s' wants a table of words", c->op->name);
  w->suffix = ht_attr_string(c->attrs, "suffix_indicator");
  w->unknown = ht_attr_string(c->attrs, "unknown_token");
  w->max_bytes = ht_attr_int(c->attrs, "max_bytes_per_word");
  w->max_chars = ht_attr_int(c->attrs, "max_chars_per_token");
  w->use_unknown = ht_attr_bool(c->attrs, "use_unknown_token");
  w->split_unknown = ht_attr_bool(c->attrs, "split_unknown_characters");
  return HT_SUCCESS;
}

static ht_status wordpiece_rows(ht_call *c, wordpiece *w, ht_tensor *bytes) {
  int64_t n = ht_count(c->in[0]);
  bool splits = ht_attr_is(c->attrs, "output_row_partition_type", "row_splits");
  ht_shape rows = ht_shape_1(n + splits);
  ht_string own;
  w->out = bytes;
  HT_TRY(ht_out(c, 1, HT_INT64, &rows));
  char *p = ht_string_room(bytes, w->unknown.n);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for word pieces");
  if (w->unknown.n) memcpy(p, w->unknown.p, w->unknown.n);
  own = (ht_string){p, w->unknown.n};
  w->unknown = own;
  if (splits) ht_i64(&c->out[1])[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t before = w->n;
    HT_TRY(pieces_of(w, ht_str(c->in[0])[i]));
    ht_i64(&c->out[1])[i + splits] = splits ? w->n : w->n - before;
  }
  HT_TRY(ht_pieces_out(c, 0, 0, &w->pieces));
  HT_TRY(ht_string_keep(&c->out[0], bytes));
  spans s = {.at = w->at, .n = w->n};
  return offsets_out(c, 2, HT_INT64, &s);
}

static ht_status wordpiece_op(ht_call *c) {
  wordpiece w = {0};
  ht_tensor bytes; /* holds the strings that are no parts of inputs */
  HT_TRY(wordpiece_from(c, &w));
  HT_TRY(ht_tensor_new(c->run->pool, HT_STRING, &HT_SCALAR, &bytes));
  ht_status st = wordpiece_rows(c, &w, &bytes);
  ht_tensor_drop(&bytes);
  ht_text_free(&w.key);
  free(w.pieces.p);
  free(w.at);
  return st;
}

/* ---- TFText>RoundRobinTrim */

/* How much of each of n segments is kept: one at a time, in turns. */
static void take_turns(const int64_t *length, int n, int64_t room,
                       int64_t *kept) {
  for (int i = 0; i < n; i++) kept[i] = 0;
  for (bool more = true; room > 0 && more;) {
    more = false;
    for (int i = 0; i < n && room > 0; i++)
      if (kept[i] < length[i]) {
        kept[i]++;
        room--;
        more = true;
      }
  }
}

typedef struct trim {
  int n;
  int64_t rows;
  int64_t *length, *kept; /* of the segments of one row */
  int64_t *sizes;         /* [n, rows]: kept of each */
} trim;

static ht_status trim_sizes(ht_call *c, trim *t) {
  int64_t room = ht_int_at(c->in[0], 0);
  for (int64_t r = 0; r < t->rows; r++) {
    for (int i = 0; i < t->n; i++) {
      const ht_tensor *s = c->in[1 + t->n + i];
      int64_t from = ht_int_at(s, r), to = ht_int_at(s, r + 1);
      if (from < 0 || to < from || to > ht_count(c->in[1 + i]))
        return ht_fail(HT_USAGE, "op '%s': splits do not fit", c->op->name);
      t->length[i] = to - from;
    }
    take_turns(t->length, t->n, room, t->kept);
    for (int i = 0; i < t->n; i++) t->sizes[i * t->rows + r] = t->kept[i];
  }
  return HT_SUCCESS;
}

static ht_status trim_segment(ht_call *c, const trim *t, int i) {
  const ht_tensor *splits = c->in[1 + t->n + i];
  int64_t total = 0;
  for (int64_t r = 0; r < t->rows; r++) total += t->sizes[i * t->rows + r];
  ht_shape values = ht_shape_1(total);
  HT_TRY(ht_out_elements(c, i, 1 + i, &values));
  HT_TRY(ht_out(c, t->n + i, splits->dtype, &splits->shape));
  total = 0;
  for (int64_t r = 0; r < t->rows; r++) {
    ht_set_int(&c->out[t->n + i], r, total);
    for (int64_t k = 0; k < t->sizes[i * t->rows + r]; k++)
      ht_copy_element(&c->out[i], total++, c->in[1 + i],
                      ht_int_at(splits, r) + k);
  }
  ht_set_int(&c->out[t->n + i], t->rows, total);
  return HT_SUCCESS;
}

static ht_status round_robin_trim(ht_call *c) {
  trim t = {.n = (c->n_in - 1) / 2};
  HT_TRY(ht_need_scalar(c, 0));
  if (t.n < 1) return ht_fail(HT_USAGE, "op '%s': no segments", c->op->name);
  t.rows = ht_count(c->in[1 + t.n]) - 1;
  for (int i = 0; i < t.n; i++)
    if (ht_count(c->in[1 + t.n + i]) != t.rows + 1 || t.rows < 0)
      return ht_fail(HT_USAGE, "op '%s': splits do not fit", c->op->name);
  t.length = calloc((size_t)t.n * ((size_t)t.rows + 2) + 1, sizeof(int64_t));
  if (!t.length) return ht_fail(HT_NO_MEMORY, "no memory to trim");
  t.kept = t.length + t.n;
  t.sizes = t.kept + t.n;
  ht_status st = trim_sizes(c, &t);
  for (int i = 0; i < t.n && st.code == HT_OK; i++) st = trim_segment(c, &t, i);
  free(t.length);
  return st;
}

/* ---- TFText>WhitespaceTokenizeWithOffsetsV2: white space is given as a
 * bitmap over code points */

static bool white(ht_string map, int32_t code) {
  size_t byte = (size_t)code >> 3;
  return code >= 0 && byte < map.n && (map.p[byte] >> (code & 7) & 1);
}

static ht_status words_of(ht_string s, ht_string map, spans *out) {
  size_t start = 0, i = 0;
  while (i < s.n) {
    int32_t code;
    size_t n = ht_utf8_next(s.p + i, s.n - i, &code);
    if (white(map, code)) {
      if (i > start) HT_TRY(add_span(out, s, start, i));
      start = i + n;
    }
    i += n;
  }
  return i > start ? add_span(out, s, start, i) : HT_SUCCESS;
}

static ht_status whitespace_rows(ht_call *c, spans *s) {
  int64_t n = ht_count(c->in[0]);
  ht_shape rows = ht_shape_1(n + 1);
  HT_TRY(ht_out(c, 1, HT_INT64, &rows));
  ht_i64(&c->out[1])[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    HT_TRY(words_of(ht_str(c->in[0])[i], ht_str(c->in[1])[0], s));
    ht_i64(&c->out[1])[i + 1] = s->n;
  }
  HT_TRY(ht_pieces_out(c, 0, 0, &s->pieces));
  return offsets_out(c, 2, HT_INT32, s);
}

static ht_status whitespace(ht_call *c) {
  spans s = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_dtype(c, 1, HT_STRING));
  HT_TRY(ht_need_scalar(c, 1));
  ht_status st = whitespace_rows(c, &s);
  free_spans(&s);
  return st;
}

#define MIXED                                                         \
  "s[5]{'Hello WORLD','','Stra\\xc3\\x9fe \\xef\\xac\\x81x','"        \
  "\\xc3\\x89t\\xc3\\xa9 \\xe1\\xba\\x9b\\xcc\\xa3','\\xe2\\x84\\xab" \
  "\\xc2\\xad\\xef\\xbc\\xa1'}"

const ht_op ht_ops_tftext[] = {
    {
        .name = "CaseFoldUTF8",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "",
        .doc = "NFKC with letters folded to lower case.",
        .samples = MIXED,
        .forward = case_fold,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "NormalizeUTF8",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "normalization_form:string",
        .doc = "A normal form of Unicode.",
        .samples = MIXED
        " normalization_form='NFC';" MIXED " normalization_form='nfd';" MIXED
        " normalization_form='NFKC';" MIXED " normalization_form='NFKD'",
        .forward = normalize,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "RegexSplitWithOffsets",
        .inputs = "input:string delim_regex_pattern:string "
                  "keep_delim_regex_pattern:string",
        .outputs = "tokens:string begin_offsets:int64 end_offsets:int64 "
                   "row_splits:int64",
        .attrs = "",
        .doc = "Splits at what a pattern matches, keeping some of it.",
        .samples =
            "s[4]{'hello, world!','',' a\\xc3\\xa9\\xe2\\x80\\x94b ','x'} "
            "s[]{'(\\\\s+|\\\\p{P})'} s[]{'(\\\\p{P})'};"
            "s[2]{'a b  c',' '} s[]{'(\\\\s)'} s[]{''};"
            "s[2]{'abc','b'} s[]{'b'} s[]{''}; s[0] s[]{'(x)'} s[]{''}",
        .prepare = prepare_split,
        .unprepare = drop_splitter,
        .forward = regex_split,
        .gradient = ht_no_gradient,
    },
    {
        .name = "TFText>RoundRobinTrim",
        .inputs = "max_sequence_length:int32 input_values:N*T "
                  "input_row_splits:N*Tsplits",
        .outputs = "values:N*T row_splits:N*Tsplits",
        .attrs = "N:int T:type Tsplits:type",
        .doc = "Cuts the segments of each row, in turns, to a common length.",
        .samples = "i[]{5} (i[4]{1,2,3,4} i[10]) (l[3]{0,3,4} l[3]{0,4,10});"
                   "i[]{3} (s[4]) (l[3]{0,4,4});"
                   "i[]{4} (l[6] l[3] l[4]) "
                   "(i[3]{0,3,6} i[3]{0,3,3} i[3]{0,0,4});"
                   "i[]{0} (i[2]) (l[2]{0,2})",
        .forward = round_robin_trim,
        .gradient = ht_no_gradient,
    },
    {
        .name = "TFText>WhitespaceTokenizeWithOffsetsV2",
        .inputs = "input_values:string input_config:string",
        .outputs = "output_tokens:string output_row_splits:int64 "
                   "output_start_offsets:int32 output_end_offsets:int32",
        .attrs = "",
        .doc = "Words between white space.",
        .samples = "s[4]{' a b\\tc\\n','','\\xc3\\xa9 x','\\xff '} "
                   "s[]{'\\x00>\\x00\\x00\\x01\\x00\\x00'}",
        .forward = whitespace,
        .gradient = ht_no_gradient,
    },
    {
        .name = "WordpieceTokenizeWithOffsets",
        .inputs = "input_values:string vocab_lookup_table:resource",
        .outputs = "output_values:string output_row_lengths:int64 "
                   "start_values:int64 limit_values:int64",
        .attrs = "suffix_indicator:string max_bytes_per_word:int "
                 "max_chars_per_token:int=0 use_unknown_token:bool "
                 "unknown_token:string split_unknown_characters:bool=false "
                 "output_row_partition_type:string='row_lengths'",
        .doc = "Words to the longest pieces that a vocabulary has.",
        .samples = "@words_are_cut_into_the_longest_known_pieces",
        .forward = wordpiece_op,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL,
    },
    {0},
};
