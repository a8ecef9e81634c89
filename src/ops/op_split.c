/* op_split.c - strings to sparse matrices of their pieces. */
#include <stdlib.h>

#include "ops/strings.h"

/* Pieces of all rows, and how many each row has. */
typedef struct splitting {
  ht_pieces pieces;
  int64_t *count;
} splitting;

typedef ht_status split_fn(ht_string s, const void *how, ht_pieces *out);

/* indices, values and shape from the pieces. */
static ht_status sparse_out(ht_call *c, const splitting *s) {
  int64_t rows = ht_count(c->in[0]), widest = 0, at = 0;
  ht_shape shape = ht_shape_2(s->pieces.n, 2), two = ht_shape_1(2);
  HT_TRY(ht_out(c, 0, HT_INT64, &shape));
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t k = 0; k < s->count[r]; k++, at++) {
      ht_i64(&c->out[0])[2 * at] = r;
      ht_i64(&c->out[0])[2 * at + 1] = k;
    }
    if (s->count[r] > widest) widest = s->count[r];
  }
  HT_TRY(ht_pieces_out(c, 1, 0, &s->pieces));
  HT_TRY(ht_out(c, 2, HT_INT64, &two));
  ht_i64(&c->out[2])[0] = rows;
  ht_i64(&c->out[2])[1] = widest;
  return HT_SUCCESS;
}

static ht_status split_rows(ht_call *c, split_fn *fn, const void *how) {
  int64_t rows = ht_count(c->in[0]);
  splitting s = {.count = calloc((size_t)rows + 1, sizeof *s.count)};
  if (!s.count) return ht_fail(HT_NO_MEMORY, "no memory to split strings");
  ht_status st = HT_SUCCESS;
  for (int64_t r = 0; r < rows && st.code == HT_OK; r++) {
    int64_t before = s.pieces.n;
    st = fn(ht_str(c->in[0])[r], how, &s.pieces);
    s.count[r] = s.pieces.n - before;
  }
  if (st.code == HT_OK) st = sparse_out(c, &s);
  free(s.count);
  free(s.pieces.p);
  return st;
}

/* ---- StringSplit: a set of single-byte delimiters */

typedef struct delimiters {
  bool each_byte, skip_empty, member[256];
  int single; /* the delimiter where there is one, -1: look in member */
} delimiters;

/* The first delimiter in [p,end), end where there is none. */
static const char *next_delimiter(const delimiters *d, const char *p,
                                  const char *end) {
  if (d->single >= 0 && p < end) {
    const char *q = memchr(p, d->single, (size_t)(end - p));
    return q ? q : end;
  }
  while (p < end && !d->member[(unsigned char)*p]) p++;
  return p;
}

static ht_status split_set(ht_string s, const void *how, ht_pieces *out) {
  const delimiters *d = how;
  if (!s.n) return HT_SUCCESS;
  if (d->each_byte) {
    for (size_t i = 0; i < s.n; i++) HT_TRY(ht_pieces_add(out, s.p + i, 1));
    return HT_SUCCESS;
  }
  for (const char *p = s.p, *end = s.p + s.n;; p++) {
    const char *q = next_delimiter(d, p, end);
    if (q > p || !d->skip_empty) HT_TRY(ht_pieces_add(out, p, (size_t)(q - p)));
    if (q == end) return HT_SUCCESS;
    p = q;
  }
}

static ht_status need_inputs(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_rank(c, 0, 1));
  HT_TRY(ht_need_dtype(c, 1, HT_STRING));
  return ht_need_rank(c, 1, 0);
}

static ht_status string_split(ht_call *c) {
  HT_TRY(need_inputs(c));
  ht_string set = ht_str(c->in[1])[0];
  delimiters d = {.each_byte = !set.n, .single = -1};
  d.skip_empty = ht_attr_bool(c->attrs, "skip_empty");
  for (size_t i = 0; i < set.n; i++) d.member[(unsigned char)set.p[i]] = true;
  if (set.n == 1) d.single = (unsigned char)set.p[0];
  return split_rows(c, split_set, &d);
}

/* ---- StringSplitV2: a literal separator, or runs of white space */

typedef struct separator {
  ht_string text;
  int64_t max; /* pieces before the rest, -1: no limit */
} separator;

static ht_status split_literal(ht_string s, const void *how, ht_pieces *out) {
  const separator *sep = how;
  const char *p = s.p ? s.p : "", *end = p + s.n;
  for (int64_t k = 0; sep->max < 0 || k < sep->max; k++) {
    const char *q =
        p == end ? NULL
                 : memmem(p, (size_t)(end - p), sep->text.p, sep->text.n);
    if (!q) break;
    HT_TRY(ht_pieces_add(out, p, (size_t)(q - p)));
    p = q + sep->text.n;
  }
  return ht_pieces_add(out, p, (size_t)(end - p));
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* After the last allowed split the rest is a piece, even if it is empty. */
static ht_status split_space(ht_string s, const void *how, ht_pieces *out) {
  const separator *sep = how;
  const char *p = s.p, *end = s.p + s.n;
  if (sep->max == 0) return ht_pieces_add(out, s.p, s.n);
  while (p < end && is_space(*p)) p++;
  for (int64_t k = 1; p < end; k++) {
    const char *q = p;
    while (q < end && !is_space(*q)) q++;
    HT_TRY(ht_pieces_add(out, p, (size_t)(q - p)));
    for (p = q; p < end && is_space(*p);) p++;
    if (k == sep->max) return ht_pieces_add(out, p, (size_t)(end - p));
  }
  return HT_SUCCESS;
}

static ht_status string_split_v2(ht_call *c) {
  HT_TRY(need_inputs(c));
  separator sep = {ht_str(c->in[1])[0], ht_attr_int(c->attrs, "maxsplit")};
  return split_rows(c, sep.text.n ? split_literal : split_space, &sep);
}

const ht_op ht_ops_split[] = {
    {
        .name = "StringSplit",
        .inputs = "input:string delimiter:string",
        .outputs = "indices:int64 values:string shape:int64",
        .attrs = "skip_empty:bool=true",
        .doc = "Splits at any byte of a set; no delimiter: into bytes.",
        .samples = "s[4]{'hello  world','',' a','b'} s[]{' '};"
                   "s[3]{'hello  world','',' a'} s[]{' '} skip_empty=false;"
                   "s[2]{'a,b.c','..'} s[]{',.'}; s[2]{'abc','d'} s[]{''};"
                   "s[0] s[]{' '}; s[2]{'',''} s[]{' '}",
        .forward = string_split,
        .gradient = ht_no_gradient,
    },
    {
        .name = "StringSplitV2",
        .inputs = "input:string sep:string",
        .outputs = "indices:int64 values:string shape:int64",
        .attrs = "maxsplit:int=-1",
        .doc = "Splits as Python's str.split does.",
        .samples = "s[4]{'hello  world','',' a','b'} s[]{' '};"
                   "s[4]{' hello  world','','  ','b\\n'} s[]{''};"
                   "s[2]{'a<>b<><>c','<>'} s[]{'<>'};"
                   "s[3]{'a b c ','d',' '} s[]{''} maxsplit=1;"
                   "s[2]{' a b','c'} s[]{''} maxsplit=0;"
                   "s[2]{'a,b,c','d'} s[]{','} maxsplit=1;"
                   "s[2]{'a,b,c','d'} s[]{','} maxsplit=0; s[0] s[]{' '}",
        .forward = string_split_v2,
        .gradient = ht_no_gradient,
    },
    {0},
};
