/* test_net.c - models of one's own: built, run, trained, written. The numbers
 * of the ten steps are TensorFlow's (tests/interop/make_variants.py). */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

static char folder[] = "/tmp/ht_net_XXXXXX";

static const char *in_folder(const char *name) {
  static char path[4][300];
  static int k;
  k = (k + 1) % 4;
  snprintf(path[k], sizeof path[k], "%s/%s", folder, name);
  return path[k];
}

static ht_module *module_of(const char *name) {
  char path[1100], tests[1024];
  ht_module *m;
  snprintf(path, sizeof path, "%s/models/%s", test_folder(tests), name);
  OK(ht_module_open(path, NULL, &m));
  return m;
}

static ht_array *floats(int rank, int64_t rows, int64_t columns,
                        const float *v) {
  ht_array *a;
  int64_t dim[2] = {rows, columns};
  OK(ht_array_from(HT_FLOAT, rank, dim, v, &a));
  return a;
}

static ht_arrays *set_of(const char *name, ht_array *a) {
  ht_arrays *set;
  OK(ht_arrays_new(&set));
  OK(ht_arrays_put(set, name, a));
  return set;
}

static double at(const ht_arrays *set, const char *name, int64_t i) {
  const ht_array *a = ht_arrays_find(set, name);
  ck_assert_msg(a != NULL, "no array '%s'", name);
  ck_assert(i < ht_array_count(a));
  return ht_array_number(a, i);
}

/* ---- building */

static ht_symbol input_2(ht_net *net) {
  int64_t dim[2] = {-1, 2};
  return ht_net_input(net, "x", HT_FLOAT, 2, dim);
}

START_TEST(a_net_computes_what_was_built) {
  ht_net *net;
  ht_function *f;
  ht_arrays *y;
  float w[6] = {1, 2, 3, 4, 5, 6}, x[4] = {1, 2, 3, 4};
  ht_array *kernel = floats(2, 2, 3, w);
  ht_arrays *in = set_of("x", floats(2, 2, 2, x));
  OK(ht_net_new(&net));
  ht_symbol a = input_2(net);
  ht_symbol v = ht_net_variable(net, "w", kernel, true);
  ht_symbol p =
      ht_net_op(net, "MatMul", NULL, HT_SYMBOLS(a, ht_net_read(net, v)));
  ht_symbol s = ht_net_op(net, "Mul", NULL,
                          HT_SYMBOLS(p, ht_net_number(net, HT_FLOAT, 2)));
  ht_symbol top = ht_net_op(net, "TopKV2", NULL,
                            HT_SYMBOLS(s, ht_net_number(net, HT_INT32, 1)));
  OK(ht_net_function(
      net, HT_NAMED({"x", a}),
      HT_NAMED({"y", s}, {"best", ht_net_output(net, top, "indices")}), &f));
  OK(ht_function_run(f, in, &y));
  ck_assert(at(y, "y", 0) == 18 && at(y, "y", 5) == 66);
  ck_assert(at(y, "best", 0) == 2 && at(y, "best", 1) == 2);
  ht_arrays_free(y);
  ht_function_free(f);
  ht_net_free(net);
  ht_arrays_free(in);
  ht_array_free(kernel);
}
END_TEST

START_TEST(the_first_failure_is_the_one_that_is_told) {
  ht_net *net;
  ht_function *f;
  OK(ht_net_new(&net));
  ht_symbol x = input_2(net);
  ht_symbol y = ht_net_op(net, "Mutmal", NULL, HT_SYMBOLS(x, x));
  ht_symbol z = ht_net_op(net, "MatMul", "transpose_c=true", HT_SYMBOLS(y, y));
  FAILS(ht_net_status(net), HT_UNSUPPORTED, "'Mutmal'");
  FAILS(ht_net_function(net, HT_NAMED({"x", x}), HT_NAMED({"z", z}), &f),
        HT_UNSUPPORTED, "'Mutmal'");
  FAILS(ht_net_export(net, in_folder("no"), true), HT_UNSUPPORTED, "'Mutmal'");
  ck_assert(!ht_path_exists(in_folder("no")));
  ht_net_free(net);
}
END_TEST

START_TEST(types_and_shapes_are_told_before_anything_runs) {
  ht_net *net;
  int rank;
  int64_t dim[8];
  OK(ht_net_new(&net));
  ht_symbol x = input_2(net);
  ht_symbol y = ht_net_dense(net, "a", x, 5, "Relu");
  ht_symbol z = ht_net_op(net, "ArgMax", NULL,
                          HT_SYMBOLS(y, ht_net_number(net, HT_INT32, 1)));
  OK(ht_net_shape(net, y, &rank, dim));
  ck_assert(rank == 2 && dim[0] == -1 && dim[1] == 5);
  OK(ht_net_shape(net, z, &rank, dim));
  ck_assert(rank == 1 && dim[0] == -1);
  ck_assert_int_eq(ht_net_dtype(net, z), HT_INT64);
  ck_assert_int_eq(ht_net_dtype(net, (ht_symbol){-1, 0}), HT_INVALID);
  ht_net_free(net);
}
END_TEST

START_TEST(gradients_are_those_of_finite_differences) {
  ht_net *net;
  ht_function *f;
  ht_arrays *g, *y;
  float x[4] = {1, -2, 0.5f, 3};
  ht_arrays *in = set_of("x", floats(2, 2, 2, x));
  OK(ht_net_new(&net));
  ht_symbol a = input_2(net);
  ht_symbol h = ht_net_dense(net, "h", a, 3, "Tanh");
  OK(ht_net_function(net, HT_NAMED({"x", a}), HT_NAMED({"y", h}), &f));
  OK(ht_function_gradients(f, in, NULL, NULL, &g));
  ht_array *w;
  OK(ht_net_value(net, "h/kernel", &w));
  for (int i = 0; i < 6; i++) {
    double sum[2] = {0, 0}, old = ht_array_number(w, i);
    for (int k = 0; k < 2; k++) {
      ((float *)ht_array_edit(w))[i] = (float)(old + (k ? 1e-2 : -1e-2));
      OK(ht_net_assign(net, "h/kernel", w));
      OK(ht_function_run(f, in, &y));
      for (int j = 0; j < 6; j++) sum[k] += at(y, "y", j);
      ht_arrays_free(y);
    }
    ((float *)ht_array_edit(w))[i] = (float)old;
    ck_assert(fabs((sum[1] - sum[0]) / 2e-2 - at(g, "h/kernel", i)) < 1e-3);
  }
  ht_array_free(w);
  ht_arrays_free(g);
  ht_arrays_free(in);
  ht_function_free(f);
  ht_net_free(net);
}
END_TEST

/* ---- modules */

/* Three words, vectors of two numbers, and a bias. */
static ht_arrays *words(void) {
  const char *text[3] = {"a", "b", "c"};
  int64_t n = 3;
  ht_array *a;
  OK(ht_array_from(HT_STRING, 1, &n, text, &a));
  return set_of("s", a);
}

typedef struct pair {
  ht_module *a, *b;
  ht_net *net;
  ht_symbol s, left, right;
} pair;

/* Two modules of the same names side by side, the first applied twice. */
static pair side_by_side(bool trainable) {
  pair p = {module_of("hub1"), module_of("hub1"), NULL, {0}, {0}, {0}};
  int64_t any = -1;
  OK(ht_net_new(&p.net));
  p.s = ht_net_input(p.net, "s", HT_STRING, 1, &any);
  ht_net_module(p.net, p.a, "left", trainable);
  ht_net_module(p.net, p.b, "right", trainable);
  ht_symbol one = ht_net_apply(p.net, p.a, NULL, HT_NAMED({NULL, p.s}));
  ht_symbol two = ht_net_apply(p.net, p.a, NULL, HT_NAMED({"default", p.s}));
  p.left = ht_net_op(p.net, "AddV2", NULL, HT_SYMBOLS(one, two));
  p.right = ht_net_apply(p.net, p.b, NULL, HT_NAMED({NULL, p.s}));
  OK(ht_net_status(p.net));
  return p;
}

static void close_pair(pair *p) {
  ht_net_free(p->net);
  ht_module_free(p->a);
  ht_module_free(p->b);
}

START_TEST(modules_of_one_name_keep_their_own_variables) {
  pair p = side_by_side(true);
  ht_function *f;
  ht_arrays *y, *g, *in = words();
  ht_array *bias;
  float moved[2] = {100, 200};
  bias = floats(1, 2, 0, moved);
  OK(ht_net_assign(p.net, "right/bias", bias));
  OK(ht_net_function(p.net, HT_NAMED({"s", p.s}),
                     HT_NAMED({"left", p.left}, {"right", p.right}), &f));
  OK(ht_function_gradients(f, in, NULL, &y, &g));
  /* Twice the left one, whose bias is as it was. */
  ht_array *old;
  OK(ht_net_value(p.net, "left/bias", &old));
  for (int i = 0; i < 6; i++) {
    double left = at(y, "left", i) / 2 - ht_array_number(old, i % 2);
    double right = at(y, "right", i) - moved[i % 2];
    ck_assert_msg(fabs(left - right) < 1e-5, "%d: %g and %g", i, left, right);
  }
  /* Two applications count twice in one gradient. */
  for (int i = 0; i < 2; i++)
    ck_assert(at(g, "left/bias", i) == 2 * at(g, "right/bias", i));
  ht_array_free(old);
  ht_array_free(bias);
  ht_arrays_free(y);
  ht_arrays_free(g);
  ht_arrays_free(in);
  ht_function_free(f);
  close_pair(&p);
}
END_TEST

static double regularization(bool trainable) {
  pair p = side_by_side(trainable);
  ht_function *f;
  ht_arrays *y, *none;
  OK(ht_arrays_new(&none));
  ht_symbol r = ht_net_regularization(p.net);
  OK(ht_net_function(p.net, 0, NULL, HT_NAMED({"r", r}), &f));
  OK(ht_function_run(f, none, &y));
  double value = at(y, "r", 0);
  ht_arrays_free(y);
  ht_arrays_free(none);
  ht_function_free(f);
  close_pair(&p);
  return value;
}

START_TEST(losses_of_modules_count_once_however_often_they_are_applied) {
  ht_module *m = module_of("hub1");
  ht_net *net;
  ht_function *f;
  ht_arrays *y, *none;
  OK(ht_arrays_new(&none));
  OK(ht_net_new(&net));
  ht_net_module(net, m, "m", true);
  ht_symbol r = ht_net_regularization(net);
  OK(ht_net_function(net, 0, NULL, HT_NAMED({"r", r}), &f));
  OK(ht_function_run(f, none, &y));
  double one = at(y, "r", 0);
  ck_assert(one > 0);
  ck_assert(fabs(regularization(true) - 2 * one) < 1e-6 * one);
  ck_assert(regularization(false) == 0);
  ht_arrays_free(y);
  ht_arrays_free(none);
  ht_function_free(f);
  ht_net_free(net);
  ht_module_free(m);
}
END_TEST

/* A net with a module under a name; whether it may. */
static ht_status joined(ht_module *m, const char *name, ht_net **net) {
  OK(ht_net_new(net));
  ht_net_module(*net, m, name, true);
  return ht_net_status(*net);
}

START_TEST(a_module_is_free_for_another_name_once_its_nets_are_gone) {
  ht_module *m = module_of("hub1");
  ht_net *net[3];
  OK(joined(m, "one", &net[0]));
  OK(joined(m, "one", &net[1]));
  FAILS(joined(m, "two", &net[2]), HT_USAGE,
        "module 'two' is part of another model, there 'one'");
  ht_net_free(net[2]);
  ht_net_free(net[0]);
  FAILS(joined(m, "two", &net[2]), HT_USAGE, "there 'one'");
  ht_net_free(net[2]);
  ht_net_free(net[1]);
  OK(joined(m, "two", &net[2]));
  ht_array *bias;
  OK(ht_net_value(net[2], "two/bias", &bias));
  ht_array_free(bias);
  ht_net_free(net[2]);
  ht_module_free(m);
}
END_TEST

START_TEST(an_application_says_what_is_wrong_with_its_inputs) {
  ht_module *m = module_of("hub1_train");
  int64_t five[2] = {-1, 5};
  for (int k = 0; k < 4; k++) {
    ht_net *net;
    OK(ht_net_new(&net));
    ht_symbol x = ht_net_input(net, "x", k == 2 ? HT_INT32 : HT_FLOAT, 2, five);
    ht_choice choice = {.signature = k == 3 ? "no" : "default"};
    const char *name[] = {"x", "y", "x", "x"};
    static const char *const part[] = {"'default': input 'rate' is missing",
                                       "'default': no input 'y'",
                                       "wants float, found int32", "'no'"};
    ht_net_apply(net, m, &choice, HT_NAMED({name[k], x}));
    FAILS(ht_net_status(net), HT_USAGE, part[k]);
    ht_net_free(net);
  }
  ht_module_free(m);
}
END_TEST

/* ---- training */

static int golden(const char *wanted, double *value) {
  char path[1100], tests[1024], name[64];
  int n;
  snprintf(path, sizeof path, "%s/golden/variants.txt", test_folder(tests));
  FILE *f = fopen(path, "r");
  ck_assert_ptr_nonnull(f);
  while (fscanf(f, "%63s %d", name, &n) == 2) {
    for (int i = 0; i < n; i++) ck_assert(fscanf(f, "%lf", &value[i]) == 1);
    if (strcmp(name, wanted)) continue;
    fclose(f);
    return n;
  }
  ck_abort_msg("no numbers '%s'", wanted);
}

typedef struct fitted {
  ht_module *m;
  ht_net *net;
  ht_trainer *t;
  double loss[32];
  int n;
} fitted;

static bool note_loss(void *arg, const ht_news *news) {
  fitted *f = arg;
  if (news->type == HT_NEWS_STEP && f->n < 32) f->loss[f->n++] = news->loss;
  return true;
}

static void set(ht_trainer *t, const char *name, const char *value) {
  OK(ht_trainer_set(t, name, value));
}

/* The net of test_variants: the module's training graph, the mean square. */
static fitted open_fitted(const char *optimizer) {
  fitted f = {module_of("hub1_train"), NULL, NULL, {0}, 0};
  int64_t five[2] = {-1, 5}, two[2] = {-1, 2};
  ht_choice choice = {.training = true};
  OK(ht_net_new(&f.net));
  ht_net_module(f.net, f.m, "m", true);
  ht_symbol x = ht_net_input(f.net, "x", HT_FLOAT, 2, five);
  ht_symbol rate = ht_net_input(f.net, "rate", HT_FLOAT, 0, NULL);
  ht_symbol label = ht_net_input(f.net, "y", HT_FLOAT, 2, two);
  ht_symbol y =
      ht_net_apply(f.net, f.m, &choice, HT_NAMED({"x", x}, {"rate", rate}));
  ht_symbol loss = ht_net_op(f.net, "AddV2", NULL,
                             HT_SYMBOLS(ht_net_loss(f.net, "mse", y, label),
                                        ht_net_regularization(f.net)));
  OK(ht_trainer_new(f.net, HT_NAMED({"x", x}, {"rate", rate}, {"y", label}),
                    loss, &f.t));
  set(f.t, "optimizer", optimizer);
  set(f.t, "lr", "0.1");
  set(f.t, "module-lr", "0.1");
  return f;
}

static void close_fitted(fitted *f) {
  ht_trainer_free(f->t);
  ht_net_free(f->net);
  ht_module_free(f->m);
}

/* Batches of eight in the order of the file; the rate comes whole. */
typedef struct batches {
  fitted *f;
  ht_arrays *all, *batch;
  int64_t at, last;
} batches;

static ht_status next_batch(void *arg, int64_t step, const ht_arrays **out) {
  batches *b = arg;
  (void)step;
  if (step > b->last) return HT_SUCCESS;
  ht_arrays_free(b->batch);
  OK(ht_arrays_new(&b->batch));
  int64_t rows = ht_array_dim(ht_arrays_find(b->all, "x"), 0);
  int64_t n = rows - b->at < 8 ? rows - b->at : 8;
  for (int k = 0; k < 2; k++) {
    const ht_array *a = ht_arrays_find(b->all, k ? "y" : "x");
    int64_t width = ht_array_dim(a, 1), dim[2] = {n, width};
    ht_array *part;
    OK(ht_array_from(HT_FLOAT, 2, dim,
                     (const float *)ht_array_data(a) + b->at * width, &part));
    OK(ht_arrays_put(b->batch, k ? "y" : "x", part));
  }
  ht_array *rate;
  float r = (float)at(b->all, "rate", 0);
  OK(ht_array_from(HT_FLOAT, 0, NULL, &r, &rate));
  OK(ht_arrays_put(b->batch, "rate", rate));
  b->at = b->at + n < rows ? b->at + n : 0;
  *out = b->batch;
  return HT_SUCCESS;
}

static bool tell_batches(void *arg, const ht_news *news) {
  return note_loss(((batches *)arg)->f, news);
}

static void run_batches(fitted *f, batches *b, int64_t last) {
  char path[1100], tests[1024];
  snprintf(path, sizeof path, "%s/models/hub1_train.npz", test_folder(tests));
  if (!b->all) OK(ht_arrays_read(path, &b->all));
  b->f = f;
  b->last = last;
  OK(ht_trainer_run(f->t, next_batch, tell_batches, b));
}

static void free_batches(batches *b) {
  ht_arrays_free(b->all);
  ht_arrays_free(b->batch);
}

/* The module by itself has the new averages in all of its graphs. */
static void is_tuned(fitted *f, const double *wanted) {
  static const char *const tags[2] = {"", "train"};
  OK(ht_module_export(f->m, in_folder("tuned"), true));
  FAILS(ht_module_export(f->m, in_folder("tuned"), true), HT_IO, "exists");
  for (int k = 0; k < 2; k++) {
    ht_module *m;
    ht_array *mean;
    ht_module_options graph = {.tags = tags[k]};
    OK(ht_module_open(in_folder("tuned"), &graph, &m));
    OK(ht_module_variable(m, "bn/moving_mean", &mean));
    for (int i = 0; i < 6; i++)
      ck_assert(fabs(ht_array_number(mean, i) - wanted[i]) <=
                1e-5 * (1 + fabs(wanted[i])));
    ht_array_free(mean);
    ht_module_free(m);
  }
}

START_TEST(ten_steps_of_a_net_are_those_of_tensorflow) {
  fitted f = open_fitted("sgd");
  batches b = {0};
  double wanted[64];
  ht_array *mean;
  run_batches(&f, &b, 10);
  ck_assert_int_eq(golden("losses", wanted), f.n);
  for (int i = 0; i < f.n; i++)
    ck_assert_msg(fabs(f.loss[i] - wanted[i]) <= 1e-5 * wanted[i],
                  "step %d: %.9g, wanted %.9g", i + 1, f.loss[i], wanted[i]);
  golden("bn/moving_mean", wanted);
  OK(ht_net_value(f.net, "m/bn/moving_mean", &mean));
  for (int i = 0; i < 6; i++)
    ck_assert(fabs(ht_array_number(mean, i) - wanted[i]) <=
              1e-5 * (1 + fabs(wanted[i])));
  ht_array_free(mean);
  free_batches(&b);
  is_tuned(&f, wanted);
  close_fitted(&f);
}
END_TEST

START_TEST(a_restored_training_goes_on_to_the_same_bits) {
  batches b = {0};
  ht_array *w[2];
  fitted f = open_fitted("adam"), g = open_fitted("adam");
  run_batches(&f, &b, 4);
  OK(ht_trainer_save(f.t, in_folder("state")));
  int64_t at_4 = b.at;
  run_batches(&f, &b, 9);
  OK(ht_trainer_restore(g.t, in_folder("state")));
  b.at = at_4;
  run_batches(&g, &b, 9);
  ck_assert_int_eq(g.n, 5);
  ck_assert(g.loss[4] == f.loss[8]);
  OK(ht_net_value(f.net, "m/hidden/kernel", &w[0]));
  OK(ht_net_value(g.net, "m/hidden/kernel", &w[1]));
  ck_assert(memcmp(ht_array_data(w[0]), ht_array_data(w[1]),
                   sizeof(float) * (size_t)ht_array_count(w[0])) == 0);
  ht_array_free(w[0]);
  ht_array_free(w[1]);
  FAILS(ht_trainer_restore(f.t, in_folder("state")), HT_USAGE, "first step");
  free_batches(&b);
  close_fitted(&f);
  close_fitted(&g);
}
END_TEST

START_TEST(a_trainer_refuses_what_it_cannot_do) {
  fitted f = open_fitted("adam");
  ht_arrays *none;
  OK(ht_arrays_new(&none));
  FAILS(ht_trainer_set(f.t, "head", "linear"), HT_USAGE, "'head'");
  FAILS(ht_trainer_step(f.t, none, NULL), HT_USAGE, "missing");
  FAILS(ht_trainer_fit(f.t, none, NULL, NULL), HT_USAGE, "no examples");
  FAILS(ht_trainer_set(f.t, "lr", "1"), HT_USAGE, "after the first step");
  ht_arrays_free(none);
  close_fitted(&f);
}
END_TEST

/* ---- export */

static void outputs_of(const char *path, const char *signature,
                       const ht_arrays *in, ht_arrays **out) {
  ht_module *m;
  ht_function *f;
  ht_choice choice = {.signature = signature};
  OK(ht_module_open(path, NULL, &m));
  OK(ht_function_open(m, &choice, NULL, &f));
  OK(ht_function_run(f, in, out));
  ht_function_free(f);
  ht_module_free(m);
}

START_TEST(joined_modules_are_written_as_one) {
  pair p = side_by_side(true);
  ht_function *f;
  ht_arrays *y, *z, *in = words();
  float moved[2] = {7, 8};
  ht_array *bias = floats(1, 2, 0, moved);
  OK(ht_net_assign(p.net, "right/bias", bias));
  ht_symbol sum = ht_net_op(p.net, "AddV2", NULL, HT_SYMBOLS(p.left, p.right));
  ht_net_add_signature(p.net, NULL, HT_NAMED({"s", p.s}),
                       HT_NAMED({NULL, sum}, {"right", p.right}));
  OK(ht_net_function(p.net, HT_NAMED({"s", p.s}), HT_NAMED({"sum", sum}), &f));
  OK(ht_function_run(f, in, &y));
  for (int hub1 = 0; hub1 < 2; hub1++) {
    const char *out = in_folder(hub1 ? "joined1" : "joined2");
    OK(ht_net_export(p.net, out, hub1));
    outputs_of(out, "default", in, &z);
    for (int i = 0; i < 6; i++)
      ck_assert(fabs(at(z, "default", i) - at(y, "sum", i)) < 1e-6);
    ht_arrays_free(z);
    FAILS(ht_net_export(p.net, out, hub1), HT_IO, "exists");
  }
  ht_arrays_free(y);
  ht_arrays_free(in);
  ht_array_free(bias);
  ht_function_free(f);
  close_pair(&p);
}
END_TEST

START_TEST(one_module_feeds_another) {
  ht_module *text = module_of("hub1"), *back = module_of("hub1");
  ht_net *net;
  ht_arrays *y, *in = words();
  int64_t any = -1;
  OK(ht_net_new(&net));
  ht_symbol s = ht_net_input(net, "s", HT_STRING, 1, &any);
  ht_symbol v = ht_net_apply(net, text, NULL, HT_NAMED({NULL, s}));
  ht_symbol ids = ht_net_output(net, v, "ids");
  ht_symbol again = ht_net_op(net, "AsString", NULL, HT_SYMBOLS(ids));
  ht_symbol z = ht_net_apply(net, back, NULL, HT_NAMED({NULL, again}));
  ht_net_add_signature(net, NULL, HT_NAMED({NULL, s}), HT_NAMED({NULL, z}));
  OK(ht_net_export(net, in_folder("chain"), true));
  outputs_of(in_folder("chain"), "default", in, &y);
  ck_assert_int_eq(ht_array_count(ht_arrays_find(y, "default")), 6);
  ht_arrays_free(y);
  ht_arrays_free(in);
  ht_net_free(net);
  ht_module_free(text);
  ht_module_free(back);
}
END_TEST

/* ---- authoring */

enum { NOTHING, LOOSE, TRAIN_ONLY, OTHER_NAMES, BAD_KEY, LONG_LOSS, GOOD };

typedef struct authored {
  int what;
  bool training;
} authored;

/* y = x w, with a count of training steps that goes up by an update. */
static void build(ht_net *net, void *arg) {
  authored *a = arg;
  int64_t four[4] = {-1, 6, 8, 3}, one = 1;
  int32_t axes[3] = {1, 2, 3};
  ht_symbol x = ht_net_input(net, "images", HT_FLOAT, 4, four);
  ht_symbol sum =
      ht_net_op(net, "Sum", NULL, HT_SYMBOLS(x, ht_net_int32s(net, 3, axes)));
  ht_symbol w = ht_net_variable_drawn(net, "w", "ones", 1, &one, true);
  ht_symbol n = ht_net_variable_drawn(net, "n", "zeros", 1, &one, false);
  ht_symbol y =
      ht_net_op(net, "Mul", NULL, HT_SYMBOLS(sum, ht_net_read(net, w)));
  if (a->training) {
    ht_array *step = floats(1, 1, 0, (float[]){1});
    ht_symbol up = ht_net_op(net, "AssignAddVariableOp", NULL,
                             HT_SYMBOLS(n, ht_net_constant(net, step)));
    ht_net_add_update(net, up);
    ht_array_free(step);
  }
  if (a->what == NOTHING) return;
  if (a->what == BAD_KEY) ht_net_attach_message(net, "1st", "x", 1);
  if (a->what == LONG_LOSS) ht_net_add_regularization(net, ht_net_read(net, w));
  if (a->what == LOOSE) {
    ht_net_add_signature(net, NULL, 0, NULL, HT_NAMED({NULL, y}));
    return;
  }
  if (a->what == TRAIN_ONLY && !a->training) {
    ht_net_add_signature(net, "other", HT_NAMED({"images", x}),
                         HT_NAMED({NULL, y}));
    return;
  }
  const char *name =
      a->what == OTHER_NAMES && a->training ? "pictures" : "images";
  ht_net_add_signature(net, NULL, HT_NAMED({name, x}), HT_NAMED({NULL, y}));
  ht_net_add_signature(net, "count", 0, NULL,
                       HT_NAMED({"n", ht_net_read(net, n)}));
  ht_net_add_regularization(
      net, ht_net_op(net, "Sum", NULL,
                     HT_SYMBOLS(ht_net_read(net, w),
                                ht_net_int32s(net, 1, (int32_t[]){0}))));
}

static ht_status author(int what, const char *second, ht_net **net) {
  authored a[2] = {{what, false}, {what, true}};
  const ht_tags_and_args graphs[] = {{NULL, &a[0]}, {second, &a[1]}};
  return ht_module_author(build, 2, graphs, net);
}

START_TEST(a_module_that_cannot_be_one_says_why) {
  ht_net *net;
  FAILS(author(NOTHING, "train", &net), HT_USAGE, "no signatures present");
  FAILS(author(LOOSE, "train", &net), HT_USAGE,
        "depends on 'images', which is none of its inputs");
  FAILS(author(BAD_KEY, "train", &net), HT_USAGE, "key '1st'");
  FAILS(author(LONG_LOSS, "train", &net), HT_USAGE, "loss is one float");
  FAILS(author(GOOD, "", &net), HT_USAGE, "used repeatedly");
  FAILS(author(GOOD, "gpu,,x", &net), HT_USAGE, "have an empty one");
}
END_TEST

/* Graphs of one module may differ; those of a SavedModel are one interface. */
START_TEST(what_only_the_tf1_hub_format_can_hold_is_no_saved_model) {
  static const struct {
    int what;
    const char *tags, *why;
  } row[] = {{TRAIN_ONLY, "train", "tagged 'train' alone"},
             {OTHER_NAMES, "train", "other inputs or outputs"},
             {GOOD, "gpu", "no graph tagged 'gpu'"}};
  for (int i = 0; i < 3; i++) {
    ht_net *net;
    OK(author(row[i].what, row[i].tags, &net));
    FAILS(ht_net_export(net, in_folder("none"), false),
          row[i].what == GOOD ? HT_UNSUPPORTED : HT_USAGE, row[i].why);
    ck_assert(!ht_path_exists(in_folder("none")));
    OK(ht_net_export(net, in_folder(row[i].why), true));
    ht_net_free(net);
  }
}
END_TEST

START_TEST(an_authored_module_has_its_graphs_messages_and_losses) {
  ht_net *net, *train;
  ht_module *m, *t;
  const ht_module_info *info;
  const void *data;
  size_t n;
  int64_t size[2], channels;
  ht_module_options tags = {.tags = "train"};
  OK(author(GOOD, "train", &net));
  ht_net_attach_message(net, "note", "old", 3);
  ht_net_attach_image_size(net, 10, 20);
  ht_net_attach_message(net, "note", "new!", 4);
  OK(ht_net_export(net, in_folder("authored"), true));
  OK(ht_module_open(in_folder("authored"), NULL, &m));
  OK(ht_module_open(in_folder("authored"), &tags, &t));
  OK(ht_module_inspect(m, &info));
  ck_assert_int_eq(info->n_tag_sets, 2);
  ck_assert_int_eq(info->n_callables, 2);
  ck_assert_int_eq(info->n_regularization_losses, 1);
  OK(ht_module_attachment(m, "note", &data, &n));
  ck_assert(n == 4 && memcmp(data, "new!", 4) == 0);
  OK(ht_module_attachment(m, "no", &data, &n));
  ck_assert_ptr_null(data);
  OK(ht_module_image_size(m, NULL, NULL, size));
  ck_assert(size[0] == 10 && size[1] == 20);
  OK(ht_module_image_channels(m, NULL, NULL, &channels));
  ck_assert_int_eq(channels, 3);
  FAILS(ht_module_image_channels(m, "count", NULL, &channels), HT_USAGE,
        "missing input 'images' in signature 'count'");
  /* The update runs with training applications of a module that trains. */
  OK(ht_net_variant(net, "train", &train));
  ck_assert_ptr_ne(train, net);
  ht_module_free(m);
  ht_module_free(t);
  ht_net_free(net);
}
END_TEST

/* Training steps on an authored module, counted by its own update. */
static double counted(bool trainable) {
  ht_net *net;
  ht_module *m;
  ht_trainer *t;
  ht_array *n, *x;
  int64_t dim[4] = {2, 6, 8, 3}, any[4] = {-1, 6, 8, 3};
  ht_choice choice = {.training = true};
  OK(ht_module_open(in_folder("counting"), NULL, &m));
  OK(ht_net_new(&net));
  ht_net_module(net, m, "m", trainable);
  ht_symbol in = ht_net_input(net, "x", HT_FLOAT, 4, any);
  ht_symbol one = ht_net_apply(net, m, &choice, HT_NAMED({NULL, in}));
  ht_symbol bias = ht_net_variable_drawn(net, "b", "zeros", 0, NULL, true);
  ht_symbol y =
      ht_net_op(net, "AddV2", NULL, HT_SYMBOLS(one, ht_net_read(net, bias)));
  ht_symbol loss = ht_net_op(net, "Mean", NULL,
                             HT_SYMBOLS(y, ht_net_number(net, HT_INT32, 0)));
  OK(ht_trainer_new(net, HT_NAMED({"x", in}), loss, &t));
  OK(ht_array_new(HT_FLOAT, 4, dim, &x));
  ht_arrays *batch = set_of("x", x);
  for (int i = 0; i < 3; i++) OK(ht_trainer_step(t, batch, NULL));
  OK(ht_net_value(net, "m/n", &n));
  double value = ht_array_number(n, 0);
  ht_array_free(n);
  ht_arrays_free(batch);
  ht_trainer_free(t);
  ht_net_free(net);
  ht_module_free(m);
  return value;
}

START_TEST(updates_run_where_the_module_trains) {
  ht_net *net;
  OK(author(GOOD, "train", &net));
  OK(ht_net_export(net, in_folder("counting"), true));
  ht_net_free(net);
  ck_assert(counted(true) == 3);
  ck_assert(counted(false) == 0);
}
END_TEST

START_TEST(a_graph_of_a_net_shares_its_variables) {
  ht_net *net, *train;
  float w[2] = {1, 2};
  ht_array *two = floats(1, 2, 0, w), *v;
  int64_t three = 3;
  OK(ht_net_new(&net));
  OK(ht_net_variant(net, "train", &train));
  ht_net_variable(net, "w", two, true);
  ht_net_variable_drawn(train, "w", "zeros", 1, &(int64_t){2}, true);
  OK(ht_net_status(net));
  OK(ht_net_value(train, "w", &v));
  ck_assert(ht_array_number(v, 1) == 2);
  ht_array_free(v);
  ht_net_scope(train, "");
  ht_net_variable(net, "u", two, true);
  ht_net_variable_drawn(train, "u", "zeros", 1, &three, true);
  FAILS(ht_net_status(net), HT_USAGE, "variable 'u' is float [2] in another");
  ht_array_free(two);
  ht_net_free(net);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_net_computes_what_was_built);
  tcase_add_test(tests, the_first_failure_is_the_one_that_is_told);
  tcase_add_test(tests, types_and_shapes_are_told_before_anything_runs);
  tcase_add_test(tests, gradients_are_those_of_finite_differences);
  tcase_add_test(tests, modules_of_one_name_keep_their_own_variables);
  tcase_add_test(tests,
                 losses_of_modules_count_once_however_often_they_are_applied);
  tcase_add_test(tests,
                 a_module_is_free_for_another_name_once_its_nets_are_gone);
  tcase_add_test(tests, an_application_says_what_is_wrong_with_its_inputs);
  tcase_add_test(tests, ten_steps_of_a_net_are_those_of_tensorflow);
  tcase_add_test(tests, a_restored_training_goes_on_to_the_same_bits);
  tcase_add_test(tests, a_trainer_refuses_what_it_cannot_do);
  tcase_add_test(tests, joined_modules_are_written_as_one);
  tcase_add_test(tests, one_module_feeds_another);
  tcase_add_test(tests, a_module_that_cannot_be_one_says_why);
  tcase_add_test(tests,
                 what_only_the_tf1_hub_format_can_hold_is_no_saved_model);
  tcase_add_test(tests, an_authored_module_has_its_graphs_messages_and_losses);
  tcase_add_test(tests, updates_run_where_the_module_trains);
  tcase_add_test(tests, a_graph_of_a_net_shares_its_variables);
}

int main(void) {
  if (!mkdtemp(folder)) return EXIT_FAILURE;
  int failed = test_main("net", add);
  ht_status st = ht_folder_remove(folder);
  return failed || st.code != HT_OK ? EXIT_FAILURE : EXIT_SUCCESS;
}
