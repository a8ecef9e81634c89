/*
 * test_found.c - what real published files held and nobody expects, a test
 * each, with modules and numbers that TensorFlow made
 * (tests/interop/make_found.py, make_keras3.py).
 *
 * Elsewhere: tables without an init op (test_load.c: tables_of_a_hub_module_
 * are_initialised_from_its_assets); While and StatelessWhile with lists inside
 * of functions with api_implements, whose files hold CudnnRNN beside what is
 * called (test_loops.c: recurrent_layers_of_keras_run_as_in_tensorflow); loops
 * of version 1 with arrays (test_loops.c: loops_of_version_1_run_as_in_
 * tensorflow); powers of Adam's betas in float (test_train_golden.c: ten_steps_
 * of_each_optimizer_and_loss_equal_those_of_keras); gradients of gathered rows,
 * and steps that touch these rows alone (test_plan.c: gathered_rows_of_a_
 * variable_have_row_gradients; test_rows.c); biases before batch norm, and how
 * far TensorFlow's numbers are from themselves (test_noise.c).
 */
#include "base/file.h"
#include "cases.h"
#include "hub/export.h"

static ht_model *model;

static void close_model(void) {
  ht_model_free(model);
  model = NULL;
}

static void open_model(const char *name) {
  char path[1100], tests[1024];
  snprintf(path, sizeof path, "%s/models/%s", test_folder(tests), name);
  OK(ht_model_open(path, NULL, &model));
}

/* ---- feeds */

START_TEST(one_output_of_an_op_is_fed_and_names_have_slashes_and_dollars) {
  run_cases("found_v1", "feed/of$split", 1);
}
END_TEST

START_TEST(a_placeholder_with_a_default_need_not_be_fed) {
  ht_call_choice choice = {.signature = "feed/of$split"};
  const ht_callable *c;
  const ht_port *rate, *half;
  open_model("found_v1");
  OK(ht_model_choose(model, &choice, &c));
  OK(ht_callable_named(c, "rate", &rate));
  OK(ht_callable_named(c, "half/b$", &half));
  ck_assert_ptr_nonnull(ht_port_default(c, rate));
  ck_assert(ht_f(ht_port_default(c, rate))[0] == 0.5F);
  ck_assert_ptr_null(ht_port_default(c, half));
}
END_TEST

START_TEST(a_constant_is_fed_and_an_input_leads_nowhere) {
  run_cases("found_v1", "constant", 1);
}
END_TEST

START_TEST(a_signature_has_no_inputs) { run_cases("found_v1", "no_inputs", 1); }
END_TEST

START_TEST(a_signature_has_no_outputs) {
  run_cases("found_v1", "no_outputs", 1);
}
END_TEST

/* ---- parts that nobody understands */

START_TEST(a_type_that_nobody_knows_does_not_stop_the_signatures) {
  run_cases("found_v2", "outputs", 1);
}
END_TEST

static void strange_fails(const char *name) {
  ht_call_choice choice = {.signature = "strange"};
  const ht_callable *c;
  ht_plan *plan = NULL;
  open_model(name);
  ht_status st = ht_model_choose(model, &choice, &c);
  if (st.code == HT_OK) st = ht_plan_new(&c->body, c->capture, &plan);
  ck_assert_int_eq(st.code, HT_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(st.msg, "NobodyKnows"));
  ht_plan_free(plan);
}

START_TEST(an_op_that_nobody_knows_stops_what_needs_it_alone) {
  run_cases("found_v1", "guarded", 1);
  strange_fails("found_v1");
}
END_TEST

START_TEST(a_function_with_an_unknown_op_stops_what_calls_it_alone) {
  run_cases("found_v2", "padded", 1);
  strange_fails("found_v2");
}
END_TEST

/* ---- keys */

static const ht_variable *at(const char *key) {
  char whole[256];
  snprintf(whole, sizeof whole, "%s/.ATTRIBUTES/VARIABLE_VALUE", key);
  const ht_variable *v = ht_store_variable(&model->store, whole);
  ck_assert_msg(v != NULL, "no variable '%s'", key);
  return v;
}

START_TEST(names_repeat_and_keys_are_places_in_lists) {
  open_model("found_v2");
  ck_assert_ptr_ne(at("variables/2"), at("variables/3"));
  ck_assert_str_eq(at("variables/2")->name, at("variables/3")->name);
  ck_assert(at("variables/2")->trainable);
}
END_TEST

START_TEST(texts_that_are_marked_trainable_are_not_differentiated) {
  open_model("found_v2");
  ck_assert_int_eq(at("texts")->dtype, HT_STRING);
  ck_assert(!at("texts")->trainable);
}
END_TEST

START_TEST(variables_of_metrics_have_values_and_belong_to_no_callable) {
  open_model("found_v2");
  const ht_variable *metric = at("keras_api/metrics/0");
  ck_assert(ht_f(&metric->value)[0] == 5.0F);
  ck_assert(!metric->trainable);
}
END_TEST

static bool reads(const ht_callable *c, const ht_variable *v) {
  ht_arena arena = {0};
  ht_variable **found;
  int n;
  bool yes = false;
  OK(ht_plan_variables(&c->body, c->capture, &model->store, &arena, &found,
                       &n));
  for (int i = 0; i < n; i++) yes |= found[i] == v;
  ht_arena_free(&arena);
  return yes;
}

/* Of two copies, signatures of the main graph have the other one than
 * functions of the object graph. */
START_TEST(variables_that_keras_3_saves_twice_are_one) {
  char folder[] = "/tmp/hubtune-found-XXXXXX", out[64];
  const ht_call_choice signature = {.signature = "serving_default"},
                       method = {.call = "serve"};
  const ht_callable *c;
  ht_tensor value;
  open_model("keras3");
  OK(ht_model_choose(model, &signature, &c));
  ck_assert(reads(c, at("variables/1")));
  ck_assert(!reads(c, at("_all_variables/1")));
  OK(ht_model_choose(model, &method, &c));
  ck_assert(reads(c, at("variables/1")));

  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(out, sizeof out, "%s/out", folder);
  ht_shape one = ht_shape_1(1);
  OK(ht_tensor_new(NULL, HT_FLOAT, &one, &value));
  ht_f(&value)[0] = 7;
  OK(ht_variable_assign((ht_variable *)at("variables/1"), &value, false));
  OK(ht_export_module(model, out, false, false));
  close_model();
  OK(ht_model_open(out, NULL, &model));
  ck_assert(ht_f(&at("variables/1")->value)[0] == 7);
  ck_assert(ht_f(&at("_all_variables/1")->value)[0] == 7);
  OK(ht_folder_remove(folder));
}
END_TEST

/* ---- loops and branches */

START_TEST(two_loops_of_version_1_share_a_cell) {
  run_cases("found_v1", "shared_cell", 1);
}
END_TEST

START_TEST(a_switch_around_an_assertion_alone_is_differentiated) {
  run_cases("found_v1", "guarded", 1);
}
END_TEST

START_TEST(a_stateless_condition_pads_to_the_length) {
  run_cases("found_v2", "padded", 1);
}
END_TEST

/* ---- gradients of exactly zero */

START_TEST(query_and_key_over_one_position_have_gradients_of_zero) {
  run_cases("found_v2", "attention", 1);
}
END_TEST

START_TEST(the_recurrent_weights_of_a_single_step_have_gradients_of_zero) {
  run_cases("found_v2", "single_step", 1);
}
END_TEST

START_TEST(a_variable_of_another_output_has_no_gradient) {
  run_cases("found_v2", "outputs", 1);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, NULL, close_model);
  tcase_add_test(tests,
                 one_output_of_an_op_is_fed_and_names_have_slashes_and_dollars);
  tcase_add_test(tests, a_placeholder_with_a_default_need_not_be_fed);
  tcase_add_test(tests, a_constant_is_fed_and_an_input_leads_nowhere);
  tcase_add_test(tests, a_signature_has_no_inputs);
  tcase_add_test(tests, a_signature_has_no_outputs);
  tcase_add_test(tests, a_type_that_nobody_knows_does_not_stop_the_signatures);
  tcase_add_test(tests, an_op_that_nobody_knows_stops_what_needs_it_alone);
  tcase_add_test(tests,
                 a_function_with_an_unknown_op_stops_what_calls_it_alone);
  tcase_add_test(tests, names_repeat_and_keys_are_places_in_lists);
  tcase_add_test(tests, texts_that_are_marked_trainable_are_not_differentiated);
  tcase_add_test(tests,
                 variables_of_metrics_have_values_and_belong_to_no_callable);
  tcase_add_test(tests, variables_that_keras_3_saves_twice_are_one);
  tcase_add_test(tests, two_loops_of_version_1_share_a_cell);
  tcase_add_test(tests, a_switch_around_an_assertion_alone_is_differentiated);
  tcase_add_test(tests, a_stateless_condition_pads_to_the_length);
  tcase_add_test(tests, query_and_key_over_one_position_have_gradients_of_zero);
  tcase_add_test(tests,
                 the_recurrent_weights_of_a_single_step_have_gradients_of_zero);
  tcase_add_test(tests, a_variable_of_another_output_has_no_gradient);
}

int main(void) { return test_main("found", add); }
