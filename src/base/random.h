/*
 * random.h - counter-based random numbers: Philox 4x32-10 (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011), which is also
 * TensorFlow's generator.
 */
#ifndef HT_BASE_RANDOM_H
#define HT_BASE_RANDOM_H

#include <stdint.h>

typedef struct ht_philox {
  uint32_t key[2];
  uint32_t counter[4];
} ht_philox;

/* The generator of (seed, stream): key = seed, counter = (0, stream). */
ht_philox ht_philox_make(uint64_t seed, uint64_t stream);

/* The next four numbers; the counter moves on by one. */
void ht_philox_next(ht_philox *g, uint32_t out[4]);

/* Moves the 128-bit counter on by n. */
void ht_philox_skip(ht_philox *g, uint64_t n);

/* Uniform in [0,1): 23 bits, as TensorFlow makes floats. */
float ht_uniform_float(uint32_t bits);

/* Two standard normal values by Box and Muller, as TensorFlow pairs them:
 * sin first. */
void ht_normal_pair(uint32_t a, uint32_t b, float out[2]);

/* A permutation of 0..n-1 drawn from (seed, stream) (Fisher and Yates). */
void ht_shuffle(uint64_t seed, uint64_t stream, int64_t *index, int64_t n);

#endif
