/* test_frozen.c - the part of a plan that no training reaches: that leaving
 * it out of the steps changes nothing, and the cache of its values. */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"
#include "train/features.h"
#include "train/frozen.h"
#include "train/prepare.h"

enum { HEIGHT = 12, WIDTH = 10, EXAMPLES = 20 };

static char folder[] = "/tmp/ht_frozen_XXXXXX";
static ht_arena arena;

static const char *own(const char *name) {
  return ht_path_join(&arena, folder, name);
}

/* An uncompressed image of the example's colour, with some pattern. */
static void write_bmp(int example) {
  uint8_t b[54 + HEIGHT * 32] = {'B', 'M'};
  const char *class = example % 2 ? "odd" : "even";
  b[10] = 54, b[14] = 40, b[18] = WIDTH, b[22] = HEIGHT, b[26] = 1, b[28] = 24;
  for (int i = 0; i < HEIGHT * 32; i++)
    b[54 + i] = (uint8_t)(example * 37 + i * (example % 5 + 1));
  OK(ht_folder_make(ht_arena_printf(&arena, "%s/photos/%s", folder, class)));
  OK(ht_file_write(
      ht_arena_printf(&arena, "%s/photos/%s/%02d.bmp", folder, class, example),
      b, sizeof b));
}

static void setup(void) {
  ck_assert(mkdtemp(folder));
  setenv("XDG_CACHE_HOME", folder, 1);
  for (int i = 0; i < EXAMPLES; i++) write_bmp(i);
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

/* ---- a run, opened: its composed model, with what trains marked */

static void train(const char *run, const char *trainable, const char *bn,
                  ht_train_options *o) {
  char path[1024];
  static const char *module[1];
  module[0] = ht_path_join(&arena, test_folder(path), "models/images");
  ht_train_defaults(o);
  o->module = module;
  o->n_module = 1;
  o->data = own("photos");
  o->out = own(run);
  o->trainable_variables = trainable;
  o->bn = bn;
  o->epochs = 2;
  o->batch = 5;
  OK(ht_train(o, NULL, NULL));
}

static ht_tensor images(int64_t n) {
  ht_tensor t;
  ht_shape s = {4, {n, HEIGHT, WIDTH, 3}};
  OK(ht_tensor_new(NULL, HT_FLOAT, &s, &t));
  for (int64_t i = 0; i < ht_count(&t); i++)
    ht_f(&t)[i] = (float)(0.5 + 0.5 * sin(0.13 * (double)(i * i % 977)));
  return t;
}

static ht_tensor labels(int64_t n) {
  ht_tensor t;
  ht_shape s = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_INT64, &s, &t));
  for (int64_t i = 0; i < n; i++) ht_i64(&t)[i] = i % 2;
  return t;
}

static void run_plan(ht_trained *t, ht_plan *plan, int n_in,
                     const ht_tensor *const *in, int n_out, ht_tensor *out) {
  ht_run run = ht_run_make(NULL, &t->model->store, t->model->folder);
  OK(ht_plan_run(plan, &run, n_in, in, n_out, out));
}

/* The loss by the whole plan, and by its two parts. */
static void both_ways(ht_trained *t, const ht_cut *cut, float loss[2]) {
  ht_tensor x = images(6), y = labels(6), value[8], out;
  const ht_tensor *whole[] = {&x, &y}, *part[9];
  ck_assert(cut->n_values <= 8);
  run_plan(t, t->composed.train, 2, whole, 1, &out);
  loss[0] = ht_f(&out)[0];
  ht_tensor_drop(&out);
  run_plan(t, cut->before, 1, whole, cut->n_values, value);
  for (int i = 0; i < cut->n_values; i++) part[i] = &value[i];
  part[cut->n_values] = &y;
  run_plan(t, cut->after, cut->n_values + 1, part, 1, &out);
  loss[1] = ht_f(&out)[0];
  ht_tensor_drop(&out);
  for (int i = 0; i < cut->n_values; i++) ht_tensor_drop(&value[i]);
  ht_tensor_drop(&x);
  ht_tensor_drop(&y);
}

static void check_cut(const char *trainable, const char *bn, int n_values,
                      bool raw, int64_t channels) {
  ht_train_options o;
  ht_trained t;
  ht_cut cut;
  float loss[2];
  train("run", trainable, bn, &o);
  OK(ht_trained_open(own("run"), &t));
  OK(ht_cut_open(&t.composed.train_body, 1, &t.model->store, &cut));
  ck_assert_int_eq(cut.n_values, n_values);
  ck_assert(cut.raw == raw);
  both_ways(&t, &cut, loss);
  ck_assert(loss[0] == loss[1] && loss[0] > 0);
  ht_tensor x = images(3), value;
  const ht_tensor *in = &x;
  run_plan(&t, cut.before, 1, &in, 1, &value);
  ck_assert_int_eq(value.shape.dim[value.shape.rank - 1], channels);
  ht_tensor_drop(&value);
  ht_tensor_drop(&x);
  ht_cut_close(&cut);
  ht_trained_close(&t);
  OK(ht_folder_remove(own("run")));
}

START_TEST(a_frozen_module_is_cut_at_its_output) {
  check_cut(NULL, NULL, 1, false, 6);
}
END_TEST

START_TEST(a_module_whose_end_trains_is_cut_before_it) {
  check_cut("last", "frozen", 1, false, 4);
}
END_TEST

START_TEST(normalisation_by_the_batch_is_never_made_before) {
  check_cut("last", "update", 1, false, 4); /* the first convolution alone */
  ht_train_options o;
  ht_trained t;
  ht_cut cut;
  train("run", "last", "update", &o);
  OK(ht_trained_open(own("run"), &t));
  OK(ht_cut_open(&t.composed.train_body, 1, &t.model->store, &cut));
  ht_tensor x = images(2), value;
  const ht_tensor *in = &x;
  run_plan(&t, cut.before, 1, &in, 1, &value);
  bool negative = false; /* nothing has been rectified yet */
  for (int64_t i = 0; i < ht_count(&value); i++)
    negative |= ht_f(&value)[i] < 0;
  ck_assert(negative);
  ht_tensor_drop(&value);
  ht_tensor_drop(&x);
  ht_cut_close(&cut);
  ht_trained_close(&t);
}
END_TEST

START_TEST(a_module_that_trains_from_its_input_on_is_not_cut) {
  check_cut("first", "frozen", 1, true, 3);
}
END_TEST

/* The weights after a training, as bytes. */
static char *weights(const char *run, size_t *n) {
  char **name, *data = NULL;
  int names;
  const char *path = own(run);
  path = ht_path_join(&arena, path, "checkpoints");
  OK(ht_folder_list(path, &arena, &name, &names));
  for (int i = 0; i < names; i++)
    if (strncmp(name[i], "best", 4) == 0 && strstr(name[i], ".data"))
      OK(ht_file_read(ht_path_join(&arena, path, name[i]), 1 << 20, &arena,
                      &data, n));
  ck_assert(data != NULL);
  return data;
}

/* Augmentation by nothing keeps the images, and every step runs all. */
START_TEST(steps_on_values_made_before_are_those_of_the_whole_module) {
  ht_train_options o;
  size_t n, m;
  train("made", "last", "frozen", &o);
  o.out = own("whole");
  o.augment = "color:1e-30";
  OK(ht_train(&o, NULL, NULL));
  char *a = weights("made", &n), *b = weights("whole", &m);
  ck_assert(n == m);
  for (size_t i = 0; i < n / 4; i++) {
    float x, y;
    memcpy(&x, a + 4 * i, 4);
    memcpy(&y, b + 4 * i, 4);
    ck_assert_float_eq_tol(x, y, 1e-5f);
  }
}
END_TEST

/* ---- the cache */

static int n_notices;
static void count_notice(void *arg, const char *text) {
  (void)arg;
  ck_assert(strstr(text, "is damaged"));
  n_notices++;
}

typedef struct kept {
  ht_features f;
  uint64_t digest[2 * EXAMPLES];
  bool found[EXAMPLES];
  ht_tensor value[2];
} kept;

/* Rows of example i are i and 100 i, i + 1, ... */
static void open_kept(kept *k, const char *key, bool filled) {
  ht_shape a = ht_shape_1(EXAMPLES), b = ht_shape_2(EXAMPLES, 3);
  *k = (kept){.f = {.key = key,
                    .about = "a module",
                    .n = EXAMPLES,
                    .n_values = 2,
                    .notice = count_notice}};
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &a, &k->value[0]));
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &b, &k->value[1]));
  for (int i = 0; i < EXAMPLES; i++) {
    k->digest[2 * i] = (uint64_t)(i * i * 7919) % 5;
    k->digest[2 * i + 1] = (uint64_t)i;
    for (int c = 0; filled && c < 3; c++)
      ht_f(&k->value[1])[3 * i + c] = (float)(100 * i + c);
    if (filled) ht_f(&k->value[0])[i] = (float)i;
  }
  k->f.digest = k->digest;
  k->f.found = k->found;
  k->f.value = k->value;
  n_notices = 0;
}

static void close_kept(kept *k) {
  ht_tensor_drop(&k->value[0]);
  ht_tensor_drop(&k->value[1]);
}

static int load(const char *key) {
  kept k;
  int n = 0;
  open_kept(&k, key, false);
  OK(ht_features_load(&k.f));
  for (int i = 0; i < EXAMPLES; i++) {
    n += k.found[i];
    ck_assert(ht_f(&k.value[0])[i] == (k.found[i] ? (float)i : 0));
    for (int c = 0; c < 3; c++)
      ck_assert(ht_f(&k.value[1])[3 * i + c] ==
                (k.found[i] ? (float)(100 * i + c) : 0));
  }
  close_kept(&k);
  return n;
}

static char *segment(const char *key) {
  char **name,
      *path = ht_arena_printf(&arena, "%s/hubtune/features/%s", folder, key);
  int n;
  OK(ht_folder_list(path, &arena, &name, &n));
  for (int i = 0; i < n; i++)
    if (strcmp(ht_path_extension(name[i]), ".h5") == 0)
      return ht_path_join(&arena, path, name[i]);
  return NULL;
}

static bool add_up(void *arg, const ht_cache_entry *e) {
  ck_assert_str_eq(e->handle, "a module");
  ck_assert(e->bytes > 0);
  ++*(int *)arg;
  return true;
}

START_TEST(features_are_found_by_what_they_are_of) {
  kept k;
  int n = 0;
  open_kept(&k, "k1", true);
  ck_assert_int_eq(load("k1"), 0);
  OK(ht_features_store(&k.f, 0, 8));
  ck_assert_int_eq(load("k1"), 8);
  memset(k.found, true, 8);
  OK(ht_features_store(&k.f, 0, EXAMPLES)); /* the others alone */
  ck_assert_int_eq(load("k1"), EXAMPLES);
  ck_assert_int_eq(load("k2"), 0);
  OK(ht_features_each(add_up, &n));
  ck_assert_int_eq(n, 1);
  OK(ht_features_clear());
  ck_assert_int_eq(load("k1"), 0);
  close_kept(&k);
}
END_TEST

/* Any byte changed, any length cut: the values or none, never others. */
START_TEST(damaged_features_are_removed_and_never_believed) {
  char *data, *copy;
  size_t n;
  kept k;
  open_kept(&k, "k1", true);
  OK(ht_features_store(&k.f, 0, EXAMPLES));
  char *path = segment("k1");
  OK(ht_file_read(path, 1 << 20, &arena, &data, &n));
  copy = ht_arena_bytes(&arena, data, n);
  for (size_t at = 0; at < n; at += 41) {
    copy[at] = (char)(copy[at] ^ 0x5a);
    OK(ht_file_write(path, copy, n));
    int found = load("k1");
    ck_assert(found == 0 || found == EXAMPLES || n_notices == 0);
    copy[at] = data[at];
    OK(ht_file_write(path, copy, at));
    ck_assert_int_eq(load("k1"), 0);
    ck_assert(n_notices == 1 && !ht_path_exists(path));
  }
  close_kept(&k);
}
END_TEST

static void add(TCase *t) {
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_frozen_module_is_cut_at_its_output);
  tcase_add_test(t, a_module_whose_end_trains_is_cut_before_it);
  tcase_add_test(t, normalisation_by_the_batch_is_never_made_before);
  tcase_add_test(t, a_module_that_trains_from_its_input_on_is_not_cut);
  tcase_add_test(t, steps_on_values_made_before_are_those_of_the_whole_module);
  tcase_add_test(t, features_are_found_by_what_they_are_of);
  tcase_add_test(t, damaged_features_are_removed_and_never_believed);
}

int main(void) { return test_main("frozen", add); }
