/* interval.h - how sure metrics are, and how honest probabilities. */
#ifndef HT_TRAIN_INTERVAL_H
#define HT_TRAIN_INTERVAL_H

#include "train/metrics.h"

typedef struct ht_interval {
  double low, high;
} ht_interval;

/* 95% of k of n: the score interval (Wilson 1927, JASA 22). n 0: [0,1]. */
ht_interval ht_interval_share(double k, double n);

/*
 * 95% of every metric of the card, in its order, by the percentile bootstrap
 * (Efron 1979) over examples: 100 to 1000 samples, fewer for larger data. The
 * same seed gives the same intervals.
 */
ht_status ht_interval_metrics(const ht_answers *a, uint64_t seed,
                              ht_interval *out) HT_MUST_CHECK;

/* One bin of a reliability diagram: answers whose probability is in
 * (i/10, (i+1)/10]. */
typedef struct ht_bin {
  int64_t n;
  double confidence, accuracy; /* means */
} ht_bin;

enum { HT_BINS = 10 };

/* Classification: how the probability of the answer goes with its truth. */
typedef struct ht_calibration {
  ht_bin bin[HT_BINS];
  double error; /* expected calibration error: mean |confidence - accuracy| */
  double loss;  /* mean negative logarithm of the right class's probability */
} ht_calibration;

/* Probabilities p become p^(1/t), made to sum to one: t = 1 leaves them. */
void ht_calibrate(const ht_answers *a, double t, ht_calibration *out);
/* The t in [0.05, 20] of the least loss (temperature scaling, Guo et al.
 * 2017) over the examples i with i % folds != fold; folds 1 takes all. */
double ht_temperature(const ht_answers *a, int folds, int fold);
/* As ht_calibrate, each half scaled by the temperature of the other half, so
 * that nothing is judged by what it was fitted to. */
void ht_calibrate_crossed(const ht_answers *a, ht_calibration *out);

#endif
