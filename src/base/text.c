/* text.c - see text.h. */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX = 1 << 30, NEAREST_MAX = 64 };

static bool reserve(ht_text *t, size_t more) {
  size_t max = t->max ? t->max : DEFAULT_MAX;
  if (t->failed || more > max - t->n) return !(t->failed = true);
  size_t need = t->n + more + 1;
  if (need <= t->capacity) return true;
  size_t capacity = t->capacity ? t->capacity * 2 : 64;
  if (capacity < need) capacity = need;
  char *p = realloc(t->p, capacity);
  if (!p) return !(t->failed = true);
  t->p = p;
  t->capacity = capacity;
  return true;
}

void ht_text_bytes(ht_text *t, const void *p, size_t n) {
  if (!reserve(t, n)) return;
  if (n) memcpy(t->p + t->n, p, n);
  t->n += n;
  t->p[t->n] = 0;
}

void ht_text_add(ht_text *t, const char *s) { ht_text_bytes(t, s, strlen(s)); }

void ht_text_printf(ht_text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (n < 0) t->failed = true;
  if (n < 0 || !reserve(t, (size_t)n)) return;
  va_start(args, format);
  vsnprintf(t->p + t->n, (size_t)n + 1, format, args);
  va_end(args);
  t->n += (size_t)n;
}

void ht_text_reset(ht_text *t) {
  t->n = 0;
  t->failed = false;
  if (t->p) t->p[0] = 0;
}

void ht_text_free(ht_text *t) {
  free(t->p);
  *t = (ht_text){.max = t->max};
}

ht_status ht_text_check(const ht_text *t) {
  if (t->failed)
    return ht_fail(HT_NO_MEMORY, "text grows beyond %zu bytes",
                   t->max ? t->max : (size_t)DEFAULT_MAX);
  return HT_SUCCESS;
}

bool ht_parse_int(const char *s, int64_t *value) {
  char *end;
  errno = 0;
  long long v = strtoll(s, &end, 10);
  if (end == s || *end || errno) return false;
  *value = v;
  return true;
}

bool ht_parse_double(const char *s, double *value) {
  char *end;
  errno = 0;
  double v = strtod(s, &end);
  if (end == s || *end) return false;
  *value = v;
  return true;
}

/* Length of the well-formed sequence at s, 0 if there is none (Unicode 15,
 * table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t sequence(const unsigned char *s, size_t n) {
  unsigned c = s[0], low = 0x80, high = 0xbf;
  if (c < 0x80) return 1;
  size_t need = c >= 0xc2 && c <= 0xdf   ? 2
                : c >= 0xe0 && c <= 0xef ? 3
                : c >= 0xf0 && c <= 0xf4 ? 4
                                         : 0;
  if (!need || need > n) return 0;
  if (c == 0xe0) low = 0xa0;
  if (c == 0xed) high = 0x9f;
  if (c == 0xf0) low = 0x90;
  if (c == 0xf4) high = 0x8f;
  if (s[1] < low || s[1] > high) return 0;
  for (size_t i = 2; i < need; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  return need;
}

bool ht_utf8_valid(const char *s, size_t n, size_t *bad) {
  for (size_t i = 0; i < n;) {
    size_t step = sequence((const unsigned char *)s + i, n - i);
    if (!step) {
      if (bad) *bad = i;
      return false;
    }
    i += step;
  }
  return true;
}

/* Levenshtein distance of strings shorter than NEAREST_MAX. */
static size_t distance(const char *a, const char *b) {
  size_t row[NEAREST_MAX + 1], n = strlen(b);
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 1; a[i - 1]; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t change = diagonal + (a[i - 1] != b[j - 1]);
      size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      diagonal = row[j];
      row[j] = change < gap ? change : gap;
    }
  }
  return row[n];
}

const char *ht_nearest(const char *word, const char *const *candidates, int n) {
  size_t length = strlen(word), best = length / 3 + 2;
  const char *found = NULL;
  if (length >= NEAREST_MAX) return NULL;
  for (int i = 0; i < n; i++) {
    if (!candidates[i] || strlen(candidates[i]) >= NEAREST_MAX) continue;
    size_t d = distance(word, candidates[i]);
    if (d < best) best = d, found = candidates[i];
  }
  return found;
}
