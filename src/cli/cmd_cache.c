/* cmd_cache.c - hubtune cache: what is kept, how big, how old, and whether
 * it is whole. */
#include "cli/output.h"

static const option options[] = {{0}};

/* "45 s", "3 min", "2 h", "5 days" */
static const char *age_text(int64_t seconds, char text[32]) {
  if (seconds < 60)
    snprintf(text, 32, "%lld s", (long long)seconds);
  else if (seconds < 3600)
    snprintf(text, 32, "%lld min", (long long)seconds / 60);
  else if (seconds < 48 * 3600)
    snprintf(text, 32, "%lld h", (long long)seconds / 3600);
  else
    snprintf(text, 32, "%lld days", (long long)seconds / 86400);
  return text;
}

/* What is printed of entries, how many there are, how many are broken. */
typedef struct view {
  bool verify;
  json_object *all; /* NULL: lines */
  int n, n_broken;
} view;

static void show_line(const view *v, const ht_cache_entry *e) {
  char size[32], age[32];
  if (!v->verify)
    printf("%8s  %8s  %s\n                    %s\n", size_text(e->bytes, size),
           age_text(e->seconds, age), e->handle, e->folder);
  else if (e->broken)
    printf("broken  %s: %s\n        %s\n", e->handle, e->broken, e->folder);
  else
    printf("whole   %s\n", e->handle);
}

static json_object *json_entry(const view *v, const ht_cache_entry *e) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "handle", json_object_new_string(e->handle));
  json_object_object_add(o, "folder", json_object_new_string(e->folder));
  json_object_object_add(o, "bytes", json_object_new_int64((int64_t)e->bytes));
  json_object_object_add(o, "seconds", json_object_new_int64(e->seconds));
  if (v->verify)
    json_object_object_add(
        o, "broken", e->broken ? json_object_new_string(e->broken) : NULL);
  return o;
}

static bool show(void *arg, const ht_cache_entry *e) {
  view *v = arg;
  v->n++;
  v->n_broken += e->broken != NULL;
  if (v->all)
    json_object_array_add(v->all, json_entry(v, e));
  else
    show_line(v, e);
  return !ferror(stdout);
}

static int look(const invocation *c, bool verify) {
  view v = {.verify = verify};
  char text[96];
  if (c->common->json) v.all = json_object_new_array();
  ht_status st = ht_cache_each(verify, show, &v);
  if (v.all) json_print(v.all);
  if (st.code != HT_OK) return failed(st);
  if (!v.n_broken) return DONE;
  snprintf(text, sizeof text,
           "modules of the cache that are not whole: %d of %d", v.n_broken,
           v.n);
  return failed((ht_status){HT_CORRUPT, text});
}

static int clear(const char *handle) {
  ht_status st = ht_cache_clear(handle);
  return st.code == HT_OK ? DONE : failed(st);
}

static int run(const invocation *c) {
  const char *what = c->operand[0];
  const char *handle = c->n_operands > 1 ? c->operand[1] : NULL;
  if (strcmp(what, "clear") == 0) return clear(handle);
  if (strcmp(what, "list") != 0 && strcmp(what, "verify") != 0)
    return wrong_use("cache takes list, clear or verify: '%s'", what);
  if (handle)
    return wrong_use("cache %s takes no more operands: '%s'", what, handle);
  return look(c, strcmp(what, "verify") == 0);
}

const action do_cache = {
    .text =
        "'list' shows what the cache keeps: how big, how old, from where. "
        "These "
        "are modules that were downloaded or unpacked, and outputs of frozen "
        "modules for examples of a training, which other trainings over the "
        "same examples read instead of computing them. 'clear' removes all of "
        "it, 'clear HANDLE' the module of one handle; a download that is under "
        "way stays. 'verify' reads the modules and tells which are whole; with "
        "a broken one the exit status is 1 (it is fetched again when it is "
        "next needed).\n\n"
        "Examples:\n"
        "  hubtune cache list\n"
        "  hubtune cache clear https://tfhub.dev/google/nnlm-en-dim50/2",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .run = run,
};
