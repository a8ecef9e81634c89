/*
 * filter_dnnl.c - filters between TensorFlow's layout and that of a primitive
 * of oneDNN, see dnnl_job.h. A large one is cut along its first dimension
 * (outputs, or groups) into pieces that our threads share: oneDNN itself, asked
 * for one thread, would leave the others idle.
 */
#include "config.h"
#include "kernels/dnnl.h"

#ifdef HAVE_DNNL
#include "base/parallel.h"
#include "kernels/dnnl_job.h"

/* Piece i of n of a filter. False: its layout cannot be cut there. */
static bool cut(cmd whole, int64_t i, int64_t n, md *piece) {
  dnnl_dims_t dim, from = {0};
  md_shape(whole, dim);
  dim[0] /= n;
  from[0] = i * dim[0];
  return md_part(piece, whole, dim, from);
}

/* The first piece of n, and the bytes from each to the next: all the same, as
 * the one primitive serves them all. */
static bool cut_evenly(cmd whole, int64_t n, md *piece, size_t *step) {
  int64_t apart = 0;
  for (int64_t i = 1; i < n; i++) {
    md m = {0};
    bool good = cut(whole, i, n, &m);
    if (good && i == 1) apart = md_start(MD(m));
    good = good && md_start(MD(m)) == i * apart;
    md_free(&m);
    if (!good) return false;
  }
  *step = (size_t)apart * sizeof(float);
  return cut(whole, 0, n, piece);
}

static bool cut_both(const cmd whole[2], int64_t n, ht_relayout *r) {
  for (int i = 0; i < 2; i++) {
    md_free(&r->piece[i]);
    if (!cut_evenly(whole[i], n, &r->piece[i], &r->step[i])) return false;
  }
  r->n = (size_t)n;
  return true;
}

/* Pieces of a whole number of blocks, as many as are worth a call each. */
static bool choose(const cmd whole[2], ht_relayout *r) {
  enum { BLOCK = 64, BYTES = 1 << 18, MANY = 16 };
  dnnl_dims_t dim;
  md_shape(whole[0], dim);
  int64_t n = (int64_t)(md_size(whole[0]) / BYTES);
  for (n = n > MANY ? MANY : n; n > 1; n--)
    if (dim[0] % (BLOCK * n) == 0 && cut_both(whole, n, r)) return true;
  return cut_both(whole, 1, r);
}

bool ht_relayout_make(dnnl_engine_t engine, cmd from, cmd to, ht_relayout *r) {
  dnnl_primitive_desc_t d = NULL;
  const cmd whole[2] = {from, to};
  if (dnnl_memory_desc_equal(from, to)) return true;
  bool good = choose(whole, r) &&
              dnnl_reorder_primitive_desc_create(&d, MD(r->piece[0]), engine,
                                                 MD(r->piece[1]), engine,
                                                 NULL) == dnnl_success &&
              dnnl_primitive_create(&r->run, d) == dnnl_success;
  if (d) dnnl_primitive_desc_destroy(d);
  return good;
}

void ht_relayout_free(ht_relayout *r) {
  for (int i = 0; i < 2; i++) md_free(&r->piece[i]);
  if (r->run) dnnl_primitive_destroy(r->run);
}

typedef struct job {
  dnnl_engine_t engine;
  const ht_relayout *r;
  char *data[2];
  atomic_bool failed;
} job;

static bool run_piece(const job *j, size_t i) {
  static const int name[2] = {DNNL_ARG_FROM, DNNL_ARG_TO};
  const ht_relayout *r = j->r;
  ht_dnnl_arguments a = {.n = 0};
  bool good = true;
  for (int k = 0; k < 2 && good; k++)
    good = ht_dnnl_add(j->engine, &a, name[k], MD(r->piece[k]),
                       j->data[k] + i * r->step[k]);
  good = good && ht_dnnl_execute(j->engine, r->run, &a);
  ht_dnnl_drop(&a);
  return good;
}

static void run_pieces(size_t from, size_t to, void *arg) {
  job *j = arg;
  int threads = ht_dnnl_alone();
  for (size_t i = from; i < to; i++)
    if (!run_piece(j, i)) atomic_store(&j->failed, true);
  ht_dnnl_back(threads);
}

bool ht_relayout_run(dnnl_engine_t engine, const ht_relayout *r, void *from,
                     void *to) {
  job j = {.engine = engine, .r = r, .data = {from, to}};
  ht_parallel(r->n, 1, run_pieces, &j);
  return !atomic_load(&j.failed);
}
#else
/* A file with nothing in it is no C. */
extern int ht_filter_dnnl_unused;
#endif
