/* parse_image.c - an image's file as a value of an input. */
#include <stdio.h>
#include <stdlib.h>

#include "api/parse_image.h"
#include "base/file.h"
#include "train/feed_images.h"

enum { FILE_MAX = 256 << 20 };

bool ht_is_image_file(const ht_port *port, const char *text) {
  char start[16];
  if (!ht_port_takes_images(port)) return false;
  FILE *f = fopen(text, "rb");
  size_t n = f ? fread(start, 1, sizeof start, f) : 0;
  if (f) fclose(f);
  return ht_image_kind_of(start, n) != HT_NO_IMAGE;
}

/* The size of the signature or of the module's image info; else the image's
 * own. */
static ht_status spec_for(const ht_port *port, const ht_model *model,
                          const ht_image *image, ht_image_spec *spec) {
  char size[48];
  ht_image_choice choice = {.model = model};
  if (ht_image_spec_make(port, &choice, spec).code == HT_OK) return HT_SUCCESS;
  snprintf(size, sizeof size, "%lldx%lld", (long long)image->height,
           (long long)image->width);
  choice.size = size;
  return ht_image_spec_make(port, &choice, spec);
}

static ht_status fit(const ht_image_spec *spec, const ht_image *image,
                     ht_tensor *out) {
  ht_image_taps taps = {0};
  ht_tensor pixels;
  ht_shape shape = {4, {1, spec->height, spec->width, spec->channels}};
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &shape, &pixels));
  ht_status st = ht_image_fit(spec, image, &taps, ht_f(&pixels));
  ht_image_taps_free(&taps);
  if (st.code == HT_OK && spec->dtype == HT_UINT8) {
    st = ht_tensor_new(NULL, HT_UINT8, &shape, out);
    if (st.code == HT_OK)
      ht_image_round(ht_f(&pixels), ht_count(&pixels), out->data);
  } else if (st.code == HT_OK) {
    *out = ht_tensor_share(&pixels);
  }
  ht_tensor_drop(&pixels);
  return st;
}

ht_status ht_parse_image(const ht_port *port, const ht_model *model,
                         const char *path, ht_tensor *out) {
  ht_arena arena = {0};
  ht_image image = {0};
  int64_t channels = port->shape.rank == 4 ? port->shape.dim[3] : -1;
  ht_image_spec spec = {.channels = channels > 0 ? (int)channels : 3};
  char *data;
  size_t n;
  ht_status st = ht_file_read(path, FILE_MAX, &arena, &data, &n);
  if (st.code == HT_OK)
    st = ht_within(ht_image_decode(&spec, data, n, &image), "'%s'", path);
  if (st.code == HT_OK) st = spec_for(port, model, &image, &spec);
  if (st.code == HT_OK) st = fit(&spec, &image, out);
  free(image.pixels);
  ht_arena_free(&arena);
  return st;
}
