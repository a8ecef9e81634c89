/* watching.c - see watching.h. */
#include "cli/watching.h"

#include <string.h>

#include "cli/output.h"

static bool tell(void *arg, const char *what, int64_t done, int64_t total) {
  watching *w = arg;
  char text[128], now[32], all[32];
  bool written = strcmp(what, "written") == 0;
  if (written != w->written) { /* the rate and the time are its own */
    progress_clear(&w->bar);
    progress_start(&w->bar, w->quiet);
    w->written = written;
  }
  size_text((uint64_t)done, now);
  size_text((uint64_t)total, all);
  snprintf(text, sizeof text, total ? "%s %s of %s" : "%s %s", what, now, all);
  progress_show(
      &w->bar,
      &(progress_state){
          .what = text, .done = done, .total = total, .unit = PROGRESS_BYTES});
  return !signals_noted();
}

void watching_begin(watching *w, const invocation *c) {
  *w = (watching){.quiet = c->common->quiet};
  progress_start(&w->bar, w->quiet);
  signals_note();
  ht_watch_bytes(tell, w);
}

void watching_end(watching *w) {
  ht_watch_bytes(NULL, NULL);
  progress_clear(&w->bar);
  signals_act();
}
