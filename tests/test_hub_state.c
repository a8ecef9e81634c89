/* test_hub_state.c - one state and many applications, trained and written
 * again, as tensorflow_hub's native_module_test describes it
 * (docs/hub-behaviours.md). Trained numbers are TensorFlow's. */
#include "behaviours.h"
#include "format/bundle.h"

/* ---- without state */

static void times_ten(ht_net *net, void *arg) {
  (void)arg;
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 1, (int64_t[]){-1});
  ht_symbol y = ht_net_op(net, "Mul", NULL,
                          HT_SYMBOLS(x, ht_net_number(net, HT_FLOAT, 10)));
  ht_net_add_signature(net, NULL, HT_NAMED({NULL, x}), HT_NAMED({NULL, y}));
}

START_TEST(a_function_becomes_a_module_that_makes_100_of_10) {
  for (int hub1 = 0; hub1 < 2; hub1++) {
    ht_net *net;
    const char *out = in_folder(hub1 ? "ten1" : "ten2");
    OK(ht_module_author(times_ten, 0, NULL, &net));
    OK(ht_net_export(net, out, hub1));
    ht_module *m = open_tagged(out, NULL);
    NEAR(number(m, "default", SET({"default", FLOATS(10)}), "default", 0), 100);
    ht_module_free(m);
    ht_net_free(net);
  }
}
END_TEST

/* y = a x + b: the example of tensorflow_hub, with the bytes of its weights. */
START_TEST(half_plus_two_makes_7_of_10) {
  static const float wanted[3] = {7, 3.5f, 4};
  char path[400], bytes[9];
  ht_net *net;
  ht_array *half = FLOAT(0.5f), *two = FLOAT(2);
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 1, (int64_t[]){-1});
  ht_symbol a = ht_net_read(net, ht_net_variable(net, "a", half, true));
  ht_symbol b = ht_net_read(net, ht_net_variable(net, "b", two, true));
  ht_symbol y = ht_net_op(net, "Mul", NULL, HT_SYMBOLS(a, x));
  y = ht_net_op(net, "AddV2", NULL, HT_SYMBOLS(y, b));
  ht_net_add_signature(net, NULL, HT_NAMED({NULL, x}), HT_NAMED({NULL, y}));
  OK(ht_net_export(net, in_folder("half_plus_two"), true));
  ht_module *m = open_tagged(in_folder("half_plus_two"), NULL);
  for (int i = 0; i < 3; i++)
    NEAR(number(m, NULL, SET({"x", FLOATS(10, 3, 4)}), "default", i),
         wanted[i]);
  snprintf(path, sizeof path,
           "%s/half_plus_two/variables/variables.data-00000-of-00001", folder);
  FILE *f = fopen(path, "rb");
  ck_assert_int_eq(fread(bytes, 1, sizeof bytes, f), 8);
  ck_assert(memcmp(bytes, "\0\0\0\x3f\0\0\0\x40", 8) == 0);
  fclose(f);
  ht_array_free(half);
  ht_array_free(two);
  ht_module_free(m);
  ht_net_free(net);
}
END_TEST

/* ---- control flow */

/* d/dx of signature "power": the input is a variable of the net. */
static void power(const char *signature) {
  ht_module *m = functions();
  ht_net *net;
  ht_function *f;
  ht_arrays *none = set_of(0, NULL), *y, *g;
  ht_array *two = FLOAT(2);
  ht_choice choice = {.signature = signature};
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_read(net, ht_net_variable(net, "x", two, true));
  ht_symbol n = ht_net_number(net, HT_INT32, 3);
  ht_symbol p = ht_net_apply(net, m, &choice, HT_NAMED({"x", x}, {"n", n}));
  OK(ht_net_function(net, 0, NULL, HT_NAMED({"y", p}), &f));
  OK(ht_function_gradients(f, none, NULL, &y, &g));
  NEAR(at(y, "y", 0), 8);
  NEAR(at(g, "x", 0), 12);
  ht_arrays_free(y);
  ht_arrays_free(g);
  ht_arrays_free(none);
  ht_array_free(two);
  ht_function_free(f);
  ht_net_free(net);
  ht_module_free(m);
}

START_TEST(a_loop_has_the_gradient_12_of_the_third_power_of_2) {
  power("power_1");
  power("power_2");
}
END_TEST

START_TEST(branches_in_branches_take_their_side) {
  ht_module *m = functions();
  static const float x[3] = {7, 3, -2}, wanted[3] = {70, 6, 2};
  for (int i = 0; i < 3; i++) {
    NEAR(number(m, "nested_1", SET({"x", FLOAT(x[i])}), "default", 0),
         wanted[i]);
    NEAR(number(m, "nested_2", SET({"x", FLOAT(x[i])}), "default", 0),
         wanted[i]);
  }
  ht_module_free(m);
}
END_TEST

START_TEST(reference_variables_are_seen_in_loops_and_branches) {
  ht_module *m = functions();
  NEAR(number(m, "ref", SET({"x", FLOATS(5)}), "default", 0), 10);
  NEAR(number(m, "ref_loop", SET({"x", FLOAT(1)}), "default", 0), 8);
  NEAR(number(m, "ref_branch", SET({"x", FLOAT(3)}), "default", 0), 6);
  NEAR(number(m, "ref_branch", SET({"x", FLOAT(-1)}), "default", 0), -3);
  ht_module_free(m);
}
END_TEST

/* y = v (v (v x)): as a loop of the consumer's would apply it. */
START_TEST(a_module_applied_in_a_row_has_the_exact_gradient) {
  ht_module *m = functions();
  ht_net *net;
  ht_function *f;
  ht_arrays *none = set_of(0, NULL), *y, *g;
  ht_array *two = FLOATS(2);
  ht_choice choice = {.signature = "scale"};
  OK(ht_net_new(&net));
  ht_net_module(net, m, "m", true);
  ht_symbol x = ht_net_read(net, ht_net_variable(net, "x", two, true));
  for (int i = 0; i < 3; i++)
    x = ht_net_apply(net, m, &choice, HT_NAMED({NULL, x}));
  OK(ht_net_function(net, 0, NULL, HT_NAMED({"y", x}), &f));
  OK(ht_function_gradients(f, none, NULL, &y, &g));
  NEAR(at(y, "y", 0), 2000);
  NEAR(at(g, "m/rv_var123", 0), 600);
  NEAR(at(g, "x", 0), 1000);
  ht_arrays_free(y);
  ht_arrays_free(g);
  ht_arrays_free(none);
  ht_array_free(two);
  ht_function_free(f);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

/* ---- variables */

START_TEST(a_checkpoint_of_the_consumer_has_the_variables_names) {
  ht_module *m = functions();
  ht_net *net;
  ht_symbol x;
  ht_bundle *b;
  ht_choice choice = {.signature = "scale"};
  OK(ht_net_new(&net));
  ht_net_module(net, m, "module", true);
  x = ht_net_input(net, "x", HT_FLOAT, 1, (int64_t[]){-1});
  ht_symbol y = ht_net_apply(net, m, &choice, HT_NAMED({NULL, x}));
  ht_symbol zero = ht_net_number(net, HT_INT32, 0);
  ht_symbol loss = ht_net_op(net, "Mean", NULL, HT_SYMBOLS(y, zero));
  ht_trainer *t = descend(net, HT_NAMED({"x", x}), loss, "0.1");
  ht_arrays *batch = SET({"x", FLOATS(0)});
  OK(ht_trainer_step(t, batch, NULL));
  OK(ht_trainer_save(t, in_folder("consumer")));
  ht_arrays_free(batch);
  OK(ht_bundle_open(in_folder("consumer"), &b));
  ck_assert_ptr_nonnull(ht_bundle_find(b, "model/module/rv_var123"));
  ht_bundle_close(b);
  ht_trainer_free(t);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

START_TEST(partitioned_variables_are_one_whatever_their_parts) {
  static const struct {
    const char *key;
    int64_t rows, width;
  } row[] = {{"rows", 7, 3}, {"large", 50, 1}, {"four", 4, 1}};
  ht_module *m = functions();
  const ht_module_info *info;
  OK(ht_module_inspect(m, &info));
  for (int k = 0; k < 3; k++) {
    int found = 0;
    for (int i = 0; i < info->n_variables; i++) {
      const ht_variable_info *v = &info->variable[i];
      if (strcmp(v->key, row[k].key) != 0) continue;
      ck_assert(v->dim[0] == row[k].rows && v->dim[1] == row[k].width);
      found++;
    }
    ck_assert_int_eq(found, 1);
  }
  NEAR(number(m, "rows", SET({"ids", INTS(6)}), "default", 2), 20);
  NEAR(number(m, "four", SET({"ids", INTS(3)}), "default", 0), 3);
  NEAR(number(m, "large", SET({"ids", INTS(0, 37)}), "default", 1), 37);
  ht_module_free(m);
}
END_TEST

START_TEST(a_gradient_of_a_partitioned_variable_is_whole) {
  ht_module *m = functions();
  ht_function *f;
  ht_arrays *g, *in = SET({"ids", INTS(1, 6, 6)});
  ht_arrays *dy = SET({"default", ROWS(3, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3)});
  ht_choice choice = {.signature = "rows"};
  OK(ht_function_open(m, &choice, in, &f));
  OK(ht_function_gradients(f, in, dy, NULL, &g));
  ck_assert_int_eq(ht_array_count(ht_arrays_find(g, "rows")), 21);
  NEAR(at(g, "rows", 3), 1);
  NEAR(at(g, "rows", 20), 5);
  NEAR(at(g, "rows", 0), 0);
  ht_arrays_free(g);
  ht_arrays_free(in);
  ht_arrays_free(dy);
  ht_function_free(f);
  ht_module_free(m);
}
END_TEST

/* ---- training */

/* The mean square of a signature's answers, and the losses of the module. */
typedef struct consumer {
  ht_module *m;
  ht_net *net;
  ht_symbol x, label, y, loss;
  ht_trainer *t;
} consumer;

static consumer consume(const char *signature, bool train_graph, bool trainable,
                        int width, const char *rate) {
  consumer c = {.m = functions()};
  int64_t in[2] = {-1, width}, out[2] = {-1, 1};
  ht_choice choice = {.signature = signature, .training = train_graph};
  OK(ht_net_new(&c.net));
  ht_net_module(c.net, c.m, "m", trainable);
  c.x = ht_net_input(c.net, "x", HT_FLOAT, 2, in);
  c.label = ht_net_input(c.net, "label", HT_FLOAT, 2, out);
  c.y = ht_net_apply(c.net, c.m, &choice, HT_NAMED({NULL, c.x}));
  ht_array *zero = FLOATS(0);
  ht_symbol b = ht_net_read(c.net, ht_net_variable(c.net, "b", zero, true));
  ht_symbol none = ht_net_op(c.net, "Mul", NULL, /* something always trains */
                             HT_SYMBOLS(b, ht_net_number(c.net, HT_FLOAT, 0)));
  ht_symbol found = ht_net_op(c.net, "AddV2", NULL, HT_SYMBOLS(c.y, none));
  c.loss = ht_net_op(c.net, "AddV2", NULL,
                     HT_SYMBOLS(ht_net_loss(c.net, "mse", found, c.label),
                                ht_net_regularization(c.net)));
  OK(ht_net_status(c.net));
  c.t = descend(c.net, HT_NAMED({"x", c.x}, {"label", c.label}), c.loss, rate);
  ht_array_free(zero);
  return c;
}

static void step(consumer *c, int steps, ht_arrays *batch) {
  for (int i = 0; i < steps; i++) OK(ht_trainer_step(c->t, batch, NULL));
  ht_arrays_free(batch);
}

static void end(consumer *c) {
  ht_trainer_free(c->t);
  ht_net_free(c->net);
  ht_module_free(c->m);
}

START_TEST(regularized_layers_train_to_tensorflows_weights) {
  consumer c = consume("dense", false, true, 2, "0.1");
  step(
      &c, 50,
      SET({"x", ROWS(3, 2, 1, 2, 2, 1, 0, 1)}, {"label", ROWS(3, 1, 4, 5, 1)}));
  is_golden(c.net, "m/dense/kernel", "dense/kernel");
  is_golden(c.net, "m/dense/bias", "dense/bias");
  end(&c);
}
END_TEST

static ht_arrays *around_12(void) {
  return SET({"x", ROWS(3, 1, 11, 12, 13)}, {"label", ROWS(3, 1, 22, 24, 26)});
}

static double norm_of(ht_module *m, const char *variable) {
  ht_array *a;
  OK(ht_module_variable(m, variable, &a));
  double x = ht_array_number(a, 0);
  ht_array_free(a);
  return x;
}

START_TEST(batch_norm_trains_by_the_batch_and_serves_20_for_10) {
  static const char *const name[] = {"bn/moving_mean", "bn/moving_variance",
                                     "bn/gamma", "bn/beta"};
  char full[64];
  consumer c = consume("norm", true, true, 1, "0.1");
  step(&c, 60, around_12());
  for (int i = 0; i < 4; i++) {
    snprintf(full, sizeof full, "m/%s", name[i]);
    is_golden(c.net, full, name[i]);
  }
  OK(ht_module_export(c.m, in_folder("served"), true));
  ht_module *m = open_tagged(in_folder("served"), NULL);
  ck_assert(fabs(number(m, "norm", SET({"x", ROWS(1, 1, 10)}), "default", 0) -
                 20) < 1e-3);
  NEAR(norm_of(m, "bn/moving_mean"), 12);
  ht_module_free(m);
  end(&c);
}
END_TEST

START_TEST(trainable_without_the_training_graph_leaves_averages_alone) {
  consumer c = consume("norm", false, true, 1, "0.001");
  step(&c, 5, around_12());
  NEAR(value_of(c.net, "m/bn/moving_mean", 0), 0);
  ck_assert(value_of(c.net, "m/bn/gamma", 0) > 1.05);
  end(&c);
}
END_TEST

START_TEST(the_training_graph_of_a_frozen_module_changes_nothing) {
  consumer c = consume("norm", true, false, 1, "0.1");
  ht_arrays *out =
      evaluated(c.net, HT_NAMED({"x", c.x}), c.y, SET({"x", ROWS(2, 1, 1, 3)}));
  NEAR(at(out, "y", 1), 1 / sqrt(1 + 1e-3)); /* by the batch */
  ht_arrays_free(out);
  step(&c, 5, around_12());
  NEAR(value_of(c.net, "m/bn/moving_mean", 0), 0);
  NEAR(value_of(c.net, "m/bn/gamma", 0), 1);
  NEAR(value_of(c.net, "m/dense/kernel", 0), 1); /* no losses either */
  end(&c);
}
END_TEST

START_TEST(loaded_variables_train_through_a_signature_without_inputs) {
  ht_module *m = functions();
  ht_net *net;
  ht_choice choice = {.signature = "three"};
  double wanted[64];
  ht_array *target = FLOATS(3.1f, 3.2f, 3.3f);
  OK(ht_net_new(&net));
  ht_net_module(net, m, "m", true);
  ht_symbol y = ht_net_apply(net, m, &choice, 0, NULL);
  ht_symbol d = ht_net_op(net, "SquaredDifference", NULL,
                          HT_SYMBOLS(y, ht_net_constant(net, target)));
  ht_symbol loss = ht_net_op(net, "Mean", NULL,
                             HT_SYMBOLS(d, ht_net_number(net, HT_INT32, 0)));
  ht_trainer *t = descend(net, 0, NULL, loss, "0.4");
  ht_arrays *none = set_of(0, NULL);
  for (int i = 0; i < 50; i++) OK(ht_trainer_step(t, none, NULL));
  ck_assert_int_eq(golden("three", wanted), 3);
  is_golden(net, "m/three", "three");
  ck_assert(fabs(value_of(net, "m/three", 2) - 3.3) < 1e-4);
  ht_arrays_free(none);
  ht_array_free(target);
  ht_trainer_free(t);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

/* ---- written again */

START_TEST(assigned_variables_are_exported_and_loaded) {
  ht_module *m = functions();
  ht_net *net;
  ht_array *nines = FLOATS(9, 9, 9);
  OK(ht_net_new(&net));
  ht_net_module(net, m, "m", false);
  OK(ht_net_assign(net, "m/three", nines));
  NEAR(number(m, "three", set_of(0, NULL), "default", 1), 9);
  OK(ht_module_export(m, in_folder("nines"), true));
  ht_module *again = open_tagged(in_folder("nines"), "train");
  NEAR(number(again, "three", set_of(0, NULL), "default", 2), 9);
  NEAR(number(again, "number", set_of(0, NULL), "default", 0), 10);
  ht_module_free(again);
  ht_array_free(nines);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

static ht_arrays *texts(void) {
  const char *text[] = {"world", "of", "nobody"};
  return SET({"text", array(HT_STRING, 1, (int64_t[]){3}, text)});
}

static void looks_up(ht_module *m, const char *signature) {
  static const double one[] = {1, -1, -1}, two[] = {0, 1, -1};
  ht_arrays *out = called(m, signature, texts());
  for (int i = 0; i < 3; i++) {
    NEAR(at(out, "default", i), one[i]);
    NEAR(at(out, "other", i), two[i]);
  }
  ht_arrays_free(out);
}

START_TEST(texts_of_version_2_are_doubles_and_keep_empty_words) {
  static const char *const text[] = {"cat cat", "lizard. dog", "cat? dog", "",
                                     "cat  dog"};
  double wanted[64];
  for (int k = 0; k < 2; k++) { /* as it is, and written as a TF1 module */
    const char *path = k ? in_folder("texts1") : behaviour("texts");
    ht_module *m = open_tagged(path, NULL);
    ht_function *f;
    ht_arrays *y, *g;
    ht_arrays *in =
        SET({"sentences", array(HT_STRING, 1, (int64_t[]){5}, text)});
    OK(ht_function_open(m, NULL, in, &f));
    OK(ht_function_gradients(f, in, NULL, &y, &g));
    ck_assert(ht_array_dtype(ht_arrays_at(y, 0)) == HT_DOUBLE);
    int n = golden("texts", wanted);
    for (int i = 0; i < n; i++)
      NEAR(ht_array_number(ht_arrays_at(y, 0), i), wanted[i]);
    n = golden("texts/gradient", wanted);
    for (int i = 0; i < n; i++)
      NEAR(ht_array_number(ht_arrays_at(g, 0), i), wanted[i]);
    ht_arrays_free(in);
    ht_arrays_free(y);
    ht_arrays_free(g);
    ht_function_free(f);
    if (!k) OK(ht_module_export(m, in_folder("texts1"), true));
    ht_module_free(m);
  }
}
END_TEST

START_TEST(unknown_words_of_a_table_are_its_default) {
  ht_module *m = functions();
  looks_up(m, "lookup");
  ht_module_free(m);
}
END_TEST

START_TEST(an_exported_module_needs_no_file_but_its_own) {
  ht_module *m = functions();
  OK(ht_module_export(m, in_folder("made"), true));
  ht_module_free(m);
  ck_assert(rename(in_folder("made"), in_folder("moved")) == 0);
  m = open_tagged(in_folder("moved"), NULL);
  const ht_module_info *info;
  OK(ht_module_inspect(m, &info));
  ck_assert_int_eq(info->n_assets, 2);
  looks_up(m, "lookup");
  ht_module_free(m);
}
END_TEST

/* A module of modules takes their files over, each once. */
START_TEST(a_consumer_of_modules_with_assets_exports_them) {
  for (int hub1 = 0; hub1 < 2; hub1++) {
    const char *from = in_folder("source");
    const char *out = in_folder(hub1 ? "files1" : "files2");
    ht_net *net;
    ht_module *a = functions();
    OK(ht_module_export(a, from, true));
    ht_module_free(a);
    a = open_tagged(from, NULL);
    ht_module *b = open_tagged(from, NULL);
    ht_choice choice = {.signature = "lookup"};
    OK(ht_net_new(&net));
    ht_symbol s = ht_net_input(net, "text", HT_STRING, 1, (int64_t[]){-1});
    ht_symbol y = ht_net_apply(net, a, &choice, HT_NAMED({NULL, s}));
    ht_symbol z = ht_net_apply(net, b, &choice, HT_NAMED({NULL, s}));
    ht_net_add_signature(
        net, NULL, HT_NAMED({"text", s}),
        HT_NAMED({"default", y}, {"other", ht_net_output(net, z, "other")}));
    OK(ht_net_export(net, out, hub1));
    ht_net_free(net);
    ht_module_free(a);
    ht_module_free(b);
    OK(ht_folder_remove(from)); /* what is exported needs it no more */
    a = open_tagged(out, NULL);
    const ht_module_info *info;
    OK(ht_module_inspect(a, &info));
    ck_assert_int_eq(info->n_assets, 2);
    looks_up(a, "default");
    ht_module_free(a);
  }
}
END_TEST

START_TEST(applications_share_their_state_under_any_scope) {
  ht_module *m = functions();
  ht_net *net;
  ht_array *five = FLOAT(5);
  ht_choice scale = {.signature = "scale"}, number = {.signature = "number"};
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 1, (int64_t[]){-1});
  ht_net_scope(net, "one/");
  ht_symbol y = ht_net_apply(net, m, &scale, HT_NAMED({NULL, x}));
  ht_net_scope(net, "two/");
  y = ht_net_apply(net, m, &scale, HT_NAMED({NULL, y}));
  ht_symbol n = ht_net_apply(net, m, &number, 0, NULL);
  y = ht_net_op(net, "AddV2", NULL, HT_SYMBOLS(y, n));
  OK(ht_net_status(net));
  OK(ht_net_assign(net, "module/rv_var123", five));
  ht_arrays *out = evaluated(net, HT_NAMED({"x", x}), y, SET({"x", FLOATS(2)}));
  NEAR(at(out, "y", 0), 55);
  ht_arrays_free(out);
  ht_array_free(five);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_function_becomes_a_module_that_makes_100_of_10);
  tcase_add_test(tests, half_plus_two_makes_7_of_10);
  tcase_add_test(tests, a_loop_has_the_gradient_12_of_the_third_power_of_2);
  tcase_add_test(tests, branches_in_branches_take_their_side);
  tcase_add_test(tests, reference_variables_are_seen_in_loops_and_branches);
  tcase_add_test(tests, a_module_applied_in_a_row_has_the_exact_gradient);
  tcase_add_test(tests, a_checkpoint_of_the_consumer_has_the_variables_names);
  tcase_add_test(tests, partitioned_variables_are_one_whatever_their_parts);
  tcase_add_test(tests, a_gradient_of_a_partitioned_variable_is_whole);
  tcase_add_test(tests, regularized_layers_train_to_tensorflows_weights);
  tcase_add_test(tests, batch_norm_trains_by_the_batch_and_serves_20_for_10);
  tcase_add_test(tests,
                 trainable_without_the_training_graph_leaves_averages_alone);
  tcase_add_test(tests, the_training_graph_of_a_frozen_module_changes_nothing);
  tcase_add_test(tests,
                 loaded_variables_train_through_a_signature_without_inputs);
  tcase_add_test(tests, assigned_variables_are_exported_and_loaded);
  tcase_add_test(tests, texts_of_version_2_are_doubles_and_keep_empty_words);
  tcase_add_test(tests, unknown_words_of_a_table_are_its_default);
  tcase_add_test(tests, an_exported_module_needs_no_file_but_its_own);
  tcase_add_test(tests, a_consumer_of_modules_with_assets_exports_them);
  tcase_add_test(tests, applications_share_their_state_under_any_scope);
}

int main(void) { return main_of("hub_state", add); }
