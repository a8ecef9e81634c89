/*
 * op.h - the op table: a row per TensorFlow op, beside its code.
 *
 * A row holds the op's interface (enough to read stripped attributes and
 * "node:output:index" references, and to write graphs), its documentation,
 * samples that the tests run against TensorFlow's numbers, and the functions
 * that run and differentiate it. Ops know no graph and no tape: what they
 * need of the world comes through ht_run.
 */
#ifndef HT_OPS_OP_H
#define HT_OPS_OP_H

#include "ops/attr.h"
#include "tensor/variable.h"

typedef struct ht_op ht_op;
typedef struct ht_call ht_call;
typedef struct ht_back ht_back;
typedef struct ht_run ht_run;
typedef struct ht_plan ht_plan; /* a function made ready to run: src/graph */
typedef struct ht_tape ht_tape; /* src/autograd */
typedef struct ht_profile ht_profile; /* profile.h */

typedef ht_status ht_forward_fn(ht_call *call);
typedef ht_status ht_gradient_fn(ht_back *back);
/* Output 0 of a call once more, as it was, from what its gradient sees. */
typedef ht_status ht_remake_fn(ht_back *back, ht_tensor *out);
/* Floating-point operations of a call, told by shapes: for profiles. */
typedef double ht_flops_fn(const ht_attrs *attrs, const ht_tensor *in,
                           const ht_tensor *out);

/* What the tape keeps of a call until its gradient has run: inputs 0..15 and
 * outputs 0..15. Of the rest the gradient sees dtype and shape alone. */
#define HT_KEEP_IN(i) (1u << (i))
#define HT_KEEP_OUT(i) (1u << (16 + (i)))
#define HT_KEEP_INS 0xffffu /* all inputs, also those after the 16th */
#define HT_KEEP_OUTS 0xffff0000u

enum {                     /* flags of a row */
       HT_OP_STATEFUL = 1, /* effects or hidden state: never folded or merged */
       HT_OP_RANDOM = 2,   /* draws from the run's generator */
       HT_OP_ROWS = 4,     /* row i of every output depends on row i of the
                              inputs alone (axis 0), whatever the attributes */
       HT_OP_ROWS_GRAD = 8, /* the gradient takes cotangents that are rows */
       HT_OP_DEAD_IN = 16,  /* runs although an input is dead (Merge) */
       HT_OP_HANDLES = 32,  /* inputs marked Ref are handles, not values */
       HT_OP_ABSENT =
           64, /* known but not run: a plan that needs it is refused */
       HT_OP_READS = 128, /* stateful because it reads state: it changes none
                             and is left out where nothing reads it */
       /* Types without kernels are computed in wider ones, and rounded
        * (integers: cut) at the end; of integers only inputs of type T. */
       HT_OP_IN_FLOAT = 256,   /* half and bfloat16 in float, gradients too */
       HT_OP_IN_LONG = 512,    /* integers below 32 bits and uint32 in int64 */
       HT_OP_IN_DOUBLE = 1024, /* the same and int32 in double */
       HT_OP_TWO_GRAD = 2048 /* the gradient adds `late` to dout[0] by itself */
};

struct ht_op {
  const char *name; /* TensorFlow's */
  /*
   * The interface, as facts: "x:T y:T", "z:T", "T:type keep_dims:bool=false".
   * An input or output is name:type with type a dtype, a type attribute,
   * Ref(T), "N*T" (N tensors) or "list:A" (as many as type list A has).
   */
  const char *inputs, *outputs, *attrs;
  const char *doc; /* one line */
  /*
   * Calls worth trying, separated by ";" (the grammar stands in
   * tests/golden/README.md); or "@name": tested by the test of that name.
   */
  const char *samples;
  /* Once per node of a plan: parses attributes, compiles patterns. Whatever
   * is put in *prepared is freed with `unprepare`. May be NULL. */
  ht_status (*prepare)(const ht_attrs *attrs, void **prepared);
  void (*unprepare)(void *prepared);
  ht_forward_fn *forward;
  ht_gradient_fn *gradient; /* or ht_no_gradient; NULL is refused by name */
  unsigned keep;            /* HT_KEEP_* */
  unsigned flags;           /* HT_OP_* */
  ht_remake_fn *remake;     /* of cheap ops: later steps do not store output 0;
                               NULL: they do */
  ht_flops_fn *flops;       /* NULL: one for each element of output 0 */
};

/* What TensorFlow has no gradient for, or whose gradient is zero. */
ht_gradient_fn ht_no_gradient;
/* For ops whose forward pass leaves the trace on what it passes on, or
 * records by itself (Identity, containers, control flow): nothing to do. */
ht_gradient_fn ht_gradient_in_forward;

/* The row of that name, NULL if there is none. All rows, sorted by name. */
const ht_op *ht_op_find(const char *name);
const ht_op *const *ht_op_all(int *n);

/* ---- one application, forward */

struct ht_call {
  const ht_op *op;
  const char *node;      /* name, for messages */
  const ht_attrs *attrs; /* complete: defaults filled in */
  void *prepared;
  ht_plan *const *sub; /* a plan per function-valued attribute, in the order
                          of the row's attributes (lists flattened) */
  int n_sub;
  int n_in, n_out;
  const ht_tensor *const *in; /* borrowed */
  ht_tensor *out;             /* empty; filled by forward */
  ht_run *run;
};

/* Runs the row's forward function, or its gradient rule, as the HT_OP_IN_
 * flags say. */
ht_status ht_op_forward(ht_call *c) HT_MUST_CHECK;
ht_status ht_op_gradient(ht_back *b, ht_gradient_fn *gradient) HT_MUST_CHECK;
/* t as numbers of type `to`. */
ht_status ht_round_to(ht_pool *pool, ht_dtype to, ht_tensor *t) HT_MUST_CHECK;

/* out[i] = a new tensor from the run's pool (zeros: cleared). */
ht_status ht_out(ht_call *c, int i, ht_dtype dtype,
                 const ht_shape *shape) HT_MUST_CHECK;
ht_status ht_out_zeros(ht_call *c, int i, ht_dtype dtype,
                       const ht_shape *shape) HT_MUST_CHECK;
/* out[i] with dtype and shape of in[k]. */
ht_status ht_out_like(ht_call *c, int i, int k) HT_MUST_CHECK;
/* out[i] = in[k], shared (with `shape`: reshaped; counts must agree). */
void ht_out_share(ht_call *c, int i, int k);
void ht_out_shaped(ht_call *c, int i, int k, const ht_shape *shape);

/* Checks; messages name the input by the row's interface. */
ht_status ht_need_rank(const ht_call *c, int i, int rank) HT_MUST_CHECK;
ht_status ht_need_min_rank(const ht_call *c, int i, int rank) HT_MUST_CHECK;
ht_status ht_need_dtype(const ht_call *c, int i, ht_dtype t) HT_MUST_CHECK;
ht_status ht_need_same_shape(const ht_call *c, int i, int k) HT_MUST_CHECK;
ht_status ht_need_scalar(const ht_call *c, int i) HT_MUST_CHECK;
/* The variable that input i is a handle of. */
ht_status ht_variable_input(const ht_call *c, int i,
                            ht_variable **out) HT_MUST_CHECK;
/* "op 'X' does not support dtype 'int8'" */
ht_status ht_no_dtype(const ht_call *c, ht_dtype t) HT_MUST_CHECK;
/* A shape given as an int32 or int64 vector; dims >= 0 unless minus_one. */
ht_status ht_shape_from(const ht_tensor *t, bool minus_one,
                        ht_shape *out) HT_MUST_CHECK;
/* An axis in [-rank, rank) made non-negative. */
ht_status ht_axis_from(int64_t axis, int rank, int *out) HT_MUST_CHECK;

/* ---- one application, backward */

/* d loss / d value: dense, or rows of axis 0 (indices may repeat). */
typedef struct ht_cotangent {
  ht_tensor dense;   /* HT_INVALID where there is none, or it is rows */
  ht_tensor indices; /* int64 [n]; HT_INVALID: not rows */
  ht_tensor values;  /* [n, ...] */
} ht_cotangent;

struct ht_back {
  const ht_op *op;
  const char *node;
  const ht_attrs *attrs;
  void *prepared;
  int n_in, n_out;
  const ht_tensor *in;   /* data NULL where the row does not keep it */
  const ht_tensor *out;  /* the same */
  ht_cotangent *dout;    /* per output; dense unless HT_OP_ROWS_GRAD.
                            HT_INVALID where no gradient arrives */
  const ht_tensor *late; /* what dout[0] still lacks, of a rule with
                            HT_OP_TWO_GRAD; HT_INVALID: nothing */
  ht_run *run;
  void *walk;              /* the tape's */
  const ht_tensor *stored; /* the inputs, where `in` holds wider copies */
  ht_cotangent *collected; /* per input: where what is given is added, of a rule
                              that runs as an op; NULL: on the tape */
};

/* Whether the gradient with regard to input i is wanted. */
bool ht_wants(const ht_back *b, int i);
/*
 * Adds g to the gradient of input i; takes over g (also on failure). Where
 * the input was broadcast, g is summed down to its shape here, so rules
 * ignore broadcasting.
 */
ht_status ht_give(ht_back *b, int i, ht_tensor *g) HT_MUST_CHECK;
/*
 * The sum so far of what was given to input i, for a rule that adds to it in
 * place and then does not give: kernels that add spare a tensor and a pass
 * over it. *sum is NULL where a tensor of that shape has to be given: it is the
 * first, is not added as it is, or the sum so far is another's, too.
 */
ht_status ht_back_sum(ht_back *b, int i, const ht_shape *shape,
                      ht_tensor **sum) HT_MUST_CHECK;
/* Adds rows (indices int64 [n] or any shape of n, values [n, ...]). */
ht_status ht_give_rows(ht_back *b, int i, ht_tensor *indices,
                       ht_tensor *values) HT_MUST_CHECK;
/* Makes the cotangent of output k dense and whole, where rows arrived (of a
 * rule with HT_OP_ROWS_GRAD) or an addend late (HT_OP_TWO_GRAD). */
ht_status ht_back_dense(ht_back *b, int k) HT_MUST_CHECK;
/* A new tensor from the run's pool, to be given. */
ht_status ht_back_new(ht_back *b, ht_dtype dtype, const ht_shape *shape,
                      ht_tensor *out) HT_MUST_CHECK;
ht_status ht_back_zeros(ht_back *b, ht_dtype dtype, const ht_shape *shape,
                        ht_tensor *out) HT_MUST_CHECK;

/* ---- the world */

/*
 * What a run gives its ops. Function pointers keep the ladder: ops do not
 * include the graph or the tape.
 */
/* A loop that goes on for longer is taken for one without end. */
#define HT_MAX_TURNS INT64_C(100000000)

struct ht_run {
  ht_pool *pool;
  ht_store *store;
  ht_tape *tape;      /* NULL: no gradients wanted */
  bool training;      /* assignments are staged, lazy rows touched */
  uint64_t seed;      /* of random ops without one of their own */
  uint64_t step;      /* training step: random ops draw by (seed, node, step) */
  uint64_t calls;     /* random ops run so far in this run */
  const char *folder; /* of the module: no op reads a file outside it */
  int64_t max_turns;  /* of a loop, 0: no limit */
  ht_profile *profile; /* NULL: times are not taken */
  bool suspect;        /* an op whose result is NaN, but no input, fails */
  uint64_t epoch; /* runs of a plan with one number see one state: what a node
                     makes of variables may be kept between them; 0: none */

  /* Runs a sub-plan; `in` borrowed, `out` filled. Recorded on the tape. */
  ht_status (*call_plan)(ht_run *run, ht_plan *plan, int n_in,
                         const ht_tensor *const *in, int n_out, ht_tensor *out);
  /*
   * Records an application that forward made by itself (containers, loops):
   * `gradient` will see exactly these inputs and outputs, with everything
   * kept. Gives the outputs their trace. Does nothing without a tape.
   */
  ht_status (*record)(ht_run *run, const ht_call *call,
                      ht_gradient_fn *gradient, int n_in,
                      const ht_tensor *const *in, int n_out, ht_tensor *out);
  /*
   * The traced leaf of a variable that is trained: sets *trace of a value
   * that was read from it. Rows given to that trace are rows of the
   * variable. Does nothing without a tape or for an untuned variable.
   */
  ht_status (*trace_variable)(ht_run *run, ht_variable *v, ht_tensor *value);
};

/*
 * Applies an op outside any graph and tape: for gradient rules that are made
 * of ops. `attrs` as in samples: "transpose_a=true". Outputs are filled.
 */
ht_status ht_apply(ht_run *run, const char *op, const char *attrs, int n_in,
                   const ht_tensor *const *in, int n_out,
                   ht_tensor *out) HT_MUST_CHECK;

/*
 * Runs the gradient rule of another op, for ops that are gradients. The
 * attributes are the call's; tensors are borrowed, and what the rule does not
 * keep may have no data. g[i]: the gradient of input i, for each bit of
 * `wanted`; zeros where the rule gives none.
 */
ht_status ht_apply_gradient(ht_call *c, const char *op, unsigned wanted,
                            int n_in, ht_tensor *in, int n_out,
                            const ht_tensor *out, ht_cotangent *dout,
                            ht_tensor *g) HT_MUST_CHECK;

#endif
