/* metrics.c - see metrics.h. */
#include "train/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONFUSION = 1 << 13 };

void ht_answers_open(ht_answers *a, ht_task task, int width) {
  *a = (ht_answers){.task = task, .width = width};
}

void ht_answers_free(ht_answers *a) {
  free(a->score);
  free(a->class);
  free(a->target);
  free(a->weight);
  *a = (ht_answers){0};
}

static bool grow(void **p, size_t n, size_t size) {
  void *q = realloc(*p, n * size);
  if (q) *p = q;
  return q != NULL;
}

static ht_status make_room(ht_answers *a, int64_t n) {
  if (a->n + n <= a->capacity) return HT_SUCCESS;
  size_t more = (size_t)(a->n + n) * 2, width = (size_t)a->width;
  bool classes = a->task == HT_TASK_CLASSIFY;
  if (!grow((void **)&a->score, more * width, sizeof *a->score) ||
      !grow((void **)&a->weight, more, sizeof *a->weight) ||
      (classes ? !grow((void **)&a->class, more, sizeof *a->class)
               : !grow((void **)&a->target, more * width, sizeof *a->target)))
    return ht_fail(HT_NO_MEMORY, "no memory for the answers");
  a->capacity = (int64_t)more;
  return HT_SUCCESS;
}

ht_status ht_answers_add(ht_answers *a, const ht_tensor *scores,
                         const ht_tensor *label, const ht_tensor *weight,
                         double loss) {
  int64_t n = scores->shape.rank ? scores->shape.dim[0] : 0;
  size_t width = (size_t)a->width;
  if (scores->dtype != HT_FLOAT || ht_count(scores) != n * a->width)
    return ht_fail(HT_CORRUPT, "the model's answers changed their shape");
  HT_TRY(make_room(a, n));
  memcpy(a->score + (size_t)a->n * width, scores->data,
         (size_t)n * width * sizeof(float));
  if (a->task == HT_TASK_CLASSIFY)
    for (int64_t i = 0; i < n; i++)
      a->class[a->n + i] = (int32_t)ht_i64(label)[i];
  else
    memcpy(a->target + (size_t)a->n * width, label->data,
           (size_t)n * width * sizeof(float));
  for (int64_t i = 0; i < n; i++)
    a->weight[a->n + i] = weight ? HT_DATA(float, weight)[i] : 1;
  a->loss += loss * (double)n;
  a->n += n;
  return HT_SUCCESS;
}

/* ---- classes */

static const float *row(const ht_answers *a, int64_t i) {
  return a->score + i * a->width;
}

int ht_answers_best(const ht_answers *a, int64_t i) {
  const float *s = row(a, i);
  int best = 0;
  for (int k = 1; k < a->width; k++)
    if (s[k] > s[best]) best = k;
  return best;
}

static double share(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

static void finish_classes(ht_scorecard *s) {
  for (int k = 0; k < s->width; k++) {
    ht_class_score *c = &s->class[k];
    c->precision = share(c->w_right, c->w_answered);
    c->recall = share(c->w_right, c->w_n);
    c->f1 = share(2 * c->w_right, c->w_answered + c->w_n);
  }
}

/* An example of weight w that is of the class or not, and said to be. */
static void count_one(ht_class_score *c, bool of, bool said, double w) {
  c->n += of;
  c->answered += said;
  c->right += of && said;
  if (of) c->w_n += w;
  if (said) c->w_answered += w;
  if (of && said) c->w_right += w;
}

/* All that examples weigh. */
static double total(const ht_answers *a) {
  double sum = 0;
  for (int64_t i = 0; i < a->n; i++) sum += (double)a->weight[i];
  return sum;
}

static ht_status count_classes(const ht_answers *a, ht_scorecard *s) {
  HT_NEW(s->class, &s->arena, s->width);
  if (s->width <= MAX_CONFUSION)
    HT_NEW(s->confusion, &s->arena, (size_t)s->width * (size_t)s->width);
  for (int64_t i = 0; i < a->n; i++) {
    int right = a->class[i], said = ht_answers_best(a, i);
    double w = (double)a->weight[i];
    count_one(&s->class[right], true, right == said, w);
    if (right != said) count_one(&s->class[said], false, true, w);
    if (s->confusion) s->confusion[(int64_t)right * s->width + said]++;
  }
  finish_classes(s);
  return HT_SUCCESS;
}

static ht_status count_sets(const ht_answers *a, ht_scorecard *s) {
  HT_NEW(s->class, &s->arena, s->width);
  for (int64_t i = 0; i < a->n * a->width; i++) {
    bool of = a->target[i] > 0.5f, said = a->score[i] > 0.5f;
    count_one(&s->class[i % a->width], of, said,
              (double)a->weight[i / a->width]);
  }
  finish_classes(s);
  return HT_SUCCESS;
}

static double accuracy(const ht_answers *a, const ht_scorecard *s) {
  double right = 0;
  for (int k = 0; k < s->width; k++) right += s->class[k].w_right;
  return share(right, total(a));
}

/* The right class is among the five largest scores. */
static double top_5(const ht_answers *a, const ht_scorecard *s) {
  double found = 0;
  (void)s;
  for (int64_t i = 0; i < a->n; i++) {
    const float *x = row(a, i);
    int above = 0, right = a->class[i];
    for (int k = 0; k < a->width; k++)
      above += x[k] > x[right] || (x[k] == x[right] && k < right);
    if (above < 5) found += (double)a->weight[i];
  }
  return share(found, total(a));
}

/* Means over the classes that occur, as labels or as answers. */
static double macro(const ht_scorecard *s, size_t offset) {
  double sum = 0;
  int n = 0;
  for (int k = 0; k < s->width; k++) {
    const ht_class_score *c = &s->class[k];
    if (!c->n && !c->answered) continue;
    sum += *(const double *)(const void *)((const char *)c + offset);
    n++;
  }
  return n ? sum / n : 0;
}

static double precision(const ht_answers *a, const ht_scorecard *s) {
  (void)a;
  return macro(s, offsetof(ht_class_score, precision));
}

static double recall(const ht_answers *a, const ht_scorecard *s) {
  (void)a;
  return macro(s, offsetof(ht_class_score, recall));
}

static double f1(const ht_answers *a, const ht_scorecard *s) {
  (void)a;
  return macro(s, offsetof(ht_class_score, f1));
}

static double f1_micro(const ht_answers *a, const ht_scorecard *s) {
  double right = 0, both = 0;
  (void)a;
  for (int k = 0; k < s->width; k++) {
    right += s->class[k].w_right;
    both += s->class[k].w_n + s->class[k].w_answered;
  }
  return share(2 * right, both);
}

/* ---- the area under the ROC curve */

typedef struct ranked {
  float score, weight;
  bool right;
} ranked;

static int by_score(const void *a, const void *b) {
  float x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;
  return (x > y) - (x < y);
}

/* The share, by weight, of (positive, negative) pairs in order, ties half;
 * NaN where one of the two kinds is missing. */
static double area(ranked *r, int64_t n) {
  double below = 0, positive = 0, sum = 0;
  qsort(r, (size_t)n, sizeof *r, by_score);
  for (int64_t i = 0; i < n;) {
    double kind[2] = {0, 0};
    float score = r[i].score;
    do kind[r[i].right] += (double)r[i].weight;
    while (++i < n && r[i].score == score);
    sum += kind[1] * (below + kind[0] / 2);
    below += kind[0];
    positive += kind[1];
  }
  return sum / (positive * below);
}

/* The mean over the classes that have both kinds of examples. */
static double auc(const ht_answers *a, const ht_scorecard *s) {
  ranked *r = malloc((size_t)a->n * sizeof *r);
  double sum = 0;
  int n = 0;
  (void)s;
  if (!r) return NAN;
  for (int k = 0; k < a->width; k++) {
    for (int64_t i = 0; i < a->n; i++)
      r[i] = (ranked){row(a, i)[k], a->weight[i],
                      a->target[i * a->width + k] > 0.5f};
    double one = area(r, a->n);
    if (isnan(one)) continue;
    sum += one;
    n++;
  }
  free(r);
  return n ? sum / n : 0;
}

/* ---- numbers */

static double error_of(const ht_answers *a, int64_t i) {
  return (double)a->score[i] - (double)a->target[i];
}

static double mse(const ht_answers *a, const ht_scorecard *s) {
  double sum = 0;
  (void)s;
  for (int64_t i = 0; i < a->n * a->width; i++) {
    double e = error_of(a, i);
    sum += (double)a->weight[i / a->width] * e * e;
  }
  return share(sum, total(a) * a->width);
}

static double mae(const ht_answers *a, const ht_scorecard *s) {
  double sum = 0;
  (void)s;
  for (int64_t i = 0; i < a->n * a->width; i++)
    sum += (double)a->weight[i / a->width] * fabs(error_of(a, i));
  return share(sum, total(a) * a->width);
}

/* 1 - squared error / variance, the mean over the outputs. */
static double r2(const ht_answers *a, const ht_scorecard *s) {
  double sum = 0, all = total(a);
  (void)s;
  for (int k = 0; k < a->width; k++) {
    double mean = 0, rest = 0, spread = 0;
    for (int64_t i = 0; i < a->n; i++)
      mean += share((double)a->weight[i], all) *
              (double)a->target[i * a->width + k];
    for (int64_t i = 0; i < a->n; i++) {
      double w = (double)a->weight[i], e = error_of(a, i * a->width + k);
      double y = (double)a->target[i * a->width + k] - mean;
      rest += w * e * e;
      spread += w * y * y;
    }
    sum += spread > 0 ? 1 - rest / spread : (rest > 0 ? 0 : 1);
  }
  return sum / a->width;
}

static const ht_metric metrics[] = {
    {"accuracy", "Share of right answers.", HT_TASK_CLASSIFY, accuracy},
    {"top_5", "Share of examples whose class is among the five best.",
     HT_TASK_CLASSIFY, top_5},
    {"precision", "Macro mean.", HT_TASK_CLASSIFY, precision},
    {"recall", "Macro mean.", HT_TASK_CLASSIFY, recall},
    {"f1", "Macro mean.", HT_TASK_CLASSIFY, f1},
    {"f1_micro", "Over all decisions together.", HT_TASK_MULTILABEL, f1_micro},
    {"f1_macro", "Mean over the classes.", HT_TASK_MULTILABEL, f1},
    {"auc", "Area under the ROC curve, mean over the classes.",
     HT_TASK_MULTILABEL, auc},
    {"mse", "Mean squared error.", HT_TASK_REGRESS, mse},
    {"mae", "Mean absolute error.", HT_TASK_REGRESS, mae},
    {"r2", "Share of the variance explained.", HT_TASK_REGRESS, r2},
};

const ht_metric *ht_metric_all(int *n) {
  *n = (int)(sizeof metrics / sizeof *metrics);
  return metrics;
}

static ht_status compute(const ht_answers *a, ht_scorecard *s) {
  if (a->task == HT_TASK_CLASSIFY) HT_TRY(count_classes(a, s));
  if (a->task == HT_TASK_MULTILABEL) HT_TRY(count_sets(a, s));
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
    if (metrics[i].task != a->task) continue;
    s->name[s->n_values] = metrics[i].name;
    s->value[s->n_values++] = metrics[i].value(a, s);
  }
  return HT_SUCCESS;
}

ht_status ht_score(const ht_answers *a, ht_scorecard *out) {
  *out = (ht_scorecard){.task = a->task, .n = a->n, .width = a->width};
  if (!a->n) return ht_fail(HT_USAGE, "no examples to judge by");
  out->loss = a->loss / (double)a->n;
  ht_status st = compute(a, out);
  if (st.code != HT_OK) ht_scorecard_free(out);
  return st;
}

void ht_scorecard_free(ht_scorecard *s) {
  ht_arena_free(&s->arena);
  *s = (ht_scorecard){0};
}

double ht_score_main(const ht_scorecard *s) {
  return s->task == HT_TASK_REGRESS ? -s->loss : s->value[0];
}

const char *ht_score_told(ht_task task, double *score) {
  if (task == HT_TASK_REGRESS) {
    *score = -*score;
    return "loss";
  }
  const ht_metric *m = metrics;
  while (m->task != task) m++;
  return m->name;
}
