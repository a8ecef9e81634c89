/* command.h - a command is one row and the file that ends in it. */
#ifndef HT_CLI_COMMAND_H
#define HT_CLI_COMMAND_H

#include <stdio.h>

#include "cli/option.h"
#include "hubtune.h"

/* What every command understands. */
typedef struct common {
  int64_t threads, max_memory;
  bool json, quiet, verbose, offline, help, version;
} common;

/* A command line that was read. */
typedef struct invocation {
  const struct command *command;
  const common *common;
  void *settings;
  const bool *given; /* per option row: it was on the command line */
  const char **operand;
  int n_operands;
} invocation;

/* What a command does: the row at the end of its file. */
typedef struct action {
  const char *text; /* paragraphs of --help, separated by empty lines */
  int min_operands, max_operands;
  const option *options;
  const void *defaults;                 /* settings before any option ... */
  void (*set_defaults)(void *settings); /* ... or made by this */
  size_t settings_size;
  int (*run)(const invocation *c); /* returns the exit status */
} action;

/* A row of commands.def. */
typedef struct command {
  const char *name, *operands, *summary;
  const action *action;
} command;

extern const command commands[]; /* ends with a row without a name */
extern const option common_options[];

enum { DONE = 0, FAILED = 1, WRONG_USE = 2, NOT_GOOD_ENOUGH = 3 };

/* Says why, in one line, and returns the exit status: 1, 3 where a model is
 * not as good as was asked for, or after a signal 130 or 143. */
int failed(ht_status st);
/* The same for a command line that makes no sense: 2. */
int wrong_use(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A remark on standard error, not with -q. */
void remark(const invocation *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Help and manual page, from the rows (help.c). */
void help_command(const command *c, FILE *out);
void manual_page(const command *c, FILE *out); /* NULL: of the program */
/* For bash, zsh or fish (complete.c); false: another shell. */
bool completion(const char *shell, FILE *out);

/* Signals (signals.c). The subject is named when a mapped file vanishes. */
void signals_install(void);
void signals_subject(const char *subject);
/* From here on SIGINT and SIGTERM only note that they came. */
void signals_note(void);
int signals_noted(void); /* 0, SIGINT or SIGTERM */
/* From here on they end the program again. */
void signals_act(void);
/* Neither interrupts what lies between: the writing of an output. */
void signals_hold(void);
void signals_release(void);

#endif
