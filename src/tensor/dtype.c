/* dtype.c - a row per element type, see dtype.h. */
#include "tensor/dtype.h"

#include <string.h>
#include <strings.h>

typedef struct {
  const char *name, *alias;
  uint8_t size;
  bool floating, integer, pointers;
} row;

static const row rows[] = {
    [HT_FLOAT] = {"float", "float32", 4, .floating = true},
    [HT_DOUBLE] = {"double", "float64", 8, .floating = true},
    [HT_INT32] = {"int32", "int", 4, .integer = true},
    [HT_UINT8] = {"uint8", "byte", 1, .integer = true},
    [HT_INT16] = {"int16", "short", 2, .integer = true},
    [HT_INT8] = {"int8", "char", 1, .integer = true},
    [HT_STRING] = {"string", "str", 16, .pointers = true},
    [HT_COMPLEX64] = {"complex64", "complex", 8, .floating = true},
    [HT_INT64] = {"int64", "long", 8, .integer = true},
    [HT_BOOL] = {"bool", "boolean", 1, .integer = false},
    [HT_BFLOAT16] = {"bfloat16", "bf16", 2, .floating = true},
    [HT_UINT16] = {"uint16", "ushort", 2, .integer = true},
    [HT_COMPLEX128] = {"complex128", "cdouble", 16, .floating = true},
    [HT_HALF] = {"half", "float16", 2, .floating = true},
    [HT_RESOURCE] = {"resource", "handle", sizeof(void *), .pointers = true},
    [HT_VARIANT] = {"variant", "object", sizeof(void *), .pointers = true},
    [HT_UINT32] = {"uint32", "uint", 4, .integer = true},
    [HT_UINT64] = {"uint64", "ulong", 8, .integer = true},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static const row *find(ht_dtype t) {
  static const row none = {.name = "invalid", .alias = "invalid"};
  return (unsigned)t < N_ROWS && rows[t].name ? &rows[t] : &none;
}

const char *ht_dtype_name(ht_dtype t) { return find(t)->name; }
size_t ht_dtype_size(ht_dtype t) { return find(t)->size; }
bool ht_dtype_floating(ht_dtype t) { return find(t)->floating; }
bool ht_dtype_integer(ht_dtype t) { return find(t)->integer; }
bool ht_dtype_pointers(ht_dtype t) { return find(t)->pointers; }

ht_dtype ht_dtype_find(const char *name) {
  if (strncasecmp(name, "DT_", 3) == 0) name += 3;
  for (int i = 1; i < N_ROWS; i++)
    if (rows[i].name && (strcasecmp(name, rows[i].name) == 0 ||
                         strcasecmp(name, rows[i].alias) == 0))
      return (ht_dtype)i;
  return HT_INVALID;
}

static float bits_to_float(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static uint32_t float_to_bits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return bits;
}

float ht_half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = (h >> 10) & 31;
  uint32_t m = h & 0x3ff;
  if (e == 31) return bits_to_float(sign | 0x7f800000u | m << 13);
  if (e) return bits_to_float(sign | (e + 112) << 23 | m << 13);
  float f = (float)m * 0x1p-24f; /* subnormal */
  return sign ? -f : f;
}

uint16_t ht_float_to_half(float f) {
  uint32_t x = float_to_bits(f), sign = (x >> 16) & 0x8000, a = x & 0x7fffffff;
  if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00); /* NaN */
  if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00);
  if (a < 0x38800000u) { /* subnormal: scaled so that rounding is IEEE's */
    float scaled = bits_to_float(a) + 0.5f;
    return (uint16_t)(sign | (float_to_bits(scaled) - 0x3f000000u));
  }
  uint32_t odd = (a >> 13) & 1;
  return (uint16_t)(sign | ((a - 0x38000000u + 0xfff + odd) >> 13));
}

float ht_bfloat16_to_float(uint16_t b) {
  return bits_to_float((uint32_t)b << 16);
}

uint16_t ht_float_to_bfloat16(float f) {
  uint32_t x = float_to_bits(f);
  if ((x & 0x7fffffff) > 0x7f800000u) return (uint16_t)((x >> 16) | 0x40);
  return (uint16_t)((x + 0x7fff + ((x >> 16) & 1)) >> 16);
}
