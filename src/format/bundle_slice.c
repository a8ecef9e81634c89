/* bundle_slice.c - the pieces of partitioned tensors. */
#include <string.h>

#include "format/bundle_impl.h"

bool ht_bundle_elements(int rank, const int64_t *dim, int64_t *count) {
  int64_t n = 1;
  bool empty = false;
  for (int i = 0; i < rank; i++) {
    if (dim[i] < 0) return false;
    empty |= dim[i] == 0;
    if (dim[i] && __builtin_mul_overflow(n, dim[i], &n)) return false;
  }
  *count = empty ? 0 : n;
  return true;
}

/* ---- keys */

static void add_byte(ht_text *t, unsigned byte) {
  unsigned char b = (unsigned char)byte;
  ht_text_bytes(t, &b, 1);
}

/* A string: 00 and ff are escaped, 00 01 ends it. */
static void add_string(ht_text *t, const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    add_byte(t, c);
    if (c == 0) add_byte(t, 0xff);
    if (c == 0xff) add_byte(t, 0);
  }
  ht_text_bytes(t, "\0\1", 2);
}

/* A number: how many bytes, then those, high ones first. */
static void add_number(ht_text *t, uint64_t v) {
  int n = 0;
  while (n < 8 && v >> 8 * n) n++;
  add_byte(t, (unsigned)n);
  while (n--) add_byte(t, (unsigned)(v >> 8 * n & 255));
}

/*
 * A signed number of n bytes holds 7 n - 1 bits and the sign: two's
 * complement, high bytes first, with the top n bits flipped where it is
 * negative and (the sign) the n + 1st left, so that longer positive ones
 * sort higher and longer negative ones lower.
 */
static void add_signed(ht_text *t, int64_t v) {
  uint64_t magnitude = (uint64_t)(v < 0 ? ~v : v);
  int n = 1;
  while (n < 10 && magnitude >> (7 * n - 1)) n++;
  unsigned char byte[10];
  for (int i = 0; i < n; i++) {
    int shift = 8 * (n - 1 - i);
    byte[i] =
        (unsigned char)(shift < 64 ? (v >> shift) & 255 : (v < 0 ? 255 : 0));
  }
  for (int i = 0; i < n; i++) /* the header: n ones from the top */
    byte[i / 8] ^= (unsigned char)(0x80 >> i % 8);
  ht_text_bytes(t, byte, (size_t)n);
}

void ht_bundle_part_key(ht_text *t, const ht_bundle_entry *whole,
                        const ht_bundle_slice *slice) {
  add_number(t, 0);
  add_string(t, whole->key, whole->key_n);
  add_number(t, (uint64_t)whole->rank);
  for (int d = 0; d < whole->rank; d++) {
    bool all = slice->length[d] < 0;
    add_signed(t, all ? 0 : slice->start[d]);
    add_signed(t, all ? -1 : slice->length[d]);
  }
}

/* ---- values */

int64_t ht_bundle_extent(const ht_bundle_entry *whole,
                         const ht_bundle_slice *slice, int d) {
  return slice->length[d] < 0 ? whole->dim[d] : slice->length[d];
}

/* Where dimension d of a slice begins. */
static int64_t start_of(const ht_bundle_slice *slice, int d) {
  return slice->length[d] < 0 ? 0 : slice->start[d];
}

/* The dimensions after *outer are whole: one run of *run elements for each
 * index of dimensions 0 .. *outer - 1. */
static void runs(const ht_bundle_entry *whole, const ht_bundle_slice *slice,
                 int *outer, int64_t *run) {
  int d = whole->rank;
  for (*run = 1; d > 0; d--) {
    int64_t extent = ht_bundle_extent(whole, slice, d - 1);
    *run *= extent;
    if (extent != whole->dim[d - 1]) break;
  }
  *outer = d > 0 ? d - 1 : 0;
}

/* Element offset in the whole of the slice's index. */
static int64_t place(const ht_bundle_entry *whole, const ht_bundle_slice *slice,
                     const int64_t *index, int outer) {
  int64_t at = 0;
  for (int d = 0; d < whole->rank; d++)
    at = at * whole->dim[d] + start_of(slice, d) + (d < outer ? index[d] : 0);
  return at;
}

void ht_bundle_slice_copy(const ht_bundle_entry *whole,
                          const ht_bundle_slice *slice, size_t width,
                          ht_slice_way way, void *whole_data,
                          void *slice_data) {
  int64_t index[HT_BUNDLE_MAX_RANK] = {0}, run, n = 1;
  int outer;
  runs(whole, slice, &outer, &run);
  size_t bytes = (size_t)run * width;
  for (int d = 0; d < outer; d++) n *= ht_bundle_extent(whole, slice, d);
  char *small = slice_data;
  for (int64_t i = 0; i < n && bytes; i++, small += bytes) {
    char *large =
        (char *)whole_data + (size_t)place(whole, slice, index, outer) * width;
    if (way == HT_SLICE_IN)
      memcpy(large, small, bytes);
    else
      memcpy(small, large, bytes);
    for (int d = outer - 1; d >= 0; d--) {
      if (++index[d] < ht_bundle_extent(whole, slice, d)) break;
      index[d] = 0;
    }
  }
}
