/* apart.h - work that may crash, done in a process of its own. */
#ifndef HT_BASE_APART_H
#define HT_BASE_APART_H

#include "base/status.h"

/*
 * Calls `work` in a copy of this process, whose changes nobody sees: what it
 * runs into, this process is spared. HT_CORRUPT, saying how it ended, where
 * it did not return or took more than `seconds` of processor time, and
 * HT_STOPPED where a signal told it to stop.
 */
ht_status ht_apart(void (*work)(void *arg), void *arg,
                   int64_t seconds) HT_MUST_CHECK;

#endif
