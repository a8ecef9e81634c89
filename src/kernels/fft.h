/*
 * fft.h - discrete Fourier transforms of any length, in double.
 */
#ifndef HT_KERNELS_FFT_H
#define HT_KERNELS_FFT_H

#include <complex.h>

#ifndef CMPLX /* of C11; glibc has it for gcc alone */
#define CMPLX(x, y) __builtin_complex((double)(x), (double)(y))
#endif

#include "tensor/tensor.h"

typedef struct ht_fft ht_fft;

/* The tables for transforms of n >= 1 values. */
ht_status ht_fft_new(int64_t n, ht_fft **out) HT_MUST_CHECK;
void ht_fft_free(ht_fft *f);

/* Values of scratch memory that a run wants. */
size_t ht_fft_room(const ht_fft *f);

/*
 * x_k = sum over j of x_j exp(-2 pi i j k / n), in place; inverse: with +2 pi
 * i, not divided by n.
 */
void ht_fft_run(const ht_fft *f, bool inverse, double _Complex *x,
                double _Complex *room);

#endif
