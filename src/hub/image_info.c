/* image_info.c - the size of images that a module says it expects: message
 * ImageModuleInfo of tensorflow_hub, attached to a TF1 module. */
#include <string.h>

#include "format/varint.h"
#include "hub/model.h"

/* Field 1: default_image_size, with 1: height and 2: width. */
static bool read_info(ht_cursor c, int64_t size[2]) {
  ht_field info, side;
  while (ht_cursor_field(&c, &info)) {
    if (info.field != 1 || !info.bytes.p) continue;
    while (ht_cursor_field(&info.bytes, &side))
      if ((side.field == 1 || side.field == 2) && side.number < INT32_MAX)
        size[side.field - 1] = (int64_t)side.number;
  }
  return size[0] > 0 && size[1] > 0;
}

bool ht_model_image_size(const ht_model *m, int64_t size[2]) {
  for (int i = 0; i < m->n_attachments; i++) {
    ht_string v = m->attachment[i].value;
    size[0] = size[1] = 0;
    if (strcmp(m->attachment[i].key, "image_module_info") == 0 &&
        read_info((ht_cursor){(const unsigned char *)v.p, v.n, false}, size))
      return true;
  }
  return false;
}
