/*
 * conv.c - convolutions, see conv.h: by oneDNN where it has a fast way, else as
 * matrix products over unrolled windows: blocks of output pixels whose windows
 * fit the cache are copied side by side, then multiplied with the filter.
 */
#include "kernels/conv.h"

#include <stdatomic.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/dnnl.h"
#include "kernels/matmul.h"
#include "kernels/real.h"
#include "kernels/reduce.h"

typedef struct job {
  ht_pool *pool;
  const ht_conv *c;
  const ht_epilogue *e;
  const char *x, *f, *dy;
  char *y;
  int64_t block; /* pixels unrolled at a time */
  int64_t chunk; /* pixels (or images) that a partial sum covers */
  size_t size;   /* of an element */
  atomic_bool failed;
} job;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Values in the window of one group. */
static int64_t window_values(const ht_conv *c) {
  return ht_window_pixels(c->w.size) * (c->cin / c->groups);
}

static int64_t filter_count(const ht_conv *c) {
  return c->depthwise ? ht_window_pixels(c->w.size) * c->cout
                      : window_values(c) * c->cout;
}

static int64_t out_pixels(const ht_conv *c) {
  return c->w.batch * ht_window_pixels(c->w.out);
}

static double pixel_work(const ht_conv *c) {
  return (double)window_values(c) * (double)c->cout;
}

static int64_t block_pixels(const ht_conv *c) {
  enum { CACHED = 64 << 10, FEWEST = 48, MOST = 512 };
  int64_t n = CACHED / (window_values(c) + 1);
  return n < FEWEST ? FEWEST : n > MOST ? MOST : n;
}

/* Nothing to unroll: the windows are the pixels themselves. */
static bool pointwise(const ht_conv *c) {
  bool all = c->groups == 1;
  for (int a = 0; a < 3; a++)
    all = all && c->w.size[a] == 1 && c->w.stride[a] == 1 && !c->w.pad[a] &&
          c->w.in[a] == c->w.out[a];
  return all;
}

/* More than the second cache holds, and work enough for every thread. */
static bool is_large(int64_t filter) { return filter >= 1 << 19; }

/* Whether backward passes are better one product than oneDNN's own (2.6, with
 * AVX-512): its own read a filter that the second cache does not hold once a
 * call, and wide rows, where there are few channels to a side, from memory. */
static bool is_product(const ht_conv *c) {
  enum { FEW = 64, MANY = 256 };
  int64_t narrow = least(c->cin, c->cout);
  return pointwise(c) && !c->depthwise && narrow >= FEW &&
         (narrow < MANY || is_large(c->cin * c->cout));
}

/* ---- windows unrolled */

typedef struct place {
  int64_t image, at[3];
} place;

static place place_of(const ht_conv *c, int64_t pixel) {
  place p;
  for (int a = 2; a >= 0; a--) {
    p.at[a] = pixel % c->w.out[a];
    pixel /= c->w.out[a];
  }
  p.image = pixel;
  return p;
}

/* One row of taps: n taps of `bytes` each, `apart` bytes from one to the
 * next; taps outside the image are zeros. */
static void unroll_row(const ht_conv *c, int64_t column, const char *line,
                       size_t bytes, size_t apart, char *to) {
  int64_t from, end, n = c->w.size[2];
  ht_window_taps(&c->w, 2, column, &from, &end);
  int64_t first = ht_window_first(&c->w, 2, column);
  const char *x = line + (first + from * c->w.step[2]) * (int64_t)apart;
  size_t next = apart * (size_t)c->w.step[2];
  memset(to, 0, (size_t)from * bytes);
  if (next == bytes)
    memcpy(to + (size_t)from * bytes, x, (size_t)(end - from) * bytes);
  else
    for (int64_t k = from; k < end; k++, x += next)
      memcpy(to + (size_t)k * bytes, x, bytes);
  memset(to + (size_t)end * bytes, 0, (size_t)(n - end) * bytes);
}

/* The line (row of pixels) of x under taps k0, k1; NULL outside. */
static int64_t line_of(const ht_conv *c, const place *p, int64_t k0,
                       int64_t k1) {
  const ht_window *w = &c->w;
  int64_t i = ht_window_first(w, 0, p->at[0]) + k0 * w->step[0];
  int64_t j = ht_window_first(w, 1, p->at[1]) + k1 * w->step[1];
  if (i < 0 || i >= w->in[0] || j < 0 || j >= w->in[1]) return -1;
  return (p->image * w->in[0] + i) * w->in[1] + j;
}

static void unroll_pixel(const job *j, int64_t pixel, int64_t group, char *to) {
  const ht_conv *c = j->c;
  place p = place_of(c, pixel);
  size_t bytes = (size_t)(c->cin / c->groups) * j->size;
  size_t apart = (size_t)c->cin * j->size;
  size_t row = bytes * (size_t)c->w.size[2];
  for (int64_t k0 = 0; k0 < c->w.size[0]; k0++)
    for (int64_t k1 = 0; k1 < c->w.size[1]; k1++, to += row) {
      int64_t line = line_of(c, &p, k0, k1);
      if (line < 0)
        memset(to, 0, row);
      else
        unroll_row(
            c, p.at[2],
            j->x + (size_t)(line * c->w.in[2]) * apart + (size_t)group * bytes,
            bytes, apart, to);
    }
}

static void unroll(const job *j, int64_t pixel, int64_t n, int64_t group,
                   char *to) {
  size_t row = (size_t)window_values(j->c) * j->size;
  for (int64_t i = 0; i < n; i++)
    unroll_pixel(j, pixel + i, group, to + (size_t)i * row);
}

HT_WIDE static void add_floats(int64_t n, const float *restrict x,
                               float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

void ht_add_floats(int64_t n, const float *x, float *y) { add_floats(n, x, y); }

static void add_values(ht_dtype t, int64_t n, const void *x, void *y) {
  if (t == HT_FLOAT) {
    ht_add_floats(n, x, y);
  } else {
    const double *a = x;
    double *b = y;
    for (int64_t i = 0; i < n; i++) b[i] += a[i];
  }
}

typedef struct parts {
  ht_dtype t;
  size_t n, step; /* bytes */
  const char *part;
  char *total;
} parts;

static void add_range(size_t from, size_t to, void *arg) {
  const parts *p = arg;
  size_t size = ht_dtype_size(p->t);
  const char *x = p->part + from * size;
  char *y = p->total + from * size;
  if (x != y) memcpy(y, x, (to - from) * size);
  for (size_t k = 1; k < p->n; k++)
    add_values(p->t, (int64_t)(to - from), x + k * p->step, y);
}

void ht_add_parts(ht_dtype t, int64_t count, int64_t n, int64_t step,
                  const void *part, void *total) {
  enum { GRAIN = 1 << 13 }; /* what is summed stays in cache */
  parts p = {t, (size_t)n, (size_t)step * ht_dtype_size(t), part, total};
  ht_parallel((size_t)count, GRAIN, add_range, &p);
}

/* The inverse of unrolling: values are added where they came from. */
static void roll_pixel(const job *j, int64_t pixel, int64_t group,
                       const char *from) {
  const ht_conv *c = j->c;
  place p = place_of(c, pixel);
  int64_t n = c->cin / c->groups, first, end;
  size_t bytes = (size_t)n * j->size;
  ht_window_taps(&c->w, 2, p.at[2], &first, &end);
  int64_t left = ht_window_first(&c->w, 2, p.at[2]);
  for (int64_t k0 = 0; k0 < c->w.size[0]; k0++)
    for (int64_t k1 = 0; k1 < c->w.size[1]; k1++) {
      int64_t line = line_of(c, &p, k0, k1);
      const char *row =
          from + (size_t)((k0 * c->w.size[1] + k1) * c->w.size[2]) * bytes;
      for (int64_t k = first; line >= 0 && k < end; k++) {
        int64_t at = line * c->w.in[2] + left + k * c->w.step[2];
        add_values(c->t, n, row + (size_t)k * bytes,
                   j->y + (size_t)(at * c->cin + group * n) * j->size);
      }
    }
}

/* ---- by oneDNN */

static ht_status by_dnnl(const ht_conv_place *at, const ht_conv *c, int pass,
                         const ht_epilogue *e, const void *x, const void *f,
                         const void *y, const void *db, bool *done) {
  void *data[4] = {(void *)(uintptr_t)x, (void *)(uintptr_t)f,
                   (void *)(uintptr_t)y, (void *)(uintptr_t)db};
  *done = false;
  if (pass != HT_CONV_FORWARD && is_product(c)) return HT_SUCCESS;
  return ht_dnnl_conv(at, c, pass, e, data, done);
}

/* ---- forward */

static ht_gemm forward_gemm(const ht_conv *c, int64_t pixels) {
  int64_t n = c->cout / c->groups, k = window_values(c);
  return (ht_gemm){
      .m = pixels, .n = n, .k = k, .lda = k, .ldb = c->cout, .ldc = c->cout};
}

/* Scratch for a block of unrolled windows; NULL (and failed set): none. */
static char *scratch(job *j, ht_tensor *memory) {
  ht_shape s = ht_shape_2(j->block, window_values(j->c));
  if (ht_tensor_new(j->pool, j->c->t, &s, memory).code == HT_OK)
    return memory->data;
  atomic_store(&j->failed, true);
  return NULL;
}

static void forward_range(size_t from, size_t to, void *arg) {
  job *j = arg;
  const ht_conv *c = j->c;
  ht_tensor memory = {0};
  char *col = scratch(j, &memory);
  for (int64_t i = (int64_t)from; col && i < (int64_t)to; i += j->block) {
    int64_t n = least(j->block, (int64_t)to - i);
    for (int64_t g = 0; g < c->groups; g++) {
      ht_gemm m = forward_gemm(c, n);
      unroll(j, i, n, g, col);
      ht_gemm_run(c->t, &m, col, j->f + (size_t)(g * m.n) * j->size,
                  j->y + (size_t)(i * c->cout + g * m.n) * j->size);
    }
    if (j->e)
      ht_epilogue_rows(j->e, n, c->cout, c->cout,
                       (float *)(void *)j->y + i * c->cout);
  }
  ht_tensor_drop(&memory);
}

static ht_status finish(const job *j) {
  if (atomic_load(&j->failed))
    return ht_fail(HT_NO_MEMORY, "out of memory in a convolution");
  return HT_SUCCESS;
}

static size_t block_grain(const job *j) {
  double blocks = (4 << 20) / (pixel_work(j->c) * (double)j->block + 1);
  return (size_t)j->block * (blocks < 1 ? 1 : (size_t)blocks);
}

ht_status ht_conv_forward(const ht_conv_place *at, const ht_conv *c,
                          const ht_epilogue *e, const void *x, const void *f,
                          void *y) {
  bool done;
  HT_TRY(by_dnnl(at, c, HT_CONV_FORWARD, e, x, f, y, NULL, &done));
  if (done) return HT_SUCCESS;
  if (c->depthwise) {
    ht_depthwise_forward(c, e, x, f, y);
    return HT_SUCCESS;
  }
  if (pointwise(c)) {
    ht_gemm m = forward_gemm(c, out_pixels(c));
    ht_matmul_with(c->t, &m, e, x, f, y);
    return HT_SUCCESS;
  }
  job j = {.pool = at->pool,
           .c = c,
           .e = e,
           .x = x,
           .f = f,
           .y = y,
           .block = block_pixels(c),
           .size = ht_dtype_size(c->t)};
  ht_parallel((size_t)out_pixels(c), block_grain(&j), forward_range, &j);
  return finish(&j);
}

/* ---- backward to the input: an image belongs to one range */

static ht_gemm back_gemm(const ht_conv *c, int64_t pixels) {
  int64_t n = window_values(c);
  return (ht_gemm){.tb = true,
                   .m = pixels,
                   .n = n,
                   .k = c->cout / c->groups,
                   .lda = c->cout,
                   .ldb = c->cout,
                   .ldc = n};
}

static void back_block(job *j, int64_t pixel, int64_t n, char *col) {
  const ht_conv *c = j->c;
  int64_t per = c->cout / c->groups;
  size_t row = (size_t)window_values(c) * j->size;
  for (int64_t g = 0; g < c->groups; g++) {
    ht_gemm m = back_gemm(c, n);
    ht_gemm_run(c->t, &m, j->dy + (size_t)(pixel * c->cout + g * per) * j->size,
                j->f + (size_t)(g * per) * j->size, col);
    for (int64_t i = 0; i < n; i++)
      roll_pixel(j, pixel + i, g, col + (size_t)i * row);
  }
}

static void back_range(size_t from, size_t to, void *arg) {
  job *j = arg;
  int64_t per = ht_window_pixels(j->c->w.out);
  ht_tensor memory = {0};
  char *col = scratch(j, &memory);
  int64_t end = (int64_t)to * per;
  for (int64_t i = (int64_t)from * per; col && i < end; i += j->block)
    back_block(j, i, least(j->block, end - i), col);
  ht_tensor_drop(&memory);
}

static size_t image_grain(const ht_conv *c) {
  double n =
      (4 << 20) / (pixel_work(c) * (double)ht_window_pixels(c->w.out) + 1);
  return n < 1 ? 1 : (size_t)n;
}

ht_status ht_conv_back_input(const ht_conv_place *at, const ht_conv *c,
                             const void *f, const void *dy, void *dx) {
  bool done;
  HT_TRY(by_dnnl(at, c, HT_CONV_TO_INPUT, NULL, dx, f, dy, NULL, &done));
  if (done) return HT_SUCCESS;
  int64_t n = c->w.batch * ht_window_pixels(c->w.in) * c->cin;
  job j = {.pool = at->pool,
           .c = c,
           .f = f,
           .dy = dy,
           .y = dx,
           .block = block_pixels(c),
           .size = ht_dtype_size(c->t)};
  if (!c->depthwise && pointwise(c)) {
    ht_gemm m = back_gemm(c, out_pixels(c));
    ht_matmul(c->t, &m, dy, f, dx);
    return HT_SUCCESS;
  }
  if (n) memset(dx, 0, (size_t)n * j.size);
  if (c->depthwise) {
    ht_depthwise_back_input(c, f, dy, dx);
    return HT_SUCCESS;
  }
  ht_parallel((size_t)c->w.batch, image_grain(c), back_range, &j);
  return finish(&j);
}

/* ---- backward to the filter: partial sums of fixed chunks */

static void add_block(job *j, int64_t pixel, int64_t n, char *col, char *df) {
  const ht_conv *c = j->c;
  int64_t per = c->cout / c->groups, k = window_values(c);
  for (int64_t g = 0; g < c->groups; g++) {
    ht_gemm m = {.ta = true,
                 .add = true,
                 .m = k,
                 .n = per,
                 .k = n,
                 .lda = k,
                 .ldb = c->cout,
                 .ldc = c->cout};
    const char *x = j->x + (size_t)(pixel * c->cin) * j->size;
    if (!pointwise(c)) unroll(j, pixel, n, g, col), x = col;
    ht_gemm_run(c->t, &m, x,
                j->dy + (size_t)(pixel * c->cout + g * per) * j->size,
                df + (size_t)(g * per) * j->size);
  }
}

static void add_pixels(job *j, int64_t from, int64_t to, char *df) {
  ht_tensor memory = {0};
  int64_t block = pointwise(j->c) ? to - from : j->block;
  char *col = pointwise(j->c) ? df : scratch(j, &memory);
  for (int64_t i = from; col && i < to; i += block)
    add_block(j, i, least(block, to - i), col, df);
  ht_tensor_drop(&memory);
}

static int64_t filter_items(const ht_conv *c) {
  return c->depthwise ? c->w.batch : out_pixels(c);
}

static void filter_range(size_t from, size_t to, void *arg) {
  job *j = arg;
  const ht_conv *c = j->c;
  size_t bytes = (size_t)filter_count(c) * j->size;
  for (size_t k = from; k < to; k++) {
    char *df = j->y + k * bytes;
    int64_t first = (int64_t)k * j->chunk;
    int64_t end = least(first + j->chunk, filter_items(c));
    memset(df, 0, bytes);
    if (c->depthwise)
      ht_depthwise_add_filter(c, first, end, j->x, j->dy, df);
    else
      add_pixels(j, first, end, df);
  }
}

/* Chunks by work, as many as keep their sums within a few megabytes. */
static int64_t filter_chunks(const ht_conv *c) {
  enum { MOST = 16, FEW = 4, VALUES = 4 << 20, WORK = 4 << 20 };
  double work =
      (double)filter_count(c) / (double)c->groups * (double)out_pixels(c);
  int64_t n = work / WORK > MOST ? MOST : (int64_t)(work / WORK);
  if (n > FEW && n * filter_count(c) > VALUES)
    n = least(n, VALUES / filter_count(c) + FEW);
  n = least(n, filter_items(c));
  return n < 1 ? 1 : n;
}

static ht_gemm filter_gemm(const ht_conv *c) {
  return (ht_gemm){.ta = true,
                   .m = c->cin,
                   .n = c->cout,
                   .k = out_pixels(c),
                   .lda = c->cin,
                   .ldb = c->cout,
                   .ldc = c->cout};
}

static ht_status add_chunks(job *j, int64_t n, void *df) {
  int64_t count = filter_count(j->c);
  ht_shape s = ht_shape_2(n, count);
  ht_tensor sums = {0};
  if (n > 1) HT_TRY(ht_tensor_new(j->pool, j->c->t, &s, &sums));
  j->y = n > 1 ? sums.data : df;
  ht_parallel((size_t)n, 1, filter_range, j);
  if (n > 1) ht_add_parts(j->c->t, count, n, count, sums.data, df);
  ht_tensor_drop(&sums);
  return finish(j);
}

static ht_status to_filter(const ht_conv_place *at, const ht_conv *c,
                           const void *x, const void *dy, void *df) {
  job j = {.pool = at->pool,
           .c = c,
           .x = x,
           .dy = dy,
           .block = block_pixels(c),
           .size = ht_dtype_size(c->t)};
  int64_t n = filter_chunks(c);
  if (!filter_count(c)) return HT_SUCCESS;
  if (is_product(c) && is_large(filter_count(c))) {
    ht_gemm m = filter_gemm(c);
    ht_matmul(c->t, &m, x, dy, df);
    return HT_SUCCESS;
  }
  j.chunk = (filter_items(c) + n - 1) / n;
  if (j.chunk) n = (filter_items(c) + j.chunk - 1) / j.chunk;
  return add_chunks(&j, n < 1 ? 1 : n, df);
}

static ht_status to_bias(const ht_conv_place *at, const ht_conv *c,
                         const void *dy, void *db) {
  static const bool reduced[] = {true, false};
  ht_tensor sum,
      d = {.dtype = c->t, .shape = ht_shape_2(out_pixels(c), c->cout)};
  ht_shape s = ht_shape_1(c->cout);
  d.data = (void *)(uintptr_t)dy;
  HT_TRY(ht_reduce(at->pool, HT_REDUCE_SUM, &d, reduced, &s, &sum));
  memcpy(db, sum.data, ht_tensor_bytes(&sum));
  ht_tensor_drop(&sum);
  return HT_SUCCESS;
}

ht_status ht_conv_back_filter(const ht_conv_place *at, const ht_conv *c,
                              const void *x, const void *dy, void *df,
                              void *db) {
  bool done;
  HT_TRY(by_dnnl(at, c, HT_CONV_TO_FILTER, NULL, x, df, dy, db, &done));
  if (done) return HT_SUCCESS;
  HT_TRY(to_filter(at, c, x, dy, df));
  return db ? to_bias(at, c, dy, db) : HT_SUCCESS;
}

/* ---- layout */

void ht_swap_axes(size_t size, int64_t n, int64_t rows, int64_t cols,
                  const void *x, void *y) {
  const char *from = x;
  char *to = y;
  size_t image = (size_t)(rows * cols) * size;
  for (int64_t i = 0; i < n; i++, from += image, to += image)
    for (int64_t c = 0; c < cols; c++)
      for (int64_t r = 0; r < rows; r++)
        memcpy(to + (size_t)(c * rows + r) * size,
               from + (size_t)(r * cols + c) * size, size);
}
