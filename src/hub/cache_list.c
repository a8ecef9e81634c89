/* cache_list.c - what the cache keeps: listed, verified, removed. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/cache.h"
#include "hub/handle.h"
#include "hub/lock.h"

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for a path");
}

/* An entry's name begins with a SHA-1; its files go on with a dot. */
static bool is_of_entry(const char *name) {
  return strspn(name, "0123456789abcdef") == HT_SHA1_HEX &&
         (!name[HT_SHA1_HEX] || name[HT_SHA1_HEX] == '.');
}

/* "Module: HANDLE", the first line of a descriptor; "?" where there is none,
 * with the reason where it cannot be read. */
static ht_status handle_of(const ht_entry *e, ht_arena *arena,
                           const char **out) {
  static const char front[] = "Module: ";
  char *text;
  size_t n;
  *out = "?";
  if (!ht_path_exists(e->descriptor)) return HT_SUCCESS;
  ht_status st = ht_file_read(e->descriptor, 1 << 20, arena, &text, &n);
  if (st.code == HT_NO_MEMORY) return st;
  if (st.code != HT_OK) {
    *out = ht_arena_printf(arena, "? (%s)", st.msg);
    return *out ? HT_SUCCESS : no_memory();
  }
  if (strncmp(text, front, strlen(front)) != 0) return HT_SUCCESS;
  text[strcspn(text, "\n")] = 0;
  *out = text + strlen(front);
  return HT_SUCCESS;
}

static ht_status entry_at(const char *cache, const char *name, ht_arena *arena,
                          ht_entry *e) {
  *e = (ht_entry){.path = ht_path_join(arena, cache, name)};
  if (!e->path) return no_memory();
  e->descriptor = ht_arena_printf(arena, "%s.descriptor.txt", e->path);
  e->files = ht_arena_printf(arena, "%s.files.txt", e->path);
  return e->descriptor && e->files ? HT_SUCCESS : no_memory();
}

static ht_status look(const ht_entry *e, bool verify, ht_arena *arena,
                      ht_cache_entry *out) {
  struct stat st;
  ht_found found;
  *out = (ht_cache_entry){.folder = e->path};
  HT_TRY(handle_of(e, arena, &out->handle));
  HT_TRY(ht_folder_bytes(e->path, &out->bytes));
  if (stat(e->path, &st) == 0) out->seconds = time(NULL) - st.st_ctime;
  if (!verify) return HT_SUCCESS;
  HT_TRY(ht_entry_find(e, true, NULL, arena, &found));
  out->broken = found.whole || found.broken ? found.broken : "it is empty";
  return HT_SUCCESS;
}

static ht_status list_names(ht_arena *arena, char **cache, char ***name,
                            int *n) {
  *n = 0;
  HT_TRY(ht_cache_folder(arena, cache));
  if (!ht_path_exists(*cache)) return HT_SUCCESS;
  return ht_folder_list(*cache, arena, name, n);
}

ht_status ht_cache_list(bool verify, ht_arena *arena, ht_cache_entry **entry,
                        int *n) {
  char *cache, **name;
  int count;
  *n = 0;
  HT_TRY(list_names(arena, &cache, &name, &count));
  HT_NEW(*entry, arena, count + 1);
  for (int i = 0; i < count; i++) {
    ht_entry e;
    if (!is_of_entry(name[i]) || name[i][HT_SHA1_HEX]) continue;
    HT_TRY(entry_at(cache, name[i], arena, &e));
    if (ht_path_is_folder(e.path))
      HT_TRY(look(&e, verify, arena, &(*entry)[(*n)++]));
  }
  return HT_SUCCESS;
}

/* ---- removing */

static ht_status remove_path(const char *path) {
  struct stat st;
  if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
    return ht_folder_remove(path);
  if (unlink(path) != 0 && errno != ENOENT)
    return ht_fail_errno("cannot remove", path);
  return HT_SUCCESS;
}

/* Which of the names in the cache go. */
typedef struct removal {
  const char *cache, *handle;
  ht_arena *arena;
  char **name;
  int n;
  int removed, held; /* entries */
} removal;

static ht_status is_wanted(const removal *r, const ht_entry *e, bool *wanted) {
  char name[HT_SHA1_HEX + 1];
  const char *handle;
  *wanted = true;
  if (!r->handle) return HT_SUCCESS;
  HT_TRY(ht_sha1(r->handle, strlen(r->handle), name));
  if (strcmp(ht_path_base(e->path), name) == 0) return HT_SUCCESS;
  HT_TRY(handle_of(e, r->arena, &handle));
  *wanted = strcmp(handle, r->handle) == 0;
  return HT_SUCCESS;
}

/* The module first: what a removal that was killed leaves is no hit. */
static ht_status remove_entry(removal *r, const char *name) {
  ht_entry e;
  HT_TRY(entry_at(r->cache, name, r->arena, &e));
  bool wanted;
  HT_TRY(is_wanted(r, &e, &wanted));
  if (!wanted) return HT_SUCCESS;
  if (ht_lock_held(e.path)) {
    r->held++;
    return HT_SUCCESS;
  }
  r->removed++;
  for (int i = 0; i < r->n; i++) {
    if (strncmp(r->name[i], name, HT_SHA1_HEX) != 0) continue;
    char *path = ht_path_join(r->arena, r->cache, r->name[i]);
    if (!path) return no_memory();
    HT_TRY(remove_path(path));
  }
  return HT_SUCCESS;
}

ht_status ht_cache_remove(const char *handle) {
  ht_arena arena = {0};
  char *cache;
  removal r = {.handle = handle, .arena = &arena};
  ht_status st = list_names(&arena, &cache, &r.name, &r.n);
  r.cache = cache;
  for (int i = 0; i < r.n && st.code == HT_OK; i++) {
    if (!is_of_entry(r.name[i])) continue;
    /* sorted, so the first of an entry's names does for all */
    if (i && strncmp(r.name[i - 1], r.name[i], HT_SHA1_HEX) == 0) continue;
    char *entry = ht_arena_bytes(&arena, r.name[i], HT_SHA1_HEX);
    st = entry ? remove_entry(&r, entry) : no_memory();
  }
  if (st.code == HT_OK && handle && !r.removed)
    st = ht_fail(HT_IO,
                 r.held ? "'%s' is being fetched and stays"
                        : "the cache has nothing of '%s'",
                 handle);
  ht_arena_free(&arena);
  return st;
}
