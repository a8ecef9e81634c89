/*
 * bundle.h - TensorBundle, TensorFlow's checkpoint format of today
 * (core/util/tensor_bundle): an index (a sorted table from keys to entries)
 * beside data files that hold the bytes of tensors.
 */
#ifndef HT_FORMAT_BUNDLE_H
#define HT_FORMAT_BUNDLE_H

#include "base/arena.h"

typedef struct ht_bundle ht_bundle;
typedef struct ht_bundle_entry ht_bundle_entry;

/* A piece of a partitioned tensor. */
typedef struct ht_bundle_slice {
  const int64_t *start;  /* per dimension */
  const int64_t *length; /* per dimension; -1: all of it */
  const ht_bundle_entry *part;
} ht_bundle_slice;

/*
 * A stored tensor. `data` are its bytes in the (privately mapped) data file;
 * NULL where it has none or is partitioned.
 */
struct ht_bundle_entry {
  const char *key;
  size_t key_n; /* keys of parts hold NULs */
  int dtype;    /* TensorFlow's number, also such as ht_dtype lacks */
  int rank;
  const int64_t *dim;
  int64_t count; /* elements */
  unsigned char *data;
  size_t size;  /* bytes of data; checked against dtype and count */
  uint32_t crc; /* masked, as stored */
  const ht_bundle_slice *slice;
  int n_slices;
};

typedef struct ht_bundle_string {
  const char *p;
  size_t n;
} ht_bundle_string;

/* Bytes of an element of that dtype in a bundle; 0: not of a fixed size. */
size_t ht_bundle_width(int dtype);

/* ---- reading */

/*
 * Opens `prefix`.index and the data files it names. Every entry is checked
 * against its file: bounds, sizes, the slices of partitioned tensors.
 * Checksums of the index are verified, of tensors by ht_bundle_verify.
 */
ht_status ht_bundle_open(const char *prefix, ht_bundle **out) HT_MUST_CHECK;

/* A bundle is counted: mapped tensors keep it alive. */
void ht_bundle_share(ht_bundle *b);
void ht_bundle_close(ht_bundle *b); /* NULL is fine */

/* Verifies the checksums of all tensors, in blocks on all threads. */
ht_status ht_bundle_verify(const ht_bundle *b) HT_MUST_CHECK;

const char *ht_bundle_prefix(const ht_bundle *b);

/* The tensors in the order of their keys, without parts. */
int ht_bundle_count(const ht_bundle *b);
const ht_bundle_entry *ht_bundle_at(const ht_bundle *b, int i);

/* NULL where there is none. */
const ht_bundle_entry *ht_bundle_find(const ht_bundle *b, const char *key);

/* Whether e->data may be used as it stands: one piece, this machine's byte
 * order, of fixed width. */
bool ht_bundle_direct(const ht_bundle *b, const ht_bundle_entry *e);

/* Puts the whole value (count * width bytes, row-major, this machine's byte
 * order) together at `to`. */
ht_status ht_bundle_read(const ht_bundle *b, const ht_bundle_entry *e,
                         void *to) HT_MUST_CHECK;

/* Fills e->count strings, which point into the mapping (pieces put in their
 * places), and verifies their checksums. */
ht_status ht_bundle_strings(const ht_bundle *b, const ht_bundle_entry *e,
                            ht_bundle_string *to) HT_MUST_CHECK;

/* ---- writing */

typedef struct ht_bundle_writer ht_bundle_writer;

/*
 * Starts a bundle of one data file, in which tensors lie in the order in
 * which they come. The files are those that TensorFlow writes for the same
 * tensors, byte for byte. They are written beside their names and appear
 * with the commit. Failures free nothing: drop after any.
 */
ht_status ht_bundle_writer_open(const char *prefix,
                                ht_bundle_writer **out) HT_MUST_CHECK;

/* How many bytes will come, about; whom ht_watch_bytes named is told of it. */
void ht_bundle_writer_expect(ht_bundle_writer *w, int64_t bytes);

/* A tensor of fixed-width elements: key, dtype, rank, dim and slices of
 * `like`; `data` is the whole value, cut as the slices say. */
ht_status ht_bundle_put(ht_bundle_writer *w, const ht_bundle_entry *like,
                        const void *data) HT_MUST_CHECK;
/* A tensor of strings, of like->count of them; no slices. */
ht_status ht_bundle_put_strings(ht_bundle_writer *w,
                                const ht_bundle_entry *like,
                                const ht_bundle_string *s) HT_MUST_CHECK;
/* A tensor of another bundle as it stands in its file, pieces and all; e is
 * one of from's entries. */
ht_status ht_bundle_put_copy(ht_bundle_writer *w, const ht_bundle *from,
                             const ht_bundle_entry *e) HT_MUST_CHECK;

/* Writes the index, syncs and renames both files into place. */
ht_status ht_bundle_writer_commit(ht_bundle_writer *w) HT_MUST_CHECK;
/* Frees the writer; without a commit its files vanish. NULL is fine. */
void ht_bundle_writer_drop(ht_bundle_writer *w);

#endif
