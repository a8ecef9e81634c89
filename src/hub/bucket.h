/* bucket.h - modules that lie as files in a public bucket of Google Cloud
 * Storage, "gs://bucket/folder", which tensorflow_hub leaves to TensorFlow's
 * file system. */
#ifndef HT_HUB_BUCKET_H
#define HT_HUB_BUCKET_H

#include "base/arena.h"
#include "base/digest.h"

typedef struct ht_bucket_object {
  const char *name; /* a path within the folder */
  int64_t size;     /* bytes */
} ht_bucket_object;

/* What the pages read so far list, in the order of the server. */
typedef struct ht_bucket_list {
  const char *handle; /* for messages */
  const char *folder; /* with a slash at its end, or empty */
  int most;           /* files, and pages */
  ht_arena *arena;
  ht_bucket_object *object;
  int n, capacity, pages;
} ht_bucket_list;

/* Adds one page, the answer of objects.list as JSON. *next is the token of
 * the page after it, in the arena, or NULL. */
ht_status ht_bucket_list_page(ht_bucket_list *list, const char *text,
                              const char **next) HT_MUST_CHECK;

/*
 * Downloads all files of the folder that a handle names, by the JSON API
 * (https://cloud.google.com/storage/docs/json_api/v1/objects/list), below
 * `to`, which exists. `part` is the path of a file on its way. `digest` is
 * that of the list of files. `until` as for ht_download.
 */
ht_status ht_bucket_fetch(const char *handle, const char *part, const char *to,
                          const ht_fetch_options *options, double until,
                          ht_arena *arena,
                          char digest[HT_SHA256_HEX + 1]) HT_MUST_CHECK;

#endif
