/* test_loops.c - modules with loops of both generations, values and gradients
 * against TensorFlow's (tests/interop/make_loops.py). */
#include "cases.h"

START_TEST(loops_of_version_1_run_as_in_tensorflow) {
  run_cases("loops", "", 8);
}
END_TEST

START_TEST(recurrent_layers_of_keras_run_as_in_tensorflow) {
  run_cases("rnn", "", 5);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, loops_of_version_1_run_as_in_tensorflow);
  tcase_add_test(tests, recurrent_layers_of_keras_run_as_in_tensorflow);
}

int main(void) { return test_main("loops", add); }
