/* embeddings_text.c - vectors as lines: a word, then its numbers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/embeddings_impl.h"

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* The next line, NULL at the end of the file. It ends with a NUL instead of
 * its newline and of the white space before that. */
static ht_status next_line(ht_vectors_reader *r, char **line, size_t *n) {
  char *end = memchr(r->window + r->at, '\n', r->n);
  *line = NULL;
  if (!end) {
    HT_TRY(ht_vectors_fill(r, HT_EMBEDDINGS_WINDOW));
    end = memchr(r->window + r->at, '\n', r->n);
  }
  if (!r->n) return HT_SUCCESS;
  r->number++;
  if (!end && !r->ended) return ht_vectors_wrong(r, "a line without an end");
  char *start = r->window + r->at;
  size_t length = end ? (size_t)(end - start) : r->n, all = length + (end != 0);
  r->at += all;
  r->n -= all;
  while (length && (is_blank(start[length - 1]) || start[length - 1] == '\r'))
    length--;
  if (memchr(start, 0, length))
    return ht_vectors_wrong(r, "a NUL where text should be");
  start[length] = 0;
  *line = start;
  *n = length;
  return HT_SUCCESS;
}

static int count_fields(const char *p) {
  int n = 0;
  for (p += strspn(p, " \t"); *p; p += strspn(p, " \t"), n++)
    p += strcspn(p, " \t");
  return n;
}

/*
 * A number at *p, which is moved after it: up to 15 digits and a power of ten
 * up to 22 are exact in double precision, so one division rounds as strtod
 * does (Clinger, How to read floating point numbers accurately, 1990);
 * anything else is strtod's. Doubles become floats as tensorflow_hub's
 * exporter makes them.
 */
static bool take_number(char **p, float *out) {
  static const double power[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  char *s = *p, *end;
  bool minus = *s == '-';
  int64_t digits = 0;
  int n = 0, after = 0;
  s += minus;
  for (; *s >= '0' && *s <= '9' && n < 16; s++, n++)
    digits = digits * 10 + (*s - '0');
  if (*s == '.')
    for (s++; *s >= '0' && *s <= '9' && n < 16; s++, n++, after++)
      digits = digits * 10 + (*s - '0');
  double v;
  if (n && n < 16 && (is_blank(*s) || !*s)) {
    v = (double)digits / power[after];
    if (minus) v = -v;
    end = s;
  } else {
    v = strtod(*p, &end);
    if (end == *p || (*end && !is_blank(*end))) return false;
  }
  *out = (float)v;
  *p = end;
  return isfinite(*out);
}

/* Where the last `fields` fields of a line start; NULL: it has fewer. */
static char *last_fields(char *line, size_t n, int fields) {
  char *p = line + n;
  for (int i = 0; i < fields; i++) {
    while (p > line && is_blank(p[-1])) p--;
    if (p == line) return NULL;
    while (p > line && !is_blank(p[-1])) p--;
  }
  return p;
}

static ht_status uneven(ht_vectors_reader *r, const char *line) {
  char what[80];
  snprintf(what, sizeof what, "%d numbers where %d are wanted",
           count_fields(line) - 1, r->out->dim);
  return ht_vectors_wrong(r, what);
}

/* "cat 1" is no word, but the row of a longer vector. */
static bool ends_with_number(const char *p, const char *end) {
  const char *last = end;
  while (last > p && !is_blank(last[-1])) last--;
  char *stop;
  if (last == p) return false;
  (void)strtod(last, &stop);
  return stop == end;
}

static ht_status add_line(ht_vectors_reader *r, char *line, size_t n) {
  char *vector = last_fields(line, n, r->out->dim), *p = vector, *end = vector;
  float *to;
  if (!vector || vector == line) return uneven(r, line);
  while (end > line && is_blank(end[-1])) end--;
  if (end == line) return uneven(r, line);
  HT_TRY(ht_vectors_room(r, &to));
  for (int i = 0; i < r->out->dim; i++) {
    while (is_blank(*p)) p++;
    if (!take_number(&p, &to[i])) {
      bool uneven_row = count_fields(line) != r->out->dim + 1;
      return uneven_row ? uneven(r, line) : ht_vectors_wrong(r, "not a number");
    }
  }
  while (is_blank(*line)) line++;
  if (ends_with_number(line, end)) return uneven(r, line);
  return ht_vectors_word(r, line, (size_t)(end - line));
}

ht_status ht_vectors_lines(ht_vectors_reader *r) {
  char *line;
  size_t n;
  for (;;) {
    if (ht_vectors_enough(r)) return HT_SUCCESS;
    HT_TRY(next_line(r, &line, &n));
    if (!line) return HT_SUCCESS;
    if (!n) continue;
    if (!r->out->dim) {
      int dim = count_fields(line) - 1;
      if (dim < 1 || dim > HT_EMBEDDINGS_MAX_DIM)
        return ht_vectors_wrong(r, "not a word and its vector");
      r->out->dim = dim;
    }
    HT_TRY(add_line(r, line, n));
  }
}
