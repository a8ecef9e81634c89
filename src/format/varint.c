/* varint.c - see varint.h. */
#include "format/varint.h"

const unsigned char *ht_cursor_take(ht_cursor *c, size_t n) {
  const unsigned char *p = c->p;
  if (c->bad || n > c->left) {
    c->bad = true;
    return NULL;
  }
  c->p += n;
  c->left -= n;
  return p;
}

uint64_t ht_cursor_varint(ht_cursor *c) {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const unsigned char *p = ht_cursor_take(c, 1);
    if (!p) return 0;
    uint64_t bits = *p & 127;
    if (shift == 63 && bits > 1) break;
    v |= bits << shift;
    if (*p < 128) return v;
  }
  c->bad = true;
  return 0;
}

static uint64_t fixed(ht_cursor *c, int n) {
  const unsigned char *p = ht_cursor_take(c, (size_t)n);
  uint64_t v = 0;
  while (p && n--) v = v << 8 | p[n];
  return v;
}

uint32_t ht_cursor_fixed32(ht_cursor *c) { return (uint32_t)fixed(c, 4); }
uint64_t ht_cursor_fixed64(ht_cursor *c) { return fixed(c, 8); }

bool ht_cursor_field(ht_cursor *c, ht_field *out) {
  *out = (ht_field){0};
  if (!c->left || c->bad) return false;
  uint64_t tag = ht_cursor_varint(c);
  out->field = tag >> 3;
  switch (tag & 7) {
    case 0: out->number = ht_cursor_varint(c); break;
    case 1: out->number = ht_cursor_fixed64(c); break;
    case 2:
      out->bytes.left = (size_t)ht_cursor_varint(c);
      out->bytes.p = ht_cursor_take(c, out->bytes.left);
      break;
    case 5: out->number = ht_cursor_fixed32(c); break;
    default: c->bad = true;
  }
  return !c->bad;
}

void ht_text_varint(ht_text *t, uint64_t v) {
  unsigned char byte[10];
  size_t n = 0;
  for (; v >= 128; v >>= 7) byte[n++] = (unsigned char)(v | 128);
  byte[n++] = (unsigned char)v;
  ht_text_bytes(t, byte, n);
}

static void add_fixed(ht_text *t, uint64_t v, size_t n) {
  unsigned char byte[8];
  for (size_t i = 0; i < n; i++) byte[i] = (unsigned char)(v >> 8 * i);
  ht_text_bytes(t, byte, n);
}

void ht_text_fixed32(ht_text *t, uint32_t v) { add_fixed(t, v, 4); }
void ht_text_fixed64(ht_text *t, uint64_t v) { add_fixed(t, v, 8); }
