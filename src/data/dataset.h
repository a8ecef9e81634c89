/*
 * dataset.h - a data set in memory: named columns of examples, read from any
 * of the source types that dataset_source.h lists.
 */
#ifndef HT_DATA_DATASET_H
#define HT_DATA_DATASET_H

#include "tensor/tensor.h"

/*
 * A column. Axis 0 of `value` counts examples; with `splits`, example i has
 * the elements splits[i] .. splits[i+1]-1 (sets of labels). A `whole` one is
 * a scalar that is fed as it is at every step.
 */
typedef struct ht_column {
  const char *name;
  ht_tensor value;
  int64_t n;             /* examples, 0 for a whole one */
  const int64_t *splits; /* n+1 of them, or NULL */
  bool whole;
} ht_column;

typedef struct ht_dataset {
  ht_arena arena;
  const char *path; /* "-": standard input */
  ht_column *column;
  int n_columns;
  int64_t n;            /* examples, at least 1 */
  int64_t n_bad;        /* records that were skipped */
  int64_t *line;        /* of each example, where asked for and there are any */
  const char *format;   /* ".csv", "folder" ... */
  const char *encoding; /* of text sources: "UTF-8" ... */
  char delimiter;       /* of tables */
  bool header;          /* of tables: the first row was names */
} ht_dataset;

/* What to read. Zeroed is a good default. */
typedef struct ht_read_options {
  const char *format; /* ".csv", ".jsonl" ...; NULL: from the path; standard
                         input is lines of text */
  const char *const *wanted; /* columns to keep, NULL: all of them; one that */
  int n_wanted;              /* is not there is a failure that lists them */
  const char *text, *image, *label; /* names for the columns of sources that
                                       have none; default text image label */
  int header;           /* first row of .csv and .tsv is names: 1 yes, -1 no,
                           0 guess */
  int64_t max_examples; /* 0: all; reading stops there */
  size_t max_bytes;     /* of the (unpacked) source; 0: 16 GiB */
  int64_t max_bad;      /* records that may be skipped; each is told */
  bool labelled;        /* standard input has labels: its type is guessed */
  bool lines;           /* note the line of each example */
  void (*notice)(void *arg, const char *text); /* NULL: nobody is told */
  void *arg;
} ht_read_options;

/* Reads a file, a folder of class folders, or standard input ("-"). Types of
 * columns of text sources (string, int64, float) are those all values fit. */
ht_status ht_dataset_read(const char *path, const ht_read_options *options,
                          ht_dataset *out) HT_MUST_CHECK;
void ht_dataset_free(ht_dataset *data);

/* The column of that name, or a failure that names those there are. */
ht_status ht_dataset_column(const ht_dataset *data, const char *name,
                            const ht_column **out) HT_MUST_CHECK;

/* Writes standard input, labelled and as UTF-8, into a folder, under a name
 * that tells its type. */
ht_status ht_dataset_keep_input(const char *folder,
                                const ht_read_options *options, ht_arena *arena,
                                char **path) HT_MUST_CHECK;

/* The column of labels by its name ("label", "category" ...), else, of two
 * columns, that whose values come again and again; NULL: neither. */
const ht_column *ht_dataset_label(const ht_dataset *data);

/* NULL where there is none. */
const ht_column *ht_dataset_find(const ht_dataset *data, const char *name);

#endif
