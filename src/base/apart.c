/* apart.c - work that may crash, done in a process of its own. */
#include "base/apart.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What this process handles ends the copy. */
static void unhandle(int number) {
  struct sigaction now;
  if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
    signal(number, SIG_DFL);
}

/* A crash leaves no core file. */
static void prepare(int64_t seconds) {
  static const int numbers[] = {SIGINT,  SIGTERM, SIGHUP, SIGSEGV, SIGBUS,
                                SIGABRT, SIGFPE,  SIGILL, SIGXCPU};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    unhandle(numbers[i]);
  struct rlimit none = {0, 0}, time = {(rlim_t)seconds, (rlim_t)seconds + 1};
  setrlimit(RLIMIT_CORE, &none);
  setrlimit(RLIMIT_CPU, &time);
}

static ht_status how_ended(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return HT_SUCCESS;
  if (!WIFSIGNALED(status)) return ht_fail(HT_CORRUPT, "its reader gave up");
  int number = WTERMSIG(status);
  if (number == SIGINT || number == SIGTERM || number == SIGHUP)
    return ht_fail(HT_STOPPED, "stopped");
  if (number == SIGXCPU)
    return ht_fail(HT_CORRUPT, "its reader came to no end");
  return ht_fail(HT_CORRUPT, "its reader crashed (%s)", strsignal(number));
}

ht_status ht_apart(void (*work)(void *arg), void *arg, int64_t seconds) {
  int status;
  pid_t child = fork();
  if (child < 0)
    return ht_fail(HT_IO, "cannot start a process: %s", strerror(errno));
  if (child == 0) {
    prepare(seconds);
    work(arg);
    _exit(0);
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return ht_fail(HT_IO, "cannot wait for a process: %s", strerror(errno));
  return how_ended(status);
}
