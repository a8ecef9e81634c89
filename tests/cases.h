/* cases.h - what TensorFlow computed with a module of tests/models, in
 * tests/golden: inputs, outputs and the gradients of the sum of all float
 * outputs of each signature. */
#ifndef HT_TESTS_CASES_H
#define HT_TESTS_CASES_H

#include <math.h>

#include "autograd/tape.h"
#include "hub/model.h"
#include "test.h"

enum { MOST = 16, NAME = 128 };

typedef struct named {
  char name[NAME];
  ht_tensor value;
} named;

typedef struct golden_case {
  char name[NAME];
  named in[MOST], out[MOST], grad[MOST];
  int n_in, n_out, n_grad;
} golden_case;

/* ---- the file: "in|out|grad name dtype rank dims... values..." */

static inline void read_value(FILE *f, named *v) {
  char type[16];
  ht_shape s = {0};
  ck_assert_int_eq(fscanf(f, "%127s %15s %d", v->name, type, &s.rank), 3);
  ck_assert(s.rank <= HT_MAX_RANK);
  for (int i = 0; i < s.rank; i++) {
    long d;
    ck_assert_int_eq(fscanf(f, "%ld", &d), 1);
    s.dim[i] = d;
  }
  ht_dtype dtype = *type == 'f' ? HT_FLOAT : *type == 'b' ? HT_BOOL : HT_INT32;
  OK(ht_tensor_new(NULL, dtype, &s, &v->value));
  for (int64_t i = 0; i < ht_count(&v->value); i++) {
    double x;
    ck_assert_int_eq(fscanf(f, "%lf", &x), 1);
    if (dtype == HT_FLOAT) ht_f(&v->value)[i] = (float)x;
    if (dtype == HT_INT32) ht_i32(&v->value)[i] = (int32_t)x;
    if (dtype == HT_BOOL) ht_bool(&v->value)[i] = x != 0;
  }
}

static inline bool read_case(FILE *f, golden_case *c) {
  char word[NAME];
  memset(c, 0, sizeof *c);
  if (fscanf(f, "%127s %127s", word, c->name) != 2) return false;
  ck_assert_str_eq(word, "case");
  while (fscanf(f, "%127s", word) == 1 && strcmp(word, "end")) {
    named *v = strcmp(word, "in") == 0    ? &c->in[c->n_in++]
               : strcmp(word, "out") == 0 ? &c->out[c->n_out++]
                                          : &c->grad[c->n_grad++];
    ck_assert(c->n_in < MOST && c->n_out < MOST && c->n_grad < MOST);
    read_value(f, v);
  }
  return true;
}

static inline void drop_all(named *v, int n) {
  for (int i = 0; i < n; i++) ht_tensor_drop(&v[i].value);
}

/* ---- checks */

static inline void same(const golden_case *c, const named *wanted,
                        const ht_tensor *found) {
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  const ht_tensor *w = &wanted->value;
  ck_assert_msg(
      w->dtype == found->dtype && ht_shape_equal(&w->shape, &found->shape),
      "%s, '%s': %s %s, wanted %s", c->name, wanted->name,
      ht_dtype_name(found->dtype), ht_shape_text(&found->shape, a),
      ht_shape_text(&w->shape, b));
  double scale = 0;
  for (int64_t i = 0; i < ht_count(w); i++)
    scale = fmax(scale, fabs(ht_real_at(w, i)));
  for (int64_t i = 0; i < ht_count(w); i++)
    ck_assert_msg(fabs(ht_real_at(w, i) - ht_real_at(found, i)) <= 1e-5 * scale,
                  "%s, '%s' %lld: %.9g, wanted %.9g", c->name, wanted->name,
                  (long long)i, ht_real_at(found, i), ht_real_at(w, i));
}

static inline const named *find(const named *v, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(v[i].name, name) == 0) return &v[i];
  return NULL;
}

/* Every variable: the gradient that is wanted, or none. */
static inline void check_gradients(const golden_case *c, const ht_model *m,
                                   ht_tape *tape) {
  int found = 0;
  for (int i = 0; i < m->store.n_variables; i++) {
    const ht_variable *v = m->store.variable[i];
    ht_cotangent g;
    char key[NAME];
    OK(ht_tape_gradient(tape, v, &g));
    snprintf(key, sizeof key, "%s", v->key ? v->key : v->name);
    const named *wanted = find(c->grad, c->n_grad, key);
    OK(ht_cotangent_dense(NULL, &g, &v->value.shape));
    if (wanted && g.dense.dtype) same(c, wanted, &g.dense);
    bool zero = !g.dense.dtype;
    for (int64_t k = 0; !zero && !wanted && k < ht_count(&g.dense); k++)
      ck_assert_msg(ht_real_at(&g.dense, k) == 0, "%s: gradient of '%s'",
                    c->name, key);
    for (int64_t k = 0; zero && wanted && k < ht_count(&wanted->value); k++)
      ck_assert_msg(ht_real_at(&wanted->value, k) == 0,
                    "%s: no gradient of '%s'", c->name, key);
    found += wanted != NULL;
    ht_cotangent_drop(&g);
  }
  ck_assert_int_eq(found, c->n_grad);
}

static inline void run_case(ht_model *m, const golden_case *c) {
  ht_call_choice choice = {.signature = c->name};
  const ht_callable *call;
  const ht_tensor *in[MOST] = {0};
  ht_tensor out[MOST];
  ht_plan *plan;
  int n = 0;
  OK(ht_model_choose(m, &choice, &call));
  for (int i = 0; i < call->body.n_args; i++) {
    if (call->capture && call->capture[i].dtype) continue;
    for (int k = 0; k < call->n_inputs; k++)
      if (call->input[k].index == i)
        in[n++] = &find(c->in, c->n_in, call->input[k].name)->value;
  }
  OK(ht_plan_new(&call->body, call->capture, &plan));
  ht_run r = ht_run_make(m->pool, &m->store, m->folder);
  ht_tape *tape = r.tape = ht_tape_new();
  for (int turn = 0; turn < 2; turn++) { /* a plan can be run again */
    ht_tape_reset(tape);
    OK(ht_plan_run(plan, &r, n, in, call->n_outputs, out));
    OK(ht_tape_backward(tape, &r, call->n_outputs, out, NULL));
    ck_assert_int_eq(call->n_outputs, c->n_out);
    for (int k = 0; k < call->n_outputs; k++) {
      const named *wanted = find(c->out, c->n_out, call->output[k].name);
      same(c, wanted, &out[call->output[k].index]);
      ht_tensor_drop(&out[call->output[k].index]);
    }
    check_gradients(c, m, tape);
  }
  ht_tape_free(tape);
  ht_plan_free(plan);
}

/* Runs the cases of a file whose names begin with `name`. */
static inline void run_cases(const char *module, const char *name, int wanted) {
  static golden_case c;
  char tests[1024], path[1100];
  ht_model *m;
  int n = 0;
  snprintf(path, sizeof path, "%s/models/%s", test_folder(tests), module);
  OK(ht_model_open(path, NULL, &m));
  for (int i = 0; i < m->store.n_variables; i++) {
    ht_variable *v = m->store.variable[i];
    v->tuned = v->trainable && ht_dtype_floating(v->dtype);
  }
  snprintf(path, sizeof path, "%s/golden/%s.txt", tests, module);
  FILE *f = fopen(path, "r");
  ck_assert_msg(f != NULL, "no %s", path);
  while (read_case(f, &c)) {
    bool meant = strncmp(c.name, name, strlen(name)) == 0;
    if (meant) run_case(m, &c);
    n += meant;
    drop_all(c.in, c.n_in);
    drop_all(c.out, c.n_out);
    drop_all(c.grad, c.n_grad);
  }
  fclose(f);
  ht_model_free(m);
  ck_assert_int_eq(n, wanted);
}

#endif
