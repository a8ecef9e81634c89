/* window.c - see window.h; sizes and padding as TensorFlow computes them. */
#include "ops/window.h"

#include <string.h>

#include "kernels/conv.h"

ht_layout ht_layout_from(const ht_attrs *attrs, int spatial) {
  ht_string s = ht_attr_string(attrs, "data_format");
  return (ht_layout){spatial, s.n >= 2 && memcmp(s.p, "NC", 2) == 0};
}

/* Where spatial axis a (0..2) of a window stands in the data; -1: nowhere. */
static int axis_of(const ht_layout *l, int a) {
  int i = a - (3 - l->spatial);
  return i < 0 ? -1 : i + (l->channels_first ? 2 : 1);
}

static int channel_axis(const ht_layout *l) {
  return l->channels_first ? 1 : l->spatial + 1;
}

int64_t ht_layout_channels(const ht_layout *l, const ht_shape *s) {
  return s->dim[channel_axis(l)];
}

ht_shape ht_layout_shape(const ht_layout *l, int64_t batch,
                         const int64_t pixels[3], int64_t channels) {
  ht_shape s = {.rank = l->spatial + 2};
  s.dim[0] = batch;
  s.dim[channel_axis(l)] = channels;
  for (int a = 0; a < 3; a++)
    if (axis_of(l, a) >= 0) s.dim[axis_of(l, a)] = pixels[a];
  return s;
}

enum { LARGE = 1 << 30 };

/* Output size and padding of one axis. */
static ht_status place_axis(const ht_attrs *attrs, int at, int a,
                            ht_window *w) {
  int64_t wide = (w->size[a] - 1) * w->step[a] + 1;
  int64_t room = w->in[a];
  if (ht_attr_is(attrs, "padding", "SAME")) {
    w->out[a] = (room + w->stride[a] - 1) / w->stride[a];
    int64_t pad = (w->out[a] - 1) * w->stride[a] + wide - room;
    w->pad[a] = pad > 0 ? pad / 2 : 0;
    return HT_SUCCESS;
  }
  if (ht_attr_is(attrs, "padding", "EXPLICIT") && at >= 0) {
    int64_t before = ht_attr_int_at(attrs, "explicit_paddings", 2 * at);
    int64_t after = ht_attr_int_at(attrs, "explicit_paddings", 2 * at + 1);
    if (before < 0 || after < 0 || before > LARGE || after > LARGE)
      return ht_fail(HT_USAGE, "explicit_paddings must be small and positive");
    w->pad[a] = before;
    room += before + after;
  }
  int64_t free = room - wide + w->stride[a];
  if (free < 0)
    return ht_fail(HT_USAGE, "a window of %lld does not fit into %lld",
                   (long long)wide, (long long)room);
  w->out[a] = free / w->stride[a];
  return HT_SUCCESS;
}

ht_status ht_window_strided(const ht_attrs *attrs, const ht_layout *l,
                            const ht_shape *in, const int64_t size[3],
                            const int64_t *strides, ht_window *w) {
  bool dilated = ht_attr_length(attrs, "dilations") == l->spatial + 2;
  if (in->rank != l->spatial + 2)
    return ht_fail(HT_USAGE, "wants data of rank %d, found rank %d",
                   l->spatial + 2, in->rank);
  memset(w, 0, sizeof *w);
  w->batch = in->dim[0];
  for (int a = 0; a < 3; a++) {
    int at = axis_of(l, a);
    w->in[a] = at < 0 ? 1 : in->dim[at];
    w->size[a] = size[a];
    w->stride[a] = at < 0 ? 1 : strides[at];
    w->step[a] =
        at < 0 || !dilated ? 1 : ht_attr_int_at(attrs, "dilations", at);
    bool fine = w->stride[a] > 0 && w->step[a] > 0 && size[a] > 0;
    if (w->in[a] > (int64_t)1 << 48) /* a size that a tensor only claims */
      return ht_fail(HT_NO_MEMORY, "no memory for %lld pixels in a row",
                     (long long)w->in[a]);
    if (!fine || w->stride[a] > LARGE || w->step[a] > LARGE || size[a] > LARGE)
      return ht_fail(HT_USAGE,
                     "strides, dilations and windows must be positive");
    HT_TRY(place_axis(attrs, at, a, w));
  }
  return HT_SUCCESS;
}

ht_status ht_window_from(const ht_attrs *attrs, const ht_layout *l,
                         const ht_shape *in, const int64_t size[3],
                         ht_window *w) {
  int64_t strides[HT_MAX_RANK];
  int n = l->spatial + 2;
  if (ht_attr_length(attrs, "strides") != n)
    return ht_fail(HT_USAGE, "strides must have %d elements", n);
  for (int i = 0; i < n; i++) strides[i] = ht_attr_int_at(attrs, "strides", i);
  if (strides[0] != 1 || strides[channel_axis(l)] != 1)
    return ht_fail(HT_UNSUPPORTED, "strides over examples or channels");
  return ht_window_strided(attrs, l, in, size, strides, w);
}

/* ---- channels first */

static int64_t pixels_of(const ht_layout *l, const ht_shape *s, int from) {
  int64_t n = 1;
  for (int i = 0; i < l->spatial; i++) n *= s->dim[from + i];
  return n;
}

ht_status ht_channels_last(ht_pool *pool, const ht_layout *l,
                           const ht_tensor *x, ht_tensor *out) {
  if (!l->channels_first) {
    *out = ht_tensor_share(x);
    return HT_SUCCESS;
  }
  ht_shape s = x->shape;
  for (int i = 0; i < l->spatial; i++) s.dim[1 + i] = x->shape.dim[2 + i];
  s.dim[1 + l->spatial] = x->shape.dim[1];
  HT_TRY(ht_tensor_new(pool, x->dtype, &s, out));
  ht_swap_axes(ht_dtype_size(x->dtype), s.dim[0], x->shape.dim[1],
               pixels_of(l, &x->shape, 2), x->data, out->data);
  return HT_SUCCESS;
}

ht_status ht_channels_back(ht_pool *pool, const ht_layout *l, ht_tensor *x) {
  if (!l->channels_first) return HT_SUCCESS;
  ht_shape s = x->shape;
  ht_tensor y;
  for (int i = 0; i < l->spatial; i++) s.dim[2 + i] = x->shape.dim[1 + i];
  s.dim[1] = x->shape.dim[1 + l->spatial];
  HT_TRY(ht_tensor_new(pool, x->dtype, &s, &y));
  ht_swap_axes(ht_dtype_size(x->dtype), s.dim[0], pixels_of(l, &x->shape, 1),
               s.dim[1], x->data, y.data);
  ht_tensor_drop(x);
  *x = y;
  return HT_SUCCESS;
}
