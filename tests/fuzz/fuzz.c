/* fuzz.c - libFuzzer's door to the target that $FUZZ_TARGET names. */
#include <stdio.h>
#include <stdlib.h>

#include "targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const target *chosen;
  if (!chosen) {
    const char *name = getenv("FUZZ_TARGET");
    chosen = name ? target_find(name) : NULL;
    if (!chosen) {
      fprintf(stderr, "FUZZ_TARGET names no target\n");
      exit(2);
    }
  }
  chosen->run(data, n);
  return 0;
}
