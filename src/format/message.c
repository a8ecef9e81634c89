/* message.c - scan, then unpack, see message.h. */
#include "format/message.h"

#include <string.h>

#include "base/text.h"

enum {
  MAX_NESTING = 100, /* as in TensorFlow's protobuf */
  ELEMENT_COST = 64, /* protobuf-c's notes and alignment, an element */
  MAX_GROWTH = 64,   /* memory over bytes of a message that means no harm */
  FREE_GROWTH = 16 << 20
};

typedef struct scan {
  const char *what;
  size_t cost, max; /* bytes of memory that unpacking will take, and may */
} scan;

typedef struct span {
  const uint8_t *p, *end;
} span;

static ht_status damaged(const scan *s, const char *why) {
  return ht_fail(HT_CORRUPT, "%s is damaged: %s", s->what, why);
}

static bool read_varint(span *in, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && in->p < in->end; shift += 7) {
    uint8_t b = *in->p++;
    *value |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80) return true;
  }
  return false;
}

static ht_status pay(scan *s, size_t bytes) {
  if (bytes > s->max - s->cost)
    return ht_fail(HT_CORRUPT, "%s would take more than %zu MB when unpacked",
                   s->what, s->max >> 20);
  s->cost += bytes;
  return HT_SUCCESS;
}

static ht_status scan_message(scan *s, const ProtobufCMessageDescriptor *d,
                              span in, int depth);

static ht_status scan_bytes(scan *s, const ProtobufCFieldDescriptor *field,
                            span in, int depth) {
  size_t n = (size_t)(in.end - in.p);
  if (!field) return pay(s, n);
  if (field->type == PROTOBUF_C_TYPE_MESSAGE)
    return scan_message(s, field->descriptor, in, depth + 1);
  if (field->type == PROTOBUF_C_TYPE_STRING &&
      !ht_utf8_valid((const char *)in.p, n, NULL))
    return ht_fail(HT_CORRUPT, "%s is damaged: field '%s' is not UTF-8",
                   s->what, field->name);
  bool plain = field->type == PROTOBUF_C_TYPE_STRING ||
               field->type == PROTOBUF_C_TYPE_BYTES;
  return pay(s, plain ? n : n * 8); /* else packed numbers */
}

/* A field's key was read: reads its value. */
static ht_status scan_field(scan *s, const ProtobufCFieldDescriptor *field,
                            unsigned wire, span *in, int depth) {
  uint64_t n = 0;
  HT_TRY(pay(s, ELEMENT_COST));
  switch (wire) {
    case 0:
      return read_varint(in, &n) ? HT_SUCCESS : damaged(s, "a cut-off number");
    case 1:
    case 5: n = wire == 1 ? 8 : 4; break;
    case 2:
      if (!read_varint(in, &n)) return damaged(s, "a cut-off length");
      break;
    default: return damaged(s, "an unknown kind of field");
  }
  if (n > (size_t)(in->end - in->p))
    return damaged(s, "a field reaches beyond the end");
  span body = {in->p, in->p + n};
  in->p += n;
  return wire == 2 ? scan_bytes(s, field, body, depth) : HT_SUCCESS;
}

static ht_status scan_message(scan *s, const ProtobufCMessageDescriptor *d,
                              span in, int depth) {
  if (depth > MAX_NESTING) return damaged(s, "nested too deeply");
  HT_TRY(pay(s, d->sizeof_message));
  while (in.p < in.end) {
    uint64_t key;
    if (!read_varint(&in, &key) || key >> 3 == 0 || key > UINT32_MAX)
      return damaged(s, "a bad field number");
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(d, (unsigned)(key >> 3));
    HT_TRY(scan_field(s, field, (unsigned)(key & 7), &in, depth));
  }
  return HT_SUCCESS;
}

/*
 * While it reads a long message, protobuf-c keeps notes on it in pieces of
 * 1 KB, 2 KB, ... that it gives back: those are kept for the next. All else
 * that it gives back stays in the arena.
 */
enum { NOTES = 128, NOTES_MIN = 1024 };

typedef struct note {
  void *p;
  size_t n;
  bool busy;
} note;

typedef struct memory {
  ht_arena *arena;
  note note[NOTES];
  int n_notes;
} memory;

static void *take(void *data, size_t n) {
  memory *m = data;
  bool maybe = n >= NOTES_MIN && (n & (n - 1)) == 0;
  for (int i = 0; maybe && i < m->n_notes; i++)
    if (!m->note[i].busy && m->note[i].n == n) {
      m->note[i].busy = true;
      return m->note[i].p;
    }
  void *p = ht_alloc(m->arena, n ? n : 1, 1);
  if (p && maybe && m->n_notes < NOTES)
    m->note[m->n_notes++] = (note){p, n, true};
  return p;
}

static void give(void *data, void *p) {
  memory *m = data;
  for (int i = 0; p && i < m->n_notes; i++)
    if (m->note[i].p == p) m->note[i].busy = false;
}

ht_status ht_message_unpack(const ProtobufCMessageDescriptor *descriptor,
                            const void *data, size_t n, const char *what,
                            ht_arena *arena, ProtobufCMessage **out) {
  scan s = {what, 0, FREE_GROWTH + n * MAX_GROWTH};
  const uint8_t *p = n ? data : ""; /* no bytes may stand nowhere */
  HT_TRY(scan_message(&s, descriptor, (span){p, p + n}, 0));
  memory m = {.arena = arena};
  ProtobufCAllocator allocator = {take, give, &m};
  *out = protobuf_c_message_unpack(descriptor, &allocator, n, p);
  if (*out) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "%s is damaged: a field of the wrong type", what);
}
