/*
 * op_suppress.c - non-maximum suppression: the best boxes of which no two
 * overlap much (core/kernels/image/non_max_suppression_op.cc of TensorFlow;
 * the soft form: Bodla et al., "Soft-NMS", ICCV 2017).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

/* ---- choosing */

typedef struct candidate {
  int64_t box;
  double score;
  int64_t seen; /* chosen ones whose weight it bears already */
} candidate;

typedef struct choice {
  int64_t n;      /* boxes */
  int64_t wanted; /* at most */
  double least;   /* scores must be above */
  double overlap; /* more than this suppresses */
  double sigma;   /* above 0: scores fade instead */
  double (*similarity)(const struct choice *c, int64_t a, int64_t b);
  const ht_tensor *values; /* boxes, or all overlaps */
  int64_t first, step;     /* of the boxes in it: box i is at first + i step */
  candidate *heap, *chosen;
  int64_t left, found;
} choice;

static bool better(const candidate *a, const candidate *b) {
  return a->score > b->score || (a->score == b->score && a->box < b->box);
}

static void push(choice *c, candidate x) {
  int64_t i = c->left++;
  for (; i > 0 && better(&x, &c->heap[(i - 1) / 2]); i = (i - 1) / 2)
    c->heap[i] = c->heap[(i - 1) / 2];
  c->heap[i] = x;
}

static candidate pop(choice *c) {
  candidate best = c->heap[0], x = c->heap[--c->left];
  int64_t i = 0, k;
  while ((k = 2 * i + 1) < c->left) {
    if (k + 1 < c->left && better(&c->heap[k + 1], &c->heap[k])) k++;
    if (!better(&c->heap[k], &x)) break;
    c->heap[i] = c->heap[k];
    i = k;
  }
  c->heap[i] = x;
  return best;
}

/* Weighs the next by the chosen ones that it has not seen, last first.
 * False: it is suppressed. */
static bool weigh(const choice *c, candidate *x) {
  for (int64_t k = c->found - 1; k >= x->seen; k--) {
    double s = c->similarity(c, x->box, c->chosen[k].box);
    if (c->sigma <= 0 && s > c->overlap) return false;
    if (c->sigma > 0) x->score *= exp(-0.5 / c->sigma * s * s);
    if (x->score <= c->least) return false;
  }
  x->seen = c->found;
  return true;
}

static void choose(choice *c) {
  while (c->found < c->wanted && c->left > 0) {
    candidate x = pop(c);
    double before = x.score;
    if (!weigh(c, &x)) continue;
    if (x.score == before)
      c->chosen[c->found++] = x;
    else
      push(c, x);
  }
}

static ht_status choice_open(choice *c) {
  size_t n = (size_t)c->n + 1;
  c->heap = malloc(2 * n * sizeof *c->heap);
  c->chosen = c->heap ? c->heap + n : NULL;
  c->left = c->found = 0;
  return c->heap ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for boxes");
}

static void choice_close(choice *c) { free(c->heap); }

/* ---- how much two boxes share */

typedef struct box {
  double top, left, bottom, right;
} box;

static box box_at(const choice *c, int64_t i) {
  int64_t at = c->first + i * c->step;
  double y1 = ht_real_at(c->values, at), x1 = ht_real_at(c->values, at + 1);
  double y2 = ht_real_at(c->values, at + 2), x2 = ht_real_at(c->values, at + 3);
  return (box){fmin(y1, y2), fmin(x1, x2), fmax(y1, y2), fmax(x1, x2)};
}

static double area_of(const box *b) {
  return (b->bottom - b->top) * (b->right - b->left);
}

/* The part of the union that both cover. */
static double shared(const choice *c, int64_t i, int64_t j) {
  box a = box_at(c, i), b = box_at(c, j);
  double area_a = area_of(&a), area_b = area_of(&b);
  if (area_a <= 0 || area_b <= 0) return 0;
  double high = fmin(a.bottom, b.bottom) - fmax(a.top, b.top);
  double wide = fmin(a.right, b.right) - fmax(a.left, b.left);
  double both = fmax(high, 0) * fmax(wide, 0);
  return both / (area_a + area_b - both);
}

static double stated(const choice *c, int64_t i, int64_t j) {
  return ht_real_at(c->values, i * c->n + j);
}

/* ---- the ops */

enum { VALUES, SCORES, COUNT, OVERLAP, LEAST, SIGMA }; /* inputs */

static double number_at(const ht_call *c, int i) {
  return ht_real_at(c->in[i], 0);
}

static ht_status check_boxes(const ht_call *c, int64_t cols) {
  const ht_shape *s = &c->in[VALUES]->shape;
  ht_dtype t = c->in[VALUES]->dtype;
  if (t != HT_FLOAT && t != HT_HALF) return ht_no_dtype(c, t);
  HT_TRY(ht_need_rank(c, VALUES, 2));
  HT_TRY(ht_need_rank(c, SCORES, 1));
  HT_TRY(ht_need_dtype(c, COUNT, HT_INT32));
  for (int i = COUNT; i < c->n_in; i++) HT_TRY(ht_need_scalar(c, i));
  if (s->dim[0] != c->in[SCORES]->shape.dim[0] ||
      s->dim[1] != (cols ? cols : s->dim[0]))
    return ht_fail(HT_USAGE, "op '%s': boxes and scores do not agree",
                   c->op->name);
  if (number_at(c, COUNT) < 0)
    return ht_fail(HT_USAGE, "op '%s' wants a size of 0 or more", c->op->name);
  return HT_SUCCESS;
}

static ht_status set_limits(const ht_call *call, choice *c) {
  c->n = ht_count(call->in[SCORES]);
  c->values = call->in[VALUES];
  c->step = 4;
  c->wanted = ht_int_at(call->in[COUNT], 0);
  if (c->wanted > c->n) c->wanted = c->n;
  c->least = call->n_in > LEAST ? number_at(call, LEAST) : -INFINITY;
  c->overlap = call->n_in > OVERLAP
                   ? number_at(call, OVERLAP)
                   : ht_attr_float(call->attrs, "iou_threshold");
  c->sigma = call->n_in > SIGMA ? number_at(call, SIGMA) : 0;
  if (c->similarity == shared && !(c->overlap >= 0 && c->overlap <= 1))
    return ht_fail(HT_USAGE, "iou_threshold must be in [0, 1]");
  return HT_SUCCESS;
}

static void put_score(ht_tensor *t, int64_t i, double v) {
  if (t->dtype == HT_FLOAT)
    ht_f(t)[i] = (float)v;
  else
    HT_DATA(uint16_t, t)[i] = ht_float_to_half((float)v);
}

/* Outputs: chosen boxes, their scores (where there are three), how many. */
static ht_status put_chosen(ht_call *call, const choice *c) {
  bool pad = ht_attr_bool(call->attrs, "pad_to_max_output_size");
  ht_shape s = ht_shape_1(pad ? ht_int_at(call->in[COUNT], 0) : c->found);
  HT_TRY(ht_out_zeros(call, 0, HT_INT32, &s));
  for (int64_t i = 0; i < c->found; i++)
    ht_i32(&call->out[0])[i] = (int32_t)c->chosen[i].box;
  if (call->n_out > 2) {
    HT_TRY(ht_out_zeros(call, 1, call->in[SCORES]->dtype, &s));
    for (int64_t i = 0; i < c->found; i++)
      put_score(&call->out[1], i, c->chosen[i].score);
  }
  if (call->n_out == 1) return HT_SUCCESS;
  HT_TRY(ht_out(call, call->n_out - 1, HT_INT32, &HT_SCALAR));
  ht_i32(&call->out[call->n_out - 1])[0] = (int32_t)c->found;
  return HT_SUCCESS;
}

static ht_status run(ht_call *call, choice *c) {
  HT_TRY(set_limits(call, c));
  HT_TRY(choice_open(c));
  for (int64_t i = 0; i < c->n; i++) {
    double score = ht_real_at(call->in[SCORES], i);
    if (score > c->least) push(c, (candidate){i, score, 0});
  }
  choose(c);
  ht_status st = put_chosen(call, c);
  choice_close(c);
  return st;
}

static ht_status boxes_forward(ht_call *call) {
  choice c = {.similarity = shared};
  HT_TRY(check_boxes(call, 4));
  return run(call, &c);
}

static ht_status overlaps_forward(ht_call *call) {
  choice c = {.similarity = stated};
  HT_TRY(check_boxes(call, 0));
  return run(call, &c);
}

/* ---- per class, for a batch */

typedef struct hit {
  double score;
  int64_t box, class, order;
} hit;

static int by_score(const void *a, const void *b) {
  const hit *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

typedef struct batch {
  ht_call *call;
  int64_t items, boxes, sets, classes; /* sets of boxes: 1 or one per class */
  int64_t each, total, out;            /* at most; rows of the outputs */
  double overlap, least;
  bool clip;
  hit *hit;
  int64_t hits;
} batch;

static ht_status choose_class(batch *b, int64_t item, int64_t class) {
  const ht_tensor *scores = b->call->in[1];
  int64_t set = b->sets == 1 ? 0 : class;
  choice c = {.n = b->boxes,
              .wanted = b->each < b->boxes ? b->each : b->boxes,
              .least = b->least,
              .overlap = b->overlap,
              .similarity = shared,
              .values = b->call->in[0],
              .first = (item * b->boxes * b->sets + set) * 4,
              .step = b->sets * 4};
  HT_TRY(choice_open(&c));
  for (int64_t i = 0; i < b->boxes; i++) {
    double score =
        ht_real_at(scores, (item * b->boxes + i) * b->classes + class);
    if (score > b->least) push(&c, (candidate){i, score, 0});
  }
  choose(&c);
  for (int64_t i = 0; i < c.found; i++, b->hits++)
    b->hit[b->hits] = (hit){c.chosen[i].score, c.chosen[i].box, class, b->hits};
  choice_close(&c);
  return HT_SUCCESS;
}

static void put_hit(const batch *b, int64_t item, int64_t row, const hit *h) {
  ht_tensor *out = b->call->out;
  int64_t set = b->sets == 1 ? 0 : h->class, at = item * b->out + row;
  const float *from =
      ht_f(b->call->in[0]) + ((item * b->boxes + h->box) * b->sets + set) * 4;
  for (int i = 0; i < 4; i++)
    ht_f(&out[0])[at * 4 + i] = b->clip ? fmaxf(fminf(from[i], 1), 0) : from[i];
  ht_f(&out[1])[at] = (float)h->score;
  ht_f(&out[2])[at] = (float)h->class;
}

static ht_status choose_item(batch *b, int64_t item) {
  b->hits = 0;
  for (int64_t k = 0; k < b->classes; k++) HT_TRY(choose_class(b, item, k));
  if (b->hits) qsort(b->hit, (size_t)b->hits, sizeof *b->hit, by_score);
  int64_t n = b->hits < b->out ? b->hits : b->out;
  if (n > b->total) n = b->total;
  for (int64_t i = 0; i < n; i++) put_hit(b, item, i, &b->hit[i]);
  ht_i32(&b->call->out[3])[item] = (int32_t)n;
  return HT_SUCCESS;
}

static ht_status read_batch(ht_call *c, batch *b) {
  HT_TRY(ht_need_rank(c, 0, 4));
  HT_TRY(ht_need_rank(c, 1, 3));
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(ht_need_dtype(c, 1, HT_FLOAT));
  for (int i = 2; i < 6; i++) HT_TRY(ht_need_scalar(c, i));
  const int64_t *d = c->in[0]->shape.dim, *s = c->in[1]->shape.dim;
  *b = (batch){.call = c, .items = d[0], .boxes = d[1], .sets = d[2]};
  b->classes = s[2];
  if (d[3] != 4 || s[0] != d[0] || s[1] != d[1] || (d[2] != 1 && d[2] != s[2]))
    return ht_fail(HT_USAGE, "op '%s': boxes and scores do not agree",
                   c->op->name);
  b->each = ht_int_at(c->in[2], 0);
  b->total = ht_int_at(c->in[3], 0);
  b->overlap = number_at(c, 4);
  b->least = number_at(c, 5);
  if (b->each <= 0 || b->total <= 0 || !(b->overlap >= 0 && b->overlap <= 1))
    return ht_fail(HT_USAGE,
                   "op '%s' wants sizes above 0 and an overlap in "
                   "[0, 1]",
                   c->op->name);
  b->clip = ht_attr_bool(c->attrs, "clip_boxes");
  b->out = b->total;
  if (ht_attr_bool(c->attrs, "pad_per_class") &&
      b->each * b->classes < b->total)
    b->out = b->each * b->classes;
  return HT_SUCCESS;
}

static ht_status combined_forward(ht_call *c) {
  batch b;
  HT_TRY(read_batch(c, &b));
  int64_t dim[3] = {b.items, b.out, 4};
  ht_shape boxes = ht_shape_of(3, dim), rows = ht_shape_of(2, dim);
  ht_shape items = ht_shape_1(b.items);
  HT_TRY(ht_out_zeros(c, 0, HT_FLOAT, &boxes));
  HT_TRY(ht_out_zeros(c, 1, HT_FLOAT, &rows));
  HT_TRY(ht_out_zeros(c, 2, HT_FLOAT, &rows));
  HT_TRY(ht_out_zeros(c, 3, HT_INT32, &items));
  b.hit = calloc((size_t)(b.boxes * b.classes) + 1, sizeof *b.hit);
  if (!b.hit) return ht_fail(HT_NO_MEMORY, "no memory for boxes");
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < b.items && st.code == HT_OK; i++)
    st = choose_item(&b, i);
  free(b.hit);
  return st;
}

#define SIX                                                                \
  "f[6,4]{0,0,1,1,0,0.1,1,1.1,0,-0.1,1,0.9,0,10,1,11,0,10.1,1,11.1,0,100," \
  "1,101} f[6]{0.9,0.75,0.6,0.95,0.5,0.3} "
#define FLIPPED                                                            \
  "f[6,4]{1,1,0,0,0,0.1,1,1.1,0,0.9,1,-0.1,0,10,1,11,1,10.1,0,11.1,1,101," \
  "0,100} f[6]{0.9,0.9,0.6,0.5,0.5,-0.3} "
#define HALVES "h[3,4]{0,0,1,1,0,0.25,1,1.25,0,2,1,3} h[3]{0.5,0.75,0.25} "
#define NONE "f[0,4] f[0] "
#define BATCH "f[2,6,1,4](0,1) f[2,6,3](0,1) "
#define CLASSES "f[2,7,3,4](-0.5,1.5) f[2,7,3](0,1) "
#define SUPPRESS(op, ins, outs, attributes, text, cases, function)   \
  {                                                                  \
    .name = op, .inputs = ins, .outputs = outs, .attrs = attributes, \
    .doc = text, .samples = cases, .forward = function,              \
    .gradient = ht_no_gradient                                       \
  }

const ht_op ht_ops_suppress[] = {
    SUPPRESS("NonMaxSuppression",
             "boxes:float scores:float "
             "max_output_size:int32",
             "selected_indices:int32", "iou_threshold:float=0.5",
             "The best boxes that overlap little.",
             SIX "i[]{3}; " SIX "i[]{30} iou_threshold=0.9; " FLIPPED
                 "i[]{6}; " NONE "i[]{2}; " SIX "i[]{0}",
             boxes_forward),
    SUPPRESS("NonMaxSuppressionV2",
             "boxes:T scores:T max_output_size:int32 "
             "iou_threshold:T_threshold",
             "selected_indices:int32", "T:type=float T_threshold:type=float",
             "The best boxes that overlap little.",
             SIX "i[]{3} f[]{0.5}; " FLIPPED "i[]{30} f[]{0}; " NONE
                 "i[]{2} f[]{0.5}; " HALVES "i[]{2} h[]{0.5}",
             boxes_forward),
    SUPPRESS("NonMaxSuppressionV3",
             "boxes:T scores:T max_output_size:int32 "
             "iou_threshold:T_threshold score_threshold:T_threshold",
             "selected_indices:int32", "T:type=float T_threshold:type=float",
             "The best boxes above a score that overlap little.",
             SIX "i[]{3} f[]{0.5} f[]{0.4}; " FLIPPED
                 "i[]{30} f[]{0.5} f[]{-1}; " NONE
                 "i[]{2} f[]{0.5} f[]{0}; " SIX "i[]{3} f[]{1} f[]{0.95}; " SIX
                 "i[]{3} f[]{0.5} f[]{-inf}",
             boxes_forward),
    SUPPRESS("NonMaxSuppressionV4",
             "boxes:T scores:T max_output_size:int32 "
             "iou_threshold:T_threshold score_threshold:T_threshold",
             "selected_indices:int32 valid_outputs:int32",
             "T:type=float T_threshold:type=float "
             "pad_to_max_output_size:bool=false",
             "The best boxes above a score that overlap little, and how many.",
             SIX
             "i[]{3} f[]{0.5} f[]{0.4}; " SIX
             "i[]{5} f[]{0.5} f[]{0.4} pad_to_max_output_size=true; " FLIPPED
             "i[]{9} f[]{0.5} f[]{0} pad_to_max_output_size=true",
             boxes_forward),
    SUPPRESS("NonMaxSuppressionV5",
             "boxes:T scores:T max_output_size:int32 "
             "iou_threshold:T score_threshold:T soft_nms_sigma:T",
             "selected_indices:int32 selected_scores:T valid_outputs:int32",
             "T:type=float pad_to_max_output_size:bool=false",
             "The best boxes, where overlapping ones lose score.",
             SIX
             "i[]{3} f[]{0.5} f[]{0} f[]{0.5}; " SIX
             "i[]{6} f[]{0.5} f[]{0.2} f[]{0.5}; " SIX
             "i[]{6} f[]{0.5} f[]{0} f[]{0}; " FLIPPED
             "i[]{6} f[]{1} f[]{0} f[]{0.1} pad_to_max_output_size=true; " NONE
             "i[]{2} f[]{0.5} f[]{0} f[]{1}",
             boxes_forward),
    SUPPRESS("NonMaxSuppressionWithOverlaps",
             "overlaps:float scores:float "
             "max_output_size:int32 overlap_threshold:float "
             "score_threshold:float",
             "selected_indices:int32", "",
             "The best boxes above a score, by overlaps that are given.",
             "f[5,5](0,1) f[5](0,1) i[]{3} f[]{0.5} f[]{0}; "
             "f[7,7](0,1) f[7](0,1) i[]{9} f[]{0.8} f[]{0.2}; "
             "f[0,0] f[0] i[]{3} f[]{0.5} f[]{0}",
             overlaps_forward),
    SUPPRESS("CombinedNonMaxSuppression",
             "boxes:float scores:float "
             "max_output_size_per_class:int32 max_total_size:int32 "
             "iou_threshold:float score_threshold:float",
             "nmsed_boxes:float nmsed_scores:float nmsed_classes:float "
             "valid_detections:int32",
             "pad_per_class:bool=false clip_boxes:bool=true",
             "The best boxes of every class of a batch of images.",
             BATCH "i[]{3} i[]{5} f[]{0.2} f[]{0.3}; " CLASSES
                   "i[]{2} i[]{20} f[]{0.5} f[]{0.1}; " CLASSES
                   "i[]{2} i[]{20} f[]{0.5} f[]{0.1} pad_per_class=true "
                   "clip_boxes=false; " BATCH "i[]{3} i[]{5} f[]{0.5} f[]{2}",
             combined_forward),
    {0},
};
