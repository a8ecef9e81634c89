/*
 * lag.h - what a row of a table has missed, as a few sums.
 *
 * A row that got no gradient since step s still moves at every step t = s+1
 * .. T of a dense optimizer: with k = t - s, its moments are beta^k m and
 * c^2k v, and
 *
 *     w <- d_t w - alpha_t beta^k m / (c^k sigma + epsilon),
 *
 * where sigma = sqrt(v) and d_t = 1 - lr_t * decay. Only w, m and sigma
 * belong to the row. Around a centre c0 of the c^k, with D = c0 sigma +
 * epsilon and q = sigma / D (0 <= q <= 1 / c0),
 *
 *     1 / (c^k sigma + epsilon) = 1/D sum_j (-q)^j (c^k - c0)^j,
 *
 * a geometric series whose ratio is at most |c^k / c0 - 1| for every sigma
 * and epsilon. So what was missed is m/D sum_j (-q)^j S_j(s,T) with
 *
 *     S_j(s,T) = sum_t alpha_t beta^k (c^k - c0)^j prod_(t<u<=T) d_u,
 *
 * which needs no row: one scalar recursion over the last `horizon` steps
 * keeps it for every s. Schedule, bias correction and decay are all inside.
 * Older steps only decay.
 *
 * The error: HT_LAG_TERMS terms of the series leave the relative error
 * |c^k / c0 - 1|^TERMS in term k. Summed with its weights this stays below
 * HT_LAG_ERROR of the whole movement for every number of missed steps and
 * every alpha that is constant, falls, or grows at most linearly within the
 * horizon (all schedules do); ht_lag_new computes this bound, and cuts the
 * horizon into segments, each with its own centre, until it holds (7e-10
 * with one segment for betas of 0.9 and 0.999). What lies beyond the horizon
 * is below 2^-40 of the movement.
 */
#ifndef HT_OPTIM_LAG_H
#define HT_OPTIM_LAG_H

#include "base/status.h"

enum { HT_LAG_TERMS = 5, HT_LAG_SEGMENTS = 32 };
#define HT_LAG_ERROR 1e-9

/* How a row moves without a gradient. */
typedef struct ht_drift {
  double beta;   /* of m; 0: w does not follow m */
  double beta_v; /* of v (c * c); 1: v stays */
  bool divided;  /* m is divided by sqrt(v) + epsilon, else taken whole */
  double epsilon;
} ht_drift;

typedef struct ht_lag ht_lag;

/*
 * What is left of x after decay: x - lost x. A factor near 1 is applied as
 * its distance from 1, which floats hold exactly enough; one far from it as
 * itself.
 */
typedef struct ht_decay {
  float keep, lost; /* keep 0: use lost */
} ht_decay;

/* What a row last updated at step s has missed until now. */
typedef struct ht_missed {
  ht_decay w, m, v; /* of w: the product of the d_t */
  bool moves;       /* whether `term` matters */
  float term[HT_LAG_SEGMENTS * HT_LAG_TERMS];
} ht_missed;

/* Fails with HT_UNSUPPORTED where the bound cannot be met: where m does not
 * die out faster than sqrt(v). */
ht_status ht_lag_new(const ht_drift *drift, ht_lag **out) HT_MUST_CHECK;
void ht_lag_free(ht_lag *lag);

/* A step was made: alpha_t and d_t (> 0). O(horizon). */
ht_status ht_lag_step(ht_lag *lag, double alpha, double keep) HT_MUST_CHECK;

/* Steps made so far. */
int64_t ht_lag_steps(const ht_lag *lag);
/* Whether rows without any gradient ever move: there was decay. */
bool ht_lag_decays(const ht_lag *lag);
/* The bound on the relative error of what was missed. */
double ht_lag_error(const ht_lag *lag);

void ht_lag_at(const ht_lag *lag, int64_t s, ht_missed *out);
/* Moves n elements of w by what was missed; m and v (NULL where there are
 * none) stay as they are: ht_lag_decay brings them up to date afterwards. */
void ht_lag_move(const ht_lag *lag, const ht_missed *missed, size_t n, float *w,
                 const float *m, const float *v);
void ht_lag_decay(const ht_decay *decay, size_t n, float *x);

#endif
