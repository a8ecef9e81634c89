/*
 * source_encoding.c - the encodings of text sources: UTF-8, UTF-16 (RFC 2781)
 * with its mark or without, and what spreadsheets and old programs wrote,
 * Latin-1 (ISO 8859-1) or Windows-1252. All become UTF-8, and their lines end
 * with a newline.
 */
#include <stdlib.h>
#include <string.h>

#include "data/source.h"

static ht_status no_memory(const ht_reading *r) {
  return ht_fail(HT_NO_MEMORY, "no memory for '%s'", r->path);
}

ht_status ht_text_refuse(const char *path, const char *text, size_t n) {
  size_t bad;
  long line = 1;
  if (ht_utf8_valid(text, n, &bad)) return HT_SUCCESS;
  for (size_t i = 0; i < bad; i++) line += text[i] == '\n';
  return ht_fail(HT_CORRUPT, "'%s' is not UTF-8: line %ld has the byte 0x%02x",
                 path, line, (unsigned char)text[bad]);
}

static size_t put_utf8(unsigned code, char *to) {
  if (code < 0x80) return to[0] = (char)code, 1;
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const unsigned lead[] = {0, 0xc0, 0xe0, 0xf0};
  for (int i = more; i; i--, code >>= 6) to[i] = (char)(0x80 | (code & 0x3f));
  to[0] = (char)(lead[more] | code);
  return (size_t)more + 1;
}

/* Other text in the place of the reading's. */
static void replace(ht_reading *r, char *text, size_t n) {
  free(r->text);
  text[n] = 0;
  r->text = text;
  r->n = n;
}

/* ---- UTF-16 */

static unsigned unit(const char *p, bool big) {
  const unsigned char *b = (const unsigned char *)p;
  return big ? (unsigned)b[0] << 8 | b[1] : (unsigned)b[1] << 8 | b[0];
}

static ht_status not_utf16(const ht_reading *r, const char *text, size_t n,
                           const char *what) {
  long line = 1;
  for (size_t i = 0; i < n; i++) line += text[i] == '\n';
  return ht_fail(HT_CORRUPT, "'%s' is not UTF-16: line %ld has %s", r->path,
                 line, what);
}

/* The units as UTF-8 in `to`, which has room for 3 bytes of each; a mark stays
 * a mark. */
static ht_status convert(const ht_reading *r, bool big, char *to, size_t *n) {
  *n = 0;
  for (size_t i = 0; i < r->n; i += 2) {
    if (i + 1 == r->n) return not_utf16(r, to, *n, "half a character");
    unsigned code = unit(r->text + i, big);
    if (code >= 0xd800 && code < 0xe000) {
      unsigned low = i + 3 < r->n ? unit(r->text + i + 2, big) : 0;
      if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
        return not_utf16(r, to, *n, "half of a pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      i += 2;
    }
    *n += put_utf8(code, to + *n);
  }
  return HT_SUCCESS;
}

static ht_status from_utf16(ht_reading *r, bool big) {
  size_t n;
  char *to = malloc(r->n / 2 * 3 + 1);
  if (!to) return no_memory(r);
  ht_status st = convert(r, big, to, &n);
  if (st.code == HT_OK)
    replace(r, to, n);
  else
    free(to);
  r->out->encoding = "UTF-16";
  if (st.code == HT_OK) ht_reading_tell(r, "'%s' is read as UTF-16", r->path);
  return st;
}

/* Whether the text begins as UTF-16 does: with the mark, or else with two
 * characters of ASCII. */
static bool looks_utf16(const ht_reading *r, bool big) {
  const char *t = r->text;
  if (r->n < 2) return false;
  if (unit(t, big) == 0xfeff) return true;
  return r->n >= 4 && !t[!big] && t[big] && !t[2 + !big] && t[2 + big];
}

/* ---- a byte a character */

/* Windows-1252 where it differs from Latin-1, 0x80 to 0x9f; 0: no character
 * (https://encoding.spec.whatwg.org/#index-windows-1252 has these). */
static const uint16_t windows[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
    0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

/* What the bytes above 0x7f of a text look like. */
typedef struct survey {
  size_t sequences; /* well-formed characters of UTF-8 */
  size_t single;    /* bytes that are in none */
  size_t marked;    /* of them, those that Windows-1252 adds */
  bool binary;      /* some byte is a character in neither */
} survey;

static void survey_byte(unsigned char c, survey *s) {
  s->single++;
  if (c >= 0xa0) return;
  s->marked++;
  s->binary |= !windows[c - 0x80];
}

static survey look(const char *text, size_t n) {
  survey s = {.binary = memchr(text, 0, n) != NULL};
  for (size_t i = 0, bad; i < n; i += bad + 1) {
    if (ht_utf8_valid(text + i, n - i, &bad)) bad = n - i;
    for (size_t k = i; k < i + bad; k++)
      s.sequences += ((unsigned char)text[k] & 0xc0) == 0xc0;
    if (i + bad < n) survey_byte((unsigned char)text[i + bad], &s);
  }
  return s;
}

static ht_status from_bytes(ht_reading *r, bool latin) {
  size_t n = 0, high = 0;
  for (size_t i = 0; i < r->n; i++) high += (unsigned char)r->text[i] >= 0x80;
  char *to = malloc(r->n + 2 * high + 1);
  if (!to) return no_memory(r);
  for (size_t i = 0; i < r->n; i++) {
    unsigned c = (unsigned char)r->text[i];
    n += put_utf8(c >= 0x80 && c < 0xa0 ? windows[c - 0x80] : c, to + n);
  }
  replace(r, to, n);
  r->out->encoding = latin ? "Latin-1" : "Windows-1252";
  ht_reading_tell(r, "'%s' is not UTF-8: it is read as %s", r->path,
                  r->out->encoding);
  return HT_SUCCESS;
}

/* ---- UTF-8 with damage: a bad record each line of it */

/* An empty line in its place, so that those after it keep their numbers. */
static ht_status drop_lines(ht_reading *r) {
  char *to = r->text;
  size_t n = r->n, bad;
  long number = 1;
  for (char *p = r->text; n; number++) {
    char *end = memchr(p, '\n', n);
    size_t length = end ? (size_t)(end - p) : n;
    size_t all = length + (end != NULL);
    bool good = ht_utf8_valid(p, length, &bad);
    if (!good)
      HT_TRY(ht_reading_bad(
          r, ht_fail(HT_CORRUPT,
                     "'%s' is not UTF-8: line %ld has the byte 0x%02x", r->path,
                     number, (unsigned char)p[bad])));
    size_t from = good ? 0 : length;
    memmove(to, p + from, all - from);
    to += all - from;
    p += all;
    n -= all;
  }
  r->n = (size_t)(to - r->text);
  *to = 0;
  return HT_SUCCESS;
}

ht_status ht_reading_decode(ht_reading *r) {
  r->out->encoding = "UTF-8";
  for (int big = 0; big < 2; big++)
    if (looks_utf16(r, big)) return from_utf16(r, big);
  if (ht_utf8_valid(r->text, r->n, NULL)) return HT_SUCCESS;
  survey s = look(r->text, r->n);
  if (s.single > s.sequences && !s.binary) return from_bytes(r, !s.marked);
  return drop_lines(r);
}
