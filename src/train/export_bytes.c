/*
 * export_bytes.c - see export_bytes.h. Files differ in size, so they are
 * decoded one by one, in a loop that puts them into a list, as tf.map_fn does.
 */
#include "train/export_bytes.h"

#include <stdio.h>

#include "graph/build_loop.h"

/* What turns: the number of the image, how many there are, the list, the
 * files. */
enum { AT, COUNT, LIST, FILES, N_VARS };
static const ht_dtype types[N_VARS] = {HT_INT32, HT_INT32, HT_VARIANT,
                                       HT_STRING};

static ht_ref int32(ht_builder *b, int32_t v) {
  return ht_build_int32s(b, -1, &v);
}

/* [1, height, width, channels] of any size to that of the spec, as floats. */
static ht_ref resize(ht_builder *b, const ht_image_spec *s, ht_ref images) {
  static const char *const op[] = {"ResizeNearestNeighbor", "ResizeBilinear",
                                   "ResizeBicubic", "ResizeArea"};
  int32_t size[2] = {(int32_t)s->height, (int32_t)s->width};
  ht_ref in[] = {ht_build_1(b, "Cast", images, "DstT=float"),
                 ht_build_int32s(b, 2, size)};
  return ht_build(b, op[s->method], NULL, 2, in,
                  s->method == HT_AREA ? "" : "half_pixel_centers=true");
}

/* From 0 .. 255 to low .. high; bytes are rounded. */
static ht_ref scale(ht_builder *b, const ht_image_spec *s, ht_ref images) {
  ht_ref x = ht_build_2(b, "Mul", images,
                        ht_build_float(b, (s->high - s->low) / 255), "");
  if (s->low != 0) x = ht_build_2(b, "AddV2", x, ht_build_float(b, s->low), "");
  if (s->dtype == HT_FLOAT) return x;
  x = ht_build_2(b, "AddV2", x, ht_build_float(b, 0.5f), "");
  x = ht_build_2(b, "Maximum", x, ht_build_float(b, 0), "");
  x = ht_build_2(b, "Minimum", x, ht_build_float(b, 255), "");
  return ht_build_1(b, "Cast", x, "DstT=uint8");
}

static ht_ref decode(ht_builder *b, const ht_image_spec *s, ht_ref file) {
  char attrs[96];
  snprintf(attrs, sizeof attrs,
           "channels=%d dtype=uint8 expand_animations=false", s->channels);
  ht_ref image = ht_build_1(b, "DecodeImage", file, attrs);
  ht_ref one = ht_build_2(b, "ExpandDims", image, int32(b, 0), "");
  return ht_build_1(b, "Squeeze", scale(b, s, resize(b, s, one)),
                    "squeeze_dims=[0]");
}

static ht_status make_body(const ht_builder *b, const ht_image_spec *s,
                           const char *name, ht_builder *body) {
  HT_TRY(ht_build_function(b, name, N_VARS, types, body));
  ht_ref at = {AT, 0}, count = {COUNT, 0}, list = {LIST, 0}, files = {FILES, 0};
  ht_ref pick[] = {files, at, int32(body, 0)};
  ht_ref image = decode(body, s, ht_build(body, "GatherV2", NULL, 3, pick, ""));
  ht_ref put[] = {list, at, image};
  ht_ref ret[] = {ht_build_2(body, "AddV2", at, int32(body, 1), ""), count,
                  ht_build(body, "TensorListSetItem", NULL, 3, put, ""), files};
  return ht_build_returns(body, N_VARS, ret);
}

static ht_status make_condition(const ht_builder *b, const char *name,
                                ht_builder *condition) {
  HT_TRY(ht_build_function(b, name, N_VARS, types, condition));
  ht_ref more =
      ht_build_2(condition, "Less", (ht_ref){AT, 0}, (ht_ref){COUNT, 0}, "");
  return ht_build_returns(condition, 1, &more);
}

/* Names that no function of the module has. */
static const char *new_name(const ht_builder *b, const char *what) {
  ht_library *library = b->graph->library;
  for (int k = 0; k < INT32_MAX; k++) {
    ht_graph *found = NULL;
    char *name =
        ht_arena_printf(b->graph->arena, "decode_images_%s_%d", what, k);
    if (!name || ht_library_find(library, name, &found).code != HT_OK)
      return name;
    if (!found) return name;
  }
  return NULL;
}

static ht_ref count_of(ht_builder *b, ht_ref files) {
  static const int32_t zero = 0, one = 1;
  ht_ref cut[] = {ht_build_1(b, "Shape", files, ""),
                  ht_build_int32s(b, 1, &zero), ht_build_int32s(b, 1, &one),
                  ht_build_int32s(b, 1, &one)};
  return ht_build(b, "StridedSlice", NULL, 4, cut, "shrink_axis_mask=1");
}

ht_status ht_build_decoding(ht_builder *b, const ht_image_spec *s, ht_ref files,
                            ht_ref *images) {
  ht_builder body, condition;
  const char *body_name = new_name(b, "body"), *name = new_name(b, "condition");
  if (!body_name || !name) return ht_fail(HT_NO_MEMORY, "no memory for a loop");
  HT_TRY(make_body(b, s, body_name, &body));
  HT_TRY(make_condition(b, name, &condition));
  int32_t size[3] = {(int32_t)s->height, (int32_t)s->width, s->channels};
  bool bytes = s->dtype == HT_UINT8;
  ht_ref shape = ht_build_int32s(b, 3, size), count = count_of(b, files);
  ht_ref reserve[] = {shape, count};
  ht_ref list = ht_build(b, "TensorListReserve", NULL, 2, reserve,
                         bytes ? "element_dtype=uint8" : "element_dtype=float");
  ht_ref in[] = {int32(b, 0), count, list, files};
  ht_ref loop =
      ht_build_while(b, "decode_images", &condition, &body, N_VARS, in);
  ht_ref stack[] = {{loop.node, LIST}, shape};
  *images = ht_build(b, "TensorListStack", NULL, 2, stack,
                     bytes ? "element_dtype=uint8" : "element_dtype=float");
  return ht_builder_status(b);
}
