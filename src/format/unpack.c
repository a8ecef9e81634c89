/* unpack.c - see unpack.h. */
#include "format/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { MAX_MEMBERS = 100000, CHUNK = 1 << 16, MAX_NAME = 255 };

typedef struct unpacking {
  const char *path, *folder;
  struct archive *archive;
  uint64_t max, written;
  int members;
} unpacking;

static ht_status bad(const unpacking *u, const char *member, const char *what) {
  return ht_fail(HT_CORRUPT, "'%s': member '%s' %s", u->path, member, what);
}

static ht_status cannot_read(const unpacking *u) {
  const char *why = archive_error_string(u->archive);
  if (!u->members && archive_filter_code(u->archive, 0) == ARCHIVE_FILTER_NONE)
    return ht_fail(HT_CORRUPT, "neither a folder nor a .tar.gz: '%s'", u->path);
  return ht_fail(HT_CORRUPT, "'%s' is no whole .tar.gz: %s", u->path,
                 why ? why : "it cannot be read");
}

/* Below the folder: not absolute, and no part is "..". */
static bool stays_below(const char *member) {
  if (*member == '/') return false;
  for (const char *p = member; *p;) {
    size_t n = strcspn(p, "/");
    if (n == 2 && memcmp(p, "..", 2) == 0) return false;
    if (n > MAX_NAME) return false;
    p += n;
    while (*p == '/') p++;
  }
  return true;
}

static ht_status check(unpacking *u, struct archive_entry *e,
                       const char *member) {
  unsigned type = archive_entry_filetype(e);
  if (++u->members > MAX_MEMBERS)
    return ht_fail(HT_CORRUPT, "'%s' has more than %d members", u->path,
                   MAX_MEMBERS);
  if (!stays_below(member)) return bad(u, member, "would leave the folder");
  if (archive_entry_hardlink(e) || archive_entry_symlink(e))
    return bad(u, member, "is a link");
  if (type != AE_IFREG && type != AE_IFDIR)
    return bad(u, member, "is neither a file nor a folder");
  return HT_SUCCESS;
}

static ht_status copy(unpacking *u, const char *member, int fd,
                      const char *target) {
  static const size_t most = CHUNK;
  char chunk[CHUNK];
  for (;;) {
    la_ssize_t n = archive_read_data(u->archive, chunk, most);
    if (n < 0) return cannot_read(u);
    if (n == 0) return HT_SUCCESS;
    u->written += (uint64_t)n;
    if (u->written > u->max) return bad(u, member, "makes the archive too big");
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
  if (fd < 0) return ht_fail_errno("cannot write", target);
  ht_status st = copy(u, member, fd, target);
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

ht_status ht_unpack(const char *archive, const char *folder, uint64_t max) {
  unpacking u = {.path = archive, .folder = folder, .max = max};
  u.archive = archive_read_new();
  if (!u.archive) return ht_fail(HT_NO_MEMORY, "no memory for an archive");
  archive_read_support_filter_gzip(u.archive);
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
