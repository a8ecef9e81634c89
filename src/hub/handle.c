/* handle.c - see handle.h. */
#include "hub/handle.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "format/unpack.h"
#include "hub/address.h"
#include "hub/bucket.h"
#include "hub/cache.h"
#include "hub/download.h"
#include "hub/kaggle.h"
#include "hub/lock.h"

/* Seconds after which tensorflow_hub, too, takes a lock for abandoned. */
static const double patience = 600;

/* One handle on its way to a folder. */
typedef struct fetching {
  const char *handle;
  const char *archive; /* a local one; NULL: it is downloaded */
  const ht_fetch_options *options;
  double until;
  ht_arena *arena;
  ht_entry entry;
  ht_answer answer;
} fetching;

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for a path");
}

static bool is_set(const char *name) {
  const char *value = getenv(name);
  return value && *value && strcmp(value, "0") != 0;
}

ht_fetch_options ht_fetch_from_environment(void) {
  const char *unsafe = getenv("TFHUB_DISABLE_CERT_VALIDATION");
  return (ht_fetch_options){
      .offline = is_set("HUBTUNE_OFFLINE"),
      .insecure = unsafe && strcmp(unsafe, "true") == 0,
      .stall_seconds = 30,
      .max_bytes = (int64_t)64 << 30,
      .retries = 4,
  };
}

/* ---- getting the archive */

static ht_status check_digest(const fetching *f, const char *found) {
  const char *wanted = f->options->sha256;
  if (!wanted || strcasecmp(wanted, found) == 0) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "'%s' has the SHA-256 %s instead of %s", f->handle,
                 found, wanted);
}

static ht_status download(fetching *f) {
  char *url, *api;
  ht_login login = {0};
  HT_TRY(ht_address_request(f->handle, "compressed", f->arena, &url));
  HT_TRY(ht_address_kaggle(f->handle, f->arena, &api));
  ht_status st = ht_download(url, NULL, f->entry.part, f->options, f->until,
                             f->arena, &f->answer);
  if (!api || st.code != HT_IO || f->answer.status / 100 != 4) return st;
  /* refused to strangers: once more with a name, where there is one */
  char why[HT_MESSAGE_MAX];
  ht_status_copy(st, why);
  HT_TRY(ht_kaggle_login(f->arena, &login));
  if (!login.user && !login.token)
    return ht_fail(HT_IO,
                   "%s; if the model asks for consent or is private, set "
                   "KAGGLE_USERNAME and KAGGLE_KEY",
                   why);
  return ht_download(api, &login, f->entry.part, f->options, f->until, f->arena,
                     &f->answer);
}

static bool tell_unpacked(void *arg, uint64_t bytes) {
  const fetching *f = arg;
  ht_fetch_news news = {HT_FETCH_UNPACK, (int64_t)bytes, 0, f->handle};
  return ht_fetch_tell(f->options, &news).code == HT_OK;
}

static ht_status unpack(fetching *f, const char *archive, const char *module) {
  ht_unpack_limits limits = ht_unpack_usual((uint64_t)f->options->max_bytes);
  HT_TRY(ht_folder_make(module));
  return ht_unpack(archive, module, &limits, tell_unpacked, f);
}

/* The archive that came is none: what the server said says more. */
static ht_status no_archive(const fetching *f, ht_status st) {
  char why[HT_MESSAGE_MAX];
  if (f->archive || st.code != HT_CORRUPT) return st;
  ht_status_copy(st, why);
  /* the name of the file within the cache helps nobody */
  const char *part = strstr(why, f->entry.part);
  size_t before = part ? (size_t)(part - why) : 0;
  const char *after = part ? part + strlen(f->entry.part) : why;
  return ht_fail(HT_CORRUPT, "%.*s%s%s (status %ld, type '%s')", (int)before,
                 why, part ? f->answer.address : "", after, f->answer.status,
                 f->answer.type);
}

static ht_status fill_from(fetching *f, const ht_lock *lock,
                           const char *archive) {
  char hex[HT_SHA256_HEX + 1];
  char *module = ht_path_join(f->arena, lock->folder, "module");
  if (!module) return no_memory();
  HT_TRY(ht_sha256_file(archive, hex));
  HT_TRY(check_digest(f, hex));
  HT_TRY(no_archive(f, unpack(f, archive, module)));
  return ht_entry_put(&f->entry, module, hex, f->arena);
}

/* Whether files are asked for, one by one, instead of an archive. */
static bool is_uncompressed(const char *handle) {
  const char *format = getenv("TFHUB_MODEL_LOAD_FORMAT");
  return ht_address_is_folder(handle) ||
         (strncmp(handle, "http", 4) == 0 && format &&
          strcmp(format, "UNCOMPRESSED") == 0);
}

/* The folder in a bucket that a handle is, or that its server names. */
static ht_status find_bucket(fetching *f, const char **bucket) {
  char *url;
  *bucket = f->handle;
  if (ht_address_is_folder(f->handle)) return HT_SUCCESS;
  HT_TRY(ht_address_request(f->handle, "uncompressed", f->arena, &url));
  ht_status st = ht_download(url, NULL, f->entry.part, f->options, f->until,
                             f->arena, &f->answer);
  ht_download_remove(f->entry.part);
  *bucket = f->answer.bucket;
  if (*bucket) return HT_SUCCESS;
  if (st.code != HT_OK) return st;
  return ht_fail(HT_IO,
                 "'%s' answers with status %ld, not with the address of "
                 "a bucket",
                 f->answer.address, f->answer.status);
}

/* A folder in a bucket comes file by file. */
static ht_status fill_from_bucket(fetching *f, const ht_lock *lock) {
  char digest[HT_SHA256_HEX + 1];
  const char *bucket;
  char *module = ht_path_join(f->arena, lock->folder, "module");
  if (!module) return no_memory();
  HT_TRY(ht_folder_make(module));
  HT_TRY(find_bucket(f, &bucket));
  ht_status st = ht_bucket_fetch(bucket, f->entry.part, module, f->options,
                                 f->until, f->arena, digest);
  if (st.code == HT_OK && !ht_holds_model(module, f->arena))
    st = ht_fail(HT_CORRUPT, "'%s' holds no model: 'saved_model.pb' is missing",
                 f->handle);
  if (st.code == HT_OK) st = ht_entry_put(&f->entry, module, digest, f->arena);
  ht_download_remove(f->entry.part);
  return st;
}

/* What was downloaded stays only where more of the same can follow. */
static ht_status fill(fetching *f, const ht_lock *lock) {
  HT_TRY(ht_folder_make(lock->folder));
  if (f->archive) return fill_from(f, lock, f->archive);
  if (is_uncompressed(f->handle)) return fill_from_bucket(f, lock);
  ht_status st = download(f);
  if (st.code != HT_OK) return st;
  bool resumed = f->answer.resumed;
  st = fill_from(f, lock, f->entry.part);
  if (st.code == HT_STOPPED) return st;
  ht_download_remove(f->entry.part);
  if (st.code != HT_CORRUPT || !resumed) return st;
  /* the two halves do not fit: once more, in one piece */
  HT_TRY(download(f));
  st = fill_from(f, lock, f->entry.part);
  ht_download_remove(f->entry.part);
  return st;
}

/* ---- an entry of the cache */

static ht_status fill_locked(fetching *f) {
  ht_lock lock;
  ht_found found;
  char *parent;
  HT_TRY(ht_cache_folder(f->arena, &parent));
  HT_TRY(ht_folder_make(parent));
  HT_TRY(ht_lock_take(f->entry.path, f->options, f->until, patience, f->arena,
                      &lock));
  ht_status st = ht_entry_find(&f->entry, false, f->options->sha256, f->arena,
                               &found); /* another may have been faster */
  if (st.code == HT_OK && !found.whole) st = fill(f, &lock);
  ht_lock_give(&lock);
  return st;
}

static ht_status from_cache(fetching *f, const char *key, const char *source,
                            char **folder) {
  ht_found found;
  double most = f->options->max_seconds;
  f->until = most > 0 ? ht_fetch_clock() + most : 0;
  HT_TRY(ht_entry_of(key, source, f->arena, &f->entry));
  HT_TRY(ht_entry_find(&f->entry, false, f->options->sha256, f->arena, &found));
  if (!found.whole && f->options->offline && !f->archive)
    return ht_fail(HT_IO, "'%s' is %s, and nothing is downloaded offline%s%s",
                   f->handle,
                   found.broken ? "broken in the cache" : "not in the cache",
                   found.broken ? ": " : "", found.broken ? found.broken : "");
  if (!found.whole) HT_TRY(fill_locked(f));
  *folder = f->entry.path;
  return ht_find_model(f->arena, folder);
}

/* ---- kinds of handles */

/* Another archive, or a changed one, is another entry. */
static ht_status from_archive(fetching *f, const char *path,
                              const struct stat *st, char **folder) {
  char *real = realpath(path, NULL);
  f->archive = ht_arena_string(f->arena, real ? real : path);
  free(real);
  if (!f->archive) return no_memory();
  const char *key = ht_arena_printf(
      f->arena, "%s\n%lld\n%lld.%09ld", f->archive, (long long)st->st_size,
      (long long)st->st_mtim.tv_sec, (long)st->st_mtim.tv_nsec);
  return key ? from_cache(f, key, f->archive, folder) : no_memory();
}

static ht_status from_network(fetching *f, char **folder) {
  const char *format = getenv("TFHUB_MODEL_LOAD_FORMAT");
  if (is_uncompressed(f->handle)) {
    if (f->options->sha256)
      return ht_fail(HT_USAGE,
                     "a SHA-256 is one of an archive: '%s' is a folder",
                     f->handle);
  } else if (format && *format && strcmp(format, "AUTO") != 0 &&
             strcmp(format, "COMPRESSED") != 0) {
    return ht_fail(HT_UNSUPPORTED,
                   "TFHUB_MODEL_LOAD_FORMAT has to be AUTO, COMPRESSED or "
                   "UNCOMPRESSED to download '%s': '%s'",
                   f->handle, format);
  }
  return from_cache(f, f->handle, f->handle, folder);
}

static int hex_digit(char c) {
  static const char digit[] = "0123456789abcdef";
  const char *p = c ? strchr(digit, tolower((unsigned char)c)) : NULL;
  return p ? (int)(p - digit) : -1;
}

/* "%20" and the like, in place; what is no such thing stays (RFC 8089). */
static void decode(char *p) {
  char *to = p;
  for (; *p; p++) {
    int high = *p == '%' ? hex_digit(p[1]) : -1;
    int low = high >= 0 ? hex_digit(p[2]) : -1;
    bool code = low >= 0 && high * 16 + low;
    *to++ = code ? (char)(high * 16 + low) : *p;
    if (code) p += 2;
  }
  *to = 0;
}

/* The path of a handle. TensorFlow takes what follows "file://" as it
 * stands, others decode it. */
static ht_status path_of(const char *handle, ht_arena *arena, char **path) {
  static const char scheme[] = "file://", here[] = "localhost/";
  const char *rest = handle;
  if (strncmp(handle, scheme, strlen(scheme)) == 0) {
    rest = handle + strlen(scheme);
    if (strncmp(rest, here, strlen(here)) == 0) rest += strlen(here) - 1;
    if (*rest != '/')
      return ht_fail(HT_USAGE, "'%s' names another machine", handle);
  } else if (strstr(handle, "://") && !ht_path_exists(handle)) {
    return ht_fail(HT_UNSUPPORTED,
                   "'%s' cannot be fetched: copy it to a folder and name that",
                   handle);
  }
  *path = ht_arena_string(arena, rest);
  if (*path && rest != handle && !ht_path_exists(*path)) decode(*path);
  return *path ? HT_SUCCESS : no_memory();
}

static ht_status from_path(fetching *f, char **folder) {
  struct stat st;
  char *path;
  HT_TRY(path_of(f->handle, f->arena, &path));
  if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
    return from_archive(f, path, &st, folder);
  *folder = path;
  return HT_SUCCESS;
}

static ht_status check_options(const ht_fetch_options *o) {
  static const char digits[] = "0123456789abcdefABCDEF";
  if (o->sha256 && (strlen(o->sha256) != HT_SHA256_HEX ||
                    strspn(o->sha256, digits) != HT_SHA256_HEX))
    return ht_fail(HT_USAGE, "a SHA-256 has %d hexadecimal digits: '%s'",
                   HT_SHA256_HEX, o->sha256);
  return HT_SUCCESS;
}

ht_status ht_handle_folder(const char *handle, const ht_fetch_options *options,
                           ht_arena *arena, char **folder) {
  fetching f = {.handle = handle, .options = options, .arena = arena};
  HT_TRY(check_options(options));
  if (ht_address_is(handle)) return from_network(&f, folder);
  return from_path(&f, folder);
}
