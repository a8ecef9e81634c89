/*
 * pass_norm_add.c - normalisation by the batch goes into the sum that alone
 * reads it, and that into the activation that alone reads the sum: what ends
 * a residual block, see pass.h. The statistics stay where the normalisation
 * was.
 */
#include "graph/pass.h"
#include "ops/fused.h"

static bool is_sum(const ht_step *s) {
  return ht_pass_plain(s) && s->n_in == 2 &&
         (ht_pass_is(s, "AddV2") || ht_pass_is(s, "Add")) && ht_pass_float(s);
}

/* The normalisation that makes input k of a sum and nothing else, or NULL. */
static ht_step *norm_of(const ht_plan *p, const ht_step *sum, int k,
                        const int *readers) {
  ht_step *norm = ht_pass_maker(p, sum->in[k]);
  bool alone = readers[sum->in[k]] == 1 && sum->in[0] != sum->in[1];
  return alone && ht_pass_batch_norm(norm) && sum->in[k] == norm->out &&
                 !ht_pass_norm_activation(norm)
             ? norm
             : NULL;
}

static ht_status join(ht_plan *p, ht_step *norm, ht_step *sum, int k) {
  ht_norm_add_parts *parts;
  int *in;
  HT_NEW(parts, &p->arena, 1);
  HT_NEW(in, &p->arena, 6);
  *parts = (ht_norm_add_parts){norm->attrs, HT_LINEAR};
  for (int i = 0; i < 3; i++) in[i] = norm->in[i];
  in[3] = norm->out + 3;
  in[4] = norm->out + 4;
  in[5] = sum->in[!k];
  sum->op = &ht_op_norm_add;
  sum->prepared = parts;
  sum->in = in;
  sum->n_in = 6;
  norm->op = &ht_op_norm_statistics;
  return HT_SUCCESS;
}

static void activate(ht_plan *p, const ht_step *s, const int *readers) {
  ht_activation a = ht_activation_of(s->op);
  if (a == HT_LINEAR || !ht_pass_plain(s) || s->n_in != 1) return;
  ht_step *sum = ht_pass_maker(p, s->in[0]);
  if (!sum || sum->op != &ht_op_norm_add || readers[s->in[0]] != 1) return;
  ht_norm_add_parts *parts = sum->prepared;
  parts->activation = a;
  ht_pass_redirect(p, s->out, sum->out);
}

ht_status ht_pass_norm_add(ht_plan *p) {
  int *readers;
  HT_TRY(ht_pass_readers(p, &readers));
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *sum = &p->step[i];
    for (int k = 1; k >= 0 && is_sum(sum); k--) {
      ht_step *norm = norm_of(p, sum, k, readers);
      if (norm) HT_TRY(join(p, norm, sum, k));
    }
  }
  for (int i = 0; i < p->n_steps; i++) activate(p, &p->step[i], readers);
  return HT_SUCCESS;
}
