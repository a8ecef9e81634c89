/*
 * sstable_write.c - building tables, see sstable.h. Where blocks end and how
 * their separators are shortened follows TensorFlow's TableBuilder, so that
 * the same entries give the same bytes.
 */
#include <string.h>

#include "format/crc32c.h"
#include "format/sstable.h"
#include "format/varint.h"

enum { BLOCK = 262144, RESTART = 16, FOOTER = HT_SSTABLE_FOOTER };

static void restart(ht_sstable_block *b) {
  ht_text_fixed32(&b->restarts, (uint32_t)b->bytes.n);
  b->entries = 0;
}

static size_t shared_prefix(const ht_text *last, const char *key, size_t n) {
  size_t i = 0, most = last->n < n ? last->n : n;
  while (i < most && last->p[i] == key[i]) i++;
  return i;
}

static void set_text(ht_text *t, const void *p, size_t n) {
  ht_text_reset(t);
  ht_text_bytes(t, p, n);
}

static ht_status check_block(const ht_sstable_block *b) {
  HT_TRY(ht_text_check(&b->restarts));
  HT_TRY(ht_text_check(&b->last_key));
  return ht_text_check(&b->bytes);
}

static ht_status block_add(ht_sstable_block *b, const char *key, size_t key_n,
                           const void *value, size_t value_n) {
  size_t shared = 0;
  if (!b->restarts.n || b->entries == b->interval)
    restart(b);
  else
    shared = shared_prefix(&b->last_key, key, key_n);
  ht_text_varint(&b->bytes, shared);
  ht_text_varint(&b->bytes, key_n - shared);
  ht_text_varint(&b->bytes, value_n);
  ht_text_bytes(&b->bytes, key + shared, key_n - shared);
  ht_text_bytes(&b->bytes, value, value_n);
  set_text(&b->last_key, key, key_n);
  b->entries++;
  return check_block(b);
}

static void block_reset(ht_sstable_block *b) {
  ht_text_reset(&b->bytes);
  ht_text_reset(&b->restarts);
  ht_text_reset(&b->last_key);
  b->entries = 0;
}

static ht_status write_block(ht_sstable_writer *w, ht_sstable_block *b) {
  if (!b->restarts.n) restart(b);
  uint32_t restarts = (uint32_t)(b->restarts.n / 4);
  ht_text_bytes(&b->bytes, b->restarts.p, b->restarts.n);
  ht_text_fixed32(&b->bytes, restarts);
  w->offset = w->out.n;
  w->size = b->bytes.n;
  ht_text_bytes(&b->bytes, "", 1); /* type: not compressed */
  HT_TRY(check_block(b));
  uint32_t crc = ht_crc32c_extend(0, b->bytes.p, b->bytes.n);
  ht_text_bytes(&w->out, b->bytes.p, b->bytes.n);
  ht_text_fixed32(&w->out, ht_crc32c_mask(crc));
  block_reset(b);
  return ht_text_check(&w->out);
}

static ht_status flush(ht_sstable_writer *w) {
  if (!w->data.bytes.n) return HT_SUCCESS;
  w->pending = true;
  return write_block(w, &w->data);
}

/* The shortest key that is >= last and < next, as far as one byte does it. */
static void shorten(ht_text *last, const char *next, size_t n) {
  size_t i = shared_prefix(last, next, n);
  if (i >= last->n || i >= n) return;
  unsigned byte = (unsigned char)last->p[i];
  if (byte == 255 || byte + 1 >= (unsigned char)next[i]) return;
  last->p[i]++;
  last->n = i + 1;
}

/* The same for the last block, after which nothing comes. */
static void shorten_last(ht_text *last) {
  for (size_t i = 0; i < last->n; i++)
    if ((unsigned char)last->p[i] != 255) {
      last->p[i]++;
      last->n = i + 1;
      return;
    }
}

static void add_handle(ht_text *t, uint64_t offset, uint64_t size) {
  ht_text_varint(t, offset);
  ht_text_varint(t, size);
}

static ht_status index_pending(ht_sstable_writer *w) {
  ht_text value = {0};
  add_handle(&value, w->offset, w->size);
  ht_status st = ht_text_check(&value);
  if (st.code == HT_OK)
    st = block_add(&w->index, w->last_key.p, w->last_key.n, value.p, value.n);
  ht_text_free(&value);
  w->pending = false;
  return st;
}

void ht_sstable_start(ht_sstable_writer *w) {
  *w = (ht_sstable_writer){0};
  w->data.interval = RESTART;
  w->index.interval = 1;
  ht_text_bytes(&w->last_key, "", 0);
}

static bool ascends(const ht_text *last, const void *key, size_t n) {
  int order = memcmp(last->p, key, last->n < n ? last->n : n);
  return order < 0 || (order == 0 && last->n < n);
}

ht_status ht_sstable_add(ht_sstable_writer *w, const void *key, size_t key_n,
                         const void *value, size_t value_n) {
  HT_TRY(ht_text_check(&w->last_key));
  if (w->any && !ascends(&w->last_key, key, key_n))
    return ht_fail(HT_USAGE, "a table's keys must ascend");
  if (key_n + value_n >= 2 * BLOCK) HT_TRY(flush(w));
  if (w->pending) {
    shorten(&w->last_key, key, key_n);
    HT_TRY(index_pending(w));
  }
  w->any = true;
  set_text(&w->last_key, key, key_n);
  HT_TRY(ht_text_check(&w->last_key));
  HT_TRY(block_add(&w->data, key, key_n, value, value_n));
  if (w->data.bytes.n + w->data.restarts.n + 4 >= BLOCK) return flush(w);
  return HT_SUCCESS;
}

ht_status ht_sstable_finish(ht_sstable_writer *w) {
  ht_sstable_block meta = {.interval = RESTART};
  HT_TRY(flush(w));
  uint64_t offset = w->offset, size = w->size;
  ht_status st = write_block(w, &meta);
  ht_text_free(&meta.bytes);
  ht_text_free(&meta.restarts);
  ht_text_free(&meta.last_key);
  HT_TRY(st);
  uint64_t meta_offset = w->offset, meta_size = w->size;
  if (w->pending) {
    shorten_last(&w->last_key);
    w->offset = offset;
    w->size = size;
    HT_TRY(index_pending(w));
  }
  HT_TRY(write_block(w, &w->index));
  size_t footer = w->out.n;
  add_handle(&w->out, meta_offset, meta_size);
  add_handle(&w->out, w->offset, w->size);
  while (!w->out.failed && w->out.n < footer + FOOTER - 8)
    ht_text_bytes(&w->out, "", 1);
  ht_text_fixed64(&w->out, HT_SSTABLE_MAGIC);
  return ht_text_check(&w->out);
}

static void free_block(ht_sstable_block *b) {
  ht_text_free(&b->bytes);
  ht_text_free(&b->restarts);
  ht_text_free(&b->last_key);
}

void ht_sstable_free(ht_sstable_writer *w) {
  free_block(&w->data);
  free_block(&w->index);
  ht_text_free(&w->last_key);
  ht_text_free(&w->out);
}
