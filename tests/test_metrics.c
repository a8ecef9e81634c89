/* test_metrics.c - metrics, schedules and clipping on small numbers; the
 * metrics are those that scikit-learn gives. */
#include <math.h>

#include "optim/clip.h"
#include "optim/schedule.h"
#include "test.h"
#include "train/metrics.h"

static double value(const ht_scorecard *s, const char *name) {
  for (int i = 0; i < s->n_values; i++)
    if (strcmp(s->name[i], name) == 0) return s->value[i];
  ck_abort_msg("no metric '%s'", name);
}

static void near(double a, double b) { ck_assert_double_eq_tol(a, b, 1e-9); }

static ht_tensor floats(int rows, int cols, const float *v) {
  ht_tensor t;
  ht_shape shape = ht_shape_2(rows, cols);
  OK(ht_tensor_new(NULL, HT_FLOAT, &shape, &t));
  memcpy(t.data, v, ht_tensor_bytes(&t));
  return t;
}

static void judge(ht_task task, ht_tensor scores, ht_tensor label,
                  ht_scorecard *out) {
  ht_answers a;
  ht_answers_open(&a, task, (int)scores.shape.dim[1]);
  OK(ht_answers_add(&a, &scores, &label, NULL, 0.5));
  OK(ht_score(&a, out));
  ht_answers_free(&a);
  ht_tensor_drop(&scores);
  ht_tensor_drop(&label);
}

/* Right 0 0 1 1 2, said 0 1 1 1 0. */
START_TEST(classes_are_scored_as_scikit_learn_does) {
  const float scores[] = {.8f, .1f, .1f, .2f, .7f, .1f, .1f, .8f,
                          .1f, .3f, .4f, .3f, .5f, .2f, .3f};
  ht_tensor label;
  ht_shape n = ht_shape_1(5);
  ht_scorecard s;
  OK(ht_tensor_new(NULL, HT_INT64, &n, &label));
  memcpy(label.data, (int64_t[]){0, 0, 1, 1, 2}, 40);
  judge(HT_TASK_CLASSIFY, floats(5, 3, scores), label, &s);
  near(value(&s, "accuracy"), 0.6);
  near(value(&s, "top_5"), 1);
  near(value(&s, "precision"), (0.5 + 2.0 / 3 + 0) / 3);
  near(value(&s, "recall"), (0.5 + 1 + 0) / 3);
  near(value(&s, "f1"), (0.5 + 0.8 + 0) / 3);
  near(s.loss, 0.5);
  ck_assert_int_eq(s.confusion[0 * 3 + 1], 1);
  ck_assert_int_eq(s.confusion[2 * 3 + 0], 1);
  ck_assert_int_eq(s.confusion[1 * 3 + 1], 2);
  ht_scorecard_free(&s);
}
END_TEST

/* roc_auc_score of the columns: 0.75 and 0.875 (a tie counts half). */
START_TEST(sets_of_classes_are_scored_as_scikit_learn_does) {
  const float scores[] = {.1f, .9f, .4f, .6f, .35f, .6f, .8f, .2f};
  const float right[] = {0, 1, 0, 0, 1, 1, 1, 0};
  ht_scorecard s;
  judge(HT_TASK_MULTILABEL, floats(4, 2, scores), floats(4, 2, right), &s);
  near(value(&s, "auc"), (0.75 + 0.875) / 2);
  near(value(&s, "f1_micro"), 6.0 / 8);
  near(value(&s, "f1_macro"), (2.0 / 3 + 0.8) / 2);
  ht_scorecard_free(&s);
}
END_TEST

START_TEST(numbers_are_scored_as_scikit_learn_does) {
  const float scores[] = {2.5f, 0, 2, 8}, right[] = {3, -.5f, 2, 7};
  ht_scorecard s;
  judge(HT_TASK_REGRESS, floats(4, 1, scores), floats(4, 1, right), &s);
  near(value(&s, "mse"), 0.375);
  near(value(&s, "mae"), 0.5);
  near(value(&s, "r2"), 1 - 1.5 / 29.1875);
  ht_scorecard_free(&s);
}
END_TEST

/* Ten examples drawn for a task, of weights 0 to 3, or each as often. */
static void weigh(ht_task task, bool repeated, ht_scorecard *out) {
  enum { N = 10, WIDTH = 3 };
  static const float weight[N] = {1, 0, 2, 3, 1, 1, 0, 2, 1, 3};
  uint32_t drawn = 1;
  ht_answers a;
  ht_answers_open(&a, task, WIDTH);
  for (int i = 0; i < N; i++) {
    float score[WIDTH], right[WIDTH], one = 1;
    for (int k = 0; k < WIDTH; k++) {
      drawn = drawn * 1664525 + 1013904223;
      score[k] = (float)(drawn >> 28) / 16;
      right[k] = (float)(drawn >> 20 & 1);
    }
    ht_tensor s = floats(1, WIDTH, score), y = floats(1, WIDTH, right);
    ht_tensor w = floats(1, 1, repeated ? &one : &weight[i]);
    ht_shape scalar = ht_shape_1(1);
    if (task == HT_TASK_CLASSIFY) {
      ht_tensor_drop(&y);
      OK(ht_tensor_new(NULL, HT_INT64, &scalar, &y));
      ht_i64(&y)[0] = drawn >> 16 & 1;
    }
    for (int k = 0; k < (repeated ? (int)weight[i] : 1); k++)
      OK(ht_answers_add(&a, &s, &y, &w, 0));
    ht_tensor_drop(&s);
    ht_tensor_drop(&y);
    ht_tensor_drop(&w);
  }
  OK(ht_score(&a, out));
  ht_answers_free(&a);
}

START_TEST(an_example_of_weight_3_counts_as_three_in_every_metric) {
  static const ht_task task[] = {HT_TASK_CLASSIFY, HT_TASK_MULTILABEL,
                                 HT_TASK_REGRESS};
  for (int k = 0; k < 3; k++) {
    ht_scorecard once, often;
    weigh(task[k], false, &once);
    weigh(task[k], true, &often);
    ck_assert_int_eq(once.n, 10);
    ck_assert_int_eq(often.n, 14);
    for (int i = 0; i < once.n_values; i++) {
      near(once.value[i], value(&often, once.name[i]));
      ck_assert(once.value[i] != 0);
    }
    ht_scorecard_free(&once);
    ht_scorecard_free(&often);
  }
}
END_TEST

START_TEST(schedules_warm_up_and_end_at_zero) {
  ht_schedule s = {
      .kind = ht_schedule_find("linear"), .warmup = 4, .total = 14};
  near(ht_schedule_factor(&s, 1), 0.25);
  near(ht_schedule_factor(&s, 4), 1);
  near(ht_schedule_factor(&s, 5), 1);
  near(ht_schedule_factor(&s, 10), 0.5);
  near(ht_schedule_factor(&s, 15), 0);
  near(ht_schedule_factor(&s, 99), 0);
  s.kind = ht_schedule_find("cosine");
  near(ht_schedule_factor(&s, 10), 0.5);
  s.kind = ht_schedule_find("constant");
  near(ht_schedule_factor(&s, 14), 1);
}
END_TEST

/* Rows 3 and 3 sum to (3, 4) before the norm is taken. */
START_TEST(the_norm_is_that_of_summed_rows) {
  ht_optimizer *o;
  ht_variable v = {.name = "v", .dtype = HT_FLOAT};
  double norm, scale;
  const ht_optimizer_kind *kind = ht_optimizer_find("sgd");
  v.value = floats(5, 2, (float[10]){0});
  OK(ht_optimizer_new(kind, &kind->defaults, &o));
  OK(ht_optimizer_add(o, &v, 1));
  ht_shape n = ht_shape_1(2);
  ht_cotangent *g = &o->tuned[0].gradient;
  OK(ht_tensor_new(NULL, HT_INT64, &n, &g->indices));
  memcpy(g->indices.data, (int64_t[]){3, 3}, 16);
  g->values = floats(2, 2, (float[]){1, 5, 2, -1});
  OK(ht_clip(o, 2, &norm, &scale));
  near(norm, 5);
  near(scale, 0.4);
  ck_assert_int_eq(ht_count(&g->indices), 1);
  ht_optimizer_free(o);
  ht_tensor_drop(&v.value);
}
END_TEST

static void add(TCase *c) {
  tcase_add_test(c, classes_are_scored_as_scikit_learn_does);
  tcase_add_test(c, sets_of_classes_are_scored_as_scikit_learn_does);
  tcase_add_test(c, numbers_are_scored_as_scikit_learn_does);
  tcase_add_test(c, an_example_of_weight_3_counts_as_three_in_every_metric);
  tcase_add_test(c, schedules_warm_up_and_end_at_zero);
  tcase_add_test(c, the_norm_is_that_of_summed_rows);
}

int main(void) { return test_main("metrics", add); }
