/*
 * index.h - an index from words or integers to numbers 0..n-1: open
 * addressing with keys in an array of their own, in the order they came.
 */
#ifndef HT_KERNELS_INDEX_H
#define HT_KERNELS_INDEX_H

#include "tensor/tensor.h"

/* A key: a string, or (p NULL) an integer in n. */
typedef ht_string ht_key;

typedef struct ht_index_slot {
  uint32_t tag;    /* high half of the hash */
  uint32_t number; /* of the key, plus 1; 0: free */
} ht_index_slot;

typedef struct ht_index {
  ht_key *key;
  int64_t n, capacity;
  ht_index_slot *slot;
  uint64_t n_slots; /* a power of two, 0 before the first key */
  bool strings;
} ht_index;

enum { HT_INDEX_NONE = -1 };

/* Numbers of many keys, HT_INDEX_NONE where one is unknown. */
void ht_index_find(const ht_index *index, const ht_key *key, int64_t n,
                   int64_t *number);
/* The number of the key, made if it is new (*added): its bytes are borrowed. */
ht_status ht_index_put(ht_index *index, ht_key key, int64_t *number,
                       bool *added) HT_MUST_CHECK;
/* Forgets a key: the last one takes over its number. The number it had, or
 * HT_INDEX_NONE. */
int64_t ht_index_remove(ht_index *index, ht_key key);
/*
 * Builds an empty index of n keys at once, hashed on all threads; takes over
 * `key` (malloc'ed), also on failure. *duplicate = the number of a key that
 * stood there before, -1 if none did (then the index is whole).
 */
ht_status ht_index_build(ht_index *index, ht_key *key, int64_t n,
                         int64_t *duplicate) HT_MUST_CHECK;
void ht_index_free(ht_index *index);

/*
 * The lines of a text, cut at '\n', one '\r' before it dropped, in parallel:
 * *line = malloc'ed array that points into the text.
 */
ht_status ht_lines_split(const char *text, size_t bytes, ht_string **line,
                         int64_t *n) HT_MUST_CHECK;

#endif
