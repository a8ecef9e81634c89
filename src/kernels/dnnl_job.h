/*
 * dnnl_job.h - what the files share that run convolutions by oneDNN:
 * conv_compile.c, conv_dnnl.c, filter_dnnl.c, norm_conv_dnnl.c. Failures are
 * told by false.
 */
#ifndef HT_KERNELS_DNNL_JOB_H
#define HT_KERNELS_DNNL_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernels/backend.h"
#include "kernels/dnnl.h"
#include "kernels/dnnl_api.h"

enum { MOST = 64 }; /* geometries that a node keeps */

/* From one layout of a filter to another. */
typedef struct ht_relayout {
  dnnl_primitive_t run; /* NULL: they are the same */
  md piece[2];          /* from, to: the first of n */
  size_t step[2], n;    /* bytes from piece to piece */
} ht_relayout;

typedef struct ht_compiled {
  ht_conv c; /* of one call */
  int pass;
  bool bias;
  ht_activation activation;
  bool usable;
  dnnl_primitive_desc_t desc;
  dnnl_primitive_t run;
  ht_relayout relayout;  /* of filters from TensorFlow's, of gradients to it */
  md data[3], bias_data; /* x, filter as TensorFlow has it, y */
} ht_compiled;

struct ht_conv_room {
  pthread_mutex_t lock;
  dnnl_engine_t engine;
  ht_compiled *kept[MOST];
  int n;
  ht_tensor packed; /* a filter for calls of this epoch */
  uint64_t packed_epoch;
  const ht_compiled *packed_for;
};

typedef struct ht_dnnl_job {
  const ht_compiled *k;
  dnnl_engine_t engine;
  ht_pool *pool;
  char *data[3]; /* x, filter as the primitive wants it, y */
  size_t step[3];
  void *bias;          /* or its gradient; NULL: none */
  size_t calls, group; /* calls of which a partial sum is made */
  size_t sum;          /* bytes of one: of the filter, then of the bias */
  atomic_bool failed;
} ht_dnnl_job;

/* Compiled for one thread and the images of one call. e may be NULL; of it the
 * passes use bias (to the filter: its gradient), the forward one the
 * activation, too. NULL: oneDNN has no fast way for c. */
const ht_compiled *ht_dnnl_compile(ht_conv_room *room, const ht_conv *c,
                                   int pass, const ht_epilogue *e);
/* How the primitive wants (or makes) its filter. */
cmd ht_dnnl_filter(const ht_compiled *k);
size_t ht_dnnl_scratch(const ht_compiled *k); /* bytes, at least a few */

ht_dnnl_job ht_dnnl_job_of(ht_conv_room *room, ht_pool *pool, const ht_conv *c,
                           const ht_compiled *k, void *x, void *y);
ht_status ht_dnnl_bytes(ht_pool *pool, size_t n, ht_tensor *out) HT_MUST_CHECK;
/* A call on p: x, filter in the primitive's layout, y, bias. */
bool ht_dnnl_call(const ht_dnnl_job *j, const ht_compiled *k, void *const p[4],
                  void *scratch);
/* The filter at f in the layout that k asks for, or the gradient that k made
 * in TensorFlow's. */
bool ht_dnnl_relayout(const ht_dnnl_job *j, const ht_compiled *k, void *f,
                      void *to);
/* Sets how many calls make a partial sum; how many of those there are. */
size_t ht_dnnl_group(ht_dnnl_job *j);
ht_status ht_dnnl_failure(void);
ht_status ht_dnnl_finish(const ht_dnnl_job *j) HT_MUST_CHECK;

/* What a primitive is called with; drop it after. */
typedef struct ht_dnnl_arguments {
  dnnl_exec_arg_t arg[6];
  int n;
} ht_dnnl_arguments;
bool ht_dnnl_add(dnnl_engine_t engine, ht_dnnl_arguments *a, int what, cmd d,
                 void *p);
void ht_dnnl_drop(ht_dnnl_arguments *a);
bool ht_dnnl_execute(dnnl_engine_t engine, dnnl_primitive_t p,
                     const ht_dnnl_arguments *a);

bool ht_relayout_make(dnnl_engine_t engine, cmd from, cmd to, ht_relayout *r);
void ht_relayout_free(ht_relayout *r);
bool ht_relayout_run(dnnl_engine_t engine, const ht_relayout *r, void *from,
                     void *to);

#endif
