/* digest.c - see digest.h. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

static void to_hex(const unsigned char *digest, unsigned n, char *hex) {
  static const char digit[] = "0123456789abcdef";
  for (unsigned i = 0; i < n; i++) {
    *hex++ = digit[digest[i] >> 4];
    *hex++ = digit[digest[i] & 15];
  }
  *hex = 0;
}

ht_status ht_sha1(const void *p, size_t n, char hex[HT_SHA1_HEX + 1]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (!EVP_Digest(p, n, digest, &length, EVP_sha1(), NULL))
    return ht_fail(HT_NO_MEMORY, "no memory for a SHA-1");
  to_hex(digest, length, hex);
  return HT_SUCCESS;
}

static ht_status digest_stream(FILE *f, const char *path, EVP_MD_CTX *context,
                               char *hex) {
  unsigned char chunk[1 << 15], digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  bool good = EVP_DigestInit_ex(context, EVP_sha256(), NULL);
  for (size_t n; good && (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
    good = EVP_DigestUpdate(context, chunk, n);
  if (ferror(f)) return ht_fail_errno("cannot read", path);
  if (!good || !EVP_DigestFinal_ex(context, digest, &length))
    return ht_fail(HT_NO_MEMORY, "no memory for a SHA-256");
  to_hex(digest, length, hex);
  return HT_SUCCESS;
}

ht_status ht_sha256_file(const char *path, char hex[HT_SHA256_HEX + 1]) {
  FILE *f = fopen(path, "rbe");
  if (!f) return ht_fail_errno("cannot read", path);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  ht_status st = context ? digest_stream(f, path, context, hex)
                         : ht_fail(HT_NO_MEMORY, "no memory for a SHA-256");
  EVP_MD_CTX_free(context);
  fclose(f);
  return st;
}
