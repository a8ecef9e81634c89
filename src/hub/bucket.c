/* bucket.c - see bucket.h. */
#include "hub/bucket.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "format/unpack.h"
#include "hub/address.h"
#include "hub/download.h"

enum { MAX_LIST = 16 << 20 };

/* A folder on its way. */
typedef struct copying {
  const char *handle;
  char *bucket, *folder; /* with a slash at its end, or empty */
  const char *part, *to;
  const ht_fetch_options *options;
  double until;
  ht_arena *arena;
  ht_bucket_list list;
} copying;

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for the files of a bucket");
}

/* Downloads to c->part. */
static ht_status get(copying *c, const char *url, int64_t max_bytes) {
  ht_answer answer = {0};
  ht_fetch_options options = *c->options;
  options.max_bytes = max_bytes;
  return ht_download(url, NULL, c->part, &options, c->until, c->arena, &answer);
}

static ht_status page_address(const copying *c, const char *token, char **url) {
  ht_text text = {0};
  ht_text_printf(&text, "%s/storage/v1/b/", ht_address_storage(c->arena));
  ht_address_encode(&text, c->bucket, "");
  ht_text_add(&text, "/o?fields=items(name,size),nextPageToken&prefix=");
  ht_address_encode(&text, c->folder, "");
  if (token) ht_text_add(&text, "&pageToken=");
  if (token) ht_address_encode(&text, token, "");
  return ht_address_finish(&text, c->arena, url);
}

static ht_status digest_of(const copying *c, char digest[HT_SHA256_HEX + 1]) {
  ht_text text = {0};
  for (int i = 0; i < c->list.n; i++)
    ht_text_printf(&text, "%lld %s\n", (long long)c->list.object[i].size,
                   c->list.object[i].name);
  ht_status st = ht_text_check(&text);
  if (st.code == HT_OK) st = ht_file_write(c->part, text.p, text.n);
  if (st.code == HT_OK) st = ht_sha256_file(c->part, digest);
  ht_download_remove(c->part);
  ht_text_free(&text);
  return st;
}

static ht_status list_all(copying *c, char digest[HT_SHA256_HEX + 1]) {
  const char *token = NULL;
  char *url, *text;
  size_t n;
  do {
    HT_TRY(page_address(c, token, &url));
    ht_download_remove(c->part); /* a page is never gone on with */
    HT_TRY(get(c, url, MAX_LIST));
    HT_TRY(ht_file_read(c->part, MAX_LIST, c->arena, &text, &n));
    ht_download_remove(c->part);
    text[n] = 0;
    HT_TRY(ht_bucket_list_page(&c->list, text, &token));
  } while (token);
  if (c->list.n) return digest_of(c, digest);
  return ht_fail(HT_IO, "'%s' has no files that all may read", c->handle);
}

/* ---- the files */

static ht_status make_parent(const copying *c, const char *path) {
  const char *slash = strrchr(path, '/');
  char *parent = ht_arena_bytes(c->arena, path, (size_t)(slash - path));
  return parent ? ht_folder_make(parent) : no_memory();
}

static ht_status copy_object(copying *c, const ht_bucket_object *o) {
  char *url, *path = ht_path_join(c->arena, c->to, o->name);
  ht_text text = {0};
  if (!path) return no_memory();
  ht_text_printf(&text, "%s/", ht_address_storage(c->arena));
  ht_address_encode(&text, c->bucket, "");
  ht_text_add(&text, "/");
  ht_address_encode(&text, c->folder, "/");
  ht_address_encode(&text, o->name, "/");
  HT_TRY(ht_address_finish(&text, c->arena, &url));
  HT_TRY(make_parent(c, path));
  if (!o->size) return ht_file_write(path, "", 0);
  HT_TRY(get(c, url, o->size));
  struct stat st;
  if (stat(c->part, &st) != 0) return ht_fail_errno("cannot read", c->part);
  int64_t size = st.st_size;
  if (size != o->size)
    return ht_fail(HT_CORRUPT, "'%s' of '%s' has %lld bytes instead of %lld",
                   o->name, c->handle, (long long)size, (long long)o->size);
  if (rename(c->part, path) != 0) return ht_fail_errno("cannot write", path);
  ht_download_remove(c->part);
  return HT_SUCCESS;
}

static ht_status check_sizes(const copying *c) {
  int64_t left = c->options->max_bytes;
  for (int i = 0; i < c->list.n; i++) {
    if (c->list.object[i].size > left)
      return ht_fail(HT_IO, "'%s' has more bytes than the limit of %lld",
                     c->handle, (long long)c->options->max_bytes);
    left -= c->list.object[i].size;
  }
  return HT_SUCCESS;
}

/* "gs://bucket/a/b/" to "bucket" and "a/b/". */
static ht_status take_apart(copying *c) {
  const char *p = c->handle + strlen("gs://");
  size_t n = strcspn(p, "/"), m = strlen(p + n);
  while (m > 1 && p[n + m - 1] == '/') m--;
  if (!n) return ht_fail(HT_USAGE, "'%s' names no bucket", c->handle);
  c->bucket = ht_arena_bytes(c->arena, p, n);
  c->folder = m > 1 ? ht_arena_printf(c->arena, "%.*s/", (int)m - 1, p + n + 1)
                    : ht_arena_string(c->arena, "");
  return c->bucket && c->folder ? HT_SUCCESS : no_memory();
}

ht_status ht_bucket_fetch(const char *handle, const char *part, const char *to,
                          const ht_fetch_options *options, double until,
                          ht_arena *arena, char digest[HT_SHA256_HEX + 1]) {
  copying c = {.handle = handle,
               .part = part,
               .to = to,
               .options = options,
               .until = until,
               .arena = arena};
  HT_TRY(take_apart(&c));
  c.list = (ht_bucket_list){
      .handle = handle,
      .folder = c.folder,
      .most = ht_unpack_usual((uint64_t)options->max_bytes).members,
      .arena = arena};
  ht_status st = list_all(&c, digest);
  if (st.code == HT_OK) st = check_sizes(&c);
  for (int i = 0; i < c.list.n && st.code == HT_OK; i++)
    st = copy_object(&c, &c.list.object[i]);
  return st;
}
