/* retreat.c - see retreat.h. */
#include "train/retreat.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "train/checkpoint.h"

enum { MAX_RETREATS = 200 };

static char *path_in(const char *run, ht_arena *arena) {
  return ht_path_join(arena, run, "checkpoints/retreats");
}

ht_status ht_retreat_read(const char *run, ht_arena *arena, ht_ease **ease,
                          int *n) {
  char *data, *path = path_in(run, arena);
  size_t size;
  int used;
  long long from;
  *n = 0;
  HT_NEW(*ease, arena, MAX_RETREATS);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(path)) return HT_SUCCESS;
  HT_TRY(ht_file_read(path, 1 << 20, arena, &data, &size));
  for (; *n < MAX_RETREATS; data += used) {
    ht_ease *e = &(*ease)[*n];
    if (sscanf(data, "%lld %lf%n", &from, &e->factor, &used) != 2) break;
    e->from = from;
    ++*n;
  }
  data += strspn(data, "\n");
  return *data ? ht_fail(HT_CORRUPT, "'%s' holds no steps and factors", path)
               : HT_SUCCESS;
}

static ht_status write_down(const char *run, int64_t from, ht_arena *arena) {
  ht_ease *ease;
  int n;
  ht_text t = {0};
  HT_TRY(ht_retreat_read(run, arena, &ease, &n));
  for (int i = 0; i < n; i++)
    ht_text_printf(&t, "%lld %g\n", (long long)ease[i].from, ease[i].factor);
  ht_text_printf(&t, "%lld 0.1\n", (long long)from);
  ht_status st = ht_text_check(&t);
  const char *path = path_in(run, arena);
  if (!path) st = ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (st.code == HT_OK) st = ht_file_write(path, t.p, t.n);
  ht_text_free(&t);
  return st;
}

/* Killed between the two, a run fails at the same step and goes back again. */
ht_status ht_retreat(const char *run, int64_t *from) {
  ht_arena arena = {0};
  ht_status st = ht_checkpoint_rewind(run, from);
  if (st.code == HT_OK) st = write_down(run, *from, &arena);
  ht_arena_free(&arena);
  return st;
}
