/* unicode.c - see unicode.h; properties and decompositions by utf8proc. */
#include "kernels/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The range that the byte after lead byte c must lie in (Unicode Standard,
 * table 3-7), and how many bytes follow; 0: no lead byte. */
static int following(unsigned char c, unsigned char *low, unsigned char *high) {
  *low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
  *high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
  if (c >= 0xC2 && c <= 0xDF) return 1;
  if (c >= 0xE0 && c <= 0xEF) return 2;
  return c >= 0xF0 && c <= 0xF4 ? 3 : 0;
}

size_t ht_utf8_next(const char *p, size_t n, int32_t *code) {
  unsigned char c = (unsigned char)p[0], low, high;
  *code = c;
  if (c < 0x80) return 1;
  int more = following(c, &low, &high);
  int32_t value = c & (0x3F >> more);
  size_t i = 1;
  for (; i <= (size_t)more && i < n; i++) {
    unsigned char d = (unsigned char)p[i];
    if (d < low || d > high) break;
    value = value << 6 | (d & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  *code = more && i == (size_t)more + 1 ? value : -1;
  return i;
}

size_t ht_utf8_put(int32_t code, char out[4]) {
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
    return 0;
  return (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)out);
}

bool ht_ascii(const char *p, size_t n) {
  unsigned char high = 0;
  for (size_t i = 0; i < n; i++) high |= (unsigned char)p[i];
  return high < 128;
}

static void add_code(ht_text *out, int32_t code) {
  char bytes[4];
  ht_text_bytes(out, bytes, ht_utf8_put(code, bytes));
}

/* ---- case */

/* Upper cases of more than one character (Unicode, SpecialCasing.txt). */
static const struct {
  int32_t code, upper[3];
} special_upper[] = {
#include "kernels/unicode_upper.inc"
};

enum { N_SPECIAL = sizeof special_upper / sizeof *special_upper };

static int by_code(const void *a, const void *b) {
  return *(const int32_t *)a - *(const int32_t *)b;
}

void ht_utf8_upper(const char *p, size_t n, ht_text *out) {
  for (size_t i = 0; i < n;) {
    int32_t code;
    i += ht_utf8_next(p + i, n - i, &code);
    if (code < 0) code = HT_REPLACEMENT;
    const int32_t *special = code < 0xDF
                                 ? NULL
                                 : bsearch(&code, special_upper, N_SPECIAL,
                                           sizeof *special_upper, by_code);
    if (!special) add_code(out, utf8proc_toupper(code));
    for (int k = 1; special && k < 4 && special[k]; k++)
      add_code(out, special[k]);
  }
}

static bool is_cased(int32_t code) {
  utf8proc_category_t category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

static bool is_ignorable(int32_t code) {
  utf8proc_category_t category = utf8proc_category(code);
  bool mark =
      category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
      category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
      category == UTF8PROC_CATEGORY_SK;
  return mark || code == '\'' || code == '.' || code == ':' || code == 0xB7 ||
         code == 0x2019;
}

/* Whether a cased letter follows, over case-ignorable ones. */
static bool letter_follows(const char *p, size_t n) {
  for (size_t i = 0; i < n;) {
    int32_t code;
    i += ht_utf8_next(p + i, n - i, &code);
    if (code < 0) return false;
    if (!is_ignorable(code)) return is_cased(code);
  }
  return false;
}

enum { SIGMA = 0x3A3, FINAL_SIGMA = 0x3C2, DOTTED_I = 0x130, DOT = 0x307 };

void ht_utf8_lower(const char *p, size_t n, ht_text *out) {
  bool after_letter = false;
  for (size_t i = 0; i < n;) {
    int32_t code;
    i += ht_utf8_next(p + i, n - i, &code);
    if (code < 0) code = HT_REPLACEMENT;
    bool final = code == SIGMA && after_letter && !letter_follows(p + i, n - i);
    add_code(out, final              ? FINAL_SIGMA
                  : code == DOTTED_I ? 'i'
                                     : utf8proc_tolower(code));
    if (code == DOTTED_I) add_code(out, DOT);
    if (!is_ignorable(code)) after_letter = is_cased(code);
  }
}

/* ---- normal forms */

static int options_of(ht_normal_form form) {
  static const int options[] = {
      [HT_NFC] = UTF8PROC_COMPOSE,
      [HT_NFD] = UTF8PROC_DECOMPOSE,
      [HT_NFKC] = UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
      [HT_NFKD] = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
      [HT_NFKC_CASEFOLD] = UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                           UTF8PROC_CASEFOLD | UTF8PROC_IGNORE,
  };
  return options[form] | UTF8PROC_STABLE;
}

/* The text with ill-formed parts replaced. */
static void repair(const char *p, size_t n, ht_text *out) {
  for (size_t i = 0; i < n;) {
    int32_t code;
    i += ht_utf8_next(p + i, n - i, &code);
    add_code(out, code < 0 ? HT_REPLACEMENT : code);
  }
}

ht_status ht_utf8_normalize(const char *p, size_t n, ht_normal_form form,
                            ht_text *out) {
  utf8proc_uint8_t *result = NULL;
  ht_text repaired = {0};
  if (!n) return HT_SUCCESS;
  if (!ht_utf8_valid(p, n, NULL)) {
    repair(p, n, &repaired);
    p = repaired.p;
    n = repaired.n;
  }
  utf8proc_ssize_t size =
      utf8proc_map((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &result,
                   (utf8proc_option_t)options_of(form));
  if (size > 0) ht_text_bytes(out, result, (size_t)size);
  free(result);
  ht_text_free(&repaired);
  if (size >= 0) return HT_SUCCESS;
  return ht_fail(HT_NO_MEMORY, "cannot normalize text: %s",
                 utf8proc_errmsg(size));
}

/* ---- properties */

bool ht_unicode_space(int32_t c) {
  if (c < 0x1680)
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0;
  return c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool ht_unicode_punctuation(int32_t code) {
  utf8proc_category_t category = utf8proc_category(code);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

static const struct {
  int32_t first, last, script;
} script_range[] = {
#include "kernels/unicode_script.inc"
};

enum { N_SCRIPTS = sizeof script_range / sizeof *script_range };

int ht_unicode_script(int32_t code) {
  if (code < 0 || code > 0x10FFFF) return -1;
  int low = 0, high = N_SCRIPTS;
  while (low < high) {
    int middle = (low + high) / 2;
    if (script_range[middle].last < code)
      low = middle + 1;
    else
      high = middle;
  }
  bool inside = low < N_SCRIPTS && script_range[low].first <= code;
  return inside ? script_range[low].script : 103; /* Unknown, "Zzzz" */
}
