/* watch.c - see watch.h. */
#include "base/watch.h"

#include "hubtune.h"

/* A property of the thread, as the number of its threads is: what writes lies
 * deep below what is asked to. */
static _Thread_local ht_bytes_fn *tell;
static _Thread_local void *tell_arg;

void ht_watch_bytes(ht_bytes_fn *fn, void *arg) {
  tell = fn;
  tell_arg = arg;
}

ht_status ht_tell_bytes(const char *what, int64_t done, int64_t total) {
  if (!tell || tell(tell_arg, what, done, total)) return HT_SUCCESS;
  return ht_fail(HT_STOPPED, "stopped");
}
