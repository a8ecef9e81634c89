/* lock.c - see lock.h. */
#include "hub/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/download.h"

enum { MAX_TEXT = 512, MAX_HOST = 256 };
static const double poll_seconds = 0.2;

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for a lock");
}

static ht_status make_uid(char uid[HT_UID_HEX + 1]) {
  unsigned char r[HT_UID_HEX / 2];
  if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
    return ht_fail_errno("no random numbers for", "a lock");
  for (size_t i = 0; i < sizeof r; i++)
    snprintf(uid + 2 * i, 3, "%02x", (unsigned)r[i]);
  return HT_SUCCESS;
}

static void host_name(char host[MAX_HOST]) {
  if (gethostname(host, MAX_HOST) != 0) snprintf(host, MAX_HOST, "localhost");
  host[MAX_HOST - 1] = 0;
}

/* ---- another's lock */

static const char unreadable[] = "another user";

/* The text of a lock file; false: there is none. */
static bool read_lock(const char *path, char text[MAX_TEXT]) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return false;
  ssize_t n = fd < 0 ? -1 : read(fd, text, MAX_TEXT - 1);
  if (fd >= 0) close(fd);
  if (n < 0)
    snprintf(text, MAX_TEXT, "%s", unreadable);
  else
    text[n] = 0;
  return true;
}

/* Takes "HOST.PID.UID" apart; a host may hold dots. */
static bool parse(const char *text, char host[MAX_HOST], long *pid,
                  const char **uid) {
  const char *last = strrchr(text, '.');
  const char *dot = last ? memrchr(text, '.', (size_t)(last - text)) : NULL;
  if (!dot || dot - text >= MAX_HOST) return false;
  memcpy(host, text, (size_t)(dot - text));
  host[dot - text] = 0;
  char *end;
  *pid = strtol(dot + 1, &end, 10);
  *uid = last + 1;
  return end == last && *pid > 0 && **uid && !strchr(*uid, '/');
}

/* When a process of this machine began, in seconds of the epoch; 0: nobody
 * says. Field 22 of /proc/PID/stat, after a name that may hold anything. */
static double start_of(long pid) {
  char path[64], text[1024];
  struct timespec boot;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (n <= 0) return 0;
  text[n] = 0;
  const char *p = strrchr(text, ')');
  for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
  if (!p || clock_gettime(CLOCK_BOOTTIME, &boot) != 0) return 0;
  double after_boot = strtod(p + 1, NULL) / (double)sysconf(_SC_CLK_TCK);
  return (double)time(NULL) - (double)boot.tv_sec + after_boot;
}

/* Whether a lock's process is known to be gone: there is none of its number,
 * or one that began after the lock was written. */
static bool is_dead(const char *path, const char *text) {
  static const double slack = 5;
  char host[MAX_HOST], here[MAX_HOST];
  const char *uid;
  long pid;
  struct stat st;
  if (!parse(text, host, &pid, &uid)) return false;
  host_name(here);
  if (strcmp(host, here) != 0) return false;
  if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) return true;
  return stat(path, &st) == 0 && start_of(pid) > (double)st.st_mtime + slack;
}

static char *folder_of(const char *entry, const char *text, ht_arena *arena) {
  const char *dot = strrchr(text, '.');
  if (!dot || strchr(dot, '/')) return NULL;
  return ht_arena_printf(arena, "%s.%s.tmp", entry, dot + 1);
}

/*
 * Takes away a lock that still holds `text`. Who does so holds the cache's
 * folder meanwhile, so that nobody takes a new lock for the old one.
 */
static void break_lock(const char *entry, const char *path, const char *text,
                       ht_arena *arena) {
  char now[MAX_TEXT];
  size_t n = (size_t)(ht_path_base(path) - path);
  char *parent = ht_arena_bytes(arena, path, n);
  char *folder = folder_of(entry, text, arena);
  int fd = parent ? open(*parent ? parent : ".", O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  if (flock(fd, LOCK_EX) == 0 && read_lock(path, now) &&
      strcmp(now, text) == 0 && unlink(path) == 0 && folder &&
      ht_path_is_folder(folder)) {
    ht_status ignored = ht_folder_remove(folder);
    (void)ignored; /* what is left is in nobody's way */
  }
  close(fd);
}

/* What is watched of a lock that another holds. */
typedef struct watch {
  char text[MAX_TEXT];
  uint64_t bytes;
  double since;
} watch;

/* Seconds for which neither the lock nor its folder has changed. */
static double idle(watch *w, const char *text, uint64_t bytes) {
  double now = ht_fetch_clock();
  if (strcmp(w->text, text) != 0 || w->bytes != bytes || w->since <= 0) {
    snprintf(w->text, sizeof w->text, "%s", text);
    w->bytes = bytes;
    w->since = now;
  }
  return now - w->since;
}

static ht_status wait_for(const char *entry, const char *path,
                          const ht_fetch_options *options, double until,
                          double patience, watch *w) {
  char text[MAX_TEXT];
  ht_arena arena = {0};
  if (!read_lock(path, text)) return HT_SUCCESS; /* gone meanwhile */
  char *folder = folder_of(entry, text, &arena);
  uint64_t bytes = 0;
  ht_status st = folder ? ht_folder_bytes(folder, &bytes) : HT_SUCCESS;
  if (st.code != HT_OK) {
    ht_arena_free(&arena);
    return st;
  }
  if (is_dead(path, text) || idle(w, text, bytes) >= patience) {
    break_lock(entry, path, text, &arena);
  } else if (until > 0 && ht_fetch_clock() >= until) {
    st = ht_fail(HT_IO, "gave up waiting for %s, which holds '%s'", text, path);
  } else {
    ht_fetch_news news = {HT_FETCH_WAIT, (int64_t)bytes, 0, text};
    st = ht_fetch_sleep(options, &news, poll_seconds);
  }
  ht_arena_free(&arena);
  return st;
}

/* ---- ours */

/* Makes a file that holds `text`, without replacing one: *made is false where
 * there is one already. Not every file system has links. */
static ht_status make(const char *path, const char *temporary, const char *text,
                      bool *made) {
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  bool written =
      fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  ht_status st = written ? HT_SUCCESS : ht_fail_errno("cannot write", path);
  if (fd >= 0) close(fd);
  if (!written) unlink(temporary);
  HT_TRY(st);
  *made = link(temporary, path) == 0;
  int why = errno;
  if (!*made && why != EEXIST) {
    *made = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, 1) == 0;
    why = errno;
  }
  unlink(temporary);
  errno = why;
  return *made || why == EEXIST ? HT_SUCCESS
                                : ht_fail_errno("cannot write", path);
}

static ht_status compose(const char *entry, ht_arena *arena, ht_lock *lock,
                         char **temporary) {
  char uid[HT_UID_HEX + 1], host[MAX_HOST];
  HT_TRY(make_uid(uid));
  host_name(host);
  lock->path = ht_arena_printf(arena, "%s.lock", entry);
  lock->text = ht_arena_printf(arena, "%s.%ld.%s", host, (long)getpid(), uid);
  lock->folder = ht_arena_printf(arena, "%s.%s.tmp", entry, uid);
  *temporary = ht_arena_printf(arena, "%s.lock.tmp%s", entry, uid);
  return lock->path && lock->text && lock->folder && *temporary ? HT_SUCCESS
                                                                : no_memory();
}

ht_status ht_lock_take(const char *entry, const ht_fetch_options *options,
                       double until, double patience, ht_arena *arena,
                       ht_lock *lock) {
  ht_lock ours;
  char *temporary;
  watch w = {0};
  *lock = (ht_lock){0};
  HT_TRY(compose(entry, arena, &ours, &temporary));
  for (bool made = false; !made;) {
    if (ht_path_exists(ours.path))
      HT_TRY(wait_for(entry, ours.path, options, until, patience, &w));
    else
      HT_TRY(make(ours.path, temporary, ours.text, &made));
  }
  *lock = ours;
  return HT_SUCCESS;
}

void ht_lock_give(ht_lock *lock) {
  char text[MAX_TEXT];
  if (!lock->path) return;
  if (ht_path_is_folder(lock->folder)) {
    ht_status ignored = ht_folder_remove(lock->folder);
    (void)ignored; /* there is nobody to tell */
  }
  if (read_lock(lock->path, text) &&
      (strcmp(text, lock->text) == 0 || strcmp(text, unreadable) == 0))
    unlink(lock->path);
  *lock = (ht_lock){0};
}

bool ht_lock_held(const char *entry) {
  ht_arena arena = {0};
  char text[MAX_TEXT], *path = ht_arena_printf(&arena, "%s.lock", entry);
  bool held = path && read_lock(path, text) && !is_dead(path, text);
  ht_arena_free(&arena);
  return held;
}
