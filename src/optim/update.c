/* update.c - the update rules, see optimizer.h. */
#include <math.h>
#include <string.h>

#include "kernels/real.h"
#include "optim/optimizer.h"

void ht_rule_at(const ht_hyper *h, double lr, int64_t t, ht_rule *out) {
  float power1 = powf((float)h->beta1, (float)t);
  float power2 = powf((float)h->beta2, (float)t);
  *out = (ht_rule){
      .lr = (float)lr,
      .weight_decay = (float)h->weight_decay,
      .epsilon = (float)h->epsilon,
      .scale = 1,
      .momentum = (float)h->momentum,
      .rho = (float)h->rho,
      .alpha = (float)lr * sqrtf(1 - power2) / (1 - power1),
      .rest1 = (float)(1 - h->beta1),
      .rest2 = (float)(1 - (h->rho > 0 ? h->rho : h->beta2)),
      .nesterov = h->nesterov,
  };
}

/* Keras: variable.assign_sub(variable * wd * lr), before the update. */
#define DECAYED(w) ((w) - (w)*decay * lr)
#define SCALARS(r) \
  const float lr = (r)->lr, decay = (r)->weight_decay, scale = (r)->scale

HT_WIDE static void sgd_plain(const ht_rule *r, size_t n, float *restrict w,
                              const float *restrict g) {
  SCALARS(r);
  for (size_t i = 0; i < n; i++) w[i] = DECAYED(w[i]) - g[i] * scale * lr;
}

HT_WIDE static void sgd_momentum(const ht_rule *r, size_t n, float *restrict w,
                                 float *restrict m, const float *restrict g) {
  SCALARS(r);
  const float momentum = r->momentum;
  for (size_t i = 0; i < n; i++) {
    m[i] = m[i] * momentum - g[i] * scale * lr;
    w[i] = DECAYED(w[i]) + m[i];
  }
}

HT_WIDE static void sgd_nesterov(const ht_rule *r, size_t n, float *restrict w,
                                 float *restrict m, const float *restrict g) {
  SCALARS(r);
  const float momentum = r->momentum;
  for (size_t i = 0; i < n; i++) {
    float move = g[i] * scale * lr;
    m[i] = m[i] * momentum - move;
    w[i] = DECAYED(w[i]) + (m[i] * momentum - move);
  }
}

/* m = momentum m - lr g; w += m, or Nesterov's w += momentum m - lr g. */
static void sgd(const ht_rule *r, size_t n, float *w, float *m, float *v,
                const float *g) {
  (void)v;
  if (!m)
    sgd_plain(r, n, w, g);
  else if (r->nesterov)
    sgd_nesterov(r, n, w, m, g);
  else
    sgd_momentum(r, n, w, m, g);
}

/* m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2);
 * w -= alpha m / (sqrt(v) + epsilon),
 * alpha = lr sqrt(1 - beta2^t) / (1 - beta1^t): Kingma and Ba's epsilon hat. */
HT_WIDE static void adam(const ht_rule *r, size_t n, float *restrict w,
                         float *restrict m, float *restrict v,
                         const float *restrict g) {
  SCALARS(r);
  const float rest1 = r->rest1, rest2 = r->rest2;
  const float alpha = r->alpha, epsilon = r->epsilon;
  for (size_t i = 0; i < n; i++) {
    float x = g[i] * scale;
    m[i] += (x - m[i]) * rest1;
    v[i] += (x * x - v[i]) * rest2;
    w[i] = DECAYED(w[i]) - (m[i] * alpha) / (sqrtf(v[i]) + epsilon);
  }
}

/* v += g^2; w -= lr g / sqrt(v + epsilon). */
HT_WIDE static void adagrad(const ht_rule *r, size_t n, float *restrict w,
                            float *restrict m, float *restrict v,
                            const float *restrict g) {
  (void)m;
  SCALARS(r);
  const float epsilon = r->epsilon;
  for (size_t i = 0; i < n; i++) {
    float x = g[i] * scale;
    v[i] += x * x;
    w[i] = DECAYED(w[i]) - lr * x / sqrtf(v[i] + epsilon);
  }
}

HT_WIDE static void rmsprop_plain(const ht_rule *r, size_t n, float *restrict w,
                                  float *restrict v, const float *restrict g) {
  SCALARS(r);
  const float rho = r->rho, rest = r->rest2, epsilon = r->epsilon;
  for (size_t i = 0; i < n; i++) {
    float x = g[i] * scale;
    v[i] = rho * v[i] + rest * (x * x);
    w[i] = DECAYED(w[i]) - lr * x / sqrtf(v[i] + epsilon);
  }
}

HT_WIDE static void rmsprop_momentum(const ht_rule *r, size_t n,
                                     float *restrict w, float *restrict m,
                                     float *restrict v,
                                     const float *restrict g) {
  SCALARS(r);
  const float rho = r->rho, rest = r->rest2, epsilon = r->epsilon;
  const float momentum = r->momentum;
  for (size_t i = 0; i < n; i++) {
    float x = g[i] * scale;
    v[i] = rho * v[i] + rest * (x * x);
    m[i] = momentum * m[i] + lr * x / sqrtf(v[i] + epsilon);
    w[i] = DECAYED(w[i]) - m[i];
  }
}

/* v = rho v + (1 - rho) g^2; d = lr g / sqrt(v + epsilon);
 * w -= d, or with momentum m = momentum m + d, w -= m. */
static void rmsprop(const ht_rule *r, size_t n, float *w, float *m, float *v,
                    const float *g) {
  if (m)
    rmsprop_momentum(r, n, w, m, v, g);
  else
    rmsprop_plain(r, n, w, v, g);
}

/* ---- without a gradient. The decay rates are those that floats make. */

static ht_drift sgd_drift(const ht_hyper *h) {
  return (ht_drift){.beta = (float)h->momentum, .beta_v = 1};
}

static double sgd_alpha(const ht_rule *r) {
  return r->nesterov ? -(double)r->momentum : -1;
}

static ht_drift adam_drift(const ht_hyper *h) {
  return (ht_drift){
      .beta = 1 - (double)(float)(1 - h->beta1),
      .beta_v = 1 - (double)(float)(1 - h->beta2),
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
  return (ht_drift){.beta = (float)h->momentum, .beta_v = (float)h->rho};
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
        .update = sgd,
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
        .update = adam,
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
        .update = adam,
        .drift = adam_drift,
        .alpha = adam_alpha,
    },
    {
        .name = "adagrad",
        .doc = "Adagrad (Duchi et al. 2011).",
        .slot_v = "accumulator",
        .defaults = {.lr = 0.001, .epsilon = 1e-7, .start = 0.1},
        .update = adagrad,
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
        .update = rmsprop,
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
