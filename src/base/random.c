/* random.c - see random.h. */
#include "base/random.h"

#include <math.h>
#include <string.h>

ht_philox ht_philox_make(uint64_t seed, uint64_t stream) {
  return (ht_philox){
      .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
      .counter = {0, 0, (uint32_t)stream, (uint32_t)(stream >> 32)},
  };
}

void ht_philox_skip(ht_philox *g, uint64_t n) {
  uint64_t low = g->counter[0] | (uint64_t)g->counter[1] << 32;
  uint64_t high = g->counter[2] | (uint64_t)g->counter[3] << 32;
  uint64_t sum = low + n;
  high += sum < low;
  g->counter[0] = (uint32_t)sum;
  g->counter[1] = (uint32_t)(sum >> 32);
  g->counter[2] = (uint32_t)high;
  g->counter[3] = (uint32_t)(high >> 32);
}

void ht_philox_next(ht_philox *g, uint32_t out[4]) {
  uint32_t k0 = g->key[0], k1 = g->key[1];
  uint32_t c0 = g->counter[0], c1 = g->counter[1];
  uint32_t c2 = g->counter[2], c3 = g->counter[3];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)p1;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
  ht_philox_skip(g, 1);
}

float ht_uniform_float(uint32_t bits) {
  uint32_t word = (bits & 0x7fffffu) | 0x3f800000u;
  float f;
  memcpy(&f, &word, 4);
  return f - 1.0f;
}

void ht_normal_pair(uint32_t a, uint32_t b, float out[2]) {
  float u = ht_uniform_float(a);
  if (u < 1.0e-7f) u = 1.0e-7f;
  float v = (float)(2 * M_PI) * ht_uniform_float(b);
  float r = sqrtf(-2.0f * logf(u));
  out[0] = sinf(v) * r;
  out[1] = cosf(v) * r;
}

void ht_shuffle(uint64_t seed, uint64_t stream, int64_t *index, int64_t n) {
  ht_philox g = ht_philox_make(seed, stream);
  uint32_t r[4];
  for (int64_t i = 0; i < n; i++) index[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    ht_philox_next(&g, r);
    uint64_t word = r[0] | (uint64_t)r[1] << 32;
    int64_t j = (int64_t)(word % (uint64_t)(i + 1)), t = index[i];
    index[i] = index[j];
    index[j] = t;
  }
}
