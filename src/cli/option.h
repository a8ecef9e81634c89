/*
 * option.h - options as rows of a table: name, argument, help, where the
 * value goes. Parsing, --help, manual pages and shell completion all read
 * the same rows, so they cannot disagree.
 */
#ifndef HT_CLI_OPTION_H
#define HT_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum option_kind {
  OPTION_FLAG,   /* bool; "--name=false" takes it back */
  OPTION_TEXT,   /* const char * */
  OPTION_CHOICE, /* const char *, one of the words of `argument` */
  OPTION_INT,    /* int64_t */
  OPTION_REAL,   /* double */
  OPTION_LIST    /* option_list: may be repeated */
} option_kind;

typedef struct option_list {
  const char **value;
  int n;
} option_list;

/* What an unset OPTION_INT holds; an unset OPTION_REAL is NAN. */
#define OPTION_UNSET INT64_MIN

typedef struct option {
  const char *name;     /* without "--" */
  const char *argument; /* "FILE"; of a choice "a|b"; NULL for a flag */
  const char *help;     /* a sentence without its end */
  option_kind kind;
  size_t offset;    /* of the value in the settings */
  char letter;      /* "-q"; 0: none */
  double low, high; /* of numbers, checked where low < high */
} option;

/* What stands before any option was read is the default that help shows. */
typedef struct option_set {
  const option *row; /* ends with a row without a name */
  void *settings;
  bool *given; /* gets, per row, whether it was on the command line; or NULL */
} option_set;

enum { OPTION_MESSAGE = 512 };

/*
 * Reads argv[0..n): options into the settings of whichever set has the row
 * (n_sets of them), the rest into `operand` (room for n). "--" ends the
 * options, "-" is an operand. Lists point into memory that options_free
 * gives back. Returns the number of operands; -1 with `message` set.
 */
int options_read(int n, char **argv, const option_set *set, int n_sets,
                 const char **operand, char message[OPTION_MESSAGE]);
void options_free(const option_set *set, int n_sets);

/* The default of a row as help shows it; NULL where there is none. */
const char *option_default(const option_set *set, const option *row,
                           char text[64]);

/* "--name=ARGUMENT" or "-q, --quiet". */
void option_usage(const option *row, char text[128]);

/* The word nearest to a wrong one, NULL where none is near. */
const char *nearest_word(const char *word, const char *const *candidate, int n);

#endif
