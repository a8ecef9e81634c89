/*
 * lock.h - who may fill an entry of the cache, by the protocol of
 * tensorflow_hub (atomic_download of resolver.py, 0.15): a file ENTRY.lock
 * that holds HOST.PID.UID, a folder ENTRY.UID.tmp that grows.
 */
#ifndef HT_HUB_LOCK_H
#define HT_HUB_LOCK_H

#include "base/arena.h"

enum { HT_UID_HEX = 32 };

typedef struct ht_lock {
  char *path;   /* of the lock; NULL: not held */
  char *text;   /* what it holds */
  char *folder; /* ENTRY.UID.tmp, not made yet */
} ht_lock;

/*
 * Waits until the lock can be had. The lock of a process that is dead is
 * taken away at once, with its folder; any other one when its folder has not
 * grown for `patience` seconds. `until` as for ht_download.
 */
ht_status ht_lock_take(const char *entry, const ht_fetch_options *options,
                       double until, double patience, ht_arena *arena,
                       ht_lock *lock) HT_MUST_CHECK;

/* Gives it back, if it is still ours, and removes its folder. */
void ht_lock_give(ht_lock *lock);

/* Whether somebody alive holds the lock of an entry. */
bool ht_lock_held(const char *entry);

#endif
