/* handle.c - handles and the cache, told to the public. */
#include "hub/handle.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static ht_status fetch(const char *handle, ht_arena *arena, char **out) {
  char *folder;
  HT_TRY(ht_handle_folder(handle, arena, &folder));
  if (!ht_path_is_folder(folder))
    return ht_fail(HT_IO, "no such folder: '%s'", folder);
  *out = realpath(folder, NULL);
  return *out ? HT_SUCCESS : ht_fail_errno("cannot read", folder);
}

ht_status ht_fetch(const char *handle, char **folder) {
  ht_arena arena = {0};
  *folder = NULL;
  ht_status st = fetch(handle, &arena, folder);
  ht_arena_free(&arena);
  return st;
}

ht_status ht_cache_each(ht_cache_fn *tell, void *arg) {
  ht_arena arena = {0};
  ht_cached *entry;
  int n;
  ht_status st = ht_cache_list(&arena, &entry, &n);
  for (int i = 0; st.code == HT_OK && i < n; i++) {
    const ht_cached *e = &entry[i];
    if (!tell(arg, e->handle, e->folder, e->bytes, e->seconds)) break;
  }
  ht_arena_free(&arena);
  return st;
}

ht_status ht_cache_empty(void) { return ht_cache_clear(); }
