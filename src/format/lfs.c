/* lfs.c - see lfs.h. */
#include "format/lfs.h"

#include <string.h>

ht_status ht_lfs_check(const char *path, const void *data, size_t n) {
  static const char start[] = "version https://git-lfs.github.com/spec/";
  if (n < sizeof start - 1 || memcmp(data, start, sizeof start - 1) != 0)
    return HT_SUCCESS;
  return ht_fail(HT_CORRUPT,
                 "'%s' is a Git LFS pointer, not the file itself: fetch it "
                 "with 'git lfs pull'",
                 path);
}
