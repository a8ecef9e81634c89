/*
 * regex.h - regular expressions with RE2's syntax and linear time, and a fast
 * way for those that only name a class of characters.
 */
#ifndef HT_KERNELS_REGEX_H
#define HT_KERNELS_REGEX_H

#include "base/text.h"

typedef struct ht_regex ht_regex;

/* Compiles n bytes of pattern; fails with RE2's reason. */
ht_status ht_regex_new(const char *pattern, size_t n,
                       ht_regex **out) HT_MUST_CHECK;
void ht_regex_free(ht_regex *re); /* NULL is fine */

/* Whether the pattern matches the whole of s. */
bool ht_regex_full_match(const ht_regex *re, const char *s, size_t n);

/* The leftmost match in s: its bounds, and those of its first group, unless
 * `group` is NULL; false where nothing matches, or the group took no part. */
bool ht_regex_find(const ht_regex *re, const char *s, size_t n, size_t whole[2],
                   size_t group[2]);

/*
 * Puts s with its matches (or the first one) rewritten into `out`; false, and
 * nothing put, where nothing matches. In a rewrite \0 .. \9 stand for groups.
 */
typedef struct ht_rewrite {
  const char *p;
  size_t n;
  bool global;
} ht_rewrite;
bool ht_regex_replace(const ht_regex *re, const char *s, size_t n,
                      const ht_rewrite *rewrite, ht_text *out);

/*
 * A pattern that is one class of characters, or a run of one ("[a-z]+"):
 * which ASCII characters are in it. Text of ASCII alone is decided by the
 * table; any other goes to RE2, so results are the same.
 */
typedef struct ht_regex_class {
  bool simple; /* the pattern is such a class */
  bool run;    /* followed by '+' */
  bool member[128];
} ht_regex_class;
void ht_regex_classify(const ht_regex *re, const char *pattern, size_t n,
                       ht_regex_class *out);

#endif
