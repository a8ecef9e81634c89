/* random.c - see random.h. */
#include "kernels/random.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"

enum { GRAIN = 1 << 11 }; /* groups */

uint32_t ht_single_next(ht_single *s) {
  if (s->used == 4) {
    ht_philox_next(&s->g, s->block);
    s->used = 0;
  }
  return s->block[s->used++];
}

double ht_uniform_double(uint32_t high, uint32_t low) {
  uint64_t bits =
      (uint64_t)1023 << 52 | (uint64_t)(high & 0xfffffu) << 32 | low;
  double d;
  memcpy(&d, &bits, 8);
  return d - 1.0;
}

void ht_normal_pair_double(const uint32_t r[4], double out[2]) {
  double u = ht_uniform_double(r[0], r[1]);
  if (u < 1.0e-7) u = 1.0e-7;
  double v = 2 * M_PI * ht_uniform_double(r[2], r[3]);
  double size = sqrt(-2.0 * log(u));
  out[0] = sin(v) * size;
  out[1] = cos(v) * size;
}

/* ---- a group: what one block of four 32-bit numbers becomes */

typedef union {
  float f[4];
  double d[2];
  uint16_t h[4];
  uint32_t w[4];
  uint64_t q[2];
} group;

typedef struct {
  ht_philox g;
  ht_distribution d;
  ht_dtype dtype;
  int64_t low;
  uint64_t range;
  char *z;
  size_t n, size, each; /* elements, bytes of one, elements of a group */
} job;

static void uniform_group(const job *j, const uint32_t r[4], group *out) {
  if (j->dtype == HT_DOUBLE) {
    out->d[0] = ht_uniform_double(r[0], r[1]);
    out->d[1] = ht_uniform_double(r[2], r[3]);
    return;
  }
  for (int k = 0; k < 4; k++) {
    uint16_t half = (uint16_t)(15 << 10 | (r[k] & 0x3ffu));
    uint16_t brain = (uint16_t)(127 << 7 | (r[k] & 0x7fu));
    if (j->dtype == HT_FLOAT)
      out->f[k] = ht_uniform_float(r[k]);
    else if (j->dtype == HT_HALF)
      out->h[k] = ht_float_to_half(ht_half_to_float(half) - 1.0f);
    else
      out->h[k] = ht_float_to_bfloat16(ht_bfloat16_to_float(brain) - 1.0f);
  }
}

static void store_floats(const job *j, const float f[4], group *out) {
  for (int k = 0; k < 4; k++)
    if (j->dtype == HT_FLOAT)
      out->f[k] = f[k];
    else if (j->dtype == HT_HALF)
      out->h[k] = ht_float_to_half(f[k]);
    else
      out->h[k] = ht_float_to_bfloat16(f[k]);
}

static void normal_group(const job *j, const uint32_t r[4], group *out) {
  float f[4];
  if (j->dtype == HT_DOUBLE) {
    ht_normal_pair_double(r, out->d);
    return;
  }
  ht_normal_pair(r[0], r[1], f);
  ht_normal_pair(r[2], r[3], f + 2);
  store_floats(j, f, out);
}

/* Pairs until the group is full of numbers below 2. */
static void truncated_group(const job *j, ht_philox g, group *out) {
  ht_single s = {.g = g, .used = 4};
  float f[4], pair[2];
  double wide[2];
  for (size_t n = 0; n < j->each;) {
    uint32_t r[4];
    int words = j->dtype == HT_DOUBLE ? 4 : 2;
    for (int k = 0; k < words; k++) r[k] = ht_single_next(&s);
    if (j->dtype == HT_DOUBLE)
      ht_normal_pair_double(r, wide);
    else
      ht_normal_pair(r[0], r[1], pair);
    for (int k = 0; k < 2 && n < j->each; k++) {
      if (j->dtype == HT_DOUBLE && fabs(wide[k]) < 2)
        out->d[n++] = wide[k];
      else if (j->dtype != HT_DOUBLE && fabsf(pair[k]) < 2)
        f[n++] = pair[k];
    }
  }
  if (j->dtype != HT_DOUBLE) store_floats(j, f, out);
}

static void int_group(const job *j, const uint32_t r[4], group *out) {
  bool full = j->d == HT_RANDOM_FULL_INT;
  if (j->each == 2)
    for (int k = 0; k < 2; k++) {
      uint64_t word = r[2 * k] | (uint64_t)r[2 * k + 1] << 32;
      out->q[k] = full ? word : (uint64_t)j->low + word % j->range;
    }
  else
    for (int k = 0; k < 4; k++)
      out->w[k] = full ? r[k] : (uint32_t)j->low + r[k] % (uint32_t)j->range;
}

static void fill_group(const job *j, size_t k, group *out) {
  ht_philox g = j->g;
  uint32_t r[4];
  if (j->d == HT_RANDOM_TRUNCATED) {
    ht_philox_skip(&g, k * j->each * 64); /* 256 numbers reserved for each */
    truncated_group(j, g, out);
    return;
  }
  ht_philox_skip(&g, k);
  ht_philox_next(&g, r);
  if (j->d == HT_RANDOM_UNIFORM)
    uniform_group(j, r, out);
  else if (j->d == HT_RANDOM_NORMAL)
    normal_group(j, r, out);
  else
    int_group(j, r, out);
}

static void fill_range(size_t from, size_t to, void *arg) {
  const job *j = arg;
  group out;
  for (size_t k = from; k < to; k++) {
    size_t at = k * j->each, n = j->n - at < j->each ? j->n - at : j->each;
    fill_group(j, k, &out);
    memcpy(j->z + at * j->size, &out, n * j->size);
  }
}

bool ht_random_fill(ht_philox g, ht_distribution d, int64_t low, int64_t high,
                    ht_tensor *z) {
  bool ints = d == HT_RANDOM_INT || d == HT_RANDOM_FULL_INT;
  ht_dtype t = z->dtype;
  bool int_type =
      t == HT_INT32 || t == HT_INT64 || t == HT_UINT32 || t == HT_UINT64;
  bool float_type =
      t == HT_FLOAT || t == HT_DOUBLE || t == HT_HALF || t == HT_BFLOAT16;
  if (ints ? !int_type : !float_type) return false;
  job j = {g,
           d,
           t,
           low,
           (uint64_t)high - (uint64_t)low,
           z->data,
           (size_t)ht_count(z),
           ht_dtype_size(t),
           4};
  if (j.size == 8) j.each = 2;
  if (d == HT_RANDOM_INT && (j.size == 4 ? (uint32_t)j.range : j.range) == 0)
    return false;
  ht_parallel((j.n + j.each - 1) / j.each, GRAIN, fill_range, &j);
  return true;
}
