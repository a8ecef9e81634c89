/* folder.c - folders, and output folders that appear whole, see file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static ht_status list(DIR *dir, ht_arena *arena, char ***names, int *n) {
  int capacity = 0;
  *names = NULL;
  *n = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    HT_GROW(*names, *n, capacity, arena);
    char *name = ht_arena_string(arena, e->d_name);
    if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a folder's names");
    (*names)[(*n)++] = name;
  }
  if (*n) qsort(*names, (size_t)*n, sizeof **names, by_bytes);
  return HT_SUCCESS;
}

ht_status ht_folder_list(const char *path, ht_arena *arena, char ***names,
                         int *n) {
  DIR *dir = opendir(path);
  if (!dir) return ht_fail_errno("cannot read folder", path);
  ht_status st = list(dir, arena, names, n);
  closedir(dir);
  return st;
}

ht_status ht_folder_make(const char *path) {
  char part[4096];
  size_t n = strlen(path);
  if (n >= sizeof part) return ht_fail(HT_USAGE, "path too long '%s'", path);
  for (size_t i = 1; i <= n; i++) {
    if (path[i] != '/' && path[i]) continue;
    memcpy(part, path, i);
    part[i] = 0;
    if (mkdir(part, 0777) != 0 && errno != EEXIST)
      return ht_fail_errno("cannot make folder", part);
  }
  if (!ht_path_is_folder(path))
    return ht_fail(HT_IO, "cannot make folder '%s': a file stands there", path);
  return HT_SUCCESS;
}

static ht_status remove_tree(const char *path, ht_arena *arena) {
  char **names;
  int n;
  HT_TRY(ht_folder_list(path, arena, &names, &n));
  for (int i = 0; i < n; i++) {
    struct stat st;
    char *child = ht_path_join(arena, path, names[i]);
    if (!child) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    bool folder = lstat(child, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder) HT_TRY(remove_tree(child, arena));
    if (!folder && unlink(child) != 0)
      return ht_fail_errno("cannot remove", child);
  }
  if (rmdir(path) != 0) return ht_fail_errno("cannot remove", path);
  return HT_SUCCESS;
}

ht_status ht_folder_remove(const char *path) {
  ht_arena arena = {0};
  ht_status st = remove_tree(path, &arena);
  ht_arena_free(&arena);
  return st;
}

ht_status ht_folder_hold(const char *path, int *fd) {
  *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd < 0) return ht_fail_errno("cannot read folder", path);
  if (flock(*fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    return HT_SUCCESS;
  close(*fd);
  return ht_fail(HT_IO, "'%s' is in use by another process", path);
}

static ht_status count_bytes(const char *path, ht_arena *arena,
                             uint64_t *bytes) {
  struct stat st;
  char **name;
  int n = 0;
  if (lstat(path, &st) != 0) return HT_SUCCESS;
  if (S_ISREG(st.st_mode)) *bytes += (uint64_t)st.st_size;
  if (!S_ISDIR(st.st_mode)) return HT_SUCCESS;
  ht_status listed = ht_folder_list(path, arena, &name, &n);
  if (listed.code == HT_NO_MEMORY) return listed;
  for (int i = 0; i < n; i++) {
    char *inner = ht_path_join(arena, path, name[i]);
    if (!inner) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    HT_TRY(count_bytes(inner, arena, bytes));
  }
  return HT_SUCCESS;
}

ht_status ht_folder_bytes(const char *path, uint64_t *bytes) {
  ht_arena arena = {0};
  *bytes = 0;
  ht_status st = count_bytes(path, &arena, bytes);
  ht_arena_free(&arena);
  return st;
}

/* Whether a name is "NAME.tmp-PID", as outputs are called until complete. */
static bool is_temporary(const char *name) {
  const char *mark = strstr(name, ".tmp-");
  return mark && mark[5] && strspn(mark + 5, "0123456789") == strlen(mark + 5);
}

ht_status ht_folder_sweep(const char *path) {
  ht_arena arena = {0};
  char **name;
  int n = 0;
  ht_status st = ht_folder_list(path, &arena, &name, &n);
  for (int i = 0; i < n && st.code == HT_OK; i++) {
    if (!is_temporary(name[i])) continue;
    char *inner = ht_path_join(&arena, path, name[i]);
    if (!inner)
      st = ht_fail(HT_NO_MEMORY, "no memory for a path");
    else if (ht_path_is_folder(inner))
      st = remove_tree(inner, &arena);
    else if (unlink(inner) != 0)
      st = ht_fail_errno("cannot remove", inner);
  }
  ht_arena_free(&arena);
  return st;
}

static ht_status copy_file(const char *from, const char *to) {
  ht_mapping m;
  HT_TRY(ht_file_map(from, &m));
  ht_status st = ht_file_write(to, m.data ? m.data : "", m.n);
  ht_file_unmap(&m);
  return st;
}

static ht_status copy_tree(const char *root, const char *relative,
                           const char *to, ht_skip_fn *skip, void *arg,
                           ht_arena *arena) {
  char **names;
  int n;
  char *from = ht_path_join(arena, root, relative);
  if (!from) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_folder_make(to));
  HT_TRY(ht_folder_list(from, arena, &names, &n));
  for (int i = 0; i < n; i++) {
    char *inner = ht_path_join(arena, relative, names[i]);
    char *source = inner ? ht_path_join(arena, root, inner) : NULL;
    char *target = ht_path_join(arena, to, names[i]);
    if (!source || !target) return ht_fail(HT_NO_MEMORY, "no memory to copy");
    if (skip && skip(inner, arg)) continue;
    if (ht_path_is_folder(source))
      HT_TRY(copy_tree(root, inner, target, skip, arg, arena));
    else
      HT_TRY(copy_file(source, target));
  }
  return HT_SUCCESS;
}

ht_status ht_folder_copy(const char *from, const char *to, ht_skip_fn *skip,
                         void *arg) {
  ht_arena arena = {0};
  ht_status st = copy_tree(from, "", to, skip, arg, &arena);
  ht_arena_free(&arena);
  return st;
}

/* "target.tmp-PID", without a slash at the end of target. */
ht_status ht_staging_open(const char *target, bool replace, ht_staging *s) {
  size_t n = strlen(target);
  *s = (ht_staging){.replace = replace};
  while (n > 1 && target[n - 1] == '/') n--;
  if (!n) return ht_fail(HT_USAGE, "an output folder needs a name");
  if (!replace && ht_path_exists(target))
    return ht_fail(HT_IO, "'%s' exists already: remove it or name another",
                   target);
  s->target = strndup(target, n);
  if (!s->target ||
      asprintf(&s->path, "%s.tmp-%ld", s->target, (long)getpid()) < 0) {
    s->path = NULL;
    ht_staging_drop(s);
    return ht_fail(HT_NO_MEMORY, "no memory for a path");
  }
  if (ht_path_exists(s->path)) HT_TRY(ht_folder_remove(s->path));
  return ht_folder_make(s->path);
}

static void sync_folder(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

ht_status ht_staging_commit(ht_staging *s) {
  sync_folder(s->path);
  bool exchange = s->replace && ht_path_exists(s->target);
  if (exchange &&
      renameat2(AT_FDCWD, s->path, AT_FDCWD, s->target, RENAME_EXCHANGE) == 0)
    return ht_folder_remove(s->path);
  if (exchange) HT_TRY(ht_folder_remove(s->target)); /* no exchange there */
  if (rename(s->path, s->target) == 0) return HT_SUCCESS;
  if (errno == ENOTEMPTY || errno == EEXIST)
    return ht_fail(HT_IO, "'%s' exists already: remove it or name another",
                   s->target);
  return ht_fail_errno("cannot write", s->target);
}

void ht_staging_drop(ht_staging *s) {
  if (s->path && ht_path_exists(s->path)) {
    ht_status ignored = ht_folder_remove(s->path);
    (void)ignored; /* the first failure is the one worth reporting */
  }
  free(s->path);
  free(s->target);
  *s = (ht_staging){0};
}
