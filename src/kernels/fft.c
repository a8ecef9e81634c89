/*
 * fft.c - see fft.h. Lengths of small factors: the self-sorting algorithm
 * that is named after Stockham (Cochran et al., "What is the fast Fourier
 * transform?", Proc. IEEE 55, 1967), a stage per factor. Others: Bluestein's
 * ("A linear filtering approach to the computation of discrete Fourier
 * transform", IEEE Trans. AU 18, 1970), a convolution of a length that is a
 * power of two.
 */
#include "kernels/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/real.h"

typedef double _Complex number;

enum { MAX_FACTORS = 64, LARGEST = 31 }; /* factors above go to Bluestein */

struct ht_fft {
  int64_t n;
  int n_factors;
  int64_t factor[MAX_FACTORS];
  number *turn; /* [n] exp(-2 pi i k / n) */
  /* Bluestein: the transform of `wide` values, its chirp, and the transform
   * of the chirp's conjugate, divided by `wide`. */
  ht_fft *wide;
  number *chirp, *filter;
};

/* Without the library's care for infinities. */
static inline number times(number a, number b) {
  return CMPLX(creal(a) * creal(b) - cimag(a) * cimag(b),
               creal(a) * cimag(b) + cimag(a) * creal(b));
}

static number turn_of(int64_t k, int64_t n) {
  double angle = -2 * M_PI * (double)k / (double)n;
  return CMPLX(cos(angle), sin(angle));
}

/* Factors 4 first, then the primes; false where one is too large. */
static bool find_factors(ht_fft *f) {
  int64_t left = f->n;
  f->n_factors = 0;
  while (left % 4 == 0) f->factor[f->n_factors++] = 4, left /= 4;
  for (int64_t p = 2; p <= LARGEST && left > 1; p++)
    while (left % p == 0) f->factor[f->n_factors++] = p, left /= p;
  return left == 1;
}

/* ---- one stage: `lines` interleaved transforms of p * m values each */

typedef struct stage {
  const number *turn;
  int64_t n, p, m, lines;
} stage;

static void stage_2(const stage *s, const number *x, number *y) {
  int64_t l = s->lines;
  for (int64_t k = 0; k < s->m; k++) {
    number w = s->turn[k * l];
    const number *a = x + l * k, *b = a + l * s->m;
    number *out = y + l * 2 * k;
    for (int64_t q = 0; q < l; q++) {
      out[q] = a[q] + b[q];
      out[q + l] = times(a[q] - b[q], w);
    }
  }
}

static void stage_4(const stage *s, const number *x, number *y) {
  int64_t l = s->lines, step = l * s->m;
  for (int64_t k = 0; k < s->m; k++) {
    number w1 = s->turn[k * l], w2 = s->turn[2 * k * l];
    number w3 = s->turn[3 * k * l];
    const number *a = x + l * k;
    number *out = y + l * 4 * k;
    for (int64_t q = 0; q < l; q++) {
      number even = a[q] + a[q + 2 * step], odd = a[q + step] + a[q + 3 * step];
      number d = a[q] - a[q + 2 * step], e = a[q + step] - a[q + 3 * step];
      number turned = CMPLX(cimag(e), -creal(e));
      out[q] = even + odd;
      out[q + l] = times(d + turned, w1);
      out[q + 2 * l] = times(even - odd, w2);
      out[q + 3 * l] = times(d - turned, w3);
    }
  }
}

/* Any small factor, by its definition. */
static void stage_any(const stage *s, const number *x, number *y) {
  int64_t l = s->lines, p = s->p, across = s->n / p;
  for (int64_t k = 0; k < s->m; k++)
    for (int64_t t = 0; t < p; t++) {
      number w = s->turn[k * t * l];
      number *out = y + l * (p * k + t);
      for (int64_t q = 0; q < l; q++) {
        number sum = 0;
        for (int64_t r = 0; r < p; r++)
          sum += times(x[q + l * (k + s->m * r)], s->turn[r * t % p * across]);
        out[q] = times(sum, w);
      }
    }
}

HT_WIDE static void run_stages(const ht_fft *f, number *x, number *room) {
  number *from = x, *to = room;
  stage s = {.turn = f->turn, .n = f->n, .m = f->n, .lines = 1};
  for (int i = 0; i < f->n_factors; i++) {
    s.p = f->factor[i];
    s.m /= s.p;
    if (s.p == 2)
      stage_2(&s, from, to);
    else if (s.p == 4)
      stage_4(&s, from, to);
    else
      stage_any(&s, from, to);
    s.lines *= s.p;
    number *other = from;
    from = to;
    to = other;
  }
  if (from != x) memcpy(x, from, (size_t)f->n * sizeof *x);
}

/* ---- Bluestein */

static void conjugate(int64_t n, number *x) {
  for (int64_t i = 0; i < n; i++) x[i] = conj(x[i]);
}

static void run_chirp(const ht_fft *f, number *x, number *room) {
  const ht_fft *w = f->wide;
  number *a = room, *rest = room + w->n;
  for (int64_t i = 0; i < f->n; i++) a[i] = times(x[i], f->chirp[i]);
  memset(a + f->n, 0, (size_t)(w->n - f->n) * sizeof *a);
  run_stages(w, a, rest);
  for (int64_t i = 0; i < w->n; i++) a[i] = conj(times(a[i], f->filter[i]));
  run_stages(w, a, rest);
  for (int64_t i = 0; i < f->n; i++) x[i] = times(conj(a[i]), f->chirp[i]);
}

/* exp(-pi i k^2 / n), with k^2 taken modulo 2 n by steps, which are exact. */
static void fill_chirp(ht_fft *f) {
  int64_t n = f->n, square = 0;
  for (int64_t k = 0; k < n; k++) {
    f->chirp[k] = turn_of(square, 2 * n);
    square = (square + 2 * k + 1) % (2 * n);
  }
}

static ht_status plan_chirp(ht_fft *f) {
  int64_t wide = 1;
  while (wide < 2 * f->n - 1) wide *= 2;
  HT_TRY(ht_fft_new(wide, &f->wide));
  f->chirp = malloc((size_t)f->n * sizeof(number));
  f->filter = calloc((size_t)wide, sizeof(number));
  number *room = malloc((size_t)wide * sizeof(number));
  bool there = f->chirp && f->filter && room;
  if (there) {
    fill_chirp(f);
    double scale = 1 / (double)wide;
    for (int64_t k = 0; k < f->n; k++) {
      number c = conj(f->chirp[k]) * scale;
      f->filter[k] = c;
      if (k) f->filter[wide - k] = c;
    }
    run_stages(f->wide, f->filter, room);
  }
  free(room);
  return there ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for an FFT");
}

/* ---- plans */

static ht_status plan_stages(ht_fft *f) {
  f->turn = malloc((size_t)f->n * sizeof(number));
  if (!f->turn) return ht_fail(HT_NO_MEMORY, "no memory for an FFT");
  for (int64_t k = 0; k < f->n; k++) f->turn[k] = turn_of(k, f->n);
  return HT_SUCCESS;
}

ht_status ht_fft_new(int64_t n, ht_fft **out) {
  ht_fft *f = calloc(1, sizeof *f);
  if (!f || n > INT64_MAX / 1024) {
    free(f);
    return ht_fail(HT_NO_MEMORY, "no memory for an FFT");
  }
  f->n = n;
  ht_status st = find_factors(f) ? plan_stages(f) : plan_chirp(f);
  if (st.code != HT_OK)
    ht_fft_free(f);
  else
    *out = f;
  return st;
}

void ht_fft_free(ht_fft *f) {
  if (!f) return;
  ht_fft_free(f->wide);
  free(f->turn);
  free(f->chirp);
  free(f->filter);
  free(f);
}

size_t ht_fft_room(const ht_fft *f) {
  return (size_t)(f->wide ? 2 * f->wide->n : f->n);
}

void ht_fft_run(const ht_fft *f, bool inverse, number *x, number *room) {
  if (inverse) conjugate(f->n, x);
  if (f->wide)
    run_chirp(f, x, room);
  else
    run_stages(f, x, room);
  if (inverse) conjugate(f->n, x);
}
