/* op.c - what every op uses: outputs and checks, see op.h. */
#include "ops/op.h"

#include <string.h>

ht_status ht_no_gradient(ht_back *b) {
  (void)b;
  return HT_SUCCESS;
}

ht_status ht_gradient_in_forward(ht_back *b) {
  (void)b;
  return HT_SUCCESS;
}

ht_status ht_out(ht_call *c, int i, ht_dtype dtype, const ht_shape *shape) {
  return ht_tensor_new(c->run->pool, dtype, shape, &c->out[i]);
}

ht_status ht_out_zeros(ht_call *c, int i, ht_dtype dtype,
                       const ht_shape *shape) {
  return ht_tensor_zeros(c->run->pool, dtype, shape, &c->out[i]);
}

ht_status ht_out_like(ht_call *c, int i, int k) {
  return ht_out(c, i, c->in[k]->dtype, &c->in[k]->shape);
}

/* A shared value is a new one to the tape: without the old trace. */
void ht_out_share(ht_call *c, int i, int k) {
  c->out[i] = ht_tensor_share(c->in[k]);
  c->out[i].trace = 0;
}

void ht_out_shaped(ht_call *c, int i, int k, const ht_shape *shape) {
  c->out[i] = ht_tensor_shaped(c->in[k], shape);
  c->out[i].trace = 0;
}

/* The name of input i by the row's interface: the k-th word, where lists
 * count once and later inputs are named by the last. */
static const char *input_name(const ht_call *c, int i, char text[48]) {
  const char *p = c->op->inputs, *word = p;
  for (int k = 0; *p; k++) {
    word = p;
    p += strcspn(p, " ");
    if (k == i) break;
    p += strspn(p, " ");
  }
  size_t n = strcspn(word, ": ");
  if (n > 40) n = 40;
  memcpy(text, word, n);
  text[n] = 0;
  return text;
}

static ht_status wrong(const ht_call *c, int i, const char *wanted) {
  char name[48], shape[HT_SHAPE_TEXT];
  return ht_fail(HT_USAGE, "op '%s' wants %s as input '%s', found %s %s",
                 c->op->name, wanted, input_name(c, i, name),
                 ht_dtype_name(c->in[i]->dtype),
                 ht_shape_text(&c->in[i]->shape, shape));
}

ht_status ht_need_rank(const ht_call *c, int i, int rank) {
  static const char *const ranks[] = {"a scalar", "a vector", "a matrix",
                                      "rank 3",   "rank 4",   "rank 5"};
  if (c->in[i]->shape.rank == rank) return HT_SUCCESS;
  return wrong(c, i, rank < 6 ? ranks[rank] : "another rank");
}

ht_status ht_need_min_rank(const ht_call *c, int i, int rank) {
  if (c->in[i]->shape.rank >= rank) return HT_SUCCESS;
  return wrong(c, i, rank == 1 ? "at least a vector" : "more dimensions");
}

ht_status ht_need_dtype(const ht_call *c, int i, ht_dtype t) {
  if (c->in[i]->dtype == t) return HT_SUCCESS;
  return wrong(c, i, ht_dtype_name(t));
}

ht_status ht_need_same_shape(const ht_call *c, int i, int k) {
  if (ht_shape_equal(&c->in[i]->shape, &c->in[k]->shape)) return HT_SUCCESS;
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  return ht_fail(HT_USAGE, "op '%s' wants equal shapes, found %s and %s",
                 c->op->name, ht_shape_text(&c->in[i]->shape, a),
                 ht_shape_text(&c->in[k]->shape, b));
}

ht_status ht_need_scalar(const ht_call *c, int i) {
  return ht_count(c->in[i]) == 1 ? HT_SUCCESS : wrong(c, i, "a scalar");
}

ht_status ht_no_dtype(const ht_call *c, ht_dtype t) {
  return ht_fail(HT_UNSUPPORTED, "op '%s' does not support dtype '%s'",
                 c->op->name, ht_dtype_name(t));
}

ht_status ht_shape_from(const ht_tensor *t, bool minus_one, ht_shape *out) {
  bool ints = t->dtype == HT_INT32 || t->dtype == HT_INT64;
  if (!ints || t->shape.rank > 1)
    return ht_fail(HT_USAGE, "a shape must be a vector of int32 or int64");
  int64_t n = ht_count(t);
  if (n > HT_MAX_RANK)
    return ht_fail(HT_UNSUPPORTED, "a shape of rank %lld: at most %d",
                   (long long)n, HT_MAX_RANK);
  out->rank = (int)n;
  for (int i = 0; i < out->rank; i++) {
    out->dim[i] = ht_int_at(t, i);
    if (out->dim[i] < (minus_one ? -1 : 0))
      return ht_fail(HT_USAGE, "negative dimension %lld in a shape",
                     (long long)out->dim[i]);
  }
  return HT_SUCCESS;
}

ht_status ht_axis_from(int64_t axis, int rank, int *out) {
  if (axis < -rank || axis >= rank)
    return ht_fail(HT_USAGE, "axis %lld is outside rank %d", (long long)axis,
                   rank);
  *out = (int)(axis < 0 ? axis + rank : axis);
  return HT_SUCCESS;
}

ht_status ht_variable_input(const ht_call *c, int i, ht_variable **out) {
  HT_TRY(ht_need_dtype(c, i, HT_RESOURCE));
  ht_object *object = ht_count(c->in[i]) == 1 ? ht_obj(c->in[i])[0] : NULL;
  if (!object || object->class != &ht_variable_class)
    return ht_fail(HT_USAGE, "op '%s' wants a variable", c->op->name);
  *out = (ht_variable *)object;
  return HT_SUCCESS;
}
