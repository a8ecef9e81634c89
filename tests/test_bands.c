/* test_bands.c - images cut into bands of lines, against images left whole. */
#include <math.h>

#include "base/map.h"
#include "base/parallel.h"
#include "kernels/bands.h"
#include "kernels/norm_conv.h"
#include "test.h"

/* A square window: input, channels, window, stride, distance of taps, pad. */
typedef struct layer {
  int64_t in, cin, cout, size, stride, step, pad;
  bool depthwise;
} layer;

static const layer layers[] = {
    {64, 48, 48, 3, 1, 1, 1, true},  {67, 64, 64, 3, 2, 1, 0, true},
    {64, 64, 16, 1, 1, 1, 0, false}, {64, 16, 64, 1, 1, 1, 0, false},
    {65, 40, 40, 3, 1, 2, 2, false}, {96, 40, 40, 5, 2, 1, 2, true},
    {96, 32, 32, 1, 2, 1, 0, false}, {71, 32, 32, 3, 1, 1, 0, false},
    {224, 3, 32, 3, 2, 1, 0, false},
};
enum { LAYERS = sizeof layers / sizeof *layers };

static ht_conv conv_of(const layer *l, int64_t batch) {
  int64_t out =
      (l->in + 2 * l->pad - (l->size - 1) * l->step - 1) / l->stride + 1;
  ht_conv c;
  memset(&c, 0, sizeof c); /* compared by bytes */
  c.t = HT_FLOAT;
  c.w = (ht_window){batch,
                    {1, l->in, l->in},
                    {1, out, out},
                    {1, l->size, l->size},
                    {1, l->stride, l->stride},
                    {1, l->step, l->step},
                    {0, l->pad, l->pad}};
  c.cin = l->cin, c.cout = l->cout, c.groups = 1, c.depthwise = l->depthwise;
  return c;
}

/* ---- geometry */

/* Whether tap k of output line o is input line i. */
static bool reads(const ht_window *w, int64_t o, int64_t i) {
  int64_t d = i - ht_window_first(w, 1, o);
  return d >= 0 && d % w->step[1] == 0 && d / w->step[1] < w->size[1];
}

static void ck_same_taps(const ht_conv *c, const ht_band *b) {
  for (int64_t o = 0; o < b->c.w.out[1]; o++)
    for (int64_t i = 0; i < b->c.w.in[1]; i++)
      ck_assert_int_eq(reads(&b->c.w, o, i),
                       reads(&c->w, o + b->out, i + b->in));
}

START_TEST(a_band_of_output_reads_all_its_lines_as_the_image_does) {
  ht_conv c = conv_of(&layers[_i], 1);
  ht_band b;
  for (int64_t from = 0; from < c.w.out[1]; from += 5) {
    int64_t to = from + 5 < c.w.out[1] ? from + 5 : c.w.out[1];
    ck_assert(ht_band_of_output(&c, from, to, &b));
    ck_assert(b.out == from && b.c.w.out[1] == to - from);
    ck_same_taps(&c, &b);
    for (int64_t o = from; o < to; o++)
      for (int64_t i = 0; i < c.w.in[1]; i++)
        if (reads(&c.w, o, i)) ck_assert(i >= b.in && i < b.in + b.c.w.in[1]);
  }
}
END_TEST

START_TEST(a_band_of_input_knows_all_lines_that_read_it) {
  ht_conv c = conv_of(&layers[_i], 1);
  ht_band b;
  for (int64_t from = 0; from < c.w.in[1]; from += 6) {
    int64_t to = from + 6 < c.w.in[1] ? from + 6 : c.w.in[1];
    if (!ht_band_of_input(&c, from, to, &b)) continue;
    ck_assert(b.in == from && b.c.w.in[1] == to - from);
    ck_same_taps(&c, &b);
    for (int64_t o = 0; o < c.w.out[1]; o++)
      for (int64_t i = from; i < to; i++)
        if (reads(&c.w, o, i))
          ck_assert(o >= b.out && o < b.out + b.c.w.out[1]);
  }
}
END_TEST

START_TEST(nothing_reads_or_is_read_outside) {
  ht_conv c = conv_of(&layers[0], 1);
  ht_band b;
  ck_assert(!ht_band_of_output(&c, 7, 7, &b));
  ck_assert(!ht_band_of_input(&c, 64, 64, &b));
  c.w.pad[1] = -70; /* the window lies below the image */
  ck_assert(!ht_band_of_output(&c, 0, 4, &b));
  ck_assert(!ht_band_of_input(&c, 0, 4, &b));
}
END_TEST

START_TEST(small_images_stay_whole) {
  ht_conv c = conv_of(&(layer){14, 576, 576, 3, 1, 1, 1, true}, 1);
  ck_assert_int_eq(ht_band_lines(&c), 14);
  for (int i = 0; i < LAYERS; i++) {
    c = conv_of(&layers[i], 1);
    ck_assert_int_lt(ht_band_lines(&c), c.w.out[1]);
  }
}
END_TEST

/* ---- numbers */

static float *drawn(int64_t n, int seed) {
  float *p = malloc((size_t)n * sizeof *p);
  for (int64_t i = 0; i < n; i++) {
    uint64_t key[2] = {(uint64_t)seed, (uint64_t)i};
    p[i] = (float)((double)(ht_hash(key, sizeof key) >> 11) / (1ll << 52) - 1);
  }
  return p;
}

enum { Z, F, G, MEAN, A, B, Y, DF, DY, ARRAYS };

typedef struct numbers {
  ht_conv c;
  int64_t n[ARRAYS];
  float *p[ARRAYS];
  double *sums;
} numbers;

static numbers numbers_of(const layer *l) {
  enum { BATCH = 3 };
  numbers x = {.c = conv_of(l, BATCH)};
  const ht_conv *c = &x.c;
  int64_t in = BATCH * ht_window_pixels(c->w.in) * c->cin;
  int64_t out = BATCH * ht_window_pixels(c->w.out) * c->cout;
  int64_t filter = l->size * l->size * c->cin * (l->depthwise ? 1 : c->cout);
  int64_t n[ARRAYS] = {in,     filter, out,    c->cin, c->cin,
                       c->cin, out,    filter, in};
  for (int i = 0; i < ARRAYS; i++) x.n[i] = n[i], x.p[i] = drawn(n[i], i);
  x.sums = calloc((size_t)(2 * c->cin), sizeof *x.sums);
  return x;
}

static void drop(numbers *x) {
  for (int i = 0; i < ARRAYS; i++) free(x->p[i]);
  free(x->sums);
}

static void fused(numbers *x, int threads, bool dy) {
  ht_conv_room *room = ht_conv_room_new();
  ht_norm_conv n = {.at = {.room = room},
                    .c = &x->c,
                    .by = {x->p[MEAN], x->p[A], x->p[B], HT_RELU6},
                    .z = x->p[Z],
                    .f = x->p[F],
                    .g = x->p[G],
                    .df = x->p[DF],
                    .dy = dy ? x->p[DY] : NULL,
                    .sums = x->sums};
  ht_threads_set(threads);
  OK(ht_norm_conv_forward(&n, x->p[Y]));
  OK(ht_norm_conv_back(&n));
  ht_threads_set(0);
  ht_conv_room_free(room);
}

/* One after the other, images whole, no oneDNN. */
static void plain(numbers *x) {
  ht_conv_place at = {0};
  ht_channels s = {3 * ht_window_pixels(x->c.w.in), x->c.cin, 1};
  ht_scaling by = {x->p[MEAN], x->p[A], x->p[B], HT_RELU6};
  float *y = malloc((size_t)x->n[Z] * sizeof *y);
  ht_channel_scale(&s, &by, x->p[Z], y);
  OK(ht_conv_forward(&at, &x->c, NULL, y, x->p[F], x->p[Y]));
  OK(ht_conv_back_filter(&at, &x->c, y, x->p[G], x->p[DF], NULL));
  OK(ht_conv_back_input(&at, &x->c, x->p[F], x->p[G], x->p[DY]));
  OK(ht_channel_slopes(NULL, &s, &by, x->p[Z], x->p[DY], x->sums));
  free(y);
}

static void ck_near(int64_t n, const float *a, const float *b) {
  double most = 0, far = 0;
  for (int64_t i = 0; i < n; i++) {
    most = fmax(most, fabs((double)b[i]));
    far = fmax(far, fabs((double)a[i] - (double)b[i]));
  }
  ck_assert_double_gt(most, 0);
  ck_assert_double_le(far, 1e-5 * most);
}

START_TEST(bands_compute_what_whole_images_do) {
  numbers x = numbers_of(&layers[_i]), y = numbers_of(&layers[_i]);
  int64_t n = x.c.cin;
  fused(&x, 0, true);
  plain(&y);
  for (int i = Y; i <= DY; i++) ck_near(x.n[i], x.p[i], y.p[i]);
  for (int64_t i = 0; i < 2 * n; i++)
    ck_assert_double_eq_tol(x.sums[i], y.sums[i],
                            1e-5 * (double)x.n[Z] / (double)n);
  drop(&x), drop(&y);
}
END_TEST

START_TEST(bands_add_up_alike_on_any_number_of_threads) {
  numbers x = numbers_of(&layers[_i]), y = numbers_of(&layers[_i]);
  fused(&x, 1, true);
  fused(&y, 4, true);
  for (int i = Y; i <= DY; i++)
    ck_assert_mem_eq(x.p[i], y.p[i], (size_t)x.n[i] * sizeof(float));
  ck_assert_mem_eq(x.sums, y.sums, (size_t)(2 * x.c.cin) * sizeof(double));
  drop(&x), drop(&y);
}
END_TEST

START_TEST(the_filter_alone_may_be_wanted) {
  numbers x = numbers_of(&layers[_i]), y = numbers_of(&layers[_i]);
  fused(&x, 0, false);
  plain(&y);
  ck_near(x.n[DF], x.p[DF], y.p[DF]);
  drop(&x), drop(&y);
}
END_TEST

static void add(TCase *tests) {
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(
      tests, a_band_of_output_reads_all_its_lines_as_the_image_does, 0, LAYERS);
  tcase_add_loop_test(tests, a_band_of_input_knows_all_lines_that_read_it, 0,
                      LAYERS);
  tcase_add_test(tests, nothing_reads_or_is_read_outside);
  tcase_add_test(tests, small_images_stay_whole);
  tcase_add_loop_test(tests, bands_compute_what_whole_images_do, 0, LAYERS);
  tcase_add_loop_test(tests, bands_add_up_alike_on_any_number_of_threads, 0,
                      LAYERS);
  tcase_add_loop_test(tests, the_filter_alone_may_be_wanted, 0, LAYERS);
}

int main(void) { return test_main("bands", add); }
