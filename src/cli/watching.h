/* watching.h - the progress of files that are read and written. */
#ifndef HT_CLI_WATCHING_H
#define HT_CLI_WATCHING_H

#include "cli/command.h"
#include "cli/progress.h"

typedef struct watching {
  progress bar;
  bool quiet, written; /* written: the bar is of that, not of reading */
} watching;

/* Shows what ht_watch_bytes tells. Until the end, a signal only asks what is
 * watched to stop. */
void watching_begin(watching *w, const invocation *c);
void watching_end(watching *w);

#endif
