/*
 * latest.h - a folder of exports by the time they were made: FOLDER/SECONDS,
 * ten digits, of which the newest are kept (LatestModuleExporter of
 * tensorflow_hub; TF Serving takes the highest number).
 */
#ifndef HT_HUB_LATEST_H
#define HT_HUB_LATEST_H

#include "base/arena.h"

/* Where to write an export first: beside the others, under a name that is no
 * time. */
ht_status ht_latest_begin(const char *folder, ht_arena *arena,
                          char **path) HT_MUST_CHECK;

/*
 * Renames what was written at `path` to the present second: the next one where
 * another exporter had that (ten attempts, a second apart). Then removes all
 * but the newest `keep`. *out is the new name. Where it fails `path` is gone.
 */
ht_status ht_latest_finish(const char *folder, const char *path, int keep,
                           ht_arena *arena, char **out) HT_MUST_CHECK;

#endif
