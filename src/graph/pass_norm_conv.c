/*
 * pass_norm_conv.c - normalisation by the batch goes into the convolution that
 * alone reads it, see pass.h. The statistics stay where the normalisation was,
 * since averages are made of them.
 */
#include <string.h>

#include "graph/pass.h"
#include "ops/fused.h"

static bool is_conv(const ht_step *s) {
  return ht_pass_plain(s) && s->n_in == 2 && ht_pass_channels_last(s) &&
         (ht_pass_is(s, "Conv2D") || ht_pass_is(s, "DepthwiseConv2dNative")) &&
         ht_pass_float(s);
}

static ht_status join(ht_plan *p, ht_step *norm, ht_step *conv) {
  ht_norm_conv_parts *parts;
  int *in;
  HT_NEW(parts, &p->arena, 1);
  HT_NEW(in, &p->arena, 6);
  *parts = (ht_norm_conv_parts){norm->attrs, ht_pass_norm_activation(norm),
                                !ht_pass_is(conv, "Conv2D"), conv->prepared};
  for (int i = 0; i < 3; i++) in[i] = norm->in[i];
  in[3] = norm->out + 3;
  in[4] = norm->out + 4;
  in[5] = conv->in[1];
  conv->op = &ht_op_norm_conv;
  conv->prepared = parts;
  conv->in = in;
  conv->n_in = 6;
  norm->op = &ht_op_norm_statistics;
  return HT_SUCCESS;
}

ht_status ht_pass_norm_conv(ht_plan *p) {
  int *readers;
  HT_TRY(ht_pass_readers(p, &readers));
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *conv = &p->step[i];
    if (!is_conv(conv) || readers[conv->in[0]] != 1) continue;
    ht_step *norm = ht_pass_maker(p, conv->in[0]);
    if (ht_pass_batch_norm(norm) && ht_pass_channels_last(norm) &&
        conv->in[0] == norm->out)
      HT_TRY(join(p, norm, conv));
  }
  return HT_SUCCESS;
}
