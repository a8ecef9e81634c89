/*
 * unicode.h - code points, case, normal forms. Ill-formed UTF-8 is read as
 * the Unicode Standard advises (chapter 3.9): one replacement for each
 * maximal part of a sequence that could have begun a character.
 */
#ifndef HT_KERNELS_UNICODE_H
#define HT_KERNELS_UNICODE_H

#include "base/text.h"

enum { HT_REPLACEMENT = 0xFFFD };

/* Reads a character of n > 0 bytes; returns the bytes it takes. *code = -1
 * where they are ill-formed. */
size_t ht_utf8_next(const char *p, size_t n, int32_t *code);
/* Writes a code point; returns its bytes, 0 for surrogates and beyond. */
size_t ht_utf8_put(int32_t code, char out[4]);
bool ht_ascii(const char *p, size_t n); /* all bytes below 128 */

/* Full case mapping of the root locale, final sigma included. */
void ht_utf8_lower(const char *p, size_t n, ht_text *out);
void ht_utf8_upper(const char *p, size_t n, ht_text *out);

typedef enum ht_normal_form {
  HT_NFC,
  HT_NFD,
  HT_NFKC,
  HT_NFKD,
  HT_NFKC_CASEFOLD
} ht_normal_form;
ht_status ht_utf8_normalize(const char *p, size_t n, ht_normal_form form,
                            ht_text *out) HT_MUST_CHECK;

/* The script as ICU numbers them (UScriptCode), -1 for no code point. */
int ht_unicode_script(int32_t code);
bool ht_unicode_space(int32_t code);       /* property White_Space */
bool ht_unicode_punctuation(int32_t code); /* categories P* */

#endif
