/* op_block.c - blocks of space turned into depth, batch or patches. */
#include <string.h>

#include "ops/moves.h"

/* ---- SpaceToDepth, DepthToSpace: axes split, reordered and joined */

typedef struct depth {
  int64_t block;
  int y, x, c; /* axes of height, width and channels */
} depth;

static ht_status depth_of(const ht_attrs *attrs, const ht_shape *s, depth *d) {
  bool first = ht_attr_is(attrs, "data_format", "NCHW");
  d->block = ht_attr_int(attrs, "block_size");
  if (!first && !ht_attr_is(attrs, "data_format", "NHWC"))
    return ht_fail(HT_UNSUPPORTED, "data_format is not NHWC or NCHW");
  if (s->rank != 4 || d->block < 2 || d->block > INT32_MAX)
    return ht_fail(HT_USAGE, "block_size %lld on rank %d", (long long)d->block,
                   s->rank);
  *d = first ? (depth){d->block, 2, 3, 1} : (depth){d->block, 1, 2, 3};
  return HT_SUCCESS;
}

/* Spatial s as the axes of the deep tensor: [batch, H, W, by, bx, C], or
 * [batch, by, bx, C, H, W]. */
static ht_part blocks_of(const depth *d, const ht_shape *s) {
  static const int last[] = {0, 1, 3, 2, 4, 5}, first[] = {0, 3, 5, 1, 2, 4};
  ht_part p = ht_part_of(s);
  ht_part_split(&p, d->x, d->block);
  ht_part_split(&p, d->y, d->block);
  ht_part_permute(&p, d->c == 1 ? first : last);
  return p;
}

static ht_shape as_deep(const depth *d, const ht_shape *s) {
  ht_shape deep = *s;
  deep.dim[d->y] /= d->block;
  deep.dim[d->x] /= d->block;
  deep.dim[d->c] *= d->block * d->block;
  return deep;
}

/* The deep tensor's own order, cut as the blocks are. */
static ht_part like(const ht_part *p) {
  ht_part dense = *p;
  dense.at = 0;
  ht_k_strides(p->rank, p->n, 1, dense.step);
  return dense;
}

static ht_status space_to_depth(const depth *d, const ht_tensor *x,
                                ht_tensor *y) {
  ht_part from = blocks_of(d, &x->shape), to = like(&from);
  return ht_part_copy(y, &to, x, &from);
}

static ht_status depth_to_space(const depth *d, const ht_tensor *x,
                                ht_tensor *y) {
  ht_part to = blocks_of(d, &y->shape), from = like(&to);
  return ht_part_copy(y, &to, x, &from);
}

static ht_status space_to_depth_forward(ht_call *c) {
  depth d;
  const ht_shape *s = &c->in[0]->shape;
  HT_TRY(depth_of(c->attrs, s, &d));
  if (s->dim[d.y] % d.block || s->dim[d.x] % d.block)
    return ht_fail(HT_USAGE, "%lld by %lld cannot be cut in blocks of %lld",
                   (long long)s->dim[d.y], (long long)s->dim[d.x],
                   (long long)d.block);
  ht_shape deep = as_deep(&d, s);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &deep));
  return space_to_depth(&d, c->in[0], &c->out[0]);
}

static ht_status depth_to_space_forward(ht_call *c) {
  depth d;
  ht_shape s = c->in[0]->shape;
  HT_TRY(depth_of(c->attrs, &s, &d));
  if (s.dim[d.c] % (d.block * d.block))
    return ht_fail(HT_USAGE, "%lld channels are no multiple of %lld",
                   (long long)s.dim[d.c], (long long)(d.block * d.block));
  s.dim[d.c] /= d.block * d.block;
  if (__builtin_mul_overflow(s.dim[d.y], d.block, &s.dim[d.y]) ||
      __builtin_mul_overflow(s.dim[d.x], d.block, &s.dim[d.x]))
    return ht_fail(HT_USAGE, "block_size %lld is too large",
                   (long long)d.block);
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &s));
  return depth_to_space(&d, c->in[0], &c->out[0]);
}

static ht_status space_to_depth_gradient(ht_back *b) {
  depth d;
  ht_tensor g;
  HT_TRY(depth_of(b->attrs, &b->in[0].shape, &d));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  return ht_give_or_drop(b, 0, &g, depth_to_space(&d, &b->dout[0].dense, &g));
}

static ht_status depth_to_space_gradient(ht_back *b) {
  depth d;
  ht_tensor g;
  HT_TRY(depth_of(b->attrs, &b->in[0].shape, &d));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &b->in[0].shape, &g));
  return ht_give_or_drop(b, 0, &g, space_to_depth(&d, &b->dout[0].dense, &g));
}

/* ---- SpaceToBatchND, BatchToSpaceND: each place inside a block has a slab
 * of the batch */

enum { MAX_BLOCKS = HT_MAX_RANK - 1 };

typedef struct batching {
  int m; /* spatial axes, 1 .. m */
  int64_t block[MAX_BLOCKS], before[MAX_BLOCKS], after[MAX_BLOCKS];
  int64_t slabs;           /* the product of blocks */
  ht_shape space, batches; /* both shapes */
} batching;

static ht_status read_blocks(const ht_shape *s, const ht_tensor *block,
                             int64_t one_size, batching *g) {
  g->m = block ? (int)ht_count(block) : 2;
  g->slabs = 1;
  if (g->m > s->rank - 1 || g->m > MAX_BLOCKS || s->rank < 1 ||
      (block && block->shape.rank != 1) || (!block && s->rank != 4))
    return ht_fail(HT_USAGE, "block_shape does not fit rank %d", s->rank);
  for (int i = 0; i < g->m; i++) {
    g->block[i] = block ? ht_int_at(block, i) : one_size;
    if (g->block[i] < 1 ||
        __builtin_mul_overflow(g->slabs, g->block[i], &g->slabs) ||
        g->slabs > INT32_MAX)
      return ht_fail(HT_USAGE, "block_shape[%d] = %lld", i,
                     (long long)g->block[i]);
  }
  return HT_SUCCESS;
}

static ht_status read_pads(const ht_tensor *pads, batching *g) {
  if (pads->shape.rank != 2 || pads->shape.dim[0] != g->m ||
      pads->shape.dim[1] != 2)
    return ht_fail(HT_USAGE, "paddings and crops are [%d,2]", g->m);
  for (int i = 0; i < g->m; i++) {
    g->before[i] = ht_int_at(pads, 2 * i);
    g->after[i] = ht_int_at(pads, 2 * i + 1);
    if (g->before[i] < 0 || g->after[i] < 0 || g->before[i] > INT32_MAX ||
        g->after[i] > INT32_MAX)
      return ht_fail(HT_USAGE, "padding or crop %lld, %lld of axis %d",
                     (long long)g->before[i], (long long)g->after[i], i + 1);
  }
  return HT_SUCCESS;
}

/* `block` NULL: one block_size for two axes, the old ops. */
static ht_status from_space(const ht_shape *s, const ht_tensor *block,
                            const ht_tensor *pads, int64_t size, batching *g) {
  HT_TRY(read_blocks(s, block, size, g));
  HT_TRY(read_pads(pads, g));
  g->space = g->batches = *s;
  for (int i = 0; i < g->m; i++) {
    int64_t n = s->dim[i + 1] + g->before[i] + g->after[i];
    if (n % g->block[i])
      return ht_fail(HT_USAGE, "padded axis %d of %lld is no multiple of %lld",
                     i + 1, (long long)n, (long long)g->block[i]);
    g->batches.dim[i + 1] = n / g->block[i];
  }
  if (__builtin_mul_overflow(s->dim[0], g->slabs, &g->batches.dim[0]))
    return ht_fail(HT_USAGE, "block_shape is too large");
  return HT_SUCCESS;
}

static ht_status from_batches(const ht_shape *s, const ht_tensor *block,
                              const ht_tensor *crops, int64_t size,
                              batching *g) {
  HT_TRY(read_blocks(s, block, size, g));
  HT_TRY(read_pads(crops, g));
  g->space = g->batches = *s;
  if (s->dim[0] % g->slabs)
    return ht_fail(HT_USAGE, "a batch of %lld is no multiple of %lld",
                   (long long)s->dim[0], (long long)g->slabs);
  g->space.dim[0] /= g->slabs;
  for (int i = 0; i < g->m; i++) {
    int64_t n;
    if (__builtin_mul_overflow(s->dim[i + 1], g->block[i], &n) ||
        (n -= g->before[i] + g->after[i]) < 0)
      return ht_fail(HT_USAGE, "crops of axis %d exceed its size", i + 1);
    g->space.dim[i + 1] = n;
  }
  return HT_SUCCESS;
}

/* Slab k as a part of both tensors: element o of an axis of the batches is
 * element o * block + offset - before of that of the space, where inside. */
static void slab_parts(const batching *g, int64_t k, ht_part *space,
                       ht_part *batches) {
  *space = ht_part_of(&g->space);
  *batches = ht_part_of(&g->batches);
  ht_part_cut(batches, 0, k * g->space.dim[0], g->space.dim[0]);
  for (int i = g->m - 1; i >= 0; i--) {
    int64_t block = g->block[i], offset = k % block - g->before[i];
    int64_t size = g->space.dim[i + 1];
    k /= block;
    int64_t first = offset < 0 ? (-offset + block - 1) / block : 0;
    int64_t at = first * block + offset;
    int64_t n = at < size ? (size - at + block - 1) / block : 0;
    if (n > g->batches.dim[i + 1] - first) n = g->batches.dim[i + 1] - first;
    if (n < 0) n = 0;
    ht_part_cut(space, i + 1, n ? at : 0, n);
    space->step[i + 1] *= block;
    ht_part_cut(batches, i + 1, n ? first : 0, n);
  }
}

static ht_status to_batches(const batching *g, const ht_tensor *x,
                            ht_tensor *y) {
  ht_part space, batches;
  if (!ht_count(y)) return HT_SUCCESS;
  HT_TRY(ht_move_fill(y, NULL));
  for (int64_t k = 0; k < g->slabs; k++) {
    slab_parts(g, k, &space, &batches);
    HT_TRY(ht_part_copy(y, &batches, x, &space));
  }
  return HT_SUCCESS;
}

static ht_status to_space(const batching *g, const ht_tensor *x, ht_tensor *y) {
  ht_part space, batches;
  if (!ht_count(y)) return HT_SUCCESS;
  for (int64_t k = 0; k < g->slabs; k++) {
    slab_parts(g, k, &space, &batches);
    HT_TRY(ht_part_copy(y, &space, x, &batches));
  }
  return HT_SUCCESS;
}

static ht_status to_batches_forward(ht_call *c) {
  batching g;
  bool old = c->n_in == 2;
  HT_TRY(from_space(&c->in[0]->shape, old ? NULL : c->in[1], c->in[c->n_in - 1],
                    ht_attr_int(c->attrs, "block_size"), &g));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &g.batches));
  return to_batches(&g, c->in[0], &c->out[0]);
}

static ht_status to_space_forward(ht_call *c) {
  batching g;
  bool old = c->n_in == 2;
  HT_TRY(from_batches(&c->in[0]->shape, old ? NULL : c->in[1],
                      c->in[c->n_in - 1], ht_attr_int(c->attrs, "block_size"),
                      &g));
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &g.space));
  return to_space(&g, c->in[0], &c->out[0]);
}

static ht_status to_batches_gradient(ht_back *b) {
  batching n;
  ht_tensor g;
  bool old = b->n_in == 2;
  HT_TRY(from_space(&b->in[0].shape, old ? NULL : &b->in[1],
                    &b->in[b->n_in - 1], ht_attr_int(b->attrs, "block_size"),
                    &n));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &n.space, &g));
  return ht_give_or_drop(b, 0, &g, to_space(&n, &b->dout[0].dense, &g));
}

static ht_status to_space_gradient(ht_back *b) {
  batching n;
  ht_tensor g;
  bool old = b->n_in == 2;
  HT_TRY(from_batches(&b->in[0].shape, old ? NULL : &b->in[1],
                      &b->in[b->n_in - 1], ht_attr_int(b->attrs, "block_size"),
                      &n));
  HT_TRY(ht_back_new(b, b->in[0].dtype, &n.batches, &g));
  return ht_give_or_drop(b, 0, &g, to_batches(&n, &b->dout[0].dense, &g));
}

/* ---- ExtractImagePatches: [batch, rows, cols, patch * depth] */

typedef struct patches {
  int64_t size[2], stride[2], rate[2], before[2];
  ht_shape images, out;
} patches;

static ht_status four(const ht_attrs *attrs, const char *name, int64_t v[2]) {
  if (ht_attr_length(attrs, name) != 4 || ht_attr_int_at(attrs, name, 0) != 1 ||
      ht_attr_int_at(attrs, name, 3) != 1)
    return ht_fail(HT_USAGE, "'%s' must be [1, rows, cols, 1]", name);
  for (int i = 0; i < 2; i++) {
    v[i] = ht_attr_int_at(attrs, name, i + 1);
    if (v[i] < 1 || v[i] > INT32_MAX)
      return ht_fail(HT_USAGE, "'%s' has %lld", name, (long long)v[i]);
  }
  return HT_SUCCESS;
}

static ht_status patches_of(const ht_attrs *attrs, const ht_shape *s,
                            patches *p) {
  bool same = ht_attr_is(attrs, "padding", "SAME");
  HT_TRY(four(attrs, "ksizes", p->size));
  HT_TRY(four(attrs, "strides", p->stride));
  HT_TRY(four(attrs, "rates", p->rate));
  if (s->rank != 4 || (!same && !ht_attr_is(attrs, "padding", "VALID")))
    return ht_fail(HT_USAGE, "wanted images and padding SAME or VALID");
  p->images = p->out = *s;
  for (int i = 0; i < 2; i++) {
    int64_t span = (p->size[i] - 1) * p->rate[i] + 1, n = s->dim[i + 1];
    int64_t out = same       ? (n + p->stride[i] - 1) / p->stride[i]
                  : n < span ? 0
                             : (n - span) / p->stride[i] + 1;
    int64_t pad = (out - 1) * p->stride[i] + span - n;
    p->before[i] = same && pad > 0 ? pad / 2 : 0;
    p->out.dim[i + 1] = out;
  }
  if (__builtin_mul_overflow(s->dim[3], p->size[0] * p->size[1],
                             &p->out.dim[3]))
    return ht_fail(HT_USAGE, "patches are too large");
  return HT_SUCCESS;
}

/* What lies at (row, col) of all patches, in the images and in the result. */
static void patch_parts(const patches *p, const int64_t at[2], ht_part *images,
                        ht_part *out) {
  int64_t channels = p->images.dim[3];
  *images = ht_part_of(&p->images);
  *out = ht_part_of(&p->out);
  ht_part_cut(out, 3, (at[0] * p->size[1] + at[1]) * channels, channels);
  for (int i = 0; i < 2; i++) {
    int64_t stride = p->stride[i], offset = at[i] * p->rate[i] - p->before[i];
    int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t begin = first * stride + offset, size = p->images.dim[i + 1];
    int64_t n = begin < size ? (size - begin + stride - 1) / stride : 0;
    if (n > p->out.dim[i + 1] - first) n = p->out.dim[i + 1] - first;
    if (n < 0) n = 0;
    ht_part_cut(images, i + 1, n ? begin : 0, n);
    images->step[i + 1] *= stride;
    ht_part_cut(out, i + 1, n ? first : 0, n);
  }
}

/* Copies images to patches, or adds patches to images. */
static ht_status each_place(const patches *p, const ht_tensor *x, bool back,
                            ht_tensor *y) {
  ht_part images, out;
  if (!ht_shape_count(&p->out)) return HT_SUCCESS;
  for (int64_t r = 0; r < p->size[0]; r++)
    for (int64_t c = 0; c < p->size[1]; c++) {
      patch_parts(p, (int64_t[]){r, c}, &images, &out);
      HT_TRY(back ? ht_part_add(y, &images, x, &out)
                  : ht_part_copy(y, &out, x, &images));
    }
  return HT_SUCCESS;
}

static ht_status patches_forward(ht_call *c) {
  patches p;
  HT_TRY(patches_of(c->attrs, &c->in[0]->shape, &p));
  HT_TRY(ht_out_zeros(c, 0, c->in[0]->dtype, &p.out));
  return each_place(&p, c->in[0], false, &c->out[0]);
}

static ht_status patches_gradient(ht_back *b) {
  patches p;
  ht_tensor g;
  HT_TRY(patches_of(b->attrs, &b->in[0].shape, &p));
  HT_TRY(ht_back_zeros(b, b->in[0].dtype, &b->in[0].shape, &g));
  return ht_give_or_drop(b, 0, &g, each_place(&p, &b->dout[0].dense, true, &g));
}

#define DEPTH_ATTRS "T:type block_size:int data_format:string='NHWC'"

const ht_op ht_ops_block[] = {
    {
        .name = "SpaceToDepth",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = DEPTH_ATTRS,
        .doc = "Blocks of pixels as channels.",
        .samples = "f[1,4,6,2] block_size=2; d[2,3,3,1] block_size=3;"
                   "i[1,2,2,3] block_size=2; f[0,2,2,1] block_size=2",
        .forward = space_to_depth_forward,
        .gradient = space_to_depth_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "DepthToSpace",
        .inputs = "input:T",
        .outputs = "output:T",
        .attrs = DEPTH_ATTRS,
        .doc = "Channels as blocks of pixels.",
        .samples = "f[1,2,3,8] block_size=2; d[2,1,2,9] block_size=3;"
                   "i[1,2,2,4] block_size=2",
        .forward = depth_to_space_forward,
        .gradient = depth_to_space_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "SpaceToBatchND",
        .inputs = "input:T block_shape:Tblock_shape paddings:Tpaddings",
        .outputs = "output:T",
        .attrs = "T:type Tblock_shape:type=int32 Tpaddings:type=int32",
        .doc = "Places inside blocks of space as parts of the batch.",
        .samples =
            "f[1,4,4,2] i[2]{2,2} i[2,2]{0,0,0,0};"
            "d[2,3,5,2] i[2]{2,3} i[2,2]{1,2,0,1};"
            "d[1,3] l[1]{2} l[1,2]{3,0}; i[2,4,1] i[1]{2} i[1,2]{0,0};"
            "f[2,3] i[0] i[0,2]; d[1,2,3,2,2] i[3]{1,2,2} i[3,2]{0,0,1,0,0,0}",
        .forward = to_batches_forward,
        .gradient = to_batches_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
    },
    {
        .name = "BatchToSpaceND",
        .inputs = "input:T block_shape:Tblock_shape crops:Tcrops",
        .outputs = "output:T",
        .attrs = "T:type Tblock_shape:type=int32 Tcrops:type=int32",
        .doc = "Parts of the batch as places inside blocks of space.",
        .samples = "f[4,2,2,2] i[2]{2,2} i[2,2]{0,0,0,0};"
                   "d[12,3,2,2] i[2]{2,3} i[2,2]{1,2,0,1};"
                   "d[2,3] l[1]{2} l[1,2]{3,0}; i[4,2,1] i[1]{2} i[1,2]{0,0};"
                   "f[2,3] i[0] i[0,2]",
        .forward = to_space_forward,
        .gradient = to_space_gradient,
        .keep = HT_KEEP_IN(1) | HT_KEEP_IN(2),
    },
    {
        .name = "SpaceToBatch",
        .inputs = "input:T paddings:Tpaddings",
        .outputs = "output:T",
        .attrs = "T:type Tpaddings:type=int32 block_size:int",
        .doc = "Places inside blocks of space as parts of the batch.",
        .samples = "f[1,4,2,2] i[2,2]{0,0,0,0} block_size=2;"
                   "d[2,3,5,1] l[2,2]{1,2,0,1} block_size=3",
        .forward = to_batches_forward,
        .gradient = to_batches_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "BatchToSpace",
        .inputs = "input:T crops:Tidx",
        .outputs = "output:T",
        .attrs = "T:type block_size:int Tidx:type=int32",
        .doc = "Parts of the batch as places inside blocks of space.",
        .samples = "f[4,2,2,2] i[2,2]{0,0,0,0} block_size=2;"
                   "d[9,2,2,1] l[2,2]{1,2,0,1} block_size=3",
        .forward = to_space_forward,
        .gradient = to_space_gradient,
        .keep = HT_KEEP_IN(1),
    },
    {
        .name = "ExtractImagePatches",
        .inputs = "images:T",
        .outputs = "patches:T",
        .attrs = "ksizes:list(int) strides:list(int) rates:list(int) T:type "
                 "padding:string",
        .doc = "The patches of images as channels.",
        .samples = "f[1,4,5,2] ksizes=[1,2,3,1] strides=[1,1,1,1] "
                   "rates=[1,1,1,1] padding='VALID';"
                   "d[2,5,4,1] ksizes=[1,3,3,1] strides=[1,2,2,1] "
                   "rates=[1,1,1,1] padding='SAME';"
                   "d[1,6,5,2] ksizes=[1,2,2,1] strides=[1,1,2,1] "
                   "rates=[1,2,3,1] padding='SAME';"
                   "i[1,3,3,1] ksizes=[1,2,2,1] strides=[1,1,1,1] "
                   "rates=[1,1,1,1] padding='VALID'",
        .forward = patches_forward,
        .gradient = patches_gradient,
        .flags = HT_OP_ROWS,
    },
    {0},
};
