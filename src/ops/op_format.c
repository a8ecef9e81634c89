/* op_format.c - strings to and from numbers and bytes; n-grams. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/sparse.h"
#include "ops/strings.h"

/* ---- AsString */

typedef struct format {
  char real[40], integer[32], natural[32], pair[88]; /* for printf */
} format;

static ht_status format_of(const ht_call *c, format *f) {
  int64_t width = ht_attr_int(c->attrs, "width");
  int64_t precision = ht_attr_int(c->attrs, "precision");
  bool scientific = ht_attr_bool(c->attrs, "scientific");
  bool shortest = ht_attr_bool(c->attrs, "shortest");
  ht_string fill = ht_attr_string(c->attrs, "fill");
  char flag[2] = {fill.n ? fill.p[0] : 0, 0}, wide[16] = "", precise[16] = "";
  if (fill.n > 1 || (fill.n && !strchr(" +-0#", fill.p[0])) || width > 4096 ||
      precision > 4096 || (scientific && shortest))
    return ht_fail(HT_USAGE, "op '%s': this format is not understood",
                   c->op->name);
  if (width > -1) snprintf(wide, sizeof wide, "%d", (int)width);
  if (precision > -1) snprintf(precise, sizeof precise, ".%d", (int)precision);
  snprintf(f->real, sizeof f->real, "%%%s%s%s%c", flag, wide, precise,
           shortest     ? 'g'
           : scientific ? 'e'
                        : 'f');
  snprintf(f->integer, sizeof f->integer, "%%%s%s" PRId64, flag, wide);
  snprintf(f->natural, sizeof f->natural, "%%%s%s" PRIu64, flag, wide);
  snprintf(f->pair, sizeof f->pair, "(%s,%s)", f->real, f->real);
  return HT_SUCCESS;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static int print_one(const format *f, const ht_tensor *t, int64_t i, char *text,
                     size_t room) {
  if (t->dtype == HT_BOOL)
    return snprintf(text, room, "%s", ht_bool(t)[i] ? "true" : "false");
  if (t->dtype == HT_COMPLEX64)
    return snprintf(text, room, f->pair, (double)ht_f(t)[2 * i],
                    (double)ht_f(t)[2 * i + 1]);
  if (t->dtype == HT_COMPLEX128)
    return snprintf(text, room, f->pair, HT_DATA(double, t)[2 * i],
                    HT_DATA(double, t)[2 * i + 1]);
  if (t->dtype == HT_UINT64)
    return snprintf(text, room, f->natural, HT_DATA(uint64_t, t)[i]);
  if (ht_dtype_floating(t->dtype))
    return snprintf(text, room, f->real, ht_real_at(t, i));
  return snprintf(text, room, f->integer, ht_int_at(t, i));
}
#pragma GCC diagnostic pop

static ht_status as_string(ht_call *c) {
  format f;
  char text[8192];
  const ht_tensor *t = c->in[0];
  if (t->dtype == HT_STRING) return ht_out_share(c, 0, 0), HT_SUCCESS;
  if (ht_dtype_pointers(t->dtype)) return ht_no_dtype(c, t->dtype);
  HT_TRY(format_of(c, &f));
  HT_TRY(ht_out(c, 0, HT_STRING, &t->shape));
  for (int64_t i = 0; i < ht_count(t); i++) {
    int n = print_one(&f, t, i, text, sizeof text);
    if (n < 0 || n >= (int)sizeof text)
      return ht_fail(HT_USAGE, "op '%s': a number is too long", c->op->name);
    HT_TRY(ht_string_set(&c->out[0], i, text, (size_t)n));
  }
  return HT_SUCCESS;
}

/* ---- StringToNumber */

static bool trimmed(ht_string s, char text[128]) {
  while (s.n && (*s.p == ' ' || (*s.p >= '\t' && *s.p <= '\r'))) s.p++, s.n--;
  while (s.n && (s.p[s.n - 1] == ' ' ||
                 (s.p[s.n - 1] >= '\t' && s.p[s.n - 1] <= '\r')))
    s.n--;
  if (!s.n || s.n >= 128 || memchr(s.p, 0, s.n)) return false;
  memcpy(text, s.p, s.n);
  text[s.n] = 0;
  return true;
}

static bool number_from(ht_string s, ht_tensor *out, int64_t i) {
  char text[128], *end;
  int64_t v;
  if (!trimmed(s, text)) return false;
  if (out->dtype == HT_FLOAT) return ht_f(out)[i] = strtof(text, &end), !*end;
  if (out->dtype == HT_DOUBLE)
    return HT_DATA(double, out)[i] = strtod(text, &end), !*end;
  errno = 0;
  v = strtoll(text, &end, 10);
  if (*end || errno || (out->dtype == HT_INT32 && v != (int32_t)v))
    return false;
  ht_set_int(out, i, v);
  return true;
}

static ht_status to_number(ht_call *c) {
  ht_dtype t = ht_attr_type(c->attrs, "out_type");
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  if (t != HT_FLOAT && t != HT_DOUBLE && t != HT_INT32 && t != HT_INT64)
    return ht_no_dtype(c, t);
  HT_TRY(ht_out(c, 0, t, &c->in[0]->shape));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    ht_string s = ht_str(c->in[0])[i];
    if (!number_from(s, &c->out[0], i))
      return ht_fail(HT_USAGE, "op '%s': '%.*s' is no number", c->op->name,
                     (int)(s.n < 60 ? s.n : 60), s.n ? s.p : "");
  }
  return HT_SUCCESS;
}

/* ---- Base64, the alphabet for URLs (RFC 4648, section 5) */

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static ht_status encode_one(ht_string s, void *arg, ht_text *out,
                            ht_string *piece) {
  bool pad = *(bool *)arg;
  (void)piece;
  for (size_t i = 0; i < s.n; i += 3) {
    size_t n = s.n - i < 3 ? s.n - i : 3;
    uint32_t v = 0;
    char four[4] = {'=', '=', '=', '='};
    for (size_t k = 0; k < 3; k++)
      v = v << 8 | (k < n ? (unsigned char)s.p[i + k] : 0);
    for (size_t k = 0; k <= n; k++) four[k] = alphabet[v >> (18 - 6 * k) & 63];
    ht_text_bytes(out, four, pad ? 4 : n + 1);
  }
  return HT_SUCCESS;
}

static ht_status encode_base64(ht_call *c) {
  bool pad = ht_attr_bool(c->attrs, "pad");
  return ht_strings_map(c, encode_one, &pad);
}

static ht_status decode_one(ht_string s, void *arg, ht_text *out,
                            ht_string *piece) {
  (void)arg, (void)piece;
  uint32_t v = 0;
  int bits = 0;
  if (s.n % 4 == 0)
    for (int k = 0; k < 2 && s.n && s.p[s.n - 1] == '='; k++) s.n--;
  for (size_t i = 0; i < s.n; i++) {
    const char *at = s.p[i] ? strchr(alphabet, s.p[i]) : NULL;
    if (!at || s.n % 4 == 1)
      return ht_fail(HT_USAGE, "a string is no Base64 for URLs");
    v = v << 6 | (uint32_t)(at - alphabet);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    char byte = (char)(v >> bits);
    ht_text_bytes(out, &byte, 1);
  }
  return HT_SUCCESS;
}

static ht_status decode_base64(ht_call *c) {
  return ht_strings_map(c, decode_one, NULL);
}

/* ---- DecodeRaw, DecodePaddedRaw */

static void copy_raw(char *to, const char *from, size_t n, size_t size,
                     bool little) {
  if (n) memcpy(to, from, n);
  for (size_t i = 0; i + size <= n && !little; i += size)
    for (size_t k = 0; k < size / 2; k++) {
      char swap = to[i + k];
      to[i + k] = to[i + size - 1 - k];
      to[i + size - 1 - k] = swap;
    }
}

/* `bytes` of each string, zeros after its end. */
static ht_status raw(ht_call *c, size_t bytes) {
  ht_dtype t = ht_attr_type(c->attrs, "out_type");
  size_t size = ht_dtype_size(t);
  bool little = ht_attr_bool(c->attrs, "little_endian");
  if (ht_dtype_pointers(t) || !size) return ht_no_dtype(c, t);
  if (t == HT_COMPLEX64 || t == HT_COMPLEX128) size /= 2; /* byte order */
  ht_shape shape = c->in[0]->shape;
  if (shape.rank == HT_MAX_RANK || bytes % ht_dtype_size(t))
    return ht_fail(HT_USAGE, "op '%s': %zu bytes are no whole elements",
                   c->op->name, bytes);
  shape.dim[shape.rank++] = (int64_t)(bytes / ht_dtype_size(t));
  HT_TRY(ht_out_zeros(c, 0, t, &shape));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    ht_string s = ht_str(c->in[0])[i];
    copy_raw((char *)c->out[0].data + (size_t)i * bytes, s.p,
             s.n < bytes ? s.n : bytes, size, little);
  }
  for (int64_t i = 0; t == HT_BOOL && i < ht_count(&c->out[0]); i++)
    ht_bool(&c->out[0])[i] = HT_DATA(uint8_t, &c->out[0])[i] != 0;
  return HT_SUCCESS;
}

static ht_status decode_raw(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  int64_t n = ht_count(c->in[0]);
  size_t bytes = n ? ht_str(c->in[0])[0].n : 0;
  for (int64_t i = 1; i < n; i++)
    if (ht_str(c->in[0])[i].n != bytes)
      return ht_fail(HT_USAGE, "op '%s' wants strings of one length",
                     c->op->name);
  return raw(c, bytes);
}

static ht_status decode_padded(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 1));
  int64_t bytes = ht_int_at(c->in[1], 0);
  if (bytes <= 0)
    return ht_fail(HT_USAGE, "op '%s': fixed_length must be positive",
                   c->op->name);
  return raw(c, (size_t)bytes);
}

/* ---- StringNGrams */

typedef struct ngrams {
  ht_string separator, left, right;
  int64_t pad; /* -1: as wide as the n-gram allows */
  const ht_string *token;
  int64_t n; /* tokens of the row */
  ht_text text;
  ht_pieces pieces; /* offsets into text until the end */
} ngrams;

static int64_t pad_of(const ngrams *g, int64_t width) {
  return g->pad < 0 || g->pad > width - 1 ? width - 1 : g->pad;
}

static void put(ngrams *g, ht_string s, bool *first) {
  if (!*first) ht_text_bytes(&g->text, g->separator.p, g->separator.n);
  ht_text_bytes(&g->text, s.p, s.n);
  *first = false;
}

/* The n-gram number k of `count` in the row. */
static ht_status one_ngram(ngrams *g, int64_t k, int64_t count, int64_t width) {
  int64_t pad = pad_of(g, width), after = pad - (count - (k + 1));
  int64_t before = pad > k ? pad - k : 0;
  size_t from = g->text.n;
  bool first = true;
  if (after < 0) after = 0;
  int64_t start = before ? 0 : k - pad, n = width - before - after;
  for (int64_t i = 0; i < before; i++) put(g, g->left, &first);
  for (int64_t i = start; i < start + n && i < g->n; i++)
    put(g, g->token[i], &first);
  for (int64_t i = 0; i < after; i++) put(g, g->right, &first);
  HT_TRY(ht_text_check(&g->text));
  return ht_pieces_add(&g->pieces, NULL, g->text.n - from);
}

static ht_status row_ngrams(const ht_call *c, ngrams *g) {
  int64_t before = g->pieces.n;
  for (int w = 0; w < ht_attr_length(c->attrs, "ngram_widths"); w++) {
    int64_t width = ht_attr_int_at(c->attrs, "ngram_widths", w);
    if (width < 1 || width > 1 << 20)
      return ht_fail(HT_USAGE, "op '%s': widths must be positive and small",
                     c->op->name);
    int64_t count = g->n + 2 * pad_of(g, width) - width + 1;
    for (int64_t k = 0; k < count; k++) HT_TRY(one_ngram(g, k, count, width));
  }
  bool keep = ht_attr_bool(c->attrs, "preserve_short_sequences");
  if (!keep || !g->n || g->pieces.n > before) return HT_SUCCESS;
  return one_ngram(g, 0, 1, g->pad >= 0 ? g->n + 2 * g->pad : g->n);
}

static ht_status all_ngrams(ht_call *c, ngrams *g) {
  int64_t rows = ht_count(c->in[1]) - 1;
  HT_TRY(ht_out(c, 1, c->in[1]->dtype, &c->in[1]->shape));
  for (int64_t r = 0; r < rows; r++) {
    int64_t from = ht_int_at(c->in[1], r), to = ht_int_at(c->in[1], r + 1);
    if (from < 0 || to < from || to > ht_count(c->in[0]))
      return ht_fail(HT_USAGE, "op '%s': splits do not fit", c->op->name);
    g->token = ht_str(c->in[0]) + from;
    g->n = to - from;
    ht_set_int(&c->out[1], r, g->pieces.n);
    HT_TRY(row_ngrams(c, g));
  }
  if (rows >= 0) ht_set_int(&c->out[1], rows, g->pieces.n);
  ht_shape shape = ht_shape_1(g->pieces.n);
  HT_TRY(ht_out(c, 0, HT_STRING, &shape));
  char *p = ht_string_room(&c->out[0], g->text.n);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for n-grams");
  if (g->text.n) memcpy(p, g->text.p, g->text.n);
  for (int64_t i = 0; i < g->pieces.n; p += g->pieces.p[i++].n)
    ht_str(&c->out[0])[i] = (ht_string){p, g->pieces.p[i].n};
  return HT_SUCCESS;
}

static ht_status string_ngrams(ht_call *c) {
  ngrams g = {.separator = ht_attr_string(c->attrs, "separator"),
              .left = ht_attr_string(c->attrs, "left_pad"),
              .right = ht_attr_string(c->attrs, "right_pad"),
              .pad = ht_attr_int(c->attrs, "pad_width")};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_rank(c, 1, 1));
  if (g.pad > 1 << 20)
    return ht_fail(HT_USAGE, "op '%s': pad_width is too large", c->op->name);
  ht_status st = all_ngrams(c, &g);
  ht_text_free(&g.text);
  free(g.pieces.p);
  return st;
}

#define NGRAM_ATTRS                                               \
  "separator:string ngram_widths:list(int) left_pad:string "      \
  "right_pad:string pad_width:int preserve_short_sequences:bool " \
  "Tsplits:type=int64"

const ht_op ht_ops_format[] = {
    {
        .name = "AsString",
        .inputs = "input:T",
        .outputs = "output:string",
        .attrs = "T:type precision:int=-1 scientific:bool=false "
                 "shortest:bool=false width:int=-1 fill:string=''",
        .doc = "Numbers as text.",
        .samples = "i[3]{1,-20,300}; l[2]{9000000000000,-1} width=4 fill='0';"
                   "f[4]{1.5,-0.25,nan,inf}; d[2]{3.14159265,1e10} "
                   "precision=2; f[2]{1.5,1e10} shortest=true;"
                   "d[2]{1.5,1e10} scientific=true precision=3;"
                   "b[2]{true,false}; i[2,0]; u[2]{7,255}; f[2]{1,-1} width=9;"
                   "c[2]{1.5-2j,0}; z[1]{3.25+1e10j} scientific=true; z[2]"
                   "{1+1j,-2.5} shortest=true width=6; c[1]{1-0.5j} "
                   "precision=2 width=8 fill='0'; y[3]{0,7,"
                   "18446744073709551615}; y[]{5} width=3",
        .forward = as_string,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "DecodeBase64",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "",
        .doc = "Bytes of Base64 for URLs, padded or not.",
        .samples = "s[5]{'','YQ','YWI=','YWJj','_-8'}",
        .forward = decode_base64,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "DecodePaddedRaw",
        .inputs = "input_bytes:string fixed_length:int32",
        .outputs = "output:out_type",
        .attrs = "out_type:type little_endian:bool=true",
        .doc = "Bytes as numbers, zeros after the end of a string.",
        .samples = "s[3]{'abcd','ab',''} i[]{4} out_type=uint8;"
                   "s[2]{'abcdefgh','ab'} i[]{4} out_type=int32",
        .forward = decode_padded,
        .gradient = ht_no_gradient,
    },
    {
        .name = "DecodeRaw",
        .inputs = "bytes:string",
        .outputs = "output:out_type",
        .attrs = "out_type:type little_endian:bool=true",
        .doc = "Bytes as numbers; strings are of one length.",
        .samples = "s[2]{'abcd','efgh'} out_type=uint8;"
                   "s[]{'abcdefgh'} out_type=int32;"
                   "s[]{'abcdefgh'} out_type=int32 little_endian=false;"
                   "s[2,1]{'\\x00\\x00\\x80?','\\x00\\x00\\x00@'} "
                   "out_type=float; s[0] out_type=float;"
                   "s[2]{'\\x00\\x01\\x02','\\xff\\x00\\x80'} out_type=bool",
        .forward = decode_raw,
        .gradient = ht_no_gradient,
    },
    {
        .name = "EncodeBase64",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "pad:bool=false",
        .doc = "Base64 for URLs.",
        .samples = "s[5]{'','a','ab','abc','\\xff\\xef'};"
                   "s[4]{'','a','ab','abc'} pad=true",
        .forward = encode_base64,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StringNGrams",
        .inputs = "data:string data_splits:Tsplits",
        .outputs = "ngrams:string ngrams_splits:Tsplits",
        .attrs = NGRAM_ATTRS,
        .doc = "Runs of words of given lengths in each row, padded.",
        .samples =
            "s[6]{'a','b','c','d','e','f'} l[5]{0,4,5,5,6} separator='|' "
            "ngram_widths=[2] left_pad='L' right_pad='R' pad_width=-1 "
            "preserve_short_sequences=false;"
            "s[6]{'a','b','c','d','e','f'} i[3]{0,4,6} separator=' ' "
            "ngram_widths=[1,3] left_pad='' right_pad='' pad_width=0 "
            "preserve_short_sequences=false;"
            "s[6]{'a','b','c','d','e','f'} l[5]{0,4,5,5,6} separator='|' "
            "ngram_widths=[4] left_pad='L' right_pad='R' pad_width=1 "
            "preserve_short_sequences=true;"
            "s[3]{'a','b','c'} l[3]{0,2,3} separator='|' ngram_widths=[3] "
            "left_pad='L' right_pad='R' pad_width=0 "
            "preserve_short_sequences=true",
        .forward = string_ngrams,
        .gradient = ht_no_gradient,
    },
    {
        .name = "StringToNumber",
        .inputs = "string_tensor:string",
        .outputs = "output:out_type",
        .attrs = "out_type:type=float",
        .doc = "Numbers from text; white space around them is no matter.",
        .samples = "s[5]{'1',' -2.5 ','1e3','inf','nan'};"
                   "s[2]{'7','-9'} out_type=int32;"
                   "s[2]{'0.1','-1e-300'} out_type=double;"
                   "s[1]{'9000000000000'} out_type=int64; s[0]",
        .forward = to_number,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {0},
};
