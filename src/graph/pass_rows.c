/*
 * pass_rows.c - whether a plan's results depend, row by row of axis 0, on the
 * same rows of what is fed alone: see pass.h.
 *
 * Sound without shapes: where a step could mix rows for some shape, it counts
 * as mixing.
 */
#include <string.h>

#include "graph/pass.h"

typedef enum kind { FIXED, ROWS, MIXED } kind;

typedef struct fact {
  kind kind;
  int rank; /* 0: not known */
} fact;

static bool one_of(const char *name, const char *const *list) {
  for (; *list; list++)
    if (strcmp(name, *list) == 0) return true;
  return false;
}

static const fact mixed = {MIXED, 0};

/* Images, one after the other; everything else is fixed. */
static bool is_image_op(const ht_step *s) {
  static const char *const names[] = {"Conv2D", "DepthwiseConv2dNative",
                                      "MaxPool", "AvgPool", NULL};
  if (one_of(s->op->name, names) || strncmp(s->op->name, "Conv2D+", 7) == 0 ||
      strncmp(s->op->name, "DepthwiseConv2dNative+", 22) == 0)
    return true;
  return strncmp(s->op->name, "FusedBatchNorm", 14) == 0 &&
         !ht_attr_bool(s->attrs, "is_training");
}

static bool axes_spare_rows(const ht_plan *p, int value) {
  const ht_tensor *t = p->value[value].constant;
  for (int64_t i = 0; t && i < ht_count(t); i++)
    if (ht_int_at(t, i) <= 0) return false;
  return t != NULL;
}

/* Sums and means over other axes. */
static fact reduced(const ht_plan *p, const ht_step *s, fact x) {
  if (x.kind != ROWS || !axes_spare_rows(p, s->in[1])) return mixed;
  bool keep = ht_attr_bool(s->attrs, "keep_dims");
  int n = (int)ht_count(p->value[s->in[1]].constant);
  return (fact){ROWS, !x.rank ? 0 : keep ? x.rank : x.rank - n};
}

/* Zeros around, but no rows of them. */
static fact padded(const ht_plan *p, const ht_step *s, fact x) {
  const ht_tensor *n = p->value[s->in[1]].constant;
  bool spares = n && ht_count(n) && !ht_int_at(n, 0) && !ht_int_at(n, 1);
  return x.kind == ROWS && spares ? x : mixed;
}

/* Elements of two: rows meet rows of one rank, or constants that lie along
 * later axes. */
static fact paired(const ht_plan *p, const ht_step *s, fact a, fact b) {
  if (a.kind == ROWS && b.kind == ROWS)
    return a.rank && a.rank == b.rank ? a : mixed;
  fact rows = a.kind == ROWS ? a : b;
  const ht_tensor *c = p->value[s->in[a.kind == ROWS]].constant;
  if (!c || rows.kind != ROWS || a.kind == MIXED || b.kind == MIXED)
    return mixed;
  return c->shape.rank == 0 || c->shape.rank < rows.rank ? rows : mixed;
}

static bool others_fixed(const ht_step *s, const fact *f) {
  for (int i = 1; i < s->n_in; i++)
    if (f[s->in[i]].kind != FIXED) return false;
  return true;
}

static fact fact_of(const ht_plan *p, const ht_step *s, const fact *f) {
  static const char *const pairs[] = {"AddV2",   "Add",     "Sub",     "Mul",
                                      "RealDiv", "Maximum", "Minimum", NULL};
  static const char *const reductions[] = {"Mean", "Sum", "Max", "Min", NULL};
  static const char *const passed[] = {"Identity", "StopGradient",
                                       "PreventGradient", NULL};
  const char *name = s->op->name;
  fact x = s->n_in ? f[s->in[0]] : mixed;
  if (s->n_in == 2 && one_of(name, pairs)) return paired(p, s, x, f[s->in[1]]);
  if (s->n_in == 2 && one_of(name, reductions)) return reduced(p, s, x);
  if (s->n_in == 2 && strcmp(name, "Pad") == 0) return padded(p, s, x);
  if (x.kind != ROWS || !others_fixed(s, f)) return mixed;
  if (is_image_op(s)) return (fact){ROWS, 4};
  if (strcmp(name, "BiasAdd") == 0) return x;
  if (strcmp(name, "MatMul") == 0)
    return ht_attr_bool(s->attrs, "transpose_a") ? mixed : (fact){ROWS, 2};
  if (strcmp(name, "Softmax") == 0) return x.rank > 1 ? x : mixed;
  bool alone = s->n_in == 1 && s->n_out == 1;
  return alone && (s->op->flags & HT_OP_ROWS || one_of(name, passed)) ? x
                                                                      : mixed;
}

static bool all_fixed(const ht_step *s, const fact *f) {
  for (int i = 0; i < s->n_in; i++)
    if (f[s->in[i]].kind != FIXED) return false;
  return true;
}

/* Reads of variables are fixed; whatever else has a state is not. */
static bool has_state(const ht_step *s) {
  static const char *const reads[] = {"ReadVariableOp", "VarHandleOp",
                                      "VariableV2", "VarIsInitializedOp", NULL};
  return s->may_die || s->n_sub || s->op->flags & HT_OP_RANDOM ||
         (s->op->flags & HT_OP_STATEFUL && !one_of(s->op->name, reads));
}

ht_status ht_pass_rows(ht_plan *p) {
  fact *f;
  HT_NEW(f, &p->arena, p->n_values + 1);
  p->rows = p->n_feeds > 0 && p->n_rets > 0;
  for (int i = 0; i < p->n_feeds; i++) f[p->feed[i]].kind = ROWS;
  for (int i = 0; i < p->n_steps; i++) {
    const ht_step *s = &p->step[i];
    if (has_state(s)) p->rows = false;
    fact made = all_fixed(s, f) ? (fact){FIXED, 0} : fact_of(p, s, f);
    for (int k = 0; k < s->n_out; k++)
      f[s->out + k] = k && made.kind == ROWS ? mixed : made;
  }
  for (int i = 0; i < p->n_rets; i++)
    p->rows = p->rows && f[p->ret[i]].kind == ROWS;
  return HT_SUCCESS;
}
