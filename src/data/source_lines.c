/*
 * source_lines.c - a line, an example: plain text, or fastText's, where each
 * word that starts with __label__ is a label.
 */
#include <stdlib.h>
#include <string.h>

#include "data/source.h"

static const char prefix[] = "__label__";
enum { PREFIX = sizeof prefix - 1 };

typedef struct {
  ht_reading *r;
  ht_cells text, label;
  ht_cells count; /* labels of a line, as n */
} lines;

static bool space(char c) { return c == ' ' || c == '\t'; }

/* Notes the labels of a line; `text` gets what is left. */
static ht_status take_labels(lines *l, const char *line, size_t n, char *text,
                             size_t *text_n, size_t *labels) {
  const char *end = line + n;
  char *to = text;
  for (const char *p = line; p < end;) {
    const char *word = p;
    while (p < end && !space(*p)) p++;
    size_t length = (size_t)(p - word);
    bool label = length > PREFIX && memcmp(word, prefix, PREFIX) == 0;
    if (label) HT_TRY(ht_cells_add(&l->label, word + PREFIX, length - PREFIX));
    *labels += label;
    while (p < end && space(*p)) p++;
    if (label) continue;
    memcpy(to, word, (size_t)(p - word));
    to += p - word;
  }
  while (to > text && space(to[-1])) to--;
  *text_n = (size_t)(to - text);
  return HT_SUCCESS;
}

static ht_status read_line(lines *l, const char *line, size_t n) {
  size_t labels = 0;
  if (strstr(line, prefix)) {
    char *text = ht_string_room(&l->r->blob, n);
    if (!text) return ht_fail(HT_NO_MEMORY, "no memory for a line");
    HT_TRY(take_labels(l, line, n, text, &n, &labels));
    line = text;
  }
  HT_TRY(ht_cells_add(&l->text, line, n));
  return ht_cells_add(&l->count, NULL, labels);
}

/* A label a line is a plain column, else a column of sets. */
static ht_status add_labels(lines *l) {
  ht_arena *arena = &l->r->out->arena;
  int64_t *splits;
  bool single = true;
  if (!l->label.n) return HT_SUCCESS;
  HT_NEW(splits, arena, l->count.n + 1);
  for (int64_t i = 0; i < l->count.n; i++) {
    splits[i + 1] = splits[i] + (int64_t)l->count.cell[i].n;
    single &= l->count.cell[i].n == 1;
  }
  return ht_cells_strings(l->r, ht_name_label(l->r), &l->label, 0,
                          single ? NULL : splits);
}

static ht_status add_all(lines *l) {
  char *line, *p = l->r->text;
  size_t line_n, n = l->r->n;
  for (long number = 1; !ht_reading_full(l->r, l->text.n) &&
                        ht_line_next(&p, &n, &line, &line_n);
       number++) {
    if (!line_n) continue;
    HT_TRY(ht_reading_line(l->r, l->text.n, number));
    HT_TRY(read_line(l, line, line_n));
  }
  if (!l->text.n) return HT_SUCCESS; /* "no examples" is said later */
  l->r->out->n = l->text.n;
  HT_TRY(ht_cells_strings(l->r, ht_name_text(l->r), &l->text, 0, NULL));
  return add_labels(l);
}

ht_status ht_read_lines(ht_reading *r) {
  lines l = {.r = r};
  ht_status st = add_all(&l);
  ht_cells_free(&l.text);
  ht_cells_free(&l.label);
  ht_cells_free(&l.count);
  return st;
}
