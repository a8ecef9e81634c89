/* pass_bias.c - a convolution takes in the bias that alone reads it, see
 * pass.h. */
#include "graph/pass.h"
#include "ops/fused.h"

/* The convolution that s adds a bias to, or NULL. */
static ht_step *conv_of(const ht_plan *p, const ht_step *s,
                        const int *readers) {
  bool bias = ht_pass_plain(s) && ht_pass_is(s, "BiasAdd") && s->n_in == 2 &&
              ht_pass_channels_last(s) && readers[s->in[0]] == 1;
  ht_step *conv = bias ? ht_pass_maker(p, s->in[0]) : NULL;
  return ht_pass_plain(conv) && ht_pass_is(conv, "Conv2D") &&
                 ht_pass_channels_last(conv) && ht_pass_float(conv) &&
                 conv->n_in == 2
             ? conv
             : NULL;
}

static ht_status join(ht_plan *p, ht_step *conv, ht_step *s) {
  int *in;
  HT_NEW(in, &p->arena, 3);
  in[0] = conv->in[0];
  in[1] = conv->in[1];
  in[2] = s->in[1];
  s->op = &ht_op_conv_bias;
  s->attrs = conv->attrs;
  s->prepared = conv->prepared;
  conv->prepared = NULL;
  s->in = in;
  s->n_in = 3;
  return HT_SUCCESS;
}

ht_status ht_pass_bias(ht_plan *p) {
  int *readers;
  HT_TRY(ht_pass_readers(p, &readers));
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *conv = conv_of(p, &p->step[i], readers);
    if (conv) HT_TRY(join(p, conv, &p->step[i]));
  }
  return HT_SUCCESS;
}
