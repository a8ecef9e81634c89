/* npz.c - zip archives of arrays by libarchive, see npz.h. */
#include "format/npz.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 4096, BLOCK = 1 << 16 };
/* Deflate makes at most so many bytes of one. */
enum { DEFLATE_MOST = 1032 };
/* 1980-01-01, the first day that zip archives know, as numpy writes. */
enum { FIRST_DAY = 315532800 };

static ht_status failed(struct archive *a, const char *what, const char *path) {
  const char *why = archive_error_string(a);
  return ht_fail(HT_CORRUPT, "%s '%s': %s", what, path,
                 why ? why : "the archive is damaged");
}

/*
 * libarchive converts names to the thread's character set, and in the C
 * locale loses what is not ASCII: it runs under UTF-8, in this thread alone.
 */
typedef struct {
  locale_t utf8, before;
} charset;

static charset enter_utf8(void) {
  charset c = {newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), (locale_t)0};
  if (c.utf8) c.before = uselocale(c.utf8);
  return c;
}

static void leave_utf8(charset c) {
  if (!c.utf8) return;
  uselocale(c.before);
  freelocale(c.utf8);
}

/* ---- reading */

typedef struct {
  struct archive *archive;
  const char *path;
  size_t most; /* bytes that the whole file can hold */
} reader;

static ht_status pull_member(void *arg, void *to, size_t n) {
  reader *r = arg;
  for (char *p = to; n;) {
    la_ssize_t got = archive_read_data(r->archive, p, n);
    if (got < 0) return failed(r->archive, "cannot read", r->path);
    if (got == 0) return ht_fail(HT_CORRUPT, "'%s' is cut short", r->path);
    p += got;
    n -= (size_t)got;
  }
  return HT_SUCCESS;
}

/* Reads on to the member's end, where its checksum is verified. */
static ht_status finish_member(reader *r) {
  char rest[64];
  la_ssize_t got = archive_read_data(r->archive, rest, sizeof rest);
  if (got < 0) return failed(r->archive, "cannot read", r->path);
  if (got == 0) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "'%s' holds more than its arrays", r->path);
}

static ht_status read_member(reader *r, struct archive_entry *e, ht_npz_fn *fn,
                             void *arg) {
  char name[NAME_MAX_BYTES];
  const char *path = archive_entry_pathname_utf8(e);
  if (!path) path = archive_entry_pathname(e);
  size_t n = path ? strlen(path) : 0;
  if (n <= 4 || n >= sizeof name || strcmp(path + n - 4, ".npy") != 0)
    return ht_fail(HT_CORRUPT, "'%s' holds '%s', which is no array", r->path,
                   path ? path : "?");
  memcpy(name, path, n - 4);
  name[n - 4] = 0;
  ht_npy_source source = {pull_member, r, name, r->most};
  if (archive_entry_size_is_set(e) &&
      (uint64_t)archive_entry_size(e) < source.left)
    source.left = (size_t)archive_entry_size(e);
  ht_npy a;
  HT_TRY(ht_within(ht_npy_pull(&source, &a), "%s", r->path));
  ht_status st = finish_member(r);
  if (st.code == HT_OK) st = fn(arg, name, &a);
  ht_npy_free(&a);
  return st;
}

static ht_status read_members(reader *r, ht_npz_fn *fn, void *arg) {
  struct archive_entry *e;
  int n = 0;
  for (;; n++) {
    int got = archive_read_next_header(r->archive, &e);
    if (got == ARCHIVE_EOF) break;
    if (got < ARCHIVE_WARN) return failed(r->archive, "cannot read", r->path);
    HT_TRY(read_member(r, e, fn, arg));
  }
  if (!n) return ht_fail(HT_CORRUPT, "'%s' holds no arrays", r->path);
  return HT_SUCCESS;
}

/* numpy's archive of no arrays is a zip's end record alone, which libarchive
 * does not take for a zip. */
static bool holds_nothing(const char *path, const struct stat *st) {
  enum { END_RECORD = 22 };
  unsigned char start[4] = {0};
  if (st->st_size != END_RECORD) return false;
  FILE *f = fopen(path, "rb");
  bool end = f && fread(start, 1, 4, f) == 4 && memcmp(start, "PK\5\6", 4) == 0;
  if (f) fclose(f);
  return end;
}

ht_status ht_npz_read(const char *path, ht_npz_fn *fn, void *arg) {
  struct stat st;
  if (stat(path, &st) != 0) return ht_fail_errno("cannot read", path);
  if (!S_ISREG(st.st_mode))
    return ht_fail(HT_IO, "'%s' is no regular file", path);
  if (holds_nothing(path, &st)) return HT_SUCCESS;
  reader r = {archive_read_new(), path, 0};
  if (!r.archive) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", path);
  if (__builtin_mul_overflow((size_t)st.st_size, (size_t)DEFLATE_MOST, &r.most))
    r.most = SIZE_MAX / 2;
  charset before = enter_utf8();
  archive_read_support_format_zip_seekable(r.archive);
  ht_status result =
      archive_read_open_filename(r.archive, path, BLOCK) == ARCHIVE_OK
          ? read_members(&r, fn, arg)
          : failed(r.archive, "cannot read", path);
  archive_read_free(r.archive);
  leave_utf8(before);
  return result;
}

/* ---- writing */

struct ht_npz_writer {
  struct archive *archive;
  char *path, *temporary; /* no temporary: written in place */
  int fd;
};

static ht_status cannot_write(const ht_npz_writer *w) {
  errno = archive_errno(w->archive);
  return ht_fail_errno("cannot write", w->path);
}

/* "-" is standard output; devices and pipes are written in place. */
static ht_status open_file(ht_npz_writer *w) {
  struct stat st;
  bool out = strcmp(w->path, "-") == 0;
  if (out || (stat(w->path, &st) == 0 && !S_ISREG(st.st_mode))) {
    w->fd = out ? dup(STDOUT_FILENO) : open(w->path, O_WRONLY | O_CLOEXEC);
  } else {
    if (asprintf(&w->temporary, "%s.tmp-%ld", w->path, (long)getpid()) < 0) {
      w->temporary = NULL;
      return ht_fail(HT_NO_MEMORY, "no memory to write '%s'", w->path);
    }
    w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  return w->fd < 0 ? ht_fail_errno("cannot write", w->path) : HT_SUCCESS;
}

static ht_status open_archive(ht_npz_writer *w, const char *path,
                              bool compress) {
  w->fd = -1;
  w->path = strdup(path);
  if (w->path) w->archive = archive_write_new();
  if (!w->archive)
    return ht_fail(HT_NO_MEMORY, "no memory to write '%s'", path);
  HT_TRY(open_file(w));
  archive_write_set_format_zip(w->archive);
  archive_write_set_bytes_in_last_block(w->archive, 1); /* no padding */
  archive_write_set_options(w->archive, compress ? "zip:compression=deflate"
                                                 : "zip:compression=store");
  return archive_write_open_fd(w->archive, w->fd) == ARCHIVE_OK
             ? HT_SUCCESS
             : cannot_write(w);
}

ht_status ht_npz_writer_open(const char *path, bool compress,
                             ht_npz_writer **out) {
  ht_npz_writer *w = calloc(1, sizeof *w);
  *out = NULL;
  if (!w) return ht_fail(HT_NO_MEMORY, "no memory to write '%s'", path);
  ht_status st = open_archive(w, path, compress);
  if (st.code == HT_OK)
    *out = w;
  else
    ht_npz_writer_drop(w);
  return st;
}

static ht_status put_member(ht_npz_writer *w, struct archive_entry *e,
                            const ht_text *bytes) {
  archive_entry_set_filetype(e, AE_IFREG);
  archive_entry_set_perm(e, 0644);
  archive_entry_set_mtime(e, FIRST_DAY, 0);
  archive_entry_set_size(e, (la_int64_t)bytes->n);
  bool ok = archive_write_header(w->archive, e) >= ARCHIVE_WARN;
  for (size_t done = 0; ok && done < bytes->n;) {
    la_ssize_t put =
        archive_write_data(w->archive, bytes->p + done, bytes->n - done);
    ok = put > 0;
    done += ok ? (size_t)put : 0;
  }
  return ok ? HT_SUCCESS : cannot_write(w);
}

ht_status ht_npz_put(ht_npz_writer *w, const char *name, const ht_npy *a) {
  ht_text bytes = {.max = SIZE_MAX / 2}, path = {0};
  struct archive_entry *e = archive_entry_new();
  ht_text_printf(&path, "%s.npy", name);
  ht_status st = ht_npy_format(a, &bytes);
  if (st.code == HT_OK) st = ht_text_check(&path);
  if (st.code == HT_OK && !e)
    st = ht_fail(HT_NO_MEMORY, "no memory to write '%s'", w->path);
  charset before = enter_utf8();
  if (st.code == HT_OK) {
    archive_entry_set_pathname_utf8(e, path.p);
    st = put_member(w, e, &bytes);
  }
  leave_utf8(before);
  if (e) archive_entry_free(e);
  ht_text_free(&bytes);
  ht_text_free(&path);
  return st;
}

ht_status ht_npz_writer_commit(ht_npz_writer *w) {
  if (archive_write_close(w->archive) != ARCHIVE_OK) return cannot_write(w);
  if (!w->temporary) return HT_SUCCESS;
  if (fsync(w->fd) != 0 || rename(w->temporary, w->path) != 0)
    return ht_fail_errno("cannot write", w->path);
  free(w->temporary);
  w->temporary = NULL;
  return HT_SUCCESS;
}

void ht_npz_writer_drop(ht_npz_writer *w) {
  if (!w) return;
  if (w->archive) archive_write_free(w->archive);
  if (w->fd >= 0) close(w->fd);
  if (w->temporary) unlink(w->temporary);
  free(w->temporary);
  free(w->path);
  free(w);
}
