/* random.h - tensors of random numbers, bit for bit TensorFlow's
 * (core/lib/random: philox_random, random_distributions). */
#ifndef HT_KERNELS_RANDOM_H
#define HT_KERNELS_RANDOM_H

#include "base/random.h"
#include "tensor/tensor.h"

typedef enum ht_distribution {
  HT_RANDOM_UNIFORM,   /* floats in [0,1) */
  HT_RANDOM_NORMAL,    /* standard normal */
  HT_RANDOM_TRUNCATED, /* standard normal, within (-2,2) */
  HT_RANDOM_INT,       /* integers in [low, high) */
  HT_RANDOM_FULL_INT   /* all values of the type */
} ht_distribution;

/* Fills z from the generator's place; groups of four (or two) numbers each
 * have their own counter, so threads change nothing. False where z's dtype is
 * none of the distribution's. */
bool ht_random_fill(ht_philox g, ht_distribution d, int64_t low, int64_t high,
                    ht_tensor *z);

/* A generator read one 32-bit number at a time. */
typedef struct ht_single {
  ht_philox g;
  uint32_t block[4];
  int used; /* 4: take the next block */
} ht_single;
uint32_t ht_single_next(ht_single *s);

/* 52 bits of two numbers, in [0,1). */
double ht_uniform_double(uint32_t high, uint32_t low);
/* Two standard normal values of a block, sin first. */
void ht_normal_pair_double(const uint32_t r[4], double out[2]);

#endif
