/* draw.h - random numbers of distributions with parameters, number for number
 * TensorFlow's (core/kernels/random_op.cc and random_poisson_op.cc). */
#ifndef HT_KERNELS_DRAW_H
#define HT_KERNELS_DRAW_H

#include "base/random.h"

/* A number at a generator's place, which is reserved for it. */
double ht_draw_gamma(ht_philox g, double alpha);
double ht_draw_poisson(ht_philox g, double rate);

#endif
