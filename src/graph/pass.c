/* pass.c - what passes share, see pass.h. */
#include "graph/pass.h"

#include <string.h>

ht_status ht_pass_readers(ht_plan *p, int **readers) {
  HT_NEW(*readers, &p->arena, p->n_values + 1);
  for (int i = 0; i < p->n_rets; i++) (*readers)[p->ret[i]]++;
  for (int i = 0; i < p->n_steps; i++)
    for (int k = 0; k < p->step[i].n_in; k++) (*readers)[p->step[i].in[k]]++;
  return HT_SUCCESS;
}

void ht_pass_redirect(ht_plan *p, int from, int to) {
  for (int i = 0; i < p->n_rets; i++)
    if (p->ret[i] == from) p->ret[i] = to;
  for (int i = 0; i < p->n_steps; i++)
    for (int k = 0; k < p->step[i].n_in; k++)
      if (p->step[i].in[k] == from) p->step[i].in[k] = to;
}

ht_step *ht_pass_maker(const ht_plan *p, int value) {
  const ht_value *v = &p->value[value];
  return v->constant || v->step < 0 ? NULL : &p->step[v->step];
}

bool ht_pass_plain(const ht_step *s) {
  return s && !s->may_die && !s->n_guards && !s->n_sub &&
         !(s->op->flags & (HT_OP_STATEFUL | HT_OP_RANDOM));
}

bool ht_pass_is(const ht_step *s, const char *op) {
  return s && strcmp(s->op->name, op) == 0;
}

bool ht_pass_float(const ht_step *s) {
  return ht_attr_type(s->attrs, "T") == HT_FLOAT;
}

bool ht_pass_channels_last(const ht_step *s) {
  ht_string f = ht_attr_string(s->attrs, "data_format");
  return f.n < 2 || memcmp(f.p, "NC", 2) != 0;
}
