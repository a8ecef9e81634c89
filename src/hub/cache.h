/*
 * cache.h - the folder in which fetched modules stay. An entry is called by
 * the SHA-1 of what it came from, as in tensorflow_hub (resolver.py, 0.15),
 * with which the folder may be shared:
 *
 *     ENTRY/                  the module
 *     ENTRY.descriptor.txt    what it is, as tensorflow_hub writes it
 *     ENTRY.files.txt         digests and sizes of its files; ours alone
 *     ENTRY.lock ENTRY.*.tmp  lock.h
 *     ENTRY.part*             a download that is not complete
 */
#ifndef HT_HUB_CACHE_H
#define HT_HUB_CACHE_H

#include "base/arena.h"
#include "base/digest.h"

typedef struct ht_entry {
  const char *key;    /* what is hashed */
  const char *source; /* what the descriptor says */
  char *path, *descriptor, *files, *part;
} ht_entry;

ht_status ht_cache_folder(ht_arena *arena, char **out) HT_MUST_CHECK;

/* The places of an entry. For a handle, key and source are the same. */
ht_status ht_entry_of(const char *key, const char *source, ht_arena *arena,
                      ht_entry *out) HT_MUST_CHECK;

/*
 * Whether an entry is there whole; else why not: NULL where there is none.
 * Looks at names and sizes; with `all` at every byte. `sha256` (NULL: any) is
 * the archive's digest, which has to be known.
 */
typedef struct ht_found {
  bool whole;
  const char *broken; /* in the arena */
} ht_found;
ht_status ht_entry_find(const ht_entry *e, bool all, const char *sha256,
                        ht_arena *arena, ht_found *out) HT_MUST_CHECK;

/* Makes `folder` the entry, in place of what may stand there. `archive` is
 * the digest of what it was unpacked from. */
ht_status ht_entry_put(const ht_entry *e, const char *folder,
                       const char *archive, ht_arena *arena) HT_MUST_CHECK;

/* Whether a folder has a saved model of some kind. */
bool ht_holds_model(const char *folder, ht_arena *arena);
/* The only folder within one that is no module: some archives hold the
 * module's folder instead of what is in it. */
ht_status ht_find_model(ht_arena *arena, char **folder) HT_MUST_CHECK;

#endif
