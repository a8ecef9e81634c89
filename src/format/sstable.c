/* sstable.c - reading and checking tables, see sstable.h. */
#include "format/sstable.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "format/crc32c.h"
#include "format/varint.h"

enum { FOOTER = HT_SSTABLE_FOOTER, TRAILER = 5 };
enum { PLAIN = 0, SNAPPY = 1 };

typedef struct {
  const unsigned char *data;
  size_t n;
  ht_sstable_fn *fn;
  void *arg;
  ht_text key; /* of the last entry walked */
  bool any;
} table;

/* A block's content; `owned` is to be freed. */
typedef struct {
  const unsigned char *p;
  size_t n;
  char *owned;
} block;

typedef struct {
  uint64_t offset, size;
} handle;

static handle take_handle(ht_cursor *c) {
  uint64_t offset = ht_cursor_varint(c);
  return (handle){offset, ht_cursor_varint(c)};
}

bool ht_sstable_recognise(const void *data, size_t n) {
  if (n < FOOTER) return false;
  ht_cursor end = {(const unsigned char *)data + n - 8, 8, false};
  return ht_cursor_fixed64(&end) == HT_SSTABLE_MAGIC;
}

/* Snappy's longest copy is 64 bytes from 3, so more is a lie. */
static ht_status unpack(const unsigned char *p, size_t n, block *out) {
  size_t size;
  if (snappy_uncompressed_length((const char *)p, n, &size) != SNAPPY_OK ||
      size / 64 > n)
    return ht_fail(HT_CORRUPT, "a Snappy block of the table is damaged");
  out->owned = malloc(size + 1);
  if (!out->owned) return ht_fail(HT_NO_MEMORY, "no memory for a table block");
  if (snappy_uncompress((const char *)p, n, out->owned, &size) != SNAPPY_OK)
    return ht_fail(HT_CORRUPT, "a Snappy block of the table is damaged");
  out->p = (const unsigned char *)out->owned;
  out->n = size;
  return HT_SUCCESS;
}

static ht_status open_block(const table *t, handle h, block *out) {
  size_t room = t->n - FOOTER;
  *out = (block){0};
  if (h.offset > room || room - h.offset < TRAILER ||
      h.size > room - h.offset - TRAILER)
    return ht_fail(HT_CORRUPT, "a block of the table lies outside the file");
  const unsigned char *p = t->data + h.offset;
  ht_cursor end = {p + h.size, TRAILER, false};
  uint32_t crc = ht_crc32c_extend(0, p, h.size + 1);
  unsigned type = *ht_cursor_take(&end, 1);
  if (ht_crc32c_unmask(ht_cursor_fixed32(&end)) != crc)
    return ht_fail(HT_CORRUPT, "a block of the table has a wrong checksum");
  if (type == SNAPPY) return unpack(p, h.size, out);
  if (type != PLAIN)
    return ht_fail(HT_CORRUPT, "a block of the table has unknown type %u",
                   type);
  out->p = p;
  out->n = h.size;
  return HT_SUCCESS;
}

/* Cuts the restart array off: what is left are the entries. */
static ht_status block_entries(const block *b, ht_cursor *entries) {
  if (b->n < 4) return ht_fail(HT_CORRUPT, "a block of the table is too short");
  ht_cursor end = {b->p + b->n - 4, 4, false};
  uint64_t restarts = ht_cursor_fixed32(&end);
  if (restarts > (b->n - 4) / 4)
    return ht_fail(HT_CORRUPT, "a block of the table has bad restarts");
  *entries = (ht_cursor){b->p, b->n - 4 - restarts * 4, false};
  return HT_SUCCESS;
}

typedef struct {
  const unsigned char *suffix, *value;
  size_t shared, suffix_n, value_n;
} entry;

static ht_status take_entry(ht_cursor *c, size_t key_n, entry *e) {
  e->shared = ht_cursor_varint(c);
  e->suffix_n = ht_cursor_varint(c);
  e->value_n = ht_cursor_varint(c);
  e->suffix = ht_cursor_take(c, e->suffix_n);
  e->value = ht_cursor_take(c, e->value_n);
  if (c->bad || e->shared > key_n)
    return ht_fail(HT_CORRUPT, "an entry of the table is damaged");
  return HT_SUCCESS;
}

/* key = its first `shared` bytes and the suffix; it must be greater than it
 * was, which the first byte after the shared ones decides. */
static ht_status next_key(table *t, const entry *e) {
  ht_text *key = &t->key;
  size_t rest = key->n - e->shared;
  size_t common = rest < e->suffix_n ? rest : e->suffix_n;
  int order = common ? memcmp(key->p + e->shared, e->suffix, common) : 0;
  if (t->any && (order > 0 || (order == 0 && e->suffix_n <= rest)))
    return ht_fail(HT_CORRUPT, "the keys of the table do not ascend");
  t->any = true;
  key->n = e->shared;
  ht_text_bytes(key, e->suffix, e->suffix_n);
  return ht_text_check(key);
}

static ht_status walk_entries(table *t, ht_cursor *c) {
  bool first = true;
  entry e;
  while (c->left) {
    HT_TRY(take_entry(c, first ? 0 : t->key.n, &e));
    first = false;
    HT_TRY(next_key(t, &e));
    HT_TRY(t->fn(t->arg, t->key.p, t->key.n, (const char *)e.value, e.value_n));
  }
  return HT_SUCCESS;
}

static ht_status walk_block(table *t, handle h) {
  block b;
  ht_cursor entries;
  ht_status st = open_block(t, h, &b);
  if (st.code == HT_OK) st = block_entries(&b, &entries);
  if (st.code == HT_OK) st = walk_entries(t, &entries);
  free(b.owned);
  return st;
}

/* The index's keys only separate; its values are the blocks in order, which
 * must move forward so that a file cannot be walked for ever. */
static ht_status walk_index(table *t, ht_cursor *index) {
  uint64_t from = 0;
  size_t key_n = 0;
  entry e;
  while (index->left) {
    HT_TRY(take_entry(index, key_n, &e));
    key_n = e.shared + e.suffix_n;
    ht_cursor value = {e.value, e.value_n, false};
    handle h = take_handle(&value);
    if (value.bad || h.offset < from)
      return ht_fail(HT_CORRUPT, "the table's index is damaged");
    HT_TRY(walk_block(t, h));
    from = h.offset + h.size + TRAILER;
  }
  return HT_SUCCESS;
}

ht_status ht_sstable_walk(const void *data, size_t n, ht_sstable_fn *fn,
                          void *arg) {
  if (!ht_sstable_recognise(data, n))
    return ht_fail(HT_CORRUPT, "the table's end is missing");
  table t = {.data = data, .n = n, .fn = fn, .arg = arg};
  ht_cursor footer = {t.data + n - FOOTER, FOOTER - 8, false};
  ht_cursor entries;
  block meta = {0}, index = {0};
  ht_status st = open_block(&t, take_handle(&footer), &meta);
  if (st.code == HT_OK) st = open_block(&t, take_handle(&footer), &index);
  if (st.code == HT_OK && footer.bad)
    st = ht_fail(HT_CORRUPT, "the table's end is damaged");
  if (st.code == HT_OK) st = block_entries(&index, &entries);
  if (st.code == HT_OK) st = walk_index(&t, &entries);
  free(meta.owned);
  free(index.owned);
  ht_text_free(&t.key);
  return st;
}
