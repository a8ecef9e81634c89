/* test_variants.c - a TF1 module whose steps run on another graph than its
 * answers do, against ten steps of TensorFlow (tests/interop/
 * make_variants.py). */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/export.h"
#include "test.h"
#include "train/train.h"

enum { STEPS = 10, MOST = 64 };

static char folder[] = "/tmp/ht_variants_XXXXXX";

static const char *module_folder(void) {
  static char path[1100];
  char tests[1024];
  snprintf(path, sizeof path, "%s/models/hub1_train", test_folder(tests));
  return path;
}

/* The numbers under a name: "name n values". */
static int golden(const char *wanted, double *value) {
  char path[1100], tests[1024], name[64];
  int n;
  snprintf(path, sizeof path, "%s/golden/variants.txt", test_folder(tests));
  FILE *f = fopen(path, "r");
  ck_assert_ptr_nonnull(f);
  while (fscanf(f, "%63s %d", name, &n) == 2) {
    ck_assert(n <= MOST);
    for (int i = 0; i < n; i++) ck_assert(fscanf(f, "%lf", &value[i]) == 1);
    if (strcmp(name, wanted)) continue;
    fclose(f);
    return n;
  }
  ck_abort_msg("no numbers '%s'", wanted);
}

typedef struct seen {
  double loss[STEPS];
  int n;
} seen;

static bool watch(void *arg, const ht_event *e) {
  seen *s = arg;
  if (e->type == HT_EVENT_STEP && s->n < STEPS) s->loss[s->n++] = e->loss;
  return true;
}

static ht_train_options options(const char *run) {
  static char data[1100], out[256];
  static const char *inputs[] = {"x=x", "rate=rate"};
  char tests[1024];
  ht_train_options o;
  ht_train_defaults(&o);
  snprintf(data, sizeof data, "%s/models/hub1_train.npz", test_folder(tests));
  snprintf(out, sizeof out, "%s/%s", folder, run);
  static const char *module;
  module = module_folder();
  o.module = &module;
  o.n_module = 1;
  o.data = data;
  o.out = out;
  o.input = inputs;
  o.n_input = 2;
  o.label = "y";
  o.task = "regress";
  o.head = "none";
  o.optimizer = "sgd";
  o.lr = o.module_lr = 0.1;
  o.batch = 8;
  o.steps = STEPS;
  o.no_shuffle = o.trainable = true;
  return o;
}

static void open_both(ht_model **model, ht_model **training) {
  OK(ht_model_open(module_folder(), NULL, model));
  OK(ht_model_open_variant(*model, "train", training));
}

static const ht_variable *variable(const ht_model *m, const char *key) {
  const ht_variable *v = ht_store_variable(&m->store, key);
  ck_assert_msg(v != NULL, "no variable '%s'", key);
  return v;
}

static void is_golden(const ht_model *m, const char *key) {
  double wanted[MOST];
  int n = golden(key, wanted);
  const ht_variable *v = variable(m, key);
  ck_assert_int_eq(ht_count(&v->value), n);
  for (int i = 0; i < n; i++) {
    double found = ht_real_at(&v->value, i);
    ck_assert_msg(fabs(found - wanted[i]) <= 1e-5 * (1 + fabs(wanted[i])),
                  "'%s' %d: %.9g, wanted %.9g", key, i, found, wanted[i]);
  }
}

static const char *const keys[] = {
    "hidden/kernel",      "bn/gamma", "bn/beta",   "bn/moving_mean",
    "bn/moving_variance", "calls",    "out/kernel"};
enum { N_KEYS = sizeof keys / sizeof *keys };

START_TEST(both_graphs_have_the_same_variables) {
  ht_model *model, *training, *again;
  open_both(&model, &training);
  ck_assert_int_eq(model->chosen != training->chosen, 1);
  for (int i = 0; i < N_KEYS; i++)
    ck_assert_ptr_eq(variable(model, keys[i]), variable(training, keys[i]));
  ck_assert_int_eq(model->store.n_variables, N_KEYS);
  ck_assert_int_eq(model->n_update_ops, 0);
  ck_assert_int_eq(training->n_update_ops, 3);
  OK(ht_model_open_variant(model, "train", &again));
  ck_assert_ptr_eq(again, training);
  FAILS(ht_model_open_variant(model, "gpu", &again), HT_USAGE, "'gpu'");
  ht_model_free(model);
}
END_TEST

START_TEST(ten_steps_on_the_training_graph_are_those_of_tensorflow) {
  ht_train_options o = options("steps");
  double wanted[MOST];
  seen s = {0};
  ht_watcher w = {watch, &s};
  ht_model *model, *training, *exported;
  char out[512];
  open_both(&model, &training);
  OK(ht_train_model(model, &o, &w));
  ck_assert_int_eq(golden("losses", wanted), STEPS);
  ck_assert_int_eq(s.n, STEPS);
  for (int i = 0; i < STEPS; i++)
    ck_assert_msg(fabs(s.loss[i] - wanted[i]) <= 1e-5 * wanted[i],
                  "step %d: %.9g, wanted %.9g", i + 1, s.loss[i], wanted[i]);
  for (int i = 0; i < N_KEYS; i++) is_golden(model, keys[i]);
  snprintf(out, sizeof out, "%s/exported", folder);
  OK(ht_export_module(model, out, true, false));
  ht_model_free(model);
  OK(ht_model_open(out, "train", &exported));
  for (int i = 0; i < N_KEYS; i++) is_golden(exported, keys[i]);
  ht_model_free(exported);
}
END_TEST

START_TEST(a_finished_run_is_opened_with_its_moving_averages) {
  ht_train_options o = options("run");
  ht_trained t;
  OK(ht_train(&o, NULL, NULL));
  OK(ht_trained_open(o.out, &t));
  for (int i = 0; i < N_KEYS; i++) is_golden(t.model, keys[i]);
  ht_trained_close(&t);
}
END_TEST

START_TEST(steps_in_inference_mode_leave_the_averages_alone) {
  ht_train_options o = options("inference");
  ht_model *model;
  o.mode = "inference";
  o.lr = o.module_lr = 1e-4;
  OK(ht_model_open(module_folder(), NULL, &model));
  OK(ht_train_model(model, &o, NULL));
  const ht_variable *mean = variable(model, "bn/moving_mean");
  const ht_variable *kernel = variable(model, "out/kernel");
  for (int i = 0; i < 6; i++) ck_assert(ht_f(&mean->value)[i] == 0);
  ck_assert(kernel->changed && !mean->changed);
  ht_model_free(model);
}
END_TEST

START_TEST(tags_asked_for_are_the_only_graph) {
  ht_train_options o = options("tags");
  ht_trained t;
  o.tags = "train";
  OK(ht_train(&o, NULL, NULL));
  OK(ht_trained_open(o.out, &t));
  ck_assert_ptr_null(t.model->variant);
  for (int i = 0; i < N_KEYS; i++) is_golden(t.model, keys[i]);
  ht_trained_close(&t);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, both_graphs_have_the_same_variables);
  tcase_add_test(tests,
                 ten_steps_on_the_training_graph_are_those_of_tensorflow);
  tcase_add_test(tests, a_finished_run_is_opened_with_its_moving_averages);
  tcase_add_test(tests, steps_in_inference_mode_leave_the_averages_alone);
  tcase_add_test(tests, tags_asked_for_are_the_only_graph);
}

int main(void) {
  if (!mkdtemp(folder)) return EXIT_FAILURE;
  int failed = test_main("variants", add);
  ht_status st = ht_folder_remove(folder);
  return failed || st.code != HT_OK ? EXIT_FAILURE : EXIT_SUCCESS;
}
