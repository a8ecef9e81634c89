/*
 * optimizer.h - the update rules, a row each, and the optimizer that applies
 * one of them to a set of variables.
 *
 * Formulas and defaults are those of Keras 2.15 (keras/src/optimizers), with
 * weight decay decoupled (w -= lr decay w before the update, biases
 * included) for every optimizer. Variables are float or double, and so are
 * their slots and the arithmetic of their updates.
 */
#ifndef HT_OPTIM_OPTIMIZER_H
#define HT_OPTIM_OPTIMIZER_H

#include "autograd/tape.h"
#include "optim/lag.h"

/* Settings of an optimizer; those that a row does not read are ignored. */
typedef struct ht_hyper {
  double lr, weight_decay, epsilon;
  double momentum;     /* sgd, rmsprop */
  bool nesterov;       /* sgd */
  double beta1, beta2; /* adam, adamw */
  double rho;          /* rmsprop */
  double start;        /* adagrad: initial accumulator */
} ht_hyper;

/* The scalars of one step, rounded to the variable's type as by Keras. */
typedef struct ht_rule {
  double lr, weight_decay, epsilon;
  double scale; /* of the gradient: clipping */
  double momentum, rho, alpha;
  double rest1, rest2; /* 1 - beta1, 1 - beta2; 1 - rho */
  bool nesterov;
} ht_rule;

/* Updates n weights; m and v are the rule's slots, NULL where unused. All are
 * of the variable's type. */
typedef void ht_update_fn(const ht_rule *r, size_t n, void *w, void *m, void *v,
                          const void *g);

typedef struct ht_optimizer_kind {
  const char *name, *doc;
  const char *slot_m, *slot_v; /* Keras's names; NULL: never used */
  bool m_with_momentum;        /* slot_m is there only with momentum */
  ht_hyper defaults;
  ht_update_fn *update[2]; /* of float, of double: ht_update_of */
  /* How a row without gradient moves, and alpha of lag.h in a step. */
  ht_drift (*drift)(const ht_hyper *h);
  double (*alpha)(const ht_rule *r);
} ht_optimizer_kind;

const ht_optimizer_kind *ht_optimizer_find(const char *name);
const ht_optimizer_kind *ht_optimizer_all(int *n);

/* The scalars of step t (from 1) at learning rate lr for variables of dtype. */
void ht_rule_at(const ht_hyper *h, ht_dtype dtype, double lr, int64_t t,
                ht_rule *out);
ht_update_fn *ht_update_of(const ht_optimizer_kind *kind, ht_dtype dtype);
/* Weight decay alone: of variables that no gradient reaches. */
ht_update_fn *ht_decay_of(ht_dtype dtype);

/* A variable in training. */
typedef struct ht_tuned {
  ht_variable *variable;
  double lr;             /* of its group, before the schedule */
  ht_cotangent gradient; /* of this step; the optimizer drops it */
  ht_tensor m, v;        /* dense slots, HT_INVALID until needed */
  struct ht_rows *rows;  /* lazily updated rows, NULL: dense */
  bool reached;          /* a gradient has arrived at some step */
} ht_tuned;

typedef void ht_notice_fn(void *arg, const char *text);

typedef struct ht_optimizer {
  const ht_optimizer_kind *kind;
  ht_hyper hyper;
  ht_tuned *tuned;
  int n_tuned, capacity;
  int64_t step;  /* updates made */
  float *factor; /* of the schedule in steps 1 .. step */
  int64_t factor_capacity;
  ht_notice_fn *notice; /* says what the user should know; may be NULL */
  void *notice_arg;
} ht_optimizer;

ht_status ht_optimizer_new(const ht_optimizer_kind *kind, const ht_hyper *hyper,
                           ht_optimizer **out) HT_MUST_CHECK;
void ht_optimizer_free(ht_optimizer *o); /* variables keep their values */

/* Adds a float or double variable that has a value; lr as in ht_tuned. */
ht_status ht_optimizer_add(ht_optimizer *o, ht_variable *v,
                           double lr) HT_MUST_CHECK;

/*
 * One step: every variable's `gradient` (of whatever form; none counts as
 * zero) times `scale` is applied at lr times `factor`. A gradient that is rows
 * makes its variable lazily updated from then on (rows.h; not a double one,
 * which lag.h is not exact enough for); a dense one ends that. Repeated rows
 * must have been summed (ht_clip does).
 */
ht_status ht_optimizer_step(ht_optimizer *o, double factor,
                            double scale) HT_MUST_CHECK;

/* Whether the optimizer keeps an m, a v. */
bool ht_optimizer_has_m(const ht_optimizer *o);
bool ht_optimizer_has_v(const ht_optimizer *o);

/* Replays what steps 1 .. n did to the lags of a table at learning rate lr:
 * for tables whose rows come from a checkpoint. */
ht_status ht_optimizer_replay(const ht_optimizer *o, double lr,
                              ht_lag *lag) HT_MUST_CHECK;
/* The schedule's factors of the steps made, from a checkpoint. */
ht_status ht_optimizer_history(ht_optimizer *o, const float *factor,
                               int64_t n) HT_MUST_CHECK;
/* Dense slots of a variable, made where they are not. */
ht_status ht_tuned_slots(const ht_optimizer *o, ht_tuned *t) HT_MUST_CHECK;

#endif
