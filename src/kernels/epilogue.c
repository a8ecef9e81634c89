/* epilogue.c - see epilogue.h. */
#include "kernels/epilogue.h"

#include "kernels/approx.h"
#include "kernels/real.h"

HT_INLINE float activate(ht_activation a, float x) {
  if (a == HT_LINEAR) return x;
  x = x < 0 ? 0 : x;
  return a == HT_RELU6 && x > 6 ? 6 : x;
}

HT_INLINE void row(const ht_epilogue *e, ht_activation a, int64_t n,
                   float *restrict y) {
  if (e->scale && e->bias)
    for (int64_t c = 0; c < n; c++)
      y[c] = activate(a, y[c] * e->scale[c] + e->bias[c]);
  else if (e->bias)
    for (int64_t c = 0; c < n; c++) y[c] = activate(a, y[c] + e->bias[c]);
  else
    for (int64_t c = 0; c < n; c++)
      y[c] = activate(a, y[c] * (e->scale ? e->scale[c] : 1));
}

HT_WIDE static void wide_rows(const ht_epilogue *e, int64_t rows, int64_t n,
                              int64_t stride, float *y) {
  for (int64_t r = 0; r < rows; r++, y += stride) {
    if (e->activation == HT_RELU)
      row(e, HT_RELU, n, y);
    else if (e->activation == HT_RELU6)
      row(e, HT_RELU6, n, y);
    else
      row(e, HT_LINEAR, n, y);
  }
}

/* The choosers of loops that are not static would be exported. */
void ht_epilogue_rows(const ht_epilogue *e, int64_t rows, int64_t n,
                      int64_t stride, float *y) {
  wide_rows(e, rows, n, stride, y);
}
