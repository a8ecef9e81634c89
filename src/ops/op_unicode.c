/* op_unicode.c - code points: decoding, encoding, transcoding, scripts. */
#include "kernels/unicode.h"

#include <stdlib.h>

#include "ops/sparse.h"
#include "ops/strings.h"

typedef enum coding { UTF8, UTF16, UTF32, LATIN1, ASCII } coding;
typedef enum on_error { REPLACE, IGNORE, STRICT } on_error;

typedef struct how {
  coding in, out;
  on_error errors;
  int32_t replacement;
  bool control; /* C0 control characters count as errors */
} how;

/* The encoding of an attribute; names as ICU and TensorFlow write them. */
static ht_status coding_of(const ht_call *c, const char *attr, coding *out) {
  static const struct {
    const char *name;
    coding coding;
  } names[] = {
      {"UTF-8", UTF8},      {"utf-8", UTF8},        {"UTF8", UTF8},
      {"utf8", UTF8},       {"UTF-16-BE", UTF16},   {"UTF-16BE", UTF16},
      {"UTF-32-BE", UTF32}, {"UTF-32BE", UTF32},    {"US-ASCII", ASCII},
      {"us-ascii", ASCII},  {"ISO-8859-1", LATIN1}, {"LATIN1", LATIN1},
      {"latin1", LATIN1}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (ht_attr_is(c->attrs, attr, names[i].name)) {
      *out = names[i].coding;
      return HT_SUCCESS;
    }
  ht_string s = ht_attr_string(c->attrs, attr);
  return ht_fail(HT_UNSUPPORTED, "op '%s' does not know encoding '%.*s'",
                 c->op->name, (int)(s.n < 40 ? s.n : 40), s.n ? s.p : "");
}

static ht_status how_from(const ht_call *c, bool in, bool out, how *h) {
  *h = (how){0};
  if (in) HT_TRY(coding_of(c, "input_encoding", &h->in));
  if (out) HT_TRY(coding_of(c, "output_encoding", &h->out));
  h->errors = ht_attr_is(c->attrs, "errors", "ignore")   ? IGNORE
              : ht_attr_is(c->attrs, "errors", "strict") ? STRICT
                                                         : REPLACE;
  h->replacement = (int32_t)ht_attr_int(c->attrs, "replacement_char");
  h->control = ht_attr_bool(c->attrs, "replace_control_characters");
  return HT_SUCCESS;
}

static int32_t big_endian(const char *p, int bytes) {
  uint32_t v = 0;
  for (int i = 0; i < bytes; i++) v = v << 8 | (unsigned char)p[i];
  return (int32_t)v;
}

static size_t next_utf16(const char *p, size_t n, int32_t *code) {
  *code = -1;
  if (n < 2) return n;
  int32_t high = big_endian(p, 2);
  if (high < 0xD800 || high > 0xDFFF) return *code = high, 2;
  int32_t low = n < 4 || high > 0xDBFF ? 0 : big_endian(p + 2, 2);
  if (low < 0xDC00 || low > 0xDFFF) return 2;
  *code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  return 4;
}

/* The next character: its bytes, and *code = -1 where it is ill-formed. */
static size_t next_code(coding from, const char *p, size_t n, int32_t *code) {
  if (from == UTF8) return ht_utf8_next(p, n, code);
  if (from == UTF16) return next_utf16(p, n, code);
  if (from == UTF32) {
    *code = n < 4 ? -1 : big_endian(p, 4);
    if (*code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)) *code = -1;
    return n < 4 ? n : 4;
  }
  *code = (unsigned char)*p;
  if (from == ASCII && *code > 127) *code = -1;
  return 1;
}

/* What stands for a character; -1: nothing does. */
static ht_status settle(const how *h, int32_t *code) {
  if (h->control && *code >= 0 && *code < 0x20)
    *code = h->errors == IGNORE ? -2 : h->replacement;
  if (*code == -2) return *code = -1, HT_SUCCESS;
  if (*code >= 0 || h->errors == IGNORE) return HT_SUCCESS;
  if (h->errors == STRICT)
    return ht_fail(HT_CORRUPT, "ill-formed characters in a string");
  *code = h->replacement;
  return HT_SUCCESS;
}

static void put_code(coding to, int32_t code, ht_text *out) {
  char bytes[4];
  size_t n = 4;
  if (to == UTF8) {
    n = ht_utf8_put(code, bytes);
  } else if (to == UTF16 && code < 0x10000) {
    n = 2;
    bytes[0] = (char)(code >> 8);
    bytes[1] = (char)code;
  } else {
    uint32_t v = (uint32_t)code;
    if (to == UTF16) {
      v = 0xD800DC00u + ((((uint32_t)code - 0x10000) >> 10) << 16) +
          ((uint32_t)code & 0x3FF);
    }
    for (int i = 0; i < 4; i++) bytes[i] = (char)(v >> (24 - 8 * i));
  }
  ht_text_bytes(out, bytes, n);
}

/* ---- UnicodeTranscode */

static ht_status transcode_one(ht_string s, void *arg, ht_text *out,
                               ht_string *piece) {
  (void)piece;
  const how *h = arg;
  for (size_t i = 0; i < s.n;) {
    int32_t code;
    i += next_code(h->in, s.p + i, s.n - i, &code);
    HT_TRY(settle(h, &code));
    if (code >= 0) put_code(h->out, code, out);
  }
  return HT_SUCCESS;
}

static ht_status transcode(ht_call *c) {
  how h;
  HT_TRY(how_from(c, true, true, &h));
  return ht_strings_map(c, transcode_one, &h);
}

/* ---- UnicodeDecode, UnicodeDecodeWithOffsets */

typedef struct codes {
  int32_t *code;
  int64_t *start, n, capacity;
} codes;

static ht_status add_code(codes *k, int32_t code, int64_t start) {
  if (k->n == k->capacity) {
    int64_t capacity = k->capacity ? k->capacity * 2 : 256;
    int32_t *code_grown = realloc(k->code, (size_t)capacity * sizeof *k->code);
    if (code_grown) k->code = code_grown;
    int64_t *grown = realloc(k->start, (size_t)capacity * sizeof *k->start);
    if (grown) k->start = grown;
    if (!grown || !code_grown)
      return ht_fail(HT_NO_MEMORY, "no memory for code points");
    k->capacity = capacity;
  }
  k->code[k->n] = code;
  k->start[k->n++] = start;
  return HT_SUCCESS;
}

static ht_status decode_one(const how *h, ht_string s, codes *k) {
  for (size_t i = 0; i < s.n;) {
    int32_t code;
    size_t start = i;
    i += next_code(h->in, s.p + i, s.n - i, &code);
    HT_TRY(settle(h, &code));
    if (code >= 0) HT_TRY(add_code(k, code, (int64_t)start));
  }
  return HT_SUCCESS;
}

static ht_status decode_all(ht_call *c, const how *h, codes *k) {
  int64_t n = ht_count(c->in[0]);
  ht_shape splits = ht_shape_1(n + 1);
  HT_TRY(ht_out(c, 0, ht_attr_type(c->attrs, "Tsplits"), &splits));
  for (int64_t i = 0; i < n; i++) {
    ht_set_int(&c->out[0], i, k->n);
    HT_TRY(decode_one(h, ht_str(c->in[0])[i], k));
  }
  ht_set_int(&c->out[0], n, k->n);
  ht_shape values = ht_shape_1(k->n);
  HT_TRY(ht_out(c, 1, HT_INT32, &values));
  if (k->n) memcpy(c->out[1].data, k->code, (size_t)k->n * sizeof *k->code);
  if (c->n_out < 3) return HT_SUCCESS;
  HT_TRY(ht_out(c, 2, HT_INT64, &values));
  if (k->n) memcpy(c->out[2].data, k->start, (size_t)k->n * sizeof *k->start);
  return HT_SUCCESS;
}

static ht_status decode(ht_call *c) {
  how h;
  codes k = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(how_from(c, true, false, &h));
  ht_status st = decode_all(c, &h, &k);
  free(k.code);
  free(k.start);
  return st;
}

/* ---- UnicodeEncode, UnicodeScript */

static ht_status encode_row(ht_call *c, const how *h, int64_t row,
                            ht_text *text) {
  int64_t from = ht_int_at(c->in[1], row), to = ht_int_at(c->in[1], row + 1);
  ht_text_reset(text);
  if (from < 0 || to < from || to > ht_count(c->in[0]))
    return ht_fail(HT_USAGE, "op '%s': splits do not ascend", c->op->name);
  for (int64_t i = from; i < to; i++) {
    int32_t code = ht_i32(c->in[0])[i];
    if (code > 0x10FFFF || code < 0 || (code >= 0xD800 && code <= 0xDFFF))
      code = -1;
    HT_TRY(settle(h, &code));
    if (code >= 0) put_code(h->out, code, text);
  }
  HT_TRY(ht_text_check(text));
  return ht_string_set(&c->out[0], row, text->p ? text->p : "", text->n);
}

static ht_status encode(ht_call *c) {
  how h;
  ht_text text = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_INT32));
  HT_TRY(ht_need_rank(c, 1, 1));
  HT_TRY(how_from(c, false, true, &h));
  int64_t n = ht_count(c->in[1]) - 1;
  if (n < 0) return ht_fail(HT_USAGE, "op '%s': no splits", c->op->name);
  ht_shape shape = ht_shape_1(n);
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < n && st.code == HT_OK; i++)
    st = encode_row(c, &h, i, &text);
  ht_text_free(&text);
  return st;
}

static ht_status script(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_INT32));
  HT_TRY(ht_out_like(c, 0, 0));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++)
    ht_i32(&c->out[0])[i] = ht_unicode_script(ht_i32(c->in[0])[i]);
  return HT_SUCCESS;
}

#define ERRORS "errors:string='replace' replacement_char:int=65533"
#define CONTROL " replace_control_characters:bool=false"
#define BAD                                                   \
  "s[4]{'a\\xc3\\xa9\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80',''," \
  "'a\\xff\\xe2\\x82b\\xed\\xa0\\x80','\\xf0\\x9f\\x01\\xc0\\x80'}"
#define DECODE_SAMPLES                                             \
  BAD " input_encoding='UTF-8';" BAD                               \
      " input_encoding='UTF-8' errors='ignore';" BAD \
      " input_encoding='UTF-8' replace_control_characters=true "   \
      "replacement_char=63;"                                       \
      "s[2]{'\\x00a\\xd8\\x3d\\xde\\x00','\\x00b'} "               \
      "input_encoding='UTF-16-BE'; s[0] input_encoding='UTF-8'"

const ht_op ht_ops_unicode[] = {
    {
        .name = "UnicodeDecode",
        .inputs = "input:string",
        .outputs = "row_splits:Tsplits char_values:int32",
        .attrs = "input_encoding:string " ERRORS CONTROL " Tsplits:type=int64",
        .doc = "Strings to rows of code points.",
        .samples = DECODE_SAMPLES,
        .forward = decode,
        .gradient = ht_no_gradient,
    },
    {
        .name = "UnicodeDecodeWithOffsets",
        .inputs = "input:string",
        .outputs = "row_splits:Tsplits char_values:int32 "
                   "char_to_byte_starts:int64",
        .attrs = "input_encoding:string " ERRORS CONTROL " Tsplits:type=int64",
        .doc = "Strings to rows of code points and where each one starts.",
        .samples = DECODE_SAMPLES,
        .forward = decode,
        .gradient = ht_no_gradient,
    },
    {
        .name = "UnicodeEncode",
        .inputs = "input_values:int32 input_splits:Tsplits",
        .outputs = "output:string",
        .attrs = "errors:string='replace' output_encoding:string "
                 "replacement_char:int=65533 Tsplits:type=int64",
        .doc = "Rows of code points to strings.",
        .samples = "i[6]{97,233,8364,128512,55296,98} l[4]{0,2,2,6} "
                   "output_encoding='UTF-8';"
                   "i[3]{97,128512,1200000} i[2]{0,3} "
                   "output_encoding='UTF-16-BE' errors='ignore';"
                   "i[2]{97,128512} l[3]{0,1,2} output_encoding='UTF-32-BE'",
        .forward = encode,
        .gradient = ht_no_gradient,
    },
    {
        .name = "UnicodeScript",
        .inputs = "input:int32",
        .outputs = "output:int32",
        .attrs = "",
        .doc = "The script of each code point, as ICU numbers them.",
        .samples = "i[9]{97,945,1076,20013,48,-1,1114112,888,128512}",
        .forward = script,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "UnicodeTranscode",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "input_encoding:string output_encoding:string " ERRORS CONTROL,
        .doc = "Strings in another encoding.",
        .samples =
            BAD " input_encoding='UTF-8' output_encoding='UTF-8';" BAD
                " input_encoding='UTF-8' output_encoding='UTF-16-BE';" BAD
                " input_encoding='UTF-8' output_encoding='UTF-32-BE' "
                "errors='ignore';"
                "s[2]{'a\\xe9\\x07','b'} input_encoding='ISO-8859-1' "
                "output_encoding='UTF-8' replace_control_characters=true",
        .forward = transcode,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {0},
};
