/* update.c - the update rules, see optimizer.h. */
#ifndef REAL
#include <math.h>
#include <string.h>

#include "kernels/real.h"
#include "optim/optimizer.h"

/* As a float. GCC 12 leaves out roundings of two numbers side by side that
 * go through no memory. */
static double single(double x) {
  volatile float y = (float)x;
  return (double)y;
}

#define DECAYED(w) ((w) - (w)*decay * lr)
#define SCALARS(r)                                         \
  const REAL lr = (REAL)(r)->lr, scale = (REAL)(r)->scale, \
             decay = (REAL)(r)->weight_decay

#define REAL float
#define NAME(x) x##_f
#define ROOT sqrtf
#define POWER powf
#include "optim/update.c"
#undef REAL
#undef NAME
#undef ROOT
#undef POWER
#define REAL double
#define NAME(x) x##_d
#define ROOT sqrt
#define POWER pow
#include "optim/update.c"
#undef REAL
#undef NAME

/* ---- without a gradient. The decay rates are those that floats make. */

static ht_drift sgd_drift(const ht_hyper *h) {
  return (ht_drift){.beta = single(h->momentum), .beta_v = 1};
}

static double sgd_alpha(const ht_rule *r) {
  return r->nesterov ? -(double)r->momentum : -1;
}

static ht_drift adam_drift(const ht_hyper *h) {
  return (ht_drift){
      .beta = 1 - single(1 - h->beta1),
      .beta_v = 1 - single(1 - h->beta2),
      .divided = true,
      .epsilon = h->epsilon,
  };
}

static double adam_alpha(const ht_rule *r) { return r->alpha; }

static ht_drift adagrad_drift(const ht_hyper *h) {
  (void)h;
  return (ht_drift){.beta_v = 1};
}

static double adagrad_alpha(const ht_rule *r) {
  (void)r;
  return 0;
}

static ht_drift rmsprop_drift(const ht_hyper *h) {
  return (ht_drift){.beta = single(h->momentum), .beta_v = single(h->rho)};
}

static double rmsprop_alpha(const ht_rule *r) {
  (void)r;
  return 1;
}

static const ht_optimizer_kind kinds[] = {
    {
        .name = "sgd",
        .doc = "Gradient descent, with momentum or Nesterov's.",
        .slot_m = "m",
        .m_with_momentum = true,
        .defaults = {.lr = 0.01},
        .update = {sgd_f, sgd_d},
        .drift = sgd_drift,
        .alpha = sgd_alpha,
    },
    {
        .name = "adam",
        .doc = "Adam (Kingma and Ba 2014).",
        .slot_m = "m",
        .slot_v = "v",
        .defaults =
            {.lr = 0.001, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
        .update = {adam_f, adam_d},
        .drift = adam_drift,
        .alpha = adam_alpha,
    },
    {
        .name = "adamw",
        .doc = "Adam with decoupled weight decay (Loshchilov and Hutter 2017).",
        .slot_m = "m",
        .slot_v = "v",
        .defaults = {.lr = 0.001,
                     .weight_decay = 0.004,
                     .beta1 = 0.9,
                     .beta2 = 0.999,
                     .epsilon = 1e-7},
        .update = {adam_f, adam_d},
        .drift = adam_drift,
        .alpha = adam_alpha,
    },
    {
        .name = "adagrad",
        .doc = "Adagrad (Duchi et al. 2011).",
        .slot_v = "accumulator",
        .defaults = {.lr = 0.001, .epsilon = 1e-7, .start = 0.1},
        .update = {adagrad_f, adagrad_d},
        .drift = adagrad_drift,
        .alpha = adagrad_alpha,
    },
    {
        .name = "rmsprop",
        .doc = "RMSprop (Hinton 2012), with or without momentum.",
        .slot_m = "momentum",
        .slot_v = "velocity",
        .m_with_momentum = true,
        .defaults = {.lr = 0.001, .rho = 0.9, .epsilon = 1e-7},
        .update = {rmsprop_f, rmsprop_d},
        .drift = rmsprop_drift,
        .alpha = rmsprop_alpha,
    },
};

const ht_optimizer_kind *ht_optimizer_all(int *n) {
  *n = (int)(sizeof kinds / sizeof *kinds);
  return kinds;
}

const ht_optimizer_kind *ht_optimizer_find(const char *name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
  return NULL;
}

/* ---- by dtype */

void ht_rule_at(const ht_hyper *h, ht_dtype dtype, double lr, int64_t t,
                ht_rule *out) {
  if (dtype == HT_DOUBLE)
    rule_at_d(h, lr, t, out);
  else
    rule_at_f(h, lr, t, out);
}

ht_update_fn *ht_update_of(const ht_optimizer_kind *kind, ht_dtype dtype) {
  return kind->update[dtype == HT_DOUBLE];
}

ht_update_fn *ht_decay_of(ht_dtype dtype) {
  return dtype == HT_DOUBLE ? decay_d : decay_f;
}

#else /* ---- the rules, for variables of REAL */

/* Where Keras casts a setting (tf.cast(self.beta_1, variable.dtype)), it is a
 * float first, also for variables of double; where it multiplies by it, not. */
static void NAME(rule_at)(const ht_hyper *h, double lr, int64_t t,
                          ht_rule *out) {
  REAL power1 = POWER((REAL)single(h->beta1), (REAL)t);
  REAL power2 = POWER((REAL)single(h->beta2), (REAL)t);
  *out = (ht_rule){
      .lr = single(lr),
      .weight_decay = single(h->weight_decay),
      .epsilon = (REAL)h->epsilon,
      .scale = 1,
      .momentum = (REAL)h->momentum,
      .rho = (REAL)h->rho,
      .alpha = (REAL)single(lr) * ROOT(1 - power2) / (1 - power1),
      .rest1 = (REAL)(1 - h->beta1),
      .rest2 = (REAL)(1 - (h->rho > 0 ? h->rho : h->beta2)),
      .nesterov = h->nesterov,
  };
}

/* Keras: variable.assign_sub(variable * wd * lr), before the update. */
HT_WIDE static void NAME(decay_wide)(const ht_rule *r, size_t n,
                                     REAL *restrict w) {
  SCALARS(r);
  (void)scale;
  for (size_t i = 0; i < n; i++) w[i] = DECAYED(w[i]);
}

static void NAME(decay)(const ht_rule *r, size_t n, void *w, void *m, void *v,
                        const void *g) {
  (void)m;
  (void)v;
  (void)g;
  NAME(decay_wide)(r, n, w);
}

HT_WIDE static void NAME(sgd_plain)(const ht_rule *r, size_t n,
                                    REAL *restrict w, const REAL *restrict g) {
  SCALARS(r);
  for (size_t i = 0; i < n; i++) w[i] = DECAYED(w[i]) - g[i] * scale * lr;
}

HT_WIDE static void NAME(sgd_momentum)(const ht_rule *r, size_t n,
                                       REAL *restrict w, REAL *restrict m,
                                       const REAL *restrict g) {
  SCALARS(r);
  const REAL momentum = (float)r->momentum;
  for (size_t i = 0; i < n; i++) {
    m[i] = m[i] * momentum - g[i] * scale * lr;
    w[i] = DECAYED(w[i]) + m[i];
  }
}

HT_WIDE static void NAME(sgd_nesterov)(const ht_rule *r, size_t n,
                                       REAL *restrict w, REAL *restrict m,
                                       const REAL *restrict g) {
  SCALARS(r);
  const REAL momentum = (float)r->momentum;
  for (size_t i = 0; i < n; i++) {
    REAL move = g[i] * scale * lr;
    m[i] = m[i] * momentum - move;
    w[i] = DECAYED(w[i]) + (m[i] * momentum - move);
  }
}

/* m = momentum m - lr g; w += m, or Nesterov's w += momentum m - lr g. */
static void NAME(sgd)(const ht_rule *r, size_t n, void *w, void *m, void *v,
                      const void *g) {
  (void)v;
  if (!m)
    NAME(sgd_plain)(r, n, w, g);
  else if (r->nesterov)
    NAME(sgd_nesterov)(r, n, w, m, g);
  else
    NAME(sgd_momentum)(r, n, w, m, g);
}

/* m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2);
 * w -= alpha m / (sqrt(v) + epsilon),
 * alpha = lr sqrt(1 - beta2^t) / (1 - beta1^t): Kingma and Ba's epsilon hat. */
HT_WIDE static void NAME(adam_wide)(const ht_rule *r, size_t n,
                                    REAL *restrict w, REAL *restrict m,
                                    REAL *restrict v, const REAL *restrict g) {
  SCALARS(r);
  const REAL rest1 = (REAL)r->rest1, rest2 = (REAL)r->rest2;
  const REAL alpha = (REAL)r->alpha, epsilon = (REAL)r->epsilon;
  for (size_t i = 0; i < n; i++) {
    REAL x = g[i] * scale;
    m[i] += (x - m[i]) * rest1;
    v[i] += (x * x - v[i]) * rest2;
    w[i] = DECAYED(w[i]) - (m[i] * alpha) / (ROOT(v[i]) + epsilon);
  }
}

static void NAME(adam)(const ht_rule *r, size_t n, void *w, void *m, void *v,
                       const void *g) {
  NAME(adam_wide)(r, n, w, m, v, g);
}

/* v += g^2; w -= lr g / sqrt(v + epsilon). */
HT_WIDE static void NAME(adagrad_wide)(const ht_rule *r, size_t n,
                                       REAL *restrict w, REAL *restrict v,
                                       const REAL *restrict g) {
  SCALARS(r);
  const REAL epsilon = (REAL)r->epsilon;
  for (size_t i = 0; i < n; i++) {
    REAL x = g[i] * scale;
    v[i] += x * x;
    w[i] = DECAYED(w[i]) - lr * x / ROOT(v[i] + epsilon);
  }
}

static void NAME(adagrad)(const ht_rule *r, size_t n, void *w, void *m, void *v,
                          const void *g) {
  (void)m;
  NAME(adagrad_wide)(r, n, w, v, g);
}

HT_WIDE static void NAME(rmsprop_plain)(const ht_rule *r, size_t n,
                                        REAL *restrict w, REAL *restrict v,
                                        const REAL *restrict g) {
  SCALARS(r);
  const REAL rho = (REAL)r->rho, rest = (REAL)r->rest2,
             epsilon = (REAL)r->epsilon;
  for (size_t i = 0; i < n; i++) {
    REAL x = g[i] * scale;
    v[i] = rho * v[i] + rest * (x * x);
    w[i] = DECAYED(w[i]) - lr * x / ROOT(v[i] + epsilon);
  }
}

HT_WIDE static void NAME(rmsprop_momentum)(const ht_rule *r, size_t n,
                                           REAL *restrict w, REAL *restrict m,
                                           REAL *restrict v,
                                           const REAL *restrict g) {
  SCALARS(r);
  const REAL rho = (REAL)r->rho, rest = (REAL)r->rest2,
             epsilon = (REAL)r->epsilon;
  const REAL momentum = (REAL)r->momentum;
  for (size_t i = 0; i < n; i++) {
    REAL x = g[i] * scale;
    v[i] = rho * v[i] + rest * (x * x);
    m[i] = momentum * m[i] + lr * x / ROOT(v[i] + epsilon);
    w[i] = DECAYED(w[i]) - m[i];
  }
}

/* v = rho v + (1 - rho) g^2; d = lr g / sqrt(v + epsilon);
 * w -= d, or with momentum m = momentum m + d, w -= m. */
static void NAME(rmsprop)(const ht_rule *r, size_t n, void *w, void *m, void *v,
                          const void *g) {
  if (m)
    NAME(rmsprop_momentum)(r, n, w, m, v, g);
  else
    NAME(rmsprop_plain)(r, n, w, v, g);
}

#endif
