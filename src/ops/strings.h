/* strings.h - what ops over strings share. */
#ifndef HT_OPS_STRINGS_H
#define HT_OPS_STRINGS_H

#include <string.h>

#include "base/text.h"
#include "ops/op.h"

static inline bool ht_string_equal(ht_string a, ht_string b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* One string made of one: *piece may be set to a part of s, or bytes are
 * added to `out` and *piece left alone. */
typedef ht_status ht_string_fn(ht_string s, void *arg, ht_text *out,
                               ht_string *piece);

/* out[0] = fn of each string of in[0]; pieces of inputs are not copied. */
ht_status ht_strings_map(ht_call *c, ht_string_fn *fn, void *arg) HT_MUST_CHECK;

/* A growing list of strings. */
typedef struct ht_pieces {
  ht_string *p;
  int64_t n, capacity;
} ht_pieces;
ht_status ht_pieces_add(ht_pieces *pieces, const char *p,
                        size_t n) HT_MUST_CHECK;
/* out[i] = the pieces as a vector, which lie in in[k] and are not copied. */
ht_status ht_pieces_out(ht_call *c, int i, int k,
                        const ht_pieces *pieces) HT_MUST_CHECK;

#endif
