/* cmd_fetch.c - hubtune fetch: the folder of a handle. */
#include <stdlib.h>

#include "cli/command.h"

static const option options[] = {{0}};

static int run(const invocation *c) {
  char *folder = NULL;
  signals_subject(c->operand[0]);
  ht_status st = ht_fetch(c->operand[0], &folder);
  if (st.code != HT_OK) return failed(st);
  puts(folder);
  free(folder);
  return DONE;
}

const command cmd_fetch = {
    .name = "fetch",
    .operands = "HANDLE",
    .summary = "unpack a module into the cache and print its folder",
    .text =
        "Prints the folder of a module. An archive is unpacked into the cache "
        "($XDG_CACHE_HOME/hubtune) the first time it is named, here or where "
        "any command takes a HANDLE.",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
