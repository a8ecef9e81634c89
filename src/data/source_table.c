/*
 * source_table.c - .csv (RFC 4180, also with another delimiter) and .tsv
 * (IANA's text/tab-separated-values: nothing is quoted). Fields are cut and
 * unquoted in place.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"

enum { MAX_COLUMNS = 1 << 16 };

typedef struct {
  ht_reading *r;
  char *p, *end; /* *end is a NUL */
  long line;
  char delimiter;
  bool quotes;
  ht_cells *column; /* malloc */
  int n_columns, capacity;
  int64_t rows;
  bool broken; /* a row ended before its line */
  bool lost;   /* no next row can be found */
} table;

/* What ended a field. */
typedef enum { FIELD, ROW } ending;

static ht_status bad(const table *t, long line, const char *what) {
  return ht_fail(HT_CORRUPT, "'%s', line %ld: %s", t->r->path, line, what);
}

/* Steps over a delimiter or the end of a row; *at is where the field ends. */
static ending step(table *t, char *at) {
  ending e = ROW;
  if (t->p < t->end && *t->p == t->delimiter) {
    e = FIELD;
    t->p++;
  } else {
    if (t->p < t->end && *t->p == '\r') t->p++;
    if (t->p < t->end && *t->p == '\n') t->p++, t->line++;
  }
  *at = 0;
  return e;
}

static bool ends(const table *t, const char *p) {
  return p == t->end || *p == t->delimiter || *p == '\n' ||
         (*p == '\r' && (p + 1 == t->end || p[1] == '\n'));
}

static ht_status quoted(table *t, char **from, char **to) {
  long opened = t->line;
  char *out = *from = ++t->p;
  for (;; t->p++) {
    t->lost = t->p == t->end;
    if (t->lost) return bad(t, opened, "a quote is never closed");
    if (*t->p == '"' && *++t->p != '"') break;
    t->line += *t->p == '\n';
    *out++ = *t->p;
  }
  *to = out;
  t->broken = !ends(t, t->p);
  if (!t->broken) return HT_SUCCESS;
  return bad(t, t->line, "text after a closing quote");
}

static ht_status next_field(table *t, char **from, size_t *n, ending *e) {
  char *to = NULL;
  if (t->quotes && *t->p == '"') {
    HT_TRY(quoted(t, from, &to));
  } else {
    *from = t->p;
    while (!ends(t, t->p)) t->p++;
    to = t->p;
  }
  *n = (size_t)(to - *from);
  *e = step(t, to);
  return HT_SUCCESS;
}

static ht_status add_column(table *t) {
  if (t->n_columns == MAX_COLUMNS)
    return bad(t, t->line, "more columns than can be read");
  if (t->n_columns == t->capacity) {
    int more = t->capacity ? 2 * t->capacity : 16;
    ht_cells *c = realloc(t->column, (size_t)more * sizeof *c);
    if (!c) return ht_fail(HT_NO_MEMORY, "no memory for columns");
    t->column = c;
    t->capacity = more;
  }
  t->column[t->n_columns++] = (ht_cells){0};
  return HT_SUCCESS;
}

/* The first row says how many columns there are. */
static ht_status next_row(table *t) {
  long line = t->line;
  int k = 0;
  for (ending e = FIELD; e == FIELD; k++) {
    char *from = NULL;
    size_t n = 0;
    HT_TRY(next_field(t, &from, &n, &e));
    if (!t->rows && k == t->n_columns) HT_TRY(add_column(t));
    if (k < t->n_columns) HT_TRY(ht_cells_add(&t->column[k], from, n));
  }
  if (k != t->n_columns)
    return ht_fail(HT_CORRUPT, "'%s', line %ld: wants %d fields, found %d",
                   t->r->path, line, t->n_columns, k);
  return ht_reading_line(t->r, t->rows++, line);
}

/* Forgets what a bad row gave and goes to the next; the first row may not be
 * bad. */
static ht_status skip_row(table *t, ht_status st) {
  if (!t->rows || t->lost) return st;
  for (int k = 0; k < t->n_columns; k++) t->column[k].n = t->rows;
  if (t->broken) {
    while (t->p < t->end && *t->p != '\n') t->p++;
    t->line += t->p < t->end;
    t->p += t->p < t->end;
  }
  t->broken = false;
  return ht_reading_bad(t->r, st);
}

static bool blank(table *t) {
  char *p = t->p;
  if (*p == '\r') p++;
  if (p != t->end && *p != '\n') return false;
  t->p = p == t->end ? p : p + 1;
  t->line++;
  return true;
}

static ht_status read_rows(table *t) {
  while (t->p < t->end && !ht_reading_full(t->r, t->rows - 1)) {
    if (blank(t)) continue;
    ht_status st = next_row(t);
    if (st.code != HT_OK) HT_TRY(skip_row(t, st));
  }
  return HT_SUCCESS;
}

/* ---- the delimiter: that by which most of the first rows have as many fields
 * as the very first, which has several; of equal ones the usual */

static const char delimiters[] = ",;\t|";
enum { LOOK_AT_ROWS = 50 };

/* Counts a row's fields without changing it; returns where the next begins. */
static const char *count_fields(const char *p, const char *end, char delimiter,
                                int *fields) {
  bool inside = false, first = true;
  for (*fields = 1; p < end; p++) {
    if (*p == '"' && (first || inside)) inside = !inside;
    first = *p == delimiter;
    if (!inside && *p == delimiter) ++*fields;
    if (!inside && *p == '\n') return p + 1;
  }
  return end;
}

static int equal_rows(const table *t, char delimiter) {
  const char *p = t->p;
  int first, fields, equal = 0;
  p = count_fields(p, t->end, delimiter, &first);
  if (first < 2) return -1;
  for (int i = 1; i < LOOK_AT_ROWS && p < t->end; i++) {
    p = count_fields(p, t->end, delimiter, &fields);
    equal += fields == first;
  }
  return equal;
}

static void find_delimiter(table *t) {
  int most = -1;
  t->delimiter = delimiters[0];
  for (const char *d = delimiters; *d; d++) {
    int equal = equal_rows(t, *d);
    if (equal > most) most = equal, t->delimiter = *d;
  }
  if (t->delimiter != ',')
    ht_reading_tell(t->r, t->delimiter == '\t' ? "'%s' is separated by tabs"
                                               : "'%s' is separated by '%c'",
                    t->r->path, t->delimiter);
}

/* ---- names */

/* A word or a few, as names of columns are. */
static bool name_like(const ht_string *s) {
  int spaces = 0;
  if (!s->n || s->n > 40 || !(isalpha((unsigned char)s->p[0]) || *s->p == '_'))
    return false;
  for (size_t i = 0; i < s->n; i++) {
    spaces += s->p[i] == ' ';
    if (!isalnum((unsigned char)s->p[i]) && !strchr("_ .-/:()", s->p[i]))
      return false;
  }
  return spaces <= 2;
}

/* A first row of names does not come again, and stands over numbers. */
static bool like_header(const table *t) {
  bool integer, over_numbers = false;
  double v;
  for (int k = 0; k < t->n_columns; k++) {
    const ht_cells *c = &t->column[k];
    if (!name_like(&c->cell[0])) return false;
    bool numbers = c->n > 1;
    for (int64_t i = 1; i < c->n; i++) {
      if (c->cell[i].n == c->cell[0].n &&
          memcmp(c->cell[i].p, c->cell[0].p, c->cell[0].n) == 0)
        return false;
      numbers = numbers && ht_cell_number(&c->cell[i], &integer, &v);
    }
    over_numbers |= numbers;
  }
  return t->n_columns > 1 || over_numbers;
}

static bool all_wanted_named(const table *t) {
  const ht_read_options *o = t->r->options;
  int found = 0;
  for (int i = 0; o->wanted && i < o->n_wanted; i++)
    for (int k = 0; k < t->n_columns; k++)
      if (strcmp(t->column[k].cell[0].p, o->wanted[i]) == 0) {
        found++;
        break;
      }
  return o->wanted && o->n_wanted && found == o->n_wanted;
}

static bool has_header(const table *t) {
  if (t->r->options->header) return t->r->options->header > 0;
  return all_wanted_named(t) || like_header(t);
}

static ht_status add_columns(table *t) {
  if (!t->rows) return HT_SUCCESS; /* "no examples" is said later */
  bool header = has_header(t);
  t->r->out->header = header;
  if (header && t->r->out->line)
    memmove(t->r->out->line, t->r->out->line + 1,
            (size_t)(t->rows - 1) * sizeof *t->r->out->line);
  for (int k = 0; k < t->n_columns; k++) {
    char number[16];
    snprintf(number, sizeof number, "%d", k);
    const ht_string *first = &t->column[k].cell[0];
    if (header && memchr(first->p, 0, first->n))
      return bad(t, 1, "a column's name has a NUL in it");
    HT_TRY(ht_cells_guess(t->r, header ? first->p : number, &t->column[k],
                          header));
  }
  return HT_SUCCESS;
}

/* A wanted column that is not there: the failure names all there are. */
static ht_status check_names(table *t) {
  const ht_read_options *o = t->r->options;
  bool header = t->rows && has_header(t);
  for (int i = 0; t->rows && o->wanted && i < o->n_wanted; i++) {
    bool found = false;
    ht_text names = {.max = 400};
    for (int k = 0; k < t->n_columns; k++) {
      char number[16];
      snprintf(number, sizeof number, "%d", k);
      const char *name = header ? t->column[k].cell[0].p : number;
      found |= strcmp(name, o->wanted[i]) == 0;
      ht_text_printf(&names, "%s'%s'", k ? ", " : "", name);
    }
    ht_status st =
        found ? HT_SUCCESS
              : ht_fail(HT_USAGE, "'%s' has no column '%s', only %s",
                        t->r->path, o->wanted[i], names.p ? names.p : "none");
    ht_text_free(&names);
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

/* delimiter 0: to be found. */
static ht_status read_table(ht_reading *r, char delimiter, bool quotes) {
  table t = {.r = r, .p = r->text, .end = r->text + r->n, .line = 1};
  t.delimiter = delimiter;
  t.quotes = quotes;
  if (!delimiter) find_delimiter(&t);
  r->out->delimiter = t.delimiter;
  ht_status st = read_rows(&t);
  if (st.code == HT_OK) st = check_names(&t);
  if (st.code == HT_OK) st = add_columns(&t);
  for (int k = 0; k < t.n_columns; k++) ht_cells_free(&t.column[k]);
  free(t.column);
  return st;
}

ht_status ht_read_csv(ht_reading *r) { return read_table(r, 0, true); }
ht_status ht_read_tsv(ht_reading *r) { return read_table(r, '\t', false); }
