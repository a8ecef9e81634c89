/* program.h - what the program asks of the library, and nobody else. */
#ifndef HT_CLI_PROGRAM_H
#define HT_CLI_PROGRAM_H

#include "hubtune.h"

/* Does what a command line of at least one word says; returns the exit
 * status. What it printed may still stand in stdout's buffer. */
HT_API int ht_program(int argc, char **argv);

#endif
