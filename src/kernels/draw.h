/* draw.h - random numbers of distributions with parameters, number for number
 * TensorFlow's (core/kernels/random_op.cc, random_poisson_op.cc and
 * random_binomial_op.cc). */
#ifndef HT_KERNELS_DRAW_H
#define HT_KERNELS_DRAW_H

#include <stdbool.h>

#include "base/random.h"

/* A number at a generator's place, which is reserved for it. */
double ht_draw_gamma(ht_philox g, double alpha);
double ht_draw_poisson(ht_philox g, double rate);
/* The k-th number from g, of p up to 1/2; large: count * p is 10 or more. */
double ht_draw_binomial(ht_philox g, uint64_t k, double count, double p,
                        bool large);

#endif
