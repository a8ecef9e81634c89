/*
 * tape.c - records and the walk back, see tape.h.
 *
 * Every traced value has a number; cotangents are kept per number. A record
 * holds its inputs and outputs (those that its rule does not read: outlines
 * without data) in one growing array. Outputs that are cheap to make again
 * (batch normalisation) are not stored by the steps that read them: the walk
 * makes them when it comes to the first such step.
 */
#include "autograd/tape.h"

#include <stdlib.h>
#include <string.h>

#include "ops/profile.h"

typedef struct record {
  const ht_op *op;
  const char *node;
  const ht_attrs *attrs;
  void *prepared;
  ht_gradient_fn *gradient;
  unsigned keep;
  int n_in, n_out;
  size_t first; /* of its inputs, then outputs, in values */
} record;

typedef struct leaf {
  const ht_variable *variable;
  uint32_t trace;
} leaf;

typedef struct slot { /* of a traced value */
  ht_cotangent total;
  ht_tensor late;   /* dense; to be added to a dense total, last: some rules do
                       that on their way through both */
  bool keep;        /* a leaf: its gradient is asked for after the walk */
  size_t maker;     /* 1 + the record that can make it again, 0: none */
  const void *data; /* where it stood when it was made */
} slot;

struct ht_tape {
  record *record;
  size_t n_records, record_capacity;
  ht_tensor *value;
  size_t n_values, value_capacity;
  slot *slot; /* by trace; 0 is unused */
  size_t n_slots, slot_capacity;
  leaf *leaf; /* hashed by variable, a power of two, half full at most */
  size_t n_leaves, leaf_slots;
};

ht_tape *ht_tape_new(void) { return calloc(1, sizeof(ht_tape)); }

void ht_tape_reset(ht_tape *tape) {
  for (size_t i = 0; i < tape->n_values; i++) ht_tensor_drop(&tape->value[i]);
  for (size_t i = 0; i < tape->n_slots; i++) {
    ht_cotangent_drop(&tape->slot[i].total);
    ht_tensor_drop(&tape->slot[i].late);
  }
  if (tape->leaf) memset(tape->leaf, 0, tape->leaf_slots * sizeof(leaf));
  tape->n_records = tape->n_values = tape->n_slots = tape->n_leaves = 0;
}

void ht_tape_free(ht_tape *tape) {
  if (!tape) return;
  ht_tape_reset(tape);
  free(tape->record);
  free(tape->value);
  free(tape->slot);
  free(tape->leaf);
  free(tape);
}

/* Room for `more` elements after the n in use. */
static ht_status reserve(void **p, size_t n, size_t more, size_t size,
                         size_t *capacity) {
  if (n + more <= *capacity) return HT_SUCCESS;
  size_t bigger = *capacity * 2 + more + 64;
  void *q = realloc(*p, bigger * size);
  if (!q) return ht_fail(HT_NO_MEMORY, "no memory for the tape");
  *p = q;
  *capacity = bigger;
  return HT_SUCCESS;
}
#define RESERVE(tape, array, n, more, capacity)                              \
  reserve((void **)&(tape)->array, (tape)->n, (more), sizeof *(tape)->array, \
          &(tape)->capacity)

static ht_status new_trace(ht_tape *tape, bool keep, uint32_t *trace) {
  HT_TRY(RESERVE(tape, slot, n_slots, 2, slot_capacity));
  if (!tape->n_slots) tape->slot[tape->n_slots++] = (slot){0};
  if (tape->n_slots >= UINT32_MAX)
    return ht_fail(HT_NO_MEMORY, "the tape is full");
  *trace = (uint32_t)tape->n_slots;
  tape->slot[tape->n_slots++] = (slot){.keep = keep};
  return HT_SUCCESS;
}

bool ht_tape_wants(const ht_op *op, int n_in, const ht_tensor *const *in) {
  if (op->gradient == ht_no_gradient || op->gradient == ht_gradient_in_forward)
    return false;
  for (int i = 0; i < n_in; i++)
    if (in[i]->trace) return true;
  return false;
}

static bool kept(unsigned mask, int shift, int i) {
  if (i < 16) return mask >> (shift + i) & 1;
  return (mask >> shift & 0xffffu) == 0xffffu;
}

/* Small ones are not worth it. */
static bool remakeable(const ht_tape *tape, const ht_tensor *t) {
  enum { SMALL = 1 << 16 };
  if (!t->trace || ht_tensor_bytes(t) < SMALL) return false;
  const slot *s = &tape->slot[t->trace];
  return s->maker && s->data == t->data;
}

static void keep_value(ht_tape *tape, const ht_tensor *t, bool whole) {
  if (whole && remakeable(tape, t)) whole = false;
  tape->value[tape->n_values++] =
      whole ? ht_tensor_share(t) : ht_tensor_outline(t);
}

ht_status ht_tape_record(ht_tape *tape, const ht_call *call,
                         ht_gradient_fn *gradient, int n_in,
                         const ht_tensor *const *in, int n_out,
                         ht_tensor *out) {
  size_t n = (size_t)n_in + (size_t)n_out;
  HT_TRY(RESERVE(tape, record, n_records, 1, record_capacity));
  HT_TRY(RESERVE(tape, value, n_values, n, value_capacity));
  for (int i = 0; i < n_out; i++) {
    out[i].trace = 0;
    if (ht_dtype_floating(out[i].dtype))
      HT_TRY(new_trace(tape, false, &out[i].trace));
  }
  unsigned mask = gradient && gradient != call->op->gradient
                      ? HT_KEEP_INS | HT_KEEP_OUTS
                      : call->op->keep;
  tape->record[tape->n_records++] = (record){
      .op = call->op,
      .node = call->node,
      .attrs = call->attrs,
      .prepared = call->prepared,
      .gradient = gradient ? gradient : call->op->gradient,
      .keep = mask,
      .n_in = n_in,
      .n_out = n_out,
      .first = tape->n_values,
  };
  for (int i = 0; i < n_in; i++) keep_value(tape, in[i], kept(mask, 0, i));
  for (int i = 0; i < n_out; i++) keep_value(tape, &out[i], kept(mask, 16, i));
  if (call->op->remake && !gradient && n_out && out[0].trace) {
    tape->slot[out[0].trace].maker = tape->n_records;
    tape->slot[out[0].trace].data = out[0].data;
  }
  return HT_SUCCESS;
}

static leaf *find_leaf(const ht_tape *tape, const ht_variable *v) {
  size_t mask = tape->leaf_slots - 1;
  size_t i = (size_t)((uintptr_t)v >> 4) * 0x9e3779b1u & mask;
  while (tape->leaf[i].variable && tape->leaf[i].variable != v)
    i = (i + 1) & mask;
  return &tape->leaf[i];
}

static ht_status grow_leaves(ht_tape *tape) {
  leaf *old = tape->leaf;
  size_t n = tape->leaf_slots, bigger = n ? n * 2 : 64;
  leaf *fresh = calloc(bigger, sizeof *fresh);
  if (!fresh) return ht_fail(HT_NO_MEMORY, "no memory for the tape");
  tape->leaf = fresh;
  tape->leaf_slots = bigger;
  for (size_t i = 0; i < n; i++)
    if (old[i].variable) *find_leaf(tape, old[i].variable) = old[i];
  free(old);
  return HT_SUCCESS;
}

ht_status ht_tape_leaf(ht_tape *tape, ht_variable *v, ht_tensor *value) {
  if (tape->n_leaves * 2 >= tape->leaf_slots) HT_TRY(grow_leaves(tape));
  leaf *l = find_leaf(tape, v);
  if (!l->variable) {
    HT_TRY(new_trace(tape, true, &l->trace));
    l->variable = v;
    tape->n_leaves++;
  }
  value->trace = l->trace;
  return HT_SUCCESS;
}

ht_status ht_tape_watch(ht_tape *tape, ht_tensor *value) {
  return new_trace(tape, true, &value->trace);
}

/* ---- the walk */

bool ht_wants(const ht_back *b, int i) { return b->in[i].trace != 0; }

ht_status ht_back_new(ht_back *b, ht_dtype dtype, const ht_shape *shape,
                      ht_tensor *out) {
  return ht_tensor_new(b->run->pool, dtype, shape, out);
}

ht_status ht_back_zeros(ht_back *b, ht_dtype dtype, const ht_shape *shape,
                        ht_tensor *out) {
  return ht_tensor_zeros(b->run->pool, dtype, shape, out);
}

/* Sums what was broadcast, in the type that the rule works in. */
static ht_status fit_given(ht_back *b, int i, ht_cotangent *g) {
  const ht_tensor *in = b->stored ? &b->stored[i] : &b->in[i];
  ht_pool *pool = b->run->pool;
  if (g->dense.dtype) HT_TRY(ht_sum_to_shape(pool, &g->dense, &in->shape));
  ht_tensor *value = g->dense.dtype ? &g->dense : &g->values;
  if (b->stored) HT_TRY(ht_round_to(pool, in->dtype, value));
  if (value->dtype == in->dtype) return HT_SUCCESS;
  return ht_fail(HT_UNSUPPORTED, "gradient of op '%s' is %s for a %s input",
                 b->op->name, ht_dtype_name(value->dtype),
                 ht_dtype_name(in->dtype));
}

/* Adds what is late. */
static ht_status settle(ht_pool *pool, slot *s, const ht_shape *shape) {
  ht_cotangent c = {.dense = s->late};
  if (!s->late.dtype) return HT_SUCCESS;
  s->late = (ht_tensor){0};
  return ht_cotangent_add(pool, &s->total, &c, shape);
}

/* Takes over g. */
static ht_status collect(ht_pool *pool, slot *s, ht_cotangent *g,
                         const ht_shape *shape) {
  if (g->dense.dtype && s->total.dense.dtype && !s->late.dtype) {
    s->late = g->dense;
    return HT_SUCCESS;
  }
  ht_status st = settle(pool, s, shape);
  if (st.code == HT_OK) return ht_cotangent_add(pool, &s->total, g, shape);
  ht_cotangent_drop(g);
  return st;
}

static ht_status give(ht_back *b, int i, ht_cotangent *g) {
  const ht_tensor *in = &b->in[i];
  ht_tape *tape = b->walk;
  ht_status st = in->trace ? fit_given(b, i, g) : HT_SUCCESS;
  if (!in->trace || st.code != HT_OK) {
    ht_cotangent_drop(g);
    return st;
  }
  ht_pool *pool = b->run->pool;
  if (b->collected)
    return ht_cotangent_add(pool, &b->collected[i], g, &in->shape);
  return collect(pool, &tape->slot[in->trace], g, &in->shape);
}

ht_status ht_give(ht_back *b, int i, ht_tensor *g) {
  ht_cotangent c = {.dense = *g};
  c.dense.trace = 0;
  *g = (ht_tensor){0};
  return give(b, i, &c);
}

ht_status ht_give_rows(ht_back *b, int i, ht_tensor *indices,
                       ht_tensor *values) {
  ht_cotangent c = {.indices = *indices, .values = *values};
  *indices = *values = (ht_tensor){0};
  c.indices.shape = ht_shape_1(ht_count(&c.indices));
  ht_shape flat = b->in[i].shape;
  flat.dim[0] = c.indices.shape.dim[0];
  c.values.shape = flat;
  return give(b, i, &c);
}

ht_status ht_back_sum(ht_back *b, int i, const ht_shape *shape,
                      ht_tensor **sum) {
  const ht_tensor *in = &b->in[i];
  ht_tape *tape = b->walk;
  *sum = NULL;
  if (b->stored || b->collected || !ht_shape_equal(&in->shape, shape))
    return HT_SUCCESS;
  slot *s = &tape->slot[in->trace];
  HT_TRY(settle(b->run->pool, s, shape));
  const ht_buffer *buffer = s->total.dense.buffer;
  if (buffer && ht_buffer_unique(buffer)) *sum = &s->total.dense;
  return HT_SUCCESS;
}

ht_status ht_back_dense(ht_back *b, int k) {
  ht_pool *pool = b->run->pool;
  const ht_shape *shape = &b->out[k].shape;
  HT_TRY(ht_cotangent_dense(pool, &b->dout[k], shape));
  if (k || !b->late || !b->late->dtype) return HT_SUCCESS;
  ht_cotangent c = {.dense = ht_tensor_share(b->late)};
  return ht_cotangent_add(pool, &b->dout[0], &c, shape);
}

static ht_status seed(ht_tape *tape, ht_run *run, const ht_tensor *y,
                      const ht_tensor *dy) {
  ht_cotangent c = {0};
  if (dy && dy->dtype) {
    c.dense = ht_tensor_share(dy);
  } else {
    ht_tensor one;
    HT_TRY(ht_ones(run->pool, y->dtype, &y->shape, &one));
    c.dense = one;
  }
  return collect(run->pool, &tape->slot[y->trace], &c, &y->shape);
}

/* What arrived at the outputs of a record: moved out of the slots. */
typedef struct arrived {
  ht_cotangent *d;
  ht_tensor late; /* of output 0, where the rule adds it */
  bool any;
} arrived;

static ht_status take_one(ht_tape *tape, ht_run *run, const record *r, int k,
                          arrived *a) {
  const ht_tensor *y = &tape->value[r->first + (size_t)(r->n_in + k)];
  slot *s = &tape->slot[y->trace];
  if (!y->trace) return HT_SUCCESS;
  if (k == 0 && r->op->flags & HT_OP_TWO_GRAD) {
    a->late = s->late;
    s->late = (ht_tensor){0};
  }
  HT_TRY(settle(run->pool, s, &y->shape));
  ht_cotangent *d = &a->d[k];
  *d = s->total;
  s->total = (ht_cotangent){0};
  a->any |= d->dense.dtype || d->values.dtype;
  if (r->op->flags & HT_OP_ROWS_GRAD) return HT_SUCCESS;
  return ht_cotangent_dense(run->pool, d, &y->shape);
}

static ht_status take_cotangents(ht_tape *tape, ht_run *run, const record *r,
                                 arrived *a) {
  memset(a->d, 0, (size_t)r->n_out * sizeof *a->d);
  for (int k = 0; k < r->n_out; k++) HT_TRY(take_one(tape, run, r, k, a));
  return HT_SUCCESS;
}

static ht_back back_of(ht_tape *tape, ht_run *run, const record *r,
                       ht_cotangent *d) {
  return (ht_back){
      .op = r->op,
      .node = r->node,
      .attrs = r->attrs,
      .prepared = r->prepared,
      .n_in = r->n_in,
      .n_out = r->n_out,
      .in = tape->value + r->first,
      .out = tape->value + r->first + r->n_in,
      .dout = d,
      .run = run,
      .walk = tape,
  };
}

static ht_status remake_inputs(ht_tape *tape, ht_run *run, const record *r);

/* The output of an earlier record; kept there until that one is walked. */
static ht_status remake(ht_tape *tape, ht_run *run, const record *r) {
  ht_tensor *y = &tape->value[r->first + (size_t)r->n_in], made;
  if (y->data) return HT_SUCCESS;
  HT_TRY(remake_inputs(tape, run, r));
  ht_back b = back_of(tape, run, r, NULL);
  HT_TRY(ht_within(r->op->remake(&b, &made), "node '%s'", r->node));
  made.trace = y->trace;
  ht_tensor_drop(y);
  *y = made;
  return HT_SUCCESS;
}

/* What the rule reads and was not stored. */
static ht_status remake_inputs(ht_tape *tape, ht_run *run, const record *r) {
  for (int i = 0; i < r->n_in; i++) {
    ht_tensor *t = &tape->value[r->first + (size_t)i];
    if (t->data || !t->trace || !kept(r->keep, 0, i)) continue;
    size_t maker = tape->slot[t->trace].maker;
    if (!maker) continue;
    record *m = &tape->record[maker - 1];
    HT_TRY(remake(tape, run, m));
    ht_tensor made =
        ht_tensor_shaped(&tape->value[m->first + (size_t)m->n_in], &t->shape);
    made.trace = t->trace;
    *t = made;
  }
  return HT_SUCCESS;
}

static ht_status apply_rule(ht_tape *tape, ht_run *run, const record *r,
                            const arrived *a) {
  if (!r->gradient)
    return ht_fail(HT_UNSUPPORTED, "op '%s' has no gradient", r->op->name);
  ht_back b = back_of(tape, run, r, a->d);
  b.late = &a->late;
  HT_TRY(remake_inputs(tape, run, r));
  if (!run->profile) return ht_op_gradient(&b, r->gradient);
  ht_span span = ht_profile_begin(run->profile);
  ht_status st = ht_op_gradient(&b, r->gradient);
  ht_profile_backward(run->profile, span, &b);
  return st;
}

static ht_status walk_record(ht_tape *tape, ht_run *run, const record *r) {
  enum { FEW = 8 };
  ht_cotangent few[FEW];
  arrived a = {.d = few};
  if (r->n_out > FEW) a.d = malloc((size_t)r->n_out * sizeof *a.d);
  if (!a.d) return ht_fail(HT_NO_MEMORY, "no memory for the tape");
  ht_status st = take_cotangents(tape, run, r, &a);
  if (st.code == HT_OK && a.any) st = apply_rule(tape, run, r, &a);
  for (int k = 0; k < r->n_out; k++) ht_cotangent_drop(&a.d[k]);
  ht_tensor_drop(&a.late);
  if (a.d != few) free(a.d);
  for (size_t i = 0; i < (size_t)(r->n_in + r->n_out); i++)
    ht_tensor_drop(&tape->value[r->first + i]);
  return ht_within(st, "gradient of node '%s'", r->node);
}

ht_status ht_tape_backward(ht_tape *tape, ht_run *run, int n,
                           const ht_tensor *y, const ht_tensor *dy) {
  for (int i = 0; i < n; i++)
    if (y[i].trace && y[i].trace < tape->n_slots)
      HT_TRY(seed(tape, run, &y[i], dy ? &dy[i] : NULL));
  while (tape->n_records > 0) {
    record r = tape->record[--tape->n_records];
    ht_status st = walk_record(tape, run, &r);
    tape->n_values = r.first;
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

ht_status ht_tape_gradient(ht_tape *tape, const ht_variable *v,
                           ht_cotangent *out) {
  *out = (ht_cotangent){0};
  if (!tape->n_leaves) return HT_SUCCESS;
  leaf *l = find_leaf(tape, v);
  if (!l->variable) return HT_SUCCESS;
  slot *s = &tape->slot[l->trace];
  HT_TRY(settle(NULL, s, &v->value.shape));
  *out = s->total;
  s->total = (ht_cotangent){0};
  return HT_SUCCESS;
}

ht_status ht_tape_gradient_of(ht_tape *tape, const ht_tensor *value,
                              ht_tensor *out) {
  *out = (ht_tensor){0};
  if (!value->trace || value->trace >= tape->n_slots) return HT_SUCCESS;
  ht_cotangent *total = &tape->slot[value->trace].total;
  HT_TRY(settle(NULL, &tape->slot[value->trace], &value->shape));
  HT_TRY(ht_cotangent_dense(NULL, total, &value->shape));
  *out = total->dense;
  *total = (ht_cotangent){0};
  return HT_SUCCESS;
}
