/*
 * op_boxes.c - boxes on images: drawn, and drawn by lot (core/kernels/image/
 * draw_bounding_box_op.cc, sample_distorted_bounding_box_op.cc of
 * TensorFlow). Boxes are ymin, xmin, ymax, xmax from 0 to 1.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/random.h"
#include "ops/generator.h"
#include "ops/moves.h"

/* ---- DrawBoundingBoxes: their edges, a pixel wide */

static const float colours[10][4] = {
    {1, 1, 0, 1},       {0, 0, 1, 1},       {1, 0, 0, 1},    {0, 1, 0, 1},
    {0.5f, 0, 0.5f, 1}, {0.5f, 0.5f, 0, 1}, {0.5f, 0, 0, 1}, {0, 0, 0.5f, 1},
    {0, 1, 1, 1},       {1, 0, 1, 1}};

typedef struct canvas {
  float *p; /* [height, width, depth] */
  int64_t height, width, depth;
} canvas;

/* Pixels of a rectangle, as far as they lie on the image. */
static void paint(const canvas *a, int64_t top, int64_t left, int64_t bottom,
                  int64_t right, const float *colour) {
  for (int64_t y = top < 0 ? 0 : top; y <= bottom && y < a->height; y++)
    for (int64_t x = left < 0 ? 0 : left; x <= right && x < a->width; x++)
      memcpy(a->p + (y * a->width + x) * a->depth, colour,
             (size_t)a->depth * sizeof *colour);
}

static void draw(const canvas *a, const float *box, const float *colour) {
  float high = (float)(a->height - 1), wide = (float)(a->width - 1);
  float at[4] = {box[0] * high, box[1] * wide, box[2] * high, box[3] * wide};
  for (int i = 0; i < 4; i++)
    if (!(fabsf(at[i]) < 1e9f)) return;
  int64_t top = (int64_t)at[0], left = (int64_t)at[1];
  int64_t bottom = (int64_t)at[2], right = (int64_t)at[3];
  if (top > bottom || left > right) return;
  paint(a, top, left, top, right, colour);
  paint(a, bottom, left, bottom, right, colour);
  paint(a, top, left, bottom, left, colour);
  paint(a, top, right, bottom, right, colour);
}

static ht_status check_draw(const ht_call *c) {
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(ht_need_rank(c, 0, 4));
  HT_TRY(ht_need_rank(c, 1, 3));
  const ht_shape *s = &c->in[0]->shape, *b = &c->in[1]->shape;
  if (s->dim[3] != 1 && s->dim[3] != 3 && s->dim[3] != 4)
    return ht_fail(HT_USAGE, "op '%s' wants 1, 3 or 4 channels", c->op->name);
  if (b->dim[0] != s->dim[0] || b->dim[2] != 4)
    return ht_fail(HT_USAGE, "op '%s' wants boxes of 4 numbers for each image",
                   c->op->name);
  if (c->n_in < 3) return HT_SUCCESS;
  HT_TRY(ht_need_dtype(c, 2, HT_FLOAT));
  HT_TRY(ht_need_rank(c, 2, 2));
  if (c->in[2]->shape.dim[0] && c->in[2]->shape.dim[1] < s->dim[3])
    return ht_fail(HT_USAGE, "op '%s' wants colours of %lld numbers",
                   c->op->name, (long long)s->dim[3]);
  return HT_SUCCESS;
}

static void draw_all(ht_call *c, const float *table, int64_t n, int64_t step) {
  const ht_shape *s = &c->in[0]->shape;
  canvas a = {ht_f(&c->out[0]), s->dim[1], s->dim[2], s->dim[3]};
  int64_t boxes = c->in[1]->shape.dim[1];
  const float *box = ht_f(c->in[1]);
  for (int64_t i = 0; i < s->dim[0] * boxes; i++, box += 4) {
    if (i && i % boxes == 0) a.p += a.height * a.width * a.depth;
    draw(&a, box, table + i % boxes % n * step);
  }
}

static ht_status draw_forward(ht_call *c) {
  HT_TRY(check_draw(c));
  HT_TRY(ht_out_like(c, 0, 0));
  memcpy(c->out[0].data, c->in[0]->data, ht_tensor_bytes(c->in[0]));
  if (c->n_in > 2 && c->in[2]->shape.dim[0])
    draw_all(c, ht_f(c->in[2]), c->in[2]->shape.dim[0], c->in[2]->shape.dim[1]);
  else if (c->in[0]->shape.dim[3] == 1)
    draw_all(c, colours[0], 1, 4); /* grey images: white */
  else
    draw_all(c, colours[0], 10, 4);
  return HT_SUCCESS;
}

/* ---- SampleDistortedBoundingBox: a part of an image with enough of a box */

typedef struct part {
  int top, left, bottom, right;
} part;

typedef struct lot {
  ht_single numbers;
  int height, width; /* of the image */
  float area[2], aspect[2];
} lot;

static float area_of(const part *p) {
  if (p->bottom < p->top || p->right < p->left) return 0;
  return (float)(p->right - p->left) * (float)(p->bottom - p->top);
}

/* A number below n; the first ones of the generator's range would come too
 * often and are drawn again. */
static int below(ht_single *s, int n) {
  uint32_t limit = (uint32_t)n, v = ht_single_next(s);
  if ((limit & (limit - 1)) == 0) return (int)(v & (limit - 1));
  uint32_t rest = UINT32_MAX % limit + 1;
  while (v < rest) v = ht_single_next(s);
  return (int)(v % limit);
}

static int rounded(double x) { return (int)lrint(x); }

/* The most rows that still leave width enough. */
static int most_rows(const lot *l, float area, float aspect) {
  int most = rounded((double)sqrtf(area / aspect));
  if (rounded((double)((float)most * aspect)) > l->width) {
    most = (int)(((float)l->width + 0.5 - (double)1e-7f) / (double)aspect);
    if (rounded((double)((float)most * aspect)) > l->width) most--;
  }
  return most > l->height ? l->height : most;
}

static bool draw_part(lot *l, float aspect, part *out) {
  float all = (float)l->width, low, high;
  low = l->area[0] * all * (float)l->height;
  high = l->area[1] * all * (float)l->height;
  if (l->area[1] <= 0 || aspect <= 0 || l->width <= 0 || l->height <= 0)
    return false;
  int rows = rounded((double)sqrtf(low / aspect));
  int most = most_rows(l, high, aspect);
  if (rows >= most)
    rows = most;
  else
    rows += below(&l->numbers, most - rows + 1);
  int columns = rounded((double)((float)rows * aspect));
  for (int step = 1; step >= -1; step -= 2) { /* roundings are made good */
    float area = (float)((int64_t)columns * rows);
    if (step > 0 ? area >= low : area <= high) continue;
    rows += step;
    columns = rounded((double)((float)rows * aspect));
  }
  float area = (float)((int64_t)columns * rows);
  if (area < low || area > high || columns > l->width || rows > l->height ||
      columns <= 0 || rows <= 0)
    return false;
  int top = rows < l->height ? below(&l->numbers, l->height - rows) : 0;
  int left = columns < l->width ? below(&l->numbers, l->width - columns) : 0;
  *out = (part){top, left, top + rows, left + columns};
  return true;
}

static bool covers(const part *p, const part *box, float least) {
  part both = {p->top > box->top ? p->top : box->top,
               p->left > box->left ? p->left : box->left,
               p->bottom < box->bottom ? p->bottom : box->bottom,
               p->right < box->right ? p->right : box->right};
  float area = area_of(box);
  return area >= 1 && area_of(p) >= 1 && area_of(&both) / area >= least;
}

static bool any_covered(const lot *l, const part *p, const ht_tensor *boxes,
                        float least) {
  part whole = {0, 0, l->height, l->width};
  int64_t n = ht_count(boxes) / 4;
  if (!n) return covers(p, &whole, least);
  for (int64_t i = 0; i < n; i++) {
    const float *b = ht_f(boxes) + 4 * i;
    part box = {(int)(b[0] * (float)l->height), (int)(b[1] * (float)l->width),
                (int)(b[2] * (float)l->height), (int)(b[3] * (float)l->width)};
    if (covers(p, &box, least)) return true;
  }
  return false;
}

static ht_status two_floats(const ht_call *c, const char *name, float out[2]) {
  const ht_attr *a = ht_attr_find(c->attrs, name);
  if (!a || a->kind != HT_ATTR_FLOAT || a->n != 2)
    return ht_fail(HT_USAGE, "op '%s' wants two numbers as %s", c->op->name,
                   name);
  for (int i = 0; i < 2; i++) out[i] = (float)a->value[i].f;
  return out[0] > 0 && out[1] >= out[0]
             ? HT_SUCCESS
             : ht_fail(HT_USAGE, "op '%s': %s must rise from above 0",
                       c->op->name, name);
}

static ht_status check_sample(const ht_call *c) {
  HT_TRY(ht_need_rank(c, 0, 1));
  HT_TRY(ht_need_rank(c, 1, 3));
  const ht_shape *s = &c->in[1]->shape;
  if (ht_count(c->in[0]) != 3 || ht_int_at(c->in[0], 0) > INT32_MAX ||
      ht_int_at(c->in[0], 1) > INT32_MAX)
    return ht_fail(HT_USAGE, "op '%s' wants height, width and channels",
                   c->op->name);
  if (s->dim[0] != 1 || s->dim[2] != 4)
    return ht_fail(HT_USAGE, "op '%s' wants boxes of 4 numbers", c->op->name);
  for (int64_t i = 0; i < ht_count(c->in[1]); i++)
    if (!(ht_f(c->in[1])[i] >= 0 && ht_f(c->in[1])[i] <= 1))
      return ht_fail(HT_USAGE, "op '%s': a box reaches outside of [0,1]",
                     c->op->name);
  if (s->dim[1] || ht_attr_bool(c->attrs, "use_image_if_no_bounding_boxes"))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s' has no boxes", c->op->name);
}

static ht_status part_out(ht_call *c, const lot *l, const part *p) {
  ht_shape three = ht_shape_1(3), box = {3, {1, 1, 4}};
  int64_t begin[3] = {p->top, p->left, 0};
  int64_t size[3] = {p->bottom - p->top, p->right - p->left, -1};
  HT_TRY(ht_out(c, 0, c->in[0]->dtype, &three));
  HT_TRY(ht_out(c, 1, c->in[0]->dtype, &three));
  HT_TRY(ht_out(c, 2, HT_FLOAT, &box));
  for (int i = 0; i < 3; i++) ht_put_int(&c->out[0], i, begin[i]);
  for (int i = 0; i < 3; i++) ht_put_int(&c->out[1], i, size[i]);
  float *f = ht_f(&c->out[2]);
  f[0] = (float)p->top / (float)l->height;
  f[1] = (float)p->left / (float)l->width;
  f[2] = (float)p->bottom / (float)l->height;
  f[3] = (float)p->right / (float)l->width;
  return HT_SUCCESS;
}

static ht_status sample(ht_call *c, float least) {
  enum { TRIES_MAX = 1 << 24 };
  HT_TRY(check_sample(c));
  int64_t tries = ht_attr_int(c->attrs, "max_attempts");
  if (tries > TRIES_MAX)
    return ht_fail(HT_USAGE, "op '%s': more than %d attempts", c->op->name,
                   TRIES_MAX);
  lot l = {.height = (int)ht_int_at(c->in[0], 0),
           .width = (int)ht_int_at(c->in[0], 1)};
  HT_TRY(two_floats(c, "area_range", l.area));
  HT_TRY(two_floats(c, "aspect_ratio_range", l.aspect));
  l.numbers =
      (ht_single){.g = ht_generator_of_node(c, (uint64_t)tries), .used = 4};
  part whole = {0, 0, l.height, l.width}, p = whole;
  bool found = false;
  for (int64_t i = 0; i < tries && !found; i++) {
    float u = ht_uniform_float(ht_single_next(&l.numbers));
    float aspect = u * (l.aspect[1] - l.aspect[0]) + l.aspect[0];
    found = draw_part(&l, aspect, &p) && any_covered(&l, &p, c->in[1], least);
  }
  return part_out(c, &l, found ? &p : &whole);
}

static ht_status sample_forward(ht_call *c) {
  return sample(c, (float)ht_attr_float(c->attrs, "min_object_covered"));
}

static ht_status sample_v2_forward(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 2, HT_FLOAT));
  HT_TRY(ht_need_scalar(c, 2));
  return sample(c, ht_f(c->in[2])[0]);
}

#define BOXES                                                          \
  "f[2,3,4]{0.1,0.2,0.6,0.7,-0.3,0.1,0.5,1.4,0.9,0.9,0.2,0.2,0,0,1,1," \
  "0.5,0.5,0.5,0.5,1.2,0,1.4,1}"
#define OBJECTS "f[1,2,4]{0.1,0.2,0.6,0.7,0.5,0.5,0.9,1}"
#define SEEDED " seed=3 seed2=5"

const ht_op ht_ops_boxes[] = {
    {
        .name = "DrawBoundingBoxes",
        .inputs = "images:T boxes:float",
        .outputs = "output:T",
        .attrs = "T:type=float",
        .doc = "Images with the edges of boxes in ten colours.",
        .samples =
            "f[2,7,9,3] " BOXES "; f[2,5,6,1] " BOXES "; f[2,5,6,4] " BOXES
            "; h[2,4,4,3] " BOXES "; f[1,3,3,3] f[1,0,4]",
        .forward = draw_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "DrawBoundingBoxesV2",
        .inputs = "images:T boxes:float colors:float",
        .outputs = "output:T",
        .attrs = "T:type=float",
        .doc = "Images with the edges of boxes in given colours.",
        .samples = "f[2,7,9,3] " BOXES " f[2,4]; f[2,5,6,1] " BOXES
                   " f[1,1]; f[2,5,6,4] " BOXES " f[0,4]",
        .forward = draw_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_IN_FLOAT,
    },
    {
        .name = "SampleDistortedBoundingBox",
        .inputs = "image_size:T bounding_boxes:float",
        .outputs = "begin:T size:T bboxes:float",
        .attrs = "T:type seed:int=0 seed2:int=0 min_object_covered:float=0.1 "
                 "aspect_ratio_range:list(float)=[0.75,1.33] "
                 "area_range:list(float)=[0.05,1] max_attempts:int=100 "
                 "use_image_if_no_bounding_boxes:bool=false",
        .doc = "A part of an image that holds enough of a box, by lot.",
        .samples = "i[3]{40,60,3} " OBJECTS SEEDED
                   "; l[3]{30,20,3} f[1,0,4] use_image_if_no_bounding_boxes="
                   "true" SEEDED "; i[3]{40,60,3} " OBJECTS
                   " min_object_covered=0.9 area_range=[0.2,0.5]" SEEDED,
        .prepare = ht_generator_prepare,
        .unprepare = free,
        .forward = sample_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
    },
    {
        .name = "SampleDistortedBoundingBoxV2",
        .inputs = "image_size:T bounding_boxes:float min_object_covered:float",
        .outputs = "begin:T size:T bboxes:float",
        .attrs = "T:type seed:int=0 seed2:int=0 "
                 "aspect_ratio_range:list(float)=[0.75,1.33] "
                 "area_range:list(float)=[0.05,1] max_attempts:int=100 "
                 "use_image_if_no_bounding_boxes:bool=false",
        .doc = "A part of an image that holds enough of a box, by lot.",
        .samples = "i[3]{40,60,3} " OBJECTS " f[]{0.1}" SEEDED
                   "; l[3]{299,200,3} " OBJECTS " f[]{0.5} "
                   "aspect_ratio_range=[0.5,2] area_range=[0.3,0.6]" SEEDED
                   "; i[3]{5,4,3} " OBJECTS " f[]{1} max_attempts=3" SEEDED
                   "; i[3]{480,640,3} f[1,0,4] f[]{0.1} seed=17 "
                   "use_image_if_no_bounding_boxes=true",
        .prepare = ht_generator_prepare,
        .unprepare = free,
        .forward = sample_v2_forward,
        .gradient = ht_no_gradient,
        .flags = HT_OP_STATEFUL | HT_OP_RANDOM,
    },
    {0},
};
