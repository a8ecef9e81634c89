/* dnnl_api.h - the few calls that oneDNN 2 and 3 spell differently, for
 * the files of dnnl_job.h alone. Functions say whether they succeeded. */
#ifndef HT_KERNELS_DNNL_API_H
#define HT_KERNELS_DNNL_API_H

#include <dnnl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct conv_places {
  dnnl_dims_t stride, dilation, before, after;
} conv_places;

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t md;
typedef const_dnnl_memory_desc_t cmd;
#define MD(m) (m)
#else
typedef dnnl_memory_desc_t md;
typedef const dnnl_memory_desc_t *cmd;
#define MD(m) (&(m))
#endif

typedef struct conv_parts {
  cmd x, filter, y, bias; /* bias NULL: none */
} conv_parts;

static inline void md_free(md *m) {
#if DNNL_VERSION_MAJOR >= 3
  if (*m) dnnl_memory_desc_destroy(*m);
  *m = NULL;
#else
  (void)m;
#endif
}

/* Their functions take arrays of full length. */
static inline void md_dims(int rank, const int64_t *from, dnnl_dims_t to) {
  for (int i = 0; i < rank; i++) to[i] = from[i];
}

static inline bool md_strided(md *m, int rank, const int64_t *dim,
                              const int64_t *step) {
  dnnl_dims_t d, s;
  md_dims(rank, dim, d);
  md_dims(rank, step, s);
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_strides(m, rank, d, dnnl_f32, s) ==
         dnnl_success;
#else
  return dnnl_memory_desc_init_by_strides(m, rank, d, dnnl_f32, s) ==
         dnnl_success;
#endif
}

static inline bool md_any(md *m, int rank, const int64_t *dim) {
  dnnl_dims_t d;
  md_dims(rank, dim, d);
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag(m, rank, d, dnnl_f32,
                                          dnnl_format_tag_any) == dnnl_success;
#else
  return dnnl_memory_desc_init_by_tag(m, rank, d, dnnl_f32,
                                      dnnl_format_tag_any) == dnnl_success;
#endif
}

/* Fills dim. */
static inline void md_shape(cmd m, dnnl_dims_t dim) {
#if DNNL_VERSION_MAJOR >= 3
  int rank = 0;
  const dnnl_dims_t *d = NULL;
  dnnl_memory_desc_query(m, dnnl_query_ndims_s32, &rank);
  dnnl_memory_desc_query(m, dnnl_query_dims, &d);
  md_dims(rank, *d, dim);
#else
  md_dims(m->ndims, m->dims, dim);
#endif
}

/* A region of another one's memory. */
static inline bool md_part(md *m, cmd whole, const dnnl_dims_t dim,
                           const dnnl_dims_t from) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_submemory(m, whole, dim, from) == dnnl_success;
#else
  return dnnl_memory_desc_init_submemory(m, whole, dim, from) == dnnl_success;
#endif
}

/* Elements before its first. */
static inline int64_t md_start(cmd m) {
#if DNNL_VERSION_MAJOR >= 3
  int64_t n = 0;
  dnnl_memory_desc_query(m, dnnl_query_submemory_offset_s64, &n);
  return n;
#else
  return m->offset0;
#endif
}

static inline size_t md_size(cmd m) { return dnnl_memory_desc_get_size(m); }

static inline bool append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t kind,
                                  float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_eltwise(ops, kind, alpha, beta) == dnnl_success;
#else
  return dnnl_post_ops_append_eltwise(ops, 1, kind, alpha, beta) ==
         dnnl_success;
#endif
}

enum { DESC_FORWARD, DESC_TO_INPUT, DESC_TO_FILTER };

#if DNNL_VERSION_MAJOR >= 3
static inline bool conv_forward(dnnl_engine_t engine, dnnl_prop_kind_t kind,
                                const conv_parts *c, const conv_places *p,
                                dnnl_primitive_attr_t attr,
                                dnnl_primitive_desc_t *out) {
  return dnnl_convolution_forward_primitive_desc_create(
             out, engine, kind, dnnl_convolution_direct, c->x, c->filter,
             c->bias, c->y, p->stride, p->dilation, p->before, p->after,
             attr) == dnnl_success;
}

static inline bool conv_back(dnnl_engine_t engine, int pass,
                             const conv_parts *c, const conv_places *p,
                             dnnl_primitive_attr_t attr,
                             dnnl_primitive_desc_t hint,
                             dnnl_primitive_desc_t *out) {
  if (pass == DESC_TO_INPUT)
    return dnnl_convolution_backward_data_primitive_desc_create(
               out, engine, dnnl_convolution_direct, c->x, c->filter, c->y,
               p->stride, p->dilation, p->before, p->after, hint,
               attr) == dnnl_success;
  return dnnl_convolution_backward_weights_primitive_desc_create(
             out, engine, dnnl_convolution_direct, c->x, c->filter, c->bias,
             c->y, p->stride, p->dilation, p->before, p->after, hint,
             attr) == dnnl_success;
}
#else
static inline bool conv_forward(dnnl_engine_t engine, dnnl_prop_kind_t kind,
                                const conv_parts *c, const conv_places *p,
                                dnnl_primitive_attr_t attr,
                                dnnl_primitive_desc_t *out) {
  dnnl_convolution_desc_t d;
  return dnnl_dilated_convolution_forward_desc_init(
             &d, kind, dnnl_convolution_direct, c->x, c->filter, c->bias, c->y,
             p->stride, p->dilation, p->before, p->after) == dnnl_success &&
         dnnl_primitive_desc_create(out, &d, attr, engine, NULL) ==
             dnnl_success;
}

static inline bool conv_back(dnnl_engine_t engine, int pass,
                             const conv_parts *c, const conv_places *p,
                             dnnl_primitive_attr_t attr,
                             dnnl_primitive_desc_t hint,
                             dnnl_primitive_desc_t *out) {
  dnnl_convolution_desc_t d;
  dnnl_status_t st =
      pass == DESC_TO_INPUT
          ? dnnl_dilated_convolution_backward_data_desc_init(
                &d, dnnl_convolution_direct, c->x, c->filter, c->y, p->stride,
                p->dilation, p->before, p->after)
          : dnnl_dilated_convolution_backward_weights_desc_init(
                &d, dnnl_convolution_direct, c->x, c->filter, c->bias, c->y,
                p->stride, p->dilation, p->before, p->after);
  return st == dnnl_success && dnnl_primitive_desc_create(out, &d, attr, engine,
                                                          hint) == dnnl_success;
}
#endif

static inline bool conv_desc(dnnl_engine_t engine, int pass,
                             const conv_parts *c, const conv_places *p,
                             dnnl_primitive_attr_t attr,
                             dnnl_primitive_desc_t *out) {
  dnnl_primitive_desc_t hint;
  if (pass == DESC_FORWARD)
    return conv_forward(engine, dnnl_forward_inference, c, p, attr, out);
  if (!conv_forward(engine, dnnl_forward_training, c, p, NULL, &hint))
    return false;
  bool good = conv_back(engine, pass, c, p, attr, hint, out);
  dnnl_primitive_desc_destroy(hint);
  return good;
}

#endif
