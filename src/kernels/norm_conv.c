/* norm_conv.c - see norm_conv.h: by oneDNN image by image, else one after the
 * other. */
#include "kernels/norm_conv.h"

#include "kernels/dnnl.h"

static ht_channels channels(const ht_conv *c) {
  return (ht_channels){c->w.batch * ht_window_pixels(c->w.in), c->cin, 1};
}

/* What the convolution sees. */
static ht_status normalised(const ht_norm_conv *n, ht_tensor *x) {
  ht_channels s = channels(n->c);
  ht_shape shape = ht_shape_2(s.outer, s.channels);
  HT_TRY(ht_tensor_new(n->at.pool, HT_FLOAT, &shape, x));
  ht_channel_scale(&s, &n->by, n->z, ht_f(x));
  return HT_SUCCESS;
}

ht_status ht_norm_conv_forward(const ht_norm_conv *n, float *y) {
  bool done;
  ht_tensor x;
  HT_TRY(ht_dnnl_norm_conv(n, y, &done));
  if (done) return HT_SUCCESS;
  HT_TRY(normalised(n, &x));
  ht_status st = ht_conv_forward(&n->at, n->c, NULL, x.data, n->f, y);
  ht_tensor_drop(&x);
  return st;
}

ht_status ht_norm_conv_back(const ht_norm_conv *n) {
  bool done;
  ht_tensor x;
  ht_channels s = channels(n->c);
  HT_TRY(ht_dnnl_norm_conv_back(n, &done));
  if (done) return HT_SUCCESS;
  HT_TRY(normalised(n, &x));
  ht_status st = ht_conv_back_filter(&n->at, n->c, x.data, n->g, n->df, NULL);
  ht_tensor_drop(&x);
  if (st.code != HT_OK || !n->dy) return st;
  HT_TRY(ht_conv_back_input(&n->at, n->c, n->f, n->g, n->dy));
  return ht_channel_slopes(n->at.pool, &s, &n->by, n->z, n->dy, n->sums);
}
