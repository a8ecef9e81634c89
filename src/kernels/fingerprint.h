/* fingerprint.h - hashes that graphs depend on: bucket numbers of words. */
#ifndef HT_KERNELS_FINGERPRINT_H
#define HT_KERNELS_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

/* FarmHash's Fingerprint64 (Pike and Alakuijala; farmhashna::Hash64). */
uint64_t ht_fingerprint64(const char *s, size_t n);

/* SipHash-2-4 (Aumasson and Bernstein, 2012) with a key of 128 bits. */
uint64_t ht_siphash(const uint64_t key[2], const char *s, size_t n);

/* MurmurHash64A (Appleby) with the seed of TensorFlow's oldest buckets. */
uint64_t ht_murmur64(const char *s, size_t n);

#endif
