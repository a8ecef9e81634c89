/* report.h - report.html: what a training came to, for its user. */
#ifndef HT_TRAIN_REPORT_H
#define HT_TRAIN_REPORT_H

#include "base/text.h"
#include "train/feed.h"
#include "train/interval.h"
#include "train/origin.h"
#include "train/train.h"

/* A line of a chart: n points, x ascending. */
typedef struct ht_series {
  const char *name;
  double *x, *y;
  int n, capacity;
} ht_series;

/* Everything that a report shows. */
typedef struct ht_report ht_report;
typedef ht_status ht_report_check_fn(const ht_report *r);
struct ht_report {
  ht_arena arena;
  const ht_trained *trained;
  const char *run;
  const char *judged; /* what the answers are of, in words */
  bool held_out;      /* it was not trained on */
  ht_feed feed;
  const int64_t *index; /* its examples; NULL: all */
  ht_answers answers;
  ht_scorecard card;
  ht_interval interval[HT_MAX_METRICS];
  ht_series step_loss, epoch_loss, valid_loss, metric;
  ht_origin *origin;
  ht_licence *licence;
  int n_origins, n_licences;
  ht_report_check_fn *check;
};

/*
 * Writes RUN/report.html, one file that needs no other, and the model card
 * (card.h). The best weights are
 * judged on the test data, else on the validation data, else on the training
 * data, and the page says on which. Then `check` (may be NULL) decides whether
 * that is good enough.
 */
ht_status ht_report_write(ht_trained *trained, const char *run,
                          ht_report_check_fn *check) HT_MUST_CHECK;

/* ---- the parts, each appended to a page */

/* Text with the characters of HTML escaped; bytes that are no UTF-8 become
 * U+FFFD; n < 0: up to the NUL. */
void ht_html_text(ht_text *page, const char *s, int64_t n);

/* A line chart as SVG; log_y: the logarithm of y is drawn. */
void ht_chart_lines(ht_text *page, const char *title, const char *x_title,
                    const ht_series *const *series, int n);
/* Confidence against accuracy, before and after scaling. */
void ht_chart_reliability(ht_text *page, const ht_calibration *before,
                          const ht_calibration *after);

void ht_report_scores(ht_text *page, const ht_report *r);
void ht_report_classes(ht_text *page, const ht_report *r);
void ht_report_confusion(ht_text *page, const ht_report *r);
void ht_report_calibration(ht_text *page, const ht_report *r);
/* Input k of an example, an image, as one of at most 64 pixels a side, and
 * its path where it has one. */
ht_status ht_report_thumbnail(ht_text *page, const ht_report *r, int k,
                              int64_t example) HT_MUST_CHECK;
ht_status ht_report_errors(ht_text *page, ht_report *r) HT_MUST_CHECK;
ht_status ht_report_usage(ht_text *page, ht_report *r) HT_MUST_CHECK;

#endif
