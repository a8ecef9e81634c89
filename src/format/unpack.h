/* unpack.h - archives of modules: tar, plain or compressed, into a folder. */
#ifndef HT_FORMAT_UNPACK_H
#define HT_FORMAT_UNPACK_H

#include "base/status.h"

/* Is told how many bytes were written; false stops. */
typedef bool ht_unpack_fn(void *arg, uint64_t bytes);

typedef struct ht_unpack_limits {
  uint64_t bytes; /* of all files */
  uint64_t ratio; /* of bytes written to bytes read, beyond free_bytes */
  uint64_t free_bytes;
  int members;
  int depth; /* folders in folders */
} ht_unpack_limits;

/* For archives that hold up to max bytes. */
ht_unpack_limits ht_unpack_usual(uint64_t max);

/*
 * Unpacks plain files and folders of an archive below `folder`, which
 * exists and is empty. Archives are not trusted: a path that would leave the
 * folder or is no text, a link, a device, a file that comes twice, or more of
 * anything than the limits allow, is refused; what was written until then
 * stays. Compression (gzip, bzip2, xz) is told from the content. tell may be
 * NULL.
 */
ht_status ht_unpack(const char *archive, const char *folder,
                    const ht_unpack_limits *limits, ht_unpack_fn *tell,
                    void *arg) HT_MUST_CHECK;

#endif
