/*
 * dnnl.h - convolutions compiled by oneDNN, for src/kernels alone.
 *
 * A room keeps what was compiled for one node, by geometry; any thread may
 * ask. Each call runs on the thread that makes it.
 */
#ifndef HT_KERNELS_DNNL_H
#define HT_KERNELS_DNNL_H

#include "kernels/norm_conv.h"

enum { HT_CONV_FORWARD, HT_CONV_TO_INPUT, HT_CONV_TO_FILTER };

/*
 * The pass of c by oneDNN: *done false, and nothing happened, where it has no
 * fast way for c. data[]: x, filter, y, and the bias's gradient (NULL: not
 * wanted; made with that of the filter); the one that the pass makes is
 * written. e may be NULL; used by the forward pass.
 */
ht_status ht_dnnl_conv(const ht_conv_place *at, const ht_conv *c, int pass,
                       const ht_epilogue *e, void *const data[4],
                       bool *done) HT_MUST_CHECK;

/* As ht_norm_conv_forward and _back; *done as above. */
ht_status ht_dnnl_norm_conv(const ht_norm_conv *n, void *y,
                            bool *done) HT_MUST_CHECK;
ht_status ht_dnnl_norm_conv_back(const ht_norm_conv *n,
                                 bool *done) HT_MUST_CHECK;

#endif
