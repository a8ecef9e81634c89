/*
 * op_flow.c - control flow of both generations.
 *
 * Branches and loop bodies are sub-plans; what they run is recorded on the
 * tape as it runs and their values carry their traces, so nothing here has a
 * gradient of its own. Of v1, Switch and Merge stay ops: a value that was not
 * chosen is dead. (v1 loops are raised to While when the plan is made.)
 */
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

/* What TensorFlow takes for true: a scalar by its value, else any element. */
static ht_status truth(const ht_tensor *t, bool *value) {
  if (t->shape.rank > 0)
    *value = ht_count(t) > 0;
  else if (t->dtype == HT_STRING)
    *value = ht_str(t)[0].n > 0;
  else if (ht_dtype_pointers(t->dtype))
    return ht_fail(HT_USAGE, "a %s is no condition", ht_dtype_name(t->dtype));
  else
    *value = ht_real_at(t, 0) != 0;
  return HT_SUCCESS;
}

static ht_status call_sub(ht_call *c, int k) {
  if (k >= c->n_sub)
    return ht_fail(HT_CORRUPT, "op '%s' lacks branch %d", c->op->name, k);
  return c->run->call_plan(c->run, c->sub[k], c->n_in - 1, c->in + 1, c->n_out,
                           c->out);
}

static ht_status if_forward(ht_call *c) {
  bool taken;
  HT_TRY(truth(c->in[0], &taken));
  return call_sub(c, taken ? 0 : 1);
}

/* An index outside the branches takes the last one. */
static ht_status case_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 0));
  int64_t k = ht_int_at(c->in[0], 0);
  if (k < 0 || k >= c->n_sub) k = c->n_sub - 1;
  return call_sub(c, (int)k);
}

/* Loop variables: owned copies in `value`, and where they stand. */
typedef struct loop {
  int n;
  ht_tensor *value, *next;
  const ht_tensor **at;
} loop;

static void loop_free(loop *l) {
  for (int i = 0; l->value && i < 2 * l->n; i++) ht_tensor_drop(&l->value[i]);
  free(l->value);
  free(l->at);
}

static ht_status loop_init(loop *l, const ht_call *c) {
  *l = (loop){.n = c->n_in};
  l->value = calloc(2 * (size_t)l->n + 1, sizeof *l->value);
  l->at = calloc((size_t)l->n + 1, sizeof *l->at);
  if (!l->value || !l->at) return ht_fail(HT_NO_MEMORY, "no memory for a loop");
  l->next = l->value + l->n;
  for (int i = 0; i < l->n; i++) {
    l->value[i] = ht_tensor_share(c->in[i]);
    l->at[i] = &l->value[i];
  }
  return HT_SUCCESS;
}

static ht_status loop_goes_on(ht_call *c, loop *l, bool *more) {
  ht_tensor condition;
  HT_TRY(c->run->call_plan(c->run, c->sub[0], l->n, l->at, 1, &condition));
  ht_status st = truth(&condition, more);
  ht_tensor_drop(&condition);
  return st;
}

static ht_status loop_turn(ht_call *c, loop *l) {
  HT_TRY(c->run->call_plan(c->run, c->sub[1], l->n, l->at, l->n, l->next));
  for (int i = 0; i < l->n; i++) {
    ht_tensor_drop(&l->value[i]);
    l->value[i] = l->next[i];
    l->next[i] = (ht_tensor){0};
  }
  return HT_SUCCESS;
}

static ht_status loop_run(ht_call *c, loop *l) {
  int64_t limit = c->run->max_turns;
  for (int64_t turn = 0;; turn++) {
    bool more;
    HT_TRY(loop_goes_on(c, l, &more));
    if (!more) return HT_SUCCESS;
    if (limit && turn >= limit)
      return ht_fail(HT_USAGE, "a loop ran more than %lld times",
                     (long long)limit);
    HT_TRY(ht_within(loop_turn(c, l), "turn %lld", (long long)turn));
  }
}

static ht_status while_forward(ht_call *c) {
  if (c->n_sub != 2 || c->n_in != c->n_out)
    return ht_fail(HT_CORRUPT, "a loop needs a condition and a body");
  loop l;
  ht_status st = loop_init(&l, c);
  if (st.code == HT_OK) st = loop_run(c, &l);
  for (int i = 0; i < l.n && st.code == HT_OK; i++) {
    c->out[i] = l.value[i];
    l.value[i] = (ht_tensor){0};
  }
  loop_free(&l);
  return st;
}

static ht_status call_forward(ht_call *c) {
  return ht_fail(HT_CORRUPT, "a call of a function outside a plan: '%s'",
                 c->node);
}

/* ---- version 1 */

static ht_status switch_forward(ht_call *c) {
  bool taken;
  HT_TRY(truth(c->in[1], &taken));
  c->out[taken ? 1 : 0] = ht_tensor_share(c->in[0]);
  c->out[taken ? 0 : 1] = (ht_tensor){.dead = true};
  return HT_SUCCESS;
}

static ht_status merge_forward(ht_call *c) {
  for (int i = 0; i < c->n_in; i++) {
    if (c->in[i]->dead || !c->in[i]->dtype) continue;
    c->out[0] = ht_tensor_share(c->in[i]);
    HT_TRY(ht_out(c, 1, HT_INT32, &HT_SCALAR));
    ht_i32(&c->out[1])[0] = i;
    return HT_SUCCESS;
  }
  c->out[0] = c->out[1] = (ht_tensor){.dead = true};
  return HT_SUCCESS;
}

static ht_status loop_cond_forward(ht_call *c) {
  c->out[0] = ht_tensor_share(c->in[0]);
  return HT_SUCCESS;
}

static ht_status frame_forward(ht_call *c) {
  return ht_fail(HT_CORRUPT, "'%s' stands in no loop", c->node);
}

#define IF_ROW(row_name)                                               \
  .name = row_name, .inputs = "cond:Tcond input:list:Tin",             \
  .outputs = "output:list:Tout",                                       \
  .attrs =                                                             \
      "Tcond:type Tin:list(type) Tout:list(type) then_branch:func "    \
      "else_branch:func output_shapes:list(shape)=[]",                 \
  .doc = "One of two functions, by a condition.",                      \
  .samples = "@branches_run_and_differentiate", .forward = if_forward, \
  .gradient = ht_gradient_in_forward

#define CASE_ROW(row_name)                                               \
  .name = row_name, .inputs = "branch_index:int32 input:list:Tin",       \
  .outputs = "output:list:Tout",                                         \
  .attrs =                                                               \
      "Tin:list(type) Tout:list(type) branches:list(func) "              \
      "output_shapes:list(shape)=[]",                                    \
  .doc = "One of several functions, by an index.",                       \
  .samples = "@branches_run_and_differentiate", .forward = case_forward, \
  .gradient = ht_gradient_in_forward

#define WHILE_ROW(row_name)                                               \
  .name = row_name, .inputs = "input:list:T", .outputs = "output:list:T", \
  .attrs =                                                                \
      "T:list(type) cond:func body:func "                                 \
      "output_shapes:list(shape)=[] parallel_iterations:int=10",          \
  .doc = "A function as long as another says so.",                        \
  .samples = "@loops_run_and_differentiate", .forward = while_forward,    \
  .gradient = ht_gradient_in_forward

#define CALL_ROW(row_name)                                                    \
  .name = row_name, .inputs = "args:list:Tin", .outputs = "output:list:Tout", \
  .attrs =                                                                    \
      "Tin:list(type) Tout:list(type) f:func config:string='' "               \
      "config_proto:string='' executor_type:string=''",                       \
  .doc = "A call of a function: put in its place when a plan is made.",       \
  .samples = "@calls_are_put_in_place", .forward = call_forward,              \
  .gradient = ht_gradient_in_forward

#define SWITCH_ROW(row_name, type)                                         \
  .name = row_name, .inputs = "data:" type " pred:bool",                   \
  .outputs = "output_false:" type " output_true:" type, .attrs = "T:type", \
  .doc = "Its input on one of two outputs; the other is dead.",            \
  .samples = "@dead_branches_do_not_run", .forward = switch_forward,       \
  .gradient = ht_gradient_in_forward

#define MERGE_ROW(row_name, type)                                   \
  .name = row_name, .inputs = "inputs:" type,                       \
  .outputs =                                                        \
      "output:T "                                                   \
      "value_index:int32",                                          \
  .attrs = "T:type N:int", .doc = "The input that is alive.",       \
  .samples = "@dead_branches_do_not_run", .forward = merge_forward, \
  .gradient = ht_gradient_in_forward

#define FRAME_ROW(row_name, type, text, attributes)                    \
  .name = row_name, .inputs = "data:" type, .outputs = "output:" type, \
  .attrs = "T:type" attributes, .doc = text,                           \
  .samples = "@loops_of_version_1_run_as_in_tensorflow",               \
  .forward = frame_forward, .gradient = ht_gradient_in_forward

#define ENTER_ROW(row_name, type)                             \
  FRAME_ROW(row_name, type, "A value that goes into a loop.", \
            " frame_name:string is_constant:bool=false "      \
            "parallel_iterations:int=10")
#define EXIT_ROW(row_name, type) \
  FRAME_ROW(row_name, type, "A value that a loop leaves with.", "")
#define NEXT_ROW(row_name, type) \
  FRAME_ROW(row_name, type, "A value for the next turn of a loop.", "")

const ht_op ht_ops_flow[] = {
    {IF_ROW("If"), .flags = HT_OP_STATEFUL},
    {IF_ROW("StatelessIf")},
    {CASE_ROW("Case"), .flags = HT_OP_STATEFUL},
    {CASE_ROW("StatelessCase")},
    {WHILE_ROW("While"), .flags = HT_OP_STATEFUL},
    {WHILE_ROW("StatelessWhile")},
    {CALL_ROW("PartitionedCall")},
    {CALL_ROW("StatefulPartitionedCall"), .flags = HT_OP_STATEFUL},
    {SWITCH_ROW("Switch", "T")},
    {SWITCH_ROW("RefSwitch", "Ref(T)"), .flags = HT_OP_HANDLES},
    {MERGE_ROW("Merge", "N*T"), .flags = HT_OP_DEAD_IN},
    {MERGE_ROW("RefMerge", "N*Ref(T)"), .flags = HT_OP_DEAD_IN | HT_OP_HANDLES},
    {ENTER_ROW("Enter", "T")},
    {ENTER_ROW("RefEnter", "Ref(T)"), .flags = HT_OP_HANDLES},
    {EXIT_ROW("Exit", "T")},
    {EXIT_ROW("RefExit", "Ref(T)"), .flags = HT_OP_HANDLES},
    {NEXT_ROW("NextIteration", "T")},
    {NEXT_ROW("RefNextIteration", "Ref(T)"), .flags = HT_OP_HANDLES},
    {
        .name = "LoopCond",
        .inputs = "input:bool",
        .outputs = "output:bool",
        .attrs = "",
        .doc = "The condition of a loop.",
        .samples = "@loops_run_and_differentiate",
        .forward = loop_cond_forward,
        .gradient = ht_no_gradient,
    },
    {0},
};
