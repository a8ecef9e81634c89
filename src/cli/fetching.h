/* fetching.h - shows downloads, and gets modules before a command opens
 * them. */
#ifndef HT_CLI_FETCHING_H
#define HT_CLI_FETCHING_H

#include "cli/command.h"

/* ht_fetch with progress on standard error; SIGINT and SIGTERM stop it. */
ht_status fetch_shown(const invocation *c, const char *handle,
                      ht_fetch_options *options, char **folder);

/* Brings a module into the cache, so that opening it does not wait. */
ht_status fetch_before(const invocation *c, const char *handle);

/* Opens the module that the first operand names. */
ht_status fetch_and_open(const invocation *c, const ht_module_options *options,
                         ht_module **module);

#endif
