/* report_parts.c - how good the model is, see report.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/report.h"

enum { WORST = 20, MOST_CLASSES = 500, GRID = 24, PAIRS = 30, LONGEST = 600 };

static const char *class_name(const ht_report *r, int k) {
  return r->trained->labels.name ? r->trained->labels.name[k] : "";
}

static void cell(ht_text *page, const char *text) {
  ht_text_add(page, "<td>");
  ht_html_text(page, text, -1);
  ht_text_add(page, "</td>");
}

void ht_report_scores(ht_text *page, const ht_report *r) {
  const ht_scorecard *s = &r->card;
  ht_text_add(page, "<div class=\"cards\">");
  for (int i = 0; i < s->n_values; i++)
    ht_text_printf(page,
                   "<div class=\"card\">%s<b>%.4f</b>"
                   "<span class=\"dim\">%.4f - %.4f</span></div>",
                   s->name[i], s->value[i], r->interval[i].low,
                   r->interval[i].high);
  ht_text_printf(page,
                 "<div class=\"card\">loss<b>%.4f</b></div></div>\n"
                 "<p class=\"dim\">Ranges are 95%% intervals (bootstrap over "
                 "the examples).</p>\n",
                 s->loss);
}

/* ---- a row per class */

/* A share of n examples, by weight, with its range. */
static void share_cell(ht_text *page, double share, int64_t n) {
  ht_interval i = ht_interval_share(share * (double)n, (double)n);
  ht_text_printf(page, "<td>%.3f <small>%.2f-%.2f</small></td>", share, i.low,
                 i.high);
}

static void class_row(ht_text *page, const ht_report *r, int k) {
  const ht_class_score *c = &r->card.class[k];
  ht_text_add(page, "<tr>");
  cell(page, class_name(r, k));
  ht_text_printf(page, "<td>%lld</td>", (long long)c->n);
  share_cell(page, c->precision, c->answered);
  share_cell(page, c->recall, c->n);
  ht_text_printf(page, "<td>%.3f</td></tr>\n", c->f1);
}

void ht_report_classes(ht_text *page, const ht_report *r) {
  int n = r->card.width < MOST_CLASSES ? r->card.width : MOST_CLASSES;
  ht_text_add(page,
              "<h2>Classes</h2>\n<div class=\"wide\"><table><tr><th>class</th>"
              "<th>examples</th><th>precision</th><th>recall</th><th>f1</th>"
              "</tr>\n");
  for (int k = 0; k < n; k++) class_row(page, r, k);
  ht_text_add(page, "</table></div>\n");
  if (n < r->card.width)
    ht_text_printf(page, "<p class=\"dim\">%d more classes.</p>\n",
                   r->card.width - n);
}

/* ---- confusions */

static void grid_cell(ht_text *page, const ht_report *r, int right, int said) {
  int64_t count = r->card.confusion[(int64_t)right * r->card.width + said];
  int64_t all = r->card.class[right].n;
  double share = all ? (double)count / (double)all : 0;
  const char *colour = right == said ? "var(--c)" : "var(--b)";
  ht_text_printf(page,
                 "<td style=\"background:color-mix(in srgb,%s %.0f%%,"
                 "transparent)\">",
                 colour, 70 * share);
  if (count) ht_text_printf(page, "%lld", (long long)count);
  ht_text_add(page, "</td>");
}

static void grid(ht_text *page, const ht_report *r) {
  int n = r->card.width;
  ht_text_add(page,
              "<div class=\"wide\"><table class=\"grid\"><tr><th>right "
              "\\ answered</th>");
  for (int k = 0; k < n; k++) {
    ht_text_add(page, "<th>");
    ht_html_text(page, class_name(r, k), -1);
    ht_text_add(page, "</th>");
  }
  ht_text_add(page, "</tr>\n");
  for (int i = 0; i < n; i++) {
    ht_text_add(page, "<tr><th>");
    ht_html_text(page, class_name(r, i), -1);
    ht_text_add(page, "</th>");
    for (int k = 0; k < n; k++) grid_cell(page, r, i, k);
    ht_text_add(page, "</tr>\n");
  }
  ht_text_add(page, "</table></div>\n");
}

/* The next most frequent confusion that comes after (count, place). */
static int64_t next_pair(const ht_report *r, int64_t count, int64_t place) {
  int64_t n = r->card.width, best = -1;
  const int64_t *c = r->card.confusion;
  for (int64_t i = 0; i < n * n; i++) {
    bool after = c[i] < count || (c[i] == count && i > place);
    if (i / n == i % n || !c[i] || !after) continue;
    if (best < 0 || c[i] > c[best]) best = i;
  }
  return best;
}

static void pairs(ht_text *page, const ht_report *r) {
  int64_t count = INT64_MAX, place = -1, n = r->card.width;
  ht_text_add(page,
              "<div class=\"wide\"><table class=\"left\"><tr><th>right"
              "</th><th>answered</th><th>times</th></tr>\n");
  for (int i = 0; i < PAIRS; i++) {
    if ((place = next_pair(r, count, place)) < 0) break;
    count = r->card.confusion[place];
    ht_text_add(page, "<tr>");
    cell(page, class_name(r, (int)(place / n)));
    cell(page, class_name(r, (int)(place % n)));
    ht_text_printf(page, "<td>%lld of %lld</td></tr>\n", (long long)count,
                   (long long)r->card.class[place / n].n);
  }
  ht_text_add(page, "</table></div>\n");
}

void ht_report_confusion(ht_text *page, const ht_report *r) {
  bool small = r->card.width <= GRID;
  ht_text_printf(page, "<h2>%s</h2>\n",
                 small ? "Confusion matrix" : "Most frequent confusions");
  if (small)
    grid(page, r);
  else
    pairs(page, r);
}

/* ---- calibration */

void ht_report_calibration(ht_text *page, const ht_report *r) {
  ht_calibration before, after;
  ht_calibrate(&r->answers, 1, &before);
  ht_calibrate_crossed(&r->answers, &after);
  ht_text_add(page, "<h2>Calibration</h2>\n");
  ht_chart_reliability(page, &before, &after);
  ht_text_printf(page,
                 "<p>Expected calibration error %.4f, log loss %.4f. With "
                 "temperature %.3f: %.4f and %.4f (each half of the examples "
                 "scaled by the temperature of the other half).</p>\n",
                 before.error, before.loss, ht_temperature(&r->answers, 1, 0),
                 after.error, after.loss);
}

/* ---- the worst errors */

typedef struct ranked {
  double badness;
  int64_t example;
} ranked;

static int by_badness(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->badness != y->badness) return x->badness < y->badness ? 1 : -1;
  return (x->example > y->example) - (x->example < y->example);
}

/* CLASSIFY: the probability of a wrong answer; else the largest difference
 * between score and target; 0 where nothing is wrong. */
static double badness(const ht_answers *a, int64_t i) {
  double worst = 0;
  if (a->task == HT_TASK_CLASSIFY) {
    int best = ht_answers_best(a, i);
    return best == a->class[i] ? 0 : (double)a->score[i * a->width + best];
  }
  for (int64_t k = i * a->width; k < (i + 1) * a->width; k++)
    worst = fmax(worst, fabs((double)a->score[k] - (double)a->target[k]));
  return a->task == HT_TASK_MULTILABEL && worst <= 0.5 ? 0 : worst;
}

static ht_status rank_errors(ht_report *r, ranked **out, int *n) {
  const ht_answers *a = &r->answers;
  ranked *all;
  int64_t m = 0;
  HT_NEW(all, &r->arena, a->n);
  for (int64_t i = 0; i < a->n; i++) {
    double bad = badness(a, i);
    if (bad > 0) all[m++] = (ranked){bad, i};
  }
  qsort(all, (size_t)m, sizeof *all, by_badness);
  *out = all;
  *n = m < WORST ? (int)m : WORST;
  return HT_SUCCESS;
}

static bool is_text(const ht_column *c) {
  return !c->whole && !c->splits && c->value.dtype == HT_STRING &&
         c->value.shape.rank == 1;
}

/* What the example was: its texts and images; else its place in the file. */
static ht_status show_example(ht_text *page, const ht_report *r, int64_t i) {
  int64_t at = r->index ? r->index[i] : i;
  bool any = false;
  ht_text_add(page, "<td>");
  for (int k = 0; k < r->feed.n_inputs; k++) {
    if (r->feed.images[k]) HT_TRY(ht_report_thumbnail(page, r, k, at));
    any |= r->feed.images[k] != NULL;
    if (r->feed.images[k] || !is_text(r->feed.column[k])) continue;
    const ht_string *s = &ht_str(&r->feed.column[k]->value)[at];
    if (any) ht_text_add(page, "<br>");
    ht_html_text(page, s->p, s->n < LONGEST ? (int64_t)s->n : LONGEST);
    if (s->n > LONGEST) ht_text_add(page, " ...");
    any = true;
  }
  if (!any) ht_text_printf(page, "example %lld", (long long)at + 1);
  ht_text_add(page, "</td>");
  return HT_SUCCESS;
}

static void show_numbers(ht_text *page, const float *x, int n) {
  for (int k = 0; k < n && k < 8; k++)
    ht_text_printf(page, "%s%.4g", k ? ", " : "", (double)x[k]);
  if (n > 8) ht_text_add(page, " ...");
}

static void show_set(ht_text *page, const ht_report *r, const float *x) {
  bool any = false;
  for (int k = 0; k < r->card.width; k++) {
    if (!(x[k] > 0.5f)) continue;
    if (any) ht_text_add(page, ", ");
    ht_html_text(page, class_name(r, k), -1);
    any = true;
  }
  if (!any) ht_text_add(page, "none");
}

static void show_values(ht_text *page, const ht_report *r, const float *x) {
  ht_text_add(page, "<td>");
  if (r->card.task == HT_TASK_REGRESS)
    show_numbers(page, x, r->card.width);
  else
    show_set(page, r, x);
  ht_text_add(page, "</td>");
}

static ht_status error_row(ht_text *page, const ht_report *r, const ranked *e) {
  const ht_answers *a = &r->answers;
  ht_text_add(page, "<tr>");
  HT_TRY(show_example(page, r, e->example));
  if (a->task == HT_TASK_CLASSIFY) {
    cell(page, class_name(r, a->class[e->example]));
    cell(page, class_name(r, ht_answers_best(a, e->example)));
  } else {
    show_values(page, r, a->target + e->example * a->width);
    show_values(page, r, a->score + e->example * a->width);
  }
  ht_text_printf(page, "<td>%.3f</td></tr>\n", e->badness);
  return HT_SUCCESS;
}

ht_status ht_report_errors(ht_text *page, ht_report *r) {
  ranked *worst = NULL;
  int n = 0;
  HT_TRY(rank_errors(r, &worst, &n));
  if (!n) return HT_SUCCESS;
  ht_text_printf(page,
                 "<h2>Worst errors</h2>\n<div class=\"wide\">"
                 "<table class=\"left\"><tr><th>example</th><th>right</th>"
                 "<th>answered</th><th>%s</th></tr>\n",
                 r->card.task == HT_TASK_CLASSIFY ? "confidence" : "off by");
  for (int i = 0; i < n; i++) HT_TRY(error_row(page, r, &worst[i]));
  ht_text_add(page, "</table></div>\n");
  return HT_SUCCESS;
}
