/* image_info.c - the size of images that a module says it expects: message
 * ImageModuleInfo of tensorflow_hub, attached to a TF1 module. */
#include <string.h>

#include "format/varint.h"
#include "hub/model.h"

/* Calls for the next field: its number, and what it holds. */
static bool next_field(ht_cursor *c, uint64_t *field, uint64_t *number,
                       ht_cursor *message) {
  if (!c->left || c->bad) return false;
  uint64_t tag = ht_cursor_varint(c);
  *field = tag >> 3;
  *number = 0;
  *message = (ht_cursor){0};
  switch (tag & 7) {
    case 0: *number = ht_cursor_varint(c); break;
    case 1: *number = ht_cursor_fixed64(c); break;
    case 2:
      message->left = (size_t)ht_cursor_varint(c);
      message->p = ht_cursor_take(c, message->left);
      break;
    case 5: *number = ht_cursor_fixed32(c); break;
    default: return false;
  }
  return !c->bad;
}

/* Field 1: default_image_size, with 1: height and 2: width. */
static bool read_info(ht_cursor c, int64_t size[2]) {
  uint64_t field, number;
  ht_cursor inner;
  while (next_field(&c, &field, &number, &inner)) {
    if (field != 1 || !inner.p) continue;
    ht_cursor ignored, at = inner;
    while (next_field(&at, &field, &number, &ignored))
      if ((field == 1 || field == 2) && number < INT32_MAX)
        size[field - 1] = (int64_t)number;
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
