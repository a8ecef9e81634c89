/* option.c - reads command lines by tables of options. */
#include "cli/option.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WORD = 64, MOST_WORDS = 256 };

/* Where a command line is being read. */
typedef struct reader {
  int n, at;
  char **argv;
  const option_set *set;
  int n_sets;
  char *message;
} reader;

#define SAY(r, ...) (snprintf((r)->message, OPTION_MESSAGE, __VA_ARGS__), false)

static void *place(const option_set *set, const option *row) {
  return (char *)set->settings + row->offset;
}

static size_t smallest(size_t a, size_t b, size_t c) {
  size_t least = a < b ? a : b;
  return least < c ? least : c;
}

/* Edit distance (Levenshtein), one row of the table at a time. */
static size_t distance(const char *a, const char *b) {
  size_t row[LONGEST_WORD + 1], n = strlen(b);
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 0; a[i]; i++) {
    size_t corner = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < n; j++) {
      size_t keep = row[j + 1];
      row[j + 1] = smallest(corner + (a[i] != b[j]), row[j] + 1, keep + 1);
      corner = keep;
    }
  }
  return row[n];
}

const char *nearest_word(const char *word, const char *const *candidate,
                         int n) {
  size_t best = strlen(word) / 3 + 2;
  const char *nearest = NULL;
  for (int i = 0; i < n && strlen(word) <= LONGEST_WORD; i++) {
    if (strlen(candidate[i]) > LONGEST_WORD) continue;
    size_t d = distance(word, candidate[i]);
    if (strncmp(candidate[i], word, strlen(word)) == 0) d = 1;
    if (d < best) {
      best = d;
      nearest = candidate[i];
    }
  }
  return nearest;
}

static const char *next_part(const char *p) {
  p += strcspn(p, "-");
  return p + (*p == '-');
}

/* Whether one begins the other, as "valid" and "validation". */
static bool akin(const char *a, const char *b) {
  size_t n = strcspn(a, "-"), m = strcspn(b, "-"), least = n < m ? n : m;
  return least > 1 && strncmp(a, b, least) == 0;
}

/* The parts of an option, where all are akin to parts of the word. */
static int parts_met(const char *word, const char *name) {
  int met = 0;
  for (; *name; name = next_part(name), met++) {
    const char *p = word;
    while (*p && !akin(name, p)) p = next_part(p);
    if (!*p) return 0;
  }
  return met;
}

/* What other programs call by that word: "batch-size", "validation-split", or
 * what the help says, "learning-rate". */
static const char *synonym(const char *word, const option *const *row, int n) {
  const option *best = NULL;
  char words[LONGEST_WORD + 1];
  int most = 0;
  for (int i = 0; i < n; i++) {
    int met = 2 * parts_met(word, row[i]->name);
    if (met) met += akin(word, row[i]->name); /* its first part says more */
    if (met > most) best = row[i];
    if (met > most) most = met;
  }
  if (best || !strchr(word, '-')) return best ? best->name : NULL;
  snprintf(words, sizeof words, "%s", word);
  for (char *p = words; (p = strchr(p, '-'));) *p = ' ';
  for (int i = 0; i < n; i++)
    if (strstr(row[i]->help, words)) return row[i]->name;
  return NULL;
}

static bool unknown(reader *r, const char *name, size_t length) {
  const option *row[MOST_WORDS];
  const char *names[MOST_WORDS] = {NULL};
  char word[LONGEST_WORD + 1];
  int n = 0;
  for (int s = 0; s < r->n_sets; s++)
    for (const option *o = r->set[s].row; o && o->name && n < MOST_WORDS; o++) {
      row[n] = o;
      names[n++] = o->name;
    }
  snprintf(word, sizeof word, "%.*s", (int)length, name);
  const char *near = nearest_word(word, names, n);
  if (!near) near = synonym(word, row, n);
  if (near)
    return SAY(r, "unknown option: '--%s' (did you mean '--%s'?)", word, near);
  return SAY(r, "unknown option: '--%s' (--help shows all)", word);
}

static const option *find(const reader *r, const char *name, size_t length,
                          const option_set **set) {
  for (int s = 0; s < r->n_sets; s++)
    for (const option *o = r->set[s].row; o && o->name; o++)
      if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
        return *set = &r->set[s], o;
  return NULL;
}

static const option *find_letter(const reader *r, char letter,
                                 const option_set **set) {
  for (int s = 0; s < r->n_sets; s++)
    for (const option *o = r->set[s].row; o && o->name; o++)
      if (o->letter == letter) return *set = &r->set[s], o;
  return NULL;
}

/* Whether `text` is one of the words of "a|b|c". */
static bool is_choice(const char *choices, const char *text) {
  size_t n = strlen(text);
  for (const char *p = choices; n > 0 && p; p = strchr(p, '|')) {
    if (*p == '|') p++;
    if (strncmp(p, text, n) == 0 && (p[n] == '|' || !p[n])) return true;
  }
  return false;
}

static bool in_range(reader *r, const option *o, double x, const char *text) {
  if (!(o->low < o->high) || (x >= o->low && x <= o->high)) return true;
  if (isinf(o->high))
    return SAY(r, "option '--%s' has to be at least %g: '%s'", o->name, o->low,
               text);
  return SAY(r, "option '--%s' has to be from %g to %g: '%s'", o->name, o->low,
             o->high, text);
}

static bool store_int(reader *r, const option *o, int64_t *p,
                      const char *text) {
  char *end;
  errno = 0;
  long long v = strtoll(text, &end, 10);
  if (errno || end == text || *end)
    return SAY(r, "option '--%s' needs a whole number: '%s'", o->name, text);
  *p = v;
  return in_range(r, o, (double)v, text);
}

static bool store_real(reader *r, const option *o, double *p,
                       const char *text) {
  char *end;
  double v = strtod(text, &end);
  if (end == text || *end || !isfinite(v))
    return SAY(r, "option '--%s' needs a number: '%s'", o->name, text);
  *p = v;
  return in_range(r, o, v, text);
}

static bool store_list(reader *r, option_list *list, const char *text) {
  const char **more =
      realloc(list->value, (size_t)(list->n + 1) * sizeof *more);
  if (!more) return SAY(r, "no memory for the command line");
  list->value = more;
  list->value[list->n++] = text;
  return true;
}

static bool store(reader *r, const option_set *set, const option *o,
                  const char *text) {
  void *p = place(set, o);
  if (set->given) set->given[o - set->row] = true;
  switch (o->kind) {
    case OPTION_FLAG:
      *(bool *)p = !text || strcmp(text, "true") == 0;
      return true;
    case OPTION_CHOICE:
      if (!is_choice(o->argument, text))
        return SAY(r, "option '--%s' takes one of %s: '%s'", o->name,
                   o->argument, text);
      *(const char **)p = text;
      return true;
    case OPTION_TEXT: *(const char **)p = text; return true;
    case OPTION_INT: return store_int(r, o, p, text);
    case OPTION_REAL: return store_real(r, o, p, text);
    case OPTION_LIST: return store_list(r, p, text);
  }
  return false;
}

/* The argument after an option, which may not be missing. */
static bool next(reader *r, const option *o, const char **text) {
  if (r->at + 1 >= r->n)
    return SAY(r, "option '--%s' needs a value: %s", o->name, o->argument);
  *text = r->argv[++r->at];
  return true;
}

static bool read_long(reader *r, const char *word) {
  const char *equals = strchr(word, '=');
  size_t length = equals ? (size_t)(equals - word) : strlen(word);
  const option_set *set = NULL;
  const option *o = find(r, word, length, &set);
  if (!o) return unknown(r, word, length);
  const char *text = equals ? equals + 1 : NULL;
  if (o->kind == OPTION_FLAG && text && strcmp(text, "true") &&
      strcmp(text, "false"))
    return SAY(r, "option '--%s' takes no value: '%s'", o->name, text);
  if (o->kind != OPTION_FLAG && !text && !next(r, o, &text)) return false;
  return store(r, set, o, text);
}

static bool read_letters(reader *r, const char *letters) {
  for (; *letters; letters++) {
    const option_set *set = NULL;
    const option *o = find_letter(r, *letters, &set);
    const char *text = NULL;
    if (!o) return SAY(r, "unknown option: '-%c'", *letters);
    if (o->kind != OPTION_FLAG) {
      if (letters[1])
        text = letters + 1;
      else if (!next(r, o, &text))
        return false;
      return store(r, set, o, text);
    }
    if (!store(r, set, o, NULL)) return false;
  }
  return true;
}

int options_read(int n, char **argv, const option_set *set, int n_sets,
                 const char **operand, char message[OPTION_MESSAGE]) {
  reader r = {n, 0, argv, set, n_sets, message};
  int n_operands = 0;
  bool options = true;
  for (; r.at < n; r.at++) {
    const char *word = argv[r.at];
    bool ok = true;
    if (options && strcmp(word, "--") == 0)
      options = false;
    else if (options && strncmp(word, "--", 2) == 0)
      ok = read_long(&r, word + 2);
    else if (options && word[0] == '-' && word[1])
      ok = read_letters(&r, word + 1);
    else
      operand[n_operands++] = word;
    if (!ok) return -1;
  }
  return n_operands;
}

void options_free(const option_set *set, int n_sets) {
  for (int s = 0; s < n_sets; s++)
    for (const option *o = set[s].row; o && o->name; o++)
      if (o->kind == OPTION_LIST) {
        option_list *list = place(&set[s], o);
        free(list->value);
        *list = (option_list){0};
      }
}

const char *option_default(const option_set *set, const option *row,
                           char text[64]) {
  const void *p = place(set, row);
  switch (row->kind) {
    case OPTION_TEXT:
    case OPTION_CHOICE: return *(const char *const *)p;
    case OPTION_INT:
      if (*(const int64_t *)p == OPTION_UNSET) return NULL;
      snprintf(text, 64, "%lld", (long long)*(const int64_t *)p);
      return text;
    case OPTION_REAL:
      if (isnan(*(const double *)p)) return NULL;
      snprintf(text, 64, "%g", *(const double *)p);
      return text;
    default: return NULL;
  }
}

void option_usage(const option *row, char text[128]) {
  int n = row->letter ? snprintf(text, 128, "-%c, ", row->letter) : 0;
  n += snprintf(text + n, 128 - (size_t)n, "--%s", row->name);
  if (row->argument) snprintf(text + n, 128 - (size_t)n, " %s", row->argument);
}
