/* progress.h - how far a long work is: a line redrawn on a terminal, plain
 * lines now and then elsewhere, nothing with -q. */
#ifndef HT_CLI_PROGRESS_H
#define HT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
  bool quiet, terminal, color, begun;
  double started, drawn, said; /* seconds of the monotonic clock */
  double mark_time;            /* where the rate is measured from */
  int64_t mark;
  double rate; /* examples a second, smoothed; 0: not known yet */
  bool dirty;  /* a line stands on the terminal */
} progress;

/* What is shown. Fields that are not known: total 0, loss NAN. */
typedef struct progress_state {
  const char *what;    /* "epoch 3/10", "embedding" */
  int64_t done, total; /* examples of the whole work */
  double loss;
  const char *unit; /* of them; NULL: examples, "": no rate is shown */
} progress_state;

/* Seconds of the monotonic clock. */
double progress_now(void);

void progress_start(progress *p, bool quiet);
void progress_show(progress *p, const progress_state *s);
/* Removes the line, so that something else can be printed. */
void progress_clear(progress *p);

#endif
