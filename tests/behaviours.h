/* behaviours.h - what tests of tensorflow_hub's behaviours share: its modules
 * (tests/interop/make_behaviours.py), arrays, calls, numbers. */
#ifndef HT_TESTS_BEHAVIOURS_H
#define HT_TESTS_BEHAVIOURS_H

#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "hubtune.h"
#include "test.h"

static char folder[] = "/tmp/ht_behaviours_XXXXXX";

static inline const char *in_folder(const char *name) {
  static char path[4][300];
  static int k;
  k = (k + 1) % 4;
  snprintf(path[k], sizeof path[k], "%s/%s", folder, name);
  return path[k];
}

/* Where a module of make_behaviours.py is. */
static inline const char *behaviour(const char *name) {
  static char path[4][1200];
  static int k;
  char tests[1024];
  k = (k + 1) % 4;
  snprintf(path[k], sizeof path[k], "%s/models/behaviours/%s",
           test_folder(tests), name);
  return path[k];
}

static inline ht_module *open_tagged(const char *path, const char *tags) {
  ht_module *m;
  ht_module_options o = {.tags = tags};
  OK(ht_module_open(path, &o, &m));
  return m;
}

static inline ht_module *functions(void) {
  return open_tagged(behaviour("functions"), NULL);
}

/* ---- arrays */

static inline ht_array *array(ht_dtype dtype, int rank, const int64_t *dim,
                              const void *v) {
  ht_array *a;
  OK(ht_array_from(dtype, rank, dim, v, &a));
  return a;
}

/* A vector, and a number. */
#define FLOATS(...)                                                  \
  array(HT_FLOAT, 1,                                                 \
        (int64_t[]){sizeof((float[]){__VA_ARGS__}) / sizeof(float)}, \
        (float[]){__VA_ARGS__})
#define INTS(...)                                                        \
  array(HT_INT64, 1,                                                     \
        (int64_t[]){sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)}, \
        (int64_t[]){__VA_ARGS__})
#define FLOAT(x) array(HT_FLOAT, 0, NULL, (float[]){x})
/* [n, width] */
#define ROWS(n, width, ...) \
  array(HT_FLOAT, 2, (int64_t[]){n, width}, (float[]){__VA_ARGS__})

typedef struct fed {
  const char *name;
  ht_array *value;
} fed;

/* Takes over the arrays. */
static inline ht_arrays *set_of(int n, const fed *f) {
  ht_arrays *set;
  OK(ht_arrays_new(&set));
  for (int i = 0; i < n; i++) OK(ht_arrays_put(set, f[i].name, f[i].value));
  return set;
}
#define SET(...)                                            \
  set_of((int)(sizeof((fed[]){__VA_ARGS__}) / sizeof(fed)), \
         (fed[]){__VA_ARGS__})

static inline double at(const ht_arrays *set, const char *name, int64_t i) {
  const ht_array *a = ht_arrays_find(set, name);
  ck_assert_msg(a != NULL, "no array '%s'", name);
  ck_assert(i < ht_array_count(a));
  return ht_array_number(a, i);
}

#define NEAR(found, wanted)                                 \
  do {                                                      \
    double f_ = (found), w_ = (wanted);                     \
    ck_assert_msg(fabs(f_ - w_) <= 1e-5 * (1 + fabs(w_)),   \
                  "%s: %.9g, wanted %.9g", #found, f_, w_); \
  } while (0)

/* ---- calls */

/* Runs a signature of an open module on a set that it takes over. */
static inline ht_arrays *called(ht_module *m, const char *signature,
                                ht_arrays *in) {
  ht_choice choice = {.signature = signature};
  ht_function *f;
  ht_arrays *out;
  OK(ht_function_open(m, &choice, in, &f));
  OK(ht_function_run(f, in, &out));
  ht_function_free(f);
  ht_arrays_free(in);
  return out;
}

/* One number of one output. */
static inline double number(ht_module *m, const char *signature, ht_arrays *in,
                            const char *output, int64_t i) {
  ht_arrays *out = called(m, signature, in);
  double x = at(out, output, i);
  ht_arrays_free(out);
  return x;
}

static inline void refused(ht_module *m, const char *signature, ht_arrays *in,
                           const char *why) {
  ht_choice choice = {.signature = signature};
  ht_function *f;
  ht_arrays *out;
  OK(ht_function_open(m, &choice, in, &f));
  FAILS(ht_function_run(f, in, &out), HT_USAGE, why);
  ht_function_free(f);
  ht_arrays_free(in);
}

/* A net in which a signature is applied to inputs that are fed by its names;
 * as floats of the shapes that it declares. */
static inline ht_symbol applied(ht_net *net, ht_module *m,
                                const char *signature, int rank,
                                const int64_t *dim, ht_symbol *x) {
  ht_choice choice = {.signature = signature};
  *x = ht_net_input(net, "x", HT_FLOAT, rank, dim);
  return ht_net_apply(net, m, &choice, HT_NAMED({NULL, *x}));
}

static inline ht_arrays *evaluated(ht_net *net, int n_in, const ht_named *input,
                                   ht_symbol y, ht_arrays *in) {
  ht_function *f;
  ht_arrays *out;
  ht_named answer = {"y", y};
  OK(ht_net_function(net, n_in, input, 1, &answer, &f));
  OK(ht_function_run(f, in, &out));
  ht_function_free(f);
  ht_arrays_free(in);
  return out;
}

static inline double value_of(ht_net *net, const char *variable, int64_t i) {
  ht_array *a;
  OK(ht_net_value(net, variable, &a));
  double x = ht_array_number(a, i);
  ht_array_free(a);
  return x;
}

/* ---- numbers of TensorFlow: "name n values" */

static inline int golden(const char *wanted, double value[64]) {
  char path[1100], tests[1024], name[64];
  int n;
  snprintf(path, sizeof path, "%s/golden/behaviours.txt", test_folder(tests));
  FILE *f = fopen(path, "r");
  ck_assert_ptr_nonnull(f);
  while (fscanf(f, "%63s %d", name, &n) == 2) {
    ck_assert(n <= 64);
    for (int i = 0; i < n; i++) ck_assert(fscanf(f, "%lf", &value[i]) == 1);
    if (strcmp(name, wanted)) continue;
    fclose(f);
    return n;
  }
  ck_abort_msg("no numbers '%s'", wanted);
}

static inline void is_golden(ht_net *net, const char *variable,
                             const char *name) {
  double wanted[64];
  int n = golden(name, wanted);
  for (int i = 0; i < n; i++) NEAR(value_of(net, variable, i), wanted[i]);
}

/* ---- training: the mean square, by gradient descent */

static inline ht_trainer *descend(ht_net *net, int n_in, const ht_named *input,
                                  ht_symbol loss, const char *rate) {
  ht_trainer *t;
  OK(ht_trainer_new(net, n_in, input, loss, &t));
  OK(ht_trainer_set(t, "optimizer", "sgd"));
  OK(ht_trainer_set(t, "lr", rate));
  OK(ht_trainer_set(t, "module-lr", rate));
  return t;
}

static inline int main_of(const char *name, void (*add)(TCase *tests)) {
  if (!mkdtemp(folder)) return EXIT_FAILURE;
  int failed = test_main(name, add);
  ht_status st = ht_folder_remove(folder);
  return failed || st.code != HT_OK ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
