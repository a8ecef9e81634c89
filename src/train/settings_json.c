/* settings_json.c - the settings of a training as a JSON object, and back;
 * see train.h. */
#include <ctype.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "train/train.h"

enum { MAX_CONFIG = 1 << 20 };

static void *field(const ht_train_options *o, size_t offset) {
  return (char *)(uintptr_t)o + offset;
}

/* ---- writing */

static json_object *list_json(const ht_train_options *o, const ht_setting *s) {
  json_object *array = json_object_new_array();
  const char *const *list = *(const char **const *)field(o, s->offset);
  int n = *(int *)field(o, s->count_offset);
  for (int i = 0; i < n; i++)
    json_object_array_add(array, json_object_new_string(list[i]));
  return array;
}

/* The fewest digits that read back as the same number; null: not set. */
static json_object *real_json(double x, const ht_setting *s) {
  char text[64];
  if (x < 0 && s->standard && *s->standard == '-') return NULL;
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, x);
    if (strtod(text, NULL) == x) break;
  }
  return json_object_new_double_s(x, text);
}

static json_object *setting_json(const ht_train_options *o,
                                 const ht_setting *s) {
  const char *text;
  switch (s->type) {
    case HT_SET_TEXT:
      text = *(const char **)field(o, s->offset);
      return text ? json_object_new_string(text) : NULL;
    case HT_SET_LIST: return list_json(o, s);
    case HT_SET_RATE:
      text = *(const char **)field(o, s->count_offset);
      if (text) return json_object_new_string(text);
      return real_json(*(double *)field(o, s->offset), s);
    case HT_SET_REAL: return real_json(*(double *)field(o, s->offset), s);
    case HT_SET_INT:
      return json_object_new_int64(*(int64_t *)field(o, s->offset));
    default: return json_object_new_boolean(*(bool *)field(o, s->offset));
  }
}

ht_status ht_train_json(const ht_train_options *o, ht_text *out) {
  int n;
  const ht_setting *settings = ht_train_settings(&n);
  json_object *all = json_object_new_object();
  for (int i = 0; i < n; i++)
    json_object_object_add(all, settings[i].name,
                           setting_json(o, &settings[i]));
  ht_text_printf(
      out, "%s\n",
      json_object_to_json_string_ext(
          all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(all);
  return ht_text_check(out);
}

ht_status ht_train_write(const ht_train_options *o, const char *path) {
  ht_text out = {0};
  ht_status st = ht_train_json(o, &out);
  if (st.code == HT_OK) st = ht_file_write(path, out.p, out.n);
  ht_text_free(&out);
  return st;
}

/* ---- reading */

static int line_at(const char *text, size_t at) {
  int line = 1;
  for (size_t i = 0; i < at && text[i]; i++) line += text[i] == '\n';
  return line;
}

/* The line of a name, 0 where it is written otherwise. A quote within a text
 * has a backslash before it, so only a name stands between bare quotes and
 * before a colon. */
static int line_of(const char *text, const char *name) {
  size_t n = strlen(name);
  for (const char *p = text; *p && (p = strstr(p, name)); p++) {
    if (p == text || p[-1] != '"' || p[n] != '"') continue;
    const char *after = p + n + 1;
    while (isspace((unsigned char)*after)) after++;
    if (*after == ':') return line_at(text, (size_t)(p - text));
  }
  return 0;
}

static ht_status read_value(ht_train_options *o, ht_arena *arena,
                            const char *name, json_object *value) {
  if (json_object_is_type(value, json_type_object))
    return ht_fail(HT_USAGE, "'%s' is one value, no object", name);
  return ht_train_set(o, arena, name, json_object_get_string(value));
}

/* null leaves the default. */
static ht_status read_one(ht_train_options *o, ht_arena *arena,
                          const char *name, json_object *value) {
  if (!value) return ht_train_known(name);
  if (!json_object_is_type(value, json_type_array))
    return read_value(o, arena, name, value);
  HT_TRY(ht_train_known(name));
  for (size_t i = 0; i < json_object_array_length(value); i++)
    HT_TRY(read_value(o, arena, name, json_object_array_get_idx(value, i)));
  return HT_SUCCESS;
}

static ht_status read_all(const char *path, const char *text, json_object *all,
                          ht_arena *arena, ht_train_options *o) {
  json_object_object_foreach(all, name, value) {
    ht_status st = read_one(o, arena, name, value);
    int line = st.code == HT_OK ? 0 : line_of(text, name);
    if (line) return ht_within(st, "'%s', line %d", path, line);
    HT_TRY(ht_within(st, "'%s'", path));
  }
  return HT_SUCCESS;
}

static ht_status parse(const char *path, const char *text, size_t n,
                       json_object **out) {
  json_tokener *parser = json_tokener_new();
  if (!parser) return ht_fail(HT_NO_MEMORY, "no memory to read JSON");
  *out = json_tokener_parse_ex(parser, text, (int)n + 1);
  enum json_tokener_error error = json_tokener_get_error(parser);
  size_t end = json_tokener_get_parse_end(parser);
  json_tokener_free(parser);
  if (end > n) /* an open comment is taken for an end by json-c 0.16 */
    error = json_tokener_error_parse_eof;
  if (error != json_tokener_success)
    return ht_fail(HT_CORRUPT, "'%s', line %d: no JSON: %s", path,
                   line_at(text, end), json_tokener_error_desc(error));
  end += strspn(text + end, " \t\r\n");
  if (end < n)
    return ht_fail(HT_CORRUPT, "'%s', line %d: text after the object", path,
                   line_at(text, end));
  if (json_object_is_type(*out, json_type_object)) return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "'%s' is no JSON object of settings", path);
}

ht_status ht_train_read(const char *path, ht_arena *arena,
                        ht_train_options *o) {
  char *text;
  size_t n;
  json_object *all = NULL;
  HT_TRY(ht_file_read(path, MAX_CONFIG, arena, &text, &n));
  ht_status st = parse(path, text, n, &all);
  bool open = o->open;
  ht_train_defaults(o);
  o->open = open;
  if (st.code == HT_OK) st = read_all(path, text, all, arena, o);
  json_object_put(all);
  return st;
}
