/* watch.h - who is told how far a long reading or writing of a file is. */
#ifndef HT_BASE_WATCH_H
#define HT_BASE_WATCH_H

#include "base/status.h"

/*
 * Tells whom the calling thread named by ht_watch_bytes, if anyone, that
 * `done` bytes of `total` (0: not known) are "read" or "written". HT_STOPPED
 * where the answer is to stop.
 */
ht_status ht_tell_bytes(const char *what, int64_t done,
                        int64_t total) HT_MUST_CHECK;

#endif
