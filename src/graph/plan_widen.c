/*
 * plan_widen.c - ops of half and bfloat16 that are computed in float.
 *
 * Rows with HT_OP_IN_FLOAT have no kernel for the narrow types: their step
 * becomes casts, the step in float, and casts of what it gives. That is how
 * TensorFlow's kernels compute them too (sums in float, rounded once), and
 * gradients follow by the casts' own.
 */
#include <string.h>

#include "graph/plan_maker.h"
#include "ops/attr_text.h"
#include "ops/interface.h"

static bool narrow(ht_dtype t) { return t == HT_HALF || t == HT_BFLOAT16; }

bool ht_maker_widens(const ht_step *s) {
  bool found = false;
  if (!(s->op->flags & HT_OP_IN_FLOAT)) return false;
  for (int i = 0; i < s->attrs->n; i++) {
    const ht_attr *a = &s->attrs->attr[i];
    found |= a->kind == HT_ATTR_TYPE && !a->list && narrow(a->value->type);
  }
  return found;
}

/* The same attributes with float for every narrow type. */
static ht_status float_attrs(ht_arena *arena, const ht_attrs *attrs,
                             const ht_attrs **out) {
  ht_attrs *wide;
  HT_NEW(wide, arena, 1);
  HT_NEW(wide->attr, arena, attrs->n + 1);
  wide->n = attrs->n;
  for (int i = 0; i < attrs->n; i++) {
    ht_attr *a = &wide->attr[i];
    *a = attrs->attr[i];
    if (a->kind != HT_ATTR_TYPE || a->list || !narrow(a->value->type)) continue;
    HT_NEW(a->value, arena, 1);
    a->value->type = HT_FLOAT;
  }
  *out = wide;
  return HT_SUCCESS;
}

/* A step that passes a value on as `to` (HT_INVALID: as it is). */
static ht_status pass(ht_maker *b, const ht_step *of, int value, ht_dtype to,
                      int *out) {
  ht_arena *arena = &b->plan->arena;
  ht_step s = {.op = ht_op_find(to ? "Cast" : "Identity"),
               .node = of->node,
               .n_in = 1,
               .n_out = 1,
               .may_die = of->may_die};
  ht_attrs given, *attrs;
  HT_NEW(attrs, arena, 1);
  HT_NEW(s.in, arena, 1);
  s.in[0] = value;
  HT_TRY(ht_attrs_parse(to == HT_HALF       ? "DstT=half"
                        : to == HT_BFLOAT16 ? "DstT=bfloat16"
                                            : "DstT=float",
                        arena, &given));
  HT_TRY(ht_attrs_complete(s.op, &given, arena, attrs));
  s.attrs = attrs;
  HT_TRY(ht_maker_step(b, &s));
  *out = s.out;
  return HT_SUCCESS;
}

ht_status ht_maker_widened(ht_maker *b, ht_step *s) {
  ht_arena *arena = &b->plan->arena;
  ht_dtype *in, *out;
  int n, n_out = s->n_out, first = 0;
  HT_NEW(in, arena, s->n_in + 1);
  HT_NEW(out, arena, n_out + 1);
  HT_TRY(ht_op_inputs(s->op, s->attrs, s->n_in, in, &n));
  HT_TRY(ht_op_outputs(s->op, s->attrs, n_out, out, &n));
  for (int i = 0; i < s->n_in; i++)
    if (narrow(in[i])) HT_TRY(pass(b, s, s->in[i], HT_FLOAT, &s->in[i]));
  HT_TRY(float_attrs(arena, s->attrs, &s->attrs));
  HT_TRY(ht_maker_step(b, s));
  for (int i = 0; i < n_out; i++) { /* new values stand side by side */
    int value;
    ht_dtype to = narrow(out[i]) ? out[i] : HT_INVALID;
    HT_TRY(pass(b, s, s->out + i, to, &value));
    if (i == 0) first = value;
  }
  if (n_out) s->out = first;
  return HT_SUCCESS;
}
