/*
 * handle.c - see handle.h. The cache is $XDG_CACHE_HOME/hubtune (XDG Base
 * Directory Specification), with a folder per archive that holds the folder
 * `module` and the file `handle`.
 */
#include "hub/handle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "format/unpack.h"
#include "kernels/fingerprint.h"

static const uint64_t max_unpacked = (uint64_t)64 << 30;

static ht_status cache_folder(ht_arena *arena, char **out) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache && *cache == '/') /* others are to be ignored */
    *out = ht_path_join(arena, cache, "hubtune/modules");
  else if (home && *home)
    *out = ht_path_join(arena, home, ".cache/hubtune/modules");
  else
    return ht_fail(HT_USAGE, "no folder for the cache: set XDG_CACHE_HOME");
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

/* ---- one archive */

/* Its place in the cache: another file, or a changed one, has another. */
static ht_status entry_of(const char *path, const struct stat *st,
                          ht_arena *arena, char **entry) {
  char *cache;
  HT_TRY(cache_folder(arena, &cache));
  char *identity = ht_arena_printf(
      arena, "%s\n%lld\n%lld.%09ld", path, (long long)st->st_size,
      (long long)st->st_mtim.tv_sec, (long)st->st_mtim.tv_nsec);
  if (!identity) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  uint64_t mark = ht_fingerprint64(identity, strlen(identity));
  *entry = ht_arena_printf(arena, "%s/%016" PRIx64, cache, mark);
  return *entry ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

static ht_status fill(const char *path, const char *staged, ht_arena *arena) {
  char *module = ht_path_join(arena, staged, "module");
  char *note = ht_path_join(arena, staged, "handle");
  if (!module || !note) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_folder_make(module));
  HT_TRY(ht_unpack(path, module, max_unpacked));
  return ht_file_write(note, path, strlen(path));
}

static ht_status unpack(const char *path, const char *entry, ht_arena *arena) {
  ht_staging s;
  HT_TRY(ht_staging_open(entry, false, &s));
  ht_status st = fill(path, s.path, arena);
  if (st.code == HT_OK) st = ht_staging_commit(&s);
  ht_staging_drop(&s);
  /* another process may have been faster */
  return st.code != HT_OK && ht_path_is_folder(entry) ? HT_SUCCESS : st;
}

static bool holds_model(ht_arena *arena, const char *folder) {
  static const char *const file[] = {"saved_model.pb", "saved_model.pbtxt",
                                     "saved_model.cpb"};
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    char *path = ht_path_join(arena, folder, file[i]);
    if (path && ht_path_exists(path)) return true;
  }
  return false;
}

/* Some archives hold the module's folder instead of what is in it. */
static ht_status find_model(ht_arena *arena, char **folder) {
  char **name;
  int n;
  HT_TRY(ht_folder_list(*folder, arena, &name, &n));
  if (n != 1 || holds_model(arena, *folder)) return HT_SUCCESS;
  char *inner = ht_path_join(arena, *folder, name[0]);
  if (!inner) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (ht_path_is_folder(inner)) *folder = inner;
  return HT_SUCCESS;
}

static ht_status from_archive(const char *handle, const struct stat *st,
                              ht_arena *arena, char **folder) {
  char *entry, *real = realpath(handle, NULL);
  char *path = ht_arena_string(arena, real ? real : handle);
  free(real);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(entry_of(path, st, arena, &entry));
  if (!ht_path_is_folder(entry)) HT_TRY(unpack(path, entry, arena));
  *folder = ht_path_join(arena, entry, "module");
  if (!*folder) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  return find_model(arena, folder);
}

static bool is_address(const char *handle) {
  static const char *const scheme[] = {"https://", "http://", "gs://"};
  for (size_t i = 0; i < sizeof scheme / sizeof *scheme; i++)
    if (strncmp(handle, scheme[i], strlen(scheme[i])) == 0) return true;
  return false;
}

ht_status ht_handle_folder(const char *handle, ht_arena *arena, char **folder) {
  struct stat st;
  if (is_address(handle))
    return ht_fail(HT_UNSUPPORTED,
                   "modules are not downloaded: '%s' (fetch the archive and "
                   "name the file)",
                   handle);
  if (stat(handle, &st) == 0 && S_ISREG(st.st_mode))
    return from_archive(handle, &st, arena, folder);
  *folder = ht_arena_string(arena, handle);
  return *folder ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

/* ---- what is kept */

static ht_status measure(const char *path, ht_arena *arena, uint64_t *bytes) {
  struct stat st;
  char **name;
  int n;
  if (lstat(path, &st) != 0) return ht_fail_errno("cannot read", path);
  *bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
  if (!S_ISDIR(st.st_mode)) return HT_SUCCESS;
  HT_TRY(ht_folder_list(path, arena, &name, &n));
  for (int i = 0; i < n; i++) {
    char *inner = ht_path_join(arena, path, name[i]);
    if (!inner) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    HT_TRY(measure(inner, arena, bytes));
  }
  return HT_SUCCESS;
}

static ht_status describe(const char *entry, ht_arena *arena, ht_cached *out) {
  struct stat st;
  char *handle, *note = ht_path_join(arena, entry, "handle");
  size_t n;
  *out = (ht_cached){.folder = ht_path_join(arena, entry, "module")};
  if (!note || !out->folder)
    return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_file_read(note, 1 << 16, arena, &handle, &n));
  out->handle = handle;
  if (stat(note, &st) == 0) out->seconds = time(NULL) - st.st_mtime;
  return measure(out->folder, arena, &out->bytes);
}

ht_status ht_cache_list(ht_arena *arena, ht_cached **entry, int *n) {
  char *cache, **name;
  int count;
  *n = 0;
  *entry = NULL;
  HT_TRY(cache_folder(arena, &cache));
  if (!ht_path_exists(cache)) return HT_SUCCESS;
  HT_TRY(ht_folder_list(cache, arena, &name, &count));
  HT_NEW(*entry, arena, count + 1);
  for (int i = 0; i < count; i++) {
    char *path = ht_path_join(arena, cache, name[i]);
    if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (strlen(name[i]) == 16) HT_TRY(describe(path, arena, &(*entry)[(*n)++]));
  }
  return HT_SUCCESS;
}

ht_status ht_cache_clear(void) {
  ht_arena arena = {0};
  char *cache;
  ht_status st = cache_folder(&arena, &cache);
  if (st.code == HT_OK && ht_path_exists(cache)) st = ht_folder_remove(cache);
  ht_arena_free(&arena);
  return st;
}
