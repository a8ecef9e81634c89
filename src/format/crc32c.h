/*
 * crc32c.h - CRC-32C (Castagnoli; reflected polynomial 0x82f63b78, initial
 * value and final xor 0xffffffff; RFC 3720, B.4), and the masking under which
 * TensorFlow stores it.
 */
#ifndef HT_FORMAT_CRC32C_H
#define HT_FORMAT_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` covers (0: nothing) followed by n bytes at p. */
uint32_t ht_crc32c_extend(uint32_t crc, const void *p, size_t n);

/* The same in plain C, for machines without the instruction and for tests. */
uint32_t ht_crc32c_portable(uint32_t crc, const void *p, size_t n);

/* The checksum of A followed by the n bytes of B from those of A and B. */
uint32_t ht_crc32c_combine(uint32_t a, uint32_t b, size_t n);

/* Of n bytes, in blocks on all threads. */
uint32_t ht_crc32c(const void *p, size_t n);

/*
 * Of n bytes of an open file, on all threads: read, not mapped, so that a
 * large file is checked without its pages becoming this process's. False
 * where they cannot be read.
 */
bool ht_crc32c_file(int fd, int64_t offset, size_t n, uint32_t *crc);

/* Rotated right by 15 and a constant added, so that a checksum of data that
 * holds checksums stays a good one. */
uint32_t ht_crc32c_mask(uint32_t crc);
uint32_t ht_crc32c_unmask(uint32_t masked);

#endif
