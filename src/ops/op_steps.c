/*
 * op_steps.c - steps of optimizers on variables and their slots, as modules
 * hold them that train themselves (core/kernels/training_ops.cc of TensorFlow
 * states the order of the arithmetic). Computed in double.
 */
#include <math.h>
#include <string.h>

#include "ops/op.h"

/* x: the variable's element, then its slots'; p: the scalars in order. */
typedef void step_fn(const double *p, bool option, double g, double *x);

static void adam(const double *p, bool nesterov, double g, double *x) {
  double b1 = p[3], b2 = p[4];
  double alpha = p[2] * sqrt(1 - p[1]) / (1 - p[0]);
  x[1] += (g - x[1]) * (1 - b1);
  x[2] += (g * g - x[2]) * (1 - b2);
  double m = nesterov ? g * (1 - b1) + b1 * x[1] : x[1];
  x[0] -= m * alpha / (sqrt(x[2]) + p[5]);
}

static void momentum(const double *p, bool nesterov, double g, double *x) {
  x[1] = x[1] * p[1] + g;
  x[0] -= nesterov ? g * p[0] + x[1] * p[1] * p[0] : x[1] * p[0];
}

static void keras_momentum(const double *p, bool nesterov, double g,
                           double *x) {
  x[1] = x[1] * p[1] - g * p[0];
  x[0] += nesterov ? x[1] * p[1] - g * p[0] : x[1];
}

static void adagrad(const double *p, bool update, double g, double *x) {
  if (update) x[1] += g * g;
  x[0] -= p[0] * g / sqrt(x[1]);
}

static void adagrad_v2(const double *p, bool update, double g, double *x) {
  if (update) x[1] += g * g;
  x[0] -= p[0] * g / (sqrt(x[1]) + p[1]);
}

static void rmsprop(const double *p, bool option, double g, double *x) {
  (void)option;
  x[1] += (g * g - x[1]) * (1 - p[1]);
  x[2] = x[2] * p[2] + g * p[0] / sqrt(x[1] + p[3]);
  x[0] -= x[2];
}

static void centered(const double *p, bool option, double g, double *x) {
  (void)option;
  x[1] += (g - x[1]) * (1 - p[1]);
  x[2] += (g * g - x[2]) * (1 - p[1]);
  x[3] = x[3] * p[2] + g * p[0] / sqrt(x[2] - x[1] * x[1] + p[3]);
  x[0] -= x[3];
}

/* Where inputs stand: variables first, the gradient, row numbers (0: none);
 * scalars are the rest. */
typedef struct rule {
  const char *name; /* of the op */
  step_fn *step;
  int variables, gradient, indices;
  const char *option; /* an attribute, NULL: none */
} rule;

#define NESTEROV "use_nesterov"
#define UPDATE "update_slots"
static const rule rules[] = {
    {"ResourceApplyAdam", adam, 3, 9, 0, NESTEROV},
    {"ResourceApplyMomentum", momentum, 2, 3, 0, NESTEROV},
    {"ResourceApplyKerasMomentum", keras_momentum, 2, 3, 0, NESTEROV},
    {"ResourceApplyAdagrad", adagrad, 2, 3, 0, UPDATE},
    {"ResourceApplyAdagradV2", adagrad_v2, 2, 4, 0, UPDATE},
    {"ResourceApplyRMSProp", rmsprop, 3, 7, 0, NULL},
    {"ResourceApplyCenteredRMSProp", centered, 4, 8, 0, NULL},
    {"ResourceSparseApplyMomentum", momentum, 2, 3, 4, NESTEROV},
    {"ResourceSparseApplyKerasMomentum", keras_momentum, 2, 3, 4, NESTEROV},
    {"ResourceSparseApplyAdagrad", adagrad, 2, 3, 4, UPDATE},
    {"ResourceSparseApplyAdagradV2", adagrad_v2, 2, 4, 5, UPDATE},
    {"ResourceSparseApplyRMSProp", rmsprop, 3, 7, 8, NULL},
    {"ResourceSparseApplyCenteredRMSProp", centered, 4, 8, 9, NULL},
};

static const rule *rule_of(const char *name) {
  size_t i = 0;
  while (strcmp(rules[i].name, name) != 0) i++;
  return &rules[i];
}

enum { MOST_VARIABLES = 4, MOST_SCALARS = 8 };

typedef struct stage {
  const rule *r;
  ht_variable *variable[MOST_VARIABLES];
  ht_tensor x[MOST_VARIABLES]; /* copies, to be assigned */
  double p[MOST_SCALARS];
  bool option;
  int64_t row; /* elements of one */
} stage;

static double get(const ht_tensor *t, int64_t i) {
  return t->dtype == HT_FLOAT ? (double)ht_f(t)[i] : HT_DATA(double, t)[i];
}

static void set(ht_tensor *t, int64_t i, double v) {
  if (t->dtype == HT_FLOAT)
    ht_f(t)[i] = (float)v;
  else
    HT_DATA(double, t)[i] = v;
}

/* Elements at.. of the variables by those from.. of the gradient. */
static void step_row(stage *s, const ht_tensor *g, int64_t at, int64_t from) {
  double x[MOST_VARIABLES];
  for (int64_t i = 0; i < s->row; i++) {
    for (int k = 0; k < s->r->variables; k++) x[k] = get(&s->x[k], at + i);
    s->r->step(s->p, s->option, get(g, from + i), x);
    for (int k = 0; k < s->r->variables; k++) set(&s->x[k], at + i, x[k]);
  }
}

static ht_status copy_variables(ht_call *c, stage *s) {
  ht_dtype t = c->in[s->r->gradient]->dtype;
  if (t != HT_FLOAT && t != HT_DOUBLE) return ht_no_dtype(c, t);
  for (int k = 0; k < s->r->variables; k++) {
    ht_tensor now = {0};
    HT_TRY(ht_variable_input(c, k, &s->variable[k]));
    HT_TRY(ht_variable_read(s->variable[k], &now));
    ht_status st = ht_tensor_copy(c->run->pool, &now, &s->x[k]);
    ht_tensor_drop(&now);
    HT_TRY(st);
    if (s->x[k].dtype != t || !ht_shape_equal(&s->x[k].shape, &s->x[0].shape))
      return ht_fail(HT_USAGE, "op '%s': variables do not agree", c->op->name);
  }
  return HT_SUCCESS;
}

static ht_status read_scalars(const ht_call *c, stage *s) {
  int n = 0;
  for (int i = s->r->variables; i < c->n_in; i++) {
    if (i == s->r->gradient || (s->r->indices && i == s->r->indices)) continue;
    HT_TRY(ht_need_scalar(c, i));
    HT_TRY(ht_need_dtype(c, i, s->x[0].dtype));
    s->p[n++] = get(c->in[i], 0);
  }
  s->option = s->r->option && ht_attr_bool(c->attrs, s->r->option);
  return HT_SUCCESS;
}

static ht_status disagree(const ht_call *c) {
  return ht_fail(HT_USAGE, "op '%s': variable and gradient do not agree",
                 c->op->name);
}

static ht_status step_rows(ht_call *c, stage *s) {
  const ht_tensor *g = c->in[s->r->gradient], *at = c->in[s->r->indices];
  ht_shape whole = s->x[0].shape;
  int64_t n = ht_count(at);
  if (at->shape.rank != 1 || whole.rank < 1 ||
      (at->dtype != HT_INT32 && at->dtype != HT_INT64))
    return disagree(c);
  int64_t rows = whole.dim[0];
  whole.dim[0] = n;
  if (!ht_shape_equal(&whole, &g->shape)) return disagree(c);
  s->row = n ? ht_count(g) / n : 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = ht_int_at(at, i);
    if (k < 0 || k >= rows)
      return ht_fail(HT_USAGE, "op '%s': row %lld of %lld", c->op->name,
                     (long long)k, (long long)rows);
    step_row(s, g, k * s->row, i * s->row);
  }
  return HT_SUCCESS;
}

static ht_status step_all(ht_call *c, stage *s) {
  const ht_tensor *g = c->in[s->r->gradient];
  if (!ht_shape_equal(&s->x[0].shape, &g->shape)) return disagree(c);
  s->row = ht_count(g);
  step_row(s, g, 0, 0);
  return HT_SUCCESS;
}

static ht_status apply_forward(ht_call *c) {
  stage s = {.r = rule_of(c->op->name)};
  ht_status st = copy_variables(c, &s);
  if (st.code == HT_OK) st = read_scalars(c, &s);
  if (st.code == HT_OK) st = s.r->indices ? step_rows(c, &s) : step_all(c, &s);
  for (int k = 0; k < s.r->variables; k++) {
    if (st.code == HT_OK)
      st = ht_variable_assign(s.variable[k], &s.x[k], c->run->training);
    ht_tensor_drop(&s.x[k]);
  }
  return st;
}

#define STEP(name_, inputs_, attrs_, doc_)                              \
  {                                                                     \
    .name = name_, .inputs = inputs_, .outputs = "", .attrs = attrs_,   \
    .doc = doc_, .samples = "@variables_step_as_tensorflow_steps_them", \
    .forward = apply_forward, .gradient = ht_no_gradient,               \
    .flags = HT_OP_STATEFUL                                             \
  }
#define DENSE "T:type use_locking:bool=false"
#define SPARSE "T:type Tindices:type use_locking:bool=false"
#define N " use_nesterov:bool=false"
#define U " update_slots:bool=true"
#define VAR "var:resource accum:resource "
#define RMS "var:resource ms:resource mom:resource " RATES
#define CENTERED "var:resource mg:resource ms:resource mom:resource " RATES
#define RATES "lr:T rho:T momentum:T epsilon:T grad:T"

const ht_op ht_ops_steps[] = {
    STEP("ResourceApplyAdam",
         "var:resource m:resource v:resource beta1_power:T beta2_power:T "
         "lr:T beta1:T beta2:T epsilon:T grad:T",
         DENSE N, "A step of Adam on a variable."),
    STEP("ResourceApplyMomentum", VAR "lr:T grad:T momentum:T", DENSE N,
         "A step with momentum on a variable."),
    STEP("ResourceApplyKerasMomentum", VAR "lr:T grad:T momentum:T", DENSE N,
         "A step with momentum on a variable, as Keras has it."),
    STEP("ResourceApplyAdagrad", VAR "lr:T grad:T", DENSE U,
         "A step of Adagrad on a variable."),
    STEP("ResourceApplyAdagradV2", VAR "lr:T epsilon:T grad:T", DENSE U,
         "A step of Adagrad on a variable."),
    STEP("ResourceApplyRMSProp", RMS, DENSE,
         "A step of RMSprop on a variable."),
    STEP("ResourceApplyCenteredRMSProp", CENTERED, DENSE,
         "A step of RMSprop by the variance on a variable."),
    STEP("ResourceSparseApplyMomentum",
         VAR "lr:T grad:T indices:Tindices momentum:T", SPARSE N,
         "A step with momentum on rows of a variable."),
    STEP("ResourceSparseApplyKerasMomentum",
         VAR "lr:T grad:T indices:Tindices momentum:T", SPARSE N,
         "A step with momentum on rows of a variable, as Keras has it."),
    STEP("ResourceSparseApplyAdagrad", VAR "lr:T grad:T indices:Tindices",
         SPARSE U, "A step of Adagrad on rows of a variable."),
    STEP("ResourceSparseApplyAdagradV2",
         VAR "lr:T epsilon:T grad:T indices:Tindices", SPARSE U,
         "A step of Adagrad on rows of a variable."),
    STEP("ResourceSparseApplyRMSProp", RMS " indices:Tindices", SPARSE,
         "A step of RMSprop on rows of a variable."),
    STEP("ResourceSparseApplyCenteredRMSProp", CENTERED " indices:Tindices",
         SPARSE, "A step of RMSprop by the variance on rows of a variable."),
    {0},
};
