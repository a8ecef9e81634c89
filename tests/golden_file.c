/* golden_file.c - see golden_file.h. */
#include "golden_file.h"

#include <complex.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "test.h"

enum { MAX_FILE = 1 << 28 };

/* If line starts with the word and a blank, what follows. */
static char *after(char *line, const char *word) {
  size_t n = strlen(word);
  return strncmp(line, word, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

static ht_status start_case(golden_cases *cases, ht_arena *arena,
                            const char *family, char *text) {
  char *colon = strstr(text, ": ");
  if (!colon) return ht_fail(HT_CORRUPT, "no op in case '%s'", text);
  *colon = 0;
  HT_GROW(cases->at, cases->n, cases->capacity, arena);
  cases->at[cases->n++] = (golden_case){
      .family = family, .op = text, .sample = colon + 2, .attrs = ""};
  return HT_SUCCESS;
}

static ht_status read_line(golden_case *c, char *line) {
  char *rest, *end;
  if (!*line) return HT_SUCCESS;
  bool room = c->n_in < GOLDEN_MAX_TENSORS && c->n_out < GOLDEN_MAX_TENSORS;
  if (!room) return ht_fail(HT_CORRUPT, "too many tensors in '%s'", c->sample);
  if ((rest = after(line, "attrs"))) {
    c->attrs = rest;
  } else if ((rest = after(line, "in"))) {
    c->in[c->n_in++] = rest;
  } else if ((rest = after(line, "out"))) {
    c->out[c->n_out++] = rest;
  } else if ((rest = after(line, "grad"))) {
    long k = strtol(rest, &end, 10);
    if (k < 0 || k >= c->n_in || *end != ' ')
      return ht_fail(HT_CORRUPT, "no input in line '%s'", line);
    c->gradient[k] = end + 1;
  } else {
    return ht_fail(HT_CORRUPT, "unknown line '%.40s'", line);
  }
  return HT_SUCCESS;
}

ht_status golden_read(const char *family, ht_arena *arena,
                      golden_cases *cases) {
  char folder[1024], *data;
  size_t n;
  const char *path =
      ht_arena_printf(arena, "%s/golden/%s.txt", test_folder(folder), family);
  if (!ht_path_exists(path)) return HT_SUCCESS;
  HT_TRY(ht_file_read(path, MAX_FILE, arena, &data, &n));
  for (char *line = data, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next) *next++ = 0;
    char *text = after(line, "case");
    if (text)
      HT_TRY(start_case(cases, arena, family, text));
    else if (cases->n)
      HT_TRY(read_line(&cases->at[cases->n - 1], line));
  }
  return HT_SUCCESS;
}

/* "[2,3]" */
static ht_status read_dims(const char **at, ht_shape *shape) {
  const char *p = *at;
  *shape = HT_SCALAR;
  if (*p++ != '[') return ht_fail(HT_CORRUPT, "no shape at '%.40s'", *at);
  while (*p != ']') {
    char *end;
    if (shape->rank == HT_MAX_RANK)
      return ht_fail(HT_CORRUPT, "too many axes at '%.40s'", *at);
    shape->dim[shape->rank++] = strtoll(p, &end, 10);
    if (end == p) return ht_fail(HT_CORRUPT, "no axis at '%.40s'", *at);
    p = *end == ',' ? end + 1 : end;
  }
  *at = p + 1;
  return HT_SUCCESS;
}

/* 'text with \x00 escapes' */
static ht_status read_text(const char **at, ht_tensor *t, int64_t i) {
  const char *p = *at;
  char *to = ht_string_room(t, strlen(p));
  size_t n = 0;
  if (*p++ != '\'' || !to) return ht_fail(HT_CORRUPT, "no string '%s'", p);
  while (*p && *p != '\'') {
    unsigned byte;
    if (*p == '\\' && p[1] == 'x' && sscanf(p + 2, "%2x", &byte) == 1) {
      to[n++] = (char)byte;
      p += 4;
      continue;
    }
    if (*p == '\\') p++;
    to[n++] = *p++;
  }
  ht_str(t)[i] = (ht_string){to, n};
  *at = p + 1;
  return HT_SUCCESS;
}

static void set_integer(ht_tensor *t, int64_t i, const char *p, char **end) {
  long long v = strtoll(p, end, 10);
  switch (t->dtype) {
    case HT_INT8: HT_DATA(int8_t, t)[i] = (int8_t)v; break;
    case HT_UINT8: HT_DATA(uint8_t, t)[i] = (uint8_t)v; break;
    case HT_INT16: HT_DATA(int16_t, t)[i] = (int16_t)v; break;
    case HT_UINT16: HT_DATA(uint16_t, t)[i] = (uint16_t)v; break;
    case HT_INT32: ht_i32(t)[i] = (int32_t)v; break;
    case HT_UINT32: HT_DATA(uint32_t, t)[i] = (uint32_t)v; break;
    case HT_INT64: ht_i64(t)[i] = v; break;
    case HT_UINT64: HT_DATA(uint64_t, t)[i] = strtoull(p, end, 10); break;
    default: ht_bool(t)[i] = v != 0;
  }
}

static void set_real(ht_tensor *t, int64_t i, double v) {
  switch (t->dtype) {
    case HT_FLOAT: ht_f(t)[i] = (float)v; break;
    case HT_DOUBLE: HT_DATA(double, t)[i] = v; break;
    case HT_HALF: HT_DATA(uint16_t, t)[i] = ht_float_to_half((float)v); break;
    default: HT_DATA(uint16_t, t)[i] = ht_float_to_bfloat16((float)v);
  }
}

static void set_number(ht_tensor *t, int64_t i, const char *p, char **end) {
  if (!ht_dtype_floating(t->dtype)) {
    set_integer(t, i, p, end);
    return;
  }
  double re = strtod(p, end);
  if (t->dtype == HT_COMPLEX64)
    HT_DATA(float _Complex, t)[i] = CMPLXF((float)re, (float)strtod(*end, end));
  else if (t->dtype == HT_COMPLEX128)
    HT_DATA(double _Complex, t)[i] = CMPLX(re, strtod(*end, end));
  else
    set_real(t, i, re);
}

ht_status golden_tensor(const char *line, ht_tensor *out) {
  char name[32];
  ht_shape shape;
  size_t n = strcspn(line, " ");
  snprintf(name, sizeof name, "%.*s", (int)n, line);
  const char *p = line + n + (line[n] == ' ');
  HT_TRY(read_dims(&p, &shape));
  HT_TRY(ht_tensor_new(NULL, ht_dtype_find(name), &shape, out));
  for (int64_t i = 0; i < ht_count(out); i++) {
    char *end = NULL;
    p += *p == ' ';
    if (out->dtype == HT_STRING) {
      HT_TRY(read_text(&p, out, i));
      continue;
    }
    set_number(out, i, p, &end);
    if (end == p) return ht_fail(HT_CORRUPT, "values end in '%.60s'", line);
    p = end;
  }
  return HT_SUCCESS;
}
