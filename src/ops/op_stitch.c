/* op_stitch.c - values parted by numbers, and put together again. */
#include <string.h>

#include "ops/moves.h"

static bool prefix(const ht_shape *s, const ht_shape *of) {
  if (s->rank > of->rank) return false;
  for (int i = 0; i < s->rank; i++)
    if (s->dim[i] != of->dim[i]) return false;
  return true;
}

/* Elements of what a number of `numbers` stands for. */
static int64_t slice_size(const ht_shape *numbers, const ht_shape *data) {
  int64_t n = 1;
  for (int i = numbers->rank; i < data->rank; i++) n *= data->dim[i];
  return n;
}

static ht_shape stacked(int64_t n, const ht_shape *numbers,
                        const ht_shape *data) {
  ht_shape s = ht_shape_1(n);
  for (int i = numbers->rank; i < data->rank; i++)
    s.dim[s.rank++] = data->dim[i];
  return s;
}

/* ---- DynamicPartition */

static ht_status count_parts(const ht_call *c, int64_t *size) {
  const ht_tensor *part = c->in[1];
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  if (!prefix(&part->shape, &c->in[0]->shape))
    return ht_fail(HT_USAGE, "the shape of partitions must begin that of data");
  for (int64_t i = 0; i < ht_count(part); i++) {
    int32_t p = ht_i32(part)[i];
    if (p < 0 || p >= c->n_out)
      return ht_fail(HT_USAGE, "partitions[%lld] = %d is not in [0, %d)",
                     (long long)i, p, c->n_out);
    size[p]++;
  }
  return HT_SUCCESS;
}

static ht_status part_data(ht_call *c, int64_t *size) {
  const ht_tensor *x = c->in[0], *part = c->in[1];
  int64_t slice = slice_size(&part->shape, &x->shape);
  HT_TRY(count_parts(c, size));
  for (int k = 0; k < c->n_out; k++) {
    ht_shape s = stacked(size[k], &part->shape, &x->shape);
    HT_TRY(ht_out(c, k, x->dtype, &s));
    size[k] = 0;
  }
  for (int64_t i = 0; i < ht_count(part); i++) {
    int k = ht_i32(part)[i];
    HT_TRY(ht_move_run(&c->out[k], size[k]++ * slice, x, i * slice, slice));
  }
  return HT_SUCCESS;
}

static ht_status partition_forward(ht_call *c) {
  ht_arena arena = {0};
  int64_t *size = ht_alloc(&arena, (size_t)c->n_out + 1, sizeof *size);
  ht_status st = size ? part_data(c, size)
                      : ht_fail(HT_NO_MEMORY, "no memory for partitions");
  ht_arena_free(&arena);
  return st;
}

/* Parts go back where they came from; zeros where no gradient arrives. */
static ht_status unpart(ht_back *b, int64_t *next, ht_tensor *g) {
  const ht_tensor *part = &b->in[1];
  int64_t slice = slice_size(&part->shape, &g->shape);
  for (int64_t i = 0; i < ht_count(part); i++) {
    int k = ht_i32(part)[i];
    const ht_tensor *dy = &b->dout[k].dense;
    if (dy->dtype)
      HT_TRY(ht_move_run(g, i * slice, dy, next[k]++ * slice, slice));
  }
  return HT_SUCCESS;
}

static ht_status partition_gradient(ht_back *b) {
  ht_arena arena = {0};
  ht_tensor g;
  HT_TRY(ht_back_zeros(b, b->in[0].dtype, &b->in[0].shape, &g));
  int64_t *next = ht_alloc(&arena, (size_t)b->n_out + 1, sizeof *next);
  ht_status st = next ? unpart(b, next, &g)
                      : ht_fail(HT_NO_MEMORY, "no memory for partitions");
  ht_arena_free(&arena);
  return ht_give_or_drop(b, 0, &g, st);
}

/* ---- DynamicStitch: inputs are N indices, then N data */

static ht_status stitch_shape(const ht_call *c, int n, ht_shape *s) {
  int64_t rows = 0;
  for (int k = 0; k < n; k++) {
    const ht_tensor *index = c->in[k], *data = c->in[n + k];
    HT_TRY(ht_need_dtype(c, k, HT_INT32));
    if (!prefix(&index->shape, &data->shape))
      return ht_fail(HT_USAGE,
                     "the shape of indices[%d] must begin that of "
                     "data[%d]",
                     k, k);
    for (int64_t i = 0; i < ht_count(index); i++) {
      int32_t at = ht_i32(index)[i];
      if (at < 0)
        return ht_fail(HT_USAGE, "indices[%d] has %d at %lld", k, at,
                       (long long)i);
      if (at >= rows) rows = (int64_t)at + 1;
    }
    ht_shape own = stacked(0, &index->shape, &data->shape);
    if (!k) *s = own;
    if (!ht_shape_equal(s, &own))
      return ht_fail(HT_USAGE, "slices of data[%d] differ from data[0]'s", k);
  }
  s->dim[0] = rows;
  return HT_SUCCESS;
}

/* Later ones win; places that no index names are zeros. */
static ht_status stitch_forward(ht_call *c) {
  int n = c->n_in / 2;
  ht_shape s;
  if (n < 1) return ht_fail(HT_USAGE, "op '%s' wants data", c->op->name);
  HT_TRY(stitch_shape(c, n, &s));
  HT_TRY(ht_out_zeros(c, 0, c->in[n]->dtype, &s));
  for (int k = 0; k < n; k++) {
    const ht_tensor *index = c->in[k], *data = c->in[n + k];
    int64_t slice = slice_size(&index->shape, &data->shape);
    for (int64_t i = 0; i < ht_count(index); i++)
      HT_TRY(ht_move_run(&c->out[0], ht_i32(index)[i] * slice, data, i * slice,
                         slice));
  }
  return HT_SUCCESS;
}

static ht_status unstitch(const ht_tensor *index, const ht_tensor *dy,
                          ht_tensor *g) {
  int64_t slice = slice_size(&index->shape, &g->shape);
  for (int64_t i = 0; i < ht_count(index); i++)
    HT_TRY(ht_move_run(g, i * slice, dy, ht_i32(index)[i] * slice, slice));
  return HT_SUCCESS;
}

/* As TensorFlow's: what was overwritten gets the gradient, too, so that
 * differences do not agree where a place is named twice. */
static ht_status stitch_gradient(ht_back *b) {
  int n = b->n_in / 2;
  for (int k = 0; k < n; k++) {
    ht_tensor g;
    if (!ht_wants(b, n + k)) continue;
    HT_TRY(ht_back_new(b, b->in[n + k].dtype, &b->in[n + k].shape, &g));
    HT_TRY(ht_give_or_drop(b, n + k, &g,
                           unstitch(&b->in[k], &b->dout[0].dense, &g)));
  }
  return HT_SUCCESS;
}

#define STITCH(NAME, DOC, MORE)                                                \
  {                                                                            \
    .name = NAME, .inputs = "indices:N*int32 data:N*T", .outputs = "merged:T", \
    .attrs = "N:int T:type", .doc = DOC,                                       \
    .samples =                                                                 \
        "(i[2]{2,0} i[1]{1}) (f[2,2] f[1,2]);"                                 \
        "(i[]{0} i[2,2]{3,1,2,4}) (d[3] d[2,2,3]);"                            \
        "(i[1]{0} i[1]{1}) (s[1]{'a'} s[1]{'b'});"                             \
        "(i[0] i[1]{0}) (i[0,2] i[1,2])" MORE,                                 \
    .forward = stitch_forward, .gradient = stitch_gradient,                    \
    .keep = HT_KEEP_INS                                                        \
  }

const ht_op ht_ops_stitch[] = {
    {
        .name = "DynamicPartition",
        .inputs = "data:T partitions:int32",
        .outputs = "outputs:num_partitions*T",
        .attrs = "num_partitions:int T:type",
        .doc = "A value's slices, parted by a number each.",
        .samples = "f[4,2] i[4]{1,0,1,1} num_partitions=2;"
                   "d[2,3] i[2,3]{0,2,1,2,0,0} num_partitions=4;"
                   "s[3]{'a','b','c'} i[3]{1,1,0} num_partitions=2;"
                   "i[0] i[0] num_partitions=2; d[2] i[]{1} num_partitions=2",
        .forward = partition_forward,
        .gradient = partition_gradient,
        .keep = HT_KEEP_IN(1),
    },
    STITCH("DynamicStitch", "Values put together at given places.",
           "; (i[1]{1} i[2]{0,1}) (d[1] d[2]) !differences=0"),
    STITCH("ParallelDynamicStitch", "Values put together at given places.", ""),
    {0},
};
