/*
 * bundle_strings.c - how tensors of strings and of variants lie in a data
 * file (core/util/tensor_bundle/tensor_bundle.cc, WriteStringTensor and
 * WriteVariantTensor).
 */
#include "format/bundle_impl.h"
#include "format/crc32c.h"
#include "format/varint.h"

/* The length of a string counts as four bytes, eight where it needs them. */
static uint32_t extend_length(uint32_t crc, uint64_t n, size_t width,
                              bool big) {
  unsigned char byte[8];
  for (size_t i = 0; i < width; i++)
    byte[big ? width - 1 - i : i] = (unsigned char)(n >> 8 * i);
  return ht_crc32c_extend(crc, byte, width);
}

static size_t length_width(uint64_t n) { return n > UINT32_MAX ? 8 : 4; }

static uint32_t take_checksum(ht_cursor *c, bool big) {
  uint32_t v = ht_cursor_fixed32(c);
  return big ? __builtin_bswap32(v) : v;
}

static const char damaged[] = "has damaged strings";
static const char wrong_checksum[] = "has a wrong checksum";

const char *ht_bundle_parse_strings(const ht_bundle *b,
                                    const ht_bundle_entry *e,
                                    ht_bundle_string *to) {
  ht_cursor lengths = {e->data, e->size, false}, again = lengths;
  uint32_t crc = 0;
  uint64_t total = 0;
  for (int64_t i = 0; i < e->count; i++) {
    uint64_t n = ht_cursor_varint(&lengths);
    if (lengths.bad || __builtin_add_overflow(total, n, &total)) return damaged;
    crc = extend_length(crc, n, length_width(n), b->big);
  }
  const unsigned char *mark = lengths.p;
  if (ht_crc32c_unmask(take_checksum(&lengths, b->big)) != crc || lengths.bad)
    return wrong_checksum;
  if (total != lengths.left) return damaged;
  crc = ht_crc32c_extend(crc, mark, 4);
  crc = ht_crc32c_extend(crc, lengths.p, lengths.left);
  if (ht_crc32c_unmask(e->crc) != crc) return wrong_checksum;
  const char *p = (const char *)lengths.p;
  for (int64_t i = 0; to && i < e->count; i++) {
    to[i] = (ht_bundle_string){p, ht_cursor_varint(&again)};
    p += to[i].n;
  }
  return NULL;
}

const char *ht_bundle_parse_variants(const ht_bundle_entry *e) {
  ht_cursor c = {e->data, e->size, false};
  uint32_t crc = 0;
  for (int64_t i = 0; i < e->count; i++) {
    uint64_t n = ht_cursor_varint(&c);
    const unsigned char *p = ht_cursor_take(&c, n);
    if (!p) return "has damaged variants";
    crc = extend_length(crc, n, 8, false);
    crc = ht_crc32c_extend(crc, p, n);
    const unsigned char *mark = c.p;
    if (ht_crc32c_unmask(ht_cursor_fixed32(&c)) != crc || c.bad)
      return wrong_checksum;
    crc = ht_crc32c_extend(crc, mark, 4);
  }
  bool right = ht_crc32c_unmask(e->crc) == crc && c.left == 0;
  return right ? NULL : wrong_checksum;
}

uint32_t ht_bundle_strings_head(const ht_bundle_string *s, int64_t n,
                                ht_text *head) {
  uint32_t crc = 0;
  for (int64_t i = 0; i < n; i++) {
    ht_text_varint(head, s[i].n);
    crc = extend_length(crc, s[i].n, length_width(s[i].n), false);
  }
  ht_text_fixed32(head, ht_crc32c_mask(crc));
  if (head->failed) return 0;
  crc = ht_crc32c_extend(crc, head->p + head->n - 4, 4);
  for (int64_t i = 0; i < n; i++) crc = ht_crc32c_extend(crc, s[i].p, s[i].n);
  return ht_crc32c_mask(crc);
}
