/* handle.h - from a module's handle to a folder, and what is kept of it. */
#ifndef HT_HUB_HANDLE_H
#define HT_HUB_HANDLE_H

#include "base/arena.h"

/* The settings that the environment gives. */
ht_fetch_options ht_fetch_from_environment(void);

/* The folder of a handle: itself, or what was downloaded and unpacked into
 * the cache, now or earlier (hubtune.h says what handles there are). A path
 * where nothing stands comes back as it is. */
ht_status ht_handle_folder(const char *handle, const ht_fetch_options *options,
                           ht_arena *arena, char **folder) HT_MUST_CHECK;

/* What the cache keeps, sorted by name of the entry. */
ht_status ht_cache_list(bool verify, ht_arena *arena, ht_cache_entry **entry,
                        int *n) HT_MUST_CHECK;
/* As ht_cache_clear. */
ht_status ht_cache_remove(const char *handle) HT_MUST_CHECK;

#endif
