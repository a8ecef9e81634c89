/*
 * inject.c - makes call number k of a kind fail, for calls that the program
 * and its library make themselves; preloaded.
 *
 *     FAIL_KIND   alloc open read write sync rename map
 *     FAIL_AT     k, from 1; 0: none
 *     FAIL_COUNT  a file that gets the number of calls at the end
 *     FAIL_TRACE  if set, where call k came from is printed
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANGES = 8 };
static struct range {
  uintptr_t from, to;
} range[RANGES];
static int n_ranges;
static const char *kind = "";
static long at;
static atomic_long calls;
static atomic_bool ready;

static int add_range(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size, (void)arg;
  bool own = !*info->dlpi_name || strstr(info->dlpi_name, "libhubtune");
  for (int i = 0; own && i < info->dlpi_phnum && n_ranges < RANGES; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
    range[n_ranges].from = info->dlpi_addr + p->p_vaddr;
    range[n_ranges++].to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
  }
  return 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FAIL_AT");
  kind = getenv("FAIL_KIND") ? getenv("FAIL_KIND") : "";
  at = text ? strtol(text, NULL, 10) : 0;
  dl_iterate_phdr(add_range, NULL);
  ready = true;
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("FAIL_COUNT");
  ready = false;
  FILE *f = path ? fopen(path, "w") : NULL;
  if (!f) return;
  fprintf(f, "%ld\n", (long)calls);
  fclose(f);
}

/* Whether this call is the one; `caller` is who made it. */
static bool fails(const char *what, const void *caller, int error) {
  if (!ready || strcmp(what, kind) != 0) return false;
  uintptr_t p = (uintptr_t)caller;
  bool own = false;
  for (int i = 0; i < n_ranges; i++) own |= p >= range[i].from && p < range[i].to;
  if (!own || ++calls != at) return false;
  if (getenv("FAIL_TRACE")) {
    void *frame[24];
    backtrace_symbols_fd(frame, backtrace(frame, 24), 2);
  }
  errno = error;
  return true;
}

#define CALLER __builtin_return_address(0)
#define REAL(name) \
  static typeof(name) *real; \
  if (!real) real = (typeof(name) *)dlsym(RTLD_NEXT, #name)

/* ---- memory: of whoever comes next, glibc or the leak sanitizer. dlsym itself
 * allocates before they are known, a little and for good. */

static union {
  char byte[4096];
  max_align_t align;
} early;
static size_t early_used;

static void *early_room(size_t n) {
  size_t from = early_used;
  early_used += (n + 15) / 16 * 16;
  return early_used <= sizeof early ? early.byte + from : NULL;
}
static bool is_early(const void *p) {
  uintptr_t at = (uintptr_t)p, first = (uintptr_t)early.byte;
  return at >= first && at < first + sizeof early;
}

static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void *(*real_aligned)(size_t, size_t);
static int (*real_posix)(void **, size_t, size_t);
static void (*real_free)(void *);

/* Whether the real ones are known; not while they are looked up. */
static bool memory_known(void) {
  static bool looking;
  if (real_free) return true;
  if (looking) return false;
  looking = true;
  real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
  real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
  real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
  real_aligned = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
  real_posix = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT,
                                                       "posix_memalign");
  real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
  return true;
}

void *malloc(size_t n) {
  if (!memory_known()) return early_room(n);
  return fails("alloc", CALLER, ENOMEM) ? NULL : real_malloc(n);
}
void *calloc(size_t n, size_t size) {
  if (!memory_known()) return early_room(n * size);
  return fails("alloc", CALLER, ENOMEM) ? NULL : real_calloc(n, size);
}
void *realloc(void *p, size_t n) {
  if (!memory_known() || is_early(p)) return NULL;
  return fails("alloc", CALLER, ENOMEM) ? NULL : real_realloc(p, n);
}
void *aligned_alloc(size_t a, size_t n) {
  if (!memory_known()) return NULL;
  return fails("alloc", CALLER, ENOMEM) ? NULL : real_aligned(a, n);
}
int posix_memalign(void **p, size_t a, size_t n) {
  if (!memory_known() || fails("alloc", CALLER, ENOMEM)) return ENOMEM;
  return real_posix(p, a, n);
}
void free(void *p) {
  if (p && !is_early(p) && memory_known()) real_free(p);
}

int open(const char *path, int flags, ...) {
  REAL(open);
  va_list args;
  va_start(args, flags);
  mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
  va_end(args);
  return fails("open", CALLER, EMFILE) ? -1 : real(path, flags, mode);
}
FILE *fopen(const char *path, const char *mode) {
  REAL(fopen);
  return fails("open", CALLER, EMFILE) ? NULL : real(path, mode);
}
int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  return fails("open", CALLER, ENOSPC) ? -1 : real(path, mode);
}

ssize_t read(int fd, void *p, size_t n) {
  REAL(read);
  return fails("read", CALLER, EIO) ? -1 : real(fd, p, n);
}
ssize_t pread(int fd, void *p, size_t n, off_t from) {
  REAL(pread);
  return fails("read", CALLER, EIO) ? -1 : real(fd, p, n, from);
}

ssize_t write(int fd, const void *p, size_t n) {
  REAL(write);
  return fd != 2 && fails("write", CALLER, ENOSPC) ? -1 : real(fd, p, n);
}
size_t fwrite(const void *p, size_t size, size_t n, FILE *f) {
  REAL(fwrite);
  return f != stderr && fails("write", CALLER, ENOSPC) ? 0 : real(p, size, n, f);
}
int fflush(FILE *f) {
  REAL(fflush);
  int result = real(f);
  return f != stderr && fails("write", CALLER, ENOSPC) ? EOF : result;
}
int fclose(FILE *f) {
  REAL(fclose);
  int result = real(f);
  return fails("write", CALLER, ENOSPC) ? EOF : result;
}
int close(int fd) {
  REAL(close);
  int result = real(fd);
  return fails("close", CALLER, EIO) ? -1 : result;
}
int ftruncate(int fd, off_t n) {
  REAL(ftruncate);
  return fails("write", CALLER, ENOSPC) ? -1 : real(fd, n);
}

int fsync(int fd) {
  REAL(fsync);
  return fails("sync", CALLER, EIO) ? -1 : real(fd);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  return fails("rename", CALLER, EACCES) ? -1 : real(from, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  REAL(renameat2);
  return fails("rename", CALLER, EACCES) ? -1 : real(a, from, b, to, flags);
}

void *mmap(void *p, size_t n, int protection, int flags, int fd, off_t from) {
  REAL(mmap);
  return fails("map", CALLER, ENOMEM) ? MAP_FAILED
                                      : real(p, n, protection, flags, fd, from);
}
