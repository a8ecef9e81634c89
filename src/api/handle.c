/* handle.c - handles and the cache, told to the public. */
#include "hub/handle.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "train/features.h"

ht_fetch_options ht_fetch_defaults(void) { return ht_fetch_from_environment(); }

static ht_status fetch(const char *handle, const ht_fetch_options *options,
                       ht_arena *arena, char **out) {
  char *folder;
  ht_fetch_options usual = ht_fetch_from_environment();
  HT_TRY(ht_handle_folder(handle, options ? options : &usual, arena, &folder));
  if (!ht_path_is_folder(folder))
    return ht_fail(HT_IO, "no such folder: '%s'", folder);
  *out = realpath(folder, NULL);
  return *out ? HT_SUCCESS : ht_fail_errno("cannot read", folder);
}

ht_status ht_fetch(const char *handle, const ht_fetch_options *options,
                   char **folder) {
  ht_arena arena = {0};
  *folder = NULL;
  ht_status st = fetch(handle, options, &arena, folder);
  ht_arena_free(&arena);
  return st;
}

static ht_status each_module(bool verify, ht_cache_fn *tell, void *arg,
                             bool *more) {
  ht_arena arena = {0};
  ht_cache_entry *entry;
  int n;
  ht_status st = ht_cache_list(verify, &arena, &entry, &n);
  for (int i = 0; st.code == HT_OK && i < n && *more; i++)
    *more = tell(arg, &entry[i]);
  ht_arena_free(&arena);
  return st;
}

/* Features carry checksums that are verified when they are read. */
ht_status ht_cache_each(bool verify, ht_cache_fn *tell, void *arg) {
  bool more = true;
  HT_TRY(each_module(verify, tell, arg, &more));
  return more && !verify ? ht_features_each(tell, arg) : HT_SUCCESS;
}

ht_status ht_cache_clear(const char *handle) {
  if (!handle) HT_TRY(ht_features_clear());
  return ht_cache_remove(handle);
}
