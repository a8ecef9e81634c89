/* test_train_golden.c - ten steps of every optimizer and loss against what
 * Keras computed (golden/train.txt, made by golden/make_train.py). */
#include <math.h>

#include "graph/plan.h"
#include "optim/clip.h"
#include "optim/loss.h"
#include "test.h"

enum { STEPS = 10, BATCH = 8, FEATURES = 6, CLASSES = 3, ROWS = 20, WORDS = 4 };
enum { MAX_VALUES = 2048 };

/* ---- the file: "name count values...", "case ...", "loss ..." */

typedef struct vector {
  int n;
  double v[MAX_VALUES];
} vector;

static vector X, Y, HOT, REAL, IDS, KERNEL, BIAS, TABLE, WEIGHTS;
static FILE *file;

static void open_file(void) {
  char folder[1024], path[1100];
  snprintf(path, sizeof path, "%s/golden/train.txt", test_folder(folder));
  file = fopen(path, "r");
  ck_assert_msg(file != NULL, "no %s", path);
}

static void read_vector(const char *name, vector *out) {
  char word[64];
  ck_assert_int_eq(fscanf(file, "%63s %d", word, &out->n), 2);
  ck_assert_str_eq(word, name);
  ck_assert_int_le(out->n, MAX_VALUES);
  for (int i = 0; i < out->n; i++)
    ck_assert_int_eq(fscanf(file, "%lf", &out->v[i]), 1);
}

static void read_problem(void) {
  open_file();
  read_vector("X", &X);
  read_vector("Y", &Y);
  read_vector("HOT", &HOT);
  read_vector("REAL", &REAL);
  read_vector("IDS", &IDS);
  read_vector("KERNEL", &KERNEL);
  read_vector("BIAS", &BIAS);
  read_vector("TABLE", &TABLE);
  read_vector("WEIGHTS", &WEIGHTS);
}

/* ---- one training */

typedef struct problem {
  ht_dtype dtype; /* of variables */
  bool rows;      /* mean of embedded ids, else X */
  const ht_loss *loss;
  double smoothing, clip_norm;
  bool weights;
} problem;

typedef struct net {
  ht_arena arena;
  ht_store store;
  ht_library library;
  ht_builder b;
  ht_variable *kernel, *bias, *table;
  ht_plan *plan;
  ht_optimizer *o;
} net;

static ht_tensor tensor_of(ht_dtype dtype, ht_shape shape, const double *v) {
  ht_tensor t;
  OK(ht_tensor_new(NULL, dtype, &shape, &t));
  int64_t n = ht_count(&t);
  for (int64_t i = 0; i < n; i++) {
    if (dtype == HT_FLOAT)
      ht_f(&t)[i] = (float)v[i];
    else if (dtype == HT_DOUBLE)
      HT_DATA(double, &t)[i] = (double)(float)v[i]; /* they were floats */
    else
      ht_i64(&t)[i] = (int64_t)v[i];
  }
  return t;
}

static ht_ref variable(net *n, const problem *p, const char *name,
                       ht_shape shape, const vector *v, ht_variable **out) {
  ht_tensor t = tensor_of(p->dtype, shape, v->v);
  return ht_build_variable(&n->b, name, &t, true, out);
}

static ht_ref build_input(net *n, const problem *p, ht_ref *fed) {
  ht_builder *b = &n->b;
  ht_shape dense = ht_shape_2(-1, FEATURES), ids = ht_shape_2(-1, WORDS);
  if (!p->rows) return *fed = ht_build_placeholder(b, "x", p->dtype, &dense);
  *fed = ht_build_placeholder(b, "ids", HT_INT64, &ids);
  ht_ref table =
      variable(n, p, "table", ht_shape_2(ROWS, FEATURES), &TABLE, &n->table);
  char type[32];
  snprintf(type, sizeof type, "dtype=%s", ht_dtype_name(p->dtype));
  ht_ref found = ht_build_2(b, "ResourceGather", table, *fed, type);
  return ht_build_2(b, "Mean", found, ht_build_int32s(b, 1, (int32_t[]){1}),
                    "");
}

static ht_ref build_weights(net *n, const problem *p, ht_ref label) {
  if (!p->weights) return (ht_ref){-1, 0};
  ht_tensor t = tensor_of(HT_FLOAT, ht_shape_1(CLASSES), WEIGHTS.v);
  ht_ref in[] = {ht_build_const(&n->b, "weights", &t), label,
                 ht_build_int32s(&n->b, -1, (int32_t[]){0})};
  ht_tensor_drop(&t);
  return ht_build(&n->b, "GatherV2", "example_weights", 3, in, "");
}

static void build(net *n, const problem *p) {
  ht_builder *b = &n->b;
  ht_ref arg[2];
  bool classes = strcmp(p->loss->name, "softmax") == 0;
  ht_shape label = classes ? ht_shape_1(-1) : ht_shape_2(-1, CLASSES);
  *n = (net){0};
  ht_store_init(&n->store);
  n->library.arena = &n->arena;
  n->library.by_name.arena = &n->arena;
  OK(ht_builder_init(b, &n->arena, &n->library, &n->store));
  ht_ref x = build_input(n, p, &arg[0]);
  arg[1] =
      ht_build_placeholder(b, "label", classes ? HT_INT64 : HT_FLOAT, &label);
  ht_ref kernel = variable(n, p, "kernel", ht_shape_2(FEATURES, CLASSES),
                           &KERNEL, &n->kernel);
  ht_ref bias = variable(n, p, "bias", ht_shape_1(CLASSES), &BIAS, &n->bias);
  ht_ref product = ht_build_2(b, "MatMul", x, ht_build_read(b, kernel), "");
  ht_loss_parts parts = {
      .output = ht_build_2(b, "BiasAdd", product, ht_build_read(b, bias), ""),
      .label = arg[1],
      .classes = classes,
      .width = CLASSES,
      .smoothing = p->smoothing,
      .weight = build_weights(n, p, arg[1]),
  };
  ht_ref loss = ht_loss_build(b, p->loss, &parts);
  OK(ht_builder_status(b));
  ht_body body = {
      .graph = b->graph, .arg = arg, .ret = &loss, .n_args = 2, .n_rets = 1};
  OK(ht_plan_new(&body, NULL, &n->plan));
}

static void add_variables(net *n, double lr) {
  OK(ht_optimizer_add(n->o, n->kernel, lr));
  OK(ht_optimizer_add(n->o, n->bias, lr));
  if (n->table) OK(ht_optimizer_add(n->o, n->table, lr));
}

static ht_tensor input_of(const problem *p, int t) {
  return p->rows ? tensor_of(HT_INT64, ht_shape_2(BATCH, WORDS),
                             IDS.v + t * BATCH * WORDS)
                 : tensor_of(p->dtype, ht_shape_2(BATCH, FEATURES),
                             X.v + t * BATCH * FEATURES);
}

static ht_tensor label_of(const problem *p, int t) {
  if (strcmp(p->loss->name, "softmax") == 0)
    return tensor_of(HT_INT64, ht_shape_1(BATCH), Y.v + t * BATCH);
  const vector *v = strcmp(p->loss->name, "sigmoid") == 0 ? &HOT : &REAL;
  return tensor_of(HT_FLOAT, ht_shape_2(BATCH, CLASSES),
                   v->v + t * BATCH * CLASSES);
}

static double step(net *n, const problem *p, ht_tape *tape, int t) {
  double norm, scale;
  ht_tensor x = input_of(p, t), y = label_of(p, t), loss;
  const ht_tensor *in[] = {&x, &y};
  ht_run run = ht_run_make(NULL, &n->store, "");
  run.tape = tape;
  run.training = true;
  OK(ht_plan_run(n->plan, &run, 2, in, 1, &loss));
  double value = ht_real_at(&loss, 0);
  OK(ht_tape_backward(tape, &run, 1, &loss, NULL));
  for (int i = 0; i < n->o->n_tuned; i++)
    OK(ht_tape_gradient(tape, n->o->tuned[i].variable,
                        &n->o->tuned[i].gradient));
  ht_tape_reset(tape);
  OK(ht_clip(n->o, p->clip_norm, &norm, &scale));
  OK(ht_optimizer_step(n->o, 1, scale));
  ht_tensor_drop(&x);
  ht_tensor_drop(&y);
  ht_tensor_drop(&loss);
  return value;
}

/* The largest distance, relative to the largest value. */
static double distance(const ht_tensor *a, const vector *b) {
  double worst = 0, scale = 0;
  for (int i = 0; i < b->n; i++) {
    worst = fmax(worst, fabs(ht_real_at(a, i) - b->v[i]));
    scale = fmax(scale, fabs(b->v[i]));
  }
  return worst / scale;
}

/* Double is held to more, or a rounding to float would not be seen. */
static double bound_of(ht_dtype dtype) {
  return dtype == HT_DOUBLE ? 1e-13 : 1e-5;
}

static void check_weights(const char *name, ht_variable *v) {
  static vector want;
  ht_tensor t;
  read_vector("weights", &want);
  OK(ht_variable_final(v, &t));
  double away = distance(&t, &want);
  ck_assert_msg(away < bound_of(t.dtype), "%s: weights of '%s' are %g away",
                name, v->name, away);
  ht_tensor_drop(&t);
}

static void check_training(const char *name, net *n, const problem *p) {
  static vector want;
  double loss[STEPS], bound = bound_of(p->dtype) / 10;
  ht_tape *tape = ht_tape_new();
  for (int t = 0; t < STEPS; t++) loss[t] = step(n, p, tape, t);
  read_vector("losses", &want);
  for (int t = 0; t < STEPS; t++)
    ck_assert_msg(fabs(loss[t] - want.v[t]) < bound * (fabs(want.v[t]) + 0.1),
                  "%s: loss %.17g of step %d, Keras has %.17g", name, loss[t], t + 1,
                  want.v[t]);
  check_weights(name, n->kernel);
  check_weights(name, n->bias);
  if (n->table) {
    ck_assert((n->o->tuned[2].rows != NULL) == (p->dtype == HT_FLOAT));
    check_weights(name, n->table);
  }
  ht_tape_free(tape);
}

static void close_net(net *n) {
  ht_optimizer_free(n->o);
  ht_plan_free(n->plan);
  ht_store_free(&n->store);
  ht_arena_free(&n->arena);
}

/* Both fixtures stop at the first word that they do not know. */
static bool next_word(const char *wanted) {
  char word[32];
  long at = ftell(file);
  bool is = fscanf(file, "%31s", word) == 1 && strcmp(word, wanted) == 0;
  if (!is) fseek(file, at, SEEK_SET);
  return is;
}

static bool run_case(void) {
  char name[64], kind[32], dtype[32];
  int rows;
  double lr, momentum, nesterov, decay, clip;
  net n;
  if (!next_word("case")) return false;
  ck_assert_int_eq(
      fscanf(file, "%63s %31s %31s %d %lf %lf %lf %lf %lf", name, kind, dtype,
             &rows, &lr, &momentum, &nesterov, &decay, &clip),
      9);
  const ht_optimizer_kind *k = ht_optimizer_find(kind);
  ht_hyper h = k->defaults;
  if (lr >= 0) h.lr = lr;
  if (momentum >= 0) h.momentum = momentum;
  if (decay >= 0) h.weight_decay = decay;
  h.nesterov = nesterov > 0;
  problem p = {.dtype = strcmp(dtype, "float64") ? HT_FLOAT : HT_DOUBLE,
               .rows = rows,
               .loss = ht_loss_find("softmax"),
               .clip_norm = clip > 0 ? clip : 0};
  build(&n, &p);
  OK(ht_optimizer_new(k, &h, &n.o));
  add_variables(&n, h.lr);
  check_training(name, &n, &p);
  close_net(&n);
  return true;
}

static bool run_loss(void) {
  char name[64];
  double smoothing;
  int weights;
  net n;
  if (!next_word("loss")) return false;
  ck_assert_int_eq(fscanf(file, "%63s %lf %d", name, &smoothing, &weights), 3);
  problem p = {.dtype = HT_FLOAT,
               .loss = ht_loss_find(name),
               .smoothing = smoothing,
               .weights = weights};
  const ht_optimizer_kind *k = ht_optimizer_find("sgd");
  ht_hyper h = k->defaults;
  h.lr = 0.1;
  build(&n, &p);
  OK(ht_optimizer_new(k, &h, &n.o));
  add_variables(&n, h.lr);
  check_training(name, &n, &p);
  close_net(&n);
  return true;
}

START_TEST(ten_steps_of_each_optimizer_and_loss_equal_those_of_keras) {
  int cases = 0, losses = 0;
  read_problem();
  while (run_case()) cases++;
  while (run_loss()) losses++;
  ck_assert_int_eq(cases, 32);
  ck_assert_int_eq(losses, 8);
  ck_assert_int_eq(fgetc(file), '\n');
  fclose(file);
}
END_TEST

static void add(TCase *c) {
  tcase_add_test(c, ten_steps_of_each_optimizer_and_loss_equal_those_of_keras);
}

int main(void) { return test_main("train_golden", add); }
