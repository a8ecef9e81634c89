/* source.h - what readers of data sets share, for source_*.c and dataset.c
 * alone. */
#ifndef HT_DATA_SOURCE_H
#define HT_DATA_SOURCE_H

#include "base/file.h"
#include "data/dataset.h"

/* A data set being read. */
typedef struct ht_reading {
  const char *path;
  const ht_read_options *options;
  ht_dataset *out;
  int capacity;   /* of out->column */
  size_t max;     /* bytes that may be held */
  char *text;     /* text sources: all of it, with a NUL after it */
  size_t n;       /* bytes of text; the reader may write to them */
  ht_tensor blob; /* owns the text; string columns keep it */
  int64_t line_capacity; /* of out->line */
} ht_reading;

/* A source type: a row of the table in dataset.c. */
typedef struct ht_source {
  const char *extension; /* of the path, without .gz */
  bool text;             /* wants r->text */
  ht_status (*read)(ht_reading *r);
} ht_source;

ht_status ht_read_csv(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_tsv(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_jsonl(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_lines(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_folder(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_image(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_records(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_npz(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_npy(ht_reading *r) HT_MUST_CHECK;
ht_status ht_read_hdf5(ht_reading *r) HT_MUST_CHECK;

/* Loads r->text from the path or standard input, unpacked where it is gzip,
 * as UTF-8 without a mark. */
ht_status ht_reading_load(ht_reading *r) HT_MUST_CHECK;
/* Makes r->text (malloc) UTF-8 and notes what it was; lines that are in no
 * encoding are bad records. */
ht_status ht_reading_decode(ht_reading *r) HT_MUST_CHECK;

/* A record that cannot be used: success where it may be skipped, which is
 * said and counted; else the failure. */
ht_status ht_reading_bad(ht_reading *r, ht_status st) HT_MUST_CHECK;
/* Says a line to whoever asked to be told. */
void ht_reading_tell(const ht_reading *r, const char *format, ...)
    HT_PRINTF(2, 3);
/* Notes on which line an example (from 0, in order) stands. */
ht_status ht_reading_line(ht_reading *r, int64_t example,
                          long line) HT_MUST_CHECK;

/* Fails where n bytes of `path` are not UTF-8, naming the line. */
ht_status ht_text_refuse(const char *path, const char *text,
                         size_t n) HT_MUST_CHECK;

/* Whether that column was asked for. */
bool ht_reading_wants(const ht_reading *r, const char *name);

/* Whether `examples` are as many as may be read. */
bool ht_reading_full(const ht_reading *r, int64_t examples);

/*
 * Adds a column and takes its value over, also in failure; an unwanted one
 * is dropped. `splits` (or NULL) live in the data set's arena. Columns must
 * agree in the number of examples; a scalar is fed whole.
 */
ht_status ht_reading_add(ht_reading *r, const char *name, ht_tensor *value,
                         const int64_t *splits) HT_MUST_CHECK;

/* The names of columns where a source has none. */
const char *ht_name_text(const ht_reading *r);
const char *ht_name_image(const ht_reading *r);
const char *ht_name_label(const ht_reading *r);

/* ---- texts of a column, gathered one by one */

typedef struct ht_cells {
  ht_string *cell; /* malloc */
  int64_t n, capacity;
} ht_cells;
ht_status ht_cells_add(ht_cells *c, const char *p, size_t n) HT_MUST_CHECK;
void ht_cells_free(ht_cells *c);

/* Adds cells `from` .. n-1 as a column of strings that live in `blob`. */
ht_status ht_cells_strings(ht_reading *r, const char *name, const ht_cells *c,
                           int64_t from, const int64_t *splits) HT_MUST_CHECK;
/* The same, of the first type that all fit: int64, float, string. The cells
 * end with a NUL. */
ht_status ht_cells_guess(ht_reading *r, const char *name, const ht_cells *c,
                         int64_t from) HT_MUST_CHECK;
/* Whether a cell is written as a number. */
bool ht_cell_number(const ht_string *s, bool *integer, double *value);

/* A copy in the arena of lengths added up: splits[0] = 0, n + 1 of them. */
ht_status ht_splits_make(ht_arena *arena, const int64_t *length, int64_t n,
                         int64_t **out) HT_MUST_CHECK;

/* ---- lines of text */

/* Takes the next line off *p (*n bytes left): false at the end. The line
 * ends with a NUL instead of its newline. */
bool ht_line_next(char **p, size_t *n, char **line, size_t *line_n);

#endif
