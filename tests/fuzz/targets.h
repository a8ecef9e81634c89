/* targets.h - every reader of files that come from elsewhere, fed with any
 * bytes. */
#ifndef HT_FUZZ_TARGETS_H
#define HT_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

typedef struct target {
  const char *name;
  void (*run)(const uint8_t *data, size_t n);
} target;

extern const target targets[]; /* ends with a row without a name */
const target *target_find(const char *name);

#endif
