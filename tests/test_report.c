/* test_report.c - intervals, calibration and the page of a report. Intervals
 * of shares are those of statsmodels (proportion_confint, wilson). */
#include <math.h>

#include "test.h"
#include "train/report.h"

static void near(double a, double b, double by) {
  ck_assert_double_eq_tol(a, b, by);
}

START_TEST(shares_have_wilson_intervals) {
  ht_interval i = ht_interval_share(8, 10);
  near(i.low, 0.4901624715, 1e-9);
  near(i.high, 0.9433178485, 1e-9);
  i = ht_interval_share(0, 20);
  near(i.low, 0, 1e-12);
  near(i.high, 0.1611251581, 1e-9);
  i = ht_interval_share(0, 0);
  near(i.low, 0, 1e-12);
  near(i.high, 1, 1e-12);
}
END_TEST

enum { N = 4000 };

/* Two classes; the right one has probability 0.8, but the model says p. */
static void answers(float p, ht_answers *a) {
  ht_answers_open(a, HT_TASK_CLASSIFY, 2);
  a->n = N;
  a->score = malloc(2 * N * sizeof *a->score);
  a->class = malloc(N * sizeof *a->class);
  a->weight = malloc(N * sizeof *a->weight);
  for (int i = 0; i < N; i++) {
    a->weight[i] = 1;
    a->score[2 * i] = p;
    a->score[2 * i + 1] = 1 - p;
    a->class[i] = i / 2 % 5 == 4;
  }
}

START_TEST(a_too_sure_model_is_scaled_to_its_accuracy) {
  ht_answers a;
  ht_calibration c;
  answers(0.97f, &a);
  ht_calibrate(&a, 1, &c);
  near(c.error, 0.17, 1e-6);
  near(ht_temperature(&a, 1, 0), log(0.97 / 0.03) / log(0.8 / 0.2), 1e-3);
  ht_calibrate_crossed(&a, &c);
  near(c.error, 0, 1e-3);
  near(c.loss, -0.8 * log(0.8) - 0.2 * log(0.2), 1e-4);
  ht_answers_free(&a);
}
END_TEST

START_TEST(an_honest_model_keeps_its_temperature) {
  ht_answers a;
  answers(0.8f, &a);
  near(ht_temperature(&a, 1, 0), 1, 1e-3);
  ht_answers_free(&a);
}
END_TEST

/* The normal approximation of 0.8 +- 1.96 sqrt(0.16 / 4000). */
START_TEST(metrics_have_intervals_that_a_seed_repeats) {
  ht_answers a;
  ht_interval one[HT_MAX_METRICS], two[HT_MAX_METRICS];
  answers(0.9f, &a);
  OK(ht_interval_metrics(&a, 7, one));
  OK(ht_interval_metrics(&a, 7, two));
  near(one[0].low, 0.8 - 0.0124, 0.0025);
  near(one[0].high, 0.8 + 0.0124, 0.0025);
  ck_assert_mem_eq(one, two, sizeof one);
  ht_answers_free(&a);
}
END_TEST

START_TEST(texts_cannot_leave_their_place_in_the_page) {
  ht_text page = {0};
  ht_html_text(&page, "<script>\"&\xff\x80z", -1);
  ck_assert_str_eq(page.p,
                   "&lt;script&gt;&quot;&amp;\xef\xbf\xbd\xef\xbf\xbdz");
  ht_text_free(&page);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, shares_have_wilson_intervals);
  tcase_add_test(tests, a_too_sure_model_is_scaled_to_its_accuracy);
  tcase_add_test(tests, an_honest_model_keeps_its_temperature);
  tcase_add_test(tests, metrics_have_intervals_that_a_seed_repeats);
  tcase_add_test(tests, texts_cannot_leave_their_place_in_the_page);
}

int main(void) { return test_main("report", add); }
