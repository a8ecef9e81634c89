/* varint.h - the integers of protocol buffers and LevelDB tables: seven bits
 * a byte, low ones first; and little-endian ones of fixed width. */
#ifndef HT_FORMAT_VARINT_H
#define HT_FORMAT_VARINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* A place in n bytes; every read checks what is left and latches `bad`. */
typedef struct ht_cursor {
  const unsigned char *p;
  size_t left;
  bool bad;
} ht_cursor;

/* The next n bytes, NULL and bad where there are fewer. */
const unsigned char *ht_cursor_take(ht_cursor *c, size_t n);
/* The next varint of at most 64 bits. */
uint64_t ht_cursor_varint(ht_cursor *c);
uint32_t ht_cursor_fixed32(ht_cursor *c);
uint64_t ht_cursor_fixed64(ht_cursor *c);

/*
 * The next field of a protobuf message: its number, and a number or the bytes
 * it holds (p NULL for numbers). False at the end and where it is broken,
 * which `bad` tells apart.
 */
typedef struct ht_field {
  uint64_t field, number;
  ht_cursor bytes;
} ht_field;
bool ht_cursor_field(ht_cursor *c, ht_field *out);

void ht_text_varint(ht_text *t, uint64_t v);
void ht_text_fixed32(ht_text *t, uint32_t v);
void ht_text_fixed64(ht_text *t, uint64_t v);

#endif
