/*
 * file.h - files and folders: whole reads, mappings, and outputs that appear
 * complete or not at all.
 */
#ifndef HT_BASE_FILE_H
#define HT_BASE_FILE_H

#include <stdio.h>

#include "base/arena.h"
#include "base/text.h"

/* "a/b" in the arena; b alone where it is absolute or a is "". */
char *ht_path_join(ht_arena *arena, const char *a, const char *b);
const char *ht_path_base(const char *path);      /* after the last '/' */
const char *ht_path_extension(const char *path); /* ".csv", "" if none */

bool ht_path_exists(const char *path);
bool ht_path_is_folder(const char *path);

/* The names in a folder, sorted bytewise, without "." and "..". */
ht_status ht_folder_list(const char *path, ht_arena *arena, char ***names,
                         int *n) HT_MUST_CHECK;
ht_status ht_folder_make(const char *path) HT_MUST_CHECK;   /* with parents */
ht_status ht_folder_remove(const char *path) HT_MUST_CHECK; /* recursively */
/* Keeps other processes that ask for it out of a folder until the file
 * descriptor is closed, also by dying. Fails where one is in; a file system
 * without such locks lets everybody in. */
ht_status ht_folder_hold(const char *path, int *fd) HT_MUST_CHECK;
/* How many bytes its files have, as far as they can be read; links count
 * nothing. */
ht_status ht_folder_bytes(const char *path, uint64_t *bytes) HT_MUST_CHECK;
/* Removes what outputs of this folder left when their program was killed. */
ht_status ht_folder_sweep(const char *path) HT_MUST_CHECK;

/* Copies files and folders, sparing those for which skip (may be NULL) is
 * true of the path relative to `from`; links are followed, never out of
 * `from`. */
typedef bool ht_skip_fn(const char *relative, void *arg);
ht_status ht_folder_copy(const char *from, const char *to, ht_skip_fn *skip,
                         void *arg) HT_MUST_CHECK;

/* The whole file, with a NUL after it, refused when larger than max bytes. */
ht_status ht_file_read(const char *path, size_t max, ht_arena *arena,
                       char **data, size_t *n) HT_MUST_CHECK;

/* Writes beside the target, syncs and renames. "-" is standard output, and
 * what is no regular file is written in place. */
ht_status ht_file_write(const char *path, const void *data,
                        size_t n) HT_MUST_CHECK;

/*
 * A private (copy-on-write) mapping of a file. Reading past an end that was
 * cut off under us raises SIGBUS: the program turns that into a failure.
 */
typedef struct ht_mapping {
  void *data;
  size_t n;
  int fd; /* of the file; meaningful where data is not NULL */
} ht_mapping;
ht_status ht_file_map(const char *path, ht_mapping *mapping) HT_MUST_CHECK;
void ht_file_unmap(ht_mapping *mapping);

/*
 * An output folder built beside its target: write into `path`, then commit
 * (sync, rename onto the target; an existing target is replaced if `replace`,
 * by an exchange that never leaves none) or drop.
 */
typedef struct ht_staging {
  char *path;   /* where to write */
  char *target; /* where it will stand */
  bool replace;
} ht_staging;
ht_status ht_staging_open(const char *target, bool replace,
                          ht_staging *s) HT_MUST_CHECK;
ht_status ht_staging_commit(ht_staging *s) HT_MUST_CHECK;
void ht_staging_drop(ht_staging *s); /* also after commit: does nothing */

#endif
