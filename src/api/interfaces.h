/* interfaces.h - the common interfaces that a module has, for src/api alone. */
#ifndef HT_API_INTERFACES_H
#define HT_API_INTERFACES_H

#include "api/module.h"

/* Their names, of a module whose callables are described; tf1: its signatures
 * count, else its callables. */
ht_status ht_interfaces_of(const ht_module_info *m, bool tf1, ht_arena *arena,
                           const char *const **out, int *n) HT_MUST_CHECK;

#endif
