/* kaggle.c - see kaggle.h. */
#include "hub/kaggle.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static const char *environment(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static ht_status parse(const char *path, const char *text, ht_arena *arena,
                       ht_login *out) {
  json_object *o = json_tokener_parse(text), *user = NULL, *key = NULL;
  if (json_object_is_type(o, json_type_object) &&
      json_object_object_get_ex(o, "username", &user) &&
      json_object_object_get_ex(o, "key", &key) && user && key) {
    out->user = ht_arena_string(arena, json_object_get_string(user));
    out->password = ht_arena_string(arena, json_object_get_string(key));
  }
  json_object_put(o);
  if (out->user && out->password) return HT_SUCCESS;
  *out = (ht_login){0};
  return ht_fail(HT_CORRUPT, "'%s' has no \"username\" and \"key\"", path);
}

static ht_status read_login(const char *folder, ht_arena *arena,
                            ht_login *out) {
  size_t n;
  char *text, *path = ht_path_join(arena, folder, "kaggle.json");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(path)) return HT_SUCCESS;
  HT_TRY(ht_file_read(path, 1 << 16, arena, &text, &n));
  return parse(path, text, arena, out);
}

ht_status ht_kaggle_login(ht_arena *arena, ht_login *out) {
  const char *config = environment("KAGGLE_CONFIG_DIR");
  const char *home = environment("HOME");
  *out = (ht_login){.token = environment("KAGGLE_API_TOKEN")};
  if (out->token) return HT_SUCCESS;
  out->user = environment("KAGGLE_USERNAME");
  out->password = environment("KAGGLE_KEY");
  if (out->user && out->password) return HT_SUCCESS;
  *out = (ht_login){0};
  if (config) return read_login(config, arena, out);
  if (!home) return HT_SUCCESS;
  HT_TRY(read_login(ht_path_join(arena, home, ".config/kaggle"), arena, out));
  if (out->user) return HT_SUCCESS;
  return read_login(ht_path_join(arena, home, ".kaggle"), arena, out);
}
