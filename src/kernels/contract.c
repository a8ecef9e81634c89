/* contract.c - sums of products over strided views, see contract.h. */
#include "kernels/contract.h"

#include <complex.h>

#include "base/parallel.h"
#include "kernels/real.h"

typedef struct job {
  const ht_contraction *c;
  const void *x, *y;
  void *z;
} job;

typedef struct place {
  int64_t x, y, z;
} place;

/* Where element k of axes from .. to-1 stands. */
static place place_of(const ht_contraction *c, int from, int to, int64_t k) {
  place p = {0};
  for (int i = to - 1; i >= from; k /= c->dim[i--]) {
    int64_t at = k % c->dim[i];
    p.x += at * c->x[i];
    p.y += at * c->y[i];
    p.z += at * c->z[i];
  }
  return p;
}

static int64_t count(const ht_contraction *c, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; i++) n *= c->dim[i];
  return n;
}

/* Sums run in SUM and are rounded to T once. */
#define CONTRACT(name, T, SUM, CONJ)                    \
  static void name(size_t from, size_t to, void *arg) { \
    const job *j = arg;                                 \
    const ht_contraction *c = j->c;                     \
    int64_t sums = count(c, c->n_out, c->n);            \
    for (size_t i = from; i < to; i++) {                \
      place out = place_of(c, 0, c->n_out, (int64_t)i); \
      SUM sum = 0;                                      \
      for (int64_t k = 0; k < sums; k++) {              \
        place in = place_of(c, c->n_out, c->n, k);      \
        SUM v = ((const T *)j->x)[out.x + in.x];        \
        if (j->y) {                                     \
          SUM w = ((const T *)j->y)[out.y + in.y];      \
          v *= c->conjugate ? CONJ(w) : w;              \
        }                                               \
        sum += v;                                       \
      }                                                 \
      ((T *)j->z)[out.z] = (T)sum;                      \
    }                                                   \
  }
CONTRACT(contract_32, uint32_t, uint32_t, )
CONTRACT(contract_64, uint64_t, uint64_t, )
CONTRACT(contract_c, float _Complex, double _Complex, conj)
CONTRACT(contract_z, double _Complex, double _Complex, conj)

static ht_range_fn *kernel_of(ht_dtype t) {
  switch (t) {
    case HT_INT32: return contract_32;
    case HT_INT64: return contract_64;
    case HT_COMPLEX64: return contract_c;
    case HT_COMPLEX128: return contract_z;
    default: return NULL;
  }
}

bool ht_contract_has(ht_dtype t) { return kernel_of(t) != NULL; }

void ht_contract(ht_dtype t, const ht_contraction *c, const void *x,
                 const void *y, void *z) {
  job j = {c, x, y, z};
  double each = 4.0 * (double)count(c, c->n_out, c->n) + 1;
  ht_parallel((size_t)count(c, 0, c->n_out), ht_grain(each), kernel_of(t), &j);
}
