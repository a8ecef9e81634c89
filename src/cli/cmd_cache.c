/* cmd_cache.c - hubtune cache: what is kept, how big, how old. */
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

static bool show(void *arg, const char *handle, const char *folder,
                 uint64_t bytes, int64_t seconds) {
  char size[32], age[32];
  (void)arg;
  printf("%8s  %8s  %s\n                    %s\n", size_text(bytes, size),
         age_text(seconds, age), handle, folder);
  return !ferror(stdout);
}

static bool collect(void *arg, const char *handle, const char *folder,
                    uint64_t bytes, int64_t seconds) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "handle", json_object_new_string(handle));
  json_object_object_add(o, "folder", json_object_new_string(folder));
  json_object_object_add(o, "bytes", json_object_new_int64((int64_t)bytes));
  json_object_object_add(o, "seconds", json_object_new_int64(seconds));
  json_object_array_add(arg, o);
  return true;
}

static int run(const invocation *c) {
  ht_status st;
  if (strcmp(c->operand[0], "clear") == 0) {
    st = ht_cache_empty();
  } else if (strcmp(c->operand[0], "list") != 0) {
    return wrong_use("cache takes list or clear: '%s'", c->operand[0]);
  } else if (c->common->json) {
    json_object *all = json_object_new_array();
    st = ht_cache_each(collect, all);
    json_print(all);
  } else {
    st = ht_cache_each(show, NULL);
  }
  return st.code == HT_OK ? DONE : failed(st);
}

const command cmd_cache = {
    .name = "cache",
    .operands = "list|clear",
    .summary = "what is kept of archives that were unpacked",
    .text =
        "'list' shows the modules that were unpacked into the cache: how big, "
        "how old, from where. 'clear' removes them.",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
