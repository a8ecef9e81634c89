/* unpack.h - archives of modules: .tar and .tar.gz into a folder. */
#ifndef HT_FORMAT_UNPACK_H
#define HT_FORMAT_UNPACK_H

#include "base/status.h"

/*
 * Unpacks plain files and folders of an archive below `folder`, which
 * exists and is empty. Archives are not trusted: a path that would leave the
 * folder, a link, a device, a file that comes twice, too many files or more
 * than max bytes in all are refused; what was written until then stays.
 */
ht_status ht_unpack(const char *archive, const char *folder,
                    uint64_t max) HT_MUST_CHECK;

#endif
