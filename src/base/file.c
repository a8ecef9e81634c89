/* file.c - paths, whole files and mappings, see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

char *ht_path_join(ht_arena *arena, const char *a, const char *b) {
  if (!*a || *b == '/') return ht_arena_string(arena, b);
  const char *slash = a[strlen(a) - 1] == '/' ? "" : "/";
  return ht_arena_printf(arena, "%s%s%s", a, slash, b);
}

const char *ht_path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

const char *ht_path_extension(const char *path) {
  const char *dot = strrchr(ht_path_base(path), '.');
  return dot ? dot : "";
}

bool ht_path_exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0;
}

bool ht_path_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static ht_status open_regular(const char *path, int *fd, size_t *n) {
  struct stat st;
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0 || fstat(*fd, &st) != 0) {
    ht_status failed = ht_fail_errno("cannot read", path);
    if (*fd >= 0) close(*fd);
    return failed;
  }
  if (S_ISREG(st.st_mode)) {
    *n = (size_t)st.st_size;
    return HT_SUCCESS;
  }
  close(*fd);
  return ht_fail(HT_IO, "cannot read '%s': not a regular file", path);
}

static ht_status read_all(int fd, const char *path, char *p, size_t n) {
  for (size_t done = 0; done < n;) {
    ssize_t got = read(fd, p + done, n - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ht_fail_errno("cannot read", path);
    if (got == 0) return ht_fail(HT_IO, "'%s' was cut short", path);
    done += (size_t)got;
  }
  return HT_SUCCESS;
}

ht_status ht_file_read(const char *path, size_t max, ht_arena *arena,
                       char **data, size_t *n) {
  int fd;
  HT_TRY(open_regular(path, &fd, n));
  ht_status st = HT_SUCCESS;
  if (*n > max)
    st = ht_fail(HT_CORRUPT, "'%s' is larger than %zu bytes", path, max);
  *data = st.code == HT_OK ? ht_alloc(arena, *n + 1, 1) : NULL;
  if (st.code == HT_OK && !*data)
    st = ht_fail(HT_NO_MEMORY, "no memory for '%s'", path);
  if (st.code == HT_OK) st = read_all(fd, path, *data, *n);
  close(fd);
  return st;
}

ht_status ht_file_map(const char *path, ht_mapping *mapping) {
  int fd;
  *mapping = (ht_mapping){0};
  HT_TRY(open_regular(path, &fd, &mapping->n));
  if (!mapping->n) {
    close(fd);
    return HT_SUCCESS;
  }
  void *p = mmap(NULL, mapping->n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (p == MAP_FAILED) {
    ht_status st = ht_fail_errno("cannot map", path);
    close(fd);
    return st;
  }
  mapping->data = p;
  mapping->fd = fd;
  return HT_SUCCESS;
}

void ht_file_unmap(ht_mapping *mapping) {
  if (mapping->data) {
    munmap(mapping->data, mapping->n);
    close(mapping->fd);
  }
  *mapping = (ht_mapping){0};
}

static ht_status write_all(int fd, const char *path, const char *p, size_t n) {
  while (n) {
    ssize_t put = write(fd, p, n);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ht_fail_errno("cannot write", path);
    p += put;
    n -= (size_t)put;
  }
  return HT_SUCCESS;
}

static ht_status write_new(int fd, const char *temporary, const char *path,
                           const void *data, size_t n) {
  ht_status st = write_all(fd, path, data, n);
  if (st.code == HT_OK && fsync(fd) != 0)
    st = ht_fail_errno("cannot write", path);
  if (close(fd) != 0 && st.code == HT_OK)
    st = ht_fail_errno("cannot write", path);
  if (st.code == HT_OK && rename(temporary, path) != 0)
    st = ht_fail_errno("cannot write", path);
  if (st.code != HT_OK) unlink(temporary);
  return st;
}

static ht_status write_in_place(const char *path, const void *data, size_t n) {
  bool out = strcmp(path, "-") == 0;
  int fd = out ? STDOUT_FILENO : open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return ht_fail_errno("cannot write", path);
  ht_status st = write_all(fd, path, data, n);
  if (!out && close(fd) != 0 && st.code == HT_OK)
    st = ht_fail_errno("cannot write", path);
  return st;
}

ht_status ht_file_write(const char *path, const void *data, size_t n) {
  struct stat st;
  bool exists = strcmp(path, "-") != 0 && stat(path, &st) == 0;
  if (strcmp(path, "-") == 0 || (exists && !S_ISREG(st.st_mode)))
    return write_in_place(path, data, n);
  ht_arena arena = {0};
  char *temporary = ht_arena_printf(&arena, "%s.tmp-%ld", path, (long)getpid());
  if (!temporary) return ht_fail(HT_NO_MEMORY, "no memory to write '%s'", path);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  ht_status result = fd < 0 ? ht_fail_errno("cannot write", path)
                            : write_new(fd, temporary, path, data, n);
  ht_arena_free(&arena);
  return result;
}
