/* clock.h - how long things take. */
#ifndef HT_BASE_CLOCK_H
#define HT_BASE_CLOCK_H

/* Seconds of a clock that never goes back (CLOCK_MONOTONIC). */
double ht_now(void);

#endif
