/*
 * check.h - what is to be known of a data set before anything is trained on
 * it: columns, classes, lengths, and what is wrong with it.
 */
#ifndef HT_DATA_CHECK_H
#define HT_DATA_CHECK_H

#include "base/text.h"
#include "data/labels.h"

enum { HT_CHECK_SHOWN = 5 }; /* examples of each kind of trouble */

typedef struct ht_check_options {
  const char *text, *label; /* columns; NULL: found by name */
  const char *test;         /* another data set, NULL: none */
  void (*notice)(void *arg, const char *text);
  void *arg;
} ht_check_options;

/* Least, middle, greatest. */
typedef struct ht_check_range {
  double low, median, high;
} ht_check_range;

typedef struct ht_check_column {
  const char *name, *type; /* "text", "integer", "number", "set", "array" */
  int64_t distinct;        /* by hash; 0: not counted */
  int64_t empty;           /* blank texts, empty sets, NaN */
  bool measured;           /* numbers: */
  ht_check_range value;
  bool texts; /* texts: */
  ht_check_range characters, words;
} ht_check_column;

typedef struct ht_check_class {
  const char *name;
  int64_t n[2]; /* examples: of the data, of the test data */
} ht_check_class;

/* Two examples that have something in common. */
typedef struct ht_check_pair {
  int set[2];         /* 0 the data, 1 the test data */
  int64_t example[2]; /* from 0 */
} ht_check_pair;

typedef struct ht_check_trouble {
  int64_t n; /* examples that are concerned */
  ht_check_pair shown[HT_CHECK_SHOWN];
  int n_shown;
} ht_check_trouble;

typedef struct ht_check {
  ht_arena arena;
  ht_dataset data[2]; /* [1]: the test data, if n_sets is 2 */
  int n_sets;
  ht_check_column *column[2];
  const ht_column *label[2]; /* NULL: there is none */
  const ht_column *text[2];  /* what examples are told apart by; NULL: all that
                                is no label */
  ht_task task;              /* AUTO: no label, or none that can be learnt */
  char *unfit;               /* why it cannot be learnt; NULL: it can */
  ht_check_class *class;
  int n_classes;
  ht_check_trouble empty, duplicate, conflict, overlap;
  char **finding; /* sentences: what to look at */
  int n_findings;
} ht_check;

/* Reads and checks; bad records are skipped, counted and told. Fails only
 * where nothing can be read. */
ht_status ht_check_data(const char *path, const ht_check_options *options,
                        ht_check *out) HT_MUST_CHECK;
void ht_check_free(ht_check *check);

/* As lines to read, or as a JSON object. */
ht_status ht_check_print(const ht_check *check, ht_text *out) HT_MUST_CHECK;
ht_status ht_check_json(const ht_check *check, ht_text *out) HT_MUST_CHECK;

/* ---- between check.c and check_report.c */

/* What an example holds in a column, cut to a line of `size` bytes. */
void ht_check_show(const ht_column *column, int64_t example, size_t size,
                   char *out);
/* The line that an example stands on, or its number from 1. */
int64_t ht_check_place(const ht_dataset *data, int64_t example);

#endif
