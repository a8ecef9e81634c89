/* latest.c - see latest.h. */
#include "hub/latest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { ATTEMPTS = 10, DIGITS = 10 };

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

ht_status ht_latest_begin(const char *folder, ht_arena *arena, char **path) {
  HT_TRY(ht_folder_make(folder));
  *path = ht_arena_printf(arena, "%s/export-%ld", folder, (long)getpid());
  if (!*path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  return ht_path_exists(*path) ? ht_folder_remove(*path) : HT_SUCCESS;
}

/* Renames unless something is there. */
static bool taken_by_us(const char *from, const char *to) {
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  if (ht_path_exists(to)) { /* a file system without such renames */
    errno = EEXIST;
    return false;
  }
  return rename(from, to) == 0;
}

static bool is_time(const char *name) {
  return strlen(name) == DIGITS && strspn(name, "0123456789") == DIGITS;
}

/* The names are sorted, so the oldest come first. */
static ht_status remove_old(const char *folder, int keep, ht_arena *arena) {
  char **name;
  int n, n_times = 0;
  HT_TRY(ht_folder_list(folder, arena, &name, &n));
  for (int i = 0; i < n; i++)
    if (is_time(name[i])) name[n_times++] = name[i];
  for (int i = 0; i + keep < n_times; i++) {
    char *path = ht_path_join(arena, folder, name[i]);
    if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (ht_path_is_folder(path)) HT_TRY(ht_folder_remove(path));
  }
  return HT_SUCCESS;
}

static ht_status take_time(const char *folder, const char *path,
                           ht_arena *arena, char **out) {
  for (int i = 0; i < ATTEMPTS; i++) {
    if (i) sleep(1);
    *out = ht_arena_printf(arena, "%s/%0*lld", folder, DIGITS,
                           (long long)time(NULL));
    if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (taken_by_us(path, *out)) return HT_SUCCESS;
    if (errno != EEXIST && errno != ENOTEMPTY)
      return ht_fail_errno("cannot write", *out);
  }
  return ht_fail(HT_IO, "'%s' has an export of every second of the last %d",
                 folder, ATTEMPTS);
}

ht_status ht_latest_finish(const char *folder, const char *path, int keep,
                           ht_arena *arena, char **out) {
  ht_status st = take_time(folder, path, arena, out);
  if (st.code == HT_OK) return remove_old(folder, keep, arena);
  ht_status ignored = ht_folder_remove(path);
  (void)ignored; /* the first failure is the one worth reporting */
  return st;
}
