/* test_steps.c - steps of optimizers as ops: the numbers are those of
 * TensorFlow 2.15 for the variable, slots and gradients here. */
#include <math.h>

#include "ops/op.h"
#include "test.h"

enum { ELEMENTS = 6, MOST = 4 };

typedef struct wanted {
  const char *op, *attrs;
  int variables;
  float value[MOST * ELEMENTS]; /* variable, then slots, after the step */
} wanted;

static const wanted cases[] = {
    {"ResourceApplyAdam",
     "use_nesterov=false",
     3,
     {0.489590943f, -0.260340095f, 0.987031102f, 1.98557484f, -1.01153314f,
      0.735413551f, 0.280000001f, 0.294999987f, 0.390000015f, 0.454999983f,
      0.379999965f, 0.5f, 0.399610013f, 0.449589998f, 0.499590009f,
      0.549700022f, 0.599890053f, 0.649352491f}},
    {"ResourceApplyMomentum",
     "use_nesterov=false",
     2,
     {0.463f, -0.261500001f, 0.934000015f, 1.9095f, -0.975000024f, 0.695500016f,
      0.370000005f, 0.114999995f, 0.659999967f, 0.904999971f, -0.25f,
      0.545000017f}},
    {"ResourceApplyKerasMomentum",
     "use_nesterov=false",
     2,
     {0.75999999f, 0.0850000083f, 1.32999992f, 2.35500002f, -0.480000019f,
      1.24000001f, 0.26000002f, 0.335000008f, 0.329999983f, 0.354999959f,
      0.519999981f, 0.49000001f}},
    {"ResourceSparseApplyMomentum",
     "use_nesterov=false",
     2,
     {0.542999983f, -0.286500007f, 1, 2, -1.16250002f, 0.550949991f,
      -0.429999977f, 0.36500001f, 0.400000006f, 0.449999988f, 0.87499994f,
      0.995500028f}},
    {"ResourceSparseApplyKerasMomentum",
     "use_nesterov=false",
     2,
     {0.840000033f, 0.0600000024f, 1, 2, -0.222000062f, 1.58549988f,
      0.340000004f, 0.310000002f, 0.400000006f, 0.449999988f, 0.35799998f,
      0.390499979f}},
    {"ResourceApplyAdagrad",
     "update_slots=false",
     2,
     {0.481742591f, -0.216193825f, 0.952565849f, 1.92546439f, -0.90100503f,
      0.743257999f, 0.300000012f, 0.349999994f, 0.400000006f, 0.449999988f,
      0.5f, 0.550000012f}},
    {"ResourceApplyAdagradV2",
     "update_slots=false",
     2,
     {0.48177585f, -0.216250867f, 0.952640712f, 1.92557538f, -0.901144862f,
      0.743267059f, 0.300000012f, 0.349999994f, 0.400000006f, 0.449999988f,
      0.5f, 0.550000012f}},
    {"ResourceSparseApplyAdagrad",
     "update_slots=false",
     2,
     {0.627801895f, -0.258451551f, 1, 2, -1.07071066f, 0.669095993f,
      0.300000012f, 0.349999994f, 0.400000006f, 0.449999988f, 0.5f,
      0.550000012f}},
    {"ResourceSparseApplyAdagradV2",
     "update_slots=false",
     2,
     {0.62756902f, -0.258437276f, 1, 2, -1.07061088f, 0.66920501f, 0.300000012f,
      0.349999994f, 0.400000006f, 0.449999988f, 0.5f, 0.550000012f}},
    {"ResourceApplyAdam",
     "use_nesterov=true",
     3,
     {0.490260094f, -0.258605063f, 0.987330377f, 1.98543215f, -1.00825524f,
      0.736726344f, 0.280000001f, 0.294999987f, 0.390000015f, 0.454999983f,
      0.379999965f, 0.5f, 0.399610013f, 0.449589998f, 0.499590009f,
      0.549700022f, 0.599890053f, 0.649352491f}},
    {"ResourceApplyMomentum",
     "use_nesterov=true",
     2,
     {0.456699997f, -0.240349993f, 0.910600007f, 1.86855006f, -0.907500029f,
      0.695950031f, 0.370000005f, 0.114999995f, 0.659999967f, 0.904999971f,
      -0.25f, 0.545000017f}},
    {"ResourceApplyKerasMomentum",
     "use_nesterov=true",
     2,
     {0.723999977f, 0.0715000033f, 1.26699996f, 2.26950002f, -0.462000012f,
      1.18599999f, 0.26000002f, 0.335000008f, 0.329999983f, 0.354999959f,
      0.519999981f, 0.49000001f}},
    {"ResourceSparseApplyMomentum",
     "use_nesterov=true",
     2,
     {0.608699977f, -0.287849993f, 1, 2, -1.19624996f, 0.510855019f,
      -0.429999977f, 0.36500001f, 0.400000006f, 0.449999988f, 0.87499994f,
      0.995500028f}},
    {"ResourceSparseApplyKerasMomentum",
     "use_nesterov=true",
     2,
     {0.875999987f, 0.023999989f, 1, 2, -0.34980005f, 1.44194996f, 0.340000004f,
      0.310000002f, 0.400000006f, 0.449999988f, 0.35799998f, 0.390499979f}},
    {"ResourceApplyAdagrad",
     "update_slots=true",
     2,
     {0.482039481f, -0.217974365f, 0.95714283f, 1.9402386f, -0.929647326f,
      0.743273258f, 0.310000002f, 0.389999986f, 0.49000001f, 0.699999988f,
      0.99000001f, 0.55250001f}},
    {"ResourceApplyAdagradV2",
     "update_slots=true",
     2,
     {0.482071668f, -0.218025565f, 0.957203984f, 1.94030988f, -0.929718018f,
      0.743282318f, 0.310000002f, 0.389999986f, 0.49000001f, 0.699999988f,
      0.99000001f, 0.55250001f}},
    {"ResourceSparseApplyAdagrad",
     "update_slots=true",
     2,
     {0.578756154f, -0.25842151f, 1, 2, -1.06425428f, 0.682987154f,
      0.789999962f, 0.352499992f, 0.400000006f, 0.449999988f, 0.630000055f,
      0.810000002f}},
    {"ResourceSparseApplyAdagradV2",
     "update_slots=true",
     2,
     {0.578667641f, -0.258407354f, 1, 2, -1.06417179f, 0.683061898f,
      0.789999962f, 0.352499992f, 0.400000006f, 0.449999988f, 0.630000055f,
      0.810000002f}},
    {"ResourceApplyRMSProp",
     "",
     3,
     {0.280825853f, -0.439644635f, 0.700680315f, 1.64883924f, -1.2010051f,
      0.417902291f, 0.270999998f, 0.318999976f, 0.368999988f, 0.429999977f,
      0.498999983f, 0.495249987f, 0.219174132f, 0.18964465f, 0.299319685f,
      0.351160794f, 0.201005071f, 0.332097709f}},
    {"ResourceSparseApplyRMSProp",
     "",
     3,
     {0.423743695f, -0.48389107f, 1, 2, -1.5472796f, 0.144007057f, 0.319000006f,
      0.315250009f, 0.400000006f, 0.449999988f, 0.417099983f, 0.468999952f,
      0.0762563124f, 0.233891085f, 0.5f, 0.550000012f, 0.203047022f,
      0.211721987f}},
    {"ResourceApplyCenteredRMSProp",
     "",
     4,
     {0.231222093f, -0.489807874f, 0.645934939f, 1.58576763f,  -1.24513626f,
      0.366377383f, 0.280000001f,  0.294999987f, 0.390000015f, 0.454999983f,
      0.379999965f, 0.5f,          0.361000001f, 0.408999979f, 0.458999991f,
      0.519999981f, 0.588999987f,  0.58524996f,  0.268777907f, 0.239807874f,
      0.354065031f, 0.414232373f,  0.245136231f, 0.383622617f}},
    {"ResourceSparseApplyCenteredRMSProp",
     "",
     4,
     {0.365079284f,
      -0.53407073f,
      1,
      2,
      -1.64143503f,
      0.0354091823f,
      0.199999988f,
      0.319999993f,
      0.400000006f,
      0.449999988f,
      0.451999992f,
      0.500500023f,
      0.408999979f,
      0.405249983f,
      0.5f,
      0.550000012f,
      0.498100013f,
      0.550000012f,
      0.134920701f,
      0.2840707f,
      0.600000024f,
      0.649999976f,
      0.238368824f,
      0.250358433f}},
};

static ht_tensor floats(int rank, const float *v) {
  ht_tensor t;
  ht_shape s = rank ? ht_shape_2(3, 2) : HT_SCALAR;
  OK(ht_tensor_new(NULL, HT_FLOAT, &s, &t));
  memcpy(t.data, v, ht_tensor_bytes(&t));
  return t;
}

/* Scalars of an op, in order; the gradient stands behind the first `before`. */
typedef struct scalars {
  const char *op; /* the end of its name */
  int before, n;
  float value[6];
} scalars;

static const scalars table[] = {
    {"ApplyAdam", 6, 6, {0.81f, 0.998f, 0.1f, 0.9f, 0.999f, 1e-3f}},
    {"Momentum", 1, 2, {0.1f, 0.9f}},
    {"Adagrad", 1, 1, {0.1f}},
    {"AdagradV2", 2, 2, {0.1f, 1e-3f}},
    {"RMSProp", 4, 4, {0.1f, 0.9f, 0.5f, 1e-3f}},
};

static const scalars *scalars_of(const char *op) {
  size_t n = strlen(op), i = 0;
  for (;; i++) {
    size_t k = strlen(table[i].op);
    if (n >= k && strcmp(op + n - k, table[i].op) == 0) return &table[i];
  }
}

typedef struct bench {
  ht_store store;
  ht_run run;
  ht_variable *v[MOST];
  ht_tensor in[16];
  int n;
} bench;

static void open_variables(bench *b, int n) {
  const float x[ELEMENTS] = {0.5f, -0.25f, 1, 2, -1, 0.75f};
  ht_shape s = ht_shape_2(3, 2), one = ht_shape_1(1);
  for (int k = 0; k < n; k++) {
    float slot[ELEMENTS];
    char name[] = {'v', (char)('0' + k), 0};
    for (int i = 0; i < ELEMENTS; i++)
      slot[i] = (float)(0.3 + 0.1 * (k - 1) + 0.05 * i);
    ht_tensor value = floats(2, k ? slot : x);
    OK(ht_store_add_variable(&b->store, name, name, HT_FLOAT, &s, &b->v[k]));
    OK(ht_variable_assign(b->v[k], &value, false));
    OK(ht_tensor_new(NULL, HT_RESOURCE, &one, &b->in[b->n]));
    ht_obj(&b->in[b->n++])[0] = ht_object_share(&b->v[k]->object);
  }
}

static void open_bench(bench *b, const wanted *w) {
  const float dense[] = {0.1f, -0.2f, 0.3f, 0.5f, -0.7f, 0.05f};
  const float rows[] = {0.3f, 0.5f, -0.7f, 0.05f, 0.2f, 0.1f};
  bool sparse = strstr(w->op, "Sparse") != NULL;
  const scalars *s = scalars_of(w->op);
  ht_shape three = ht_shape_1(3);
  *b = (bench){0};
  ht_store_init(&b->store);
  b->run.store = &b->store;
  open_variables(b, w->variables);
  for (int i = 0; i < s->before; i++) b->in[b->n++] = floats(0, &s->value[i]);
  b->in[b->n++] = floats(2, sparse ? rows : dense);
  if (sparse) {
    OK(ht_tensor_new(NULL, HT_INT32, &three, &b->in[b->n]));
    memcpy(b->in[b->n++].data, (int32_t[]){2, 0, 2}, 12);
  }
  for (int i = s->before; i < s->n; i++)
    b->in[b->n++] = floats(0, &s->value[i]);
}

static ht_status step(bench *b, const wanted *w) {
  const ht_tensor *in[16];
  for (int i = 0; i < b->n; i++) in[i] = &b->in[i];
  return ht_apply(&b->run, w->op, w->attrs, b->n, in, 0, NULL);
}

static void close_bench(bench *b) {
  for (int i = 0; i < b->n; i++) ht_tensor_drop(&b->in[i]);
  ht_store_free(&b->store);
}

START_TEST(variables_step_as_tensorflow_steps_them) {
  const wanted *w = &cases[_i];
  bench b;
  open_bench(&b, w);
  OK(step(&b, w));
  for (int k = 0; k < w->variables; k++)
    for (int i = 0; i < ELEMENTS; i++) {
      float found = ht_f(&b.v[k]->value)[i], want = w->value[k * ELEMENTS + i];
      ck_assert_msg(fabsf(found - want) <= 1e-5f * fabsf(want) + 1e-7f,
                    "%s %s: variable %d, element %d is %.9g, wanted %.9g",
                    w->op, w->attrs, k, i, (double)found, (double)want);
    }
  close_bench(&b);
}
END_TEST

START_TEST(a_row_outside_of_the_variable_changes_nothing) {
  bench b;
  const wanted *w = cases;
  while (!strstr(w->op, "Sparse")) w++;
  open_bench(&b, w);
  for (int i = 0; i < b.n; i++)
    if (b.in[i].dtype == HT_INT32) ht_i32(&b.in[i])[2] = 3;
  FAILS(step(&b, w), HT_USAGE, "row 3 of 3");
  ck_assert(ht_f(&b.v[0]->value)[0] == 0.5f);
  close_bench(&b);
}
END_TEST

static void add(TCase *tests) {
  int n = (int)(sizeof cases / sizeof *cases);
  tcase_add_loop_test(tests, variables_step_as_tensorflow_steps_them, 0, n);
  tcase_add_test(tests, a_row_outside_of_the_variable_changes_nothing);
}

int main(void) { return test_main("steps", add); }
