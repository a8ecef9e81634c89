/*
 * custom.c - saved custom gradients: an IdentityN whose gradient a function of
 * the module computes.
 *
 * The IdentityN holds results, arguments and variables; its gradient function
 * takes the cotangents of some outputs and values captured from the forward
 * function, and returns gradients for some inputs. What it returns none for
 * (the results) gets none: the path through the forward ops is cut.
 */
#include <stdlib.h>

#include "graph/plan_steps.h"

static ht_status custom_forward(ht_call *c) {
  for (int i = 0; i < c->n_out; i++) ht_out_share(c, i, i);
  return HT_SUCCESS;
}

/* The cotangent of output i, or zeros where none arrived. */
static ht_status cotangent_or_zeros(ht_back *b, int i, ht_tensor *out) {
  if (b->dout[i].dense.dtype) {
    *out = ht_tensor_share(&b->dout[i].dense);
    return HT_SUCCESS;
  }
  return ht_back_zeros(b, b->out[i].dtype, &b->out[i].shape, out);
}

static ht_status give_results(ht_back *b, const ht_custom_gradient *rule, int n,
                              ht_tensor *result) {
  for (int i = 0, k = 0; i < rule->n_returns && k < n; i++)
    if (rule->returns[i]) HT_TRY(ht_give(b, i, &result[k++]));
  return HT_SUCCESS;
}

static int count(const bool *flag, int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += flag[i];
  return sum;
}

static ht_status run_rule(ht_back *b, const ht_custom_step *s, ht_tensor *in,
                          const ht_tensor **at, ht_tensor *out, int n_out) {
  const ht_custom_gradient *rule = s->rule;
  int n = 0;
  for (int i = 0; i < rule->n_takes && i < s->n_values; i++)
    if (rule->takes[i]) HT_TRY(cotangent_or_zeros(b, i, &in[n++]));
  for (int i = 0; i < rule->n_captured; i++)
    in[n++] = ht_tensor_share(&b->in[s->n_values + i]);
  for (int i = 0; i < n; i++) {
    in[i].trace = 0;
    at[i] = &in[i];
  }
  HT_TRY(b->run->call_plan(b->run, s->plan, n, at, n_out, out));
  return give_results(b, rule, n_out, out);
}

static ht_status custom_gradient(ht_back *b) {
  const ht_custom_step *s = b->prepared;
  int n_out = count(s->rule->returns, s->rule->n_returns);
  int n_in = count(s->rule->takes, s->rule->n_takes) + s->rule->n_captured;
  ht_tensor *in = calloc((size_t)(n_in + n_out) + 1, sizeof *in);
  const ht_tensor **at = calloc((size_t)n_in + 1, sizeof *at);
  ht_tape *tape = b->run->tape;
  b->run->tape = NULL; /* first order only */
  ht_status st = in && at ? run_rule(b, s, in, at, in + n_in, n_out)
                          : ht_fail(HT_NO_MEMORY, "no memory for a gradient");
  b->run->tape = tape;
  for (int i = 0; in && i < n_in + n_out; i++) ht_tensor_drop(&in[i]);
  free(in);
  free(at);
  return st;
}

static void unprepare(void *prepared) {
  ht_custom_step *s = prepared; /* itself in the plan's arena */
  ht_plan_free(s->plan);
}

const ht_op ht_op_custom_gradient = {
    .name = "CustomGradient",
    .inputs = "input:list:T",
    .outputs = "output:list:T",
    .attrs = "T:list(type)",
    .doc = "An IdentityN with a gradient function of the module.",
    .forward = custom_forward,
    .gradient = custom_gradient,
    .unprepare = unprepare,
    .keep = HT_KEEP_INS,
};
