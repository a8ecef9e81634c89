/* fetching.c - see fetching.h. */
#include "cli/fetching.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/progress.h"

/* Seconds between redrawings, between plain lines, and between those where
 * TFHUB_DOWNLOAD_PROGRESS asks for them; a short work is not worth a line. */
static const double redraw = 0.1, plain = 10, asked = 1;

typedef struct view {
  bool quiet, terminal, drawn;
  double between, said, begun;
  int64_t first; /* byte of this process */
  ht_fetch_step step;
  int64_t tries; /* told of */
} view;

static void show_line(view *v, const char *line) {
  if (v->terminal)
    fprintf(stderr, "\r\033[K%.79s", line);
  else
    fprintf(stderr, "%s\n", line);
  fflush(stderr);
  v->drawn = v->terminal;
}

static void clear_line(view *v) {
  if (v->drawn) fputs("\r\033[K", stderr);
  v->drawn = false;
}

static void show_bytes(view *v, const ht_fetch_news *n, double t) {
  char line[256], done[32], total[32], rate[32];
  double seconds = t - v->begun;
  uint64_t speed =
      seconds > 0 ? (uint64_t)((double)(n->done - v->first) / seconds) : 0;
  size_text((uint64_t)n->done, done);
  size_text((uint64_t)n->total, total);
  size_text(speed, rate);
  if (n->step == HT_FETCH_UNPACK)
    snprintf(line, sizeof line, "unpacked %s", done);
  else if (n->total)
    snprintf(line, sizeof line, "downloaded %s of %s (%s/s)", done, total,
             rate);
  else
    snprintf(line, sizeof line, "downloaded %s (%s/s)", done, rate);
  show_line(v, line);
}

static void show_wait(view *v, const ht_fetch_news *n) {
  char line[256], done[32];
  size_text((uint64_t)n->done, done);
  snprintf(line, sizeof line, "waiting for %.60s, which has %s", n->text, done);
  show_line(v, line);
}

static void show_retry(view *v, const ht_fetch_news *n) {
  if (v->tries == n->done) return;
  v->tries = n->done;
  clear_line(v);
  fprintf(stderr, "%s; trying again (%lld of %lld)\n", n->text,
          (long long)n->done, (long long)n->total);
}

static void show(view *v, const ht_fetch_news *n) {
  double t = progress_now();
  if (v->quiet) return;
  if (n->step == HT_FETCH_RETRY) {
    show_retry(v, n);
    return;
  }
  if (n->step != v->step || v->begun <= 0) {
    v->begun = t;
    v->first = n->done;
    v->said = v->terminal ? 0 : t;
    v->step = n->step;
  }
  if (t - v->said < v->between) return;
  v->said = t;
  if (n->step == HT_FETCH_WAIT)
    show_wait(v, n);
  else
    show_bytes(v, n, t);
}

static bool tell(void *arg, const ht_fetch_news *n) {
  show(arg, n);
  return !signals_noted();
}

ht_status fetch_shown(const invocation *c, const char *handle,
                      ht_fetch_options *options, char **folder) {
  const char *wanted = getenv("TFHUB_DOWNLOAD_PROGRESS");
  view v = {.quiet = c->common->quiet};
  v.terminal = isatty(STDERR_FILENO);
  v.between = v.terminal ? redraw : wanted && *wanted ? asked : plain;
  options->tell = tell;
  options->arg = &v;
  signals_note();
  ht_status st = ht_fetch(handle, options, folder);
  clear_line(&v);
  signals_act();
  if (st.code == HT_OK && signals_noted()) {
    free(*folder);
    *folder = NULL;
    st = (ht_status){HT_STOPPED, "stopped"};
  }
  return st;
}

ht_status fetch_before(const invocation *c, const char *handle) {
  ht_fetch_options options = ht_fetch_defaults();
  char *folder = NULL;
  ht_status st = fetch_shown(c, handle, &options, &folder);
  free(folder);
  return st;
}

ht_status fetch_and_open(const invocation *c, const ht_module_options *options,
                         ht_module **module) {
  ht_status st = fetch_before(c, c->operand[0]);
  if (st.code != HT_OK) return st;
  return ht_module_open(c->operand[0], options, module);
}
