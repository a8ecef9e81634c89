/* cores.c - see cores.h. */
#include "base/cores.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096 };

static int given(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return (int)sysconf(_SC_NPROCESSORS_ONLN); /* more than a set holds */
}

/* 0: "max", or no such file. */
static int paid_by(const char *root, const char *path) {
  char name[2 * PATH];
  double quota, period;
  int n = snprintf(name, sizeof name, "%s%s/cpu.max", root, path);
  FILE *f = n > 0 && n < (int)sizeof name ? fopen(name, "r") : NULL;
  if (!f) return 0;
  bool set = fscanf(f, "%lf %lf", &quota, &period) == 2 && quota > 0 &&
             period > 0 && quota / period < 1e6;
  fclose(f);
  return set ? (int)ceil(quota / period) : 0;
}

int ht_cores_paid(const char *root, const char *path) {
  char at[PATH];
  int least = 0;
  if (snprintf(at, sizeof at, "%s", path) >= (int)sizeof at) return 0;
  for (;;) {
    int n = paid_by(root, at);
    if (n && (!least || n < least)) least = n;
    char *end = strrchr(at, '/');
    if (!end) return least;
    *end = 0;
  }
}

/* The path of this process's group: "0::/a/b". */
static bool own_group(char path[PATH]) {
  bool found = false;
  FILE *f = fopen("/proc/self/cgroup", "r");
  while (f && !found && fgets(path, PATH, f)) {
    found = strncmp(path, "0::/", 4) == 0;
    if (found) memmove(path, path + 3, strlen(path + 3) + 1);
  }
  if (f) fclose(f);
  path[strcspn(path, "\n")] = 0;
  return found;
}

int ht_cores(void) {
  char path[PATH] = "";
  int n = given(), paid = 0;
  if (own_group(path)) paid = ht_cores_paid("/sys/fs/cgroup", path);
  if (paid && paid < n) n = paid;
  return n > 0 ? n : 1;
}
