/* targets_ops.h - what a module's operations parse, fed with any bytes. */
#ifndef HT_FUZZ_TARGETS_OPS_H
#define HT_FUZZ_TARGETS_OPS_H

#include <stddef.h>
#include <stdint.h>

void target_example(const uint8_t *data, size_t n);
void target_fastbert(const uint8_t *data, size_t n);
void target_sentencepiece(const uint8_t *data, size_t n);
void target_sequence(const uint8_t *data, size_t n);
void target_tensor(const uint8_t *data, size_t n);
void target_text(const uint8_t *data, size_t n);
/* The file at that path. */
void target_vocabulary(const char *path);

#endif
