/* pass_pad.c - zeros around images become a convolution's own padding, see
 * pass.h. */
#include <string.h>

#include "graph/pass.h"

static ht_step *pad_before(const ht_plan *p, const ht_step *s) {
  bool conv = ht_pass_is(s, "Conv2D") || ht_pass_is(s, "DepthwiseConv2dNative");
  if (!conv || !ht_pass_plain(s) || !ht_attr_is(s->attrs, "padding", "VALID"))
    return NULL;
  ht_step *pad = ht_pass_maker(p, s->in[0]);
  if (!ht_pass_is(pad, "Pad") || !ht_pass_plain(pad)) return NULL;
  const ht_tensor *n = p->value[pad->in[1]].constant;
  return n && ht_count(n) == 8 ? pad : NULL;
}

/* Batch and channels stay as they are. */
static bool spatial(const ht_step *s, const ht_tensor *n) {
  ht_string format = ht_attr_string(s->attrs, "data_format");
  bool first = format.n >= 2 && memcmp(format.p, "NC", 2) == 0;
  int channels = first ? 1 : 3;
  return !ht_int_at(n, 0) && !ht_int_at(n, 1) && !ht_int_at(n, 2 * channels) &&
         !ht_int_at(n, 2 * channels + 1);
}

static ht_status padded_attrs(ht_plan *p, const ht_attrs *from,
                              const ht_tensor *n, const ht_attrs **out) {
  ht_attrs *attrs;
  ht_attr_value *value;
  HT_NEW(attrs, &p->arena, 1);
  HT_NEW(attrs->attr, &p->arena, from->n + 2);
  HT_NEW(value, &p->arena, 9);
  for (int i = 0; i < from->n; i++) {
    const ht_attr *a = &from->attr[i];
    if (strcmp(a->name, "padding") && strcmp(a->name, "explicit_paddings"))
      attrs->attr[attrs->n++] = *a;
  }
  for (int i = 0; i < 8; i++) value[i].i = ht_int_at(n, i);
  value[8].s = (ht_string){"EXPLICIT", 8};
  attrs->attr[attrs->n++] =
      (ht_attr){"explicit_paddings", HT_ATTR_INT, true, 8, value};
  attrs->attr[attrs->n++] =
      (ht_attr){"padding", HT_ATTR_STRING, false, 1, value + 8};
  *out = attrs;
  return HT_SUCCESS;
}

ht_status ht_pass_pad(ht_plan *p) {
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *s = &p->step[i], *pad = pad_before(p, s);
    const ht_tensor *n = pad ? p->value[pad->in[1]].constant : NULL;
    if (!pad || !spatial(s, n)) continue;
    HT_TRY(padded_attrs(p, s->attrs, n, &s->attrs));
    s->in[0] = pad->in[0];
  }
  return HT_SUCCESS;
}
