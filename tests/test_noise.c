/*
 * test_noise.c - what rounding moves, in a network of convolutions with biases
 * before batch norm: TensorFlow's numbers with its own kernels, with oneDNN's
 * and in double (tests/interop/make_noise.py), and ours beside them.
 */
#include "cases.h"

enum { WEIGHTS = 4 }; /* of found_noise: kernel, bias, kernel, bias */

static ht_model *model;
static golden_case noise;
static ht_tensor answer, slope[WEIGHTS];

static const char *weight_key(int i) {
  static char key[NAME];
  snprintf(key, sizeof key, "weights/%d/.ATTRIBUTES/VARIABLE_VALUE", i);
  return key;
}

static void read_noise(void) {
  char path[1100], tests[1024];
  snprintf(path, sizeof path, "%s/golden/found_noise.txt", test_folder(tests));
  FILE *f = fopen(path, "r");
  ck_assert_msg(f != NULL, "no %s", path);
  ck_assert(read_case(f, &noise));
  fclose(f);
}

static void slope_of(ht_tape *tape, int i) {
  ht_variable *v = ht_store_variable(&model->store, weight_key(i));
  ht_cotangent g;
  ck_assert_ptr_nonnull(v);
  OK(ht_tape_gradient(tape, v, &g));
  OK(ht_cotangent_dense(NULL, &g, &v->value.shape));
  ck_assert_int_eq(g.dense.dtype, HT_FLOAT);
  slope[i] = g.dense;
}

static void run_noise(void) {
  char path[1100], tests[1024];
  const ht_callable *c;
  const ht_tensor *in[] = {&noise.in[0].value};
  ht_plan *plan;
  snprintf(path, sizeof path, "%s/models/found_noise", test_folder(tests));
  OK(ht_model_open(path, NULL, &model));
  for (int i = 0; i < model->store.n_variables; i++)
    model->store.variable[i]->tuned = model->store.variable[i]->trainable;
  OK(ht_model_choose(model, &(ht_call_choice){0}, &c));
  OK(ht_plan_new(&c->body, c->capture, &plan));
  ht_run r = ht_run_make(model->pool, &model->store, model->folder);
  r.tape = ht_tape_new();
  OK(ht_plan_run(plan, &r, 1, in, 1, &answer));
  OK(ht_tape_backward(r.tape, &r, 1, &answer, NULL));
  for (int i = 0; i < WEIGHTS; i++) slope_of(r.tape, i);
  ht_tape_free(r.tape);
  ht_plan_free(plan);
}

static void open_noise(void) {
  read_noise();
  run_noise();
}

static void close_noise(void) {
  drop_all(noise.in, noise.n_in);
  drop_all(noise.out, noise.n_out);
  drop_all(noise.grad, noise.n_grad);
  ht_tensor_drop(&answer);
  for (int i = 0; i < WEIGHTS; i++) ht_tensor_drop(&slope[i]);
  ht_model_free(model);
  model = NULL;
}

/* What TensorFlow found for the output (i < 0) or the gradient of a weight. */
static const ht_tensor *theirs(int i, const char *how) {
  char name[NAME + 16];
  snprintf(name, sizeof name, "%s:%s", weight_key(i), how);
  const named *found = i < 0 ? find(noise.out, noise.n_out, how)
                             : find(noise.grad, noise.n_grad, name);
  ck_assert_ptr_nonnull(found);
  return &found->value;
}

static double largest(const ht_tensor *t) {
  double most = 0;
  for (int64_t i = 0; i < ht_count(t); i++)
    most = fmax(most, fabs(ht_real_at(t, i)));
  return most;
}

/* Against the largest value of b. */
static double far_from(const ht_tensor *a, const ht_tensor *b) {
  double most = 0;
  ck_assert(ht_shape_equal(&a->shape, &b->shape));
  for (int64_t i = 0; i < ht_count(b); i++)
    most = fmax(most, fabs(ht_real_at(a, i) - ht_real_at(b, i)));
  return most / largest(b);
}

START_TEST(a_bias_before_batch_norm_has_a_gradient_of_rounding_alone) {
  for (int bias = 1; bias < WEIGHTS; bias += 2) {
    double kernel = largest(&slope[bias - 1]);
    ck_assert(kernel > 0.1);
    ck_assert(largest(theirs(bias, "double")) < 1e-14 * kernel);
    ck_assert(largest(theirs(bias, "plain")) > 1e-9 * kernel);
    ck_assert(largest(&slope[bias]) < 1e-5 * kernel);
  }
}
END_TEST

/* Kernels of convolution and matrix product sum in orders of their own. */
START_TEST(ours_is_no_further_from_double_than_tensorflows_settings_are) {
  for (int i = -1; i < WEIGHTS; i += i < 0 ? 1 : 2) {
    const ht_tensor *exact = theirs(i, "double");
    double plain = far_from(theirs(i, "plain"), exact),
           onednn = far_from(theirs(i, "onednn"), exact),
           ours = far_from(i < 0 ? &answer : &slope[i], exact);
    ck_assert(far_from(theirs(i, "plain"), theirs(i, "onednn")) > 0);
    ck_assert_msg(ours <= 3 * fmax(plain, onednn),
                  "%d: %.3g, TensorFlow's %.3g and %.3g", i, ours, plain,
                  onednn);
    ck_assert(ours < (i < 0 ? 2e-5 : 7e-5));
  }
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, open_noise, close_noise);
  tcase_add_test(tests,
                 a_bias_before_batch_norm_has_a_gradient_of_rounding_alone);
  tcase_add_test(tests,
                 ours_is_no_further_from_double_than_tensorflows_settings_are);
}

int main(void) { return test_main("noise", add); }
