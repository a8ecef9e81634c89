/*
 * replay.c - runs targets on the files of a corpus, and on damaged copies of
 * each: cut, with bits turned, with pieces doubled and taken out. The damage
 * is drawn from the file's size and the same in every run.
 *
 *     replay [-d COPIES] FOLDER...      a folder is called as its target
 *     replay -t TARGET FILE...
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "targets.h"

enum { LONGEST = 1 << 20, SECONDS = 60 };
static long copies = 30, runs;
static const char *volatile current = "";

static void on_alarm(int number) {
  static const char text[] = "replay: no end: ";
  (void)number;
  ssize_t ignored = write(2, text, sizeof text - 1);
  ignored = write(2, current, strlen(current));
  ignored = write(2, "\n", 1);
  (void)ignored;
  _exit(1);
}

/* A block of its own size, so that a sanitizer sees what is read beyond. */
static void run(const target *t, const uint8_t *data, size_t n) {
  uint8_t *exact = malloc(n ? n : 1);
  if (!exact) exit(2);
  memcpy(exact, data, n);
  alarm(SECONDS);
  t->run(exact, n);
  alarm(0);
  runs++;
  free(exact);
}

static size_t damage(uint8_t *p, size_t n, ht_philox *g) {
  uint32_t r[4];
  ht_philox_next(g, r);
  if (!n) return 0;
  size_t at = r[0] % n, length = 1 + r[1] % (n - at);
  switch (r[2] % 6) {
    case 0: return at; /* cut */
    case 1: p[at] ^= (uint8_t)(1 << r[3] % 8); return n;
    case 2: p[at] = (uint8_t)r[3]; return n;
    case 3: memset(p + at, r[3] & 1 ? 255 : 0, length < 8 ? length : 8);
      return n;
    case 4:
      memmove(p + at, p + at + length, n - at - length);
      return n - length;
    default:
      if (n + length > 2 * (size_t)LONGEST) return n;
      memmove(p + at + length, p + at, n - at);
      return n + length;
  }
}

static void replay(const target *t, const char *path) {
  static uint8_t whole[LONGEST], copy[2 * LONGEST];
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    exit(2);
  }
  size_t n = fread(whole, 1, sizeof whole, f);
  fclose(f);
  current = path;
  run(t, whole, n);
  ht_philox g = ht_philox_make(n, 0);
  for (long i = 0; i < copies; i++) {
    size_t size = n;
    memcpy(copy, whole, n);
    for (long k = 0; k <= i % 3; k++) size = damage(copy, size, &g);
    run(t, copy, size);
  }
}

static void replay_folder(const char *folder) {
  const char *slash = strrchr(folder, '/');
  const target *t = target_find(slash ? slash + 1 : folder);
  struct dirent **entry;
  int n = t ? scandir(folder, &entry, NULL, alphasort) : -1;
  if (n < 0) {
    fprintf(stderr, "replay: no target or no folder: %s\n", folder);
    exit(2);
  }
  for (int i = 0; i < n; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
    if (entry[i]->d_name[0] != '.') replay(t, path);
    free(entry[i]);
  }
  free(entry);
}

int main(int argc, char **argv) {
  const target *t = NULL;
  signal(SIGALRM, on_alarm);
  for (int option; (option = getopt(argc, argv, "d:t:l")) != -1;) {
    if (option == 'd') copies = strtol(optarg, NULL, 10);
    if (option == 't') t = target_find(optarg);
    if (option == 'l')
      for (const target *each = targets; each->name; each++) puts(each->name);
  }
  for (int i = optind; i < argc; i++)
    if (t)
      replay(t, argv[i]);
    else
      replay_folder(argv[i]);
  printf("%ld runs\n", runs);
  return 0;
}
