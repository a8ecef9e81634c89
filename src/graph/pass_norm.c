/* pass_norm.c - batch normalisation and its activation in one, see pass.h. */
#include <string.h>

#include "graph/pass.h"
#include "ops/fused.h"

static bool is_norm(const ht_step *s) {
  return ht_pass_plain(s) && strncmp(s->op->name, "FusedBatchNorm", 14) == 0 &&
         ht_pass_float(s);
}

bool ht_pass_batch_norm(const ht_step *s) {
  return is_norm(s) && s->n_out >= 5 && ht_attr_bool(s->attrs, "is_training");
}

ht_activation ht_pass_norm_activation(const ht_step *norm) {
  if (norm->op == ht_op_norm_with(HT_RELU)) return HT_RELU;
  return norm->op == ht_op_norm_with(HT_RELU6) ? HT_RELU6 : HT_LINEAR;
}

/* s is an activation: the normalisation that it alone reads, or NULL. */
static ht_step *norm_before(const ht_plan *p, const ht_step *s,
                            const int *readers) {
  if (!ht_pass_plain(s) || s->n_in != 1 ||
      !ht_op_norm_with(ht_activation_of(s->op)) || readers[s->in[0]] != 1)
    return NULL;
  ht_step *norm = ht_pass_maker(p, s->in[0]);
  bool alone = is_norm(norm) && !strchr(norm->op->name, '+');
  return alone && s->in[0] == norm->out ? norm : NULL;
}

ht_status ht_pass_norm(ht_plan *p) {
  int *readers;
  HT_TRY(ht_pass_readers(p, &readers));
  for (int i = 0; i < p->n_steps; i++) {
    ht_step *s = &p->step[i], *norm = norm_before(p, s, readers);
    if (!norm) continue;
    norm->op = ht_op_norm_with(ht_activation_of(s->op));
    ht_pass_redirect(p, s->out, norm->out);
  }
  return HT_SUCCESS;
}
