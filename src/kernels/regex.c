/* regex.c - telling patterns that are one class of characters, see regex.h. */
#include "kernels/regex.h"

#include <string.h>

/* The end of the class, escape or literal character that starts at p, NULL
 * where something else starts there. */
static const char *skip_set(const char *p, const char *end) {
  p++;
  if (p < end && *p == '^') p++;
  if (p < end && *p == ']') p++;
  for (; p < end && *p != ']'; p++) {
    if (*p & 0x80) return NULL;
    if (*p == '\\' && ++p < end && strchr("QExC0123456789", *p)) return NULL;
    if (*p == '[' && p + 1 < end && p[1] == ':') return NULL;
  }
  return p < end ? p + 1 : NULL;
}

static const char *skip_escape(const char *p, const char *end) {
  if (++p >= end || (*p & 0x80)) return NULL;
  if (*p == 'p' || *p == 'P') {
    if (++p >= end) return NULL;
    if (*p != '{') return p + 1;
    const char *close = memchr(p, '}', (size_t)(end - p));
    return close ? close + 1 : NULL;
  }
  bool letter = (*p | 32) >= 'a' && (*p | 32) <= 'z';
  if (letter && !strchr("dDsSwWtnrfv", *p)) return NULL;
  return *p >= '0' && *p <= '9' ? NULL : p + 1;
}

static const char *skip_item(const char *p, const char *end) {
  if (p >= end || (*p & 0x80) || strchr(".^$*+?()|{}]", *p)) return NULL;
  if (*p == '[') return skip_set(p, end);
  if (*p == '\\') return skip_escape(p, end);
  return p + 1;
}

/* class, class|class..., class+ */
static bool one_class(const char *p, const char *end, bool *run) {
  const char *q = skip_item(p, end);
  *run = q && q + 1 == end && *q == '+';
  if (*run) return true;
  while (q && q < end && *q == '|') q = skip_item(q + 1, end);
  return q == end;
}

void ht_regex_classify(const ht_regex *re, const char *pattern, size_t n,
                       ht_regex_class *out) {
  memset(out, 0, sizeof *out);
  if (!n || memchr(pattern, 0, n)) return;
  out->simple = one_class(pattern, pattern + n, &out->run);
  for (int i = 0; i < 128 && out->simple; i++) {
    char c = (char)i;
    out->member[i] = ht_regex_full_match(re, &c, 1);
  }
}
