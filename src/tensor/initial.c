/* initial.c - see initial.h. */
#include "tensor/initial.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* Inputs and outputs of a kernel [..., in, out], as Keras counts them: what
 * stands before the last two is a window. */
static void fans(const ht_tensor *t, double *in, double *out) {
  const ht_shape *s = &t->shape;
  double window = 1;
  for (int i = 0; i + 2 < s->rank; i++) window *= (double)s->dim[i];
  *out = s->rank ? (double)s->dim[s->rank - 1] : 1;
  *in = s->rank > 1 ? (double)s->dim[s->rank - 2] : *out;
  *in *= window;
  *out *= s->rank > 1 ? window : 1;
}

/* In [-limit, limit). */
static void uniform(ht_philox *g, ht_tensor *t, float limit) {
  int64_t n = ht_count(t);
  for (int64_t i = 0; i < n; i += 4) {
    uint32_t r[4];
    ht_philox_next(g, r);
    for (int64_t k = 0; k < 4 && i + k < n; k++)
      ht_f(t)[i + k] = limit * (2 * ht_uniform_float(r[k]) - 1);
  }
}

static void normal(ht_philox *g, ht_tensor *t, float deviation, float limit) {
  int64_t n = ht_count(t), i = 0;
  while (i < n) {
    uint32_t bits[4];
    float v[4];
    ht_philox_next(g, bits);
    ht_normal_pair(bits[0], bits[1], v);
    ht_normal_pair(bits[2], bits[3], v + 2);
    for (int k = 0; k < 4 && i < n; k++)
      if (fabsf(v[k]) <= limit) ht_f(t)[i++] = deviation * v[k];
  }
}

static void fill_zeros(ht_philox *g, ht_tensor *t) {
  (void)g;
  memset(t->data, 0, ht_tensor_bytes(t));
}

static void fill_ones(ht_philox *g, ht_tensor *t) {
  (void)g;
  for (int64_t i = 0; i < ht_count(t); i++) ht_f(t)[i] = 1;
}

/* Uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010). */
static void fill_glorot(ht_philox *g, ht_tensor *t) {
  double in, out;
  fans(t, &in, &out);
  uniform(g, t, (float)sqrt(6.0 / (in + out)));
}

/* Normal within two deviations, of variance 2 / in (He et al. 2015); the
 * constant is the deviation of what is left of the normal distribution. */
static void fill_he(ht_philox *g, ht_tensor *t) {
  double in, out;
  fans(t, &in, &out);
  normal(g, t, (float)(sqrt(2.0 / in) / 0.87962566103423978), 2);
}

static void fill_normal(ht_philox *g, ht_tensor *t) {
  normal(g, t, 0.05f, INFINITY);
}

static void fill_uniform(ht_philox *g, ht_tensor *t) { uniform(g, t, 0.05f); }

static const ht_initializer all[] = {
    {"zeros", fill_zeros},           {"ones", fill_ones},
    {"glorot_uniform", fill_glorot}, {"he_normal", fill_he},
    {"random_normal", fill_normal},  {"random_uniform", fill_uniform},
};
enum { N_ALL = sizeof all / sizeof *all };

const ht_initializer *ht_initializer_find(const char *name) {
  for (int i = 0; i < N_ALL; i++)
    if (strcmp(all[i].name, name) == 0) return &all[i];
  return NULL;
}

static ht_status unknown(const char *name) {
  ht_text list = {0};
  for (int i = 0; i < N_ALL; i++)
    ht_text_printf(&list, "%s%s", i ? ", " : "", all[i].name);
  ht_status st = ht_fail(HT_USAGE, "unknown initializer '%s': there are %s",
                         name, list.p ? list.p : "none");
  ht_text_free(&list);
  return st;
}

ht_status ht_initial_value(const char *name, ht_philox *g,
                           const ht_shape *shape, ht_tensor *out) {
  const ht_initializer *row = ht_initializer_find(name);
  if (!row) return unknown(name);
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, shape, out));
  row->fill(g, out);
  return HT_SUCCESS;
}
