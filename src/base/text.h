/* text.h - a growing byte string with a maximum, and number parsing. */
#ifndef HT_BASE_TEXT_H
#define HT_BASE_TEXT_H

#include "base/status.h"

/*
 * A growing byte string, always with a NUL after its n bytes once something
 * was added. {.max = M} starts an empty one (max 0: 1 GiB). Freed by
 * ht_text_free. A failure to grow latches in `failed` and is reported by
 * ht_text_check, so that a writer may check once at its end.
 */
typedef struct ht_text {
  char *p;
  size_t n, capacity, max;
  bool failed;
} ht_text;

void ht_text_add(ht_text *t, const char *s);
void ht_text_bytes(ht_text *t, const void *p, size_t n);
void ht_text_printf(ht_text *t, const char *format, ...) HT_PRINTF(2, 3);
void ht_text_reset(ht_text *t);
void ht_text_free(ht_text *t);
ht_status ht_text_check(const ht_text *t) HT_MUST_CHECK;

/* Whole-string numbers; false where s is anything else or out of range. */
bool ht_parse_int(const char *s, int64_t *value);
bool ht_parse_double(const char *s, double *value);

/* Whether s (n bytes) is well-formed UTF-8; *bad = offset of the first byte
 * that is not (may be NULL). */
bool ht_utf8_valid(const char *s, size_t n, size_t *bad);

/* The candidate nearest to `word` by edit distance, NULL if none is near. */
const char *ht_nearest(const char *word, const char *const *candidates, int n);

#endif
