/* metrics.h - how good answers are, a row per metric. */
#ifndef HT_TRAIN_METRICS_H
#define HT_TRAIN_METRICS_H

#include "data/labels.h"

enum { HT_MAX_METRICS = 16 };

/* Answers collected over a data set, with what was right. */
typedef struct ht_answers {
  ht_task task;
  int width;
  int64_t n, capacity;
  float *score;   /* [n, width] */
  int32_t *class; /* [n], CLASSIFY */
  float *target;  /* [n, width], else */
  float *weight;  /* [n], how much each counts */
  double loss;    /* sum over examples */
} ht_answers;

void ht_answers_open(ht_answers *a, ht_task task, int width);
void ht_answers_free(ht_answers *a);
/* Adds a batch: scores [n, width], labels and weights (NULL: all 1) as
 * ht_feed_label and ht_feed_weight give them, and the mean loss over the
 * batch. */
ht_status ht_answers_add(ht_answers *a, const ht_tensor *scores,
                         const ht_tensor *label, const ht_tensor *weight,
                         double loss) HT_MUST_CHECK;

/* The class of answer i's largest score; the first of equal ones. */
int ht_answers_best(const ht_answers *a, int64_t i);

/* One class among several: what is known of each. The counts are of
 * examples, the others of their weights. */
typedef struct ht_class_score {
  int64_t n, right, answered; /* examples of it, found, answers that say it */
  double w_n, w_right, w_answered; /* their weights */
  double precision, recall, f1;
} ht_class_score;

typedef struct ht_scorecard {
  ht_arena arena;
  ht_task task;
  int64_t n;
  int width, n_values;
  double loss;
  const char *name[HT_MAX_METRICS]; /* n_values of them, loss not counted */
  double value[HT_MAX_METRICS];
  ht_class_score *class; /* width, CLASSIFY and MULTILABEL; else NULL */
  int64_t *confusion;    /* [width, width] right, answered; CLASSIFY */
} ht_scorecard;

ht_status ht_score(const ht_answers *a, ht_scorecard *out) HT_MUST_CHECK;
void ht_scorecard_free(ht_scorecard *s);

typedef struct ht_metric {
  const char *name, *doc;
  ht_task task;
  double (*value)(const ht_answers *a, const ht_scorecard *s);
} ht_metric;
const ht_metric *ht_metric_all(int *n);

/* What "best" means: the first metric of the task, for numbers the negative
 * loss. More is better. */
double ht_score_main(const ht_scorecard *s);
/* Its name, and how it is told: a loss as it is. */
const char *ht_score_told(ht_task task, double *score);

#endif
