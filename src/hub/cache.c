/* cache.c - entries of the cache, see cache.h. */
#include "hub/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "format/bundle.h"
#include "hub/source.h"

static const size_t max_note = 64 << 20;

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for a path");
}

ht_status ht_cache_folder(ht_arena *arena, char **out) {
  const char *given = getenv("TFHUB_CACHE_DIR");
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (given && *given) {
    if (strstr(given, "://"))
      return ht_fail(HT_UNSUPPORTED,
                     "the cache has to be a local folder: TFHUB_CACHE_DIR is "
                     "'%s'",
                     given);
    *out = ht_arena_string(arena, given);
  } else if (cache && *cache == '/') { /* others are to be ignored */
    *out = ht_path_join(arena, cache, "hubtune/modules");
  } else if (home && *home) {
    *out = ht_path_join(arena, home, ".cache/hubtune/modules");
  } else {
    return ht_fail(HT_USAGE, "no folder for the cache: set TFHUB_CACHE_DIR");
  }
  return *out ? HT_SUCCESS : no_memory();
}

ht_status ht_entry_of(const char *key, const char *source, ht_arena *arena,
                      ht_entry *out) {
  char *cache, name[HT_SHA1_HEX + 1];
  *out = (ht_entry){.key = key, .source = source};
  HT_TRY(ht_cache_folder(arena, &cache));
  HT_TRY(ht_sha1(key, strlen(key), name));
  out->path = ht_path_join(arena, cache, name);
  if (!out->path) return no_memory();
  out->descriptor = ht_arena_printf(arena, "%s.descriptor.txt", out->path);
  out->files = ht_arena_printf(arena, "%s.files.txt", out->path);
  out->part = ht_arena_printf(arena, "%s.part", out->path);
  return out->descriptor && out->files && out->part ? HT_SUCCESS : no_memory();
}

bool ht_holds_model(const char *folder, ht_arena *arena) {
  static const char *const file[] = {"saved_model.pb", "saved_model.pbtxt",
                                     "saved_model.cpb"};
  for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
    struct stat st;
    char *path = ht_path_join(arena, folder, file[i]);
    if (path && stat(path, &st) == 0 && st.st_size > 0) return true;
  }
  return false;
}

ht_status ht_find_model(ht_arena *arena, char **folder) {
  char **name;
  int n;
  HT_TRY(ht_folder_list(*folder, arena, &name, &n));
  if (n != 1 || ht_holds_model(*folder, arena)) return HT_SUCCESS;
  char *inner = ht_path_join(arena, *folder, name[0]);
  if (!inner) return no_memory();
  if (ht_path_is_folder(inner)) *folder = inner;
  return HT_SUCCESS;
}

/* ---- writing */

/* As tensorflow_hub's _write_module_descriptor_file has it. */
static ht_status describe(const ht_entry *e, ht_arena *arena, char **text) {
  char host[256] = "localhost", when[64];
  struct timespec now;
  struct tm local;
  if (gethostname(host, sizeof host - 1) != 0) host[0] = 0;
  clock_gettime(CLOCK_REALTIME, &now);
  if (!localtime_r(&now.tv_sec, &local)) return no_memory();
  strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
  *text = ht_arena_printf(
      arena,
      "Module: %s\nDownload Time: %s.%06ld\nDownloader Hostname: %s "
      "(PID:%ld)",
      e->source, when, now.tv_nsec / 1000, host, (long)getpid());
  return *text ? HT_SUCCESS : no_memory();
}

/* A line "DIGEST SIZE PATH" for every file below a folder. */
static ht_status add_files(ht_text *out, const char *root, const char *below,
                           ht_arena *arena) {
  char **name;
  int n;
  HT_TRY(ht_folder_list(ht_path_join(arena, root, below), arena, &name, &n));
  for (int i = 0; i < n; i++) {
    struct stat st;
    char hex[HT_SHA256_HEX + 1];
    char *path = ht_path_join(arena, below, name[i]);
    char *file = path ? ht_path_join(arena, root, path) : NULL;
    if (!file) return no_memory();
    if (lstat(file, &st) != 0) return ht_fail_errno("cannot read", file);
    if (S_ISDIR(st.st_mode)) {
      HT_TRY(add_files(out, root, path, arena));
      continue;
    }
    HT_TRY(ht_sha256_file(file, hex));
    ht_text_printf(out, "%s %lld %s\n", hex, (long long)st.st_size, path);
  }
  return HT_SUCCESS;
}

/* Written beside the module, so that what is left of a process that dies is
 * swept with it. */
static ht_status write_note(const char *path, const char *folder,
                            const char *text, size_t n, ht_arena *arena) {
  char *temporary = ht_arena_printf(arena, "%s.note", folder);
  if (!temporary) return no_memory();
  HT_TRY(ht_file_write(temporary, text, n));
  if (rename(temporary, path) != 0) return ht_fail_errno("cannot write", path);
  return HT_SUCCESS;
}

static ht_status write_notes(const ht_entry *e, const char *folder,
                             const char *archive, ht_arena *arena) {
  char *descriptor;
  ht_text text = {0};
  HT_TRY(describe(e, arena, &descriptor));
  ht_text_printf(&text, "%s\nArchive: %s\n", descriptor, archive);
  ht_status st = add_files(&text, folder, "", arena);
  if (st.code == HT_OK) st = ht_text_check(&text);
  if (st.code == HT_OK)
    st = write_note(e->files, folder, text.p, text.n, arena);
  if (st.code == HT_OK)
    st = write_note(e->descriptor, folder, descriptor, strlen(descriptor),
                    arena);
  ht_text_free(&text);
  return st;
}

ht_status ht_entry_put(const ht_entry *e, const char *folder,
                       const char *archive, ht_arena *arena) {
  HT_TRY(write_notes(e, folder, archive, arena));
  if (rename(folder, e->path) == 0) return HT_SUCCESS; /* also an empty one */
  if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
    return ht_fail_errno("cannot write", e->path);
  /* a broken one: it goes where the new one stood, and with its folder */
  char *aside = ht_arena_printf(arena, "%s.old", folder);
  if (!aside) return no_memory();
  if (rename(e->path, aside) != 0 || rename(folder, e->path) != 0)
    return ht_fail_errno("cannot write", e->path);
  return HT_SUCCESS;
}

/* ---- looking */

/* What ENTRY.files.txt says, if it is of the entry that is there: one that
 * tensorflow_hub made later has another descriptor. */
static char *read_files(const ht_entry *e, ht_arena *arena, char **archive) {
  char *descriptor, *text;
  size_t n, m;
  if (!ht_path_exists(e->files) || !ht_path_exists(e->descriptor)) return NULL;
  if (ht_file_read(e->descriptor, max_note, arena, &descriptor, &n).code ||
      ht_file_read(e->files, max_note, arena, &text, &m).code)
    return NULL;
  static const char mark[] = "\nArchive: ";
  size_t at = n + strlen(mark);
  if (m < at + HT_SHA256_HEX + 1 || memcmp(text, descriptor, n) != 0 ||
      memcmp(text + n, mark, strlen(mark)) != 0 ||
      text[at + HT_SHA256_HEX] != '\n')
    return NULL;
  text[at + HT_SHA256_HEX] = 0;
  *archive = text + at;
  return text + at + HT_SHA256_HEX + 1;
}

/* One line of ENTRY.files.txt. */
static const char *check_file(const ht_entry *e, const char *line, bool all,
                              ht_arena *arena) {
  char hex[HT_SHA256_HEX + 1], *rest;
  struct stat st;
  if (strlen(line) < HT_SHA256_HEX + 2) return "its list of files is broken";
  long long size = strtoll(line + HT_SHA256_HEX + 1, &rest, 10);
  if (*rest != ' ') return "its list of files is broken";
  const char *path = ht_path_join(arena, e->path, rest + 1);
  if (!path || stat(path, &st) != 0)
    return ht_arena_printf(arena, "'%s' is missing", rest + 1);
  if (st.st_size != size)
    return ht_arena_printf(arena, "'%s' has %lld bytes instead of %lld",
                           rest + 1, (long long)st.st_size, size);
  if (!all) return NULL;
  ht_status read = ht_sha256_file(path, hex);
  if (read.code != HT_OK) return ht_arena_string(arena, read.msg);
  if (memcmp(hex, line, HT_SHA256_HEX) != 0)
    return ht_arena_printf(arena, "'%s' was changed", rest + 1);
  return NULL;
}

static const char *check_files(const ht_entry *e, char *lines, bool all,
                               ht_arena *arena) {
  const char *wrong = NULL;
  for (char *end; !wrong && (end = strchr(lines, '\n')); lines = end + 1) {
    *end = 0;
    wrong = check_file(e, lines, all, arena);
  }
  return wrong;
}

/* Variables that are there have to be there whole. */
static ht_status check_variables(const char *folder, bool all,
                                 ht_arena *arena) {
  char *prefix = ht_path_join(arena, folder, "variables/variables");
  char *index = prefix ? ht_arena_printf(arena, "%s.index", prefix) : NULL;
  char *data =
      prefix ? ht_arena_printf(arena, "%s.data-00000-of-00001", prefix) : NULL;
  if (!index || !data) return no_memory();
  if (!ht_path_exists(index))
    return ht_path_exists(data)
               ? ht_fail(HT_CORRUPT, "'variables/variables.index' is missing")
               : HT_SUCCESS;
  ht_bundle *bundle;
  HT_TRY(ht_bundle_open(prefix, &bundle));
  ht_status st = all ? ht_bundle_verify(bundle) : HT_SUCCESS;
  ht_bundle_close(bundle);
  return st;
}

/* An entry that came without a list of its files. */
static ht_status check_structure(const ht_entry *e, bool all, ht_arena *arena,
                                 const char **wrong) {
  char *folder = e->path;
  HT_TRY(ht_find_model(arena, &folder));
  if (!ht_holds_model(folder, arena)) {
    *wrong = "'saved_model.pb' is missing";
    return HT_SUCCESS;
  }
  Tensorflow__SavedModel *saved;
  ht_status st = check_variables(folder, all, arena);
  if (st.code == HT_OK && all) st = ht_saved_model_read(folder, arena, &saved);
  if (st.code == HT_OK || st.code == HT_UNSUPPORTED) return HT_SUCCESS;
  if (st.code == HT_NO_MEMORY) return st;
  *wrong = ht_arena_string(arena, st.msg);
  return *wrong ? HT_SUCCESS : no_memory();
}

ht_status ht_entry_find(const ht_entry *e, bool all, const char *sha256,
                        ht_arena *arena, ht_found *out) {
  char **name, *archive = NULL;
  int n = 0;
  *out = (ht_found){0};
  if (!ht_path_is_folder(e->path)) return HT_SUCCESS;
  HT_TRY(ht_folder_list(e->path, arena, &name, &n));
  if (!n) return HT_SUCCESS;
  char *files = read_files(e, arena, &archive);
  if (files)
    out->broken = check_files(e, files, all, arena);
  else
    HT_TRY(check_structure(e, all, arena, &out->broken));
  if (!out->broken && sha256 && (!archive || strcasecmp(archive, sha256) != 0))
    out->broken = archive ? "its archive had another SHA-256"
                          : "nobody noted the SHA-256 of its archive";
  out->whole = !out->broken;
  return HT_SUCCESS;
}
