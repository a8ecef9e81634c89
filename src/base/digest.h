/* digest.h - SHA-1 and SHA-256 (FIPS 180-4) as lower-case hex, from OpenSSL's
 * libcrypto. */
#ifndef HT_BASE_DIGEST_H
#define HT_BASE_DIGEST_H

#include "base/status.h"

enum { HT_SHA1_HEX = 40, HT_SHA256_HEX = 64 };

ht_status ht_sha1(const void *p, size_t n,
                  char hex[HT_SHA1_HEX + 1]) HT_MUST_CHECK;
ht_status ht_sha256_file(const char *path,
                         char hex[HT_SHA256_HEX + 1]) HT_MUST_CHECK;
/* Of a file; of a folder that of a line "digest  ./path" for each file in it,
 * as `find -L . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` has
 * it. */
ht_status ht_sha256_path(const char *path,
                         char hex[HT_SHA256_HEX + 1]) HT_MUST_CHECK;

#endif
