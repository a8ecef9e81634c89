/*
 * handle.h - from a module's handle to a folder: archives are unpacked once,
 * into a cache.
 */
#ifndef HT_HUB_HANDLE_H
#define HT_HUB_HANDLE_H

#include "base/arena.h"

/* The folder of a handle. A folder is itself; a .tar.gz is unpacked into the
 * cache unless it (same place, size and time) is there already. */
ht_status ht_handle_folder(const char *handle, ht_arena *arena,
                           char **folder) HT_MUST_CHECK;

/* What the cache keeps. */
typedef struct ht_cached {
  const char *handle; /* where it came from */
  const char *folder;
  uint64_t bytes;
  int64_t seconds; /* since it was unpacked */
} ht_cached;
ht_status ht_cache_list(ht_arena *arena, ht_cached **entry,
                        int *n) HT_MUST_CHECK;
/* Removes everything in it. */
ht_status ht_cache_clear(void) HT_MUST_CHECK;

#endif
