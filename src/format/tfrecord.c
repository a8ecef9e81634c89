/* tfrecord.c - see tfrecord.h. */
#include "format/tfrecord.h"

#include "format/crc32c.h"

static bool sound(const void *p, size_t n, uint32_t masked) {
  return ht_crc32c_unmask(masked) == ht_crc32c(p, n);
}

ht_tfrecord_state ht_tfrecord_next(ht_cursor *c, ht_cursor *out) {
  const unsigned char *start = c->p;
  uint64_t n = ht_cursor_fixed64(c);
  uint32_t check = ht_cursor_fixed32(c);
  if (c->bad) return HT_TFRECORD_CUT;
  if (!sound(start, 8, check)) return HT_TFRECORD_LOST;
  if (n > c->left) return HT_TFRECORD_CUT;
  *out = (ht_cursor){.p = ht_cursor_take(c, (size_t)n), .left = (size_t)n};
  check = ht_cursor_fixed32(c);
  if (c->bad) return HT_TFRECORD_CUT;
  return sound(out->p, out->left, check) ? HT_TFRECORD_SOUND
                                         : HT_TFRECORD_DAMAGED;
}

void ht_tfrecord_add(ht_text *file, const void *p, size_t n) {
  unsigned char length[8];
  for (int i = 0; i < 8; i++)
    length[i] = (unsigned char)((uint64_t)n >> (8 * i));
  ht_text_bytes(file, length, sizeof length);
  ht_text_fixed32(file, ht_crc32c_mask(ht_crc32c(length, sizeof length)));
  ht_text_bytes(file, p, n);
  ht_text_fixed32(file, ht_crc32c_mask(ht_crc32c(p, n)));
}
