/*
 * sstable.h - the sorted table of a bundle's index: LevelDB's file format
 * (doc/table_format.md there) without the suffix of internal keys.
 */
#ifndef HT_FORMAT_SSTABLE_H
#define HT_FORMAT_SSTABLE_H

#include "base/arena.h"
#include "base/text.h"

#define HT_SSTABLE_MAGIC UINT64_C(0xdb4775248b80fb57)
enum { HT_SSTABLE_FOOTER = 48 };

/* Called for each entry in the order of keys; key and value live until the
 * return. */
typedef ht_status ht_sstable_fn(void *arg, const char *key, size_t key_n,
                                const char *value, size_t value_n);

/* Whether n bytes end as a table does. */
bool ht_sstable_recognise(const void *data, size_t n);

/* Walks a table of n bytes. Checksums are verified, blocks may be compressed
 * with Snappy, keys must ascend. */
ht_status ht_sstable_walk(const void *data, size_t n, ht_sstable_fn *fn,
                          void *arg) HT_MUST_CHECK;

/* A block being built. */
typedef struct ht_sstable_block {
  ht_text bytes, last_key;
  ht_text restarts; /* fixed32 each */
  int entries;      /* since the last restart */
  int interval;     /* entries a restart */
} ht_sstable_block;

/* Writes a table without compression, as TensorFlow does. {0} and
 * ht_sstable_start begin; keys must ascend. */
typedef struct ht_sstable_writer {
  ht_text out;
  ht_sstable_block data, index;
  ht_text last_key;
  uint64_t offset, size; /* of the last block, whose index entry waits */
  bool pending, any;
} ht_sstable_writer;

void ht_sstable_start(ht_sstable_writer *w);
ht_status ht_sstable_add(ht_sstable_writer *w, const void *key, size_t key_n,
                         const void *value, size_t value_n) HT_MUST_CHECK;
/* Ends the table; its bytes are w->out. */
ht_status ht_sstable_finish(ht_sstable_writer *w) HT_MUST_CHECK;
void ht_sstable_free(ht_sstable_writer *w);

#endif
