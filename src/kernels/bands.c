/* bands.c - see bands.h. */
#include "kernels/bands.h"

#include <string.h>

static int64_t reach(const ht_window *w) {
  return (w->size[1] - 1) * w->step[1] + 1;
}

/* Bytes of a band's input and output. Halos are read twice, so that a band has
 * at least as many lines as the window. */
int64_t ht_band_lines(const ht_conv *c) {
  enum { CACHED = 384 << 10 };
  const ht_window *w = &c->w;
  int64_t all = w->out[1], in = w->in[2] * c->cin, out = w->out[2] * c->cout;
  int64_t line = (in * w->stride[1] + out) * (int64_t)sizeof(float);
  if (w->in[0] != 1 || w->out[0] != 1 || line * all <= 3 * CACHED) return all;
  int64_t lines = CACHED / line;
  if (lines < reach(w)) lines = reach(w);
  if (2 * lines >= all) return all;
  int64_t bands = (all + lines - 1) / lines;
  return (all + bands - 1) / bands;
}

/* Copied by bytes: compiled convolutions are found by them. */
static void make(const ht_conv *c, int64_t in, int64_t in_lines, int64_t out,
                 int64_t out_lines, ht_band *band) {
  ht_window *w = &band->c.w;
  memcpy(&band->c, c, sizeof *c);
  band->in = in;
  band->out = out;
  w->batch = 1;
  w->pad[1] = in - ht_window_first(&c->w, 1, out);
  w->in[1] = in_lines;
  w->out[1] = out_lines;
}

bool ht_band_of_output(const ht_conv *c, int64_t from, int64_t to,
                       ht_band *out) {
  int64_t first = ht_window_first(&c->w, 1, from);
  int64_t end = ht_window_first(&c->w, 1, to - 1) + reach(&c->w);
  if (first < 0) first = 0;
  if (end > c->w.in[1]) end = c->w.in[1];
  if (from >= to || first >= end) return false;
  make(c, first, end - first, from, to - from, out);
  return true;
}

bool ht_band_of_input(const ht_conv *c, int64_t from, int64_t to,
                      ht_band *out) {
  const ht_window *w = &c->w;
  int64_t first = 0, end = w->out[1];
  while (first < end && ht_window_first(w, 1, first) + reach(w) <= from)
    first++;
  while (end > first && ht_window_first(w, 1, end - 1) >= to) end--;
  if (from >= to || first >= end || ht_window_first(w, 1, first) > from)
    return false;
  make(c, from, to - from, first, end - first, out);
  return true;
}
