/* generator.h - where the random numbers of an op come from, as TensorFlow has
 * it: the node, a seed, a key and counter, or a variable. */
#ifndef HT_OPS_GENERATOR_H
#define HT_OPS_GENERATOR_H

#include "base/random.h"
#include "ops/op.h"

/* What a stateful op keeps between runs: `prepare` of its row. */
ht_status ht_generator_prepare(const ht_attrs *attrs,
                               void **prepared) HT_MUST_CHECK;
/* The generator of a stateful op that draws about n numbers. */
ht_philox ht_generator_of_node(ht_call *c, uint64_t n);

/* From a seed of two integers, in[k]. */
ht_status ht_generator_seeded(ht_call *c, int k, ht_philox *g) HT_MUST_CHECK;
/* Key [1], counter [2] and algorithm, as inputs 1 to 3. */
ht_status ht_generator_given(ht_call *c, ht_philox *g) HT_MUST_CHECK;

/*
 * From the variable in[i], int64: counter (low, high) and key. Reads its
 * state, and moves it on by what n numbers reserve.
 * `old` is the caller's to drop, also on failure where it is set.
 */
ht_status ht_generator_skip(const ht_call *c, int i, uint64_t n,
                            ht_tensor *old) HT_MUST_CHECK;
ht_philox ht_generator_from(const ht_tensor *state);

#endif
