/* unpack.c - see unpack.h. */
#include "format/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { CHUNK = 1 << 16, MAX_NAME = 255, MAX_PATH = 4096, SHOWN = 80 };

typedef struct unpacking {
  const char *path, *folder;
  struct archive *archive;
  const ht_unpack_limits *limits;
  ht_unpack_fn *tell;
  void *arg;
  uint64_t written;
  int members;
} unpacking;

/* gzip makes at most 1032 bytes of one; weights do not
 * come near that. */
ht_unpack_limits ht_unpack_usual(uint64_t max) {
  return (ht_unpack_limits){.bytes = max,
                            .ratio = 250,
                            .free_bytes = (uint64_t)1 << 30,
                            .members = 20000,
                            .depth = 64};
}

/* A long name is shown by its beginning, cut between two characters. */
static ht_status bad(const unpacking *u, const char *member, const char *what) {
  int n = (int)strnlen(member, SHOWN + 1);
  bool cut = n > SHOWN;
  while (cut && n > 0 && ((unsigned char)member[n] & 0xc0) == 0x80) n--;
  return ht_fail(HT_CORRUPT, "'%s': member '%.*s%s' %s", u->path, n, member,
                 cut ? "..." : "", what);
}

static ht_status cannot_read(const unpacking *u) {
  const char *why = archive_error_string(u->archive);
  if (!u->members && archive_filter_code(u->archive, 0) == ARCHIVE_FILTER_NONE)
    return ht_fail(HT_CORRUPT, "neither a folder nor a .tar.gz: '%s'", u->path);
  return ht_fail(HT_CORRUPT, "'%s' is no whole archive: %s", u->path,
                 why ? why : "it cannot be read");
}

/* Below the folder: no part is "..", and fit to be shown. */
static const char *wrong_name(const unpacking *u, const char *member) {
  int depth = 0;
  size_t bad;
  if (strlen(member) >= MAX_PATH) return "has too long a name";
  if (!ht_utf8_valid(member, strlen(member), &bad)) return "is no UTF-8";
  for (const char *p = member; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 127) return "has a control character";
  for (const char *p = member; *p;) {
    size_t n = strcspn(p, "/");
    if (n == 2 && memcmp(p, "..", 2) == 0) return "would leave the folder";
    if (n > MAX_NAME) return "has too long a name";
    if (++depth > u->limits->depth) return "lies too deep";
    p += n;
    while (*p == '/') p++;
  }
  return NULL;
}

static ht_status check(unpacking *u, struct archive_entry *e,
                       const char *member) {
  unsigned type = archive_entry_filetype(e);
  if (++u->members > u->limits->members)
    return ht_fail(HT_CORRUPT, "'%s' has more than %d members", u->path,
                   u->limits->members);
  const char *wrong = wrong_name(u, member);
  if (wrong) return bad(u, member, wrong);
  if (archive_entry_hardlink(e) || archive_entry_symlink(e))
    return bad(u, member, "is a link");
  if (type != AE_IFREG && type != AE_IFDIR)
    return bad(u, member, "is neither a file nor a folder");
  if (archive_entry_size_is_set(e) &&
      (uint64_t)archive_entry_size(e) > u->limits->bytes)
    return bad(u, member, "makes the archive too big");
  return HT_SUCCESS;
}

static ht_status go_on(const unpacking *u) {
  if (u->tell && !u->tell(u->arg, u->written))
    return ht_fail(HT_STOPPED, "unpacking was stopped");
  return HT_SUCCESS;
}

/* Counts bytes that are about to be written. */
static ht_status count(unpacking *u, const char *member, size_t n) {
  const ht_unpack_limits *limits = u->limits;
  la_int64_t read = archive_filter_bytes(u->archive, -1);
  u->written += n;
  if (u->written > limits->bytes)
    return bad(u, member, "makes the archive too big");
  if (u->written > limits->free_bytes && read > 0 &&
      u->written / limits->ratio > (uint64_t)read)
    return bad(u, member,
               "is compressed as no module is: a decompression "
               "bomb");
  return go_on(u);
}

static ht_status copy(unpacking *u, const char *member, int fd,
                      const char *target) {
  static const size_t most = CHUNK;
  char chunk[CHUNK];
  for (;;) {
    la_ssize_t n = archive_read_data(u->archive, chunk, most);
    if (n < 0) return cannot_read(u);
    if (n == 0) return HT_SUCCESS;
    HT_TRY(count(u, member, (size_t)n));
    for (la_ssize_t done = 0; done < n;) {
      ssize_t k = write(fd, chunk + done, (size_t)(n - done));
      if (k < 0) return ht_fail_errno("cannot write", target);
      done += k;
    }
  }
}

static ht_status write_file(unpacking *u, const char *member,
                            const char *target) {
  int fd =
      open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) return bad(u, member, "is there already");
  if (fd < 0) return ht_fail_errno("cannot write", target);
  ht_status st = copy(u, member, fd, target);
  if (st.code == HT_OK && fsync(fd) != 0)
    st = ht_fail_errno("cannot write", target);
  if (close(fd) != 0 && st.code == HT_OK)
    st = ht_fail_errno("cannot write", target);
  return st;
}

/* The folder of a file may have no member of its own. */
static ht_status make_parent(ht_arena *arena, const char *target) {
  const char *base = ht_path_base(target);
  char *parent = ht_arena_bytes(arena, target, (size_t)(base - target));
  if (!parent) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  return ht_folder_make(parent);
}

static ht_status write_member(unpacking *u, struct archive_entry *e,
                              ht_arena *arena) {
  const char *member = archive_entry_pathname(e);
  if (!member) return bad(u, "?", "has no name that can be read");
  while (*member == '/') member++; /* as tar and tensorflow_hub take it */
  HT_TRY(go_on(u));
  HT_TRY(check(u, e, member));
  char *target = ht_path_join(arena, u->folder, member);
  if (!target) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (archive_entry_filetype(e) == AE_IFDIR) return ht_folder_make(target);
  HT_TRY(make_parent(arena, target));
  return write_file(u, member, target);
}

static ht_status write_all(unpacking *u) {
  struct archive_entry *e;
  for (;;) {
    int r = archive_read_next_header(u->archive, &e);
    if (r == ARCHIVE_EOF) break;
    if (r != ARCHIVE_OK && r != ARCHIVE_WARN) return cannot_read(u);
    ht_arena arena = {0};
    ht_status st = write_member(u, e, &arena);
    ht_arena_free(&arena);
    HT_TRY(st);
  }
  return u->members ? HT_SUCCESS
                    : ht_fail(HT_CORRUPT, "'%s' is empty", u->path);
}

ht_status ht_unpack(const char *archive, const char *folder,
                    const ht_unpack_limits *limits, ht_unpack_fn *tell,
                    void *arg) {
  unpacking u = {archive, folder, NULL, limits, tell, arg, 0, 0};
  u.archive = archive_read_new();
  if (!u.archive) return ht_fail(HT_NO_MEMORY, "no memory for an archive");
  archive_read_support_filter_gzip(u.archive);
  archive_read_support_filter_bzip2(u.archive);
  archive_read_support_filter_xz(u.archive);
  archive_read_support_format_tar(u.archive);
  /* names are bytes: no locale decides about them */
  archive_read_set_options(u.archive, "hdrcharset=BINARY");
  ht_status st =
      archive_read_open_filename(u.archive, archive, CHUNK) == ARCHIVE_OK
          ? write_all(&u)
          : cannot_read(&u);
  archive_read_free(u.archive);
  return st;
}
