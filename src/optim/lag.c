/* lag.c - sums over missed steps, see lag.h. */
#include "optim/lag.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/real.h"

enum { MAX_HORIZON = 1 << 16, BLOCK = 256 };
#define NEGLIGIBLE 0x1p-40

typedef struct segment {
  int to; /* lags up to this one; they begin after the segment before */
  double centre;
} segment;

/* x^k for k < BLOCK * BLOCK from two tables. */
typedef struct powers {
  double base, low[BLOCK], high[BLOCK];
} powers;

struct ht_lag {
  ht_drift drift;
  powers m, v;
  int horizon, n_segments, n_terms;
  segment segment[HT_LAG_SEGMENTS];
  double *weight;   /* [horizon][terms]: beta^k (c^k - c0)^j for k = 1.. */
  int *first;       /* [horizon]: where the terms of lag k's segment begin */
  double *sum;      /* [capacity][n_terms] by last step */
  double *log_keep; /* [capacity]: log of the product of d_1 .. d_s */
  int64_t steps, capacity;
  double error;
  bool decays;
};

static void powers_init(powers *p, double x) {
  p->base = x;
  for (int i = 0; i < BLOCK; i++) {
    p->low[i] = pow(x, i);
    p->high[i] = pow(x, (double)i * BLOCK);
  }
}

static double power(const powers *p, int64_t k) {
  if (k >= BLOCK * BLOCK) return pow(p->base, (double)k);
  return p->low[k % BLOCK] * p->high[k / BLOCK];
}

/* c^k: how far sqrt(v) has gone down after k steps. */
static double fall(const ht_lag *lag, int k) {
  return lag->drift.divided ? pow(lag->drift.beta_v, 0.5 * k) : 1;
}

/* The lag from which on all that is left is negligible against lag 1, even
 * where epsilon is and alpha grows linearly. */
static int find_horizon(const ht_lag *lag) {
  double ratio = lag->drift.beta;
  if (ratio <= 0) return 0;
  if (lag->drift.divided) ratio /= sqrt(lag->drift.beta_v);
  if (ratio >= 1) return -1;
  double rest = 1 / ((1 - ratio) * (1 - ratio));
  for (int k = 1; k <= MAX_HORIZON; k++)
    if (k * pow(ratio, k) * rest < NEGLIGIBLE) return k;
  return -1;
}

/* The mean of c^k over lags from+1 .. to, weighted as they count. */
static double centre_of(const ht_lag *lag, int from, int to) {
  double total = 0, mean = 0;
  for (int k = from + 1; k <= to; k++) {
    double w = power(&lag->m, k);
    total += w;
    mean += w * fall(lag, k);
  }
  return mean / total;
}

static void cut_segments(ht_lag *lag, int n) {
  int from = 0;
  for (int i = 0; i < n; i++) {
    double part = (double)(i + 1) / n;
    int to = (int)ceil(lag->horizon * part * part);
    if (to <= from) to = from + 1;
    lag->segment[i] = (segment){to, centre_of(lag, from, to)};
    from = to;
  }
  lag->segment[n - 1].to = lag->horizon;
  lag->n_segments = n;
}

static int segment_of(const ht_lag *lag, int k) {
  int i = 0;
  while (k > lag->segment[i].to) i++;
  return i;
}

/*
 * The bound: the largest ratio of the error to the movement over any number
 * of missed steps, with weights beta^k and k beta^k (constant and linear
 * alpha; what falls is a mixture of shorter constants).
 */
static double bound(const ht_lag *lag) {
  double worst = 0, error[2] = {0}, whole[2] = {0};
  for (int k = 1; k <= lag->horizon; k++) {
    double c = fall(lag, k), c0 = lag->segment[segment_of(lag, k)].centre;
    double left = pow(fabs(c / c0 - 1), HT_LAG_TERMS) / c;
    for (int p = 0; p < 2; p++) {
      double w = power(&lag->m, k) * (p ? k : 1);
      whole[p] += w;
      error[p] += w * left;
      worst = fmax(worst, error[p] / whole[p]);
    }
  }
  return worst;
}

static ht_status choose_segments(ht_lag *lag) {
  lag->horizon = find_horizon(lag);
  if (lag->horizon == 0) return HT_SUCCESS;
  for (int n = 1; lag->horizon > n && n <= HT_LAG_SEGMENTS; n++) {
    cut_segments(lag, n);
    lag->error = bound(lag);
    if (lag->error < HT_LAG_ERROR) return HT_SUCCESS;
  }
  return ht_fail(HT_UNSUPPORTED,
                 "no lazy updates with decay rates %g and %g of the moments",
                 lag->drift.beta, lag->drift.beta_v);
}

/* Terms per segment: without division one sum does. */
static int terms(const ht_lag *lag) {
  return lag->drift.divided ? HT_LAG_TERMS : 1;
}

static ht_status make_weights(ht_lag *lag) {
  int n = terms(lag);
  lag->n_terms = lag->horizon ? n * lag->n_segments : 0;
  size_t h = (size_t)lag->horizon + 1;
  lag->weight = malloc(h * (size_t)n * sizeof *lag->weight);
  lag->first = malloc(h * sizeof *lag->first);
  if (!lag->weight || !lag->first)
    return ht_fail(HT_NO_MEMORY, "no memory for lazy updates");
  for (int k = 1; k <= lag->horizon; k++) {
    int s = segment_of(lag, k);
    double away = fall(lag, k) - lag->segment[s].centre;
    lag->first[k - 1] = s * n;
    for (int j = 0; j < n; j++)
      lag->weight[(k - 1) * n + j] = power(&lag->m, k) * pow(away, j);
  }
  return HT_SUCCESS;
}

ht_status ht_lag_new(const ht_drift *drift, ht_lag **out) {
  *out = NULL;
  ht_lag *lag = calloc(1, sizeof *lag);
  if (!lag) return ht_fail(HT_NO_MEMORY, "no memory for lazy updates");
  lag->drift = *drift;
  powers_init(&lag->m, drift->beta);
  powers_init(&lag->v, drift->beta_v);
  ht_status st = choose_segments(lag);
  if (st.code == HT_OK) st = make_weights(lag);
  if (st.code == HT_OK)
    *out = lag;
  else
    ht_lag_free(lag);
  return st;
}

void ht_lag_free(ht_lag *lag) {
  if (!lag) return;
  free(lag->weight);
  free(lag->first);
  free(lag->sum);
  free(lag->log_keep);
  free(lag);
}

int64_t ht_lag_steps(const ht_lag *lag) { return lag->steps; }
bool ht_lag_decays(const ht_lag *lag) { return lag->decays; }
double ht_lag_error(const ht_lag *lag) { return lag->error; }

static ht_status make_room(ht_lag *lag) {
  if (lag->steps + 2 <= lag->capacity) return HT_SUCCESS;
  size_t n = (size_t)lag->capacity * 2 + 1024;
  double *log_keep = realloc(lag->log_keep, n * sizeof *log_keep);
  if (log_keep) lag->log_keep = log_keep;
  size_t each = (size_t)(lag->n_terms ? lag->n_terms : 1);
  double *sum = realloc(lag->sum, n * each * sizeof *sum);
  if (sum) lag->sum = sum;
  if (!log_keep || !sum)
    return ht_fail(HT_NO_MEMORY, "no memory for lazy updates");
  if (!lag->capacity) {
    lag->log_keep[0] = 0;
    memset(lag->sum, 0, each * sizeof *sum);
  }
  lag->capacity = (int64_t)n;
  return HT_SUCCESS;
}

ht_status ht_lag_step(ht_lag *lag, double alpha, double keep) {
  HT_TRY(make_room(lag));
  int64_t now = ++lag->steps;
  int64_t first = now > lag->horizon ? now - lag->horizon : 0;
  int n = terms(lag), all = lag->n_terms;
  for (int64_t s = first; s < now && all; s++) {
    double *sum = lag->sum + s * all;
    const double *weight = lag->weight + (now - s - 1) * n;
    if (keep != 1)
      for (int j = 0; j < all; j++) sum[j] *= keep;
    sum += lag->first[now - s - 1];
    for (int j = 0; j < n; j++) sum[j] += alpha * weight[j];
  }
  if (all) memset(lag->sum + now * all, 0, (size_t)all * sizeof *lag->sum);
  lag->log_keep[now] = lag->log_keep[now - 1] + log(keep);
  lag->decays |= keep != 1;
  return HT_SUCCESS;
}

/* The log of the product of d_t over t = from+1 .. now. */
static double log_kept(const ht_lag *lag, int64_t from) {
  return lag->decays ? lag->log_keep[lag->steps] - lag->log_keep[from] : 0;
}

static ht_decay decay_of(double keep, double lost) {
  if (keep > 0.5) return (ht_decay){0, (float)lost};
  return keep > FLT_MIN ? (ht_decay){(float)keep, 0} : (ht_decay){0, 1};
}

void ht_lag_at(const ht_lag *lag, int64_t s, ht_missed *out) {
  int64_t k = lag->steps - s, last = s + lag->horizon;
  *out = (ht_missed){.moves = lag->n_terms && k > 0};
  if (k <= 0) return;
  double kept = log_kept(lag, s);
  double m = power(&lag->m, k), v = power(&lag->v, k);
  out->w = decay_of(exp(kept), -expm1(kept));
  out->m = decay_of(m, 1 - m);
  out->v = decay_of(v, 1 - v);
  double since = k > lag->horizon ? exp(log_kept(lag, last)) : 1;
  for (int j = 0; j < lag->n_terms; j++)
    out->term[j] = (float)(since * lag->sum[s * lag->n_terms + j]);
}

HT_WIDE static void scale(size_t n, float *restrict x, float keep) {
  for (size_t i = 0; i < n; i++) x[i] *= keep;
}

HT_WIDE static void shrink(size_t n, float *restrict x, float lost) {
  for (size_t i = 0; i < n; i++) x[i] -= x[i] * lost;
}

void ht_lag_decay(const ht_decay *decay, size_t n, float *x) {
  if (decay->keep != 0)
    scale(n, x, decay->keep);
  else if (decay->lost != 0)
    shrink(n, x, decay->lost);
}

/* w -= m/D sum_j (-q)^j S_j, by Horner's rule. */
HT_WIDE static void move_divided(size_t n, float *restrict w,
                                 const float *restrict m,
                                 const float *restrict v,
                                 const float s[HT_LAG_TERMS], float centre,
                                 float epsilon) {
  float s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3], s4 = s[4];
  for (size_t i = 0; i < n; i++) {
    float sigma = sqrtf(v[i]);
    float inverse = 1.0f / (centre * sigma + epsilon);
    float q = sigma * inverse;
    float sum = s0 - q * (s1 - q * (s2 - q * (s3 - q * s4)));
    w[i] -= m[i] * inverse * sum;
  }
}

HT_WIDE static void move_whole(size_t n, float *restrict w,
                               const float *restrict m, float s) {
  for (size_t i = 0; i < n; i++) w[i] -= m[i] * s;
}

void ht_lag_move(const ht_lag *lag, const ht_missed *missed, size_t n, float *w,
                 const float *m, const float *v) {
  ht_lag_decay(&missed->w, n, w);
  if (!missed->moves || !m) return;
  if (!lag->drift.divided) {
    move_whole(n, w, m, missed->term[0]);
    return;
  }
  for (int i = 0; i < lag->n_segments; i++)
    move_divided(n, w, m, v, missed->term + i * HT_LAG_TERMS,
                 (float)lag->segment[i].centre, (float)lag->drift.epsilon);
}
