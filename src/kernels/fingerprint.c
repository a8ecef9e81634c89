/* fingerprint.c - FarmHash Fingerprint64 and MurmurHash64A. */
#include "kernels/fingerprint.h"

#include <string.h>

static const uint64_t k0 = 0xc3a5c85c97cb3127u, k1 = 0xb492b66fbe98f273u,
                      k2 = 0x9ae16a3b2f90404fu;

typedef struct pair {
  uint64_t a, b;
} pair;

static uint64_t load64(const char *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static uint64_t load32(const char *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static uint64_t rotate(uint64_t v, int by) { return v >> by | v << (64 - by); }
static uint64_t shift_mix(uint64_t v) { return v ^ (v >> 47); }

static uint64_t mix(uint64_t u, uint64_t v, uint64_t mul) {
  uint64_t a = shift_mix((u ^ v) * mul);
  return shift_mix((v ^ a) * mul) * mul;
}

static uint64_t up_to_16(const char *s, size_t n) {
  uint64_t mul = k2 + n * 2;
  if (n >= 8) {
    uint64_t a = load64(s) + k2, b = load64(s + n - 8);
    return mix(rotate(b, 37) * mul + a, (rotate(a, 25) + b) * mul, mul);
  }
  if (n >= 4) return mix(n + (load32(s) << 3), load32(s + n - 4), mul);
  if (!n) return k2;
  uint32_t y = (uint8_t)s[0] + ((uint32_t)(uint8_t)s[n >> 1] << 8);
  uint32_t z = (uint32_t)n + ((uint32_t)(uint8_t)s[n - 1] << 2);
  return shift_mix(y * k2 ^ z * k0) * k2;
}

static uint64_t up_to_32(const char *s, size_t n) {
  uint64_t mul = k2 + n * 2;
  uint64_t a = load64(s) * k1, b = load64(s + 8);
  uint64_t c = load64(s + n - 8) * mul, d = load64(s + n - 16) * k2;
  return mix(rotate(a + b, 43) + rotate(c, 30) + d, a + rotate(b + k2, 18) + c,
             mul);
}

static uint64_t up_to_64(const char *s, size_t n) {
  uint64_t mul = k2 + n * 2;
  uint64_t a = load64(s) * k2, b = load64(s + 8);
  uint64_t c = load64(s + n - 8) * mul, d = load64(s + n - 16) * k2;
  uint64_t y = rotate(a + b, 43) + rotate(c, 30) + d;
  uint64_t z = mix(y, a + rotate(b + k2, 18) + c, mul);
  uint64_t e = load64(s + 16) * mul, f = load64(s + 24);
  uint64_t g = (y + load64(s + n - 32)) * mul;
  uint64_t h = (z + load64(s + n - 24)) * mul;
  return mix(rotate(e + f, 43) + rotate(g, 30) + h, e + rotate(f + a, 18) + g,
             mul);
}

static pair weak(const char *s, uint64_t a, uint64_t b) {
  uint64_t w = load64(s), x = load64(s + 8), y = load64(s + 16),
           z = load64(s + 24);
  a += w;
  b = rotate(b + a + z, 21);
  uint64_t c = a;
  a += x + y;
  b += rotate(a, 44);
  return (pair){a + z, b + c};
}

/* The state of the loop over blocks of 64 bytes. */
typedef struct state {
  uint64_t x, y, z;
  pair v, w;
} state;

static void block(state *t, const char *s, uint64_t mul, uint64_t by) {
  t->x = rotate(t->x + t->y + t->v.a + load64(s + 8), 37) * mul;
  t->y = rotate(t->y + t->v.b + load64(s + 48), 42) * mul;
  t->x ^= t->w.b * by;
  t->y += t->v.a * by + load64(s + 40);
  t->z = rotate(t->z + t->w.a, 33) * mul;
  t->v = weak(s, t->v.b * mul, t->x + t->w.a);
  t->w = weak(s + 32, t->z + t->w.b, t->y + load64(s + 16));
  uint64_t swap = t->z;
  t->z = t->x;
  t->x = swap;
}

uint64_t ht_fingerprint64(const char *s, size_t n) {
  if (n <= 16) return up_to_16(s, n);
  if (n <= 32) return up_to_32(s, n);
  if (n <= 64) return up_to_64(s, n);
  const uint64_t seed = 81;
  state t = {.x = seed * k2 + load64(s), .y = seed * k1 + 113};
  t.z = shift_mix(t.y * k2 + 113) * k2;
  const char *end = s + (n - 1) / 64 * 64;
  const char *last = end + ((n - 1) & 63) - 63;
  for (; s != end; s += 64) block(&t, s, k1, 1);
  uint64_t mul = k1 + ((t.z & 0xff) << 1);
  t.w.a += (n - 1) & 63;
  t.v.a += t.w.a;
  t.w.a += t.v.a;
  block(&t, last, mul, 9);
  return mix(mix(t.v.a, t.w.a, mul) + shift_mix(t.y) * k0 + t.z,
             mix(t.v.b, t.w.b, mul) + t.x, mul);
}

uint64_t ht_murmur64(const char *s, size_t n) {
  const uint64_t m = 0xc6a4a7935bd1e995u;
  uint64_t h = 0xDECAFCAFFEu ^ n * m;
  for (; n >= 8; n -= 8, s += 8) {
    uint64_t k = load64(s) * m;
    h = (h ^ shift_mix(k) * m) * m;
  }
  for (size_t i = 0; i < n; i++) h ^= (uint64_t)(uint8_t)s[i] << 8 * i;
  if (n) h *= m;
  return shift_mix(shift_mix(h) * m);
}
