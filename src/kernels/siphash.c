/* siphash.c - SipHash-2-4, after the paper's section 2. */
#include <string.h>

#include "kernels/fingerprint.h"

static uint64_t rotate(uint64_t v, int by) { return v << by | v >> (64 - by); }

static void rounds(uint64_t v[4], int n) {
  for (; n > 0; n--) {
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
  }
}

static void absorb(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  rounds(v, 2);
  v[0] ^= word;
}

uint64_t ht_siphash(const uint64_t key[2], const char *s, size_t n) {
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                   key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  uint64_t word, last = (uint64_t)n << 56;
  for (; n >= 8; n -= 8, s += 8) {
    memcpy(&word, s, 8);
    absorb(v, word);
  }
  for (size_t i = 0; i < n; i++) last |= (uint64_t)(uint8_t)s[i] << 8 * i;
  absorb(v, last);
  v[2] ^= 0xff;
  rounds(v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
