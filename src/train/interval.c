/* interval.c - see interval.h. */
#include "train/interval.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "base/random.h"

ht_interval ht_interval_share(double k, double n) {
  static const double z = 1.959963984540054; /* 97.5% of the normal */
  if (!(n > 0)) return (ht_interval){0, 1};
  double p = k / n, under = 1 + z * z / n;
  double middle = (p + z * z / (2 * n)) / under;
  double half = z / under * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return (ht_interval){fmax(0, middle - half), fmin(1, middle + half)};
}

/* ---- bootstrap */

static int how_often(const ht_answers *a) {
  double work = (double)a->n * a->width;
  double times = 1e8 / (work > 1 ? work : 1);
  return times > 1000 ? 1000 : times < 100 ? 100 : (int)times;
}

static ht_status make_sample(const ht_answers *a, ht_answers *out) {
  size_t n = (size_t)a->n, width = (size_t)a->width;
  *out = (ht_answers){.task = a->task, .width = a->width, .n = a->n};
  out->score = malloc(n * width * sizeof *out->score);
  out->weight = malloc(n * sizeof *out->weight);
  if (a->class) out->class = malloc(n * sizeof *out->class);
  if (a->target) out->target = malloc(n * width * sizeof *out->target);
  if (out->score && out->weight && (out->class || out->target))
    return HT_SUCCESS;
  ht_answers_free(out);
  return ht_fail(HT_NO_MEMORY, "no memory for intervals");
}

static void copy_answer(const ht_answers *a, size_t from, size_t to,
                        ht_answers *out) {
  size_t width = (size_t)a->width;
  memcpy(out->score + to * width, a->score + from * width,
         width * sizeof *a->score);
  out->weight[to] = a->weight[from];
  if (a->class) out->class[to] = a->class[from];
  if (a->target)
    memcpy(out->target + to * width, a->target + from * width,
           width * sizeof *a->target);
}

static void draw_sample(const ht_answers *a, uint64_t seed, int k,
                        ht_answers *out) {
  ht_philox g = ht_philox_make(seed, (uint64_t)k);
  uint32_t r[4];
  for (int64_t i = 0; i < a->n; i++) {
    if (i % 2 == 0) ht_philox_next(&g, r);
    const uint32_t *half = r + i % 2 * 2;
    uint64_t drawn = (uint64_t)half[0] << 32 | half[1];
    copy_answer(a, (size_t)(drawn % (uint64_t)a->n), (size_t)i, out);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* value: [HT_MAX_METRICS, times], metrics of each sample. */
typedef struct bootstrap {
  const ht_answers *a;
  uint64_t seed;
  int times;
  double *value;
  atomic_bool failed;
} bootstrap;

static ht_status judge_sample(const bootstrap *b, int k, ht_answers *sample) {
  ht_scorecard card;
  draw_sample(b->a, b->seed, k, sample);
  HT_TRY(ht_score(sample, &card));
  for (int m = 0; m < card.n_values; m++)
    b->value[m * b->times + k] = card.value[m];
  ht_scorecard_free(&card);
  return HT_SUCCESS;
}

static ht_status judge_samples(const bootstrap *b, int from, int to) {
  ht_answers sample;
  HT_TRY(make_sample(b->a, &sample));
  ht_status st = HT_SUCCESS;
  for (int k = from; k < to && st.code == HT_OK; k++)
    st = judge_sample(b, k, &sample);
  ht_answers_free(&sample);
  return st;
}

static void judge_range(size_t from, size_t to, void *arg) {
  bootstrap *b = arg;
  if (judge_samples(b, (int)from, (int)to).code != HT_OK)
    atomic_store(&b->failed, true);
}

/* A failure is told by trying again, in the caller's thread. */
static ht_status judge_all(bootstrap *b) {
  ht_parallel((size_t)b->times, 25, judge_range, b);
  return atomic_load(&b->failed) ? judge_samples(b, 0, b->times) : HT_SUCCESS;
}

ht_status ht_interval_metrics(const ht_answers *a, uint64_t seed,
                              ht_interval *out) {
  bootstrap b = {.a = a, .seed = seed, .times = how_often(a)};
  size_t times = (size_t)b.times;
  b.value = calloc(HT_MAX_METRICS * times, sizeof *b.value);
  if (!b.value) return ht_fail(HT_NO_MEMORY, "no memory for intervals");
  ht_status st = judge_all(&b);
  for (size_t m = 0; m < HT_MAX_METRICS && st.code == HT_OK; m++) {
    double *v = b.value + m * times;
    qsort(v, times, sizeof *v, ascending);
    out[m] = (ht_interval){v[times * 25 / 1000], v[times * 975 / 1000]};
  }
  free(b.value);
  return st;
}

/* ---- probabilities */

static const float *row(const ht_answers *a, int64_t i) {
  return a->score + i * a->width;
}

/* The log of sum_k p_k^(1/t), stably, and the best class. */
static double log_sum(const float *p, int n, double t, int *best) {
  double top, sum = 0;
  *best = 0;
  for (int k = 1; k < n; k++)
    if (p[k] > p[*best]) *best = k;
  top = log(fmax((double)p[*best], 1e-30)) / t;
  for (int k = 0; k < n; k++)
    sum += exp(log(fmax((double)p[k], 1e-30)) / t - top);
  return top + log(sum);
}

/* The loss of example i, and the probability of its answer. */
static double one_loss(const ht_answers *a, int64_t i, double t, int *best,
                       double *confidence) {
  const float *p = row(a, i);
  double all = log_sum(p, a->width, t, best);
  *confidence = exp(log(fmax((double)p[*best], 1e-30)) / t - all);
  return all - log(fmax((double)p[a->class[i]], 1e-30)) / t;
}

static double mean_loss(const ht_answers *a, double t, int folds, int fold) {
  double sum = 0, confidence;
  int64_t n = 0;
  int best;
  for (int64_t i = 0; i < a->n; i++) {
    if (folds > 1 && i % folds == fold) continue;
    sum += one_loss(a, i, t, &best, &confidence);
    n++;
  }
  return n ? sum / (double)n : 0;
}

/* The loss is convex in 1/t: golden section over its logarithm. */
double ht_temperature(const ht_answers *a, int folds, int fold) {
  static const double golden = 0.6180339887498949;
  double low = log(0.05), high = log(20);
  double x = high - golden * (high - low), y = low + golden * (high - low);
  double fx = mean_loss(a, exp(x), folds, fold);
  double fy = mean_loss(a, exp(y), folds, fold);
  for (int i = 0; i < 24; i++) {
    if (fx < fy) {
      high = y, y = x, fy = fx;
      x = high - golden * (high - low);
      fx = mean_loss(a, exp(x), folds, fold);
    } else {
      low = x, x = y, fx = fy;
      y = low + golden * (high - low);
      fy = mean_loss(a, exp(y), folds, fold);
    }
  }
  return exp((low + high) / 2);
}

static void count_one(const ht_answers *a, int64_t i, double t,
                      ht_calibration *out) {
  int best;
  double confidence, loss = one_loss(a, i, t, &best, &confidence);
  int k = (int)ceil(confidence * HT_BINS) - 1;
  ht_bin *b = &out->bin[k < 0 ? 0 : k >= HT_BINS ? HT_BINS - 1 : k];
  b->n++;
  b->confidence += confidence;
  b->accuracy += best == a->class[i];
  out->loss += loss;
}

static void finish_bins(int64_t n, ht_calibration *out) {
  for (int k = 0; k < HT_BINS; k++) {
    ht_bin *b = &out->bin[k];
    if (!b->n) continue;
    out->error += fabs(b->confidence - b->accuracy) / (double)n;
    b->confidence /= (double)b->n;
    b->accuracy /= (double)b->n;
  }
  out->loss /= (double)n;
}

void ht_calibrate(const ht_answers *a, double t, ht_calibration *out) {
  *out = (ht_calibration){0};
  for (int64_t i = 0; i < a->n; i++) count_one(a, i, t, out);
  finish_bins(a->n, out);
}

void ht_calibrate_crossed(const ht_answers *a, ht_calibration *out) {
  double t[2] = {ht_temperature(a, 2, 0), ht_temperature(a, 2, 1)};
  *out = (ht_calibration){0};
  for (int64_t i = 0; i < a->n; i++) count_one(a, i, t[i % 2], out);
  finish_bins(a->n, out);
}
