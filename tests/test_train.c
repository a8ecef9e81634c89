/* test_train.c - whole trainings of a small module made in memory: text ids
 * embedded in a table. */
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parallel.h"
#include "test.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "train/train.h"

enum { ROWS = 400, DIM = 8, EXAMPLES = 240, WORDS = 3 };

static char folder[] = "/tmp/ht_train_XXXXXX";

/* ---- a module: mean of embedded ids */

typedef struct module {
  ht_model model;
  ht_builder b;
  ht_callable call;
  ht_port input, output;
  ht_ref arg, ret;
  ht_variable *table;
} module;

static void open_module(module *m) {
  *m = (module){0};
  ht_store_init(&m->model.store);
  m->model.folder = (char *)"";
  m->model.library.arena = &m->model.arena;
  m->model.library.by_name.arena = &m->model.arena;
  OK(ht_builder_init(&m->b, &m->model.arena, &m->model.library,
                     &m->model.store));
  ht_shape shape = ht_shape_2(ROWS, DIM), ids = ht_shape_2(-1, WORDS);
  ht_tensor t;
  OK(ht_tensor_new(NULL, HT_FLOAT, &shape, &t));
  for (int i = 0; i < ROWS * DIM; i++)
    ht_f(&t)[i] = (float)sin(0.37 * i * i + i) * 0.3f;
  m->arg = ht_build_placeholder(&m->b, "ids", HT_INT64, &ids);
  ht_ref table = ht_build_variable(&m->b, "table", &t, true, &m->table);
  ht_ref in[] = {table, m->arg};
  ht_ref rows = ht_build(&m->b, "ResourceGather", "rows", 2, in, "dtype=float");
  m->ret = ht_build_2(&m->b, "Mean", rows,
                      ht_build_int32s(&m->b, 1, (int32_t[]){1}), "");
  OK(ht_builder_status(&m->b));
  m->input = (ht_port){.name = "ids", .dtype = HT_INT64, .shape = ids};
  m->output = (ht_port){
      .name = "default", .dtype = HT_FLOAT, .shape = ht_shape_2(-1, DIM)};
  m->call = (ht_callable){.name = "default",
                          .signature = true,
                          .training = -1,
                          .input = &m->input,
                          .n_inputs = 1,
                          .output = &m->output,
                          .n_outputs = 1};
  m->call.body = (ht_body){.graph = m->b.graph,
                           .arg = &m->arg,
                           .n_args = 1,
                           .ret = &m->ret,
                           .n_rets = 1};
  m->model.graph = m->b.graph;
  m->model.callable = &m->call;
  m->model.n_callables = 1;
  m->table->tuned = false;
}

static void close_module(module *m) {
  ht_store_free(&m->model.store);
  ht_arena_free(&m->model.arena);
}

/* ---- data: the class is told by which third of the table words come from */

static const char *write_data(char path[256]) {
  ht_text t = {0};
  snprintf(path, 256, "%s/data.jsonl", folder);
  for (int i = 0; i < EXAMPLES; i++) {
    int class = i % 3;
    ht_text_printf(&t, "{\"ids\":[");
    for (int k = 0; k < WORDS; k++)
      ht_text_printf(&t, "%s%d", k ? "," : "",
                     (i * 31 + k * 17) % (ROWS / 3) + class * (ROWS / 3));
    ht_text_printf(&t, "],\"label\":\"%s\"}\n",
                   (const char *[]){"red", "green", "blue"}[class]);
  }
  OK(ht_text_check(&t));
  OK(ht_file_write(path, t.p, t.n));
  ht_text_free(&t);
  return path;
}

static ht_train_options options(const char *run) {
  static char data[256], out[8][256];
  static int n;
  ht_train_options o;
  ht_train_defaults(&o);
  snprintf(out[n % 8], 256, "%s/%s", folder, run);
  o.data = write_data(data);
  o.out = out[n++ % 8];
  o.trainable = true;
  o.lr = o.module_lr = 0.05;
  o.epochs = 6;
  o.batch = 16;
  o.valid_split = 0.2;
  o.schedule = "cosine";
  o.warmup = 5;
  return o;
}

/* ---- watching */

typedef struct seen {
  double first, last, accuracy;
  int64_t steps, stop_at;
} seen;

static bool watch(void *arg, const ht_event *e) {
  seen *s = arg;
  if (e->type == HT_EVENT_STEP) {
    if (!s->steps++) s->first = e->loss;
    s->last = e->loss;
    return !s->stop_at || e->step < s->stop_at;
  }
  if (e->type == HT_EVENT_EPOCH && e->valid)
    s->accuracy = ht_score_main(e->valid);
  return true;
}

static ht_status train(const ht_train_options *o, seen *s, float *weights) {
  module m;
  ht_watcher w = {watch, s};
  *s = (seen){.stop_at = s->stop_at};
  open_module(&m);
  ht_status st = ht_train_model(&m.model, o, &w);
  if (weights) memcpy(weights, m.table->value.data, sizeof(float) * ROWS * DIM);
  close_module(&m);
  return st;
}

static float one[ROWS * DIM], two[ROWS * DIM];

START_TEST(training_learns_a_separable_problem) {
  ht_train_options o = options("learns");
  seen s = {0};
  OK(train(&o, &s, NULL));
  ck_assert_double_lt(s.last, 0.5 * s.first);
  ck_assert_double_gt(s.accuracy, 0.9);
}
END_TEST

START_TEST(a_frozen_module_is_run_once_and_gives_the_same_head) {
  ht_train_options o = options("frozen");
  seen s = {0};
  o.trainable = false;
  OK(train(&o, &s, one));
  module m;
  open_module(&m);
  ck_assert_mem_eq(one, m.table->value.data, sizeof one);
  close_module(&m);
  ck_assert_double_lt(s.last, s.first);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_weights_on_one_and_two_threads) {
  ht_train_options a = options("thread1"), b = options("thread2");
  seen s = {0};
  a.dropout = b.dropout = 0.2;
  ht_threads_set(1);
  OK(train(&a, &s, one));
  ht_threads_set(2);
  OK(train(&b, &s, two));
  ck_assert_mem_eq(one, two, sizeof one);
  b = options("seed");
  b.dropout = 0.2;
  b.seed = 1;
  OK(train(&b, &s, two));
  ck_assert_int_ne(memcmp(one, two, sizeof one), 0);
}
END_TEST

static const char *const optimizers[] = {"sgd", "adam", "adamw", "adagrad",
                                         "rmsprop"};

/* Batches of 16 examples in parts of 6, 6 and 4, and one by one. */
START_TEST(a_batch_in_parts_trains_to_the_weights_of_the_whole) {
  static float whole[ROWS * DIM], parts[ROWS * DIM];
  static const int64_t n[] = {3, 16, 1000};
  seen a, b;
  ht_train_options o = options("whole_batch");
  o.optimizer = "sgd";
  o.lr = o.module_lr = 0.5;
  o.clip_norm = 0.5;
  OK(train(&o, &a, whole));
  for (int i = 0; i < 3; i++) {
    o = options((const char *[]){"parts_3", "parts_16", "parts_1000"}[i]);
    o.optimizer = "sgd";
    o.lr = o.module_lr = 0.5;
    o.clip_norm = 0.5;
    o.accumulate = n[i];
    OK(train(&o, &b, parts));
    ck_assert_int_eq(a.steps, b.steps);
    ck_assert_double_eq_tol(a.last, b.last, 2e-6);
    for (int k = 0; k < ROWS * DIM; k++)
      ck_assert_float_eq_tol(whole[k], parts[k], 5e-6f);
  }
}
END_TEST

START_TEST(a_stopped_run_resumes_to_the_same_weights) {
  char whole[32], stopped[32];
  snprintf(whole, sizeof whole, "whole%d", _i);
  snprintf(stopped, sizeof stopped, "stopped%d", _i);
  ht_train_options a = options(whole), b = options(stopped);
  seen s = {0};
  a.dropout = b.dropout = 0.1;
  a.optimizer = b.optimizer = optimizers[_i];
  a.momentum = b.momentum = 0.9;
  a.weight_decay = b.weight_decay = _i % 2 ? 0.01 : 0;
  OK(train(&a, &s, one));
  for (int64_t stop = 7; stop <= 49; stop += 14) {
    seen half = {.stop_at = stop};
    FAILS(train(&b, &half, NULL), HT_STOPPED, "stopped at step");
    b.resume = true;
  }
  OK(train(&b, &s, two));
  ck_assert_mem_eq(one, two, sizeof one);
}
END_TEST

/* Trains in a child that is killed after some time; whether it ended. */
static bool run_and_kill(const ht_train_options *o, useconds_t after) {
  int status;
  pid_t child = fork();
  if (!child) {
    seen s = {0};
    ht_threads_set(1);
    ht_status st = train(o, &s, NULL);
    if (st.code != HT_OK) fprintf(stderr, "resumed: %s\n", st.msg);
    _exit(st.code == HT_OK ? 0 : 1);
  }
  usleep(after);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return false;
  ck_assert_int_eq(WEXITSTATUS(status), 0);
  return true;
}

START_TEST(a_run_killed_at_20_instants_resumes_to_the_same_weights) {
  ht_train_options a = options("unkilled"), b = options("killed");
  seen s = {0};
  int kills = 0;
  a.epochs = b.epochs = 40;
  a.save_every = b.save_every = 3;
  OK(train(&a, &s, one));
  b.resume = true;
  /* however fast the machine is: a run that ended before is begun anew */
  useconds_t after = 3000;
  for (int runs = 0; kills < 20 && runs < 200; runs++) {
    after = after * 7 % 90007 + 1000;
    if (!run_and_kill(&b, after))
      kills++;
    else
      OK(ht_folder_remove(b.out));
  }
  ck_assert_int_eq(kills, 20);
  OK(train(&b, &s, two));
  ck_assert_mem_eq(one, two, sizeof one);
}
END_TEST

START_TEST(settings_survive_the_file) {
  ht_train_options o = options("settings"), back;
  char path[512];
  ht_arena arena = {0};
  const char *inputs[] = {"a=b", "c=d"};
  o.input = inputs;
  o.n_input = 2;
  o.lr = 0.1;
  snprintf(path, sizeof path, "%s/settings.json", folder);
  OK(ht_train_write(&o, path));
  OK(ht_train_read(path, &arena, &back));
  uint64_t before, after;
  OK(ht_checkpoint_settings(&o, &before));
  OK(ht_checkpoint_settings(&back, &after));
  ck_assert_uint_eq(before, after);
  ck_assert_str_eq(back.input[1], "c=d");
  ck_assert(back.lr == 0.1 && back.trainable && !back.nesterov);
  ht_arena_free(&arena);
}
END_TEST

START_TEST(wrong_settings_are_refused_by_name) {
  seen s = {0};
  ht_train_options o = options("wrong");
  o.optimizer = "adan";
  FAILS(train(&o, &s, NULL), HT_USAGE, "'adan': there are sgd, adam");
  o = options("wrong");
  o.head = "mlp:4,x";
  FAILS(train(&o, &s, NULL), HT_USAGE, "'mlp:4,x'");
  o = options("wrong");
  o.loss = "mse";
  FAILS(train(&o, &s, NULL), HT_USAGE, "'mse' does not fit");
  o = options("wrong");
  o.output = "pooled";
  FAILS(train(&o, &s, NULL), HT_USAGE, "pooled");
  o = options("wrong");
  o.trainable_variables = "bias";
  FAILS(train(&o, &s, NULL), HT_USAGE, "'bias'");
}
END_TEST

START_TEST(a_loss_that_is_not_finite_stops_and_names_the_step) {
  seen s = {0};
  ht_train_options o = options("nan");
  o.optimizer = "sgd";
  o.schedule = "constant";
  o.warmup = 0;
  o.lr = o.module_lr = 1e25;
  FAILS(train(&o, &s, NULL), HT_NUMERIC, "at step");
}
END_TEST

static void make_folder(void) { ck_assert(mkdtemp(folder) != NULL); }

static void remove_folder(void) { OK(ht_folder_remove(folder)); }

static void add(TCase *c) {
  tcase_add_unchecked_fixture(c, make_folder, remove_folder);
  tcase_add_test(c, training_learns_a_separable_problem);
  tcase_add_test(c, a_frozen_module_is_run_once_and_gives_the_same_head);
  tcase_add_test(c,
                 the_same_seed_gives_the_same_weights_on_one_and_two_threads);
  tcase_add_test(c, a_batch_in_parts_trains_to_the_weights_of_the_whole);
  tcase_add_loop_test(c, a_stopped_run_resumes_to_the_same_weights, 0, 5);
  tcase_add_test(c, a_run_killed_at_20_instants_resumes_to_the_same_weights);
  tcase_add_test(c, settings_survive_the_file);
  tcase_add_test(c, wrong_settings_are_refused_by_name);
  tcase_add_test(c, a_loss_that_is_not_finite_stops_and_names_the_step);
}

int main(void) { return test_main("train", add); }
