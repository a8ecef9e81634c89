/* test_hub_layer.c - modules as layers, as tensorflow_hub's keras_layer_test
 * and module_v2_test describe them (docs/hub-behaviours.md). Trained numbers
 * are those of hub.KerasLayer (tests/interop/make_behaviours.py). */
#include "behaviours.h"

static ht_layer *layer(const char *name, ht_layer_options o) {
  ht_layer *l;
  OK(ht_layer_new(behaviour(name), &o, &l));
  return l;
}

static void no_layer(const char *name, ht_layer_options o, const char *why) {
  ht_layer *l;
  FAILS(ht_layer_new(behaviour(name), &o, &l), HT_USAGE, why);
  ck_assert_ptr_null(l);
}

static double run(ht_layer *l, bool training, ht_arrays *in, const char *output,
                  int64_t i) {
  ht_arrays *out;
  OK(ht_layer_run(l, training, in, &out));
  double y = at(out, output, i);
  ht_arrays_free(out);
  ht_arrays_free(in);
  return y;
}

static double weight(ht_layer *l, const char *key) {
  ht_array *a;
  OK(ht_module_variable(ht_layer_module(l), key, &a));
  double x = ht_array_number(a, 0);
  ht_array_free(a);
  return x;
}

/* ---- weights and losses */

START_TEST(weights_are_the_trainable_ones_and_then_the_others) {
  ht_layer *l = layer("half_plus_one", (ht_layer_options){.trainable = true});
  const ht_variable_info *w;
  int n, trainable;
  OK(ht_layer_weights(l, &w, &trainable, &n));
  ck_assert(n == 2 && trainable == 1); /* b says that it trains: nobody asks */
  ck_assert_str_eq(w[0].key, "w");
  ck_assert_str_eq(w[1].key, "b");
  ck_assert(w[0].trainable && !w[1].trainable);
  ht_layer_train(l, false);
  OK(ht_layer_weights(l, &w, &trainable, &n));
  ck_assert(n == 2 && trainable == 0);
  ht_layer_free(l);
}
END_TEST

START_TEST(losses_count_while_the_layer_trains) {
  ht_layer *l = layer("half_plus_one", (ht_layer_options){0});
  const double *loss;
  int n;
  for (int k = 0; k < 4; k++) {
    OK(ht_layer_losses(l, &loss, &n));
    ck_assert_int_eq(n, 1);
    NEAR(loss[0], k % 2 ? 0.0025 : 0);
    ht_layer_train(l, k % 2 == 0);
  }
  ht_layer_free(l);
}
END_TEST

/* ---- training */

typedef struct fitted {
  ht_net *net;
  ht_symbol x, label, loss;
  ht_trainer *t;
} fitted;

/* Mean square and losses; `other` always trains, so that something does. */
static fitted fit(ht_layer *l, const char *rate) {
  fitted f;
  int64_t any[2] = {-1, 1};
  ht_array *zero = FLOAT(0);
  OK(ht_net_new(&f.net));
  f.x = ht_net_input(f.net, "x", HT_FLOAT, 2, any);
  f.label = ht_net_input(f.net, "label", HT_FLOAT, 2, any);
  ht_symbol y = ht_layer_call(l, f.net, true, HT_NAMED({NULL, f.x}));
  ht_symbol other =
      ht_net_read(f.net, ht_net_variable(f.net, "other", zero, true));
  ht_symbol none = ht_net_op(
      f.net, "Mul", NULL, HT_SYMBOLS(other, ht_net_number(f.net, HT_FLOAT, 0)));
  y = ht_net_op(f.net, "AddV2", NULL, HT_SYMBOLS(y, none));
  f.loss = ht_net_op(f.net, "AddV2", NULL,
                     HT_SYMBOLS(ht_net_loss(f.net, "mse", y, f.label),
                                ht_net_regularization(f.net)));
  OK(ht_net_status(f.net));
  f.t = descend(f.net, HT_NAMED({"x", f.x}, {"label", f.label}), f.loss, rate);
  ht_array_free(zero);
  return f;
}

static void unfit(fitted *f) {
  ht_trainer_free(f->t);
  ht_net_free(f->net);
}

static ht_arrays *halves(void) {
  return SET({"x", ROWS(3, 1, -2, 0, 2)}, {"label", ROWS(3, 1, -1, 1, 3)});
}

START_TEST(half_plus_one_is_retrained_as_in_keras) {
  ht_layer *l = layer("half_plus_one", (ht_layer_options){.trainable = true});
  fitted f = fit(l, "0.05");
  double wanted[64], loss;
  ht_arrays *batch = halves();
  ck_assert_int_eq(golden("half_plus_one/losses", wanted), 10);
  for (int i = 0; i < 10; i++) {
    OK(ht_trainer_step(f.t, batch, &loss));
    NEAR(loss, wanted[i]);
  }
  golden("half_plus_one/w", wanted);
  NEAR(weight(l, "w"), wanted[0]);
  NEAR(weight(l, "b"), 1); /* stays, though its gradient is not zero */
  OK(ht_module_export(ht_layer_module(l), in_folder("retrained"), false));
  ht_arrays_free(batch);
  unfit(&f);
  ht_layer_free(l);
  OK(ht_layer_new(in_folder("retrained"), NULL, &l));
  NEAR(run(l, false, SET({"x", ROWS(1, 1, 2)}), "default", 0),
       2 * wanted[0] + 1);
  ht_layer_free(l);
}
END_TEST

START_TEST(a_layer_freezes_and_thaws_while_it_is_trained) {
  ht_layer *l = layer("half_plus_one", (ht_layer_options){.trainable = true});
  ht_layer_train(l, false);
  fitted f = fit(l, "0.05");
  ht_arrays *batch = halves();
  OK(ht_trainer_step(f.t, batch, NULL));
  NEAR(weight(l, "w"), 0.5);
  ht_trainer_free(f.t);
  ht_layer_train(l, true);
  f.t =
      descend(f.net, HT_NAMED({"x", f.x}, {"label", f.label}), f.loss, "0.05");
  OK(ht_trainer_step(f.t, batch, NULL));
  ck_assert(weight(l, "w") > 0.55);
  ht_arrays_free(batch);
  unfit(&f);
  ht_layer_free(l);
}
END_TEST

static void retrain_norm(bool trainable) {
  static const char *const name[] = {"gamma", "beta", "mean", "variance"};
  ht_layer *l = layer("batch_norm", (ht_layer_options){.trainable = trainable});
  fitted f = fit(l, "0.1");
  char full[64];
  double wanted[64];
  ht_arrays *batch =
      SET({"x", ROWS(3, 1, 11, 12, 13)}, {"label", ROWS(3, 1, 22, 24, 26)});
  for (int i = 0; i < 60; i++) OK(ht_trainer_step(f.t, batch, NULL));
  for (int i = 0; i < 4; i++) {
    snprintf(full, sizeof full, "batch_norm%d/%s", trainable, name[i]);
    golden(full, wanted);
    NEAR(weight(l, name[i]), wanted[0]);
  }
  ht_arrays_free(batch);
  unfit(&f);
  ht_layer_free(l);
}

START_TEST(batch_norm_is_retrained_to_mean_12_and_beta_24) {
  retrain_norm(true);
}
END_TEST

START_TEST(a_frozen_layer_never_follows_the_batch) { retrain_norm(false); }
END_TEST

/* Training runs where it is asked for and the layer is trainable. */
START_TEST(the_training_variant_takes_trainable_and_training) {
  for (int k = 0; k < 4; k++) {
    bool trainable = k & 1, training = k & 2;
    ht_layer *l =
        layer("batch_norm", (ht_layer_options){.trainable = trainable});
    NEAR(run(l, training, SET({"x", ROWS(2, 1, 1, 3)}), "default", 1),
         (k == 3 ? 1 : 3) / sqrt(1 + 1e-3));
    NEAR(weight(l, "mean"), k == 3 ? 1 : 0);
    ht_layer_free(l);
    l = layer("functions", (ht_layer_options){.trainable = trainable,
                                              .signature = "norm",
                                              .output_key = "default"});
    NEAR(run(l, training, SET({"x", ROWS(2, 1, 1, 3)}), "default", 1),
         (k == 3 ? 1 : 3) / sqrt(1 + 1e-3));
    NEAR(weight(l, "bn/moving_mean"), 0);
    ht_layer_free(l);
  }
}
END_TEST

/* hub.KerasLayer refuses both. */
START_TEST(layers_train_through_signatures_and_of_tf1_modules) {
  ht_layer *l =
      layer("half_plus_one", (ht_layer_options){.trainable = true,
                                                .signature = "serving_default",
                                                .output_key = "output_0"});
  fitted f = fit(l, "0.05");
  double wanted[64];
  ht_arrays *batch = halves();
  for (int i = 0; i < 10; i++) OK(ht_trainer_step(f.t, batch, NULL));
  golden("half_plus_one/w", wanted);
  NEAR(weight(l, "w"), wanted[0]);
  ht_arrays_free(batch);
  unfit(&f);
  ht_layer_free(l);
  l = layer("functions", (ht_layer_options){.trainable = true,
                                            .signature = "norm",
                                            .output_key = "default"});
  f = fit(l, "0.1");
  batch = SET({"x", ROWS(3, 1, 11, 12, 13)}, {"label", ROWS(3, 1, 22, 24, 26)});
  for (int i = 0; i < 60; i++) OK(ht_trainer_step(f.t, batch, NULL));
  NEAR(weight(l, "bn/moving_mean"), 12);
  ht_arrays_free(batch);
  unfit(&f);
  ht_layer_free(l);
}
END_TEST

/* ---- what is called */

START_TEST(a_tf1_module_is_called_by_its_default_signature_and_output) {
  ht_layer *l = layer("functions", (ht_layer_options){0});
  ht_arrays *in = SET({"default", FLOATS(10)}), *out;
  OK(ht_layer_run(l, false, in, &out));
  ck_assert_int_eq(ht_arrays_count(out), 1);
  NEAR(at(out, "default", 0), 100);
  ht_arrays_free(out);
  ht_layer_free(l);
  l = layer("functions", (ht_layer_options){.signature_outputs_as_dict = true,
                                            .signature = "default"});
  OK(ht_layer_run(l, false, in, &out));
  ck_assert_int_eq(ht_arrays_count(out), 2);
  ht_arrays_free(out);
  ht_layer_free(l);
  l = layer("functions",
            (ht_layer_options){.output_key = "hundredfold", .tags = "train"});
  OK(ht_layer_run(l, false, in, &out));
  NEAR(at(out, "hundredfold", 0), 1000);
  ht_arrays_free(out);
  ht_arrays_free(in);
  ht_layer_free(l);
}
END_TEST

START_TEST(a_signature_or_a_method_is_called_by_its_name) {
  ht_layer *l = layer("half_plus_one", (ht_layer_options){0});
  NEAR(run(l, false, SET({"x", ROWS(1, 1, 4)}), "default", 0), 3);
  ht_layer_free(l);
  l = layer("half_plus_one", (ht_layer_options){.call = "both"});
  NEAR(run(l, false, SET({"x", ROWS(1, 1, 4)}), "twice", 0), 6);
  ht_layer_free(l);
  l = layer("half_plus_one",
            (ht_layer_options){.signature = "both", .output_key = "twice"});
  NEAR(run(l, false, SET({"x", ROWS(1, 1, 4)}), "twice", 0), 6);
  ht_net *net;
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 2, (int64_t[]){-1, 1});
  ht_symbol y = ht_layer_call(l, net, false, HT_NAMED({"x", x}));
  ht_arrays *out =
      evaluated(net, HT_NAMED({"x", x}), y, SET({"x", ROWS(1, 1, 4)}));
  NEAR(at(out, "y", 0), 6);
  ht_arrays_free(out);
  ht_net_free(net);
  ht_layer_free(l);
}
END_TEST

START_TEST(an_open_module_or_its_sub_object_is_a_layer) {
  char path[1100], tests[1024];
  snprintf(path, sizeof path, "%s/models/tf2", test_folder(tests));
  ht_module *m = open_tagged(path, NULL);
  ht_layer *l;
  const char *text[2] = {"fox", "cat"};
  ht_layer_options lookup = {.call = "lookup"}, tagged = {.tags = "serve"};
  OK(ht_layer_of(m, &lookup, &l));
  ht_array *words = array(HT_STRING, 1, (int64_t[]){2}, text);
  ht_arrays *in = SET({"text", words}), *out;
  OK(ht_layer_run(l, false, in, &out));
  ck_assert(at(out, "default", 0) == 2 && at(out, "default", 1) == -1);
  ht_arrays_free(in);
  ht_arrays_free(out);
  ht_layer_free(l);
  FAILS(ht_layer_of(m, &tagged, &l), HT_USAGE, "this module is open");
  ht_module_free(m);
}
END_TEST

START_TEST(arguments_choose_and_are_fed) {
  char path[1100], tests[1024];
  snprintf(path, sizeof path, "%s/models/tf2", test_folder(tests));
  const char *scale = "scale=3", *bad = "scale", *unknown = "color=red";
  ht_layer_options o = {.n_arguments = 1, .argument = &scale};
  ht_layer *l;
  double y[2];
  for (int k = 0; k < 2; k++) {
    OK(ht_layer_new(path, k ? &o : NULL, &l));
    ht_array *b1 = array(HT_INT64, 2, (int64_t[]){1, 3}, (int64_t[]){1, 2, 3});
    ht_arrays *in = SET({"inputs/a", ROWS(1, 2, 1, 1)},
                        {"inputs/b/0", FLOAT(1)}, {"inputs/b/1", b1});
    y[k] = run(l, false, in, "z", 0);
    ht_layer_free(l);
  }
  NEAR(y[1], 3 * y[0]);
  o.argument = &bad;
  FAILS(ht_layer_new(path, &o, &l), HT_USAGE, "NAME=VALUE");
  o.argument = &unknown;
  FAILS(ht_layer_new(path, &o, &l), HT_USAGE, "'color'");
}
END_TEST

START_TEST(what_a_layer_cannot_be_is_told) {
  no_layer("half_plus_one", (ht_layer_options){.signature = "serving_default"},
           "either output_key or signature_outputs_as_dict=true should be set");
  no_layer("half_plus_one",
           (ht_layer_options){.signature_outputs_as_dict = true},
           "only for signatures");
  no_layer("half_plus_one",
           (ht_layer_options){.signature = "both",
                              .output_key = "once",
                              .signature_outputs_as_dict = true},
           "not both");
  no_layer("half_plus_one",
           (ht_layer_options){.signature = "nope", .output_key = "y"},
           "no signature 'nope': there are 'both', 'serving_default'");
  no_layer("half_plus_one",
           (ht_layer_options){.signature = "both", .output_key = "y"},
           "no output 'y': there are 'once', 'twice'");
  no_layer("half_plus_one", (ht_layer_options){.output_key = "y"},
           "no output 'y'");
  no_layer("half_plus_one",
           (ht_layer_options){.signature = "both", .call = "both"}, "not both");
  no_layer("half_plus_one", (ht_layer_options){.call = "nope"},
           "no callable 'nope': there are '__call__', 'both'");
  no_layer("twice", (ht_layer_options){.trainable = true},
           "not callable: name one of its signatures, 'serving_default'");
  no_layer("functions", (ht_layer_options){.tags = "gpu"},
           "no graph with tags 'gpu'");
}
END_TEST

START_TEST(nothing_to_train_is_told_by_the_trainer) {
  ht_layer *l = layer("half_plus_one", (ht_layer_options){0});
  ht_net *net;
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 2, (int64_t[]){-1, 1});
  ht_symbol y = ht_layer_call(l, net, true, HT_NAMED({NULL, x}));
  ht_trainer *t =
      descend(net, HT_NAMED({"x", x}), ht_net_loss(net, "mse", y, x), "0.1");
  ht_arrays *batch = SET({"x", ROWS(1, 1, 1)});
  FAILS(ht_trainer_step(t, batch, NULL), HT_USAGE, "nothing to train");
  ht_arrays_free(batch);
  ht_trainer_free(t);
  ht_net_free(net);
  ht_layer_free(l);
}
END_TEST

/* ---- shapes */

START_TEST(an_output_shape_is_the_layers_and_is_ensured) {
  int64_t one = 1, two = 2, dim[8];
  int rank;
  ht_output_shape good = {NULL, 1, &one}, bad = {NULL, 1, &two},
                  named = {"twice", 1, &one}, none = {NULL, 0, NULL};
  ht_layer_options o = {.n_output_shapes = 1, .output_shape = &good};
  ht_layer *l = layer("half_plus_one", o);
  OK(ht_layer_output_shape(l, NULL, 10, &rank, dim));
  ck_assert(rank == 2 && dim[0] == 10 && dim[1] == 1);
  OK(ht_layer_output_shape(l, NULL, -1, &rank, dim));
  ck_assert(dim[0] == -1);
  ht_net *net;
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 2, (int64_t[]){-1, 1});
  ht_symbol y = ht_layer_call(l, net, false, HT_NAMED({NULL, x}));
  OK(ht_net_shape(net, y, &rank, dim));
  ck_assert(rank == 2 && dim[0] == -1 && dim[1] == 1);
  ht_net_free(net);
  ht_layer_free(l);
  o.output_shape = &bad;
  l = layer("half_plus_one", o);
  FAILS(ht_layer_output_shape(l, NULL, 1, &rank, dim), HT_USAGE,
        "output 'default' is [?,1], output_shape says [?,2]");
  OK(ht_net_new(&net));
  x = ht_net_input(net, "x", HT_FLOAT, 2, (int64_t[]){-1, 1});
  ht_layer_call(l, net, false, HT_NAMED({NULL, x}));
  FAILS(ht_net_status(net), HT_USAGE, "output_shape says [?,2]");
  ht_net_free(net);
  ht_layer_free(l);
  o.output_shape = &none;
  l = layer("half_plus_one", o);
  OK(ht_layer_output_shape(l, NULL, 3, &rank, dim));
  ck_assert(rank == 2 && dim[0] == 3 && dim[1] == 1);
  ht_layer_free(l);
  o.output_shape = &named;
  o.call = "both";
  l = layer("half_plus_one", o);
  OK(ht_layer_output_shape(l, "twice", 3, &rank, dim));
  ck_assert(rank == 2 && dim[0] == 3);
  ht_layer_free(l);
}
END_TEST

/* Where the module does not say, the values are held against it. */
START_TEST(a_result_of_another_shape_than_said_is_refused) {
  int64_t three = 3;
  ht_output_shape said = {NULL, 1, &three};
  ht_layer *l =
      layer("twice", (ht_layer_options){.signature = "serving_default",
                                        .output_key = "y",
                                        .n_output_shapes = 1,
                                        .output_shape = &said});
  ht_arrays *in = SET({"x", ROWS(1, 3, 1, 2, 3)}), *out;
  OK(ht_layer_run(l, false, in, &out));
  ht_arrays_free(out);
  ht_arrays_free(in);
  in = SET({"x", ROWS(1, 2, 1, 2)});
  FAILS(ht_layer_run(l, false, in, &out), HT_USAGE,
        "output 'y' is [1,2], output_shape says [?,3]");
  ck_assert_ptr_null(out);
  ht_arrays_free(in);
  ht_net *net;
  ht_function *f;
  OK(ht_net_new(&net));
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 2, (int64_t[]){1, -1});
  ht_symbol y = ht_layer_call(l, net, false, HT_NAMED({NULL, x}));
  OK(ht_net_function(net, HT_NAMED({"x", x}), HT_NAMED({"y", y}), &f));
  in = SET({"x", ROWS(1, 2, 1, 2)});
  FAILS(ht_function_run(f, in, &out), HT_USAGE, "EnsureShape");
  ht_arrays_free(in);
  ht_function_free(f);
  ht_net_free(net);
  ht_layer_free(l);
}
END_TEST

/* ---- configuration */

START_TEST(a_config_gives_the_same_layer_back) {
  const char *wanted;
  int64_t one = 1;
  ht_output_shape shape = {NULL, 1, &one};
  char *json, *again, full[2000];
  ht_layer *l = layer("half_plus_one",
                      (ht_layer_options){.name = "half",
                                         .trainable = true,
                                         .signature = "both",
                                         .output_key = "twice",
                                         .n_output_shapes = 1,
                                         .output_shape = &shape}),
           *m;
  wanted =
      "{\"name\":\"half\",\"trainable\":true,\"dtype\":\"float32\","
      "\"handle\":\"%s\",\"output_shape\":[1],\"signature\":\"both\","
      "\"output_key\":\"twice\"}";
  snprintf(full, sizeof full, wanted, behaviour("half_plus_one"));
  OK(ht_layer_config(l, &json));
  ck_assert_str_eq(json, full);
  OK(ht_layer_from_config(json, &m));
  OK(ht_layer_config(m, &again));
  ck_assert_str_eq(again, json);
  ck_assert(ht_layer_trainable(m));
  NEAR(run(m, false, SET({"x", ROWS(1, 1, 4)}), "twice", 0), 6);
  free(json);
  free(again);
  ht_layer_free(l);
  ht_layer_free(m);
}
END_TEST

START_TEST(a_config_keeps_arguments_tags_and_named_shapes) {
  char path[1100], tests[1024], text[4000], *json;
  ht_layer *l;
  snprintf(path, sizeof path, "%s/models/tf2", test_folder(tests));
  snprintf(text, sizeof text,
           "{\"handle\":\"%s\",\"tags\":[\"serve\"],\"arguments\":{\"mode\":"
           "\"log\"},\"output_shape\":{\"z\":[2]},\"name\":null}",
           path);
  OK(ht_layer_from_config(text, &l));
  OK(ht_layer_config(l, &json));
  ck_assert_ptr_nonnull(strstr(json, "\"arguments\":{\"mode\":\"log\"}"));
  ck_assert_ptr_nonnull(strstr(json, "\"output_shape\":{\"z\":[2]}"));
  ck_assert_ptr_nonnull(strstr(json, "\"tags\":\"serve\""));
  free(json);
  ht_layer_free(l);
}
END_TEST

START_TEST(a_config_that_is_none_is_told) {
  static const struct {
    const char *json, *why;
  } row[] = {{"[]", "a JSON object"},
             {"{\"handle\":", "a JSON object"},
             {"{}", "has a 'handle'"},
             {"{\"handle\":3}", "'handle' of a layer's config wants a text"},
             {"{\"handle\":\"x\",\"trainable\":1}", "wants true or false"},
             {"{\"handle\":\"x\",\"arguments\":[]}", "wants an object"},
             {"{\"handle\":\"x\",\"output_shape\":[1.5]}", "lists of numbers"},
             {"{\"handle\":\"x\",\"color\":1}", "has no 'color'"}};
  ht_layer *l;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++)
    FAILS(ht_layer_from_config(row[i].json, &l), HT_USAGE, row[i].why);
  FAILS(ht_layer_from_config("{\"handle\":\"/no/such\"}", &l), HT_IO,
        "no such folder");
}
END_TEST

START_TEST(a_layer_of_an_open_module_has_no_config) {
  ht_module *m = functions();
  ht_layer *l;
  char *json;
  OK(ht_layer_of(m, NULL, &l));
  FAILS(ht_layer_config(l, &json), HT_UNSUPPORTED, "no handle");
  ht_layer_free(l);
  ht_module_free(m);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, weights_are_the_trainable_ones_and_then_the_others);
  tcase_add_test(tests, losses_count_while_the_layer_trains);
  tcase_add_test(tests, half_plus_one_is_retrained_as_in_keras);
  tcase_add_test(tests, a_layer_freezes_and_thaws_while_it_is_trained);
  tcase_add_test(tests, batch_norm_is_retrained_to_mean_12_and_beta_24);
  tcase_add_test(tests, a_frozen_layer_never_follows_the_batch);
  tcase_add_test(tests, the_training_variant_takes_trainable_and_training);
  tcase_add_test(tests, layers_train_through_signatures_and_of_tf1_modules);
  tcase_add_test(tests,
                 a_tf1_module_is_called_by_its_default_signature_and_output);
  tcase_add_test(tests, a_signature_or_a_method_is_called_by_its_name);
  tcase_add_test(tests, an_open_module_or_its_sub_object_is_a_layer);
  tcase_add_test(tests, arguments_choose_and_are_fed);
  tcase_add_test(tests, what_a_layer_cannot_be_is_told);
  tcase_add_test(tests, nothing_to_train_is_told_by_the_trainer);
  tcase_add_test(tests, an_output_shape_is_the_layers_and_is_ensured);
  tcase_add_test(tests, a_result_of_another_shape_than_said_is_refused);
  tcase_add_test(tests, a_config_gives_the_same_layer_back);
  tcase_add_test(tests, a_config_keeps_arguments_tags_and_named_shapes);
  tcase_add_test(tests, a_config_that_is_none_is_told);
  tcase_add_test(tests, a_layer_of_an_open_module_has_no_config);
}

int main(void) { return main_of("hub_layer", add); }
