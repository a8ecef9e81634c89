/* standard_input.c - see standard_input.h. */
#include "train/standard_input.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"

static void tell(void *arg, const char *text) {
  const ht_watcher *w = arg;
  ht_event e = {.type = HT_EVENT_NOTE, .text = text};
  if (w && w->event) (void)w->event(w->arg, &e);
}

static bool has_run(const char *out) {
  ht_arena arena = {0};
  char *path = ht_path_join(&arena, out, "checkpoints");
  bool there = path && ht_path_exists(path);
  ht_arena_free(&arena);
  return there;
}

/* What an interrupted run has kept. */
static ht_status find(const char *out, ht_arena *arena, char **kept) {
  static const char *const name[] = {"data.csv", "data.jsonl", "data.ft"};
  for (int i = 0; i < 3; i++) {
    *kept = ht_path_join(arena, out, name[i]);
    if (!*kept) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (ht_path_exists(*kept)) return HT_SUCCESS;
  }
  return ht_fail(HT_USAGE, "'%s' kept no data from standard input", out);
}

static ht_status keep(const ht_train_options *o, const ht_watcher *watcher,
                      ht_arena *arena, char **kept) {
  ht_read_options options = {.labelled = true,
                             .max_bad = o->max_bad,
                             .notice = tell,
                             .arg = (void *)(uintptr_t)watcher};
  bool run = has_run(o->out);
  if (run && o->resume) return find(o->out, arena, kept);
  if (run) return HT_SUCCESS; /* refused later, with everything left alone */
  return ht_dataset_keep_input(o->out, &options, arena, kept);
}

ht_status ht_standard_input_keep(ht_train_options *o, const ht_watcher *watcher,
                                 ht_arena *arena, char **kept) {
  *kept = NULL;
  if (strcmp(o->data, "-") != 0) return HT_SUCCESS;
  HT_TRY(keep(o, watcher, arena, kept));
  if (*kept) o->data = *kept;
  return HT_SUCCESS;
}

void ht_standard_input_drop(const char *out, const char *kept) {
  if (kept && !has_run(out)) (void)unlink(kept);
}
