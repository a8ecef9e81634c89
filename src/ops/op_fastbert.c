/* op_fastbert.c - TensorFlow Text's fast normaliser and word pieces. Their
 * models are FlatBuffers that hold a trie as a double array (Aoe, "An efficient
 * digital search algorithm by using a double-array structure", 1989; the
 * units of darts-clone). They are hostile: every read is checked. */
#include <stdlib.h>
#include <string.h>

#include "kernels/unicode.h"
#include "ops/sparse.h"
#include "ops/strings.h"

/* ---- FlatBuffers, as far as needed: a root table of scalars and vectors */

typedef struct flat {
  const uint8_t *p;
  size_t n, table; /* where the root table starts */
} flat;

/* A little-endian integer of 1, 2 or 4 bytes; 0 beyond the end. */
static uint32_t at(const flat *f, size_t i, size_t bytes) {
  uint32_t v = 0;
  if (i > f->n || f->n - i < bytes) return 0;
  for (size_t k = 0; k < bytes; k++) v |= (uint32_t)f->p[i + k] << 8 * k;
  return v;
}

static ht_status flat_from(const ht_call *c, int i, flat *f) {
  HT_TRY(ht_need_dtype(c, i, HT_UINT8));
  *f = (flat){c->in[i]->data, (size_t)ht_count(c->in[i]), 0};
  f->table = at(f, 0, 4);
  if (f->n < 8 || f->table < 4 || f->table > f->n - 4)
    return ht_fail(HT_CORRUPT, "op '%s': this is no model", c->op->name);
  return HT_SUCCESS;
}

/* Where field `slot` of the root table lies, 0 if it is absent. */
static size_t field(const flat *f, size_t slot) {
  int64_t back = (int32_t)at(f, f->table, 4);
  int64_t vtable = (int64_t)f->table - back;
  if (vtable < 0 || vtable >= (int64_t)f->n) return 0;
  size_t v = (size_t)vtable, entry = 4 + 2 * slot;
  if (entry + 2 > at(f, v, 2)) return 0;
  uint32_t offset = at(f, v + entry, 2);
  return offset ? f->table + offset : 0;
}

static uint32_t number(const flat *f, size_t slot, size_t bytes) {
  size_t i = field(f, slot);
  return i ? at(f, i, bytes) : 0;
}

/* A vector of n elements of `size` bytes, or none. */
static const uint8_t *vector(const flat *f, size_t slot, size_t size,
                             size_t *n) {
  size_t i = field(f, slot);
  *n = 0;
  if (!i) return NULL;
  uint32_t to = at(f, i, 4);
  if (!to || to > f->n - i || f->n - i - to < 4) return NULL;
  size_t start = i + to, count = at(f, start, 4);
  if (count > (f->n - start - 4) / size) return NULL;
  *n = count;
  return f->p + start + 4;
}

static ht_string text_of(const flat *f, size_t slot) {
  ht_string s;
  s.p = (const char *)vector(f, slot, 1, &s.n);
  return s;
}

/* ---- tries */

typedef struct trie {
  flat units; /* of 4 bytes each */
} trie;

static uint32_t unit(const trie *t, uint32_t id) {
  return at(&t->units, (size_t)id * 4, 4);
}

static uint32_t base(uint32_t u) { return (u >> 10) << ((u & 0x200) >> 6); }

static ht_status trie_of(const ht_call *c, const flat *f, size_t slot,
                         trie *t) {
  size_t n;
  *t = (trie){0};
  t->units.p = vector(f, slot, 4, &n);
  t->units.n = n * 4;
  if (t->units.p && n) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "op '%s': the model has no trie", c->op->name);
}

/* Goes on by a byte; false where nothing begins like that. */
static bool step(const trie *t, uint32_t *id, uint8_t byte) {
  uint32_t next = *id ^ base(unit(t, *id)) ^ byte;
  if (!byte || next >= t->units.n / 4 || (unit(t, next) & 0x800000ffu) != byte)
    return false;
  *id = next;
  return true;
}

/* Whether something ends here, and the value it has. */
static bool leaf(const trie *t, uint32_t id, uint32_t *value) {
  uint32_t u = unit(t, id);
  *value = unit(t, id ^ base(u)) & 0x7fffffffu;
  return u & 0x100;
}

/* ---- FastBertNormalize */

typedef struct normalizer {
  trie trie;
  uint32_t zero; /* what is known of code point 0 */
  ht_string pool;
  bool offsets;
  int64_t *at, n, capacity; /* where each byte came from */
} normalizer;

enum { CHANGED = 1 << 30 };

/* What replaces a character of n bytes: itself where nothing is said. */
static ht_string replaced(const normalizer *z, const char *p, size_t n) {
  uint32_t id = 0, value = 0;
  size_t i = 0;
  while (i < n && step(&z->trie, &id, (uint8_t)p[i])) i++;
  if (i < n || !leaf(&z->trie, id, &value)) value = 0;
  if (n == 1 && !*p) value = z->zero;
  size_t from = value >> 6 & 0xffffff, length = value & 63;
  if (!(value & CHANGED) || from > z->pool.n || length > z->pool.n - from)
    return (ht_string){p, n};
  return (ht_string){length ? z->pool.p + from : "", length};
}

static ht_status add_offset(normalizer *z, size_t from, size_t times) {
  if (!z->offsets) return HT_SUCCESS;
  if (z->capacity - z->n < (int64_t)times) {
    int64_t capacity = z->capacity * 2 + 256;
    int64_t *grown = realloc(z->at, (size_t)capacity * sizeof *grown);
    if (!grown) return ht_fail(HT_NO_MEMORY, "no memory for offsets");
    z->at = grown;
    z->capacity = capacity;
  }
  for (; times; times--) z->at[z->n++] = (int64_t)from;
  return HT_SUCCESS;
}

static ht_status normalize_one(normalizer *z, ht_string s, ht_text *out) {
  ht_text_reset(out);
  for (size_t i = 0; i < s.n;) {
    int32_t code;
    size_t n = ht_utf8_next(s.p + i, s.n - i, &code);
    ht_string with = {s.p + i, n};
    if (code >= 0) with = replaced(z, s.p + i, n);
    HT_TRY(add_offset(z, i, with.n));
    ht_text_bytes(out, with.p, with.n);
    i += n;
  }
  HT_TRY(add_offset(z, s.n, 1));
  return ht_text_check(out);
}

static ht_status normalize_rows(ht_call *c, normalizer *z, ht_text *text) {
  int64_t n = ht_count(c->in[0]);
  ht_shape rows = ht_shape_1(n + 1);
  HT_TRY(ht_out(c, 0, HT_STRING, &c->in[0]->shape));
  HT_TRY(ht_out(c, 2, HT_INT64, &rows));
  ht_i64(&c->out[2])[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    HT_TRY(normalize_one(z, ht_str(c->in[0])[i], text));
    HT_TRY(ht_string_set(&c->out[0], i, text->p ? text->p : "", text->n));
    ht_i64(&c->out[2])[i + 1] = z->n;
  }
  ht_shape all = ht_shape_1(z->n);
  HT_TRY(ht_out(c, 1, HT_INT64, &all));
  if (z->n) memcpy(c->out[1].data, z->at, (size_t)z->n * sizeof *z->at);
  return HT_SUCCESS;
}

static ht_status normalize(ht_call *c) {
  flat f;
  ht_text text = {0};
  normalizer z = {.offsets = ht_attr_bool(c->attrs, "get_offsets")};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(flat_from(c, 1, &f));
  HT_TRY(trie_of(c, &f, 1, &z.trie));
  z.zero = number(&f, 2, 4);
  z.pool = text_of(&f, 3);
  ht_status st = normalize_rows(c, &z, &text);
  free(z.at);
  ht_text_free(&text);
  return st;
}

/* ---- FastWordpieceTokenizeWithOffsets */

typedef struct piece {
  int64_t id, from, to;
  bool suffix, unknown;
} piece;

typedef struct cutter {
  trie trie;
  uint32_t suffix_root;
  int64_t max_bytes, unknown_id;
  ht_string suffix, unknown;
  flat mark; /* the values of the pieces of the suffix mark as a word */
  piece *piece;
  int64_t n, capacity;
} cutter;

enum { SUFFIX = 1 << 30 };

static ht_status add_piece(cutter *k, piece p) {
  if (k->n == k->capacity) {
    int64_t capacity = k->capacity * 2 + 256;
    piece *grown = realloc(k->piece, (size_t)capacity * sizeof *grown);
    if (!grown) return ht_fail(HT_NO_MEMORY, "no memory for word pieces");
    k->piece = grown;
    k->capacity = capacity;
  }
  k->piece[k->n++] = p;
  return HT_SUCCESS;
}

/* The longest piece at `from`; its end, `from` if there is none. */
static size_t longest(const cutter *k, ht_string s, size_t from, size_t to,
                      bool first, uint32_t *value) {
  uint32_t id = first ? 0 : k->suffix_root, v;
  size_t best = from;
  for (size_t i = from; i < to && step(&k->trie, &id, (uint8_t)s.p[i]); i++)
    if (leaf(&k->trie, id, &v)) {
      best = i + 1;
      *value = v;
    }
  return best;
}

static piece piece_of(const cutter *k, uint32_t value, size_t from, size_t to) {
  int64_t id = value >> 8 & 0x3fffff;
  return (piece){id, (int64_t)from, (int64_t)to, value & SUFFIX,
                 id == k->unknown_id};
}

/* The suffix mark, which has no place of its own in the trie. */
static ht_status cut_mark(cutter *k, size_t begin, size_t end) {
  for (size_t i = 0, from = begin; i < k->mark.n / 4 && from < end; i++) {
    uint32_t value = at(&k->mark, 4 * i, 4);
    size_t to = from + (value & 255) + 1;
    if (to > end || i + 1 == k->mark.n / 4) to = end;
    HT_TRY(add_piece(k, piece_of(k, value, from, to)));
    from = to;
  }
  return HT_SUCCESS;
}

/* The pieces of the word from begin to end, or the unknown one. */
static ht_status cut_word(cutter *k, ht_string s, size_t begin, size_t end) {
  int64_t before = k->n;
  bool whole = (int64_t)(end - begin) <= k->max_bytes;
  if (whole && end - begin == k->suffix.n && k->mark.n &&
      !memcmp(s.p + begin, k->suffix.p, k->suffix.n))
    return cut_mark(k, begin, end);
  for (size_t from = begin; from < end && whole;) {
    uint32_t value = 0;
    size_t to = longest(k, s, from, end, from == begin, &value);
    whole = to > from;
    if (whole) HT_TRY(add_piece(k, piece_of(k, value, from, to)));
    from = to;
  }
  if (whole) return HT_SUCCESS;
  k->n = before;
  return add_piece(
      k, (piece){k->unknown_id, (int64_t)begin, (int64_t)end, false, true});
}

/* Characters that are words by themselves: punctuation, ASCII symbols, and
 * the CJK ideographs of BERT's list. */
static bool alone(int32_t c) {
  if (c < 128)
    return (c > 32 && c < 48) || (c > 57 && c < 65) || (c > 90 && c < 97) ||
           (c > 122 && c < 127);
  return ht_unicode_punctuation(c) || (c >= 0x4e00 && c <= 0x9fff) ||
         (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) ||
         (c >= 0x2b820 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x2f800 && c <= 0x2fa1f);
}

static ht_status cut_text(cutter *k, ht_string s) {
  size_t start = 0, i = 0;
  while (i < s.n) {
    int32_t code;
    size_t n = ht_utf8_next(s.p + i, s.n - i, &code);
    bool space = code >= 0 && ht_unicode_space(code);
    if (space || (code >= 0 && alone(code))) {
      if (i > start) HT_TRY(cut_word(k, s, start, i));
      if (!space) HT_TRY(cut_word(k, s, i, i + n));
      start = i + n;
    }
    i += n;
  }
  return i > start ? cut_word(k, s, start, i) : HT_SUCCESS;
}

static ht_status put_string(ht_call *c, const cutter *k, int64_t i,
                            ht_string s) {
  const piece *p = &k->piece[i];
  if (p->unknown)
    return ht_string_set(&c->out[0], i, k->unknown.p, k->unknown.n);
  size_t n = (size_t)(p->to - p->from), mark = p->suffix ? k->suffix.n : 0;
  if (mark && p->from == 0 && n >= mark && !memcmp(s.p, k->suffix.p, mark))
    mark = 0; /* the word itself begins with the mark */
  char *room = ht_string_room(&c->out[0], n + mark);
  if (!room) return ht_fail(HT_NO_MEMORY, "no memory for word pieces");
  if (mark) memcpy(room, k->suffix.p, mark);
  memcpy(room + mark, s.p + p->from, n);
  ht_str(&c->out[0])[i] = (ht_string){room, n + mark};
  return HT_SUCCESS;
}

static ht_status pieces_out(ht_call *c, const cutter *k) {
  ht_shape all = ht_shape_1(k->n);
  HT_TRY(ht_out(c, 0, HT_STRING, &all));
  HT_TRY(ht_out(c, 1, HT_INT64, &all));
  HT_TRY(ht_out(c, 3, HT_INT64, &all));
  HT_TRY(ht_out(c, 4, HT_INT64, &all));
  for (int64_t r = 0; r < ht_count(c->in[0]); r++)
    for (int64_t i = ht_i64(&c->out[2])[r]; i < ht_i64(&c->out[2])[r + 1];
         i++) {
      ht_i64(&c->out[1])[i] = k->piece[i].id;
      ht_i64(&c->out[3])[i] = k->piece[i].from;
      ht_i64(&c->out[4])[i] = k->piece[i].to;
      HT_TRY(put_string(c, k, i, ht_str(c->in[0])[r]));
    }
  return HT_SUCCESS;
}

static ht_status cut_rows(ht_call *c, cutter *k, bool text) {
  ht_shape rows = ht_shape_1(ht_count(c->in[0]) + 1);
  HT_TRY(ht_out(c, 2, HT_INT64, &rows));
  ht_i64(&c->out[2])[0] = 0;
  for (int64_t r = 0; r + 1 < rows.dim[0]; r++) {
    ht_string s = ht_str(c->in[0])[r];
    if (text)
      HT_TRY(cut_text(k, s));
    else if (s.n)
      HT_TRY(cut_word(k, s, 0, s.n));
    ht_i64(&c->out[2])[r + 1] = k->n;
  }
  return pieces_out(c, k);
}

static ht_status wordpieces(ht_call *c) {
  flat f;
  cutter k = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(flat_from(c, 1, &f));
  HT_TRY(trie_of(c, &f, 0, &k.trie));
  k.suffix_root = number(&f, 3, 4);
  k.max_bytes = number(&f, 4, 4);
  k.suffix = text_of(&f, 5);
  k.unknown = text_of(&f, 6);
  k.unknown_id = number(&f, 7, 4);
  k.mark.p = vector(&f, 8, 4, &k.mark.n);
  k.mark.n *= 4;
  ht_status st = cut_rows(c, &k, number(&f, 10, 1));
  free(k.piece);
  return st;
}

const ht_op ht_ops_fastbert[] = {
    {.name = "FastBertNormalize",
     .inputs = "input_values:string fast_bert_normalizer_model:uint8",
     .outputs = "output_values:string output_offsets:int64 "
                "output_row_splits:int64",
     .attrs = "get_offsets:bool=false",
     .doc = "Text as BERT reads it, by a table of characters.",
     .samples = "@text_is_normalised_by_the_model",
     .forward = normalize,
     .gradient = ht_no_gradient},
    {.name = "FastWordpieceTokenizeWithOffsets",
     .inputs = "input_values:string wp_model:uint8",
     .outputs = "output_subwords:string output_ids:int64 "
                "output_row_splits:int64 start_values:int64 end_values:int64",
     .attrs = "",
     .doc = "Words or whole texts to the longest pieces of a model.",
     .samples = "@words_and_texts_are_cut_as_the_model_says",
     .forward = wordpieces,
     .gradient = ht_no_gradient},
    {0},
};
