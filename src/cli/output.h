/* output.h - what commands share in printing results. */
#ifndef HT_CLI_OUTPUT_H
#define HT_CLI_OUTPUT_H

#include <json-c/json.h>
#include <string.h>

#include "cli/command.h"

/* Prints the value on standard output and lets go of it. */
void json_print(json_object *value);

/* "[?, 3]", "?" where the rank is not known, "[]" of a scalar. */
const char *shape_text(int rank, const int64_t *dim, char text[160]);

/* "12.3 MB"; powers of 1000. */
const char *size_text(uint64_t bytes, char text[32]);

/* Bytes of a text that fit into `most` columns of a terminal, where a letter
 * may take two or none; *columns is what they take. */
size_t text_fit(const char *text, int most, int *columns);
/* Prints a text, filled with blanks to `width` columns. */
void put_left(const char *text, int width);

/* Columns of the terminal that standard error is; 0: it is none. */
int terminal_columns(void);
/* Prints text wrapped at blanks to lines of `width`, the first from column
 * `at`, others indented. */
void put_wrapped(FILE *out, const char *text, int at, int indent, int width);

#endif
