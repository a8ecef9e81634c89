/* fetching.c - see fetching.h. */
#include "cli/fetching.h"

#include <stdlib.h>

#include "cli/output.h"
#include "cli/progress.h"

typedef struct view {
  progress bar;
  bool quiet;
  ht_fetch_step step;
  int64_t tries; /* told of */
} view;

/* A short work is not worth a plain line, unless TFHUB_DOWNLOAD_PROGRESS asks
 * for more of them. */
static void begin(view *v, ht_fetch_step step) {
  const char *asked = getenv("TFHUB_DOWNLOAD_PROGRESS");
  progress_clear(&v->bar);
  progress_start(&v->bar, v->quiet);
  if (asked && *asked) v->bar.plain = 1;
  v->step = step;
}

static void show_bytes(view *v, const ht_fetch_news *n) {
  char what[128], done[32], total[32];
  size_text((uint64_t)n->done, done);
  size_text((uint64_t)n->total, total);
  if (n->step == HT_FETCH_WAIT)
    snprintf(what, sizeof what, "waiting for %.60s, which has %s", n->text,
             done);
  else if (n->step == HT_FETCH_UNPACK)
    snprintf(what, sizeof what, "unpacked %s", done);
  else if (n->total)
    snprintf(what, sizeof what, "downloaded %s of %s", done, total);
  else
    snprintf(what, sizeof what, "downloaded %s", done);
  progress_show(&v->bar, &(progress_state){.what = what,
                                           .done = n->done,
                                           .total = n->total,
                                           .unit = PROGRESS_BYTES});
}

static void show_retry(view *v, const ht_fetch_news *n) {
  if (v->tries == n->done || v->quiet) return;
  v->tries = n->done;
  progress_clear(&v->bar);
  fprintf(stderr, "%s; trying again (%lld of %lld)\n", n->text,
          (long long)n->done, (long long)n->total);
}

static void show(view *v, const ht_fetch_news *n) {
  if (n->step == HT_FETCH_RETRY) {
    show_retry(v, n);
    return;
  }
  if (n->step != v->step) begin(v, n->step);
  show_bytes(v, n);
}

static bool tell(void *arg, const ht_fetch_news *n) {
  show(arg, n);
  return !signals_noted();
}

ht_status fetch_shown(const invocation *c, const char *handle,
                      ht_fetch_options *options, char **folder) {
  view v = {.quiet = c->common->quiet};
  begin(&v, HT_FETCH_DOWNLOAD);
  options->tell = tell;
  options->arg = &v;
  signals_note();
  ht_status st = ht_fetch(handle, options, folder);
  progress_clear(&v.bar);
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
  if (st.code == HT_OK && options->preprocess)
    st = fetch_before(c, options->preprocess);
  if (st.code != HT_OK) return st;
  return ht_module_open(c->operand[0], options, module);
}
