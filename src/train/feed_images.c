/* feed_images.c - see feed_images.h. */
#include "train/feed_images.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

bool ht_port_takes_images(const ht_port *port) {
  return (port->dtype == HT_FLOAT || port->dtype == HT_UINT8) &&
         (port->shape.rank == 4 || port->shape.rank == -1);
}

bool ht_column_is_images(const ht_column *c) {
  int rank = c->value.shape.rank;
  if (c->whole || c->splits) return false;
  return c->value.dtype == HT_STRING
             ? rank == 1
             : c->value.dtype == HT_UINT8 && (rank == 3 || rank == 4);
}

/* ---- the settings */

/* "224", or height and width: "224x192". */
static ht_status parse_size(const char *text, int64_t size[2]) {
  char *end;
  size[0] = size[1] = strtoll(text, &end, 10);
  if (*end == 'x') size[1] = strtoll(end + 1, &end, 10);
  if (*end || size[0] < 1 || size[1] < 1 || size[0] > 16384 || size[1] > 16384)
    return ht_fail(HT_USAGE, "'--image-size' wants N or HEIGHTxWIDTH, not '%s'",
                   text);
  return HT_SUCCESS;
}

static ht_status parse_range(const char *text, ht_image_spec *s) {
  char *end;
  s->low = strtof(text, &end);
  bool good = end > text && *end == ',';
  if (good) s->high = strtof(end + 1, &end);
  return good && !*end && s->low < s->high
             ? HT_SUCCESS
             : ht_fail(HT_USAGE, "'--image-range' wants LOW,HIGH, not '%s'",
                       text);
}

static ht_status parse_method(const char *text, ht_resize_method *out) {
  static const char *const names[] = {"nearest", "bilinear", "bicubic", "area"};
  for (int i = 0; i < 4; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = (ht_resize_method)i;
      return HT_SUCCESS;
    }
  return ht_fail(HT_USAGE,
                 "'--image-resize' wants bilinear, area, bicubic or nearest, "
                 "not '%s'",
                 text);
}

/* ---- the size */

static int64_t declared(const ht_port *port, int axis) {
  return port->shape.rank == 4 ? port->shape.dim[axis] : -1;
}

static ht_status choose_size(const ht_port *port, const ht_image_choice *c,
                             int64_t size[2]) {
  bool said = c->size != NULL;
  if (said) HT_TRY(parse_size(c->size, size));
  if (!said && c->model) said = ht_model_image_size(c->model, size);
  for (int i = 0; i < 2; i++) {
    int64_t fixed = declared(port, 1 + i);
    if (fixed > 0 && c->size && size[i] != fixed)
      return ht_fail(HT_USAGE,
                     "input '%s' takes images of %" PRId64 " x %" PRId64
                     ", '--image-size' says %s",
                     port->name, declared(port, 1), declared(port, 2), c->size);
    if (fixed > 0)
      size[i] = fixed;
    else if (!said)
      return ht_fail(HT_USAGE,
                     "input '%s' takes images of any size: say --image-size",
                     port->name);
  }
  return HT_SUCCESS;
}

ht_status ht_image_spec_make(const ht_port *port, const ht_image_choice *choice,
                             ht_image_spec *out) {
  static const ht_image_choice usual = {0};
  const ht_image_choice *c = choice ? choice : &usual;
  int64_t size[2] = {0}, channels = declared(port, 3);
  *out = (ht_image_spec){.method = HT_BILINEAR, .dtype = port->dtype};
  out->high = port->dtype == HT_UINT8 ? 255 : 1;
  HT_TRY(choose_size(port, c, size));
  if (channels != -1 && channels != 1 && channels != 3 && channels != 4)
    return ht_fail(HT_UNSUPPORTED,
                   "input '%s' takes images of %" PRId64 " channels",
                   port->name, channels);
  out->height = size[0];
  out->width = size[1];
  out->channels = channels < 0 ? 3 : (int)channels;
  if (c->range) HT_TRY(parse_range(c->range, out));
  if (c->resize) HT_TRY(parse_method(c->resize, &out->method));
  return ht_augment_parse(c->augment, c->seed, &out->augment);
}

/* Paths in a table are relative to its folder; those of a folder have it in
 * front already. */
static ht_status base_of(const char *path, ht_arena *arena, const char **out) {
  *out = NULL;
  const char *name = ht_path_base(path);
  if (ht_path_is_folder(path) || name == path) return HT_SUCCESS;
  *out = ht_arena_bytes(arena, path, (size_t)(name - path));
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

ht_status ht_feed_images_open(const ht_port *port, const ht_column *column,
                              const char *path, const ht_image_choice *choice,
                              ht_arena *arena, ht_images **out) {
  ht_images_options o = {.path = path};
  HT_TRY(ht_image_spec_make(port, choice, &o.spec));
  HT_TRY(base_of(path, arena, &o.base));
  if (choice) {
    o.skip = choice->skip;
    o.notice = choice->notice;
    o.arg = choice->arg;
  }
  return ht_images_open(column, &o, out);
}
