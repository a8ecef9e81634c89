/*
 * op_fft.c - Fourier transforms of the last one to three axes. Every op and
 * every gradient is: load a block, transform its axes, store it.
 */
#include "kernels/fft.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/real.h"
#include "ops/op.h"

enum { AXES = 3 };

typedef double _Complex number;
typedef enum kind { COMPLEX, REAL_IN, REAL_OUT } kind;

/* How a block is read: as it stands, or as the half of one that is its own
 * mirrored conjugate. How it is stored: with what weight. */
typedef struct job {
  int rank;
  int64_t n[AXES]; /* of the transform; axes in front are 1 */
  int64_t size;    /* of a block */
  ht_fft *fft[AXES];
  bool inverse, mirrored;
  bool doubled; /* stored: what a half stands for twice counts twice */
  double scale;
  const ht_tensor *x;
  ht_tensor *y;
  int64_t from[AXES], to[AXES]; /* sizes of a block in x and in y */
  atomic_bool failed;
} job;

static number value_at(const ht_tensor *t, int64_t i) {
  switch (t->dtype) {
    case HT_FLOAT: return (double)ht_f(t)[i];
    case HT_DOUBLE: return HT_DATA(double, t)[i];
    case HT_COMPLEX64: return HT_DATA(float _Complex, t)[i];
    default: return HT_DATA(number, t)[i];
  }
}

static void set_value(ht_tensor *t, int64_t i, number v) {
  switch (t->dtype) {
    case HT_FLOAT: ht_f(t)[i] = (float)creal(v); break;
    case HT_DOUBLE: HT_DATA(double, t)[i] = creal(v); break;
    case HT_COMPLEX64: HT_DATA(float _Complex, t)[i] = (float _Complex)v; break;
    default: HT_DATA(number, t)[i] = v;
  }
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- loading: what x lacks is zero, what it has too much is left out */

static void load(const job *j, int64_t item, number *v) {
  const int64_t *f = j->from, *n = j->n;
  int64_t at = item * f[0] * f[1] * f[2], most = least(f[2], n[2]);
  memset(v, 0, (size_t)j->size * sizeof *v);
  for (int64_t a = 0; a < least(f[0], n[0]); a++)
    for (int64_t b = 0; b < least(f[1], n[1]); b++)
      for (int64_t c = 0; c < most; c++)
        v[(a * n[1] + b) * n[2] + c] =
            value_at(j->x, at + (a * f[1] + b) * f[2] + c);
}

/* The other half of the last axis: the conjugate from across the origin. */
static void mirror(const job *j, number *v) {
  const int64_t *n = j->n;
  for (int64_t a = 0; a < n[0]; a++)
    for (int64_t b = 0; b < n[1]; b++)
      for (int64_t c = n[2] / 2 + 1; c < n[2]; c++) {
        int64_t there = (n[0] - a) % n[0] * n[1] + (n[1] - b) % n[1];
        v[(a * n[1] + b) * n[2] + c] = conj(v[there * n[2] + n[2] - c]);
      }
}

/* ---- transforming */

static void along(const job *j, int axis, number *v, number *line,
                  number *room) {
  int64_t n = j->n[axis], inner = 1;
  for (int i = axis + 1; i < AXES; i++) inner *= j->n[i];
  for (int64_t k = 0; k < j->size / n; k++) {
    number *first = v + k / inner * inner * n + k % inner;
    for (int64_t i = 0; i < n; i++) line[i] = first[i * inner];
    ht_fft_run(j->fft[axis], j->inverse, line, room);
    for (int64_t i = 0; i < n; i++) first[i * inner] = line[i];
  }
}

static void transform(const job *j, number *v, number *line, number *room) {
  for (int axis = AXES - j->rank; axis < AXES; axis++) {
    if (axis < AXES - 1)
      along(j, axis, v, line, room);
    else
      for (int64_t k = 0; k < j->size / j->n[axis]; k++)
        ht_fft_run(j->fft[axis], j->inverse, v + k * j->n[axis], room);
  }
}

/* ---- storing */

static double weight_of(const job *j, int64_t c) {
  bool twice = j->doubled && c > 0 && 2 * c < j->n[2];
  return twice ? 2 * j->scale : j->scale;
}

static void store(const job *j, int64_t item, const number *v) {
  const int64_t *t = j->to, *n = j->n;
  int64_t at = item * t[0] * t[1] * t[2];
  int64_t half = j->doubled ? n[2] / 2 + 1 : n[2];
  for (int64_t a = 0; a < t[0]; a++)
    for (int64_t b = 0; b < t[1]; b++)
      for (int64_t c = 0; c < t[2]; c++) {
        bool inside = a < n[0] && b < n[1] && c < half;
        number z = inside ? v[(a * n[1] + b) * n[2] + c] * weight_of(j, c) : 0;
        set_value(j->y, at + (a * t[1] + b) * t[2] + c, z);
      }
}

/* ---- all blocks */

static size_t room_of(const job *j) {
  size_t room = 0;
  for (int i = AXES - j->rank; i < AXES; i++)
    if (ht_fft_room(j->fft[i]) > room) room = ht_fft_room(j->fft[i]);
  return room;
}

static void run_items(size_t from, size_t to, void *arg) {
  job *j = arg;
  size_t room = room_of(j), block = (size_t)j->size;
  number *v = malloc((2 * block + room) * sizeof *v);
  if (!v) {
    atomic_store(&j->failed, true);
    return;
  }
  for (size_t i = from; i < to; i++) {
    load(j, (int64_t)i, v);
    if (j->mirrored) mirror(j, v);
    transform(j, v, v + block, v + 2 * block);
    store(j, (int64_t)i, v);
  }
  free(v);
}

static void sizes_of(const ht_tensor *t, int rank, int64_t size[AXES]) {
  for (int i = 0; i < AXES; i++) {
    int own = t->shape.rank - AXES + i;
    size[i] = i < AXES - rank ? 1 : t->shape.dim[own];
  }
}

static ht_status make_plans(job *j) {
  j->size = 1;
  for (int i = 0; i < AXES; i++) {
    if (__builtin_mul_overflow(j->size, j->n[i], &j->size) ||
        j->size > INT64_MAX / 256)
      return ht_fail(HT_NO_MEMORY, "no memory for an FFT");
    if (i >= AXES - j->rank) HT_TRY(ht_fft_new(j->n[i], &j->fft[i]));
  }
  return HT_SUCCESS;
}

static ht_status run_blocks(job *j, int64_t items) {
  double work = 64 * (double)j->size;
  HT_TRY(make_plans(j));
  ht_parallel((size_t)items, ht_grain(work), run_items, j);
  return j->failed ? ht_fail(HT_NO_MEMORY, "no memory for an FFT") : HT_SUCCESS;
}

/* y = the transforms of x, whose leading axes agree. */
static ht_status run_job(job *j, const ht_tensor *x, ht_tensor *y) {
  int64_t items = 1;
  j->x = x;
  j->y = y;
  sizes_of(x, j->rank, j->from);
  sizes_of(y, j->rank, j->to);
  for (int i = 0; i < x->shape.rank - j->rank; i++) items *= x->shape.dim[i];
  if (!ht_count(y)) return HT_SUCCESS;
  ht_status st = run_blocks(j, items);
  for (int i = 0; i < AXES; i++) ht_fft_free(j->fft[i]);
  return st;
}

/* ---- the ops */

static int64_t count_of(const job *j) { return j->n[0] * j->n[1] * j->n[2]; }

static ht_status read_lengths(const ht_call *c, int rank, job *j) {
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  if (ht_count(c->in[1]) != rank)
    return ht_fail(HT_USAGE, "op '%s' wants %d lengths", c->op->name, rank);
  for (int i = 0; i < rank; i++) {
    int64_t n = ht_i32(c->in[1])[i];
    if (n < 0) return ht_fail(HT_USAGE, "an FFT of length %lld", (long long)n);
    j->n[AXES - rank + i] = n;
  }
  return HT_SUCCESS;
}

static job new_job(int rank, bool inverse) {
  job j = {.rank = rank, .n = {1, 1, 1}, .inverse = inverse, .scale = 1};
  return j;
}

/* The shape of the result: x's, with the sizes of the transform. */
static ht_shape shape_of(const job *j, kind k, const ht_shape *x) {
  ht_shape s = *x;
  for (int i = 0; i < j->rank; i++) s.dim[s.rank - 1 - i] = j->n[AXES - 1 - i];
  if (k == REAL_IN && j->n[AXES - 1])
    s.dim[s.rank - 1] = j->n[AXES - 1] / 2 + 1;
  return s;
}

static ht_dtype type_out(const ht_call *c, kind k) {
  if (k == COMPLEX) return c->in[0]->dtype;
  return ht_attr_type(c->attrs, k == REAL_IN ? "Tcomplex" : "Treal");
}

static ht_status check(const ht_call *c, int rank, kind k) {
  ht_dtype in = c->in[0]->dtype, out = type_out(c, k);
  bool twice = in == HT_DOUBLE || in == HT_COMPLEX128;
  bool real = in == HT_FLOAT || in == HT_DOUBLE;
  bool two_parts = in == HT_COMPLEX64 || in == HT_COMPLEX128;
  HT_TRY(ht_need_min_rank(c, 0, rank));
  if (k == REAL_IN ? !real : !two_parts) return ht_no_dtype(c, in);
  ht_dtype wanted = k == REAL_OUT ? (twice ? HT_DOUBLE : HT_FLOAT)
                                  : (twice ? HT_COMPLEX128 : HT_COMPLEX64);
  return out == wanted ? HT_SUCCESS : ht_no_dtype(c, out);
}

/* Inputs may be longer than the transform, not shorter. */
static ht_status check_sizes(const ht_call *c, const job *j, kind k) {
  int64_t size[AXES];
  sizes_of(c->in[0], j->rank, size);
  for (int i = AXES - j->rank; i < AXES; i++) {
    bool half = k == REAL_OUT && i == AXES - 1 && j->n[i];
    int64_t wanted = half ? j->n[i] / 2 + 1 : j->n[i];
    if (size[i] < wanted && ht_count(c->in[0]))
      return ht_fail(HT_USAGE, "op '%s' wants at least %lld values, found %lld",
                     c->op->name, (long long)wanted, (long long)size[i]);
  }
  return HT_SUCCESS;
}

static ht_status forward(ht_call *c, int rank, kind k, bool inverse) {
  job j = new_job(rank, inverse);
  HT_TRY(check(c, rank, k));
  if (k == COMPLEX)
    sizes_of(c->in[0], rank, j.n);
  else
    HT_TRY(read_lengths(c, rank, &j));
  HT_TRY(check_sizes(c, &j, k));
  j.mirrored = k == REAL_OUT;
  if (inverse) j.scale = 1 / (double)count_of(&j);
  ht_shape s = shape_of(&j, k, &c->in[0]->shape);
  HT_TRY(ht_out(c, 0, type_out(c, k), &s));
  return run_job(&j, c->in[0], &c->out[0]);
}

/* The transform the other way, of what arrives (it is linear). */
static ht_status back(ht_back *b, int rank, kind k, bool inverse) {
  const ht_tensor *dy = &b->dout[0].dense;
  job j = new_job(rank, !inverse);
  ht_tensor g;
  if (!ht_wants(b, 0)) return HT_SUCCESS;
  if (k == COMPLEX)
    sizes_of(dy, rank, j.n);
  else
    for (int i = 0; i < rank; i++) j.n[AXES - rank + i] = ht_i32(&b->in[1])[i];
  if (inverse) j.scale = 1 / (double)count_of(&j);
  j.doubled = k == REAL_OUT;
  HT_TRY(ht_back_zeros(b, b->in[0].dtype, &b->in[0].shape, &g));
  ht_status st = ht_count(dy) ? run_job(&j, dy, &g) : HT_SUCCESS;
  if (st.code == HT_OK) return ht_give(b, 0, &g);
  ht_tensor_drop(&g);
  return st;
}

#define TRANSFORM(name, rank, kind, inverse)    \
  static ht_status name##_forward(ht_call *c) { \
    return forward(c, rank, kind, inverse);     \
  }                                             \
  static ht_status name##_back(ht_back *b) {    \
    return back(b, rank, kind, inverse);        \
  }
TRANSFORM(fft, 1, COMPLEX, false)
TRANSFORM(fft2, 2, COMPLEX, false)
TRANSFORM(fft3, 3, COMPLEX, false)
TRANSFORM(ifft, 1, COMPLEX, true)
TRANSFORM(ifft2, 2, COMPLEX, true)
TRANSFORM(ifft3, 3, COMPLEX, true)
TRANSFORM(rfft, 1, REAL_IN, false)
TRANSFORM(rfft2, 2, REAL_IN, false)
TRANSFORM(rfft3, 3, REAL_IN, false)
TRANSFORM(irfft, 1, REAL_OUT, true)
TRANSFORM(irfft2, 2, REAL_OUT, true)
TRANSFORM(irfft3, 3, REAL_OUT, true)

#define COMPLEX_ROW(op, function, text, cases)                            \
  {                                                                       \
    .name = op, .inputs = "input:Tcomplex", .outputs = "output:Tcomplex", \
    .attrs = "Tcomplex:type=complex64", .doc = text, .samples = cases,    \
    .forward = function##_forward, .gradient = function##_back            \
  }
#define REAL_ROW(op, function, text, in, out, cases)                  \
  {                                                                   \
    .name = op, .inputs = "input:" in " fft_length:int32",            \
    .outputs = "output:" out,                                         \
    .attrs = "Treal:type=float Tcomplex:type=complex64", .doc = text, \
    .samples = cases, .forward = function##_forward,                  \
    .gradient = function##_back, .keep = HT_KEEP_IN(1)                \
  }

#define SAMPLES_1                                                          \
  "c[8]; c[2,3,5]; c[1]; c[12]; c[3,17]; c[37]; z[64]; c[2,120]; z[2,97];" \
  "c[0,4]; c[210]; c[4]{1e20,1,1e20,-1}"
#define SAMPLES_2 "c[4,8]; c[2,3,5]; z[2,6,7]; c[1,1]; c[2,0,3,4]; c[1,41,2]"
#define SAMPLES_3 "c[2,4,6]; z[2,3,5,2]; c[1,1,3,1]"
/* TensorFlow's gradient wants what is neither cut nor filled up. */
#define REAL_1                                                             \
  "f[8] i[1]{8}; f[2,3,5] i[1]{5}; d[2,12] i[1]{12} Tcomplex=complex128; " \
  "f[1] i[1]{1};"                                                          \
  "f[2,9] i[1]{4} !grad=0; f[2] i[1]{2};"                                  \
  "d[37] i[1]{37} Tcomplex=complex128; f[0,4] "                            \
  "i[1]{4};"                                                               \
  "f[4]{inf,1,2,3} i[1]{1} !grad=0; f[2,80] i[1]{80}"
#define REAL_2                                                        \
  "f[4,8] i[2]{4,8}; d[2,3,5] i[2]{3,5} Tcomplex=complex128; f[4,6] " \
  "i[2]{3,5} !grad=0;"                                                \
  "f[2,1,6] i[2]{1,6}"
#define REAL_3 "f[2,4,6] i[3]{2,4,6}; d[3,2,5] i[3]{3,2,5} Tcomplex=complex128"
#define HALF_1                                                                \
  "c[5] i[1]{8}; c[2,3] i[1]{5}; z[2,7] i[1]{12} Treal=double; c[1] i[1]{1};" \
  "c[2,9] i[1]{4} !grad=0; c[19] i[1]{37};"                                   \
  "c[0,3] i[1]{4}; c[2] i[1]{2}"
#define HALF_2                                                           \
  "c[4,5] i[2]{4,8}; z[2,3,3] i[2]{3,5} Treal=double; c[4,6] i[2]{3,7} " \
  "!grad=0;"                                                             \
  "c[3,4] i[2]{3,6}"
#define HALF_3 "c[2,4,4] i[3]{2,4,6}; z[3,2,3] i[3]{3,2,5} Treal=double"

const ht_op ht_ops_fft[] = {
    COMPLEX_ROW("FFT", fft, "Fourier transform of the last axis.", SAMPLES_1),
    COMPLEX_ROW("FFT2D", fft2, "Fourier transform of the last two axes.",
                SAMPLES_2),
    COMPLEX_ROW("FFT3D", fft3, "Fourier transform of the last three axes.",
                SAMPLES_3),
    COMPLEX_ROW("IFFT", ifft, "Inverse Fourier transform of the last axis.",
                SAMPLES_1),
    COMPLEX_ROW("IFFT2D", ifft2,
                "Inverse Fourier transform of the last two axes.", SAMPLES_2),
    COMPLEX_ROW("IFFT3D", ifft3,
                "Inverse Fourier transform of the last three axes.", SAMPLES_3),
    REAL_ROW("RFFT", rfft, "Half the Fourier transform of real numbers.",
             "Treal", "Tcomplex", REAL_1),
    REAL_ROW("RFFT2D", rfft2,
             "Half the Fourier transform of real numbers, over two axes.",
             "Treal", "Tcomplex", REAL_2),
    REAL_ROW("RFFT3D", rfft3,
             "Half the Fourier transform of real numbers, over three axes.",
             "Treal", "Tcomplex", REAL_3),
    REAL_ROW("IRFFT", irfft, "Real numbers from half a Fourier transform.",
             "Tcomplex", "Treal", HALF_1),
    REAL_ROW("IRFFT2D", irfft2,
             "Real numbers from half a Fourier transform over two axes.",
             "Tcomplex", "Treal", HALF_2),
    REAL_ROW("IRFFT3D", irfft3,
             "Real numbers from half a Fourier transform over three axes.",
             "Tcomplex", "Treal", HALF_3),
    {0},
};
