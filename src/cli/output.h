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

#endif
