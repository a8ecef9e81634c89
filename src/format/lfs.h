/* lfs.h - telling a Git LFS pointer from the file it stands for. */
#ifndef HT_FORMAT_LFS_H
#define HT_FORMAT_LFS_H

#include "base/status.h"

/* Fails where the n bytes of `path` are a Git LFS pointer: a checkout that
 * was made without fetching the large files. */
ht_status ht_lfs_check(const char *path, const void *data,
                       size_t n) HT_MUST_CHECK;

#endif
