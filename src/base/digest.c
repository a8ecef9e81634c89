/* digest.c - see digest.h. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static void to_hex(const unsigned char *digest, unsigned n, char *hex) {
  static const char digit[] = "0123456789abcdef";
  for (unsigned i = 0; i < n; i++) {
    *hex++ = digit[digest[i] >> 4];
    *hex++ = digit[digest[i] & 15];
  }
  *hex = 0;
}

static ht_status sha256(const void *p, size_t n, char *hex) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (!EVP_Digest(p, n, digest, &length, EVP_sha256(), NULL))
    return ht_fail(HT_NO_MEMORY, "no memory for a SHA-256");
  to_hex(digest, length, hex);
  return HT_SUCCESS;
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

/* ---- folders */

enum { DEEPEST = 40 }; /* links may go in circles */

typedef struct walk {
  ht_arena arena;
  char **path; /* "./a/b" */
  int n, capacity;
} walk;

static ht_status gather(walk *w, const char *folder, const char *prefix,
                        int depth) {
  char **names;
  int n;
  if (depth > DEEPEST)
    return ht_fail(HT_USAGE, "folders too deep: '%s'", folder);
  HT_TRY(ht_folder_list(folder, &w->arena, &names, &n));
  for (int i = 0; i < n; i++) {
    char *path = ht_path_join(&w->arena, folder, names[i]);
    char *short_path = ht_path_join(&w->arena, prefix, names[i]);
    if (!path || !short_path) return ht_fail(HT_NO_MEMORY, "no memory");
    if (ht_path_is_folder(path)) {
      HT_TRY(gather(w, path, short_path, depth + 1));
      continue;
    }
    HT_GROW(w->path, w->n, w->capacity, &w->arena);
    w->path[w->n++] = short_path;
  }
  return HT_SUCCESS;
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static ht_status list_digests(walk *w, const char *folder, ht_text *lines) {
  char hex[HT_SHA256_HEX + 1];
  HT_TRY(gather(w, folder, ".", 0));
  if (w->n) qsort(w->path, (size_t)w->n, sizeof *w->path, by_bytes);
  for (int i = 0; i < w->n; i++) {
    char *path = ht_path_join(&w->arena, folder, w->path[i]);
    if (!path) return ht_fail(HT_NO_MEMORY, "no memory");
    HT_TRY(ht_sha256_file(path, hex));
    ht_text_printf(lines, "%s  %s\n", hex, w->path[i]);
  }
  return ht_text_check(lines);
}

ht_status ht_sha256_path(const char *path, char hex[HT_SHA256_HEX + 1]) {
  walk w = {0};
  ht_text lines = {0};
  if (!ht_path_is_folder(path)) return ht_sha256_file(path, hex);
  ht_status st = list_digests(&w, path, &lines);
  if (st.code == HT_OK) st = sha256(lines.p ? lines.p : "", lines.n, hex);
  ht_text_free(&lines);
  ht_arena_free(&w.arena);
  return st;
}
