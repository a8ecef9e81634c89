/* test_hub_call.c - calling modules, as tensorflow_hub's module_test and
 * tensor_info_test describe it (docs/hub-behaviours.md). */
#include "behaviours.h"

/* ---- inputs */

START_TEST(a_single_input_is_taken_under_any_name_or_none) {
  ht_module *m = functions();
  ht_net *net;
  ht_symbol x;
  NEAR(number(m, NULL, SET({"whatever", FLOATS(1, 10)}), "default", 1), 100);
  OK(ht_net_new(&net));
  ht_symbol y = applied(net, m, NULL, 1, (int64_t[]){-1}, &x);
  ht_arrays *out =
      evaluated(net, HT_NAMED({"x", x}), y, SET({"x", FLOATS(10)}));
  NEAR(at(out, "y", 0), 100);
  ht_arrays_free(out);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

START_TEST(a_signature_without_inputs_refuses_one) {
  ht_module *m = functions();
  ht_net *net;
  ht_choice choice = {.signature = "number"};
  NEAR(number(m, "number", set_of(0, NULL), "default", 0), 10);
  refused(m, "number", SET({"x", FLOATS(1)}), "no input 'x': there are none");
  OK(ht_net_new(&net));
  ht_net_apply(net, m, &choice,
               HT_NAMED({NULL, ht_net_number(net, HT_FLOAT, 1)}));
  FAILS(ht_net_status(net), HT_USAGE, "'number' has no inputs");
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

START_TEST(several_inputs_are_given_by_their_names) {
  ht_module *m = functions();
  static const struct {
    const char *first, *second, *why;
  } row[] = {{NULL, NULL, "several inputs, name one: 'x', 'y'"},
             {"x", NULL, "several inputs, name one: 'x', 'y'"},
             {"x", "z", "no input 'z': there are 'x', 'y'"},
             {"x", "x", "input 'x' is given twice"}};
  for (int i = 0; i < 4; i++) {
    ht_net *net;
    ht_choice choice = {.signature = "multiply"};
    OK(ht_net_new(&net));
    ht_symbol v = ht_net_input(net, "v", HT_FLOAT, 1, (int64_t[]){-1});
    ht_net_apply(net, m, &choice,
                 HT_NAMED({row[i].first, v}, {row[i].second, v}));
    FAILS(ht_net_status(net), HT_USAGE, row[i].why);
    ht_net_free(net);
  }
  refused(m, "multiply", SET({"x", FLOATS(1)}), "input 'y' is missing");
  NEAR(number(m, "multiply", SET({"x", FLOATS(3)}, {"y", FLOATS(4)}), "default",
              0),
       12);
  ht_module_free(m);
}
END_TEST

START_TEST(an_input_that_is_not_used_has_to_be_given) {
  ht_module *m = functions();
  refused(m, "unused", SET({"x", FLOATS(1)}), "input 'other' is missing");
  NEAR(number(m, "unused", SET({"x", FLOATS(10)}, {"other", INTS(1)}),
              "default", 0),
       100);
  ht_module_free(m);
}
END_TEST

START_TEST(values_have_the_declared_type_and_shape) {
  ht_module *m = functions();
  refused(m, NULL, SET({"x", INTS(1)}), "wants float [?], found int64 [1]");
  refused(m, NULL, SET({"x", ROWS(1, 2, 1, 2)}),
          "wants float [?], found float [1,2]");
  for (int k = 0; k < 2; k++) {
    ht_net *net;
    ht_choice choice = {.signature = "dense"};
    OK(ht_net_new(&net));
    int64_t dim[2] = {-1, 3};
    ht_symbol x = ht_net_input(net, "x", k ? HT_FLOAT : HT_INT32, 2, dim);
    ht_net_apply(net, m, &choice, HT_NAMED({NULL, x}));
    FAILS(ht_net_status(net), HT_USAGE,
          k ? "wants float [?,2], found float [?,3]"
            : "wants float, found int32");
    ht_net_free(net);
  }
  ht_module_free(m);
}
END_TEST

START_TEST(dimensions_that_are_not_fixed_match_any) {
  ht_module *m = functions();
  ht_net *net;
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, -1, NULL);
  ht_choice choice = {.signature = "dense"};
  ht_symbol y = ht_net_apply(net, m, &choice, HT_NAMED({NULL, x}));
  ht_arrays *out =
      evaluated(net, HT_NAMED({"x", x}), y, SET({"x", ROWS(2, 2, 1, 2, 3, 4)}));
  NEAR(at(out, "y", 1), 7);
  ht_arrays_free(out);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

/* ---- outputs */

START_TEST(the_output_default_is_the_answer_and_others_have_names) {
  ht_module *m = functions();
  ht_net *net;
  ht_symbol x;
  OK(ht_net_new(&net));
  ht_symbol y = applied(net, m, NULL, 1, (int64_t[]){-1}, &x);
  ht_symbol z = ht_net_output(net, y, "hundredfold");
  ht_symbol sum = ht_net_op(net, "AddV2", NULL, HT_SYMBOLS(y, z));
  ht_arrays *out =
      evaluated(net, HT_NAMED({"x", x}), sum, SET({"x", FLOATS(2)}));
  NEAR(at(out, "y", 0), 220);
  ht_arrays_free(out);
  ht_net_free(net);
  out = called(m, NULL, SET({"x", FLOATS(2)}));
  ck_assert_int_eq(ht_arrays_count(out), 2);
  ht_arrays_free(out);
  ht_module_free(m);
}
END_TEST

START_TEST(without_an_output_default_one_is_named) {
  ht_module *m = functions();
  ht_net *net;
  ht_symbol x;
  OK(ht_net_new(&net));
  ht_symbol y = applied(net, m, "named", 1, (int64_t[]){-1}, &x);
  ht_arrays *out = evaluated(net, HT_NAMED({"x", x}),
                             ht_net_output(net, y, "b"), SET({"x", FLOATS(5)}));
  NEAR(at(out, "y", 0), 7);
  ht_net_op(net, "Neg", NULL, HT_SYMBOLS(y));
  FAILS(ht_net_status(net), HT_USAGE, "no output named 'default'");
  ht_arrays_free(out);
  ht_net_free(net);
  OK(ht_net_new(&net));
  y = applied(net, m, "named", 1, (int64_t[]){-1}, &x);
  ht_net_output(net, y, "c");
  FAILS(ht_net_status(net), HT_USAGE, "no output 'c': there are 'a', 'b'");
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

START_TEST(an_output_may_be_an_input_itself) {
  ht_module *m = functions();
  NEAR(number(m, "itself", SET({"x", FLOATS(4, 5)}), "default", 1), 5);
  ht_module_free(m);
}
END_TEST

/* ---- signatures, tags, names */

START_TEST(a_signature_that_is_not_there_is_told_with_those_that_are) {
  ht_module *m = functions();
  ht_function *f;
  ht_choice choice = {.signature = "nope"};
  FAILS(ht_function_open(m, &choice, NULL, &f), HT_USAGE,
        "no signature 'nope': there are 'combine', 'default'");
  ht_module_free(m);
}
END_TEST

START_TEST(interfaces_are_told_for_the_usual_graph_and_by_tags) {
  static const char *const tags[] = {NULL, "", "train"};
  for (int k = 0; k < 3; k++) {
    ht_module *m = open_tagged(behaviour("functions"), tags[k]), *no;
    const ht_module_info *info;
    OK(ht_module_inspect(m, &info));
    ck_assert_str_eq(info->tag_set[info->chosen], k == 2 ? "train" : "");
    const ht_callable_info *c = info->callable;
    while (strcmp(c->name, "rows") != 0) c++;
    ck_assert(c->n_inputs == 1 && c->n_outputs == 1 && c->signature);
    ck_assert_str_eq(c->input->name, "ids");
    ck_assert(c->input->dtype == HT_INT64 && c->input->rank == 1 &&
              c->input->dim[0] == -1);
    ck_assert(c->output->rank == 2 && c->output->dim[1] == 3);
    ht_module_free(m);
    ht_module_options wrong = {.tags = "gpu"};
    FAILS(ht_module_open(behaviour("functions"), &wrong, &no), HT_USAGE,
          "no graph with tags 'gpu': there are '', 'train'");
  }
}
END_TEST

START_TEST(modules_without_a_name_are_module_and_module_1) {
  ht_module *a = functions(), *b = functions();
  ht_net *net;
  ht_choice choice = {.signature = "number"};
  OK(ht_net_new(&net));
  ht_net_apply(net, a, &choice, 0, NULL);
  ht_net_apply(net, b, &choice, 0, NULL);
  ht_net_apply(net, a, &choice, 0, NULL);
  OK(ht_net_status(net));
  NEAR(value_of(net, "module/three", 2), 3);
  NEAR(value_of(net, "module_1/three", 2), 3);
  ht_array *v;
  FAILS(ht_net_value(net, "module_2/three", &v), HT_USAGE,
        "no variable 'module_2/three'");
  ht_net_free(net);
  ht_module_free(a);
  ht_module_free(b);
}
END_TEST

START_TEST(a_name_is_that_of_one_module) {
  ht_module *a = functions(), *b = functions();
  ht_net *net;
  OK(ht_net_new(&net));
  ht_net_module(net, a, "vs/a", false);
  ht_net_module(net, b, "vs/a", false);
  FAILS(ht_net_status(net), HT_USAGE, "'vs/a'");
  NEAR(value_of(net, "vs/a/three", 0), 1);
  ht_net_free(net);
  ht_module_free(a);
  ht_module_free(b);
}
END_TEST

/* ---- composite values */

static ht_arrays *composite(void) {
  return SET({"dense", FLOATS(1, 2)}, {"sparse_values", FLOATS(10, 20)},
             {"sparse_indices",
              array(HT_INT64, 2, (int64_t[]){2, 2}, (int64_t[]){0, 0, 1, 2})},
             {"sparse_dense_shape", INTS(2, 3)},
             {"ragged_component_0", FLOATS(100, 200, 300)},
             {"ragged_component_1", INTS(0, 2, 3)});
}

START_TEST(dense_sparse_and_ragged_inputs_are_six_tensors) {
  ht_module *m = functions();
  ht_function *f;
  const ht_callable_info *info;
  ht_choice choice = {.signature = "mixed"};
  OK(ht_function_open(m, &choice, NULL, &f));
  OK(ht_function_info(f, &info));
  ck_assert_int_eq(info->n_inputs, 6);
  ht_function_free(f);
  NEAR(number(m, "mixed", composite(), "default", 0), 633);
  ht_module_free(m);
}
END_TEST

START_TEST(a_sparse_value_goes_in_and_comes_out_as_its_parts) {
  ht_module *m = functions();
  ht_arrays *in =
      SET({"st_values", FLOATS(1, 2)}, {"st_dense_shape", INTS(3, 4)},
          {"st_indices",
           array(HT_INT64, 2, (int64_t[]){2, 2}, (int64_t[]){0, 1, 2, 3})});
  ht_arrays *out = called(m, "sparse", in);
  NEAR(at(out, "default_values", 1), 20);
  NEAR(at(out, "default_indices", 2), 2);
  NEAR(at(out, "default_dense_shape", 1), 4);
  ht_arrays_free(out);
  ht_module_free(m);
}
END_TEST

START_TEST(ragged_values_are_squared_and_combined) {
  ht_module *m = functions();
  ht_arrays *out = called(m, "ragged",
                          SET({"rt_component_0", FLOATS(1, 2, 3)},
                              {"rt_component_1", INTS(0, 1, 1, 3)}));
  NEAR(at(out, "default_component_0", 2), 9);
  NEAR(at(out, "default_component_1", 2), 1);
  ht_arrays_free(out);
  out = called(
      m, "combine",
      SET({"a_component_0", FLOATS(1, 2)}, {"a_component_1", INTS(0, 1, 2)},
          {"b_component_0", FLOATS(3, 4, 5)},
          {"b_component_1", INTS(0, 2, 3)}));
  static const double values[] = {1, 3, 4, 2, 5};
  for (int i = 0; i < 5; i++)
    NEAR(at(out, "default_component_0", i), values[i]);
  NEAR(at(out, "default_component_1", 1), 3);
  ht_arrays_free(out);
  ht_module_free(m);
}
END_TEST

/* ---- by themselves */

START_TEST(a_function_of_a_module_is_evaluated_by_itself) {
  ht_module *m = functions(),
            *train = open_tagged(behaviour("functions"), "train");
  NEAR(number(m, NULL, SET({"default", FLOATS(3)}), "default", 0), 30);
  NEAR(number(m, "named", SET({"x", FLOATS(3)}), "a", 0), 4);
  /* The batch's own moments in the one graph, the averages in the other. */
  NEAR(number(m, "norm", SET({"x", ROWS(2, 1, 1, 3)}), "default", 1),
       3 / sqrt(1 + 1e-3));
  NEAR(number(train, "norm", SET({"x", ROWS(2, 1, 1, 3)}), "default", 1),
       1 / sqrt(1 + 1e-3));
  ht_module_free(m);
  ht_module_free(train);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_single_input_is_taken_under_any_name_or_none);
  tcase_add_test(tests, a_signature_without_inputs_refuses_one);
  tcase_add_test(tests, several_inputs_are_given_by_their_names);
  tcase_add_test(tests, an_input_that_is_not_used_has_to_be_given);
  tcase_add_test(tests, values_have_the_declared_type_and_shape);
  tcase_add_test(tests, dimensions_that_are_not_fixed_match_any);
  tcase_add_test(tests, the_output_default_is_the_answer_and_others_have_names);
  tcase_add_test(tests, without_an_output_default_one_is_named);
  tcase_add_test(tests, an_output_may_be_an_input_itself);
  tcase_add_test(tests,
                 a_signature_that_is_not_there_is_told_with_those_that_are);
  tcase_add_test(tests, interfaces_are_told_for_the_usual_graph_and_by_tags);
  tcase_add_test(tests, modules_without_a_name_are_module_and_module_1);
  tcase_add_test(tests, a_name_is_that_of_one_module);
  tcase_add_test(tests, dense_sparse_and_ragged_inputs_are_six_tensors);
  tcase_add_test(tests, a_sparse_value_goes_in_and_comes_out_as_its_parts);
  tcase_add_test(tests, ragged_values_are_squared_and_combined);
  tcase_add_test(tests, a_function_of_a_module_is_evaluated_by_itself);
}

int main(void) { return main_of("hub_call", add); }
