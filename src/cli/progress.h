/* progress.h - how far a long work is: a line redrawn on a terminal, plain
 * lines now and then elsewhere, nothing with -q. */
#ifndef HT_CLI_PROGRESS_H
#define HT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
  bool quiet, terminal, color, begun;
  double started, drawn, said; /* seconds of the monotonic clock */
  double plain;                /* seconds between plain lines */
  double mark_time;            /* where the rate is measured from */
  int64_t mark;
  double rate; /* examples a second, smoothed; 0: not known yet */
  bool dirty;  /* a line stands on the terminal */
} progress;

/* What is shown; what is not known is left out. */
typedef struct progress_state {
  const char *what;    /* "step 3/10" */
  int64_t done, total; /* of the whole work; total 0: not known */
  const char *unit;    /* of them; NULL: no rate, PROGRESS_BYTES: as a size */
  const char *loss, *best; /* "loss 0.3", "best 0.9"; NULL: none */
} progress_state;
#define PROGRESS_BYTES "B"

/* Seconds of the monotonic clock. */
double progress_now(void);

void progress_start(progress *p, bool quiet);
void progress_show(progress *p, const progress_state *s);
/* Removes the line, so that something else can be printed. */
void progress_clear(progress *p);

#endif
