/* bundle_impl.h - inside of a bundle, for bundle*.c alone. */
#ifndef HT_FORMAT_BUNDLE_IMPL_H
#define HT_FORMAT_BUNDLE_IMPL_H

#include <stdatomic.h>

#include "base/file.h"
#include "format/bundle.h"

enum { HT_BUNDLE_MAX_RANK = 254 };

typedef struct ht_bundle_shard {
  char *path;
  ht_mapping map;
  bool used; /* some entry lies in it */
} ht_bundle_shard;

/* An entry with its place; the public part comes first. */
typedef struct ht_bundle_record {
  ht_bundle_entry entry;
  int64_t shard, offset;
} ht_bundle_record;

struct ht_bundle {
  _Atomic int references;
  ht_arena arena;
  char *prefix;
  ht_bundle_record *tensor; /* in the order of keys */
  int n_tensors, tensor_capacity;
  ht_bundle_record *part; /* keys that start with a NUL, in order */
  int n_parts, part_capacity;
  ht_bundle_shard *shard;
  int n_shards;
  bool header; /* it was there */
  bool big;    /* big-endian files */
};

/* Orders keys bytewise. */
int ht_bundle_compare(const char *a, size_t a_n, const char *b, size_t b_n);

/* Elements of a shape; false where they overflow or a dim is negative. */
bool ht_bundle_elements(int rank, const int64_t *dim, int64_t *count);

/* The key of a part: the full name and its extents in TensorFlow's
 * order-preserving code (core/lib/strings/ordered_code.cc). */
void ht_bundle_part_key(ht_text *t, const ht_bundle_entry *whole,
                        const ht_bundle_slice *slice);

/* dim[d] of a slice: its length, the whole where that is -1. */
int64_t ht_bundle_extent(const ht_bundle_entry *whole,
                         const ht_bundle_slice *slice, int d);

/* Copies a slice between its place in a whole value and a dense one of its
 * own; elements of `width` bytes. */
typedef enum { HT_SLICE_IN, HT_SLICE_OUT } ht_slice_way;
void ht_bundle_slice_copy(const ht_bundle_entry *whole,
                          const ht_bundle_slice *slice, size_t width,
                          ht_slice_way way, void *whole_data, void *slice_data);

/* Parses a string tensor (to may be NULL) and verifies its checksums; what
 * is wrong, or NULL. */
const char *ht_bundle_parse_strings(const ht_bundle *b,
                                    const ht_bundle_entry *e,
                                    ht_bundle_string *to);
/* The same for variants, whose elements are serialised messages. */
const char *ht_bundle_parse_variants(const ht_bundle_entry *e);

/* The checksum of a tensor of n strings as entries hold it, masked; the
 * lengths and the checksum of them are added to `head`. */
uint32_t ht_bundle_strings_head(const ht_bundle_string *s, int64_t n,
                                ht_text *head);

#endif
